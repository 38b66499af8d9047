//! Where clients are served: two keys for each port, or a part of a server line.

use super::members::{Address, Members};
use super::{Entries, Entry};
use crate::io::config::Config;
use crate::io::config::origin::{Origin, Problems};
use crate::io::config::table::{LISTEN, LISTEN_TLS};
use crate::io::config::value::{EVERYWHERE, NO_PORT, Value, is_host};

/// Reads them.
pub(super) fn read(config: &mut Config, entries: &Entries, members: &Members) {
    let keys = ("clientPort", "clientPortAddress");
    let own = members.clients.as_ref().zip(members.origin.as_ref());
    let plain = one(entries, keys, own, &mut config.problems);
    let keys = ("secureClientPort", "secureClientPortAddress");
    let own = members.secure.as_ref().zip(members.origin.as_ref());
    let secure = one(entries, keys, own, &mut config.problems);
    match (plain, &secure) {
        (Found::Address(address, origin), _) => config.give(&LISTEN, Value::Text(address), origin),
        (Found::Wrong, _) => {}
        // Apache's server has no plain port then either.
        (Found::Nothing, Found::Address(_, origin)) => {
            config.give(&LISTEN, Value::Text(NO_PORT.to_owned()), origin.clone());
        }
        (Found::Nothing, Found::Wrong) => {}
        (Found::Nothing, Found::Nothing) => {
            let text =
                "clientPort is missing: clients need a port to come to, such as clientPort=2181";
            config.problems.error(&whole(config), text);
        }
    }
    if let Found::Address(address, origin) = secure {
        config.give(&LISTEN_TLS, Value::Text(address), origin);
    }
}

/// What a pair of keys comes to.
enum Found {
    Address(String, Origin),
    Nothing,
    Wrong,
}

fn one(
    entries: &Entries,
    (port_key, host_key): (&str, &str),
    own: Option<(&Address, &Origin)>,
    problems: &mut Problems,
) -> Found {
    let host = match entries.get(host_key).filter(|entry| !entry.value.is_empty()) {
        None => None,
        Some(entry) => match host(&entry.value) {
            Some(host) => Some(host),
            None => {
                let text = format!("{host_key}: {:?}: write the address or the name", entry.value);
                problems.error(&entry.origin, format!("{text} of an interface, without a port"));
                return Found::Wrong;
            }
        },
    };
    let port = match entries.get(port_key).map(|entry| (entry, port(entry))) {
        Some((entry, None)) => {
            let text = format!("{port_key}: {:?}: write a number from 1 to 65535", entry.value);
            problems.error(&entry.origin, text);
            return Found::Wrong;
        }
        Some((entry, Some(port))) if port > 0 => Some((port, &entry.origin)),
        _ => None,
    };
    let (port, origin) = match (port, own) {
        (Some((port, origin)), Some((own, _))) if own.port != port => {
            let text =
                format!("{port_key}: the server line says {}; keep one of the two", own.port);
            problems.error(origin, text);
            return Found::Wrong;
        }
        (Some(found), _) => found,
        (None, Some((own, origin))) => (own.port, origin),
        (None, None) => return Found::Nothing,
    };
    let of_line = || own.and_then(|(own, _)| host_in_brackets(own.host.as_deref()?));
    // As Apache's server does.
    let host = host.or_else(of_line).unwrap_or_else(|| EVERYWHERE.to_owned());
    Found::Address(format!("{host}:{port}"), origin.clone())
}

fn port(entry: &Entry) -> Option<u16> {
    (!entry.value.starts_with('+')).then(|| entry.value.parse().ok()).flatten()
}

fn host(text: &str) -> Option<String> {
    let bare = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(text);
    host_in_brackets(bare)
}

fn host_in_brackets(host: &str) -> Option<String> {
    match host.parse::<std::net::Ipv6Addr>() {
        Ok(address) => Some(format!("[{address}]")),
        Err(_) => is_host(host).then(|| host.to_owned()),
    }
}

/// The file as a whole.
pub(super) fn whole(config: &Config) -> Origin {
    Origin::File { file: config.shared_name(), line: 1, key: String::new() }
}
