//! Coming back to a session over a new connection.

use std::time::Duration;

use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::raw::{Silence, Wire};
use tenure_tests::records::{ConnectRequest, acl, open};
use tenure_tests::session::{Session, create_body};
use tenure_tests::subject::Subject;

fn refused(server: &Subject, request: &ConnectRequest) -> bool {
    let mut wire = Wire::open(server.addr());
    let response = wire.handshake(request).expect("a refusal is an answer");
    let zeroes = (response.timeout, response.session, response.passwd) == (0, 0, vec![0; 16]);
    assert!(zeroes == (response.timeout == 0), "a refusal is all zeroes");
    zeroes && wire.receive() == Err(Silence::Closed)
}

#[test]
fn s27_reattaching_closes_the_old_connection() {
    let server = Subject::start();
    let mut old = server.session();
    let mut new = old.reattach(server.addr());
    assert!(old.is_cut());
    new.ping();
}

#[test]
fn s28_h04_a_wrong_password_disturbs_nothing() {
    let server = Subject::start();
    let mut owner = server.session();
    owner.create("/e", b"", op::EPHEMERAL).expect("created");
    for passwd in [None, Some(vec![]), Some(vec![0; 16]), Some(vec![1; 15]), Some(vec![9; 20])] {
        assert!(refused(&server, &ConnectRequest { passwd, ..owner.reattachment() }));
    }
    let mut flipped = owner.granted.passwd.clone();
    flipped[15] ^= 1;
    let wrong = ConnectRequest { passwd: Some(flipped), ..owner.reattachment() };
    assert!(refused(&server, &wrong));
    owner.ping();
    assert_eq!(owner.stat("/e").ephemeral_owner, owner.id());
    let mut again = owner.reattach(server.addr());
    assert_eq!(again.stat("/e").ephemeral_owner, owner.id());
}

#[test]
fn s28_passwords_cannot_be_computed_from_ids() {
    let server = Subject::start();
    let session = server.session();
    assert_ne!(session.granted.passwd, well_known_password(session.id()));
    assert_ne!(session.granted.passwd, server.session().granted.passwd);
}

/// The password that other servers derive from an id.
fn well_known_password(id: i64) -> Vec<u8> {
    let mask = (1_i64 << 48) - 1;
    let mut state = (id ^ 0xB341_5C00 ^ 0x5_DEEC_E66D) & mask;
    let mut passwd = Vec::new();
    for _ in 0..4 {
        state = state.wrapping_mul(0x5_DEEC_E66D).wrapping_add(0xB) & mask;
        passwd.extend(((state >> 16) as u32).to_le_bytes());
    }
    passwd
}

#[test]
fn s28_the_well_known_password_is_what_this_suite_thinks() {
    assert_eq!(well_known_password(1)[..4], [0x05, 0x4c, 0xc7, 0x4a]);
}

#[test]
fn s29_a_closed_session_is_refused_like_an_unknown_one() {
    let server = Subject::start();
    let session = server.session();
    let request = session.reattachment();
    session.close();
    assert!(refused(&server, &request));
    assert!(refused(&server, &ConnectRequest { session: -1, ..request.clone() }));
    assert!(refused(&server, &ConnectRequest { session: i64::MIN, ..request }));
}

#[test]
fn s30_reattaching_negotiates_the_timeout_again() {
    let server = Subject::start();
    let mut session = server.session();
    for (asked, given) in [(5_000, 5_000), (0, 4_000), (i32::MAX, 40_000), (10_000, 10_000)] {
        let request = ConnectRequest { timeout: asked, ..session.reattachment() };
        session = Session::open(server.addr(), &request).expect("the server answers");
        assert_eq!(session.granted.timeout, given);
    }
}

#[test]
fn s31_watches_belong_to_the_connection() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    session.get("/a", true).expect("it is there");
    session.add_watch("/a", 1).expect("added");
    let mut new = session.reattach(server.addr());
    new.set("/a", b"", -1).expect("set");
    assert_eq!(new.seen(), []);
    assert_eq!(new.set_watches(new.zxid, [&["/a"], &[], &[]]), 0);
    new.set("/a", b"", -1).expect("set");
    assert_eq!(new.seen(), [(op::CHANGED, "/a".to_owned())]);
}

#[test]
fn s32_a26_p72_identities_belong_to_the_connection() {
    let server = Subject::start();
    let mut session = server.session();
    assert_eq!(session.auth("digest", b"bob:pw"), 0);
    let mine = [acl(op::ALL, "auth", "")];
    session.create_with("/mine", Some(b""), &mine, 0).expect("created");
    let mut new = session.reattach(server.addr());
    assert_eq!(new.get("/mine", false).map(|_| ()), Err(op::NO_AUTH));
    assert_eq!(new.set("/mine", b"", -1), Err(op::NO_AUTH));
    assert_eq!(new.auth("digest", b"bob:pw"), 0);
    assert!(new.get("/mine", false).is_ok());
}

#[test]
fn z29_an_ephemeral_outlives_the_connection() {
    let server = Subject::start();
    let mut session = server.session();
    session.create("/e", b"", op::EPHEMERAL).expect("created");
    let mut new = session.reattach(server.addr());
    assert_eq!(new.stat("/e").ephemeral_owner, session.id());
    assert_eq!(new.ephemerals("/"), ["/e"]);
    drop(session);
    let mut third = new.reattach(server.addr());
    assert_eq!(third.stat("/e").ephemeral_owner, third.id());
}

#[test]
fn s36_clients_that_share_an_id_displace_each_other() {
    let server = Subject::start();
    let mut first = server.session();
    for _ in 0..5 {
        let mut second = first.reattach(server.addr());
        assert!(first.is_cut());
        second.ping();
        first = second.reattach(server.addr());
        assert!(second.is_cut());
        first.ping();
    }
}

#[test]
fn s24_p56_closing_replies_then_closes_and_takes_the_ephemerals() {
    let server = Subject::start();
    let mut observer = server.session();
    let mut session = server.session();
    session.create("/e", b"", op::EPHEMERAL).expect("created");
    let reply = session.call(op::CLOSE_SESSION, &Body::new());
    assert_eq!((reply.err, reply.body.len()), (0, 0));
    assert_eq!(observer.exists("/e", false), Err(op::NO_NODE));
    assert!(session.is_cut());
    observer.ping();
    assert_eq!(observer.zxid, reply.zxid);
}

#[test]
fn s25_nothing_behind_a_close_succeeds() {
    let server = Subject::start();
    let mut observer = server.session();
    let mut session = server.session();
    session.send(op::CLOSE_SESSION, &Body::new());
    let create = create_body("/late", Some(b""), &open(), op::EPHEMERAL);
    for _ in 0..10 {
        session.send(op::CREATE, &create);
        session.send(op::GET_DATA, &Body::new().string("/").bool(false));
    }
    assert_eq!(session.reply().map(|reply| (reply.xid, reply.err)), Ok((1, 0)));
    while let Ok(reply) = session.reply() {
        assert_eq!(reply.err, op::SESSION_EXPIRED, "{reply:?}");
    }
    assert_eq!(observer.exists("/late", false), Err(op::NO_NODE));
}

#[test]
fn s37_reattaching_around_the_expiry_is_all_or_nothing() {
    let mut outcomes = [0; 2];
    for milliseconds in [3_990, 3_999, 4_000, 4_001, 4_050, 6_001] {
        let server = Subject::manual();
        let mut session = Session::with_timeout(server.addr(), 4_000);
        session.create("/e", b"", op::EPHEMERAL).expect("created");
        session.create("/p", b"", op::PERSISTENT).expect("created");
        server.advance(Duration::from_millis(milliseconds));
        let again = Session::open(server.addr(), &session.reattachment()).expect("answered");
        let alive = again.granted.timeout != 0;
        outcomes[usize::from(alive)] += 1;
        let mut observer = server.session();
        assert_eq!(observer.exists("/e", false).is_ok(), alive, "after {milliseconds} ms");
        assert!(observer.exists("/p", false).is_ok());
    }
    assert!(outcomes.iter().all(|count| *count > 0), "both outcomes were met: {outcomes:?}");
}
