//! Words about the server as a whole: `ruok`, `isro`, `srvr`, `srst`, `hash`.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use super::{Asked, decimal};
use crate::service::Service;

/// What the version line says. Tools look for the number; `tenure` says whose it is.
pub(super) const VERSION: &str =
    concat!("3.9.0-tenure-", env!("CARGO_PKG_VERSION"), ", built on 1970-01-01 00:00 UTC");

/// `ruok`: it answers, so it lives.
pub(super) fn ruok(_: &Asked<'_>, out: &mut String) {
    out.push_str("imok");
}

/// `isro`: whether it takes writes.
pub(super) fn isro(asked: &Asked<'_>, out: &mut String) {
    out.push_str(if asked.service.faults.is_read_only() { "ro" } else { "rw" });
}

/// `srvr`.
pub(super) fn srvr(asked: &Asked<'_>, out: &mut String) {
    let _ = writeln!(out, "Zookeeper version: {VERSION}");
    summary(asked.service, out);
}

/// `srst`: counts traffic and latencies from now on.
pub(super) fn srst(asked: &Asked<'_>, out: &mut String) {
    asked.service.stats.reset();
    out.push_str("Server stats reset.\n");
}

/// `hash`: the digests of the tree as of some transactions, the oldest first.
pub(super) fn hash(asked: &Asked<'_>, out: &mut String) {
    for (zxid, digest) in asked.service.engine().digests() {
        let _ = writeln!(out, "{:x}: {digest}", zxid.0);
    }
}

/// What `srvr` and `stat` have in common.
pub(super) fn summary(service: &Service, out: &mut String) {
    let (min, mean, max) = service.stats.latency();
    let (zxid, nodes) = {
        let engine = service.engine();
        (engine.last_zxid(), engine.node_count())
    };
    let _ = write!(
        out,
        "Latency min/avg/max: {min}/{}/{max}\nReceived: {}\nSent: {}\nConnections: {}\n\
         Outstanding: {}\nZxid: {zxid}\nMode: standalone\nNode count: {nodes}\n",
        decimal(mean),
        service.stats.received.load(Ordering::Relaxed),
        service.stats.sent.load(Ordering::Relaxed),
        service.peers.read().len(),
        service.stats.unanswered(),
    );
}
