//! The table of settings: each has one row, and the flags, the environment, both forms of file, the
//! report and `docs/configuration.md` are made from it.

mod network;
mod state;

pub use network::*;
pub use state::*;

use super::setting::Setting;

/// All settings, in the order in which they are shown.
pub static TABLE: &[&Setting] = &[
    &LISTEN,
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
    &SERVER_ID,
    &CONNECTIONS_PER_ADDRESS,
    &MAX_FRAME,
    &OUTSTANDING,
    &SESSIONLESS,
    &EXTENDED_TYPES,
    &REAP_INTERVAL,
    &REAP_MOST,
    &NEVER_USED_CONTAINERS,
];

/// The setting at this place of a TOML file.
pub fn at(path: &str) -> Option<&'static Setting> {
    TABLE.iter().copied().find(|setting| setting.path == path)
}

/// The setting that a key of `zoo.cfg` stands for.
pub fn of_key(key: &str) -> Option<(&'static Setting, super::setting::Form)> {
    TABLE.iter().find_map(|setting| {
        let key = setting.keys.iter().find(|it| it.name == key)?;
        Some((*setting, key.form))
    })
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
            own.extend(setting.keys.iter().map(|key| key.name.to_owned()));
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
