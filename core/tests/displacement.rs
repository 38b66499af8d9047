//! What happens between two connections while something of one of them is under way.
//! The floors below `io` are driven by hand, so that each step falls where the test wants it.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use tenure::base::{Acl, CreateMode, Moment, Password, SessionId, WallMillis, Zxid};
use tenure::engine::{Engine, EngineOptions};
use tenure::replication::{InMemory, Replicator};
use tenure::service::words::Allowed;
use tenure::service::{Ceilings, Now, Options, Peer, Received, Service, Transport};
use tenure::wire::{ConnectRequest, ConnectResponse, Create, Request, frame};

const NOW: Now = Now { moment: Moment(1_000_000), wall: WallMillis(1) };

/// A connection without a socket.
struct Nowhere;

impl Transport for Nowhere {
    fn wake(&self) {}

    fn unread(&self) -> usize {
        0
    }
}

fn service() -> Service {
    with(Ceilings::default())
}

fn with(ceilings: Ceilings) -> Service {
    let words = Allowed::all();
    let options = Options { connections_per_address: 0, words, ceilings, ..Options::default() };
    let engine = Engine::new(EngineOptions::default());
    Service::new(options, engine, NOW, Box::new(|| Password([7; 16])))
}

fn open(service: &Service) -> Arc<Peer> {
    let address = "127.0.0.1:4711".parse().expect("an address");
    service.open(address, NOW, Box::new(Nowhere)).expect("there is no limit")
}

/// Hands bytes to the service, whose proposals are carried out at once.
fn send(service: &Service, peer: &Arc<Peer>, mut bytes: BytesMut) -> Received {
    service.receive(peer, &mut bytes, NOW, &mut |proposal| InMemory.propose(service, proposal, NOW))
}

fn connect(service: &Service, peer: &Arc<Peer>, session: SessionId) -> ConnectResponse {
    ask(service, peer, session);
    answer(peer).expect("an answer")
}

fn ask(service: &Service, peer: &Arc<Peer>, session: SessionId) {
    let mut bytes = BytesMut::new();
    ConnectRequest {
        hello: None,
        last_zxid_seen: Zxid::ZERO,
        timeout: 10_000,
        session_id: session,
        password: Some(vec![7; 16].into()),
        read_only: Some(false),
    }
    .encode(&mut bytes);
    send(service, peer, bytes);
}

/// What a connection was told about its session, if it was.
fn answer(peer: &Peer) -> Option<ConnectResponse> {
    let mut answer = std::mem::take(&mut peer.outbox.lock().bytes);
    let body = frame::take(&mut answer, 1 << 10).expect("in bounds")?;
    Some(ConnectResponse::decode(body).expect("a response"))
}

fn create(path: &str) -> BytesMut {
    let mut bytes = BytesMut::new();
    let mode = CreateMode::Persistent;
    let create = Create::new(path.to_owned(), None, Acl::open_unsafe(), mode);
    Request::Create(create).encode(1, &mut bytes);
    bytes
}

#[test]
fn n6_s34_a_write_of_a_displaced_connection_is_not_carried_out() {
    for in_place in [false, true] {
        let service = service().in_place(in_place);
        let (old, new) = (open(&service), open(&service));
        let session = connect(&service, &old, SessionId::NONE).session_id;
        let mut late = create("/late");
        // The thread of the old connection comes to a halt between the request and its turn.
        service.receive(&old, &mut late, NOW, &mut |proposal| {
            ask(&service, &new, session);
            let taken_over = answer(&new).map(|response| response.session_id);
            assert_eq!(taken_over, in_place.then_some(session), "who waits, if anybody");
            InMemory.propose(&service, proposal, NOW);
            let taken_over = taken_over.or(answer(&new).map(|response| response.session_id));
            assert_eq!(taken_over, Some(session));
        });
        assert_eq!(send(&service, &new, create("/newer")), Received::All);
        let znodes = service.engine().node_count();
        // The root, three reserved ones, and what the new connection wrote.
        assert_eq!(znodes, 5, "a write of the old connection was carried out");
        assert_eq!(service.session_ids(), [session]);
    }
}

#[test]
fn who_spoke_for_a_session_before_has_no_say_in_whom_it_counts_for() {
    let service = with(Ceilings { sessions_per_identity: 1, ..Ceilings::default() }).in_place(true);
    let (old, new, third) = (open(&service), open(&service), open(&service));
    let session = connect(&service, &old, SessionId::NONE).session_id;
    assert!(service.certify(&old, "CN=somebody"));
    // The thread of the old connection has read a request, and is overtaken.
    assert_eq!(connect(&service, &new, session).session_id, session);
    let mut ping = BytesMut::new();
    Request::Ping.encode(-2, &mut ping);
    send(&service, &old, ping);
    ask(&service, &third, SessionId::NONE);
    assert!(third.is_cut(), "the address of the new connection has a session");
}

#[test]
fn s24_a_close_that_is_under_way_ends_the_session_wherever_its_connection_is() {
    let service = service();
    let peer = open(&service);
    connect(&service, &peer, SessionId::NONE);
    let mut close = BytesMut::new();
    close.put_slice(&[0, 0, 0, 8, 0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xF5]);
    service.receive(&peer, &mut close, NOW, &mut |proposal| {
        peer.cut();
        InMemory.propose(&service, proposal, NOW);
    });
    assert_eq!(service.session_ids(), [], "a session without a lease stays for ever");
}

#[test]
fn n5_a_list_of_connections_keeps_nobody_from_connecting() {
    let service = service();
    let (busy, asker) = (open(&service), open(&service));
    std::thread::scope(|scope| {
        let reading = busy.outbox.lock();
        let (asked, answered) = (&service, std::sync::mpsc::channel());
        let cons = scope.spawn(|| send(asked, &asker, BytesMut::from(&b"cons"[..])));
        let opened = answered.0;
        scope.spawn(move || {
            // Long enough for the list to have come to the connection that is busy.
            std::thread::sleep(Duration::from_millis(100));
            open(asked);
            opened.send(()).expect("somebody waits");
        });
        let in_time = answered.1.recv_timeout(Duration::from_secs(5)).is_ok();
        drop(reading);
        assert_eq!(cons.join().expect("no panic"), Received::Closing);
        assert!(in_time, "a connection waits for a list");
    });
}
