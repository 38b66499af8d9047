//! Words about what is watched: `wchs`. Child watches are left out, as in ZooKeeper.

use std::fmt::Write;

use super::Now;
use crate::service::{Peer, Service};

/// `wchs`: how much is watched.
pub(super) fn wchs(service: &Service, _: &Peer, _: Now, out: &mut String) {
    let counts = service.watches.lock().counts();
    let _ = write!(
        out,
        "{} connections watching {} paths\nTotal watches:{}\n\n",
        counts.connections, counts.paths, counts.total
    );
}
