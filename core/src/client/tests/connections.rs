//! Attempts, handshakes, heartbeats and silence.

use super::world::{Heard, TIMEOUT, World, get, settings};
use crate::base::{Millis, Password, SessionId, Zxid};
use crate::client::State;
use crate::client::machine::Input;
use crate::wire::reply::XID_PING;
use crate::wire::{ConnectResponse, Op, Reply, Request};

#[test]
fn s54_an_idle_client_pings_every_third_of_the_timeout() {
    let mut world = World::connected(settings(|_| {}));
    for _ in 0..1_000 {
        world.pass(TIMEOUT / 3 - 1);
        assert_eq!(world.ops(), []);
        world.pass(1);
        assert_eq!(world.received(), [(XID_PING, Request::Ping)]);
        world.reply(XID_PING, 1, Reply::Done);
    }
    assert_eq!(world.take_states(), [], "it stays connected all along");
}

#[test]
fn s55_a_server_that_never_answers_the_handshake_is_left() {
    let mut world = World::new(settings(|_| {}));
    world.accept();
    world.pass(TIMEOUT / 3 - 1);
    assert!(world.is_connected);
    world.pass(1);
    assert!(!world.is_connected, "a third of the timeout, for there are three hosts");
    world.until_dial();
}

#[test]
fn s55_a_server_that_falls_silent_is_left_after_two_thirds() {
    let mut world = World::connected(settings(|_| {}));
    world.pass(TIMEOUT * 2 / 3 - 1);
    assert!(world.is_connected);
    world.pass(1);
    assert!(!world.is_connected);
    assert_eq!(world.take_states(), [(State::Suspended, 1)]);
}

#[test]
fn c5_a_connection_is_left_before_the_session_is_in_jeopardy() {
    // Events are heard all the time, but nothing sent is answered: the server may be cut off itself.
    let mut world = World::connected(settings(|_| {}));
    world.watch_below(1, "/");
    world.take_heard();
    for _ in 0..TIMEOUT / 100 {
        world.pass(100);
        if world.is_connected {
            world.event(crate::base::EventKind::DataChanged, "/x");
        }
    }
    let states = world.take_states();
    assert_eq!(states[..2], [(State::Suspended, 1), (State::Jeopardy, 1)]);
}

#[test]
fn s57_suspended_is_said_once_however_many_attempts_fail() {
    let mut world = World::connected(settings(|settings| settings.shuffle = false));
    world.cut();
    let dials = world.dials;
    while world.dials < dials + 9 {
        world.until_dial();
        world.is_dialing = false;
        world.handle(Input::DialFailed);
    }
    world.pass(TIMEOUT * 10);
    assert_eq!(world.take_states(), [(State::Suspended, 1), (State::Jeopardy, 1)]);
    world.connect(7);
    assert_eq!(world.take_states(), [(State::Connected, 1)], "the same session, the same epoch");
}

#[test]
fn jeopardy_comes_a_margin_before_the_timeout_after_the_last_answered_request() {
    let mut world = World::connected(settings(|_| {}));
    world.pass(1_000);
    world.submit(get("/a"));
    world.serve();
    world.pass(500);
    world.submit(get("/b"));
    assert_eq!(world.ops(), [Op::GetData], "sent, and not answered");
    world.cut();
    world.take_heard();
    // The answered one was sent 500 ms ago; a quarter of the timeout is the margin.
    world.pass(TIMEOUT * 3 / 4 - 501);
    assert!(world.machine.lease().safe_for(world.now).is_some());
    assert_eq!(world.take_states(), []);
    world.pass(1);
    assert!(world.machine.lease().safe_for(world.now).is_none());
    assert_eq!(world.take_states(), [(State::Jeopardy, 1)]);
}

#[test]
fn after_a_long_stop_the_first_look_sees_jeopardy() {
    let mut world = World::connected(settings(|_| {}));
    let woken = world.now + std::time::Duration::from_secs(60);
    assert_eq!(world.machine.lease().state(woken), State::Jeopardy);
    world.leap(60_000);
    assert_eq!(world.take_states(), [(State::Suspended, 1), (State::Jeopardy, 1)]);
}

#[test]
fn s66_identities_go_first_on_every_connection_and_connected_waits_for_them() {
    let identities = vec![("digest".into(), "a:b".into()), ("digest".into(), "c:d".into())];
    let mut world = World::new(settings(|settings| settings.identities = identities));
    world.submit(get("/early"));
    for round in 0..2 {
        world.connect(7);
        let received = world.received();
        let ops: Vec<_> = received.iter().map(|(_, request)| request.op()).collect();
        assert_eq!(ops[..2], [Op::Auth, Op::Auth]);
        assert_eq!(ops.len(), if round == 0 { 3 } else { 2 });
        world.reply(received[0].0, 0, Reply::Done);
        assert_eq!(world.take_states(), []);
        world.reply(received[1].0, 0, Reply::Done);
        assert_eq!(world.take_states(), [(State::Connected, 1)]);
        if round == 0 {
            world.reply(received[2].0, 1, super::world::success(&received[2].1));
        }
        world.cut();
        world.take_heard();
    }
}

#[test]
fn s68_a_reply_with_a_foreign_xid_drops_the_connection() {
    let mut world = World::connected(settings(|_| {}));
    world.submit(get("/a"));
    let (xid, _) = world.received()[0];
    world.reply(xid + 1, 1, Reply::Done);
    assert!(!world.is_connected);
    assert_eq!(world.take_states(), [(State::Suspended, 1)]);
}

#[test]
fn garbage_drops_the_connection() {
    for bytes in [&[0xFF; 9][..], &[0, 0, 0, 1, 7], &[0, 0, 0, 16, 0, 0, 0, 1]] {
        let mut world = World::connected(settings(|_| {}));
        world.handle(Input::Received(bytes.into()));
        world.pass(TIMEOUT * 2 / 3);
        assert!(!world.is_connected);
    }
}

#[test]
fn s69_c6_the_highest_zxid_goes_with_every_handshake() {
    let mut world = World::connected(settings(|_| {}));
    world.submit(get("/a"));
    let (xid, request) = world.received().remove(0);
    world.reply(xid, 99, super::world::success(&request));
    world.pass(TIMEOUT / 3);
    world.received();
    world.reply(XID_PING, 200, Reply::Done);
    world.cut();
    assert_eq!(world.accept().last_zxid_seen, Zxid(99), "pings do not count");
    // A server that is behind closes without a byte; the next one is asked.
    world.cut();
    assert_eq!(world.accept().last_zxid_seen, Zxid(99));
    world.refuse();
    let fresh = world.accept();
    assert_eq!((fresh.last_zxid_seen, fresh.session_id), (Zxid(99), SessionId::NONE));
}

#[test]
fn a_session_of_a_read_only_server_is_replaced_at_the_first_that_writes() {
    let mut world = World::new(settings(|settings| settings.read_only = true));
    assert_eq!(world.accept().read_only, Some(true));
    world.respond(ConnectResponse {
        timeout: Millis(TIMEOUT as u32),
        session_id: SessionId(3),
        password: Password([3; 16]),
        read_only: Some(true),
        welcome: None,
    });
    assert_eq!(world.take_states(), [(State::ReadOnly, 1)]);
    assert_eq!(world.machine.lease().credentials(), None, "no other server knows it");
    world.cut();
    let request = world.connect(8);
    assert!(world.machine.lease().credentials().is_some());
    assert_eq!(request.session_id, SessionId::NONE);
    assert_eq!(world.take_states(), [(State::Suspended, 1), (State::Connected, 1)]);
    world.cut();
    assert_eq!(world.accept().session_id, SessionId(8));
}

#[test]
fn renegotiation_changes_all_timers() {
    let mut world = World::connected(settings(|_| {}));
    world.cut();
    world.accept();
    world.respond(ConnectResponse {
        timeout: Millis(3_000),
        session_id: SessionId(7),
        password: Password([7; 16]),
        read_only: Some(false),
        welcome: None,
    });
    world.pass(1_000);
    assert_eq!(world.ops(), [Op::Ping]);
    assert_eq!(world.machine.lease().timeout(), Millis(3_000));
}

#[test]
fn only_so_much_is_made_ready_at_a_time_and_the_rest_stays_unsent() {
    let mut world = World::connected(settings(|_| {}));
    let data = bytes::Bytes::from(vec![1; 40 << 10]);
    for _ in 0..4 {
        let path = "/a".to_owned();
        world.submit(Request::SetData { path, data: Some(data.clone()), version: -1 });
    }
    assert!(world.machine.transmit(world.now).is_some(), "what the socket takes at once");
    world.cut();
    let sent: Vec<_> = world
        .take_heard()
        .into_iter()
        .filter(|heard| matches!(heard, Heard::Answer(_, Err(_))))
        .collect();
    assert_eq!(sent.len(), 2, "two were sent, two wait");
    world.connect(7);
    assert_eq!(world.ops(), [Op::SetData, Op::SetData]);
}

#[test]
fn answers_of_a_server_that_only_reads_keep_no_session_safe() {
    let response = |session, read_only| ConnectResponse {
        timeout: Millis(TIMEOUT as u32),
        session_id: SessionId(session),
        password: Password([7; 16]),
        read_only: Some(read_only),
        welcome: None,
    };
    let mut world = World::connected(settings(|settings| settings.read_only = true));
    world.cut();
    world.accept();
    world.respond(response(7, true));
    assert_eq!(world.take_states(), [(State::Suspended, 1), (State::ReadOnly, 1)]);
    // Whoever orders transactions does not hear of these pings and expires the session.
    for _ in 0..4 {
        world.pass(TIMEOUT / 4);
        world.serve();
    }
    assert_eq!(world.machine.lease().safe_for(world.now), None);
    assert_eq!(world.machine.lease().state(world.now), State::ReadOnly);
    assert_eq!(world.take_states(), [], "it is connected all the same");
    world.cut();
    assert_eq!(world.take_states(), [(State::Suspended, 1), (State::Jeopardy, 1)]);
    world.accept();
    world.respond(response(7, false));
    assert!(world.machine.lease().safe_for(world.now).is_some());
    assert_eq!(world.take_states(), [(State::Connected, 1)]);
}

#[test]
fn s15_auth_packets_are_no_pings() {
    let mut world = World::connected(settings(|_| {}));
    let mut ops = Vec::new();
    for _ in 0..8 {
        world.submit(Request::Auth { scheme: "digest".into(), auth: "a:b".into() });
        world.pass(TIMEOUT / 4);
        ops.extend(world.serve().iter().map(Request::op));
    }
    assert!(ops.contains(&Op::Ping), "they touch no session: {ops:?}");
    assert!(world.is_connected);
}

#[test]
fn a_server_that_grants_and_hangs_up_is_not_asked_again_at_once_for_ever() {
    let mut world = World::new(settings(|_| {}));
    let started = world.now;
    for _ in 0..20 {
        world.connect(7);
        world.cut();
    }
    assert!(world.now.since(started) > std::time::Duration::from_secs(5), "the waits grow");
    world.connect(7);
    world.submit(get("/a"));
    world.serve();
    world.cut();
    let cut = world.now;
    world.until_dial();
    assert!(world.now.since(cut) < std::time::Duration::from_millis(100), "it served again");
}
