//! Reads and re-registration: what is answered, and which watch is left.

use super::*;
use crate::wire::{ReadOp, SetWatches};

fn exists(path: &str) -> Request {
    Request::Exists { path: path.into(), watch: true }
}

fn get(path: &str) -> Request {
    Request::GetData { path: path.into(), watch: true }
}

fn children(path: &str) -> Request {
    Request::GetChildren { path: path.into(), watch: true }
}

/// A world with `/a` open, `/a/b` and `/shut`, which nobody can read.
fn world() -> World {
    let mut world = World::new();
    world.create("/a").unwrap();
    world.create("/a/b").unwrap();
    world.create_with_acl("/shut", vec![Acl::new(Perms::ADMIN, "world", "anyone")]).unwrap();
    world
}

#[test]
fn p57_w02_what_leaves_a_watch() {
    let world = world();
    let data = |path: &str| Some((Registration::Data, path.to_owned()));
    let child = |path: &str| Some((Registration::Child, path.to_owned()));
    for (request, code, watch) in [
        (exists("/a"), None, data("/a")),
        (exists("/none"), Some(Code::NoNode), data("/none")),
        (exists("/shut"), Some(Code::NoAuth), None),
        (exists("/a\0"), Some(Code::BadArguments), None),
        (get("/a"), None, data("/a")),
        (get("/none"), Some(Code::NoNode), None),
        (get("/shut"), Some(Code::NoAuth), None),
        (get("/a\0"), Some(Code::NoNode), None),
        (children("/a"), None, child("/a")),
        (children("/none"), Some(Code::NoNode), None),
        (children("/shut"), Some(Code::NoAuth), None),
        (Request::GetChildren2 { path: "/a".into(), watch: true }, None, child("/a")),
        (Request::GetChildren2 { path: "/a".into(), watch: false }, None, None),
        (Request::GetData { path: "/a".into(), watch: false }, None, None),
        (Request::Exists { path: "/none".into(), watch: false }, Some(Code::NoNode), None),
        (Request::GetAcl { path: "/a".into() }, None, None),
        (Request::Ping, Some(Code::Unimplemented), None),
    ] {
        let (result, registered) = world.read_with_watch(&request);
        assert_eq!((result.err(), registered), (code, watch), "{request:?}");
    }
}

#[test]
fn z20_z21_reads_look_paths_up_as_they_are() {
    let world = world();
    for request in [exists(""), get(""), children(""), Request::GetAcl { path: "".into() }] {
        assert!(world.read(&request).is_ok(), "{request:?}");
    }
    for path in ["a", "/a/", "//a", "/.", "/a//b"] {
        assert_eq!(world.read(&get(path)), Err(Code::NoNode), "{path:?}");
        assert_eq!(world.read(&exists(path)), Err(Code::NoNode), "{path:?}");
    }
    assert_eq!(world.read_with_watch(&get("")).1, Some((Registration::Data, String::new())));
}

#[test]
fn z32_null_and_empty_data_come_back_as_they_are() {
    let mut world = world();
    let answer = |world: &World| match world.read(&get("/a")) {
        Ok(Reply::Data { data, stat }) => {
            assert_eq!(stat, world.stat("/a"));
            data
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(answer(&world), None);
    world.set("/a", b"", -1).unwrap();
    assert_eq!(answer(&world), Some(Bytes::new()));
    world.set("/a", b"data", -1).unwrap();
    assert_eq!(answer(&world), Some(Bytes::from_static(b"data")));
}

#[test]
fn z50_children_are_names() {
    let world = world();
    assert_eq!(world.read(&children("/a/b")), Ok(Reply::Children { names: vec![] }));
    assert_eq!(world.read(&children("/a")), Ok(Reply::Children { names: vec!["b".into()] }));
    let request = Request::GetChildren2 { path: "/".into(), watch: false };
    let Ok(Reply::Children2 { mut names, stat }) = world.read(&request) else { panic!() };
    names.sort();
    assert_eq!(
        (names, stat),
        (vec!["a".into(), "shut".into(), "zookeeper".into()], world.stat("/"))
    );
}

#[test]
fn z51_all_descendants_are_counted() {
    let world = world();
    let count = |path: &str| world.read(&Request::GetAllChildrenNumber { path: path.into() });
    assert_eq!(count("/"), Ok(Reply::Count(6)));
    assert_eq!(count("/a"), Ok(Reply::Count(1)));
    assert_eq!(count("/a/b"), Ok(Reply::Count(0)));
    assert_eq!(count("/none"), Err(Code::NoNode));
    assert_eq!(count("/shut"), Err(Code::NoAuth));
}

#[test]
fn z52_ephemerals_by_prefix_as_a_string() {
    let mut world = world();
    for path in ["/ab", "/a/e", "/b"] {
        world.create_as(path, CreateMode::Ephemeral).unwrap();
    }
    world.session = OTHER;
    world.create_as("/a/other", CreateMode::Ephemeral).unwrap();
    world.session = ME;
    let own = |prefix: Option<&str>| match world
        .read(&Request::GetEphemerals { prefix: prefix.map(str::to_owned) })
    {
        Ok(Reply::Ephemerals(paths)) => paths,
        other => panic!("{other:?}"),
    };
    for all in [None, Some(""), Some(" "), Some("/")] {
        assert_eq!(own(all), ["/a/e", "/ab", "/b"], "{all:?}");
    }
    assert_eq!(own(Some("/a")), ["/a/e", "/ab"]);
    assert_eq!(own(Some("/x")), [""; 0]);
}

#[test]
fn m13_p68_each_part_of_a_multi_read_stands_alone() {
    let world = world();
    let data = |path: &str| ReadOp::Data { path: path.into() };
    let list = |path: &str| ReadOp::Children { path: path.into() };
    let ops = vec![data("/a"), data("/none"), list("/a"), list("/shut"), data("/a/b")];
    let answer = world.read(&Request::MultiRead(ops));
    let expected = vec![
        MultiResult::Data { data: None, stat: world.stat("/a") },
        MultiResult::Failed(-101),
        MultiResult::Children { names: vec!["b".into()] },
        MultiResult::Failed(-102),
        MultiResult::Data { data: None, stat: world.stat("/a/b") },
    ];
    assert_eq!(answer, Ok(Reply::Multi(expected)));
    assert_eq!(world.read(&Request::MultiRead(vec![])), Ok(Reply::Multi(vec![])));
}

#[test]
fn an_answer_that_would_be_too_large_is_an_error() {
    let mut world = world();
    world.set("/a", &vec![7; 1_000_000], -1).unwrap();
    let request = |count| Request::MultiRead(vec![ReadOp::Data { path: "/a".into() }; count]);
    assert!(world.read(&request(60)).is_ok());
    assert_eq!(world.read(&request(70)), Err(Code::MarshallingError));
}

#[test]
fn w28_to_w33_what_was_missed_becomes_an_event() {
    let mut world = World::new();
    for path in ["/same", "/set", "/gone", "/grown", "/quiet"] {
        world.create(path).unwrap();
    }
    let seen = world.engine.last_zxid();
    world.set("/set", b"", -1).unwrap();
    world.delete("/gone", -1).unwrap();
    world.create("/grown/child").unwrap();
    world.create_with_acl("/born", vec![Acl::new(Perms::ADMIN, "world", "anyone")]).unwrap();
    let paths = |paths: &[&str]| paths.iter().map(|path| path.to_string()).collect();
    let watches = SetWatches {
        relative_zxid: seen,
        data: paths(&["/set", "/same", "/gone", "/grown"]),
        exist: paths(&["/born", "/none"]),
        child: paths(&["/quiet", "/grown", "/gone"]),
        persistent: paths(&["/set", "/none"]),
        recursive: paths(&["/"]),
    };
    let outcome = rewatch(&world.engine, &watches);
    let events = [
        (EventKind::DataChanged, "/set"),
        (EventKind::Deleted, "/gone"),
        (EventKind::Created, "/born"),
        (EventKind::ChildrenChanged, "/grown"),
        (EventKind::Deleted, "/gone"),
    ];
    assert_eq!(outcome.events, events);
    let registrations = [
        (Registration::Data, "/same"),
        (Registration::Data, "/grown"),
        (Registration::Data, "/none"),
        (Registration::Child, "/quiet"),
        (Registration::Persistent, "/set"),
        (Registration::Persistent, "/none"),
        (Registration::PersistentRecursive, "/"),
    ];
    assert_eq!(outcome.registrations, registrations);
}

#[test]
fn w31_a_znode_that_came_and_went_is_not_news() {
    let mut world = World::new();
    world.create("/again").unwrap();
    let relative_zxid = world.engine.last_zxid();
    world.create("/brief").unwrap();
    world.delete("/brief", -1).unwrap();
    world.delete("/again", -1).unwrap();
    world.create("/again").unwrap();
    let (data, exist) = (vec!["/again".into()], vec!["/brief".into()]);
    let watches = SetWatches { relative_zxid, data, exist, ..SetWatches::default() };
    let outcome = rewatch(&world.engine, &watches);
    assert_eq!(outcome.events, [(EventKind::DataChanged, "/again")]);
    assert_eq!(outcome.registrations, [(Registration::Data, "/brief")]);
}
