//! The server's side of one exchange, whichever the mechanism.
//!
//! Both take two tokens of the client, and end with a proof of the server's:
//!
//! ```text
//! client                    server
//! begin()      -> token ->  Challenge::begin
//! answer()     <- token <-
//!              -> token ->  Challenge::finish gives the user
//! answer()     <- token <-
//! ```

use std::fmt;

use bytes::Bytes;

use super::{Refusal, Users, digest_md5, scram};
use crate::base::limits;

/// An exchange between the server's first token and the client's second.
pub struct Challenge(Server);

enum Server {
    Digest(digest_md5::Server),
    Scram(scram::Server),
}

/// What a server knows at the end of an exchange.
pub struct Proven {
    /// Who it is.
    pub user: String,
    /// What to send, for the client to see that the server knows the password too.
    pub token: Bytes,
}

impl Challenge {
    /// Takes a client's first token, which says by which mechanism, and gives the token to send.
    /// `nonce` is printable, without commas, unpredictable and never used twice.
    ///
    /// # Errors
    /// What is neither mechanism's. That there is no such user shows at the end only.
    pub fn begin(
        users: &Users,
        first: &[u8],
        nonce: String,
    ) -> Result<(Challenge, Bytes), Refusal> {
        expect_fit(first)?;
        if first.is_empty() {
            let (server, token) = digest_md5::Server::begin(nonce);
            return Ok((Challenge(Server::Digest(server)), token));
        }
        let (server, token) = scram::Server::begin(users, first, &nonce)?;
        Ok((Challenge(Server::Scram(server)), token))
    }

    /// Takes the client's second token.
    ///
    /// # Errors
    /// What does not fit into the exchange, and whoever is not a user or does not know the password.
    pub fn finish(self, users: &Users, token: &[u8]) -> Result<Proven, Refusal> {
        expect_fit(token)?;
        match self.0 {
            Server::Digest(server) => server.finish(users, token),
            Server::Scram(server) => server.finish(users, token),
        }
    }
}

fn expect_fit(token: &[u8]) -> Result<(), Refusal> {
    if token.len() > limits::SASL_TOKEN { Err(Refusal("a token is too long")) } else { Ok(()) }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenge").finish_non_exhaustive()
    }
}

impl fmt::Debug for Proven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proven").field("user", &self.user).finish_non_exhaustive()
    }
}
