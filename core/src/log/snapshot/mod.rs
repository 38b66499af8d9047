//! Files that hold a whole state: written aside, synced, read back, and only then given their name.
//!
//! A snapshot says of what moment it is; what its bytes mean is not known here. `FORMAT.md` writes
//! the file down. What always holds:
//!
//! * a file with a snapshot's name was durable, and read to its end, before it had that name;
//! * whatever is wrong with a file, some checksum or count in it says so;
//! * old snapshots go only when as many newer ones as are to be kept have just been read to their
//!   ends.

mod read;
mod write;

#[cfg(test)]
pub(crate) mod tests;

pub use read::{SnapshotReader, Summary, verify};
pub use write::{SnapshotWriter, Unwritten};

use std::io;

use super::mark::read_identity;
use super::{Damage, Disk, LogId, OpenError};
use crate::base::{WallMillis, Zxid};

/// The first bytes of a snapshot.
const MAGIC: [u8; 8] = *b"tenuresn";

/// The version written, and the newest one read.
pub const VERSION: u32 = 1;

/// The most bytes in a frame before they are compressed.
pub const FRAME: usize = 256 << 10;

/// The most bytes that say who the members of an ensemble are.
pub const MAX_MEMBERSHIP: usize = 64 << 10;

/// Bytes of a header without its membership and its checksum.
const HEADER: usize = 64;

/// Bytes before those of a frame.
const FRAME_HEAD: usize = 13;

/// Bytes of a footer.
const FOOTER: usize = 33;

/// The frame holds the bytes as they are.
const PLAIN: u8 = 0;
/// The frame holds one LZ4 block.
const LZ4: u8 = 1;
/// Not a frame: the footer.
const END: u8 = 0xF0;

const PREFIX: &str = "snapshot-";
const ASIDE: &str = ".aside";

/// What moment a snapshot is of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// Of which data directory.
    pub identity: [u8; 16],
    /// The last entry of the log that is in it.
    pub last: LogId,
    /// The last transaction that is in it.
    pub zxid: Zxid,
    /// When it was taken.
    pub at: WallMillis,
    /// Who the members of the ensemble were, as bytes that are not looked at; empty for a server
    /// alone. At most [`MAX_MEMBERSHIP`] bytes.
    pub membership: Vec<u8>,
}

impl Head {
    /// The name of the file.
    pub fn name(&self) -> String {
        name_of(self.zxid, self.last.index)
    }
}

/// A snapshot by its name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SnapshotName {
    /// The last transaction in it.
    pub zxid: Zxid,
    /// The index of the last entry of the log in it.
    pub index: u64,
    /// The name of the file.
    pub name: String,
}

impl SnapshotName {
    /// `None` if no snapshot has this name.
    pub fn parse(name: &str) -> Option<SnapshotName> {
        let (zxid, index) = name.strip_prefix(PREFIX)?.split_once('-')?;
        let number = |hex: &str| u64::from_str_radix(hex, 16).ok();
        let (zxid, index) = (Zxid(number(zxid)? as i64), number(index)?);
        let parsed = SnapshotName { zxid, index, name: name_of(zxid, index) };
        (parsed.name == name).then_some(parsed)
    }
}

fn name_of(zxid: Zxid, index: u64) -> String {
    format!("{PREFIX}{:016x}-{index:016x}", zxid.0)
}

/// All snapshots, the newest first, whole or not.
///
/// # Errors
/// The directory cannot be read.
pub fn list(disk: &dyn Disk) -> io::Result<Vec<SnapshotName>> {
    let names = disk.list()?;
    let mut found: Vec<_> = names.iter().filter_map(|name| SnapshotName::parse(name)).collect();
    found.sort();
    found.reverse();
    Ok(found)
}

/// Refuses a snapshot that belongs to another data directory than the one it lies in. Where no log
/// was begun, there is none it could belong to.
///
/// # Errors
/// [`OpenError::Damage`].
pub fn check_home(disk: &dyn Disk, summary: &Summary) -> Result<(), OpenError> {
    match read_identity(disk) {
        Ok(Some(identity)) if identity != summary.head.identity => Err(Damage {
            file: disk.shown(&summary.name),
            offset: 16,
            found: "it is of another directory; `tenure restore` makes a new one of it".to_owned(),
        }
        .into()),
        _ => Ok(()),
    }
}

/// Removes what snapshots that were never finished have left. For the start, before anything is
/// written. Returns how many there were.
///
/// # Errors
/// The directory cannot be read, or a file not be removed.
pub fn remove_leftovers(disk: &dyn Disk) -> io::Result<usize> {
    let names = disk.list()?;
    let left = |name: &&String| name.starts_with(PREFIX) && name.ends_with(ASIDE);
    let left: Vec<&String> = names.iter().filter(left).collect();
    for name in &left {
        disk.remove(name)?;
    }
    if !left.is_empty() {
        disk.sync_names()?;
    }
    Ok(left.len())
}

/// What [`keep`] came to.
#[derive(Debug, Default)]
pub struct Kept {
    /// The whole ones that stay, the newest first, as many as were asked for or all there are.
    pub whole: Vec<Summary>,
    /// What is wrong with the ones that were passed on the way. They stay.
    pub broken: Vec<(SnapshotName, OpenError)>,
    /// The names that were removed.
    pub purged: Vec<SnapshotName>,
    /// Whether there are as many whole ones as were to be kept.
    pub is_full: bool,
}

impl Kept {
    /// Up to which entry nobody needs the log any more: the last one in the oldest snapshot that
    /// stays. `None` while there are fewer than are to be kept; the log then stands in for them.
    pub fn upto(&self) -> Option<LogId> {
        self.whole.last().filter(|_| self.is_full).map(|summary| summary.head.last)
    }
}

/// Removes all snapshots that are older than the newest `most` whole ones, `most` being at least 1.
/// One of another directory counts as one that is not whole.
/// Reads those to their ends first; if there are not as many, everything stays.
///
/// # Errors
/// The directory cannot be read, or a file not be removed.
pub fn keep(disk: &dyn Disk, most: usize) -> io::Result<Kept> {
    let mut kept = Kept::default();
    let mut older = list(disk)?.into_iter();
    for name in older.by_ref() {
        let verified = verify(disk, &name.name);
        match verified.and_then(|summary| check_home(disk, &summary).map(|()| summary)) {
            Ok(summary) => kept.whole.push(summary),
            Err(error) => kept.broken.push((name, error)),
        }
        kept.is_full = kept.whole.len() == most.max(1);
        if kept.is_full {
            break;
        }
    }
    for name in older {
        disk.remove(&name.name)?;
        kept.purged.push(name);
    }
    if !kept.purged.is_empty() {
        disk.sync_names()?;
    }
    Ok(kept)
}
