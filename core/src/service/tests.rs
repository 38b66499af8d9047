//! A service and connections without sockets.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use bytes::BytesMut;

use super::*;
use crate::base::{Acl, Code, CreateMode, Zxid};
use crate::wire::jute::Reader;
use crate::wire::{ConnectRequest, Create, Hello, Once, ReplyHeader, Request, frame};

struct Nowhere;

impl Transport for Nowhere {
    fn wake(&self) {}
    fn unread(&self) -> usize {
        0
    }
}

fn now() -> Now {
    Now { moment: Moment::default(), wall: WallMillis(1) }
}

/// Hands bytes over, and carries out what they ask for.
fn receive(service: &Service, peer: &Arc<Peer>, mut input: BytesMut) {
    let mut proposals = Vec::new();
    let _ = service.receive(peer, &mut input, now(), &mut |it| proposals.push(it));
    for proposal in proposals {
        let mut engine = service.engine_mut();
        let effects = engine.apply(&proposal.txn);
        service.deliver(&engine, &proposal, &effects, now());
    }
}

fn with_session(service: &Service) -> Arc<Peer> {
    let opened = service.open(([127, 0, 0, 1], 1).into(), now(), Box::new(Nowhere));
    let peer = opened.expect("there is room");
    let mut handshake = BytesMut::new();
    let request = ConnectRequest {
        last_zxid_seen: Zxid::ZERO,
        timeout: 10_000,
        session_id: SessionId::NONE,
        password: None,
        read_only: Some(false),
        hello: Some(Hello { features: Features::ALL, ..Hello::default() }),
    };
    request.encode(&mut handshake);
    receive(service, &peer, handshake);
    assert!(peer.has_session());
    peer
}

/// Whoever takes a session over ends the connection before under the lock of the sessions, and takes
/// its outbox for that.
#[test]
fn a_connection_waits_for_the_sessions_without_its_outbox() {
    let service = service();
    service.faults.arm();
    let peer = with_session(&service);
    let mut reads = BytesMut::new();
    for xid in 1..=64 {
        Request::Exists { path: "/a".into(), watch: false }.encode(xid, &mut reads);
    }
    let (over, is_over) = mpsc::channel();
    let is_reading = Arc::new(AtomicBool::new(true));
    let reader = {
        let (service, peer, is_reading) = (service.clone(), peer.clone(), is_reading.clone());
        std::thread::spawn(move || {
            while is_reading.load(Ordering::SeqCst) {
                receive(&service, &peer, reads.clone());
                peer.outbox.lock().bytes.clear();
            }
        })
    };
    let other = std::thread::spawn(move || {
        for _ in 0..2_000 {
            let sessions = service.sessions.lock();
            std::thread::yield_now();
            let _ = peer.is_cut();
            drop(sessions);
        }
        let _ = over.send(());
    });
    // They are left behind if they wait for each other.
    assert_eq!(is_over.recv_timeout(std::time::Duration::from_secs(60)), Ok(()));
    is_reading.store(false, Ordering::SeqCst);
    other.join().and(reader.join()).expect("no thread panics");
}

fn service() -> Arc<Service> {
    let engine = Engine::new(EngineOptions::default());
    let passwords = Box::new(|| Password([7; Password::LEN]));
    Arc::new(Service::new(Options::default(), engine, now(), passwords).in_place(true))
}

/// A proposal to create a znode under a number of the session of `peer`.
fn numbered(service: &Service, peer: &Arc<Peer>, number: i64) -> Proposal {
    let path = format!("/{number}");
    let create = Create::new(path, None, Acl::open_unsafe(), CreateMode::Persistent);
    let once = Once { number, answered: 0, request: Request::Create(create) };
    let mut input = BytesMut::new();
    Request::Once(Box::new(once)).encode(number as i32, &mut input);
    let mut proposals = Vec::new();
    let _ = service.receive(peer, &mut input, now(), &mut |it| proposals.push(it));
    proposals.pop().expect("a write is proposed")
}

/// The code and the body of the only answer that waits.
fn answer(peer: &Peer) -> (i32, Zxid, bytes::Bytes) {
    let mut waiting = peer.outbox.lock();
    let frame = frame::take(&mut waiting.bytes, 1 << 20).expect("in bounds").expect("whole");
    assert!(waiting.bytes.is_empty(), "one answer");
    let mut reader = Reader::new(frame.clone());
    let header = ReplyHeader::decode(&mut reader).expect("a header");
    (header.error, header.zxid, frame.slice(frame.len() - reader.remaining()..))
}

#[test]
fn s6_what_was_carried_out_is_not_refused_when_it_comes_again() {
    let service = service();
    let peer = with_session(&service);
    peer.outbox.lock().bytes.clear();
    let first = numbered(&service, &peer, 1);
    let effects = service.engine_mut().apply(&first.txn);
    service.deliver(&service.engine(), &first, &effects, now());
    let then = answer(&peer);
    assert_eq!(then.0, 0);
    for (number, expected) in
        [(1, then), (2, (Code::NotReadOnly.number(), effects.zxid, bytes::Bytes::new()))]
    {
        let again = numbered(&service, &peer, number);
        service.refuse(&service.engine(), &again, Code::NotReadOnly, now());
        assert_eq!(answer(&peer), expected, "number {number}");
    }
}
