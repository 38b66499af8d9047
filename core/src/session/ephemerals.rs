//! Replicated: what each session keeps alive. Changed only by `apply`.
//!
//! Paths are kept in order, so that the ephemerals of an ended session go in the same order on every
//! replica and at every replay.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::SessionId;

/// The paths of all ephemerals, by owner.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ephemerals {
    by_owner: BTreeMap<SessionId, BTreeSet<String>>,
}

impl Ephemerals {
    /// Notes that `owner` keeps `path` alive.
    pub fn insert(&mut self, owner: SessionId, path: String) {
        self.by_owner.entry(owner).or_default().insert(path);
    }

    /// Notes that `path` is gone.
    pub fn remove(&mut self, owner: SessionId, path: &str) {
        if let Some(paths) = self.by_owner.get_mut(&owner) {
            paths.remove(path);
            if paths.is_empty() {
                self.by_owner.remove(&owner);
            }
        }
    }

    /// The paths that `owner` keeps alive, in order.
    pub fn of(&self, owner: SessionId) -> impl Iterator<Item = &str> {
        self.by_owner.get(&owner).into_iter().flatten().map(String::as_str)
    }

    /// Takes out all paths of a session that ends: what became orphaned.
    #[must_use = "the znodes themselves are still there"]
    pub fn take(&mut self, owner: SessionId) -> BTreeSet<String> {
        self.by_owner.remove(&owner).unwrap_or_default()
    }

    /// The sessions that own at least one ephemeral, each with its paths.
    pub fn iter(&self) -> impl Iterator<Item = (SessionId, &BTreeSet<String>)> {
        self.by_owner.iter().map(|(&owner, paths)| (owner, paths))
    }

    /// How many ephemerals there are.
    pub fn count(&self) -> usize {
        self.by_owner.values().map(BTreeSet::len).sum()
    }
}
