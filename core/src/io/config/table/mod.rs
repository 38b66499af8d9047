//! The table of settings: each has one row, and the flags, the environment, both forms of file, the
//! report and `docs/configuration.md` are made from it.

mod identity;
mod limits;
mod network;
mod state;
mod tls;

pub use identity::*;
pub use limits::*;
pub use network::*;
pub use state::*;
pub use tls::*;

use super::setting::Setting;

/// All settings, in the order in which they are shown.
pub static TABLE: &[&Setting] = &[
    &LISTEN,
    &LISTEN_TLS,
    &TLS_ON_SAME_PORT,
    &BACKLOG,
    &KEEP_ALIVE,
    &WORKERS,
    &DATA,
    &CREATE_DATA,
    &LEAST_FREE,
    &SLOW_SYNC,
    &SNAPSHOT_AFTER_TXNS,
    &SNAPSHOT_AFTER_BYTES,
    &SNAPSHOT_AFTER,
    &SNAPSHOTS_KEPT,
    &TICK,
    &MIN_SESSION_TIMEOUT,
    &MAX_SESSION_TIMEOUT,
    &CRASH_DETECTION,
    &SERVER_ID,
    &SESSION_DIRECTORY,
    &SESSION_READERS,
    &CONNECTIONS_PER_ADDRESS,
    &CONNECTIONS,
    &SESSIONS,
    &SESSIONS_PER_IDENTITY,
    &MAX_FRAME,
    &OUTSTANDING,
    &SESSIONLESS,
    &WATCHES_PER_SESSION,
    &WATCH_BYTES_PER_SESSION,
    &WATCHES_PER_IDENTITY,
    &WATCH_BYTES_PER_IDENTITY,
    &WATCHES,
    &WATCH_BYTES,
    &EPHEMERALS_PER_SESSION,
    &EPHEMERAL_BYTES_PER_SESSION,
    &EPHEMERALS_PER_IDENTITY,
    &EPHEMERAL_BYTES_PER_IDENTITY,
    &SESSION_VALUES,
    &SESSION_VALUE_BYTES,
    &FRAME_TIMEOUT,
    &INCOMPLETE_BYTES,
    &REQUESTS_PER_CONNECTION,
    &REQUEST_BYTES_PER_CONNECTION,
    &REQUEST_BYTES,
    &THROTTLE_AFTER,
    &MAX_REPLY,
    &UNREAD_EVENT_BYTES,
    &UNREAD_BYTES,
    &LOG_REPEAT,
    &EXTENDED_TYPES,
    &REAP_INTERVAL,
    &REAP_MOST,
    &NEVER_USED_CONTAINERS,
    &SKIP_ACL,
    &ENFORCE_QUOTA,
    &TLS_CERTIFICATE,
    &TLS_KEY,
    &TLS_CLIENT_CA,
    &TLS_CLIENT_AUTH,
    &TLS_OLDEST,
    &TLS_NEWEST,
    &TLS_HANDSHAKES,
    &TLS_RELOAD,
    &DIGEST,
    &DIGEST_ALGORITHM,
    &SUPER_DIGEST,
    &SUPER_X509,
    &SUPER_SASL,
    &SASL_USERS,
    &JAAS,
    &JAAS_SECTION,
    &SCRAM_ONLY,
    &ALLOW_FAILED_SASL,
    &REQUIRE_AUTH,
    &ENSEMBLE_NAMES,
    &WORDS,
    &AUDIT,
];

/// The setting at this place of a TOML file.
pub fn at(path: &str) -> Option<&'static Setting> {
    TABLE.iter().copied().find(|setting| setting.path == path)
}

/// The setting that a key of `zoo.cfg` stands for.
pub fn of_key(key: &str) -> Option<(&'static Setting, super::setting::Form)> {
    TABLE.iter().find_map(|setting| {
        let known = setting.keys.iter().find(|known| stands_for(known.name, key))?;
        Some((*setting, known.form))
    })
}

/// Whether a key is the one of this name; `N` behind a point stands for anything.
fn stands_for(name: &str, key: &str) -> bool {
    match name.strip_suffix(".N") {
        Some(stem) => {
            key.strip_prefix(stem).is_some_and(|rest| rest.len() > 1 && rest.starts_with('.'))
        }
        None => name == key,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::setting::{Setting, Standard};
    use super::super::value::Kind;
    use super::*;

    #[test]
    fn no_two_settings_share_a_name() {
        let mut names = BTreeSet::new();
        for setting in TABLE {
            let mut own = vec![setting.path.to_owned(), format!("--{}", setting.name)];
            // One store of keys has a certificate and its key, and one list two ends.
            let is_second = ["tls.key", "tls.newest_version"].contains(&setting.path);
            let keys = setting.keys.iter().filter(|_| !is_second);
            own.extend(keys.map(|key| key.name.to_owned()));
            for name in own {
                assert!(names.insert(name.clone()), "{name} stands twice");
            }
        }
    }

    #[test]
    fn every_row_is_well_formed() {
        for Setting { path, name, kind, default, about, .. } in TABLE.iter().copied() {
            let is_plain = |byte: u8| byte.is_ascii_lowercase() || b"0123456789_.".contains(&byte);
            assert!(path.bytes().all(is_plain), "{path}");
            assert!(name.bytes().all(|byte| is_plain(byte) || byte == b'-'), "{name}");
            assert!(about.ends_with('.'), "{path} says no whole sentence");
            match (kind, default) {
                (Kind::Number(least, most, _), Standard::Number(number)) => {
                    assert!((least..=most).contains(&number), "the default of {path}");
                }
                (Kind::Number(..) | Kind::Bool, Standard::Words(_)) => {}
                (Kind::Bool, Standard::Bool(_)) => {}
                (_, Standard::Text(text)) => {
                    kind.parse(text).unwrap_or_else(|why| panic!("the default of {path} is {why}"));
                }
                (_, Standard::Words(_)) => {}
                other => panic!("{path}: {other:?}"),
            }
        }
    }
}
