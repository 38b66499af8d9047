//! Answers that grow with what the server holds: cut at a length, and paid for.

use std::fmt::{Arguments, Write};

use crate::base::{Moment, limits};

/// What looking at one thing costs that is not shown, in bytes of answer.
const LOOK: usize = 16;

/// The lines of one answer, as long as there is room for them.
pub(super) struct Listing<'a> {
    out: &'a mut String,
    looked: usize,
    charged: usize,
    /// Whether there was a line that did not fit.
    is_over: bool,
    is_cut: bool,
}

impl<'a> Listing<'a> {
    pub(super) fn new(out: &'a mut String) -> Listing<'a> {
        Listing { out, looked: 0, charged: 0, is_over: false, is_cut: false }
    }

    /// Whether nothing more is shown.
    pub(super) fn is_full(&self) -> bool {
        self.is_over || self.out.len() + self.looked * LOOK >= limits::WORD_BYTES
    }

    /// So many things were looked at, shown or not.
    pub(super) fn look(&mut self, count: usize) {
        self.looked += count;
    }

    /// It has cost so much more, which takes no room.
    pub(super) fn charge(&mut self, bytes: usize) {
        self.charged += bytes;
    }

    /// A line of the answer, whatever was cut before: there is a fixed number of them.
    pub(super) fn heading(&mut self, line: Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.out.write_fmt(line);
        self.out.push('\n');
    }

    /// A line of a list. Returns false if there was no room for it.
    pub(super) fn line(&mut self, line: Arguments<'_>) -> bool {
        if self.is_full() {
            return false;
        }
        let before = self.out.len();
        self.heading(line);
        if self.out.len() > limits::WORD_BYTES {
            self.out.truncate(before);
            self.is_over = true;
        }
        !self.is_over
    }

    /// Ends a list of which so many things are not shown: the line stands where the next one would,
    /// and begins as none of them does.
    pub(super) fn left_out(&mut self, count: usize, what: &str) {
        if count > 0 {
            self.is_cut = true;
            self.heading(format_args!("# {count} more {what} left out, the answer is cut here"));
        }
    }

    /// The empty line that ends some answers.
    pub(super) fn gap(&mut self) {
        self.out.push('\n');
    }

    /// The text itself, for what comes behind the lists.
    pub(super) fn text(&mut self) -> &mut String {
        self.out
    }

    /// What it has cost, in bytes, and whether anything was left out.
    pub(super) fn finish(self) -> (usize, bool) {
        (self.out.len() + self.looked * LOOK + self.charged, self.is_cut)
    }
}

/// What is left to spend on such answers. It fills up with time, to what one second brings.
#[derive(Debug)]
pub(super) struct Purse {
    bytes: i64,
    filled: Moment,
}

impl Purse {
    pub(super) fn full(now: Moment) -> Purse {
        Purse { bytes: limits::WORD_BYTES_PER_SECOND as i64, filled: now }
    }

    /// Whether another answer may be given. It may cost more than is left.
    pub(super) fn has_any(&mut self, now: Moment) -> bool {
        let most = limits::WORD_BYTES_PER_SECOND as u128;
        let brought = most * now.since(self.filled).as_micros() / 1_000_000;
        // What is too little to count is waited for on.
        if brought > 0 {
            self.filled = now;
            self.bytes = self.bytes.saturating_add(brought.min(2 * most) as i64).min(most as i64);
        }
        self.bytes > 0
    }

    pub(super) fn pay(&mut self, bytes: usize) {
        self.bytes -= bytes as i64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_cut_where_there_is_no_room_and_says_so() {
        let mut out = String::new();
        let mut listing = Listing::new(&mut out);
        let shown = (0_usize..).take_while(|n| listing.line(format_args!("line {n}"))).count();
        listing.left_out(7, "lines are");
        let (cost, is_cut) = listing.finish();
        assert!(is_cut && cost == out.len());
        assert!(out.len() < limits::WORD_BYTES + 100);
        assert!(out.len() > limits::WORD_BYTES - 100);
        assert_eq!(out.lines().count(), shown + 1);
        assert!(out.ends_with("\n# 7 more lines are left out, the answer is cut here\n"));
    }

    #[test]
    fn what_is_looked_at_and_not_shown_counts_too() {
        let mut out = String::new();
        let mut listing = Listing::new(&mut out);
        listing.look(limits::WORD_BYTES / LOOK);
        assert!(listing.is_full() && !listing.line(format_args!("more")));
    }

    #[test]
    fn a_purse_fills_up_with_time_and_no_further_than_a_second() {
        let at = |millis: u64| Moment(1_000_000 + millis * 1_000);
        let second = limits::WORD_BYTES_PER_SECOND;
        let mut purse = Purse::full(at(0));
        purse.pay(second + second / 4);
        assert!(!purse.has_any(at(0)));
        assert!(!purse.has_any(at(249)));
        assert!(purse.has_any(at(251)));
        assert!(purse.has_any(at(100_000)));
        purse.pay(second);
        assert!(!purse.has_any(at(100_000)), "an hour of rest brings no more than a second");
    }

    #[test]
    fn many_small_steps_bring_as_much_as_a_long_one() {
        let mut purse = Purse::full(Moment(1));
        purse.pay(limits::WORD_BYTES_PER_SECOND + 2_000);
        let mut now = 1;
        while !purse.has_any(Moment(now)) {
            now += 1;
            assert!(now < 1_000_000, "the purse stays empty");
        }
    }
}
