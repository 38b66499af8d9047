//! The kinds of znode and how opcode and flag choose among them.

use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::records::{Outcome, acl, open};
use tenure_tests::session::create_body;
use tenure_tests::subject::{Settings, Subject};

/// A create of any kind: CreateTTL carries a time to live behind the common fields.
fn body(kind: i32, path: &str, flags: i32, ttl: i64) -> Body {
    let body = create_body(path, Some(b""), &open(), flags);
    if kind == op::CREATE_TTL { body.long(ttl) } else { body }
}

#[test]
fn z26_opcode_and_flag_must_agree() {
    let server = Subject::start();
    let mut session = server.session();
    let wrong = [
        (op::CREATE_CONTAINER, &[0, 1, 2, 3, 5, 6][..]),
        (op::CREATE_TTL, &[0, 1, 2, 3, 4]),
        (op::CREATE, &[5, 6]),
        (op::CREATE2, &[5, 6]),
    ];
    for (kind, flags) in wrong {
        for flag in flags {
            let code = session.code(kind, &body(kind, "/a", *flag, 1_000));
            assert_eq!(code, op::BAD_ARGUMENTS, "operation {kind}, flag {flag}");
        }
    }
    assert_eq!(session.exists("/a", false), Err(op::NO_NODE));
}

#[test]
fn z26_h02_a_ttl_create_of_another_kind_is_refused_whatever_its_ttl() {
    let server = Subject::start();
    let mut session = server.session();
    for ttl in [i64::MIN, -1, 0, 1, 1 << 40] {
        for flag in [0, 1, 2, 3, 4] {
            let code = session.code(op::CREATE_TTL, &body(op::CREATE_TTL, "/a", flag, ttl));
            assert_eq!(code, op::BAD_ARGUMENTS, "flag {flag}, ttl {ttl}");
        }
    }
    assert_eq!(session.exists("/a", false), Err(op::NO_NODE));
}

#[test]
fn z26_a_plain_create_with_the_container_flag_makes_a_container() {
    let server = Subject::start();
    let mut session = server.session();
    for (kind, path) in [(op::CREATE, "/a"), (op::CREATE2, "/b"), (op::CREATE_CONTAINER, "/c")] {
        let reply = session.call(kind, &body(kind, path, op::CONTAINER, 0));
        assert_eq!(reply.err, 0, "operation {kind}");
        assert_eq!(reply.reader().string(), path);
        assert_eq!(session.stat(path).ephemeral_owner, 0, "clients do not see the marker");
    }
}

#[test]
fn z27_unknown_flags_are_bad_arguments() {
    let server = Subject::start();
    let mut session = server.session();
    let flags = (7..=255).chain([-1, -2, i32::MIN, i32::MAX, 256, 1 << 16]);
    for flag in flags {
        for kind in [op::CREATE, op::CREATE2, op::CREATE_CONTAINER, op::CREATE_TTL] {
            let code = session.code(kind, &body(kind, "/a", flag, 1_000));
            assert_eq!(code, op::BAD_ARGUMENTS, "operation {kind}, flag {flag}");
        }
    }
}

#[test]
fn z28_only_ephemerals_have_no_children() {
    let server = Subject::start();
    let mut session = server.session();
    session.create("/e", b"", op::EPHEMERAL).expect("created");
    session.create("/c", b"", op::CONTAINER).expect("created");
    session.create_ttl("/t", op::TTL, 1_000_000).expect("created");
    for flag in [0, 1, 2, 3] {
        let made = session.create("/e/x", b"", flag);
        assert_eq!(made, Err(op::NO_CHILDREN_FOR_EPHEMERALS), "flag {flag}");
    }
    for parent in ["/c", "/t"] {
        for flag in [0, 1, 2, 3] {
            let child = format!("{parent}/x{flag}-");
            assert!(session.create(&child, b"", flag).is_ok(), "{child}");
        }
    }
}

#[test]
fn z30_anybody_with_permission_may_change_an_ephemeral() {
    let server = Subject::start();
    let (mut owner, mut other) = server.pair();
    owner.create("/e", b"", op::EPHEMERAL).expect("created");
    assert_eq!(other.set("/e", b"x", -1).map(|stat| stat.ephemeral_owner), Ok(owner.id()));
    assert_eq!(other.delete("/e", 1), Ok(()));
    assert_eq!(owner.ephemerals("/"), Vec::<String>::new());
}

#[test]
fn z31_a_path_can_change_its_kind_by_deletion() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    session.delete("/a", -1).expect("deleted");
    session.create("/a", b"", op::EPHEMERAL).expect("created");
    assert_eq!(session.stat("/a").ephemeral_owner, session.id());
    assert_eq!(session.create("/a", b"", op::PERSISTENT), Err(op::NODE_EXISTS));
}

#[test]
fn z66_p55_create2_container_and_ttl_return_path_and_stat() {
    let server = Subject::start();
    let mut session = server.session();
    for flag in [0, 1, 2, 3, op::CONTAINER] {
        let (path, stat) = session.create2(&format!("/n{flag}-"), b"abc", flag).expect("created");
        assert_eq!((stat.czxid, stat.data_length), (session.zxid, 3));
        assert_eq!(stat, session.stat(&path));
        assert_eq!(path.len() > 4, flag == 2 || flag == 3, "{path}");
    }
    for flag in [op::TTL, op::TTL_SEQUENTIAL] {
        let (path, stat) = session.create_ttl(&format!("/t{flag}-"), flag, 5_000).expect("made");
        assert_eq!(stat, session.stat(&path));
        assert_eq!(stat.ephemeral_owner, 0);
    }
}

#[test]
fn z67_two_creates_of_one_path_have_one_winner() {
    let server = Subject::start();
    let (mut first, mut second) = server.pair();
    for round in 0..50 {
        let body = create_body(&format!("/n{round}"), Some(b""), &open(), 0);
        first.send(op::CREATE, &body);
        second.send(op::CREATE, &body);
        let replies =
            [&mut first, &mut second].map(|session| session.reply().expect("a reply").err);
        assert!(matches!(replies, [0, op::NODE_EXISTS] | [op::NODE_EXISTS, 0]), "{replies:?}");
    }
}

#[test]
fn z68_two_guarded_writes_of_one_version_have_one_winner() {
    let server = Subject::start();
    let (mut first, mut second) = server.pair();
    first.make("/a");
    for version in 0..50 {
        let body = Body::new().string("/a").bytes(b"").int(version);
        first.send(op::SET_DATA, &body);
        second.send(op::SET_DATA, &body);
        let replies =
            [&mut first, &mut second].map(|session| session.reply().expect("a reply").err);
        assert!(matches!(replies, [0, op::BAD_VERSION] | [op::BAD_VERSION, 0]), "{replies:?}");
    }
}

#[test]
fn z69_a_delete_sees_a_child_created_just_before() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    session.send(op::CREATE, &create_body("/a/b", Some(b""), &open(), 0));
    session.send(op::DELETE, &Body::new().string("/a").int(-1));
    assert_eq!(session.reply().map(|reply| reply.err), Ok(0));
    assert_eq!(session.reply().map(|reply| reply.err), Ok(op::NOT_EMPTY));
}

#[test]
fn z25_permission_on_the_parent_is_checked_before_the_target() {
    let server = Subject::start();
    let mut session = server.session();
    let read_only = [acl(op::READ, "world", "anyone")];
    session.create_with("/p", Some(b""), &read_only, 0).expect("created");
    session.create_with("/q", Some(b""), &open(), 0).expect("created");
    session.make("/q/x");
    session.set_acl("/q", &read_only, -1).expect("set");
    assert_eq!(session.create("/p/x", b"", 0), Err(op::NO_AUTH));
    assert_eq!(session.create("/q/x", b"", 0), Err(op::NO_AUTH), "whether or not it exists");
    assert_eq!(session.create("/none/x", b"", 0), Err(op::NO_NODE));
}

#[test]
fn z23_the_checks_of_create_have_their_order() {
    let server = Subject::start();
    let mut session = server.session();
    let mut code = |path: &str, acl: &[_], flags| {
        session.code(op::CREATE, &create_body(path, Some(b""), acl, flags))
    };
    assert_eq!(code("bad", &[], 99), op::BAD_ARGUMENTS, "flag first");
    assert_eq!(code("bad", &[], 0), op::BAD_ARGUMENTS, "then the slash");
    assert_eq!(code("/none/x", &[], 0), op::INVALID_ACL, "then the ACL");
    assert_eq!(code("/none/x/", &open(), 0), op::NO_NODE, "then the parent");
    assert_eq!(code("/e", &open(), op::EPHEMERAL), 0);
    assert_eq!(code("/e/..", &open(), 0), op::BAD_ARGUMENTS, "then the whole path");
    assert_eq!(code("/e/x", &open(), 0), op::NO_CHILDREN_FOR_EPHEMERALS, "the parent's kind last");
}

#[test]
fn z40_without_extended_types_ttl_is_unimplemented() {
    let server = Subject::with(Settings { extended_types: false, ..Settings::default() });
    let mut session = server.session();
    for (kind, flag) in [
        (op::CREATE_TTL, op::TTL),
        (op::CREATE_TTL, op::TTL_SEQUENTIAL),
        (op::CREATE, op::TTL),
        (op::CREATE2, op::TTL_SEQUENTIAL),
    ] {
        let code = session.code(kind, &body(kind, "/a", flag, 1_000));
        assert_eq!(code, op::UNIMPLEMENTED, "operation {kind}, flag {flag}");
    }
    assert!(session.create("/c", b"", op::CONTAINER).is_ok(), "containers need no switch");
}

#[test]
fn z26_the_rules_hold_inside_a_multi() {
    let server = Subject::start();
    let mut session = server.session();
    let part = |kind, flag| (kind, body(kind, "/a", flag, 1_000));
    for (kind, flag) in [
        (op::CREATE_CONTAINER, 0),
        (op::CREATE_TTL, 0),
        (op::CREATE, op::TTL),
        (op::CREATE2, op::TTL),
    ] {
        let wanted = Ok(vec![Outcome::Error(op::BAD_ARGUMENTS)]);
        assert_eq!(session.multi(&[part(kind, flag)]), wanted, "operation {kind}, flag {flag}");
    }
    assert_eq!(session.exists("/a", false), Err(op::NO_NODE));
}
