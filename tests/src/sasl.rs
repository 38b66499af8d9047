//! A client's side of DIGEST-MD5, written from RFC 2831 alone, for whoever tests a server's.

use md5::{Digest, Md5};

use crate::jute::Body;
use crate::op;
use crate::records::Reply;
use crate::session::Session;

const REALM: &str = "zk-sasl-md5";
const URI: &str = "zookeeper/zk-sasl-md5";

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The proof of a client, or with an empty method that of the server.
fn proof(user: &str, password: &str, nonce: &str, method: &str) -> String {
    let mut session = Md5::digest(format!("{user}:{REALM}:{password}")).to_vec();
    session.extend(format!(":{nonce}:cnonce").as_bytes());
    let session = hex(Md5::digest(session));
    let purpose = hex(Md5::digest(format!("{method}:{URI}")));
    hex(Md5::digest(format!("{session}:{nonce}:00000001:cnonce:auth:{purpose}")))
}

/// The token of a reply that has to carry one, which may be null.
pub fn token(reply: &Reply) -> Option<Vec<u8>> {
    let mut reader = reply.reader();
    let token = reader.buffer();
    reader.end();
    token
}

/// Sends a token, and waits for the answer.
pub fn send(session: &mut Session, token: Option<&[u8]>) -> Reply {
    let xid = session.send(op::SASL, &Body::new().optional(token));
    let reply = session.reply().expect("a token is answered");
    assert_eq!((reply.xid, reply.zxid), (xid, 0), "the header of the answer to a token");
    reply
}

/// The response to a challenge that names this nonce.
pub fn response(user: &str, password: &str, nonce: &str) -> String {
    let proof = proof(user, password, nonce, "AUTHENTICATE");
    format!(
        "charset=utf-8,username=\"{user}\",realm=\"{REALM}\",nonce=\"{nonce}\",nc=00000001,\
         cnonce=\"cnonce\",digest-uri=\"{URI}\",response={proof},qop=auth"
    )
}

/// The nonce of the challenge that answers an empty token.
pub fn challenge(session: &mut Session) -> String {
    let reply = send(session, Some(b""));
    assert_eq!(reply.err, 0, "a challenge");
    let text = String::from_utf8(token(&reply).expect("a challenge")).expect("UTF-8");
    assert!(
        text.contains("realm=\"zk-sasl-md5\"") && text.contains("algorithm=md5-sess"),
        "{text}"
    );
    let (_, behind) = text.split_once("nonce=\"").expect("a nonce");
    behind.split('"').next().expect("a quoted nonce").to_owned()
}

/// Logs in as far as it goes: the reply to the response. A server that lets the user in has proven
/// itself.
pub fn log_in(session: &mut Session, user: &str, password: &str) -> Reply {
    let nonce = challenge(session);
    let reply = send(session, Some(response(user, password, &nonce).as_bytes()));
    if let Some(token) = token(&reply) {
        let expected = format!("rspauth={}", proof(user, password, &nonce, ""));
        assert_eq!(String::from_utf8_lossy(&token), expected, "the proof of the server");
    }
    reply
}
