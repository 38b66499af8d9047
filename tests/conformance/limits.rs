//! Ceilings and what happens at them.

use std::time::{Duration, Instant};

use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::raw::{PATIENCE, Silence, Wire};
use tenure_tests::records::ConnectRequest;
use tenure_tests::session::Session;
use tenure_tests::subject::{Settings, Subject};

#[test]
fn s75_connection_61_of_an_address_is_closed_without_a_byte() {
    let server = Subject::start();
    let mut sessions: Vec<_> = (0..60).map(|_| server.session()).collect();
    let mut surplus = Wire::open(server.addr());
    surplus.send_frame(&ConnectRequest::default().encode());
    assert_eq!(surplus.read_to_close(), b"");
    for session in &mut sessions {
        session.ping();
    }
    sessions.pop().expect("there are sixty").close();
    // The place is free once the server has seen that the client has hung up as well.
    let deadline = Instant::now() + PATIENCE;
    let mut late = loop {
        match Session::open(server.addr(), &ConnectRequest::default()) {
            Ok(session) => break session,
            Err(refused) => assert!(Instant::now() < deadline, "no place again: {refused:?}"),
        }
    };
    late.ping();
}

#[test]
fn s75_without_a_limit_every_connection_is_served() {
    let server = Subject::with(Settings { max_connections_per_address: 0, ..Settings::default() });
    let mut sessions: Vec<_> = (0..150).map(|_| server.session()).collect();
    for session in &mut sessions {
        session.ping();
    }
}

#[test]
fn s76_a_connection_without_a_session_is_closed_after_10_seconds() {
    let server = Subject::manual();
    let mut early = Wire::open(server.addr());
    let mut silent = Wire::open(server.addr());
    // Connections are accepted in order, so both are known once a later one is served.
    let mut session = server.session();
    server.advance(Duration::from_millis(9_900));
    assert!(early.handshake(&ConnectRequest::default()).is_ok(), "9.9 s are in time");
    server.advance(Duration::from_millis(10_100));
    assert_eq!(silent.read_to_close(), b"", "20 s are too long");
    session.ping();
    early.send_frame(&Body::new().int(-2).int(op::PING).0);
    assert!(early.receive().is_ok(), "with a session it stays");
}

#[test]
fn s79_a_client_that_does_not_read_is_slowed_down_and_not_cut() {
    let server = Subject::start();
    let (mut greedy, mut other) = server.pair();
    greedy.create("/a", &[b'x'; 1_000], 0).expect("created");
    let total = 100_000;
    // Surplus bytes make the requests too large for the buffers of the sockets in between.
    let request = Body::new().int(7).int(op::GET_DATA).string("/a").bool(false).raw(&[0; 200]).0;
    let mut frame = (request.len() as i32).to_be_bytes().to_vec();
    frame.extend(request);
    let bytes = frame.repeat(total);
    let mut sent = greedy.wire.send_within(&bytes, Duration::from_secs(2));
    assert!(sent < bytes.len(), "20 MB of requests do not fit into any buffer");
    other.ping();
    let mut answered = 0;
    while answered < total {
        while answered < sent / frame.len() {
            let reply = greedy.reply().expect("every request is answered");
            assert_eq!((reply.xid, reply.err, reply.body.len()), (7, 0, 4 + 1_000 + 68));
            answered += 1;
        }
        sent += greedy.wire.send_within(&bytes[sent..], Duration::from_millis(50));
    }
    greedy.ping();
}

#[test]
fn s80_the_throttling_error_never_occurs() {
    let server = Subject::start();
    let mut session = server.session();
    for _ in 0..5_000 {
        session.send(op::EXISTS, &Body::new().string("/").bool(false));
    }
    for _ in 0..5_000 {
        assert_eq!(session.reply().map(|reply| reply.err), Ok(0));
    }
}

#[test]
fn p44_words_count_as_connections() {
    let server = Subject::start();
    let _sessions: Vec<_> = (0..60).map(|_| server.session()).collect();
    let mut wire = Wire::open(server.addr());
    wire.send(b"ruok");
    assert_eq!(wire.read_to_close(), b"");
}

#[test]
fn p02_a_length_far_above_the_ceiling_costs_nothing() {
    let server = Subject::start();
    let mut session = server.session();
    session.wire.send(&i32::MAX.to_be_bytes());
    assert_eq!(session.reply(), Err(Silence::Closed));
    let mut fresh = Wire::open(server.addr());
    fresh.send(&i32::MAX.to_be_bytes());
    assert_eq!(fresh.read_to_close(), b"");
}
