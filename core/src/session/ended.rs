//! Replicated: how the latest sessions ended. Changed only by `apply`, part of every snapshot.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use crate::base::limits::ENDED_SESSIONS;
use crate::base::{Millis, SessionId, WallMillis, Zxid};

/// Why a session ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Cause {
    /// Its client closed it.
    Closed,
    /// Nothing was heard from its client for as long as its timeout.
    Expired {
        /// How long nothing was heard.
        silence: Millis,
        /// How much of that was beyond the timeout.
        late: Millis,
    },
    /// An operator ended it.
    Administrator,
    /// The kernel of its client's machine closed the connection, and nobody came back within the grace
    /// that the client had asked for.
    Crashed {
        /// How long after that.
        after: Millis,
    },
    /// Another session took over what it kept alive.
    HandedOver {
        /// Which.
        to: SessionId,
    },
    /// Another session ended it.
    Fenced {
        /// Which.
        by: SessionId,
    },
}

impl Cause {
    /// An expiry of which nothing more is known.
    pub const EXPIRED: Cause = Cause::Expired { silence: Millis(0), late: Millis(0) };

    /// One word for it.
    pub fn word(self) -> &'static str {
        match self {
            Cause::Closed => "closed",
            Cause::Expired { .. } => "expired",
            Cause::Administrator => "administrator",
            Cause::Crashed { .. } => "crashed",
            Cause::HandedOver { .. } => "handed over",
            Cause::Fenced { .. } => "fenced",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Closed => f.write_str("closed by its client"),
            Cause::Expired { silence, late } => {
                write!(f, "expired after {} ms of silence, {} ms late", silence.0, late.0)
            }
            Cause::Administrator => f.write_str("ended by an administrator"),
            Cause::Crashed { after } => {
                write!(f, "its connection was closed, and it did not come back for {} ms", after.0)
            }
            Cause::HandedOver { to } => write!(f, "handed over to session {to}"),
            Cause::Fenced { by } => write!(f, "fenced by session {by}"),
        }
    }
}

/// A session that is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ended {
    /// Which.
    pub id: SessionId,
    /// Why.
    pub cause: Cause,
    /// The transaction that ended it.
    pub zxid: Zxid,
    /// When, by the wall clock of whoever ordered that.
    pub at: WallMillis,
    /// When it began; 0 for one that began before that was kept.
    pub since: WallMillis,
    /// The timeout that was granted at its beginning.
    pub timeout: Millis,
    /// How many ephemerals went with it.
    pub ephemerals: u32,
}

/// The latest sessions that ended, at most [`ENDED_SESSIONS`], the oldest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EndedSessions {
    // Shared with a scan that is under way, and copied by the first session that ends meanwhile.
    latest: Arc<VecDeque<Ended>>,
    /// How many ids are among them. A client may ask for it a hundred thousand times in one request.
    distinct: usize,
}

impl EndedSessions {
    /// One more. The oldest goes when there are too many; returns which session is not among them any
    /// more.
    pub fn note(&mut self, ended: Ended) -> Option<SessionId> {
        self.distinct += usize::from(self.get(ended.id).is_none());
        let latest = Arc::make_mut(&mut self.latest);
        let is_full = latest.len() >= ENDED_SESSIONS;
        let oldest = if is_full { latest.pop_front() } else { None };
        latest.push_back(ended);
        let gone = oldest.map(|oldest| oldest.id).filter(|&id| self.get(id).is_none());
        self.distinct -= usize::from(gone.is_some());
        gone
    }

    /// How many ids are among them.
    pub fn distinct(&self) -> usize {
        self.distinct
    }

    /// All, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Ended> + ExactSizeIterator {
        self.latest.iter()
    }

    /// How this session ended, if it is among them. An id that came back shows its latest end.
    pub fn get(&self, id: SessionId) -> Option<&Ended> {
        self.latest.iter().rev().find(|ended| ended.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_kept() {
        let mut sessions = EndedSessions::default();
        let ended = |id: i64| Ended {
            id: SessionId(id),
            cause: Cause::Closed,
            zxid: Zxid(id),
            at: WallMillis(id),
            since: WallMillis(0),
            timeout: Millis(4_000),
            ephemerals: 0,
        };
        for id in 1..=ENDED_SESSIONS as i64 + 3 {
            let expected = id.checked_sub(ENDED_SESSIONS as i64).filter(|&gone| gone > 0);
            assert_eq!(sessions.note(ended(id)), expected.map(SessionId));
        }
        assert_eq!((sessions.iter().len(), sessions.get(SessionId(3))), (ENDED_SESSIONS, None));
        assert_eq!(sessions.get(SessionId(4)), Some(&ended(4)));
    }

    #[test]
    fn those_listed_are_counted_once_each() {
        let mut sessions = EndedSessions::default();
        for round in 0..3 * ENDED_SESSIONS as i64 {
            // Every third end is that of one of a few ids that come back.
            let id = if round % 3 == 0 { round % 7 } else { 100 + round };
            sessions.note(Ended {
                id: SessionId(id),
                cause: Cause::Closed,
                zxid: Zxid(round),
                at: WallMillis(round),
                since: WallMillis(0),
                timeout: Millis(4_000),
                ephemerals: 0,
            });
            let ids: std::collections::BTreeSet<SessionId> =
                sessions.iter().map(|ended| ended.id).collect();
            assert_eq!(sessions.distinct(), ids.len(), "after {round}");
        }
    }
}
