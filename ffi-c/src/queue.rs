//! Queues of events that the program drains when it likes, with a descriptor for its event loop.

use std::collections::VecDeque;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Condvar, Mutex};

use crate::arguments::{Handle, Patience, Process, may_block, object, place};
use crate::event::tenure_event;
use crate::guard::{Fault, guard, guard_or};
use crate::status::{TENURE_EAGAIN, TENURE_SYSTEM_ERROR, tenure_status};

/// A queue of events. Any number of sinks of any number of clients may lead to one queue.
pub struct tenure_queue {
    line: Arc<Line>,
    descriptor: OwnedFd,
    process: Process,
}

impl Handle for tenure_queue {
    const NAME: &'static str = "queue";

    fn process(&self) -> Process {
        self.process
    }
}

impl tenure_queue {
    /// What sinks hold of a queue.
    ///
    /// # Safety
    /// `queue` is null or alive.
    pub(crate) unsafe fn line(queue: *const tenure_queue) -> Result<Arc<Line>, Fault> {
        // SAFETY: as promised by the caller.
        Ok(unsafe { object(queue) }?.line.clone())
    }
}

/// Makes an empty queue.
///
/// @param out Receives the queue. The caller owns it: tenure_queue_free().
/// @return TENURE_OK; TENURE_EINVAL if `out` is null; TENURE_SYSTEM_ERROR if the process has no
///         descriptor left.
///
/// Thread-safety: any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_queue_new(out: *mut *mut tenure_queue) -> tenure_status {
    guard(|| {
        // SAFETY: null or writable, as every output.
        let out = unsafe { place(out, "out") }?;
        let descriptor = event_descriptor()?;
        let line = Arc::new(Line::new(descriptor.as_raw_fd()));
        let queue = tenure_queue { line, descriptor, process: Process::current() };
        *out = Box::into_raw(Box::new(queue));
        Ok(())
    })
}

/// Takes the oldest event out of the queue.
///
/// @param timeout_ms How long to wait for one: 0 only looks, negative waits for ever.
/// @param out Receives the event. The caller owns it: tenure_event_free().
/// @return TENURE_OK; TENURE_EAGAIN if no event came; TENURE_EINVAL for null; TENURE_EDEADLK on a
///         callback thread with a timeout other than 0; TENURE_EFORKED.
///
/// Thread-safety: any thread; each event goes to one of those that wait.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_queue_next(
    queue: *const tenure_queue,
    timeout_ms: i64,
    out: *mut *mut tenure_event,
) -> tenure_status {
    guard(|| {
        // SAFETY: null or a live queue.
        let queue = unsafe { object(queue) }?;
        // SAFETY: null or writable.
        let out = unsafe { place(out, "out") }?;
        if timeout_ms != 0 {
            may_block()?;
        }
        let event = queue.line.next(Patience::from_millis(timeout_ms));
        let event = event.ok_or_else(|| Fault::new(TENURE_EAGAIN, "the queue is empty"))?;
        *out = Box::into_raw(Box::new(event));
        Ok(())
    })
}

/// A descriptor for poll(), select(), epoll and event loops: readable while the queue is not empty.
///
/// It is level-triggered: take events with timeout 0 until TENURE_EAGAIN, or only some; as long as
/// there are more it stays readable. Never read, write or close it; it closes with the queue.
///
/// @return The descriptor, -1 if `queue` is null or from before a fork.
///
/// Thread-safety: any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_queue_fd(queue: *const tenure_queue) -> i32 {
    // SAFETY: null or a live queue.
    guard_or(-1, || Ok(unsafe { object(queue) }?.descriptor.as_raw_fd()))
}

/// Frees a queue, the events in it and its descriptor. Null is fine.
///
/// Sinks that lead to it may still be in use: their events go nowhere from now on, their `drop_user`
/// still runs.
///
/// Thread-safety: any thread, but no other may use the queue at the same time or later.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_queue_free(queue: *mut tenure_queue) {
    guard_or((), || {
        if queue.is_null() {
            return Ok(());
        }
        // SAFETY: not null, made by `tenure_queue_new`, and given up by the caller.
        let queue = unsafe { Box::from_raw(queue) };
        // In a forked child its lock may be held for ever, by a thread that is not there.
        if queue.process.is_current() {
            queue.line.close();
        }
        Ok(())
    });
}

fn event_descriptor() -> Result<OwnedFd, Fault> {
    // SAFETY: no pointers are involved.
    let descriptor = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if descriptor < 0 {
        let error = std::io::Error::last_os_error();
        return Err(Fault::new(TENURE_SYSTEM_ERROR, format!("cannot make a descriptor: {error}")));
    }
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// What happens when a [`Room`] is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum WhenFull {
    /// Everything that waits in it is replaced by one event that says so.
    Collapse,
    /// The oldest event that need not be kept is left out.
    LeaveOut,
}

/// How many events of one source may wait in a queue.
pub(crate) struct Room {
    most: usize,
    when_full: WhenFull,
    // Changes only under the queue's lock.
    waiting: AtomicUsize,
}

impl Room {
    pub(crate) fn new(most: usize, when_full: WhenFull) -> Arc<Room> {
        Arc::new(Room { most, when_full, waiting: AtomicUsize::new(0) })
    }

    fn is_full(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) >= self.most
    }

    fn count(&self, difference: isize) {
        self.waiting.fetch_add(difference as usize, Ordering::Relaxed);
    }
}

/// By which room an event enters a queue.
pub(crate) struct Lane<'a> {
    pub(crate) room: &'a Arc<Room>,
    /// Whether the event is never left out.
    pub(crate) is_kept: bool,
}

struct Entry {
    event: tenure_event,
    room: Option<Arc<Room>>,
    is_kept: bool,
}

struct Waiting {
    entries: VecDeque<Entry>,
    /// Readable while there are entries; `None` once the queue is freed.
    descriptor: Option<RawFd>,
}

/// The queue itself, shared by the handle and the sinks.
pub(crate) struct Line {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

impl Line {
    fn new(descriptor: RawFd) -> Line {
        let waiting = Waiting { entries: VecDeque::new(), descriptor: Some(descriptor) };
        Line { waiting: Mutex::new(waiting), arrived: Condvar::new() }
    }

    /// Appends an event, unless the queue is freed or the event's room leaves it out.
    pub(crate) fn push(&self, event: tenure_event, lane: Option<&Lane<'_>>) {
        // Freeing an event may run code of the program, which must not happen under the lock.
        let mut dropped = Vec::new();
        let mut waiting = self.waiting.lock();
        let Some(descriptor) = waiting.descriptor else {
            drop(waiting);
            return;
        };
        let was_empty = waiting.entries.is_empty();
        if let Some(entry) = waiting.admit(event, lane, &mut dropped) {
            waiting.entries.push_back(entry);
            if was_empty {
                signal(descriptor);
            }
            self.arrived.notify_one();
        }
        drop(waiting);
        drop(dropped);
    }

    fn next(&self, patience: Patience) -> Option<tenure_event> {
        let mut waiting = self.waiting.lock();
        loop {
            if let Some(event) = waiting.take() {
                return Some(event);
            }
            match patience {
                Patience::None => return None,
                Patience::Endless => self.arrived.wait(&mut waiting),
                Patience::Until(end) => {
                    if self.arrived.wait_until(&mut waiting, end).timed_out() {
                        return waiting.take();
                    }
                }
            }
        }
    }

    fn close(&self) {
        let entries = {
            let mut waiting = self.waiting.lock();
            waiting.descriptor = None;
            std::mem::take(&mut waiting.entries)
        };
        drop(entries);
    }
}

impl Waiting {
    /// The entry to append for an event, after making room for it.
    fn admit(
        &mut self,
        event: tenure_event,
        lane: Option<&Lane<'_>>,
        dropped: &mut Vec<tenure_event>,
    ) -> Option<Entry> {
        let Some(lane) = lane else {
            return Some(Entry { event, room: None, is_kept: true });
        };
        let room = lane.room;
        let mut event = event;
        if room.is_full() {
            match room.when_full {
                WhenFull::Collapse => {
                    self.empty(room, dropped);
                    let collapsed = event.collapsed();
                    dropped.push(std::mem::replace(&mut event, collapsed));
                }
                WhenFull::LeaveOut => {
                    if let Some(oldest) = self.first_to_leave_out(room) {
                        dropped.extend(self.entries.remove(oldest).map(|entry| entry.event));
                        room.count(-1);
                    } else if !lane.is_kept {
                        dropped.push(event);
                        return None;
                    }
                }
            }
        }
        room.count(1);
        Some(Entry { event, room: Some(room.clone()), is_kept: lane.is_kept })
    }

    fn empty(&mut self, room: &Arc<Room>, dropped: &mut Vec<tenure_event>) {
        for entry in std::mem::take(&mut self.entries) {
            if entry.is_in(room) {
                room.count(-1);
                dropped.push(entry.event);
            } else {
                self.entries.push_back(entry);
            }
        }
    }

    fn first_to_leave_out(&self, room: &Arc<Room>) -> Option<usize> {
        self.entries.iter().position(|entry| entry.is_in(room) && !entry.is_kept)
    }

    fn take(&mut self) -> Option<tenure_event> {
        let entry = self.entries.pop_front()?;
        if let Some(room) = &entry.room {
            room.count(-1);
        }
        // Under the lock, so that no signal of a later event can be taken away.
        if self.entries.is_empty()
            && let Some(descriptor) = self.descriptor
        {
            silence(descriptor);
        }
        Some(entry.event)
    }
}

impl Entry {
    fn is_in(&self, room: &Arc<Room>) -> bool {
        self.room.as_ref().is_some_and(|own| Arc::ptr_eq(own, room))
    }
}

fn signal(descriptor: RawFd) {
    let one = 1u64.to_ne_bytes();
    // SAFETY: eight bytes are there to be read; the descriptor is open while it is in `Waiting`.
    unsafe { libc::write(descriptor, one.as_ptr().cast(), one.len()) };
}

fn silence(descriptor: RawFd) {
    let mut count = [0u8; 8];
    // SAFETY: eight bytes can be written to; the descriptor is open while it is in `Waiting`.
    unsafe { libc::read(descriptor, count.as_mut_ptr().cast(), count.len()) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Content;
    use crate::event::{TENURE_KIND_NODE, TENURE_KIND_RESYNC, TENURE_KIND_SESSION};

    fn line() -> (Line, OwnedFd) {
        let descriptor = event_descriptor().unwrap();
        (Line::new(descriptor.as_raw_fd()), descriptor)
    }

    fn event(kind: i32, epoch: u32) -> tenure_event {
        tenure_event::new(Content { epoch, ..Content::new(kind) }, None)
    }

    fn is_readable(descriptor: &OwnedFd) -> bool {
        let mut poll =
            libc::pollfd { fd: descriptor.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one entry is there.
        unsafe { libc::poll(&raw mut poll, 1, 0) == 1 }
    }

    fn drain(line: &Line) -> Vec<(i32, u32)> {
        std::iter::from_fn(|| line.next(Patience::None))
            .map(|event| (event.content().kind, event.content().epoch))
            .collect()
    }

    #[test]
    fn the_descriptor_is_readable_exactly_while_something_waits() {
        let (line, descriptor) = line();
        assert!(!is_readable(&descriptor));
        for epoch in 0..2 {
            line.push(event(TENURE_KIND_NODE, epoch), None);
        }
        assert!(line.next(Patience::None).is_some());
        assert!(is_readable(&descriptor));
        assert!(line.next(Patience::None).is_some());
        assert!(!is_readable(&descriptor));
        assert!(line.next(Patience::None).is_none());
    }

    #[test]
    fn a_full_watch_collapses_into_one_event_and_leaves_others_alone() {
        let (line, descriptor) = line();
        let room = Room::new(2, WhenFull::Collapse);
        line.push(event(TENURE_KIND_SESSION, 9), None);
        for epoch in 1..=4 {
            let lane = Lane { room: &room, is_kept: false };
            line.push(event(TENURE_KIND_NODE, epoch), Some(&lane));
        }
        assert!(is_readable(&descriptor));
        let found = [(TENURE_KIND_SESSION, 9), (TENURE_KIND_RESYNC, 3), (TENURE_KIND_NODE, 4)];
        assert_eq!(drain(&line), found);
        assert_eq!(room.waiting.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_full_room_of_states_leaves_out_what_need_not_be_kept() {
        let (line, _descriptor) = line();
        let room = Room::new(2, WhenFull::LeaveOut);
        for (epoch, is_kept) in [(1, true), (2, false), (3, true), (4, false), (5, true)] {
            line.push(event(TENURE_KIND_SESSION, epoch), Some(&Lane { room: &room, is_kept }));
        }
        let epochs: Vec<u32> = drain(&line).into_iter().map(|(_, epoch)| epoch).collect();
        assert_eq!(epochs, [1, 3, 5]);
    }

    #[test]
    fn a_freed_queue_takes_nothing() {
        let (line, _descriptor) = line();
        line.push(event(TENURE_KIND_NODE, 1), None);
        line.close();
        line.push(event(TENURE_KIND_NODE, 2), None);
        assert!(line.next(Patience::None).is_none());
    }
}
