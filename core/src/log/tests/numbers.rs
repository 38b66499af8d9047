//! Files whose checksums are right and whose numbers nobody ever wrote: refused, not counted on.

use super::super::Disk;
use super::super::mark::{IDENTITY, MARK, Mark, encode_identity, encode_mark};
use super::super::repair::{repair, verify};
use super::super::segment::{SegmentHead, segment_name};
use super::super::snapshot::{Head, SnapshotReader, SnapshotWriter};
use super::*;
use crate::base::{WallMillis, Zxid};

const GIANTS: [u64; 3] = [u64::MAX, u64::MAX - 1, 1 << 63];

fn with_identity() -> SimDisk {
    let disk = SimDisk::new();
    disk.put(IDENTITY, &encode_identity(&small().identity));
    disk
}

#[test]
fn a_segment_with_a_number_that_no_log_reaches_is_refused() {
    for giant in GIANTS {
        for (serial, index) in [(giant, 4), (9, giant), (giant, giant)] {
            let disk = with_identity();
            let before = LogId { term: 1, index };
            let head = SegmentHead { serial, before, begins: true, note: Bytes::new() };
            disk.put(&segment_name(index.wrapping_add(1)), &head.encode(&small().identity));
            let refused = try_open(&disk).err().map(|error| error.to_string());
            assert!(refused.is_some_and(|text| text.contains("/sim/log-")), "{serial} {index}");
            assert!(!verify(&disk).unwrap().is_whole());
            repair(&disk, &small(), LogId::default()).unwrap();
            append(&open(&disk), 1, 3);
        }
    }
}

#[test]
fn a_log_at_the_last_of_its_numbers_is_refused_and_not_repaired_into_one_that_is() {
    let last = i64::MAX as u64;
    for (serial, index) in [(last, 4), (9, last), (last - 1, last - 1)] {
        let disk = with_identity();
        let before = LogId { term: 1, index };
        let head = SegmentHead { serial, before, begins: true, note: Bytes::new() };
        disk.put(&segment_name(index.wrapping_add(1)), &head.encode(&small().identity));
        let refused = try_open(&disk).err().map(|error| error.to_string());
        assert!(refused.is_some_and(|text| text.contains("hardly any")), "{serial} {index}");
        if repair(&disk, &small(), LogId::default()).is_ok_and(|repaired| repaired.lost > 0) {
            append(&open(&disk), 1, 3);
        }
    }
}

#[test]
fn a_mark_with_a_number_that_no_log_reaches_is_not_believed() {
    for giant in GIANTS {
        let disk = SimDisk::new();
        append(&open(&disk), 1, 3);
        let last = LogId { term: 1, index: 3 };
        let mark = Mark { serial: giant, first: 1, last };
        disk.put(MARK, &encode_mark(&small().identity, &mark));
        let log = open(&disk);
        assert_eq!((log.last().index, log.opened().warnings.len()), (3, 1));
    }
}

#[test]
fn a_snapshot_with_a_number_that_no_log_reaches_is_refused() {
    for giant in GIANTS {
        for (index, zxid) in [(giant, 4), (4, giant)] {
            let disk = SimDisk::new();
            let last = LogId { term: 0, index };
            let (zxid, at) = (Zxid(zxid as i64), WallMillis(0));
            let head = Head { identity: [7; 16], last, zxid, at, membership: Vec::new() };
            let writer = SnapshotWriter::create(&disk, &head).unwrap();
            assert!(writer.finish(0).is_err(), "it does not read back");
            let content = disk.copy();
            assert!(content.list().unwrap().is_empty());
            assert!(SnapshotReader::open(&disk, &head.name()).is_err());
        }
    }
}
