//! Changes, and taking them back.

use crate::base::{Acl, SessionId, WallMillis, Zxid, path};

use super::Tree;
use super::node::Kind;
use super::slots::{NONE, NodeId, Slot};

/// What a new znode starts with.
pub struct Birth<'a> {
    /// Its full path. The parent has to exist, the path must not.
    pub path: &'a str,
    /// Its data; null and empty are different.
    pub data: Option<&'a [u8]>,
    /// Its ACL.
    pub acl: Vec<Acl>,
    /// What makes it go away.
    pub kind: Kind,
    /// The transaction that creates it.
    pub zxid: Zxid,
    /// When.
    pub at: WallMillis,
}

/// One change that was made: give it to [`Tree::keep`] or to [`Tree::undo`].
///
/// Steps are taken back in the reverse of their order, or not at all.
#[must_use = "a step is kept or undone"]
#[derive(Debug)]
pub struct Step(Made);

#[derive(Debug)]
enum Made {
    Created { id: NodeId, parent_pzxid: Zxid },
    Removed { id: NodeId, slot: Box<Slot>, parent_pzxid: Zxid },
    Set { id: NodeId, data: Option<Box<[u8]>>, version: i32, mzxid: Zxid, mtime: WallMillis },
    Adopted { id: NodeId, kind: Kind, version: i32, mzxid: Zxid, mtime: WallMillis },
}

impl Tree {
    /// Creates a znode; its parent counts it.
    pub fn create(&mut self, parent: NodeId, birth: Birth<'_>) -> (NodeId, Step) {
        let zxid = birth.zxid;
        self.save(parent);
        let id = self.plant(parent, birth);
        let above = self.slots.get_mut(parent);
        let parent_pzxid = std::mem::replace(&mut above.pzxid, zxid);
        above.creations = above.creations.wrapping_add(1);
        (id, Step(Made::Created { id, parent_pzxid }))
    }

    /// Puts a znode where it has always been: its parent shows no trace of a creation.
    pub fn plant(&mut self, parent: NodeId, birth: Birth<'_>) -> NodeId {
        let acl = self.acls.intern(birth.acl);
        let id = self.slots.insert(Slot {
            name: path::name(birth.path).into(),
            data: birth.data.map(Box::from),
            kind: birth.kind,
            czxid: birth.zxid,
            mzxid: birth.zxid,
            pzxid: birth.zxid,
            ctime: birth.at,
            mtime: birth.at,
            acl,
            hash: self.index.hash(birth.path),
            parent,
            next: self.slots.get(parent).first,
            ..Slot::root()
        });
        self.save_vacant(id);
        self.enter(id);
        self.bytes += (birth.path.len() + birth.data.map_or(0, <[u8]>::len)) as u64;
        id
    }

    /// Removes a znode that has no children and is not the root.
    pub fn remove(&mut self, id: NodeId, zxid: Zxid) -> Step {
        let parent = self.slots.get(id).parent;
        self.save(parent);
        self.save(id);
        let parent_pzxid = std::mem::replace(&mut self.slots.get_mut(parent).pzxid, zxid);
        let slot = Box::new(self.leave(id));
        Step(Made::Removed { id, slot, parent_pzxid })
    }

    /// Sets the data of a znode.
    pub fn set_data(
        &mut self,
        id: NodeId,
        data: Option<&[u8]>,
        zxid: Zxid,
        at: WallMillis,
    ) -> Step {
        self.save(id);
        let slot = self.slots.get_mut(id);
        let version = slot.version;
        let before = Made::Set {
            id,
            data: std::mem::replace(&mut slot.data, data.map(Box::from)),
            version,
            mzxid: std::mem::replace(&mut slot.mzxid, zxid),
            mtime: std::mem::replace(&mut slot.mtime, at),
        };
        slot.version = version.wrapping_add(1);
        if let Made::Set { data: old, .. } = &before {
            self.bytes -= old.as_ref().map_or(0, |data| data.len()) as u64;
        }
        self.bytes += data.map_or(0, <[u8]>::len) as u64;
        Step(before)
    }

    /// Gives an ephemeral to another session. Like its data set to what they are, but for the owner.
    pub fn adopt(&mut self, id: NodeId, owner: SessionId, zxid: Zxid, at: WallMillis) -> Step {
        self.save(id);
        let slot = self.slots.get_mut(id);
        debug_assert!(matches!(slot.kind, Kind::Ephemeral(_)), "only ephemerals have an owner");
        let version = slot.version;
        slot.version = version.wrapping_add(1);
        Step(Made::Adopted {
            id,
            kind: std::mem::replace(&mut slot.kind, Kind::Ephemeral(owner)),
            version,
            mzxid: std::mem::replace(&mut slot.mzxid, zxid),
            mtime: std::mem::replace(&mut slot.mtime, at),
        })
    }

    /// Sets the ACL of a znode. This one cannot be taken back: no multi can ask for it.
    pub fn set_acl(&mut self, id: NodeId, acl: Vec<Acl>) {
        self.save(id);
        let new = self.acls.intern(acl);
        let slot = self.slots.get_mut(id);
        slot.aversion = slot.aversion.wrapping_add(1);
        let old = std::mem::replace(&mut slot.acl, new);
        self.acls.release(old);
    }

    /// Gives a znode another number of ACL changes than it has seen.
    pub fn set_aversion(&mut self, id: NodeId, aversion: i32) {
        self.save(id);
        self.slots.get_mut(id).aversion = aversion;
    }

    /// Makes a step final.
    pub fn keep(&mut self, step: Step) {
        if let Made::Removed { slot, .. } = step.0 {
            self.acls.release(slot.acl);
        }
    }

    /// Takes back the latest step that was not taken back yet.
    pub fn undo(&mut self, step: Step) {
        match step.0 {
            Made::Created { id, parent_pzxid } => {
                let slot = self.leave(id);
                self.acls.release(slot.acl);
                let above = self.slots.get_mut(slot.parent);
                above.creations = above.creations.wrapping_sub(1);
                above.pzxid = parent_pzxid;
            }
            Made::Removed { id, slot, parent_pzxid } => {
                let parent = slot.parent;
                let back = self.slots.insert(*slot);
                assert_eq!(back, id, "T6: a znode returns to its slot");
                self.enter(id);
                let slot = self.slots.get(id);
                let data = slot.data.as_ref().map_or(0, |data| data.len());
                self.bytes += (self.path_length(id) + data) as u64;
                self.slots.get_mut(parent).pzxid = parent_pzxid;
            }
            Made::Set { id, data, version, mzxid, mtime } => {
                self.bytes += data.as_ref().map_or(0, |data| data.len()) as u64;
                let slot = self.slots.get_mut(id);
                let undone = std::mem::replace(&mut slot.data, data);
                slot.version = version;
                slot.mzxid = mzxid;
                slot.mtime = mtime;
                self.bytes -= undone.map_or(0, |data| data.len()) as u64;
            }
            Made::Adopted { id, kind, version, mzxid, mtime } => {
                let slot = self.slots.get_mut(id);
                slot.kind = kind;
                slot.version = version;
                slot.mzxid = mzxid;
                slot.mtime = mtime;
            }
        }
    }

    /// Links a znode between the siblings its slot names, and lists it wherever it belongs.
    pub(super) fn enter(&mut self, id: NodeId) {
        let slot = self.slots.get(id);
        let (parent, prev, next, kind) = (slot.parent, slot.prev, slot.next, slot.kind);
        if next != NONE {
            self.slots.get_mut(next).prev = id;
        }
        if prev != NONE {
            self.slots.get_mut(prev).next = id;
        } else {
            self.slots.get_mut(parent).first = id;
        }
        self.slots.get_mut(parent).children += 1;
        if kind.is_reapable() {
            self.reapable.insert(id);
        }
        self.index.insert(&self.slots, id);
    }

    /// The reverse of [`Tree::enter`]. The slot keeps the names of its siblings, so that it can
    /// come back between them.
    fn leave(&mut self, id: NodeId) -> Slot {
        let path_length = self.path_length(id);
        let slot = self.slots.take(id);
        self.index.remove(id, slot.hash);
        if slot.kind.is_reapable() {
            self.reapable.remove(&id);
        }
        if slot.next != NONE {
            self.slots.get_mut(slot.next).prev = slot.prev;
        }
        if slot.prev != NONE {
            self.slots.get_mut(slot.prev).next = slot.next;
        } else {
            self.slots.get_mut(slot.parent).first = slot.next;
        }
        self.slots.get_mut(slot.parent).children -= 1;
        self.bytes -= (path_length + slot.data.as_ref().map_or(0, |data| data.len())) as u64;
        slot
    }

    fn path_length(&self, id: NodeId) -> usize {
        let mut length = 0;
        let mut at = id;
        while self.slots.get(at).parent != NONE {
            let slot = self.slots.get(at);
            length += slot.name.len() + 1;
            at = slot.parent;
        }
        length
    }
}
