//! The servers a client may ask: parsing the list, and whose turn it is.
//!
//! Names are kept as names: every attempt resolves them again, elsewhere.

use std::fmt;

use super::chance::Chance;
use super::error::{Error, Result};
use crate::base::path;

/// The port of a server for which none is given.
const PORT: u16 = 2181;

/// One entry of the list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Host {
    /// A name or an address, without brackets.
    pub name: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(':') {
            write!(f, "[{}]:{}", self.name, self.port)
        } else {
            write!(f, "{}:{}", self.name, self.port)
        }
    }
}

/// A list of servers, taken in turn.
#[derive(Clone, Debug)]
pub struct Hosts {
    list: Vec<Host>,
    next: usize,
}

impl Hosts {
    /// Reads `host:port,host:port/chroot`; the second value is the chroot, empty if there is none.
    ///
    /// # Errors
    /// `Invalid` for an empty list, a port that is none, and a chroot that is not a valid path.
    pub fn parse(text: &str) -> Result<(Hosts, String)> {
        let (list, chroot) = match text.find('/') {
            Some(slash) => text.split_at(slash),
            None => (text, ""),
        };
        if !chroot.is_empty() {
            path::validate(chroot)
                .map_err(|fault| invalid(format!("chroot '{chroot}': {fault}")))?;
        }
        let list = list
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .map(parse_host)
            .collect::<Result<Vec<_>>>()?;
        if list.is_empty() {
            return Err(invalid(format!("'{text}' names no host; write host:port,host:port")));
        }
        let chroot = if chroot == path::ROOT { "" } else { chroot };
        Ok((Hosts { list, next: 0 }, chroot.to_owned()))
    }

    /// Puts the list into another order.
    pub fn shuffle(&mut self, chance: &mut Chance) {
        chance.shuffle(&mut self.list);
    }

    /// How many there are, at least 1.
    pub fn count(&self) -> usize {
        self.list.len()
    }

    /// Whose turn it is; the next call answers the one after it.
    pub fn take_turn(&mut self) -> Host {
        let host = self.list[self.next % self.list.len()].clone();
        self.next = (self.next + 1) % self.list.len();
        host
    }

    /// Gives the turn back to who had it last.
    pub fn give_back(&mut self) {
        self.next = (self.next + self.list.len() - 1) % self.list.len();
    }
}

fn parse_host(entry: &str) -> Result<Host> {
    let port = |text: &str| {
        text.parse::<u16>()
            .ok()
            .filter(|&port| port != 0)
            .ok_or_else(|| invalid(format!("'{entry}': a port is a number from 1 to 65535")))
    };
    if let Some(rest) = entry.strip_prefix('[') {
        let (name, after) = rest
            .split_once(']')
            .ok_or_else(|| invalid(format!("'{entry}': the bracket is not closed")))?;
        let port = match after.strip_prefix(':') {
            Some(text) => port(text)?,
            None if after.is_empty() => PORT,
            None => return Err(invalid(format!("'{entry}': a ':' comes after the bracket"))),
        };
        if name.is_empty() {
            return Err(invalid(format!("'{entry}': the host is missing")));
        }
        return Ok(Host { name: name.to_owned(), port });
    }
    match entry.split_once(':') {
        None => Ok(Host { name: entry.to_owned(), port: PORT }),
        Some((_, text)) if text.contains(':') => {
            Err(invalid(format!("'{entry}': an IPv6 address stands in brackets")))
        }
        Some(("", _)) => Err(invalid(format!("'{entry}': the host is missing"))),
        Some((name, text)) => Ok(Host { name: name.to_owned(), port: port(text)? }),
    }
}

fn invalid(text: String) -> Error {
    Error::Invalid(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (Vec<String>, String) {
        let (hosts, chroot) = Hosts::parse(text).expect("valid");
        (hosts.list.iter().map(Host::to_string).collect(), chroot)
    }

    #[test]
    fn lists_are_read_as_zookeeper_reads_them() {
        let hosts = |list: &[&str]| list.iter().map(|&host| host.to_owned()).collect::<Vec<_>>();
        assert_eq!(parsed("a"), (hosts(&["a:2181"]), String::new()));
        assert_eq!(parsed("a:1, b:2/app/x"), (hosts(&["a:1", "b:2"]), "/app/x".into()));
        assert_eq!(parsed("[::1]:7,[::2]/"), (hosts(&["[::1]:7", "[::2]:2181"]), String::new()));
        for bad in ["", ",", "a:0", "a:x", "a:70000", "::1", "[::1", "a:1/x/", ":1", "/x", "[]:1"] {
            assert!(Hosts::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn everybody_gets_a_turn() {
        let (mut hosts, _) = Hosts::parse("a,b,c").expect("valid");
        hosts.shuffle(&mut Chance::new(7));
        let mut names: Vec<_> = (0..3).map(|_| hosts.take_turn().name).collect();
        let again = hosts.take_turn().name;
        assert_eq!(again, names[0]);
        hosts.give_back();
        assert_eq!(hosts.take_turn().name, again);
        names.sort();
        assert_eq!(names, ["a", "b", "c"]);
    }
}
