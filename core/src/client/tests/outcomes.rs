//! What becomes of calls when things go wrong.

use std::time::Duration;

use super::world::{Heard, TIMEOUT, World, create, get, resume_only, set, settings, success};
use crate::base::{Code, CreateMode};
use crate::client::machine::Input;
use crate::client::{Epoch, Error, LossReason, Outcome, WhenDisconnected};
use crate::wire::{MultiOp, MultiResult, Op, Reply, Request};

fn loss(sent: bool) -> Error {
    Error::ConnectionLoss { sent, epoch: Epoch::FIRST }
}

#[test]
fn s56_c1_a_sent_write_is_unknown_and_never_sent_again_and_reads_go_again() {
    let mut world = World::connected(settings(|_| {}));
    let write = world.submit(set("/w"));
    let read = world.submit(get("/r"));
    let sync = world.submit(Request::Sync { path: "/".into() });
    assert_eq!(world.ops(), [Op::SetData, Op::GetData, Op::Sync]);
    let unsent = world.submit(set("/u"));
    world.cut();
    let heard = world.take_heard();
    assert_eq!(heard[0], Heard::Answer(write, Err(loss(true))));
    assert_eq!(loss(true).outcome(), Outcome::Unknown);
    assert_eq!(heard.len(), 2, "and Suspended: {heard:?}");
    world.connect(7);
    let served: Vec<_> = world.serve().iter().map(Request::op).collect();
    assert_eq!(served, [Op::GetData, Op::Sync, Op::SetData], "C2: in their order, reads first");
    let answered: Vec<_> = world
        .take_heard()
        .into_iter()
        .filter_map(|heard| match heard {
            Heard::Answer(call, Ok(_)) => Some(call),
            _ => None,
        })
        .collect();
    assert_eq!(answered, [read, sync, unsent]);
}

#[test]
fn without_a_connection_calls_fail_if_so_set() {
    let mut world = World::new(settings(|settings| {
        settings.when_disconnected = WhenDisconnected::Fail;
    }));
    let early = world.submit(get("/a"));
    assert_eq!(world.take_heard(), [Heard::Answer(early, Err(loss(false)))]);
    world.connect(7);
    world.take_heard();
    let read = world.submit(get("/a"));
    assert_eq!(world.ops(), [Op::GetData]);
    let unsent = world.submit(set("/a"));
    world.cut();
    let heard = world.take_heard();
    assert_eq!(heard[0], Heard::Answer(read, Err(loss(true))));
    assert_eq!(heard[1], Heard::Answer(unsent, Err(loss(false))));
}

#[test]
fn s58_expired_is_said_once_and_then_every_call_fails_at_once() {
    let mut world = World::connected(settings(resume_only));
    let sent = world.submit(set("/sent"));
    world.ops();
    let waits = world.submit(get("/waits"));
    world.cut();
    world.accept();
    world.refuse();
    let reason = LossReason::ExpiredByServer;
    let over = Error::SessionLost { epoch: Epoch::FIRST, reason, sent: false };
    assert_eq!(
        world.take_heard(),
        [
            Heard::Answer(sent, Err(loss(true))),
            Heard::State(crate::client::State::Suspended, 1),
            Heard::Answer(waits, Err(over.clone())),
            Heard::State(crate::client::State::Lost(reason), 1),
            Heard::Finished(over.clone()),
        ]
    );
    let dials = world.dials;
    let late = world.submit(get("/late"));
    world.pass(TIMEOUT * 10);
    assert_eq!(world.take_heard(), [Heard::Answer(late, Err(over))]);
    assert_eq!(world.dials, dials, "no server is asked");
}

#[test]
fn a_timeout_says_whether_the_request_had_left() {
    let mut world = World::connected(settings(|_| {}));
    let within = |millis| {
        move |submission: &mut crate::client::Submission| {
            submission.timeout = Some(Duration::from_millis(millis));
        }
    };
    let sent = world.submit_with(set("/a"), within(100));
    let received = world.received();
    let unsent = world.submit_with(set("/b"), within(100));
    let other = world.submit(get("/c"));
    world.pass(100);
    let timeout = |sent| Error::Timeout { sent, epoch: Epoch::FIRST };
    assert_eq!(
        world.take_heard(),
        [Heard::Answer(sent, Err(timeout(true))), Heard::Answer(unsent, Err(timeout(false)))]
    );
    world.reply(received[0].0, 1, success(&received[0].1));
    assert_eq!(world.take_heard(), [], "the late answer finds nobody");
    assert_eq!(world.serve(), [get("/c")], "what timed out unsent is never sent");
    assert!(matches!(world.take_heard()[..], [Heard::Answer(call, Ok(_))] if call == other));
}

#[test]
fn codes_become_errors_with_the_callers_path() {
    let mut world = World::connected(settings(|_| {}));
    let call = world.submit_with(get("/app/x"), |submission| submission.chroot = "/app".into());
    let (xid, _) = world.received()[0];
    world.reply_error(xid, Code::NoNode);
    let error = Error::Server { code: Code::NoNode, path: "/x".into() };
    assert_eq!(world.take_heard(), [Heard::Answer(call, Err(error))]);
}

#[test]
fn a_failed_multi_names_the_operation() {
    let mut world = World::connected(settings(|_| {}));
    let check = |path: &str| MultiOp::Check { path: path.into(), version: 1 };
    let call = world.submit(Request::Multi(vec![check("/a"), check("/b"), check("/c")]));
    let (xid, _) = world.received()[0];
    let failed = [0, Code::BadVersion.number(), Code::RuntimeInconsistency.number()];
    world.reply(xid, 1, Reply::Multi(failed.map(MultiResult::Failed).to_vec()));
    let error = Error::Multi { index: 1, code: Code::BadVersion };
    assert_eq!(world.take_heard(), [Heard::Answer(call, Err(error))]);
}

#[test]
fn unsent_calls_that_belong_to_the_session_end_with_it_and_the_others_go_on() {
    let mut world = World::connected(settings(|_| {}));
    world.cut();
    world.take_heard();
    let ephemeral = world.submit(create("/e", CreateMode::Ephemeral));
    let pinned = world.submit_with(get("/p"), |submission| submission.epoch = Some(Epoch::FIRST));
    let plain = world.submit(create("/n", CreateMode::Persistent));
    world.accept();
    world.refuse();
    let over = Error::SessionLost {
        epoch: Epoch::FIRST,
        reason: LossReason::ExpiredByServer,
        sent: false,
    };
    let heard = world.take_heard();
    assert_eq!(heard[0], Heard::Answer(ephemeral, Err(over.clone())));
    assert_eq!(heard[1], Heard::Answer(pinned, Err(over.clone())));
    assert_eq!(over.outcome(), Outcome::NotApplied);
    world.connect(8);
    assert_eq!(world.serve(), [create("/n", CreateMode::Persistent)]);
    assert!(matches!(world.take_heard().last(),
        Some(Heard::Answer(call, Ok(_))) if *call == plain));
    let late = world.submit_with(get("/p"), |submission| submission.epoch = Some(Epoch::FIRST));
    assert_eq!(world.take_heard(), [Heard::Answer(late, Err(over))]);
}

#[test]
fn s65_after_a_refused_identity_no_server_is_asked() {
    let mut world = World::connected(settings(|_| {}));
    let write = world.submit(set("/a"));
    let auth = Request::Auth { scheme: "nope".into(), auth: "x".into() };
    let call = world.submit(auth);
    let received = world.received();
    let (xid, _) = received.iter().find(|(_, r)| r.op() == Op::Auth).expect("sent");
    world.reply_error(*xid, Code::AuthFailed);
    let reason = LossReason::AuthFailed;
    let heard = world.take_heard();
    assert_eq!(heard[0], Heard::Answer(call, Err(Error::AuthFailed)));
    let unknown = Error::SessionLost { epoch: Epoch::FIRST, reason, sent: true };
    assert_eq!(heard[1], Heard::Answer(write, Err(unknown)));
    assert_eq!(heard[2], Heard::State(crate::client::State::Lost(reason), 1));
    assert_eq!(heard[3], Heard::Finished(Error::AuthFailed));
    world.pass(TIMEOUT * 10);
    assert_eq!(world.dials, 1);
}

#[test]
fn an_identity_added_without_a_connection_is_answered_on_the_next() {
    let mut world = World::connected(settings(|_| {}));
    world.cut();
    world.take_heard();
    let call = world.submit(Request::Auth { scheme: "digest".into(), auth: "a:b".into() });
    world.connect(7);
    world.serve();
    assert!(world.take_heard().contains(&Heard::Answer(call, Ok(Reply::Done))));
    world.cut();
    world.connect(7);
    assert_eq!(world.ops(), [Op::Auth], "and proven again on every later one");
}

#[test]
fn a_read_on_which_one_connection_after_the_other_breaks_fails_in_the_end() {
    let mut world = World::connected(settings(|_| {}));
    let bad = world.submit(get("/bad"));
    let good = world.submit(get("/good"));
    for _ in 0..9 {
        let Some((xid, request)) = world.received().first().cloned() else { break };
        if request == get("/good") {
            world.reply(xid, 1, success(&request));
        } else {
            world.cut();
            world.connect(7);
        }
    }
    let heard = world.take_heard();
    assert!(heard.contains(&Heard::Answer(bad, Err(loss(true)))), "{heard:?}");
    assert!(heard.contains(&Heard::Answer(good, Ok(success(&get("/good"))))), "{heard:?}");
}

#[test]
fn a_read_whose_answer_is_too_large_fails_and_holds_nobody_up() {
    let mut world = World::connected(settings(|_| {}));
    let large = world.submit(get("/large"));
    let small = world.submit(get("/small"));
    assert_eq!(world.ops(), [Op::GetData, Op::GetData]);
    world.handle(Input::Received(bytes::BytesMut::from(&i32::MAX.to_be_bytes()[..])));
    assert!(!world.is_connected);
    assert_eq!(world.take_heard()[0], Heard::Answer(large, Err(loss(true))));
    world.connect(7);
    assert_eq!(world.serve(), [get("/small")], "the same answer would break every connection");
    assert!(world.take_heard().contains(&Heard::Answer(small, Ok(success(&get("/small"))))));
}

#[test]
fn an_identity_that_was_sent_says_so_when_it_times_out() {
    let mut world = World::connected(settings(|_| {}));
    let auth = Request::Auth { scheme: "digest".into(), auth: "a:b".into() };
    let call = world.submit_with(auth, |submission| {
        submission.timeout = Some(Duration::from_millis(100));
    });
    world.pass(100);
    let timeout = Error::Timeout { sent: true, epoch: Epoch::FIRST };
    assert_eq!(world.take_heard(), [Heard::Answer(call, Err(timeout))]);
}

#[test]
fn a_request_that_fits_no_frame_is_refused_before_it_is_encoded() {
    let mut world = World::connected(settings(|_| {}));
    // Two hundred times the same sixteen MiB: more than the length of a frame can say.
    let data = Some(bytes::Bytes::from(vec![0; 16 << 20]));
    let op = MultiOp::SetData { path: "/a".into(), data, version: -1 };
    let call = world.submit(Request::Multi(vec![op; 200]));
    let heard = world.take_heard();
    let refused = matches!(&heard[..],
        [Heard::Answer(answered, Err(Error::Invalid(_)))] if *answered == call);
    assert!(refused, "{heard:?}");
}
