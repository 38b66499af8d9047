//! Bytes that Apache wrote.

use super::super::record::{Change, Record, Write};
use super::super::snapshot::{self, Snapshot};
use super::super::state::State;
use super::super::stream::{Result, Stream};
use super::bytes::hex;
use crate::base::{SessionId, Zxid};

/// The first snapshot of a fresh server of release 3.9.
pub const FRESH: &str = "
5a4b534e00000002ffffffffffffffff00000000000000010000000000000001000000010000000100000005776f726c
6400000006616e796f6e650000000000000000ffffffffffffffff000000000000000000000000000000000000000000
0000000000000000000000000000000000000000000000000000000000000000000000000000000000000a2f7a6f6f6b
656570657200000000ffffffffffffffff00000000000000000000000000000000000000000000000000000000000000
0000000000000000000000000000000000000000000000000000000000000000112f7a6f6f6b65657065722f636f6e66
696700000000000000000000000100000000000000000000000000000000000000000000000000000000000000000000
000000000000ffffffff00000000000000000000000000000000000000102f7a6f6f6b65657065722f71756f74610000
0000ffffffffffffffff0000000000000000000000000000000000000000000000000000000000000000000000000000
00000000000000000000000000000000000000000000000000012f00000000b8a23b49000000012f0000000000000000
0000000200000000000000000000000095b93d59000000012f000000000000000000000000bde83f6d000000012f";

pub fn read(bytes: &[u8]) -> Result<Snapshot> {
    let mut stream = Stream::new(bytes, "snapshot.0", Some(bytes.len() as u64));
    snapshot::read(&mut stream, &mut || {})
}

fn entry(digits: &str) -> Record {
    Record::decode(&hex(digits), "log.1", 0).expect("a record of Apache")
}

#[test]
fn the_first_snapshot_of_a_fresh_server_is_an_empty_tree() {
    let bytes = hex(FRESH);
    assert_eq!(bytes.len(), 478);
    let snapshot = read(&bytes).expect("a snapshot of Apache");
    assert_eq!(snapshot.state, State::fresh());
    assert_eq!(snapshot.state.digest(), 0x51C6_D660);
    assert_eq!((snapshot.digest, snapshot.zxid), (None, Some(Zxid::ZERO)));
}

#[test]
fn snapshots_without_the_later_sections_are_read_too() {
    let bytes = hex(FRESH);
    for (length, zxid) in [(478 - 54, None), (478 - 21, None), (478, Some(Zxid::ZERO))] {
        let snapshot = read(&bytes[..length]).expect("a snapshot of an older release");
        assert_eq!((snapshot.state, snapshot.zxid), (State::fresh(), zxid), "{length} bytes");
    }
}

#[test]
fn the_first_records_of_a_log_are_understood() {
    let begun = entry(
        "01000023ac560000 00000000 0000000000000001 000001a203734621 fffffff6 00002710
         00000002 0000000051c6d660",
    );
    assert_eq!(begun.change, Change::CreateSession { timeout: 10_000 });
    assert_eq!((begun.session, begun.zxid), (SessionId(0x0100_0023_ac56_0000), Zxid(1)));
    assert_eq!(begun.digest, Some(State::fresh().digest()));

    let created = entry(
        "01000023ac560000 00000001 0000000000000002 000001a203734631 00000001 00000002 2f61
         00000002 6869 00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65 00 00000001
         00000002 000000007bf57cd7",
    );
    let Change::Writes(writes) = &created.change else { panic!("{created:?}") };
    let [Write::Create(create)] = &writes[..] else { panic!("{writes:?}") };
    assert_eq!((create.path.as_str(), create.data.as_deref()), ("/a", Some(&b"hi"[..])));
    assert_eq!(create.parent_cversion, Some(1));

    let set = entry(
        "01000023ac560000 00000004 0000000000000003 000001a203734642 00000005 00000002 2f61
         00000001 78 00000001 00000002 00000000f987aa4a",
    );
    let mut replay = super::super::replay::Replay::new(State::fresh(), Zxid::ZERO, None);
    for record in [&begun, &created, &set] {
        replay.apply(record);
    }
    assert_eq!((replay.tally().digests_equal, replay.tally().digests_other), (3, 0));
    assert_eq!(replay.state.get("/a").expect("it was created").version, 1);
}
