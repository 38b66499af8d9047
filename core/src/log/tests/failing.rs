//! The k-th call of a kind fails. From then on nothing is durable any more, whatever works again (L2);
//! and what was said to be durable before is there at the next start.

use std::io::ErrorKind;

use super::super::sim::{Call, Failing};
use super::super::{AppendError, Failed};
use super::story::{Model, Step, story};
use super::*;

/// The calls that change something, and how each of them may fail.
const CASES: &[(Call, Failing)] = &[
    (Call::Create, Failing::Error(ErrorKind::Other)),
    (Call::Rename, Failing::Error(ErrorKind::Other)),
    (Call::Remove, Failing::Error(ErrorKind::Other)),
    (Call::SyncNames, Failing::Error(ErrorKind::Other)),
    (Call::Write, Failing::Error(ErrorKind::Other)),
    (Call::Write, Failing::Short),
    (Call::SetLen, Failing::Error(ErrorKind::Other)),
    (Call::Sync, Failing::Error(ErrorKind::Other)),
    (Call::Create, Failing::Error(ErrorKind::StorageFull)),
    (Call::Rename, Failing::Error(ErrorKind::StorageFull)),
    (Call::Write, Failing::Error(ErrorKind::StorageFull)),
    (Call::Sync, Failing::Error(ErrorKind::StorageFull)),
    (Call::Open, Failing::Error(ErrorKind::Other)),
];

/// What a story came to.
struct End {
    /// What the log must hold, and what it may hold instead.
    models: [Model; 2],
    failed: Option<Failed>,
}

/// Tells the story until something fails. A step that the disk was too full for is done again.
fn tell(log: &SegmentLog) -> End {
    let mut model = Model::new();
    for step in story() {
        let mut done = model.carry_out(log, &step);
        if done == Err(AppendError::Full) {
            done = model.carry_out(log, &step);
        }
        let after = model.after(&step);
        if let Err(error) = done {
            let AppendError::Failed(failed) = error else { panic!("{step:?}: full again") };
            return End { models: [model, after], failed: Some(failed) };
        }
        model = after;
    }
    End { models: [model.clone(), model], failed: log.failed() }
}

/// A log that has failed goes on to say so.
fn assert_is_over(log: &SegmentLog, failed: &Failed, case: &str) {
    let next = Entry { id: LogId { term: 99, index: log.last().index + 1 }, body: Bytes::new() };
    for _ in 0..3 {
        assert_eq!(log.flush().as_ref(), Err(failed), "{case}");
        let refused = Err(AppendError::Failed(failed.clone()));
        assert_eq!(log.append(std::slice::from_ref(&next), true), refused, "{case}");
        assert_eq!(log.keep_note(b"no").as_ref(), Err(failed), "{case}");
        assert_eq!(log.truncate(0).as_ref(), Err(failed), "{case}");
        assert_eq!(log.purge(1).as_ref(), Err(failed), "{case}");
        assert_eq!(log.reset(LogId::default()).as_ref(), Err(failed), "{case}");
        assert_eq!(log.make_room().as_ref(), Err(failed), "{case}");
        assert_eq!(log.close().as_ref(), Err(failed), "{case}");
    }
    assert!(failed.to_string().contains("/sim/"), "{case}: {failed}");
}

/// What was acknowledged is there, whether the process ended or the power.
fn assert_kept(disk: &SimDisk, models: &[Model; 2], case: &str) {
    let crash = disk.crash(usize::MAX);
    for left in [disk.copy(), crash.state(|_| false), crash.state(|_| true)] {
        let log = try_open(&left).unwrap_or_else(|error| panic!("{case}: {error}"));
        let checked = models[0].check(&log).or_else(|_| models[1].check(&log));
        assert_eq!(checked, Ok(()), "{case}");
        log.append(&[entry(99, log.last().index + 1)], false).unwrap();
        log.flush().unwrap();
    }
}

#[test]
fn after_any_failure_nothing_is_durable_and_what_was_durable_is_kept() {
    for (call, failing) in CASES {
        let full = *failing == Failing::Error(ErrorKind::StorageFull);
        let (mut failures, mut refused) = (0, 0);
        for k in 1..=200 {
            let case = format!("{call:?} number {k}: {failing:?}");
            let disk = SimDisk::new();
            disk.fail(*call, k, *failing);
            let Ok(log) = try_open(&disk) else {
                refused += 1;
                assert_kept(&disk, &[Model::new(), Model::new()], &case);
                continue;
            };
            let end = tell(&log);
            if let Some(failed) = &end.failed {
                failures += 1;
                assert_is_over(&log, failed, &case);
            } else {
                let fired = disk.calls(*call) >= k;
                // A short write of room is just not the last one of it.
                let harmless = full || *failing == Failing::Short || *call == Call::Open;
                assert!(!fired || harmless, "{case}: nobody noticed");
            }
            drop(log);
            let fired = disk.calls(*call) >= k;
            assert_kept(&disk, &end.models, &case);
            if !fired {
                // The story has no more calls of this kind.
                break;
            }
        }
        let stricter = !full || *call == Call::Sync;
        assert!(refused > 0 && (failures > 0 || !stricter), "{call:?} {failing:?} hit nothing");
    }
}

#[test]
fn a_read_that_fails_refuses_the_start_and_changes_nothing() {
    let disk = SimDisk::new();
    let end = tell(&open(&disk));
    for (call, most) in [(Call::Read, 200), (Call::List, 1), (Call::Open, 20)] {
        for k in 1..=most {
            let disk = disk.copy();
            disk.fail(call, k, Failing::Error(ErrorKind::Other));
            let refused = try_open(&disk).err().map(|error| error.to_string());
            assert!(refused.is_none_or(|text| text.contains("/sim/")), "{call:?} number {k}");
            assert_kept(&disk, &end.models, "after a read that failed");
        }
    }
}

#[test]
fn the_story_survives_a_disk_of_any_size() {
    for capacity in (2..40).map(|pages| pages * 512) {
        for hides in [false, true] {
            let disk = SimDisk::new();
            disk.set_capacity(Some(capacity));
            disk.hide_free(hides);
            let Ok(log) = try_open(&disk) else { continue };
            let mut model = Model::new();
            let mut models = [model.clone(), model.clone()];
            for step in story() {
                let before = log.last().index;
                let done = model.carry_out(&log, &step);
                models = [model.clone(), model.after(&step)];
                if done.is_err() {
                    if done == Err(AppendError::Full) && matches!(step, Step::Batch(_)) {
                        assert_eq!(log.last().index, before, "all of a batch or nothing");
                    }
                    break;
                }
                model = models[1].clone();
            }
            drop(log);
            disk.set_capacity(None);
            assert_kept(&disk, &models, &format!("{capacity} bytes"));
        }
    }
}
