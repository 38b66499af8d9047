//! Replicated: the answers to the latest numbered writes of a session, so that one that is sent again is
//! answered again and not carried out again. Changed only by `apply`, part of every snapshot.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::base::Zxid;
use crate::base::limits::{WINDOW_BYTES, WINDOW_REPLIES};

/// An answer that is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// The number that the client gave to the write.
    pub number: i64,
    /// The number of its operation, which says how to read the body.
    pub op: i32,
    /// The transaction that carried it out, or refused it.
    pub zxid: Zxid,
    /// The number of the code it was answered with; 0 for success.
    pub code: i32,
    /// The body of a successful reply.
    pub body: Bytes,
}

impl Kept {
    /// What it counts for.
    fn bytes(&self) -> usize {
        self.body.len()
    }
}

/// What is known of a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Known<'a> {
    /// It has never come.
    New,
    /// It was answered with this.
    Answered(&'a Kept),
    /// It has come, or one after it has, and its answer is not kept.
    Forgotten,
}

/// The answers of one session.
///
/// At most [`WINDOW_REPLIES`] of them, with bodies of at most [`WINDOW_BYTES`] together: the oldest go
/// first. One that is longer by itself is never kept.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Window {
    kept: VecDeque<Kept>,
    bytes: usize,
    highest: i64,
}

impl Window {
    /// What is known of this number.
    pub fn look_up(&self, number: i64) -> Known<'_> {
        if number > self.highest {
            return Known::New;
        }
        match self.kept.binary_search_by_key(&number, |kept| kept.number) {
            Ok(at) => Known::Answered(&self.kept[at]),
            Err(_) => Known::Forgotten,
        }
    }

    /// The client has the answers up to this number.
    pub fn forget(&mut self, answered: i64) {
        while self.kept.front().is_some_and(|kept| kept.number <= answered) {
            self.drop_oldest();
        }
    }

    /// Keeps one more answer. Its number is higher than every one before.
    pub fn keep(&mut self, kept: Kept) {
        debug_assert!(kept.number > self.highest, "S6: numbers of a session count up");
        self.highest = kept.number;
        if kept.bytes() > WINDOW_BYTES {
            return;
        }
        self.bytes += kept.bytes();
        self.kept.push_back(kept);
        while self.kept.len() > WINDOW_REPLIES || self.bytes > WINDOW_BYTES {
            self.drop_oldest();
        }
    }

    /// The highest number that has come; 0 for none.
    pub fn highest(&self) -> i64 {
        self.highest
    }

    /// What is kept, the oldest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Kept> {
        self.kept.iter()
    }

    /// A window as it was written down; `None` if no window can be like this.
    pub fn restore(highest: i64, kept: Vec<Kept>) -> Option<Window> {
        let mut window = Window::default();
        let count = kept.len();
        for kept in kept {
            if kept.number <= window.highest {
                return None;
            }
            window.keep(kept);
        }
        let is_whole = window.kept.len() == count && window.highest <= highest;
        window.highest = highest;
        is_whole.then_some(window)
    }

    fn drop_oldest(&mut self) {
        if let Some(kept) = self.kept.pop_front() {
            self.bytes -= kept.bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(number: i64, length: usize) -> Kept {
        Kept { number, op: 2, zxid: Zxid(number), code: 0, body: Bytes::from(vec![0; length]) }
    }

    fn numbers(window: &Window) -> Vec<i64> {
        window.iter().map(|kept| kept.number).collect()
    }

    #[test]
    fn s6_an_answer_is_found_until_the_client_has_it() {
        let mut window = Window::default();
        assert_eq!(window.look_up(1), Known::New);
        window.keep(kept(1, 3));
        window.keep(kept(2, 0));
        window.keep(kept(5, 0));
        assert_eq!(window.look_up(1), Known::Answered(&kept(1, 3)));
        assert_eq!(window.look_up(4), Known::Forgotten, "a number that was left out");
        assert_eq!(window.look_up(6), Known::New);
        window.forget(2);
        assert_eq!((window.look_up(1), numbers(&window)), (Known::Forgotten, vec![5]));
        assert_eq!(window.highest(), 5);
    }

    #[test]
    fn s6_a_window_has_a_ceiling_in_answers_and_in_bytes() {
        let mut window = Window::default();
        for number in 1..=100 {
            window.keep(kept(number, 1));
        }
        assert_eq!(numbers(&window), (37..=100).collect::<Vec<i64>>());
        window.keep(kept(101, WINDOW_BYTES));
        assert_eq!(numbers(&window), [101]);
        window.keep(kept(102, WINDOW_BYTES + 1));
        assert_eq!(numbers(&window), [101], "too long to keep, and no reason to lose the others");
        assert_eq!(window.look_up(102), Known::Forgotten);
    }

    #[test]
    fn a_window_is_read_as_it_was_written_or_not_at_all() {
        let mut window = Window::default();
        window.keep(kept(3, 8));
        window.keep(kept(9, WINDOW_BYTES + 1));
        let written: Vec<Kept> = window.iter().cloned().collect();
        assert_eq!(Window::restore(9, written.clone()), Some(window));
        assert_eq!(Window::restore(2, written), None, "a number above the highest");
        assert_eq!(Window::restore(9, vec![kept(3, 0), kept(3, 0)]), None, "out of order");
        assert_eq!(Window::restore(9, vec![kept(3, WINDOW_BYTES + 1)]), None, "too long");
    }
}
