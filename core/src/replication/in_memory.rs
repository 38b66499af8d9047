//! One server alone that keeps nothing: the order is the order of the calls, and a transaction counts
//! as soon as it is applied.

use super::Replicator;
use crate::service::{Now, Proposal, Service};

/// Applies each proposal in the caller's thread, before it returns.
#[derive(Clone, Copy, Debug, Default)]
pub struct InMemory;

impl Replicator for InMemory {
    fn propose(&self, service: &Service, proposal: Proposal, now: Now) {
        let mut engine = service.engine_mut();
        if proposal.is_void() {
            service.forget(&engine, &proposal, now);
            return;
        }
        let effects = engine.apply(&proposal.txn);
        service.deliver(&engine, &proposal, &effects, now);
    }

    fn settle(&self) {}
}
