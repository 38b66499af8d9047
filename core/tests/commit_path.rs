//! What a server alone on a disk does while its transactions are on their way to the disk.
//! The floors below `io` are driven by hand: a round of the log happens when the test calls for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tenure::base::{
    Acl, Code, CreateMode, Identity, Moment, Password, SessionId, WallMillis, WatchMode, Zxid,
};
use tenure::engine::{Batch, Engine, EngineOptions};
use tenure::log::{AppendError, Damage, Disk, Entry, Failed, File, LogId, TxnLog};
use tenure::replication::Replicator;
use tenure::replication::solo::{Parts, Solo};
use tenure::service::words::Allowed;
use tenure::service::{Ceilings, Limit, Now, Options, Peer, Received, Service, Transport};
use tenure::wire::jute::Reader;
use tenure::wire::{
    ConnectRequest, ConnectResponse, Create, ReplyHeader, Request, SetWatches, frame,
};

const WALL: WallMillis = WallMillis(1);

/// A connection without a socket.
struct Nowhere;

impl Transport for Nowhere {
    fn wake(&self) {}

    fn unread(&self) -> usize {
        0
    }
}

/// A log in memory that does as it is told.
#[derive(Default)]
struct Told {
    entries: Mutex<Vec<Entry>>,
    flushed: Mutex<usize>,
    flushes: AtomicU64,
    fails: AtomicBool,
    is_full: AtomicBool,
    /// What happens elsewhere while it finds no room.
    on_full: Mutex<Option<Box<dyn Fn() + Send>>>,
}

impl TxnLog for Told {
    fn last(&self) -> LogId {
        self.entries.lock().last().map_or_else(LogId::default, |entry| entry.id)
    }

    fn purged(&self) -> LogId {
        LogId::default()
    }

    fn append(&self, entries: &[Entry], reserve: bool) -> Result<(), AppendError> {
        if self.is_full.load(Ordering::Relaxed) && !reserve {
            if let Some(meanwhile) = &*self.on_full.lock() {
                meanwhile();
            }
            return Err(AppendError::Full);
        }
        self.entries.lock().extend_from_slice(entries);
        Ok(())
    }

    fn flush(&self) -> Result<(), Failed> {
        self.flushes.fetch_add(1, Ordering::Relaxed);
        if self.fails.load(Ordering::Relaxed) {
            return Err(Failed { doing: "sync of log-1".into(), error: "gone".into() });
        }
        *self.flushed.lock() = self.entries.lock().len();
        Ok(())
    }

    fn truncate(&self, _: u64) -> Result<(), Failed> {
        unreachable!("a server alone truncates nothing")
    }

    fn purge(&self, _: u64) -> Result<(), Failed> {
        Ok(())
    }

    fn reset(&self, _: LogId) -> Result<(), Failed> {
        unreachable!("a server alone resets nothing")
    }

    fn read(&self, _: u64, _: usize) -> Result<Vec<Entry>, Damage> {
        Ok(self.entries.lock().clone())
    }

    fn keep_note(&self, _: &[u8]) -> Result<(), Failed> {
        Ok(())
    }

    fn note(&self) -> Bytes {
        Bytes::new()
    }

    fn bytes(&self) -> u64 {
        0
    }
}

/// A disk of which only the free room is asked.
struct Room(AtomicU64);

impl Disk for Room {
    fn list(&self) -> std::io::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn create(&self, _: &str) -> std::io::Result<Arc<dyn File>> {
        Err(std::io::ErrorKind::Unsupported.into())
    }

    fn open(&self, _: &str) -> std::io::Result<Arc<dyn File>> {
        Err(std::io::ErrorKind::NotFound.into())
    }

    fn rename(&self, _: &str, _: &str) -> std::io::Result<()> {
        Ok(())
    }

    fn remove(&self, _: &str) -> std::io::Result<()> {
        Ok(())
    }

    fn sync_names(&self) -> std::io::Result<()> {
        Ok(())
    }

    fn free(&self) -> std::io::Result<u64> {
        Ok(self.0.load(Ordering::Relaxed))
    }

    fn shown(&self, name: &str) -> String {
        name.to_owned()
    }
}

struct World {
    service: Arc<Service>,
    solo: Arc<Solo>,
    log: Arc<Told>,
    room: Arc<Room>,
    now: Arc<AtomicU64>,
    failures: Arc<Mutex<Vec<String>>>,
}

/// A reply as its client reads it: xid, zxid, error, and what follows.
type Replied = (i32, i64, i32, Bytes);

impl World {
    fn new() -> World {
        World::with(Ceilings::default())
    }

    fn with(ceilings: Ceilings) -> World {
        let options = Options {
            connections_per_address: 0,
            ceilings,
            words: Allowed::all(),
            ..Options::default()
        };
        let now = Arc::new(AtomicU64::new(1_000_000));
        let start = Now { moment: Moment(1_000_000), wall: WALL };
        let engine = Engine::new(EngineOptions::default());
        let service =
            Arc::new(Service::new(options, engine, start, Box::new(|| Password([7; 16]))));
        let (log, room) = (Arc::new(Told::default()), Arc::new(Room(AtomicU64::new(1 << 30))));
        let failures: Arc<Mutex<Vec<String>>> = Arc::default();
        let (clock, told) = (now.clone(), failures.clone());
        let solo = Arc::new(Solo::new(Parts {
            service: service.clone(),
            log: log.clone(),
            disk: room.clone(),
            applied: LogId::default(),
            epoch: 0,
            least_free: 1 << 20,
            clock: Box::new(move || Now {
                moment: Moment(clock.load(Ordering::Relaxed)),
                wall: WALL,
            }),
            on_failure: Box::new(move |failed| told.lock().push(failed.to_string())),
        }));
        World { service, solo, log, room, now, failures }
    }

    fn now(&self) -> Now {
        Now { moment: Moment(self.now.load(Ordering::Relaxed)), wall: WALL }
    }

    fn pass(&self, time: Duration) {
        self.now.fetch_add(time.as_micros() as u64, Ordering::Relaxed);
    }

    fn open(&self) -> Arc<Peer> {
        self.open_with(Box::new(Nowhere))
    }

    fn open_with(&self, transport: Box<dyn Transport>) -> Arc<Peer> {
        let address = "127.0.0.1:4711".parse().expect("an address");
        self.service.open(address, self.now(), transport).expect("there is no limit")
    }

    fn send(&self, peer: &Arc<Peer>, input: &mut BytesMut) -> Received {
        let now = self.now();
        let received = self.service.receive(peer, input, now, &mut |proposal| {
            self.solo.propose(&self.service, proposal, now);
        });
        if let Some(session) = peer.take_awaited() {
            self.solo.hasten(session);
        }
        received
    }

    fn request(&self, peer: &Arc<Peer>, xid: i32, request: Request) -> Received {
        let mut bytes = BytesMut::new();
        request.encode(xid, &mut bytes);
        self.send(peer, &mut bytes)
    }

    fn ask_session(&self, peer: &Arc<Peer>, session: SessionId) {
        let mut bytes = handshake(session);
        self.send(peer, &mut bytes);
    }

    /// A connection with a session of its own.
    fn connect(&self) -> (Arc<Peer>, SessionId) {
        let peer = self.open();
        self.ask_session(&peer, SessionId::NONE);
        assert!(self.solo.commit());
        let session = granted(&peer).expect("an answer").session_id;
        (peer, session)
    }

    fn sweep(&self) {
        let now = self.now();
        self.service.sweep(now, &mut |proposal| self.solo.propose(&self.service, proposal, now));
    }
}

fn handshake(session: SessionId) -> BytesMut {
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
    bytes
}

fn granted(peer: &Peer) -> Option<ConnectResponse> {
    let mut waiting = peer.outbox.lock();
    let body = frame::take(&mut waiting.bytes, 1 << 10).expect("in bounds")?;
    Some(ConnectResponse::decode(body).expect("a response"))
}

/// All that waits to be sent.
fn replies(peer: &Peer) -> Vec<Replied> {
    let mut bytes = std::mem::take(&mut peer.outbox.lock().bytes);
    std::iter::from_fn(|| {
        let body = frame::take(&mut bytes, 1 << 20).expect("in bounds")?;
        let mut reader = Reader::new(body.clone());
        let header = ReplyHeader::decode(&mut reader).expect("a header");
        Some((header.xid, header.zxid.0, header.error, body.slice(16..)))
    })
    .collect()
}

fn xids(peer: &Peer) -> Vec<i32> {
    replies(peer).into_iter().map(|(xid, ..)| xid).collect()
}

fn create(path: &str) -> Request {
    let mode = CreateMode::Persistent;
    Request::Create(Create::new(path.to_owned(), None, Acl::open_unsafe(), mode))
}

fn delete(path: &str) -> Request {
    Request::Delete { path: path.into(), version: -1 }
}

fn get(path: &str) -> Request {
    Request::GetData { path: path.into(), watch: false }
}

fn exists(path: &str) -> Request {
    Request::Exists { path: path.into(), watch: false }
}

#[test]
fn r2_nothing_is_answered_before_it_is_flushed() {
    let world = World::new();
    let (peer, _) = world.connect();
    let before = world.service.engine().last_zxid();
    world.request(&peer, 1, create("/a"));
    assert_eq!(xids(&peer), []);
    assert_eq!(world.service.engine().last_zxid(), before, "no reader sees it either");
    assert!(world.solo.commit());
    assert_eq!(*world.log.flushed.lock(), 2);
    assert_eq!(xids(&peer), [1]);
}

#[test]
fn what_came_meanwhile_shares_one_entry_and_one_flush() {
    let world = World::new();
    let peers = [world.connect().0, world.connect().0, world.connect().0];
    let flushes = world.log.flushes.load(Ordering::Relaxed);
    for xid in 1..=20 {
        for (peer, name) in peers.iter().zip(["a", "b", "c"]) {
            world.request(peer, xid, create(&format!("/{name}{xid}")));
        }
    }
    assert!(world.solo.commit());
    assert_eq!(world.log.flushes.load(Ordering::Relaxed), flushes + 1);
    let entry = world.log.entries.lock().last().cloned().expect("an entry");
    assert_eq!(Batch::decode(entry.body).expect("a batch").txns.len(), 60);
    for peer in &peers {
        assert_eq!(xids(peer), (1..=20).collect::<Vec<_>>());
    }
}

#[test]
fn n1_a_read_takes_its_turn_behind_the_writes_before_it() {
    let world = World::new();
    let (peer, _) = world.connect();
    world.request(&peer, 1, exists("/a"));
    world.request(&peer, 2, create("/a"));
    world.request(&peer, 3, exists("/a"));
    world.request(&peer, 4, delete("/a"));
    world.request(&peer, 5, exists("/a"));
    world.request(&peer, 6, Request::Sync { path: "/".into() });
    assert_eq!(xids(&peer), [1], "what stands before every write waits for none");
    assert!(world.solo.commit());
    let answers: Vec<(i32, i32)> =
        replies(&peer).into_iter().map(|(xid, _, error, _)| (xid, error)).collect();
    let gone = Code::NoNode.number();
    assert_eq!(answers, [(2, 0), (3, 0), (4, 0), (5, gone), (6, 0)]);
}

#[test]
fn n1_a_refusal_takes_its_turn_too() {
    let world = World::new();
    let (peer, _) = world.connect();
    world.request(&peer, 1, create("/a"));
    world.request(&peer, 2, Request::Check { path: "/a".into(), version: 0 });
    let mut broken = BytesMut::from(&[0, 0, 0, 8, 0, 0, 0, 3, 0, 0, 0, 4][..]);
    world.send(&peer, &mut broken);
    assert_eq!(xids(&peer), []);
    assert!(world.solo.commit());
    assert_eq!(xids(&peer), [1, 2, 3]);
}

#[test]
fn a_stalled_disk_delays_no_heartbeat_and_expires_nobody() {
    let world = World::new();
    let (peer, session) = world.connect();
    let (_, silent) = world.connect();
    world.request(&peer, 1, create("/a"));
    world.request(&peer, 2, get("/a"));
    for _ in 0..12 {
        world.pass(Duration::from_secs(3));
        world.request(&peer, -2, Request::Ping);
        assert_eq!(xids(&peer), [-2], "in the middle of a stall");
        world.sweep();
    }
    assert!(world.solo.commit());
    assert_eq!(xids(&peer), [1, 2]);
    assert_eq!(world.service.session_ids(), [session], "{silent} said nothing for 36 s");
}

#[test]
fn a_session_born_in_a_stall_has_its_full_timeout() {
    let world = World::new();
    let peer = world.open();
    world.ask_session(&peer, SessionId::NONE);
    world.pass(Duration::from_secs(60));
    world.sweep();
    assert!(peer.outbox.lock().is_open(), "it waits for the server, not the server for it");
    assert!(world.solo.commit());
    let session = granted(&peer).expect("an answer").session_id;
    world.pass(Duration::from_millis(9_999));
    world.sweep();
    assert_eq!(world.service.session_ids(), [session]);
}

#[test]
fn p07_what_is_sent_ahead_of_the_answer_to_a_handshake_waits_for_it() {
    let world = World::new();
    let peer = world.open();
    let mut input = handshake(SessionId::NONE);
    create("/early").encode(1, &mut input);
    world.send(&peer, &mut input);
    assert!(!input.is_empty(), "the request is not taken yet");
    assert!(world.solo.commit());
    assert!(granted(&peer).is_some());
    world.send(&peer, &mut input);
    assert!(world.solo.commit());
    assert_eq!(xids(&peer), [1]);
}

#[test]
fn n6_a_session_goes_over_when_what_was_logged_for_the_old_connection_is_done() {
    let world = World::new();
    let (old, session) = world.connect();
    world.request(&old, 1, create("/before"));
    let new = world.open();
    // Before the log took it: the write of a cut connection is forgotten.
    world.ask_session(&new, session);
    assert_eq!(granted(&new), None);
    let third = world.open();
    world.ask_session(&third, session);
    assert!(new.is_cut(), "the newest connection is meant");
    assert!(world.solo.commit());
    assert_eq!(granted(&third).map(|response| response.session_id), Some(session));
    world.request(&third, 1, exists("/before"));
    assert_eq!(replies(&third)[0].2, Code::NoNode.number());
}

#[test]
fn n6_a_write_of_a_client_that_hung_up_comes_before_what_it_sends_on_its_next_connection() {
    let world = World::new();
    let (old, session) = world.connect();
    world.request(&old, 1, create("/fired"));
    world.service.close(&old);
    let new = world.open();
    world.ask_session(&new, session);
    assert_eq!(granted(&new), None, "something of it is under way");
    assert!(world.solo.commit());
    assert!(granted(&new).is_some());
    world.request(&new, 1, exists("/fired"));
    assert_eq!(replies(&new)[0].2, 0);
}

#[test]
fn l2_after_a_failed_flush_nothing_is_acknowledged() {
    let world = World::new();
    let (peer, _) = world.connect();
    let (other, _) = world.connect();
    world.log.fails.store(true, Ordering::Relaxed);
    world.request(&peer, 1, create("/a"));
    assert!(!world.solo.commit());
    world.log.fails.store(false, Ordering::Relaxed);
    assert!(!world.solo.commit(), "it does not go on as if nothing had been");
    assert!(peer.is_cut() && other.is_cut());
    assert_eq!((xids(&peer), xids(&other)), (vec![], vec![]));
    assert_eq!(world.failures.lock()[..], ["sync of log-1 failed: gone"]);
    let late = world.open();
    world.ask_session(&late, SessionId::NONE);
    assert!(late.is_cut());
    world.solo.settle();
}

#[test]
fn a_full_disk_takes_deletes_and_closes_and_refuses_the_rest() {
    let world = World::new();
    let (peer, _) = world.connect();
    world.request(&peer, 1, create("/a"));
    assert!(world.solo.commit());
    world.log.is_full.store(true, Ordering::Relaxed);
    world.request(&peer, 2, create("/b"));
    world.request(&peer, 3, delete("/a"));
    world.request(&peer, 4, exists("/a"));
    assert!(world.solo.commit());
    let answers: Vec<(i32, i32)> =
        replies(&peer).into_iter().map(|(xid, _, error, _)| (xid, error)).collect();
    let (read_only, gone) = (Code::NotReadOnly.number(), Code::NoNode.number());
    assert_eq!(answers, [(1, 0), (2, read_only), (3, 0), (4, gone)]);
    let second = world.connect();
    world.request(&second.0, 1, Request::CloseSession);
    assert!(world.solo.commit());
    assert_eq!(xids(&second.0), [1]);
    // There is room again.
    world.log.is_full.store(false, Ordering::Relaxed);
    world.solo.look_at_space();
    world.request(&peer, 5, create("/b"));
    assert!(world.solo.commit());
    assert_eq!(replies(&peer)[0].2, 0);
}

#[test]
fn deletes_and_newcomers_leave_room_for_sessions_that_end() {
    let world = World::new();
    let ((peer, _), (other, _)) = (world.connect(), world.connect());
    world.log.is_full.store(true, Ordering::Relaxed);
    let long = format!("/{}", "x".repeat(900 << 10));
    let errors = [1, 2, 3].map(|xid| {
        // A quota of the disk shows in no figure of what is free.
        world.solo.look_at_space();
        world.request(&peer, xid, delete(&long));
        assert!(world.solo.commit());
        replies(&peer)[0].2
    });
    let (read_only, gone) = (Code::NotReadOnly.number(), Code::NoNode.number());
    assert_eq!(errors, [gone, read_only, read_only], "the first has used up what there was");
    let is_let_in = |_: &i32| {
        let newcomer = world.open();
        world.ask_session(&newcomer, SessionId::NONE);
        assert!(world.solo.commit(), "the log goes on");
        !newcomer.is_cut()
    };
    let let_in = (0..5_000).take_while(is_let_in).count();
    assert!((1..5_000).contains(&let_in), "some find room, but not all: {let_in}");
    world.request(&other, 1, Request::CloseSession);
    assert!(world.solo.commit(), "the log goes on");
    assert_eq!(xids(&other), [1]);
    assert!(world.failures.lock().is_empty());
    // With room, everything counts anew.
    world.log.is_full.store(false, Ordering::Relaxed);
    world.solo.look_at_space();
    world.request(&peer, 4, create("/b"));
    assert!(world.solo.commit());
    assert_eq!(replies(&peer)[0].2, 0);
}

#[test]
fn a_disk_that_fills_up_is_read_only_before_it_is_full() {
    let world = World::new();
    let (peer, _) = world.connect();
    let try_create = |xid, path| {
        world.solo.look_at_space();
        world.request(&peer, xid, create(path));
        assert!(world.solo.commit());
        replies(&peer)[0].2
    };
    assert_eq!(try_create(1, "/a"), 0);
    world.room.0.store((1 << 20) - 1, Ordering::Relaxed);
    assert_eq!(try_create(2, "/b"), Code::NotReadOnly.number());
    world.room.0.store((2 << 20) - 1, Ordering::Relaxed);
    assert_eq!(try_create(3, "/b"), Code::NotReadOnly.number(), "not at the first byte");
    world.room.0.store(2 << 20, Ordering::Relaxed);
    assert_eq!(try_create(4, "/b"), 0);
}

#[test]
fn n3_a_read_behind_a_write_of_a_client_that_hung_up_leaves_no_watch() {
    let world = World::new();
    let (peer, _) = world.connect();
    world.request(&peer, 1, create("/a"));
    world.request(&peer, 2, Request::GetData { path: "/a".into(), watch: true });
    world.request(&peer, 3, Request::AddWatch { path: "/a".into(), mode: WatchMode::Persistent });
    world.service.close(&peer);
    assert!(world.solo.commit());
    assert_eq!(world.service.engine().node_count(), 5, "the write is carried out");
    let asker = world.open();
    world.send(&asker, &mut BytesMut::from(&b"wchs"[..]));
    let told = String::from_utf8(asker.outbox.lock().bytes.to_vec()).expect("text");
    assert!(told.contains("Total watches:0"), "{told}");
}

#[test]
fn a_look_at_the_disk_while_the_log_finds_it_full_changes_nothing() {
    let world = World::new();
    let (peer, _) = world.connect();
    let solo = Arc::downgrade(&world.solo);
    let room = world.room.clone();
    *world.log.on_full.lock() = Some(Box::new(move || {
        room.0.store(0, Ordering::Relaxed);
        solo.upgrade().expect("it appends").look_at_space();
    }));
    world.log.is_full.store(true, Ordering::Relaxed);
    world.request(&peer, 1, create("/a"));
    world.request(&peer, 2, delete("/b"));
    assert!(world.solo.commit(), "there is the reserve");
    let answers: Vec<(i32, i32)> =
        replies(&peer).into_iter().map(|(xid, _, error, _)| (xid, error)).collect();
    assert_eq!(answers, [(1, Code::NotReadOnly.number()), (2, Code::NoNode.number())]);
}

/// The longest entry that was logged.
fn longest(world: &World) -> usize {
    world.log.entries.lock().iter().map(|entry| entry.body.len()).max().unwrap_or(0)
}

#[test]
fn entries_are_short_whatever_their_askers_have_proven() {
    let world = World::new();
    let peers = [world.connect().0, world.connect().0];
    for peer in &peers {
        assert!(peer.add_identity(Identity::new("x", format!("{:0>15000}", peer.id.0))));
    }
    let count = 200;
    for xid in 0..count {
        for peer in &peers {
            world.request(peer, xid, delete("/nowhere"));
        }
    }
    let mut answered = 0;
    while answered < 2 * count as usize {
        assert!(world.solo.commit());
        answered += peers.iter().map(|peer| xids(peer).len()).sum::<usize>();
    }
    assert!(longest(&world) < 2 << 20, "{} bytes", longest(&world));
}

#[test]
fn entries_are_short_whatever_comes_due_together() {
    let world = World::new();
    let (peer, _) = world.connect();
    let mode = CreateMode::Container;
    for number in 0..30 {
        let path = format!("/{number}{}", "x".repeat(100_000));
        let container = Create::new(path.clone(), None, Acl::open_unsafe(), mode);
        world.request(&peer, 1, Request::Create(container));
        world.request(&peer, 2, create(&format!("{path}/a")));
        world.request(&peer, 3, delete(&format!("{path}/a")));
        assert!(world.solo.commit());
    }
    let before = world.service.engine().node_count();
    world.pass(Duration::from_secs(61));
    world.sweep();
    while world.service.engine().node_count() > before - 30 {
        assert!(world.solo.commit());
    }
    assert!(longest(&world) < 2 << 20, "{} bytes", longest(&world));
}

#[test]
fn a_session_taken_over_in_a_stall_has_its_full_timeout() {
    let world = World::new();
    let (old, session) = world.connect();
    world.request(&old, 1, create("/a"));
    let new = world.open();
    world.ask_session(&new, session);
    for _ in 0..60 {
        world.pass(Duration::from_secs(1));
        world.sweep();
    }
    assert!(world.solo.commit());
    assert!(granted(&new).is_some(), "it waited for the server, not the server for it");
    world.pass(Duration::from_millis(9_999));
    world.sweep();
    assert_eq!(world.service.session_ids(), [session]);
    world.pass(Duration::from_millis(3));
    world.sweep();
    assert!(world.solo.commit());
    assert_eq!(world.service.session_ids(), []);
}

#[test]
fn the_end_of_a_session_is_answered_however_long_the_disk_stalls() {
    let world = World::new();
    let (peer, _) = world.connect();
    world.request(&peer, 1, create("/a"));
    world.request(&peer, 2, Request::CloseSession);
    world.pass(Duration::from_secs(60));
    world.sweep();
    assert!(world.solo.commit());
    assert_eq!(xids(&peer), [1, 2]);
    // What is slow from here on is the client.
    world.pass(Duration::from_secs(11));
    world.sweep();
    assert!(peer.is_cut());
}

#[test]
fn n5_reads_behind_a_write_wait_in_the_socket_when_they_are_many() {
    let world = World::new();
    let (peer, _) = world.connect();
    let mut input = BytesMut::new();
    create("/a").encode(1, &mut input);
    let last = 5_000;
    for xid in 2..=last {
        get("/a").encode(xid, &mut input);
    }
    let mut answered: Vec<i32> = Vec::new();
    assert_eq!(world.send(&peer, &mut input), Received::Paused);
    assert!(world.service.holds_up(&peer) && !input.is_empty());
    assert!(world.solo.commit());
    answered.extend(xids(&peer));
    assert!(answered.len() < 1_000, "{} answers under one guard", answered.len());
    while !input.is_empty() {
        world.send(&peer, &mut input);
        answered.extend(xids(&peer));
    }
    assert_eq!(answered, (1..=last).collect::<Vec<_>>());
}

#[test]
fn n5_a_walk_behind_a_write_is_the_last_that_is_taken() {
    let world = World::new();
    let (peer, _) = world.connect();
    for walk in [
        Request::GetAllChildrenNumber { path: "/".into() },
        Request::GetEphemerals { prefix: Some("/none".into()) },
        Request::SetWatches(SetWatches::default()),
    ] {
        let mut input = BytesMut::new();
        delete("/a").encode(1, &mut input);
        for xid in 2..=4 {
            walk.encode(xid, &mut input);
        }
        world.send(&peer, &mut input);
        assert!(world.solo.commit());
        assert_eq!(xids(&peer), [1, 2], "{walk:?}");
        for xid in 3..=4 {
            world.send(&peer, &mut input);
            assert_eq!(xids(&peer), [xid], "{walk:?}");
        }
    }
}

#[test]
fn lists_behind_a_write_are_answered_one_at_a_time() {
    let world = World::new();
    let (peer, _) = world.connect();
    for number in 0..10 {
        world.request(&peer, 1, create(&format!("/{number}{}", "x".repeat(100_000))));
    }
    assert!(world.solo.commit());
    replies(&peer);
    let mut input = BytesMut::new();
    create("/a").encode(1, &mut input);
    let last = 50;
    for xid in 2..=last {
        Request::GetChildren { path: "/".into(), watch: false }.encode(xid, &mut input);
    }
    world.send(&peer, &mut input);
    assert!(world.solo.commit());
    let waiting = peer.outbox.lock().bytes.len();
    assert!(waiting < 3 << 20, "{waiting} bytes under one guard");
    let mut answered = Vec::new();
    while answered.len() < last as usize {
        world.send(&peer, &mut input);
        let mut bytes = std::mem::take(&mut peer.outbox.lock().bytes);
        while let Some(body) = frame::take(&mut bytes, 4 << 20).expect("in bounds") {
            let header = ReplyHeader::decode(&mut Reader::new(body)).expect("a header");
            assert_eq!(header.error, 0);
            answered.push(header.xid);
        }
    }
    assert_eq!(answered, (1..=last).collect::<Vec<_>>());
}

#[test]
fn long_answers_behind_a_write_have_a_limit() {
    let world = World::new();
    let (peer, _) = world.connect();
    world.request(&peer, 1, set("/", &vec![b'x'; 1_000_000]));
    for xid in 2..=100 {
        world.request(&peer, xid, get("/"));
    }
    world.request(&peer, 101, exists("/"));
    assert!(world.solo.commit());
    let waiting = peer.outbox.lock().bytes.len();
    assert!(waiting < 40 << 20, "{waiting} bytes under one guard");
    let answered = errors(&peer);
    let given = answered.iter().filter(|(_, error)| *error == 0).count();
    assert!(given > 30, "{given} were given");
    assert!(answered.contains(&(100, Code::ThrottledOp.number())));
    assert_eq!(answered.last(), Some(&(101, 0)), "a short one is given all the same");
    assert_eq!(answered.len(), 101);
}

#[test]
fn nothing_is_taken_behind_a_request_that_ends_the_connection() {
    let world = World::new();
    let (peer, _) = world.connect();
    let mut input = BytesMut::new();
    create("/a").encode(1, &mut input);
    input.extend_from_slice(&[0, 0, 0, 8, 0, 0, 0, 2, 0, 0, 3, 231]);
    create("/b").encode(3, &mut input);
    world.send(&peer, &mut input);
    assert!(world.solo.commit());
    assert_eq!(xids(&peer), [1, 2]);
    assert_eq!(world.send(&peer, &mut input), Received::Closing);
    assert_eq!(world.service.engine().node_count(), 5, "/b is not there");
}

#[test]
fn many_connections_together_are_bounded_in_a_stall() {
    let world = World::new();
    let peers: Vec<Arc<Peer>> = (0..150).map(|_| world.connect().0).collect();
    let set = |xid, length| {
        let mut bytes = BytesMut::new();
        let data = Some(vec![0; length].into());
        Request::SetData { path: "/".into(), data, version: -1 }.encode(xid, &mut bytes);
        bytes
    };
    for peer in &peers {
        world.send(peer, &mut set(1, (1 << 20) - 100));
    }
    let mut input = set(2, 10);
    assert!(
        world.service.holds_up(&peers[0]) || world.send(&peers[0], &mut input) == Received::Paused
    );
    let idle = world.open();
    world.ask_session(&idle, SessionId::NONE);
    assert!(idle.is_busy(), "whoever has nothing under way has a turn");
}

/// A connection that is a defect: it waits until another round is durable, and breaks.
struct Broken(Arc<Told>, AtomicBool);

impl Transport for Broken {
    fn wake(&self) {
        if self.1.swap(true, Ordering::Relaxed) {
            return;
        }
        while self.0.flushes.load(Ordering::Relaxed) < 3 {
            std::thread::yield_now();
        }
        panic!("a defect");
    }

    fn unread(&self) -> usize {
        0
    }
}

#[test]
fn a_defect_in_one_round_ends_the_next_one_too() {
    let world = World::new();
    let (peer, _) = world.connect();
    let broken = world.open_with(Box::new(Broken(world.log.clone(), AtomicBool::new(false))));
    world.ask_session(&broken, SessionId::NONE);
    // So many that the log is let go of while they are applied.
    for xid in 0..100 {
        world.request(&peer, xid, delete("/nowhere"));
    }
    let before = world.service.engine().last_zxid();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| {
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.solo.commit()))
        });
        while world.log.entries.lock().len() < 2 {
            std::thread::yield_now();
        }
        world.request(&peer, 100, create("/on-top"));
        // It is logged and flushed while the first one is being applied, and then has its turn.
        assert!(!world.solo.commit());
        assert!(first.join().expect("caught").is_err());
    });
    assert!(peer.is_cut());
    assert!(world.service.engine().last_zxid() <= before.next(), "nothing on top of it");
    assert!(!world.solo.commit());
}

/// Connections that have more writes waiting than several rounds take.
fn flood(world: &World) -> Vec<Arc<Peer>> {
    let peers: Vec<_> = (0..8).map(|_| world.connect().0).collect();
    for peer in &peers {
        for xid in 0..2_000 {
            world.request(peer, xid, set("/", &[b'x'; 100]));
        }
    }
    peers
}

fn set(path: &str, data: &[u8]) -> Request {
    let data = Some(Bytes::copy_from_slice(data));
    Request::SetData { path: path.into(), data, version: -1 }
}

#[test]
fn r5_a_close_waits_for_one_round_of_others_at_most() {
    let world = World::new();
    let (peer, session) = world.connect();
    let others = flood(&world);
    world.request(&peer, 1, create("/last"));
    world.request(&peer, 2, Request::CloseSession);
    assert!(world.solo.commit());
    assert_eq!(xids(&peer), [1, 2], "and stands behind what its session sent before");
    assert!(!world.service.session_ids().contains(&session));
    assert!(others.iter().any(|other| other.is_busy()), "the flood takes longer");
    assert!(others.iter().all(|other| !other.outbox.lock().bytes.is_empty()), "and goes on");
}

#[test]
fn r5_an_expiry_waits_for_one_round_of_others_at_most() {
    let world = World::new();
    let (_silent, session) = world.connect();
    world.pass(Duration::from_secs(6));
    let others = flood(&world);
    world.pass(Duration::from_secs(5));
    world.sweep();
    assert!(world.solo.commit());
    assert!(!world.service.session_ids().contains(&session));
    assert_eq!(world.service.session_ids().len(), others.len());
}

#[test]
fn r5_who_comes_back_waits_for_one_round_of_others_at_most() {
    let world = World::new();
    let others = flood(&world);
    let (peer, session) = {
        let peer = world.open();
        world.ask_session(&peer, SessionId::NONE);
        assert!(world.solo.commit());
        let session = granted(&peer).expect("a session of its own has a turn of its own");
        (peer, session.session_id)
    };
    for xid in 0..500 {
        world.request(&peer, xid, set("/", &[b'x'; 100]));
    }
    let next = world.open();
    world.ask_session(&next, session);
    assert!(granted(&next).is_none(), "N6: what the old connection sent is under way");
    assert!(world.solo.commit());
    assert_eq!(granted(&next).map(|response| response.session_id), Some(session));
    assert!(others.iter().any(|other| other.is_busy()), "the flood takes longer");
}

#[test]
fn a_ping_waits_for_nothing_beside_a_flood() {
    let world = World::new();
    let (peer, _) = world.connect();
    let others = flood(&world);
    world.request(&peer, -2, Request::Ping);
    assert_eq!(xids(&peer), [-2]);
    world.request(&others[0], -2, Request::Ping);
    assert_eq!(xids(&others[0]), [-2], "not even for what its own session has sent");
}

/// The error of each answer that waits, by the number of the request.
fn errors(peer: &Peer) -> Vec<(i32, i32)> {
    replies(peer).into_iter().map(|(xid, _, error, _)| (xid, error)).collect()
}

#[test]
fn too_much_under_way_refuses_what_needs_room_before_what_makes_some() {
    let most = 100_000;
    let world = World::with(Ceilings { under_way_bytes: most, ..Ceilings::default() });
    let (peer, _) = world.connect();
    let (closing, _) = world.connect();
    let large = vec![b'x'; 30_000];
    let fill = |count: usize| {
        // Each has one request under way, which holding it back does not help against.
        (0..count).map(|_| world.connect().0).collect::<Vec<_>>()
    };
    let others = fill(12);
    for other in &others[..7] {
        world.request(other, 1, set("/", &large));
    }
    let throttled = Code::ThrottledOp.number();
    world.request(&peer, 1, create("/a"));
    world.request(&peer, 2, delete("/b"));
    assert_eq!(errors(&peer), [(1, throttled)], "the delete is on its way");
    world.request(&peer, 3, exists("/"));
    world.request(&others[8], 1, exists("/"));
    assert_eq!(errors(&others[8]), [(1, 0)], "a read that waits for nothing is answered");
    assert!(world.service.stats.under_way_bytes() < 3 * most);
    // The reads behind writes were refused in their turn, and take no room while they wait.
    assert!(world.solo.commit());
    assert_eq!(errors(&peer), [(2, Code::NoNode.number()), (3, throttled)]);
    assert_eq!(world.service.stats.reached.count(Limit::Throttled), 2);
    world.request(&peer, 4, create("/a"));
    assert!(world.solo.commit());
    assert_eq!(errors(&peer), [(4, 0)], "it is over");
    // Far beyond, not even deletes are taken; a close and a heartbeat are.
    let huge = vec![b'x'; 350_000];
    world.request(&others[9], 2, set("/", &huge));
    world.request(&peer, 5, delete("/a"));
    world.request(&peer, -2, Request::Ping);
    assert_eq!(errors(&peer), [(5, throttled), (-2, 0)]);
    world.request(&closing, 1, Request::CloseSession);
    assert!(world.solo.commit());
    assert_eq!(errors(&closing), [(1, 0)]);
}

#[test]
fn watches_that_come_back_are_not_refused_because_of_what_waits() {
    let world = World::with(Ceilings { under_way_bytes: 10_000, ..Ceilings::default() });
    let (peer, _) = world.connect();
    let (other, _) = world.connect();
    world.request(&other, 1, set("/", &[b'x'; 25_000]));
    world.request(&peer, 1, delete("/b"));
    let relative_zxid = Zxid(i64::MAX);
    let data = vec!["/".to_owned()];
    let watches = SetWatches { relative_zxid, data, ..SetWatches::default() };
    world.request(&peer, 2, Request::SetWatches(watches));
    world.request(&peer, 3, exists("/"));
    assert!(world.solo.commit());
    let throttled = Code::ThrottledOp.number();
    assert_eq!(errors(&peer), [(1, Code::NoNode.number()), (2, 0), (3, throttled)]);
    world.request(&other, 2, set("/", b"y"));
    assert!(world.solo.commit());
    assert_eq!(xids(&peer), [-1], "it is watched");
}

/// Notes how many quotas there are whenever its connection is woken, from when it is told to.
struct Looks(Arc<Service>, Arc<Mutex<Option<Vec<usize>>>>);

impl Transport for Looks {
    fn wake(&self) {
        if let Some(seen) = &mut *self.1.lock() {
            seen.push(self.0.engine().quotas().count());
        }
    }

    fn unread(&self) -> usize {
        0
    }
}

#[test]
fn n5_others_have_their_turn_after_each_look_at_what_a_quota_counts() {
    let world = World::new();
    let seen = Arc::<Mutex<Option<Vec<usize>>>>::default();
    let peer = world.open_with(Box::new(Looks(world.service.clone(), seen.clone())));
    world.ask_session(&peer, SessionId::NONE);
    assert!(world.solo.commit());
    for name in ["a", "b", "c"] {
        world.request(&peer, 1, create(&format!("/zookeeper/quota/{name}")));
        world.request(&peer, 2, create(&format!("/zookeeper/quota/{name}/zookeeper_limits")));
    }
    *seen.lock() = Some(Vec::new());
    assert!(world.solo.commit());
    assert_eq!(seen.lock().take(), Some(vec![1, 2, 3]));
}

#[test]
fn a_disk_that_stands_still_refuses_what_would_wait_too_long() {
    let world = World::new();
    let (peer, _) = world.connect();
    let (other, _) = world.connect();
    world.request(&other, 1, create("/a"));
    // As a round that is being logged says it.
    world.service.stats.oldest.store(world.now().moment.0, Ordering::Relaxed);
    world.pass(Duration::from_secs(9));
    world.request(&peer, 1, create("/b"));
    world.pass(Duration::from_secs(2));
    world.request(&peer, 2, create("/c"));
    world.request(&peer, 3, delete("/a"));
    world.request(&peer, -2, Request::Ping);
    assert_eq!(errors(&peer), [(-2, 0)]);
    assert!(world.solo.commit());
    let throttled = Code::ThrottledOp.number();
    assert_eq!(errors(&peer), [(1, 0), (2, throttled), (3, 0)]);
    assert_eq!(world.service.stats.oldest.load(Ordering::Relaxed), 0, "nothing is under way");
    world.request(&peer, 4, create("/c"));
    assert!(world.solo.commit());
    assert_eq!(errors(&peer), [(4, 0)]);
}
