//! Session ids and where they come from.
//!
//! The layout is ZooKeeper's: the server's id in the top byte, forty bits of start time, then a
//! counter. The time is the wall clock's, so that ids do not come back after a reboot as they do
//! where it is counted from boot.

use crate::base::{SessionId, WallMillis};

/// The marker of containers in a znode's owner field; never a session.
const RESERVED: i64 = i64::MIN;

/// Hands out session ids, each the one before plus one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionIds {
    next: i64,
}

impl SessionIds {
    /// Starts a sequence for the server with this id at this time.
    ///
    /// Two starts of one server within a millisecond share a sequence; the bits below leave room for
    /// 65,536 sessions per millisecond of uptime before a later start could meet an earlier one.
    pub fn start(server: u8, now: WallMillis) -> SessionIds {
        let time = ((now.0 as u64) << 24) >> 8;
        SessionIds { next: ((u64::from(server) << 56) | time) as i64 }
    }

    /// A sequence that goes on above an id that is known to be taken.
    pub fn skip_past(&mut self, taken: SessionId) {
        if taken.0 >= self.next {
            self.next = taken.0.wrapping_add(1);
        }
    }

    /// The next id, never to be handed out again.
    pub fn take(&mut self) -> SessionId {
        while self.next == RESERVED || self.next == 0 {
            self.next = self.next.wrapping_add(1);
        }
        let id = SessionId(self.next);
        self.next = self.next.wrapping_add(1);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s04_s05_ids_count_up_below_the_server_byte() {
        let mut ids = SessionIds::start(1, WallMillis(1_795_353_281_008));
        let (first, second) = (ids.take(), ids.take());
        assert_eq!(second.0, first.0 + 1);
        assert_eq!(first.0 >> 56, 1);
        assert_eq!(first.0 & 0xFFFF, 0);
    }

    #[test]
    fn the_reserved_ids_are_skipped() {
        let mut ids = SessionIds { next: RESERVED };
        assert_eq!(ids.take(), SessionId(RESERVED + 1));
        let mut ids = SessionIds { next: -1 };
        assert_eq!((ids.take(), ids.take()), (SessionId(-1), SessionId(1)));
    }
}
