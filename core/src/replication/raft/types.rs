//! What the consensus library is told about our types, and what its ids are in ours.
//!
//! One leader per term: a term is therefore all that an entry has to name besides its number, and
//! the epoch of a zxid can be a term. The library counts entries from 0, our logs from 1, because
//! theirs has a separate value for "before the first" and ours calls it 0.

use std::fmt;

use bytes::Bytes;
use openraft::impls::leader_id_std::LeaderId;
use openraft::raft::responder::Responder;
use openraft::vote::RaftLeaderId;
use openraft::{BasicNode, EntryPayload, RaftTypeConfig};

use crate::log::LogId;

/// The choice of types.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Types;

type Committed = <LeaderId<u64, u64> as RaftLeaderId>::Committed;

impl RaftTypeConfig for Types {
    type D = Body;
    type R = ();
    type NodeId = u64;
    type Node = BasicNode;
    type Term = u64;
    type LeaderId = LeaderId<u64, u64>;
    type Vote = openraft::Vote<LeaderId<u64, u64>>;
    type Payload = EntryPayload<Body, u64, BasicNode>;
    type Entry = openraft::Entry<Committed, Self::Payload>;
    type AsyncRuntime = openraft_rt_tokio::TokioRuntime;
    type Responder<T: Send + 'static> = Verdict<T>;
    type Batch<T: Send + 'static> = openraft::impls::InlineBatch<T>;
    type ErrorSource = openraft::impls::BoxedErrorSource;
}

pub(super) type RaftLogId = openraft::LogId<Committed>;
pub(super) type RaftEntry = openraft::type_config::alias::EntryOf<Types>;
pub(super) type RaftVote = openraft::type_config::alias::VoteOf<Types>;
pub(super) type Membership = openraft::Membership<u64, BasicNode>;
pub(super) type StoredMembership = openraft::type_config::alias::StoredMembershipOf<Types>;
pub(super) type Snapshot =
    openraft::type_config::alias::SnapshotOf<Types, std::sync::Arc<super::snapshot::Store>>;
pub(super) type SnapshotMeta = openraft::type_config::alias::SnapshotMetaOf<Types>;

/// The bytes of an entry that holds transactions.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Body(pub(super) Bytes);

impl fmt::Debug for Body {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} bytes", self.0.len())
    }
}

impl fmt::Display for Body {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, out)
    }
}

/// Hears what became of an entry that this member proposed.
pub(super) struct Verdict<T>(pub(super) Box<dyn FnOnce(T) + Send>);

impl<T: Send + 'static> Responder<Types, T> for Verdict<T> {
    fn on_complete(self, result: T) {
        (self.0)(result);
    }
}

/// The library's id of an entry, in ours.
pub(super) fn ours(id: RaftLogId) -> LogId {
    LogId { term: id.leader_id.term, index: id.index + 1 }
}

/// The other way round; `None` stands before the first entry.
pub(super) fn theirs(id: LogId) -> Option<RaftLogId> {
    let index = id.index.checked_sub(1)?;
    Some(RaftLogId { leader_id: Committed::new(id.term), index })
}
