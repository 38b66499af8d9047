//! Registrations: there in every session, and nobody else's is ever touched.

use super::world::{Heard, World, get, resume_only, set, settings};
use crate::base::{Code, EventKind, SessionId, Stat};
use crate::client::Settings;
use crate::client::machine::Input;
use crate::client::{
    Epoch, Error, LossReason, OnConflict, Recovery, RegistrationId, RegistrationState, Restore,
    State,
};
use crate::wire::{Op, Reply, Request};

fn owned(session: i64) -> Reply {
    Reply::Stat(Stat { ephemeral_owner: SessionId(session), ..Stat::default() })
}

fn present(path: &str, epoch: u32) -> RegistrationState {
    RegistrationState::Present { path: path.into(), epoch: Epoch(epoch) }
}

/// Expects exactly one request of this operation, and answers it.
fn answer(world: &mut World, op: Op, result: Result<Reply, Code>) {
    let received = world.received();
    let ops: Vec<_> = received.iter().map(|(_, request)| request.unnumbered().op()).collect();
    assert_eq!(ops, [op]);
    match result {
        Ok(reply) => world.reply(received[0].0, 1, reply),
        Err(code) => world.reply_error(received[0].0, code),
    }
}

fn created(path: &str) -> Result<Reply, Code> {
    Ok(Reply::Created2 { path: path.into(), stat: Stat::default() })
}

/// A client that has its registration, watched.
fn registered(change: impl FnOnce(&mut Settings)) -> World {
    let mut world = World::connected(settings(change));
    world.register(1, "/r");
    answer(&mut world, Op::Create2, created("/r"));
    answer(&mut world, Op::Exists, Ok(owned(7)));
    assert_eq!(world.take_heard(), [Heard::Registered(1, present("/r", 1), 0)]);
    world
}

/// The next session, granted.
fn renew(world: &mut World) {
    world.cut();
    world.accept();
    world.refuse();
    world.connect(8);
}

#[test]
fn it_is_created_again_in_every_session_ahead_of_what_the_program_asks() {
    let mut world = registered(|_| {});
    world.cut();
    world.submit(get("/early"));
    world.accept();
    world.refuse();
    world.take_heard();
    world.connect(8);
    assert_eq!(world.take_heard(), [], "connected waits for it");
    let received = world.received();
    let ops: Vec<_> = received.iter().map(|(_, request)| request.op()).collect();
    assert_eq!(ops, [Op::Create2, Op::GetData]);
    world.reply(received[0].0, 1, created("/r").expect("a reply"));
    let heard = world.take_heard();
    assert_eq!(
        heard,
        [Heard::Registered(1, present("/r", 2), 0), Heard::State(State::Connected, 2),]
    );
    let report = world.events.last().and_then(|event| event.restored.clone()).expect("a report");
    assert_eq!((report.registrations.as_slice(), report.conflicts.len()), (&["/r".into()][..], 0));
    assert_eq!(report.lost_ephemerals, Vec::<String>::new(), "it is not lost");
}

#[test]
fn it_is_ahead_of_a_read_that_was_on_its_way_in_the_session_before() {
    let mut world = registered(|_| {});
    world.submit(get("/early"));
    world.received();
    renew(&mut world);
    let ops: Vec<_> = world.received().iter().map(|(_, request)| request.op()).collect();
    let place = |op| ops.iter().position(|sent| *sent == op);
    assert!(place(Op::Create2).is_some() && place(Op::Create2) < place(Op::GetData), "{ops:?}");
}

#[test]
fn a_reconnect_leaves_it_as_it_is() {
    let mut world = registered(|_| {});
    world.cut();
    world.connect(7);
    assert_eq!(world.ops(), [Op::SetWatches], "the watch, and nothing else");
}

#[test]
fn a_lost_answer_is_found_out_about_by_a_look() {
    let mut world = World::connected(settings(|_| {}));
    world.register(1, "/r");
    assert_eq!(world.ops(), [Op::Create2]);
    world.cut();
    world.connect(7);
    answer(&mut world, Op::Exists, Ok(owned(7)));
    answer(
        &mut world,
        Op::GetData,
        Ok(Reply::Data { data: Some("old".into()), stat: Stat { version: 3, ..Stat::default() } }),
    );
    let received = world.received();
    let write = Request::SetData { path: "/r".into(), data: Some("v".into()), version: 3 };
    assert_eq!(received[0].1, write, "what differs is written");
    world.reply(received[0].0, 1, Reply::Stat(Stat::default()));
    assert!(world.take_heard().contains(&Heard::Registered(1, present("/r", 1), 0)));
}

#[test]
fn a_numbered_create_is_not_in_doubt() {
    let mut world = World::welcomed(settings(|_| {}));
    world.register(1, "/r");
    assert_eq!(world.ops(), [Op::Once]);
    world.cut();
    world.connect(7);
    answer(&mut world, Op::Create2, created("/r"));
    assert!(world.take_heard().contains(&Heard::Registered(1, present("/r", 1), 0)));
}

#[test]
fn a_foreign_node_is_waited_for_and_never_touched() {
    for owner in [99, 0] {
        let mut world = World::connected(settings(|_| {}));
        world.register(1, "/r");
        answer(&mut world, Op::Create2, Err(Code::NodeExists));
        answer(&mut world, Op::Exists, Ok(owned(owner)));
        let conflict = RegistrationState::Conflict { owner: SessionId(owner) };
        assert_eq!(world.take_heard(), [Heard::Registered(1, conflict, 0)]);
        world.pass(1_500);
        assert_eq!(world.ops(), []);
        world.event(EventKind::Deleted, "/r");
        answer(&mut world, Op::Exists, Err(Code::NoNode));
        answer(&mut world, Op::Create2, created("/r"));
        assert_eq!(world.take_heard(), [Heard::Registered(1, present("/r", 1), 0)]);
    }
}

#[test]
fn a_conflict_is_an_error_if_so_set_and_is_in_the_report_otherwise() {
    let mut world = World::connected(settings(|_| {}));
    world.register_with(1, "/r", |wish| wish.on_conflict = OnConflict::Fail);
    answer(&mut world, Op::Create2, Err(Code::NodeExists));
    answer(&mut world, Op::Exists, Ok(owned(99)));
    let error = Error::Server { code: Code::NodeExists, path: "/r".into() };
    let last = world.take_heard().pop();
    assert_eq!(last, Some(Heard::Registered(1, RegistrationState::Over(error), 0)));
    let mut world = registered(|_| {});
    renew(&mut world);
    answer(&mut world, Op::Create2, Err(Code::NodeExists));
    answer(&mut world, Op::Exists, Ok(owned(99)));
    assert_eq!(world.take_states().last(), Some(&(State::Connected, 2)), "it delays nothing");
    let report = world.events.last().and_then(|event| event.restored.clone()).expect("a report");
    assert_eq!(report.conflicts, ["/r"]);
}

#[test]
fn a_ghost_of_a_session_that_is_over_is_a_stale_read() {
    let mut world = registered(|_| {});
    renew(&mut world);
    answer(&mut world, Op::Create2, Err(Code::NodeExists));
    answer(&mut world, Op::Exists, Ok(owned(7)));
    answer(&mut world, Op::Sync, Ok(Reply::Synced { path: "/r".into() }));
    answer(&mut world, Op::Create2, created("/r"));
    assert_eq!(world.take_states().last(), Some(&(State::Connected, 2)));
}

fn without_close(settings: &mut Settings) {
    let (restore, min_interval) = (Restore::default(), std::time::Duration::ZERO);
    settings.recovery = Recovery::Fresh { close_old: false, restore, min_interval };
}

#[test]
fn a_ghost_that_may_live_is_fenced_where_that_can_be_asked_for() {
    let mut world = World::welcomed(settings(without_close));
    world.register(1, "/r");
    answer(&mut world, Op::Create2, created("/r"));
    answer(&mut world, Op::Exists, Ok(owned(7)));
    world.cut();
    world.connect(8);
    answer(&mut world, Op::Create2, Err(Code::NodeExists));
    answer(&mut world, Op::Exists, Ok(owned(7)));
    let received = world.received();
    let fence = Request::Fence {
        session: SessionId(7),
        password: crate::wire::Secret(bytes::Bytes::from_static(&[7; 16])),
    };
    assert_eq!(received[0].1.unnumbered(), &fence);
    world.reply(received[0].0, 1, Reply::Done);
    answer(&mut world, Op::Create2, created("/r"));
    assert_eq!(world.take_states().last(), Some(&(State::Connected, 2)));
}

#[test]
fn a_ghost_that_may_live_is_waited_for_elsewhere() {
    let mut world = registered(without_close);
    world.cut();
    world.connect(8);
    answer(&mut world, Op::Create2, Err(Code::NodeExists));
    answer(&mut world, Op::Exists, Ok(owned(7)));
    assert_eq!(world.take_states().last(), Some(&(State::Connected, 2)));
    world.event(EventKind::Deleted, "/r");
    answer(&mut world, Op::Exists, Err(Code::NoNode));
    answer(&mut world, Op::Create2, created("/r"));
}

#[test]
fn what_an_operator_deletes_comes_back_once_a_second() {
    let mut world = registered(|_| {});
    for _ in 0..3 {
        world.event(EventKind::Deleted, "/r");
        answer(&mut world, Op::Exists, Err(Code::NoNode));
        assert_eq!(world.take_heard(), [Heard::Registered(1, RegistrationState::Removed, 0)]);
        world.pass(999);
        assert_eq!(world.ops(), []);
        world.pass(1);
        answer(&mut world, Op::Create2, created("/r"));
        world.event(EventKind::Created, "/r");
        answer(&mut world, Op::Exists, Ok(owned(7)));
        assert_eq!(world.take_heard(), [Heard::Registered(1, present("/r", 1), 0)]);
    }
}

#[test]
fn what_is_set_is_written_now_and_in_every_later_session() {
    let mut world = registered(|_| {});
    let amend = |data: &'static str, revision| Input::Amend {
        id: RegistrationId(1),
        data: data.into(),
        revision,
    };
    world.handle(amend("w", 1));
    world.handle(amend("x", 2));
    answer(&mut world, Op::SetData, Ok(Reply::Stat(Stat { version: 1, ..Stat::default() })));
    assert_eq!(world.take_heard(), [Heard::Registered(1, present("/r", 1), 1)]);
    answer(&mut world, Op::SetData, Err(Code::BadVersion));
    answer(&mut world, Op::Exists, Ok(owned(7)));
    answer(&mut world, Op::SetData, Ok(Reply::Stat(Stat::default())));
    assert_eq!(world.take_heard(), [Heard::Registered(1, present("/r", 1), 2)]);
    renew(&mut world);
    let (_, request) = world.received().remove(0);
    assert!(matches!(request, Request::Create(create) if create.data == Some("x".into())));
}

#[test]
fn closing_deletes_what_is_ours() {
    let mut world = registered(|_| {});
    world.handle(Input::Unregister(RegistrationId(1)));
    answer(&mut world, Op::Delete, Ok(Reply::Done));
    let over = RegistrationState::Over(Error::Closed);
    assert_eq!(world.take_heard(), [Heard::Registered(1, over.clone(), 0)]);
    // One that was deleted and taken by somebody else is left alone.
    let mut world = registered(|_| {});
    world.handle(Input::Unregister(RegistrationId(1)));
    answer(&mut world, Op::Delete, Err(Code::BadVersion));
    answer(&mut world, Op::Exists, Ok(owned(99)));
    assert_eq!(world.ops(), []);
    assert_eq!(world.take_heard(), [Heard::Registered(1, over, 0)]);
}

#[test]
fn it_ends_with_the_session_if_so_set_and_with_the_client() {
    let restore = Restore::default().registrations(false);
    for recovery in [Recovery::Renew(restore), Recovery::ResumeOnly] {
        let mut world = registered(|settings| settings.recovery = recovery);
        world.cut();
        world.accept();
        world.refuse();
        let reason = LossReason::ExpiredByServer;
        let error = Error::SessionLost { epoch: Epoch::FIRST, reason, sent: false };
        let over = Heard::Registered(1, RegistrationState::Over(error), 0);
        assert!(world.take_heard().contains(&over));
    }
    let mut world = World::connected(settings(resume_only));
    world.cut();
    world.accept();
    world.refuse();
    world.take_heard();
    world.register(2, "/late");
    let heard = world.take_heard();
    assert!(matches!(heard[..], [Heard::Registered(2, RegistrationState::Over(_), 0)]));
}

#[test]
fn missing_parents_are_made_once() {
    let mut world = World::connected(settings(|_| {}));
    world.register_with(1, "/a/b/r", |wish| wish.parents = true);
    answer(&mut world, Op::Create2, Err(Code::NoNode));
    let received = world.received();
    let paths: Vec<_> =
        received.iter().map(|(_, request)| crate::client::chroot::subject(request)).collect();
    assert_eq!(paths, ["/a", "/a/b", "/a/b/r"]);
    for (xid, _) in &received[..2] {
        world.reply(*xid, 1, created("/").expect("a reply"));
    }
    world.reply_error(received[2].0, Code::NoNode);
    let error = Error::Server { code: Code::NoNode, path: "/a/b/r".into() };
    assert_eq!(world.take_heard(), [Heard::Registered(1, RegistrationState::Refused(error), 0)]);
}

#[test]
fn parents_that_were_deleted_with_it_are_made_again() {
    let mut world = World::connected(settings(|_| {}));
    world.register_with(1, "/a/r", |wish| wish.parents = true);
    answer(&mut world, Op::Create2, created("/a/r"));
    answer(&mut world, Op::Exists, Ok(owned(7)));
    for _ in 0..2 {
        world.event(EventKind::Deleted, "/a/r");
        answer(&mut world, Op::Exists, Err(Code::NoNode));
        world.pass(1_000);
        answer(&mut world, Op::Create2, Err(Code::NoNode));
        let received = world.received();
        let ops: Vec<_> = received.iter().map(|(_, request)| request.op()).collect();
        assert_eq!(ops.last(), Some(&Op::Create2), "{ops:?}");
        assert!(ops.len() > 1, "its parent first: {ops:?}");
        for (xid, request) in &received {
            let path = crate::client::chroot::subject(request).to_owned();
            let stat = Stat::default();
            world.reply(*xid, 1, Reply::Created2 { path, stat });
        }
        world.event(EventKind::Created, "/a/r");
        answer(&mut world, Op::Exists, Ok(owned(7)));
    }
}

#[test]
fn a_sequential_one_whose_answer_was_lost_is_found_in_the_list() {
    let mut world = World::connected(settings(|_| {}));
    world.register_with(1, "/r-", |wish| wish.is_sequential = true);
    assert_eq!(world.ops(), [Op::Create2]);
    world.cut();
    world.connect(7);
    let paths = ["/r-x", "/r-0000000004"].map(String::from).to_vec();
    answer(&mut world, Op::GetEphemerals, Ok(Reply::Ephemerals(paths)));
    answer(&mut world, Op::Exists, Ok(owned(7)));
    let data = Some("v".into());
    answer(&mut world, Op::GetData, Ok(Reply::Data { data, stat: Stat::default() }));
    let heard = world.take_heard();
    assert!(heard.contains(&Heard::Registered(1, present("/r-0000000004", 1), 0)), "{heard:?}");
}

#[test]
fn locks_that_stood_on_the_session_are_listed_apart() {
    let mut world = World::connected(settings(|_| {}));
    for path in ["/lock", "/plain"] {
        world.submit(super::world::create(path, crate::base::CreateMode::Ephemeral));
        world.serve();
    }
    let claim = |path: &str, epoch| Input::Claim { path: path.into(), epoch: Epoch(epoch) };
    world.handle(claim("/lock", 1));
    world.handle(claim("/of-another-epoch", 2));
    renew(&mut world);
    let report = world.events.last().and_then(|event| event.restored.clone()).expect("a report");
    assert_eq!(
        (report.lost_locks.as_slice(), report.lost_ephemerals.as_slice()),
        (&["/lock".to_owned()][..], &["/plain".to_owned()][..])
    );
}

#[test]
fn while_something_stands_on_the_session_pings_come_twice_as_often() {
    let mut world = World::connected(settings(|_| {}));
    world.handle(Input::Claim { path: "/lock".into(), epoch: Epoch::FIRST });
    world.pass(super::world::TIMEOUT / 6);
    assert_eq!(world.ops(), [Op::Ping]);
    world.pass(super::world::TIMEOUT / 3);
    assert!(!world.is_connected, "and a silent server is left after half the timeout");
    world.submit(set("/x"));
}

#[test]
fn a_look_that_a_busy_server_refused_is_taken_again() {
    let mut world = World::connected(settings(|_| {}));
    world.register(1, "/r");
    answer(&mut world, Op::Create2, created("/r"));
    answer(&mut world, Op::Exists, Err(Code::ThrottledOp));
    world.take_heard();
    world.pass(1_000);
    answer(&mut world, Op::Exists, Ok(owned(7)));
    let heard = world.take_heard();
    assert_eq!(heard.last(), Some(&Heard::Registered(1, present("/r", 1), 0)), "{heard:?}");
    world.event(EventKind::Deleted, "/r");
    answer(&mut world, Op::Exists, Err(Code::NoNode));
}

#[test]
fn a_write_that_a_busy_server_refused_is_tried_again() {
    let mut world = registered(|_| {});
    world.handle(Input::Amend { id: RegistrationId(1), data: "w".into(), revision: 1 });
    answer(&mut world, Op::SetData, Err(Code::ThrottledOp));
    world.take_heard();
    world.pass(1_000);
    answer(&mut world, Op::SetData, Ok(Reply::Stat(Stat { version: 1, ..Stat::default() })));
    let heard = world.take_heard();
    assert_eq!(heard.last(), Some(&Heard::Registered(1, present("/r", 1), 1)), "{heard:?}");
}

#[test]
fn what_somebody_else_deleted_is_not_reported_as_lost() {
    let mut world = World::connected(settings(|_| {}));
    world.submit(super::world::create("/e", crate::base::CreateMode::Ephemeral));
    world.serve();
    world.submit(Request::Delete { path: "/e".into(), version: -1 });
    answer(&mut world, Op::Delete, Err(Code::NoNode));
    renew(&mut world);
    let report = world.events.last().and_then(|event| event.restored.clone()).expect("a report");
    assert_eq!(report.lost_ephemerals, Vec::<String>::new());
}
