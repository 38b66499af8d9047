//! A log that can hold its flushes back, and tells how far it is durable.

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};

use crate::log::{AppendError, Damage, Entry, Failed, LogId, SegmentLog, TxnLog};

/// The log of one member, as a server alone has it.
pub(super) struct Held {
    log: SegmentLog,
    is_held: Mutex<bool>,
    released: Condvar,
    durable: Mutex<u64>,
}

impl Held {
    pub(super) fn new(log: SegmentLog) -> Held {
        let durable = Mutex::new(log.last().index);
        Held { log, is_held: Mutex::new(false), released: Condvar::new(), durable }
    }

    /// From now on no flush returns, until [`Held::release`].
    pub(super) fn hold(&self) {
        *self.is_held.lock() = true;
    }

    pub(super) fn release(&self) {
        *self.is_held.lock() = false;
        self.released.notify_all();
    }

    /// The last entry that a flush has returned for.
    pub(super) fn durable(&self) -> u64 {
        *self.durable.lock()
    }
}

impl TxnLog for Held {
    fn flush(&self) -> Result<(), Failed> {
        let last = self.log.last().index;
        let mut is_held = self.is_held.lock();
        while *is_held {
            self.released.wait(&mut is_held);
        }
        drop(is_held);
        self.log.flush()?;
        *self.durable.lock() = last;
        Ok(())
    }

    fn last(&self) -> LogId {
        self.log.last()
    }

    fn purged(&self) -> LogId {
        self.log.purged()
    }

    fn append(&self, entries: &[Entry], reserve: bool) -> Result<(), AppendError> {
        self.log.append(entries, reserve)
    }

    fn truncate(&self, last: u64) -> Result<(), Failed> {
        self.log.truncate(last)
    }

    fn purge(&self, upto: u64) -> Result<(), Failed> {
        self.log.purge(upto)
    }

    fn reset(&self, last: LogId) -> Result<(), Failed> {
        self.log.reset(last)
    }

    fn read(&self, from: u64, bytes: usize) -> Result<Vec<Entry>, Damage> {
        self.log.read(from, bytes)
    }

    fn keep_note(&self, note: &[u8]) -> Result<(), Failed> {
        self.log.keep_note(note)
    }

    fn note(&self) -> Bytes {
        self.log.note()
    }

    fn bytes(&self) -> u64 {
        self.log.bytes()
    }
}
