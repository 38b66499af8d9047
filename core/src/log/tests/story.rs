//! A story of everything that is done to a log, and what it may and must hold at any moment of it.

use super::super::AppendError;
use super::*;

/// What is done to a log, one after the other.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Single appends up to an index.
    Append(u64),
    /// One append of everything up to an index.
    Batch(u64),
    Flush,
    Purge(u64),
    Truncate(u64),
    Note(&'static str),
    Reset(u64),
    Room,
    Close,
}

/// What a log may and must hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    /// Purged at most up to here, at least up to there.
    purged: (u64, u64),
    /// All entries, flushed or not, by their index from 1 on.
    terms: Vec<u64>,
    /// Flushed up to here.
    flushed: u64,
    note: &'static str,
    term: u64,
}

impl Model {
    pub(super) fn new() -> Model {
        Model { term: 1, ..Model::default() }
    }

    fn last(&self) -> u64 {
        self.terms.len() as u64
    }

    /// The model behind a step.
    pub(super) fn after(&self, step: &Step) -> Model {
        let mut next = self.clone();
        match step {
            Step::Append(upto) | Step::Batch(upto) => {
                next.terms.resize(*upto as usize, self.term);
            }
            Step::Flush | Step::Close => next.flushed = self.last(),
            Step::Purge(upto) => next.purged.1 = *upto,
            Step::Truncate(last) => {
                next.terms.truncate(*last as usize);
                next.flushed = *last;
                next.term += 1;
            }
            Step::Note(note) => (next.note, next.flushed) = (note, self.last()),
            Step::Reset(last) => {
                next.terms.resize(*last as usize, self.term);
                next.terms.truncate(*last as usize);
                (next.purged, next.flushed) = ((*last, *last), *last);
            }
            Step::Room => {}
        }
        next
    }

    /// What a log that came up again has and should not have, or lacks.
    pub(super) fn check(&self, log: &SegmentLog) -> Result<(), String> {
        let (purged, last) = (log.purged().index, log.last().index);
        if purged < self.purged.0 || purged > self.purged.1 {
            return Err(format!("purged up to {purged}, wanted {:?}", self.purged));
        }
        if last < self.flushed || last > self.last() {
            return Err(format!("last is {last}, flushed {}, all {}", self.flushed, self.last()));
        }
        if log.note() != self.note {
            return Err(format!("note {:?}, wanted {}", log.note(), self.note));
        }
        let entries = log.read(purged + 1, usize::MAX).map_err(|damage| damage.to_string())?;
        if entries.len() as u64 != last - purged {
            return Err(format!("{} entries behind {purged} up to {last}", entries.len()));
        }
        for (found, index) in entries.iter().zip(purged + 1..) {
            if *found != entry(self.terms[index as usize - 1], index) {
                return Err(format!("entry {index} is another one: {:?}", found.id));
            }
        }
        Ok(())
    }

    /// Does a step. One that the disk was too full for can be done again.
    pub(super) fn carry_out(&self, log: &SegmentLog, step: &Step) -> Result<(), AppendError> {
        match step {
            Step::Append(upto) => {
                for index in log.last().index + 1..=*upto {
                    log.append(&[entry(self.term, index)], false)?;
                }
            }
            Step::Batch(upto) => {
                let entries: Vec<Entry> =
                    (self.last() + 1..=*upto).map(|index| entry(self.term, index)).collect();
                log.append(&entries, false)?;
            }
            Step::Flush => log.flush()?,
            Step::Purge(upto) => log.purge(*upto)?,
            Step::Truncate(last) => log.truncate(*last)?,
            Step::Note(note) => log.keep_note(note.as_bytes())?,
            Step::Reset(last) => log.reset(LogId { term: self.term, index: *last })?,
            Step::Room => log.make_room()?,
            Step::Close => log.close()?,
        }
        Ok(())
    }
}

pub(super) fn story() -> Vec<Step> {
    use Step::*;
    vec![
        Append(3),
        Flush,
        Batch(12),
        Flush,
        Append(16),
        Note("one"),
        Append(22),
        Room,
        Batch(30),
        Flush,
        Append(33),
        Purge(14),
        Flush,
        Truncate(27),
        Append(31),
        Flush,
        Append(40),
        Truncate(37),
        Note("two"),
        Note("three"),
        Append(45),
        Close,
        Truncate(16),
        Batch(20),
        Note("a note that is rather long, so that a few of them fill a segment on their own"),
        Flush,
        Reset(16),
        Append(19),
        Flush,
        Reset(60),
        Note("four"),
        Append(75),
        Flush,
        Purge(75),
        Append(77),
    ]
}
