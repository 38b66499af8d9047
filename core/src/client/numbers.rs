//! Numbered writes: how many may be under way, and what is told to the server about their answers.
//!
//! A server of this project keeps the answers to the latest numbered writes of a session within the
//! ceilings of [`WINDOW_REPLIES`] and [`WINDOW_BYTES`]. Whatever this end may have to send again stays
//! within the same ceilings, counted from the oldest number without an answer: so its answer is kept
//! for as long as it can be asked for.

use std::collections::VecDeque;

use crate::base::limits::{WINDOW_BYTES, WINDOW_REPLIES};
use crate::wire::ops::Path;
use crate::wire::{MultiOp, Op, Request};

/// The numbers of one session.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    last: i64,
    /// From the oldest without an answer on, in order and without a gap.
    under_way: VecDeque<Number>,
    /// Bytes that their answers can have.
    bytes: usize,
}

#[derive(Debug)]
struct Number {
    number: i64,
    bytes: usize,
    is_answered: bool,
}

impl Numbers {
    /// The numbers of a session that was granted to this client, of which the highest is known.
    pub fn of_new_session(highest: i64) -> Numbers {
        Numbers { last: highest, ..Numbers::default() }
    }

    /// The numbers of a session that another client used before. What that one had under way may
    /// still arrive, with numbers behind the highest: they are left out.
    pub fn of_taken_session(highest: i64) -> Numbers {
        Numbers::of_new_session(highest + WINDOW_REPLIES as i64)
    }

    /// The server knows of a number as high as this.
    pub fn raise(&mut self, highest: i64) {
        self.last = self.last.max(highest);
    }

    /// Whether a write with an answer of at most `bytes` may get a number now.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.under_way.len() < WINDOW_REPLIES && self.bytes + bytes <= WINDOW_BYTES
    }

    /// The next number.
    pub fn take(&mut self, bytes: usize) -> i64 {
        debug_assert!(self.has_room(bytes), "C8: the window has room");
        self.last += 1;
        self.bytes += bytes;
        self.under_way.push_back(Number { number: self.last, bytes, is_answered: false });
        self.last
    }

    /// This number was answered, or will never be sent again.
    pub fn close(&mut self, number: i64) {
        let Ok(at) = self.under_way.binary_search_by_key(&number, |known| known.number) else {
            return;
        };
        self.under_way[at].is_answered = true;
        while let Some(oldest) = self.under_way.front().filter(|oldest| oldest.is_answered) {
            self.bytes -= oldest.bytes;
            self.under_way.pop_front();
        }
    }

    /// All numbers up to this one are answered.
    pub fn answered(&self) -> i64 {
        self.under_way.front().map_or(self.last, |oldest| oldest.number - 1)
    }

    /// Asserts what always holds.
    pub fn check(&self) {
        assert!(self.under_way.len() <= WINDOW_REPLIES, "C8: answers in the window");
        assert!(self.bytes <= WINDOW_BYTES, "C8: bytes in the window");
        let bytes: usize = self.under_way.iter().map(|number| number.bytes).sum();
        assert_eq!(bytes, self.bytes, "C8: bytes in the window");
    }
}

/// Bytes of a Stat.
const STAT: usize = 68;

/// Bytes of a path with the number that a sequential mode appends.
fn path_bytes(path: &str) -> usize {
    4 + path.len() + 10
}

/// The longest body of an answer to this write, if it may be numbered: if it is a write, says how long
/// its answer can be, and that fits the window.
pub(super) fn answer_bound(request: &Request) -> Option<usize> {
    if request.op().path() != Path::Write {
        return None;
    }
    let bytes = match request {
        Request::Create(create) => path_bytes(&create.path) + STAT,
        Request::SetData { .. } | Request::SetAcl { .. } | Request::Adopt { .. } => STAT,
        Request::Delete { .. } | Request::Fence { .. } => 0,
        Request::HandOver { .. } => 4,
        Request::Multi(ops) => RESULT + ops.iter().map(result_bytes).sum::<usize>(),
        _ => return None,
    };
    (bytes <= WINDOW_BYTES).then_some(bytes)
}

/// Bytes in front of a result of a multi, and at the end of the list.
const RESULT: usize = 9;

fn result_bytes(op: &MultiOp) -> usize {
    RESULT
        + match op {
            MultiOp::Create(create) => path_bytes(&create.path) + STAT,
            MultiOp::SetData { .. } => STAT,
            // One that fails has a code.
            MultiOp::Delete { .. } | MultiOp::Check { .. } | MultiOp::CheckSession { .. } => 4,
        }
}

/// The name of the extension that a request takes, if it takes one.
pub(super) fn extension(request: &Request) -> Option<&'static str> {
    match request {
        Request::Multi(ops) if ops.iter().any(|op| matches!(op, MultiOp::CheckSession { .. })) => {
            Some(Op::CheckSession.name())
        }
        request => request.op().is_private().then(|| request.op().name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c8_a_window_is_counted_from_the_oldest_number_without_an_answer() {
        let mut numbers = Numbers::of_new_session(0);
        for number in 1..=WINDOW_REPLIES as i64 {
            assert_eq!(numbers.take(1), number);
        }
        assert!(!numbers.has_room(0));
        numbers.close(2);
        assert!(!numbers.has_room(0), "the first is what counts");
        assert_eq!(numbers.answered(), 0);
        numbers.close(1);
        assert_eq!(numbers.answered(), 2);
        assert!(numbers.has_room(WINDOW_BYTES - WINDOW_REPLIES + 2));
        assert!(!numbers.has_room(WINDOW_BYTES - WINDOW_REPLIES + 3));
        numbers.check();
    }

    #[test]
    fn a_session_that_was_another_clients_starts_behind_what_that_one_can_have_sent() {
        assert_eq!(Numbers::of_taken_session(7).take(0), 8 + WINDOW_REPLIES as i64);
    }

    #[test]
    fn what_could_be_answered_at_more_length_than_is_kept_gets_no_number() {
        let op = || MultiOp::SetData { path: "/a".into(), data: None, version: -1 };
        let multi = |count: usize| Request::Multi((0..count).map(|_| op()).collect());
        assert_eq!(answer_bound(&multi(2)), Some(9 + 2 * (9 + 68)));
        assert_eq!(answer_bound(&multi(1_000)), None);
        assert_eq!(answer_bound(&Request::CloseSession), None);
        assert_eq!(answer_bound(&Request::WhoAmI), None);
    }
}
