//! The two small files beside the segments: `identity`, which says that a log lives here, and `mark`,
//! which says how far it was durable.

use std::io;

use super::disk::{Disk, File};
use super::record::{Identity, MOST, checksum, u32_at, u64_at};
use super::scan::read_full;
use super::store::{Damage, LogId, OpenError};

/// The newest version of all formats of the log that is known here.
pub(super) const VERSION: u32 = 1;

/// The file that is there as soon as a log was ever begun.
pub(super) const IDENTITY: &str = "identity";

/// The file that is overwritten after each flush.
pub(super) const MARK: &str = "mark";

const IDENTITY_MAGIC: &[u8; 8] = b"TENUREID";
const MARK_MAGIC: &[u8; 8] = b"TENUREMK";
const IDENTITY_SIZE: usize = 32;

/// Bytes of the mark: few enough that no disk tears them.
pub(super) const MARK_SIZE: usize = 64;

/// How far the log is durable, and where it begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Mark {
    /// The last durable record.
    pub serial: u64,
    /// The index at which the first kept segment begins.
    pub first: u64,
    /// The last durable entry.
    pub last: LogId,
}

pub(super) fn encode_identity(identity: &Identity) -> [u8; IDENTITY_SIZE] {
    let mut bytes = [0; IDENTITY_SIZE];
    bytes[..8].copy_from_slice(IDENTITY_MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[16..].copy_from_slice(identity);
    let sum = headed_checksum(identity, &bytes);
    bytes[12..16].copy_from_slice(&sum.to_le_bytes());
    bytes
}

pub(super) fn encode_mark(identity: &Identity, mark: &Mark) -> [u8; MARK_SIZE] {
    let mut bytes = [0; MARK_SIZE];
    bytes[..8].copy_from_slice(MARK_MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[16..32].copy_from_slice(identity);
    let numbers = [mark.serial, mark.first, mark.last.term, mark.last.index];
    for (number, place) in numbers.iter().zip(bytes[32..].chunks_exact_mut(8)) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    let sum = headed_checksum(identity, &bytes);
    bytes[12..16].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// The identity of the directory; `None` if it has none.
pub(super) fn read_identity(disk: &dyn Disk) -> Result<Option<Identity>, OpenError> {
    let Some(bytes) = read_small(disk, IDENTITY, IDENTITY_SIZE + 1)? else { return Ok(None) };
    let damage = |found: &str| Damage {
        file: disk.shown(IDENTITY),
        offset: 0,
        found: format!("{found}; a backup of this file has the same content"),
    };
    if bytes.len() != IDENTITY_SIZE || bytes[..8] != *IDENTITY_MAGIC {
        return Err(damage("not the identity of a log").into());
    }
    known_version(disk, IDENTITY, u32_at(&bytes, 8))?;
    let identity: Identity = bytes[16..32].try_into().expect("sixteen bytes are sixteen");
    if u32_at(&bytes, 12) != headed_checksum(&identity, &bytes) {
        return Err(damage("the identity of a log with a wrong checksum").into());
    }
    Ok(Some(identity))
}

/// The mark, or why there is none to rely on.
pub(super) fn read_mark(
    disk: &dyn Disk,
    identity: &Identity,
) -> Result<Result<Mark, String>, OpenError> {
    let Some(bytes) = read_small(disk, MARK, MARK_SIZE + 1)? else {
        return Ok(Err(format!("{} is missing", disk.shown(MARK))));
    };
    let damaged = || Ok(Err(format!("{} is damaged", disk.shown(MARK))));
    if bytes.len() != MARK_SIZE || bytes[..8] != *MARK_MAGIC || bytes[16..32] != *identity {
        return damaged();
    }
    if u32_at(&bytes, 12) != headed_checksum(identity, &bytes) {
        return damaged();
    }
    known_version(disk, MARK, u32_at(&bytes, 8))?;
    let (serial, first) = (u64_at(&bytes, 32), u64_at(&bytes, 40));
    let last = LogId { term: u64_at(&bytes, 48), index: u64_at(&bytes, 56) };
    if serial.max(first).max(last.index) > MOST {
        return damaged();
    }
    Ok(Ok(Mark { serial, first, last }))
}

/// The checksum of a small file or a segment's head: all of it but bytes 12 to 15, where it stands.
pub(super) fn headed_checksum(identity: &Identity, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(checksum(identity, &bytes[..12]), &bytes[16..])
}

/// Refuses what a newer release wrote.
pub(super) fn known_version(disk: &dyn Disk, name: &str, version: u32) -> Result<(), OpenError> {
    if version <= VERSION {
        return Ok(());
    }
    Err(OpenError::Version { file: disk.shown(name), version, newest: VERSION })
}

/// The first bytes of a file; `None` if there is none.
fn read_small(disk: &dyn Disk, name: &str, most: usize) -> Result<Option<Vec<u8>>, OpenError> {
    let fault = |source| OpenError::Io { doing: format!("read of {}", disk.shown(name)), source };
    let file = match disk.open(name) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault(error)),
    };
    let mut bytes = vec![0; most];
    let read = read_full(&*file, &mut bytes, 0).map_err(fault)?;
    bytes.truncate(read);
    Ok(Some(bytes))
}

/// Writes all bytes; a short write is an error.
pub(super) fn write_all(file: &dyn File, bytes: &[u8], offset: u64) -> io::Result<()> {
    match file.write_at(bytes, offset)? {
        written if written == bytes.len() => Ok(()),
        written => Err(io::Error::new(
            io::ErrorKind::WriteZero,
            format!("only {written} of {} bytes were written", bytes.len()),
        )),
    }
}
