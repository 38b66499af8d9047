//! The power fails at every change of the disk, and what was not synced is lost, torn or there.

use super::*;

/// What a crash left has to be: recovered, with everything that was acknowledged, and nothing that
/// was not ordered.
fn judge(left: &SimDisk, told: &BTreeMap<u64, (Seen, usize)>, change: usize) -> Result<(), String> {
    let acknowledged = told.iter().filter(|(_, (_, at))| *at <= change).map(|(entry, _)| *entry);
    let least = acknowledged.max().unwrap_or(0);
    let mut found = recovered(left).map_err(|error| format!("refused: {error}"))?;
    for _ in 0..2 {
        let entry = found.applied.index;
        if entry < least {
            return Err(format!("entry {least} was acknowledged, {entry} is the last one there"));
        }
        let seen = Seen::of(&found.engine);
        if entry > 0 && told.get(&entry).map(|(seen, _)| seen) != Some(&seen) {
            return Err(format!("another state at entry {entry}: {seen:?}"));
        }
        // A start that is itself cut short leaves what it found.
        found = recovered(left).map_err(|error| format!("refused again: {error}"))?;
    }
    Ok(())
}

/// Crashes at every change of a story, and says what went wrong.
fn crashes(
    story: &SimDisk,
    told: &BTreeMap<u64, (Seen, usize)>,
    most: usize,
) -> (usize, Vec<String>) {
    let (mut states, mut wrong) = (0, Vec::new());
    for change in 0..=story.changes() {
        for left in story.crash(change).states(most, change as u64) {
            states += 1;
            if let Err(why) = judge(&left, told, change) {
                wrong.push(format!("crash before change {change}: {why}"));
            }
        }
    }
    (states, wrong)
}

fn story(rounds: usize) -> (SimDisk, BTreeMap<u64, (Seen, usize)>) {
    let disk = SimDisk::new();
    disk.keep_history();
    let mut standing = Standing::start(&disk).expect("an empty disk");
    standing.live(rounds);
    assert!(standing.solo.failure().is_none());
    (disk, standing.acknowledged)
}

#[test]
fn s40_what_was_acknowledged_survives_every_crash() {
    let (disk, told) = story(24);
    let (states, wrong) = crashes(&disk, &told, 24);
    println!("{states} states after crashes at {} changes", disk.changes() + 1);
    assert!(states > 3_000, "the story is worth crashing: {states}");
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn a_recovered_server_goes_on_and_its_crashes_are_survived_too() {
    let (disk, _) = story(11);
    let middle = disk.changes() / 2;
    let left = disk.crash(middle).state(|unit| unit % 2 == 0);
    left.keep_history();
    let mut standing = Standing::start(&left).expect("a crash is recovered from");
    standing.live(12);
    assert!(standing.acknowledged.len() > 10);
    // Entries of before are not in this story's list; only what it acknowledged itself is judged.
    let first = *standing.acknowledged.keys().next().expect("it acknowledged something");
    let from = standing.acknowledged[&first].1;
    let told = standing.acknowledged.clone();
    let mut wrong = Vec::new();
    for change in from..=left.changes() {
        for state in left.crash(change).states(8, change as u64) {
            if let Err(why) = judge(&state, &told, change) {
                wrong.push(format!("crash before change {change}: {why}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// The negative control: an acknowledgement that comes before its sync is found out.
#[test]
fn an_acknowledgement_before_the_sync_is_found_out() {
    let (disk, told) = story(6);
    let early =
        told.iter().map(|(entry, (seen, at))| (*entry, (seen.clone(), at.saturating_sub(4))));
    let (_, wrong) = crashes(&disk, &early.collect(), 24);
    assert!(!wrong.is_empty(), "nobody would notice");
}
