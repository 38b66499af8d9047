//! Where time comes from: the machine, or a test.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use crate::base::{Moment, WallMillis, limits};
use crate::service::Now;

/// A server looks at its clock at least that often, which is what tells a stall from a quiet hour.
pub(super) const HEARTBEAT: Duration = Duration::from_millis(20);

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
    Real { start: Instant, pace: Mutex<Pace> },
    Manual { now: AtomicU64 },
}

/// Session time on a machine's clock: it goes on with it, and leaves out the stalls.
///
/// The expiry thread looks every [`HEARTBEAT`]. When nobody has looked for much longer, the process
/// stood still, and nobody was there to hear. Whoever looks first afterwards sees time go on from
/// where it stopped; so no deadline is judged by, or counted from, a time that is taken back later.
#[derive(Debug, Default)]
struct Pace {
    /// The last look, in microseconds since the start of the machine's clock.
    looked: u64,
    /// What was left out so far, in microseconds.
    left_out: u64,
}

impl Pace {
    /// Session time at `elapsed` microseconds.
    fn look(&mut self, elapsed: u64) -> Moment {
        let gap = elapsed.saturating_sub(self.looked);
        if gap > (HEARTBEAT + limits::STALL).as_micros() as u64 {
            self.left_out += gap;
        }
        self.looked = self.looked.max(elapsed);
        // One microsecond up, for zero is the mark of a lease that has ended.
        Moment(1 + self.looked - self.left_out)
    }
}

impl Clock {
    /// The machine's clocks.
    pub fn real() -> Clock {
        Clock(Arc::new(Source::Real { start: Instant::now(), pace: Mutex::default() }))
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

    /// Session time and wall time.
    pub(crate) fn now(&self) -> Now {
        let moment = self.moment();
        let wall = match &*self.0 {
            Source::Real { .. } => {
                let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                i64::try_from(wall.as_millis()).unwrap_or(i64::MAX)
            }
            Source::Manual { .. } => MANUAL_WALL + ((moment.0 - MANUAL_START) / 1_000) as i64,
        };
        Now { moment, wall: WallMillis(wall) }
    }

    /// Session time alone.
    pub(crate) fn moment(&self) -> Moment {
        match &*self.0 {
            Source::Real { start, pace } => {
                let elapsed = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
                pace.lock().look(elapsed)
            }
            Source::Manual { now } => Moment(now.load(Ordering::Acquire)),
        }
    }

    /// Moves a manual clock forward to `moment`; never back.
    pub(crate) fn move_to(&self, moment: Moment) {
        if let Source::Manual { now } = &*self.0 {
            now.fetch_max(moment.0, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn s3_a_stall_takes_no_session_time() {
        let mut pace = Pace::default();
        let looks = (0..=500).map(|beat| pace.look(beat * 20_000));
        assert_eq!(looks.last(), Some(Moment(1 + 10 * SECOND)), "as long as somebody looks");
        assert_eq!(pace.look(3_600 * SECOND), Moment(1 + 10 * SECOND), "an hour without a look");
        assert_eq!(pace.look(3_600 * SECOND + 5), Moment(6 + 10 * SECOND), "it goes on");
    }

    #[test]
    fn session_time_never_goes_back() {
        let mut pace = Pace::default();
        let first = pace.look(90_000);
        assert_eq!(pace.look(80_000), first);
        assert!(pace.look(9 * SECOND) >= first);
    }
}
