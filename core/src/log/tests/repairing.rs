//! What `verify` says, and what `repair` leaves.

use super::super::Disk;
use super::super::repair::{repair, verify};
use super::*;

fn long() -> SimDisk {
    let disk = SimDisk::new();
    let log = open(&disk);
    append(&log, 1, 12);
    log.truncate(10).unwrap();
    append(&log, 2, 20);
    log.purge(4).unwrap();
    log.keep_note(b"vote").unwrap();
    append(&log, 2, 26);
    log.close().unwrap();
    disk.copy()
}

fn wanted(index: u64) -> Entry {
    entry(if index <= 10 { 1 } else { 2 }, index)
}

/// The bytes of all files, to see that nothing was changed.
fn contents(disk: &SimDisk) -> Vec<(String, Vec<u8>)> {
    let names = disk.list().unwrap();
    names.into_iter().map(|name| (name.clone(), disk.content(&name).unwrap())).collect()
}

#[test]
fn a_whole_log_is_reported_and_left_alone() {
    let disk = long();
    let before = contents(&disk);
    let report = verify(&disk).unwrap();
    let log = open(&disk.copy());
    assert!(report.is_whole() && report.begun);
    assert_eq!((report.purged, report.last), (log.purged(), log.last()));
    assert_eq!(report.entries(), all(&log).len() as u64);
    assert_eq!(report.reached, 26);
    let repaired = repair(&disk, &small(), LogId::default()).unwrap();
    assert_eq!((repaired.lost, repaired.aside), (0, vec![]));
    assert_eq!(contents(&disk), before);
}

#[test]
fn a_directory_without_a_log_is_reported_as_such() {
    let report = verify(&SimDisk::new()).unwrap();
    assert!(!report.begun && report.is_whole() && report.entries() == 0);
}

#[test]
fn a_torn_tail_is_reported_before_it_is_cut() {
    let disk = long();
    append(&open(&disk), 2, 27);
    let name = verify(&disk).unwrap().segments.pop().unwrap().0;
    let mut content = disk.content(&name).unwrap();
    let last = content.iter().rposition(|byte| *byte != 0).unwrap();
    content[last - 20] ^= 1;
    disk.put(&name, &content);
    let before = contents(&disk);
    let report = verify(&disk).unwrap();
    assert_eq!(contents(&disk), before);
    assert!(report.is_whole());
    assert_eq!(report.torn, open(&disk).opened().torn);
    assert!(report.torn.is_some());
}

/// Repairs a disk, and looks whether the log is right afterwards.
fn assert_repairs(disk: &SimDisk, snapshot: LogId, case: &str) {
    let before = verify(disk).unwrap();
    let damaged = contents(disk);
    assert!(try_open(disk).is_err() && contents(disk) == damaged, "{case}: a refusal changes it");
    let repaired = match repair(disk, &small(), snapshot) {
        Ok(repaired) => repaired,
        Err(error) => panic!("{case}: {error}"),
    };
    assert_eq!(&repaired.damages[..before.damages.len()], &before.damages[..], "{case}");
    assert!(verify(disk).unwrap().is_whole(), "{case}: {:?}", verify(disk).unwrap().damages);
    let log = open(disk);
    assert_eq!(log.last(), repaired.last, "{case}");
    assert!(log.last().index + repaired.lost >= 26, "{case}: {repaired:?}");
    assert!(log.purged().index <= snapshot.index, "{case}: a gap behind the snapshot");
    for (found, index) in all(&log).iter().zip(log.purged().index + 1..) {
        assert_eq!(*found, wanted(index), "{case}");
    }
    append(&log, 9, log.last().index + 9);
    log.flush().unwrap();
    assert_eq!(open(&disk.crash(usize::MAX).state(|_| false)).last(), log.last(), "{case}");
    for name in &repaired.aside {
        assert!(disk.content(name).is_some() && name.starts_with("damaged-"), "{case}: {name}");
    }
}

#[test]
fn any_refused_flip_can_be_repaired() {
    let whole = long();
    let snapshot = LogId { term: 1, index: open(&whole.copy()).purged().index };
    let mut count = 0;
    for (name, content) in contents(&whole) {
        for at in (0..content.len()).step_by(3) {
            let disk = whole.copy();
            let mut content = content.clone();
            content[at] ^= 1 << (at % 8);
            disk.put(&name, &content);
            let is_newer = matches!(try_open(&disk.copy()), Err(OpenError::Version { .. }));
            if is_newer || try_open(&disk.copy()).is_ok() {
                continue;
            }
            count += 1;
            assert_repairs(&disk, snapshot, &format!("byte {at} of {name}"));
        }
    }
    assert!(count > 300, "only {count} flips were refused");
}

#[test]
fn any_missing_segment_can_be_repaired() {
    let whole = long();
    for (name, _) in contents(&whole).iter().filter(|(name, _)| name != "mark") {
        for snapshot in [0, 4, 12, 26].map(|index| LogId { term: 1, index }) {
            let disk = whole.copy();
            disk.take_away(name);
            assert_repairs(&disk, snapshot, &format!("without {name}, a snapshot at {snapshot:?}"));
        }
    }
}

#[test]
fn a_damaged_beginning_that_a_snapshot_covers_costs_nothing() {
    let disk = long();
    let first = verify(&disk).unwrap().segments[0].0.clone();
    let second = verify(&disk).unwrap().segments[1].0.clone();
    disk.take_away(&first);
    let repaired = repair(&disk, &small(), LogId { term: 1, index: 14 }).unwrap();
    assert_eq!((repaired.lost, repaired.last.index), (0, 26));
    assert!(verify(&disk).unwrap().segments[0].0 == second);
    assert_eq!(open(&disk).note(), "vote");
}

#[test]
fn the_damaged_bytes_are_kept() {
    let disk = long();
    let name = verify(&disk).unwrap().segments[2].0.clone();
    let mut content = disk.content(&name).unwrap();
    let last = content.iter().rposition(|byte| *byte != 0).unwrap();
    content[last] ^= 1;
    disk.put(&name, &content);
    let repaired = repair(&disk, &small(), LogId { term: 1, index: 4 }).unwrap();
    let offset = repaired.damages[0].offset as usize;
    let kept = repaired.aside.iter().find(|aside| aside.contains(&name)).unwrap();
    assert_eq!(disk.content(kept).unwrap(), content[offset..]);
    assert!(repaired.aside.len() > 1, "and the segments behind it: {:?}", repaired.aside);
}
