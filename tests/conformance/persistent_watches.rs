//! Persistent watches, plain and recursive.

use tenure_tests::op;
use tenure_tests::records::event;
use tenure_tests::session::Session;
use tenure_tests::subject::Subject;

const PERSISTENT: i32 = 0;
const RECURSIVE: i32 = 1;

/// A life of `/a` with a child and a grandchild.
fn life(writer: &mut Session) {
    writer.make("/a");
    writer.set("/a", b"x", -1).expect("set");
    writer.make("/a/b");
    writer.make("/a/b/c");
    writer.set("/a/b", b"x", -1).expect("set");
    writer.delete("/a/b/c", -1).expect("deleted");
    writer.delete("/a/b", -1).expect("deleted");
    writer.delete("/a", -1).expect("deleted");
}

#[test]
fn w13_a_persistent_watch_hears_the_whole_life_of_a_znode() {
    let server = Subject::start();
    let (mut writer, mut watcher) = server.pair();
    watcher.add_watch("/a", PERSISTENT).expect("added");
    let wanted = [
        event(op::CREATED, "/a"),
        event(op::CHANGED, "/a"),
        event(op::CHILDREN, "/a"),
        event(op::CHILDREN, "/a"),
        event(op::DELETED, "/a"),
    ];
    for _ in 0..2 {
        life(&mut writer);
        assert_eq!(watcher.seen(), wanted);
    }
}

#[test]
fn w14_a_recursive_watch_hears_of_all_descendants_but_no_child_changes() {
    let server = Subject::start();
    let (mut writer, mut watcher) = server.pair();
    watcher.add_watch("/a", RECURSIVE).expect("added");
    let wanted = [
        event(op::CREATED, "/a"),
        event(op::CHANGED, "/a"),
        event(op::CREATED, "/a/b"),
        event(op::CREATED, "/a/b/c"),
        event(op::CHANGED, "/a/b"),
        event(op::DELETED, "/a/b/c"),
        event(op::DELETED, "/a/b"),
        event(op::DELETED, "/a"),
    ];
    for _ in 0..2 {
        life(&mut writer);
        writer.make("/ab");
        writer.delete("/ab", -1).expect("deleted");
        assert_eq!(watcher.seen(), wanted);
    }
}

#[test]
fn w15_a_recursive_watch_on_the_root_sees_everything() {
    let server = Subject::start();
    let (mut writer, mut watcher) = server.pair();
    watcher.add_watch("/", RECURSIVE).expect("added");
    writer.make("/zookeeper/x");
    writer.make("/a");
    writer.set("/", b"", -1).expect("set");
    writer.delete("/zookeeper/x", -1).expect("deleted");
    let wanted = [
        event(op::CREATED, "/zookeeper/x"),
        event(op::CREATED, "/a"),
        event(op::CHANGED, "/"),
        event(op::DELETED, "/zookeeper/x"),
    ];
    assert_eq!(watcher.seen(), wanted);
}

#[test]
fn w16_one_connection_gets_one_event_for_two_watches() {
    let server = Subject::start();
    let (mut writer, mut watcher) = server.pair();
    writer.make("/a");
    writer.make("/a/b");
    watcher.add_watch("/a", RECURSIVE).expect("added");
    watcher.get("/a/b", true).expect("there");
    writer.set("/a/b", b"", -1).expect("set");
    assert_eq!(watcher.seen(), [event(op::CHANGED, "/a/b")]);
    writer.set("/a/b", b"", -1).expect("set");
    assert_eq!(watcher.seen(), [event(op::CHANGED, "/a/b")], "the recursive one is left");
}

#[test]
fn w17_a_child_watch_beside_a_recursive_one_still_fires() {
    let server = Subject::start();
    let (mut writer, mut watcher) = server.pair();
    writer.make("/a");
    watcher.add_watch("/a", RECURSIVE).expect("added");
    watcher.children("/a", true).expect("there");
    writer.make("/a/x");
    assert_eq!(watcher.seen(), [event(op::CREATED, "/a/x"), event(op::CHILDREN, "/a")]);
    writer.make("/a/y");
    assert_eq!(watcher.seen(), [event(op::CREATED, "/a/y")]);
}

#[test]
fn w18_the_modes_of_one_path_are_independent() {
    let server = Subject::start();
    let (mut writer, mut watcher) = server.pair();
    writer.make("/a");
    watcher.get("/a", true).expect("there");
    watcher.add_watch("/a", PERSISTENT).expect("added");
    watcher.add_watch("/a", RECURSIVE).expect("added");
    for (kind, name) in [(2, "data"), (4, "persistent"), (5, "recursive")] {
        assert_eq!(watcher.check_watches("/a", kind), 0, "{name} is there");
    }
    assert_eq!(watcher.remove_watches("/a", 5), 0);
    writer.set("/a", b"", -1).expect("set");
    assert_eq!(watcher.seen(), [event(op::CHANGED, "/a")]);
    assert_eq!(watcher.check_watches("/a", 2), op::NO_WATCHER, "the standard one fired");
    assert_eq!(watcher.check_watches("/a", 4), 0, "the persistent one stays");
    writer.make("/a/b");
    assert_eq!(watcher.seen(), [event(op::CHILDREN, "/a")]);
}

#[test]
fn w18_a_standard_watch_does_not_downgrade_a_persistent_one() {
    let server = Subject::start();
    let (mut writer, mut watcher) = server.pair();
    writer.make("/a");
    watcher.add_watch("/a", RECURSIVE).expect("added");
    watcher.get("/a", true).expect("there");
    for _ in 0..3 {
        writer.set("/a", b"", -1).expect("set");
    }
    writer.make("/a/b");
    let changed = event(op::CHANGED, "/a");
    let wanted = [changed.clone(), changed.clone(), changed, event(op::CREATED, "/a/b")];
    assert_eq!(watcher.seen(), wanted);
}

#[test]
fn w19_an_unknown_mode_does_not_decode_and_nothing_else_is_asked() {
    let server = Subject::start();
    let (mut writer, mut watcher) = server.pair();
    for mode in [-1, 2, 3, i32::MAX, i32::MIN] {
        assert_eq!(watcher.add_watch("/a", mode), Err(op::MARSHALLING), "{mode}");
    }
    let hidden = [tenure_tests::records::acl(30, "world", "anyone")];
    writer.create_with("/hidden", Some(b""), &hidden, 0).expect("created");
    for path in ["/none", "/hidden", "/none/x"] {
        assert_eq!(watcher.add_watch(path, PERSISTENT), Ok(()), "{path}");
    }
}

#[test]
fn w39_a_persistent_watch_gets_a_thousand_events_in_order() {
    let server = Subject::start();
    let (mut writer, mut watcher) = server.pair();
    writer.make("/a");
    watcher.add_watch("/a", PERSISTENT).expect("added");
    let zxids: Vec<_> = (0..1_000)
        .map(|_| {
            writer.set("/a", b"", -1).expect("set");
            writer.zxid
        })
        .collect();
    let seen: Vec<_> = watcher.events().into_iter().map(|event| event.zxid).collect();
    assert!(seen == zxids, "events out of step");
}

#[test]
fn w13_adding_twice_gives_one_event() {
    let server = Subject::start();
    let (mut writer, mut watcher) = server.pair();
    for mode in [PERSISTENT, PERSISTENT, RECURSIVE, RECURSIVE] {
        watcher.add_watch("/a", mode).expect("added");
    }
    writer.make("/a");
    assert_eq!(watcher.seen(), [event(op::CREATED, "/a")]);
}
