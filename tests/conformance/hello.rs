//! What clients of this project agree on with the server in the handshake, and that nobody else sees
//! a byte of it.

use std::time::Duration;

use tenure::server::Server;
use tenure::wire::Features;
use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::raw::{Silence, Wire};
use tenure_tests::records::{ConnectRequest, GREETING, open};
use tenure_tests::session::{Session, create_body, multi_body, once_body};
use tenure_tests::subject::Subject;

/// All that this release can do.
const ALL: u32 = Features::ALL.0;

/// What is asked for by the operations of the private range, each with a whole body.
fn private() -> Vec<(i32, Body)> {
    let delete = Body::new().string("/a").int(-1);
    vec![
        (op::ONCE, once_body((1, 0), op::DELETE, &delete)),
        (op::ADOPT, Body::new().string("/a").long(5).bytes(&[1; 16])),
        (op::HAND_OVER, Body::new().long(5).bytes(&[1; 16])),
        (op::FENCE, Body::new().long(5).bytes(&[1; 16])),
        (op::CHECK_SESSION, Body::new().long(5)),
    ]
}

/// The bytes that answer an operation, and whether the connection ends behind them.
fn answer(session: &mut Session, kind: i32, body: &Body) -> (Vec<u8>, bool) {
    session.send(kind, body);
    let bytes = session.wire.receive().expect("an answer");
    let next = session.wire.receive_within(Duration::from_millis(50));
    (bytes, next == Err(Silence::Closed))
}

#[test]
fn a_hello_is_answered_behind_what_everybody_knows() {
    let server = Subject::start();
    let session = Session::greeting(server.addr(), ALL);
    assert_eq!((session.granted.protocol, session.granted.length), (GREETING, 37 + 16));
    assert_eq!(session.granted.read_only, Some(false));
    assert_eq!(session.granted.welcome, Some((ALL, 0, 0)));
    let again = session.reattach(server.addr());
    assert_eq!(again.granted.welcome, Some((ALL, 0, 0)));
    assert_eq!(again.granted.passwd, session.granted.passwd);
}

#[test]
fn whoever_says_no_hello_sees_not_one_byte_more() {
    let server = Subject::start();
    let whole = Some(false);
    // The mark in the place of a password counts where a new session is asked for, and only there.
    let mark = [&b"tenure/1"[..], &[0xff; 8]].concat();
    for request in [
        ConnectRequest::default(),
        ConnectRequest { passwd: None, ..ConnectRequest::default() },
        ConnectRequest { passwd: Some(vec![0x74; 16]), ..ConnectRequest::default() },
        ConnectRequest { passwd: Some(mark[..15].to_vec()), ..ConnectRequest::default() },
        ConnectRequest { protocol: GREETING, ..ConnectRequest::default() },
        ConnectRequest { protocol: 1, ..ConnectRequest::default() },
    ] {
        let session = Session::open(server.addr(), &request).expect("granted");
        let granted = &session.granted;
        assert_eq!((granted.protocol, granted.length, granted.read_only), (0, 37, whole));
    }
    let old = ConnectRequest { passwd: Some(mark), read_only: None, ..ConnectRequest::default() };
    let session = Session::open(server.addr(), &old).expect("granted");
    assert_eq!((session.granted.protocol, session.granted.length), (0, 36));
    let mut wire = Wire::open(server.addr());
    wire.send_frame(&[ConnectRequest::default().encode(), vec![0xff; 8]].concat());
    assert_eq!(wire.receive().expect("granted").len(), 37, "surplus bytes without the number");
}

#[test]
fn a_session_that_said_hello_may_come_back_without_one() {
    let server = Subject::start();
    let session = Session::greeting(server.addr(), ALL);
    let request = ConnectRequest { hello: None, ..session.reattachment() };
    let mut plain = Session::open(server.addr(), &request).expect("granted");
    assert_eq!((plain.granted.length, plain.granted.session), (37, session.id()));
    assert_eq!(plain.code(op::FENCE, &private()[3].1), op::UNIMPLEMENTED);
    let greeting = ConnectRequest { hello: Some(ALL), ..plain.reattachment() };
    let mut again = Session::open(server.addr(), &greeting).expect("granted");
    assert_eq!(again.code(op::FENCE, &private()[3].1), op::UNKNOWN_SESSION);
}

#[test]
fn a_refusal_carries_no_welcome() {
    let server = Subject::start();
    let mut owner = Session::greeting(server.addr(), ALL);
    let zeros = |request: &ConnectRequest| {
        let mut wire = Wire::open(server.addr());
        let refused = wire.handshake(request).expect("a refusal is an answer");
        assert_eq!((refused.protocol, refused.length, refused.timeout), (0, 37, 0));
        assert_eq!((refused.session, refused.passwd), (0, vec![0; 16]));
        assert_eq!(wire.receive(), Err(Silence::Closed));
    };
    zeros(&ConnectRequest { passwd: Some(vec![1; 16]), ..owner.reattachment() });
    zeros(&ConnectRequest { passwd: None, ..owner.reattachment() });
    zeros(&ConnectRequest { session: 4_711, ..owner.reattachment() });
    owner.ping();
    let request = owner.reattachment();
    owner.close();
    zeros(&request);
}

#[test]
fn what_holds_is_what_both_can_do() {
    let server = Subject::start();
    let of = |session: &Session| session.granted.welcome.map(|(features, ..)| features);
    assert_eq!(of(&Session::greeting(server.addr(), u32::MAX)), Some(ALL), "unknown ones are not");
    assert_eq!(of(&Session::greeting(server.addr(), 0)), Some(0));
    assert_eq!(of(&Session::greeting(server.addr(), 2)), Some(2));
    let less = Features::ALL.without(Features::EXTENSIONS);
    let server = Server::builder().features(less).start().expect("a free port");
    let mut session = Session::greeting(server.addr(), ALL);
    assert_eq!(of(&session), Some(less.0));
    let delete = Body::new().string("/a").int(-1);
    assert_eq!(session.once((1, 0), op::DELETE, &delete).err, op::NO_NODE);
    assert_eq!(session.code(op::HAND_OVER, &private()[2].1), op::UNIMPLEMENTED);
    assert!(session.is_cut());
}

#[test]
fn without_a_hello_private_operations_are_answered_as_unknown_ones_byte_for_byte() {
    let server = Subject::start();
    let unknown = answer(&mut server.session(), 4_711, &Body::new());
    assert!(unknown.1, "the connection ends");
    for (kind, body) in private() {
        assert_eq!(answer(&mut server.session(), kind, &body), unknown, "operation {kind}");
        let mut empty = Session::greeting(server.addr(), 0);
        assert_eq!(answer(&mut empty, kind, &body), unknown, "{kind} behind an empty hello");
    }
    for kind in [32_255, 32_261, 32_511] {
        let mut session = Session::greeting(server.addr(), ALL);
        assert_eq!(answer(&mut session, kind, &Body::new()), unknown, "{kind} is nobody's");
    }
}

#[test]
fn without_a_hello_a_multi_with_a_private_part_is_malformed_byte_for_byte() {
    let server = Subject::start();
    let create = || (op::CREATE, create_body("/a", Some(b""), &open(), 0));
    let multi = |kind, body: Body| multi_body(&[create(), (kind, body)]);
    let mut plain = server.session();
    let malformed = answer(&mut server.session(), op::MULTI, &multi(4_711, Body::new()));
    assert!(!malformed.1, "the connection stays");
    let id = plain.id();
    let check = multi(op::CHECK_SESSION, Body::new().long(id));
    assert_eq!(answer(&mut plain, op::MULTI, &check).0[..4], malformed.0[..4]);
    // The same header; a session has begun since, so the zxid is another.
    let code = |answer: &(Vec<u8>, bool)| answer.0[12..].to_vec();
    let mut once_only = Session::greeting(server.addr(), Features::ONCE.0);
    assert_eq!(code(&answer(&mut once_only, op::MULTI, &check)), code(&malformed));
    let numbered = once_body((1, 0), op::MULTI, &check);
    assert_eq!(code(&answer(&mut once_only, op::ONCE, &numbered)), code(&malformed));
    let adopt = once_body((1, 0), op::ADOPT, &private()[1].1);
    assert_eq!(code(&answer(&mut once_only, op::ONCE, &adopt)), code(&malformed));
    assert_eq!(plain.exists("/a", false), Err(op::NO_NODE));
}

#[test]
fn a_private_operation_in_a_multi_is_malformed_for_everybody() {
    let server = Subject::start();
    let mut session = Session::greeting(server.addr(), ALL);
    for (kind, body) in private().into_iter().filter(|(kind, _)| *kind != op::CHECK_SESSION) {
        assert_eq!(session.multi(&[(kind, body)]), Err(op::MARSHALLING), "operation {kind}");
    }
    assert_eq!(session.code(op::CHECK_SESSION, &Body::new().long(5)), op::MARSHALLING);
    let closing = once_body((1, 0), op::CLOSE_SESSION, &Body::new());
    assert_eq!(session.code(op::ONCE, &closing), op::MARSHALLING);
    session.ping();
}
