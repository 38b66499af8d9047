//! A disk that becomes full: writes that need room are refused while closes and deletes still work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::base::limits;
use crate::log::Disk;
use crate::service::{DiskStats, Service};

/// Whether there is room, as far as it was looked at.
pub(super) struct Space {
    disk: Arc<dyn Disk>,
    /// Bytes that have to be free for writes that need room.
    least: u64,
    /// Where it says so, for the figures to show.
    service: Arc<Service>,
    /// Bytes of the log's own room that were used up since there is no other.
    spent: AtomicU64,
}

impl Space {
    pub(super) fn new(disk: Arc<dyn Disk>, least: u64, service: Arc<Service>) -> Space {
        let space = Space { disk, least, service, spent: AtomicU64::new(0) };
        space.look();
        space
    }

    /// Whether writes that need room are refused.
    pub(super) fn is_full(&self) -> bool {
        self.flag().load(Ordering::Relaxed)
    }

    /// The log found no room, whatever was free at the last look.
    pub(super) fn ran_out(&self) {
        self.set(true, "the log cannot be extended");
    }

    /// Whether this many bytes of the log's own room may be used up, and are from now on. What ends
    /// sessions does not ask.
    pub(super) fn spend(&self, bytes: usize) -> bool {
        let take = |spent: u64| {
            let spent = spent.saturating_add(bytes as u64);
            (spent <= limits::RESERVE_FOR_REQUESTS).then_some(spent)
        };
        self.spent.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// The log found room of the disk's, and has all of its own again.
    pub(super) fn found_room(&self) {
        self.spent.store(0, Ordering::Relaxed);
    }

    /// Looks how much is free. It takes twice the least to be trusted again, so that a disk on the
    /// edge does not change its mind with every write.
    pub(super) fn look(&self) {
        let Ok(free) = self.disk.free() else { return };
        let least = if self.is_full() { self.least.saturating_mul(2) } else { self.least };
        self.set(free < least, &format!("{free} bytes are free, {least} are needed"));
    }

    fn flag(&self) -> &AtomicBool {
        &self.service.stats.disk.get_or_init(DiskStats::default).is_full
    }

    fn set(&self, is_full: bool, why: &str) {
        if self.flag().swap(is_full, Ordering::Relaxed) == is_full {
            return;
        }
        if is_full {
            tracing::error!(
                "the disk is full: {why}. Only deletes, closes and new sessions are accepted until \
                 there is room"
            );
        } else {
            tracing::info!("the disk has room again: {why}. All writes are accepted");
        }
    }
}
