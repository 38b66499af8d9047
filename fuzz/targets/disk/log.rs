//! A directory whose identity is right and whose segments and mark are anything.
//!
//! The first byte says whether there is a mark, and whether checksums are put right: without them
//! hardly anything that is made up gets further than to the first one. Then come the mark's numbers,
//! then segments, each with two bytes of its length in front.

use std::sync::Arc;

use bytes::Bytes;
use tenure::log::repair::{repair, verify};
use tenure::log::{Entry, LogId, Options, SegmentLog, TxnLog};

use crate::memory::Memory;

const IDENTITY: [u8; 16] = [7; 16];
/// Bytes of a segment's head without its note, and of a record's head.
const HEAD: usize = 64;
const RECORD: usize = 40;
const MOST_NOTE: usize = 4096;
/// The numbers of a mark.
const MARK: usize = 32;

/// Opens the directory; what is refused has to open after a repair, what is served goes on.
pub fn open(bytes: &[u8]) {
    let Some(disk) = directory(bytes) else { return };
    let report = verify(&disk);
    match SegmentLog::open(Arc::new(disk.copy()), small()) {
        Ok(log) => {
            assert!(report.is_ok_and(|report| report.is_whole()), "what is refused is not opened");
            go_on(log);
        }
        Err(_) => {
            let is_repaired = repair(&disk, &small(), LogId::default()).is_ok();
            if is_repaired {
                go_on(SegmentLog::open(Arc::new(disk), small()).expect("it was repaired"));
            }
        }
    }
}

/// Reads everything, and sees that the next entry is behind it.
fn go_on(log: SegmentLog) {
    let first = log.purged().index + 1;
    let mut entries = log.read(first, usize::MAX).expect("it was read before");
    let LogId { term, index } = log.last();
    assert_eq!(entries.last().map_or(log.purged(), |last| last.id), log.last());
    let entry = Entry { id: LogId { term, index: index + 1 }, body: Bytes::from_static(b"next") };
    log.append(std::slice::from_ref(&entry), false).expect("there is room");
    log.flush().expect("the disk works");
    entries.push(entry);
    assert_eq!(log.read(first, usize::MAX).expect("it was just written"), entries);
}

fn small() -> Options {
    Options { segment: 1536, reserve: 512, step: 512, ..Options::new(IDENTITY) }
}

fn directory(bytes: &[u8]) -> Option<Memory> {
    let disk = Memory::default();
    disk.put("identity", head(b"TENUREID", &[]));
    let (&flags, mut rest) = bytes.split_first()?;
    if flags & 1 != 0 {
        let (numbers, segments) = rest.split_at_checked(MARK)?;
        disk.put("mark", head(b"TENUREMK", numbers));
        rest = segments;
    }
    while let Some((length, behind)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_le_bytes(*length)).min(behind.len());
        let (segment, behind) = behind.split_at(length);
        let mut segment = segment.to_vec();
        if flags & 2 != 0 {
            put_right(&mut segment);
        }
        let before = segment.get(48..56).map_or(0, |bytes| number(bytes));
        disk.put(&format!("log-{:016x}", before.wrapping_add(1)), segment);
        rest = behind;
    }
    Some(disk)
}

/// A small file: magic, version, checksum, identity, and the rest.
fn head(magic: &[u8; 8], rest: &[u8]) -> Vec<u8> {
    let mut bytes = [magic, &[1, 0, 0, 0, 0, 0, 0, 0], &IDENTITY[..], rest].concat();
    put_head_right(&mut bytes);
    bytes
}

/// Makes all checksums of a segment right, as far as it looks like one.
fn put_right(segment: &mut [u8]) {
    if segment.len() < HEAD {
        return;
    }
    segment[..12].copy_from_slice(b"TENURELG\x01\0\0\0");
    segment[16..32].copy_from_slice(&IDENTITY);
    let note = number(&segment[60..64]) as usize;
    let mut at = HEAD + note.min(MOST_NOTE).next_multiple_of(8);
    if at > segment.len() {
        return;
    }
    put_head_right(&mut segment[..at]);
    while let Some(record) = segment.get_mut(at..).filter(|rest| rest.len() >= RECORD) {
        let body = number(&record[4..8]) as usize;
        let space = RECORD.saturating_add(body.min(1 << 20).next_multiple_of(8));
        let Some(record) = record.get_mut(..space) else { return };
        let half = crc32c::crc32c_append(sum(&record[4..10]), &record[12..RECORD]) as u16;
        record[10..12].copy_from_slice(&half.to_le_bytes());
        let whole = sum(&record[4..]);
        record[..4].copy_from_slice(&whole.to_le_bytes());
        at += space;
    }
}

fn put_head_right(bytes: &mut [u8]) {
    let sum = crc32c::crc32c_append(sum(&bytes[..12]), &bytes[16..]);
    bytes[12..16].copy_from_slice(&sum.to_le_bytes());
}

fn sum(bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&IDENTITY), bytes)
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}
