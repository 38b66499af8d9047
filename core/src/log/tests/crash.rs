//! The power fails before every single change of a fixed story, and everything that was not synced is
//! lost, kept, torn and reordered. What comes up again has everything that was flushed, nothing that
//! nobody wrote, and goes on working.

use super::super::Faults;
use super::*;

/// What is done to a log, one after the other.
#[derive(Clone, Debug)]
enum Step {
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
struct Model {
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
    fn last(&self) -> u64 {
        self.terms.len() as u64
    }

    /// The model behind a step.
    fn after(&self, step: &Step) -> Model {
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
    fn check(&self, log: &SegmentLog) -> Result<(), String> {
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
}

fn story() -> Vec<Step> {
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

/// A step that was done, between two changes of the disk.
struct Done {
    changes: std::ops::Range<usize>,
    before: Model,
    after: Model,
}

fn carry_out(log: &SegmentLog, model: &Model, step: &Step) {
    match step {
        Step::Append(upto) => append(log, model.term, *upto),
        Step::Batch(upto) => {
            let entries: Vec<Entry> =
                (model.last() + 1..=*upto).map(|index| entry(model.term, index)).collect();
            log.append(&entries, false).unwrap();
        }
        Step::Flush => log.flush().unwrap(),
        Step::Purge(upto) => log.purge(*upto).unwrap(),
        Step::Truncate(last) => log.truncate(*last).unwrap(),
        Step::Note(note) => log.keep_note(note.as_bytes()).unwrap(),
        Step::Reset(last) => log.reset(LogId { term: model.term, index: *last }).unwrap(),
        Step::Room => log.make_room().unwrap(),
        Step::Close => log.close().unwrap(),
    }
}

/// The disk with its whole history, and what was done when.
fn lived(faults: Faults) -> (SimDisk, Vec<Done>) {
    let disk = SimDisk::new();
    disk.keep_history();
    let options = Options { faults, ..small() };
    let log = SegmentLog::open(Arc::new(disk.clone()), options).unwrap();
    let mut model = Model { term: 1, ..Model::default() };
    let mut done =
        vec![Done { changes: 0..disk.changes(), before: model.clone(), after: model.clone() }];
    for step in story() {
        let start = disk.changes();
        carry_out(&log, &model, &step);
        let after = model.after(&step);
        done.push(Done { changes: start..disk.changes(), before: model, after: after.clone() });
        model = after;
    }
    (disk, done)
}

/// Opens what a crash left, and looks whether it is right and goes on to be.
fn check_state(state: &SimDisk, step: &Done, faults: Faults) -> Result<(), String> {
    let open = |disk: &SimDisk| {
        let options = Options { faults, ..small() };
        SegmentLog::open(Arc::new(disk.clone()), options).map_err(|error| error.to_string())
    };
    let log = open(state)?;
    step.before.check(&log).or_else(|_| step.after.check(&log))?;
    let last = log.last();
    let more: Vec<Entry> = (1..=3).map(|more| entry(last.term + 9, last.index + more)).collect();
    log.append(&more, false).map_err(|error| error.to_string())?;
    log.flush().map_err(|error| error.to_string())?;
    let note = log.note();
    // What was flushed survives the next accident too.
    let again = open(&state.crash(usize::MAX).state(|_| false))?;
    let found = again.read(last.index + 1, usize::MAX).map_err(|damage| damage.to_string())?;
    if found != more || again.note() != note {
        return Err(format!("what was flushed after the recovery is lost behind {}", last.index));
    }
    Ok(())
}

/// Goes through all crashes; says how many states there were, and what is wrong with the first bad
/// one.
fn explore(faults: Faults, most: usize) -> (usize, Option<String>) {
    let (disk, done) = lived(faults);
    let mut count = 0;
    for step in &done {
        for change in step.changes.clone() {
            let crash = disk.crash(change);
            for state in crash.states(most, change as u64) {
                count += 1;
                if let Err(found) = check_state(&state, step, faults) {
                    let text = format!("before change {change}, behind {:?}: {found}", step.before);
                    return (count, Some(text));
                }
            }
        }
    }
    (count, None)
}

/// How many states of each crash are tried; the variable `TENURE_CRASH_STATES` says otherwise.
fn most() -> usize {
    std::env::var("TENURE_CRASH_STATES").ok().and_then(|most| most.parse().ok()).unwrap_or(48)
}

#[test]
fn whatever_a_crash_leaves_everything_flushed_is_there() {
    let (count, wrong) = explore(Faults::default(), most());
    assert_eq!(wrong, None, "state {count}");
    assert!(count > 5000, "only {count} states were tried");
}

#[test]
fn a_crash_in_the_recovery_of_a_crash_loses_nothing_either() {
    let (disk, done) = lived(Faults::default());
    for step in &done {
        for change in step.changes.clone().step_by(3) {
            for state in disk.crash(change).states(6, change as u64).into_iter().skip(2) {
                state.keep_history();
                drop(try_open(&state));
                for second in 0..state.changes() {
                    for left in state.crash(second).states(4, second as u64) {
                        let checked = check_state(&left, step, Faults::default());
                        assert_eq!(checked, Ok(()), "before change {change}, then {second}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_power_failing_at_random_finds_planted_defects() {
    let defects = [
        Faults { flush_without_sync: true, ..Faults::default() },
        Faults { no_name_sync: true, ..Faults::default() },
        Faults { ignore_checksums: true, ..Faults::default() },
    ];
    for defect in defects {
        let (_, wrong) = explore(defect, 48);
        assert!(wrong.is_some(), "{defect:?} is not noticed");
    }
}

#[test]
fn a_process_that_ends_after_a_failed_sync_leaves_nothing_that_looks_durable_and_is_not() {
    let disk = SimDisk::new();
    let log = open(&disk);
    append(&log, 1, 2);
    log.flush().unwrap();
    append(&log, 1, 4);
    disk.fail(
        super::super::sim::Call::Sync,
        1,
        super::super::sim::Failing::Error(std::io::ErrorKind::Other),
    );
    assert!(log.flush().is_err());
    drop(log);
    // The next process reads from the cache what the disk never got.
    let log = open(&disk);
    let seen = log.last().index;
    log.flush().unwrap();
    let left = disk.crash(usize::MAX).state(|_| false);
    assert_eq!(open(&left).last().index, seen, "what was served after the restart is durable");
}
