//! Many operations as one transaction, and many reads as one request.

use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::records::{Outcome, acl, open};
use tenure_tests::session::{create_body, multi_body};
use tenure_tests::subject::Subject;

type Part = (i32, Body);

fn create(path: &str, flags: i32) -> Part {
    (op::CREATE, create_body(path, Some(b""), &open(), flags))
}

fn delete(path: &str, version: i32) -> Part {
    (op::DELETE, Body::new().string(path).int(version))
}

fn set(path: &str, data: &[u8], version: i32) -> Part {
    (op::SET_DATA, Body::new().string(path).bytes(data).int(version))
}

fn check(path: &str, version: i32) -> Part {
    (op::CHECK, Body::new().string(path).int(version))
}

fn get(path: &str) -> Part {
    (op::GET_DATA, Body::new().string(path).bool(true))
}

fn list(path: &str) -> Part {
    (op::GET_CHILDREN, Body::new().string(path).bool(true))
}

fn errors(codes: &[i32]) -> Vec<Outcome> {
    codes.iter().map(|code| Outcome::Error(*code)).collect()
}

#[test]
fn m01_p65_a_failed_multi_changes_nothing_and_takes_one_zxid() {
    let server = Subject::start();
    let (mut session, mut watcher) = server.pair();
    session.make("/a");
    let (before, root) = (session.stat("/a"), session.stat("/"));
    watcher.get("/a", true).expect("there");
    watcher.children("/", true).expect("there");
    watcher.exists("/b", true).expect_err("absent");
    let zxid = session.zxid;
    let parts = [create("/b", 0), set("/a", b"x", -1), create("/a/c-", 2), delete("/none", -1)];
    let wanted = errors(&[0, 0, 0, op::NO_NODE]);
    assert_eq!(session.multi(&parts), Ok(wanted));
    assert_eq!(session.zxid, zxid + 1);
    assert_eq!(session.stat("/a"), before);
    assert_eq!(session.stat("/"), root);
    assert_eq!(session.exists("/b", false), Err(op::NO_NODE));
    assert_eq!(watcher.seen(), []);
    let next = session.create("/a/c-", b"", op::SEQUENTIAL);
    assert_eq!(next, Ok("/a/c-0000000000".to_owned()), "the counter has not moved");
    session.set("/a", b"", -1).expect("set");
    session.make("/b");
    assert_eq!(watcher.seen().len(), 3, "the watches are still there");
}

#[test]
fn m02_later_operations_see_earlier_ones() {
    let server = Subject::start();
    let mut session = server.session();
    let parts = [
        create("/a", 0),
        create("/a/b", 0),
        set("/a/b", b"x", 0),
        check("/a/b", 1),
        delete("/a/b", 1),
        check("/a", 0),
    ];
    let results = session.multi(&parts).expect("answered");
    assert_eq!(results[0], Outcome::Created(1, "/a".to_owned()));
    assert_eq!(results[1], Outcome::Created(1, "/a/b".to_owned()));
    assert!(matches!(results[2], Outcome::Set(stat) if stat.version == 1));
    assert_eq!(results[3..], [13, 2, 13].map(Outcome::Done));
    let stat = session.stat("/a");
    assert_eq!((stat.cversion, stat.num_children, stat.pzxid), (2, 0, session.zxid));
}

#[test]
fn m03_a_path_can_come_go_and_come_again() {
    let server = Subject::start();
    let mut session = server.session();
    let parts = [create("/a", 0), set("/a", b"1", 0), delete("/a", 1), create("/a", 1)];
    let results = session.multi(&parts).expect("answered");
    assert_eq!(results[3], Outcome::Created(1, "/a".to_owned()));
    let stat = session.stat("/a");
    assert_eq!((stat.version, stat.ephemeral_owner), (0, session.id()));
}

#[test]
fn m04_sequential_creates_get_consecutive_numbers() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/p");
    let parts = [create("/p/n", 2), create("/p/n", 3), create("/p/n", 2)];
    let wanted = (0..3).map(|number| Outcome::Created(1, format!("/p/n{number:010}"))).collect();
    assert_eq!(session.multi(&parts), Ok(wanted));
}

#[test]
fn m05_p64_errors_are_told_per_operation_and_the_header_is_0() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    let parts = [create("/b", 0), check("/a", 7), delete("/a", -1), create("/c", 0)];
    let reply = session.call(op::MULTI, &multi_body(&parts));
    assert_eq!(reply.err, 0);
    let results = tenure_tests::records::outcomes(&reply.body);
    let undone = op::RUNTIME_INCONSISTENCY;
    assert_eq!(results, errors(&[0, op::BAD_VERSION, undone, undone]));
}

#[test]
fn m06_check_compares_needs_read_and_fires_nothing() {
    let server = Subject::start();
    let (mut session, mut watcher) = server.pair();
    session.make("/a");
    session.create_with("/hidden", Some(b""), &[acl(30, "world", "anyone")], 0).expect("made");
    watcher.get("/a", true).expect("there");
    let before = session.stat("/a");
    assert_eq!(session.multi(&[check("/none", -1)]), Ok(errors(&[op::NO_NODE])));
    assert_eq!(session.multi(&[check("/a", 1)]), Ok(errors(&[op::BAD_VERSION])));
    assert_eq!(session.multi(&[check("/hidden", 0)]), Ok(errors(&[op::NO_AUTH])));
    assert_eq!(session.multi(&[check("/a", 0)]), Ok(vec![Outcome::Done(op::CHECK)]));
    assert_eq!(session.multi(&[check("/a", -1)]), Ok(vec![Outcome::Done(op::CHECK)]));
    assert_eq!(session.stat("/a"), before);
    assert_eq!(watcher.seen(), []);
}

#[test]
fn m07_p67_an_empty_multi_succeeds_and_takes_a_zxid() {
    let server = Subject::start();
    let mut session = server.session();
    session.ping();
    let before = session.zxid;
    let reply = session.call(op::MULTI, &multi_body(&[]));
    assert_eq!((reply.err, reply.zxid), (0, before + 1));
    assert_eq!(reply.body, [0xff, 0xff, 0xff, 0xff, 1, 0xff, 0xff, 0xff, 0xff]);
    let reply = session.call(op::MULTI_READ, &multi_body(&[]));
    assert_eq!((reply.err, reply.zxid, reply.body.len()), (0, before + 1, 9));
}

#[test]
fn m08_p61_what_does_not_belong_into_a_multi_is_a_decoding_error() {
    let server = Subject::start();
    let mut session = server.session();
    let set_acl = (op::SET_ACL, Body::new().string("/").acl(&open()).int(-1));
    let sync = (op::SYNC, Body::new().string("/"));
    let exists = (op::EXISTS, Body::new().string("/").bool(false));
    let nested = (op::MULTI, multi_body(&[create("/n", 0)]));
    let unknown = (99, Body::new());
    for part in [set_acl, sync, exists, nested, unknown, get("/"), list("/")] {
        let kind = part.0;
        assert_eq!(session.multi(&[create("/a", 0), part]), Err(op::MARSHALLING), "{kind}");
    }
    assert_eq!(session.multi(&[get("/"), create("/a", 0)]), Err(op::MARSHALLING));
    assert_eq!(session.exists("/a", false), Err(op::NO_NODE));
    session.ping();
}

#[test]
fn m08_p61_an_unknown_create_flag_in_a_multi_is_a_decoding_error() {
    let server = Subject::start();
    let mut session = server.session();
    for flag in [-1, 7, 255, i32::MAX] {
        let parts = [create("/a", 0), create("/b", flag)];
        assert_eq!(session.multi(&parts), Err(op::MARSHALLING), "flag {flag}");
    }
    assert_eq!(session.exists("/a", false), Err(op::NO_NODE));
}

#[test]
fn p61_a_truncated_multi_is_a_decoding_error() {
    let server = Subject::start();
    let mut session = server.session();
    let whole = multi_body(&[create("/a", 0), set("/a", b"x", -1)]).0;
    for length in 0..whole.len() {
        let code = session.code(op::MULTI, &Body::new().raw(&whole[..length]));
        assert_eq!(code, op::MARSHALLING, "{length} of {} bytes", whole.len());
    }
    assert_eq!(session.exists("/a", false), Err(op::NO_NODE));
}

#[test]
fn m09_w12_events_come_operation_by_operation_with_one_zxid() {
    let server = Subject::start();
    let (mut session, mut watcher) = server.pair();
    watcher.add_watch("/", 1).expect("added");
    let parts = [create("/a", 0), create("/a/b", 0), set("/a", b"", -1), delete("/a/b", -1)];
    session.multi(&parts).expect("answered");
    let events = watcher.events();
    let seen: Vec<_> = events.iter().map(|event| (event.kind, event.path.as_str())).collect();
    let wanted =
        [(op::CREATED, "/a"), (op::CREATED, "/a/b"), (op::CHANGED, "/a"), (op::DELETED, "/a/b")];
    assert_eq!(seen, wanted);
    assert!(events.iter().all(|event| event.zxid == events[0].zxid));
}

#[test]
fn p60_the_error_field_of_a_part_is_ignored() {
    let server = Subject::start();
    let mut session = server.session();
    let body = Body::new().int(op::CREATE).bool(false).int(-77).raw(&create("/a", 0).1.0);
    let body = body.int(-1).bool(true).int(12);
    assert_eq!(session.code(op::MULTI, &body), 0);
    assert!(session.exists("/a", false).is_ok());
}

#[test]
fn p62_the_container_flag_in_a_multi_makes_a_container() {
    let server = Subject::start();
    let mut session = server.session();
    let results = session.multi(&[create("/c", op::CONTAINER)]).expect("answered");
    assert!(
        matches!(&results[0], Outcome::Created2(15, path, stat) if path == "/c"
            && stat.ephemeral_owner == 0),
        "{results:?}"
    );
}

#[test]
fn m14_p63_create2_container_and_ttl_results_are_of_type_15() {
    let server = Subject::start();
    let mut session = server.session();
    let ttl = create_body("/t", Some(b""), &open(), op::TTL).long(1_000_000);
    let parts = [
        (op::CREATE2, create("/a", 0).1),
        (op::CREATE_CONTAINER, create("/c", op::CONTAINER).1),
        (op::CREATE_TTL, ttl),
        (op::CREATE2, create("/s", op::EPHEMERAL_SEQUENTIAL).1),
    ];
    let results = session.multi(&parts).expect("answered");
    for (result, wanted) in results.iter().zip(["/a", "/c", "/t", "/s0000000003"]) {
        match result {
            Outcome::Created2(15, path, stat) => {
                assert_eq!(path, wanted);
                assert_eq!(*stat, session.stat(path));
            }
            other => panic!("{wanted}: {other:?}"),
        }
    }
}

#[test]
fn p63_every_kind_of_result_has_its_shape() {
    let server = Subject::start();
    let mut session = server.session();
    let parts = [create("/a", 0), check("/a", 0), set("/a", b"xyz", 0), delete("/a", 1)];
    let results = session.multi(&parts).expect("answered");
    assert_eq!(results[0], Outcome::Created(1, "/a".to_owned()));
    assert_eq!(results[1], Outcome::Done(op::CHECK));
    assert!(matches!(results[2], Outcome::Set(stat) if stat.data_length == 3));
    assert_eq!(results[3], Outcome::Done(op::DELETE));
}

#[test]
fn m13_p68_the_parts_of_a_multi_read_stand_alone() {
    let server = Subject::start();
    let mut session = server.session();
    session.create("/a", b"x", 0).expect("created");
    session.make("/a/b");
    session.create_with("/hidden", Some(b""), &[acl(30, "world", "anyone")], 0).expect("made");
    let parts = [get("/a"), get("/none"), list("/a"), list("/hidden"), get("/hidden"), list("/")];
    let results = session.multi_read(&parts).expect("answered");
    let stat = session.stat("/a");
    assert_eq!(results[0], Outcome::Data(Some(b"x".to_vec()), stat));
    assert_eq!(results[1], Outcome::Error(op::NO_NODE));
    assert_eq!(results[2], Outcome::Children(vec!["b".to_owned()]));
    assert_eq!(results[3..5], [op::NO_AUTH; 2].map(Outcome::Error));
    assert!(matches!(&results[5], Outcome::Children(names) if names.len() == 3));
    session.set("/a", b"y", -1).expect("set");
    session.make("/a/c");
    assert_eq!(session.seen(), [], "watch flags are ignored");
}

#[test]
fn p34_p68_a_multi_read_of_something_else_is_a_decoding_error() {
    let server = Subject::start();
    let mut session = server.session();
    for part in [create("/a", 0), check("/", -1), (op::EXISTS, Body::new().string("/").bool(true))]
    {
        assert_eq!(session.multi_read(&[get("/"), part]), Err(op::MARSHALLING));
    }
    assert_eq!(session.exists("/a", false), Err(op::NO_NODE));
    session.ping();
}

#[test]
fn m10_a_multi_must_fit_into_one_frame() {
    use tenure_tests::raw::Silence;
    let server = Subject::start();
    let mut session = server.session();
    let half = vec![b'x'; 500_000];
    let part = |path: &str| (op::CREATE, create_body(path, Some(&half), &open(), 0));
    let results = session.multi(&[part("/a"), part("/b")]).expect("a million bytes fit");
    assert_eq!(results.len(), 2);
    let three = multi_body(&[part("/c"), part("/d"), part("/e")]);
    assert_eq!(session.try_call(op::MULTI, &three), Err(Silence::Closed));
}
