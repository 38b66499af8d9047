//! SASL: a user proves to know a password in an exchange of tokens, without sending it.
//!
//! Two mechanisms, each a machine of its own that is handed tokens and chance and says what to send
//! next. Neither knows of connections, packets or time. What an exchange carries on the wire does not
//! name its mechanism: an empty first token asks for DIGEST-MD5, and SCRAM's speaks for itself.
//!
//! What always holds: no password, token or key stands in `Debug` output or in a [`Refusal`].

mod challenge;
pub mod digest_md5;
pub mod scram;
mod users;

use std::fmt;

use bytes::Bytes;

pub use challenge::{Challenge, Proven};
pub use users::{UserError, Users};

/// Why one side of an exchange does not go on. The texts are fixed, so nothing secret is in them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub &'static str);

/// What the client's side of an exchange says to a token of the server.
#[derive(PartialEq, Eq)]
pub enum Step {
    /// Send this, and hand over the answer.
    Send(Bytes),
    /// The server has proven itself too, and nothing more is to be sent.
    Done,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::Send(_) => "Send(..)",
            Step::Done => "Done",
        })
    }
}

/// The client's side of one exchange.
pub trait Prover: fmt::Debug + Send {
    /// The token that begins it.
    fn begin(&mut self) -> Bytes;

    /// Takes the server's answer to the last token.
    ///
    /// # Errors
    /// What does not fit into the exchange at this point, and a server that does not know the
    /// password itself. The exchange is over then.
    fn answer(&mut self, token: &[u8]) -> Result<Step, Refusal>;
}

/// What a server says to whoever did not prove to be a user: nothing about why.
const DENIED: Refusal = Refusal("no such user, or another password");

#[cfg(test)]
mod tests;
