//! Auth packets and the identities they give a connection.

use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::records::acl;
use tenure_tests::session::create_body;
use tenure_tests::subject::Subject;

#[test]
fn p71_an_unknown_scheme_is_refused_and_the_connection_closed() {
    let server = Subject::start();
    for scheme in ["world", "auth", "super", "nothing", ""] {
        let mut session = server.session();
        assert_eq!(session.auth(scheme, b"anyone"), op::AUTH_FAILED, "{scheme:?}");
        assert!(session.is_cut(), "{scheme:?}");
        let mut again = session.reattach(server.addr());
        again.ping();
    }
}

#[test]
fn p71_success_echoes_the_xid_with_zxid_0() {
    let server = Subject::start();
    let mut session = server.session();
    for xid in [-4, 5, 0, i32::MAX] {
        session.send_as(xid, op::AUTH, &Body::new().int(77).string("digest").bytes(b"a:b"));
        let reply = session.reply().expect("an auth packet is answered");
        assert_eq!((reply.xid, reply.zxid, reply.err), (xid, 0, 0));
        assert_eq!(reply.body.len(), 0);
    }
}

#[test]
fn p72_identities_add_up_without_duplicates() {
    let server = Subject::start();
    let mut session = server.session();
    for login in [&b"bob:pw"[..], b"eve:x", b"bob:pw"] {
        assert_eq!(session.auth("digest", login), 0);
    }
    assert_eq!(session.who_am_i().len(), 3, "two users and the address");
}

#[test]
fn p73_a21_digest_takes_any_content() {
    let server = Subject::start();
    let mut session = server.session();
    for login in [&b"nocolon"[..], b":pw", b"user:", b"a:b:c"] {
        assert_eq!(session.auth("digest", login), 0);
    }
    let users: Vec<_> = session.who_am_i().into_iter().map(|(_, user)| user).collect();
    for user in ["nocolon", "", "user", "a"] {
        assert!(users.iter().any(|seen| seen == user), "{user:?} in {users:?}");
    }
    assert_eq!(session.auth("ip", b"anything"), 0, "a no-op");
    session.ping();
}

#[test]
fn a19_the_server_hashes_the_clear_password() {
    let server = Subject::start();
    let mut session = server.session();
    let entry = acl(31, "digest", "bob:ikIaKsbtGweaHnb/jKn7OHqbunM=");
    session.create_with("/a", Some(b""), &[entry], 0).expect("created");
    assert_eq!(session.get("/a", false), Err(op::NO_AUTH));
    assert_eq!(session.auth("digest", b"bob:ikIaKsbtGweaHnb/jKn7OHqbunM="), 0);
    assert_eq!(session.get("/a", false), Err(op::NO_AUTH), "the hash is no password");
    assert_eq!(session.auth("digest", b"bob:pw"), 0);
    assert!(session.get("/a", false).is_ok());
}

#[test]
fn p70_an_auth_packet_counts_for_the_requests_behind_it() {
    let server = Subject::start();
    let mut session = server.session();
    session.send_as(-4, op::AUTH, &Body::new().int(0).string("digest").bytes(b"bob:pw"));
    let own = [acl(31, "auth", "")];
    let xid = session.send(op::CREATE, &create_body("/a", Some(b""), &own, 0));
    assert_eq!(session.reply().map(|reply| (reply.xid, reply.err)), Ok((-4, 0)));
    assert_eq!(session.reply().map(|reply| (reply.xid, reply.err)), Ok((xid, 0)));
}

#[test]
fn p73_null_and_empty_auth_data_are_answered() {
    let server = Subject::start();
    for auth in [None, Some(&b""[..])] {
        let mut session = server.session();
        session.send_as(-4, op::AUTH, &Body::new().int(0).string("digest").optional(auth));
        if let Ok(reply) = session.reply() {
            assert!(matches!(reply.err, 0 | op::AUTH_FAILED | op::MARSHALLING), "{reply:?}");
        }
        server.session().ping();
    }
}
