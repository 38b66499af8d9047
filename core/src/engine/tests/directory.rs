//! The session directory: what is listed, what a session binds to itself, and what goes with it.

use super::*;
use crate::base::limits::ENDED_SESSIONS;
use crate::wire::{ReadOp, SetWatches};

const TOP: &str = "/zookeeper/sessions";

fn znode(session: SessionId) -> String {
    format!("{TOP}/{session}")
}

fn data_of(session: SessionId) -> String {
    format!("{TOP}/{session}/data")
}

fn value(session: SessionId, name: &str) -> String {
    format!("{TOP}/{session}/data/{name}")
}

fn create_value(name: &str, data: &[u8], acl: Vec<Acl>, mode: CreateMode) -> Create {
    Create::new(value(ME, name), Some(Bytes::copy_from_slice(data)), acl, mode)
}

impl World {
    fn bind(&mut self, name: &str, data: &[u8]) -> Result<Reply, Code> {
        let create = create_value(name, data, Acl::open_unsafe(), CreateMode::Ephemeral);
        self.write(Request::Create(create))
    }

    fn list(&self, path: &str) -> Result<Vec<String>, Code> {
        match self.read(&Request::GetChildren { path: path.into(), watch: false })? {
            Reply::Children { names } => Ok(names),
            other => panic!("{other:?} answers getChildren"),
        }
    }

    fn get(&self, path: &str) -> Result<(String, Stat), Code> {
        match self.read(&Request::GetData { path: path.into(), watch: false })? {
            Reply::Data { data, stat } => {
                let data = data.unwrap_or_default();
                assert_eq!(stat.data_length as usize, data.len(), "{path}");
                Ok((String::from_utf8(data.to_vec()).unwrap(), stat))
            }
            other => panic!("{other:?} answers getData"),
        }
    }

    fn seen(&self, path: &str) -> Result<Stat, Code> {
        match self.read(&Request::Exists { path: path.into(), watch: false })? {
            Reply::Stat(stat) => Ok(stat),
            other => panic!("{other:?} answers exists"),
        }
    }

    fn end(&mut self, id: SessionId) -> Effects {
        self.apply(Change::EndSession { id, cause: Cause::Closed })
    }

    fn set_rules(&mut self, rules: Rules) {
        self.engine.begin(0, rules);
    }
}

fn changes(effects: &Effects) -> Vec<(EventKind, &str)> {
    effects.changes.iter().map(|changed| (changed.kind, changed.path.as_str())).collect()
}

/// What the engine holds of each session.
fn registry(engine: &Engine) -> Vec<(SessionId, Registered)> {
    engine.registry().iter().map(|(id, registered)| (id, registered.clone())).collect()
}

#[test]
fn every_session_is_listed_with_what_is_known_of_it() {
    let mut world = World::new();
    world.create_as("/e", CreateMode::Ephemeral).unwrap();
    let (me, other) = (ME.to_string(), OTHER.to_string());
    assert_eq!(world.list(TOP), Ok(vec!["ended".into(), me, other]));
    let top = world.seen(TOP).unwrap();
    assert_eq!((top.num_children, top.pzxid, top.ephemeral_owner), (3, Zxid(2), SessionId::NONE));
    let (text, stat) = world.get(&znode(ME)).unwrap();
    assert_eq!(text, format!("{ME} lives with 1"));
    let expected = Stat {
        czxid: Zxid(1),
        mzxid: Zxid(1),
        pzxid: Zxid(1),
        ctime: WallMillis(1_001),
        mtime: WallMillis(1_001),
        ephemeral_owner: ME,
        data_length: text.len() as i32,
        num_children: 1,
        ..Stat::default()
    };
    assert_eq!((stat, world.seen(&znode(ME))), (expected, Ok(expected)));
    assert_eq!(world.list(&znode(ME)), Ok(vec!["data".into()]));
    assert_eq!(world.list(&data_of(ME)), Ok(vec![]));
    assert_eq!(world.get(TOP).unwrap().0, "");
}

#[test]
fn the_znode_above_lists_the_directory_and_nothing_counts_it() {
    let world = World::new();
    let mut names = world.list("/zookeeper").unwrap();
    names.sort();
    assert_eq!(names, ["config", "quota", "sessions"]);
    let Ok(Reply::Children2 { names: children, stat }) =
        world.read(&Request::GetChildren2 { path: "/zookeeper".into(), watch: false })
    else {
        panic!("no list");
    };
    assert_eq!((children.len(), stat.num_children), (3, 3));
    assert_eq!(world.seen("/zookeeper").unwrap().num_children, 3);
    assert_eq!(world.engine.node_count(), 4);
    let count = |path: &str| world.read(&Request::GetAllChildrenNumber { path: path.into() });
    assert_eq!(count("/"), Ok(Reply::Count(3)), "what is in the tree");
    assert_eq!(count(TOP), Ok(Reply::Count(5)), "two sessions with a place for data, and a list");
    assert_eq!(count(&znode(ME)), Ok(Reply::Count(1)));
}

#[test]
fn what_is_not_there_does_not_exist() {
    let world = World::new();
    for path in ["0x9", "0x9/data", "x", "ended/0x9", "0x100000000000001/data/none"] {
        let path = format!("{TOP}/{path}");
        assert_eq!(world.seen(&path), Err(Code::NoNode), "{path}");
        assert_eq!(world.get(&path), Err(Code::NoNode), "{path}");
        assert_eq!(world.list(&path), Err(Code::NoNode), "{path}");
        assert_eq!(world.read(&Request::GetAcl { path: path.clone() }), Err(Code::NoNode));
    }
}

#[test]
fn a_session_binds_sets_and_unbinds_values() {
    let mut world = World::new();
    let path = value(ME, "shard");
    let Ok(Reply::Created2 { path: made, stat }) = world.bind("shard", b"7") else {
        panic!("not bound");
    };
    assert_eq!((made.as_str(), stat.ephemeral_owner, stat.czxid), (path.as_str(), ME, Zxid(3)));
    assert_eq!(world.get(&path).unwrap(), ("7".into(), stat));
    assert_eq!(world.bind("shard", b"8"), Err(Code::NodeExists));
    assert_eq!(world.set(&path, b"88", 5), Err(Code::BadVersion));
    let Ok(Reply::Stat(set)) = world.set(&path, b"88", 0) else { panic!("not set") };
    assert_eq!((set.version, set.czxid, set.mzxid), (1, Zxid(3), world.engine.last_zxid()));
    assert_eq!(world.get(&path).unwrap(), ("88".into(), set));
    let list = world.seen(&data_of(ME)).unwrap();
    assert_eq!((list.num_children, list.cversion, list.pzxid), (1, 1, Zxid(3)));
    assert_eq!(world.list(&data_of(ME)), Ok(vec!["shard".into()]));
    assert_eq!(world.delete(&path, 0), Err(Code::BadVersion));
    assert_eq!(world.delete(&path, 1), Ok(Reply::Done));
    assert_eq!(world.delete(&path, -1), Err(Code::NoNode));
    assert_eq!(world.set(&path, b"", -1), Err(Code::NoNode));
    let list = world.seen(&data_of(ME)).unwrap();
    assert_eq!((list.num_children, list.cversion), (0, 2));
}

#[test]
fn the_mode_of_a_value_is_one_that_goes_with_the_session() {
    let mut world = World::new();
    let mut create = |name: &str, mode| {
        let create = create_value(name, b"", Acl::open_unsafe(), mode);
        world.write(Request::Create(create)).map(drop)
    };
    assert_eq!(create("a", CreateMode::Persistent), Ok(()));
    assert_eq!(create("b", CreateMode::Ephemeral), Ok(()));
    for mode in [
        CreateMode::PersistentSequential,
        CreateMode::EphemeralSequential,
        CreateMode::Container,
        ttl(5),
    ] {
        assert_eq!(create("c", mode), Err(Code::BadArguments), "{mode:?}");
    }
    for name in ["a\0", "..", "a\u{1}"] {
        assert_eq!(create(name, CreateMode::Ephemeral), Err(Code::BadArguments), "{name:?}");
    }
    let Ok((_, stat)) = world.get(&value(ME, "a")) else { panic!("not bound") };
    assert_eq!(stat.ephemeral_owner, ME, "it goes with its session all the same");
    assert_eq!(world.engine.ephemerals().count(), 0);
}

#[test]
fn nobody_else_writes_a_value_and_nothing_else_is_written() {
    let mut world = World::new();
    world.bind("a", b"mine").unwrap();
    world.session = OTHER;
    world.prove(&[("super", "")]);
    let bound = value(ME, "a");
    assert_eq!(world.set(&bound, b"", -1), Err(Code::NoAuth));
    assert_eq!(world.delete(&bound, -1), Err(Code::NoAuth));
    let paths = [
        value(ME, "b"),
        bound.clone(),
        TOP.into(),
        format!("{TOP}/x"),
        format!("{TOP}/ended"),
        format!("{TOP}/ended/0x1"),
        znode(OTHER),
        znode(SessionId(9)),
        data_of(OTHER),
        format!("{}/x", znode(OTHER)),
        format!("{}/x", value(OTHER, "a")),
    ];
    for path in &paths {
        assert_eq!(world.create(path), Err(Code::NoAuth), "{path}");
        assert_eq!(world.set(path, b"", -1), Err(Code::NoAuth), "{path}");
        assert_eq!(world.delete(path, -1), Err(Code::NoAuth), "{path}");
        assert_eq!(world.set_acl(path, Acl::open_unsafe(), -1), Err(Code::NoAuth), "{path}");
    }
    assert_eq!(world.get(&bound).unwrap().0, "mine");
    world.session = ME;
    assert_eq!(world.set_acl(&bound, Acl::open_unsafe(), -1), Err(Code::NoAuth));
}

#[test]
fn the_list_of_a_value_says_who_reads_it() {
    let mut world = World::new();
    world.prove(&[("digest", "bob:hash")]);
    let create = create_value("a", b"1", Acl::creator_all(), CreateMode::Ephemeral);
    world.write(Request::Create(create)).unwrap();
    let bob = vec![Acl::new(Perms::READ, "digest", "bob:hash")];
    let read_only = create_value("b", b"2", bob, CreateMode::Ephemeral);
    world.write(Request::Create(read_only)).unwrap();
    let acl =
        |world: &World, name: &str| match world.read(&Request::GetAcl { path: value(ME, name) }) {
            Ok(Reply::Acl { acl, .. }) => Ok(acl[0].id.id.clone()),
            Ok(other) => panic!("{other:?} answers getACL"),
            Err(code) => Err(code),
        };
    let check = |world: &mut World, name: &str| match world
        .multi(vec![check_op(&value(ME, name), 0)])[..]
    {
        [MultiResult::Checked] => 0,
        [MultiResult::Failed(code)] => code,
        ref other => panic!("{other:?} answers a check"),
    };
    world.session = OTHER;
    assert_eq!(world.get(&value(ME, "a")).unwrap().0, "1");
    assert_eq!(acl(&world, "a"), Ok("bob:hash".into()));
    assert_eq!(acl(&world, "b"), Ok("bob:x".into()), "without ADMIN");
    assert_eq!(check(&mut world, "a"), 0);
    world.prove(&[]);
    assert_eq!(world.get(&value(ME, "a")), Err(Code::NoAuth));
    assert_eq!(world.seen(&value(ME, "a")), Err(Code::NoAuth));
    assert_eq!(acl(&world, "a"), Err(Code::NoAuth));
    assert_eq!(check(&mut world, "a"), Code::NoAuth.number());
    assert_eq!(world.list(&data_of(ME)).unwrap().len(), 2, "the names are in the directory");
    world.session = ME;
    assert_eq!(world.get(&value(ME, "a")).unwrap().0, "1", "the owner may, whatever it has proven");
    assert_eq!(check(&mut world, "a"), 0);
}

#[test]
fn limits_are_exact_and_what_does_not_grow_is_never_refused() {
    let mut world = World::new();
    let rules = Rules { session_values: 2, session_value_bytes: 40, ..Rules::default() };
    world.set_rules(rules);
    world.bind("a", b"1234").unwrap();
    let bytes = world.engine.registry().get(ME).unwrap().data.as_ref().unwrap().bytes();
    assert_eq!(bytes, "a".len() + 4 + "worldanyone".len());
    let create =
        Request::Create(create_value("b", &[0; 13], Acl::open_unsafe(), CreateMode::Ephemeral));
    let refused = world.apply(Change::Request(create));
    assert_eq!((refused.result, refused.is_over_limit), (Err(Code::QuotaExceeded), true));
    world.bind("b", &[0; 12]).unwrap();
    assert_eq!(world.bind("c", b""), Err(Code::QuotaExceeded), "one too many");
    assert_eq!(world.set(&value(ME, "a"), b"12345", -1), Err(Code::QuotaExceeded));
    world.set_rules(Rules { session_values: 0, session_value_bytes: 0, ..rules });
    assert_eq!(world.set(&value(ME, "a"), b"4321", -1).map(drop), Ok(()));
    assert_eq!(world.bind("c", b""), Err(Code::Unimplemented), "there is no session data any more");
    assert_eq!(world.list(&znode(OTHER)), Ok(vec![]));
    assert_eq!(world.list(&data_of(OTHER)), Err(Code::NoNode));
    assert_eq!(world.list(&data_of(ME)).unwrap().len(), 2, "what was bound stays");
    assert_eq!(world.delete(&value(ME, "a"), -1), Ok(Reply::Done));
}

#[test]
fn e5_a_failed_multi_leaves_values_as_they_were() {
    let mut world = World::new();
    world.bind("kept", b"1").unwrap();
    let ops = |session| {
        vec![
            create_op("/a"),
            create_op_as(&value(session, "new"), CreateMode::Ephemeral),
            set_op(&value(session, "new"), 0),
            delete_op(&value(session, "new")),
            create_op(&value(session, "new")),
        ]
    };
    let mine = || {
        vec![
            set_op(&value(ME, "kept"), 0),
            delete_op(&value(ME, "kept")),
            create_op(&value(ME, "kept")),
        ]
    };
    for (session, more) in [(ME, mine()), (OTHER, Vec::new())] {
        world.session = session;
        world.engine.keep_digests();
        let before = registry(&world.engine);
        let failing = [ops(session), more.clone(), vec![check_op("/none", 0)]].concat();
        let effects = world.apply(Change::Request(Request::Multi(failing)));
        assert!(effects.changes.is_empty() && !world.exists("/a"));
        assert_eq!(registry(&world.engine), before);
        assert_eq!(world.engine.kept_digest(), Some(world.engine.digest()));
        let whole = [ops(session), more].concat();
        let results = world.multi(whole);
        assert!(!results.iter().any(|result| matches!(result, MultiResult::Failed(_))));
        assert_eq!(world.get(&value(session, "new")).unwrap().1.version, 0);
        world.delete("/a", -1).unwrap();
    }
}

#[test]
fn values_go_in_the_transaction_that_ends_their_session() {
    let mut world = World::new();
    world.create_as("/z", CreateMode::Ephemeral).unwrap();
    for name in ["b", "a"] {
        let effects = world.apply(Change::Request(Request::Create(create_value(
            name,
            b"",
            Acl::open_unsafe(),
            CreateMode::Persistent,
        ))));
        assert_eq!(changes(&effects), [(EventKind::Created, value(ME, name).as_str())]);
    }
    world.session = OTHER;
    let effects = world.end(ME);
    let (first, second) = (value(ME, "a"), value(ME, "b"));
    let gone = EventKind::Deleted;
    assert_eq!(changes(&effects), [(gone, "/z"), (gone, &first), (gone, &second)]);
    assert_eq!(effects.ended, Some(ME));
    for path in [first, data_of(ME), znode(ME)] {
        assert_eq!(world.seen(&path), Err(Code::NoNode), "{path}");
    }
    assert_eq!(world.list(TOP), Ok(vec!["ended".into(), OTHER.to_string()]));
    assert_eq!(world.list(&format!("{TOP}/ended")), Ok(vec![ME.to_string()]));
    let (text, stat) = world.get(&format!("{TOP}/ended/{ME}")).unwrap();
    assert_eq!((text, stat.czxid), (format!("{ME} is closed"), effects.zxid));
    assert_eq!(world.seen(TOP).unwrap().pzxid, effects.zxid);
    assert_eq!(world.seen(&format!("{TOP}/ended")).unwrap().pzxid, effects.zxid);
}

#[test]
fn the_oldest_end_is_forgotten_when_there_are_too_many() {
    let mut world = World::new();
    let at = |id: i64| SessionId(id);
    for id in 1..=ENDED_SESSIONS as i64 + 1 {
        let password = Password([7; Password::LEN]);
        let create = Change::CreateSession { id: at(id), timeout: Millis(1), password };
        assert_eq!(world.apply(create).begun, Some(at(id)));
        let expected = (id > ENDED_SESSIONS as i64).then(|| at(1));
        assert_eq!(world.end(at(id)).forgotten, expected);
    }
    let list = world.list(&format!("{TOP}/ended")).unwrap();
    assert_eq!((list.len(), list[0].as_str()), (ENDED_SESSIONS, "0x2"));
}

#[test]
fn w28_watches_of_the_directory_hear_what_they_missed() {
    let mut world = World::new();
    world.bind("a", b"").unwrap();
    world.bind("b", b"").unwrap();
    let relative_zxid = world.engine.last_zxid();
    let (new, gone) = (SessionId(7), OTHER);
    let password = Password::default();
    let _ = world.apply(Change::CreateSession { id: new, timeout: Millis(1), password });
    let _ = world.end(gone);
    world.set(&value(ME, "a"), b"1", -1).unwrap();
    let data = vec![znode(ME), znode(gone), value(ME, "a"), value(ME, "b"), TOP.into()];
    let exist = vec![znode(new), znode(SessionId(8)), format!("{TOP}/ended/{gone}")];
    let child = vec![TOP.into(), data_of(ME), format!("{TOP}/ended")];
    let watches = SetWatches { relative_zxid, data, exist, child, ..SetWatches::default() };
    let outcome = rewatch(&world.engine, &watches);
    let expected = [
        (EventKind::Deleted, znode(gone)),
        (EventKind::DataChanged, value(ME, "a")),
        (EventKind::Created, znode(new)),
        (EventKind::Created, format!("{TOP}/ended/{gone}")),
        (EventKind::ChildrenChanged, TOP.into()),
        (EventKind::ChildrenChanged, format!("{TOP}/ended")),
    ];
    let events: Vec<_> =
        outcome.events.iter().map(|(kind, path)| (*kind, path.to_string())).collect();
    assert_eq!(events, expected);
    assert_eq!(outcome.registrations.len(), 5);
}

#[test]
fn without_a_directory_there_is_nothing_at_its_path() {
    let mut world = World::new();
    world.bind("a", b"").unwrap();
    world.set_rules(Rules { session_directory: false, ..Rules::default() });
    for path in [TOP.into(), znode(ME), data_of(ME), value(ME, "a")] {
        assert_eq!(world.seen(&path), Err(Code::NoNode), "{path}");
        assert_eq!(world.delete(&path, -1), Err(Code::NoNode), "{path}");
    }
    assert_eq!(world.bind("b", b""), Err(Code::NoNode));
    assert_eq!(world.list("/zookeeper").unwrap().len(), 2);
    assert_eq!(world.seen("/zookeeper").unwrap().num_children, 2);
    let effects = world.end(ME);
    assert_eq!(changes(&effects), [], "nobody could have seen the value");
}

#[test]
fn znodes_of_a_time_without_a_directory_are_out_of_sight() {
    let mut world = World::new();
    world.set_rules(Rules { session_directory: false, ..Rules::default() });
    world.create(TOP).unwrap();
    world.create(&format!("{TOP}/mine")).unwrap();
    world.set_rules(Rules::default());
    assert_eq!(world.list(TOP).unwrap().len(), 3, "the sessions, not what the tree has there");
    assert_eq!(world.seen(&format!("{TOP}/mine")), Err(Code::NoNode));
    assert_eq!(world.delete(&format!("{TOP}/mine"), -1), Err(Code::NoAuth));
    let mut names = world.list("/zookeeper").unwrap();
    names.sort();
    assert_eq!(names, ["config", "quota", "sessions"], "once");
    assert_eq!(world.seen("/zookeeper").unwrap().num_children, 3);
    world.set_rules(Rules { session_directory: false, ..Rules::default() });
    assert_eq!(world.list(TOP), Ok(vec!["mine".into()]));
}

#[test]
fn multi_read_answers_for_the_directory_too() {
    let mut world = World::new();
    world.bind("a", b"1").unwrap();
    let ops = vec![
        ReadOp::Data { path: value(ME, "a") },
        ReadOp::Children { path: data_of(ME) },
        ReadOp::Data { path: znode(SessionId(9)) },
        ReadOp::Data { path: znode(ME) },
    ];
    let Ok(Reply::Multi(results)) = world.read(&Request::MultiRead(ops)) else {
        panic!("no answer");
    };
    let shown: Vec<String> = results.iter().map(|result| format!("{result:?}")).collect();
    assert!(shown[0].contains("b\"1\""), "{shown:?}");
    assert!(shown[1].contains("\"a\""), "{shown:?}");
    assert!(shown[2].contains(&Code::NoNode.number().to_string()), "{shown:?}");
    assert!(shown[3].contains("lives with 0"), "{shown:?}");
}

#[test]
fn a_list_longer_than_an_answer_may_be_is_refused() {
    let mut world = World::new();
    world.engine.limit_replies(60);
    assert_eq!(world.list(TOP), Err(Code::MarshallingError));
    world.engine.limit_replies(200);
    assert_eq!(world.list(TOP).map(|names| names.len()), Ok(3));
}

#[test]
fn what_the_directory_shows_survives_an_image() {
    let mut world = World::new();
    world.bind("a", b"1").unwrap();
    world.set(&value(ME, "a"), b"2", -1).unwrap();
    let password = Password::default();
    let _ = world.apply(Change::CreateSession { id: SessionId(7), timeout: Millis(1), password });
    let _ = world.end(SessionId(7));
    let mut scan = world.engine.begin_scan();
    let mut image = Vec::new();
    while world.engine.scan_step(&mut scan, Budget::default(), &mut image) == Progress::More {}
    drop(world.engine.end_scan(&scan));
    let mut loader = Loader::new(EngineOptions::default());
    loader.feed(&image).unwrap();
    let before =
        [TOP, &format!("{TOP}/ended"), &data_of(ME), &value(ME, "a")].map(|path| world.seen(path));
    world.engine = loader.finish().unwrap();
    let after =
        [TOP, &format!("{TOP}/ended"), &data_of(ME), &value(ME, "a")].map(|path| world.seen(path));
    assert_eq!(after, before);
    assert_eq!(world.get(&value(ME, "a")).unwrap().0, "2");
}
