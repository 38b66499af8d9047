//! A tree made from what a scan told: slots by number, parents by number, no paths.
//!
//! What comes in is not trusted. Numbers that nobody has leave no gap behind, so that a tree that
//! was once larger takes no more room than it needs, and neither does one that was made up.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::base::{Acl, Zxid, limits};

use super::Tree;
use super::acls::Acls;
use super::index::Index;
use super::node::{Kind, Metadata};
use super::place::Inconsistent;
use super::slots::{NONE, NodeId, ROOT, Slot, Slots};

/// One znode of a tree in the making.
#[derive(Clone, Copy, Debug)]
pub struct Loaded<'a> {
    /// Its number. Each is higher than the one before, the root's is 0.
    pub number: u32,
    /// Its parent's number, which may come later; `None` for the root.
    pub parent: Option<u32>,
    /// The last component of its path; empty for the root.
    pub name: &'a str,
    /// Its data; null and empty are different.
    pub data: Option<&'a [u8]>,
    /// What [`Loading::acl`] returned for its ACL.
    pub acl: u32,
    /// Everything else.
    pub metadata: Metadata,
}

/// A tree in the making.
pub struct Loading {
    slots: Slots,
    acls: Acls,
    /// One for each list added, which nobody else may use.
    lists: Vec<u32>,
    hash_seed: u64,
    /// The number each slot came with.
    numbers: Vec<u32>,
    /// Whether znodes have come in the order of their creation so far.
    is_in_order: bool,
    newest: Zxid,
}

impl Loading {
    /// Begins a tree without anything.
    pub fn new(hash_seed: u64) -> Loading {
        Loading {
            slots: Slots::default(),
            acls: Acls::default(),
            lists: Vec::new(),
            hash_seed,
            numbers: Vec::new(),
            is_in_order: true,
            newest: Zxid(i64::MIN),
        }
    }

    /// Adds a list that znodes can have.
    pub fn acl(&mut self, list: &Arc<[Acl]>) -> u32 {
        let number = self.acls.intern_shared(list);
        self.lists.push(number);
        number
    }

    /// Adds a znode.
    ///
    /// # Errors
    /// It is out of order, its name is malformed, or it is a root where none can be.
    pub fn znode(&mut self, znode: Loaded<'_>) -> Result<(), Inconsistent> {
        self.admit(&znode).map_err(|found| fault(znode.number, found))?;
        self.is_in_order &= znode.metadata.czxid >= self.newest;
        self.newest = znode.metadata.czxid;
        self.numbers.push(znode.number);
        self.acls.hold(znode.acl);
        self.slots.insert(Slot {
            name: znode.name.into(),
            data: znode.data.map(Box::from),
            acl: znode.acl,
            parent: znode.parent.map_or(NONE, NodeId::from_number),
            ..Slot::of(znode.metadata)
        });
        Ok(())
    }

    fn admit(&self, znode: &Loaded<'_>) -> Result<(), &'static str> {
        let is_root = self.numbers.is_empty();
        if self.numbers.last().is_some_and(|&last| znode.number <= last) {
            return Err("is out of order");
        }
        if is_root != (znode.number == 0) || is_root != znode.parent.is_none() {
            return Err("is the root and not the first, or the first and not the root");
        }
        if is_root && znode.metadata.kind != Kind::Persistent {
            return Err("is the root and not persistent");
        }
        if is_root != znode.name.is_empty() || znode.name.contains('/') {
            return Err("has a malformed name");
        }
        Ok(())
    }

    /// Makes it a tree.
    ///
    /// # Errors
    /// There is no root, a parent is missing or ephemeral, znodes are in a circle or have the same
    /// path.
    pub fn finish(mut self) -> Result<Tree, Inconsistent> {
        if self.numbers.is_empty() {
            return Err(Inconsistent::new("the tree", "has no root"));
        }
        self.find_parents()?;
        self.link();
        for list in std::mem::take(&mut self.lists) {
            self.acls.release(list);
        }
        let index = Index::with_capacity(self.hash_seed, self.slots.len());
        let (slots, acls) = (self.slots, self.acls);
        let mut tree = Tree { slots, index, acls, reapable: BTreeSet::new(), bytes: 0, scan: None };
        tree.enter_all(&self.numbers)?;
        Ok(tree)
    }

    /// Turns the numbers that parents came with into those of their slots.
    fn find_parents(&mut self) -> Result<(), Inconsistent> {
        let is_dense = self.numbers.last().is_some_and(|&n| n as usize == self.numbers.len() - 1);
        for place in 1..self.numbers.len() as u32 {
            let id = NodeId::from_number(place);
            let number = self.slots.get(id).parent.number();
            let parent = match is_dense {
                true => Some(number).filter(|&number| (number as usize) < self.numbers.len()),
                false => self.numbers.binary_search(&number).ok().map(|place| place as u32),
            };
            let found = match parent.map(NodeId::from_number) {
                None => Err("has no parent"),
                Some(parent) if matches!(self.slots.get(parent).kind, Kind::Ephemeral(_)) => {
                    Err("is below an ephemeral")
                }
                Some(parent) => Ok(parent),
            };
            let parent = found.map_err(|found| fault(self.numbers[place as usize], found))?;
            self.slots.get_mut(id).parent = parent;
        }
        Ok(())
    }

    /// Lists all children of each parent, the one created last first.
    fn link(&mut self) {
        let all = 1..self.numbers.len() as u32;
        if self.is_in_order {
            all.for_each(|place| self.list(NodeId::from_number(place)));
            return;
        }
        let mut order: Vec<(Zxid, NodeId)> =
            all.map(NodeId::from_number).map(|id| (self.slots.get(id).czxid, id)).collect();
        order.sort_unstable();
        order.into_iter().for_each(|(_, id)| self.list(id));
    }

    fn list(&mut self, id: NodeId) {
        let parent = self.slots.get(id).parent;
        let above = self.slots.get_mut(parent);
        above.children += 1;
        let next = std::mem::replace(&mut above.first, id);
        if next != NONE {
            self.slots.get_mut(next).prev = id;
        }
        self.slots.get_mut(id).next = next;
    }
}

impl Tree {
    /// Enters every znode into the index and wherever else it belongs.
    fn enter_all(&mut self, numbers: &[u32]) -> Result<(), Inconsistent> {
        let mut path = String::new();
        let mut at = ROOT;
        let mut count = 0;
        while at != NONE {
            let slot = self.slots.get(at);
            let data = slot.data.as_ref().map_or(0, |data| data.len());
            if at == ROOT {
                self.bytes += (1 + data) as u64;
            } else {
                path.push('/');
                path.push_str(&slot.name);
                self.bytes += (path.len() + data) as u64;
                if path.len() > limits::MAX_REQUEST {
                    return Err(fault(numbers[at.number() as usize], "is too deep"));
                }
                let hash = self.index.hash(&path);
                self.slots.get_mut(at).hash = hash;
                if !self.index.insert_new(&self.slots, at) {
                    return Err(Inconsistent::new(path, "is there twice"));
                }
            }
            count += 1;
            at = self.step(at, &mut path);
        }
        if count != self.slots.len() {
            let found = format!("has {} znodes that no path leads to", self.slots.len() - count);
            return Err(Inconsistent::new("the tree", found));
        }
        let reapable = self.slots.iter().filter(|(_, slot)| slot.kind.is_reapable());
        self.reapable = reapable.map(|(id, _)| id).collect();
        Ok(())
    }

    /// The znode after this one in a walk from the root, with the path of what is above it.
    fn step(&self, at: NodeId, path: &mut String) -> NodeId {
        let mut slot = self.slots.get(at);
        if slot.first != NONE {
            return slot.first;
        }
        loop {
            let above = path.len() - slot.name.len();
            path.truncate(above.saturating_sub(1));
            if slot.next != NONE || slot.parent == NONE {
                return slot.next;
            }
            slot = self.slots.get(slot.parent);
        }
    }
}

fn fault(number: u32, found: impl Into<String>) -> Inconsistent {
    Inconsistent::new(format!("the znode in slot {number}"), found)
}
