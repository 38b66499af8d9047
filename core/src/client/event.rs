//! What a client tells its program unasked: how the session is, and what happened to znodes.

use std::sync::Arc;

use super::error::{Epoch, LossReason};
use crate::base::{EventKind, SessionId, Zxid};

/// How the session of an epoch is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum State {
    /// No session yet in this epoch.
    Connecting,
    /// Connected, every identity proven, watches in place.
    Connected,
    /// Connected to a server that only reads. It cannot keep the session alive, nor tell whether it
    /// still is: ephemerals are certain for no longer than
    /// [`Session::safe_for`](crate::Session::safe_for) says.
    ReadOnly,
    /// No connection. The session cannot have expired yet.
    Suspended,
    /// No connection, and the session may have expired: act as if its ephemerals were gone, but do
    /// not assume it. May go back to [`State::Connected`] in the same epoch.
    Jeopardy,
    /// The epoch is over.
    Lost(LossReason),
}

/// A change of [`State`].
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SessionEvent {
    /// The new state.
    pub state: State,
    /// Whose state it is. A new epoch starts only after [`State::Lost`] of the one before.
    pub epoch: Epoch,
    /// The session, [`SessionId::NONE`] while there is none in this epoch.
    pub session_id: SessionId,
    /// The server the client is connected to, as `address:port`.
    pub server: Option<Arc<str>>,
    /// On the first [`State::Connected`] or [`State::ReadOnly`] of an epoch after the first: what
    /// came back and what did not.
    pub restored: Option<Arc<RestoreReport>>,
    /// Whether this is the first [`State::Connected`] or [`State::ReadOnly`] of its epoch.
    pub is_new_session: bool,
}

impl SessionEvent {
    /// Whether a slow reader gets this event in any case: the end of an epoch, and the first time it
    /// is connected.
    pub fn is_kept(&self) -> bool {
        self.is_new_session || matches!(self.state, State::Lost(_))
    }
}

/// What a new epoch brought back of the one before.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct RestoreReport {
    /// Registrations that are there again. Paths on the server, without any chroot taken off, as are
    /// all of this report.
    pub registrations: Vec<String>,
    /// Registrations that are not: somebody else has the name, or the server refuses them.
    pub conflicts: Vec<String>,
    /// Watch streams that go on.
    pub watches: usize,
    /// One-shot watches that ended.
    pub dropped_oneshot: usize,
    /// Locks and other claims that stood on the epoch before; by the znodes they stood on.
    pub lost_locks: Vec<String>,
    /// Other ephemerals this client created in the epoch before and did not delete; they are gone.
    pub lost_ephemerals: Vec<String>,
}

/// What happened to a znode.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Change {
    /// It was created.
    Created,
    /// It was deleted.
    Deleted,
    /// Its data were set.
    Data,
    /// A direct child was created or deleted.
    Children,
}

impl From<EventKind> for Change {
    fn from(kind: EventKind) -> Change {
        match kind {
            EventKind::Created => Change::Created,
            EventKind::Deleted => Change::Deleted,
            EventKind::DataChanged => Change::Data,
            EventKind::ChildrenChanged => Change::Children,
        }
    }
}

/// Why events may be missing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ResyncReason {
    /// The connection was lost and the session resumed; the server replays nothing.
    Reconnected,
    /// A new session took over.
    NewSession,
    /// The reader was slower than its buffer is long.
    Overflow,
}

/// What a watch says.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum WatchItem {
    /// A znode changed.
    Changed {
        /// How.
        change: Change,
        /// Which, as the watcher names it: its chroot is taken off.
        path: String,
        /// The transaction, if the server says so; servers before ZooKeeper 3.9 do not.
        zxid: Option<Zxid>,
    },
    /// Events may be missing before this point: read again what you keep. A read submitted after
    /// this item was received misses nothing, for the watch is in place again before it.
    Resync {
        /// Why.
        reason: ResyncReason,
        /// The epoch that goes on from here.
        epoch: Epoch,
    },
}
