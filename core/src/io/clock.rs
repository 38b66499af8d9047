//! Where time comes from: the machine, or a test.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::base::{Moment, WallMillis};
use crate::service::Now;

/// A manual clock starts here, so that nothing a test computes falls below zero. In microseconds.
const MANUAL_START: u64 = 1_000_000_000;

/// A manual clock shows this wall time at its start: 2020-01-01, in milliseconds.
const MANUAL_WALL: i64 = 1_577_836_800_000;

/// The clock of one server. Clones show the same time.
///
/// Session time is monotonic and can be held back: what a stalled process could not hear does not
/// count as silence. Wall time is only for the times that znodes carry.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Source>);

#[derive(Debug)]
enum Source {
    Real { start: Instant, forgiven: AtomicU64 },
    Manual { now: AtomicU64 },
}

impl Clock {
    /// The machine's clocks.
    pub fn real() -> Clock {
        Clock(Arc::new(Source::Real { start: Instant::now(), forgiven: AtomicU64::new(0) }))
    }

    /// A clock that stands still until it is advanced, by
    /// [`Server::advance`](crate::server::Server::advance). Session deadlines, the limit for
    /// connections without a session, TTLs and wall time all follow it.
    pub fn manual() -> Clock {
        Clock(Arc::new(Source::Manual { now: AtomicU64::new(MANUAL_START) }))
    }

    /// Whether this clock only moves when it is told to.
    pub fn is_manual(&self) -> bool {
        matches!(*self.0, Source::Manual { .. })
    }

    pub(crate) fn now(&self) -> Now {
        match &*self.0 {
            Source::Real { start, forgiven } => {
                let elapsed = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
                // One microsecond up, for zero is the mark of a lease that has ended.
                let moment = 1 + elapsed.saturating_sub(forgiven.load(Ordering::Relaxed));
                let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let wall = i64::try_from(wall.as_millis()).unwrap_or(i64::MAX);
                Now { moment: Moment(moment), wall: WallMillis(wall) }
            }
            Source::Manual { now } => {
                let moment = now.load(Ordering::Acquire);
                let wall = MANUAL_WALL + ((moment - MANUAL_START) / 1_000) as i64;
                Now { moment: Moment(moment), wall: WallMillis(wall) }
            }
        }
    }

    /// Holds session time back by `stall`.
    pub(crate) fn forgive(&self, stall: Duration) {
        if let Source::Real { forgiven, .. } = &*self.0 {
            let micros = u64::try_from(stall.as_micros()).unwrap_or(u64::MAX);
            forgiven.fetch_add(micros, Ordering::Relaxed);
        }
    }

    /// Moves a manual clock forward to `moment`; never back.
    pub(crate) fn move_to(&self, moment: Moment) {
        if let Source::Manual { now } = &*self.0 {
            now.fetch_max(moment.0, Ordering::AcqRel);
        }
    }
}
