//! Snapshots as Apache writes them, of releases 3.4 to 3.9.
//!
//! A snapshot is fuzzy: it was written while the server went on, so it can hold effects of
//! transactions behind the one in its name. The log from that one on makes it right.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;

use super::owner::Owner;
use super::state::{State, Znode, parent};
use super::stream::{Result, Stream};
use crate::base::{Acl, SessionId, WallMillis, Zxid};

/// The first four bytes, `ZKSN`.
pub(super) const MAGIC: i32 = 0x5A4B_534E;

/// The version of the format since the first release.
pub(super) const VERSION: i32 = 2;

/// The path that stands behind the last znode, and in every seal.
const END: &str = "/";

/// The ACL number of znodes that are open to everybody.
pub(super) const OPEN: i64 = -1;

/// The digest whose calculation is known.
pub(super) const DIGEST_VERSION: i32 = 2;

/// The longest known end of a file: two sections, one with a digest in text.
const MOST_AT_END: usize = 1 << 10;

/// The length of a seal.
const SEAL: usize = 13;

/// What a snapshot holds.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Snapshot {
    /// Znodes and sessions.
    pub state: State,
    /// The digest of the tree, and the transaction after which the tree had it.
    pub digest: Option<(Zxid, u64)>,
    /// The transaction in its name, as the file itself has it since release 3.9.
    pub zxid: Option<Zxid>,
}

/// Reads a snapshot to its end. `progress` hears now and then that it goes on.
pub(super) fn read<R: Read>(
    stream: &mut Stream<R>,
    progress: &mut dyn FnMut(),
) -> Result<Snapshot> {
    if stream.int()? != MAGIC {
        return Err(stream.damage("not a snapshot of Apache ZooKeeper".to_owned()));
    }
    let version = stream.int()?;
    if version != VERSION {
        return Err(stream.damage(format!("snapshot version {version}, not {VERSION}")));
    }
    stream.long()?;
    let mut state = State::default();
    for _ in 0..count(stream)? {
        let session = SessionId(stream.long()?);
        let timeout = stream.int()?;
        state.begin(session, timeout);
    }
    let mut acls = BTreeMap::new();
    for _ in 0..count(stream)? {
        let key = stream.long()?;
        let acl = stream.acl()?;
        acls.insert(key, state.shared(acl));
    }
    acls.insert(OPEN, state.shared(Acl::open_unsafe()));
    let mut znodes = 0_u32;
    while let Some((path, znode)) = znode(stream, &acls, &state)? {
        if state.insert(path, znode).is_some() {
            return Err(stream.damage("a path that was there before".to_owned()));
        }
        znodes = znodes.wrapping_add(1);
        if znodes.is_multiple_of(4096) {
            progress();
        }
    }
    if state.get("").is_none() {
        return Err(stream.damage("no root".to_owned()));
    }
    let sum = stream.sum();
    if stream.long()? != i64::from(sum) || stream.string()? != END {
        return Err(stream.damage("the checksum is not that of the bytes before it".to_owned()));
    }
    let (digest, zxid) = sections(stream)?;
    progress();
    Ok(Snapshot { state, digest, zxid })
}

fn count<R: Read>(stream: &mut Stream<R>) -> Result<i32> {
    match stream.int()? {
        count if count < 0 => Err(stream.damage(format!("a count of {count}"))),
        count => Ok(count),
    }
}

/// The next znode; `None` at the mark behind the last one.
fn znode<R: Read>(
    stream: &mut Stream<R>,
    acls: &BTreeMap<i64, Arc<[Acl]>>,
    state: &State,
) -> Result<Option<(String, Znode)>> {
    let path = stream.string()?;
    if path == END {
        return Ok(None);
    }
    let is_placed = match parent(&path) {
        Some(above) => state.get(above).is_some(),
        None => path.is_empty(),
    };
    if !is_placed {
        return Err(stream.damage(format!("the path {path:?} without the one above")));
    }
    let data = stream.buffer()?;
    let key = stream.long()?;
    let Some(acl) = acls.get(&key) else {
        return Err(stream.damage(format!("the ACL number {key}, which stands for nothing")));
    };
    let znode = Znode {
        data,
        acl: Arc::clone(acl),
        czxid: Zxid(stream.long()?),
        mzxid: Zxid(stream.long()?),
        ctime: WallMillis(stream.long()?),
        mtime: WallMillis(stream.long()?),
        version: stream.int()?,
        cversion: stream.int()?,
        aversion: stream.int()?,
        owner: Owner(stream.long()?),
        pzxid: Zxid(stream.long()?),
    };
    Ok(Some((path, znode)))
}

/// A digest and the transaction it belongs to; the transaction in the snapshot's name.
type Sections = (Option<(Zxid, u64)>, Option<Zxid>);

/// What stands behind the first seal: nothing up to 3.5, a digest since 3.6, a zxid since 3.9.
fn sections<R: Read>(stream: &mut Stream<R>) -> Result<Sections> {
    let rest = stream.rest(MOST_AT_END)?;
    let mut end = End { rest: rest.clone(), stream };
    Ok(match rest.len() {
        0 => (None, None),
        21 => (None, Some(end.zxid()?)),
        _ => {
            let digest = end.digest()?;
            let zxid = if end.rest.is_empty() { None } else { Some(end.zxid()?) };
            if !end.rest.is_empty() {
                return Err(end.stream.damage("bytes behind the end".to_owned()));
            }
            (digest, zxid)
        }
    })
}

/// The sections at the end, each with a seal over everything before.
struct End<'a, R> {
    rest: Bytes,
    stream: &'a mut Stream<R>,
}

impl<R: Read> End<'_, R> {
    fn zxid(&mut self) -> Result<Zxid> {
        let mut section = self.open();
        let zxid = Zxid(section.long()?);
        let length = section.offset();
        self.seal(length as usize)?;
        Ok(zxid)
    }

    fn digest(&mut self) -> Result<Option<(Zxid, u64)>> {
        let mut section = self.open();
        let zxid = Zxid(section.long()?);
        let version = section.int()?;
        // Versions before 2 have it in hex, by another calculation.
        let digest = if version < DIGEST_VERSION {
            section.string()?;
            0
        } else {
            section.long()? as u64
        };
        let length = section.offset();
        self.seal(length as usize)?;
        let is_known = version == DIGEST_VERSION && zxid != Zxid::ZERO;
        Ok(is_known.then_some((zxid, digest)))
    }

    fn open(&self) -> Stream<std::io::Cursor<Bytes>> {
        let left = self.rest.len() as u64;
        Stream::new(std::io::Cursor::new(self.rest.clone()), self.stream.file(), Some(left))
    }

    /// Takes a section of this length and the seal behind it.
    fn seal(&mut self, section: usize) -> Result<()> {
        if self.rest.len() < section + SEAL {
            return Err(self.stream.damage("the file ends inside a seal".to_owned()));
        }
        let section = self.rest.split_to(section);
        let seal = self.rest.split_to(SEAL);
        let sum = self.stream.pass(&section);
        let expected = [&i64::from(sum).to_be_bytes()[..], &[0, 0, 0, 1, b'/']].concat();
        if seal != expected {
            let found = "the checksum is not that of the bytes before it";
            return Err(self.stream.damage(found.to_owned()));
        }
        self.stream.pass(&seal);
        Ok(())
    }
}
