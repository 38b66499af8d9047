//! One record of the log as bytes: what an entry or a note looks like in a segment.

use bytes::Bytes;

use super::faults::Faults;
use super::store::{LogId, MAX_BODY};

/// The bytes of a record before its body.
pub(super) const HEAD: usize = 40;

/// The highest index and serial that are believed: there is always a next one, and no log comes
/// this far.
pub(super) const MOST: u64 = i64::MAX as u64;

/// The longest note.
pub(super) const MAX_NOTE: usize = 4096;

/// Everything that marks the files of one directory as its own: part of every checksum, so that a
/// record of another log is never taken for one of this.
pub(super) type Identity = [u8; 16];

/// What a record holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// An entry.
    Entry = 1,
    /// The note, from here on.
    Note = 2,
}

/// A record without its body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Head {
    pub kind: Kind,
    /// Bytes of the body.
    pub length: u32,
    /// How many serials, with this one, were not yet durable when it was written.
    pub lag: u32,
    /// Rises by one from record to record, over all segments, and is never used again.
    pub serial: u64,
    /// The entry's place; of a note the place of the entry before it.
    pub id: LogId,
}

/// A record that was read and found whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Record {
    pub head: Head,
    pub body: Bytes,
}

/// The bytes that a record with a body of this length takes.
pub(super) fn space(body: usize) -> usize {
    HEAD + body.next_multiple_of(8)
}

/// The serial up to which the log was durable when this record was written.
pub(super) fn durable(head: &Head) -> u64 {
    head.serial - u64::from(head.lag).min(head.serial)
}

/// Appends a record to `buffer`.
pub(super) fn encode(buffer: &mut Vec<u8>, identity: &Identity, head: &Head, body: &[u8]) {
    debug_assert_eq!(head.length as usize, body.len(), "the head speaks of its body");
    let start = buffer.len();
    buffer.extend_from_slice(&[0; 4]);
    buffer.extend_from_slice(&head.length.to_le_bytes());
    buffer.extend_from_slice(&(head.kind as u16).to_le_bytes());
    buffer.extend_from_slice(&[0; 2]);
    buffer.extend_from_slice(&head.lag.to_le_bytes());
    buffer.extend_from_slice(&head.serial.to_le_bytes());
    buffer.extend_from_slice(&head.id.term.to_le_bytes());
    buffer.extend_from_slice(&head.id.index.to_le_bytes());
    buffer.extend_from_slice(body);
    buffer.resize(start + space(body.len()), 0);
    let sum = head_checksum(identity, &buffer[start..start + HEAD]);
    buffer[start + 10..start + 12].copy_from_slice(&sum.to_le_bytes());
    let sum = checksum(identity, &buffer[start + 4..]);
    buffer[start..start + 4].copy_from_slice(&sum.to_le_bytes());
}

/// What the first bytes of a record say, or why they cannot be one. Nothing is known to be true
/// before the whole record was checked; but whoever does not know the identity cannot write bytes
/// that are often taken for a head.
pub(super) fn decode_head(
    bytes: &[u8; HEAD],
    identity: &Identity,
    faults: Faults,
) -> Result<Head, String> {
    let is_head = u16_at(bytes, 10) == head_checksum(identity, bytes);
    let kind = match u16_at(bytes, 8) {
        _ if !is_head && !faults.ignores_checksums() => {
            return Err("the head of a record with a wrong checksum".to_owned());
        }
        1 => Kind::Entry,
        2 => Kind::Note,
        other => return Err(format!("a record of unknown kind {other}")),
    };
    let length = u32_at(bytes, 4);
    let most = if kind == Kind::Entry { MAX_BODY } else { MAX_NOTE };
    if length as usize > most {
        return Err(format!("a record of {length} bytes, {most} at most"));
    }
    let id = LogId { term: u64_at(bytes, 24), index: u64_at(bytes, 32) };
    Ok(Head { kind, length, lag: u32_at(bytes, 12), serial: u64_at(bytes, 16), id })
}

/// Whether all bytes of a record are as they were written.
pub(super) fn is_whole(bytes: &[u8], identity: &Identity, faults: Faults) -> bool {
    u32_at(bytes, 0) == checksum(identity, &bytes[4..]) || faults.ignores_checksums()
}

/// Half a checksum of a head, of all but the two checksums in it.
fn head_checksum(identity: &Identity, head: &[u8]) -> u16 {
    crc32c::crc32c_append(checksum(identity, &head[4..10]), &head[12..HEAD]) as u16
}

/// The checksum of bytes that belong to one directory: CRC-32C of its identity and them.
pub(super) fn checksum(identity: &Identity, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(identity), bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().expect("two bytes are two"))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes are four"))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes are eight"))
}
