//! Three members in this process: what each of them ends up with, and what their clients hear.

mod held;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use self::held::Held;
use super::{Member, Network, Setup};
use crate::base::{Acl, CreateMode, Moment, Password, SessionId, WallMillis, Zxid};
use crate::engine::snapshots::load_newest;
use crate::engine::{Engine, EngineOptions};
use crate::log::sim::SimDisk;
use crate::log::{self, SegmentLog, TxnLog, snapshot};
use crate::replication::Replicator;
use crate::service::{Now, Options, Peer, Service, Transport};
use crate::wire::jute::Reader;
use crate::wire::reply::ReplyHeader;
use crate::wire::{ConnectRequest, Create, Request, frame};

/// How long a test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(30);

const NOW: Now = Now { moment: Moment(1_000_000), wall: WallMillis(1) };

/// Starts of members, so that no two have the same number.
static STARTS: AtomicU64 = AtomicU64::new(1);

/// Waits for what another thread brings about.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < end, "in vain waited until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A connection without a socket.
struct Nowhere;

impl Transport for Nowhere {
    fn wake(&self) {}

    fn unread(&self) -> usize {
        0
    }
}

fn service(id: u64, start: u64, engine: Engine) -> Service {
    let options = Options { server_id: id as u8, connections_per_address: 0, ..Options::default() };
    // The ids of sessions begin at the time of the start, which no two starts have in common.
    let now = Now { wall: WallMillis(start as i64), ..NOW };
    Service::new(options, engine, now, Box::new(|| Password([7; 16])))
}

/// Where a member runs, and what is left of it when it is stopped.
struct Seat {
    id: u64,
    disk: SimDisk,
    log: Arc<Held>,
    service: Arc<Service>,
    member: Option<Member>,
}

impl Seat {
    /// Starts a member with what is on a disk, as a server alone would.
    fn start(id: u64, disk: SimDisk, network: &Arc<Network>) -> Seat {
        let start = STARTS.fetch_add(1, Ordering::Relaxed);
        let identity = [id as u8; 16];
        // Segments of a few entries, so that a short log can let go of some.
        let options = log::Options { segment: 4 << 10, ..log::Options::new(identity) };
        let shared = Arc::new(disk.clone());
        let log = SegmentLog::open(shared.clone(), options).expect("the log is whole");
        let log = Arc::new(Held::new(log));
        let options = EngineOptions::default();
        let newest = load_newest(&disk, &options).expect("the disk can be read");
        assert!(newest.passed_over.is_empty(), "every snapshot is whole");
        let (engine, state) = match newest.loaded {
            Some((engine, summary)) => (engine, Some(summary.head)),
            None => (Engine::new(options.clone()), None),
        };
        let service = Arc::new(service(id, start, engine));
        let member = Member::start(Setup {
            id,
            incarnation: start,
            service: service.clone(),
            state,
            log: log.clone(),
            disk: shared,
            identity,
            options,
            clock: Arc::new(|| NOW),
            network: network.clone(),
            heartbeat: Duration::from_millis(100),
            election: Duration::from_millis(1_000)..Duration::from_millis(2_000),
        });
        Seat { id, disk, log, service, member: Some(member.expect("the member starts")) }
    }

    fn digest(&self) -> (Zxid, u64, Vec<SessionId>) {
        let engine = self.service.engine();
        let sessions = engine.registry().iter().map(|(id, _)| id).collect();
        (engine.last_zxid(), engine.digest(), sessions)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // A test that fails while flushes are held back shall say so, and not wait for them.
        self.log.release();
    }
}

/// All members, running or not.
struct Ensemble {
    network: Arc<Network>,
    seats: Vec<Seat>,
}

impl Ensemble {
    /// Three new members that have agreed to be an ensemble.
    fn of_three() -> Ensemble {
        let network = Arc::new(Network::default());
        let start = |id| Seat::start(id, SimDisk::new(), &network);
        let seats: Vec<Seat> = (1..=3).map(start).collect();
        let members = (1..=3).map(|id| (id, format!("host{id}:2888"))).collect();
        let founder = seats[0].member.as_ref().expect("it runs");
        founder.found(members).expect("its log is empty");
        Ensemble { network, seats }
    }

    fn running(&self) -> impl Iterator<Item = (&Seat, &Member)> {
        self.seats.iter().filter_map(|seat| Some((seat, seat.member.as_ref()?)))
    }

    /// The place of the member that all running ones take for their leader.
    fn leader(&self) -> usize {
        until("a member leads and all name it", || {
            let (seat, _) = self.running().find(|(_, member)| member.leads())?;
            let is_named = self.running().all(|(_, member)| member.leader() == Some(seat.id));
            is_named.then_some(seat.id as usize - 1)
        })
    }

    fn followers(&self) -> [&Seat; 2] {
        let leader = self.leader();
        [&self.seats[(leader + 1) % 3], &self.seats[(leader + 2) % 3]]
    }

    /// Waits until the running members have the same state, and returns its newest zxid.
    fn agree(&self) -> Zxid {
        until("the members agree", || {
            let mut states = self.running().map(|(seat, _)| seat.digest());
            let first = states.next()?;
            states.all(|state| state == first).then_some(first.0)
        })
    }

    /// Stops a member, and loses all that it had not flushed.
    fn stop(&mut self, at: usize) {
        let seat = &mut self.seats[at];
        let crash = seat.disk.crash(usize::MAX);
        seat.member = None;
        seat.disk = crash.state(|_| false);
    }

    fn restart(&mut self, at: usize) {
        let Seat { id, disk, .. } = &self.seats[at];
        self.seats[at] = Seat::start(*id, disk.clone(), &self.network);
    }

    /// A client of the leader, with a session.
    fn client(&self) -> Client<'_> {
        let seat = &self.seats[self.leader()];
        let address = "127.0.0.1:4711".parse().expect("an address");
        let peer = seat.service.open(address, NOW, Box::new(Nowhere)).expect("there is no limit");
        let client = Client { seat, peer };
        let mut bytes = BytesMut::new();
        ConnectRequest {
            hello: None,
            last_zxid_seen: Zxid::ZERO,
            timeout: 10_000,
            session_id: SessionId::NONE,
            password: None,
            read_only: Some(false),
        }
        .encode(&mut bytes);
        client.send(bytes);
        client.answer();
        client
    }
}

/// One client of one member.
struct Client<'a> {
    seat: &'a Seat,
    peer: Arc<Peer>,
}

impl Client<'_> {
    fn send(&self, mut bytes: BytesMut) {
        let service = &self.seat.service;
        service.receive(&self.peer, &mut bytes, NOW, &mut |proposal| {
            self.member().propose(service, proposal, NOW);
        });
    }

    fn member(&self) -> &Member {
        self.seat.member.as_ref().expect("it runs")
    }

    fn send_create(&self, path: &str, mode: CreateMode) {
        let mut bytes = BytesMut::new();
        let create = Create::new(path.to_owned(), None, Acl::open_unsafe(), mode);
        Request::Create(create).encode(1, &mut bytes);
        self.send(bytes);
    }

    /// The next frame for the client, without waiting.
    fn take(&self) -> Option<Bytes> {
        let mut waiting = self.peer.outbox.lock();
        assert_eq!(waiting.closing, None, "the connection is alive");
        frame::take(&mut waiting.bytes, 1 << 20).expect("in bounds")
    }

    fn answer(&self) -> Bytes {
        until("the answer is there", || self.take())
    }

    /// Waits for the reply to a write, and returns its zxid.
    fn reply(&self) -> Zxid {
        let header = ReplyHeader::decode(&mut Reader::new(self.answer())).expect("a reply");
        assert_eq!((header.xid, header.error), (1, 0));
        header.zxid
    }

    fn create(&self, path: &str, mode: CreateMode) -> Zxid {
        self.send_create(path, mode);
        self.reply()
    }
}

#[test]
fn r2_r3_all_members_apply_what_the_leader_proposed() {
    let ensemble = Ensemble::of_three();
    let client = ensemble.client();
    let mut before = Zxid::ZERO;
    for number in 0..100 {
        client.send_create(&format!("/{number}"), CreateMode::Persistent);
    }
    for _ in 0..100 {
        let zxid = client.reply();
        assert!(zxid > before, "R1: in the order of the proposals");
        before = zxid;
    }
    client.create("/held", CreateMode::Ephemeral);
    let newest = ensemble.agree();
    assert_eq!(newest, before.next(), "blank and membership entries take no zxid");
    assert_eq!(ensemble.seats[0].service.session_ids().len(), 1);
}

#[test]
fn r2_the_reply_waits_for_a_second_disk() {
    let ensemble = Ensemble::of_three();
    let client = ensemble.client();
    let before = ensemble.agree();
    let followers = ensemble.followers();
    followers.iter().for_each(|seat| seat.log.hold());
    let index = client.seat.log.last().index;
    client.send_create("/late", CreateMode::Persistent);
    until("the leader has it on disk, the others in memory", || {
        let is_there = followers.iter().all(|seat| seat.log.last().index > index);
        (client.seat.log.durable() > index && is_there).then_some(())
    });
    assert_eq!(client.take(), None, "one disk of three is no majority");
    assert_eq!(client.seat.service.engine().last_zxid(), before);
    followers[1].log.release();
    assert_eq!(client.reply(), before.next());
    assert!(followers[1].log.durable() > index);
    followers[0].log.release();
    assert_eq!(ensemble.agree(), before.next());
}

#[test]
fn a_new_leader_goes_on_in_a_higher_epoch_and_the_old_one_catches_up() {
    let mut ensemble = Ensemble::of_three();
    let last = ensemble.client().create("/first", CreateMode::Persistent);
    ensemble.agree();
    let old = ensemble.leader();
    ensemble.stop(old);

    let client = ensemble.client();
    let zxid = client.create("/second", CreateMode::Persistent);
    assert!(zxid.0 >> 32 > last.0 >> 32, "{zxid} is of a later epoch than {last}");
    let newest = ensemble.agree();

    ensemble.restart(old);
    assert_eq!(ensemble.agree(), newest, "the state comes back from the log and the leader");
    assert_eq!(ensemble.seats[old].service.session_ids().len(), 2, "sessions too");
}

#[test]
fn what_was_acknowledged_is_there_after_all_have_stopped() {
    let mut ensemble = Ensemble::of_three();
    let last = ensemble.client().create("/kept", CreateMode::Persistent);
    ensemble.agree();
    (0..3).for_each(|at| ensemble.stop(at));
    (0..3).for_each(|at| ensemble.restart(at));
    assert_eq!(ensemble.client().create("/kept/on", CreateMode::Persistent).0 as u32, 2);
    assert!(ensemble.agree() > last);
}

#[test]
fn a_member_that_lags_behind_the_log_gets_a_snapshot() {
    let mut ensemble = Ensemble::of_three();
    ensemble.client().create("/seen", CreateMode::Persistent);
    ensemble.agree();
    let late = (ensemble.leader() + 1) % 3;
    ensemble.stop(late);
    let client = ensemble.client();
    for number in 0..200 {
        client.create(&format!("/missed-{number}"), CreateMode::Persistent);
    }
    let newest = ensemble.agree();
    client.member().begin_snapshot().expect("it runs");
    until("the log lets go of what is in the snapshot", || {
        (client.seat.log.purged().index > 100).then_some(())
    });

    ensemble.restart(late);
    assert_eq!(ensemble.agree(), newest);
    let seat = &ensemble.seats[late];
    assert!(!snapshot::list(&seat.disk).unwrap().is_empty(), "it came as a snapshot");
    until("the log goes on behind it", || (seat.log.purged().index > 100).then_some(()));
    let newest = ensemble.client().create("/later", CreateMode::Persistent);
    assert_eq!(ensemble.agree(), newest);

    // What was installed is what it starts from the next time.
    ensemble.stop(late);
    ensemble.restart(late);
    assert_eq!(ensemble.agree(), newest);
}

#[test]
fn r6_a_member_that_does_not_lead_cuts_who_proposes() {
    let ensemble = Ensemble::of_three();
    let seat = ensemble.followers()[0];
    let address = "127.0.0.1:4711".parse().expect("an address");
    let peer = seat.service.open(address, NOW, Box::new(Nowhere)).expect("there is no limit");
    let client = Client { seat, peer };
    let mut bytes = BytesMut::new();
    ConnectRequest {
        hello: None,
        last_zxid_seen: Zxid::ZERO,
        timeout: 10_000,
        session_id: SessionId::NONE,
        password: None,
        read_only: None,
    }
    .encode(&mut bytes);
    client.send(bytes);
    until("the connection is cut", || client.peer.is_cut().then_some(()));
}
