//! Snapshot files on disks that fail, and files that were damaged.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::*;
use crate::log::{Damage, File};

/// What goes wrong, once, at the call that changes something and has this number.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Fault {
    Error(io::ErrorKind),
    /// Half of a write, said to be so.
    Short,
}

/// A directory in memory.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: BTreeMap<String, Arc<Mutex<Vec<u8>>>>,
    calls: usize,
    fault: Option<(usize, Fault)>,
    full: bool,
}

impl Memory {
    pub(crate) fn fail(&self, call: usize, fault: Fault) {
        let mut state = self.0.lock();
        state.calls = 0;
        state.fault = Some((call, fault));
    }

    /// From now on nothing can be written.
    pub(crate) fn fill(&self) {
        self.0.lock().full = true;
    }

    /// Whether a fault has happened since it was asked for.
    pub(crate) fn has_failed(&self) -> bool {
        let state = self.0.lock();
        state.fault.is_some_and(|(call, _)| state.calls >= call)
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        self.0.lock().files[name].lock().clone()
    }

    pub(crate) fn put(&self, name: &str, bytes: Vec<u8>) {
        self.0.lock().files.insert(name.into(), Arc::new(Mutex::new(bytes)));
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.0.lock().files.keys().cloned().collect()
    }

    fn call(&self, is_write: bool) -> io::Result<Option<Fault>> {
        let mut state = self.0.lock();
        state.calls += 1;
        match state.fault {
            Some((call, Fault::Error(kind))) if call == state.calls => Err(kind.into()),
            Some((call, fault)) if call == state.calls => Ok(Some(fault)),
            _ if is_write && state.full => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(None),
        }
    }
}

impl Disk for Memory {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.names())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.call(true)?;
        if self.0.lock().files.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.put(name, Vec::new());
        self.open(name)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let bytes = self.0.lock().files.get(name).cloned();
        let bytes = bytes.ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(Open { disk: self.clone(), bytes }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.call(false)?;
        let mut state = self.0.lock();
        let file = state.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.files.insert(to.into(), file);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.call(false)?;
        self.0.lock().files.remove(name).map(drop).ok_or(io::ErrorKind::NotFound.into())
    }

    fn sync_names(&self) -> io::Result<()> {
        self.call(false).map(drop)
    }

    fn free(&self) -> io::Result<u64> {
        Ok(u64::MAX)
    }

    fn shown(&self, name: &str) -> String {
        format!("memory/{name}")
    }
}

struct Open {
    disk: Memory,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl File for Open {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.lock().len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let bytes = self.bytes.lock();
        let rest = bytes.get(offset as usize..).unwrap_or_default();
        // Never more than a few at a time, as a disk may do.
        let length = rest.len().min(buffer.len()).min(70_000);
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let fault = self.disk.call(true)?;
        let length = if fault == Some(Fault::Short) { bytes.len() / 2 } else { bytes.len() };
        let mut file = self.bytes.lock();
        let end = offset as usize + length;
        let longer = file.len().max(end);
        file.resize(longer, 0);
        file[offset as usize..end].copy_from_slice(&bytes[..length]);
        Ok(length)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.bytes.lock().resize(length as usize, 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.call(false).map(drop)
    }
}

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

fn write(disk: &Memory, head: &Head, bytes: &[u8]) -> Result<String, Unwritten> {
    let mut writer = SnapshotWriter::create(disk, head)?;
    for piece in bytes.chunks(10_000) {
        writer.write(piece)?;
    }
    writer.finish(42)
}

fn read(disk: &Memory, name: &str) -> Result<(Vec<u8>, Summary), OpenError> {
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
        let disk = Memory::default();
        let bytes = state(length);
        let name = write(&disk, &head(7), &bytes).unwrap();
        assert_eq!(name, "snapshot-0000000000000046-0000000000000007");
        assert_eq!(disk.names(), [name.as_str()]);
        let (all, summary) = read(&disk, &name).unwrap();
        assert_eq!(all, bytes);
        assert_eq!((summary.head.clone(), summary.items), (head(7), 42));
        assert_eq!(summary.raw_bytes, length as u64);
        assert_eq!(summary.bytes, disk.bytes(&name).len() as u64);
        assert_eq!(verify(&disk, &name).unwrap(), summary);
    }
}

#[test]
fn what_can_be_compressed_is() {
    let disk = Memory::default();
    let name = write(&disk, &head(1), &vec![7; 10 * FRAME]).unwrap();
    assert!(disk.bytes(&name).len() < FRAME);
}

/// A small snapshot of three frames, one of them compressed.
fn small(disk: &Memory) -> String {
    let mut writer = SnapshotWriter::create(disk, &head(7)).unwrap();
    for bytes in [&b"some bytes that are too few to be shorter"[..], &[9; 300], &[1, 2, 3]] {
        writer.write(bytes).unwrap();
        writer.put_frame().unwrap();
    }
    writer.finish(3).unwrap()
}

#[test]
fn every_flipped_byte_is_noticed() {
    let disk = Memory::default();
    let name = small(&disk);
    let whole = disk.bytes(&name);
    for place in 0..whole.len() {
        for bits in 1..=255 {
            let mut bytes = whole.clone();
            bytes[place] ^= bits;
            disk.put(&name, bytes);
            match verify(&disk, &name) {
                Err(OpenError::Damage(Damage { file, .. })) => {
                    assert_eq!(file, format!("memory/{name}"));
                }
                Err(OpenError::Version { .. }) => assert!((8..12).contains(&place)),
                other => panic!("byte {place} ^ {bits}: {other:?}"),
            }
        }
    }
}

#[test]
fn every_prefix_and_every_longer_file_is_refused() {
    let disk = Memory::default();
    let name = small(&disk);
    let whole = disk.bytes(&name);
    for length in 0..whole.len() {
        disk.put(&name, whole[..length].to_vec());
        assert!(matches!(verify(&disk, &name), Err(OpenError::Damage(_))), "{length} bytes");
        // As a file system may leave it that knew the length and not the content.
        let mut zeroed = whole.clone();
        zeroed[length..].fill(0);
        disk.put(&name, zeroed);
        assert!(verify(&disk, &name).is_err(), "zeros from byte {length}");
    }
    disk.put(&name, [&whole[..], &[0]].concat());
    assert!(verify(&disk, &name).is_err());
    disk.put(&name, [&whole[..], &whole[..]].concat());
    assert!(verify(&disk, &name).is_err());
}

/// Frames that are whole each, in another order or not all there.
#[test]
fn moved_and_missing_frames_are_noticed() {
    let disk = Memory::default();
    let name = small(&disk);
    let whole = disk.bytes(&name);
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
        disk.put(&name, bytes);
        assert!(matches!(verify(&disk, &name), Err(OpenError::Damage(_))));
    }
}

#[test]
fn a_file_under_the_name_of_another_is_refused() {
    let disk = Memory::default();
    let name = small(&disk);
    disk.put(&head(8).name(), disk.bytes(&name));
    let refused = verify(&disk, &head(8).name()).unwrap_err().to_string();
    assert!(refused.contains(&name), "{refused}");
    // A copy under a name of somebody's own is as good as the original.
    disk.put("backup", disk.bytes(&name));
    assert_eq!(verify(&disk, "backup").unwrap().head, head(7));
}

#[test]
fn l5_whatever_fails_no_snapshot_is_broken_and_nothing_is_left() {
    let kinds = [io::ErrorKind::StorageFull, io::ErrorKind::Other];
    let faults = kinds.map(Fault::Error).into_iter().chain([Fault::Short]);
    // As long as it takes for a sync on the way.
    let bytes: Vec<u8> = state(2 * FRAME)[FRAME..].repeat(34);
    for fault in faults {
        let mut failed = 0;
        for call in 1.. {
            let disk = Memory::default();
            let before = write(&disk, &head(1), b"before").unwrap();
            disk.fail(call, fault);
            let written = write(&disk, &head(2), &bytes);
            if !disk.has_failed() {
                assert_eq!(disk.names().len(), 2);
                break;
            }
            failed += 1;
            assert!(verify(&disk, &before).is_ok());
            for name in disk.names() {
                assert!(verify(&disk, &name).is_ok(), "{name} after call {call}: {fault:?}");
            }
            match written {
                Err(error) => assert_eq!(error.is_full(), fault == Fault::Error(kinds[0])),
                // A sync that is cut short is no fault that a sync can have.
                Ok(_) => assert_eq!(fault, Fault::Short),
            }
        }
        assert!(failed > 25, "{failed} calls failed");
    }
}

#[test]
fn on_a_full_disk_the_error_says_so() {
    let disk = Memory::default();
    disk.fill();
    let error = write(&disk, &head(2), b"state").unwrap_err();
    assert!(error.is_full() && error.to_string().contains("memory/snapshot-"), "{error}");
    assert!(disk.names().is_empty());
}

#[test]
fn leftovers_go_and_are_never_in_the_way() {
    let disk = Memory::default();
    let aside = format!("{}.aside", head(2).name());
    disk.put(&aside, vec![1; 100]);
    disk.put("identity.aside", vec![1]);
    assert!(list(&disk).unwrap().is_empty(), "a leftover is no snapshot");
    let name = write(&disk, &head(2), b"state").unwrap();
    assert!(verify(&disk, &name).is_ok());
    disk.put(&aside, vec![1; 100]);
    assert_eq!(remove_leftovers(&disk).unwrap(), 1);
    assert_eq!(disk.names(), ["identity.aside".to_owned(), name]);
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing() {
    let disk = Memory::default();
    let mut writer = SnapshotWriter::create(&disk, &head(2)).unwrap();
    writer.write(&state(2 * FRAME)).unwrap();
    assert_eq!(disk.names().len(), 1);
    drop(writer);
    assert!(disk.names().is_empty());
}

#[test]
fn the_newest_come_first_and_other_files_are_none() {
    let disk = Memory::default();
    for index in [3, 1, 200, 2] {
        write(&disk, &head(index), b"").unwrap();
    }
    for other in [
        "snapshot-1-2",
        "snapshot-",
        "log-0000000000000001",
        "snapshot-+000000000000001-0000000000000001",
    ] {
        disk.put(other, vec![]);
    }
    let indexes: Vec<u64> = list(&disk).unwrap().iter().map(|name| name.index).collect();
    assert_eq!(indexes, [200, 3, 2, 1]);
}

fn five() -> (Memory, Vec<String>) {
    let disk = Memory::default();
    let names = (1..=5).map(|index| write(&disk, &head(index), b"state").unwrap()).collect();
    (disk, names)
}

#[test]
fn as_many_as_asked_for_are_kept() {
    let (disk, names) = five();
    let kept = keep(&disk, 3).unwrap();
    assert_eq!(disk.names(), names[2..]);
    assert_eq!((kept.upto().unwrap().index, kept.purged.len()), (3, 2));
    let kept = keep(&disk, 4).unwrap();
    assert_eq!((kept.upto(), kept.whole.len(), disk.names().len()), (None, 3, 3));
    keep(&disk, 0).unwrap();
    assert_eq!(disk.names(), names[4..], "the last one is never given up");
}

#[test]
fn what_is_broken_does_not_count_as_kept() {
    let (disk, names) = five();
    for broken in [&names[4], &names[3]] {
        disk.put(broken, disk.bytes(broken)[..50].to_vec());
    }
    let kept = keep(&disk, 3).unwrap();
    assert!(kept.purged.is_empty(), "three whole ones are all there are");
    assert_eq!((kept.broken.len(), kept.upto().unwrap().index), (2, 1));
    disk.put(&names[2], vec![]);
    let kept = keep(&disk, 3).unwrap();
    assert_eq!((kept.whole.len(), kept.broken.len(), kept.upto()), (2, 3, None));
    assert_eq!(disk.names(), names, "nothing went");
}
