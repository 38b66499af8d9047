//! Reply headers, special xids, and operations that a client may not ask for.

use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::records::open;
use tenure_tests::session::create_body;
use tenure_tests::subject::Subject;

#[test]
fn p31_any_xid_is_echoed() {
    let server = Subject::start();
    let mut session = server.session();
    for xid in [1, 1, 0, i32::MAX, i32::MIN, -3, -8, 5] {
        session.send_as(xid, op::EXISTS, &Body::new().string("/").bool(false));
        assert_eq!(session.reply().map(|reply| (reply.xid, reply.err)), Ok((xid, 0)));
    }
}

#[test]
fn p31_the_reply_to_a_ping_has_xid_minus_2_whatever_was_sent() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    for xid in [-2, 1, 0, i32::MAX, -4] {
        session.send_as(xid, op::PING, &Body::new());
        let reply = session.reply().expect("answered");
        assert_eq!((reply.xid, reply.zxid, reply.err), (-2, session.zxid, 0));
        assert_eq!(reply.body.len(), 0);
    }
}

#[test]
fn p50_s78_an_unknown_operation_is_refused_and_the_connection_closed() {
    let server = Subject::start();
    let kinds = (23..100).step_by(7).chain([0, 10, 99, 108, 120, -1, -2, -9, -12, 1_000]);
    for kind in kinds.chain([i32::MAX, i32::MIN]) {
        let mut session = server.session();
        session.create("/e", b"", op::EPHEMERAL).expect("created");
        let reply = session.call(kind, &Body::new());
        assert_eq!((reply.zxid, reply.err), (-1, op::UNIMPLEMENTED), "operation {kind}");
        assert!(session.is_cut(), "operation {kind}");
        let mut again = session.reattach(server.addr());
        assert_eq!(again.stat("/e").ephemeral_owner, session.id(), "the session stays");
        again.close();
    }
}

#[test]
fn p51_p52_p53_h01_internal_operations_are_refused() {
    let server = Subject::start();
    let mut observer = server.session();
    observer.create("/c", b"", op::CONTAINER).expect("created");
    observer.make("/c/x");
    observer.delete("/c/x", -1).expect("deleted");
    let requests = [
        (op::CHECK, Body::new().string("/c").int(-1)),
        (op::DELETE_CONTAINER, Body::new().string("/c")),
        (op::DELETE_CONTAINER, Body::new().raw(b"/c")),
        (op::CREATE_SESSION, Body::new().int(10_000)),
    ];
    let before = (observer.stat("/c"), server_sessions(&server));
    for (kind, body) in requests {
        let mut session = server.session();
        assert_eq!(session.code(kind, &body), op::UNIMPLEMENTED, "operation {kind}");
        let mut session = session.reattach(server.addr());
        session.ping();
        session.close();
    }
    assert_eq!((observer.stat("/c"), server_sessions(&server)), before);
}

/// How many sessions the server knows.
fn server_sessions(server: &Subject) -> usize {
    let text = server.word(b"dump");
    let sessions = text.split("ephemeral nodes dump").next().expect("there is a first part");
    sessions.lines().filter(|line| line.trim_start().starts_with("0x")).count()
}

#[test]
fn s78_reconfig_on_a_standalone_server_is_answered() {
    let server = Subject::start();
    let mut session = server.session();
    let body = Body::new().string("server.1=h:1:2").null().null().long(-1);
    assert_eq!(session.code(op::RECONFIG, &body), op::RECONFIG_DISABLED);
    let full = Body::new().null().null().string("server.1=h:1:2").long(7);
    assert_eq!(session.code(op::RECONFIG, &full), op::RECONFIG_DISABLED);
    for short in [Body::new(), Body::new().null().null().null()] {
        assert_eq!(session.code(op::RECONFIG, &short), op::MARSHALLING);
    }
    session.ping();
}

#[test]
fn p33_the_headers_of_one_connection_never_go_back() {
    let server = Subject::start();
    let (mut first, mut second) = server.pair();
    let mut last = 0;
    for round in 0..50 {
        first.make(&format!("/n{round}"));
        second.call(op::CREATE, &create_body("/n0", Some(b""), &open(), 0));
        first.stat("/");
        assert!(first.zxid > last);
        last = first.zxid;
        assert_eq!(first.zxid, second.zxid);
    }
}
