//! The bytes of a whole state: one item after the other, written and read in small pieces.
//!
//! What they look like is written down in `log/FORMAT.md`. An image says everything that `apply`
//! depends on but the rules, which every batch brings along. Reading believes nothing: what is
//! not exactly an item is malformed.

mod sessions;

use std::sync::Arc;

use crate::base::mode::Ttl;
use crate::base::{Acl, Perms, SessionId, WallMillis, Zxid};
use crate::session::{Ended, Registered};
use crate::tree::{Kind, Metadata};

pub(super) use sessions::{put_ended, put_session};

/// The version written, and the newest one read. Version 1 knew less of sessions.
pub const VERSION: u32 = 2;

/// The longest item that is read, in bytes. No request that makes a znode is longer.
pub(super) const MAX_ITEM: usize = 1 << 30;

const HEAD: u8 = 1;
const ACL: u8 = 2;
const SESSION_OF_VERSION_1: u8 = 3;
const ZNODE: u8 = 4;
const END: u8 = 5;
const SESSION: u8 = 6;
const ENDED: u8 = 7;

/// The kind of a znode, in the lowest bits of its flags.
const KIND: u8 = 0b11;
const EPHEMERAL: u8 = 1;
const CONTAINER: u8 = 2;
const TTL: u8 = 3;
/// It has data, of any length.
const DATA: u8 = 1 << 2;
/// `mzxid` and `mtime` differ from `czxid` and `ctime`, and follow.
const SET: u8 = 1 << 3;
/// `pzxid` differs from `czxid` and follows.
const PARENT: u8 = 1 << 4;
/// A counter is not 0; all three follow.
const COUNTERS: u8 = 1 << 5;
const KNOWN: u8 = KIND | DATA | SET | PARENT | COUNTERS;

/// The parent of the root.
const NOBODY: u32 = u32::MAX;

/// How much of each there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// ACLs that were written.
    pub acls: u64,
    /// Sessions.
    pub sessions: u64,
    /// Znodes, the root among them.
    pub znodes: u64,
}

/// One item. The image begins with a head and ends with an end; ACLs come before who has them.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Item<'a> {
    Head { version: u32, last_zxid: Zxid },
    Acl(Vec<Acl>),
    Session(SessionId, Registered),
    Ended(Ended),
    Znode(ZnodeItem<'a>),
    End(Counts),
}

/// A znode in an image.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ZnodeItem<'a> {
    pub(super) number: u32,
    pub(super) parent: Option<u32>,
    /// Which of the image's ACLs, in the order in which they came.
    pub(super) acl: u32,
    pub(super) metadata: Metadata,
    pub(super) name: &'a str,
    pub(super) data: Option<&'a [u8]>,
}

pub(super) fn put_head(out: &mut Vec<u8>, last_zxid: Zxid) {
    out.push(HEAD);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&last_zxid.0.to_le_bytes());
}

pub(super) fn put_acl(out: &mut Vec<u8>, list: &Arc<[Acl]>) {
    out.push(ACL);
    put_entries(out, list);
}

fn put_entries(out: &mut Vec<u8>, list: &[Acl]) {
    put_length(out, list.len());
    for acl in list {
        out.extend_from_slice(&acl.perms.0.to_le_bytes());
        put_bytes(out, acl.id.scheme.as_bytes());
        put_bytes(out, acl.id.id.as_bytes());
    }
}

pub(super) fn put_znode(out: &mut Vec<u8>, znode: &ZnodeItem<'_>) {
    let of = &znode.metadata;
    let (kind, detail) = match of.kind {
        Kind::Persistent => (0, None),
        Kind::Ephemeral(owner) => (EPHEMERAL, Some(owner.0)),
        Kind::Container => (CONTAINER, None),
        Kind::Ttl(ttl) => (TTL, Some(ttl.millis())),
    };
    let flag = |is: bool, flag: u8| if is { flag } else { 0 };
    let set = flag((of.mzxid, of.mtime) != (of.czxid, of.ctime), SET);
    let parent = flag(of.pzxid != of.czxid, PARENT);
    let counters = flag((of.version, of.creations, of.aversion) != (0, 0, 0), COUNTERS);
    out.push(ZNODE);
    out.push(kind | flag(znode.data.is_some(), DATA) | set | parent | counters);
    for int in [znode.number, znode.parent.unwrap_or(NOBODY), znode.acl] {
        out.extend_from_slice(&int.to_le_bytes());
    }
    let mut long = |value: i64| out.extend_from_slice(&value.to_le_bytes());
    long(of.czxid.0);
    long(of.ctime.0);
    detail.into_iter().for_each(&mut long);
    if set != 0 {
        long(of.mzxid.0);
        long(of.mtime.0);
    }
    if parent != 0 {
        long(of.pzxid.0);
    }
    if counters != 0 {
        for int in [of.version, of.creations, of.aversion] {
            out.extend_from_slice(&int.to_le_bytes());
        }
    }
    put_bytes(out, znode.name.as_bytes());
    if let Some(data) = znode.data {
        put_bytes(out, data);
    }
}

pub(super) fn put_end(out: &mut Vec<u8>, counts: Counts) {
    out.push(END);
    for count in [counts.acls, counts.sessions, counts.znodes] {
        out.extend_from_slice(&count.to_le_bytes());
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_length(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    let length = u32::try_from(length).expect("no request is this long");
    out.extend_from_slice(&length.to_le_bytes());
}

/// Why there is no item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Missing {
    /// The bytes end before it does.
    More,
    /// No item begins like this.
    Malformed,
}

/// Takes one item from the front of `bytes`.
pub(super) fn take<'a>(bytes: &mut &'a [u8]) -> Result<Item<'a>, Missing> {
    let mut rest = Rest(bytes);
    let item = match rest.byte()? {
        HEAD => Item::Head { version: rest.int()? as u32, last_zxid: Zxid(rest.long()?) },
        ACL => Item::Acl(rest.acl()?),
        SESSION_OF_VERSION_1 => rest.session_of_version_1()?,
        SESSION => rest.session()?,
        ENDED => rest.ended()?,
        ZNODE => Item::Znode(rest.znode()?),
        END => {
            let mut count = || rest.long().map(|count| count as u64);
            Item::End(Counts { acls: count()?, sessions: count()?, znodes: count()? })
        }
        _ => return Err(Missing::Malformed),
    };
    *bytes = rest.0;
    Ok(item)
}

/// Bytes that were not taken yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Missing> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(Missing::More)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, Missing> {
        self.array().map(|[byte]: [u8; 1]| byte)
    }

    fn int(&mut self) -> Result<i32, Missing> {
        self.array().map(i32::from_le_bytes)
    }

    fn long(&mut self) -> Result<i64, Missing> {
        self.array().map(i64::from_le_bytes)
    }

    fn bytes(&mut self) -> Result<&'a [u8], Missing> {
        let length = self.int()? as u32 as usize;
        if length > MAX_ITEM {
            return Err(Missing::Malformed);
        }
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Missing::More)?;
        self.0 = rest;
        Ok(taken)
    }

    fn text(&mut self) -> Result<&'a str, Missing> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Missing::Malformed)
    }

    fn acl(&mut self) -> Result<Vec<Acl>, Missing> {
        let count = self.int()? as u32;
        let mut list = Vec::new();
        for _ in 0..count {
            let perms = Perms(self.int()?);
            let (scheme, id) = (self.text()?, self.text()?);
            list.push(Acl::new(perms, scheme, id));
        }
        Ok(list)
    }

    fn znode(&mut self) -> Result<ZnodeItem<'a>, Missing> {
        let flags = self.byte()?;
        if flags & !KNOWN != 0 {
            return Err(Missing::Malformed);
        }
        let has = |flag| flags & flag != 0;
        let [number, parent, acl] = [self.int()? as u32, self.int()? as u32, self.int()? as u32];
        let czxid = Zxid(self.long()?);
        let ctime = WallMillis(self.long()?);
        let kind = match flags & KIND {
            EPHEMERAL => Kind::Ephemeral(SessionId(self.long()?)),
            CONTAINER => Kind::Container,
            TTL => Kind::Ttl(Ttl::new(self.long()?).ok_or(Missing::Malformed)?),
            _ => Kind::Persistent,
        };
        let (mzxid, mtime) = match has(SET) {
            true => (Zxid(self.long()?), WallMillis(self.long()?)),
            false => (czxid, ctime),
        };
        let pzxid = if has(PARENT) { Zxid(self.long()?) } else { czxid };
        let [version, creations, aversion] = match has(COUNTERS) {
            true => [self.int()?, self.int()?, self.int()?],
            false => [0; 3],
        };
        let metadata =
            Metadata { kind, czxid, mzxid, pzxid, ctime, mtime, version, creations, aversion };
        let name = self.text()?;
        let data = if has(DATA) { Some(self.bytes()?) } else { None };
        let parent = (parent != NOBODY).then_some(parent);
        Ok(ZnodeItem { number, parent, acl, metadata, name, data })
    }
}
