//! A look at the files of a log, which changes nothing: what is in force, what is left over, what is
//! damaged, and what was cut off before anybody was told of it.

use bytes::Bytes;

use super::disk::Disk;
use super::faults::Faults;
use super::mark::{IDENTITY, MARK, Mark, read_identity, read_mark};
use super::record::{Identity, durable};
use super::scan::{Found, Scan, read_full};
use super::segment::{Segment, Stop, Walk, first_of, segment_name};
use super::store::{Damage, LogId, OpenError};

/// What names of files that are not finished end with. They are removed at the next opening.
pub(super) const ASIDE: &str = ".aside";

/// What the names of snapshots begin with.
const SNAPSHOT: &str = "snapshot-";

/// Bytes of one look for zeros.
const PIECE: usize = 1 << 20;

/// The rest of a write that a crash interrupted, behind everything that was ever flushed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Torn {
    /// The file, with its directory.
    pub file: String,
    /// Where the log ends.
    pub offset: u64,
    /// How far behind it something was written.
    pub bytes: u64,
    /// What stands there.
    pub found: String,
}

/// What the files of a log turned out to be.
pub(super) struct Survey {
    /// `None`: no log was ever begun here.
    pub identity: Option<Identity>,
    /// `None`: there is none to rely on.
    pub mark: Option<Mark>,
    /// What tenure coped with.
    pub warnings: Vec<String>,
    /// In force, in order. The last one takes what is appended.
    pub segments: Vec<Segment>,
    /// Files of unfinished steps, which nobody needs.
    pub leftovers: Vec<String>,
    /// Everything that is not as it was written, in order.
    pub damages: Vec<Damage>,
    pub torn: Option<Torn>,
    /// The last entry before the first gap or bad record.
    pub last: LogId,
    /// The segment in which that is.
    pub broken: Option<usize>,
    /// The greatest index that anything speaks of.
    pub reached: u64,
    /// The greatest serial that was seen.
    pub serial: u64,
    pub note: Bytes,
    /// Where the records of the last segment begin that no flush is known to have covered.
    pub unproven: u64,
}

/// Whether a file is what an interrupted step of this project left. Files of others that happen to end
/// alike are none of its business.
fn is_unfinished(name: &str) -> bool {
    name.strip_suffix(ASIDE).is_some_and(|name| {
        name == IDENTITY || name == MARK || first_of(name).is_some() || name.starts_with(SNAPSHOT)
    })
}

/// Reads everything.
///
/// # Errors
/// What the system refuses, and files of newer releases. Damage is part of the answer.
pub(super) fn survey(disk: &dyn Disk, faults: Faults) -> Result<Survey, OpenError> {
    let mut names = disk.list().map_err(|source| OpenError::Io {
        doing: format!("listing of {}", disk.shown("")),
        source,
    })?;
    names.sort();
    let mut survey = Survey {
        identity: None,
        mark: None,
        warnings: Vec::new(),
        segments: Vec::new(),
        leftovers: names.iter().filter(|name| is_unfinished(name)).cloned().collect(),
        damages: Vec::new(),
        torn: None,
        last: LogId::default(),
        broken: None,
        reached: 0,
        serial: 0,
        note: Bytes::new(),
        unproven: 0,
    };
    let identity = match read_identity(disk) {
        Ok(Some(identity)) => identity,
        Ok(None) => return survey.unborn(disk, &names).map(|()| survey),
        Err(OpenError::Damage(damage)) => {
            survey.damages.push(damage);
            return Ok(survey);
        }
        Err(other) => return Err(other),
    };
    survey.identity = Some(identity);
    match read_mark(disk, &identity)? {
        Ok(mark) => survey.mark = Some(mark),
        Err(warning) => survey.warnings.push(warning),
    }
    for name in names.iter().filter(|name| first_of(name).is_some()) {
        match Segment::open(disk, name, &identity)? {
            Ok(segment) => survey.segments.push(segment),
            Err(damage) => survey.damages.push(damage),
        }
    }
    survey.choose(disk);
    survey.walk_all(disk, &identity, faults)?;
    Ok(survey)
}

impl Survey {
    /// A directory without an identity: nothing but what an interrupted first start leaves may be
    /// there, or a log has lost its identity.
    fn unborn(&mut self, disk: &dyn Disk, names: &[String]) -> Result<(), OpenError> {
        let first = segment_name(1);
        for name in names {
            let lived = if *name == first {
                !is_untouched(disk, name)?
            } else {
                first_of(name).is_some() || (name.starts_with(SNAPSHOT) && !name.ends_with(ASIDE))
            };
            if lived {
                self.damages.push(Damage {
                    file: disk.shown(IDENTITY),
                    offset: 0,
                    found: format!("missing, though there is {}", disk.shown(name)),
                });
                return Ok(());
            }
            if *name == first || name == MARK {
                self.leftovers.push(name.clone());
            }
        }
        Ok(())
    }

    /// Tells the segments in force from those that an interrupted purge, truncation or reset left.
    fn choose(&mut self, disk: &dyn Disk) {
        self.segments.sort_by_key(|segment| segment.head.serial);
        let begin = self.segments.iter().rposition(|segment| segment.head.begins).unwrap_or(0);
        let mut chosen: Vec<Segment> = Vec::new();
        for segment in self.segments.split_off(begin) {
            while let Some(replaced) =
                chosen.pop_if(|last| last.head.first() >= segment.head.first())
            {
                self.leftovers.push(replaced.name);
            }
            chosen.push(segment);
        }
        self.leftovers.extend(self.segments.drain(..).map(|segment| segment.name));
        let missing = |first| Damage {
            file: disk.shown(&segment_name(first)),
            offset: 0,
            found: "missing".to_owned(),
        };
        let first = self.mark.map_or(1, |mark| mark.first);
        if chosen.is_empty() && self.damages.is_empty() {
            self.damages.push(missing(first));
        }
        if let Some(mark) = self.mark {
            let begins = chosen.first().is_some_and(|segment| segment.head.begins);
            let purged = chosen.iter().position(|segment| segment.head.first() == mark.first);
            if let Some(purged) = purged {
                self.leftovers.extend(chosen.drain(..purged).map(|segment| segment.name));
            } else if self.damages.is_empty() && !begins {
                self.damages.push(missing(mark.first));
            }
        }
        self.segments = chosen;
    }

    /// Reads all records of the segments in force.
    fn walk_all(
        &mut self,
        disk: &dyn Disk,
        identity: &Identity,
        faults: Faults,
    ) -> Result<(), OpenError> {
        let proven = self.mark.map_or(0, |mark| mark.serial);
        self.serial = proven;
        self.reached = self.mark.map_or(0, |mark| mark.last.index);
        let nexts: Vec<LogId> = self.segments.iter().skip(1).map(|s| s.head.before).collect();
        for number in 0..self.segments.len() {
            let segment = &mut self.segments[number];
            let fault = |name: &str| {
                let doing = format!("read of {}", disk.shown(name));
                move |source| OpenError::Io { doing, source }
            };
            let length = segment.file.len().map_err(fault(&segment.name))?;
            let mut scan = segment.scan(identity, faults, segment.head.space()..length);
            let next = nexts.get(number).copied();
            let walk = segment
                .walk(&mut scan, next.map(|next| next.index), proven)
                .map_err(fault(&segment.name))?;
            let segment = &self.segments[number];
            let mut damage = None;
            if let Some(next) = next {
                damage = sealed_damage(&walk, next);
            } else {
                let mut rest = segment.scan(identity, faults, walk.end..length);
                let lost = lost_behind(&walk, proven, &mut rest).map_err(fault(&segment.name))?;
                if lost.is_some() && !faults.ignores_durable() {
                    damage = lost;
                } else {
                    self.torn = torn(disk, segment, &walk, length).map_err(fault(&segment.name))?;
                }
            }
            if self.broken.is_none() {
                self.last = walk.last;
                self.note = walk.note.clone();
                self.unproven = walk.unproven;
            }
            self.serial = self.serial.max(walk.serial);
            self.reached = self.reached.max(walk.last.index);
            if damage.is_some() {
                self.broken.get_or_insert(number);
            }
            self.damages.extend(damage.map(|found| Damage {
                file: disk.shown(&segment.name),
                offset: walk.end,
                found,
            }));
        }
        Ok(())
    }
}

/// What is wrong with a segment that has one behind it: it holds everything up to that one.
fn sealed_damage(walk: &Walk, next: LogId) -> Option<String> {
    match &walk.stop {
        Stop::Reached if walk.last == next => None,
        Stop::Reached => Some(format!(
            "entry {} of term {} where the next segment continues one of term {}",
            walk.last.index, walk.last.term, next.term
        )),
        stop => Some(format!("{}, where entry {} belongs", stop.text(), walk.last.index + 1)),
    }
}

/// What is missing behind the last record, if anything there was durable: the mark or a later record
/// says so.
fn lost_behind(walk: &Walk, proven: u64, rest: &mut Scan) -> std::io::Result<Option<String>> {
    let lost = |serial: u64| {
        let text = walk.stop.text();
        format!(
            "{text}, where record {} belongs; the log was durable up to {serial}",
            walk.serial + 1
        )
    };
    if proven > walk.serial {
        return Ok(Some(lost(proven)));
    }
    let mut found = match rest.next()? {
        Found::Record(record) => Some(record),
        _ => rest.resume()?,
    };
    while let Some(record) = found {
        if durable(&record.head) > walk.serial {
            return Ok(Some(lost(durable(&record.head))));
        }
        found = rest.resume()?;
    }
    Ok(None)
}

/// What an interrupted write left behind the last record.
fn torn(
    disk: &dyn Disk,
    segment: &Segment,
    walk: &Walk,
    length: u64,
) -> std::io::Result<Option<Torn>> {
    let mut piece = vec![0; PIECE.min(length.saturating_sub(walk.end) as usize)];
    let (mut at, mut bytes) = (walk.end, 0);
    while at < length {
        let read = read_full(&*segment.file, &mut piece, at)?;
        if read == 0 {
            break;
        }
        if let Some(last) = piece[..read].iter().rposition(|byte| *byte != 0) {
            bytes = at + last as u64 + 1 - walk.end;
        }
        at += read as u64;
    }
    Ok((bytes > 0).then(|| Torn {
        file: disk.shown(&segment.name),
        offset: walk.end,
        bytes,
        found: walk.stop.text().to_owned(),
    }))
}

/// Whether a segment is as the first start leaves it, before the identity is there.
fn is_untouched(disk: &dyn Disk, name: &str) -> Result<bool, OpenError> {
    let fault = |source| OpenError::Io { doing: format!("read of {}", disk.shown(name)), source };
    let Some(identity) = Segment::identity(disk, name)? else { return Ok(false) };
    let Ok(mut segment) = Segment::open(disk, name, &identity)? else { return Ok(false) };
    let length = segment.file.len().map_err(fault)?;
    let mut scan = segment.scan(&identity, Faults::default(), segment.end..length);
    let walk = segment.walk(&mut scan, None, 0).map_err(fault)?;
    let torn = torn(disk, &segment, &walk, length).map_err(fault)?;
    Ok(segment.head.serial == 1 && walk.serial == 1 && torn.is_none())
}

impl Stop {
    /// What stands there, in words.
    fn text(&self) -> &str {
        match self {
            Stop::Reached => "the next segment",
            Stop::Nothing => "nothing",
            Stop::Bad(found) => found,
        }
    }
}
