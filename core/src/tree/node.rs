//! One znode, as readers see it.

use std::sync::Arc;

use crate::base::mode::Ttl;
use crate::base::{Acl, CreateMode, SessionId, Stat, WallMillis, Zxid};

use super::slots::Slot;

/// What makes a znode go away.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// Only a delete.
    Persistent,
    /// The end of its session.
    Ephemeral(SessionId),
    /// Having had children and having none any more.
    Container,
    /// Having no children and not being set for this long.
    Ttl(Ttl),
}

impl Kind {
    /// The kind of a znode that `owner` creates with this mode.
    pub fn new(mode: CreateMode, owner: SessionId) -> Kind {
        match mode {
            CreateMode::Persistent | CreateMode::PersistentSequential => Kind::Persistent,
            CreateMode::Ephemeral | CreateMode::EphemeralSequential => Kind::Ephemeral(owner),
            CreateMode::Container => Kind::Container,
            CreateMode::Ttl(ttl) | CreateMode::TtlSequential(ttl) => Kind::Ttl(ttl),
        }
    }

    /// Whether the server removes such znodes of its own accord, sessions aside.
    pub fn is_reapable(self) -> bool {
        matches!(self, Kind::Container | Kind::Ttl(_))
    }
}

/// The numbers of a znode: all that is stored of it but its name, data and ACL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Metadata {
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
    /// How many children were ever created in it, wrapping.
    pub creations: i32,
    /// How often its ACL was set, wrapping.
    pub aversion: i32,
}

/// A view of one znode.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    pub(super) slot: &'a Slot,
    pub(super) acl: &'a Arc<[Acl]>,
}

impl<'a> Node<'a> {
    /// The last component of its path; empty for the root.
    pub fn name(self) -> &'a str {
        &self.slot.name
    }

    /// Its data; null and empty are different.
    pub fn data(self) -> Option<&'a [u8]> {
        self.slot.data.as_deref()
    }

    /// Its ACL, shared with all znodes that have the same.
    pub fn acl(self) -> &'a Arc<[Acl]> {
        self.acl
    }

    /// What makes it go away.
    pub fn kind(self) -> Kind {
        self.slot.kind
    }

    /// How many children it has.
    pub fn num_children(self) -> usize {
        self.slot.children as usize
    }

    /// How many children were ever created in it, wrapping: the next sequence number.
    pub fn creations(self) -> i32 {
        self.slot.creations
    }

    /// How often its data were set, wrapping.
    pub fn version(self) -> i32 {
        self.slot.version
    }

    /// How often its ACL was set, wrapping.
    pub fn aversion(self) -> i32 {
        self.slot.aversion
    }

    /// When its data were last set.
    pub fn mtime(self) -> WallMillis {
        self.slot.mtime
    }

    /// All its numbers.
    pub fn metadata(self) -> Metadata {
        let slot = self.slot;
        Metadata {
            kind: slot.kind,
            czxid: slot.czxid,
            mzxid: slot.mzxid,
            pzxid: slot.pzxid,
            ctime: slot.ctime,
            mtime: slot.mtime,
            version: slot.version,
            creations: slot.creations,
            aversion: slot.aversion,
        }
    }

    /// The latest transaction it shows a trace of.
    pub fn newest_zxid(self) -> Zxid {
        self.slot.czxid.max(self.slot.mzxid).max(self.slot.pzxid)
    }

    /// Its metadata as clients see them.
    ///
    /// The visible cversion rises by one with every child created and with every child deleted; it
    /// follows from the creations and from the number of children there are.
    pub fn stat(self) -> Stat {
        let slot = self.slot;
        let num_children = slot.children as i32;
        let owner = match slot.kind {
            Kind::Ephemeral(owner) => owner,
            Kind::Persistent | Kind::Container | Kind::Ttl(_) => SessionId::NONE,
        };
        Stat {
            czxid: slot.czxid,
            mzxid: slot.mzxid,
            ctime: slot.ctime,
            mtime: slot.mtime,
            version: slot.version,
            cversion: slot.creations.wrapping_mul(2).wrapping_sub(num_children),
            aversion: slot.aversion,
            ephemeral_owner: owner,
            data_length: slot.data.as_ref().map_or(0, |data| data.len() as i32),
            num_children,
            pzxid: slot.pzxid,
        }
    }
}
