//! `docs/limits.md` is written from the rows below, and says what the code does: each default is the
//! constant's, each setting exists, each figure is one that `mntr` lists, and no constant is left out.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tenure::base::limits;
use tenure::server::Server;
use tenure_tests::apache::four_letter_word;

/// A limit: its constants in `base/limits.rs`, its default, its setting, its figure in `mntr`, and what
/// happens at it. A setting that begins with a bracket says why there is none.
struct Row {
    limit: &'static str,
    constants: &'static [&'static str],
    default: String,
    setting: &'static str,
    metric: &'static str,
    answer: &'static str,
}

fn row(
    (limit, constants): (&'static str, &'static [&'static str]),
    default: impl Into<String>,
    (setting, metric): (&'static str, &'static str),
    answer: &'static str,
) -> Row {
    Row { limit, constants, default: default.into(), setting, metric, answer }
}

fn bytes(count: impl TryInto<u64>) -> String {
    let count = count.try_into().ok().expect("a size");
    let in_units = |shift: u32| (count >> shift << shift == count).then_some(count >> shift);
    match (in_units(30), in_units(20), in_units(10)) {
        (Some(count), ..) => format!("{count} GiB"),
        (_, Some(count), _) => format!("{count} MiB"),
        (.., Some(count)) => format!("{count} KiB"),
        _ => format!("{} bytes", number(count)),
    }
}

fn seconds(length: Duration) -> String {
    format!("{} s", length.as_secs())
}

fn number(count: impl TryInto<u64>) -> String {
    let digits = count.try_into().ok().expect("a number").to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

const NO_SETTING: &str = "(none)";

const REFUSED_WATCH: &str = "`QuotaExceeded` (-125) instead of the answer; no watch is left. To watches \
    of an earlier connection the same answer, and the end of the connection";

fn connections_and_sessions() -> Vec<Row> {
    vec![
        row(
            ("connections of one address", &["CONNECTIONS_PER_ADDRESS"]),
            number(limits::CONNECTIONS_PER_ADDRESS),
            ("max_connections_per_address", "connection_rejected"),
            "closed without a byte",
        ),
        row(
            ("connections of all addresses", &["CONNECTIONS"]),
            number(limits::CONNECTIONS),
            ("max_connections", "connection_rejected"),
            "closed without a byte",
        ),
        row(
            (
                "time without a session: slow handshakes, with TLS or without",
                &["SESSIONLESS_TIMEOUT"],
            ),
            seconds(limits::SESSIONLESS_TIMEOUT),
            ("sessionless_timeout", "sessionless_connections_expired"),
            "closed without a byte",
        ),
        row(
            ("TLS handshakes under way", &["TLS_HANDSHAKES"]),
            number(limits::TLS_HANDSHAKES),
            ("ServerTls::handshakes", "tls_handshake_exceeded"),
            "closed without a byte",
        ),
        row(
            ("bytes of the answer to one four-letter word", &["WORD_BYTES"]),
            bytes(limits::WORD_BYTES as u64),
            (NO_SETTING, "words_cut"),
            "the list is cut, and its last line says what is left out",
        ),
        row(
            ("bytes of all such answers in a second", &["WORD_BYTES_PER_SECOND"]),
            bytes(limits::WORD_BYTES_PER_SECOND as u64),
            (NO_SETTING, "words_refused"),
            "a sentence instead of the list",
        ),
        row(
            ("sessions of all clients", &["SESSIONS"]),
            number(limits::SESSIONS),
            ("max_sessions", "sessions_refused"),
            "closed without a byte, so that the client tries elsewhere and believes in no expiry; \
             who has a session gets it back",
        ),
        row(
            ("sessions of one identity", &["SESSIONS_PER_IDENTITY"]),
            number(limits::SESSIONS_PER_IDENTITY),
            ("max_sessions_per_identity", "sessions_refused"),
            "the same",
        ),
    ]
}

fn frames() -> Vec<Row> {
    vec![
        row(
            ("length of a frame", &["MAX_FRAME", "MOST_FRAME"]),
            format!(
                "{}, settable up to {}",
                bytes(limits::MAX_FRAME as u64),
                bytes(limits::MOST_FRAME as u64)
            ),
            ("max_frame", "large_requests_rejected"),
            "closed without a byte; nothing is allocated for what is announced",
        ),
        row(
            ("time from the first byte of a frame to its last", &["FRAME_TIMEOUT"]),
            seconds(limits::FRAME_TIMEOUT),
            ("frame_timeout", "connections_cut_incomplete"),
            "the connection is cut, after an eighth more at most; the session stays",
        ),
        row(
            ("bytes of frames that are not whole", &["INCOMPLETE_BYTES", "INCOMPLETE_FREE"]),
            bytes(limits::INCOMPLETE_BYTES as u64),
            ("max_incomplete_bytes", "incomplete_bytes"),
            "not read beyond 4 KiB of a frame until others are done or cut",
        ),
        row(
            ("length of an answer", &["MAX_REPLY"]),
            bytes(limits::MAX_REPLY as u64),
            ("max_reply", "large_replies_refused"),
            "`MarshallingError` (-5)",
        ),
        row(
            ("answers that wait for clients to read", &["OUTSTANDING"]),
            number(limits::OUTSTANDING as u64),
            ("outstanding_limit", "outstanding_requests"),
            "clients that are behind are read no further",
        ),
        row(
            ("bytes of answers that wait for one client to read", &["OUTBOX_PAUSE"]),
            bytes(limits::OUTBOX_PAUSE as u64),
            (NO_SETTING, "unread_bytes"),
            "it is read no further until half of them are sent",
        ),
        row(
            ("bytes of events that wait for one client to read", &["OUTBOX_CLOSE"]),
            bytes(limits::OUTBOX_CLOSE as u64),
            ("max_unread_events", "connections_cut_unread"),
            "the connection is cut; the session stays",
        ),
        row(
            ("bytes that wait for all clients to read", &["UNREAD_BYTES", "UNREAD_FREE"]),
            bytes(limits::UNREAD_BYTES as u64),
            ("max_unread_bytes", "throttled_ops"),
            "`ThrottledOp` (-127) to reads with answers above 4 KiB; 1 MiB of events cuts a connection",
        ),
    ]
}

fn requests() -> Vec<Row> {
    vec![
        row(
            ("requests of one connection under way", &["LINE_REQUESTS"]),
            number(limits::LINE_REQUESTS as u64),
            ("max_requests_per_connection", "request_throttle_wait_count"),
            "it is read no further until some are done",
        ),
        row(
            ("bytes of them", &["LINE_BYTES"]),
            bytes(limits::LINE_BYTES as u64),
            ("max_request_bytes_per_connection", "request_throttle_wait_count"),
            "the same",
        ),
        row(
            ("reads among them that wait for a write", &["LINE_TURNS"]),
            number(limits::LINE_TURNS as u64),
            (NO_SETTING, "request_throttle_wait_count"),
            "the same",
        ),
        row(
            ("bytes of answers to them that wait together", &["LINE_ANSWERS"]),
            bytes(limits::LINE_ANSWERS as u64),
            (NO_SETTING, "throttled_ops"),
            "`ThrottledOp` (-127) to those with answers above 4 KiB",
        ),
        row(
            ("bytes of requests of all connections under way", &["UNDER_WAY_BYTES"]),
            bytes(limits::UNDER_WAY_BYTES as u64),
            ("max_request_bytes", "under_way_bytes"),
            "connections that have some are read no further",
        ),
        row(
            ("the same, overloaded", &["REFUSE_AT"]),
            format!("{} times as many", limits::REFUSE_AT),
            ("max_request_bytes", "throttled_ops"),
            "`ThrottledOp` (-127) to writes that need room, and to reads behind writes; from one \
             time more on to deletes. Never to heartbeats, re-attaches and closes",
        ),
        row(
            ("age of the oldest write under way", &["UNDER_WAY_AGE"]),
            seconds(limits::UNDER_WAY_AGE),
            ("throttle_after", "throttled_ops"),
            "`ThrottledOp` (-127) to writes that need room",
        ),
        row(
            ("bytes free on the disk", &["LEAST_FREE"]),
            bytes(limits::LEAST_FREE),
            ("least_free", "disk_full"),
            "`NotReadOnly` (-119) to writes that need room",
        ),
        row(
            ("bytes of the log's own room, once there is no other", &["RESERVE_FOR_REQUESTS"]),
            bytes(limits::RESERVE_FOR_REQUESTS),
            (NO_SETTING, "disk_full"),
            "`NotReadOnly` (-119) to deletes as well, and new sessions are closed without a byte; \
             sessions still end",
        ),
        row(
            ("log lines of one kind about limits", &["LOG_REPEAT"]),
            format!("one in {}", seconds(limits::LOG_REPEAT)),
            ("log_repeat", "log_lines_suppressed"),
            "the next line says how many there were",
        ),
    ]
}

fn watches_and_ephemerals() -> Vec<Row> {
    vec![
        row(
            ("watches of one session", &["WATCHES_PER_SESSION"]),
            number(limits::WATCHES_PER_SESSION as u64),
            ("max_watches_per_session", "watches_refused"),
            REFUSED_WATCH,
        ),
        row(
            ("bytes of them", &["WATCH_BYTES_PER_SESSION"]),
            bytes(limits::WATCH_BYTES_PER_SESSION as u64),
            ("max_watch_bytes_per_session", "watches_refused"),
            "the same",
        ),
        row(
            ("watches of one identity", &["WATCHES_PER_IDENTITY"]),
            number(limits::WATCHES_PER_IDENTITY as u64),
            ("max_watches_per_identity", "watches_refused"),
            "the same",
        ),
        row(
            ("bytes of them", &["WATCH_BYTES_PER_IDENTITY"]),
            bytes(limits::WATCH_BYTES_PER_IDENTITY as u64),
            ("max_watch_bytes_per_identity", "watches_refused"),
            "the same",
        ),
        row(
            ("watches of all clients", &["WATCHES"]),
            number(limits::WATCHES as u64),
            ("max_watches", "watches_refused"),
            "the same",
        ),
        row(
            ("bytes of them", &["WATCH_BYTES"]),
            bytes(limits::WATCH_BYTES as u64),
            ("max_watch_bytes", "watches_refused"),
            "the same",
        ),
        row(
            ("ephemerals of one session", &["EPHEMERALS_PER_SESSION"]),
            number(limits::EPHEMERALS_PER_SESSION),
            ("max_ephemerals_per_session", "ephemerals_refused"),
            "`QuotaExceeded` (-125); exact",
        ),
        row(
            ("bytes of their paths and data", &["EPHEMERAL_BYTES_PER_SESSION"]),
            bytes(limits::EPHEMERAL_BYTES_PER_SESSION),
            ("max_ephemeral_bytes_per_session", "ephemerals_refused"),
            "the same; who sets the data does not matter",
        ),
        row(
            ("values that one session binds to itself", &["SESSION_VALUES"]),
            number(limits::SESSION_VALUES),
            ("max_session_values", "ephemerals_refused"),
            "`QuotaExceeded` (-125); exact. 0 stands for none: `Unimplemented` (-6)",
        ),
        row(
            (
                "bytes of their names, data and access control lists",
                &["SESSION_VALUE_BYTES", "MOST_SESSION_VALUE_BYTES"],
            ),
            format!(
                "{}, settable up to {}",
                bytes(limits::SESSION_VALUE_BYTES),
                bytes(limits::MOST_SESSION_VALUE_BYTES)
            ),
            ("max_session_value_bytes", "ephemerals_refused"),
            "`QuotaExceeded` (-125); exact",
        ),
        row(
            (
                "ephemerals of one identity, and values of its sessions",
                &["EPHEMERALS_PER_IDENTITY"],
            ),
            number(limits::EPHEMERALS_PER_IDENTITY),
            ("max_ephemerals_per_identity", "ephemerals_refused"),
            "`QuotaExceeded` (-125); what is under way when the limit is reached comes on top",
        ),
        row(
            ("bytes of their paths and data", &["EPHEMERAL_BYTES_PER_IDENTITY"]),
            bytes(limits::EPHEMERAL_BYTES_PER_IDENTITY),
            ("max_ephemeral_bytes_per_identity", "ephemerals_refused"),
            "the same",
        ),
    ]
}

fn identities() -> Vec<Row> {
    vec![
        row(
            ("identities of one connection", &["IDENTITIES"]),
            number(limits::IDENTITIES as u64),
            (NO_SETTING, "auth_failed_count"),
            "as a failed authentication: `AuthFailed` (-115), and the end of the connection",
        ),
        row(
            ("bytes of them", &["IDENTITY_BYTES"]),
            bytes(limits::IDENTITY_BYTES as u64),
            (NO_SETTING, "auth_failed_count"),
            "the same",
        ),
        row(
            ("logins by SASL that fail on one connection", &["FAILED_LOGINS"]),
            number(limits::FAILED_LOGINS as u64),
            (NO_SETTING, "auth_failed_count"),
            "the end of the connection",
        ),
    ]
}

/// Constants that are no limits on what clients may have: lengths of what is read otherwise, times and
/// amounts of work, and what a client limits itself.
const OTHERS: &[&str] = &[
    "ACL_BYTES",
    "ACL_ENTRIES",
    "APACHE_RECORD",
    "AUDIT_BYTES",
    "BACKLOG",
    "CLIENT_REQUESTS",
    "CRASH_GRACE",
    "CRASH_GRACE_LEAST",
    "ENDED_SESSIONS",
    "FORMER_SESSIONS",
    "MAX_REQUEST",
    "MAX_SESSION_TICKS",
    "MIN_SESSION_TICKS",
    "PEM_FILE",
    "QUOTAS_SHOWN",
    "QUOTA_LINES",
    "QUOTA_NAMESPACES",
    "READ_CHUNK",
    "REAP_INTERVAL",
    "REAP_MOST",
    "SASL_NAME",
    "SASL_TOKEN",
    "SCRAM_FEWEST_ROUNDS",
    "SCRAM_MOST_ROUNDS",
    "SCRAM_ROUNDS",
    "SESSION_EVENTS",
    "SESSION_TIMEOUT",
    "SET_WATCHES_BYTES",
    "SLOW_SYNC",
    "SNAPSHOTS_KEPT",
    "SNAPSHOT_AGE",
    "SNAPSHOT_BYTES",
    "SNAPSHOT_TXNS",
    "STALL",
    "TICK",
    "TLS_COMPLAINT",
    "TLS_LOOK",
    "VIEW_READS",
    "VIEW_RETRY",
    "WATCH_BUFFER",
    "WINDOW_BYTES",
    "WINDOW_REPLIES",
];

const PREFACE: &str = "\
# What clients may have, and what happens beyond it

Every limit that keeps one client, or many, from taking a server's memory or time from the others. The
table is written by a test from the code (`TENURE_BLESS=1 cargo test -p tenure --test limits_page`);
defaults stand in `core/src/base/limits.rs`. A setting is a method of the server's builder of that name; 0
stands for any number, unless its row says otherwise. A figure is a line of `mntr` with `zk_` before it. It
counts how often the limit was reached, or says how much there is.

**One identity** is a name that was verified, by SASL or by a client's certificate; without one it is the
address, of IPv6 the first 64 bits. A digest identity is none: anybody can make up another. A session counts
for the identity of the connection that opened it or took it over last, and after a restart for nobody until
it is taken over.

**Back-pressure comes first.** A client that sends faster than the disk writes, or does not read, is read no
further, and nothing else happens to it. Requests are refused only where that does not help: against
connections so many that a little of each is too much, and a disk that stands still. Then what needs room
(create, set, setACL, a multi with any of them) is refused before what makes some. **Heartbeats are
answered at once**, whatever waits. Closes, expiries and clients that come back go before what other
sessions have sent: they wait for the round of writes that is on its way, and for what their own session
sent before. The other sessions' writes take turns, so that who sends one does not wait for all of who sends
thousands.

`QuotaExceeded` says that the asker has as much as it may: to ask again does not help, to remove something
does. `ThrottledOp` says that the server has too much to do: to ask again later does help.
";

fn page() -> String {
    let mut out = PREFACE.to_owned();
    let parts = [
        ("Connections and sessions", connections_and_sessions()),
        ("Bytes in and out", frames()),
        ("Requests under way", requests()),
        ("Watches and ephemerals", watches_and_ephemerals()),
        ("Identities", identities()),
    ];
    for (title, rows) in parts {
        out.push_str(&format!(
            "\n## {title}\n\n| limit | default | setting | figure | beyond it |\n|---|---|---|---|---|\n"
        ));
        for Row { limit, default, setting, metric, answer, .. } in rows {
            let setting =
                if setting == NO_SETTING { "none".into() } else { format!("`{setting}`") };
            out.push_str(&format!("| {limit} | {default} | {setting} | `{metric}` | {answer} |\n"));
        }
    }
    out
}

fn rows() -> impl Iterator<Item = Row> {
    [connections_and_sessions(), frames(), requests(), watches_and_ephemerals(), identities()]
        .into_iter()
        .flatten()
}

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn text(path: &Path) -> String {
    if path.is_file() {
        return fs::read_to_string(path).expect("it is readable");
    }
    let entries = fs::read_dir(path).expect("it is a folder");
    entries.map(|entry| text(&entry.expect("it is readable").path())).collect()
}

#[test]
fn the_page_is_fresh() {
    let file = home().join("../docs/limits.md");
    if std::env::var_os("TENURE_BLESS").is_some() {
        fs::write(&file, page()).expect("the page can be written");
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == page(),
        "docs/limits.md is stale: TENURE_BLESS=1 cargo test -p tenure --test limits_page"
    );
}

#[test]
fn every_constant_is_a_limit_of_the_page_or_said_to_be_none() {
    let source = text(&home().join("src/base/limits.rs"));
    let constants: BTreeSet<&str> = source
        .lines()
        .filter_map(|line| line.strip_prefix("pub const ")?.split(':').next())
        .collect();
    let known: BTreeSet<&str> =
        rows().flat_map(|row| row.constants).chain(OTHERS).copied().collect();
    assert_eq!(constants, known, "each has a row here, or a place among the others");
}

#[test]
fn every_setting_is_there() {
    let source = text(&home().join("src/io/server")) + &text(&home().join("src/io/tls"));
    for setting in rows().map(|row| row.setting).filter(|&setting| setting != NO_SETTING) {
        let method = setting.trim_start_matches("ServerTls::");
        assert!(source.contains(&format!("pub fn {method}(mut self")), "{setting}");
    }
}

#[test]
fn every_figure_is_listed() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::builder().data_dir(directory.path()).start().expect("a free port");
    let listed = four_letter_word(server.addr(), b"mntr").expect("an answer");
    for metric in rows().map(|row| row.metric) {
        assert!(listed.contains(&format!("zk_{metric}\t")), "{metric}");
    }
}
