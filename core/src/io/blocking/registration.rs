//! Registrations, and what passes from one session to another, waited for.

use std::time::Duration;

use bytes::Bytes;

use super::{Client, wait, wait_for};
use crate::base::Stat;
use crate::client::{Error, RegistrationState, Result};
use crate::io::client::{self as asynchronous, Predecessor, Register};

impl Client {
    /// Starts a registration and returns at once; [`Registration::ready`] waits until it is there. See
    /// [`crate::Client::register`].
    pub fn register(&self, path: &str, data: impl Into<Bytes>) -> Registration {
        self.register_with(path, data, |register| register)
    }

    /// The same as `describe` says.
    pub fn register_with(
        &self,
        path: &str,
        data: impl Into<Bytes>,
        describe: impl FnOnce(Register) -> Register,
    ) -> Registration {
        let registration = describe(self.asynchronous().register(path, data)).start();
        Registration { registration, client: self.clone() }
    }

    /// Takes over one ephemeral of another session; see [`crate::Client::adopt`].
    ///
    /// # Errors
    /// As there.
    pub fn adopt(&self, path: &str, from: impl Into<Predecessor>) -> Result<Stat> {
        wait(self.asynchronous().adopt(path, from))
    }

    /// Takes over all ephemerals of another session, and ends it; see [`crate::Client::hand_over`].
    ///
    /// # Errors
    /// As there.
    pub fn hand_over(&self, from: impl Into<Predecessor>) -> Result<u32> {
        wait(self.asynchronous().hand_over(from))
    }

    /// Ends another session; see [`crate::Client::fence`].
    ///
    /// # Errors
    /// As there.
    pub fn fence(&self, session: impl Into<Predecessor>) -> Result<bool> {
        wait(self.asynchronous().fence(session))
    }
}

/// An ephemeral that is there in every session; see [`crate::Registration`]. Unlike that it keeps the
/// client open.
#[derive(Debug)]
pub struct Registration {
    // Dropped before the client, which may be the last, closes its session.
    registration: asynchronous::Registration,
    client: Client,
}

impl Registration {
    /// See [`crate::Registration::state`].
    pub fn state(&self) -> RegistrationState {
        self.registration.state()
    }

    /// See [`crate::Registration::is_present`].
    pub fn is_present(&self) -> bool {
        self.registration.is_present()
    }

    /// Waits until it is there with the data that were set last, for at most `timeout` if there is one,
    /// and returns its path.
    ///
    /// # Errors
    /// As [`crate::Registration::ready`], and `Timeout`, after which it is still wished for.
    pub fn ready(&self, timeout: Option<Duration>) -> Result<String> {
        let Some(timeout) = timeout else { return wait(self.registration.ready()) };
        wait_for(self.registration.ready(), timeout).unwrap_or_else(|| {
            let epoch = self.client.session().epoch();
            Err(Error::Timeout { sent: false, epoch })
        })
    }

    /// Waits for a change of its state for at most `timeout`; `None` if there was none.
    pub fn changed_for(&mut self, timeout: Duration) -> Option<RegistrationState> {
        wait_for(self.registration.changed(), timeout)
    }

    /// See [`crate::Registration::set`].
    pub fn set(&self, data: impl Into<Bytes>) {
        self.registration.set(data);
    }

    /// Ends it, and waits until the znode is deleted; see [`crate::Registration::close`].
    ///
    /// # Errors
    /// As there.
    pub fn close(self) -> Result<()> {
        wait(self.registration.close())
    }
}
