//! Events are told only to those who may read what they are about.

use tenure_tests::op;
use tenure_tests::records::{Acl, acl, event, open};
use tenure_tests::session::Session;
use tenure_tests::subject::Subject;

const BOB: &str = "bob:ikIaKsbtGweaHnb/jKn7OHqbunM=";

fn private() -> Vec<Acl> {
    vec![acl(31, "digest", BOB)]
}

/// Bob, who may read everything, and a stranger.
fn bob_and_stranger(server: &Subject) -> (Session, Session) {
    let mut bob = server.session();
    assert_eq!(bob.auth("digest", b"bob:pw"), 0);
    (bob, server.session())
}

#[test]
fn w25_an_unreadable_znode_is_not_told_but_its_parents_change_is() {
    let server = Subject::start();
    let (mut bob, mut stranger) = bob_and_stranger(&server);
    bob.make("/p");
    stranger.exists("/p/x", true).expect_err("absent");
    stranger.children("/p", true).expect("there");
    bob.create_with("/p/x", Some(b""), &private(), 0).expect("created");
    assert_eq!(stranger.seen(), [event(op::CHILDREN, "/p")]);
}

#[test]
fn w25_a_filtered_watch_is_consumed() {
    let server = Subject::start();
    let (mut bob, mut stranger) = bob_and_stranger(&server);
    bob.make("/x");
    stranger.get("/x", true).expect("still open");
    bob.set_acl("/x", &private(), -1).expect("set");
    bob.set("/x", b"", -1).expect("set");
    assert_eq!(stranger.seen(), []);
    bob.set_acl("/x", &open(), -1).expect("set");
    bob.set("/x", b"", -1).expect("set");
    assert_eq!(stranger.seen(), [], "the watch was used up by the hidden change");
}

#[test]
fn w25_a_recursive_watch_skips_what_is_unreadable() {
    let server = Subject::start();
    let (mut bob, mut stranger) = bob_and_stranger(&server);
    bob.make("/p");
    stranger.add_watch("/p", 1).expect("added");
    bob.create_with("/p/hidden", Some(b""), &private(), 0).expect("created");
    bob.create("/p/open", b"", 0).expect("created");
    bob.set("/p/hidden", b"", -1).expect("set");
    bob.set("/p/open", b"", -1).expect("set");
    bob.delete("/p/hidden", -1).expect("deleted");
    bob.delete("/p/open", -1).expect("deleted");
    let wanted = [
        event(op::CREATED, "/p/open"),
        event(op::CHANGED, "/p/open"),
        event(op::DELETED, "/p/open"),
    ];
    assert_eq!(stranger.seen(), wanted);
}

#[test]
fn w25_child_changes_ask_for_read_on_the_parent() {
    let server = Subject::start();
    let (mut bob, mut stranger) = bob_and_stranger(&server);
    bob.make("/p");
    stranger.add_watch("/p", 0).expect("added");
    bob.set_acl("/p", &private(), -1).expect("set");
    bob.make("/p/x");
    assert_eq!(stranger.seen(), []);
    bob.set_acl("/p", &open(), -1).expect("set");
    bob.make("/p/y");
    assert_eq!(stranger.seen(), [event(op::CHILDREN, "/p")]);
}

#[test]
fn w25_a_deletion_is_judged_by_the_last_acl() {
    let server = Subject::start();
    let (mut bob, mut stranger) = bob_and_stranger(&server);
    for (path, entries) in [("/open", open()), ("/hidden", open())] {
        bob.create_with(path, Some(b""), &entries, 0).expect("created");
        stranger.exists(path, true).expect("there");
    }
    bob.set_acl("/hidden", &private(), -1).expect("set");
    bob.delete("/open", -1).expect("deleted");
    bob.delete("/hidden", -1).expect("deleted");
    assert_eq!(stranger.seen(), [event(op::DELETED, "/open")]);
}

#[test]
fn w25_whoever_may_read_is_told() {
    let server = Subject::start();
    let (mut bob, mut stranger) = bob_and_stranger(&server);
    let mut second = server.session();
    assert_eq!(second.auth("digest", b"bob:pw"), 0);
    second.add_watch("/x", 0).expect("added");
    stranger.add_watch("/x", 0).expect("added");
    bob.create_with("/x", Some(b""), &private(), 0).expect("created");
    bob.set("/x", b"", -1).expect("set");
    assert_eq!(second.seen(), [event(op::CREATED, "/x"), event(op::CHANGED, "/x")]);
    assert_eq!(stranger.seen(), []);
}
