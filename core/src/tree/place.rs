//! Znodes put where they were: a tree made from what was written down, not from transactions.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::{Acl, WallMillis, Zxid, path};

use super::Tree;
use super::node::{Kind, Metadata, Node};
use super::slots::{NodeId, ROOT, Slot};

/// All there is to one znode but its path and its children.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Znode {
    /// Its data; null and empty are different.
    pub data: Option<Bytes>,
    /// Its ACL.
    pub acl: Arc<[Acl]>,
    /// What makes it go away.
    pub kind: Kind,
    /// The transaction that created it.
    pub czxid: Zxid,
    /// The transaction that last set its data.
    pub mzxid: Zxid,
    /// The last transaction that created or deleted a child, or the one that created it.
    pub pzxid: Zxid,
    /// When it was created.
    pub ctime: WallMillis,
    /// When its data were last set.
    pub mtime: WallMillis,
    /// How often its data were set, wrapping.
    pub version: i32,
    /// How many children were ever created in it, wrapping: ZooKeeper's stored `cversion`. The one
    /// that clients see follows from it.
    pub creations: i32,
    /// How often its ACL was set, wrapping.
    pub aversion: i32,
}

/// What was written down is not a state that transactions lead to.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{what} {found}")]
pub struct Inconsistent {
    /// The znode's path or the session's id.
    pub what: String,
    /// What is wrong with it; the text completes `what`.
    pub found: String,
}

impl Inconsistent {
    /// Something is wrong with this.
    pub fn new(what: impl Into<String>, found: impl Into<String>) -> Inconsistent {
        Inconsistent { what: what.into(), found: found.into() }
    }
}

impl Node<'_> {
    /// All of it, copied.
    pub fn to_znode(self) -> Znode {
        let of = self.metadata();
        Znode {
            data: self.data().map(Bytes::copy_from_slice),
            acl: Arc::clone(self.acl),
            kind: of.kind,
            czxid: of.czxid,
            mzxid: of.mzxid,
            pzxid: of.pzxid,
            ctime: of.ctime,
            mtime: of.mtime,
            version: of.version,
            creations: of.creations,
            aversion: of.aversion,
        }
    }
}

impl Znode {
    fn metadata(&self) -> Metadata {
        Metadata {
            kind: self.kind,
            czxid: self.czxid,
            mzxid: self.mzxid,
            pzxid: self.pzxid,
            ctime: self.ctime,
            mtime: self.mtime,
            version: self.version,
            creations: self.creations,
            aversion: self.aversion,
        }
    }
}

impl Tree {
    /// Puts a znode below its parent, which has to be there. `/` and the empty path stand for the
    /// root, which is there from the start and takes over what is given.
    ///
    /// # Errors
    /// There is no parent, there is one that can have no children, the path is taken or malformed.
    /// Nothing has changed then.
    pub fn place(&mut self, path: &str, znode: &Znode) -> Result<NodeId, Inconsistent> {
        if matches!(path, path::ROOT | "") {
            return self.place_root(znode).map(|()| ROOT);
        }
        let fault = |found: &str| Err(Inconsistent::new(path, found));
        let Some(parent) = path::parent(path).filter(|_| path.starts_with('/')) else {
            return fault("does not start with '/'");
        };
        if path::name(path).is_empty() {
            return fault("has an empty last component");
        }
        let Some(parent) = self.find(parent) else {
            return fault("has no parent");
        };
        if matches!(self.slots.get(parent).kind, Kind::Ephemeral(_)) {
            return fault("is below an ephemeral");
        }
        if self.find(path).is_some() {
            return fault("is there twice");
        }
        let acl = self.acls.intern_shared(&znode.acl);
        let id = self.slots.insert(Slot {
            name: path::name(path).into(),
            data: znode.data.as_deref().map(Box::from),
            acl,
            hash: self.index.hash(path),
            parent,
            next: self.slots.get(parent).first,
            ..Slot::of(znode.metadata())
        });
        self.enter(id);
        self.bytes += (path.len() + znode.data.as_ref().map_or(0, Bytes::len)) as u64;
        Ok(id)
    }

    fn place_root(&mut self, znode: &Znode) -> Result<(), Inconsistent> {
        if znode.kind != Kind::Persistent {
            return Err(Inconsistent::new(path::ROOT, "is not persistent"));
        }
        let acl = self.acls.intern_shared(&znode.acl);
        let root = self.slots.get_mut(ROOT);
        let (first, children, old) = (root.first, root.children, root.acl);
        self.bytes -= root.data.as_ref().map_or(0, |data| data.len()) as u64;
        self.bytes += znode.data.as_ref().map_or(0, Bytes::len) as u64;
        let data = znode.data.as_deref().map(Box::from);
        *root = Slot { first, children, acl, data, ..Slot::of(znode.metadata()) };
        self.acls.release(old);
        Ok(())
    }
}

impl Slot {
    /// A slot that stands nowhere yet, without a name, data and an ACL.
    pub(super) fn of(metadata: Metadata) -> Slot {
        Slot {
            kind: metadata.kind,
            czxid: metadata.czxid,
            mzxid: metadata.mzxid,
            pzxid: metadata.pzxid,
            ctime: metadata.ctime,
            mtime: metadata.mtime,
            version: metadata.version,
            aversion: metadata.aversion,
            creations: metadata.creations,
            ..Slot::root()
        }
    }
}
