//! Proofs, one connection at a time, without a socket.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::*;
use crate::auth::sasl::{Prover, Step, Users, digest_md5, scram};
use crate::base::{
    Acl, Code, ConnectionId, CreateMode, Millis, Moment, Password, Perms, SessionId, WallMillis,
    Zxid,
};
use crate::engine::{Engine, EngineOptions, Rules, Schemes};
use crate::service::{Now, Options, Proposal, Transport};
use crate::wire::jute::Reader;
use crate::wire::{ConnectRequest, Create, ReplyHeader, Request, frame};

struct Nowhere;

impl Transport for Nowhere {
    fn wake(&self) {}
    fn unread(&self) -> usize {
        0
    }
}

fn service(identity: Settings) -> Service {
    let schemes = Schemes { digest: true, sasl: !identity.users.is_empty(), x509: true };
    let rules = Rules { schemes, ..Rules::default() };
    let options = Options { identity, rules, tick: Millis(2_000), ..Options::default() };
    let now = Now { moment: Moment::default(), wall: WallMillis(0) };
    let engine = Engine::new(EngineOptions::default());
    Service::new(options, engine, now, Box::new(|| Password([7; Password::LEN])))
}

fn peer() -> Peer {
    let opened = (Moment::default(), WallMillis(0));
    Peer::new(ConnectionId(1), ([127, 0, 0, 1], 1).into(), opened, Box::new(Nowhere))
}

fn is_super(peer: &Peer) -> bool {
    peer.identities().iter().any(|id| id.scheme == "super")
}

fn ids(peer: &Peer) -> Vec<String> {
    peer.identities().iter().map(|id| format!("{}:{}", id.scheme, id.id)).collect()
}

fn users() -> Users {
    let mut users = Users::new([1; 16]);
    users.add("bob", "pw", [2; 16]).unwrap();
    users
}

fn with_users() -> Settings {
    Settings { users: users(), ..Settings::default() }
}

/// What the server says at the end of an exchange, and what it said before.
fn exchange(service: &Service, peer: &Peer, mut client: Box<dyn Prover>) -> Vec<Said> {
    let mut said = vec![service.log_in(peer, &client.begin())];
    while let Some(Said::Token(Some(token))) = said.last() {
        match client.answer(token) {
            Ok(Step::Send(token)) => said.push(service.log_in(peer, &token)),
            Ok(Step::Done) | Err(_) => break,
        }
    }
    said
}

fn digest_md5(password: &str) -> Box<dyn Prover> {
    Box::new(digest_md5::Client::new("bob", password, "client".into()))
}

fn scram(password: &str) -> Box<dyn Prover> {
    Box::new(scram::Client::new("bob", password, "client".into()).unwrap())
}

#[test]
fn a_connection_collects_identities_up_to_a_ceiling() {
    let (service, peer) = (service(Settings::default()), peer());
    let prove = |login: &[u8]| service.prove(&peer, "digest", login) == Verdict::Proven;
    assert!(prove(b"bob:pw"));
    assert!(!prove(&[b'n'; limits::IDENTITY_BYTES]));
    assert!(!prove(&[b'n'; limits::IDENTITY_BYTES + 1]), "not even hashed");
    assert!(prove(b"bob:pw"), "what is known already is proven still");
    let more = (0..).take_while(|n| prove(format!("user{n}:pw").as_bytes()));
    assert!(more.take(limits::IDENTITIES).count() < limits::IDENTITIES);
}

#[test]
fn a20_the_super_digest_makes_super_and_nothing_else_does() {
    let meant = "super:ikIaKsbtGweaHnb/jKn7OHqbunM=";
    let hash = crate::auth::DigestAlgorithm::Sha1.id(b"super:secret");
    let service = service(Settings { super_digest: Some(hash.clone()), ..Settings::default() });
    for login in ["super:Secret", "super:", "super", "Super:secret", &hash, meant, "root:secret"] {
        let peer = peer();
        assert_eq!(service.prove(&peer, "digest", login.as_bytes()), Verdict::Proven);
        assert!(!is_super(&peer), "{login}");
    }
    let peer = peer();
    service.prove(&peer, "digest", b"super:secret");
    assert_eq!(ids(&peer)[1..], [format!("digest:{hash}"), "super:".to_owned()]);
}

#[test]
fn a11_digest_can_be_off() {
    let mut service = service(Settings::default());
    service.options.rules.schemes.digest = false;
    assert_eq!(service.prove(&peer(), "digest", b"bob:pw"), Verdict::Refused);
}

#[test]
fn certificates_make_an_identity_and_one_of_them_super() {
    let settings = Settings { super_x509: Some("CN=admin,O=x".into()), ..Settings::default() };
    let service = service(settings);
    for (subject, expected) in [
        ("CN=admin,O=x", true),
        ("CN=admin", false),
        ("cn=admin,O=x", false),
        ("CN=admin,O=x ", false),
        ("CN=admin\0,O=x", false),
        ("", false),
    ] {
        let peer = peer();
        assert_eq!(service.prove(&peer, "x509", b""), Verdict::Refused, "nothing proven yet");
        assert!(service.certify(&peer, subject));
        assert_eq!(is_super(&peer), expected, "{subject:?}");
        assert_eq!(ids(&peer)[1], format!("x509:{subject}"));
        assert_eq!(service.prove(&peer, "x509", b""), Verdict::Proven);
    }
}

#[test]
fn p74_an_ensemble_has_its_name_or_any() {
    let names = vec!["blue".to_owned(), "green".to_owned()];
    let named = service(Settings { ensemble_names: names, ..Settings::default() });
    for (name, verdict) in [
        ("blue", Verdict::Proven),
        ("green", Verdict::Proven),
        ("", Verdict::Proven),
        ("red", Verdict::Elsewhere),
        ("Blue", Verdict::Elsewhere),
        ("blue,green", Verdict::Elsewhere),
    ] {
        let peer = peer();
        assert_eq!(named.prove(&peer, "ensemble", name.as_bytes()), verdict, "{name}");
        assert_eq!(ids(&peer).len(), 1, "it adds no identity");
    }
    let nameless = service(Settings::default());
    assert_eq!(nameless.prove(&peer(), "ensemble", b"blue"), Verdict::Refused);
}

#[test]
fn p75_p76_both_mechanisms_log_in_once() {
    let settings = Settings { super_sasl: vec!["root".into()], ..with_users() };
    let service = service(settings);
    for client in [digest_md5, scram] {
        let peer = peer();
        let said = exchange(&service, &peer, client("pw"));
        assert_eq!(said.len(), 2);
        assert_eq!(ids(&peer)[1..], ["sasl:bob"]);
        assert_eq!(service.log_in(&peer, b""), Said::Refused(Code::AuthFailed), "once is enough");
        assert_eq!(ids(&peer)[1..], ["sasl:bob"]);
    }
}

#[test]
fn p75_a_server_may_take_scram_alone() {
    let service = service(Settings { scram_only: true, ..with_users() });
    let classic = peer();
    assert_eq!(service.log_in(&classic, b""), Said::Refused(Code::AuthFailed));
    let better = peer();
    exchange(&service, &better, scram("pw"));
    assert_eq!((ids(&classic).len(), &ids(&better)[1..]), (1, &["sasl:bob".to_owned()][..]));
}

#[test]
fn p76_a_user_can_be_super() {
    let service = service(Settings { super_sasl: vec!["bob".into()], ..with_users() });
    let failed = peer();
    exchange(&service, &failed, scram("other"));
    assert!(!is_super(&failed));
    let peer = peer();
    exchange(&service, &peer, scram("pw"));
    assert_eq!(ids(&peer)[1..], ["sasl:bob", "super:"]);
}

#[test]
fn p77_whoever_fails_to_log_in_is_refused_unless_it_may_stay() {
    let required = vec!["digest".to_owned(), "sasl".to_owned()];
    let demanding = Settings { required, keeps_failed_sasl: true, ..with_users() };
    for (settings, last) in [
        (with_users(), Said::Refused(Code::AuthFailed)),
        (demanding, Said::Refused(Code::AuthRequired)),
        (Settings { keeps_failed_sasl: true, ..with_users() }, Said::Token(None)),
    ] {
        let service = service(settings);
        for client in [digest_md5, scram] {
            let peer = peer();
            let said = exchange(&service, &peer, client("other"));
            assert_eq!(said.last(), Some(&last));
            assert_eq!(ids(&peer).len(), 1, "nothing is proven");
        }
        assert_eq!(service.stats.failed_proofs.load(std::sync::atomic::Ordering::Relaxed), 2);
    }
}

#[test]
fn p77_nobody_may_go_on_guessing() {
    let service = service(Settings { keeps_failed_sasl: true, ..with_users() });
    let peer = peer();
    for _ in 1..limits::FAILED_LOGINS {
        assert_eq!(exchange(&service, &peer, scram("other")).last(), Some(&Said::Token(None)));
    }
    let said = exchange(&service, &peer, scram("other"));
    assert_eq!(said.last(), Some(&Said::Refused(Code::AuthFailed)));
}

#[test]
fn p75_a_server_without_users_says_nothing() {
    let service = service(Settings::default());
    for token in [&b""[..], b"n,,n=bob,r=x", b"anything"] {
        assert_eq!(service.log_in(&peer(), token), Said::Token(None));
    }
}

#[test]
fn p78_one_of_the_schemes_demanded_is_enough() {
    let required = |schemes: &[&str]| Settings {
        required: schemes.iter().map(|&scheme| scheme.to_owned()).collect(),
        ..with_users()
    };
    assert!(!service(Settings::default()).is_locked_to(&peer()));
    assert!(!service(required(&["ip"])).is_locked_to(&peer()));
    let service = service(required(&["sasl", "digest"]));
    let (by_digest, by_sasl, by_certificate) = (peer(), peer(), peer());
    for peer in [&by_digest, &by_sasl, &by_certificate] {
        assert!(service.is_locked_to(peer));
    }
    service.prove(&by_digest, "digest", b"a:b");
    exchange(&service, &by_sasl, digest_md5("pw"));
    service.certify(&by_certificate, "CN=bob");
    assert!(!service.is_locked_to(&by_digest));
    assert!(!service.is_locked_to(&by_sasl));
    assert!(service.is_locked_to(&by_certificate), "of a scheme that was not asked for");
}

#[test]
fn z54_a_digest_is_shown_without_its_hash() {
    let bob = Identity::new("digest", "bob:ikIaKsbtGweaHnb/jKn7OHqbunM=");
    assert_eq!(shown(&[bob]), [Identity::new("digest", "bob")]);
}

#[test]
fn a08_what_the_log_ended_with_says_nothing_about_what_may_be_read() {
    let rules = |skips_acl| Rules { skips_acl, ..Rules::default() };
    let now = Now { moment: Moment::default(), wall: WallMillis(0) };
    for skips_acl in [false, true] {
        let left = EngineOptions { rules: rules(!skips_acl), ..EngineOptions::default() };
        let options = Options { rules: rules(skips_acl), ..Options::default() };
        let service = Service::new(options, Engine::new(left), now, Box::new(Password::default));
        let shut = [Acl::new(Perms(0), "digest", "a:b")];
        assert_eq!(service.engine().allows(&shut, Perms::READ, &[]), skips_acl);
    }
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let schemes = Schemes { digest: true, sasl: true, x509: true };
    let good = Settings {
        super_digest: Some("super:hash".into()),
        super_x509: Some("CN=admin".into()),
        super_sasl: vec!["admin/host@REALM".into()],
        required: vec!["sasl".into(), "ip".into()],
        ..Settings::default()
    };
    assert_eq!(good.check(schemes), Ok(()));
    let wrong = |change: &dyn Fn(&mut Settings)| {
        let mut settings = good.clone();
        change(&mut settings);
        settings.check(schemes).is_err()
    };
    assert!(wrong(&|s| s.super_digest = Some("super".into())));
    assert!(wrong(&|s| s.super_digest = Some("super:".into())));
    assert!(wrong(&|s| s.super_digest = Some("super:a:b".into())));
    assert!(wrong(&|s| s.super_x509 = Some("admin".into())));
    assert!(wrong(&|s| s.super_sasl.push("a@".into())));
    assert!(wrong(&|s| s.required.push("world".into())));
    let none = Schemes { digest: false, sasl: false, x509: false };
    assert_eq!(good.check(none), Err(SettingsError::SuperDigest));
    let required = Settings { required: vec!["sasl".into()], ..Settings::default() };
    assert_eq!(required.check(none), Err(SettingsError::Required("sasl".into())));
}

#[test]
fn settings_do_not_show_their_hashes() {
    let settings = Settings { super_digest: Some("super:HASH".into()), ..with_users() };
    let shown = format!("{settings:?}");
    assert!(!shown.contains("HASH") && shown.contains("bob"), "{shown}");
}

#[test]
fn a_token_is_not_held_to_be_a_word_of_another_mechanism() {
    let service = service(with_users());
    for token in [&b"GSSAPI"[..], b"\0", b"{}", &[b'n'; limits::SASL_TOKEN + 1]] {
        assert_eq!(service.log_in(&peer(), token), Said::Refused(Code::AuthFailed));
    }
    assert!(
        matches!(service.log_in(&peer(), b""), Said::Token(Some(token)) if !Bytes::is_empty(&token))
    );
}

/// Hands requests over as one client's input, and gives what is to be put in order.
fn feed(service: &Service, peer: &Arc<Peer>, requests: &[Request]) -> Vec<Proposal> {
    let now = Now { moment: Moment::default(), wall: WallMillis(0) };
    let mut input = BytesMut::new();
    for (at, request) in requests.iter().enumerate() {
        request.encode(at as i32 + 1, &mut input);
    }
    let mut proposals = Vec::new();
    let _ = service.receive(peer, &mut input, now, &mut |proposal| proposals.push(proposal));
    proposals
}

fn apply(service: &Service, proposals: Vec<Proposal>) {
    let now = Now { moment: Moment::default(), wall: WallMillis(0) };
    for proposal in proposals {
        let mut engine = service.engine_mut();
        let effects = engine.apply(&proposal.txn);
        service.deliver(&engine, &proposal, &effects, now);
    }
}

/// What was answered, as xid and error.
fn answers(peer: &Peer) -> Vec<(i32, i32)> {
    let mut sent = std::mem::take(&mut peer.outbox.lock().bytes);
    let mut answers = Vec::new();
    while let Ok(Some(body)) = frame::take(&mut sent, usize::MAX) {
        let header = ReplyHeader::decode(&mut Reader::new(body)).unwrap();
        answers.push((header.xid, header.error));
    }
    answers
}

#[test]
fn a18_a_read_that_waits_is_answered_as_whom_it_was_asked() {
    let service = service(Settings::default());
    let now = Now { moment: Moment::default(), wall: WallMillis(0) };
    let peer = service.open(([127, 0, 0, 1], 1).into(), now, Box::new(Nowhere)).unwrap();
    let mut input = BytesMut::new();
    ConnectRequest {
        hello: None,
        last_zxid_seen: Zxid::ZERO,
        timeout: 10_000,
        session_id: SessionId::NONE,
        password: None,
        read_only: None,
    }
    .encode(&mut input);
    let mut proposals = Vec::new();
    let _ = service.receive(&peer, &mut input, now, &mut |proposal| proposals.push(proposal));
    apply(&service, proposals);
    let acl = vec![Acl::new(Perms::ALL, "digest", "bob:ikIaKsbtGweaHnb/jKn7OHqbunM=")];
    let create = Create::new("/bob".into(), None, acl, CreateMode::Persistent);
    apply(&service, feed(&service, &peer, &[Request::Create(create)]));
    answers(&peer);

    let write = Request::Create(Create::new(
        "/other".into(),
        None,
        Acl::open_unsafe(),
        CreateMode::Persistent,
    ));
    let read = Request::GetData { path: "/bob".into(), watch: false };
    let auth = Request::Auth { scheme: "digest".into(), auth: "bob:pw".into() };
    let under_way = feed(&service, &peer, &[write, read.clone(), Request::WhoAmI, auth, read]);
    assert_eq!(answers(&peer), [(4, 0)], "only the proof waits for nothing");
    apply(&service, under_way);
    assert_eq!(answers(&peer), [(1, 0), (2, Code::NoAuth.number()), (3, 0), (5, 0)]);
}
