//! Access control lists: what is a valid entry, who matches it, what needs which permission.

use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::records::{Acl, acl, open};
use tenure_tests::session::{Session, create_body};
use tenure_tests::subject::Subject;

const BOB: &str = "bob:ikIaKsbtGweaHnb/jKn7OHqbunM=";

fn create(session: &mut Session, path: &str, entries: &[Acl]) -> i32 {
    session.code(op::CREATE, &create_body(path, Some(b""), entries, 0))
}

fn anyone(perms: i32) -> Vec<Acl> {
    vec![acl(perms, "world", "anyone")]
}

/// A znode that lets everybody do just this, made by a session with all rights.
fn with_perms(server: &Subject, path: &str, perms: i32) {
    let mut maker = server.session();
    assert_eq!(create(&mut maker, path, &anyone(perms)), 0);
}

#[test]
fn a01_delete_is_decided_by_the_parent() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/p");
    session.make("/p/mine");
    session.set_acl("/p", &anyone(op::ALL & !op::DELETE_CHILD), -1).expect("set");
    assert_eq!(session.delete("/p/mine", -1), Err(op::NO_AUTH));
    session.make("/q");
    assert_eq!(create(&mut session, "/q/closed", &anyone(0)), 0);
    assert_eq!(session.delete("/q/closed", -1), Ok(()));
}

#[test]
fn a02_the_checks_of_delete_have_their_order() {
    let server = Subject::start();
    let mut session = server.session();
    assert_eq!(session.delete("/none/x", -1), Err(op::NO_NODE));
    with_perms(&server, "/p", op::READ);
    assert_eq!(session.delete("/p/none", -1), Err(op::NO_AUTH), "parent before node");
    session.make("/q");
    assert_eq!(create(&mut session, "/q/x", &anyone(op::CREATE_CHILD)), 0);
    session.make("/q/x/y");
    assert_eq!(session.delete("/q/x", 9), Err(op::BAD_VERSION), "no right on the node itself");
    assert_eq!(session.delete("/q/x", 0), Err(op::NOT_EMPTY));
}

#[test]
fn a03_the_checks_of_set_data_and_set_acl_have_their_order() {
    let server = Subject::start();
    let mut session = server.session();
    with_perms(&server, "/r", op::READ);
    assert_eq!(session.set("/r", b"", 9), Err(op::NO_AUTH), "permission before version");
    assert_eq!(session.set_acl("/none", &[], -1), Err(op::INVALID_ACL), "list before node");
    assert_eq!(session.set_acl("/none", &open(), -1), Err(op::NO_NODE));
    assert_eq!(session.set_acl("/r", &open(), 9), Err(op::NO_AUTH), "permission before version");
}

#[test]
fn a04_reads_need_read() {
    let server = Subject::start();
    let mut session = server.session();
    with_perms(&server, "/x", op::ALL & !op::READ);
    let body = |tail: bool| {
        if tail { Body::new().string("/x").bool(false) } else { Body::new().string("/x") }
    };
    for (kind, tail) in [
        (op::GET_DATA, true),
        (op::EXISTS, true),
        (op::GET_CHILDREN, true),
        (op::GET_CHILDREN2, true),
        (op::GET_ALL_CHILDREN_NUMBER, false),
    ] {
        assert_eq!(session.code(kind, &body(tail)), op::NO_AUTH, "operation {kind}");
    }
    assert_eq!(session.code(op::SYNC, &body(false)), 0);
}

#[test]
fn a04_each_write_needs_its_permission() {
    let server = Subject::start();
    let mut session = server.session();
    for (number, perms) in [op::WRITE, op::CREATE_CHILD, op::ADMIN].into_iter().enumerate() {
        let path = format!("/only{number}");
        with_perms(&server, &path, perms);
        let answers = [
            (op::WRITE, session.set(&path, b"", -1).err()),
            (op::CREATE_CHILD, session.create(&format!("{path}/x"), b"", 0).err()),
            (op::ADMIN, session.set_acl(&path, &anyone(perms), -1).err()),
        ];
        for (needed, answer) in answers {
            let wanted = (needed != perms).then_some(op::NO_AUTH);
            assert_eq!(answer, wanted, "{needed} with {perms}");
        }
    }
}

#[test]
fn a05_any_perms_are_stored_as_given() {
    let server = Subject::start();
    let mut session = server.session();
    for perms in [0, 255, -1, i32::MIN, i32::MAX] {
        let path = format!("/n{perms}");
        let entries = [acl(perms, "world", "anyone"), acl(op::ADMIN, "ip", "127.0.0.1")];
        assert_eq!(create(&mut session, &path, &entries), 0);
        assert_eq!(session.get_acl(&path).map(|(list, _)| list), Ok(entries.to_vec()));
    }
}

#[test]
fn a06_duplicates_are_dropped_and_the_order_kept() {
    let server = Subject::start();
    let mut session = server.session();
    let (first, second) = (acl(31, "world", "anyone"), acl(1, "ip", "10.0.0.1"));
    let third = acl(3, "ip", "10.0.0.1");
    let list = [&second, &first, &second, &third, &first].map(Clone::clone);
    assert_eq!(create(&mut session, "/a", &list), 0);
    let stored = session.get_acl("/a").map(|(list, _)| list);
    assert_eq!(stored, Ok(vec![second, first, third]));
}

#[test]
fn a07_no_entry_is_an_invalid_acl() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    let null = Body::new().string("/b").bytes(b"").null().int(0);
    assert_eq!(session.code(op::CREATE, &null), op::INVALID_ACL);
    assert_eq!(create(&mut session, "/b", &[]), op::INVALID_ACL);
    assert_eq!(session.set_acl("/a", &[], -1), Err(op::INVALID_ACL));
    let null = Body::new().string("/a").null().int(-1);
    assert_eq!(session.code(op::SET_ACL, &null), op::INVALID_ACL);
}

#[test]
fn a10_a11_unknown_schemes_and_ids_are_invalid() {
    let server = Subject::start();
    let mut session = server.session();
    let invalid = [
        ("world", "someone"),
        ("world", ""),
        ("super", ""),
        ("sasl", "bob"),
        ("x509", "CN=bob"),
        ("nothing", "x"),
        ("", ""),
        ("digest", "a:"),
        ("digest", "a"),
        ("digest", "a:b:c"),
        ("digest", ""),
        ("ip", "127.0.0"),
        ("ip", "256.1.1.1"),
        ("ip", "127.0.0.1/33"),
        ("ip", "127.0.0.1/"),
        ("ip", "127.0.0.1/-1"),
        ("ip", "localhost"),
        ("ip", ""),
    ];
    for (scheme, id) in invalid {
        let entries = [acl(31, "world", "anyone"), acl(31, scheme, id)];
        assert_eq!(create(&mut session, "/a", &entries), op::INVALID_ACL, "{scheme}:{id}");
    }
    let valid = [
        ("ip", "10.0.0.0/8"),
        ("ip", "1.2.3.4"),
        ("ip", "0.0.0.0/0"),
        ("ip", "1.2.3.4/32"),
        ("digest", BOB),
        ("digest", ":x"),
    ];
    for (number, (scheme, id)) in valid.into_iter().enumerate() {
        let entries = [acl(31, "world", "anyone"), acl(31, scheme, id)];
        assert_eq!(create(&mut session, &format!("/v{number}"), &entries), 0, "{scheme}:{id}");
    }
}

#[test]
fn a10_null_fields_of_an_entry_are_answered() {
    let server = Subject::start();
    let mut session = server.session();
    let create = |scheme: Option<&[u8]>, id: Option<&[u8]>| {
        Body::new().string("/a").bytes(b"").int(1).int(31).optional(scheme).optional(id).int(0)
    };
    for body in [create(None, Some(b"x")), create(Some(b"world"), None), create(None, None)] {
        let code = session.code(op::CREATE, &body);
        assert!(matches!(code, op::INVALID_ACL | op::MARSHALLING), "{code}");
    }
    session.ping();
}

#[test]
fn a12_a_auth_entry_becomes_the_identities_of_the_connection() {
    let server = Subject::start();
    let mut session = server.session();
    let auth = [acl(op::READ | op::WRITE | op::ADMIN, "auth", "ignored")];
    assert_eq!(create(&mut session, "/a", &auth), op::INVALID_ACL, "an address does not count");
    assert_eq!(session.auth("digest", b"bob:pw"), 0);
    assert_eq!(create(&mut session, "/a", &auth), 0);
    let stored = session.get_acl("/a").map(|(list, _)| list);
    assert_eq!(stored, Ok(vec![acl(19, "digest", BOB)]));
    let null = Body::new().string("/b").bytes(b"").int(1).int(31).string("auth").null().int(0);
    assert_eq!(session.code(op::CREATE, &null), 0, "the id of an auth entry is never read");
}

#[test]
fn a13_a25_each_identity_gets_an_entry() {
    let server = Subject::start();
    let mut session = server.session();
    for login in [&b"bob:pw"[..], b"bob:other", b"eve:x", b"bob:pw"] {
        assert_eq!(session.auth("digest", login), 0);
    }
    assert_eq!(create(&mut session, "/a", &[acl(31, "auth", "")]), 0);
    let (mut list, _) = session.get_acl("/a").expect("the owner has ADMIN");
    list.sort();
    assert_eq!(list.len(), 3);
    assert!(list.contains(&acl(31, "digest", BOB)));
    assert_eq!(list.iter().filter(|entry| entry.id.starts_with("bob:")).count(), 2);
}

#[test]
fn a14_a15_world_matches_all_and_digest_the_exact_id() {
    let server = Subject::start();
    let (mut bob, mut other) = server.pair();
    assert_eq!(create(&mut other, "/world", &anyone(op::READ)), 0);
    assert_eq!(create(&mut other, "/bob", &[acl(31, "digest", BOB)]), 0);
    assert_eq!(bob.auth("digest", b"bob:pw"), 0);
    assert_eq!(other.auth("digest", b"bob:wrong"), 0);
    assert!(bob.get("/world", false).is_ok() && other.get("/world", false).is_ok());
    assert!(bob.get("/bob", false).is_ok());
    assert_eq!(other.get("/bob", false), Err(op::NO_AUTH));
}

#[test]
fn a16_addresses_match_by_their_leading_bits() {
    let server = Subject::start();
    let mut session = server.session();
    for (id, matches) in [
        ("127.0.0.1", true),
        ("127.0.0.1/32", true),
        ("127.0.0.2", false),
        ("127.255.0.0/8", true),
        ("126.0.0.0/8", false),
        ("126.0.0.0/7", true),
        ("127.0.0.3/30", true),
        ("127.0.0.3/31", false),
        ("8.8.8.8/0", true),
    ] {
        let path = format!("/{}", id.replace('/', "-"));
        assert_eq!(create(&mut session, &path, &[acl(31, "ip", id)]), 0);
        let wanted = if matches { None } else { Some(op::NO_AUTH) };
        assert_eq!(session.get(&path, false).err(), wanted, "{id}");
    }
}

#[test]
fn a18_identities_count_from_the_request_after_the_packet() {
    let server = Subject::start();
    let mut session = server.session();
    assert_eq!(create(&mut session, "/bob", &[acl(31, "digest", BOB)]), 0);
    let read = Body::new().string("/bob").bool(false);
    assert_eq!(session.code(op::GET_DATA, &read), op::NO_AUTH);
    session.send_as(-4, op::AUTH, &Body::new().int(0).string("digest").bytes(b"bob:pw"));
    session.send_as(7, op::GET_DATA, &read);
    assert_eq!(session.reply().map(|reply| (reply.xid, reply.err)), Ok((-4, 0)));
    assert_eq!(session.reply().map(|reply| (reply.xid, reply.err)), Ok((7, 0)));
}

#[test]
fn a22_without_admin_hashes_are_hidden() {
    let server = Subject::start();
    let (mut bob, mut reader) = server.pair();
    assert_eq!(bob.auth("digest", b"bob:pw"), 0);
    let list =
        [acl(31, "digest", BOB), acl(op::READ, "world", "anyone"), acl(2, "ip", "10.0.0.0/8")];
    assert_eq!(create(&mut bob, "/a", &list), 0);
    assert_eq!(bob.get_acl("/a").map(|(list, _)| list), Ok(list.to_vec()));
    let mut masked = list.to_vec();
    masked[0].id = "bob:x".to_owned();
    assert_eq!(reader.get_acl("/a").map(|(list, _)| list), Ok(masked));
}

#[test]
fn a23_the_acl_is_read_with_read_or_admin() {
    let server = Subject::start();
    let mut session = server.session();
    for perms in [0, op::WRITE, op::CREATE_CHILD | op::DELETE_CHILD, op::READ, op::ADMIN] {
        let path = format!("/n{perms}");
        with_perms(&server, &path, perms);
        let wanted = if perms & (op::READ | op::ADMIN) == 0 { Some(op::NO_AUTH) } else { None };
        assert_eq!(session.get_acl(&path).err(), wanted, "{perms}");
    }
}

#[test]
fn a24_whoever_locks_himself_out_is_out() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    assert!(session.set_acl("/a", &[acl(31, "digest", "eve:x")], -1).is_ok());
    assert_eq!(session.get("/a", false), Err(op::NO_AUTH));
    assert_eq!(session.set_acl("/a", &open(), -1), Err(op::NO_AUTH));
}
