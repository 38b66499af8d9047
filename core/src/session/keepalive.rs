//! The client's half of a session: when to speak, when to leave a silent server, and how long the
//! session may be believed alive.
//!
//! Not replicated and not shared: one client's own book-keeping. Times are arguments. What always
//! holds: a client that follows [`Keepalive::ping_at`] is heard at least every third of its timeout,
//! and no server, whoever answered, can expire the session before [`safe_until`].

use std::time::Duration;

use crate::base::{Millis, Moment};

/// The longest a client with a long timeout keeps quiet: middleboxes forget quiet connections.
const QUIET_MOST: Duration = Duration::from_secs(10);

/// The clocks of one connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Keepalive {
    timeout: Millis,
    quiet: Duration,
    sent: Moment,
    heard: Moment,
}

impl Keepalive {
    /// A connection whose last frame went out at `sent` and was answered at `heard`, for a session
    /// that is kept safe by `margin`; see [`safe_until`].
    pub fn new(
        timeout: Millis,
        margin: Option<Duration>,
        sent: Moment,
        heard: Moment,
    ) -> Keepalive {
        let third = timeout.duration() / 3;
        // With a wide margin an answer keeps the session safe for less long.
        let safe = safe_until(Moment(0), timeout, margin).since(Moment(0));
        let quiet = third.min(QUIET_MOST).min(safe / 2);
        Keepalive { timeout, quiet, sent, heard }
    }

    /// A frame goes out.
    pub fn note_sent(&mut self, now: Moment) {
        self.sent = self.sent.max(now);
    }

    /// A frame came in.
    pub fn note_heard(&mut self, now: Moment) {
        self.heard = self.heard.max(now);
    }

    /// When a ping is due unless something else is sent before: a third of the timeout after the last
    /// frame, 10 s at most, and at least twice while an answer keeps the session safe.
    pub fn ping_at(&self) -> Moment {
        self.sent + self.quiet
    }

    /// When to leave the server unless it says something before: two thirds of the timeout after its
    /// last frame, which leaves a third to find another one.
    pub fn silent_at(&self) -> Moment {
        self.heard + self.timeout.duration() * 2 / 3
    }
}

/// Until when a session certainly lives: its timeout after the last request that was sent *and*
/// answered, less a margin.
///
/// The margin covers what servers do not promise. Unless chosen, it is a quarter of the timeout: an
/// Apache follower passes on that a session was heard only every half tick, and the shortest timeout
/// is two ticks.
pub fn safe_until(answered: Moment, timeout: Millis, margin: Option<Duration>) -> Moment {
    let timeout = timeout.duration();
    let margin = margin.unwrap_or(timeout / 4);
    answered + timeout.saturating_sub(margin)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000;

    #[test]
    fn s54_an_idle_client_speaks_every_third_of_the_timeout_and_every_ten_seconds() {
        let short = Keepalive::new(Millis(6_000), None, Moment(0), Moment(0));
        assert_eq!(short.ping_at(), Moment(2_000 * MS));
        let long = Keepalive::new(Millis(90_000), None, Moment(0), Moment(0));
        assert_eq!(long.ping_at(), Moment(10_000 * MS));
        let margin = Some(Duration::from_secs(5));
        let wide = Keepalive::new(Millis(6_000), margin, Moment(0), Moment(0));
        assert_eq!(wide.ping_at(), Moment(500 * MS));
    }

    #[test]
    fn s55_a_silent_server_is_left_after_two_thirds() {
        let mut clocks = Keepalive::new(Millis(6_000), None, Moment(0), Moment(0));
        assert_eq!(clocks.silent_at(), Moment(4_000 * MS));
        clocks.note_heard(Moment(1_000 * MS));
        assert_eq!(clocks.silent_at(), Moment(5_000 * MS));
    }

    #[test]
    fn the_margin_is_a_quarter_unless_chosen() {
        let at = |margin| safe_until(Moment(0), Millis(8_000), margin);
        assert_eq!(at(None), Moment(6_000 * MS));
        assert_eq!(at(Some(Duration::from_secs(1))), Moment(7_000 * MS));
        assert_eq!(at(Some(Duration::from_secs(9))), Moment(0));
    }
}
