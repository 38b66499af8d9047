//! Session data: what sessions bind to themselves in the session directory.

use tenure::wire::Features;
use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::records::{Outcome, event, open};
use tenure_tests::session::{Session, create_body, once_body};
use tenure_tests::subject::Subject;

use crate::session_directory::{
    ENDED, PERSISTENT, RECURSIVE, TOP, number, only_creator, text, value, znode,
};

#[test]
fn a_session_binds_values_and_others_read_them() {
    let server = Subject::start();
    let (mut session, mut other) = server.pair();
    let path = value(session.id(), "shard");
    let (made, stat) = session.create2(&path, b"7", op::EPHEMERAL).expect("bound");
    assert_eq!((made, stat.ephemeral_owner), (path.clone(), session.id()));
    assert_eq!(session.create(&path, b"", op::PERSISTENT), Err(op::NODE_EXISTS));
    assert_eq!(other.get(&path, false), Ok((Some(b"7".to_vec()), stat)));
    assert_eq!(session.set(&path, b"8", 3), Err(op::BAD_VERSION));
    assert_eq!(session.set(&path, b"8", 0).expect("set").version, 1);
    let list = format!("{}/data", znode(session.id()));
    assert_eq!(other.children(&list, false), Ok(vec!["shard".into()]));
    assert_eq!(number(&text(&mut other, &znode(session.id())), "values"), 1);
    let null = value(session.id(), "null");
    session.create_with(&null, None, &open(), op::PERSISTENT).expect("bound");
    assert_eq!(other.get(&null, false).expect("read").0, None);
    assert_eq!(session.delete(&path, -1), Ok(()));
    assert_eq!(other.exists(&path, false), Err(op::NO_NODE));
    assert_eq!(session.ephemerals("/"), [] as [&str; 0], "a value is no ephemeral of the tree");
}

#[test]
fn only_the_session_itself_writes_and_nothing_else_is_written() {
    let server = Subject::start();
    let (mut session, mut other) = server.pair();
    let path = value(session.id(), "a");
    session.create(&path, b"", op::PERSISTENT).expect("bound");
    for refused in
        [&path, TOP, ENDED, &znode(other.id()), &format!("{path}/b"), "/zookeeper/sessions/x"]
    {
        assert_eq!(other.create(refused, b"", op::PERSISTENT), Err(op::NO_AUTH), "{refused}");
        assert_eq!(other.set(refused, b"", -1), Err(op::NO_AUTH), "{refused}");
        assert_eq!(other.delete(refused, -1), Err(op::NO_AUTH), "{refused}");
        assert_eq!(other.set_acl(refused, &open(), -1), Err(op::NO_AUTH), "{refused}");
    }
    let own = value(other.id(), "b");
    for flags in [op::SEQUENTIAL, op::EPHEMERAL_SEQUENTIAL, op::CONTAINER] {
        assert_eq!(other.create(&own, b"", flags), Err(op::BAD_ARGUMENTS), "flags {flags}");
    }
    assert_eq!(other.create_ttl(&own, op::TTL, 1_000).map(drop), Err(op::BAD_ARGUMENTS));
    let malformed = value(other.id(), "..");
    assert_eq!(other.create(&malformed, b"", op::PERSISTENT), Err(op::BAD_ARGUMENTS));
}

#[test]
fn a_multi_binds_all_or_nothing() {
    let server = Subject::start();
    let (mut session, mut other) = server.pair();
    let (a, b) = (value(session.id(), "a"), value(session.id(), "b"));
    let create = |path: &str| (op::CREATE, create_body(path, Some(b"1"), &open(), op::EPHEMERAL));
    let set = |path: &str| (op::SET_DATA, Body::new().string(path).bytes(b"2").int(-1));
    let check = |path: &str, version| (op::CHECK, Body::new().string(path).int(version));
    other.add_watch(TOP, RECURSIVE).expect("set");
    let failing = [create(&a), set(&a), create("/x"), check(&b, -1)];
    let results = session.multi(&failing).expect("answered");
    assert_eq!(results[3], Outcome::Error(op::NO_NODE));
    assert_eq!(other.exists(&a, false), Err(op::NO_NODE));
    assert_eq!(other.seen(), [], "nobody hears of what did not happen");
    let whole = [create(&a), set(&a), check(&a, 1), create("/x"), create(&b)];
    assert!(
        !session.multi(&whole).expect("answered").iter().any(|it| matches!(it, Outcome::Error(_)))
    );
    let expected = [event(op::CREATED, &a), event(op::CHANGED, &a), event(op::CREATED, &b)];
    assert_eq!(other.seen(), expected);
    let read = |path: &str| (op::GET_DATA, Body::new().string(path).bool(false));
    let results = other.multi_read(&[read(&a), read(&znode(9)), read(&b)]).expect("answered");
    assert!(matches!(&results[0], Outcome::Data(Some(data), _) if data == b"2"));
    assert_eq!(results[1], Outcome::Error(op::NO_NODE));
}

#[test]
fn the_list_of_a_value_says_who_reads_it_and_hears_of_it() {
    let server = Subject::start();
    let (mut session, mut friend) = server.pair();
    let mut stranger = server.session();
    session.auth("digest", b"bob:secret");
    friend.auth("digest", b"bob:secret");
    let path = value(session.id(), "a");
    for watcher in [&mut friend, &mut stranger, &mut session] {
        watcher.add_watch(&path, PERSISTENT).expect("set");
    }
    session.create_with(&path, Some(b"1"), &only_creator(), op::EPHEMERAL).expect("bound");
    assert_eq!(stranger.get(&path, false), Err(op::NO_AUTH));
    assert_eq!(stranger.get_acl(&path).map(drop), Err(op::NO_AUTH));
    assert_eq!(friend.get(&path, false).expect("read").0, Some(b"1".to_vec()));
    assert_eq!(friend.seen(), [event(op::CREATED, &path)]);
    assert_eq!(stranger.seen(), []);
    let mut again = session.reattach(server.addr());
    assert_eq!(again.get(&path, false).expect("its own").0, Some(b"1".to_vec()));
    again.add_watch(&path, PERSISTENT).expect("set");
    again.set(&path, b"2", -1).expect("set");
    assert_eq!(again.seen(), [event(op::CHANGED, &path)], "the owner hears of its own");
}

#[test]
fn a_session_binds_so_many_values_and_no_more() {
    let server = Subject::start();
    let mut session = server.session();
    for number in 0..64 {
        let path = value(session.id(), &number.to_string());
        session.create(&path, b"", op::EPHEMERAL).expect("bound");
    }
    let (first, more) = (value(session.id(), "0"), value(session.id(), "more"));
    assert_eq!(session.create(&more, b"", op::EPHEMERAL), Err(op::QUOTA_EXCEEDED));
    assert_eq!(session.set(&first, &vec![0; 64 << 10], -1), Err(op::QUOTA_EXCEEDED));
    session.set(&first, &vec![0; 32 << 10], -1).expect("set");
    session.delete(&first, -1).expect("unbound");
    assert_eq!(session.create(&more, b"", op::EPHEMERAL), Ok(more));
}

/// What the directory shows from outside, but for what lives.
fn kept(session: &mut Session) -> Vec<String> {
    let list = format!("{}/data", znode(session.id()));
    let mut seen = vec![format!("{:?}", session.exists(&list, false))];
    for name in session.children(&list, false).expect("there") {
        seen.push(format!("{name} {:?}", session.get(&format!("{list}/{name}"), false)));
    }
    for name in session.children(ENDED, false).expect("there") {
        seen.push(text(session, &format!("{ENDED}/{name}")));
    }
    seen
}

#[test]
fn a_restart_from_log_or_snapshot_changes_nothing_that_is_kept() {
    for after in [1_000_000, 10] {
        let directory = tempfile::TempDir::new().expect("a directory");
        let start = || {
            let server = tenure::server::Server::builder().snapshot_after_txns(after);
            Subject::Embedded(server.data_dir(directory.path()).start().expect("it starts"))
        };
        let server = start();
        let (mut session, other) = server.pair();
        let (a, b) = (value(session.id(), "a"), value(session.id(), "b"));
        session.create_with(&a, None, &open(), op::PERSISTENT).expect("bound");
        session.create(&b, b"1", op::EPHEMERAL).expect("bound");
        for _ in 0..20 {
            session.set(&b, b"2", -1).expect("set");
        }
        other.close();
        session.delete(&a, 0).expect("unbound");
        let before = kept(&mut session);
        assert_eq!(before.len(), 3, "{before:?}");
        let again = session.reattachment();
        drop(server);
        let server = start();
        let mut session = Session::open(server.addr(), &again).expect("the session is there");
        assert_eq!(kept(&mut session), before);
        assert_eq!(session.set(&b, b"3", 20).expect("set").version, 21);
        let mut watcher = server.session();
        watcher.get(&b, true).expect("there");
        session.close();
        assert_eq!(watcher.seen(), [event(op::DELETED, &b)]);
    }
}

#[test]
fn a_numbered_write_binds_a_value_once() {
    let server = Subject::start();
    let mut session = Session::greeting(server.addr(), Features::ALL.0);
    let path = value(session.id(), "a");
    let create = create_body(&path, Some(b"1"), &open(), op::EPHEMERAL);
    let first = session.call(op::ONCE, &once_body((1, 0), op::CREATE2, &create));
    let mut again = session.reattach(server.addr());
    let second = again.call(op::ONCE, &once_body((1, 0), op::CREATE2, &create));
    assert_eq!((first.err, second.err, &first.body), (0, 0, &second.body));
    assert_eq!(again.get(&path, false).expect("there").1.version, 0);
}
