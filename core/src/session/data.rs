//! Replicated: named values that a session has bound to itself, gone with it. Changed only by `apply`,
//! part of every snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::{Acl, SessionId, Stat, WallMillis, Zxid};

/// One value, as others see a znode.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Value {
    /// The bytes; null and empty are different.
    pub data: Option<Bytes>,
    /// Who may read it. Nobody but its session writes it.
    pub acl: Arc<[Acl]>,
    /// The transaction that bound it.
    pub czxid: Zxid,
    /// The transaction that set it last.
    pub mzxid: Zxid,
    /// When it was bound.
    pub ctime: WallMillis,
    /// When it was set last.
    pub mtime: WallMillis,
    /// How often it was set.
    pub version: i32,
}

impl Value {
    /// What it costs: its name, its data, and who may read it.
    pub fn bytes(&self, name: &str) -> usize {
        let acl: usize = self.acl.iter().map(|entry| entry.id.bytes()).sum();
        name.len() + self.data.as_ref().map_or(0, Bytes::len) + acl
    }

    /// Its Stat: that of an ephemeral of its session.
    pub fn stat(&self, owner: SessionId) -> Stat {
        Stat {
            czxid: self.czxid,
            mzxid: self.mzxid,
            ctime: self.ctime,
            mtime: self.mtime,
            version: self.version,
            cversion: 0,
            aversion: 0,
            ephemeral_owner: owner,
            data_length: self.data.as_ref().map_or(0, Bytes::len) as i32,
            num_children: 0,
            pzxid: self.czxid,
        }
    }
}

/// All values of one session, in the order of their names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SessionData {
    values: BTreeMap<String, Value>,
    bytes: usize,
    /// How many were bound or unbound so far: what a parent's `cversion` is.
    changes: i32,
    /// The transaction that did so last.
    changed: Zxid,
}

impl SessionData {
    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// All values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Bytes of names, data and access control lists.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many were bound or unbound so far, and by which transaction the last.
    pub fn changes(&self) -> (i32, Zxid) {
        (self.changes, self.changed)
    }

    /// Binds, sets or unbinds a value in the transaction `zxid`, and returns what was there: with that
    /// and [`SessionData::changes`] from before, [`SessionData::undo`] takes it back.
    pub fn replace(&mut self, name: &str, value: Option<Value>, zxid: Zxid) -> Option<Value> {
        let before = self.put(name, value);
        if before.is_some() != self.values.contains_key(name) {
            self.changes = self.changes.wrapping_add(1);
            self.changed = zxid;
        }
        before
    }

    /// Whether it is as if there had never been a value.
    pub fn is_untouched(&self) -> bool {
        *self == SessionData::default()
    }

    /// Takes the latest change back that was not taken back yet.
    pub fn undo(&mut self, name: &str, before: Option<Value>, changes: (i32, Zxid)) {
        self.put(name, before);
        (self.changes, self.changed) = changes;
    }

    /// Values as they were written down.
    pub fn restore(values: BTreeMap<String, Value>, changes: (i32, Zxid)) -> SessionData {
        let bytes = values.iter().map(|(name, value)| value.bytes(name)).sum();
        let (changes, changed) = changes;
        SessionData { values, bytes, changes, changed }
    }

    fn put(&mut self, name: &str, value: Option<Value>) -> Option<Value> {
        let new = value.as_ref().map_or(0, |value| value.bytes(name));
        let before = match value {
            Some(value) => self.values.insert(name.to_owned(), value),
            None => self.values.remove(name),
        };
        self.bytes = self.bytes + new - before.as_ref().map_or(0, |before| before.bytes(name));
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(data: &'static [u8]) -> Value {
        let (acl, at) = (Acl::open_unsafe().into(), WallMillis(5));
        let (czxid, mzxid) = (Zxid(3), Zxid(3));
        let data = Some(Bytes::from_static(data));
        Value { data, acl, czxid, mzxid, ctime: at, mtime: at, version: 0 }
    }

    #[test]
    fn what_was_done_can_be_taken_back() {
        let mut data = SessionData::default();
        assert_eq!(data.replace("shard", Some(value(b"7")), Zxid(3)), None);
        let (was, changes) = (data.clone(), data.changes());
        let before = data.replace("shard", Some(value(b"eight")), Zxid(4));
        assert_eq!(
            (data.bytes(), data.changes()),
            (10 + 11, changes),
            "a set is no change of the list"
        );
        data.undo("shard", before, changes);
        assert_eq!(data, was);
        let before = data.replace("shard", None, Zxid(5));
        assert_eq!((data.bytes(), data.changes()), (0, (2, Zxid(5))));
        data.undo("shard", before, changes);
        assert_eq!(data, was);
        let values = was.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
        assert_eq!(SessionData::restore(values, was.changes()), was);
    }
}
