//! Words about the connections of the server: `stat`, `cons`, `crst`.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::server::{VERSION, summary};
use super::{Asked, Listing, SLICE};
use crate::base::ConnectionId;
use crate::service::{Peer, Service};

/// `stat`: every connection, then what `srvr` says.
pub(super) fn stat(asked: &Asked<'_>, listing: &mut Listing<'_>) {
    listing.heading(format_args!("Zookeeper version: {VERSION}\nClients:"));
    list(asked, listing, |_| String::new());
    listing.gap();
    summary(asked.service, listing.text());
}

/// `cons`: every connection, with its session if it has one.
pub(super) fn cons(asked: &Asked<'_>, listing: &mut Listing<'_>) {
    list(asked, listing, session_details);
    listing.gap();
}

/// `crst`: every connection counts its traffic from now on.
pub(super) fn crst(asked: &Asked<'_>, out: &mut String) {
    for peers in slices(asked.service) {
        peers.iter().for_each(|peer| peer.traffic.reset());
    }
    out.push_str("Connection stats reset.\n");
}

/// Every connection, some at a time, so that none has to wait for the writing of a long list.
pub(super) fn slices(service: &Service) -> impl Iterator<Item = Vec<Arc<Peer>>> {
    let mut last = ConnectionId(0);
    std::iter::from_fn(move || {
        let slice: Vec<_> = service.peers.read().after(last).take(SLICE).cloned().collect();
        last = slice.last()?.id;
        Some(slice)
    })
}

/// A line for each connection.
fn list(asked: &Asked<'_>, listing: &mut Listing<'_>, details: fn(&Peer) -> String) {
    let mut shown = 0;
    for slice in slices(asked.service) {
        for peer in &slice {
            let line = connection(peer, asked.asker);
            shown += usize::from(listing.line(format_args!("{line}{})", details(peer))));
        }
        if listing.is_full() {
            break;
        }
    }
    let all = asked.service.peers.read().len();
    listing.left_out(all.saturating_sub(shown), "connections are");
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
    let traffic = &peer.traffic;
    let last = traffic.last();
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
    let zxid = traffic.last_zxid().map_or(-1, |zxid| zxid.0);
    let response = traffic.last_response.load(Ordering::Relaxed) / 1_000;
    let (min, mean, max) = traffic.latency.millis();
    let _ = write!(
        out,
        ",lzxid={zxid:#x},lresp={response},llat={},minlat={min},avglat={},maxlat={max}",
        traffic.latency.last_millis(),
        mean as u64
    );
    out
}
