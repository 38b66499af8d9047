//! Floor 5: who puts transactions in order, and when they count.
//!
//! A [`Replicator`] takes proposals, orders them, has the engine apply each exactly once in that
//! order, and hands the effects to the service under the same guard. In memory, alone on a disk and in
//! an ensemble differ in nothing else.

pub mod in_memory;
mod queue;
#[cfg(feature = "ensemble")]
pub mod raft;
pub mod recover;
pub mod snapshots;
pub mod solo;
mod space;

use crate::base::SessionId;
use crate::service::{Now, Proposal, Service};

pub use in_memory::InMemory;
pub use recover::{RecoverError, Recovered, recover};
pub use snapshots::{Policy, Snapshots};
pub use solo::Solo;

/// Puts proposals in order.
///
/// What always holds:
///
/// * R1 proposals of one session are applied in the order of the calls;
/// * R2 nothing is delivered before it is as durable as this replicator promises;
/// * R3 effects are delivered in zxid order, each once;
/// * R4 every proposal is delivered, refused or forgotten, those of one session in the order of the
///   calls, unless the replicator fails: then nothing is, ever again;
/// * R5 the end of a session, and what a client that has come back waits for, stand behind nothing of
///   other sessions but what is on its way already.
pub trait Replicator: Send + Sync {
    /// Takes a proposal. Its answer goes to its origin's outbox; `propose` does not wait for it. One
    /// that is [void](Proposal::is_void) when its turn comes is forgotten.
    fn propose(&self, service: &Service, proposal: Proposal, now: Now);

    /// A client that has come back waits for what was proposed for its session: it goes before what others
    /// have sent.
    fn hasten(&self, _: SessionId) {}

    /// Returns when the turn of everything that was proposed before has come, or never will.
    fn settle(&self);
}

#[cfg(test)]
mod tests;
