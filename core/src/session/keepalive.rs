//! The client's half of a session: when to speak, when to leave a silent server, and how long the
//! session may be believed alive.
//!
//! Not replicated and not shared: one client's own book-keeping. Times are arguments. What always
//! holds: a client that follows [`Keepalive::ping_at`] is heard at least every third of its timeout,
//! and no server, whoever answered, can end the session within [`Safety::span`] of an answered
//! request.

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
    is_eager: bool,
}

impl Keepalive {
    /// A connection whose last frame went out at `sent` and was answered at `heard`, for a session
    /// that an answer keeps safe for as long as `safe` says; see [`Safety`].
    pub fn new(timeout: Millis, safe: Safety, sent: Moment, heard: Moment) -> Keepalive {
        let third = timeout.duration() / 3;
        // With a wide margin or a short grace an answer keeps the session safe for less long.
        let quiet = third.min(QUIET_MOST).min(safe.span(timeout) / 2);
        Keepalive { timeout, quiet, sent, heard, is_eager: false }
    }

    /// Whether something stands on the session, such as a lock. Then twice as many pings keep its
    /// remaining time long, and a silent server is left sooner.
    pub fn set_eager(&mut self, is_eager: bool) {
        self.is_eager = is_eager;
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
        self.sent + if self.is_eager { self.quiet / 2 } else { self.quiet }
    }

    /// When to leave the server unless it says something before: two thirds of the timeout after its
    /// last frame, which leaves a third to find another one; half of it if something stands on the
    /// session.
    pub fn silent_at(&self) -> Moment {
        let timeout = self.timeout.duration();
        self.heard + if self.is_eager { timeout / 2 } else { timeout * 2 / 3 }
    }
}

/// What is known of how long a session lives after the last request that was sent *and* answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Safety {
    /// What comes off the timeout, if it was chosen.
    pub margin: Option<Duration>,
    /// Whether every server of this session promised never to expire it early; see
    /// [`Features::EXACT_DEADLINES`](crate::wire::Features::EXACT_DEADLINES).
    pub is_exact: bool,
    /// How soon the server may end it when the connection is closed without a closeSession.
    pub grace: Option<Millis>,
}

impl Safety {
    /// How long the session lives on if nobody closes its connection: the timeout less a margin.
    ///
    /// The margin covers what servers do not promise. Unless chosen, it is nothing where they promise
    /// all, else a quarter of the timeout: an Apache follower passes on that a session was heard only
    /// every half tick, and the shortest timeout is two ticks.
    pub fn term(&self, timeout: Millis) -> Duration {
        let timeout = timeout.duration();
        let usual = if self.is_exact { Duration::ZERO } else { timeout / 4 };
        timeout.saturating_sub(self.margin.unwrap_or(usual))
    }

    /// How long it certainly lives on: the same, and no longer than the grace. The answered request
    /// may have been the last thing that came through before something between the two ends closed
    /// the connection, which this end may not have noticed.
    pub fn span(&self, timeout: Millis) -> Duration {
        let term = self.term(timeout);
        self.grace.map_or(term, |grace| term.min(grace.duration()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000;

    fn clocks(timeout: u32, safe: Safety) -> Keepalive {
        Keepalive::new(Millis(timeout), safe, Moment(0), Moment(0))
    }

    #[test]
    fn s54_an_idle_client_speaks_every_third_of_the_timeout_and_every_ten_seconds() {
        assert_eq!(clocks(6_000, Safety::default()).ping_at(), Moment(2_000 * MS));
        assert_eq!(clocks(90_000, Safety::default()).ping_at(), Moment(10_000 * MS));
        let margin = Some(Duration::from_secs(5));
        let wide = clocks(6_000, Safety { margin, ..Safety::default() });
        assert_eq!(wide.ping_at(), Moment(500 * MS));
        let grace = Some(Millis(200));
        let short = clocks(6_000, Safety { grace, ..Safety::default() });
        assert_eq!(short.ping_at(), Moment(100 * MS), "twice within the grace");
    }

    #[test]
    fn what_stands_on_a_session_makes_its_client_speak_twice_as_often() {
        let mut clocks = clocks(6_000, Safety::default());
        clocks.set_eager(true);
        assert_eq!(clocks.ping_at(), Moment(1_000 * MS));
        assert_eq!(clocks.silent_at(), Moment(3_000 * MS));
    }

    #[test]
    fn s55_a_silent_server_is_left_after_two_thirds() {
        let mut clocks = clocks(6_000, Safety::default());
        assert_eq!(clocks.silent_at(), Moment(4_000 * MS));
        clocks.note_heard(Moment(1_000 * MS));
        assert_eq!(clocks.silent_at(), Moment(5_000 * MS));
    }

    #[test]
    fn the_margin_is_a_quarter_unless_chosen_and_none_where_deadlines_are_exact() {
        let span = |margin, is_exact, grace| {
            Safety { margin, is_exact, grace }.span(Millis(8_000)).as_millis()
        };
        assert_eq!(span(None, false, None), 6_000);
        assert_eq!(span(None, true, None), 8_000);
        assert_eq!(span(Some(Duration::from_secs(1)), true, None), 7_000);
        assert_eq!(span(Some(Duration::from_secs(9)), false, None), 0);
        assert_eq!(span(None, true, Some(Millis(200))), 200);
        assert_eq!(span(None, true, Some(Millis(9_000))), 8_000);
    }
}
