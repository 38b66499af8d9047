//! A running server, as its threads see it.

use crate::io::clock::Clock;
use crate::replication::Replicator;
use crate::service::{Now, Proposal, Service};

/// What a server's threads share.
pub(super) struct Running {
    pub(super) service: Service,
    pub(super) replicator: Box<dyn Replicator>,
    pub(super) clock: Clock,
}

impl Running {
    /// Puts a proposal in order, as of `now`.
    pub(super) fn propose(&self, proposal: Proposal, now: Now) {
        self.replicator.propose(&self.service, proposal, now);
    }
}
