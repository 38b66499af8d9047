//! What can go wrong, and what is known about a write that did.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::base::{Code, Zxid};

/// A value, or the [`Error`] that says why there is none.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The client's own number for its sessions: 1, 2, 3 … within one client, never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Epoch(pub u32);

impl Epoch {
    /// The epoch a client starts with.
    pub const FIRST: Epoch = Epoch(1);

    /// The one after it.
    pub fn next(self) -> Epoch {
        Epoch(self.0 + 1)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Why an epoch is over.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum LossReason {
    /// The ensemble says so: it refused the session, or answered with another one.
    ExpiredByServer,
    /// No server could be reached for [`Restore::give_up_after`](super::Restore::give_up_after), or
    /// every one is behind what was seen; see [`Error::EnsembleRegressed`].
    /// The session ends on the server when its timeout has passed.
    GaveUp,
    /// Left alive on purpose: by `detach`, or by a client with a new session for every connection.
    Abandoned,
    /// A server refused an identity.
    AuthFailed,
    /// Another client keeps resuming the same session.
    Stolen,
    /// The program closed it.
    Closed,
}

impl fmt::Display for LossReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LossReason::ExpiredByServer => "expired by the server",
            LossReason::GaveUp => "no fit server could be reached for too long",
            LossReason::Abandoned => "detached",
            LossReason::AuthFailed => "authentication failed",
            LossReason::Stolen => "another client keeps resuming it",
            LossReason::Closed => "closed",
        })
    }
}

/// What is known about a write.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// It is in effect.
    Applied,
    /// It is not in effect and never will be: it did not leave the process, or the server refused
    /// it.
    NotApplied,
    /// It left the process and no answer came. It may be in effect, or still come into effect.
    Unknown,
}

/// Everything an operation can fail with. [`Error::outcome`] answers what became of a write.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server answered with a code.
    #[error("{path}: {code}")]
    Server {
        /// The code, unchanged from the wire.
        code: Code,
        /// The path the request named, as the caller named it; empty if it named none.
        path: Arc<str>,
    },
    /// A multi failed; none of its operations is in effect.
    #[error("multi failed at operation {index}: {code}")]
    Multi {
        /// The operation that failed, counted from 0.
        index: usize,
        /// What it failed with.
        code: Code,
    },
    /// The connection was lost, or there was none and the client is set to fail then.
    #[error("{}, {}", if *.sent { "connection lost" } else { "no connection" }, fate(*.sent))]
    ConnectionLoss {
        /// Whether the request had left the process.
        sent: bool,
        /// The epoch it was sent, or would have been sent, in.
        epoch: Epoch,
    },
    /// No answer came within the operation's timeout.
    #[error("timed out, {}", fate(*.sent))]
    Timeout {
        /// Whether the request had left the process.
        sent: bool,
        /// The epoch in which it timed out.
        epoch: Epoch,
    },
    /// The session the operation belonged to is over.
    #[error("session of epoch {epoch} is over: {reason}")]
    SessionLost {
        /// The epoch that ended.
        epoch: Epoch,
        /// Why it ended.
        reason: LossReason,
        /// Whether the request had left the process.
        sent: bool,
    },
    /// A lock, or what else was claimed for one session, is not held any more, or may not be.
    #[error("{}", if *.certain { "the lock is lost" } else { "the lock may be lost" })]
    LockLost {
        /// The epoch it was held in.
        epoch: Epoch,
        /// False while the session may still live: nothing says that somebody else has it.
        certain: bool,
    },
    /// A server refused an identity. The client is finished: no server is asked again.
    #[error("authentication failed; check scheme and credential")]
    AuthFailed,
    /// Every host of the list failed in turn because one end does not trust the other; with the last
    /// host and its reason. Only of waiting for a connection: the client goes on trying.
    #[error("TLS failed with every server, the last {0}")]
    Tls(Arc<str>),
    /// The watch was removed, by `remove_watches`.
    #[error("the watch was removed")]
    WatchRemoved,
    /// More requests wait in this client than
    /// [`CLIENT_REQUESTS`](crate::base::limits::CLIENT_REQUESTS); wait for some of them.
    #[error("too many requests are waiting in this client")]
    Overloaded,
    /// The client is closed.
    #[error("the client is closed")]
    Closed,
    /// The client was made before a fork and is used in the child, where its threads do not exist.
    #[error("the client was made before a fork; make a new one in the child")]
    Forked,
    /// The server does not have the extension that the operation takes; nothing was sent. Servers
    /// that are not of this project have none.
    #[error("the server does not have the extension '{extension}'")]
    Unsupported {
        /// The name of the operation.
        extension: &'static str,
    },
    /// Every server is behind what this client has seen, and so is the newest transaction of the
    /// ensemble: it has lost data. The client is finished, unless it is told to
    /// [forget](super::WhenRegressed::Forget).
    #[error("the ensemble has lost data: every server is behind zxid {:#x}", .seen.0)]
    EnsembleRegressed {
        /// The newest transaction this client has seen.
        seen: Zxid,
    },
    /// An argument is not valid; nothing was sent.
    #[error("invalid argument: {0}")]
    Invalid(Cow<'static, str>),
}

/// What a program has to know about a request without an answer.
fn fate(sent: bool) -> &'static str {
    if sent { "the outcome is not known" } else { "nothing was sent" }
}

impl Error {
    /// What is known about the write that failed. For a read it says whether the request left the
    /// process, nothing more.
    pub fn outcome(&self) -> Outcome {
        match self {
            Error::Server { code, .. } | Error::Multi { code, .. } => outcome_of(*code),
            Error::ConnectionLoss { sent: true, .. }
            | Error::Timeout { sent: true, .. }
            | Error::SessionLost { sent: true, .. } => Outcome::Unknown,
            _ => Outcome::NotApplied,
        }
    }

    /// The code a server answered with, or would have: [`Code::Unimplemented`] for
    /// [`Error::Unsupported`].
    pub fn code(&self) -> Option<Code> {
        match self {
            Error::Server { code, .. } | Error::Multi { code, .. } => Some(*code),
            Error::Unsupported { .. } => Some(Code::Unimplemented),
            _ => None,
        }
    }

    /// The epoch this error belongs to, if it belongs to one.
    pub fn epoch(&self) -> Option<Epoch> {
        match self {
            Error::ConnectionLoss { epoch, .. }
            | Error::Timeout { epoch, .. }
            | Error::SessionLost { epoch, .. }
            | Error::LockLost { epoch, .. } => Some(*epoch),
            _ => None,
        }
    }

    /// Whether the server said that the znode does not exist.
    pub fn is_no_node(&self) -> bool {
        self.code() == Some(Code::NoNode)
    }

    /// Whether the same request may be submitted again without applying it twice, and has a chance:
    /// it was not applied, and for a reason that passes.
    pub fn is_retryable(&self) -> bool {
        match self {
            Error::ConnectionLoss { sent, .. } | Error::Timeout { sent, .. } => !sent,
            Error::Overloaded => true,
            Error::Server { code, .. } => *code == Code::ThrottledOp,
            _ => false,
        }
    }
}

/// Codes that speak of the server's own trouble leave open what became of the write.
fn outcome_of(code: Code) -> Outcome {
    match code {
        Code::SystemError
        | Code::DataInconsistency
        | Code::ConnectionLoss
        | Code::OperationTimeout
        | Code::RequestTimeout => Outcome::Unknown,
        // What is wrong with the operation itself stands below -100.
        Code::Other(number) if number > -100 => Outcome::Unknown,
        _ => Outcome::NotApplied,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_an_outcome() {
        let epoch = Epoch(3);
        let lost = |sent| Error::SessionLost { epoch, reason: LossReason::GaveUp, sent };
        assert_eq!(lost(true).outcome(), Outcome::Unknown);
        assert_eq!(lost(false).outcome(), Outcome::NotApplied);
        assert_eq!(Error::Timeout { sent: true, epoch }.outcome(), Outcome::Unknown);
        assert!(Error::ConnectionLoss { sent: false, epoch }.is_retryable());
        assert!(!Error::ConnectionLoss { sent: true, epoch }.is_retryable());
        assert_eq!(
            Error::Multi { index: 1, code: Code::BadVersion }.outcome(),
            Outcome::NotApplied
        );
        let answered = |code| Error::Server { code, path: "".into() }.outcome();
        assert_eq!(answered(Code::Other(-128)), Outcome::NotApplied);
        assert_eq!(answered(Code::Other(-17)), Outcome::Unknown, "the server's own trouble");
        assert_eq!(lost(true).epoch(), Some(epoch));
    }

    #[test]
    fn a_request_without_an_answer_says_whether_it_was_sent() {
        let epoch = Epoch(3);
        let text = |error: Error| error.to_string();
        let lost = |sent| text(Error::ConnectionLoss { sent, epoch });
        let late = |sent| text(Error::Timeout { sent, epoch });
        assert_eq!(lost(true), "connection lost, the outcome is not known");
        assert_eq!(lost(false), "no connection, nothing was sent");
        assert_eq!(late(true), "timed out, the outcome is not known");
        assert_eq!(late(false), "timed out, nothing was sent");
    }
}
