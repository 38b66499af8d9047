//! The turns of one task, for somebody who waits until it has done all it can.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counts beginnings and ends together: the count is odd inside a turn. Written by one task.
#[derive(Debug, Default)]
pub struct Turns {
    count: AtomicU64,
    is_blocked: AtomicBool,
}

impl Turns {
    /// Of a task that begins with a turn.
    pub fn begun() -> Turns {
        Turns { count: AtomicU64::new(1), is_blocked: AtomicBool::new(false) }
    }

    /// A turn begins, unless it has.
    pub fn begin(&self) {
        let count = self.count.load(Ordering::Relaxed);
        if count.is_multiple_of(2) {
            self.count.store(count + 1, Ordering::SeqCst);
        }
    }

    /// The turn ends, if there is one. What is left to send, if anything is, waits for the other side.
    pub fn end(&self, is_blocked: bool) {
        self.is_blocked.store(is_blocked, Ordering::SeqCst);
        let count = self.count.load(Ordering::Relaxed);
        if !count.is_multiple_of(2) {
            self.count.store(count + 1, Ordering::SeqCst);
        }
    }

    /// Whether the task is at work.
    pub fn is_inside(&self) -> bool {
        !self.count().is_multiple_of(2)
    }

    /// Whether it waited for the other side at the end of its last turn.
    pub fn is_blocked(&self) -> bool {
        self.is_blocked.load(Ordering::SeqCst)
    }

    /// Beginnings and ends so far.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_odd_inside_a_turn() {
        let turns = Turns::begun();
        turns.begin();
        assert_eq!((turns.count(), turns.is_inside()), (1, true));
        turns.end(true);
        turns.end(true);
        assert_eq!((turns.count(), turns.is_inside(), turns.is_blocked()), (2, false, true));
        turns.begin();
        assert_eq!((turns.count(), turns.is_inside()), (3, true));
    }
}
