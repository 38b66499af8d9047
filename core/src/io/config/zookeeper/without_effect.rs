//! Keys that servers of Apache ZooKeeper know and that have no effect here, each with the reason. They
//! are accepted, so that a file can be taken over as it is, and never in silence.

use super::Entry;
use crate::io::config::origin::{Origin, Problems, Severity};

/// Keys with one reason. A name that ends in `*` stands for all that begin like it.
struct Reason {
    severity: Severity,
    text: &'static str,
    keys: &'static [&'static str],
}

const REASONS: &[Reason] = &[
    Reason {
        severity: Severity::Note,
        text: "about ensembles, and this release of tenure runs one server alone",
        keys: &[
            "initLimit",
            "syncLimit",
            "connectToLearnerMasterLimit",
            "commitLogCount",
            "leaderServes",
            "group.*",
            "weight.*",
            "electionAlg",
            "quorumListenOnAllIPs",
            "cnxTimeout",
            "quorumCnxnTimeoutMs",
            "tcpKeepAlive",
            "electionPortBindRetry",
            "observerMasterPort",
            "syncEnabled",
            "observer.*",
            "quorum.*",
            "sslQuorum",
            "portUnification",
            "sslQuorumReloadCertFiles",
            "ssl.quorum.*",
            "multiAddress.*",
            "oraclePath",
            "fastleader.*",
            "leader.*",
            "learner.*",
            "db.autocreate",
            "localSessionsEnabled",
            "localSessionsUpgradingEnabled",
            "readonlymode.enabled",
            "reconfigEnabled",
        ],
    },
    Reason {
        severity: Severity::Note,
        text: "about the inside of Apache's server, and tenure has no such part",
        keys: &[
            "preAllocSize",
            "txnLogSizeLimitInKb",
            "flushDelay",
            "maxWriteQueuePollTime",
            "maxBatchSize",
            "maxResponseCacheSize",
            "maxGetChildrenResponseCacheSize",
            "jute.maxbuffer.extrasize",
            "closeSessionTxn.enabled",
            "enableEagerACLCheck",
            "digest.enabled",
            "serializeLastProcessedZxid.enabled",
            "snapshot.compression.method",
            "snapshot.trust.empty",
            "serverCnxnFactory",
            "nio.*",
            "netty.*",
            "commitProcessor.*",
            "watchManagerName",
            "watcherClean*",
            "bitHashCacheSize",
            "maxInProcessingDeadWatchers",
            "jvm.pause.*",
            "pathStats.*",
            "largeRequestMaxBytes",
            "largeRequestThreshold",
            "request_throttle_*",
            "requestStale*",
            "requestThrottle*",
            "throttledOpWaitTime",
            "connection_throttle_*",
            "connectionMaxTokens",
            "connectionTokenFillTime",
            "connectionTokenFillCount",
            "connectionFreezeTime",
            "connectionDropIncrease",
            "connectionDropDecrease",
            "connectionDecreaseRatio",
            "kerberos.*",
            "fips-mode",
            "log.*",
            "root.logger",
            "console.threshold",
            "jmx.*",
        ],
    },
    Reason {
        severity: Severity::Note,
        text: "about an HTTP interface, which this release of tenure does not have; `echo mntr | nc` \
               has the figures",
        keys: &["admin.*", "metricsProvider.*"],
    },
];

/// Keys that Apache's server refuses to start with unless they are whole numbers.
const NUMBERS: &[&str] = &[
    "initLimit",
    "syncLimit",
    "connectToLearnerMasterLimit",
    "electionAlg",
    "observerMasterPort",
    "electionPortBindRetry",
    "preAllocSize",
];

/// Keys that it refuses to start with unless they are `true` or `false`.
const BOOLEANS: &[&str] = &[
    "reconfigEnabled",
    "localSessionsEnabled",
    "localSessionsUpgradingEnabled",
    "quorumListenOnAllIPs",
    "syncEnabled",
    "sslQuorum",
    "portUnification",
    "sslQuorumReloadCertFiles",
    "multiAddress.enabled",
    "tcpKeepAlive",
    "readonlymode.enabled",
    "admin.enableServer",
    "digest.enabled",
];

/// Keys of that kind that were found.
#[derive(Default)]
pub(super) struct Idle {
    found: Vec<(usize, String, Origin)>,
}

impl Idle {
    /// Takes a key that is known to have no effect; returns false if it is none.
    pub fn take(&mut self, key: &str, entry: &Entry, problems: &mut Problems) -> bool {
        if let Some(known) = by_value(key, entry, problems) {
            return known;
        }
        let Some(reason) = REASONS.iter().position(|it| it.keys.iter().any(|it| fits(it, key)))
        else {
            return false;
        };
        let value = entry.value.as_str();
        let is_bool = value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false");
        if NUMBERS.contains(&key) && value.parse::<i64>().is_err() {
            let text = format!("{key}: {value:?}: write a whole number, or remove the line");
            problems.error(&entry.origin, text);
        } else if BOOLEANS.contains(&key) && !is_bool {
            let text = format!("{key}: {value:?}: write true or false, or remove the line");
            problems.error(&entry.origin, text);
        } else {
            self.found.push((reason, key.to_owned(), entry.origin.clone()));
        }
        true
    }

    /// One line for each reason.
    pub fn report(&self, problems: &mut Problems) {
        for (number, reason) in REASONS.iter().enumerate() {
            let own = || self.found.iter().filter(|(it, _, _)| *it == number);
            let Some((_, _, first)) = own().next() else { continue };
            let keys: Vec<_> = own().map(|(_, key, origin)| with_place(key, origin)).collect();
            let text = format!("without effect: {}: {}", keys.join(", "), reason.text);
            match reason.severity {
                Severity::Note => problems.note(first, text),
                Severity::Warning => problems.warn(first, text),
                Severity::Error => problems.error(first, text),
            }
        }
    }
}

/// A key with the line it stands on.
pub(super) fn with_place(key: &str, origin: &Origin) -> String {
    match origin.line() {
        0 => format!("{key} ({origin})"),
        line => format!("{key} (line {line})"),
    }
}

/// Keys whose value decides whether there is anything to say.
fn by_value(key: &str, entry: &Entry, problems: &mut Problems) -> Option<bool> {
    let (value, origin) = (entry.value.as_str(), &entry.origin);
    match (key, value) {
        ("forceSync", "no") => problems.warn(
            origin,
            "forceSync=no has no effect: tenure answers a write when it is on the disk, always",
        ),
        ("forceSync", "yes") | ("emulate353TTLNodes", "false") => {}
        ("forceSync", _) => {
            problems.error(origin, format!("forceSync: {value:?}: write yes, or remove the line"));
        }
        ("autopurge.purgeInterval", _) => problems.note(
            origin,
            "autopurge.purgeInterval has no effect: old snapshots go as soon as there are newer ones, \
             and autopurge.snapRetainCount says how many are kept",
        ),
        ("emulate353TTLNodes", _) => problems.warn(
            origin,
            "emulate353TTLNodes has no effect: `tenure import` reads the TTL znodes of release 3.5.3 \
             by itself",
        ),
        _ => return None,
    }
    Some(true)
}

/// All of them, with the reason.
pub(super) fn all() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    REASONS.iter().map(|reason| (reason.text, reason.keys.to_vec()))
}

/// All names, for suggestions.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let plain = REASONS.iter().flat_map(|reason| reason.keys).copied();
    let others = ["forceSync", "autopurge.purgeInterval", "standaloneEnabled", "dynamicConfigFile"];
    plain.filter(|name| !name.ends_with('*')).chain(others)
}

fn fits(name: &str, key: &str) -> bool {
    match name.strip_suffix('*') {
        Some(beginning) => key.starts_with(beginning),
        None => name == key,
    }
}
