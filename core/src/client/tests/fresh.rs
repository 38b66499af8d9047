//! A new session for every connection, and ensembles that have lost data.

use std::time::Duration;

use super::world::{Heard, World, create, get, resume_only, set, settings, success};
use crate::base::{CreateMode, SessionId, Zxid};
use crate::client::Settings;
use crate::client::{Epoch, Error, LossReason, Recovery, State, WhenRegressed};
use crate::wire::Op;

const ABANDONED: LossReason = LossReason::Abandoned;

fn fresh(settings: &mut Settings) {
    settings.recovery = Recovery::fresh();
}

fn without_close(settings: &mut Settings) {
    let recovery = Recovery::fresh();
    if let Recovery::Fresh { restore, min_interval, .. } = recovery {
        settings.recovery = Recovery::Fresh { close_old: false, restore, min_interval };
    }
}

#[test]
fn a_cut_ends_the_epoch_at_once_and_its_session_before_the_next_begins() {
    let mut world = World::connected(settings(fresh));
    world.submit(create("/e", CreateMode::Ephemeral));
    world.serve();
    world.take_heard();
    let sent = world.submit(set("/sent"));
    let read = world.submit(get("/read"));
    world.ops();
    let unsent = world.submit(set("/unsent"));
    let bound = world.submit(create("/bound", CreateMode::Ephemeral));
    let lease = world.machine.lease().clone();
    world.cut();
    assert_eq!(lease.ended(), Some(ABANDONED));
    let unknown = Error::ConnectionLoss { sent: true, epoch: Epoch::FIRST };
    let over = Error::SessionLost { epoch: Epoch::FIRST, reason: ABANDONED, sent: false };
    assert_eq!(
        world.take_heard(),
        [
            Heard::Answer(sent, Err(unknown)),
            Heard::Answer(bound, Err(over)),
            Heard::State(State::Lost(ABANDONED), 1),
            Heard::State(State::Connecting, 2),
        ]
    );
    let request = world.connect(7);
    assert_eq!(request.session_id, SessionId(7), "the old one is asked for");
    assert_eq!(world.take_heard(), [], "and nobody hears of it");
    assert_eq!(world.serve().iter().map(|r| r.op()).collect::<Vec<_>>(), [Op::CloseSession]);
    assert_eq!(world.connect(8).session_id, SessionId::NONE);
    assert_eq!(world.take_heard(), [Heard::State(State::Connected, 2)]);
    let report = world.events.last().and_then(|event| event.restored.clone()).expect("a report");
    assert_eq!(report.lost_ephemerals, ["/e"]);
    assert_eq!(world.serve(), [get("/read"), set("/unsent")]);
    let answers = world.take_heard();
    assert_eq!(answers[0], Heard::Answer(read, Ok(success(&get("/read")))));
    assert_eq!(answers[1], Heard::Answer(unsent, Ok(success(&set("/unsent")))));
}

#[test]
fn an_old_session_that_is_over_needs_no_close_and_a_foreign_one_is_closed_at_once() {
    let mut world = World::connected(settings(fresh));
    world.cut();
    world.accept();
    world.refuse();
    assert_eq!(world.connect(8).session_id, SessionId::NONE);
    world.cut();
    assert_eq!(world.connect(99).session_id, SessionId(8));
    assert_eq!(world.ops(), [Op::CloseSession]);
    world.cut();
    assert_eq!(world.connect(9).session_id, SessionId::NONE, "the old one is over all the same");
    let states = world.take_states();
    assert_eq!(states.last(), Some(&(State::Connected, 3)));
}

#[test]
fn a_close_of_the_old_session_whose_answer_is_lost_is_asked_again() {
    let mut world = World::connected(settings(fresh));
    world.cut();
    world.connect(7);
    assert_eq!(world.ops(), [Op::CloseSession]);
    world.cut();
    assert_eq!(world.accept().session_id, SessionId(7));
    world.refuse();
    assert_eq!(world.connect(8).session_id, SessionId::NONE);
    assert_eq!(world.take_states().last(), Some(&(State::Connected, 2)));
}

#[test]
fn without_the_close_the_next_session_starts_right_away() {
    let mut world = World::connected(settings(without_close));
    world.cut();
    assert_eq!(world.connect(8).session_id, SessionId::NONE);
    assert_eq!(
        world.take_states(),
        [(State::Lost(ABANDONED), 1), (State::Connecting, 2), (State::Connected, 2),]
    );
}

#[test]
fn new_sessions_start_no_more_often_than_was_set() {
    let mut world = World::connected(settings(without_close));
    world.cut();
    let started = world.now;
    for session in 8..28 {
        world.connect(session);
        world.submit(get("/served"));
        world.serve();
        world.cut();
    }
    let took = world.now.since(started);
    assert!(took > Duration::from_secs(9), "{took:?} for twenty, half a second each at least");
    assert!(took < Duration::from_secs(32), "{took:?} for twenty");
}

#[test]
fn numbered_writes_do_not_follow_into_another_session() {
    let mut world = World::welcomed(settings(fresh));
    let call = world.submit(set("/a"));
    world.ops();
    world.cut();
    let unknown = Error::ConnectionLoss { sent: true, epoch: Epoch::FIRST };
    assert_eq!(world.take_heard()[0], Heard::Answer(call, Err(unknown)));
    assert!(world.connect(7).hello.is_some());
    world.serve();
    world.connect(8);
    assert_eq!(world.ops(), []);
}

/// A client that has seen transaction 99, and a round of servers that hang up.
fn behind(change: impl FnOnce(&mut Settings)) -> World {
    let mut world = World::connected(settings(change));
    world.submit(get("/a"));
    let (xid, request) = world.received().remove(0);
    world.reply(xid, 99, success(&request));
    world.cut();
    for _ in 0..3 {
        assert_eq!(world.accept().last_zxid_seen, Zxid(99));
        world.cut();
    }
    world.take_heard();
    world
}

/// A server tells somebody who has seen nothing how far it is.
fn measure(world: &mut World, newest: i64) {
    let probe = world.connect(50);
    assert_eq!((probe.last_zxid_seen, probe.session_id), (Zxid::ZERO, SessionId::NONE));
    let (xid, request) = world.received().remove(0);
    assert_eq!(request.op(), Op::CloseSession);
    world.reply(xid, newest, success(&request));
}

#[test]
fn an_ensemble_that_lost_data_stops_the_client() {
    let mut world = behind(resume_only);
    for _ in 0..3 {
        assert_eq!(world.take_heard(), []);
        measure(&mut world, 40);
    }
    let error = Error::EnsembleRegressed { seen: Zxid(99) };
    assert_eq!(
        world.take_heard(),
        [Heard::State(State::Lost(LossReason::GaveUp), 1), Heard::Finished(error),]
    );
}

#[test]
fn servers_that_only_could_not_serve_yet_are_asked_again() {
    let mut world = behind(|_| {});
    measure(&mut world, 120);
    assert_eq!(world.connect(7).last_zxid_seen, Zxid(99));
    assert_eq!(world.take_states(), [(State::Connected, 1)]);
    // Those that hang up on everybody say nothing of themselves, and one alone is not all.
    let mut world = behind(|_| {});
    measure(&mut world, 40);
    assert_eq!(world.accept().last_zxid_seen, Zxid::ZERO);
    world.cut();
    assert_eq!(world.accept().last_zxid_seen, Zxid(99));
}

#[test]
fn a_round_with_a_server_that_cannot_be_reached_is_no_sign() {
    let mut world = World::connected(settings(|_| {}));
    world.submit(get("/a"));
    let (xid, request) = world.received().remove(0);
    world.reply(xid, 99, success(&request));
    world.cut();
    for _ in 0..9 {
        for _ in 0..2 {
            assert_eq!(world.accept().last_zxid_seen, Zxid(99));
            world.cut();
        }
        world.until_dial();
        world.is_dialing = false;
        world.handle(crate::client::machine::Input::DialFailed);
    }
}

#[test]
fn a_client_that_forgets_goes_on() {
    let mut world = behind(|s| s.when_regressed = WhenRegressed::Forget);
    for _ in 0..3 {
        measure(&mut world, 40);
    }
    let again = world.accept();
    assert_eq!((again.last_zxid_seen, again.session_id), (Zxid::ZERO, SessionId(7)));
    world.refuse();
    world.connect(8);
    assert_eq!(world.take_states().last(), Some(&(State::Connected, 2)));
}
