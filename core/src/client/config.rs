//! What a client is told when it is made.

use std::fmt;
use std::time::Duration;

use super::error::{Error, Result};
use crate::base::{Password, SessionId, Zxid};

/// What to do with operations while there is no connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum WhenDisconnected {
    /// They wait; reads that were sent are sent again. A read on which several connections in a row
    /// are lost fails with [`Error::ConnectionLoss`]: its answer may be what breaks them.
    #[default]
    Wait,
    /// They fail with [`Error::ConnectionLoss`].
    Fail,
}

/// What to do when the session turns out to be over.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Recovery {
    /// The client is finished: every later operation fails with
    /// [`Error::SessionLost`].
    ResumeOnly,
    /// A new session starts, in the next epoch.
    Renew(Restore),
}

impl Default for Recovery {
    fn default() -> Recovery {
        Recovery::Renew(Restore::default())
    }
}

/// What a new session brings back.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Restore {
    /// Whether watch streams go on in the new session; otherwise they end with
    /// [`Error::SessionLost`]. True unless set.
    pub watches: bool,
    /// How long no server may be reachable before the client is finished with
    /// [`LossReason::GaveUp`](super::LossReason::GaveUp); `None`, the default, tries for ever.
    pub give_up_after: Option<Duration>,
}

impl Default for Restore {
    fn default() -> Restore {
        Restore { watches: true, give_up_after: None }
    }
}

impl Restore {
    /// The same with [`Restore::watches`] set.
    pub fn watches(self, watches: bool) -> Restore {
        Restore { watches, ..self }
    }

    /// The same with [`Restore::give_up_after`] set.
    pub fn give_up_after(self, give_up_after: Option<Duration>) -> Restore {
        Restore { give_up_after, ..self }
    }
}

/// The right to resume a session, taken by `detach`. A secret: who has it can take the session over.
/// Two clients that use it at the same time evict each other.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The session.
    pub session_id: SessionId,
    /// The newest transaction the client has seen; no server behind it will be used.
    pub last_zxid: Zxid,
    pub(crate) password: Password,
}

impl Credentials {
    /// Bytes of [`Credentials::to_bytes`].
    pub const LEN: usize = 33;

    /// The version of the layout below.
    const VERSION: u8 = 1;

    /// Credentials from their parts, for sessions that another client opened.
    pub fn new(session_id: SessionId, password: [u8; 16], last_zxid: Zxid) -> Credentials {
        Credentials { session_id, last_zxid, password: Password(password) }
    }

    /// The session's password.
    pub fn password(&self) -> [u8; 16] {
        self.password.0
    }

    /// A form to keep outside the process; as secret as the credentials themselves.
    pub fn to_bytes(&self) -> [u8; Credentials::LEN] {
        let mut bytes = [0; Credentials::LEN];
        bytes[0] = Self::VERSION;
        bytes[1..9].copy_from_slice(&self.session_id.0.to_be_bytes());
        bytes[9..17].copy_from_slice(&self.last_zxid.0.to_be_bytes());
        bytes[17..].copy_from_slice(&self.password.0);
        bytes
    }

    /// The reverse of [`Credentials::to_bytes`].
    ///
    /// # Errors
    /// [`Error::Invalid`] if the bytes are not from there.
    pub fn from_bytes(bytes: &[u8]) -> Result<Credentials> {
        let bytes: &[u8; Self::LEN] =
            bytes.try_into().map_err(|_| Error::Invalid("a resume token has 33 bytes".into()))?;
        if bytes[0] != Self::VERSION {
            return Err(Error::Invalid("this resume token is of another version".into()));
        }
        let long = |at: usize| {
            i64::from_be_bytes(bytes[at..at + 8].try_into().expect("a slice of eight bytes"))
        };
        let password = bytes[17..].try_into().expect("a slice of sixteen bytes");
        Ok(Credentials::new(SessionId(long(1)), password, Zxid(long(9))))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("session_id", &self.session_id)
            .field("last_zxid", &self.last_zxid)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_survive_their_bytes_and_hide_the_password() {
        let credentials = Credentials::new(SessionId(-5), [9; 16], Zxid(77));
        assert_eq!(Credentials::from_bytes(&credentials.to_bytes()), Ok(credentials.clone()));
        assert!(Credentials::from_bytes(&[0; 33]).is_err());
        assert!(Credentials::from_bytes(&[1; 32]).is_err());
        assert!(!format!("{credentials:?}").contains('9'));
    }
}
