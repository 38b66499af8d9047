//! From full paths to slots, without storing a path.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::FixedState;
use hashbrown::HashTable;

use super::slots::{NodeId, ROOT, Slots};

/// The znodes below the root, by the hashes of their paths.
///
/// A hash has 32 bits, kept in the slot, so that growing the table reads no path.
pub(super) struct Index {
    table: HashTable<NodeId>,
    hashes: FixedState,
}

impl Index {
    pub(super) fn new(seed: u64) -> Index {
        Index { table: HashTable::new(), hashes: FixedState::with_seed(seed) }
    }

    /// One with room for this many znodes.
    pub(super) fn with_capacity(seed: u64, count: usize) -> Index {
        Index { table: HashTable::with_capacity(count), ..Index::new(seed) }
    }

    pub(super) fn hash(&self, path: &str) -> u32 {
        let mut hasher = self.hashes.build_hasher();
        hasher.write(path.as_bytes());
        hasher.finish() as u32
    }

    pub(super) fn find(&self, slots: &Slots, path: &str) -> Option<NodeId> {
        let hash = self.hash(path);
        let same = |id: &NodeId| slots.get(*id).hash == hash && is_at(slots, *id, path);
        self.table.find(spread(hash), same).copied()
    }

    pub(super) fn insert(&mut self, slots: &Slots, id: NodeId) {
        let hash = |id: &NodeId| spread(slots.get(*id).hash);
        self.table.insert_unique(hash(&id), id, hash);
    }

    /// Inserts a znode unless there is one with its parent and its name, which has the same path.
    pub(super) fn insert_new(&mut self, slots: &Slots, id: NodeId) -> bool {
        let new = slots.get(id);
        let same = |other: &NodeId| {
            let other = slots.get(*other);
            other.hash == new.hash && other.parent == new.parent && other.name == new.name
        };
        if self.table.find(spread(new.hash), same).is_some() {
            return false;
        }
        self.insert(slots, id);
        true
    }

    pub(super) fn remove(&mut self, id: NodeId, hash: u32) {
        if let Ok(entry) = self.table.find_entry(spread(hash), |&other| other == id) {
            entry.remove();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }
}

/// The table takes the place from the low bits of a hash and its tag from the highest.
fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

/// Whether the znode's path is exactly this one.
fn is_at(slots: &Slots, id: NodeId, path: &str) -> bool {
    let mut at = id;
    let mut rest = path;
    while at != ROOT {
        let slot = slots.get(at);
        let above = rest.strip_suffix(&*slot.name).and_then(|rest| rest.strip_suffix('/'));
        match above {
            Some(above) => rest = above,
            None => return false,
        }
        at = slot.parent;
    }
    rest.is_empty()
}
