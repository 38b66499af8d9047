//! Reads and the operations around them: children, counts, ephemerals, sync, whoAmI.

use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::records::open;
use tenure_tests::session::create_body;
use tenure_tests::subject::Subject;

#[test]
fn z50_a_leaf_has_an_empty_list_of_children() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    let reply = session.call(op::GET_CHILDREN, &Body::new().string("/a").bool(false));
    assert_eq!(reply.body, [0; 4], "count 0, not null");
    let reply = session.call(op::GET_CHILDREN2, &Body::new().string("/a").bool(false));
    let mut reader = reply.reader();
    assert_eq!(reader.strings(), Vec::<String>::new());
    assert_eq!(reader.stat(), session.stat("/a"));
}

#[test]
fn z51_all_descendants_are_counted() {
    let server = Subject::start();
    let mut session = server.session();
    assert_eq!(session.descendants("/"), Ok(3), "the reserved tree");
    for path in ["/a", "/a/b", "/a/b/c", "/ab"] {
        session.make(path);
    }
    assert_eq!(session.descendants("/a"), Ok(2));
    assert_eq!(session.descendants("/a/b/c"), Ok(0));
    assert_eq!(session.descendants("/"), Ok(7));
    assert_eq!(session.descendants(""), Ok(8), "below the empty path stands the root itself");
    assert_eq!(session.descendants("/none"), Err(op::NO_NODE));
}

#[test]
fn z52_ephemerals_are_found_by_string_prefix() {
    let server = Subject::start();
    let (mut session, mut other) = server.pair();
    session.make("/a");
    for path in ["/a/x", "/ab", "/c"] {
        session.create(path, b"", op::EPHEMERAL).expect("created");
    }
    other.create("/a/other", b"", op::EPHEMERAL).expect("created");
    assert_eq!(session.ephemerals("/a"), ["/a/x", "/ab"]);
    for all in ["/", "", " "] {
        assert_eq!(session.ephemerals(all), ["/a/x", "/ab", "/c"], "{all:?}");
    }
    let reply = session.call(op::GET_EPHEMERALS, &Body::new().null());
    assert_eq!((reply.err, reply.reader().strings().len()), (0, 3), "null is all");
    assert_eq!(session.ephemerals("/none"), Vec::<String>::new());
    assert_eq!(other.ephemerals("/"), ["/a/other"]);
}

#[test]
fn z53_p54_sync_echoes_any_path_and_takes_no_zxid() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    let before = session.zxid;
    for path in ["/a", "/none", "", "no path"] {
        let reply = session.call(op::SYNC, &Body::new().string(path));
        assert_eq!(reply.err, 0, "{path:?}");
        assert_eq!(reply.reader().string(), path);
    }
    session.ping();
    assert_eq!(session.zxid, before);
}

#[test]
fn z54_who_am_i_tells_the_address_and_the_users() {
    let server = Subject::start();
    let mut session = server.session();
    let address = ("ip".to_owned(), "127.0.0.1".to_owned());
    assert_eq!(session.who_am_i(), std::slice::from_ref(&address));
    assert_eq!(session.auth("digest", b"bob:pw"), 0);
    assert_eq!(session.auth("digest", b"eve:x:y"), 0);
    let mut seen = session.who_am_i();
    seen.sort();
    let user = |name: &str| ("digest".to_owned(), name.to_owned());
    assert_eq!(seen, [user("bob"), user("eve"), address]);
}

#[test]
fn z55_delete_of_a_missing_or_inner_znode() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    session.make("/a/b");
    assert_eq!(session.delete("/none", -1), Err(op::NO_NODE));
    assert_eq!(session.delete("/a/none", -1), Err(op::NO_NODE));
    assert_eq!(session.delete("/none/x", -1), Err(op::NO_NODE));
    assert_eq!(session.delete("/a", -1), Err(op::NOT_EMPTY));
    assert_eq!(session.delete("/a/b", -1), Ok(()));
    assert_eq!(session.delete("/a", -1), Ok(()));
}

#[test]
fn z70_a_read_sees_the_write_before_it() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    for round in 0..100 {
        let data = format!("{round}");
        session.send(op::SET_DATA, &Body::new().string("/a").bytes(data.as_bytes()).int(-1));
        session.send(op::GET_DATA, &Body::new().string("/a").bool(false));
        assert_eq!(session.reply().map(|reply| reply.err), Ok(0));
        let read = session.reply().expect("a reply");
        assert_eq!(read.reader().buffer(), Some(data.into_bytes()));
    }
}

#[test]
fn p57_reads_of_a_missing_znode() {
    let server = Subject::start();
    let mut session = server.session();
    for kind in [op::EXISTS, op::GET_DATA, op::GET_CHILDREN, op::GET_CHILDREN2] {
        let path = format!("/n{kind}");
        let reply = session.call(kind, &Body::new().string(&path).bool(true));
        assert_eq!((reply.err, reply.body.len()), (op::NO_NODE, 0), "operation {kind}");
    }
    for kind in [op::EXISTS, op::GET_DATA, op::GET_CHILDREN, op::GET_CHILDREN2] {
        session.make(&format!("/n{kind}"));
    }
    assert_eq!(session.seen(), [(op::CREATED, "/n3".to_owned())], "only exists left a watch");
}

#[test]
fn p34_an_error_has_an_empty_body() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    let calls = [
        (op::CREATE, create_body("/a", Some(b""), &open(), 0)),
        (op::DELETE, Body::new().string("/none").int(-1)),
        (op::SET_DATA, Body::new().string("/a").bytes(b"").int(9)),
        (op::SET_ACL, Body::new().string("/a").acl(&[]).int(-1)),
        (op::GET_ACL, Body::new().string("/none")),
        (op::GET_ALL_CHILDREN_NUMBER, Body::new().string("/none")),
        (op::ADD_WATCH, Body::new().string("/a").int(9)),
        (op::REMOVE_WATCHES, Body::new().string("/a").int(3)),
    ];
    for (kind, body) in calls {
        let reply = session.call(kind, &body);
        assert_ne!(reply.err, 0, "operation {kind}");
        assert_eq!(reply.body.len(), 0, "operation {kind}");
    }
}

#[test]
fn z50_getchildren2_agrees_with_getchildren() {
    let server = Subject::start();
    let mut session = server.session();
    for path in ["/a", "/a/x", "/a/y"] {
        session.make(path);
    }
    let reply = session.call(op::GET_CHILDREN2, &Body::new().string("/a").bool(false));
    let mut reader = reply.reader();
    let mut names = reader.strings();
    names.sort();
    assert_eq!(Ok(names), session.children("/a", false));
    assert_eq!(reader.stat(), session.stat("/a"));
    reader.end();
}
