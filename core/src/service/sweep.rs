//! What comes due without anybody asking: sessions that fell silent, connections that never opened
//! one, containers and TTL znodes.

use std::sync::Arc;
use std::time::Duration;

use super::deliver::Proposal;
use super::{Limit, Now, Service};
use crate::base::{Millis, Moment, SessionId};
use crate::engine::{Cause, Change, Txn};
use crate::session::Lease;

/// How many sessions one step takes out, so that a crowd that expires together leaves room for the
/// heartbeats of the others.
const SESSIONS_AT_A_TIME: usize = 256;

/// When to look again at a session from which something has arrived that nobody has read yet.
const READ_FIRST: Duration = Duration::from_millis(2);

impl Service {
    /// Does all that is due at `now`, and returns when to come again.
    pub fn sweep(&self, now: Now, propose: &mut dyn FnMut(Proposal)) -> Option<Moment> {
        self.expire_silent(now, propose);
        self.close_sessionless(now);
        self.cut_incomplete(now);
        self.release(now);
        self.reap(now, propose);
        self.next_sweep()
    }

    /// When something will be due next.
    pub fn next_sweep(&self) -> Option<Moment> {
        let sessionless = self.peers.write().next_sessionless();
        let has_reapable = self.engine().has_reapable();
        let release = self.next_release();
        let sessions = self.sessions.lock();
        let reaping = has_reapable.then_some(sessions.next_reaping);
        [sessions.deadlines.next(), reaping, sessionless, self.next_look(), release]
            .into_iter()
            .flatten()
            .min()
    }

    /// Ends a session as an administrator: at once, whatever time is left. Returns false if it does
    /// not exist.
    pub fn end_session(&self, id: SessionId, now: Now, propose: &mut dyn FnMut(Proposal)) -> bool {
        let lease = self.sessions.lock().deadlines.get(id).cloned();
        let ended = lease.is_some_and(|lease| lease.end());
        if ended && !self.end_local(id) {
            propose(ending(id, Cause::Administrator, now));
        }
        ended
    }

    /// Sends answers that were held back until now.
    fn release(&self, now: Now) {
        if self.faults.is_armed() {
            for peer in self.all_peers() {
                if peer.outbox.lock().release(now.moment) {
                    peer.wake();
                }
            }
        }
    }

    fn next_release(&self) -> Option<Moment> {
        if !self.faults.is_armed() {
            return None;
        }
        self.all_peers().iter().filter_map(|peer| peer.outbox.lock().next_release()).min()
    }

    /// How many answers are held back.
    pub fn held_back(&self) -> usize {
        self.all_peers().iter().map(|peer| peer.outbox.lock().held_frames()).sum()
    }

    fn expire_silent(&self, now: Now, propose: &mut dyn FnMut(Proposal)) {
        loop {
            let due = self.sessions.lock().deadlines.due(now.moment, SESSIONS_AT_A_TIME);
            let is_last = due.len() < SESSIONS_AT_A_TIME;
            for (id, lease) in due {
                self.expire(id, &lease, now, propose);
            }
            if is_last {
                return;
            }
        }
    }

    /// Ends a session whose time is up, unless a message of it lies in the socket or it has been taken
    /// over and its client was not told yet: what the server is slow with is no silence (S3).
    fn expire(
        &self,
        id: SessionId,
        lease: &Arc<Lease>,
        now: Now,
        propose: &mut dyn FnMut(Proposal),
    ) {
        let connection = self.sessions.lock().attachments.get(id);
        let peer = connection.and_then(|connection| self.peers.read().get(connection).cloned());
        if peer.is_some_and(|peer| peer.has_unread() || peer.is_handshaking()) {
            self.sessions.lock().deadlines.requeue(id, now.moment + READ_FIRST);
            return;
        }
        if self.faults.is_read_only() && !self.is_local(id) {
            // Whoever has the quorum sees to that.
            let later = now.moment + lease.timeout();
            self.sessions.lock().deadlines.requeue(id, later);
            return;
        }
        match lease.expire(now.moment) {
            Some(_) if self.end_local(id) => {}
            Some(late) => {
                self.stats.note_lateness(late);
                let cause = match lease.closed_at() {
                    Some(closed) => {
                        let after = Millis::from_duration(now.moment.since(closed));
                        Cause::Crashed { after }
                    }
                    None => {
                        let late = Millis::from_duration(late);
                        let silence = Millis(lease.timeout().0.saturating_add(late.0));
                        Cause::Expired { silence, late }
                    }
                };
                propose(ending(id, cause, now));
            }
            None => {
                if let Some(deadline) = lease.deadline() {
                    self.sessions.lock().deadlines.requeue(id, deadline);
                }
            }
        }
    }

    fn close_sessionless(&self, now: Now) {
        loop {
            let Some(peer) = self.peers.write().take_sessionless(now.moment) else { return };
            self.note(Limit::Sessionless, now);
            peer.cut();
        }
    }

    fn reap(&self, now: Now, propose: &mut dyn FnMut(Proposal)) {
        {
            let mut sessions = self.sessions.lock();
            if now.moment < sessions.next_reaping {
                return;
            }
            sessions.next_reaping = now.moment + self.options.reap_interval;
        }
        let due = self.engine().due_for_reaping(now.wall, self.options.reap_most);
        for path in due {
            let size = path.len();
            let reaping = own(Change::Reap { path }, SessionId::NONE, now);
            propose(Proposal { size, ..reaping });
        }
    }
}

fn ending(id: SessionId, cause: Cause, now: Now) -> Proposal {
    own(Change::EndSession { id, cause }, id, now)
}

/// A change that nobody waits for.
fn own(change: Change, session: SessionId, now: Now) -> Proposal {
    let identities = Arc::new([]);
    Proposal { txn: Txn { at: now.wall, session, identities, change }, origin: None, size: 0 }
}
