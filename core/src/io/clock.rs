//! Where time comes from: the machine, or a test.

pub(super) mod manual;

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use crate::base::{Moment, WallMillis, limits};
use crate::service::Now;
use manual::{Manual, Party};

/// A server looks at its clock at least that often, which is what tells a stall from a quiet hour.
pub(super) const HEARTBEAT: Duration = Duration::from_millis(20);

/// A manual clock shows this wall time at its start: 2020-01-01, in milliseconds.
const MANUAL_WALL: i64 = 1_577_836_800_000;

/// The clock of a server, and of clients. Clones show the same time.
///
/// Session time is monotonic and can be held back: what a stalled process could not hear does not
/// count as silence. Wall time is only for the times that znodes carry.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Source>);

#[derive(Debug)]
enum Source {
    Real { start: Instant, pace: Mutex<Pace> },
    Manual(Manual),
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

    /// A clock that stands still until it is advanced, by [`Clock::advance`] or
    /// [`Server::advance`](crate::server::Server::advance). Session deadlines, the limit for
    /// connections without a session, TTLs and wall time of the servers on it follow it; and
    /// everything that takes time in the clients on it, see
    /// [`Builder::clock`](crate::Builder::clock).
    pub fn manual() -> Clock {
        Clock(Arc::new(Source::Manual(Manual::default())))
    }

    /// Whether this clock only moves when it is told to.
    pub fn is_manual(&self) -> bool {
        matches!(*self.0, Source::Manual(_))
    }

    /// Moves a manual clock forward by `length`. It stops at every moment at which a server or a
    /// client on it has something to do, has it done, and goes on when all is quiet: when nothing
    /// that was sent is unread, no answer is on its way, and no callback of these clients runs. What
    /// was sent before the call counts as heard before it.
    ///
    /// Takes no time of its own but what the work takes. May be called on any thread that may block,
    /// a callback thread of a client included. Whatever does not become quiet within 5 s, because
    /// something outside of this clock has to happen first, is not waited for any longer; a callback
    /// that takes longer than 1 s neither.
    ///
    /// # Panics
    /// If the clock is not a manual one.
    pub fn advance(&self, length: Duration) {
        match &*self.0 {
            Source::Manual(manual) => manual.advance(length),
            Source::Real { .. } => panic!("only a manual clock can be advanced"),
        }
    }

    /// Session time and wall time.
    pub(crate) fn now(&self) -> Now {
        let moment = self.moment();
        let wall = match &*self.0 {
            Source::Real { .. } => {
                let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                i64::try_from(wall.as_millis()).unwrap_or(i64::MAX)
            }
            Source::Manual(_) => MANUAL_WALL + ((moment.0 - manual::START) / 1_000) as i64,
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
            Source::Manual(manual) => manual.moment(),
        }
    }

    /// From now on a manual clock stops where this party has something to do, for as long as it
    /// exists.
    pub(super) fn join(&self, party: Weak<dyn Party>) {
        if let Source::Manual(manual) = &*self.0 {
            manual.join(party);
        }
    }

    /// The manual clock, if it is one.
    pub(super) fn as_manual(&self) -> Option<&Manual> {
        match &*self.0 {
            Source::Manual(manual) => Some(manual),
            Source::Real { .. } => None,
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
