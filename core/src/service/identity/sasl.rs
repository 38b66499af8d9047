//! SASL on a connection: at most one exchange at a time, and at most one that succeeds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;

use crate::auth::sasl::{Challenge, Proven, Refusal};
use crate::base::{Code, Identity, limits};
use crate::service::Service;
use crate::service::peer::Peer;
use crate::wire::Secret;

/// How far a connection is.
#[derive(Default)]
pub(in crate::service) struct Exchange {
    state: State,
    failures: usize,
}

#[derive(Default)]
enum State {
    /// Nothing was said.
    #[default]
    Idle,
    /// The client's second token is to come.
    Challenged(Box<Challenge>),
    /// The client has proven who it is, and cannot become somebody else.
    Done,
}

/// What is said to a token.
#[derive(PartialEq, Eq, Debug)]
pub(in crate::service) enum Said {
    /// The next token; none if there is nothing to say and the connection goes on as it was.
    Token(Option<Secret>),
    /// No, and the connection ends.
    Refused(Code),
}

impl Service {
    /// Takes a token of the client. A server without users says nothing to any, as ZooKeeper does.
    pub(in crate::service) fn log_in(&self, peer: &Peer, token: &[u8]) -> Said {
        let settings = &self.options.identity;
        if settings.users.is_empty() {
            return Said::Token(None);
        }
        let mut exchange = peer.sasl.lock();
        match self.next(peer, &mut exchange.state, token) {
            Ok(token) => return Said::Token(Some(token.into())),
            Err(_) => exchange.failures += 1,
        }
        self.stats.note_failed_proof();
        let may_stay = settings.keeps_failed_sasl && exchange.failures < limits::FAILED_LOGINS;
        if settings.requires_sasl() {
            Said::Refused(Code::AuthRequired)
        } else if may_stay {
            Said::Token(None)
        } else {
            Said::Refused(Code::AuthFailed)
        }
    }

    fn next(&self, peer: &Peer, state: &mut State, token: &[u8]) -> Result<Bytes, Refusal> {
        let users = &self.options.identity.users;
        match std::mem::take(state) {
            State::Idle if token.is_empty() && self.options.identity.scram_only => {
                Err(Refusal("DIGEST-MD5 is not taken"))
            }
            State::Idle => {
                let nonce = STANDARD_NO_PAD.encode((self.passwords)().0);
                let (challenge, token) = Challenge::begin(users, token, nonce)?;
                *state = State::Challenged(Box::new(challenge));
                Ok(token)
            }
            State::Challenged(challenge) => {
                let Proven { user, token } = challenge.finish(users, token)?;
                let is_super = self.options.identity.super_sasl.contains(&user);
                if !self.add(peer, Identity::new("sasl", user), is_super) {
                    return Err(Refusal("the connection has as many identities as it may"));
                }
                *state = State::Done;
                Ok(token)
            }
            State::Done => {
                *state = State::Done;
                Err(Refusal("the exchange is over"))
            }
        }
    }
}
