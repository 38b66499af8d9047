//! Numbered writes: once, and answered alike each time.

use super::*;
use crate::engine::model::digest;
use crate::session::window::Kept;
use crate::wire::{Once, once};

fn numbered(number: i64, answered: i64, request: Request) -> Change {
    Change::Request(Request::Once(Box::new(Once { number, answered, request })))
}

fn sequential() -> Request {
    let mode = CreateMode::PersistentSequential;
    Request::Create(Create::new("/n-".into(), None, Acl::open_unsafe(), mode))
}

#[test]
fn s6_a_number_that_comes_again_changes_nothing_and_has_the_answer_of_then() {
    let mut world = World::new();
    let first = world.apply(numbered(1, 0, sequential()));
    assert_eq!((first.zxid, first.is_repeated()), (first.answered_at, false));
    let _ = world.apply(numbered(2, 0, sequential()));
    let before = digest(&world.engine);
    world.prove(&[("digest", "bob:pw")]);
    for _ in 0..2 {
        let again = world.apply(numbered(1, 0, sequential()));
        assert_eq!((&again.result, again.answered_at), (&first.result, first.zxid));
        assert!(again.is_repeated() && again.changes.is_empty());
    }
    // Whatever stands behind the number the second time.
    let again = world.apply(numbered(1, 0, Request::Delete { path: "/x".into(), version: 1 }));
    assert_eq!(again.result, first.result);
    assert_eq!(digest(&world.engine), before);
    assert!(world.exists("/n-0000000001") && !world.exists("/n-0000000002"));
}

#[test]
fn s6_numbers_are_those_of_one_session() {
    let mut world = World::new();
    let _ = world.apply(numbered(1, 0, sequential()));
    world.session = OTHER;
    let effects = world.apply(numbered(1, 0, sequential()));
    let stat = world.stat("/n-0000000001");
    assert_eq!(effects.result, Ok(Reply::Created2 { path: "/n-0000000001".into(), stat }));
}

#[test]
fn e5_failures_are_answered_again_and_change_nothing_else() {
    let mut world = World::new();
    let missing = || Request::Delete { path: "/a".into(), version: -1 };
    let failed = world.apply(numbered(1, 0, missing()));
    assert_eq!(failed.result, Err(Code::NoNode));
    let multi = || Request::Multi(vec![create_op("/b"), check_op("/a", 0)]);
    let undone = world.apply(numbered(2, 0, multi()));
    let failures = vec![MultiResult::Failed(0), MultiResult::Failed(-101)];
    assert_eq!(undone.result, Ok(Reply::Multi(failures)));
    assert!(!world.exists("/b"));
    world.create("/a").unwrap();
    for (number, then) in [(1, &failed), (2, &undone)] {
        let again = world.apply(numbered(number, 0, missing()));
        assert_eq!((&again.result, again.answered_at), (&then.result, then.zxid));
    }
    assert!(world.exists("/a"), "what is possible by now was decided then");
}

#[test]
fn every_answer_is_the_same_again() {
    let mut world = World::new();
    world.session = OTHER;
    world.create_as("/theirs", CreateMode::Ephemeral).unwrap();
    world.create_as("/theirs-too", CreateMode::Ephemeral).unwrap();
    world.session = ME;
    let create = |path: &str, mode| Create::new(path.into(), None, Acl::open_unsafe(), mode);
    let plain =
        |path: &str| Create { op: Op::Create, ..create(path, CreateMode::PersistentSequential) };
    let path = || String::from("/a");
    let password = || crate::wire::Secret(Bytes::from_static(&[7; 16]));
    let requests = [
        Request::Create(plain("/a")),
        Request::Create(create("/a", CreateMode::Persistent)),
        Request::Create(create("/c", CreateMode::Container)),
        Request::Create(create("/t", ttl(5))),
        Request::SetData { path: path(), data: None, version: 0 },
        Request::SetAcl { path: path(), acl: Acl::open_unsafe(), version: -1 },
        Request::Multi(vec![
            check_op("/a", -1),
            MultiOp::Create(plain("/m")),
            create_op("/m"),
            create_op_as("/m/t", ttl(5)),
            set_op("/a", -1),
            delete_op("/m/t"),
            MultiOp::CheckSession { session: ME },
        ]),
        Request::Multi(vec![]),
        Request::Delete { path: path(), version: -1 },
        Request::Reconfig,
        Request::Adopt { path: "/theirs".into(), from: OTHER, password: password() },
        Request::HandOver { from: OTHER, password: password() },
        Request::Fence { session: OTHER, password: password() },
    ];
    let mut answers = Vec::new();
    for (number, request) in (1..).zip(&requests) {
        let effects = world.apply(numbered(number, 0, request.clone()));
        answers.push((effects.answered_at, effects.result));
    }
    let failed = answers.iter().filter(|(_, result)| result.is_err()).count();
    assert_eq!(failed, 2, "no reconfig, and nobody is left to fence: {answers:?}");
    for (number, then) in (1..).zip(answers) {
        let effects = world.apply(numbered(number, 0, Request::Reconfig));
        assert_eq!((effects.answered_at, effects.result), then, "number {number}");
    }
}

#[test]
fn s6_what_is_not_kept_is_not_carried_out_again() {
    let mut world = World::new();
    let forgotten = Err(Code::Other(once::FORGOTTEN));
    let set = |data: &str| Request::SetData {
        path: "/a".into(),
        data: Some(Bytes::copy_from_slice(data.as_bytes())),
        version: -1,
    };
    world.create("/a").unwrap();
    for number in 1..=70 {
        assert!(world.apply(numbered(number, 0, set(&number.to_string()))).result.is_ok());
    }
    assert_eq!(
        world.apply(numbered(6, 0, set("late"))).result,
        forgotten,
        "of 64 it is the oldest"
    );
    assert!(world.apply(numbered(7, 0, set("late"))).result.is_ok());
    assert!(world.apply(numbered(71, 69, set("71"))).result.is_ok());
    assert_eq!(world.apply(numbered(69, 0, set("late"))).result, forgotten, "the client has it");
    assert!(world.apply(numbered(70, 0, set("late"))).result.is_ok());
    assert!(world.apply(numbered(75, 0, set("75"))).result.is_ok());
    assert_eq!(world.apply(numbered(73, 0, set("late"))).result, forgotten, "it was left out");
    assert_eq!(world.stat("/a").version, 72);
}

#[test]
fn an_answer_that_is_too_long_to_keep_is_given_once() {
    let mut world = World::new();
    let many = |path: &str| {
        let long = format!("{path}-{}", "x".repeat(2_000));
        Request::Multi((0..40).map(|n| create_op(&format!("{long}{n}"))).collect())
    };
    assert!(world.apply(numbered(1, 0, many("/a"))).result.is_ok());
    let again = world.apply(numbered(1, 0, many("/b")));
    assert_eq!(again.result, Err(Code::Other(once::FORGOTTEN)));
    assert_eq!(world.engine.node_count(), 4 + 40);
}

#[test]
fn the_window_goes_with_its_session() {
    let mut world = World::new();
    let _ = world.apply(numbered(5, 0, sequential()));
    let _ = world.apply(Change::EndSession { id: ME, cause: Cause::Closed });
    assert_eq!(world.apply(numbered(5, 0, sequential())).result, Err(Code::SessionExpired));
    let (timeout, password) = (Millis(9), Password([1; 16]));
    let _ = world.apply(Change::CreateSession { id: ME, timeout, password });
    assert!(!world.apply(numbered(1, 0, sequential())).is_repeated());
}

#[test]
fn an_answer_that_cannot_be_read_is_none() {
    let mut world = World::new();
    for (number, op, body) in [(1, 1, &b"\0\0\0\x09"[..]), (2, 2, b"?"), (3, 4_711, b"")] {
        let kept = Kept { number, op, zxid: Zxid(1), code: 0, body: Bytes::from_static(body) };
        world.engine.registry.get_mut(ME).unwrap().window_mut().keep(kept);
        let effects = world.apply(numbered(number, 0, sequential()));
        assert_eq!(effects.result, Err(Code::Other(once::FORGOTTEN)), "number {number}");
    }
}

#[test]
fn what_was_proven_at_the_latest_write_is_kept_of_the_session() {
    let mut world = World::new();
    let known = |world: &World| world.engine.registry().get(ME).unwrap().identities.clone();
    world.create("/a").unwrap();
    assert_eq!(known(&world)[..], [], "an address proves nothing");
    world.prove(&[("digest", "bob:pw"), ("sasl", "bob")]).create("/b").unwrap();
    let bob = known(&world);
    assert_eq!(bob[..], [Identity::new("digest", "bob:pw"), Identity::new("sasl", "bob")]);
    world.create("/c").unwrap();
    assert!(Arc::ptr_eq(&bob, &known(&world)), "the same is not noted anew");
    assert_eq!(world.prove(&[]).create("/c"), Err(Code::NodeExists));
    assert_eq!(known(&world)[..], [], "a write that fails was one too");
}
