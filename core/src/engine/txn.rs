//! Transactions: what is put in order, and all that `apply` may know besides the state.

use std::sync::Arc;

use crate::base::{Identity, Millis, Password, SessionId, WallMillis};
use crate::session::Cause;
use crate::wire;

/// One entry of the total order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Txn {
    /// The wall clock of whoever ordered it. It may go backwards from one transaction to the next.
    pub at: WallMillis,
    /// Who asks; [`SessionId::NONE`] for what the server does of its own accord.
    pub session: SessionId,
    /// What the asking connection had proven when the request came in.
    pub identities: Arc<[Identity]>,
    /// What to do.
    pub change: Change,
}

/// What a transaction does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Registers a session.
    CreateSession {
        /// Its id, chosen by whoever orders transactions.
        id: SessionId,
        /// The timeout granted.
        timeout: Millis,
        /// What a re-attach has to present.
        password: Password,
    },
    /// Ends a session and deletes what it kept alive.
    EndSession {
        /// Which.
        id: SessionId,
        /// Why. What is kept of it says so.
        cause: Cause,
    },
    /// A write that a client asked for. Reads, and whatever else is not a write, are refused.
    Request(wire::Request),
    /// Deletes a container or TTL znode that came due, if it still is.
    Reap {
        /// Where it is.
        path: String,
    },
}

impl Change {
    /// Whether it is carried out even where there is hardly any room left: it takes things away, or
    /// brings somebody who can.
    pub fn is_for_reserve(&self) -> bool {
        match self {
            Change::CreateSession { .. } | Change::EndSession { .. } | Change::Reap { .. } => true,
            Change::Request(request) => Change::makes_room(request),
        }
    }

    /// Whether a write only takes things away.
    pub fn makes_room(request: &wire::Request) -> bool {
        use wire::{MultiOp, Request};
        let takes = |op: &MultiOp| {
            matches!(
                op,
                MultiOp::Delete { .. } | MultiOp::Check { .. } | MultiOp::CheckSession { .. }
            )
        };
        match request.unnumbered() {
            Request::Delete { .. } | Request::Fence { .. } => true,
            Request::Multi(ops) => ops.iter().all(takes),
            _ => false,
        }
    }
}
