//! Who may log in, who is above the lists, and who has to prove itself first.

use std::net::{Ipv6Addr, SocketAddr};

use tenure::server::{DigestAlgorithm, Server};
use tenure_tests::identities::Identities;
use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::records::{acl, open};
use tenure_tests::sasl;
use tenure_tests::session::{Session, create_body};
use tenure_tests::subject::{Settings, Subject};

const USERS: &[(&str, &str)] = &[("bob", "bobsecret"), ("root", "rootsecret")];

fn told(identities: Identities) -> Subject {
    Subject::with(Settings { identities, ..Settings::default() })
}

fn with_users() -> Identities {
    Identities { sasl_users: USERS, ..Identities::default() }
}

/// Whether the connection ended behind this refusal, and nothing else did.
fn ends(server: &Subject, session: &mut Session) -> bool {
    let is_cut = session.is_cut();
    session.reattach(server.addr());
    is_cut
}

#[test]
fn p75_p76_a_user_logs_in() {
    let server = told(with_users());
    let mut session = server.session();
    assert_eq!(sasl::log_in(&mut session, "bob", "bobsecret").err, 0);
    assert!(session.who_am_i().contains(&("sasl".to_owned(), "bob".to_owned())));
    session.create_with("/mine", Some(b""), &[acl(31, "auth", "")], 0).expect("created");
    let list = session.get_acl("/mine").map(|(list, _)| list);
    assert_eq!(list, Ok(vec![acl(31, "sasl", "bob")]), "A-12");
    let mut other = server.session();
    assert_eq!(other.get("/mine", false), Err(op::NO_AUTH));
    assert_eq!(sasl::log_in(&mut other, "root", "rootsecret").err, 0);
    assert_eq!(other.get("/mine", false), Err(op::NO_AUTH), "another user");
}

#[test]
fn p75_pings_go_on_during_an_exchange() {
    let server = told(with_users());
    let mut session = server.session();
    let nonce = sasl::challenge(&mut session);
    session.ping();
    let response = sasl::response("bob", "bobsecret", &nonce);
    assert_eq!(sasl::send(&mut session, Some(response.as_bytes())).err, 0);
    session.ping();
}

#[test]
fn p75_a_server_without_users_answers_nothing() {
    let server = Subject::start();
    let mut session = server.session();
    for token in [&b""[..], b"n,,n=bob,r=x"] {
        let reply = sasl::send(&mut session, Some(token));
        assert_eq!((reply.err, sasl::token(&reply)), (0, None));
        session.ping();
    }
    assert_eq!(session.who_am_i().len(), 1, "the address");
}

#[test]
fn p76_one_user_is_super() {
    let server = told(Identities { super_sasl: Some("root"), ..with_users() });
    let (mut bob, mut root) = server.pair();
    assert_eq!(sasl::log_in(&mut bob, "bob", "bobsecret").err, 0);
    assert_eq!(sasl::log_in(&mut root, "root", "rootsecret").err, 0);
    bob.create_with("/shut", Some(b""), &[acl(0, "world", "anyone")], 0).expect("created");
    assert_eq!(bob.get("/shut", false), Err(op::NO_AUTH));
    assert!(root.get("/shut", false).is_ok());
}

#[test]
fn p77_whoever_fails_is_told_so_and_cut() {
    let server = told(with_users());
    // The unknown ones come first: Apache's server takes the password of whoever came before for theirs.
    for (user, password) in [("eve", "bobsecret"), ("Bob", "bobsecret"), ("bob", "wrong")] {
        let mut session = server.session();
        let reply = sasl::log_in(&mut session, user, password);
        assert_eq!((reply.err, sasl::token(&reply)), (op::AUTH_FAILED, None), "{user}");
        assert!(ends(&server, &mut session), "{user}");
    }
}

#[test]
fn p77_an_unknown_user_does_not_inherit_the_password_of_whoever_came_before() {
    let server = Subject::Embedded(
        with_users().build(Server::builder()).start().expect("the server starts"),
    );
    let mut bob = server.session();
    assert_eq!(sasl::log_in(&mut bob, "bob", "bobsecret").err, 0);
    let mut eve = server.session();
    assert_eq!(sasl::log_in(&mut eve, "eve", "bobsecret").err, op::AUTH_FAILED);
    assert!(ends(&server, &mut eve));
}

#[test]
fn p77_nobody_logs_in_twice_on_a_connection() {
    let server = told(with_users());
    let mut session = server.session();
    assert_eq!(sasl::log_in(&mut session, "bob", "bobsecret").err, 0);
    let reply = sasl::send(&mut session, Some(b""));
    assert_eq!((reply.err, sasl::token(&reply)), (op::AUTH_FAILED, None));
    assert!(ends(&server, &mut session));
}

#[test]
fn p77_whoever_fails_may_stay_if_the_server_is_told_so() {
    let server = told(Identities { allow_sasl_failed_clients: true, ..with_users() });
    let mut session = server.session();
    let reply = sasl::log_in(&mut session, "bob", "wrong");
    assert_eq!((reply.err, sasl::token(&reply)), (0, None));
    session.ping();
    assert_eq!(session.who_am_i().len(), 1, "as nobody in particular");
}

#[test]
fn p77_where_sasl_is_required_the_refusal_says_so() {
    let server = told(Identities {
        allow_sasl_failed_clients: true,
        require_auth: &["sasl"],
        ..with_users()
    });
    let mut session = server.session();
    let reply = sasl::log_in(&mut session, "bob", "wrong");
    assert_eq!((reply.err, sasl::token(&reply)), (op::AUTH_REQUIRED, None));
    assert!(ends(&server, &mut session));
}

#[test]
fn p77_no_token_lets_anybody_in_or_hurts_anybody_else() {
    let server = Subject::with(Settings {
        identities: with_users(),
        max_connections_per_address: 0,
        ..Settings::default()
    });
    let mut innocent = server.session();
    let long = vec![b'n'; 4_097];
    let commas = vec![b','; 4_096];
    let many = "realm=\"a\",".repeat(370);
    let firsts: [&[u8]; 8] = [
        b"\0",
        b"GSSAPI",
        b"n,,",
        b"n,,n=,r=",
        b"p=tls-unique,,n=bob,r=x",
        &long,
        &commas,
        b"\xff",
    ];
    for first in firsts {
        let mut session = server.session();
        assert_eq!(sasl::send(&mut session, Some(first)).err, op::AUTH_FAILED);
        assert!(session.is_cut());
    }
    let shapes =
        ["", "=", "\"", "a=\"\\", "username=\"bob\"", ",,,,", &many, "response=0", "\u{0}=\u{0}"];
    for response in shapes {
        let mut session = server.session();
        sasl::challenge(&mut session);
        assert_eq!(sasl::send(&mut session, Some(response.as_bytes())).err, op::AUTH_FAILED);
        assert!(session.is_cut(), "{response:?}");
    }
    let mut session = server.session();
    let other = sasl::challenge(&mut server.session());
    sasl::challenge(&mut session);
    let replayed = sasl::response("bob", "bobsecret", &other);
    let reply = sasl::send(&mut session, Some(replayed.as_bytes()));
    assert_eq!(reply.err, op::AUTH_FAILED, "an answer to another challenge");
    innocent.ping();
    assert_eq!(sasl::log_in(&mut innocent, "bob", "bobsecret").err, 0);
}

#[test]
fn p78_nothing_is_answered_before_the_proof_that_is_required() {
    let server = told(Identities { require_auth: &["sasl", "digest"], ..with_users() });
    let path = Body::new().string("/").bool(false);
    let create = create_body("/a", Some(b""), &open(), 0);
    for (xid, kind, body) in [
        (-2, op::PING, &Body::new()),
        (7, op::EXISTS, &path),
        (8, op::CREATE, &create),
        (9, op::WHO_AM_I, &Body::new()),
        (10, op::CLOSE_SESSION, &Body::new()),
        (11, op::SYNC, &Body::new().string("/")),
    ] {
        let mut session = server.session();
        session.send_as(xid, kind, body);
        let reply = session.reply().expect("a refusal");
        assert_eq!((reply.xid, reply.zxid, reply.err), (xid, 0, op::AUTH_REQUIRED), "{kind}");
        assert!(session.is_cut(), "{kind}");
    }
    let (mut by_digest, mut by_sasl) = server.pair();
    assert_eq!(by_digest.auth("digest", b"bob:pw"), 0);
    assert_eq!(by_digest.exists("/a", false), Err(op::NO_NODE), "nothing was created");
    assert_eq!(sasl::log_in(&mut by_sasl, "bob", "bobsecret").err, 0);
    by_sasl.ping();
}

#[test]
fn p78_an_address_is_no_proof_that_was_asked_for() {
    let server = told(Identities { require_auth: &["digest"], ..Identities::default() });
    let mut session = server.session();
    assert_eq!(session.auth("ip", b""), 0);
    session.send_as(-2, op::PING, &Body::new());
    assert_eq!(session.reply().map(|reply| (reply.xid, reply.err)), Ok((-2, op::AUTH_REQUIRED)));
    assert!(ends(&server, &mut session));
}

#[test]
fn p74_a_client_of_another_ensemble_is_cut_without_a_word() {
    let names = &["blue", "green"];
    let server = told(Identities { ensemble_names: names, ..Identities::default() });
    for name in ["blue", "green", ""] {
        let mut session = server.session();
        assert_eq!(session.auth("ensemble", name.as_bytes()), 0, "{name:?}");
        session.ping();
    }
    let mut session = server.session();
    session.send_as(-4, op::AUTH, &Body::new().int(0).string("ensemble").bytes(b"red"));
    assert!(ends(&server, &mut session));
}

#[test]
fn a08_lists_forbid_nothing_where_they_are_skipped() {
    let server = told(Identities { skip_acl: true, ..Identities::default() });
    let mut session = server.session();
    let shut = [acl(0, "digest", "bob:hash")];
    session.create_with("/shut", Some(b""), &shut, 0).expect("created");
    assert!(session.get("/shut", true).is_ok());
    assert_eq!(session.get_acl("/shut").map(|(list, _)| list), Ok(shut.to_vec()));
    assert!(session.set("/shut", b"x", -1).is_ok());
    assert_eq!(session.seen().len(), 1, "events are told to all as well");
    let bad = create_body("/bad", Some(b""), &[acl(31, "nothing", "x")], 0);
    assert_eq!(session.code(op::CREATE, &bad), op::INVALID_ACL, "and are judged all the same");
    assert!(session.delete("/shut", -1).is_ok());
}

#[test]
fn a11_digest_can_be_off() {
    let server = told(Identities { without_digest: true, ..Identities::default() });
    let mut session = server.session();
    let body = create_body("/a", Some(b""), &[acl(31, "digest", "a:b")], 0);
    assert_eq!(session.code(op::CREATE, &body), op::INVALID_ACL);
    assert_eq!(session.auth("digest", b"a:b"), op::AUTH_FAILED);
    assert!(ends(&server, &mut session));
}

#[test]
fn a17_a20_the_super_digest_is_above_the_lists() {
    // The hash of super:secret.
    let id = "super:lK75jTNcA+U9vtVEw5vB51mj/w4=";
    let server = told(Identities { super_digest: Some(id), ..Identities::default() });
    let (mut admin, mut other) = server.pair();
    other.create_with("/shut", Some(b""), &[acl(0, "world", "anyone")], 0).expect("created");
    for login in ["super:wrong", id, "super"] {
        assert_eq!(other.auth("digest", login.as_bytes()), 0);
    }
    assert_eq!(other.get("/shut", false), Err(op::NO_AUTH));
    assert_eq!(admin.auth("digest", b"super:secret"), 0);
    assert!(admin.get("/shut", false).is_ok());
    let shown = admin.who_am_i();
    assert!(shown.contains(&("digest".to_owned(), "super".to_owned())), "{shown:?}");
    assert!(admin.set_acl("/shut", &[acl(31, "auth", "")], -1).is_ok());
    let list = admin.get_acl("/shut").map(|(list, _)| list);
    assert_eq!(list, Ok(vec![acl(31, "digest", id)]), "super itself stands in no list");
}

#[test]
fn a19_a_stronger_digest_is_asked_for_by_its_hash() {
    let builder = Server::builder().digest_algorithm(DigestAlgorithm::Sha256);
    let server = Subject::Embedded(builder.start().expect("the server starts"));
    let mut session = server.session();
    let strong = acl(31, "digest", "bob:lXdkgIa9O1CDDWAryQ0pe9wUYi2LkG6M7Uocn/Vyn2g=");
    session.create_with("/strong", Some(b""), &[strong], 0).expect("created");
    let weak = acl(31, "digest", "bob:ikIaKsbtGweaHnb/jKn7OHqbunM=");
    session.create_with("/weak", Some(b""), &[weak], 0).expect("created");
    assert_eq!(session.auth("digest", b"bob:pw"), 0);
    assert!(session.get("/strong", false).is_ok());
    assert_eq!(session.get("/weak", false), Err(op::NO_AUTH));
}

#[test]
fn a16_an_ipv4_client_of_an_ipv6_port_is_known_by_its_ipv4_address() {
    let listen = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
    let server = match Server::builder().listen(listen).start() {
        Ok(server) => server,
        Err(why) => return eprintln!("skipped, there is no IPv6 here: {why}"),
    };
    let port = server.addr().port();
    let mut v4 = Session::new(([127, 0, 0, 1], port).into());
    let mut v6 = Session::new((Ipv6Addr::LOCALHOST, port).into());
    assert!(v4.who_am_i().contains(&("ip".to_owned(), "127.0.0.1".to_owned())));
    for (number, (id, is_v4)) in [
        ("127.0.0.1", true),
        ("127.0.0.0/8", true),
        ("::ffff:127.0.0.1", true),
        ("::ffff:127.0.0.0/104", true),
        ("::1", false),
        ("::/0", false),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/{number}");
        v4.create_with(&path, Some(b""), &[acl(31, "ip", id)], 0).expect("created");
        assert_eq!(v4.get(&path, false).is_ok(), is_v4, "{id}");
        assert_eq!(v6.get(&path, false).is_ok(), !is_v4, "{id}");
    }
}

#[test]
fn a_server_whose_identities_cannot_be_meant_does_not_start() {
    let builders = [
        Server::builder().super_digest("super"),
        Server::builder().super_digest("super:hash").digest(false),
        Server::builder().super_x509("admin"),
        Server::builder().super_sasl("a/b/c"),
        Server::builder().sasl_user("", "secretword"),
        Server::builder().sasl_user("bob@", "secretword"),
        Server::builder().sasl_user("bob", ""),
        Server::builder().sasl_user("bob", "secretword").sasl_user("bob", "other"),
        Server::builder().require_auth(["sasl"]),
        Server::builder().require_auth(["kerberos"]),
    ];
    for (number, builder) in builders.into_iter().enumerate() {
        assert!(!format!("{builder:?}").contains("secretword"));
        let Err(error) = builder.start() else { panic!("server {number} starts") };
        assert!(!error.to_string().contains("secretword"), "{error}");
    }
}
