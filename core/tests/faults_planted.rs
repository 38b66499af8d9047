//! Each fault that can be planted in an embedded server, as a client sees it.

use std::time::Duration;

use tenure::blocking::{Client, wait};
use tenure::server::{Clock, Fault, Faults, Op, Server};
use tenure::{Builder, Code, CreateMode, Epoch, Error, LossReason, Outcome, Recovery, State};
use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::records::{ConnectRequest, open};
use tenure_tests::session::{Session, create_body};

const TIMEOUT: Duration = Duration::from_secs(10);

/// Longer than any wait before a reconnect, and no session's end.
const SOON: Duration = Duration::from_secs(1);

struct World {
    server: Server,
    clock: Clock,
    faults: Faults,
}

impl World {
    fn new() -> World {
        World::with(Server::builder())
    }

    fn with(builder: tenure::server::ServerBuilder) -> World {
        let clock = Clock::manual();
        let server = builder.clock(clock.clone()).start().expect("a free port");
        let faults = server.faults();
        World { server, clock, faults }
    }

    fn builder(&self) -> Builder {
        Client::builder(self.server.hosts()).clock(&self.clock).session_timeout(TIMEOUT)
    }

    fn client(&self) -> Client {
        self.builder().connect_blocking(None).expect("connects")
    }

    /// Until everybody has noticed.
    fn settle(&self) {
        self.server.advance(Duration::ZERO);
    }

    fn pass(&self, length: Duration) {
        self.server.advance(length);
    }
}

fn version(client: &Client, path: &str) -> i32 {
    client.ops().exists(path).expect("answers").expect("it is there").version
}

#[test]
fn an_expiry_ends_the_session_and_what_it_held() {
    let world = World::new();
    let witness = world.client();
    let mortal = world.builder().recovery(Recovery::ResumeOnly).connect_blocking(None);
    let mortal = mortal.expect("connects");
    mortal.ops().create("/held", "", CreateMode::Ephemeral).expect("creates");
    assert!(world.faults.expire(mortal.session().id()));
    assert!(witness.ops().exists("/held").expect("answers").is_none());
    world.pass(SOON);
    assert_eq!(mortal.state(), State::Lost(LossReason::ExpiredByServer));
    assert!(!world.faults.expire(mortal.session().id()), "it is gone");
    assert_eq!(world.faults.hits(Fault::Expire), 1);
}

#[test]
fn a_dropped_connection_costs_no_session() {
    let world = World::new();
    let (client, other) = (world.client(), world.client());
    assert!(world.faults.drop_connection(client.session().id()));
    world.settle();
    assert_eq!((client.state(), other.state()), (State::Suspended, State::Connected));
    world.pass(SOON);
    assert_eq!((client.state(), client.session().epoch()), (State::Connected, Epoch::FIRST));
    assert_eq!(world.faults.drop_connections(), 2);
    world.settle();
    assert_eq!((client.state(), other.state()), (State::Suspended, State::Suspended));
    assert_eq!(world.faults.hits(Fault::DropConnection), 3);
}

#[test]
fn jeopardy_comes_at_the_safe_deadline_and_the_end_after_the_expiry() {
    let world = World::new();
    let client = world.client();
    let witness = world.client();
    client.ops().create("/held", "", CreateMode::Ephemeral).expect("creates");
    let safe = client.session().safe_for().expect("it was answered");
    world.faults.refuse(true);
    assert!(world.faults.drop_connection(client.session().id()));
    world.settle();
    assert_eq!(client.state(), State::Suspended);
    world.pass(safe - Duration::from_micros(1));
    assert_eq!(client.state(), State::Suspended);
    assert_eq!(client.session().safe_for(), Some(Duration::from_micros(1)));
    world.pass(Duration::from_micros(1));
    assert_eq!((client.state(), client.session().safe_for()), (State::Jeopardy, None));
    assert!(world.faults.hits(Fault::Refuse) > 2, "it went on trying");
    // Where the server promises more, both come at the same moment.
    if let Some(left) = (TIMEOUT - safe).checked_sub(Duration::from_micros(1)) {
        world.pass(left);
        assert!(witness.ops().exists("/held").expect("answers").is_some(), "not yet");
        world.pass(Duration::from_micros(1));
    }
    assert!(witness.ops().exists("/held").expect("answers").is_none(), "at its time");
    assert_eq!(client.state(), State::Jeopardy, "nobody has told it");
    let session = client.session();
    world.faults.refuse(false);
    world.pass(TIMEOUT / 4);
    assert_eq!(session.state(), State::Lost(LossReason::ExpiredByServer));
    assert_eq!((client.state(), client.session().epoch()), (State::Connected, Epoch(2)));
}

#[test]
fn as_many_connections_are_refused_as_were_told() {
    let world = World::new();
    world.faults.refuse_next(3);
    let client = world.builder().connect_lazy().expect("settings");
    world.settle();
    assert_eq!((world.faults.hits(Fault::Refuse), world.faults.pending(Fault::Refuse)), (1, 2));
    world.pass(3 * TIMEOUT / 4);
    assert_eq!((world.faults.hits(Fault::Refuse), world.faults.pending(Fault::Refuse)), (3, 0));
    assert_eq!(client.state(), State::Connected);
}

#[test]
fn a_delayed_answer_comes_at_its_moment_and_nothing_overtakes_it() {
    let world = World::new();
    let client = world.client();
    client.ops().create("/n", "", CreateMode::Persistent).expect("creates");
    world.faults.delay(Op::SetData, Duration::from_secs(2));
    let ops = client.asynchronous();
    let time = ops.clone();
    let begun = ops.time();
    let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    for (name, request) in [("set", set("/n")), ("get", tenure::Request::WhoAmI)] {
        let (heard, time) = (heard.clone(), time.clone());
        ops.submit(request, tenure::RequestOptions::new(), move |result| {
            result.expect("it is answered");
            heard.lock().expect("nobody panics").push((name, time.time() - begun));
        });
    }
    world.settle();
    assert_eq!(version(&world.client(), "/n"), 1, "it was carried out at once");
    assert_eq!(world.faults.pending(Fault::Delay), 2);
    world.pass(Duration::from_millis(1_999));
    assert_eq!(*heard.lock().expect("nobody panics"), []);
    world.pass(TIMEOUT);
    let two = Duration::from_secs(2);
    assert_eq!(*heard.lock().expect("nobody panics"), [("set", two), ("get", two)]);
    assert_eq!((world.faults.hits(Fault::Delay), world.faults.pending(Fault::Delay)), (1, 0));
    assert_eq!((client.state(), client.session().epoch()), (State::Connected, Epoch::FIRST));
}

fn set(path: &str) -> tenure::Request {
    tenure::Request::SetData { path: path.into(), data: Some("x".into()), version: -1 }
}

#[test]
fn a_server_slower_than_the_session_allows_is_left() {
    let world = World::new();
    let client = world.client();
    world.faults.delay(None, TIMEOUT);
    world.pass(TIMEOUT * 2 / 3 - Duration::from_millis(1));
    assert_eq!(client.state(), State::Connected);
    assert_eq!(world.faults.hits(Fault::Delay), 1, "its heartbeat is held back");
    world.pass(Duration::from_millis(2));
    assert_eq!(client.state(), State::Suspended, "two thirds of the timeout after the last answer");
    world.pass(TIMEOUT / 4);
    assert_eq!(client.state(), State::Connected, "the answer to a handshake is not held back");
    assert_eq!(client.session().epoch(), Epoch::FIRST);
}

#[test]
fn s56_a_lost_reply_leaves_a_write_that_was_carried_out() {
    let world = World::new();
    let (client, witness) = (world.client(), world.client());
    client.ops().create("/n", "", CreateMode::Persistent).expect("creates");
    world.faults.lose_reply(Op::SetData, 1);
    let before = client.asynchronous().ops().exists("/n");
    let write = client.asynchronous().ops().set("/n", "x", None);
    world.settle();
    assert!(wait(before).expect("answered before").is_some());
    assert_eq!(world.faults.hits(Fault::LoseReply), 1);
    assert_eq!(world.faults.carried_out(Op::SetData), 1);
    assert_eq!(version(&witness, "/n"), 1);
    world.pass(SOON);
    let outcome = wait(write).map(|_| ()).map_err(|error| error.outcome());
    assert!(outcome != Err(Outcome::NotApplied), "it was applied: {outcome:?}");
    assert_eq!(world.faults.carried_out(Op::SetData), 1, "once, whatever the client did");
    assert_eq!((version(&witness, "/n"), client.state()), (1, State::Connected));
    client.ops().set("/n", "y", None).expect("only one was lost");
}

#[test]
fn a_lost_request_was_never_carried_out() {
    let world = World::new();
    let (client, witness) = (world.client(), world.client());
    client.ops().create("/n", "", CreateMode::Persistent).expect("creates");
    world.faults.lose_request(Op::SetData, 1);
    assert_eq!(world.faults.pending(Fault::LoseRequest), 1);
    let write = client.asynchronous().ops().set("/n", "x", None);
    world.settle();
    assert_eq!((world.faults.hits(Fault::LoseRequest), version(&witness, "/n")), (1, 0));
    assert_eq!(client.state(), State::Suspended);
    world.pass(SOON);
    match wait(write) {
        // Sent again where that is safe.
        Ok(_) => assert_eq!(version(&witness, "/n"), 1),
        Err(error) => {
            assert_eq!((error.outcome(), version(&witness, "/n")), (Outcome::Unknown, 0));
        }
    }
    let again = world.faults.received(Op::SetData) - 1;
    assert_eq!(world.faults.carried_out(Op::SetData), again);
    // A read is asked again.
    world.faults.lose_request(Op::Exists, 1);
    let read = client.asynchronous().ops().exists("/n");
    world.pass(SOON);
    assert!(wait(read).expect("answered in the end").is_some());
}

#[test]
fn a_raw_client_sees_what_was_lost_and_what_came_before() {
    let world = World::new();
    let mut raw = Session::with_timeout(world.server.addr(), 10_000);
    raw.create("/n", b"", 0).expect("creates");
    world.faults.lose_reply(Op::Create, 1);
    raw.ping();
    let first = raw.send(op::EXISTS, &Body::new().string("/n").bool(false));
    raw.send(op::CREATE, &create_body("/a", Some(b""), &open(), 0));
    raw.send(op::CREATE, &create_body("/b", Some(b""), &open(), 0));
    assert_eq!(raw.reply().expect("the answer before").xid, first);
    assert!(raw.is_cut());
    let witness = world.client();
    assert!(witness.ops().exists("/a").expect("answers").is_some());
    assert!(witness.ops().exists("/b").expect("answers").is_none(), "it came behind the cut");
}

#[test]
fn a_request_fails_with_the_code_that_was_told() {
    let world = World::new();
    let client = world.client();
    world.faults.fail(Op::Create, Code::QuotaExceeded, 2);
    for _ in 0..2 {
        let error = client.ops().create("/n", "", CreateMode::Persistent).expect_err("it fails");
        assert!(matches!(error, Error::Server { code: Code::QuotaExceeded, .. }), "{error:?}");
    }
    assert!(client.ops().exists("/n").expect("answers").is_none());
    assert_eq!((world.faults.hits(Fault::Fail), world.faults.carried_out(Op::Create)), (2, 0));
    client.ops().create("/n", "", CreateMode::Persistent).expect("only two failed");
    assert_eq!((world.faults.received(Op::Create), world.faults.carried_out(Op::Create)), (3, 1));
    // A session whose end failed lives on.
    world.faults.fail(Op::CloseSession, Code::SystemError, 1);
    let id = client.session().id();
    assert!(client.close().is_err());
    assert_eq!(world.server.sessions(), [id.0]);
}

#[test]
fn a_silent_server_is_left_by_its_client_and_expires_the_session_in_time() {
    let world = World::new();
    let (client, witness) = (world.client(), world.client());
    client.ops().create("/held", "", CreateMode::Ephemeral).expect("creates");
    world.faults.silence(client.session().id(), true);
    world.settle();
    assert_eq!(world.faults.hits(Fault::Silence), 1);
    let begun = client.asynchronous().time();
    world.pass(TIMEOUT * 2 / 3 - Duration::from_millis(1));
    assert_eq!(client.state(), State::Connected, "nothing tells it");
    world.pass(Duration::from_millis(2));
    assert_eq!(client.state(), State::Suspended, "two thirds of the timeout after the last word");
    assert!(witness.ops().exists("/held").expect("answers").is_some());
    world.pass(begun + TIMEOUT - client.asynchronous().time());
    assert!(witness.ops().exists("/held").expect("answers").is_none(), "nobody was heard");
    assert_eq!((client.state(), witness.state()), (State::Jeopardy, State::Connected));
    world.faults.silence(client.session().id(), false);
    world.pass(TIMEOUT / 2);
    assert_eq!((client.state(), client.session().epoch()), (State::Connected, Epoch(2)));
}

#[test]
fn a_silence_that_ends_in_time_costs_nothing() {
    let world = World::new();
    let client = world.client();
    client.ops().create("/n", "", CreateMode::Persistent).expect("creates");
    world.faults.silence(None, true);
    world.settle();
    let write = client.asynchronous().ops().set("/n", "x", None);
    world.pass(TIMEOUT / 2);
    assert_eq!(world.faults.received(Op::SetData), 0, "nobody reads");
    world.faults.silence(None, false);
    world.settle();
    assert_eq!(wait(write).expect("answered now").version, 1);
    assert_eq!((client.state(), client.session().epoch()), (State::Connected, Epoch::FIRST));
}

#[test]
fn a_silent_server_stops_and_starts_again() {
    let mut world = World::new();
    let client = world.client();
    world.faults.silence(None, true);
    world.settle();
    world.server.restart().expect("starts again");
    world.pass(SOON);
    assert_ne!(client.state(), State::Connected, "silent all the same");
    world.faults.clear();
    world.pass(TIMEOUT / 2);
    assert_eq!((client.state(), client.session().epoch()), (State::Connected, Epoch::FIRST));
}

#[test]
fn s51_a_server_that_only_reads_says_so_to_those_who_accept_it() {
    let world = World::new();
    let writer = world.client();
    writer.ops().create("/n", "data", CreateMode::Ephemeral).expect("creates");
    world.faults.read_only(true);
    let reader = world.builder().read_only(true).connect_blocking(None).expect("connects");
    assert_eq!(reader.state(), State::ReadOnly);
    assert_eq!(reader.ops().get("/n").expect("reads").data, "data");
    let refused = [
        reader.ops().set("/n", "", None).map(|_| ()),
        reader.ops().create("/m", "", CreateMode::Persistent).map(|_| ()),
        reader.ops().delete("/n", None),
        reader.ops().sync("/").map(|_| ()),
    ];
    for result in refused {
        let error = result.expect_err("it only reads");
        assert!(matches!(error, Error::Server { code: Code::NotReadOnly, .. }), "{error:?}");
    }
    world.pass(3 * TIMEOUT);
    assert_eq!((reader.state(), writer.state()), (State::ReadOnly, State::Jeopardy));
    assert_eq!(world.server.sessions(), [writer.session().id().0], "its own are in no registry");
    let raw = Session::open(world.server.addr(), &ConnectRequest::default());
    assert!(raw.is_err(), "s50: no byte for one who does not accept it");
    assert!(world.faults.hits(Fault::ReadOnly) >= 6);
    world.faults.read_only(false);
    world.pass(TIMEOUT / 2);
    assert_eq!((reader.state(), writer.state()), (State::Connected, State::Connected));
    assert_eq!(writer.session().epoch(), Epoch::FIRST, "it had its whole timeout");
    assert!(reader.ops().exists("/n").expect("answers").is_some());
    reader.ops().set("/n", "", None).expect("writes");
}

#[test]
fn faults_strike_a_server_with_a_disk_as_well() {
    let directory = tempfile::tempdir().expect("a directory");
    let world = World::with(Server::builder().data_dir(directory.path()));
    let (client, witness) = (world.client(), world.client());
    client.ops().create("/n", "", CreateMode::Persistent).expect("creates");
    world.faults.lose_reply(Op::SetData, 1);
    let before = client.asynchronous().ops().create("/before", "").submit();
    let write = client.asynchronous().ops().set("/n", "x", None);
    world.settle();
    wait(before).expect("the answer before it comes");
    assert_eq!((version(&witness, "/n"), world.faults.carried_out(Op::SetData)), (1, 1));
    world.pass(SOON);
    let _ = wait(write);
    world.faults.lose_request(Op::SetData, 1);
    let before = client.asynchronous().ops().create("/second", "").submit();
    let write = client.asynchronous().ops().set("/n", "x", None);
    world.settle();
    wait(before).expect("the answer before it comes");
    assert_eq!(version(&witness, "/n"), 1);
    world.pass(SOON);
    let _ = wait(write);
    assert_eq!(client.state(), State::Connected);
}

#[test]
fn a_server_without_faults_behaves() {
    let world = World::new();
    let client = world.client();
    client.ops().create("/n", "", CreateMode::Persistent).expect("creates");
    client.ops().set("/n", "x", None).expect("sets");
    world.pass(10 * TIMEOUT);
    assert_eq!((client.state(), client.session().epoch()), (State::Connected, Epoch::FIRST));
    assert_eq!((world.faults.received(Op::SetData), world.faults.carried_out(Op::SetData)), (1, 1));
    let faults = [
        Fault::Expire,
        Fault::DropConnection,
        Fault::Refuse,
        Fault::Delay,
        Fault::LoseReply,
        Fault::LoseRequest,
        Fault::Fail,
        Fault::Silence,
        Fault::ReadOnly,
    ];
    for fault in faults {
        assert_eq!((world.faults.hits(fault), world.faults.pending(fault)), (0, 0), "{fault:?}");
    }
}
