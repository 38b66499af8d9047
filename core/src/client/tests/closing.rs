//! Closing and detaching.

use std::time::Duration;

use super::world::{Heard, TIMEOUT, World, get, set, settings, success};
use crate::base::{Millis, SessionId, Zxid};
use crate::client::machine::Input;
use crate::client::{Credentials, Epoch, Error, LossReason, Recovery, State};
use crate::wire::{Features, Op, Request, Welcome};

const CLOSED: Heard = Heard::State(State::Lost(LossReason::Closed), 1);

#[test]
fn a_close_comes_behind_what_was_submitted_and_ahead_of_nothing() {
    let mut world = World::connected(settings(|_| {}));
    let before = world.submit(set("/a"));
    world.handle(Input::Close);
    let after = world.submit(set("/b"));
    assert_eq!(world.take_heard(), [Heard::Answer(after, Err(Error::Closed))]);
    assert_eq!(world.serve(), [set("/a"), Request::CloseSession]);
    assert_eq!(
        world.take_heard(),
        [
            Heard::Answer(before, Ok(success(&set("/a")))),
            CLOSED,
            Heard::Closed(Ok(())),
            Heard::Finished(Error::Closed),
        ]
    );
    world.handle(Input::Close);
    assert_eq!(world.take_heard(), [Heard::Closed(Ok(()))], "it is closed");
}

#[test]
fn streams_end_with_the_close() {
    let mut world = World::connected(settings(|_| {}));
    world.watch_below(1, "/");
    world.handle(Input::Close);
    world.serve();
    assert!(world.take_heard().contains(&Heard::Item(1, Err(Error::Closed))));
}

#[test]
fn a_close_without_a_connection_waits_a_second_and_says_so() {
    let mut world = World::connected(settings(|_| {}));
    world.cut();
    let waits = world.submit(get("/a"));
    world.handle(Input::Close);
    world.take_heard();
    world.pass(999);
    assert_eq!(world.take_heard(), []);
    world.pass(1);
    let loss = Error::ConnectionLoss { sent: false, epoch: Epoch::FIRST };
    assert_eq!(
        world.take_heard(),
        [
            Heard::Answer(waits, Err(Error::Closed)),
            CLOSED,
            Heard::Closed(Err(loss)),
            Heard::Finished(Error::Closed),
        ]
    );
}

#[test]
fn a_close_whose_answer_was_lost_is_asked_again() {
    let mut world = World::connected(settings(|_| {}));
    world.handle(Input::Close);
    assert_eq!(world.ops(), [Op::CloseSession]);
    world.cut();
    world.take_heard();
    world.accept();
    world.refuse();
    assert_eq!(
        world.take_heard(),
        [CLOSED, Heard::Closed(Ok(())), Heard::Finished(Error::Closed)],
        "a session that does not exist any more is closed"
    );
}

#[test]
fn a_client_that_never_had_a_session_closes_at_once() {
    let mut world = World::new(settings(|_| {}));
    world.handle(Input::Close);
    assert_eq!(world.take_heard(), [CLOSED, Heard::Closed(Ok(())), Heard::Finished(Error::Closed)]);
    world.pass(TIMEOUT);
    assert!(!world.is_dialing);
}

#[test]
fn detaching_leaves_the_session_and_takes_its_credentials() {
    let mut world = World::connected(settings(|_| {}));
    world.submit(get("/a"));
    world.serve();
    let sent = world.submit(set("/sent"));
    world.ops();
    let unsent = world.submit(set("/unsent"));
    world.take_heard();
    world.handle(Input::Detach);
    let reason = LossReason::Abandoned;
    let over = |sent| Error::SessionLost { epoch: Epoch::FIRST, reason, sent };
    assert_eq!(
        world.take_heard(),
        [
            Heard::Answer(sent, Err(over(true))),
            Heard::Answer(unsent, Err(over(false))),
            Heard::State(State::Lost(reason), 1),
            Heard::Detached(Ok(Credentials::new(SessionId(7), [7; 16], Zxid(1)))),
            Heard::Finished(Error::Closed),
        ]
    );
    assert_eq!(world.ops(), [], "no close is sent");
}

#[test]
fn a_close_ends_however_many_connections_break_under_it() {
    let mut world = World::connected(settings(|_| {}));
    world.submit(get("/a"));
    world.handle(Input::Close);
    let started = world.now;
    let is_closed = |heard: &Heard| matches!(heard, Heard::Closed(Err(_)));
    while !world.heard.iter().any(is_closed) {
        assert!(world.now < started + Duration::from_millis(TIMEOUT * 2));
        world.pass(500);
        if world.is_connected {
            world.cut();
        } else if world.is_dialing {
            world.connect(7);
        }
    }
}

/// A client that was granted a crash grace by the server of session 7, and has detached.
fn detaching() -> World {
    let mut world = World::new(settings(|it| it.crash_grace = Some(Duration::from_millis(200))));
    let features = Features::ALL;
    world.welcome = Some(Welcome { features, crash_grace: Millis(200), highest_once: 0 });
    world.connect(7);
    world.handle(Input::Detach);
    world
}

fn detached(world: &World) -> Option<Result<Credentials, Error>> {
    world.heard.iter().find_map(|heard| match heard {
        Heard::Detached(result) => Some(result.clone()),
        _ => None,
    })
}

#[test]
fn detaching_gives_the_crash_grace_up_before_the_session_is_left() {
    let mut world = detaching();
    assert_eq!(detached(&world), None, "the server takes it for a crash still");
    let late = world.submit(get("/late"));
    assert_eq!(world.heard.last(), Some(&Heard::Answer(late, Err(Error::Closed))));
    let hello = world.accept();
    assert_eq!(hello.session_id, SessionId(7));
    assert_eq!(hello.hello.expect("said").crash_grace, Millis(0));
    world.welcome = Some(Welcome { features: Features::ALL, ..Welcome::default() });
    world.grant(7);
    let credentials = Credentials::new(SessionId(7), [7; 16], Zxid(0)).welcomed(true);
    assert_eq!(detached(&world), Some(Ok(credentials)));
    assert_eq!(world.take_heard().last(), Some(&Heard::Finished(Error::Closed)));
    assert!(!world.is_connected);
    assert_eq!(world.ops(), [], "no close is sent");
}

#[test]
fn detaching_waits_a_second_for_a_server_that_can_be_told() {
    let mut world = detaching();
    world.accept();
    world.cut();
    world.pass(990);
    assert_eq!(detached(&world), None);
    world.handle(Input::Close);
    world.handle(Input::Detach);
    world.pass(10);
    assert!(matches!(detached(&world), Some(Ok(_))), "whoever resumes it will see");
    assert_eq!(world.take_heard().last(), Some(&Heard::Finished(Error::Closed)));
}

#[test]
fn a_session_that_ended_under_a_detach_is_not_handed_out() {
    let mut world = detaching();
    world.accept();
    world.refuse();
    let reason = LossReason::ExpiredByServer;
    let over = Error::SessionLost { epoch: Epoch::FIRST, reason, sent: false };
    assert_eq!(detached(&world), Some(Err(over)));
}

#[test]
fn detaching_does_not_start_afresh() {
    let mut world = World::new(settings(|it| {
        it.crash_grace = Some(Duration::from_millis(200));
        it.recovery = Recovery::fresh();
    }));
    let features = Features::ALL;
    world.welcome = Some(Welcome { features, crash_grace: Millis(200), highest_once: 0 });
    world.connect(7);
    world.handle(Input::Detach);
    assert_eq!(world.connect(7).session_id, SessionId(7));
    assert!(matches!(detached(&world), Some(Ok(_))));
}
