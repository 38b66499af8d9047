//! What waits to be sent to one client: replies and watch events, in the order they were appended.
//!
//! Everything is appended under a guard of the tree, events under the write guard and replies to
//! reads under the read guard. That settles the order: the event of a change stands before any reply
//! that shows the change (N4).

use std::collections::VecDeque;

use bytes::BytesMut;
use parking_lot::{Mutex, MutexGuard};

use crate::base::Moment;

/// How a connection ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Closing {
    /// When what waits has been sent.
    AfterFlush,
    /// At once; what waits is dropped.
    Now,
}

/// The bytes that wait, and whether the connection is to end.
#[derive(Debug, Default)]
pub struct Waiting {
    /// Whole frames.
    pub bytes: BytesMut,
    /// How many replies and events are in them.
    pub frames: usize,
    /// How many of the bytes are events: what nobody asked for, and no client can be made to slow.
    pub event_bytes: usize,
    /// Whether more events waited than may.
    pub has_overflowed: bool,
    /// Set once and never taken back.
    pub closing: Option<Closing>,
    /// What comes behind `bytes` and is held back, in the order of its moments.
    held: Option<Box<Backlog>>,
}

/// What is held back. Few connections ever have any.
#[derive(Debug, Default)]
struct Backlog {
    held: VecDeque<Held>,
}

/// Frames that are held back.
#[derive(Debug)]
struct Held {
    until: Moment,
    bytes: BytesMut,
    frames: usize,
}

impl Waiting {
    /// Asks for the end of the connection. `Now` overrides `AfterFlush`.
    pub fn close(&mut self, closing: Closing) {
        if self.closing != Some(Closing::Now) {
            self.closing = Some(closing);
        }
    }

    /// How the connection ends, once all that comes before it has been handed out.
    pub fn due_closing(&self) -> Option<Closing> {
        self.closing.filter(|closing| *closing == Closing::Now || self.held.is_none())
    }

    /// Whether what is appended now comes behind something that is held back.
    pub(super) fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// Holds back what was appended since there were so many bytes and frames: until `moment`, and not
    /// before what is held back already.
    pub(super) fn hold_back(&mut self, (bytes, frames): (usize, usize), moment: Option<Moment>) {
        let held = &mut self.held.get_or_insert_default().held;
        let until = held.back().map(|last| last.until).into_iter().chain(moment).max();
        let (bytes, frames) = (self.bytes.split_off(bytes), self.frames - frames);
        self.frames -= frames;
        held.push_back(Held { until: until.unwrap_or_default(), bytes, frames });
    }

    /// When the next of what is held back is to go.
    pub(super) fn next_release(&self) -> Option<Moment> {
        self.held.as_ref()?.held.front().map(|held| held.until)
    }

    /// How many frames are held back.
    pub(super) fn held_frames(&self) -> usize {
        self.held.iter().flat_map(|backlog| &backlog.held).map(|held| held.frames).sum()
    }

    /// Lets go what was held back until `now`. Returns whether that was anything.
    pub(super) fn release(&mut self, now: Moment) -> bool {
        let Some(backlog) = &mut self.held else { return false };
        let due = backlog.held.partition_point(|next| next.until <= now);
        for next in backlog.held.drain(..due) {
            self.bytes.unsplit(next.bytes);
            self.frames += next.frames;
        }
        if backlog.held.is_empty() {
            self.held = None;
        }
        due > 0
    }

    /// Whether anything may still be appended.
    pub fn is_open(&self) -> bool {
        self.closing.is_none()
    }
}

/// The outgoing side of one connection.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: Mutex<Waiting>,
}

impl Outbox {
    /// Locks the outbox. Lock order: tree, watches, outbox; nothing is locked while it is held.
    pub fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock()
    }

    /// Appends an answer, unless the connection is ending. There is no ceiling: a client with
    /// answers waiting is read no further.
    pub fn push(&self, write: impl FnOnce(&mut BytesMut)) {
        self.append(write);
    }

    /// The same, held back until `moment`.
    pub(super) fn push_until(&self, moment: Moment, write: impl FnOnce(&mut BytesMut)) {
        let mut waiting = self.waiting.lock();
        if waiting.is_open() {
            let before = (waiting.bytes.len(), waiting.frames);
            write(&mut waiting.bytes);
            waiting.frames += 1;
            waiting.hold_back(before, Some(moment));
        }
    }

    /// Appends a watch event, unless the connection is ending. A client that lets more than `most`
    /// bytes of them pile up loses the connection, not the session.
    pub fn push_event(&self, most: usize, write: impl FnOnce(&mut BytesMut)) {
        if let Some((mut waiting, bytes)) = self.append(write) {
            waiting.event_bytes += bytes;
            if waiting.event_bytes > most {
                waiting.has_overflowed = true;
                waiting.close(Closing::Now);
            }
        }
    }

    /// Returns how many bytes were appended, under the lock they were appended under.
    fn append(
        &self,
        write: impl FnOnce(&mut BytesMut),
    ) -> Option<(MutexGuard<'_, Waiting>, usize)> {
        let mut waiting = self.waiting.lock();
        if !waiting.is_open() {
            return None;
        }
        let before = waiting.bytes.len();
        write(&mut waiting.bytes);
        waiting.frames += 1;
        let bytes = waiting.bytes.len() - before;
        if waiting.is_held() {
            let frames = waiting.frames - 1;
            waiting.hold_back((before, frames), None);
        }
        Some((waiting, bytes))
    }

    /// Asks for the end of the connection.
    pub fn close(&self, closing: Closing) {
        self.waiting.lock().close(closing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::limits;

    #[test]
    fn a_client_that_never_reads_is_cut_at_the_ceiling() {
        let outbox = Outbox::default();
        let frame = vec![0; 1 << 20];
        for _ in 0..40 {
            outbox.push_event(limits::OUTBOX_CLOSE, |out| out.extend_from_slice(&frame));
        }
        let waiting = outbox.lock();
        assert_eq!(waiting.closing, Some(Closing::Now));
        assert!(waiting.bytes.len() <= limits::OUTBOX_CLOSE + frame.len());
    }

    #[test]
    fn a_long_answer_does_not_count_against_events() {
        let outbox = Outbox::default();
        outbox.push(|out| out.resize(2 * limits::OUTBOX_CLOSE, 0));
        outbox.push_event(limits::OUTBOX_CLOSE, |out| out.extend_from_slice(b"event"));
        assert_eq!(outbox.lock().closing, None);
    }

    #[test]
    fn what_is_held_back_holds_back_what_comes_behind_it() {
        let outbox = Outbox::default();
        outbox.push(|out| out.extend_from_slice(b"a"));
        outbox.push_until(Moment(5), |out| out.extend_from_slice(b"b"));
        outbox.push(|out| out.extend_from_slice(b"c"));
        outbox.push_until(Moment(3), |out| out.extend_from_slice(b"d"));
        outbox.push_until(Moment(9), |out| out.extend_from_slice(b"e"));
        outbox.close(Closing::AfterFlush);
        let mut waiting = outbox.lock();
        assert_eq!((&waiting.bytes[..], waiting.frames, waiting.held_frames()), (&b"a"[..], 1, 4));
        assert_eq!(waiting.next_release(), Some(Moment(5)));
        assert!(!waiting.release(Moment(4)), "nothing is due");
        assert_eq!(waiting.due_closing(), None);
        assert!(waiting.release(Moment(5)));
        assert_eq!((&waiting.bytes[..], waiting.frames), (&b"abcd"[..], 4));
        assert!(waiting.release(Moment(9)));
        assert_eq!((&waiting.bytes[..], waiting.frames), (&b"abcde"[..], 5));
        assert_eq!(waiting.due_closing(), Some(Closing::AfterFlush));
    }

    #[test]
    fn nothing_is_appended_behind_a_close() {
        let outbox = Outbox::default();
        outbox.close(Closing::AfterFlush);
        outbox.push(|out| out.extend_from_slice(b"late"));
        assert!(outbox.lock().bytes.is_empty());
        outbox.close(Closing::Now);
        outbox.close(Closing::AfterFlush);
        assert_eq!(outbox.lock().closing, Some(Closing::Now));
    }
}
