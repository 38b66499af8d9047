//! The names of contenders: who stands in which line, and in which place.
//!
//! A contender is a sequential znode whose name ends in a mark and ten digits. The digits come from
//! the parent and give the place, whatever stands before the mark; so clients of several libraries
//! can stand in one line.

use crate::client::{Error, Result};

/// Which contenders a contender waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Naming {
    /// What stands before the digits in names made here.
    own: &'static str,
    /// What stands before the digits in names that are waited for.
    blockers: &'static [&'static str],
}

/// The mark of exclusive locks, and of writers; kazoo's.
const LOCK: &str = "__lock__";

/// The mark of readers; kazoo's.
const READ: &str = "__rlock__";

/// How Curator and the clients that follow it mark a lock.
const CURATOR: &str = "lock-";

/// An exclusive lock, or an election.
pub(super) const EXCLUSIVE: Naming = Naming { own: LOCK, blockers: &[LOCK, CURATOR] };

/// The reading side of a shared lock: waits for writers only.
pub(super) const READER: Naming = Naming { own: READ, blockers: &[LOCK, CURATOR] };

/// The writing side: waits for everybody.
pub(super) const WRITER: Naming = Naming { own: LOCK, blockers: &[LOCK, READ, CURATOR] };

/// Digits of a sequence number.
const DIGITS: usize = 10;

impl Naming {
    /// The first part of the name of a new contender; the server appends the digits.
    pub fn prefix(&self, guid: &str) -> String {
        format!("{guid}{}", self.own)
    }

    /// Everybody in the line, those who are only waited by others included, in order.
    pub fn in_order(&self, names: Vec<String>) -> Vec<String> {
        let place = |name: &str| place(name, self.blockers).or_else(|| place(name, &[self.own]));
        let mut line: Vec<_> =
            names.into_iter().filter_map(|name| Some((place(&name)?, name))).collect();
        line.sort();
        line.into_iter().map(|(_, name)| name).collect()
    }

    /// The last of those before `own` that have to go first; none if it is its turn.
    pub fn predecessor(&self, own: &str, names: &[String]) -> Option<String> {
        let mine = place(own, &[self.own])?;
        let before = names.iter().filter_map(|name| {
            let distance = i64::from(mine) - i64::from(place(name, self.blockers)?);
            (distance > 0).then_some((distance, name))
        });
        before.min().map(|(_, name)| name.clone())
    }
}

/// The number at the end of a name that has one of these marks before it.
fn place(name: &str, marks: &[&str]) -> Option<i32> {
    let at = name.len().checked_sub(DIGITS)?;
    let (stem, digits) = (name.get(..at)?, name.get(at..)?);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let is_marked = marks.iter().any(|mark| stem.ends_with(mark));
    if is_marked { digits.parse().ok() } else { None }
}

/// A name that nobody else has: 128 bits of chance in 32 hexadecimal digits.
///
/// # Errors
/// `Invalid` if the system has no randomness.
pub(super) fn guid() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::Invalid(format!("no randomness: {error}").into()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A child of `parent`, which may be the root.
pub(super) fn child(parent: &str, name: &str) -> String {
    if parent == "/" { format!("/{name}") } else { format!("{parent}/{name}") }
}

/// The last part of a path.
pub(super) fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn the_number_gives_the_place_whatever_stands_before() {
        let all = names(&[
            "ffff__lock__0000000003",
            "_c_1234-lock-0000000001",
            "aaaa__rlock__0000000002",
            "config",
            "x__lock__12",
            "aaaa__lock__0000000004",
        ]);
        let before = |naming: Naming, own| naming.predecessor(own, &all);
        assert_eq!(before(EXCLUSIVE, "aaaa__lock__0000000004").as_deref(), Some(&*all[0]));
        assert_eq!(before(EXCLUSIVE, "ffff__lock__0000000003").as_deref(), Some(&*all[1]));
        assert_eq!(before(WRITER, "ffff__lock__0000000003").as_deref(), Some(&*all[2]));
        assert_eq!(before(READER, "aaaa__rlock__0000000002").as_deref(), Some(&*all[1]));
        assert_eq!(before(READER, "aaaa__rlock__0000000001"), None);
        let line = EXCLUSIVE.in_order(all.clone());
        assert_eq!(line, [&*all[1], &*all[0], &*all[5]]);
    }

    #[test]
    fn guids_have_the_form_of_kazoo() {
        let (one, other) = (guid().unwrap(), guid().unwrap());
        assert_eq!(one.len(), 32);
        assert!(one.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_ne!(one, other);
        assert_eq!(EXCLUSIVE.prefix(&one), format!("{one}__lock__"));
    }
}
