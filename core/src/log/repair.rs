//! What an operator does about a log that is refused: look at it, and, where there is no better copy,
//! let go of what is damaged and everything behind it.
//!
//! Nothing is deleted by it: what the log gives up stays beside it, in files whose names begin with
//! `damaged-`. Whoever calls it holds the lock of the directory.

use super::disk::Disk;
use super::faults::Faults;
use super::mark::{IDENTITY, MARK, Mark, encode_identity, encode_mark, write_all};
use super::open::{expect_numbers, fault, place};
use super::room::{Fault, create_segment};
use super::scan::read_full;
use super::segment::{Segment, SegmentHead, first_of, segment_name};
use super::segmented::Options;
use super::store::{Damage, LogId, OpenError};
use super::survey::{Survey, Torn, survey};

/// What the names of files begin with that a repair put aside.
const DAMAGED: &str = "damaged-";

/// Bytes that are copied at once.
const PIECE: usize = 1 << 20;

/// What the files of a log hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Whether there is a log at all.
    pub begun: bool,
    /// The segments in force: name and length in bytes.
    pub segments: Vec<(String, u64)>,
    /// The entry before the first one that is kept.
    pub purged: LogId,
    /// The last entry before the first damage.
    pub last: LogId,
    /// The greatest index that was seen or spoken of: without damage the one of `last`.
    pub reached: u64,
    /// What the next start will cut off: nobody was told of it.
    pub torn: Option<Torn>,
    /// Everything that keeps the log from being opened, in order.
    pub damages: Vec<Damage>,
    /// What the next start will cope with.
    pub warnings: Vec<String>,
    /// Files of unfinished steps, which the next start will remove.
    pub leftovers: Vec<String>,
}

/// What a repair did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Repaired {
    /// What was damaged; nothing was changed if there is none.
    pub damages: Vec<Damage>,
    /// The entry behind which the log goes on.
    pub last: LogId,
    /// How many entries are lost, as far as is known.
    pub lost: u64,
    /// Where everything is that the log gave up: names of files.
    pub aside: Vec<String>,
}

impl Report {
    /// How many entries can be read, up to the first damage.
    pub fn entries(&self) -> u64 {
        self.last.index.saturating_sub(self.purged.index)
    }

    /// Whether the log can be opened.
    pub fn is_whole(&self) -> bool {
        self.damages.is_empty()
    }
}

/// Reads everything and changes nothing.
///
/// # Errors
/// [`OpenError::Io`], [`OpenError::Version`]. Damage is part of the answer.
pub fn verify(disk: &dyn Disk) -> Result<Report, OpenError> {
    let found = survey(disk, Faults::default())?;
    let mut segments = Vec::new();
    for segment in &found.segments {
        let length = segment.file.len();
        let length = length.map_err(|error| fault(disk, "read", &segment.name, error))?;
        segments.push((segment.name.clone(), length));
    }
    Ok(Report {
        begun: found.identity.is_some() || !found.damages.is_empty(),
        segments,
        purged: found.segments.first().map_or(found.last, |first| first.head.before),
        last: found.last,
        reached: found.reached.max(found.last.index),
        torn: found.torn,
        damages: found.damages,
        warnings: found.warnings,
        leftovers: found.leftovers,
    })
}

/// Cuts the log behind the last entry before the first damage, durably. A damaged beginning that
/// `snapshot` covers costs nothing; where the log that is left does not continue `snapshot`, the place of
/// the newest whole snapshot or (0, 0), it goes on behind that. If it is interrupted, it is done
/// again. A log without damage is left as it is.
///
/// # Errors
/// [`OpenError`]; damage if the identity is lost and no segment tells it.
pub fn repair(disk: &dyn Disk, options: &Options, snapshot: LogId) -> Result<Repaired, OpenError> {
    let mut found = survey(disk, Faults::default())?;
    let mut repaired =
        Repaired { damages: found.damages.clone(), last: found.last, lost: 0, aside: Vec::new() };
    if found.damages.is_empty() {
        return Ok(repaired);
    }
    if found.identity.is_none() {
        restore_identity(disk, options, &mut repaired.aside)?;
        found = survey(disk, Faults::default())?;
        repaired.damages.extend(found.damages.iter().cloned());
    }
    let identity = found.identity.expect("an identity that was restored is there");
    expect_numbers(disk, &found, snapshot.index)?;
    let first = found.segments.first();
    let is_joined = first.is_some_and(|first| first.head.before.index <= snapshot.index)
        && found.last.index >= snapshot.index;
    let last = if is_joined { found.last } else { snapshot };
    let kept = if is_joined { found.broken.unwrap_or(usize::MAX) } else { 0 };
    put_aside(disk, &found, (kept, is_joined), &mut repaired.aside)?;
    let first = go_on(disk, options, &found, (last, is_joined))?;
    let mark = Mark { serial: found.serial + 1, first, last };
    place(disk, MARK, &encode_mark(&identity, &mark), options).map_err(|why| refused(disk, why))?;
    repaired.last = last;
    repaired.lost = found.reached.saturating_sub(last.index);
    Ok(repaired)
}

/// Begins the segment in which the log goes on; says with which index the log begins.
fn go_on(
    disk: &dyn Disk,
    options: &Options,
    found: &Survey,
    (last, is_joined): (LogId, bool),
) -> Result<u64, OpenError> {
    let first = found.segments.first().filter(|_| is_joined).map(|first| &first.head);
    // The new segment may take the place of the first one.
    let begins = first.is_none_or(|first| first.begins && first.before == last);
    let serial = found.serial + 1;
    let head = SegmentHead { serial, before: last, begins, note: found.note.clone() };
    let identity = found.identity.expect("an identity that was restored is there");
    create_segment(disk, &identity, head, 0, options.faults).map_err(|why| refused(disk, why))?;
    Ok(first.map_or(last.index + 1, |first| first.before.index + 1))
}

/// Puts aside all segments that the log gives up, and what it gives up of the one that it keeps a
/// part of.
fn put_aside(
    disk: &dyn Disk,
    found: &Survey,
    (kept, is_joined): (usize, bool),
    aside: &mut Vec<String>,
) -> Result<(), OpenError> {
    let names = disk.list().map_err(|error| fault(disk, "listing", "", error))?;
    for name in names.iter().filter(|name| first_of(name).is_some()) {
        let number = found.segments.iter().position(|segment| segment.name == *name);
        let is_whole = number.is_some_and(|number| number < kept);
        if is_whole || found.leftovers.contains(name) {
            continue;
        }
        match number.filter(|number| *number == kept && is_joined) {
            Some(number) if found.segments[number].head.before != found.last => {
                aside.push(copy_rest(disk, &found.segments[number])?);
            }
            _ => aside.push(rename_aside(disk, name)?),
        }
    }
    disk.sync_names().map_err(|error| fault(disk, "sync", "", error))
}

/// Gives a file a name that the log does not look at.
fn rename_aside(disk: &dyn Disk, name: &str) -> Result<String, OpenError> {
    let to = free_name(disk, name)?;
    disk.rename(name, &to).map_err(|error| fault(disk, "renaming", name, error))?;
    Ok(to)
}

/// Copies what stands behind the end of a segment.
fn copy_rest(disk: &dyn Disk, segment: &Segment) -> Result<String, OpenError> {
    let to = free_name(disk, &format!("{}-from-{}", segment.name, segment.end))?;
    let copied = || {
        let copy = disk.create(&to)?;
        let mut piece = vec![0; PIECE];
        let mut at = 0;
        loop {
            let read = read_full(&*segment.file, &mut piece, segment.end + at)?;
            if read == 0 {
                return copy.sync();
            }
            write_all(&*copy, &piece[..read], at)?;
            at += read as u64;
        }
    };
    copied().map_err(|error| fault(disk, "copy", &to, error))?;
    Ok(to)
}

/// A name for what was damaged that no file has.
fn free_name(disk: &dyn Disk, name: &str) -> Result<String, OpenError> {
    let names = disk.list().map_err(|error| fault(disk, "listing", "", error))?;
    let mut free = format!("{DAMAGED}{name}");
    let mut number = 1;
    while names.contains(&free) {
        number += 1;
        free = format!("{DAMAGED}{name}-{number}");
    }
    Ok(free)
}

/// Writes the identity again that the segments speak of.
fn restore_identity(
    disk: &dyn Disk,
    options: &Options,
    aside: &mut Vec<String>,
) -> Result<(), OpenError> {
    let mut names = disk.list().map_err(|error| fault(disk, "listing", "", error))?;
    names.sort();
    let mut identity = None;
    for name in names.iter().filter(|name| first_of(name).is_some()) {
        identity = Segment::identity(disk, name)?;
        if identity.is_some() {
            break;
        }
    }
    let Some(identity) = identity else {
        return Err(OpenError::Damage(Damage {
            file: disk.shown(IDENTITY),
            offset: 0,
            found: format!("no identity, and no segment such as {} tells it", segment_name(1)),
        }));
    };
    if names.iter().any(|name| name == IDENTITY) {
        aside.push(rename_aside(disk, IDENTITY)?);
    }
    place(disk, IDENTITY, &encode_identity(&identity), options).map_err(|why| refused(disk, why))
}

fn refused(disk: &dyn Disk, Fault { what, name, error }: Fault) -> OpenError {
    fault(disk, what, &name, error)
}
