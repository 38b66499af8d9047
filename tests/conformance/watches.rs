//! Standard watches: what fires which, once.

use tenure_tests::op;
use tenure_tests::records::event;
use tenure_tests::subject::Subject;

#[test]
fn w01_a_watch_fires_once() {
    let server = Subject::start();
    let (mut writer, mut watcher) = server.pair();
    writer.make("/a");
    watcher.get("/a", true).expect("there");
    for _ in 0..3 {
        writer.set("/a", b"", -1).expect("set");
    }
    assert_eq!(watcher.seen(), [event(op::CHANGED, "/a")]);
    writer.delete("/a", -1).expect("deleted");
    assert_eq!(watcher.seen(), []);
}

#[test]
fn w02_only_exists_watches_a_missing_znode() {
    let server = Subject::start();
    let (mut writer, mut watcher) = server.pair();
    watcher.exists("/a", true).expect_err("absent");
    watcher.get("/b", true).expect_err("absent");
    watcher.children("/c", true).expect_err("absent");
    for path in ["/a", "/b", "/c"] {
        writer.make(path);
    }
    assert_eq!(watcher.seen(), [event(op::CREATED, "/a")]);
}

#[test]
fn w03_a_data_watch_fires_for_unchanged_content() {
    let server = Subject::start();
    let (mut writer, mut watcher) = server.pair();
    writer.create("/a", b"same", 0).expect("created");
    watcher.get("/a", true).expect("there");
    writer.set("/a", b"same", -1).expect("set");
    assert_eq!(watcher.seen(), [event(op::CHANGED, "/a")]);
}

#[test]
fn w04_set_acl_fires_nothing() {
    let server = Subject::start();
    let (mut writer, mut watcher) = server.pair();
    writer.make("/a");
    watcher.get("/a", true).expect("there");
    watcher.children("/a", true).expect("there");
    watcher.children("/", true).expect("there");
    watcher.add_watch("/", 1).expect("added");
    writer.set_acl("/a", &tenure_tests::records::open(), -1).expect("set");
    assert_eq!(watcher.seen(), []);
}

#[test]
fn w05_a_child_watch_hears_of_direct_children_only() {
    let server = Subject::start();
    let (mut writer, mut watcher) = server.pair();
    writer.make("/p");
    writer.make("/p/x");
    watcher.children("/p", true).expect("there");
    writer.set("/p", b"", -1).expect("set");
    writer.set("/p/x", b"", -1).expect("set");
    writer.make("/p/x/y");
    writer.delete("/p/x/y", -1).expect("deleted");
    assert_eq!(watcher.seen(), []);
    writer.make("/p/z");
    assert_eq!(watcher.seen(), [event(op::CHILDREN, "/p")]);
    watcher.children("/p", true).expect("there");
    writer.delete("/p/z", -1).expect("deleted");
    assert_eq!(watcher.seen(), [event(op::CHILDREN, "/p")]);
}

#[test]
fn w06_data_and_child_watch_of_a_deleted_znode_give_one_event() {
    let server = Subject::start();
    let (mut writer, mut watcher) = server.pair();
    writer.make("/a");
    watcher.get("/a", true).expect("there");
    watcher.children("/a", true).expect("there");
    writer.delete("/a", -1).expect("deleted");
    assert_eq!(watcher.seen(), [event(op::DELETED, "/a")]);
    writer.make("/a");
    writer.make("/a/b");
    assert_eq!(watcher.seen(), [], "both watches are used up");
}

#[test]
fn w06_a_child_watch_hears_of_its_own_znodes_end() {
    let server = Subject::start();
    let (mut writer, mut watcher) = server.pair();
    writer.make("/a");
    watcher.children("/a", true).expect("there");
    writer.delete("/a", -1).expect("deleted");
    assert_eq!(watcher.seen(), [event(op::DELETED, "/a")]);
}

#[test]
fn w07_watching_twice_gives_one_event() {
    let server = Subject::start();
    let (mut writer, mut watcher) = server.pair();
    writer.make("/a");
    for _ in 0..3 {
        watcher.get("/a", true).expect("there");
        watcher.exists("/a", true).expect("there");
        watcher.children("/a", true).expect("there");
    }
    writer.set("/a", b"", -1).expect("set");
    writer.make("/a/b");
    assert_eq!(watcher.seen(), [event(op::CHANGED, "/a"), event(op::CHILDREN, "/a")]);
}

#[test]
fn w08_changes_before_the_next_registration_are_one_event() {
    let server = Subject::start();
    let (mut writer, mut watcher) = server.pair();
    writer.make("/a");
    for round in 1..=3 {
        watcher.get("/a", true).expect("there");
        for _ in 0..round {
            writer.set("/a", b"", -1).expect("set");
        }
        assert_eq!(watcher.seen(), [event(op::CHANGED, "/a")]);
    }
}

#[test]
fn w09_a_failed_operation_fires_nothing() {
    let server = Subject::start();
    let (mut writer, mut watcher) = server.pair();
    writer.make("/a");
    watcher.get("/a", true).expect("there");
    watcher.children("/", true).expect("there");
    writer.set("/a", b"", 9).expect_err("wrong version");
    writer.delete("/a", 9).expect_err("wrong version");
    writer.create("/a", b"", 0).expect_err("exists");
    assert_eq!(watcher.seen(), []);
    writer.delete("/a", -1).expect("deleted");
    assert_eq!(watcher.seen(), [event(op::DELETED, "/a"), event(op::CHILDREN, "/")]);
}

#[test]
fn w11_creation_is_told_before_the_parents_change() {
    let server = Subject::start();
    let (mut writer, mut watcher) = server.pair();
    writer.make("/p");
    watcher.exists("/p/x", true).expect_err("absent");
    watcher.children("/p", true).expect("there");
    writer.make("/p/x");
    assert_eq!(watcher.seen(), [event(op::CREATED, "/p/x"), event(op::CHILDREN, "/p")]);
}

#[test]
fn w38_a_thousand_changes_are_one_event_for_one_watch() {
    let server = Subject::start();
    let (mut writer, mut watcher) = server.pair();
    writer.make("/a");
    watcher.get("/a", true).expect("there");
    for _ in 0..1_000 {
        writer.set("/a", b"", -1).expect("set");
    }
    assert_eq!(watcher.seen(), [event(op::CHANGED, "/a")]);
}

#[test]
fn w40_no_change_slips_between_a_read_and_its_watch() {
    let server = Subject::start();
    let (mut writer, mut watcher) = server.pair();
    writer.make("/a");
    let rounds = 300;
    let writing = std::thread::spawn(move || {
        for _ in 0..rounds {
            writer.set("/a", b"", -1).expect("set");
        }
    });
    loop {
        let (_, stat) = watcher.get("/a", true).expect("there");
        if stat.version == rounds {
            break;
        }
        if watcher.take_events().is_empty() {
            // The watch is armed and the version is not the last: an event must come.
            let frame = watcher.frame().expect("the change after the read is told");
            assert!(matches!(frame, tenure_tests::records::Frame::Event(_)), "{frame:?}");
        }
    }
    writing.join().expect("the writer ends well");
}

#[test]
fn w35_every_watcher_of_a_path_gets_a_frame() {
    let server = Subject::start();
    let mut writer = server.session();
    writer.make("/a");
    let mut watchers: Vec<_> = (0..30).map(|_| server.session()).collect();
    for watcher in &mut watchers {
        watcher.get("/a", true).expect("there");
    }
    writer.set("/a", b"", -1).expect("set");
    for watcher in &mut watchers {
        assert_eq!(watcher.seen(), [event(op::CHANGED, "/a")]);
    }
}

#[test]
fn w35_a_connection_may_hold_many_watches() {
    let server = Subject::start();
    let (mut writer, mut watcher) = server.pair();
    let paths: Vec<_> = (0..5_000).map(|number| format!("/n{number}")).collect();
    let names: Vec<_> = paths.iter().map(String::as_str).collect();
    assert_eq!(watcher.set_watches(0, [&[], &names, &[]]), 0);
    writer.make("/n0");
    writer.make("/n4999");
    assert_eq!(watcher.seen(), [event(op::CREATED, "/n0"), event(op::CREATED, "/n4999")]);
}

#[test]
fn p40_an_event_carries_the_zxid_of_its_transaction() {
    let server = Subject::start();
    let (mut writer, mut watcher) = server.pair();
    writer.make("/a");
    watcher.get("/a", true).expect("there");
    writer.set("/a", b"", -1).expect("set");
    let changed = writer.zxid;
    assert_eq!(watcher.set_watches(0, [&["/a"], &[], &[]]), 0);
    let zxids: Vec<_> = watcher.events().iter().map(|event| event.zxid).collect();
    assert_eq!(zxids, [changed, -1], "an event made up for setWatches has none");
}

#[test]
fn w08_a_closed_connection_leaves_no_watch() {
    let server = Subject::start();
    let (mut writer, watcher) = server.pair();
    writer.make("/a");
    let mut watcher = watcher;
    watcher.get("/a", true).expect("there");
    watcher.close();
    writer.set("/a", b"", -1).expect("set");
    assert!(server.word(b"wchs").contains("Total watches:0"));
}
