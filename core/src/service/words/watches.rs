//! Words about what is watched: `wchs`, `wchc`, `wchp`. Child watches are left out, as in ZooKeeper.
//!
//! The table is walked connection by connection and some paths at a time. Watches come and go
//! meanwhile, so a long answer is not the state of one moment.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use super::connections::slices;
use super::{Asked, Listing, SLICE};
use crate::base::SessionId;
use crate::service::escape::Escaped;
use crate::service::{Peer, Service};

/// The length of a session's line.
const SESSION_LINE: usize = "\t0x1000023ac560000\n".len();

/// `wchs`: how much is watched.
pub(super) fn wchs(asked: &Asked<'_>, out: &mut String) {
    let counts = asked.service.watches.lock().counts();
    let _ = write!(
        out,
        "{} connections watching {} paths\nTotal watches:{}\n\n",
        counts.connections, counts.paths, counts.total
    );
}

/// `wchc`: the paths that each session watches.
pub(super) fn wchc(asked: &Asked<'_>, listing: &mut Listing<'_>) {
    let mut shown = 0;
    each(asked.service, listing, |listing, peer, is_first, path| {
        if is_first {
            listing.line(format_args!("{}", peer.session()));
        }
        shown += usize::from(listing.line(format_args!("\t{}", Escaped(path))));
    });
    finish(asked.service, listing, shown);
}

/// `wchp`: the sessions that watch each path.
pub(super) fn wchp(asked: &Asked<'_>, listing: &mut Listing<'_>) {
    let mut watchers: BTreeMap<Arc<str>, Vec<SessionId>> = BTreeMap::new();
    // What is collected is bounded like what is shown.
    let mut scrap = String::new();
    let mut collected = Listing::new(&mut scrap);
    each(asked.service, &mut collected, |collected, peer, _, path| {
        collected.look(1 + path.len() / SESSION_LINE);
        watchers.entry(path.clone()).or_default().push(peer.session());
    });
    let (cost, _) = collected.finish();
    let mut shown = 0;
    let mut text = String::new();
    for (path, sessions) in &watchers {
        let _ = writeln!(text, "{}", Escaped(path));
        for session in sessions {
            let _ = writeln!(text, "\t{session}");
        }
        if !listing.line(format_args!("{}", text.trim_end())) {
            break;
        }
        text.clear();
        shown += sessions.len();
    }
    listing.charge(cost);
    finish(asked.service, listing, shown);
}

fn finish(service: &Service, listing: &mut Listing<'_>, shown: usize) {
    let all = service.watches.lock().counts().total;
    listing.left_out(all.saturating_sub(shown), "watches are");
    listing.gap();
}

/// Calls `found` for each connection's paths until the listing is full; its third argument says
/// whether the path is the first of its connection.
fn each<'a>(
    service: &Service,
    listing: &mut Listing<'a>,
    mut found: impl FnMut(&mut Listing<'a>, &Peer, bool, &Arc<str>),
) {
    for peer in slices(service).flatten() {
        let mut is_first = true;
        let mut after: Option<Arc<str>> = None;
        loop {
            if listing.is_full() {
                return;
            }
            let page = service.watches.lock().page(peer.id, after.as_deref(), SLICE);
            listing.look(page.looked);
            for path in &page.paths {
                found(listing, &peer, is_first, path);
                is_first = false;
            }
            if page.last.is_none() {
                break;
            }
            after = page.last;
        }
    }
}
