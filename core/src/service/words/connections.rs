//! Words about the connections of the server: `stat`, `cons`.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Now;
use super::server::{VERSION, summary};
use crate::service::{Peer, Service};

/// `stat`: every connection, then what `srvr` says.
pub(super) fn stat(service: &Service, asker: &Peer, _: Now, out: &mut String) {
    let _ = writeln!(out, "Zookeeper version: {VERSION}\nClients:");
    for peer in &all(service) {
        out.push_str(&connection(peer, asker));
        out.push_str(")\n");
    }
    out.push('\n');
    summary(service, out);
}

/// `cons`: every connection, with its session if it has one.
pub(super) fn cons(service: &Service, asker: &Peer, _: Now, out: &mut String) {
    for peer in &all(service) {
        out.push_str(&connection(peer, asker));
        out.push_str(&session_details(peer));
        out.push_str(")\n");
    }
    out.push('\n');
}

/// Every connection, so that none has to wait for the writing of a long list.
pub(super) fn all(service: &Service) -> Vec<Arc<Peer>> {
    service.peers.read().iter().cloned().collect()
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
