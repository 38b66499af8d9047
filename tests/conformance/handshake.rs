//! The first frame and the answer to it: negotiation, ids, passwords, refusals.

use std::time::Duration;

use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::raw::{Silence, Wire};
use tenure_tests::records::{ConnectRequest, ConnectResponse, Frame};
use tenure_tests::session::Session;
use tenure_tests::subject::{Settings, Subject};

fn connect(server: &Subject, request: ConnectRequest) -> ConnectResponse {
    Wire::open(server.addr()).handshake(&request).expect("the server answers")
}

fn granted(server: &Subject, timeout: i32) -> i32 {
    connect(server, ConnectRequest { timeout, ..ConnectRequest::default() }).timeout
}

#[test]
fn s01_timeouts_are_clamped_to_the_bounds() {
    let server = Subject::with(Settings {
        min_session_timeout: Some(Duration::from_secs(5)),
        max_session_timeout: Some(Duration::from_secs(50)),
        ..Settings::default()
    });
    for (asked, given) in
        [(0, 5_000), (-5, 5_000), (1, 5_000), (4_999, 5_000), (5_000, 5_000), (7_777, 7_777)]
    {
        assert_eq!(granted(&server, asked), given, "asked for {asked}");
    }
    for asked in [50_000, 50_001, i32::MAX] {
        assert_eq!(granted(&server, asked), 50_000, "asked for {asked}");
    }
    assert_eq!(granted(&server, i32::MIN), 5_000);
}

#[test]
fn s02_the_bounds_are_2_and_20_ticks() {
    let server = Subject::start();
    assert_eq!(granted(&server, 0), 4_000);
    assert_eq!(granted(&server, 3_999), 4_000);
    assert_eq!(granted(&server, 40_000), 40_000);
    assert_eq!(granted(&server, 40_001), 40_000);
}

#[test]
fn s03_a_lower_bound_above_the_upper_one_does_not_start() {
    let started = tenure::server::Server::builder()
        .min_session_timeout(Duration::from_secs(50))
        .max_session_timeout(Duration::from_secs(5))
        .start();
    assert!(started.is_err());
    let above_the_default = tenure::server::Server::builder()
        .tick(Duration::from_secs(2))
        .min_session_timeout(Duration::from_secs(41))
        .start();
    assert!(above_the_default.is_err(), "20 ticks are 40 s");
}

#[test]
fn s04_ids_of_consecutive_sessions_differ_by_1() {
    let server = Subject::start();
    let (first, second) = server.pair();
    assert_eq!(second.id(), first.id() + 1);
}

#[test]
fn s05_the_high_byte_of_an_id_is_1_on_a_standalone_server() {
    assert_eq!(Subject::start().session().id() >> 56, 1);
}

#[test]
fn s06_s26_reattaching_returns_the_same_id_and_password() {
    let server = Subject::start();
    let first = server.session();
    assert_eq!(first.granted.passwd.len(), 16);
    let second = first.reattach(server.addr());
    let third = second.reattach(server.addr());
    for session in [&second, &third] {
        assert_eq!(session.granted, first.granted);
    }
}

#[test]
fn s07_p21_any_password_field_opens_a_new_session() {
    let server = Subject::start();
    for passwd in [None, Some(vec![]), Some(vec![1; 16]), Some(vec![2; 20])] {
        let request = ConnectRequest { passwd, ..ConnectRequest::default() };
        let response = connect(&server, request.clone());
        assert_ne!(response.session, 0, "{request:?}");
        assert_eq!(response.passwd.len(), 16, "{request:?}");
    }
}

#[test]
fn s08_p20_the_read_only_byte_is_answered_only_if_sent() {
    let server = Subject::start();
    let old = ConnectRequest { read_only: None, ..ConnectRequest::default() };
    assert_eq!(old.encode().len(), 44);
    let response = connect(&server, old);
    assert_eq!((response.length, response.read_only), (36, None));
    let new = ConnectRequest::default();
    assert_eq!(new.encode().len(), 45);
    let response = connect(&server, new);
    assert_eq!((response.length, response.read_only), (37, Some(false)));
}

#[test]
fn s09_any_protocol_version_is_accepted_and_0_returned() {
    let server = Subject::start();
    let response = connect(&server, ConnectRequest { protocol: 99, ..ConnectRequest::default() });
    assert_eq!(response.protocol, 0);
    assert_ne!(response.session, 0);
}

#[test]
fn s10_a_client_from_the_future_is_closed_without_a_byte() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    let now = session.zxid;
    let mut wire = Wire::open(server.addr());
    let future = ConnectRequest { last_zxid: now + 1, ..ConnectRequest::default() };
    wire.send_frame(&future.encode());
    assert_eq!(wire.read_to_close(), b"");
    let equal = connect(&server, ConnectRequest { last_zxid: now, ..ConnectRequest::default() });
    assert_ne!(equal.session, 0);
}

#[test]
fn s11_creating_and_closing_a_session_take_one_zxid_each() {
    let server = Subject::start();
    let mut observer = server.session();
    observer.ping();
    let start = observer.zxid;
    let session = server.session();
    observer.ping();
    assert_eq!(observer.zxid, start + 1, "created");
    let session = session.reattach(server.addr());
    observer.ping();
    assert_eq!(observer.zxid, start + 1, "reattached");
    session.close();
    observer.ping();
    assert_eq!(observer.zxid, start + 2, "closed");
}

#[test]
fn s12_p07_a_request_pipelined_behind_the_handshake_is_answered_after_it() {
    let server = Subject::start();
    let mut wire = Wire::open(server.addr());
    let connect = ConnectRequest::default().encode();
    let read = Body::new().int(1).int(op::EXISTS).string("/").bool(false).0;
    let mut bytes = Vec::new();
    for body in [connect, read] {
        bytes.extend((body.len() as i32).to_be_bytes());
        bytes.extend(body);
    }
    wire.send(&bytes);
    let response = ConnectResponse::decode(&wire.receive().expect("the handshake is answered"));
    assert_ne!(response.session, 0);
    match Frame::decode(&wire.receive().expect("the request is answered")) {
        Frame::Reply(reply) => assert_eq!((reply.xid, reply.err, reply.body.len()), (1, 0, 68)),
        Frame::Event(event) => panic!("{event:?}"),
    }
}

#[test]
fn p22_a_client_that_accepts_read_only_gets_a_full_session() {
    let server = Subject::start();
    let request = ConnectRequest { read_only: Some(true), ..ConnectRequest::default() };
    let mut session = Session::open(server.addr(), &request).expect("the server answers");
    assert_eq!(session.granted.read_only, Some(false));
    session.make("/a");
}

#[test]
fn p23_the_zxid_rule_precedes_the_session_check() {
    let server = Subject::start();
    let mut wire = Wire::open(server.addr());
    let request = ConnectRequest {
        last_zxid: i64::MAX,
        session: 0x0100_0000_0000_0077,
        ..ConnectRequest::default()
    };
    wire.send_frame(&request.encode());
    assert_eq!(wire.read_to_close(), b"", "no refusal is sent, the connection just ends");
}

#[test]
fn p25_the_answer_holds_version_timeout_id_password_and_flag() {
    let server = Subject::start();
    let mut wire = Wire::open(server.addr());
    wire.send_frame(&ConnectRequest { timeout: 12_345, ..ConnectRequest::default() }.encode());
    let body = wire.receive().expect("the handshake is answered");
    assert_eq!(body.len(), 37);
    assert_eq!(body[..4], [0; 4], "protocol version");
    assert_eq!(body[4..8], 12_345_i32.to_be_bytes(), "timeout");
    assert_ne!(body[8..16], [0; 8], "session id");
    assert_eq!(body[16..20], [0, 0, 0, 16], "length of the password");
    assert_eq!(body[36], 0, "read-only flag");
}

#[test]
fn p26_p27_s29_an_unknown_session_is_refused_with_zeroes_and_a_close() {
    let server = Subject::start();
    for read_only in [None, Some(false)] {
        let mut wire = Wire::open(server.addr());
        let request = ConnectRequest {
            session: 0x0100_0000_0000_0077,
            passwd: Some(vec![7; 16]),
            read_only,
            ..ConnectRequest::default()
        };
        let response = wire.handshake(&request).expect("a refusal is an answer");
        assert_eq!((response.protocol, response.timeout, response.session), (0, 0, 0));
        assert_eq!(response.passwd, [0; 16]);
        assert_eq!(response.read_only, read_only);
        assert_eq!(wire.receive(), Err(Silence::Closed));
    }
}

#[test]
fn p28_requests_follow_the_answer() {
    let server = Subject::start();
    let mut session = server.session();
    session.ping();
    assert_eq!(session.exists("/", false).map(|stat| stat.czxid), Ok(0));
}

#[test]
fn p44_a_first_frame_that_is_no_connect_request_closes_the_connection() {
    let server = Subject::start();
    for body in [&b""[..], &[0; 4], &[0; 27]] {
        let mut wire = Wire::open(server.addr());
        wire.send_frame(body);
        assert_eq!(wire.read_to_close(), b"", "{} bytes", body.len());
    }
}
