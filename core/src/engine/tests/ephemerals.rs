//! How much one session may keep alive.

use super::*;

/// Rules under which a session may have two ephemerals of ten bytes together.
fn narrow() -> EngineOptions {
    let rules =
        Rules { ephemerals_per_session: 2, ephemeral_bytes_per_session: 10, ..Rules::default() };
    EngineOptions { rules, ..Default::default() }
}

fn ephemeral(path: &str, data: &'static [u8]) -> Create {
    let data = Some(Bytes::from_static(data));
    Create::new(path.into(), data, Acl::open_unsafe(), CreateMode::Ephemeral)
}

#[test]
fn one_ephemeral_too_many_is_refused_to_its_session_alone() {
    let mut world = World::with(narrow());
    for path in ["/a", "/b"] {
        world.create_as(path, CreateMode::Ephemeral).unwrap();
    }
    assert_eq!(world.create_as("/c", CreateMode::Ephemeral), Err(Code::QuotaExceeded));
    assert!(!world.exists("/c"));
    world.create("/c").unwrap();
    world.session = OTHER;
    world.create_as("/d", CreateMode::Ephemeral).unwrap();
    world.session = ME;
    world.delete("/a", -1).unwrap();
    world.create_as("/e", CreateMode::Ephemeral).unwrap();
}

#[test]
fn bytes_of_ephemerals_are_paths_and_data_and_setting_counts() {
    let mut world = World::with(narrow());
    world.write(Request::Create(ephemeral("/a", b"123456"))).unwrap();
    assert_eq!(world.engine.ephemerals().holding(ME).bytes, 8);
    assert_eq!(world.set("/a", b"123456789", -1), Err(Code::QuotaExceeded));
    world.set("/a", b"12345678", -1).unwrap();
    assert_eq!(world.create_as("/b", CreateMode::Ephemeral), Err(Code::QuotaExceeded));
    // Whoever sets it, it counts for the one who keeps it alive.
    world.session = OTHER;
    assert_eq!(world.set("/a", b"123456789", -1), Err(Code::QuotaExceeded));
    world.set("/a", b"1", -1).unwrap();
    assert_eq!(world.engine.ephemerals().holding(ME).bytes, 3);
    assert_eq!(world.engine.ephemerals().holding(OTHER).bytes, 0);
}

#[test]
fn e5_a_multi_that_needs_too_many_leaves_no_trace_in_the_sums() {
    let mut world = World::with(narrow());
    world.write(Request::Create(ephemeral("/a", b"1234"))).unwrap();
    let before = (crate::engine::model::digest(&world.engine), world.engine.ephemerals().clone());
    let ops = vec![
        MultiOp::SetData { path: "/a".into(), data: Some(Bytes::from_static(b"")), version: -1 },
        MultiOp::Create(ephemeral("/b", b"123456")),
        MultiOp::Delete { path: "/a".into(), version: -1 },
        MultiOp::Create(ephemeral("/c", b"1")),
    ];
    assert_eq!(world.multi(ops.clone())[3], MultiResult::Failed(Code::QuotaExceeded.number()));
    assert_eq!(
        (crate::engine::model::digest(&world.engine), world.engine.ephemerals().clone()),
        before
    );
    // What an earlier part takes away is room for a later one.
    assert_eq!(world.multi(ops[..3].to_vec())[2], MultiResult::Deleted);
    assert_eq!(world.engine.ephemerals().holding(ME).bytes, 8);
}

#[test]
fn effects_say_whose_ephemerals_are_others_and_what_was_too_much() {
    let mut world = World::with(narrow());
    let effects = world.apply(Change::Request(Request::Create(ephemeral("/a", b""))));
    assert_eq!((effects.owners, effects.is_over_limit), (vec![ME], false));
    let large = ephemeral("/b", b"123456789");
    let effects = world.apply(Change::Request(Request::Create(large.clone())));
    assert_eq!((effects.owners, effects.is_over_limit), (vec![], true));
    let multi = Request::Multi(vec![MultiOp::Create(large)]);
    assert!(world.apply(Change::Request(multi)).is_over_limit);
    let effects = world.apply(Change::EndSession { id: ME, cause: Cause::Closed });
    assert_eq!((effects.owners, effects.ended), (vec![], Some(ME)));
}

#[test]
fn what_is_too_much_under_new_rules_stays_and_may_shrink() {
    let mut world = World::new();
    for path in ["/a", "/b", "/c"] {
        world.write(Request::Create(ephemeral(path, b"12345678"))).unwrap();
    }
    world.engine.begin(0, narrow().rules);
    world.set("/a", b"1234567", -1).unwrap();
    assert_eq!(world.set("/a", b"12345678", -1), Err(Code::QuotaExceeded));
    assert_eq!(world.create_as("/d", CreateMode::Ephemeral), Err(Code::QuotaExceeded));
    world.delete("/a", -1).unwrap();
}
