//! What a log keeps, without accidents.

use std::ops::ControlFlow;

use super::super::record::HEAD;
use super::super::sim::Call;
use super::*;
use crate::log::Disk;

#[test]
fn a_new_log_is_empty_and_stays_so() {
    let disk = SimDisk::new();
    for round in 0..3 {
        let log = open(&disk);
        assert_eq!(log.opened().created, round == 0);
        assert_eq!((log.last(), log.purged()), (LogId::default(), LogId::default()));
        assert_eq!(all(&log), []);
        assert_eq!(log.bytes(), 0);
        assert_eq!(log.opened().torn, None);
    }
}

#[test]
fn entries_are_read_as_they_were_written_before_and_after_a_restart() {
    let disk = SimDisk::new();
    let wanted: Vec<Entry> = (1..=100).map(|index| entry(0, index)).collect();
    let log = open(&disk);
    for batch in wanted.chunks(7) {
        log.append(batch, false).unwrap();
        log.flush().unwrap();
    }
    assert_eq!(all(&log), wanted);
    drop(log);
    let log = open(&disk);
    assert_eq!(all(&log), wanted);
    assert_eq!(log.last(), LogId { term: 0, index: 100 });
    assert!(disk.list().unwrap().len() > 10, "small segments are many");
    append(&log, 0, 130);
    assert_eq!(log.read(101, usize::MAX).unwrap().len(), 30);
}

#[test]
fn a_read_begins_anywhere_and_ends_where_the_bytes_do() {
    let disk = SimDisk::new();
    let log = open(&disk);
    append(&log, 0, 60);
    for from in 1..=60 {
        let read = log.read(from, 300).unwrap();
        assert_eq!(read[0], entry(0, from));
        let size: usize = read.iter().map(|entry| entry.body.len()).sum();
        assert!(read.len() == 1 || size <= 300, "{size} bytes from {from} on");
    }
    assert_eq!(log.read(61, 300).unwrap(), []);
    let mut seen = 0;
    log.replay(30, &mut |entry| {
        seen = entry.id.index;
        if seen == 45 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .unwrap();
    assert_eq!(seen, 45);
}

#[test]
fn a_call_of_append_is_one_write_and_a_flush_one_sync() {
    let disk = SimDisk::new();
    let options = Options { segment: 1 << 20, reserve: 1 << 16, step: 1 << 16, ..small() };
    let log = SegmentLog::open(Arc::new(disk.clone()), options).unwrap();
    let (writes, syncs) = (disk.calls(Call::Write), disk.calls(Call::Sync));
    let entries: Vec<Entry> = (1..=64).map(|index| entry(0, index)).collect();
    log.make_room().unwrap();
    let made = (disk.calls(Call::Write) - writes, disk.calls(Call::Sync) - syncs);
    log.append(&entries, false).unwrap();
    log.flush().unwrap();
    log.flush().unwrap();
    assert_eq!(disk.calls(Call::Write) - writes - made.0, 2, "the entries, and the mark");
    assert_eq!(disk.calls(Call::Sync) - syncs - made.1, 1);
}

#[test]
fn an_entry_longer_than_a_segment_is_kept() {
    let disk = SimDisk::new();
    let long = Entry { id: LogId { term: 0, index: 2 }, body: Bytes::from(vec![9; 10_000]) };
    let log = open(&disk);
    append(&log, 0, 1);
    log.append(std::slice::from_ref(&long), false).unwrap();
    append(&log, 0, 5);
    log.flush().unwrap();
    assert_eq!(all(&open(&disk))[1], long);
    assert_eq!(all(&open(&disk)).len(), 5);
}

#[test]
fn a_purge_removes_whole_segments_and_says_where_the_log_begins() {
    let disk = SimDisk::new();
    let log = open(&disk);
    append(&log, 3, 60);
    let (files, bytes) = (disk.list().unwrap().len(), log.bytes());
    log.purge(40).unwrap();
    let purged = log.purged();
    assert!((20..=40).contains(&purged.index), "{purged:?}");
    assert_eq!(purged.term, 3);
    assert!(disk.list().unwrap().len() < files && log.bytes() < bytes);
    assert!(log.read(purged.index, 1).is_err(), "a purged entry is no silent gap");
    log.flush().unwrap();
    let log = open(&disk);
    assert_eq!(log.purged(), purged);
    assert_eq!(all(&log).len() as u64, 60 - purged.index);
    log.purge(u64::MAX).unwrap();
    append(&log, 3, 61);
    assert_eq!(all(&log).last(), Some(&entry(3, 61)));
}

#[test]
fn a_truncation_forgets_what_is_behind_and_goes_on() {
    for last in [0, 1, 5, 29, 30, 31, 59, 60, 70] {
        let disk = SimDisk::new();
        let log = open(&disk);
        append(&log, 1, 60);
        log.truncate(last).unwrap();
        let kept = last.min(60);
        assert_eq!(log.last().index, kept);
        append(&log, 2, 64);
        log.flush().unwrap();
        let wanted: Vec<Entry> =
            (1..=64).map(|index| entry(if index <= kept { 1 } else { 2 }, index)).collect();
        assert_eq!(all(&log), wanted, "truncated to {last}");
        assert_eq!(all(&open(&disk)), wanted, "truncated to {last}");
    }
}

#[test]
fn a_reset_goes_on_behind_what_it_is_told() {
    for last in [0, 5, 30, 60, 1000] {
        let disk = SimDisk::new();
        let log = open(&disk);
        append(&log, 1, 60);
        log.keep_note(b"vote").unwrap();
        let place = LogId { term: 4, index: last };
        log.reset(place).unwrap();
        assert_eq!((log.last(), log.purged()), (place, place));
        append(&log, 4, last + 10);
        log.flush().unwrap();
        let log = open(&disk);
        assert_eq!((log.purged(), all(&log).len()), (place, 10), "reset to {last}");
        assert_eq!(log.note(), "vote");
    }
}

#[test]
fn the_last_note_is_there_after_a_restart_and_after_a_purge() {
    let disk = SimDisk::new();
    let log = open(&disk);
    assert_eq!(log.note(), "");
    for vote in 0..40 {
        log.keep_note(format!("vote {vote}").as_bytes()).unwrap();
    }
    assert_eq!(open(&disk.copy()).note(), "vote 39");
    append(&log, 1, 60);
    log.purge(60).unwrap();
    log.keep_note(&[5; 4096]).unwrap();
    append(&log, 1, 90);
    log.flush().unwrap();
    let log = open(&disk);
    assert_eq!(log.note(), &[5; 4096][..]);
    assert_eq!(log.last().index, 90);
}

#[test]
fn a_full_disk_refuses_appends_and_leaves_the_reserve_to_removals() {
    for hides in [false, true] {
        let disk = SimDisk::new();
        let log = open(&disk);
        disk.set_capacity(Some(8 << 10));
        disk.hide_free(hides);
        let mut index = 0;
        let refused = loop {
            match log.append(&[entry(0, index + 1)], false) {
                Ok(()) => index += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(refused, crate::log::AppendError::Full);
        assert_eq!(log.last().index, index, "nothing was taken");
        log.flush().unwrap();
        // The reserve, or what the last step left of it at most.
        let small = |index| Entry { id: LogId { term: 0, index }, body: Bytes::new() };
        let mut used = 0;
        while log.append(&[small(index + 1)], true).is_ok() {
            (index, used) = (index + 1, used + HEAD);
        }
        assert!(used + HEAD >= small_reserve(), "{used} bytes of the reserve could be used");
        log.flush().unwrap();
        assert_eq!(all(&open(&disk.copy())).len() as u64, index);
        log.purge(index / 2).unwrap();
        append(&log, 0, index + 3);
        log.flush().unwrap();
        assert_eq!(open(&disk).last().index, index + 3);
    }
}

fn small_reserve() -> usize {
    small().reserve as usize
}

#[test]
fn a_full_disk_does_not_keep_a_log_from_being_opened() {
    let disk = SimDisk::new();
    append(&open(&disk), 0, 20);
    disk.set_capacity(Some(1));
    let log = open(&disk);
    assert_eq!(log.last().index, 20);
    let refused = (21..30).find_map(|index| log.append(&[entry(0, index)], false).err());
    assert_eq!(refused, Some(crate::log::AppendError::Full));
}

#[test]
fn a_lost_identity_is_refused_and_never_taken_for_a_new_log() {
    let disk = SimDisk::new();
    let log = open(&disk);
    append(&log, 0, 1);
    disk.take_away("identity");
    let refused = try_open(&disk).err().unwrap().to_string();
    assert!(refused.contains("identity") && refused.contains("missing"), "{refused}");
    let disk = SimDisk::new();
    disk.put("snapshot-0000000000000001-0000000000000001", b"...");
    assert!(try_open(&disk).is_err(), "a snapshot without a log is no new log");
}

#[test]
fn a_file_of_a_newer_release_is_refused_with_both_versions() {
    let disk = SimDisk::new();
    drop(open(&disk));
    for name in ["identity", "log-0000000000000001"] {
        let disk = disk.copy();
        let mut content = disk.content(name).unwrap();
        content[8] = 9;
        disk.put(name, &content);
        let refused = try_open(&disk).err().unwrap().to_string();
        assert!(refused.contains(name) && refused.contains('9'), "{refused}");
    }
}

#[test]
fn files_of_others_stay_whatever_they_are_called() {
    let disk = SimDisk::new();
    disk.put("notes.aside", b"mine");
    disk.put("mark.aside", b"half a mark");
    drop(open(&disk));
    assert_eq!(disk.content("notes.aside").as_deref(), Some(&b"mine"[..]));
    assert_eq!(disk.content("mark.aside"), None);
    drop(open(&disk));
    assert!(disk.content("notes.aside").is_some());
}
