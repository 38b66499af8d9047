//! The opening of a log: begins it in an empty directory, refuses damage, and mends what an
//! interrupted write left.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};

use super::disk::{Disk, File};
use super::failure::Failure;
use super::mark::{IDENTITY, MARK, Mark, encode_identity, encode_mark, write_all};
use super::record::{Identity, MOST};
use super::room::{
    Fault, create_aside, create_segment, is_full, put_in_place, sync_names, write_zeros,
};
use super::scan::read_full;
use super::segment::{Segment, SegmentHead};
use super::segmented::{Opened, Options, Proven, SegmentLog, State};
use super::store::{Damage, LogId, OpenError};
use super::survey::{Survey, survey};

/// Bytes that are written again at once.
const PIECE: usize = 1 << 20;

/// Numbers that a log has to have ahead to be opened.
const NUMBERS_AHEAD: u64 = 1 << 16;

impl SegmentLog {
    /// Opens the log of a disk; begins one where there never was any. What was not flushed and is not
    /// whole is cut off, as [`SegmentLog::opened`] tells. Files whose names end in `.aside` are
    /// removed.
    ///
    /// # Errors
    /// [`OpenError::Damage`] if anything that was flushed is not as it was written; nothing was changed
    /// then. [`OpenError::Version`], [`OpenError::Io`].
    pub fn open(disk: Arc<dyn Disk>, options: Options) -> Result<SegmentLog, OpenError> {
        let mut found = survey(&*disk, options.faults)?;
        refuse(&mut found)?;
        let created = found.identity.is_none();
        if created {
            remove(&*disk, &found.leftovers, &options)?;
            begin(&*disk, &options)?;
            found = survey(&*disk, options.faults)?;
            refuse(&mut found)?;
        }
        let identity = found.identity.expect("a log that was begun has an identity");
        expect_numbers(&*disk, &found, 0)?;
        // Names that are seen may still be lost, and from here on things rely on them.
        sync_names(&*disk, options.faults).map_err(|error| fault(&*disk, "sync", "", error))?;
        let mut segments = std::mem::take(&mut found.segments);
        for sealed in &segments[..segments.len() - 1] {
            trim(sealed).map_err(|error| fault(&*disk, "cutting", &sealed.name, error))?;
        }
        let active = segments.last_mut().expect("a log without damage has a segment");
        let allocated = mend(&*disk, active, &options, found.unproven)
            .map_err(|error| fault(&*disk, "write", &active.name, error))?;
        let mark = Mark { serial: found.serial, first: segments[0].head.first(), last: found.last };
        let file = write_mark(&*disk, &identity, &mark, &options)?;
        remove(&*disk, &found.leftovers, &options)?;
        Ok(SegmentLog {
            opened: Opened { created, torn: found.torn, warnings: found.warnings },
            failure: Failure::default(),
            durable: AtomicU64::new(found.serial),
            removing: Mutex::new(()),
            syncing: Mutex::new(Proven { file, mark }),
            state: Mutex::new(State {
                segments,
                allocated,
                serial: found.serial,
                last: found.last,
                note: found.note,
                buffer: Vec::new(),
                making_room: false,
            }),
            room_made: Condvar::new(),
            disk,
            options,
            identity,
        })
    }
}

/// Refuses damage.
fn refuse(found: &mut Survey) -> Result<(), OpenError> {
    if found.damages.is_empty() { Ok(()) } else { Err(found.damages.swap_remove(0).into()) }
}

/// Begins a log. The identity comes last: where it is, the rest is durable.
fn begin(disk: &dyn Disk, options: &Options) -> Result<(), OpenError> {
    let identity = options.identity;
    let head =
        SegmentHead { serial: 1, before: LogId::default(), begins: true, note: Bytes::new() };
    let mark = Mark { serial: 1, first: 1, last: LogId::default() };
    create_segment(disk, &identity, head, 0, options.faults)
        .and_then(|_| place(disk, MARK, &encode_mark(&identity, &mark), options))
        .and_then(|()| place(disk, IDENTITY, &encode_identity(&identity), options))
        .map_err(|Fault { what, name, error }| fault(disk, what, &name, error))
}

/// Writes a small file under its name, durably.
pub(super) fn place(
    disk: &dyn Disk,
    name: &str,
    bytes: &[u8],
    options: &Options,
) -> Result<(), Fault> {
    create_aside(disk, name, bytes, 0)?;
    put_in_place(disk, name, options.faults)
}

/// Writes the mark, durably; creates it if it is missing.
fn write_mark(
    disk: &dyn Disk,
    identity: &Identity,
    mark: &Mark,
    options: &Options,
) -> Result<Arc<dyn File>, OpenError> {
    let bytes = encode_mark(identity, mark);
    let file = match disk.open(MARK) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            place(disk, MARK, &bytes, options)
                .map_err(|Fault { what, name, error }| fault(disk, what, &name, error))?;
            return disk.open(MARK).map_err(|error| fault(disk, "opening", MARK, error));
        }
        Err(error) => return Err(fault(disk, "opening", MARK, error)),
    };
    write_all(&*file, &bytes, 0)
        .and_then(|()| file.set_len(bytes.len() as u64))
        .and_then(|()| file.sync())
        .map_err(|error| fault(disk, "write", MARK, error))?;
    Ok(file)
}

/// Takes away what stands behind the entries of a segment that has one behind it.
fn trim(sealed: &Segment) -> io::Result<()> {
    if sealed.file.len()? > sealed.end { sealed.file.set_len(sealed.end) } else { Ok(()) }
}

/// Makes the last segment as if it had been written without an accident, durably. Returns how far it
/// has room.
fn mend(disk: &dyn Disk, segment: &Segment, options: &Options, unproven: u64) -> io::Result<u64> {
    let (file, end) = (&*segment.file, segment.end);
    rewrite(file, unproven, end)?;
    let wanted = (end + options.reserve).next_multiple_of(options.step);
    let mut length = file.len()?;
    if length > wanted {
        file.set_len(wanted)?;
        length = wanted;
    }
    match write_zeros(file, end, length) {
        Err(error) if is_full(&error) => {
            file.set_len(end)?;
            length = end;
        }
        other => other?,
    }
    if length < wanted && disk.free().map_or(true, |free| free >= wanted - length) {
        match write_zeros(file, length.max(end), wanted) {
            Ok(()) => length = wanted,
            Err(error) if is_full(&error) => file.set_len(length)?,
            Err(error) => return Err(error),
        }
    }
    file.sync()?;
    Ok(length.max(end))
}

/// Writes again what no flush is known to have covered. After a failed sync the system may take for
/// written what never reached the disk, and a later sync would pass it over.
fn rewrite(file: &dyn File, start: u64, end: u64) -> io::Result<()> {
    let mut piece = vec![0; PIECE.min((end - start) as usize)];
    let mut at = start;
    while at < end {
        let size = piece.len().min((end - at) as usize);
        if read_full(file, &mut piece[..size], at)? < size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        write_all(file, &piece[..size], at)?;
        at += size as u64;
    }
    Ok(())
}

/// Removes what unfinished steps left.
fn remove(disk: &dyn Disk, leftovers: &[String], options: &Options) -> Result<(), OpenError> {
    for name in leftovers {
        disk.remove(name).map_err(|error| fault(disk, "removal", name, error))?;
    }
    if !leftovers.is_empty() {
        sync_names(disk, options.faults).map_err(|error| fault(disk, "sync", "", error))?;
    }
    Ok(())
}

pub(super) fn fault(disk: &dyn Disk, what: &str, name: &str, source: io::Error) -> OpenError {
    OpenError::Io { doing: format!("{what} of {}", disk.shown(name)), source }
}

/// Fails if the log is about to reach the last of its numbers, as no log is that was only ever written:
/// there would be none for what it goes on with.
pub(super) fn expect_numbers(
    disk: &dyn Disk,
    found: &Survey,
    snapshot: u64,
) -> Result<(), OpenError> {
    if found.serial.max(found.last.index).max(snapshot) < MOST - NUMBERS_AHEAD {
        return Ok(());
    }
    let file =
        found.segments.last().map_or_else(|| disk.shown(MARK), |last| disk.shown(&last.name));
    let found = "a number behind which hardly any other is left".to_owned();
    Err(OpenError::Damage(Damage { file, offset: 0, found }))
}
