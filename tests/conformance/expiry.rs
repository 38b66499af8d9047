//! What keeps a session alive, when a silent one ends, and what its end takes along.

use std::time::{Duration, Instant};

use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::raw::{Silence, Wire};
use tenure_tests::records::{ConnectRequest, Frame};
use tenure_tests::session::Session;
use tenure_tests::subject::{Settings, Subject};

/// The shortest timeout of the default settings, in milliseconds.
const T: u64 = 4_000;

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A session that will fall silent, and one that lives long enough to look on.
fn mortal_and_observer(server: &Subject) -> (Session, Session) {
    (Session::with_timeout(server.addr(), T as i32), Session::with_timeout(server.addr(), 40_000))
}

#[test]
fn s13_a_silent_session_ends_at_its_timeout_and_not_before() {
    let server = Subject::manual();
    let (mut mortal, mut observer) = mortal_and_observer(&server);
    server.advance(millis(1_234));
    mortal.create("/e", b"", op::EPHEMERAL).expect("created");
    server.advance(millis(T - 1));
    assert!(observer.exists("/e", false).is_ok(), "not before the timeout");
    server.advance(millis(51));
    assert_eq!(observer.exists("/e", false), Err(op::NO_NODE), "at most 50 ms late");
}

#[test]
fn s13_the_end_is_exact_for_every_phase_of_a_tick() {
    let server = Subject::manual();
    for phase in [0, 1, 499, 500, 999, 1_000, 1_500, 1_999] {
        let (mut mortal, mut observer) = mortal_and_observer(&server);
        server.advance(millis(phase));
        mortal.create("/e", b"", op::EPHEMERAL).expect("created");
        server.advance(millis(T - 1));
        assert!(observer.exists("/e", false).is_ok(), "phase {phase}");
        server.advance(millis(51));
        assert_eq!(observer.exists("/e", false), Err(op::NO_NODE), "phase {phase}");
        observer.close();
    }
}

#[test]
fn s13_on_the_machines_clock_the_end_is_never_early() {
    let timeout = millis(700);
    let server =
        Subject::with(Settings { min_session_timeout: Some(timeout), ..Settings::default() });
    let mut observer = server.session();
    let mut mortal = Session::with_timeout(server.addr(), 0);
    assert_eq!(mortal.granted.timeout, 700);
    mortal.create("/e", b"", op::EPHEMERAL).expect("created");
    observer.exists("/e", true).expect("there");
    let silent_since = Instant::now();
    mortal.ping();
    match observer.frame().expect("the end is told") {
        Frame::Event(event) => assert_eq!(event.kind, op::DELETED),
        Frame::Reply(reply) => panic!("{reply:?}"),
    }
    let waited = silent_since.elapsed();
    assert!(waited >= timeout, "ended after {waited:?}");
    assert!(waited < timeout + millis(5_000), "even a busy machine is not this late: {waited:?}");
}

#[test]
fn s14_pings_keep_a_session_alive() {
    let server = Subject::manual();
    let mut session = Session::with_timeout(server.addr(), T as i32);
    session.create("/e", b"", op::EPHEMERAL).expect("created");
    for _ in 0..50 {
        server.advance(millis(T / 2));
        session.ping();
    }
    assert_eq!(session.stat("/e").ephemeral_owner, session.id());
}

#[test]
fn s15_p70_auth_packets_alone_do_not_keep_a_session_alive() {
    let server = Subject::manual();
    let (mut mortal, mut observer) = mortal_and_observer(&server);
    mortal.create("/e", b"", op::EPHEMERAL).expect("created");
    server.advance(millis(T / 2));
    assert_eq!(mortal.auth("digest", b"bob:pw"), 0);
    server.advance(millis(T / 2 - 1));
    assert_eq!(mortal.auth("digest", b"bob:pw"), 0);
    assert!(observer.exists("/e", false).is_ok());
    server.advance(millis(51));
    assert_eq!(observer.exists("/e", false), Err(op::NO_NODE));
    assert!(mortal.is_cut());
}

#[test]
fn s16_every_request_keeps_a_session_alive() {
    let server = Subject::manual();
    let requests = [
        (op::EXISTS, Body::new().string("/").bool(false)),
        (op::GET_DATA, Body::new().string("/none").bool(false)),
        (op::SYNC, Body::new().string("/")),
        (op::WHO_AM_I, Body::new()),
        (op::DELETE, Body::new().string("/none").int(-1)),
        (op::SET_WATCHES, Body::new().long(0).strings(&[]).strings(&[]).strings(&[])),
        (op::MULTI, Body::new().int(-1).bool(true).int(-1)),
        (op::GET_DATA, Body::new().null()),
    ];
    for (kind, body) in requests {
        let mut session = Session::with_timeout(server.addr(), T as i32);
        server.advance(millis(T - 1));
        session.call(kind, &body);
        server.advance(millis(T - 1));
        assert_eq!(session.try_ping(), Ok(()), "operation {kind}");
        session.close();
    }
}

#[test]
fn s17_an_expired_session_is_refused() {
    let server = Subject::manual();
    let session = Session::with_timeout(server.addr(), T as i32);
    server.advance(millis(T + 2_001));
    let mut wire = Wire::open(server.addr());
    let response = wire.handshake(&session.reattachment()).expect("a refusal is an answer");
    assert_eq!((response.timeout, response.session), (0, 0));
    assert_eq!(response.passwd, [0; 16]);
    assert_eq!(wire.receive(), Err(Silence::Closed));
}

#[test]
fn s18_expiry_closes_the_connection_without_a_frame() {
    let server = Subject::manual();
    let mut session = Session::with_timeout(server.addr(), T as i32);
    session.create("/e", b"", op::EPHEMERAL).expect("created");
    session.exists("/e", true).expect("it is there");
    server.advance(millis(T + 2_001));
    assert_eq!(session.wire.receive(), Err(Silence::Closed));
}

#[test]
fn s19_all_ephemerals_of_a_session_go_with_one_zxid() {
    let server = Subject::manual();
    let (mut mortal, mut observer) = mortal_and_observer(&server);
    let parents = ["/p0", "/p1", "/p2"];
    for parent in parents {
        mortal.make(parent);
        mortal.create(&format!("{parent}/e"), b"", op::EPHEMERAL).expect("created");
    }
    observer.ping();
    let before = observer.zxid;
    server.advance(millis(T + 2_001));
    for parent in parents {
        assert_eq!(observer.stat(parent).pzxid, before + 1);
        assert_eq!(observer.stat(parent).num_children, 0);
        assert_eq!(observer.stat(parent).cversion, 2);
    }
    assert_eq!(observer.zxid, before + 1);
}

#[test]
fn s20_each_ephemeral_is_told_before_its_parent() {
    let server = Subject::manual();
    let (mut mortal, mut observer) = mortal_and_observer(&server);
    for number in [2, 0, 1] {
        observer.make(&format!("/p{number}"));
        mortal.create(&format!("/p{number}/e"), b"", op::EPHEMERAL).expect("created");
        observer.exists(&format!("/p{number}/e"), true).expect("it is there");
        observer.children(&format!("/p{number}"), true).expect("it is there");
    }
    server.advance(millis(T + 2_001));
    let wanted: Vec<_> = (0..3)
        .flat_map(|number| {
            let parent = format!("/p{number}");
            [(op::DELETED, format!("{parent}/e")), (op::CHILDREN, parent)]
        })
        .collect();
    assert_eq!(observer.seen(), wanted, "in path order");
}

#[test]
fn s21_a_child_watch_on_the_parent_of_ten_fires_once() {
    let server = Subject::manual();
    let (mut mortal, mut observer) = mortal_and_observer(&server);
    observer.make("/p");
    for number in 0..10 {
        mortal.create(&format!("/p/e{number}"), b"", op::EPHEMERAL).expect("created");
    }
    observer.children("/p", true).expect("it is there");
    server.advance(millis(T + 2_001));
    assert_eq!(observer.seen(), [(op::CHILDREN, "/p".to_owned())]);
    assert_eq!(observer.children("/p", false), Ok(vec![]));
}

#[test]
fn s22_an_ephemeral_answered_before_the_client_dies_goes_at_expiry() {
    let server = Subject::manual();
    let (mut mortal, mut observer) = mortal_and_observer(&server);
    mortal.create("/e", b"", op::EPHEMERAL).expect("created");
    drop(mortal);
    server.advance(millis(T - 1));
    assert!(observer.exists("/e", false).is_ok(), "a lost connection does not end the session");
    server.advance(millis(2_002));
    assert_eq!(observer.exists("/e", false), Err(op::NO_NODE));
}

#[test]
fn s23_other_znodes_of_the_session_stay() {
    let server = Subject::manual();
    let (mut mortal, mut observer) = mortal_and_observer(&server);
    mortal.make("/p");
    mortal.create("/c", b"", op::CONTAINER).expect("created");
    mortal.create_ttl("/t", op::TTL, 1_000_000).expect("created");
    mortal.create("/p/e", b"", op::EPHEMERAL).expect("created");
    server.advance(millis(T + 2_001));
    assert_eq!(observer.children("/", false), Ok(names(&["c", "p", "t", "zookeeper"])));
    assert_eq!(observer.children("/p", false), Ok(vec![]));
}

fn names(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn s30_the_timeout_of_the_reattachment_governs_the_expiry() {
    let server = Subject::manual();
    let mut observer = Session::with_timeout(server.addr(), 40_000);
    let mut session = Session::with_timeout(server.addr(), 10_000);
    session.create("/e", b"", op::EPHEMERAL).expect("created");
    let longer = ConnectRequest { timeout: 20_000, ..session.reattachment() };
    let long = Session::open(server.addr(), &longer).expect("answered");
    assert_eq!(long.granted.timeout, 20_000);
    server.advance(millis(19_999));
    assert!(observer.exists("/e", false).is_ok());
    let shorter = ConnectRequest { timeout: T as i32, ..session.reattachment() };
    let short = Session::open(server.addr(), &shorter).expect("answered");
    assert_eq!(short.granted.timeout, T as i32);
    server.advance(millis(T - 1));
    assert!(observer.exists("/e", false).is_ok());
    server.advance(millis(51));
    assert_eq!(observer.exists("/e", false), Err(op::NO_NODE));
}

#[test]
fn a09_expiry_asks_for_no_permission() {
    use tenure_tests::records::acl;
    let server = Subject::manual();
    let (mut mortal, mut observer) = mortal_and_observer(&server);
    let read_and_create = [acl(op::READ | op::CREATE_CHILD, "world", "anyone")];
    observer.create_with("/p", Some(b""), &read_and_create, 0).expect("created");
    mortal.create("/p/e", b"", op::EPHEMERAL).expect("created");
    assert_eq!(mortal.delete("/p/e", -1), Err(op::NO_AUTH));
    server.advance(millis(T + 2_001));
    assert_eq!(observer.children("/p", false), Ok(vec![]));
}
