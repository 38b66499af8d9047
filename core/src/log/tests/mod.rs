//! Tests of the log, from outside: what was flushed is read again, whatever the disk does.

mod crash;
mod damage;
mod failing;
mod format;
mod keeping;
mod numbers;
mod repairing;
mod story;
mod threads;

use std::sync::Arc;

use bytes::Bytes;

use super::sim::SimDisk;
use super::{Entry, LogId, OpenError, Options, SegmentLog, TxnLog};

/// Segments of a few records, so that a short log has many.
pub(super) fn small() -> Options {
    Options { segment: 1536, reserve: 512, step: 512, ..Options::new([7; 16]) }
}

pub(super) fn open(disk: &SimDisk) -> SegmentLog {
    try_open(disk).unwrap_or_else(|error| panic!("{error}"))
}

pub(super) fn try_open(disk: &SimDisk) -> Result<SegmentLog, OpenError> {
    SegmentLog::open(Arc::new(disk.clone()), small())
}

/// What entry `index` of a term says: bytes of many lengths that are known to belong to it.
pub(super) fn body(term: u64, index: u64) -> Bytes {
    let length = (index * 37 + term) % 190;
    (0..length).map(|at| (at ^ (index * 7) ^ (term * 31)) as u8).collect()
}

pub(super) fn entry(term: u64, index: u64) -> Entry {
    Entry { id: LogId { term, index }, body: body(term, index) }
}

/// Appends entries of a term up to and with `upto`.
pub(super) fn append(log: &SegmentLog, term: u64, upto: u64) {
    for index in log.last().index + 1..=upto {
        log.append(&[entry(term, index)], false).unwrap();
    }
}

/// Everything that a log has.
pub(super) fn all(log: &SegmentLog) -> Vec<Entry> {
    log.read(log.purged().index + 1, usize::MAX).unwrap()
}
