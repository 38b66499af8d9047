//! Every call to the disk fails once: the first of its kind, the second, and so on.

use super::*;
use std::io::ErrorKind;

use crate::log::sim::{Call, Failing};

/// Runs a story in which the `k`-th call of a kind fails. Returns whether it came to that.
fn run(call: Call, k: u64, how: Failing) -> bool {
    let disk = SimDisk::new();
    let mut standing = Standing::start(&disk).expect("an empty disk");
    let before = disk.calls(call);
    disk.fail(call, k, how);
    standing.live(30);
    let has_failed = disk.calls(call) >= before + k;
    if standing.solo.failure().is_some() {
        let proposal = write(create("/after", "", CreateMode::Persistent));
        let told = standing.acknowledged.len();
        assert!(!standing.round(vec![proposal]), "{call:?} {k} {how:?}: goes on after a failure");
        assert_eq!(standing.acknowledged.len(), told);
    }
    let last =
        standing.acknowledged.iter().next_back().map(|(entry, (seen, _))| (*entry, seen.clone()));
    let Standing { log, acknowledged, .. } = standing;
    drop(log);
    // The process is killed and started again, on the same disk and on one that lost its power.
    let power = disk.crash(usize::MAX).state(|_| false);
    for left in [disk.copy(), power] {
        let found =
            recovered(&left).unwrap_or_else(|error| panic!("{call:?} {k} {how:?}: {error}"));
        let Some((least, _)) = &last else { continue };
        assert!(
            found.applied.index >= *least,
            "{call:?} {k} {how:?}: entry {least} was acknowledged, {} is there",
            found.applied.index
        );
        if let Some((seen, _)) = acknowledged.get(&found.applied.index) {
            assert_eq!(Seen::of(&found.engine), *seen, "{call:?} {k} {how:?}");
        }
    }
    has_failed
}

fn all(call: Call, how: Failing) {
    let happened = (1..=200).filter(|&k| run(call, k, how)).count();
    println!("{call:?} {how:?}: {happened} calls failed");
    assert!(happened >= 4, "the story is worth failing: {happened} times");
}

#[test]
fn l2_a_failed_write_is_the_end_and_loses_nothing() {
    all(Call::Write, Failing::Error(ErrorKind::Other));
}

#[test]
fn l2_a_short_write_is_the_end_and_loses_nothing() {
    all(Call::Write, Failing::Short);
}

#[test]
fn a_write_that_finds_no_room_loses_nothing() {
    all(Call::Write, Failing::Error(ErrorKind::StorageFull));
}

#[test]
fn l2_a_failed_sync_is_the_end_and_loses_nothing() {
    all(Call::Sync, Failing::Error(ErrorKind::Other));
}

#[test]
fn a_failed_rename_loses_nothing() {
    all(Call::Rename, Failing::Error(ErrorKind::Other));
}

#[test]
fn a_failed_creation_loses_nothing() {
    all(Call::Create, Failing::Error(ErrorKind::StorageFull));
}

#[test]
fn a_failed_removal_loses_nothing() {
    all(Call::Remove, Failing::Error(ErrorKind::Other));
}

#[test]
fn a_failed_sync_of_names_loses_nothing() {
    all(Call::SyncNames, Failing::Error(ErrorKind::Other));
}
