//! removeWatches and checkWatches.

use tenure_tests::op;
use tenure_tests::session::Session;
use tenure_tests::subject::Subject;

const KINDS: [(i32, &str); 5] =
    [(1, "children"), (2, "data"), (3, "any"), (4, "persistent"), (5, "recursive")];

/// A session that holds every kind of watch on `/a`.
fn watching(server: &Subject) -> Session {
    let mut session = server.session();
    if session.exists("/a", false).is_err() {
        session.make("/a");
    }
    session.get("/a", true).expect("there");
    session.children("/a", true).expect("there");
    session.add_watch("/a", 0).expect("added");
    session.add_watch("/a", 1).expect("added");
    session
}

/// The kinds that checkWatches finds on `/a`.
fn held(session: &mut Session) -> Vec<i32> {
    let kinds = KINDS.map(|(kind, _)| kind);
    kinds.into_iter().filter(|kind| session.check_watches("/a", *kind) == 0).collect()
}

#[test]
fn w21_each_kind_is_removed_alone() {
    let server = Subject::start();
    for (kind, left) in [
        (1, &[2, 3, 4, 5][..]),
        (2, &[1, 3, 4, 5]),
        (3, &[]),
        (4, &[1, 2, 3, 5]),
        (5, &[1, 2, 3, 4]),
    ] {
        let mut session = watching(&server);
        assert_eq!(held(&mut session), [1, 2, 3, 4, 5]);
        assert_eq!(session.remove_watches("/a", kind), 0);
        assert_eq!(held(&mut session), left, "after removing kind {kind}");
    }
}

#[test]
fn w21_a_removed_watch_is_silent() {
    let server = Subject::start();
    let mut writer = server.session();
    let mut session = watching(&server);
    assert_eq!(session.remove_watches("/a", 3), 0);
    writer.set("/a", b"", -1).expect("set");
    writer.make("/a/b");
    writer.delete("/a/b", -1).expect("deleted");
    assert_eq!(session.seen(), []);
    let mut session = watching(&server);
    for kind in [2, 4, 5] {
        assert_eq!(session.remove_watches("/a", kind), 0);
    }
    writer.set("/a", b"", -1).expect("set");
    assert_eq!(session.seen(), []);
    writer.make("/a/b");
    assert_eq!(session.seen(), [(op::CHILDREN, "/a".to_owned())], "the child watch is left");
}

#[test]
fn w22_nothing_to_remove_and_unknown_kinds() {
    let server = Subject::start();
    let mut session = server.session();
    for (kind, name) in KINDS {
        assert_eq!(session.remove_watches("/a", kind), op::NO_WATCHER, "{name}");
        assert_eq!(session.check_watches("/a", kind), op::NO_WATCHER, "{name}");
    }
    for kind in [0, -1, 6, i32::MAX, i32::MIN] {
        assert_eq!(session.remove_watches("/a", kind), op::MARSHALLING, "{kind}");
        assert_eq!(session.check_watches("/a", kind), op::MARSHALLING, "{kind}");
    }
}

#[test]
fn w22_another_connections_watches_do_not_count() {
    let server = Subject::start();
    let (mut holder, mut other) = (watching(&server), server.session());
    assert_eq!(other.remove_watches("/a", 3), op::NO_WATCHER);
    assert_eq!(held(&mut holder), [1, 2, 3, 4, 5]);
}

#[test]
fn w23_the_path_must_match_exactly() {
    let server = Subject::start();
    let mut session = server.session();
    session.add_watch("/a", 1).expect("added");
    for path in ["/a/b", "/", "/a/", "a"] {
        assert_eq!(session.remove_watches(path, 3), op::NO_WATCHER, "{path}");
    }
    assert_eq!(session.remove_watches("/a", 3), 0);
    assert_eq!(session.remove_watches("/a", 3), op::NO_WATCHER, "it is gone");
}

#[test]
fn w21_checking_changes_nothing() {
    let server = Subject::start();
    let mut session = watching(&server);
    assert_eq!(held(&mut session), held(&mut session));
    session.set("/a", b"", -1).expect("set");
    assert_eq!(session.seen(), [(op::CHANGED, "/a".to_owned())]);
}
