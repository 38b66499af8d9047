//! Epochs: how they end, how they begin, and in which order the program hears of it.

use std::time::Duration;

use super::world::{Heard, TIMEOUT, World, add_watch, create, get, resume_only, set, settings};
use crate::base::{CreateMode, SessionId, Zxid};
use crate::client::machine::Input;
use crate::client::{
    Credentials, Epoch, Error, LossReason, Recovery, Restore, ResyncReason, State, WatchItem,
};
use crate::wire::{Op, Request};

const EXPIRED: LossReason = LossReason::ExpiredByServer;

fn resync(reason: ResyncReason, epoch: u32) -> WatchItem {
    WatchItem::Resync { reason, epoch: Epoch(epoch) }
}

/// A session with one of everything, cut off.
fn furnished() -> World {
    let mut world = World::connected(settings(|_| {}));
    world.submit(create("/e", CreateMode::Ephemeral));
    world.watch_data(1, "/d");
    world.watch_below(2, "/");
    world.submit(set("/sent"));
    assert_eq!(world.ops(), [Op::SetData]);
    world.submit_with(get("/pinned"), |submission| submission.epoch = Some(Epoch::FIRST));
    world.take_heard();
    world.cut();
    world
}

fn over(sent: bool) -> Error {
    Error::SessionLost { epoch: Epoch::FIRST, reason: EXPIRED, sent }
}

#[test]
fn c3_the_old_epoch_ends_completely_before_the_new_one_is_heard_of() {
    let mut world = furnished();
    let unknown = Error::ConnectionLoss { sent: true, epoch: Epoch::FIRST };
    assert_eq!(
        world.take_heard(),
        [Heard::Answer(4, Err(unknown)), Heard::State(State::Suspended, 1)]
    );
    let lease = world.machine.lease().clone();
    world.accept();
    world.refuse();
    assert_eq!(
        world.take_heard(),
        [
            Heard::Answer(5, Err(over(false))),
            Heard::Item(1, Err(over(false))),
            Heard::State(State::Lost(EXPIRED), 1),
            Heard::State(State::Connecting, 2),
        ]
    );
    assert_eq!(lease.ended(), Some(EXPIRED));
    let request = world.connect(8);
    assert_eq!(request.session_id, SessionId::NONE);
    assert_eq!(world.serve().iter().map(Request::op).collect::<Vec<_>>(), [Op::SetWatches2]);
    assert_eq!(
        world.take_heard(),
        [
            Heard::Item(2, Ok(resync(ResyncReason::NewSession, 2))),
            Heard::State(State::Connected, 2),
        ]
    );
    let event = world.events.last().expect("connected");
    assert!(event.is_new_session && event.session_id == SessionId(8));
    let report = event.restored.as_deref().expect("a report");
    assert_eq!((report.watches, report.dropped_oneshot), (1, 1));
    assert_eq!(report.lost_ephemerals, ["/e"]);
}

#[test]
fn a_foreign_id_ends_the_epoch_first_and_serves_the_next_without_another_connect() {
    let mut world = furnished();
    world.take_heard();
    let dials = world.dials;
    world.connect(9);
    assert_eq!(world.dials, dials + 1);
    world.serve();
    assert_eq!(
        world.take_heard(),
        [
            Heard::Answer(5, Err(over(false))),
            Heard::Item(1, Err(over(false))),
            Heard::State(State::Lost(EXPIRED), 1),
            Heard::Item(2, Ok(resync(ResyncReason::NewSession, 2))),
            Heard::State(State::Connected, 2),
        ]
    );
    assert_eq!(world.machine.lease().id(), SessionId(9));
}

#[test]
fn a_foreign_id_finishes_a_client_that_only_resumes() {
    let mut world = World::connected(settings(resume_only));
    world.cut();
    world.take_heard();
    world.connect(9);
    assert_eq!(
        world.take_heard(),
        [Heard::State(State::Lost(EXPIRED), 1), Heard::Finished(over(false))]
    );
    assert!(!world.is_connected);
}

#[test]
fn epochs_count_up_and_a_broken_restoration_is_done_again() {
    let mut world = World::connected(settings(|_| {}));
    world.watch_below(1, "/");
    world.cut();
    world.accept();
    world.refuse();
    world.connect(8);
    world.cut();
    world.take_heard();
    assert_eq!(world.connect(8).session_id, SessionId(8));
    world.serve();
    assert_eq!(
        world.take_heard(),
        [
            Heard::Item(1, Ok(resync(ResyncReason::NewSession, 2))),
            Heard::State(State::Connected, 2),
        ],
        "the stream was not told yet, and hears the stronger reason"
    );
}

#[test]
fn streams_end_with_the_session_if_so_set() {
    let restore = Restore::default().watches(false);
    let mut world = World::connected(settings(|s| s.recovery = Recovery::Renew(restore)));
    world.watch_below(1, "/");
    world.take_heard();
    world.cut();
    world.accept();
    world.refuse();
    assert!(world.take_heard().contains(&Heard::Item(1, Err(over(false)))));
    world.connect(8);
    assert_eq!(world.ops(), []);
}

#[test]
fn a_watch_that_was_being_added_is_added_in_the_new_session() {
    let mut world = World::connected(settings(|_| {}));
    let call = world.submit_with(add_watch("/x"), |submission| {
        submission.intent = crate::client::Intent::Stream(crate::client::WatchId(1));
    });
    assert_eq!(world.ops(), [Op::AddWatch]);
    world.cut();
    world.accept();
    world.refuse();
    world.connect(8);
    assert_eq!(world.serve(), [add_watch("/x")]);
    assert!(world.take_heard().contains(&Heard::Answer(call, Ok(crate::wire::Reply::Done))));
}

#[test]
fn s59_a_client_cut_off_for_long_enough_gives_up_by_itself() {
    let restore = Restore::default().give_up_after(Some(Duration::from_millis(TIMEOUT * 4 / 3)));
    let mut world = World::connected(settings(|s| s.recovery = Recovery::Renew(restore)));
    let call = world.submit(get("/a"));
    world.cut();
    world.take_heard();
    world.pass(TIMEOUT * 4 / 3 - 1);
    assert_eq!(world.take_heard(), [Heard::State(State::Jeopardy, 1)]);
    world.pass(1);
    let reason = LossReason::GaveUp;
    let error = Error::SessionLost { epoch: Epoch::FIRST, reason, sent: false };
    assert_eq!(
        world.take_heard(),
        [
            Heard::Answer(call, Err(error.clone())),
            Heard::State(State::Lost(reason), 1),
            Heard::Finished(error),
        ]
    );
}

#[test]
fn s59_without_that_it_never_does() {
    let mut world = World::new(settings(|_| {}));
    world.pass(TIMEOUT * 100);
    assert_eq!(world.take_heard(), []);
    world.connect(7);
    world.cut();
    world.pass(TIMEOUT * 100);
    assert_eq!(world.take_states().last(), Some(&(State::Jeopardy, 1)));
}

#[test]
fn credentials_resume_a_session_with_its_zxid() {
    let credentials = Credentials::new(SessionId(7), [1; 16], Zxid(50));
    let mut world = World::new(settings(|s| s.resume = Some(credentials)));
    let request = world.connect(7);
    assert_eq!((request.session_id, request.last_zxid_seen), (SessionId(7), Zxid(50)));
    assert_eq!(request.password.as_deref(), Some(&[1; 16][..]));
    assert_eq!(world.take_states(), [(State::Connected, 1)]);
}

#[test]
fn credentials_of_a_session_that_is_over_lead_to_the_next_epoch() {
    let credentials = Credentials::new(SessionId(7), [1; 16], Zxid(50));
    let mut world = World::new(settings(|s| s.resume = Some(credentials)));
    world.accept();
    world.refuse();
    world.connect(8);
    assert_eq!(
        world.take_states(),
        [(State::Lost(EXPIRED), 1), (State::Connecting, 2), (State::Connected, 2)]
    );
}

#[test]
fn s36_a_session_that_keeps_being_taken_over_is_left_as_stolen() {
    let credentials = Credentials::new(SessionId(7), [1; 16], Zxid(50));
    let mut world = World::new(settings(|s| s.resume = Some(credentials)));
    for _ in 0..3 {
        world.connect(7);
        world.cut();
    }
    let states = world.take_states();
    assert_eq!(states.last(), Some(&(State::Lost(LossReason::Stolen), 1)));
    world.pass(TIMEOUT * 10);
    assert_eq!(world.dials, 3);
}

#[test]
fn cuts_far_apart_are_no_theft() {
    let credentials = Credentials::new(SessionId(7), [1; 16], Zxid(50));
    let mut world = World::new(settings(|s| s.resume = Some(credentials)));
    for _ in 0..9 {
        world.connect(7);
        world.pass(TIMEOUT * 2 / 3 - 1);
        world.cut();
        world.handle(Input::Tick);
    }
    assert!(!world.take_states().iter().any(|(state, _)| matches!(state, State::Lost(_))));
}

#[test]
fn an_answer_that_names_no_session_is_a_refusal() {
    let mut world = World::connected(settings(resume_only));
    world.cut();
    world.take_heard();
    world.connect(0);
    let lost = Heard::State(State::Lost(EXPIRED), 1);
    assert_eq!(world.take_heard(), [lost, Heard::Finished(over(false))]);
    let mut world = World::new(settings(|_| {}));
    world.connect(0);
    assert!(!world.is_connected, "there is no session to speak for");
    assert_eq!(world.take_states(), []);
}

#[test]
fn a_session_that_nobody_else_knows_of_is_never_stolen() {
    let credentials = Credentials::new(SessionId(7), [1; 16], Zxid(50));
    let mut world = World::new(settings(|s| s.resume = Some(credentials)));
    world.accept();
    world.refuse();
    for _ in 0..9 {
        world.connect(8);
        world.cut();
    }
    let last = world.take_states().last().copied();
    assert_eq!(last, Some((State::Suspended, 2)), "the server is at fault, not a thief");
}
