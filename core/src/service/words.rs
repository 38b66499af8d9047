//! Four-letter words: what an operator asks with netcat.
//!
//! The shapes are ZooKeeper's, because tools parse them. A word stands at the very start of a
//! connection, where the length of a handshake would be; no length is that large.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::peer::Peer;
use super::{Now, Service};
use crate::base::{Moment, SessionId, Zxid};

/// What the version line says. Tools look for the number; `tenure` says whose it is.
const VERSION: &str =
    concat!("3.9.0-tenure-", env!("CARGO_PKG_VERSION"), ", built on 1970-01-01 00:00 UTC");

/// The answer to a word; `None` if it is not one.
pub(super) fn answer(service: &Service, asker: &Peer, word: [u8; 4], now: Now) -> Option<String> {
    let mut out = String::new();
    match &word {
        b"ruok" => out.push_str("imok"),
        b"isro" => out.push_str("rw"),
        b"srvr" => {
            let _ = writeln!(out, "Zookeeper version: {VERSION}");
            summary(service, &mut out);
        }
        b"stat" => {
            let _ = writeln!(out, "Zookeeper version: {VERSION}\nClients:");
            for peer in &all(service) {
                out.push_str(&connection(peer, asker));
                out.push_str(")\n");
            }
            out.push('\n');
            summary(service, &mut out);
        }
        b"cons" => {
            for peer in &all(service) {
                out.push_str(&connection(peer, asker));
                out.push_str(&session_details(peer));
                out.push_str(")\n");
            }
            out.push('\n');
        }
        b"mntr" => metrics(service, &mut out, now),
        b"conf" => configuration(service, &mut out),
        b"dump" => dump(service, &mut out, now),
        b"wchs" => {
            let counts = service.watches.lock().counts();
            let _ = write!(
                out,
                "{} connections watching {} paths\nTotal watches:{}\n\n",
                counts.connections, counts.paths, counts.total
            );
        }
        _ => return None,
    }
    Some(out)
}

/// Every connection, so that none has to wait for the writing of a long list.
fn all(service: &Service) -> Vec<Arc<Peer>> {
    service.peers.read().iter().cloned().collect()
}

fn summary(service: &Service, out: &mut String) {
    let (min, mean, max) = service.stats.latency();
    let engine = service.engine();
    let _ = write!(
        out,
        "Latency min/avg/max: {min}/{}/{max}\nReceived: {}\nSent: {}\nConnections: {}\n\
         Outstanding: {}\nZxid: {}\nMode: standalone\nNode count: {}\n",
        decimal(mean),
        service.stats.received.load(Ordering::Relaxed),
        service.stats.sent.load(Ordering::Relaxed),
        service.peers.read().len(),
        service.stats.unanswered(),
        engine.last_zxid(),
        engine.node_count(),
    );
}

/// The start of a connection's line; the bracket is left open for what the caller adds.
fn connection(peer: &Peer, asker: &Peer) -> String {
    let interest = u8::from(peer.id != asker.id);
    format!(
        " /{}[{interest}](queued={},recved={},sent={}",
        peer.address,
        peer.outbox.lock().frames,
        peer.traffic.received.load(Ordering::Relaxed),
        peer.traffic.sent.load(Ordering::Relaxed),
    )
}

fn session_details(peer: &Peer) -> String {
    let Some(held) = peer.lease() else { return String::new() };
    let last = peer.traffic.last();
    let mut out = format!(
        ",sid={},lop={},est={},to={}",
        held.session,
        last.map_or("NA", |(op, _)| op.label()),
        peer.established.0,
        held.lease.timeout().0
    );
    if let Some((_, xid)) = last.filter(|(_, xid)| *xid >= 0) {
        let _ = write!(out, ",lcxid={xid:#x}");
    }
    let zxid = peer.traffic.last_zxid().map_or(-1, |zxid| zxid.0);
    let response = peer.traffic.last_response.load(Ordering::Relaxed) / 1_000;
    let _ = write!(out, ",lzxid={zxid:#x},lresp={response},llat=0,minlat=0,avglat=0,maxlat=0");
    out
}

fn metrics(service: &Service, out: &mut String, now: Now) {
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        let _ = writeln!(out, "zk_{name}\t{value}");
    };
    let stats = &service.stats;
    let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let (min, mean, max) = stats.latency();
    line("version", &VERSION);
    line("server_state", &"standalone");
    line("avg_latency", &decimal(mean));
    line("max_latency", &max);
    line("min_latency", &min);
    line("packets_received", &load(&stats.received));
    line("packets_sent", &load(&stats.sent));
    line("num_alive_connections", &service.peers.read().len());
    line("outstanding_requests", &stats.unanswered());
    line("uptime", &now.moment.since(service.started.moment).as_millis());
    let watches = service.watches.lock().counts().total;
    line("watch_count", &watches);
    let engine = service.engine();
    line("znode_count", &engine.node_count());
    line("ephemerals_count", &engine.ephemerals().count());
    line("approximate_data_size", &engine.approximate_data_size());
    line("global_sessions", &engine.registry().len());
    drop(engine);
    line("stale_sessions_expired", &load(&stats.expired));
    line("connection_rejected", &load(&stats.refused));
    let (_, late_mean, late_max) = stats.lateness();
    line("session_expiry_lateness_avg", &decimal(late_mean));
    line("session_expiry_lateness_max", &late_max);
    line("connections_cut_unread", &load(&stats.overflowed));
    if let Some(disk) = stats.disk.get() {
        for (name, spread) in [("fsynctime", &disk.syncs), ("snapshottime", &disk.snapshots)] {
            let (min, mean, max) = spread.millis();
            line(&format!("avg_{name}"), &decimal(mean));
            line(&format!("min_{name}"), &min);
            line(&format!("max_{name}"), &max);
            line(&format!("cnt_{name}"), &spread.count());
        }
        line("snapshot_failures", &load(&disk.snapshot_failures));
        line("snapshot_zxid", &Zxid(disk.snapshot_zxid.load(Ordering::Relaxed)));
        line("log_txns", &load(&disk.txns));
        line("log_bytes", &load(&disk.bytes));
        line("disk_full", &u8::from(disk.is_full.load(Ordering::Relaxed)));
    }
}

fn configuration(service: &Service, out: &mut String) {
    let options = &service.options;
    let _ = write!(
        out,
        "clientPort={}\nsecureClientPort=-1\ndataDir=\ndataDirSize=0\ndataLogDir=\ndataLogSize=0\n\
         tickTime={}\nmaxClientCnxns={}\nminSessionTimeout={}\nmaxSessionTimeout={}\n\
         clientPortListenBacklog=-1\nserverId={}\n",
        service.listening_on().map_or(0, |address| address.port()),
        options.tick.0,
        options.connections_per_address,
        options.bounds.min().0,
        options.bounds.max().0,
        // ZooKeeper's standalone server calls itself 0 here, whatever its sessions say.
        0,
    );
}

fn dump(service: &Service, out: &mut String, now: Now) {
    let mut sets: std::collections::BTreeMap<Moment, Vec<SessionId>> = Default::default();
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

/// A number with up to four decimals and at least one, as ZooKeeper prints means.
fn decimal(value: f64) -> String {
    let text = format!("{value:.4}");
    let short = text.trim_end_matches('0');
    if short.ends_with('.') { format!("{short}0") } else { short.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_have_one_to_four_decimals() {
        assert_eq!(decimal(0.0), "0.0");
        assert_eq!(decimal(2.8119), "2.8119");
        assert_eq!(decimal(2.5), "2.5");
    }
}
