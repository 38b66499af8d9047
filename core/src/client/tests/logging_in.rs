//! SASL on every connection, ahead of everything else.

use bytes::Bytes;

use super::world::{Heard, TIMEOUT, World, get, set, settings, success};
use crate::auth::sasl::digest_md5::{DIGEST_URI, Directives, Exchange, Proof};
use crate::base::Code;
use crate::client::{Error, Input, LossReason, Nonces, Sasl, State};
use crate::wire::{Op, Reply, Request, Secret};

const REALM: &str = "zk-sasl-md5";
const NONCE: &str = "4711";

fn world(sasl: Sasl) -> World {
    World::new(settings(|settings| {
        settings.sasl = Some(sasl);
        settings.nonces = Nonces::new([3; 32]);
        settings.identities = vec![("digest".into(), "a:b".into())];
    }))
}

fn bob() -> Sasl {
    Sasl::digest_md5("bob", "bobsecret")
}

/// The one packet that has arrived, which is a token.
fn token(world: &mut World) -> (i32, Vec<u8>) {
    let received = world.received();
    match &received[..] {
        [(xid, Request::Sasl { token: Some(token) })] => (*xid, token.to_vec()),
        other => panic!("C7: only the exchange is sent, not {other:?}"),
    }
}

fn answer(world: &mut World, xid: i32, token: impl Into<Bytes>) {
    world.reply(xid, 0, Reply::Token(Some(Secret(token.into()))));
}

/// Plays the server up to its proof; answers the xid and the token of that last answer.
fn until_proof(world: &mut World, password: &str) -> (i32, String) {
    let (xid, first) = token(world);
    assert_eq!(first, b"", "an empty token asks for DIGEST-MD5");
    let challenge = format!(
        "realm=\"{REALM}\",nonce=\"{NONCE}\",qop=\"auth\",charset=utf-8,algorithm=md5-sess"
    );
    answer(world, xid, challenge);
    let (xid, response) = token(world);
    let directives = Directives::parse(&response).expect("directives");
    let exchange = Exchange {
        user: directives.only("username").expect("one").expect("a user"),
        realm: REALM,
        nonce: NONCE,
        cnonce: directives.only("cnonce").expect("one").expect("a nonce"),
        nc: "00000001",
        digest_uri: DIGEST_URI,
        authzid: None,
    };
    let secret = Exchange::secret(exchange.user, REALM, password);
    (xid, format!("rspauth={}", exchange.response(&secret, Proof::Server)))
}

/// The whole exchange, and the rest of the way to a connected client.
fn log_in(world: &mut World) {
    let (xid, proof) = until_proof(world, "bobsecret");
    answer(world, xid, proof);
}

#[test]
fn p75_sasl_comes_before_identities_watches_and_requests() {
    let mut world = world(bob());
    world.submit(get("/a"));
    world.accept();
    world.grant(7);
    let late = world.submit(Request::Auth { scheme: "digest".into(), auth: "c:d".into() });
    let (xid, proof) = until_proof(&mut world, "bobsecret");
    assert_eq!(world.take_states(), [], "nobody is told before the server has proven itself");
    answer(&mut world, xid, proof);
    let received = world.received();
    let ops: Vec<Op> = received.iter().map(|(_, request)| request.op()).collect();
    assert_eq!(ops, [Op::Auth, Op::Auth, Op::GetData]);
    for (xid, request) in received {
        world.reply(xid, 1, success(&request));
    }
    let heard = world.take_heard();
    assert!(heard.contains(&Heard::State(State::Connected, 1)));
    assert!(heard.contains(&Heard::Answer(late, Ok(Reply::Done))));
}

#[test]
fn every_connection_has_an_exchange_of_its_own() {
    let mut world = world(bob());
    world.accept();
    world.grant(7);
    log_in(&mut world);
    world.serve();
    world.watch_below(9, "/w");
    world.cut();
    world.take_heard();
    let write = world.submit(set("/b"));
    world.connect(7);
    let (_, first) = token(&mut world);
    assert_eq!(first, b"");
    // Lost in the middle of it: the next one begins from the start.
    world.cut();
    world.connect(7);
    log_in(&mut world);
    let served: Vec<Op> = world.serve().iter().map(Request::op).collect();
    assert_eq!(served, [Op::Auth, Op::SetWatches2, Op::SetData]);
    assert!(
        matches!(world.take_heard().last(), Some(Heard::Answer(call, Ok(_))) if *call == write)
    );
}

#[test]
fn p77_a_refused_user_ends_the_client() {
    let mut world = world(bob());
    let call = world.submit(get("/a"));
    world.accept();
    world.grant(7);
    let (xid, _) = until_proof(&mut world, "bobsecret");
    world.reply_error(xid, Code::AuthFailed);
    let reason = LossReason::AuthFailed;
    let heard = world.take_heard();
    assert!(matches!(heard[0], Heard::LoginFailed(_)));
    assert_eq!(
        heard[1..],
        [
            Heard::Answer(
                call,
                Err(Error::SessionLost { epoch: crate::client::Epoch(1), reason, sent: false })
            ),
            Heard::State(State::Lost(reason), 1),
            Heard::Finished(Error::AuthFailed),
        ]
    );
    world.pass(TIMEOUT * 10);
    assert_eq!(world.dials, 1);
}

#[test]
fn a_server_that_does_not_prove_itself_ends_the_client() {
    let lies: [fn(&mut World); 4] = [
        |world| {
            let (xid, proof) = until_proof(world, "another");
            answer(world, xid, proof);
        },
        |world| {
            let (xid, _) = token(world);
            world.reply(xid, 0, Reply::Token(None));
        },
        |world| {
            let (xid, _) = token(world);
            answer(world, xid, "rspauth=00000000000000000000000000000000");
        },
        |world| {
            let (xid, _) = token(world);
            world.reply(xid, 0, Reply::Done);
        },
    ];
    for lie in lies {
        let mut world = world(bob());
        world.submit(get("/a"));
        world.accept();
        world.grant(7);
        lie(&mut world);
        assert_eq!(world.take_heard().last(), Some(&Heard::Finished(Error::AuthFailed)));
        assert_eq!(world.ops(), [], "nothing is sent to it");
    }
}

#[test]
fn an_exchange_belongs_to_the_attempt_to_connect() {
    let mut world = world(bob());
    world.accept();
    world.grant(7);
    world.pass(TIMEOUT / 3 - 1);
    assert!(world.is_connected);
    assert_eq!(world.ops(), [Op::Sasl], "no ping goes out meanwhile");
    world.pass(1);
    assert!(!world.is_connected, "a third of the timeout, for there are three hosts");
    world.until_dial();
}

#[test]
fn other_answers_during_an_exchange_break_the_protocol() {
    let mut world = world(bob());
    world.accept();
    world.grant(7);
    let (xid, _) = token(&mut world);
    world.reply(xid + 1, 1, Reply::Done);
    assert!(!world.is_connected);
}

#[test]
fn scram_asks_with_a_first_token_that_speaks_for_itself() {
    let mut world = world(Sasl::scram_sha256("bob", "bobsecret"));
    let mut nonces = std::collections::BTreeSet::new();
    for _ in 0..3 {
        world.accept();
        world.grant(7);
        let (_, first) = token(&mut world);
        assert!(first.starts_with(b"n,,n=bob,r="));
        assert!(nonces.insert(first), "no nonce is used twice");
        world.handle(Input::Closed);
    }
}

#[test]
fn what_scram_cannot_use_is_refused_when_the_client_is_made() {
    assert!(Sasl::scram_sha256("", "x").check().is_err());
    assert!(Sasl::scram_sha256("bob", "\u{1}").check().is_err());
    assert!(bob().check().is_ok());
    assert!(!format!("{:?}", bob()).contains("secret"));
}
