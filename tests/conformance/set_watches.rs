//! Re-registration of watches after a reconnect, with what was missed meanwhile.

use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::records::{acl, event};
use tenure_tests::session::Session;
use tenure_tests::subject::Subject;

/// A session and the zxid it has seen last.
fn away(server: &Subject) -> (Session, i64) {
    let mut session = server.session();
    session.ping();
    let zxid = session.zxid;
    (session, zxid)
}

#[test]
fn w28_missed_events_come_in_list_order_before_the_reply() {
    let server = Subject::start();
    let mut writer = server.session();
    for path in ["/d", "/gone", "/c"] {
        writer.make(path);
    }
    let (mut session, zxid) = away(&server);
    writer.set("/d", b"", -1).expect("set");
    writer.delete("/gone", -1).expect("deleted");
    writer.make("/e");
    writer.make("/c/x");
    let body =
        Body::new().long(zxid).strings(&["/gone", "/d"]).strings(&["/e"]).strings(&["/c", "/gone"]);
    let xid = session.send(op::SET_WATCHES, &body);
    let reply = session.reply().expect("answered");
    assert_eq!((reply.xid, reply.err, reply.body.len()), (xid, 0, 0));
    let events = session.take_events();
    assert!(events.iter().all(|event| event.zxid == -1 && event.state == 3));
    let seen: Vec<_> = events.into_iter().map(|event| (event.kind, event.path)).collect();
    let wanted = [
        event(op::DELETED, "/gone"),
        event(op::CHANGED, "/d"),
        event(op::CREATED, "/e"),
        event(op::CHILDREN, "/c"),
        event(op::DELETED, "/gone"),
    ];
    assert_eq!(seen, wanted);
}

#[test]
fn w29_an_entry_that_gave_an_event_is_not_registered() {
    let server = Subject::start();
    let mut writer = server.session();
    writer.make("/d");
    let (mut session, zxid) = away(&server);
    writer.set("/d", b"", -1).expect("set");
    writer.make("/e");
    writer.make("/d/x");
    assert_eq!(session.set_watches(zxid, [&["/d"], &["/e"], &["/d"]]), 0);
    assert_eq!(session.seen().len(), 3);
    writer.set("/d", b"", -1).expect("set");
    writer.set("/e", b"", -1).expect("set");
    writer.make("/d/y");
    assert_eq!(session.seen(), []);
}

#[test]
fn w29_unchanged_entries_are_armed() {
    let server = Subject::start();
    let mut writer = server.session();
    writer.make("/d");
    let (mut session, zxid) = away(&server);
    assert_eq!(session.set_watches(zxid, [&["/d"], &["/e"], &["/d"]]), 0);
    assert_eq!(session.seen(), []);
    writer.set("/d", b"", -1).expect("set");
    writer.make("/e");
    writer.make("/d/x");
    let wanted = [event(op::CHANGED, "/d"), event(op::CREATED, "/e"), event(op::CHILDREN, "/d")];
    assert_eq!(session.seen(), wanted);
}

#[test]
fn w30_persistent_modes_are_set_without_catch_up() {
    let server = Subject::start();
    let mut writer = server.session();
    writer.make("/p");
    let (mut session, zxid) = away(&server);
    writer.set("/p", b"", -1).expect("set");
    writer.make("/p/x");
    assert_eq!(session.set_watches2(zxid, [&[], &[], &[], &["/p"], &["/q"]]), 0);
    assert_eq!(session.seen(), []);
    for _ in 0..2 {
        writer.set("/p", b"", -1).expect("set");
    }
    writer.make("/p/y");
    writer.make("/q");
    writer.make("/q/z");
    let wanted = [
        event(op::CHANGED, "/p"),
        event(op::CHANGED, "/p"),
        event(op::CHILDREN, "/p"),
        event(op::CREATED, "/q"),
        event(op::CREATED, "/q/z"),
    ];
    assert_eq!(session.seen(), wanted);
}

#[test]
fn w31_what_came_and_went_meanwhile() {
    let server = Subject::start();
    let mut writer = server.session();
    writer.make("/d");
    let (mut session, zxid) = away(&server);
    writer.make("/e");
    writer.delete("/e", -1).expect("deleted");
    writer.delete("/d", -1).expect("deleted");
    writer.make("/d");
    assert_eq!(session.set_watches(zxid, [&["/d"], &["/e"], &["/d"]]), 0);
    assert_eq!(session.seen(), [event(op::CHANGED, "/d"), event(op::CHILDREN, "/d")]);
    writer.make("/e");
    assert_eq!(session.seen(), [event(op::CREATED, "/e")]);
}

#[test]
fn w32_null_lists_do_not_decode_and_empty_ones_do() {
    let server = Subject::start();
    let mut session = server.session();
    for null in 0..3 {
        let body = (0..3).fold(Body::new().long(0), |body, list| {
            if list == null { body.null() } else { body.strings(&[]) }
        });
        assert_eq!(session.code(op::SET_WATCHES, &body), op::MARSHALLING, "list {null}");
    }
    for null in 0..5 {
        let body = (0..5).fold(Body::new().long(0), |body, list| {
            if list == null { body.null() } else { body.strings(&[]) }
        });
        assert_eq!(session.code(op::SET_WATCHES2, &body), op::MARSHALLING, "list {null}");
    }
    assert_eq!(session.set_watches(0, [&[], &[], &[]]), 0);
    assert_eq!(session.set_watches2(0, [&[], &[], &[], &[], &[]]), 0);
}

#[test]
fn w26_w33_no_permission_is_asked() {
    let server = Subject::start();
    let mut writer = server.session();
    let (mut session, zxid) = away(&server);
    let closed = [acl(30, "world", "anyone")];
    writer.create_with("/hidden", Some(b""), &closed, 0).expect("created");
    assert_eq!(session.set_watches(zxid, [&["/hidden"], &["/hidden"], &["/hidden"]]), 0);
    let wanted = [
        event(op::CHANGED, "/hidden"),
        event(op::CREATED, "/hidden"),
        event(op::CHILDREN, "/hidden"),
    ];
    assert_eq!(session.seen(), wanted);
}

#[test]
fn p42_the_xid_of_set_watches_is_echoed() {
    let server = Subject::start();
    let mut session = server.session();
    let body = Body::new().long(0).strings(&[]).strings(&[]).strings(&[]);
    for xid in [-8, 1, 77] {
        session.send_as(xid, op::SET_WATCHES, &body);
        assert_eq!(session.reply().map(|reply| (reply.xid, reply.err)), Ok((xid, 0)));
    }
}

#[test]
fn w37_a_reconnected_client_misses_nothing() {
    let server = Subject::start();
    let mut writer = server.session();
    writer.make("/a");
    let mut session = server.session();
    let (_, stat) = session.get("/a", true).expect("there");
    let seen = session.zxid;
    writer.set("/a", b"new", -1).expect("set");
    let mut session = session.reattach(server.addr());
    assert_eq!(session.set_watches(seen, [&["/a"], &[], &[]]), 0);
    assert_eq!(session.seen(), [event(op::CHANGED, "/a")]);
    assert_eq!(session.stat("/a").version, stat.version + 1);
}
