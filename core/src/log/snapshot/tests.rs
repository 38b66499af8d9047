//! Snapshot files on disks that fail, and files that were damaged.

use std::io;

use super::*;
use crate::log::Damage;
use crate::log::sim::{Call, Failing, SimDisk};

pub(crate) fn head(index: u64) -> Head {
    Head {
        identity: [3; 16],
        last: LogId { term: 2, index },
        zxid: Zxid(index as i64 * 10),
        at: WallMillis(1_700_000_000_000),
        membership: b"alone".to_vec(),
    }
}

/// Bytes of which some can be compressed and some cannot.
fn state(length: usize) -> Vec<u8> {
    let mut bits = 1_u32;
    let mut next = |place: usize| {
        bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if (place / FRAME).is_multiple_of(2) { (place / 50) as u8 } else { (bits >> 24) as u8 }
    };
    (0..length).map(&mut next).collect()
}

fn write(disk: &SimDisk, head: &Head, bytes: &[u8]) -> Result<String, Unwritten> {
    let mut writer = SnapshotWriter::create(disk, head)?;
    for piece in bytes.chunks(10_000) {
        writer.write(piece)?;
    }
    writer.finish(42).map(|summary| summary.name)
}

fn files(disk: &SimDisk) -> Vec<String> {
    disk.list().unwrap()
}

fn read(disk: &SimDisk, name: &str) -> Result<(Vec<u8>, Summary), OpenError> {
    let mut reader = SnapshotReader::open(disk, name)?;
    let (mut all, mut frame) = (Vec::new(), Vec::new());
    while reader.next(&mut frame)? {
        all.extend_from_slice(&frame);
    }
    assert!(!reader.next(&mut frame)? && frame.is_empty(), "the end stays the end");
    Ok((all, reader.summary().unwrap().clone()))
}

#[test]
fn what_was_written_is_read() {
    for length in [0, 1, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME + 7] {
        let disk = SimDisk::new();
        let bytes = state(length);
        let name = write(&disk, &head(7), &bytes).unwrap();
        assert_eq!(name, "snapshot-0000000000000046-0000000000000007");
        assert_eq!(files(&disk), [name.as_str()]);
        let (all, summary) = read(&disk, &name).unwrap();
        assert_eq!(all, bytes);
        assert_eq!((summary.head.clone(), summary.items), (head(7), 42));
        assert_eq!(summary.raw_bytes, length as u64);
        assert_eq!(summary.bytes, disk.content(&name).unwrap().len() as u64);
        assert_eq!(verify(&disk, &name).unwrap(), summary);
    }
}

#[test]
fn what_can_be_compressed_is() {
    let disk = SimDisk::new();
    let name = write(&disk, &head(1), &vec![7; 10 * FRAME]).unwrap();
    assert!(disk.content(&name).unwrap().len() < FRAME);
}

/// A small snapshot of three frames, one of them compressed.
fn small(disk: &SimDisk) -> String {
    let mut writer = SnapshotWriter::create(disk, &head(7)).unwrap();
    for bytes in [&b"some bytes that are too few to be shorter"[..], &[9; 300], &[1, 2, 3]] {
        writer.write(bytes).unwrap();
        writer.put_frame().unwrap();
    }
    writer.finish(3).unwrap().name
}

#[test]
fn every_flipped_byte_is_noticed() {
    let disk = SimDisk::new();
    let name = small(&disk);
    let whole = disk.content(&name).unwrap();
    for place in 0..whole.len() {
        for bits in 1..=255 {
            let mut bytes = whole.clone();
            bytes[place] ^= bits;
            disk.put(&name, &bytes);
            match verify(&disk, &name) {
                Err(OpenError::Damage(Damage { file, .. })) => {
                    assert_eq!(file, format!("/sim/{name}"));
                }
                Err(OpenError::Version { .. }) => assert!((8..12).contains(&place)),
                other => panic!("byte {place} ^ {bits}: {other:?}"),
            }
        }
    }
}

#[test]
fn every_prefix_and_every_longer_file_is_refused() {
    let disk = SimDisk::new();
    let name = small(&disk);
    let whole = disk.content(&name).unwrap();
    for length in 0..whole.len() {
        disk.put(&name, &whole[..length]);
        assert!(matches!(verify(&disk, &name), Err(OpenError::Damage(_))), "{length} bytes");
        // As a file system may leave it that knew the length and not the content.
        let mut zeroed = whole.clone();
        zeroed[length..].fill(0);
        disk.put(&name, &zeroed);
        assert!(verify(&disk, &name).is_err(), "zeros from byte {length}");
    }
    disk.put(&name, &[&whole[..], &[0]].concat());
    assert!(verify(&disk, &name).is_err());
    disk.put(&name, &[&whole[..], &whole[..]].concat());
    assert!(verify(&disk, &name).is_err());
}

/// Frames that are whole each, in another order or not all there.
#[test]
fn moved_and_missing_frames_are_noticed() {
    let disk = SimDisk::new();
    let name = small(&disk);
    let whole = disk.content(&name).unwrap();
    let first = HEADER + b"alone".len() + 4;
    let length =
        FRAME_HEAD + u32::from_le_bytes(whole[first + 5..first + 9].try_into().unwrap()) as usize;
    let (head, rest) = whole.split_at(first);
    let (frame, rest) = rest.split_at(length);
    let second = FRAME_HEAD + u32::from_le_bytes(rest[5..9].try_into().unwrap()) as usize;
    for bytes in [
        [head, rest].concat(),
        [head, frame, frame, rest].concat(),
        [head, &rest[..second], frame, &rest[second..]].concat(),
    ] {
        disk.put(&name, &bytes);
        assert!(matches!(verify(&disk, &name), Err(OpenError::Damage(_))));
    }
}

#[test]
fn a_file_under_the_name_of_another_is_refused() {
    let disk = SimDisk::new();
    let name = small(&disk);
    disk.put(&head(8).name(), &disk.content(&name).unwrap());
    let refused = verify(&disk, &head(8).name()).unwrap_err().to_string();
    assert!(refused.contains(&name), "{refused}");
    // A copy under a name of somebody's own is as good as the original.
    disk.put("backup", &disk.content(&name).unwrap());
    assert_eq!(verify(&disk, "backup").unwrap().head, head(7));
}

/// The calls that writing makes and that can fail.
pub(crate) const CALLS: [Call; 6] =
    [Call::Create, Call::Write, Call::Sync, Call::Rename, Call::SyncNames, Call::Read];

#[test]
fn l5_whatever_fails_no_snapshot_is_broken_and_nothing_is_left() {
    // As long as it takes for a sync on the way.
    let bytes: Vec<u8> = state(2 * FRAME)[FRAME..].repeat(6);
    let mut failed = 0;
    let errors = [io::ErrorKind::StorageFull, io::ErrorKind::Other].map(Failing::Error);
    for (call, failing) in CALLS.into_iter().flat_map(|call| errors.map(|error| (call, error))) {
        for k in 1.. {
            let disk = SimDisk::new();
            let before = write(&disk, &head(1), b"before").unwrap();
            let calls = disk.calls(call);
            disk.fail(call, k, failing);
            let written = write(&disk, &head(2), &bytes);
            if disk.calls(call) < calls + k {
                assert!(written.is_ok());
                break;
            }
            failed += 1;
            assert!(verify(&disk, &before).is_ok());
            for name in files(&disk) {
                assert!(verify(&disk, &name).is_ok(), "{name} after {call:?} {k}: {failing:?}");
            }
            let error = written.expect_err("a failure is told");
            let is_full = failing == errors[0] && call != Call::Read;
            assert_eq!(error.is_full(), is_full, "{error}");
        }
    }
    assert!(failed > 20, "{failed} calls failed");
}

#[test]
fn a_write_cut_short_is_a_failure() {
    for k in 1..=5 {
        let disk = SimDisk::new();
        disk.fail(Call::Write, k, Failing::Short);
        let error = write(&disk, &head(2), &state(3 * FRAME)).unwrap_err();
        assert!(error.to_string().starts_with("write of /sim/snapshot-"), "{error}");
        assert!(files(&disk).is_empty());
    }
}

#[test]
fn on_a_full_disk_the_error_says_so() {
    for capacity in [0, 10, 100, FRAME as u64] {
        let disk = SimDisk::new();
        disk.set_capacity(Some(capacity));
        let error = write(&disk, &head(2), &state(3 * FRAME)).unwrap_err();
        assert!(error.is_full() && error.to_string().contains("/sim/snapshot-"), "{error}");
        assert!(files(&disk).is_empty());
    }
}

/// Whenever the power fails, and whatever of the unsynced is lost: every snapshot is whole, and there
/// is one.
#[test]
fn l5_a_crash_at_any_moment_leaves_whole_snapshots() {
    let disk = SimDisk::new();
    write(&disk, &head(1), b"before").unwrap();
    disk.keep_history();
    for index in 2..5 {
        write(&disk, &head(index), &state(FRAME + 3_000)[FRAME..]).unwrap();
        keep(&disk, 2).unwrap();
    }
    let mut states = 0;
    for change in 0..=disk.changes() {
        for left in disk.crash(change).states(200, change as u64) {
            remove_leftovers(&left).unwrap();
            let names = list(&left).unwrap();
            assert!(!names.is_empty());
            for name in names {
                verify(&left, &name.name).unwrap_or_else(|error| panic!("{change}: {error}"));
            }
            states += 1;
        }
    }
    assert!(states > 500, "{states} states");
}

#[test]
fn leftovers_go_and_are_never_in_the_way() {
    let disk = SimDisk::new();
    let aside = format!("{}.aside", head(2).name());
    disk.put(&aside, &[1; 100]);
    disk.put("identity.aside", &[1]);
    assert!(list(&disk).unwrap().is_empty(), "a leftover is no snapshot");
    let name = write(&disk, &head(2), b"state").unwrap();
    assert!(verify(&disk, &name).is_ok());
    disk.put(&aside, &[1; 100]);
    assert_eq!(remove_leftovers(&disk).unwrap(), 1);
    assert_eq!(files(&disk), ["identity.aside".to_owned(), name]);
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing() {
    let disk = SimDisk::new();
    let mut writer = SnapshotWriter::create(&disk, &head(2)).unwrap();
    writer.write(&state(2 * FRAME)).unwrap();
    assert_eq!(files(&disk).len(), 1);
    drop(writer);
    assert!(files(&disk).is_empty());
}

#[test]
fn the_newest_come_first_and_other_files_are_none() {
    let disk = SimDisk::new();
    for index in [3, 1, 200, 2] {
        write(&disk, &head(index), b"").unwrap();
    }
    for other in [
        "snapshot-1-2",
        "snapshot-",
        "log-0000000000000001",
        "snapshot-+000000000000001-0000000000000001",
    ] {
        disk.put(other, &[]);
    }
    let indexes: Vec<u64> = list(&disk).unwrap().iter().map(|name| name.index).collect();
    assert_eq!(indexes, [200, 3, 2, 1]);
}

fn five() -> (SimDisk, Vec<String>) {
    let disk = SimDisk::new();
    let names = (1..=5).map(|index| write(&disk, &head(index), b"state").unwrap()).collect();
    (disk, names)
}

#[test]
fn as_many_as_asked_for_are_kept() {
    let (disk, names) = five();
    let kept = keep(&disk, 3).unwrap();
    assert_eq!(files(&disk), names[2..]);
    assert_eq!((kept.upto().unwrap().index, kept.purged.len()), (3, 2));
    let kept = keep(&disk, 4).unwrap();
    assert_eq!((kept.upto(), kept.whole.len(), files(&disk).len()), (None, 3, 3));
    keep(&disk, 0).unwrap();
    assert_eq!(files(&disk), names[4..], "the last one is never given up");
}

#[test]
fn what_is_broken_does_not_count_as_kept() {
    let (disk, names) = five();
    for broken in [&names[4], &names[3]] {
        disk.put(broken, &disk.content(broken).unwrap()[..50]);
    }
    let kept = keep(&disk, 3).unwrap();
    assert!(kept.purged.is_empty(), "three whole ones are all there are");
    assert_eq!((kept.broken.len(), kept.upto().unwrap().index), (2, 1));
    disk.put(&names[2], &[]);
    let kept = keep(&disk, 3).unwrap();
    assert_eq!((kept.whole.len(), kept.broken.len(), kept.upto()), (2, 3, None));
    assert_eq!(files(&disk), names, "nothing went");
}
