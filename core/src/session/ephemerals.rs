//! Replicated: what each session keeps alive. Changed only by `apply`.
//!
//! Paths are kept in order, so that the ephemerals of an ended session go in the same order on every
//! replica and at every replay.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::base::SessionId;

/// The paths of all ephemerals, by owner, and how many bytes they hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ephemerals {
    by_owner: BTreeMap<SessionId, Owned>,
    count: usize,
}

/// What one session keeps alive.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Owned {
    paths: BTreeSet<String>,
    bytes: u64,
}

/// How much a session keeps alive.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Holding {
    /// How many ephemerals.
    pub count: u64,
    /// Bytes of their paths and of their data.
    pub bytes: u64,
}

impl Ephemerals {
    /// Notes that `owner` keeps `path` alive, with so many bytes of data.
    pub fn insert(&mut self, owner: SessionId, path: String, data: usize) {
        let owned = self.by_owner.entry(owner).or_default();
        let bytes = bytes_of(&path, data);
        if owned.paths.insert(path) {
            owned.bytes += bytes;
            self.count += 1;
        }
    }

    /// Notes that `path`, which had so many bytes of data, is gone.
    pub fn remove(&mut self, owner: SessionId, path: &str, data: usize) {
        if let Some(owned) = self.by_owner.get_mut(&owner) {
            if owned.paths.remove(path) {
                owned.bytes -= bytes_of(path, data);
                self.count -= 1;
            }
            if owned.paths.is_empty() {
                self.by_owner.remove(&owner);
            }
        }
    }

    /// Notes that an ephemeral of `owner` has `new` bytes of data instead of `old`.
    pub fn resize(&mut self, owner: SessionId, old: usize, new: usize) {
        if let Some(owned) = self.by_owner.get_mut(&owner) {
            owned.bytes = owned.bytes + new as u64 - old as u64;
        }
    }

    /// How much `owner` keeps alive.
    pub fn holding(&self, owner: SessionId) -> Holding {
        self.by_owner.get(&owner).map_or_else(Holding::default, |owned| Holding {
            count: owned.paths.len() as u64,
            bytes: owned.bytes,
        })
    }

    /// The paths that `owner` keeps alive, in order.
    pub fn of(&self, owner: SessionId) -> impl Iterator<Item = &str> {
        self.by_owner.get(&owner).into_iter().flat_map(|owned| &owned.paths).map(String::as_str)
    }

    /// Takes out all paths of a session that ends: what became orphaned.
    #[must_use = "the znodes themselves are still there"]
    pub fn take(&mut self, owner: SessionId) -> BTreeSet<String> {
        let paths = self.by_owner.remove(&owner).unwrap_or_default().paths;
        self.count -= paths.len();
        paths
    }

    /// The sessions that own at least one ephemeral, each with its paths.
    pub fn iter(&self) -> impl Iterator<Item = (SessionId, &BTreeSet<String>)> {
        self.by_owner.iter().map(|(&owner, owned)| (owner, &owned.paths))
    }

    /// How many sessions own at least one ephemeral.
    pub fn owners(&self) -> usize {
        self.by_owner.len()
    }

    /// The ephemerals behind this one, each with its owner, in the order of owners and paths.
    pub fn after<'a>(
        &'a self,
        owner: SessionId,
        path: &'a str,
    ) -> impl Iterator<Item = (SessionId, &'a str)> {
        let behind = (Bound::Excluded(path), Bound::Unbounded);
        let own = self.by_owner.get(&owner).into_iter();
        let own = own.flat_map(move |owned| owned.paths.range::<str, _>(behind));
        let others = self.by_owner.range((Bound::Excluded(owner), Bound::Unbounded));
        let others =
            others.flat_map(|(&owner, owned)| owned.paths.iter().map(move |path| (owner, path)));
        own.map(move |path| (owner, path)).chain(others).map(|(owner, path)| (owner, path.as_str()))
    }

    /// How many ephemerals there are.
    pub fn count(&self) -> usize {
        self.count
    }
}

/// What an ephemeral counts for.
fn bytes_of(path: &str, data: usize) -> u64 {
    (path.len() + data) as u64
}
