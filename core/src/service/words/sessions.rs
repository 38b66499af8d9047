//! Words about sessions and what they keep alive: `dump`.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::Now;
use super::connections::all;
use crate::base::{Moment, SessionId};
use crate::service::{Peer, Service};

/// `dump`: when sessions expire, what they keep alive, and which connection speaks for which.
pub(super) fn dump(service: &Service, _: &Peer, now: Now, out: &mut String) {
    let mut sets: BTreeMap<Moment, Vec<SessionId>> = BTreeMap::new();
    for (id, lease) in service.sessions.lock().deadlines.iter() {
        if let Some(deadline) = lease.deadline() {
            sets.entry(deadline).or_default().push(id);
        }
    }
    let count: usize = sets.values().map(Vec::len).sum();
    let _ = write!(out, "SessionTracker dump:\nSession Sets ({})/({count}):\n", sets.len());
    for (deadline, ids) in &sets {
        let left = deadline.since(now.moment).as_millis();
        let _ = writeln!(out, "{} expire in {left} ms:", ids.len());
        for id in ids {
            let _ = writeln!(out, "\t{id}");
        }
    }
    let engine = service.engine();
    let owners = engine.ephemerals().iter().count();
    let _ = write!(out, "ephemeral nodes dump:\nSessions with Ephemerals ({owners}):\n");
    for (owner, paths) in engine.ephemerals().iter() {
        let _ = writeln!(out, "{owner}:");
        for path in paths {
            let _ = writeln!(out, "\t{path}");
        }
    }
    drop(engine);
    let peers = all(service);
    let _ = write!(out, "Connections dump:\nConnections Sets (1)/({}):\n", peers.len());
    let _ = writeln!(out, "{} connections:", peers.len());
    for peer in &peers {
        let _ = writeln!(out, "\tip: /{} sessionId: {}", peer.address, peer.session());
    }
}
