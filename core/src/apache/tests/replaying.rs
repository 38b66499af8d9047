//! Replays on a snapshot that is ahead of the log, and the order of records.

use super::super::record::Record;
use super::super::replay::{Follows, Replay};
use super::super::state::State;
use super::bytes::Body;
use crate::base::{Acl, SessionId, Zxid};

const SESSION: i64 = 7;

fn record(body: &Body) -> Record {
    Record::decode(&body.0, "log.1", 0).expect("a record")
}

fn create(zxid: i64, path: &str, parent_cversion: i32) -> Record {
    record(&Body::txn(SESSION, zxid, 1).create(path).bool(false).int(parent_cversion))
}

fn ephemeral(zxid: i64, path: &str, parent_cversion: i32) -> Record {
    record(&Body::txn(SESSION, zxid, 1).create(path).bool(true).int(parent_cversion))
}

fn delete(zxid: i64, path: &str) -> Record {
    record(&Body::txn(SESSION, zxid, 2).string(path))
}

fn set(zxid: i64, path: &str, version: i32) -> Record {
    record(&Body::txn(SESSION, zxid, 5).string(path).buffer(Some(b"new")).int(version))
}

fn session(zxid: i64) -> Record {
    record(&Body::txn(SESSION, zxid, -10).int(10_000))
}

fn replayed(records: &[Record]) -> Replay {
    let mut replay = Replay::new(State::fresh(), Zxid::ZERO, None);
    for record in records {
        replay.apply(record);
    }
    replay
}

/// A history in which most records depend on those before.
fn history() -> Vec<Record> {
    vec![
        session(1),
        create(2, "/a", 1),
        create(3, "/a/b", 1),
        set(4, "/a/b", 1),
        ephemeral(5, "/a/e", 2),
        delete(6, "/a/b"),
        create(7, "/a/b", 3),
        record(&Body::txn(SESSION, 8, 7).string("/a").acl(&Acl::read_unsafe()).int(1)),
        record(&Body::txn(SESSION, 9, -1).int(-101)),
        set(10, "/a", 1),
        create(11, "/c", 2),
        delete(12, "/c"),
        record(&Body::txn(SESSION, 13, -11).int(1).string("/a/e")),
    ]
}

#[test]
fn a_history_gives_its_last_state() {
    let replay = replayed(&history());
    assert_eq!(replay.last(), Zxid(13));
    let paths: Vec<_> = replay.state.znodes().map(|(path, _)| path).collect();
    assert_eq!(paths, ["", "/a", "/a/b", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"]);
    let a = replay.state.get("/a").expect("it is there");
    assert_eq!((a.version, a.aversion, a.cversion, a.pzxid), (1, 1, 3, Zxid(13)));
    assert_eq!(replay.state.get("/a/b").expect("it is there").czxid, Zxid(7));
    let root = replay.state.get("").expect("it is there");
    assert_eq!((root.cversion, root.pzxid), (2, Zxid(12)));
    assert!(replay.state.sessions().is_empty());
}

#[test]
fn replaying_twice_from_any_place_changes_nothing() {
    let history = history();
    let whole = replayed(&history).state;
    for from in 0..history.len() {
        let mut replay = replayed(&history);
        for record in &history[from..] {
            replay.apply(record);
        }
        // The state of the end was ahead of every record.
        assert_eq!(replay.state, whole, "from the record {from} on");
    }
}

#[test]
fn a_snapshot_ahead_of_any_record_comes_to_the_same_end() {
    let history = history();
    let whole = replayed(&history).state;
    for from in 0..history.len() {
        for ahead in from..=history.len() {
            let mut replay = replayed(&history[..ahead]);
            for record in &history[from..] {
                replay.apply(record);
            }
            assert_eq!(replay.state, whole, "snapshot at {ahead}, log from {from}");
        }
    }
}

#[test]
fn a_deleted_parent_takes_along_what_later_records_create_again() {
    let first = [create(1, "/a", 1), create(2, "/a/x", 1)];
    let log = [delete(2, "/a"), create(3, "/a", 2), create(4, "/a/x", 1)];
    let mut replay = replayed(&first);
    for record in &log {
        replay.apply(record);
    }
    assert_eq!(replay.state.get("/a/x").expect("it was created again").czxid, Zxid(4));
}

#[test]
fn a_create_that_is_there_still_counts_at_its_parent() {
    let mut replay = replayed(&[create(1, "/a", 1)]);
    replay.apply(&create(5, "/a", 4));
    let root = replay.state.get("").expect("the root");
    assert_eq!((root.cversion, root.pzxid), (4, Zxid(5)));
    assert_eq!(replay.state.get("/a").expect("it is there").czxid, Zxid(1));
}

#[test]
fn z71_records_follow_one_by_one_and_epochs_begin_anew() {
    let mut replay = replayed(&[create(1, "/a", 1)]);
    let follows = |replay: &Replay, zxid| replay.follows(&create(zxid, "/b", 1));
    assert_eq!(follows(&replay, 2), Follows::Next);
    assert_eq!(follows(&replay, 3), Follows::Gap);
    assert_eq!(follows(&replay, 1), Follows::Back);
    assert_eq!(follows(&replay, (1 << 32) + 1), Follows::Next);
    assert_eq!(follows(&replay, 3 << 32), Follows::Next);
    assert_eq!(follows(&replay, (1 << 32) + 2), Follows::Gap);
    replay.apply(&create((1 << 32) + 1, "/b", 2));
    assert_eq!(follows(&replay, 2), Follows::Back);
    let failed = record(&Body::txn(SESSION, (1 << 32) + 1, -1).int(-5));
    assert_eq!(replay.follows(&failed), Follows::Known, "it never had a zxid of its own");
    let later = Replay::new(State::fresh(), Zxid(9), None);
    assert_eq!((follows(&later, 9), follows(&later, 10)), (Follows::Known, Follows::Next));
}

#[test]
fn h03_writes_that_no_server_would_do_are_counted_and_skipped() {
    let mut replay = replayed(&[]);
    let before = replay.state.clone();
    let odd = ["a", "", "/", "//", "/a//b", "/a/"];
    for path in odd {
        replay.apply(&create(1, path, 9));
        replay.apply(&delete(1, path));
    }
    for path in ["/zookeeper", "/zookeeper/quota", "/zookeeper/config"] {
        replay.apply(&delete(1, path));
    }
    assert_eq!(replay.tally().malformed, 15);
    replay.apply(&create(1, "/no/parent", 9));
    replay.apply(&set(1, "/nothing", 9));
    assert_eq!(replay.tally().without_effect, 2);
    assert_eq!(replay.state, before);
}

#[test]
fn s41_ephemerals_without_a_session_are_dropped_and_others_are_not() {
    let mut replay = replayed(&[create(1, "/a", 1), ephemeral(2, "/a/e", 1)]);
    replay.apply(&record(&Body::txn(8, 3, -10).int(10_000)));
    replay.apply(&record(&Body::txn(8, 4, 1).create("/a/held").bool(true).int(2)));
    replay.apply(&record(&Body::txn(9, 5, 19).create("/a/box").int(3)));
    replay.apply(&record(&Body::txn(9, 6, 21).create("/a/ttl").int(4).long(500)));
    assert_eq!(replay.drop_orphans(), 1);
    assert!(replay.state.get("/a/e").is_none());
    for path in ["/a/held", "/a/box", "/a/ttl"] {
        assert!(replay.state.get(path).is_some(), "{path}");
    }
    assert_eq!(replay.state.sessions().keys().next(), Some(&SessionId(8)));
    assert_eq!(replay.state.get("/a").expect("it is there").pzxid, Zxid(6));
}

#[test]
fn a_snapshot_digest_that_the_log_refutes_is_no_mismatch() {
    let begun = replayed(&[create(1, "/a", 1)]);
    let other = begun.state.digest() ^ 1;
    let digest = |record: &Record, digest| Record { digest: Some(digest), ..record.clone() };
    let next = set(2, "/a", 1);
    let right = replayed(&[create(1, "/a", 1), next.clone()]).state.digest();
    for (log, others) in [(None, 1), (Some(right), 0), (Some(right ^ 1), 2)] {
        let snapshot = Some((Zxid(1), other));
        let mut replay = Replay::new(begun.state.clone(), Zxid(1), snapshot);
        if let Some(sum) = log {
            replay.apply(&digest(&next, sum));
        }
        let tally = replay.tally();
        assert_eq!((tally.digests_other, tally.first_other.is_some()), (others, others > 0));
    }
}
