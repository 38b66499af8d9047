//! Writes to znodes: Stat fields, paths, kinds, sequence numbers, reaping.

use super::*;

#[test]
fn z01_a_new_znode_starts_at_its_own_zxid() {
    let mut world = World::new();
    world.create("/a").unwrap();
    let stat = world.stat("/a");
    let zxid = world.engine.last_zxid();
    let expected = Stat {
        czxid: zxid,
        mzxid: zxid,
        pzxid: zxid,
        ctime: world.at,
        mtime: world.at,
        ..Stat::default()
    };
    assert_eq!(stat, expected);
}

#[test]
fn z02_z03_z05_each_write_changes_its_own_fields() {
    let mut world = World::new();
    world.create("/a").unwrap();
    world.create("/a/b").unwrap();
    let (a, b) = (world.stat("/a"), world.stat("/a/b"));
    world.set("/a/b", b"four", 0).unwrap();
    let zxid = world.engine.last_zxid();
    let set = Stat { mzxid: zxid, mtime: world.at, version: 1, data_length: 4, ..b };
    assert_eq!(world.stat("/a/b"), set);
    world.set_acl("/a/b", Acl::read_unsafe(), 0).unwrap();
    assert_eq!(world.stat("/a/b"), Stat { aversion: 1, ..set });
    assert_eq!(world.stat("/a"), a);
}

#[test]
fn z04_z08_the_parent_shows_creations_and_deletions() {
    let mut world = World::new();
    world.create("/p").unwrap();
    let before = world.stat("/p");
    for path in ["/p/a", "/p/b", "/p/c"] {
        world.create(path).unwrap();
    }
    world.delete("/p/b", 0).unwrap();
    let pzxid = world.engine.last_zxid();
    assert_eq!(world.stat("/p"), Stat { cversion: 4, num_children: 2, pzxid, ..before });
}

#[test]
fn z07_times_may_go_backwards() {
    let mut world = World::new();
    world.create("/a").unwrap();
    world.at = WallMillis(5);
    world.set("/a", b"", -1).unwrap();
    let stat = world.stat("/a");
    assert!(stat.mtime < stat.ctime);
}

#[test]
fn z09_z60_the_reserved_znodes_of_a_fresh_server() {
    let engine = Engine::new(EngineOptions::default());
    let stat = |path: &str| engine.tree.node(engine.tree.find(path).unwrap()).stat();
    let fresh = Stat::default();
    assert_eq!(stat("/"), Stat { cversion: -1, num_children: 1, ..fresh });
    assert_eq!(stat("/zookeeper"), Stat { cversion: -2, num_children: 2, ..fresh });
    assert_eq!(stat("/zookeeper/quota"), fresh);
    assert_eq!(stat("/zookeeper/config"), Stat { aversion: -1, ..fresh });
    assert_eq!(engine.node_count(), 4);
    assert_eq!(engine.approximate_data_size(), 44);
    engine.check();
}

#[test]
fn z11_z13_versions_are_compared_before_children_are_counted() {
    let mut world = World::new();
    world.create("/a").unwrap();
    world.create("/a/b").unwrap();
    world.set("/a", b"", 0).unwrap();
    assert_eq!(world.delete("/a", 0), Err(Code::BadVersion));
    assert_eq!(world.delete("/a", 1), Err(Code::NotEmpty));
    assert_eq!(world.set("/a", b"", 0), Err(Code::BadVersion));
    assert_eq!(world.set("/a", b"", 2), Err(Code::BadVersion));
    assert_eq!(world.set_acl("/a", Acl::open_unsafe(), 1), Err(Code::BadVersion));
    assert!(world.set_acl("/a", Acl::open_unsafe(), 0).is_ok());
    assert_eq!(world.delete("/a/b", -1), Ok(Reply::Done));
    assert_eq!(world.delete("/a", -1), Ok(Reply::Done));
}

#[test]
fn z16_z18_malformed_paths_are_refused_before_they_are_looked_for() {
    let mut world = World::new();
    for path in ["", "a", "/a/", "/a//b", "/.", "/a\0", "/\u{1}", "/😀"] {
        assert_eq!(world.set(path, b"", -1), Err(Code::BadArguments), "{path:?}");
        assert_eq!(world.set_acl(path, vec![], -1), Err(Code::BadArguments), "{path:?}");
        let checked = world.multi(vec![check_op(path, -1)]);
        assert_eq!(checked, [MultiResult::Failed(-8)], "{path:?}");
    }
    assert_eq!(world.set("/a", b"", -1), Err(Code::NoNode));
    assert_eq!(world.set_acl("/a", Acl::open_unsafe(), -1), Err(Code::NoNode));
}

#[test]
fn z19_z55_z58_what_delete_refuses() {
    let mut world = World::new();
    for path in ["", "a", "/\0", "/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"] {
        assert_eq!(world.delete(path, -1), Err(Code::BadArguments), "{path:?}");
    }
    for path in ["/a", "/a/", "//", "/a//b", "a/b", "/..", "/zookeeper/"] {
        assert_eq!(world.delete(path, -1), Err(Code::NoNode), "{path:?}");
    }
}

#[test]
fn z23_create_looks_at_the_parent_before_the_whole_path() {
    let mut world = World::new();
    for (path, code) in [
        ("", Code::BadArguments),
        ("a", Code::BadArguments),
        ("/a\0", Code::BadArguments),
        ("/a//b", Code::NoNode),
        ("/a/", Code::NoNode),
        ("a/b", Code::NoNode),
        ("//", Code::BadArguments),
        ("/.", Code::BadArguments),
        ("/😀", Code::BadArguments),
        ("/zookeeper/", Code::BadArguments),
    ] {
        assert_eq!(world.create(path), Err(code), "{path:?}");
    }
}

#[test]
fn z24_the_root_exists() {
    assert_eq!(World::new().create("/"), Err(Code::NodeExists));
}

#[test]
fn z25_no_right_on_the_parent_hides_whether_the_child_exists() {
    let mut world = World::new();
    world.create_with_acl("/r", Acl::read_unsafe()).unwrap();
    assert_eq!(world.create("/r/a"), Err(Code::NoAuth));
    assert_eq!(world.create("/r/a/b"), Err(Code::NoNode));
}

#[test]
fn z26_z27_flags_belong_to_operations() {
    let mut world = World::new();
    let mut create = |op, flags, ttl, path: &str| {
        let acl = Acl::open_unsafe();
        let path = path.to_owned();
        world.write(Request::Create(Create { op, path, data: None, acl, flags, ttl }))
    };
    let made = |path: &str| Ok(Reply::Created { path: path.into() });
    assert_eq!(create(Op::Create, 4, -1, "/a"), made("/a"));
    for (op, flags, ttl) in [
        (Op::CreateContainer, 0, -1),
        (Op::CreateTtl, 0, 5),
        (Op::CreateTtl, 5, 0),
        (Op::CreateTtl, 5, -1),
        (Op::CreateTtl, 6, 1 << 40),
        (Op::Create, 5, -1),
        (Op::Create2, 6, -1),
        (Op::Create, 7, -1),
        (Op::Create, -1, -1),
    ] {
        assert_eq!(create(op, flags, ttl, "/b"), Err(Code::BadArguments), "{op:?} {flags} {ttl}");
    }
    assert!(create(Op::CreateTtl, 5, (1 << 40) - 1, "/b").is_ok());
}

#[test]
fn z28_z31_an_ephemeral_has_no_children() {
    let mut world = World::new();
    world.create_as("/e", CreateMode::Ephemeral).unwrap();
    assert_eq!(world.create("/e/a"), Err(Code::NoChildrenForEphemerals));
    assert_eq!(world.stat("/e").ephemeral_owner, ME);
    world.create_as("/c", CreateMode::Container).unwrap();
    world.create_as("/t", ttl(5)).unwrap();
    world.create("/c/a").unwrap();
    world.create("/t/a").unwrap();
    assert_eq!(world.stat("/c").ephemeral_owner, SessionId::NONE);
    assert_eq!(world.stat("/t").ephemeral_owner, SessionId::NONE);
    world.delete("/e", -1).unwrap();
    world.create("/e").unwrap();
    world.create("/e/a").unwrap();
}

#[test]
fn z33_to_z36_z38_sequence_numbers() {
    let mut world = World::new();
    let seq = CreateMode::PersistentSequential;
    assert_eq!(world.create_as("/s-", seq).unwrap(), "/s-0000000000");
    world.create("/p").unwrap();
    assert_eq!(world.create_as("/p/", seq).unwrap(), "/p/0000000000");
    world.create("/p/a").unwrap();
    assert_eq!(
        world.create_as("/p/b-", CreateMode::EphemeralSequential),
        Ok("/p/b-0000000002".into())
    );
    assert_eq!(world.create("/p/a"), Err(Code::NodeExists));
    world.delete("/p/a", -1).unwrap();
    world.create("/p/d0000000004").unwrap();
    assert_eq!(world.create_as("/p/d", seq), Err(Code::NodeExists), "Z-38");
    assert_eq!(world.create_as("/p/e", seq).unwrap(), "/p/e0000000004");
}

#[test]
fn z37_numbers_have_ten_digits_and_a_sign_after_the_last() {
    let numbered = super::super::znodes::numbered;
    assert_eq!(numbered("/n", 7), "/n0000000007");
    assert_eq!(numbered("/n", i32::MAX), "/n2147483647");
    assert_eq!(numbered("/n", i32::MIN), "/n-2147483648");
    assert_eq!(numbered("/n", -5), "/n-000000005");
}

#[test]
fn z35_a_new_parent_counts_from_zero() {
    let mut world = World::new();
    for _ in 0..2 {
        world.create("/p").unwrap();
        let path = world.create_as("/p/", CreateMode::PersistentSequential).unwrap();
        assert_eq!(path, "/p/0000000000");
        world.delete(&path, -1).unwrap();
        world.delete("/p", -1).unwrap();
    }
}

#[test]
fn z40_without_extended_types_there_is_no_ttl() {
    let rules = Rules { extended_types: false, ..Rules::default() };
    let mut world = World::with(EngineOptions { rules, ..Default::default() });
    assert_eq!(world.create_as("/t", ttl(5)), Err(Code::Unimplemented));
    assert_eq!(world.create_as("no path", ttl(5)), Err(Code::Unimplemented));
    assert!(world.create_as("/c", CreateMode::Container).is_ok());
}

#[test]
fn z43_a_ttl_znode_is_due_when_it_is_old_and_childless() {
    let mut world = World::new();
    world.create_as("/t", ttl(100)).unwrap();
    world.create("/t/c").unwrap();
    let born = world.stat("/t").mtime;
    let due =
        |world: &World, after: i64| world.engine.due_for_reaping(WallMillis(born.0 + after), 10);
    assert!(due(&world, 1_000).is_empty(), "it has a child");
    world.delete("/t/c", -1).unwrap();
    assert!(due(&world, 100).is_empty());
    assert_eq!(due(&world, 101), ["/t"]);
    world.at = WallMillis(born.0 + 90);
    world.set("/t", b"", -1).unwrap();
    assert!(due(&world, 101).is_empty(), "setData refreshes it");
    let reap = || Change::Reap { path: "/t".into() };
    assert_eq!(world.apply(reap()).result, Err(Code::BadVersion), "it was set since");
    world.at.0 += 200;
    let effects = world.apply(reap());
    assert_eq!(effects.result, Ok(Reply::Done));
    assert_eq!(effects.changes.len(), 1);
    assert_eq!((effects.changes[0].kind, &*effects.changes[0].path), (EventKind::Deleted, "/t"));
    assert_eq!(world.apply(reap()).result, Err(Code::NoNode));
}

#[test]
fn z45_z46_z49_a_container_is_due_when_its_last_child_is_gone() {
    let mut world = World::new();
    world.create_as("/c", CreateMode::Container).unwrap();
    let far = WallMillis(i64::MAX);
    assert!(world.engine.due_for_reaping(far, 10).is_empty(), "it was never used");
    world.create("/c/a").unwrap();
    assert!(world.engine.due_for_reaping(far, 10).is_empty());
    world.delete("/c/a", -1).unwrap();
    assert_eq!(world.engine.due_for_reaping(WallMillis(i64::MIN), 10), ["/c"]);
    assert!(world.engine.due_for_reaping(far, 0).is_empty(), "no more than asked for");
    world.create("/c/b").unwrap();
    let reap = |path: &str| Change::Reap { path: path.into() };
    assert_eq!(world.apply(reap("/c")).result, Err(Code::NotEmpty));
    world.delete("/c/b", -1).unwrap();
    assert_eq!(world.apply(reap("/c")).result, Ok(Reply::Done));
    world.create_as("/c", CreateMode::Ephemeral).unwrap();
    assert_eq!(world.apply(reap("/c")).result, Err(Code::BadVersion));
    assert_eq!(world.apply(reap("/zookeeper/quota")).result, Err(Code::BadVersion));
    assert_eq!(world.apply(reap("/")).result, Err(Code::BadVersion));
}

#[test]
fn z46_unused_containers_can_be_given_a_limit() {
    let limit = Some(Millis(300_000));
    let rules = Rules { never_used_containers: limit, ..Rules::default() };
    let options = EngineOptions { rules, ..Default::default() };
    let mut world = World::with(options);
    world.create_as("/c", CreateMode::Container).unwrap();
    let born = world.stat("/c").mtime.0;
    assert!(world.engine.due_for_reaping(WallMillis(born + 300_000), 10).is_empty());
    assert_eq!(world.engine.due_for_reaping(WallMillis(born + 300_001), 10), ["/c"]);
}

#[test]
fn z59_z62_below_zookeeper_and_at_the_root_clients_may_write() {
    let mut world = World::new();
    world.create("/zookeeper/x").unwrap();
    world.delete("/zookeeper/x", -1).unwrap();
    assert!(world.set("/", b"root", -1).is_ok());
    assert!(world.set_acl("/", Acl::read_unsafe(), -1).is_ok());
    assert_eq!(world.create("/a"), Err(Code::NoAuth));
    assert_eq!(world.set("/zookeeper/config", b"", -1), Err(Code::NoAuth));
}

#[test]
fn z66_create_answers_the_real_path_and_create2_the_stat() {
    let mut world = World::new();
    let mode = CreateMode::EphemeralSequential;
    let create = Create::new("/e-".into(), None, Acl::open_unsafe(), mode);
    let path = "/e-0000000000".to_owned();
    let answer = world.write(Request::Create(create.clone()));
    assert_eq!(answer, Ok(Reply::Created2 { path: path.clone(), stat: world.stat(&path) }));
    let answer = world.write(Request::Create(Create { op: Op::Create, ..create }));
    assert_eq!(answer, Ok(Reply::Created { path: "/e-0000000001".into() }));
}

#[test]
fn changes_carry_what_watchers_need() {
    let mut world = World::new();
    world.create_with_acl("/r", Acl::open_unsafe()).unwrap();
    let create = Create::new("/r/a".into(), None, Acl::read_unsafe(), CreateMode::Persistent);
    let effects = world.apply(Change::Request(Request::Create(create)));
    let created = Changed {
        kind: EventKind::Created,
        path: "/r/a".into(),
        acl: Acl::read_unsafe().into(),
        parent_acl: Some(Acl::open_unsafe().into()),
    };
    assert_eq!(effects.changes, std::slice::from_ref(&created));
    let set = Request::SetData { path: "/r".into(), data: None, version: -1 };
    let changed = Changed {
        kind: EventKind::DataChanged,
        path: "/r".into(),
        acl: Acl::open_unsafe().into(),
        parent_acl: None,
    };
    assert_eq!(world.apply(Change::Request(set)).changes, [changed]);
    let delete = Request::Delete { path: "/r/a".into(), version: -1 };
    let deleted = Changed { kind: EventKind::Deleted, ..created };
    assert_eq!(world.apply(Change::Request(delete)).changes, [deleted]);
    let set_acl = Request::SetAcl { path: "/r".into(), acl: Acl::read_unsafe(), version: -1 };
    assert_eq!(world.apply(Change::Request(set_acl)).changes, [], "W-04");
}

#[test]
fn what_comes_due_together_has_a_number_of_bytes() {
    let mut world = World::new();
    let top = world.create(&format!("/{}", "n".repeat(6 << 20))).unwrap();
    for name in ["a", "b", "c", "d"] {
        let container = world.create_as(&format!("{top}/{name}"), CreateMode::Container).unwrap();
        world.create(&format!("{container}/x")).unwrap();
        world.delete(&format!("{container}/x"), -1).unwrap();
    }
    assert_eq!(world.engine.due_for_reaping(world.at, 10).len(), 3, "the last goes next time");
}
