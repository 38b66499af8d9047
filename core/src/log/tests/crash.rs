//! The power fails before every single change of a fixed story, and everything that was not synced is
//! lost, kept, torn and reordered. What comes up again has everything that was flushed, nothing that
//! nobody wrote, and goes on working.

use super::super::Faults;
use super::story::{Model, story};
use super::*;

/// A step that was done, between two changes of the disk.
struct Done {
    changes: std::ops::Range<usize>,
    before: Model,
    after: Model,
}

/// The disk with its whole history, and what was done when.
fn lived(faults: Faults) -> (SimDisk, Vec<Done>) {
    let disk = SimDisk::new();
    disk.keep_history();
    let options = Options { faults, ..small() };
    let log = SegmentLog::open(Arc::new(disk.clone()), options).unwrap();
    let mut model = Model::new();
    let mut done =
        vec![Done { changes: 0..disk.changes(), before: model.clone(), after: model.clone() }];
    for step in story() {
        let start = disk.changes();
        model.carry_out(&log, &step).unwrap();
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
