//! Limits that were reached: how often, and now and then a line in the program's log.
//!
//! Whoever runs into a limit again and again shall not fill the log as well: of each kind there is one
//! line, and the next one, after a while, says how many came between.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::base::Moment;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident: $metric:literal, $text:literal;)*) => {
        /// What was reached.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Limit {
            $($(#[$doc])* $name,)*
        }

        impl Limit {
            /// All of them.
            pub const ALL: &'static [Limit] = &[$(Limit::$name),*];

            /// What `mntr` calls the count of it.
            pub fn metric(self) -> &'static str {
                match self {
                    $(Limit::$name => $metric,)*
                }
            }

            fn text(self) -> &'static str {
                match self {
                    $(Limit::$name => $text,)*
                }
            }
        }
    };
}

kinds! {
    /// A connection was closed without a byte, for there are too many.
    Connections: "connection_rejected",
        "connections are refused: one address, or all together, have as many as they may";
    /// A connection was cut that opened no session in time.
    Sessionless: "sessionless_connections_expired",
        "connections are cut that open no session in time";
    /// A new session was refused by closing its connection.
    Sessions: "sessions_refused",
        "sessions are refused: one identity, or all together, have as many as they may";
    /// A request was refused because of the watch it would have left.
    Watches: "watches_refused",
        "watches are refused: a session, an identity or all together have as many as they may";
    /// A write was refused because of the ephemerals of its session or identity.
    Ephemerals: "ephemerals_refused",
        "ephemerals are refused: a session or an identity has as many as it may";
    /// A connection was cut because of a frame that is too long.
    Frames: "large_requests_rejected",
        "connections are cut that send a frame longer than may be";
    /// A connection was cut because of a frame that took too long.
    Incomplete: "connections_cut_incomplete",
        "connections are cut that do not finish a frame in time";
    /// A read was refused because of the length of its answer.
    Replies: "large_replies_refused",
        "reads are refused whose answers are longer than may be";
    /// A connection was cut because of events that its client does not read.
    Unread: "connections_cut_unread",
        "connections are cut whose clients do not read their events";
    /// A request was refused because of too much that waits.
    Throttled: "throttled_ops",
        "requests are refused: more waits for the disk, or for clients to read, than may";
    /// A connection was read no further for a while because of what it has under way.
    HeldUp: "request_throttle_wait_count",
        "connections are held back: they send faster than their requests are carried out";
}

/// How many kinds there are.
const KINDS: usize = Limit::ALL.len();

/// How often each limit was reached.
#[derive(Debug)]
pub struct Reached {
    counts: [AtomicU64; KINDS],
    /// When the next line of each kind may be written, and the count there was at the last one.
    lines: [(AtomicU64, AtomicU64); KINDS],
    suppressed: AtomicU64,
}

impl Default for Reached {
    fn default() -> Reached {
        Reached {
            counts: [const { AtomicU64::new(0) }; KINDS],
            lines: [const { (AtomicU64::new(0), AtomicU64::new(0)) }; KINDS],
            suppressed: AtomicU64::new(0),
        }
    }
}

impl Reached {
    /// Takes note of it, and logs it unless that was done less than `repeat` ago.
    pub fn note(&self, limit: Limit, now: Moment, repeat: Duration) {
        let count = self.counts[limit as usize].fetch_add(1, Ordering::Relaxed) + 1;
        // Whoever is held back is served all the same, and that is nothing to be told about.
        if limit != Limit::HeldUp
            && let Some(before) = self.line(limit, count, now, repeat)
        {
            let since = count - before;
            tracing::warn!("{} ({since} since the last such line, {count} in all)", limit.text());
        }
    }

    /// The count at the last line, if there may be another one.
    fn line(&self, limit: Limit, count: u64, now: Moment, repeat: Duration) -> Option<u64> {
        let (next, told) = &self.lines[limit as usize];
        let due = next.load(Ordering::Relaxed);
        let later = (now + repeat).0;
        let is_mine = due <= now.0
            && next.compare_exchange(due, later, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if !is_mine {
            self.suppressed.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(told.swap(count, Ordering::Relaxed))
    }

    /// How often a limit was reached.
    pub fn count(&self, limit: Limit) -> u64 {
        self.counts[limit as usize].load(Ordering::Relaxed)
    }

    /// Lines that were not written because one like them had just been.
    pub fn suppressed(&self) -> u64 {
        self.suppressed.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_kind_there_is_one_line_in_a_while() {
        let reached = Reached::default();
        let second = |count: u64| Moment(count * 1_000_000);
        let every = Duration::from_secs(10);
        let line = |limit, count, now| reached.line(limit, count, now, every);
        assert_eq!(line(Limit::Frames, 1, second(1)), Some(0));
        for count in 2..1_000 {
            assert_eq!(line(Limit::Frames, count, second(2)), None);
        }
        assert_eq!(line(Limit::Sessions, 1, second(2)), Some(0), "another kind");
        assert_eq!(reached.suppressed(), 998);
        assert_eq!(line(Limit::Frames, 1_000, second(11)), Some(1));
    }
}
