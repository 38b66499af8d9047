//! The lines that name the members of an ensemble. This release runs one server alone, so there is at
//! most one of them; what is of use in it is the client port.

use std::sync::Arc;

use super::{Entries, in_order, of_file};
use crate::io::config::Text;
use crate::io::config::origin::{Origin, Problems};
use crate::io::config::value::is_host;

/// The one member, if there is a line for it.
#[derive(Clone, Default, Debug)]
pub(super) struct Members {
    /// Where it serves clients, if the line says so.
    pub clients: Option<Address>,
    /// The same over TLS.
    pub secure: Option<Address>,
    /// Where the line stands.
    pub origin: Option<Origin>,
}

/// A port, and the interface if one is named.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Address {
    pub host: Option<String>,
    pub port: u16,
}

/// Whether a key is about members.
pub(super) fn is_one(key: &str) -> bool {
    id(key).is_some() || ["dynamicConfigFile", "standaloneEnabled", "peerType"].contains(&key)
}

fn id(key: &str) -> Option<&str> {
    key.strip_prefix("server.")
}

/// Reads the lines of the file itself, and of the one that `dynamicConfigFile` names.
pub(super) fn of(entries: &Entries, dynamic: Option<&Text>, problems: &mut Problems) -> Members {
    let mut all = entries.clone();
    all.retain(|key, _| id(key).is_some());
    if let (Some(reference), Some(dynamic)) = (entries.get("dynamicConfigFile"), dynamic) {
        if !all.is_empty() {
            let text =
                "dynamicConfigFile: there are server lines in this file too; remove them, or it";
            problems.error(&reference.origin, text);
        }
        let mut others = of_file(problems, &Arc::from(dynamic.name.as_str()), &dynamic.bytes);
        others.retain(|key, _| id(key).is_some());
        all.extend(others);
    }
    let lines = in_order(&all);
    check_mode(entries, lines.len(), problems);
    let Some((key, entry)) = lines.first().copied() else { return Members::default() };
    if lines.len() > 1 {
        let keys: Vec<_> = lines.iter().map(|(key, _)| *key).collect();
        let text = format!(
            "{} name an ensemble of {}, and this release of tenure runs one server alone: keep the \
             line of this server only, or none",
            keys.join(", "),
            lines.len()
        );
        problems.error(&entry.origin, text);
        return Members::default();
    }
    let number = id(key).and_then(|id| id.parse::<u16>().ok()).filter(|id| (0..=255).contains(id));
    if number.is_none() {
        problems.error(&entry.origin, format!("{key}: the number of a server is from 0 to 255"));
    }
    match member(&entry.value) {
        Ok(members) => Members { origin: Some(entry.origin.clone()), ..members },
        Err(why) => {
            problems.error(&entry.origin, format!("{key}: {why}"));
            Members::default()
        }
    }
}

fn check_mode(entries: &Entries, lines: usize, problems: &mut Problems) {
    if let Some(entry) = entries.get("standaloneEnabled") {
        match entry.value.to_ascii_lowercase().as_str() {
            "true" => {}
            "false" => {
                let text = "standaloneEnabled=false asks for an ensemble of one, and this release of \
                            tenure runs one server alone; clients see no difference";
                problems.warn(&entry.origin, text);
            }
            _ => {
                let text = format!("standaloneEnabled: {:?}: write true or false", entry.value);
                problems.error(&entry.origin, text);
            }
        }
    }
    if let Some(entry) = entries.get("peerType") {
        match entry.value.to_ascii_lowercase().as_str() {
            "participant" => {}
            "observer" => problems.error(
                &entry.origin,
                "peerType=observer needs an ensemble to observe, and this release of tenure runs one \
                 server alone; remove the line",
            ),
            _ => {
                let text = format!("peerType: {:?}: write participant or observer", entry.value);
                problems.error(&entry.origin, text);
            }
        }
    }
    if let (Some(entry), 0) = (entries.get("dynamicConfigFile"), lines) {
        let text = "dynamicConfigFile: the file is not there, or holds no server line; none is needed \
                    for one server alone";
        problems.warn(&entry.origin, text);
    }
}

/// `host:port:port[:role][|…][;[[host:]port][;[host:]port]]`.
fn member(line: &str) -> Result<Members, String> {
    const FORM: &str = "write HOST:PORT:PORT, and ;PORT behind it for clients";
    let mut parts = line.split(';').map(str::trim);
    for group in parts.next().unwrap_or_default().split('|') {
        let (host, rest) = split_host(group).ok_or(FORM)?;
        let fields: Vec<_> = rest.split(':').collect();
        let [quorum, election, role @ ..] = fields.as_slice() else { return Err(FORM.to_owned()) };
        if !is_host(host) && host.parse::<std::net::Ipv6Addr>().is_err() {
            return Err(FORM.to_owned());
        }
        if port(quorum).is_none() || port(election).is_none() {
            return Err(FORM.to_owned());
        }
        match role {
            [] => {}
            [role] if role.eq_ignore_ascii_case("participant") => {}
            [role] if role.eq_ignore_ascii_case("observer") => {
                return Err(
                    "an observer needs an ensemble to observe, and this release of tenure \
                            runs one server alone"
                        .to_owned(),
                );
            }
            _ => return Err(FORM.to_owned()),
        }
    }
    let clients = parts.next().filter(|part| !part.is_empty()).map(address).transpose()?;
    let secure = parts.next().filter(|part| !part.is_empty()).map(address).transpose()?;
    if parts.next().is_some() {
        return Err(FORM.to_owned());
    }
    Ok(Members { clients, secure, origin: None })
}

/// `[host:]port`.
fn address(text: &str) -> Result<Address, String> {
    const FORM: &str = "write ;PORT or ;ADDRESS:PORT for clients";
    if let Some(port) = port(text) {
        return Ok(Address { host: None, port });
    }
    let (host, rest) = split_host(text).ok_or(FORM)?;
    let port = port(rest).ok_or(FORM)?;
    Ok(Address { host: Some(host.to_owned()), port })
}

/// The host before the first colon, an IPv6 address in brackets, and what follows it.
fn split_host(text: &str) -> Option<(&str, &str)> {
    match text.trim().strip_prefix('[') {
        Some(inner) => inner.split_once("]:"),
        None => text.trim().split_once(':'),
    }
}

fn port(text: &str) -> Option<u16> {
    let digits = text.trim();
    (!digits.starts_with('+')).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_line_says_where_clients_are_served() {
        let none = |line: &str| member(line).map(|it| it.clients.is_none() && it.secure.is_none());
        assert_eq!(none("zoo1:2888:3888"), Ok(true));
        assert_eq!(none("[::1]:2888:3888:participant"), Ok(true));
        assert_eq!(none("a:1:2|b:1:2"), Ok(true));
        let both = member("h:2888:3888;2181;[::1]:2281").expect("a line");
        assert_eq!(both.clients, Some(Address { host: None, port: 2181 }));
        assert_eq!(both.secure, Some(Address { host: Some("::1".to_owned()), port: 2281 }));
        let secure = member("h:2888:3888;;2281").expect("a line");
        assert_eq!((secure.clients, secure.secure.map(|it| it.port)), (None, Some(2281)));
        for bad in
            ["", "h", "h:1", "h:1:x", "h:1:2:leader", "h:1:2:observer", "h:1:2;x", "h:1:2;1;2;3"]
        {
            assert!(member(bad).is_err(), "{bad}");
        }
    }
}
