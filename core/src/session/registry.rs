//! Replicated: which sessions exist. Changed only by `apply`, part of every snapshot.

use std::collections::BTreeMap;

use crate::base::{Millis, Password, SessionId};

use super::scan::Scan;

/// What is known of a session for as long as it exists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Registered {
    /// The timeout granted at creation. A re-attach may agree on another for its own connection;
    /// this one stays, and counts again after a restart.
    pub timeout: Millis,
    /// What a re-attach has to present.
    pub password: Password,
}

/// All sessions, in the order of their ids.
#[derive(Debug, Default)]
pub struct Registry {
    pub(super) sessions: BTreeMap<SessionId, Registered>,
    pub(super) scan: Option<Box<Scan>>,
}

impl Registry {
    /// Adds a session. Returns false, and changes nothing, if the id is taken.
    pub fn insert(&mut self, id: SessionId, registered: Registered) -> bool {
        match self.sessions.entry(id) {
            std::collections::btree_map::Entry::Occupied(_) => false,
            std::collections::btree_map::Entry::Vacant(free) => {
                free.insert(registered);
                self.save(id, None);
                true
            }
        }
    }

    /// Removes a session and returns what was known of it.
    pub fn remove(&mut self, id: SessionId) -> Option<Registered> {
        let registered = self.sessions.remove(&id)?;
        self.save(id, Some(registered));
        Some(registered)
    }

    fn save(&mut self, id: SessionId, was: Option<Registered>) {
        if let Some(scan) = &mut self.scan {
            scan.save(id, was);
        }
    }

    /// What is known of a session.
    pub fn get(&self, id: SessionId) -> Option<&Registered> {
        self.sessions.get(&id)
    }

    /// Whether the session exists.
    pub fn contains(&self, id: SessionId) -> bool {
        self.sessions.contains_key(&id)
    }

    /// All sessions in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (SessionId, &Registered)> {
        self.sessions.iter().map(|(&id, registered)| (id, registered))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }
}
