//! A wish: an ephemeral znode that is there in every session of a client.
//!
//! What a session holds ends with it. Membership is not such a claim but something the program wants
//! for as long as it runs: a [registration](crate::Registration), which keeps the client open as the
//! rest of a recipe does, and gets over a server that refuses for a reason that passes.

use bytes::Bytes;

use super::trouble::{Trouble, settle};
use crate::client::{RegistrationState, Result};
use crate::io::client::{Client, Registration};

/// The wish. Dropping it takes it back in the background.
#[derive(Debug)]
pub(super) struct Presence {
    // Taken back before the client, which may be the last, closes its session.
    registration: Registration,
    client: Client,
}

impl Presence {
    /// Begins to keep `data` at `path`, and what is missing above it. A znode of another session's is
    /// waited for, never touched.
    pub fn new(client: &Client, path: &str, data: Bytes) -> Presence {
        let registration = client.register(path, data).parents().start();
        Presence { registration, client: client.clone() }
    }

    /// Waits until the znode is there.
    ///
    /// # Errors
    /// What the server answers, such as `NoAuth`; what finished the client.
    pub async fn ready(&self) -> Result<()> {
        loop {
            let Err(error) = self.registration.ready().await else { return Ok(()) };
            let is_over = matches!(self.registration.state(), RegistrationState::Over(_));
            if is_over || Trouble::of(&error) != Trouble::Passing {
                return Err(error);
            }
            settle(&self.client, error).await?;
        }
    }

    /// Whether the znode is there: no, if the session may have expired. Computed at the call.
    pub fn is_present(&self) -> bool {
        self.registration.is_present()
    }

    /// Takes the wish back and waits until the znode is gone. Goes on if the future is dropped.
    pub async fn end(self) {
        // What is refused to be deleted, or cannot be any more, goes with the session.
        let _ = self.registration.close().await;
    }
}
