//! Multi: all or nothing, one zxid, one result per operation.

use super::*;

fn failed(codes: &[i32]) -> Vec<MultiResult> {
    codes.iter().map(|&code| MultiResult::Failed(code)).collect()
}

#[test]
fn m01_m05_p65_a_failed_multi_leaves_no_trace() {
    let mut world = World::new();
    world.create("/a").unwrap();
    world.create_as("/a/e", CreateMode::Ephemeral).unwrap();
    world.create_as("/a/c", CreateMode::Container).unwrap();
    let before = crate::engine::model::digest(&world.engine);
    let results = world.multi(vec![
        set_op("/a", 0),
        delete_op("/a/e"),
        create_op_as("/a/e", CreateMode::Container),
        delete_op("/a/c"),
        create_op_as("/a/s-", CreateMode::EphemeralSequential),
        check_op("/a", 0),
        create_op("/never"),
        check_op("/a", 1),
    ]);
    assert_eq!(results, failed(&[0, 0, 0, 0, 0, -103, -2, -2]));
    assert_eq!(crate::engine::model::digest(&world.engine), before, "E5");
    let seq = world.create_as("/a/s-", CreateMode::PersistentSequential);
    assert_eq!(seq.unwrap(), "/a/s-0000000002", "Z-36");
}

#[test]
fn m01_a_failed_multi_says_nothing_to_watchers() {
    let mut world = World::new();
    let ops = vec![create_op("/a"), create_op("/a")];
    let effects = world.apply(Change::Request(Request::Multi(ops)));
    assert_eq!(effects.changes, []);
    assert_eq!(effects.result, Ok(Reply::Multi(failed(&[0, -110]))));
}

#[test]
fn m02_z06_operations_see_the_ones_before_under_one_zxid() {
    let mut world = World::new();
    let results = world.multi(vec![
        create_op("/a"),
        create_op("/a/b"),
        set_op("/a/b", 0),
        check_op("/a/b", 1),
        delete_op("/a/b"),
    ]);
    assert_eq!(results.len(), 5);
    assert!(matches!(&results[1], MultiResult::Created2 { path, .. } if path == "/a/b"));
    let MultiResult::Set(set) = &results[2] else { panic!("{results:?}") };
    assert_eq!(results[3..], [MultiResult::Checked, MultiResult::Deleted]);
    let a = world.stat("/a");
    assert_eq!((a.czxid, a.pzxid, a.cversion), (set.mzxid, set.mzxid, 2));
    assert_eq!((a.ctime, set.mtime), (world.at, world.at));
}

#[test]
fn m03_create_delete_create() {
    let mut world = World::new();
    let results = world.multi(vec![create_op("/a"), delete_op("/a"), create_op("/a")]);
    assert!(matches!(results[2], MultiResult::Created2 { .. }), "{results:?}");
    assert!(world.exists("/a"));
}

#[test]
fn m04_sequential_creates_get_consecutive_numbers() {
    let mut world = World::new();
    let seq = || create_op_as("/s-", CreateMode::PersistentSequential);
    world.multi(vec![seq(), seq(), seq()]);
    for path in ["/s-0000000000", "/s-0000000001", "/s-0000000002"] {
        assert!(world.exists(path), "{path}");
    }
}

#[test]
fn m06_check_needs_the_znode_the_version_and_read() {
    let mut world = World::new();
    world.create("/a").unwrap();
    world.create_with_acl("/w", vec![Acl::new(Perms::WRITE, "world", "anyone")]).unwrap();
    assert_eq!(world.multi(vec![check_op("/none", -1)]), failed(&[-101]));
    assert_eq!(world.multi(vec![check_op("/a", 1)]), failed(&[-103]));
    assert_eq!(world.multi(vec![check_op("/w", 1)]), failed(&[-102]));
    let effects = world.apply(Change::Request(Request::Multi(vec![check_op("/a", 0)])));
    assert_eq!(effects.result, Ok(Reply::Multi(vec![MultiResult::Checked])));
    assert_eq!(effects.changes, []);
}

#[test]
fn m07_an_empty_multi_takes_a_zxid() {
    let mut world = World::new();
    assert_eq!(world.multi(vec![]), []);
}

#[test]
fn m09_m12_changes_come_in_the_order_of_the_operations() {
    let mut world = World::new();
    world.create("/a").unwrap();
    let ops = vec![create_op("/a/x"), set_op("/a/x", -1), delete_op("/a/x"), delete_op("/a")];
    let effects = world.apply(Change::Request(Request::Multi(ops)));
    let changes: Vec<_> = effects.changes.iter().map(|c| (c.kind, c.path.as_str())).collect();
    let expected = [
        (EventKind::Created, "/a/x"),
        (EventKind::DataChanged, "/a/x"),
        (EventKind::Deleted, "/a/x"),
        (EventKind::Deleted, "/a"),
    ];
    assert_eq!(changes, expected);
}

#[test]
fn m14_p62_result_types_follow_what_was_created() {
    let mut world = World::new();
    let create = |path: &str, flags| {
        let new = Create::new(path.into(), None, Acl::open_unsafe(), CreateMode::Persistent);
        MultiOp::Create(Create { op: Op::Create, flags, ..new })
    };
    let ops = vec![create("/a", 0), create("/c", 4), create_op("/b"), create_op_as("/t", ttl(5))];
    let results = world.multi(ops);
    assert_eq!(results[0], MultiResult::Created { path: "/a".into() });
    for result in &results[1..] {
        assert!(matches!(result, MultiResult::Created2 { .. }), "{result:?}");
    }
}

#[test]
fn an_ephemeral_deleted_in_a_failed_multi_still_goes_with_its_session() {
    let mut world = World::new();
    world.create_as("/e", CreateMode::Ephemeral).unwrap();
    world.multi(vec![delete_op("/e"), create_op("/e"), delete_op("/none")]);
    let ended = world.apply(Change::EndSession { id: ME, cause: Cause::Closed });
    assert_eq!(ended.changes.len(), 1);
    assert!(!world.exists("/e"));
}
