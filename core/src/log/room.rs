//! Room ahead of the log: zeros that are written before entries take their place. The system then
//! overwrites blocks that the file has, which syncs in about half the time, and a full disk is noticed
//! before anything of an entry is written. What is kept back of it is the reserve.

use std::io;
use std::sync::Arc;

use super::disk::{Disk, File};
use super::faults::Faults;
use super::mark::write_all;
use super::record::Identity;
use super::segment::{Segment, SegmentHead, segment_name};
use super::segmented::{Options, SegmentLog, State};
use super::store::{AppendError, Failed};
use super::survey::ASIDE;

/// What room is made of.
static ZEROS: [u8; 256 << 10] = [0; 256 << 10];

/// How many steps of room are made ahead at most, before as many were used up.
const MOST_STEPS: u64 = 8;

/// A step on the disk that went wrong: what, with which file, and what the system said.
pub(super) struct Fault {
    pub what: &'static str,
    pub name: String,
    pub error: io::Error,
}

impl SegmentLog {
    /// Makes room ahead if there is little, off the way of whoever appends: an append that finds
    /// room has not to make it. The longer the log, the more at a time. Without effect where the disk
    /// is nearly full.
    ///
    /// # Errors
    /// [`Failed`], from then on always.
    pub fn make_room(&self) -> Result<(), Failed> {
        self.failure.check()?;
        let mut state = self.state.lock();
        let Options { step, reserve, segment, .. } = self.options;
        let bytes: u64 = state.segments.iter().map(Segment::bytes).sum();
        let ahead = bytes.clamp(step, MOST_STEPS * step);
        let little = state.active().end + reserve + ahead;
        if state.making_room || state.allocated >= little || self.has_to_roll(&state, 0) {
            return Ok(());
        }
        // What stands far behind the end of a segment is never used.
        let most = self.whole_steps(segment + reserve + step);
        let (start, end) = (state.allocated, self.whole_steps(little + ahead).min(most));
        if start >= end {
            return Ok(());
        }
        let name = state.active().name.clone();
        state.making_room = true;
        drop(state);
        let made = self.make_room_in(&name, start, end);
        let mut state = self.state.lock();
        if let Ok(true) = made {
            state.allocated = end;
        }
        state.making_room = false;
        self.room_made.notify_all();
        made.map(|_| ())
    }

    /// Whether the room was made. The file is opened once more, so that an error of this sync is not
    /// kept from the one that entries wait for.
    fn make_room_in(&self, name: &str, start: u64, end: u64) -> Result<bool, Failed> {
        // Room that nobody has asked for yet shall not be what fills a disk.
        if !self.may_have(MOST_STEPS * (end - start)) {
            return Ok(false);
        }
        let file = self.disk.open(name).map_err(|error| self.fail("opening", name, &error))?;
        match write_zeros(&*file, start, end) {
            Ok(()) => self.sync(&*file, name).map(|()| true),
            Err(error) if is_full(&error) => {
                // Given back for others to use. Where that fails, the zeros do no harm.
                let _ = file.set_len(start);
                Ok(false)
            }
            Err(error) => Err(self.fail("write", name, &error)),
        }
    }

    /// Makes room for `need` bytes and the reserve behind them, if there is not, or uses the reserve.
    pub(super) fn find_room(
        &self,
        state: &mut State,
        need: u64,
        reserve: bool,
    ) -> Result<(), AppendError> {
        let (start, taken) = (state.allocated, state.active().end + need);
        if taken + self.options.reserve <= start {
            return Ok(());
        }
        let end = self.whole_steps(taken + self.options.reserve);
        if self.may_have(end - start) {
            let segment = state.active();
            match write_zeros(&*segment.file, start, end) {
                Ok(()) => {
                    state.allocated = end;
                    return Ok(());
                }
                Err(error) if is_full(&error) => {
                    // Given back for others to use. Where that fails, the zeros do no harm.
                    let _ = segment.file.set_len(start);
                }
                Err(error) => return Err(self.fail("write", &segment.name, &error).into()),
            }
        }
        if reserve && taken <= state.allocated { Ok(()) } else { Err(AppendError::Full) }
    }

    /// Whether the last segment is long enough, and something stands in it.
    pub(super) fn has_to_roll(&self, state: &State, need: u64) -> bool {
        let active = state.active();
        active.bytes() > 0 && active.end + need > self.options.segment
    }

    /// The size of a new segment with room for `need` bytes and the reserve.
    pub(super) fn segment_room(&self, head: &SegmentHead, need: u64) -> u64 {
        self.whole_steps(head.space() + need + self.options.reserve)
    }

    /// Creates a segment of `room` bytes. `None` if the disk is full; then nothing has changed.
    pub(super) fn new_segment(
        &self,
        head: SegmentHead,
        room: u64,
    ) -> Result<Option<Segment>, Failed> {
        if !self.may_have(room) {
            return Ok(None);
        }
        match create_segment(&*self.disk, &self.identity, head, room, self.options.faults) {
            Ok(segment) => Ok(Some(segment)),
            Err(fault) if is_full(&fault.error) => {
                let _ = self.disk.remove(&fault.name);
                Ok(None)
            }
            Err(fault) => Err(self.fail(fault.what, &fault.name, &fault.error)),
        }
    }

    /// Whether the disk says that it has so many bytes. A disk that does not say is just tried.
    pub(super) fn may_have(&self, bytes: u64) -> bool {
        self.disk.free().map_or(true, |free| free >= bytes)
    }

    /// Where a room ends that reaches `end` at least.
    fn whole_steps(&self, end: u64) -> u64 {
        end.next_multiple_of(self.options.step)
    }
}

/// Creates a segment of `room` bytes under its name, durably (L5). After an error that says that the
/// disk is full only the file aside is there.
pub(super) fn create_segment(
    disk: &dyn Disk,
    identity: &Identity,
    head: SegmentHead,
    room: u64,
    faults: Faults,
) -> Result<Segment, Fault> {
    let name = segment_name(head.first());
    let bytes = head.encode(identity);
    let file = create_aside(disk, &name, &bytes, room)?;
    put_in_place(disk, &name, faults)?;
    Ok(Segment::new(head, file))
}

/// Writes a file aside, followed by zeros up to `room`, and syncs it.
pub(super) fn create_aside(
    disk: &dyn Disk,
    name: &str,
    bytes: &[u8],
    room: u64,
) -> Result<Arc<dyn File>, Fault> {
    let aside = format!("{name}{ASIDE}");
    let fault = |what: &'static str| {
        let name = aside.clone();
        move |error| Fault { what, name, error }
    };
    match disk.remove(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(fault("removal")(error));
        }
        _ => {}
    }
    let file = disk.create(&aside).map_err(fault("creation"))?;
    write_all(&*file, bytes, 0).map_err(|error| match disk.free() {
        // A short write says nothing of its reason.
        Ok(free) if free < bytes.len() as u64 => fault("write")(io::ErrorKind::StorageFull.into()),
        _ => fault("write")(error),
    })?;
    write_zeros(&*file, bytes.len() as u64, room).map_err(fault("write"))?;
    file.sync().map_err(fault("sync"))?;
    Ok(file)
}

/// Gives a file aside its name, durably.
pub(super) fn put_in_place(disk: &dyn Disk, name: &str, faults: Faults) -> Result<(), Fault> {
    let aside = format!("{name}{ASIDE}");
    disk.rename(&aside, name).map_err(|error| Fault { what: "renaming", name: aside, error })?;
    sync_names(disk, faults).map_err(|error| Fault {
        what: "sync of the directory",
        name: name.to_owned(),
        // Whatever the reason, the name may be there: this is no case of a full disk.
        error: io::Error::other(error),
    })
}

pub(super) fn sync_names(disk: &dyn Disk, faults: Faults) -> io::Result<()> {
    if faults.skips_name_sync() { Ok(()) } else { disk.sync_names() }
}

/// Writes zeros from `start` to `end`, in as many writes as the system takes.
pub(super) fn write_zeros(file: &dyn File, start: u64, end: u64) -> io::Result<()> {
    let mut at = start;
    while at < end {
        let piece = (end - at).min(ZEROS.len() as u64) as usize;
        match file.write_at(&ZEROS[..piece], at)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => at += written as u64,
        }
    }
    Ok(())
}

/// Whether an error says that there is no room.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
