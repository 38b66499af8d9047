//! Znodes that the server removes by itself: containers and those with a time to live.

use std::time::Duration;

use tenure_tests::op;
use tenure_tests::records::open;
use tenure_tests::session::{Session, create_body};
use tenure_tests::subject::{Settings, Subject};

/// The server looks for removable znodes once in this time.
const SCAN: Duration = Duration::from_secs(60);

/// A server whose clock the test moves, and a session that outlives many scans.
fn patient() -> (Subject, Session) {
    let server = Subject::with(Settings {
        manual_clock: true,
        max_session_timeout: Some(Duration::from_secs(3_600)),
        ..Settings::default()
    });
    let session = Session::with_timeout(server.addr(), 3_600_000);
    (server, session)
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn z41_the_ttl_has_bounds() {
    let server = Subject::start();
    let mut session = server.session();
    for ttl in [0, -1, i64::MIN, 1 << 40, i64::MAX] {
        for flag in [op::TTL, op::TTL_SEQUENTIAL] {
            assert_eq!(session.create_ttl("/t", flag, ttl), Err(op::BAD_ARGUMENTS), "{ttl}");
        }
    }
    for (path, ttl) in [("/least", 1), ("/most", (1 << 40) - 1)] {
        assert!(session.create_ttl(path, op::TTL, ttl).is_ok(), "{ttl}");
    }
}

#[test]
fn z43_a_znode_that_nobody_changes_goes_after_its_ttl() {
    let (server, mut session) = patient();
    session.create_ttl("/short", op::TTL, 1_000).expect("created");
    session.create_ttl("/long", op::TTL, 100_000).expect("created");
    server.advance(SCAN + seconds(1));
    assert_eq!(session.exists("/short", false), Err(op::NO_NODE));
    assert!(session.exists("/long", false).is_ok(), "61 s are less than 100 s");
    server.advance(SCAN);
    assert_eq!(session.exists("/long", false), Err(op::NO_NODE));
}

#[test]
fn z43_set_data_refreshes_it_and_nothing_else_does() {
    let (server, mut session) = patient();
    for path in ["/set", "/read", "/acl", "/child"] {
        session.create_ttl(path, op::TTL, 90_000).expect("created");
    }
    server.advance(seconds(59));
    session.set("/set", b"", -1).expect("set");
    session.get("/read", false).expect("there");
    session.set_acl("/acl", &open(), -1).expect("set");
    session.make("/child/x");
    session.delete("/child/x", -1).expect("deleted");
    server.advance(seconds(62));
    assert!(session.exists("/set", false).is_ok(), "changed 62 s ago");
    for path in ["/read", "/acl", "/child"] {
        assert_eq!(session.exists(path, false), Err(op::NO_NODE), "{path}");
    }
    server.advance(SCAN);
    assert_eq!(session.exists("/set", false), Err(op::NO_NODE));
}

#[test]
fn z43_children_keep_it() {
    let (server, mut session) = patient();
    session.create_ttl("/t", op::TTL, 1_000).expect("created");
    session.make("/t/x");
    server.advance(SCAN * 3);
    assert!(session.exists("/t", false).is_ok());
    session.delete("/t/x", -1).expect("deleted");
    server.advance(SCAN + seconds(1));
    assert_eq!(session.exists("/t", false), Err(op::NO_NODE));
}

#[test]
fn z44_removal_fires_the_watches_of_a_delete_and_takes_a_zxid() {
    let (server, mut session) = patient();
    session.make("/p");
    session.create_ttl("/p/t", op::TTL, 1_000).expect("created");
    session.exists("/p/t", true).expect("there");
    session.children("/p", true).expect("there");
    let before = session.zxid;
    server.advance(SCAN + seconds(1));
    assert_eq!(session.seen(), [(op::DELETED, "/p/t".to_owned()), (op::CHILDREN, "/p".to_owned())]);
    assert_eq!(session.zxid, before + 1);
    assert_eq!(session.stat("/p").pzxid, before + 1);
}

#[test]
fn z45_an_emptied_container_goes_at_a_scan() {
    let (server, mut session) = patient();
    session.create("/c", b"", op::CONTAINER).expect("created");
    session.make("/c/x");
    server.advance(SCAN * 2);
    assert!(session.exists("/c", false).is_ok(), "it has a child");
    session.delete("/c/x", -1).expect("deleted");
    assert!(session.exists("/c", false).is_ok(), "only a scan removes it");
    session.exists("/c", true).expect("there");
    server.advance(SCAN + seconds(1));
    assert_eq!(session.seen(), [(op::DELETED, "/c".to_owned())]);
    assert_eq!(session.exists("/c", false), Err(op::NO_NODE));
}

#[test]
fn z45_containers_in_containers_go_from_the_leaf_up() {
    let (server, mut session) = patient();
    session.create("/c", b"", op::CONTAINER).expect("created");
    session.create("/c/d", b"", op::CONTAINER).expect("created");
    session.make("/c/d/x");
    session.delete("/c/d/x", -1).expect("deleted");
    server.advance(SCAN * 3);
    assert_eq!(session.exists("/c/d", false), Err(op::NO_NODE));
    assert_eq!(session.exists("/c", false), Err(op::NO_NODE));
}

#[test]
fn z46_a_container_never_used_stays() {
    let (server, mut session) = patient();
    session.create("/c", b"", op::CONTAINER).expect("created");
    server.advance(SCAN * 10);
    assert!(session.exists("/c", false).is_ok());
}

#[test]
fn z47_no_more_than_10_000_go_in_a_minute() {
    let (server, mut session) = patient();
    session.make("/p");
    for round in 0..21 {
        let parts: Vec<_> = (0..500)
            .map(|number| {
                let path = format!("/p/{round}-{number}");
                let body = create_body(&path, Some(b""), &open(), op::TTL).long(1);
                (op::CREATE_TTL, body)
            })
            .collect();
        session.multi(&parts).expect("answered");
    }
    assert_eq!(session.stat("/p").num_children, 10_500);
    server.advance(SCAN);
    assert_eq!(session.stat("/p").num_children, 500);
    server.advance(SCAN);
    assert_eq!(session.stat("/p").num_children, 0);
}

#[test]
fn z48_a_child_of_a_container_that_went_finds_no_parent() {
    let (server, mut session) = patient();
    session.create("/c", b"", op::CONTAINER).expect("created");
    session.make("/c/x");
    session.delete("/c/x", -1).expect("deleted");
    server.advance(SCAN + seconds(1));
    assert_eq!(session.create("/c/y", b"", 0), Err(op::NO_NODE));
}

#[test]
fn a09_removal_asks_for_no_permission() {
    use tenure_tests::records::acl;
    let (server, mut session) = patient();
    session.make("/p");
    session.create_ttl("/p/t", op::TTL, 1_000).expect("created");
    session.set_acl("/p/t", &[acl(0, "world", "anyone")], -1).expect("set");
    session.set_acl("/p", &[acl(op::READ, "world", "anyone")], -1).expect("set");
    server.advance(SCAN + seconds(1));
    assert_eq!(session.children("/p", false), Ok(vec![]));
}
