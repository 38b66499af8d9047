//! Sessions: their beginning, and what their end takes along.

use super::*;

fn end(world: &mut World, id: SessionId) -> Effects {
    world.apply(Change::EndSession { id, cause: Cause::EXPIRED })
}

#[test]
fn e1_ephemerals_go_with_their_session_in_the_order_of_their_paths() {
    let mut world = World::new();
    world.create("/p").unwrap();
    for path in ["/z", "/p/b", "/p/a", "/b"] {
        world.create_as(path, CreateMode::Ephemeral).unwrap();
    }
    world.create("/stays").unwrap();
    world.session = OTHER;
    world.create_as("/p/other", CreateMode::Ephemeral).unwrap();
    let before = world.stat("/p");
    let effects = end(&mut world, ME);
    assert_eq!((effects.result, effects.ended), (Ok(Reply::Done), Some(ME)));
    let paths: Vec<_> = effects.changes.iter().map(|change| change.path.as_str()).collect();
    assert_eq!(paths, ["/b", "/p/a", "/p/b", "/z"]);
    assert!(effects.changes.iter().all(|change| change.kind == EventKind::Deleted));
    assert!(world.exists("/stays") && world.exists("/p/other"));
    let after = world.stat("/p");
    assert_eq!((after.cversion, after.num_children), (before.cversion + 2, 1));
    assert_eq!(after.pzxid, effects.zxid);
    assert!(!world.engine.registry().contains(ME));
    assert_eq!(world.engine.ephemerals().of(ME).count(), 0);
}

#[test]
fn a09_the_end_of_a_session_asks_no_acl() {
    let mut world = World::new();
    world.create("/p").unwrap();
    world.create_as("/p/e", CreateMode::Ephemeral).unwrap();
    world.set_acl("/p", Acl::read_unsafe(), -1).unwrap();
    assert_eq!(world.delete("/p/e", -1), Err(Code::NoAuth));
    let _ = end(&mut world, ME);
    assert!(!world.exists("/p/e"));
}

#[test]
fn an_unknown_session_ends_nothing_and_writes_nothing() {
    let mut world = World::new();
    let before = crate::engine::model::digest(&world.engine);
    let effects = end(&mut world, SessionId(99));
    assert_eq!(effects.result, Err(Code::SessionExpired));
    assert_eq!((effects.ended, effects.changes), (None, vec![]));
    world.session = SessionId(99);
    assert_eq!(world.create("/a"), Err(Code::SessionExpired));
    assert_eq!(world.write(Request::Multi(vec![])), Err(Code::SessionExpired));
    assert_eq!(crate::engine::model::digest(&world.engine), before);
}

#[test]
fn an_id_that_is_taken_is_refused() {
    let mut world = World::new();
    for id in [ME, SessionId::NONE] {
        let password = Password([9; Password::LEN]);
        let effects = world.apply(Change::CreateSession { id, timeout: Millis(1), password });
        assert_eq!((effects.result, effects.begun), (Err(Code::SystemError), None));
    }
    assert_eq!(world.engine.registry().get(ME).unwrap().timeout, Millis(10_000));
}

#[test]
fn z30_others_may_delete_and_set_an_ephemeral() {
    let mut world = World::new();
    world.create_as("/e", CreateMode::Ephemeral).unwrap();
    world.session = OTHER;
    world.set("/e", b"x", -1).unwrap();
    assert_eq!(world.stat("/e").ephemeral_owner, ME);
    world.delete("/e", -1).unwrap();
    assert_eq!(world.engine.ephemerals().count(), 0);
}
