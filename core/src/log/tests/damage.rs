//! Files that are not as they were written: each byte flipped, each prefix, each file away, garbage
//! behind. What is served is what was flushed and perhaps more of what was appended, or an error that
//! names the file.

use super::super::sim::Crash;
use super::super::{Damage, Disk, Faults};
use super::*;

/// A log and what may be read of it.
struct Sample {
    disk: SimDisk,
    /// All entries that were appended, from the first one kept on.
    entries: Vec<Entry>,
    /// How many of them were flushed.
    flushed: usize,
}

/// A log of a few segments with all that can be in one, stopped cleanly.
fn closed() -> Sample {
    let disk = SimDisk::new();
    let log = open(&disk);
    append(&log, 1, 14);
    log.keep_note(b"first").unwrap();
    log.purge(6).unwrap();
    append(&log, 1, 18);
    log.truncate(16).unwrap();
    append(&log, 2, 21);
    log.keep_note(b"vote").unwrap();
    append(&log, 2, 23);
    log.close().unwrap();
    let entries = all(&log);
    Sample { disk: disk.copy(), flushed: entries.len(), entries }
}

/// A log of which the power or the process was taken away behind its last flush. With `kept`, the
/// system had written everything.
fn interrupted(kept: bool) -> Sample {
    let Sample { disk, .. } = closed();
    let log = open(&disk);
    append(&log, 2, 25);
    log.flush().unwrap();
    let flushed = all(&log).len();
    append(&log, 2, 28);
    let crash: Crash = disk.crash(usize::MAX);
    let half = crash.units() / 2;
    let disk = crash.state(|unit| kept || unit >= half);
    Sample { disk, flushed, entries: all(&log) }
}

impl Sample {
    /// Opens a changed disk: true if it is served, and then rightly; what is wrong otherwise.
    fn serve(&self, disk: &SimDisk, faults: Faults) -> Result<bool, String> {
        let options = Options { faults, ..small() };
        let log = match SegmentLog::open(Arc::new(disk.clone()), options) {
            Ok(log) => log,
            Err(refused) if refused.to_string().contains("/sim/") => return Ok(false),
            Err(refused) => return Err(format!("names no file: {refused}")),
        };
        let first = self.entries[0].id.index;
        let read = log.read(first, usize::MAX).map_err(|damage| damage.to_string())?;
        if log.purged().index + 1 > first || !self.entries.starts_with(&read) {
            return Err(format!("{} entries, and others than were written", read.len()));
        }
        if read.len() < self.flushed {
            return Err(format!("{} entries of {} that were flushed", read.len(), self.flushed));
        }
        if log.note() != "vote" {
            return Err(format!("the note is {:?}", log.note()));
        }
        Ok(true)
    }

    /// Opens the disk with one file changed.
    fn serve_changed(&self, name: &str, content: &[u8], faults: Faults) -> Result<bool, String> {
        let disk = self.disk.copy();
        disk.put(name, content);
        self.serve(&disk, faults)
    }

    /// Flips a bit in each byte of each file; says how many flips were refused, and the first one
    /// that served something wrong.
    fn flip_all(&self, faults: Faults) -> (usize, Option<String>) {
        let mut refused = 0;
        for name in self.disk.list().unwrap() {
            let content = self.disk.content(&name).unwrap();
            for at in 0..content.len() {
                let mut content = content.clone();
                content[at] ^= 1 << (at % 8);
                match self.serve_changed(&name, &content, faults) {
                    Ok(served) => refused += usize::from(!served),
                    Err(found) => return (refused, Some(format!("byte {at} of {name}: {found}"))),
                }
            }
        }
        (refused, None)
    }
}

fn samples() -> [Sample; 3] {
    [closed(), interrupted(true), interrupted(false)]
}

#[test]
fn a_flipped_byte_is_refused_or_harmless() {
    for sample in samples() {
        let (refused, wrong) = sample.flip_all(Faults::default());
        assert_eq!(wrong, None);
        assert!(refused > 1000, "only {refused} flips were refused");
    }
}

#[test]
fn a_log_that_trusts_its_disk_is_found_out_by_flipped_bytes() {
    let defects = [
        Faults { ignore_checksums: true, ..Faults::default() },
        Faults { ignore_durable: true, ..Faults::default() },
    ];
    for defect in defects {
        assert!(closed().flip_all(defect).1.is_some(), "{defect:?} is not noticed");
    }
}

#[test]
fn a_prefix_of_a_file_is_refused_or_harmless() {
    for sample in samples() {
        for name in sample.disk.list().unwrap() {
            let content = sample.disk.content(&name).unwrap();
            for length in 0..content.len() {
                let served = sample.serve_changed(&name, &content[..length], Faults::default());
                assert!(served.is_ok(), "{length} bytes of {name}: {served:?}");
            }
        }
    }
}

#[test]
fn a_missing_file_is_refused_but_for_the_mark() {
    for sample in samples() {
        for name in sample.disk.list().unwrap() {
            let disk = sample.disk.copy();
            disk.take_away(&name);
            let served = sample.serve(&disk, Faults::default());
            assert_eq!(served, Ok(name == "mark"), "without {name}");
        }
    }
}

#[test]
fn a_log_without_its_mark_says_so_and_has_one_again() {
    let Sample { disk, .. } = closed();
    disk.take_away("mark");
    let warnings = open(&disk).opened().warnings.clone();
    assert!(warnings.len() == 1 && warnings[0].contains("mark"), "{warnings:?}");
    assert_eq!(open(&disk).opened().warnings, [] as [String; 0]);
}

#[test]
fn garbage_behind_a_file_is_refused_or_harmless() {
    for sample in samples() {
        for name in sample.disk.list().unwrap() {
            for garbage in [vec![0; 5000], vec![0xa5; 700], vec![1; 3], (0..=255).collect()] {
                let mut content = sample.disk.content(&name).unwrap();
                content.extend_from_slice(&garbage);
                let served = sample.serve_changed(&name, &content, Faults::default());
                assert!(served.is_ok(), "garbage behind {name}: {served:?}");
            }
        }
    }
}

#[test]
fn the_half_zeroed_last_record_is_cut_if_nobody_was_told_of_it_and_refused_otherwise() {
    for flushed in [false, true] {
        let disk = SimDisk::new();
        let log = open(&disk);
        append(&log, 0, 4);
        log.flush().unwrap();
        let end = 64 + log.bytes() as usize;
        append(&log, 0, 5);
        if flushed {
            log.flush().unwrap();
        }
        let name = "log-0000000000000001";
        let mut content = disk.content(name).unwrap();
        let last = 64 + log.bytes() as usize;
        content[end + (last - end) / 2..last].fill(0);
        disk.put(name, &content);
        match try_open(&disk) {
            Ok(log) => {
                assert!(!flushed);
                let torn = log.opened().torn.clone().unwrap();
                assert_eq!((torn.file, torn.offset), (format!("/sim/{name}"), end as u64));
                assert_eq!(log.last().index, 4);
                append(&log, 0, 6);
                log.flush().unwrap();
                assert_eq!(open(&disk).last().index, 6);
            }
            Err(OpenError::Damage(Damage { file, offset, .. })) => {
                assert!(flushed);
                assert_eq!((file, offset), (format!("/sim/{name}"), end as u64));
            }
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn a_record_that_vouches_for_an_earlier_one_replaces_the_mark() {
    let disk = SimDisk::new();
    let log = open(&disk);
    append(&log, 0, 2);
    log.flush().unwrap();
    let place = 64 + log.bytes() as usize;
    append(&log, 0, 3);
    log.flush().unwrap();
    append(&log, 0, 4);
    disk.take_away("mark");
    let mut content = disk.content("log-0000000000000001").unwrap();
    content[place + 50] ^= 1;
    disk.put("log-0000000000000001", &content);
    let Err(OpenError::Damage(damage)) = try_open(&disk) else { panic!("it is served") };
    assert_eq!(damage.offset, place as u64, "{damage}");
}

#[test]
fn the_files_of_two_logs_do_not_mix() {
    let Sample { disk, .. } = closed();
    let other = SimDisk::new();
    let options = Options { identity: [8; 16], ..small() };
    append(&SegmentLog::open(Arc::new(other.clone()), options).unwrap(), 1, 14);
    let name = disk.list().unwrap().into_iter().find(|name| name.starts_with("log-")).unwrap();
    other.put(&name, &disk.content(&name).unwrap());
    let refused = try_open(&other).err().unwrap().to_string();
    assert!(refused.contains(&name) && refused.contains("another directory"), "{refused}");
}

#[test]
fn a_file_that_changes_under_a_log_is_noticed_when_it_is_read() {
    let Sample { disk, entries, .. } = closed();
    let log = open(&disk);
    let name = disk.list().unwrap().into_iter().find(|name| name.starts_with("log-")).unwrap();
    let file = disk.open(&name).unwrap();
    file.write_at(&[0xff], 150).unwrap();
    let damage = log.read(entries[0].id.index, usize::MAX).err().unwrap();
    assert!(damage.file.ends_with(&name) && damage.offset <= 150, "{damage}");
}
