//! SASL on every connection: right behind the handshake, ahead of everything else that is asked.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::error::{Error, Result};
use super::link::Link;
use super::machine::{Machine, Output};
use crate::auth::sasl::{Prover, Refusal, Step, digest_md5, scram};
use crate::base::{Code, Moment};
use crate::wire::jute::Reader;
use crate::wire::{Reply, ReplyHeader, Request};

/// A user and a password, and how to prove to know it; see [`Builder::sasl`](crate::Builder::sasl).
#[derive(Clone, PartialEq, Eq)]
pub struct Sasl {
    mechanism: Mechanism,
    user: String,
    password: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mechanism {
    DigestMd5,
    ScramSha256,
}

impl Sasl {
    /// DIGEST-MD5, which Apache ZooKeeper's servers know. Whoever reads along can try passwords
    /// against what they saw: use it over TLS, or with a password that cannot be guessed.
    pub fn digest_md5(user: impl Into<String>, password: impl Into<String>) -> Sasl {
        Sasl { mechanism: Mechanism::DigestMd5, user: user.into(), password: password.into() }
    }

    /// SCRAM-SHA-256, which tenure's servers know and Apache ZooKeeper's do not. Guessing passwords
    /// costs thousands of hashes for each.
    pub fn scram_sha256(user: impl Into<String>, password: impl Into<String>) -> Sasl {
        Sasl { mechanism: Mechanism::ScramSha256, user: user.into(), password: password.into() }
    }

    /// Whether the mechanism can be used with this name and password.
    ///
    /// # Errors
    /// `Invalid` if not.
    pub(crate) fn check(&self) -> Result<()> {
        let prover = self.prover(String::new());
        prover.map(|_| ()).map_err(|refusal| Error::Invalid(refusal.to_string().into()))
    }

    fn prover(&self, nonce: String) -> Result<Box<dyn Prover>, Refusal> {
        let Sasl { user, password, .. } = self;
        Ok(match self.mechanism {
            Mechanism::DigestMd5 => Box::new(digest_md5::Client::new(user, password, nonce)),
            Mechanism::ScramSha256 => Box::new(scram::Client::new(user, password, nonce)?),
        })
    }
}

/// Without the password.
impl fmt::Debug for Sasl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sasl")
            .field("mechanism", &self.mechanism)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Where the nonces of exchanges come from: a seed that nobody knows, and a count. No two exchanges
/// have the same.
#[derive(Clone, Default)]
pub struct Nonces {
    seed: [u8; 32],
    taken: u64,
}

impl Nonces {
    /// The nonces of a seed.
    pub fn new(seed: [u8; 32]) -> Nonces {
        Nonces { seed, taken: 0 }
    }

    /// The next one, in the characters of base64.
    fn take(&mut self) -> String {
        self.taken += 1;
        let hash = Sha256::new().chain_update(self.seed).chain_update(self.taken.to_be_bytes());
        BASE64_STANDARD_NO_PAD.encode(&hash.finalize()[..18])
    }
}

/// Without the seed.
impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nonces").field("taken", &self.taken).finish_non_exhaustive()
    }
}

/// An exchange that is under way on a connection.
#[derive(Debug)]
pub(super) struct Login {
    prover: Box<dyn Prover>,
    /// Of the packet that was not answered.
    pub xid: i32,
    /// It belongs to the attempt to connect, and ends with its time.
    pub deadline: Moment,
}

impl Machine {
    /// The session is attached: the exchange begins if there is to be one.
    pub(super) fn log_in(&mut self, now: Moment, deadline: Moment) {
        let Some(sasl) = &self.settings.sasl else { return self.restore(now) };
        match sasl.prover(self.settings.nonces.take()) {
            Ok(mut prover) => {
                let token = prover.begin();
                let Link::Up(up) = &mut self.link else { return };
                up.login = Some(Login { prover, xid: 0, deadline });
                self.send_token(token);
            }
            Err(refusal) => self.fail_login(refusal.to_string()),
        }
    }

    fn send_token(&mut self, token: Bytes) {
        let Link::Up(up) = &mut self.link else { return };
        let xid = up.take_xid();
        let Some(login) = &mut up.login else { return };
        login.xid = xid;
        Request::Sasl { token: Some(token.into()) }.encode(xid, &mut self.out);
    }

    /// The server answered a token. Whatever it is but the next step ends the client: a server that
    /// cannot prove itself is no better than one that refuses.
    pub(super) fn logging_in(&mut self, now: Moment, header: ReplyHeader, reader: &mut Reader) {
        let Link::Up(up) = &mut self.link else { return };
        let Some(login) = &mut up.login else { return };
        if let Some(code) = Code::from_number(header.error) {
            return self.fail_login(format!("the server refuses it: {code}"));
        }
        let token = match Reply::decode(crate::wire::Op::Sasl, reader) {
            Ok(Reply::Token(Some(token))) => token,
            _ => return self.fail_login("the server does not take part in it".into()),
        };
        match login.prover.answer(&token) {
            Ok(Step::Send(token)) => self.send_token(token),
            Ok(Step::Done) => {
                up.login = None;
                self.restore(now);
            }
            Err(refusal) => self.fail_login(refusal.to_string()),
        }
    }

    fn fail_login(&mut self, reason: String) {
        let server = self.link.server().unwrap_or_else(|| Arc::from(""));
        self.outputs.push_back(Output::LoginFailed { server, reason });
        self.refuse_identity(None);
    }
}
