//! Numbered writes: carried out once, however often and on whichever connection they come.

use tenure::server::{Server, ServerBuilder};
use tenure::wire::Features;
use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::records::{Reply, acl, event, open};
use tenure_tests::session::{Session, create_body, multi_body, once_body};
use tenure_tests::subject::Subject;

const ALL: u32 = Features::ALL.0;

/// What the header and the body say, but for the xid.
fn said(reply: &Reply) -> (i64, i32, Vec<u8>) {
    (reply.zxid, reply.err, reply.body.clone())
}

/// A create whose every carrying out makes another znode.
fn next() -> Body {
    create_body("/n-", Some(b""), &open(), op::SEQUENTIAL)
}

/// Sends a numbered create of the next znode.
fn create_next(session: &mut Session, number: i64) -> Reply {
    session.once((number, 0), op::CREATE, &next())
}

fn count(session: &mut Session) -> usize {
    session.children("/", false).expect("the root is there").len() - 1
}

fn highest(session: &Session) -> i64 {
    session.granted.welcome.expect("a welcome").2
}

#[test]
fn s6_the_same_number_is_answered_alike_on_one_connection() {
    let server = Subject::start();
    let mut session = Session::greeting(server.addr(), ALL);
    let first = said(&create_next(&mut session, 1));
    assert_eq!(first.1, 0);
    session.make("/between");
    let zxid = session.zxid;
    assert_eq!(said(&create_next(&mut session, 1)), first, "with the zxid of then");
    session.ping();
    assert_eq!(session.zxid, zxid + 1, "it takes a place in the order all the same");
    assert_eq!(said(&create_next(&mut session, 2)).0, zxid + 2);
    assert_eq!(said(&create_next(&mut session, 1)), first);
    assert_eq!(count(&mut session), 3);
}

#[test]
fn s6_watchers_hear_of_it_once() {
    let server = Subject::start();
    let mut session = Session::greeting(server.addr(), ALL);
    let mut watcher = server.session();
    session.make("/a");
    watcher.add_watch("/a", 0).expect("added");
    let set = Body::new().string("/a").bytes(b"x").int(-1);
    for _ in 0..3 {
        assert_eq!(session.once((1, 0), op::SET_DATA, &set).err, 0);
    }
    assert_eq!(session.stat("/a").version, 1);
    assert_eq!(watcher.seen(), [event(op::CHANGED, "/a")]);
}

#[test]
fn s6_failures_are_answered_alike_too() {
    let server = Subject::start();
    let mut session = Session::greeting(server.addr(), ALL);
    let delete = Body::new().string("/a").int(-1);
    let missing = said(&session.once((1, 0), op::DELETE, &delete));
    assert_eq!(missing.1, op::NO_NODE);
    let multi = multi_body(&[(op::CREATE, next()), (op::DELETE, delete.clone())]);
    let undone = said(&session.once((2, 0), op::MULTI, &multi));
    assert_eq!(undone.1, 0, "the failure is in the body");
    session.make("/a");
    assert_eq!(said(&session.once((1, 0), op::DELETE, &delete)), missing);
    assert_eq!(said(&session.once((2, 0), op::MULTI, &multi)), undone);
    assert_eq!(count(&mut session), 1);
}

#[test]
fn lists_are_asked_as_if_it_had_come_alone() {
    let server = Subject::start();
    let (mut owner, mut session) = (server.session(), Session::greeting(server.addr(), ALL));
    let list = [acl(op::READ, "world", "anyone"), acl(op::ALL, "digest", "bob:x")];
    owner.create_with("/a", Some(b""), &list, 0).expect("created");
    let set = Body::new().string("/a").bytes(b"x").int(-1);
    assert_eq!(session.code(op::SET_DATA, &set), op::NO_AUTH);
    assert_eq!(session.once((1, 0), op::SET_DATA, &set).err, op::NO_AUTH);
    let below = create_body("/a/b", Some(b""), &open(), 0);
    assert_eq!(session.once((2, 0), op::CREATE, &below).err, op::NO_AUTH);
    assert_eq!(owner.stat("/a").version, 0);
}

#[test]
fn s6_a_number_is_known_on_the_next_connection() {
    let server = Subject::start();
    let mut session = Session::greeting(server.addr(), ALL);
    let first = said(&create_next(&mut session, 1));
    let second = said(&create_next(&mut session, 2));
    let mut again = session.reattach(server.addr());
    assert_eq!(highest(&again), 2);
    assert_eq!(said(&create_next(&mut again, 2)), second);
    assert_eq!(said(&create_next(&mut again, 1)), first);
    assert_eq!(said(&create_next(&mut again, 3)).1, 0);
    assert_eq!(count(&mut again), 3);
    assert_eq!(highest(&again.reattach(server.addr())), 3);
    let mut other = Session::greeting(server.addr(), ALL);
    assert_eq!(create_next(&mut other, 1).err, 0, "each session counts for itself");
    assert_eq!(count(&mut other), 4);
}

#[test]
fn s6_what_is_beyond_the_window_is_not_carried_out_again() {
    let server = Subject::start();
    let mut session = Session::greeting(server.addr(), ALL);
    for number in 1..=66 {
        assert_eq!(create_next(&mut session, number).err, 0);
    }
    for (number, code) in [(1, op::FORGOTTEN), (2, op::FORGOTTEN), (3, 0), (66, 0)] {
        let reply = create_next(&mut session, number);
        assert_eq!((reply.err, reply.body.is_empty()), (code, code != 0), "number {number}");
    }
    // Whoever says that it has an answer does not get it again.
    assert_eq!(session.once((67, 65), op::CREATE, &next()).err, 0);
    assert_eq!(create_next(&mut session, 65).err, op::FORGOTTEN);
    assert_eq!(create_next(&mut session, 66).err, 0);
    assert_eq!(count(&mut session), 67);
}

#[test]
fn s6_answers_of_more_than_64_kib_drive_each_other_out() {
    let server = Subject::start();
    let mut session = Session::greeting(server.addr(), ALL);
    let long = |number: i64| {
        let name = format!("/{number}-{}", "x".repeat(20_000));
        create_body(&name, Some(b""), &open(), 0)
    };
    for number in 1..=4 {
        assert_eq!(session.once((number, 0), op::CREATE, &long(number)).err, 0);
    }
    let code =
        |session: &mut Session, number| session.once((number, 0), op::CREATE, &long(number)).err;
    assert_eq!(code(&mut session, 1), op::FORGOTTEN);
    assert_eq!((2..=4).map(|number| code(&mut session, number)).collect::<Vec<_>>(), [0; 3]);
}

/// Takes a session over while much of what it sent is under way. What the welcome says has to be what
/// was carried out.
fn take_over(builder: impl Fn(i64) -> ServerBuilder) {
    const WRITES: i64 = 1_000;
    // Each at once, so that a new connection finds many of them under way.
    let writes = |session: &mut Session, from: i64| {
        let mut bytes = Vec::new();
        for number in from..=WRITES {
            let once = once_body((number, number - 60), op::CREATE, &next());
            let body = Body::new().int(number as i32).int(op::ONCE).raw(&once.0).0;
            bytes.extend((body.len() as i32).to_be_bytes());
            bytes.extend(body);
        }
        session.wire.send(&bytes);
    };
    for round in 0..20 {
        let server = builder(round).start().expect("a server");
        let mut session = Session::greeting(server.addr(), ALL);
        writes(&mut session, 1);
        // Some of it has been answered in some rounds, nothing in others.
        let answered = round * 25;
        for _ in 0..answered {
            assert_eq!(session.reply().expect("an answer").err, 0);
        }
        let mut again = session.reattach(server.addr());
        let known = highest(&again);
        assert!(known >= answered, "what was answered was carried out");
        assert_eq!(count(&mut again) as i64, known, "all up to that number, and no more");
        // The last of those may have been answered or not: each is known.
        for number in (known - 3).max(1)..=known {
            assert_eq!(create_next(&mut again, number).err, 0);
        }
        writes(&mut again, known + 1);
        for _ in known..WRITES {
            assert_eq!(again.reply().expect("an answer").err, 0);
        }
        assert_eq!(count(&mut again) as i64, WRITES);
    }
}

#[test]
fn n6_a_welcome_says_what_of_the_old_connection_was_carried_out_and_nothing_comes_behind() {
    take_over(|_| Server::builder());
}

#[test]
fn n6_a_welcome_waits_for_what_is_on_its_way_to_the_disk() {
    let directory = tempfile::tempdir().expect("a directory");
    take_over(|round| Server::builder().data_dir(directory.path().join(round.to_string())));
}

#[test]
fn what_is_refused_before_its_turn_was_not_carried_out_and_is_not_kept() {
    let server = Server::builder().max_ephemerals_per_identity(1).start().expect("a free port");
    let mut session = Session::greeting(server.addr(), ALL);
    session.create("/a", b"", op::EPHEMERAL).expect("created");
    let create = create_body("/b", Some(b""), &open(), op::EPHEMERAL);
    assert_eq!(session.once((1, 0), op::CREATE, &create).err, op::QUOTA_EXCEEDED);
    let mut session = session.reattach(server.addr());
    assert_eq!(highest(&session), 0);
    // What counts for the same identity already may change hands, and what it has stays as it is.
    let from = Session::greeting(server.addr(), ALL);
    let adopt = Body::new().string("/a").long(session.id()).bytes(&session.granted.passwd);
    let mut other = from.reattach(server.addr());
    assert_eq!(other.once((1, 0), op::ADOPT, &adopt).err, 0);
    other.delete("/a", -1).expect("deleted");
    assert_eq!(session.once((1, 0), op::CREATE, &create).err, 0);
    assert_eq!(session.stat("/b").ephemeral_owner, session.id());
}

#[test]
fn s6_what_was_carried_out_is_not_refused_when_it_comes_again() {
    let server = Server::builder().max_ephemerals_per_identity(1).start().expect("a free port");
    let mut session = Session::greeting(server.addr(), ALL);
    let create = |path| create_body(path, Some(b""), &open(), op::EPHEMERAL);
    let first = said(&session.once((1, 0), op::CREATE, &create("/a")));
    assert_eq!(first.1, 0);
    let mut session = session.reattach(server.addr());
    // By now the identity has as much as it may, for this very write.
    assert_eq!(said(&session.once((1, 0), op::CREATE, &create("/a"))), first);
    assert_eq!(session.once((2, 0), op::CREATE, &create("/b")).err, op::QUOTA_EXCEEDED);
    assert_eq!(said(&session.once((1, 0), op::CREATE, &create("/a"))), first);
}

#[test]
fn malformed_numbers_are_no_write() {
    let server = Subject::start();
    let mut session = Session::greeting(server.addr(), ALL);
    for (numbers, kind) in [
        ((0, -1), op::CREATE),
        ((-1, -2), op::CREATE),
        ((1, 1), op::CREATE),
        ((1, 0), op::GET_DATA),
        ((1, 0), op::CHECK),
        ((1, 0), op::ONCE),
        ((1, 0), 4_711),
    ] {
        assert_eq!(session.once(numbers, kind, &next()).err, op::MARSHALLING, "{kind}");
    }
    assert_eq!((count(&mut session), highest(&session.reattach(server.addr()))), (0, 0));
}

/// Restarts a server between a write and its repetition.
fn over_a_restart(builder: ServerBuilder, snapshots: bool) {
    let mut server = builder.start().expect("a server");
    let mut session = Session::greeting(server.addr(), ALL);
    let first = said(&create_next(&mut session, 1));
    let failed = said(&session.once((2, 0), op::DELETE, &Body::new().string("/a").int(-1)));
    if snapshots {
        server.snapshot().expect("taken");
    }
    let third = said(&create_next(&mut session, 3));
    for _ in 0..2 {
        server.restart().expect("it starts again");
        session = session.reattach(server.addr());
        assert_eq!(highest(&session), 3);
        assert_eq!(said(&create_next(&mut session, 1)), first);
        assert_eq!(said(&create_next(&mut session, 2)), failed);
        assert_eq!(said(&create_next(&mut session, 3)), third);
    }
    assert_eq!(create_next(&mut session, 4).err, 0);
    assert_eq!(count(&mut session), 3);
}

#[test]
fn s6_a_number_is_known_after_a_restart_out_of_the_log() {
    let directory = tempfile::tempdir().expect("a directory");
    over_a_restart(Server::builder().data_dir(directory.path()), false);
}

#[test]
fn s6_a_number_is_known_after_a_restart_out_of_a_snapshot() {
    let directory = tempfile::tempdir().expect("a directory");
    over_a_restart(Server::builder().data_dir(directory.path()), true);
}

#[test]
fn s6_a_number_is_known_after_a_restart_in_memory() {
    over_a_restart(Server::builder(), false);
}
