//! Words about sessions and what they keep alive: `dump`.

use std::collections::BTreeMap;

use super::connections::slices;
use super::{Asked, Listing, SLICE};
use crate::base::{Moment, SessionId, limits};
use crate::service::Service;
use crate::service::escape::Escaped;

/// Bytes of paths that are copied under one guard, and one path.
const SLICE_BYTES: usize = 64 << 10;

/// The length of a session's line.
const SESSION_LINE: usize = "\t0x1000023ac560000\n".len();

/// `dump`: when sessions expire, what they keep alive, and which connection speaks for which.
pub(super) fn dump(asked: &Asked<'_>, listing: &mut Listing<'_>) {
    expiries(asked, listing);
    ephemerals(asked.service, listing);
    connections(asked.service, listing);
}

/// The sessions by the moment at which they expire.
fn expiries(asked: &Asked<'_>, listing: &mut Listing<'_>) {
    let mut sets: BTreeMap<Moment, Vec<SessionId>> = BTreeMap::new();
    let mut last = SessionId(i64::MIN);
    let mut count = 0;
    // More than this would not be shown.
    while count < limits::WORD_BYTES / SESSION_LINE {
        let sessions = asked.service.sessions.lock();
        let before = count;
        for (id, lease) in sessions.deadlines.after(last).take(SLICE) {
            last = id;
            count += 1;
            if let Some(deadline) = lease.deadline() {
                sets.entry(deadline).or_default().push(id);
            }
        }
        if count == before {
            break;
        }
    }
    let all = asked.service.sessions.lock().deadlines.len();
    listing.heading(format_args!("SessionTracker dump:\nSession Sets ({})/({all}):", sets.len()));
    let mut shown = 0;
    for (deadline, ids) in &sets {
        let left = deadline.since(asked.now.moment).as_millis();
        listing.line(format_args!("{} expire in {left} ms:", ids.len()));
        for id in ids {
            shown += usize::from(listing.line(format_args!("\t{id}")));
        }
    }
    listing.left_out(all.saturating_sub(shown), "sessions are");
}

/// The ephemerals by their owner, copied some at a time.
fn ephemerals(service: &Service, listing: &mut Listing<'_>) {
    let (owners, all) = {
        let engine = service.engine();
        (engine.ephemerals().owners(), engine.ephemerals().count())
    };
    listing.heading(format_args!("ephemeral nodes dump:\nSessions with Ephemerals ({owners}):"));
    let (mut owner, mut path) = (SessionId(i64::MIN), String::new());
    let mut shown = 0;
    let mut named = None;
    while !listing.is_full() {
        let page: Vec<(SessionId, String)> = {
            let engine = service.engine();
            let mut bytes = 0;
            let rest =
                engine.ephemerals().after(owner, &path).take(SLICE).take_while(|(_, path)| {
                    let is_in_time = bytes < SLICE_BYTES;
                    bytes += path.len();
                    is_in_time
                });
            rest.map(|(owner, path)| (owner, path.to_owned())).collect()
        };
        let Some((last_owner, last_path)) = page.last() else { break };
        (owner, path) = (*last_owner, last_path.clone());
        for (owner, path) in &page {
            if named.replace(*owner) != Some(*owner) {
                listing.line(format_args!("{owner}:"));
            }
            shown += usize::from(listing.line(format_args!("\t{}", Escaped(path))));
        }
    }
    listing.left_out(all.saturating_sub(shown), "ephemerals are");
}

/// The connections, each with the session it speaks for.
fn connections(service: &Service, listing: &mut Listing<'_>) {
    let all = service.peers.read().len();
    listing.heading(format_args!("Connections dump:\nConnections Sets (1)/({all}):"));
    listing.heading(format_args!("{all} connections:"));
    let mut shown = 0;
    for slice in slices(service) {
        for peer in &slice {
            let (address, session) = (peer.address, peer.session());
            let line = format_args!("\tip: /{address} sessionId: {session}");
            shown += usize::from(listing.line(line));
        }
        if listing.is_full() {
            break;
        }
    }
    listing.left_out(all.saturating_sub(shown), "connections are");
}
