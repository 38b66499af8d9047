//! Files that are cut, changed and made up: an error or the truth, and never a panic.

use super::super::export;
use super::super::log::{LogFile, Next};
use super::super::record::Record;
use super::bytes::{Body, Folder, log};
use super::golden::read;
use crate::base::Zxid;
use crate::engine::{Engine, EngineOptions};

/// A snapshot with everything in it.
fn snapshot() -> Vec<u8> {
    let folder = Folder::with(&[("log.1", &small_log())]);
    let imported = super::directories::import(&folder).expect("a whole history");
    let mut bytes = Vec::new();
    export::write(&imported.engine, &mut bytes, &mut |_, _| {}).expect("memory takes everything");
    bytes
}

fn records() -> Vec<Body> {
    let multi = Body::default().create("/m").bool(false).int(3);
    vec![
        Body::txn(7, 1, -10).int(10_000),
        Body::txn(7, 2, 1).create("/a").bool(false).int(1),
        Body::txn(7, 3, 1).create("/a/e").bool(true).int(1),
        Body::txn(7, 4, 19).create("/box").int(2),
        Body::txn(7, 5, 5).string("/a").buffer(None).int(1),
        Body::txn(7, 6, 14).int(1).int(1).buffer(Some(&multi.0)),
        Body::txn(7, 7, 21).create("/a/t").int(2).long(5_000),
    ]
}

fn small_log() -> Vec<u8> {
    log(&records())
}

fn read_log(bytes: &[u8]) -> (Vec<Record>, Option<String>) {
    let folder = Folder::with(&[("log.1", bytes)]);
    let mut file = LogFile::open(&folder.0.join("version-2/log.1")).expect("it is there");
    let mut records = Vec::new();
    loop {
        match file.next() {
            Ok(Next::Record(record)) => records.push(record),
            Ok(Next::End) => return (records, None),
            Ok(Next::Torn(damage) | Next::Damaged(damage)) => {
                return (records, Some(damage.to_string()));
            }
            Err(why) => return (records, Some(why.to_string())),
        }
    }
}

#[test]
fn every_prefix_of_a_snapshot_is_refused() {
    let whole = snapshot();
    let truth = read(&whole).expect("it is whole");
    // Releases before 3.6 end at the first seal.
    let first_seal = whole.len() - 33;
    for end in 0..whole.len() {
        match read(&whole[..end]) {
            Err(_) => {}
            Ok(cut) => assert_eq!((end, cut.state), (first_seal, truth.state.clone())),
        }
    }
}

#[test]
fn every_changed_byte_of_a_snapshot_is_noticed() {
    let mut bytes = snapshot();
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xFF] {
            bytes[at] ^= flip;
            assert!(read(&bytes).is_err(), "byte {at} changed by {flip:#x}");
            bytes[at] ^= flip;
        }
    }
    assert!(read(&bytes).is_ok());
}

#[test]
fn every_prefix_of_a_log_is_a_prefix_of_its_records() {
    let whole = small_log();
    let (truth, _) = read_log(&whole);
    assert_eq!(truth.len(), records().len());
    for end in 0..whole.len() {
        let (records, fault) = read_log(&whole[..end]);
        assert_eq!(records[..], truth[..records.len()], "{end} bytes");
        // The first half of a checksum is zeros, as is what a server writes ahead of its records.
        let boundary = [0, 16].into_iter().chain(ends()).rfind(|&it| it <= end);
        let boundary = boundary.expect("the start is one");
        let is_end = whole[boundary..end].iter().all(|&byte| byte == 0);
        assert_eq!(fault.is_none(), is_end, "{end} bytes: {fault:?}");
    }
}

/// Where each record ends.
fn ends() -> Vec<usize> {
    let mut end = 16;
    records()
        .iter()
        .map(|record| {
            end += record.record().len();
            end
        })
        .collect()
}

#[test]
fn every_changed_byte_of_a_log_is_refused_harmless_or_at_its_end() {
    let whole = small_log();
    let truth = read_log(&whole).0;
    let last = ends()[records().len() - 2];
    for at in 0..whole.len() {
        for flip in [0x01, 0x80, 0xFF] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            let folder = Folder::with(&[("log.1", &bytes)]);
            match super::directories::import(&folder) {
                Err(_) => assert!(at < last, "the last record can be cut: byte {at}"),
                Ok(imported) if (8..16).contains(&at) => {
                    assert!(imported.report.warnings.len() == 1, "nobody reads that number");
                }
                Ok(imported) => {
                    assert!(at >= last, "byte {at} changed by {flip:#x} went unnoticed");
                    assert_eq!(imported.report.records, truth.len() as u64 - 1);
                    assert_eq!(imported.report.warnings.len(), 2, "the cut is told");
                }
            }
        }
    }
}

#[test]
fn a_log_ends_at_zeros_at_its_mark_and_at_its_last_byte() {
    let mut bytes = small_log();
    let truth = read_log(&bytes);
    assert_eq!((truth.0.len(), &truth.1), (7, &None));
    bytes.extend_from_slice(&[0; 100_000]);
    assert_eq!(read_log(&bytes), truth);
    *bytes.last_mut().expect("it is not empty") = 1;
    assert!(read_log(&bytes).1.expect("a byte that is no zero").contains("not zero"));
    assert_eq!(read_log(&[]), (vec![], None));
    assert_eq!(read_log(&[0; 40]), (vec![], None));
}

#[test]
fn announced_giants_allocate_nothing() {
    for size in [i32::MAX as u32, 1 << 30, u32::MAX, 1 << 31] {
        let mut bytes = small_log();
        bytes.extend_from_slice(&1_u64.to_be_bytes());
        bytes.extend_from_slice(&size.to_be_bytes());
        bytes.extend_from_slice(b"few");
        let (records, fault) = read_log(&bytes);
        assert_eq!((records.len(), fault.is_some()), (7, true), "{size:#x}");
    }
    let head = Body::default().int(0x5A4B_534E).int(2).long(-1);
    for body in [
        head.clone().int(i32::MAX),
        head.clone().int(-5),
        head.clone().int(0).int(i32::MAX),
        head.clone().int(0).int(1).long(1).int(i32::MAX),
        head.clone().int(0).int(0).int(i32::MAX),
        head.int(0).int(0).string("").int(i32::MAX),
    ] {
        assert!(read(&body.0).is_err());
    }
}

#[test]
fn a_record_behind_damage_is_found_wherever_it_is() {
    let mut bytes = small_log();
    let end = ends()[2];
    bytes[end - 4] ^= 1;
    // Enough in between that the search goes on from one read to the next.
    let tail = bytes.split_off(end);
    for gap in [0, 65_520, 65_536, 200_000] {
        let mut spread = bytes.clone();
        spread.resize(end + gap, 0);
        spread.extend_from_slice(&tail);
        let folder = Folder::with(&[("log.1", &spread)]);
        let mut file = LogFile::open(&folder.0.join("version-2/log.1")).expect("it is there");
        while let Ok(Next::Record(_)) = file.next() {}
        let found = |after| file.record_behind(Zxid(after)).expect("the disk works");
        assert_eq!(found(2), Some((end + gap) as u64));
        assert_eq!(found(7), None, "those are known");
    }
}

#[test]
fn an_empty_state_is_a_snapshot_too() {
    let engine = Engine::new(EngineOptions::default());
    let mut bytes = Vec::new();
    export::write(&engine, &mut bytes, &mut |_, _| {}).expect("memory takes everything");
    let snapshot = read(&bytes).expect("it is whole");
    assert_eq!(snapshot.state.digest(), engine.digest());
}
