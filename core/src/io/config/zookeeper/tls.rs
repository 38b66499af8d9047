//! `ssl.*`: TLS towards clients. Key stores have to be PEM; what is in them is looked at in
//! [`check`](super::super::check).

use super::Entries;
use super::without_effect::with_place;
use crate::io::config::Config;
use crate::io::config::origin::Problems;
use crate::io::config::table::{TLS_CERTIFICATE, TLS_KEY, TLS_NEWEST, TLS_OLDEST};
use crate::io::config::value::{Value, shown};

/// Keys that ask for a protection that there is none of here: to pass over them would be to do less
/// than was asked for.
const MISSING: &[(&str, &str)] = &[
    (
        "ssl.crl",
        "tenure looks at no revocation lists; use certificates that are valid for a short time",
    ),
    (
        "ssl.ocsp",
        "tenure asks nobody about revocation; use certificates that are valid for a short time",
    ),
    (
        "ssl.clientHostnameVerification",
        "tenure does not compare a client's address with its certificate",
    ),
];

/// Keys that have no effect, with the reason.
const IDLE: &[(&[&str], &str)] = &[
    (
        &["ssl.ciphersuites", "ssl.sslProvider", "ssl.context.supplier.class"],
        "TLS 1.2 and 1.3 are spoken with cipher suites that are safe today",
    ),
    (
        &[
            "ssl.keyStore.password",
            "ssl.keyStore.passwordPath",
            "ssl.keyStore.type",
            "ssl.trustStore.password",
            "ssl.trustStore.passwordPath",
            "ssl.trustStore.type",
        ],
        "key stores are PEM files without a password",
    ),
    (
        &[
            "ssl.hostnameVerification",
            "ssl.allowReverseDnsLookup",
            "ssl.handshakeDetectionTimeoutMillis",
            "ssl.authProvider",
        ],
        "about clients, or what is so anyway",
    ),
];

/// Whether a key is of this family and is read here.
pub(super) fn is_one(key: &str) -> bool {
    IDLE.iter().any(|(keys, _)| keys.contains(&key))
        || MISSING.iter().any(|(missing, _)| *missing == key)
}

/// Keys without effect, with the reason.
pub(super) fn all() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    IDLE.iter().map(|(keys, reason)| (*reason, keys.to_vec()))
}

/// All names, for suggestions.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    MISSING.iter().map(|(key, _)| *key)
}

/// Reads them.
pub(super) fn read(config: &mut Config, entries: &Entries) {
    if let Some(store) = entries.get("ssl.keyStore.location") {
        config.give_text(&TLS_CERTIFICATE, &store.value, store.origin.clone());
        if !store.value.is_empty() {
            config.give_text(&TLS_KEY, &store.value, store.origin.clone());
        }
    }
    refuse_missing(entries, &mut config.problems);
    read_versions(config, entries);
    for (keys, reason) in IDLE {
        let found: Vec<_> = keys.iter().filter_map(|key| entries.get_key_value(*key)).collect();
        let Some((_, first)) = found.first() else { continue };
        let keys: Vec<_> = found.iter().map(|(key, it)| with_place(key, &it.origin)).collect();
        let text = format!("without effect: {}: {reason}", keys.join(", "));
        config.problems.note(&first.origin, text);
    }
}

/// `ssl.enabledProtocols` is a list; without it `ssl.protocol` says the newest.
fn read_versions(config: &mut Config, entries: &Entries) {
    let (entry, listed) = match (entries.get("ssl.enabledProtocols"), entries.get("ssl.protocol")) {
        (Some(entry), _) => (entry, entry.value.clone()),
        (None, Some(entry)) if entry.value.eq_ignore_ascii_case("TLSv1.2") => {
            (entry, entry.value.clone())
        }
        (None, Some(entry)) => (entry, format!("TLSv1.2,{}", entry.value)),
        (None, None) => return,
    };
    let (mut known, mut others) = (Vec::new(), Vec::new());
    for name in listed.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        match name {
            "TLSv1.2" => known.push("1.2"),
            "TLSv1.3" => known.push("1.3"),
            // Whatever there is.
            "TLS" => known.extend(["1.2", "1.3"]),
            other => others.push(shown(other)),
        }
    }
    let origin = entry.origin.clone();
    let (Some(oldest), Some(newest)) = (known.iter().min(), known.iter().max()) else {
        let text = format!("{}: write TLSv1.2, TLSv1.3 or both", origin.key());
        config.problems.error(&origin, text);
        return;
    };
    if !others.is_empty() {
        let text = format!("{}: not spoken: {}", origin.key(), others.join(", "));
        config.problems.warn(&origin, text);
    }
    config.give(&TLS_OLDEST, Value::Text((*oldest).to_owned()), origin.clone());
    config.give(&TLS_NEWEST, Value::Text((*newest).to_owned()), origin);
}

fn refuse_missing(entries: &Entries, problems: &mut Problems) {
    for (key, reason) in MISSING {
        let Some(entry) = entries.get(*key) else { continue };
        match entry.value.to_ascii_lowercase().as_str() {
            "false" => {}
            "true" => {
                let text = format!("{key}: {reason}, or remove the line");
                problems.error(&entry.origin, text);
            }
            _ => {
                let text = format!("{key}: {:?}: write true or false", entry.value);
                problems.error(&entry.origin, text);
            }
        }
    }
}
