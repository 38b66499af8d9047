//! The client for programs without a runtime: every method waits for its answer.
//!
//! A method may be called on any thread that may block, a callback thread of a client included, but
//! not inside asynchronous code.

use crate::client::Result;

use super::client::Client as AsyncClient;

/// A client whose operations block; see [`crate::Client`], with which it shares the session.
#[derive(Clone)]
pub struct Client {
    client: AsyncClient,
}

impl Client {
    /// A connected client with all settings at their defaults.
    ///
    /// # Errors
    /// As [`crate::Builder::connect`].
    pub fn connect(_hosts: &str) -> Result<Client> {
        unimplemented!()
    }

    /// The same client for asynchronous code.
    pub fn asynchronous(&self) -> &AsyncClient {
        &self.client
    }
}

impl From<AsyncClient> for Client {
    fn from(client: AsyncClient) -> Client {
        Client { client }
    }
}
