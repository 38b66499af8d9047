//! What passes from one session to another, and sessions ended by somebody else: extensions of
//! tenure's servers.

use bytes::Bytes;

use super::handle::Client;
use super::pending::Pending;
use super::request::RequestOptions;
use super::values::{self, mismatch};
use crate::base::{Code, SessionId, Stat};
use crate::client::{Credentials, Error};
use crate::wire::{Reply, Request, Secret};

/// Another session, and what gives the right to it: its password, or an identity that both sessions
/// have proven.
#[derive(Clone, Debug)]
pub struct Predecessor {
    session: SessionId,
    password: Secret,
}

impl From<SessionId> for Predecessor {
    /// By a proven identity.
    fn from(session: SessionId) -> Predecessor {
        Predecessor { session, password: Secret(Bytes::new()) }
    }
}

impl From<&Credentials> for Predecessor {
    /// By the password.
    fn from(credentials: &Credentials) -> Predecessor {
        let password = Bytes::copy_from_slice(&credentials.password());
        Predecessor { session: credentials.session_id, password: Secret(password) }
    }
}

impl From<Credentials> for Predecessor {
    fn from(credentials: Credentials) -> Predecessor {
        Predecessor::from(&credentials)
    }
}

impl Client {
    /// Takes over one ephemeral of another session: in one transaction it belongs to this one, without
    /// having been gone. Answers its Stat.
    ///
    /// # Errors
    /// `Unsupported` with servers that do not have it. `NoNode`; `BadArguments` if it does not belong
    /// to that session; `UnknownSession` if that one is over; `NoAuth` without the right to it.
    pub fn adopt(&self, path: &str, from: impl Into<Predecessor>) -> Pending<Stat> {
        let Predecessor { session: from, password } = from.into();
        let request = Request::Adopt { path: path.to_owned(), from, password };
        self.ops().queue(request, RequestOptions::new(), values::stat)
    }

    /// Takes over all ephemerals of another session, which ends in the same transaction. Answers how
    /// many they were.
    ///
    /// # Errors
    /// As [`Client::adopt`].
    pub fn hand_over(&self, from: impl Into<Predecessor>) -> Pending<u32> {
        let Predecessor { session: from, password } = from.into();
        let request = Request::HandOver { from, password };
        self.ops().queue(request, RequestOptions::new(), |reply| match reply {
            Reply::Count(number) => Ok(u32::try_from(number).unwrap_or(0)),
            other => mismatch(other),
        })
    }

    /// Ends another session: its ephemerals are gone, and nothing it still had on the way can be
    /// applied any more. False if it was over already.
    ///
    /// [`Credentials::end`] does the same with every server of the protocol.
    ///
    /// # Errors
    /// `Unsupported` with servers that do not have it; `NoAuth` without the right to that session.
    pub fn fence(&self, session: impl Into<Predecessor>) -> Pending<bool> {
        let Predecessor { session, password } = session.into();
        let request = Request::Fence { session, password };
        let ended = self.ops().queue(request, RequestOptions::new(), |_| Ok(true));
        Pending::new(async move {
            match ended.await {
                Err(Error::Server { code: Code::UnknownSession, .. }) => Ok(false),
                other => other,
            }
        })
    }
}
