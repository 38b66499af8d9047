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
    /// They fail with [`Error::ConnectionLoss`]: those that were sent as well, also where a server would
    /// answer them once more. Whoever chooses this wants to hear of a loss at once.
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
    /// A new session starts whenever a connection is lost: connected means that the session is this
    /// connection's. Every ephemeral of the client flaps with every cut, and each cut costs the
    /// ensemble one or two writes. See [`Recovery::fresh`] for the usual values.
    Fresh {
        /// Whether the session of before is ended on the server before the next one starts. Then every
        /// write of the old epoch is decided, and its ephemerals are gone, before the new one is
        /// connected. Otherwise the old session lives until its timeout has passed, writes that were
        /// on their way may still be applied, and registrations wait until their ghosts are gone.
        close_old: bool,
        /// What the new session brings back.
        restore: Restore,
        /// New sessions start at most once in this time, give or take a half at random: the clients of
        /// a server that restarts must not come back all at once. After a failed attempt the wait grows
        /// to 30 s.
        min_interval: Duration,
    },
}

impl Recovery {
    /// [`Recovery::Fresh`] with the old session ended first, everything restored, and at most one new
    /// session a second.
    pub fn fresh() -> Recovery {
        Recovery::Fresh {
            close_old: true,
            restore: Restore::default(),
            min_interval: Duration::from_secs(1),
        }
    }

    /// The longest wait before an attempt: with a session at stake the one that was set.
    pub(super) fn patience(&self, set: Duration) -> Duration {
        match self {
            Recovery::Fresh { .. } => FRESH_PATIENCE,
            _ => set,
        }
    }
}

/// The longest wait between attempts when there is no session to save.
const FRESH_PATIENCE: Duration = Duration::from_secs(30);

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
    /// Whether registrations are created again in the new session; otherwise they end with it. True
    /// unless set.
    pub registrations: bool,
    /// How long no server may be reachable before the client is finished with
    /// [`LossReason::GaveUp`](super::LossReason::GaveUp); `None`, the default, tries for ever.
    pub give_up_after: Option<Duration>,
}

impl Default for Restore {
    fn default() -> Restore {
        Restore { watches: true, registrations: true, give_up_after: None }
    }
}

impl Restore {
    /// The same with [`Restore::watches`] set.
    pub fn watches(self, watches: bool) -> Restore {
        Restore { watches, ..self }
    }

    /// The same with [`Restore::registrations`] set.
    pub fn registrations(self, registrations: bool) -> Restore {
        Restore { registrations, ..self }
    }

    /// The same with [`Restore::give_up_after`] set.
    pub fn give_up_after(self, give_up_after: Option<Duration>) -> Restore {
        Restore { give_up_after, ..self }
    }
}

/// What to do when the whole ensemble is behind what the client has seen, as after it was restored
/// from an older copy.
///
/// A server that is behind hangs up on a client that has seen more. But so does one that cannot serve
/// yet. If every host of the list hung up so in turn, each is asked for a session by somebody who has
/// seen nothing, and the session is closed again: the transaction of that close is the ensemble's
/// newest, and says which it is. Only if it is older than what was seen with each of them the data are
/// gone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum WhenRegressed {
    /// The client is finished with [`Error::EnsembleRegressed`]: what it has read is not so any more,
    /// and somebody should know.
    #[default]
    Stop,
    /// It forgets what it has seen and goes on. Its reads go back in time, zxids repeat, and fencing
    /// tokens of before may be higher than those to come.
    Forget,
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
    /// Whether a server of this project granted it: it is greeted with a hello when the session is
    /// resumed, which nobody else is sent in that place.
    pub(crate) is_welcomed: bool,
}

impl Credentials {
    /// Bytes of [`Credentials::to_bytes`].
    pub const LEN: usize = 33;

    /// The version of the layout below, for a session of any server.
    const VERSION: u8 = 1;

    /// The same layout, for a session that a server of this project granted.
    const WELCOMED: u8 = 2;

    /// Credentials from their parts, for sessions that another client opened. Nothing is known of the
    /// server then: it is spoken to as any server of the protocol.
    pub fn new(session_id: SessionId, password: [u8; 16], last_zxid: Zxid) -> Credentials {
        Credentials { session_id, last_zxid, password: Password(password), is_welcomed: false }
    }

    /// Whether a tenure server granted the session, as these say. Then a client that resumes it says so to
    /// the server, and has what such servers can do beyond the protocol.
    pub fn is_welcomed(&self) -> bool {
        self.is_welcomed
    }

    /// The same with [`Credentials::is_welcomed`] set.
    pub fn welcomed(self, is_welcomed: bool) -> Credentials {
        Credentials { is_welcomed, ..self }
    }

    /// The session's password.
    pub fn password(&self) -> [u8; 16] {
        self.password.0
    }

    /// A form to keep outside the process; as secret as the credentials themselves.
    pub fn to_bytes(&self) -> [u8; Credentials::LEN] {
        let mut bytes = [0; Credentials::LEN];
        bytes[0] = if self.is_welcomed { Self::WELCOMED } else { Self::VERSION };
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
        if !matches!(bytes[0], Self::VERSION | Self::WELCOMED) {
            return Err(Error::Invalid("this resume token is of another version".into()));
        }
        let long = |at: usize| {
            i64::from_be_bytes(bytes[at..at + 8].try_into().expect("a slice of eight bytes"))
        };
        let password = bytes[17..].try_into().expect("a slice of sixteen bytes");
        let credentials = Credentials::new(SessionId(long(1)), password, Zxid(long(9)));
        Ok(Credentials { is_welcomed: bytes[0] == Self::WELCOMED, ..credentials })
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
        let welcomed = Credentials { is_welcomed: true, ..credentials };
        assert_eq!(Credentials::from_bytes(&welcomed.to_bytes()), Ok(welcomed));
        assert!(Credentials::from_bytes(&[3; 33]).is_err());
    }
}
