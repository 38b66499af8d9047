//! What has arrived on a connection and was not processed: the beginning of a frame, or what waits while
//! reading is suspended.
//!
//! A client that sends half a frame, or a byte now and then, keeps a buffer and a connection. The first
//! is counted, the second has an end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::ceilings::is_passed;
use super::peer::Peer;
use super::{Limit, Now, Service};
use crate::base::{Moment, limits};

/// The rest of one connection's input.
#[derive(Debug, Default)]
pub(super) struct Rest {
    bytes: AtomicUsize,
    /// Since when it has been the beginning of the same frame; 0 if it is none.
    since: AtomicU64,
}

/// What a look at a connection's input found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unprocessed {
    /// How many bytes are left.
    pub bytes: usize,
    /// Whether they wait for more of the same frame, and not for this server.
    pub is_incomplete: bool,
    /// Whether anything was taken off before them.
    pub is_new: bool,
}

impl Service {
    /// Takes note of what is left of a connection's input.
    pub fn note_rest(&self, peer: &Peer, left: Unprocessed, now: Now) {
        let rest = &peer.rest;
        let before = rest.bytes.load(Ordering::Relaxed);
        if before != left.bytes {
            rest.bytes.store(left.bytes, Ordering::Relaxed);
            self.stats.incomplete_bytes.fetch_add(left.bytes, Ordering::Relaxed);
            self.stats.incomplete_bytes.fetch_sub(before, Ordering::Relaxed);
        }
        let since = rest.since.load(Ordering::Relaxed);
        match (since != 0, left.is_incomplete) {
            (false, true) => {
                rest.since.store(now.moment.0.max(1), Ordering::Relaxed);
                if self.stats.incomplete.fetch_add(1, Ordering::Relaxed) == 0 {
                    self.look_later(now);
                }
            }
            (true, true) if left.is_new => {
                // Whoever cuts it at this moment has taken it out of the count.
                let (began, relaxed) = (now.moment.0.max(1), Ordering::Relaxed);
                let _ = rest.since.compare_exchange(since, began, relaxed, relaxed);
            }
            (true, false) => self.set_whole(peer),
            _ => {}
        }
    }

    /// A connection is gone, and its input with it.
    pub(super) fn forget_rest(&self, peer: &Peer) {
        let bytes = peer.rest.bytes.swap(0, Ordering::Relaxed);
        self.stats.incomplete_bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.set_whole(peer);
    }

    /// A connection's frame is not waited for any more.
    fn set_whole(&self, peer: &Peer) {
        if peer.rest.since.swap(0, Ordering::Relaxed) != 0 {
            self.stats.incomplete.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Whether so much has begun to arrive on other connections that no more is read from this one, whose
    /// frame is not whole.
    pub fn is_starved(&self, peer: &Peer) -> bool {
        let own = peer.rest.bytes.load(Ordering::Relaxed);
        if own <= limits::INCOMPLETE_FREE || peer.rest.since.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let all = self.stats.incomplete_bytes.load(Ordering::Relaxed);
        is_passed(all.saturating_sub(own), self.options.ceilings.incomplete_bytes)
    }

    /// Whether so much has begun to arrive on all connections that it is read in small pieces.
    pub fn is_crowded(&self) -> bool {
        let bytes = self.stats.incomplete_bytes.load(Ordering::Relaxed);
        is_passed(bytes, self.options.ceilings.incomplete_bytes)
    }

    /// When the frames that are not whole are looked at next.
    pub(super) fn next_look(&self) -> Option<Moment> {
        let is_any = self.stats.incomplete.load(Ordering::Relaxed) > 0;
        is_any.then(|| Moment(self.stats.next_look.load(Ordering::Relaxed)))
    }

    /// Cuts the connections whose frame has taken too long.
    pub(super) fn cut_incomplete(&self, now: Now) {
        if self.next_look().is_none_or(|look| look > now.moment) {
            return;
        }
        self.look_later(now);
        let timeout = self.options.ceilings.frame_timeout;
        let is_late = |peer: &&Arc<Peer>| match peer.rest.since.load(Ordering::Relaxed) {
            0 => false,
            since => Moment(since) + timeout <= now.moment,
        };
        let late: Vec<_> = self.peers.read().iter().filter(is_late).cloned().collect();
        for peer in late {
            self.set_whole(&peer);
            self.note(Limit::Incomplete, now);
            peer.cut();
        }
    }

    fn look_later(&self, now: Now) {
        let later = now.moment + self.options.ceilings.frame_timeout / 8;
        self.stats.next_look.store(later.0, Ordering::Relaxed);
    }
}
