//! What one session may do to another: take over what it keeps alive, fence it, and ask in a multi
//! whether it lives.

use tenure::wire::Features;
use tenure_tests::jute::{Body, Reader};
use tenure_tests::op;
use tenure_tests::raw::Silence;
use tenure_tests::records::{Outcome, Stat, event, open};
use tenure_tests::session::{Session, create_body};
use tenure_tests::subject::Subject;

const ALL: u32 = Features::ALL.0;

fn extended(server: &Subject) -> Session {
    Session::greeting(server.addr(), ALL)
}

fn password(session: &Session) -> Vec<u8> {
    session.granted.passwd.clone()
}

fn adopt(path: &str, from: i64, password: &[u8]) -> Body {
    Body::new().string(path).long(from).bytes(password)
}

fn other(session: i64, password: &[u8]) -> Body {
    Body::new().long(session).bytes(password)
}

/// The Stat that is the whole body of a reply.
fn stat(body: &[u8]) -> Stat {
    let mut reader = Reader::new(body);
    let stat = reader.stat();
    reader.end();
    stat
}

/// Whether the session can be had again.
fn is_alive(server: &Subject, session: &Session) -> bool {
    let again = Session::open(server.addr(), &session.reattachment()).expect("an answer");
    again.granted.timeout != 0
}

#[test]
fn an_adopted_ephemeral_is_set_and_never_gone() {
    let server = Subject::start();
    let (mut old, mut new, mut watcher) = (extended(&server), extended(&server), server.session());
    old.create("/e", b"data", op::EPHEMERAL).expect("created");
    let before = old.stat("/e");
    watcher.get("/e", true).expect("there");
    watcher.exists("/e", true).expect("there");
    watcher.children("/", true).expect("there");
    watcher.add_watch("/", 1).expect("added");
    let reply = new.call(op::ADOPT, &adopt("/e", old.id(), &password(&old)));
    assert_eq!(reply.err, 0);
    let after = new.stat("/e");
    assert_eq!(stat(&reply.body), after);
    let expected = Stat {
        ephemeral_owner: new.id(),
        version: before.version + 1,
        mzxid: reply.zxid,
        mtime: after.mtime,
        ..before
    };
    assert_eq!(after, expected);
    // One event for all watches of the path, and nothing of children.
    assert_eq!(watcher.seen(), [event(op::CHANGED, "/e")]);
    assert_eq!((old.ephemerals("/"), new.ephemerals("/")), (vec![], vec!["/e".to_owned()]));
    old.close();
    assert_eq!(new.get("/e", false), Ok((Some(b"data".to_vec()), after)));
    new.close();
    assert_eq!(watcher.exists("/e", false), Err(op::NO_NODE));
}

#[test]
fn only_the_password_or_a_common_proof_gives_the_right() {
    let server = Subject::start();
    let (mut old, mut new) = (extended(&server), extended(&server));
    for path in ["/e", "/f"] {
        old.create(path, b"", op::EPHEMERAL).expect("created");
    }
    let id = old.id();
    let mut flipped = password(&old);
    flipped[0] ^= 1;
    for wrong in [&[][..], &[0; 16], &flipped, &password(&new)] {
        assert_eq!(new.code(op::ADOPT, &adopt("/e", id, wrong)), op::NO_AUTH);
        assert_eq!(new.code(op::HAND_OVER, &other(id, wrong)), op::NO_AUTH);
        assert_eq!(new.code(op::FENCE, &other(id, wrong)), op::NO_AUTH);
    }
    assert_eq!(new.auth("digest", b"bob:pw"), 0);
    assert_eq!(old.auth("digest", b"ann:pw"), 0);
    old.make("/ann");
    assert_eq!(new.code(op::ADOPT, &adopt("/e", id, b"")), op::NO_AUTH, "another proof");
    assert_eq!(old.auth("digest", b"bob:pw"), 0);
    assert_eq!(new.code(op::ADOPT, &adopt("/e", id, b"")), op::NO_AUTH, "no write since");
    old.make("/bob");
    assert_eq!(new.code(op::ADOPT, &adopt("/e", id, b"")), 0);
    assert_eq!(old.stat("/e").ephemeral_owner, new.id());
    old.ping();
}

#[test]
fn what_is_not_there_or_nobodys_is_not_adopted() {
    let server = Subject::start();
    let (mut old, mut new) = (extended(&server), extended(&server));
    old.create("/e", b"", op::EPHEMERAL).expect("created");
    new.create("/mine", b"", op::EPHEMERAL).expect("created");
    new.make("/p");
    let (id, secret) = (old.id(), password(&old));
    for (path, from, code) in [
        ("/none", id, op::NO_NODE),
        ("e", id, op::BAD_ARGUMENTS),
        ("/p", id, op::BAD_ARGUMENTS),
        ("/p", 0, op::BAD_ARGUMENTS),
        ("/mine", id, op::BAD_ARGUMENTS),
        ("/e", new.id(), op::BAD_ARGUMENTS),
        ("/e", 4_711, op::BAD_ARGUMENTS),
    ] {
        assert_eq!(new.code(op::ADOPT, &adopt(path, from, &secret)), code, "{path} of {from}");
    }
    let own = new.id();
    let reply = new.call(op::ADOPT, &adopt("/mine", own, b""));
    let mine = new.stat("/mine");
    assert_eq!((reply.err, stat(&reply.body), mine.version), (0, mine, 0), "its own already");
    assert_eq!(old.stat("/e").ephemeral_owner, id);
}

#[test]
fn a_session_that_is_handed_over_ends_and_its_connection_with_it() {
    let server = Subject::start();
    let (mut old, mut new, mut watcher) = (extended(&server), extended(&server), server.session());
    for path in ["/z", "/a"] {
        old.create(path, b"", op::EPHEMERAL).expect("created");
    }
    watcher.add_watch("/", 1).expect("added");
    old.add_watch("/", 1).expect("added");
    let (id, secret) = (old.id(), password(&old));
    let reply = new.call(op::HAND_OVER, &other(id, &secret));
    assert_eq!((reply.err, &reply.body[..]), (0, &2_i32.to_be_bytes()[..]));
    assert_eq!(watcher.seen(), ["/a", "/z"].map(|path| event(op::CHANGED, path)));
    assert_eq!(old.wire.receive(), Err(Silence::Closed), "not even the event of its own watch");
    assert!(!is_alive(&server, &old));
    assert_eq!(new.ephemerals("/"), ["/a", "/z"]);
    assert_eq!(new.code(op::HAND_OVER, &other(id, &secret)), op::UNKNOWN_SESSION);
    let own = (new.id(), password(&new));
    assert_eq!(new.code(op::HAND_OVER, &other(own.0, &own.1)), op::BAD_ARGUMENTS);
    assert_eq!(server.word(b"wchs").lines().next(), Some("1 connections watching 1 paths"));
}

#[test]
fn a_fenced_session_is_over_with_all_it_had() {
    let server = Subject::start();
    let (mut old, mut new, mut watcher) = (extended(&server), extended(&server), server.session());
    for path in ["/z", "/a"] {
        old.create(path, b"", op::EPHEMERAL).expect("created");
    }
    watcher.add_watch("/", 1).expect("added");
    let (id, secret) = (old.id(), password(&old));
    let reply = new.call(op::FENCE, &other(id, &secret));
    assert_eq!((reply.err, reply.body.len()), (0, 0));
    let events = watcher.events();
    let said = |zxid: &i64| *zxid == reply.zxid;
    assert!(events.iter().map(|event| event.zxid).all(|zxid| said(&zxid)), "one transaction");
    let paths: Vec<_> = events.iter().map(|event| (event.kind, event.path.as_str())).collect();
    assert_eq!(paths, [(op::DELETED, "/a"), (op::DELETED, "/z")]);
    assert_eq!(old.wire.receive(), Err(Silence::Closed));
    assert!(!is_alive(&server, &old));
    assert_eq!(new.code(op::FENCE, &other(id, &secret)), op::UNKNOWN_SESSION);
    let own = (new.id(), password(&new));
    assert_eq!(new.code(op::FENCE, &other(own.0, &own.1)), op::BAD_ARGUMENTS);
    new.ping();
}

#[test]
fn a_session_without_a_connection_can_be_fenced_and_its_lease_is_gone() {
    let server = Subject::manual();
    let mut old = extended(&server);
    old.create("/e", b"", op::EPHEMERAL).expect("created");
    let mut new = extended(&server);
    let (id, secret, request) = (old.id(), password(&old), old.reattachment());
    drop(old);
    assert_eq!(new.code(op::FENCE, &other(id, &secret)), 0);
    assert_eq!(new.exists("/e", false), Err(op::NO_NODE));
    let refused = Session::open(server.addr(), &request).expect("an answer");
    assert_eq!(refused.granted.timeout, 0);
    let zxid = new.zxid;
    server.advance(std::time::Duration::from_secs(20));
    new.ping();
    assert_eq!(new.zxid, zxid, "nothing of it is left to expire");
}

#[test]
fn each_of_them_can_be_numbered() {
    let server = Subject::start();
    let (mut old, mut new) = (extended(&server), extended(&server));
    old.create("/e", b"", op::EPHEMERAL).expect("created");
    old.create("/f", b"", op::EPHEMERAL).expect("created");
    let third = extended(&server);
    let (id, secret) = (old.id(), password(&old));
    let requests = [
        (op::ADOPT, adopt("/e", id, &secret)),
        (op::HAND_OVER, other(id, &secret)),
        (op::FENCE, other(third.id(), &password(&third))),
    ];
    let mut answers = Vec::new();
    for _ in 0..2 {
        for (number, (kind, body)) in (1..).zip(&requests) {
            let reply = new.once((number, 0), *kind, body);
            assert_eq!(reply.err, 0, "number {number}");
            answers.push((reply.zxid, reply.body));
        }
    }
    assert_eq!(answers[..3], answers[3..]);
    assert_eq!(new.stat("/e").version, 1);
}

#[test]
fn a_multi_is_carried_out_only_while_the_sessions_it_names_are_alive() {
    let server = Subject::start();
    let (mut session, guard) = (extended(&server), server.session());
    let parts = |path: &str| {
        let alive = Body::new().long(guard.id());
        [(op::CREATE, create_body(path, Some(b""), &open(), 0)), (op::CHECK_SESSION, alive)]
    };
    let done = session.multi(&parts("/a"));
    let expected = [Outcome::Created(op::CREATE, "/a".into()), Outcome::Done(op::CHECK)];
    assert_eq!(done, Ok(expected.to_vec()));
    let (first, second) = (parts("/b"), parts("/c"));
    guard.close();
    let failed = [Outcome::Error(0), Outcome::Error(op::UNKNOWN_SESSION)].to_vec();
    assert_eq!(session.multi(&first), Ok(failed.clone()));
    assert_eq!(session.multi(&second), Ok(failed));
    assert_eq!(session.exists("/b", false), Err(op::NO_NODE));
}
