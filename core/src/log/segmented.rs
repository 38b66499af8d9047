//! A log in segments on a disk: what is appended, made durable, and read.
//!
//! Locks, in the order in which they are taken: whoever removes files (`removing`), the one sync that
//! runs (`syncing`), the end of the log (`state`). An append takes the last one only, so it goes on
//! while a sync runs; a flush holds it just to see how far the log goes.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex, MutexGuard};

use super::disk::{Disk, File};
use super::failure::Failure;
use super::faults::Faults;
use super::mark::{MARK, Mark, encode_mark, write_all};
use super::record::{Head, Identity, Kind, MAX_NOTE, encode, space};
use super::room::is_full;
use super::scan::Found;
use super::segment::{Segment, segment_name};
use super::store::{AppendError, Damage, Entry, Failed, LogId, MAX_BODY, TxnLog};
use super::survey::Torn;

/// The buffer of appends is let go of above this size, in bytes.
const KEPT_BUFFER: usize = 4 << 20;

/// How a log is laid out. All but the identity may differ from one opening to the next.
#[derive(Clone, Debug)]
pub struct Options {
    /// A segment that has reached this size, in bytes, takes no more entries. Default 64 MiB.
    pub segment: u64,
    /// Bytes of written room ahead that only appends with `reserve` may use. Default 2 MiB.
    pub reserve: u64,
    /// Room is made in steps of so many bytes. Default 1 MiB.
    pub step: u64,
    /// Sixteen random bytes that mark the files of a new directory as its own.
    pub identity: [u8; 16],
    /// What is broken on purpose.
    pub faults: Faults,
}

/// What the opening of a log came upon.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Opened {
    /// Whether the log was begun by it.
    pub created: bool,
    /// What was cut off: nobody was told of it.
    pub torn: Option<Torn>,
    /// What tenure coped with, for the operator to read.
    pub warnings: Vec<String>,
}

/// A log of entries in the segments of a disk.
pub struct SegmentLog {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) options: Options,
    pub(super) identity: Identity,
    pub(super) opened: Opened,
    pub(super) failure: Failure,
    /// Up to which serial everything is durable.
    pub(super) durable: AtomicU64,
    /// Held by whoever removes segments.
    pub(super) removing: Mutex<()>,
    /// The mark, and the right to sync the last segment.
    pub(super) syncing: Mutex<Proven>,
    pub(super) state: Mutex<State>,
    /// Told when room was made.
    pub(super) room_made: Condvar,
}

/// The end of the log, and where everything before it stands.
pub(super) struct State {
    /// In order, at least one. The last one takes what is appended.
    pub segments: Vec<Segment>,
    /// Up to where the last segment was written with zeros.
    pub allocated: u64,
    /// Of the last record.
    pub serial: u64,
    pub last: LogId,
    pub note: Bytes,
    pub buffer: Vec<u8>,
    /// Whether somebody makes room in the last segment, without the lock.
    pub making_room: bool,
}

/// How far the log is durable, and the file that says so.
pub(super) struct Proven {
    pub file: Arc<dyn File>,
    /// What it says.
    pub mark: Mark,
}

/// A part of a segment that somebody reads.
struct Part {
    segment: Segment,
    start: u64,
    /// The last entry of it that counts.
    until: u64,
}

impl Options {
    /// The defaults, and the identity that a new directory gets.
    pub fn new(identity: [u8; 16]) -> Options {
        Options {
            segment: 64 << 20,
            reserve: 2 << 20,
            step: 1 << 20,
            identity,
            faults: Faults::default(),
        }
    }
}

impl State {
    pub(super) fn active(&self) -> &Segment {
        self.segments.last().expect("a log has a segment")
    }

    pub(super) fn active_mut(&mut self) -> &mut Segment {
        self.segments.last_mut().expect("a log has a segment")
    }

    pub(super) fn purged(&self) -> LogId {
        self.segments[0].head.before
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { serial: self.serial, first: self.segments[0].head.first(), last: self.last }
    }

    /// Asserts that entries continue the log.
    fn check_next(&self, entries: &[Entry]) {
        let mut last = self.last;
        for entry in entries {
            assert_eq!(entry.id.index, last.index + 1, "L3: indexes rise by one");
            assert!(entry.id.term >= last.term, "L3: terms never fall");
            assert!(entry.body.len() <= MAX_BODY, "an entry has a greatest size");
            last = entry.id;
        }
    }

    /// Puts a record into the buffer, as the one behind all that are there.
    fn encode(&mut self, identity: &Identity, durable: u64, kind: Kind, record: (LogId, &[u8])) {
        let (id, body) = record;
        self.serial += 1;
        let lag = u32::try_from(self.serial - durable).unwrap_or(u32::MAX);
        let head = Head { kind, length: body.len() as u32, lag, serial: self.serial, id };
        let offset = self.active().end + self.buffer.len() as u64;
        if kind == Kind::Entry {
            self.active_mut().remember(id.index, offset);
            self.last = id;
        }
        encode(&mut self.buffer, identity, &head, body);
    }
}

impl SegmentLog {
    /// What the opening came upon.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// The sixteen bytes that mark its files.
    pub fn identity(&self) -> [u8; 16] {
        self.identity
    }

    /// Why nothing is durable any more, if so.
    pub fn failed(&self) -> Option<Failed> {
        self.failure.check().err()
    }

    /// Hands every entry from `from` on to `visit`, in order, until that breaks off.
    ///
    /// # Errors
    /// [`Damage`] if a file changed under the log, or `from` was purged.
    pub fn replay(
        &self,
        from: u64,
        visit: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), Damage> {
        let mut next = from.max(1);
        for part in self.parts(next)? {
            if self.replay_part(&part, &mut next, visit)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Flushes, and makes the mark durable too: what a stop does last, so that the next start can
    /// tell everything that was flushed from what was not.
    ///
    /// # Errors
    /// [`Failed`], from then on always.
    pub fn close(&self) -> Result<(), Failed> {
        self.flush()?;
        let proven = self.syncing.lock();
        proven.file.sync().map_err(|error| self.fail("sync", MARK, &error))
    }

    /// The segments from an entry on.
    fn parts(&self, from: u64) -> Result<Vec<Part>, Damage> {
        let state = self.state.lock();
        let first = state.segments[0].head.first();
        if from < first {
            return Err(Damage {
                file: self.disk.shown(&segment_name(from)),
                offset: 0,
                found: format!("entry {from} was purged, the log begins with {first}"),
            });
        }
        let mut until = state.last.index;
        let mut parts = Vec::new();
        for segment in state.segments.iter().rev() {
            let start = segment.near(from);
            parts.push(Part { segment: segment.clone(), start, until });
            if segment.head.first() <= from {
                break;
            }
            until = segment.head.before.index;
        }
        parts.reverse();
        Ok(parts)
    }

    fn replay_part(
        &self,
        part: &Part,
        next: &mut u64,
        visit: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Damage> {
        let segment = &part.segment;
        let mut scan = segment.scan(&self.identity, self.options.faults, part.start..segment.end);
        while *next <= part.until {
            let offset = scan.at();
            let damage = |found| Damage { file: self.disk.shown(&segment.name), offset, found };
            let record = match scan.next() {
                Ok(Found::Record(record)) => record,
                Ok(Found::Nothing) => {
                    return Err(damage(format!("nothing, where entry {next} belongs")));
                }
                Ok(Found::Bad(found)) => return Err(damage(found)),
                Err(error) => return Err(damage(format!("bytes that cannot be read: {error}"))),
            };
            let id = record.head.id;
            if record.head.kind == Kind::Note || id.index < *next {
                continue;
            }
            if id.index > *next {
                return Err(damage(format!("entry {}, where entry {next} belongs", id.index)));
            }
            *next += 1;
            if visit(Entry { id, body: record.body }).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Writes what the buffer holds behind the log.
    fn write(&self, state: &mut State, before: (u64, LogId)) -> Result<(), AppendError> {
        let buffer = std::mem::take(&mut state.buffer);
        let segment = state.active_mut();
        let end = segment.end;
        match segment.file.write_at(&buffer, end) {
            Ok(written) if written == buffer.len() => segment.end += written as u64,
            Ok(written) => {
                let text = format!("only {written} of {} bytes were written", buffer.len());
                return Err(self.fail("write", &segment.name, &text).into());
            }
            Err(error) if is_full(&error) => {
                segment.end_behind(before.1.index, end);
                (state.serial, state.last) = before;
                return Err(AppendError::Full);
            }
            Err(error) => return Err(self.fail("write", &segment.name, &error).into()),
        }
        state.buffer = buffer;
        state.buffer.clear();
        state.buffer.shrink_to(KEPT_BUFFER);
        Ok(())
    }

    /// The end of the log, with room for `need` bytes.
    fn with_room(&self, need: u64, reserve: bool) -> Result<MutexGuard<'_, State>, AppendError> {
        let mut state = self.state.lock();
        if self.has_to_roll(&state, need) {
            drop(state);
            let mut proven = self.syncing.lock();
            state = self.settled();
            if self.has_to_roll(&state, need) {
                self.roll(&mut proven, &mut state, need)?;
            }
        }
        while state.making_room
            && state.active().end + need + self.options.reserve > state.allocated
        {
            self.room_made.wait(&mut state);
        }
        self.find_room(&mut state, need, reserve)?;
        Ok(state)
    }

    /// The end of the log, with nobody at work on its file.
    pub(super) fn settled(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock();
        while state.making_room {
            self.room_made.wait(&mut state);
        }
        state
    }

    /// Makes everything appended so far durable.
    fn flush_held(&self, proven: &mut Proven) -> Result<(), Failed> {
        let (file, name, reached) = {
            let state = self.state.lock();
            (state.active().file.clone(), state.active().name.clone(), state.mark())
        };
        self.sync(&*file, &name)?;
        self.advance(proven, reached)
    }

    /// Syncs a file of the log.
    pub(super) fn sync(&self, file: &dyn File, name: &str) -> Result<(), Failed> {
        if !self.options.faults.skips_sync() {
            file.sync().map_err(|error| self.fail("sync", name, &error))?;
        }
        Ok(())
    }

    /// Says that everything up to here is durable; to the mark first.
    pub(super) fn advance(&self, proven: &mut Proven, reached: Mark) -> Result<(), Failed> {
        // Somebody else's sync may have heard of a failure that this one did not.
        self.failure.check()?;
        write_all(&*proven.file, &encode_mark(&self.identity, &reached), 0)
            .map_err(|error| self.fail("write", MARK, &error))?;
        proven.mark = reached;
        self.durable.store(reached.serial, Ordering::Release);
        Ok(())
    }

    /// Ends everything durable.
    pub(super) fn fail(&self, what: &str, name: &str, error: &dyn std::fmt::Display) -> Failed {
        self.failure.set(Failed {
            doing: format!("{what} of {}", self.disk.shown(name)),
            error: error.to_string(),
        })
    }
}

impl TxnLog for SegmentLog {
    fn last(&self) -> LogId {
        self.state.lock().last
    }

    fn purged(&self) -> LogId {
        self.state.lock().purged()
    }

    fn append(&self, entries: &[Entry], reserve: bool) -> Result<(), AppendError> {
        self.failure.check()?;
        let need = entries.iter().map(|entry| space(entry.body.len()) as u64).sum();
        let mut state = self.with_room(need, reserve)?;
        let before = (state.serial, state.last);
        let durable = self.durable.load(Ordering::Acquire);
        state.check_next(entries);
        for entry in entries {
            state.encode(&self.identity, durable, Kind::Entry, (entry.id, &entry.body));
        }
        self.write(&mut state, before)
    }

    fn flush(&self) -> Result<(), Failed> {
        self.failure.check()?;
        let wanted = self.state.lock().serial;
        if self.durable.load(Ordering::Acquire) < wanted {
            let mut proven = self.syncing.lock();
            // Whoever had the lock before may have synced what is asked for.
            if self.durable.load(Ordering::Acquire) < wanted {
                self.flush_held(&mut proven)?;
            }
        }
        self.failure.check()
    }

    fn truncate(&self, last: u64) -> Result<(), Failed> {
        self.failure.check()?;
        self.cut_behind(last)
    }

    fn purge(&self, upto: u64) -> Result<(), Failed> {
        self.failure.check()?;
        self.let_go(upto)
    }

    fn reset(&self, last: LogId) -> Result<(), Failed> {
        self.failure.check()?;
        self.begin_behind(last)
    }

    fn read(&self, from: u64, bytes: usize) -> Result<Vec<Entry>, Damage> {
        let (mut entries, mut size) = (Vec::new(), 0);
        self.replay(from, &mut |entry| {
            size += entry.body.len();
            if size > bytes && !entries.is_empty() {
                return ControlFlow::Break(());
            }
            entries.push(entry);
            if size >= bytes { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(entries)
    }

    fn keep_note(&self, note: &[u8]) -> Result<(), Failed> {
        self.failure.check()?;
        assert!(note.len() <= MAX_NOTE, "a note has a greatest size");
        let appended = self.with_room(space(note.len()) as u64, true).and_then(|mut state| {
            let before = (state.serial, state.last);
            let durable = self.durable.load(Ordering::Acquire);
            let last = state.last;
            state.encode(&self.identity, durable, Kind::Note, (last, note));
            self.write(&mut state, before)?;
            state.note = Bytes::copy_from_slice(note);
            Ok(())
        });
        match appended {
            Ok(()) => self.flush(),
            Err(AppendError::Failed(failed)) => Err(failed),
            Err(AppendError::Full) => {
                let name = self.state.lock().active().name.clone();
                Err(self.fail("write", &name, &AppendError::Full))
            }
        }
    }

    fn note(&self) -> Bytes {
        self.state.lock().note.clone()
    }

    fn bytes(&self) -> u64 {
        self.state.lock().segments.iter().map(Segment::bytes).sum()
    }
}
