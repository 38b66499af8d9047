//! The invariants of the tree, asserted.

use std::collections::{BTreeMap, BTreeSet};

use super::Tree;
use super::slots::{NONE, NodeId, ROOT};

impl Tree {
    /// Asserts the invariants of this floor. Costs a walk over everything.
    pub fn check(&self) {
        let mut acl_users = BTreeMap::new();
        let mut reapable = BTreeSet::new();
        let mut bytes = 0;
        let mut listed = 0;
        for (id, slot) in self.slots.iter() {
            let path = self.path(id);
            assert_eq!(self.find(&path), Some(id), "T1: {path:?} is found");
            self.check_children(id);
            listed += slot.children as usize;
            *acl_users.entry(slot.acl).or_insert(0) += 1;
            if slot.kind.is_reapable() {
                reapable.insert(id);
            }
            bytes += (path.len() + slot.data.as_ref().map_or(0, |data| data.len())) as u64;
        }
        assert_eq!(self.index.len() + 1, self.slots.len(), "T1: nothing else is found");
        assert_eq!(listed + 1, self.slots.len(), "T2: every znode is its parent's child");
        assert_eq!(self.descendants(ROOT), listed, "T2: counts");
        assert_eq!(acl_users, self.acls.users(), "T3: lists in use");
        assert_eq!(reapable, self.reapable, "T4: containers and TTL znodes");
        assert_eq!(bytes, self.bytes, "T5: bytes of paths and data");
    }

    fn check_children(&self, id: NodeId) {
        let mut before = NONE;
        let mut count = 0;
        for child in self.children(id) {
            let slot = self.slots.get(child);
            assert_eq!((slot.parent, slot.prev), (id, before), "T2: links of {child:?}");
            before = child;
            count += 1;
        }
        assert_eq!(count, self.node(id).num_children(), "T2: children of {id:?}");
    }
}
