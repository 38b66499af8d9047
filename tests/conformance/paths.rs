//! Which paths each operation takes, and what a bad one is answered with.

use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::records::{Outcome, open};
use tenure_tests::subject::Subject;

/// Paths that are invalid by the full check.
const INVALID: [&str; 13] = [
    "",
    "a",
    "a/b",
    "/a/",
    "//",
    "/a//b",
    "/.",
    "/a/..",
    "/a/./b",
    "/a\u{1}",
    "/\u{7f}",
    "/\u{fff0}",
    "/\u{e000}",
];

#[test]
fn z14_unusual_but_valid_names() {
    let server = Subject::start();
    let mut session = server.session();
    for path in
        ["/...", "/.x", "/a..b", "/ ", "/é", "/\u{ffef}", "/\u{d7ff}", "/\u{f900}", "/\u{a0}"]
    {
        assert_eq!(session.create(path, b"", 0), Ok(path.to_owned()), "{path:?}");
        assert!(session.exists(path, false).is_ok(), "{path:?}");
    }
}

#[test]
fn z15_names_outside_the_basic_plane_or_not_utf8() {
    let server = Subject::start();
    let mut session = server.session();
    assert_eq!(session.create("/😀", b"", 0), Err(op::BAD_ARGUMENTS));
    for bytes in [&b"/\xff"[..], b"/\xc3", b"/\xed\xa0\x80", b"/\xf0\x9f\x98\x80", b"/a\xc0\x80"] {
        let body = Body::new().bytes(bytes).bytes(b"").acl(&open()).int(0);
        assert_eq!(session.code(op::CREATE, &body), op::BAD_ARGUMENTS, "{bytes:?}");
    }
}

#[test]
fn z16_z18_invalid_paths_are_refused_before_anything_else() {
    let server = Subject::start();
    let mut session = server.session();
    for path in INVALID {
        assert_eq!(session.set(path, b"", -1), Err(op::BAD_ARGUMENTS), "setData {path:?}");
        assert_eq!(session.set_acl(path, &open(), -1), Err(op::BAD_ARGUMENTS), "setACL {path:?}");
        let check = (op::CHECK, Body::new().string(path).int(-1));
        let wanted = vec![Outcome::Error(op::BAD_ARGUMENTS)];
        assert_eq!(session.multi(&[check]), Ok(wanted), "check {path:?}");
    }
    assert_eq!(session.set_acl("/a/", &[], -1), Err(op::BAD_ARGUMENTS));
}

#[test]
fn z16_control_characters_are_refused() {
    let server = Subject::start();
    let mut session = server.session();
    let forbidden = (0..=0x1f).chain(0x7f..=0x9f).chain([0xe000, 0xf8ff, 0xfff0, 0xffff]);
    for code in forbidden {
        let path = format!("/x{}", char::from_u32(code).expect("no surrogate"));
        assert_eq!(session.create(&path, b"", 0), Err(op::BAD_ARGUMENTS), "U+{code:04X}");
    }
}

#[test]
fn z17_long_and_deep_paths_are_fine_and_bytes_are_compared() {
    let server = Subject::start();
    let mut session = server.session();
    let long = format!("/{}", "x".repeat(100_000));
    assert_eq!(session.create(&long, b"", 0), Ok(long));
    let mut deep = String::new();
    for _ in 0..200 {
        deep += "/d";
        session.make(&deep);
    }
    assert_eq!(session.descendants("/d"), Ok(199));
    session.make("/Case");
    assert_eq!(session.exists("/case", false), Err(op::NO_NODE));
    session.make("/e\u{301}");
    assert_eq!(session.exists("/\u{e9}", false), Err(op::NO_NODE), "no normalisation");
}

#[test]
fn z19_delete_checks_little() {
    let server = Subject::start();
    let mut session = server.session();
    for path in ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config", "", "a", "/a\0b"] {
        assert_eq!(session.delete(path, -1), Err(op::BAD_ARGUMENTS), "{path:?}");
    }
    for path in ["/a/", "/a//b", "/.", "/a/..", "/a\u{1}", "a/b"] {
        assert_eq!(session.delete(path, -1), Err(op::NO_NODE), "{path:?}");
    }
}

#[test]
fn z20_reads_look_any_path_up() {
    let server = Subject::start();
    let mut session = server.session();
    for path in ["a", "/a/", "//", "/a//b", "/.", "/a/..", "/\u{1}", "/\u{e000}"] {
        assert_eq!(session.get(path, false), Err(op::NO_NODE), "{path:?}");
        assert_eq!(session.exists(path, false), Err(op::NO_NODE), "{path:?}");
        assert_eq!(session.children(path, false), Err(op::NO_NODE), "{path:?}");
        assert_eq!(session.get_acl(path), Err(op::NO_NODE), "{path:?}");
        assert_eq!(session.code(op::SYNC, &Body::new().string(path)), 0, "{path:?}");
        assert_eq!(session.add_watch(path, 0), Ok(()), "{path:?}");
        assert_eq!(session.set_watches(0, [&[], &[path], &[]]), 0, "{path:?}");
    }
    assert_eq!(session.exists("/a\0", false), Err(op::BAD_ARGUMENTS));
    assert_eq!(session.get("/a\0", false), Err(op::NO_NODE));
}

#[test]
fn z21_the_empty_path_is_the_root_in_reads() {
    let server = Subject::start();
    let mut session = server.session();
    let root = session.stat("/");
    assert_eq!(session.exists("", true), Ok(root));
    assert_eq!(session.get("", false), Ok((Some(vec![]), root)));
    assert_eq!(session.get_acl(""), Ok((open(), root)));
    assert_eq!(session.children("", true), Ok(vec!["zookeeper".to_owned()]));
    session.make("/a");
    session.set("/", b"x", -1).expect("set");
    assert_eq!(session.seen(), [], "a watch through the empty path never fires");
}

#[test]
fn z22_a_null_path_does_not_decode() {
    let server = Subject::start();
    let mut session = server.session();
    let tail = |body: Body| body.bytes(b"").acl(&open()).int(0);
    let requests = [
        (op::CREATE, tail(Body::new().null())),
        (op::CREATE2, tail(Body::new().null())),
        (op::DELETE, Body::new().null().int(-1)),
        (op::EXISTS, Body::new().null().bool(false)),
        (op::GET_DATA, Body::new().null().bool(false)),
        (op::GET_ACL, Body::new().null()),
        (op::GET_CHILDREN, Body::new().null().bool(false)),
        (op::GET_CHILDREN2, Body::new().null().bool(false)),
    ];
    for (kind, body) in requests {
        assert_eq!(session.code(kind, &body), op::MARSHALLING, "operation {kind}");
    }
    let set = Body::new().null().bytes(b"").int(-1);
    assert_eq!(session.code(op::SET_DATA, &set), op::BAD_ARGUMENTS, "the path check comes first");
    let set_acl = Body::new().null().acl(&open()).int(-1);
    assert_eq!(session.code(op::SET_ACL, &set_acl), op::BAD_ARGUMENTS);
}

#[test]
fn z23_create_looks_at_the_parent_before_the_whole_path() {
    let server = Subject::start();
    let mut session = server.session();
    assert_eq!(session.create("a", b"", 0), Err(op::BAD_ARGUMENTS));
    assert_eq!(session.create("", b"", 0), Err(op::BAD_ARGUMENTS));
    assert_eq!(session.create("/none/a\0", b"", 0), Err(op::BAD_ARGUMENTS));
    assert_eq!(session.create("/a//b", b"", 0), Err(op::NO_NODE));
    assert_eq!(session.create("/none/..", b"", 0), Err(op::NO_NODE));
    assert_eq!(session.create("/..", b"", 0), Err(op::BAD_ARGUMENTS));
    session.make("/a");
    assert_eq!(session.create("/a/", b"", 0), Err(op::BAD_ARGUMENTS));
    assert_eq!(
        session.create("/a/", b"", op::SEQUENTIAL),
        Ok("/a/0000000000".to_owned()),
        "the suffix comes before the check"
    );
}

#[test]
fn z24_creating_the_root_says_that_it_exists() {
    let server = Subject::start();
    assert_eq!(server.session().create("/", b"", 0), Err(op::NODE_EXISTS));
}

#[test]
fn z58_z62_the_reserved_znodes_stay_and_the_root_can_be_changed() {
    let server = Subject::start();
    let mut session = server.session();
    for path in ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"] {
        assert_eq!(session.delete(path, -1), Err(op::BAD_ARGUMENTS), "{path}");
    }
    assert_eq!(session.get_acl("/").map(|(acl, _)| acl), Ok(open()));
    assert_eq!(session.set("/", b"top", -1).map(|stat| stat.version), Ok(1));
    assert_eq!(session.set_acl("/", &open(), -1).map(|stat| stat.aversion), Ok(1));
}

#[test]
fn z59_others_under_zookeeper_come_and_go() {
    let server = Subject::start();
    let mut session = server.session();
    for path in ["/zookeeper/x", "/zookeeper/x/y", "/zookeeper/config/z"] {
        let made = session.create(path, b"", 0);
        let wanted = if path.starts_with("/zookeeper/config") {
            Err(op::NO_AUTH)
        } else {
            Ok(path.to_owned())
        };
        assert_eq!(made, wanted, "{path}");
    }
    assert_eq!(session.delete("/zookeeper/x/y", -1), Ok(()));
    assert_eq!(session.delete("/zookeeper/x", -1), Ok(()));
}

#[test]
fn z60_the_config_znode_is_readable_by_everybody() {
    use tenure_tests::records::acl;
    let server = Subject::start();
    let mut session = server.session();
    let (entries, stat) = session.get_acl("/zookeeper/config").expect("READ is enough");
    assert_eq!(entries, [acl(op::READ, "world", "anyone")]);
    assert_eq!(stat.aversion, -1);
    assert_eq!(session.set("/zookeeper/config", b"", -1), Err(op::NO_AUTH));
}
