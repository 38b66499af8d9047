//! What an operation of a recipe failed with, and whether it is worth another attempt.

use std::time::Duration;

use crate::base::Code;
use crate::client::{Error, Outcome, Result};
use crate::io::client::background::sleep;
use crate::io::client::{Client, Session, States};

/// How long a recipe waits before it asks a server again that is there and refuses for a reason that
/// passes.
pub(super) const PAUSE: Duration = Duration::from_millis(20);

/// What kind of failure an error is for somebody who goes on trying.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Trouble {
    /// The connection, or the server's own state: the same may succeed later in this session.
    Passing,
    /// The session is over; the same may succeed in the next one.
    SessionOver,
    /// Trying again does not help.
    Lasting,
}

impl Trouble {
    pub fn of(error: &Error) -> Trouble {
        match error {
            Error::ConnectionLoss { .. } | Error::Timeout { .. } | Error::Overloaded => {
                Trouble::Passing
            }
            Error::SessionLost { .. } => Trouble::SessionOver,
            Error::Server { code: Code::ThrottledOp, .. } => Trouble::Passing,
            Error::Server { code: Code::SessionExpired | Code::SessionMoved, .. } => {
                Trouble::Passing
            }
            Error::Server { .. } | Error::Multi { .. } if error.outcome() == Outcome::Unknown => {
                Trouble::Passing
            }
            _ => Trouble::Lasting,
        }
    }
}

/// Waits until an operation that failed for a reason that passes is worth another attempt.
///
/// # Errors
/// `error`, if it does not pass; what finished the client, if it is finished.
pub(super) async fn settle(client: &Client, error: Error) -> Result<()> {
    match Trouble::of(&error) {
        Trouble::Lasting => return Err(error),
        Trouble::Passing if needs_pause(&error) => sleep(&client.session(), PAUSE).await,
        Trouble::Passing | Trouble::SessionOver => {}
    }
    client.connected().await
}

/// The same for work that must not keep the client open: false if there is nothing left to try.
pub(super) async fn settle_within(session: &Session, states: &mut States, error: &Error) -> bool {
    if Trouble::of(error) != Trouble::Passing {
        return false;
    }
    if needs_pause(error) {
        sleep(session, PAUSE).await;
    }
    while !session.has_connection() {
        match states.next().await {
            Some(event) if event.epoch == session.epoch() => {}
            _ => return false,
        }
    }
    true
}

/// A server that is there and refuses would refuse again at once; a connection that is there again is
/// all that a lost one needs.
fn needs_pause(error: &Error) -> bool {
    !matches!(error, Error::ConnectionLoss { .. })
}
