//! A running server, as its threads see it.

use std::sync::Arc;

use super::entrance::Entrance;
use crate::io::clock::Clock;
use crate::replication::Replicator;
use crate::service::{Now, Peer, Proposal, Service};

/// What a server's threads share.
pub(super) struct Running {
    pub(super) service: Arc<Service>,
    pub(super) replicator: Arc<dyn Replicator>,
    pub(super) clock: Clock,
    pub(super) entrance: Entrance,
}

impl Running {
    /// Puts a proposal in order, as of `now`.
    pub(super) fn propose(&self, proposal: Proposal, now: Now) {
        self.replicator.propose(&self.service, proposal, now);
    }

    /// Counts a connection that came to nothing between plain and TLS, and speaks of it now and then.
    pub(super) fn tls_failed(&self, reason: &str) {
        if let Some(count) = self.service.stats.tls.fail(self.clock.moment()) {
            tracing::warn!("TLS connections that came to nothing: {count}, the last: {reason}");
        }
    }

    /// Whether a test wants this connection to be silent. Nothing keeps a server from stopping.
    pub(super) fn is_silent(&self, peer: &Peer) -> bool {
        !self.entrance.is_closed() && self.service.is_silent(peer)
    }

    /// Returns when the turn of everything that was proposed before has come.
    pub(super) fn settle(&self) {
        self.replicator.settle();
    }
}
