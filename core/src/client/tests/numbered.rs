//! Numbered writes: sent again and carried out once, whatever happens to connections.

use std::time::Duration;

use super::world::{Heard, World, create, get, set, settings, success};
use crate::base::limits::WINDOW_REPLIES;
use crate::base::{Code, CreateMode};
use crate::client::machine::Input;
use crate::client::{Epoch, Error, LossReason, Outcome, State, WhenDisconnected};
use crate::wire::once::FORGOTTEN;
use crate::wire::{MultiOp, Op, Request, Welcome};

fn numbers(world: &mut World) -> Vec<(i64, i64, Request)> {
    let numbered = |(_, request): (i32, Request)| match request {
        Request::Once(once) => (once.number, once.answered, once.request),
        request => (0, 0, request),
    };
    world.received().into_iter().map(numbered).collect()
}

fn loss() -> Error {
    Error::ConnectionLoss { sent: true, epoch: Epoch::FIRST }
}

#[test]
fn writes_are_numbered_from_one_and_reads_are_not() {
    let mut world = World::welcomed(settings(|_| {}));
    world.submit(set("/a"));
    world.submit(get("/b"));
    world.submit(set("/c"));
    let received = world.received();
    world.reply(received[0].0, 1, success(&received[0].1));
    world.submit(set("/d"));
    let numbered: Vec<_> = numbers(&mut world);
    assert_eq!(numbered, [(3, 1, set("/d"))], "1 is answered, 2 is not");
    assert_eq!(
        received.iter().map(|(_, r)| r.op()).collect::<Vec<_>>(),
        [Op::Once, Op::GetData, Op::Once]
    );
    world.handle(Input::Close);
    assert_eq!(world.ops(), [Op::CloseSession], "which ends what numbers belong to");
}

#[test]
fn c1_what_was_not_answered_goes_again_in_order_and_is_not_in_doubt() {
    let mut world = World::welcomed(settings(|_| {}));
    let first = world.submit(set("/1"));
    let read = world.submit(get("/2"));
    let second = world.submit(set("/3"));
    world.ops();
    let later = world.submit(set("/4"));
    world.cut();
    assert_eq!(world.take_heard(), [Heard::State(State::Suspended, 1)]);
    world.submit(get("/5"));
    world.connect(7);
    let sent = numbers(&mut world);
    let expected = [
        (1, 0, set("/1")),
        (0, 0, get("/2")),
        (2, 0, set("/3")),
        (3, 0, set("/4")),
        (0, 0, get("/5")),
    ];
    assert_eq!(sent, expected);
    for (xid, (_, _, request)) in (1..).zip(&sent) {
        world.reply(xid, 1, success(request));
    }
    let answered: Vec<_> = world
        .take_heard()
        .into_iter()
        .filter_map(|heard| match heard {
            Heard::Answer(call, result) => result.is_ok().then_some(call),
            _ => None,
        })
        .collect();
    assert_eq!(answered[..4], [first, read, second, later]);
}

#[test]
fn what_cannot_be_answered_any_more_is_unknown() {
    // The session is over.
    let mut world = World::welcomed(settings(|_| {}));
    let call = world.submit(set("/1"));
    world.ops();
    world.cut();
    world.accept();
    world.refuse();
    let reason = LossReason::ExpiredByServer;
    let over = Error::SessionLost { epoch: Epoch::FIRST, reason, sent: true };
    assert_eq!(over.outcome(), Outcome::Unknown);
    assert!(world.take_heard().contains(&Heard::Answer(call, Err(over))));
    world.connect(8);
    assert_eq!(numbers(&mut world), [], "nothing goes to the next session");
    // The server keeps no answers.
    let mut world = World::welcomed(settings(|_| {}));
    let call = world.submit(set("/1"));
    world.ops();
    world.cut();
    world.welcome = Some(Welcome::default());
    world.connect(7);
    assert!(world.take_heard().contains(&Heard::Answer(call, Err(loss()))));
    assert_eq!(world.ops(), []);
    // The server has forgotten.
    let mut world = World::welcomed(settings(|_| {}));
    let call = world.submit(set("/1"));
    let (xid, _) = world.received()[0];
    world.reply_error(xid, Code::Other(FORGOTTEN));
    assert_eq!(world.take_heard(), [Heard::Answer(call, Err(loss()))]);
}

#[test]
fn a_client_that_is_to_fail_then_does() {
    let mut world = World::welcomed(settings(|s| s.when_disconnected = WhenDisconnected::Fail));
    let call = world.submit(set("/1"));
    world.ops();
    world.cut();
    assert_eq!(world.take_heard()[0], Heard::Answer(call, Err(loss())));
    world.connect(7);
    assert_eq!(world.ops(), []);
}

#[test]
fn c8_no_more_is_under_way_than_the_server_keeps_and_what_follows_waits() {
    let mut world = World::welcomed(settings(|_| {}));
    for number in 0..WINDOW_REPLIES + 3 {
        world.submit(set(&format!("/{number}")));
    }
    world.submit(get("/read"));
    let received = world.received();
    assert_eq!(received.len(), WINDOW_REPLIES);
    for (xid, request) in &received[..2] {
        world.reply(*xid, 1, success(request));
    }
    assert_eq!(world.ops(), [Op::Once, Op::Once]);
    for (xid, request) in &received[2..4] {
        world.reply(*xid, 1, success(request));
    }
    assert_eq!(world.ops(), [Op::Once, Op::GetData], "C2: the read stays behind");
}

#[test]
fn an_answer_that_nobody_keeps_is_not_asked_for_twice() {
    let mut world = World::welcomed(settings(|_| {}));
    let op = || MultiOp::SetData { path: "/a".into(), data: None, version: -1 };
    let call = world.submit(Request::Multi((0..1_000).map(|_| op()).collect()));
    assert_eq!(world.ops(), [Op::Multi]);
    world.cut();
    assert_eq!(world.take_heard()[0], Heard::Answer(call, Err(loss())));
}

#[test]
fn a_write_that_timed_out_is_not_sent_again_and_its_number_is_kept_free() {
    let mut world = World::welcomed(settings(|_| {}));
    let within = |s: &mut crate::client::Submission| s.timeout = Some(Duration::from_millis(50));
    let late = world.submit_with(set("/1"), within);
    let kept = world.submit(set("/2"));
    let received = world.received();
    world.pass(50);
    let timeout = Error::Timeout { sent: true, epoch: Epoch::FIRST };
    assert_eq!(world.take_heard(), [Heard::Answer(late, Err(timeout.clone()))]);
    world.submit(set("/3"));
    assert_eq!(numbers(&mut world), [(3, 0, set("/3"))], "the server may still have to answer 1");
    world.cut();
    world.connect(7);
    assert_eq!(numbers(&mut world), [(2, 1, set("/2")), (3, 1, set("/3"))]);
    let again = world.submit_with(set("/4"), within);
    world.ops();
    world.cut();
    world.take_heard();
    world.pass(50);
    assert_eq!(world.take_heard()[0], Heard::Answer(again, Err(timeout)), "while it waits as well");
    assert_eq!(received.len(), 2);
    world.connect(7);
    assert_eq!(numbers(&mut world).len(), 2);
    world.reply(1, 1, success(&set("/2")));
    assert!(world.take_heard().contains(&Heard::Answer(kept, Ok(success(&set("/2"))))));
}

#[test]
fn a_session_that_was_another_clients_goes_on_behind_its_numbers() {
    let credentials = World::welcomed(settings(|_| {})).machine.lease().credentials();
    let mut world = World::new(settings(|s| s.resume = credentials));
    let welcome = Welcome { features: crate::wire::Features::ALL, ..Welcome::default() };
    world.welcome = Some(Welcome { highest_once: 9, ..welcome });
    world.connect(7);
    world.submit(set("/1"));
    let first = 10 + WINDOW_REPLIES as i64;
    assert_eq!(numbers(&mut world), [(first, first - 1, set("/1"))]);
}

#[test]
fn a_write_that_no_server_takes_is_given_up() {
    let mut world = World::welcomed(settings(|_| {}));
    let bad = world.submit(set("/bad"));
    for _ in 0..8 {
        assert_eq!(world.ops(), [Op::Once]);
        world.cut();
        world.connect(7);
    }
    assert!(world.take_heard().contains(&Heard::Answer(bad, Err(loss()))));
    assert_eq!(world.ops(), []);
}

#[test]
fn an_extension_that_the_server_lacks_is_refused_here() {
    let mut world = World::connected(settings(|_| {}));
    let (session, from) = (crate::base::SessionId(5), crate::base::SessionId(5));
    let password = crate::wire::Secret(bytes::Bytes::new());
    let multi = Request::Multi(vec![MultiOp::CheckSession { session }]);
    for (request, extension) in [
        (multi.clone(), "checkSession"),
        (Request::Fence { session, password: password.clone() }, "fence"),
        (Request::HandOver { from, password }, "handOver"),
    ] {
        let call = world.submit(request);
        assert_eq!(world.ops(), []);
        let error = Error::Unsupported { extension };
        assert_eq!(error.outcome(), Outcome::NotApplied);
        assert_eq!(world.take_heard(), [Heard::Answer(call, Err(error))]);
    }
    let mut world = World::welcomed(settings(|_| {}));
    world.submit(multi);
    world.submit(create("/a", CreateMode::Persistent));
    assert_eq!(world.ops(), [Op::Once, Op::Once]);
}
