//! Answers that come before the call that asked for them has returned.

use std::sync::Arc;
use std::thread::{self, ThreadId};

use parking_lot::Mutex;

enum Slot<T> {
    Open(Option<T>),
    Closed,
}

/// Keeps an answer that comes on the calling thread during the call, so that the call can return it
/// instead of sending an event. One that comes on another thread is never kept, however early.
pub(crate) struct AtOnce<T> {
    caller: ThreadId,
    slot: Mutex<Slot<T>>,
}

impl<T> AtOnce<T> {
    /// Opens at the start of a call.
    pub(crate) fn new() -> Arc<AtOnce<T>> {
        Arc::new(AtOnce { caller: thread::current().id(), slot: Mutex::new(Slot::Open(None)) })
    }

    /// Keeps the answer, or gives it back if it is for an event.
    pub(crate) fn keep(&self, answer: T) -> Option<T> {
        if thread::current().id() != self.caller {
            return Some(answer);
        }
        match &mut *self.slot.lock() {
            Slot::Open(kept) => {
                *kept = Some(answer);
                None
            }
            Slot::Closed => Some(answer),
        }
    }

    /// Closes at the end of the call, with the answer that came.
    pub(crate) fn take(&self) -> Option<T> {
        match std::mem::replace(&mut *self.slot.lock(), Slot::Closed) {
            Slot::Open(kept) => kept,
            Slot::Closed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_on_the_calling_thread_during_the_call_is_kept() {
        let at_once = AtOnce::new();
        let other = at_once.clone();
        assert_eq!(thread::spawn(move || other.keep(1)).join().unwrap(), Some(1));
        assert_eq!(at_once.keep(2), None);
        assert_eq!(at_once.take(), Some(2));
        assert_eq!(at_once.keep(3), Some(3));
    }
}
