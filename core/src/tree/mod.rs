//! Floor 2: the tree of znodes, and nothing but the tree.
//!
//! Replicated, changed only by `apply`, one writer. It knows neither sessions nor watchers nor
//! permissions: an owner is a number it keeps, an ACL a list it stores once. Times and zxids are
//! handed in.
//!
//! Every znode is one `slots` entry of fixed size; names and data hang off it. Siblings are linked
//! through their slots, and one table of hashes finds a slot by its full path, which is stored
//! nowhere: equality walks up the parents and compares names.
//!
//! Every change returns a [`Step`] that can take it back, so that several changes can be made to
//! stand or fall together.
//!
//! What always holds:
//!
//! * T1 every znode but the root is found by its own path, and by no other;
//! * T2 a parent's list holds exactly the znodes that name it as parent, and its count is theirs;
//! * T3 an ACL is stored as long as some znode has it, and no longer;
//! * T4 the table of reapable znodes holds exactly the containers and the TTL znodes;
//! * T5 the sizes are the sums over all znodes;
//! * T6 taking back the latest steps, newest first, leads to the state before them;
//! * T7 a scan tells of every slot what it was when the scan began, whatever has changed since.

mod acls;
mod change;
mod check;
mod index;
mod load;
mod node;
mod place;
mod scan;
mod slots;

pub use change::{Birth, Step};
pub use load::{Loaded, Loading};
pub use node::{Kind, Metadata, Node};
pub use place::{Inconsistent, Znode};
pub use scan::{Remains, Scanned};
pub use slots::NodeId;

use std::collections::BTreeSet;

use crate::base::Acl;

use acls::Acls;
use index::Index;
use slots::{NONE, ROOT, Slot, Slots};

/// All znodes.
pub struct Tree {
    slots: Slots,
    index: Index,
    acls: Acls,
    reapable: BTreeSet<NodeId>,
    /// Bytes of the paths and of the data of all znodes.
    bytes: u64,
    scan: Option<Box<scan::Scan>>,
}

impl Tree {
    /// A tree that is only a root: empty data, open to everybody, all numbers 0.
    ///
    /// `hash_seed` makes it hard to choose paths that collide. It changes no answer, so each process
    /// can have its own.
    pub fn new(hash_seed: u64) -> Tree {
        let mut acls = Acls::default();
        let root = Slot {
            data: Some(Box::default()),
            acl: acls.intern(Acl::open_unsafe()),
            ..Slot::root()
        };
        let mut slots = Slots::default();
        let id = slots.insert(root);
        debug_assert_eq!(id, ROOT);
        let index = Index::new(hash_seed);
        Tree { slots, index, acls, reapable: BTreeSet::new(), bytes: 1, scan: None }
    }

    /// The znode with exactly this path. The root answers to the empty path too.
    pub fn find(&self, path: &str) -> Option<NodeId> {
        if matches!(path, "/" | "") { Some(ROOT) } else { self.index.find(&self.slots, path) }
    }

    /// What there is to know of a znode.
    pub fn node(&self, id: NodeId) -> Node<'_> {
        let slot = self.slots.get(id);
        Node { slot, acl: self.acls.get(slot.acl) }
    }

    /// The children of a znode, the newest first.
    pub fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        let mut next = self.slots.get(id).first;
        std::iter::from_fn(move || {
            let child = next;
            (child != NONE).then(|| {
                next = self.slots.get(child).next;
                child
            })
        })
    }

    /// How many znodes are below this one, at any depth.
    pub fn descendants(&self, top: NodeId) -> usize {
        if top == ROOT { self.slots.len() - 1 } else { self.below(top).count() }
    }

    /// The znodes below this one, at any depth, parents before their children.
    pub fn below(&self, top: NodeId) -> impl Iterator<Item = NodeId> {
        let mut next = self.slots.get(top).first;
        std::iter::from_fn(move || {
            let at = next;
            (at != NONE).then(|| {
                next = self.after(at, top);
                at
            })
        })
    }

    /// The znode after `at` in a walk through everything below `top`, parents before children.
    fn after(&self, at: NodeId, top: NodeId) -> NodeId {
        let first = self.slots.get(at).first;
        if first != NONE {
            return first;
        }
        let mut at = at;
        while at != top {
            let slot = self.slots.get(at);
            if slot.next != NONE {
                return slot.next;
            }
            at = slot.parent;
        }
        NONE
    }

    /// Every znode, parents before their children, the root first.
    pub fn walk(&self) -> impl Iterator<Item = NodeId> {
        let mut next = ROOT;
        std::iter::from_fn(move || {
            let at = next;
            (at != NONE).then(|| {
                next = self.after(at, ROOT);
                at
            })
        })
    }

    /// Visits every znode with its path, parents before their children. The root's path is empty,
    /// as the beginning of all others.
    pub fn walk_paths(&self, mut visit: impl FnMut(&str, NodeId)) {
        let mut path = String::new();
        // Where the paths of the znode at hand and of everything above it end.
        let mut ends = Vec::new();
        let mut above = Vec::new();
        for id in self.walk() {
            let slot = self.slots.get(id);
            while above.last().is_some_and(|&top| top != slot.parent) {
                above.pop();
                ends.pop();
            }
            path.truncate(ends.last().copied().unwrap_or(0));
            if id != ROOT {
                path.push('/');
                path.push_str(&slot.name);
            }
            visit(&path, id);
            above.push(id);
            ends.push(path.len());
        }
    }

    /// Every znode, in the order of the numbers.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> {
        self.slots.iter().map(|(id, _)| id)
    }

    /// The full path of a znode.
    pub fn path(&self, id: NodeId) -> String {
        if id == ROOT {
            return "/".to_owned();
        }
        let mut names = Vec::new();
        let mut at = id;
        while at != ROOT {
            let slot = self.slots.get(at);
            names.push(&*slot.name);
            at = slot.parent;
        }
        let mut path = String::with_capacity(names.iter().map(|name| name.len() + 1).sum());
        for name in names.iter().rev() {
            path.push('/');
            path.push_str(name);
        }
        path
    }

    /// The containers and TTL znodes, in the order of their numbers.
    pub fn reapable(&self) -> impl Iterator<Item = NodeId> {
        self.reapable.iter().copied()
    }

    /// How many znodes there are, the root included.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is nothing but the root.
    pub fn is_empty(&self) -> bool {
        self.len() == 1
    }

    /// Bytes of the paths and of the data of all znodes together.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[cfg(test)]
mod tests;
