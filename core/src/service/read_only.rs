//! A server that only reads, as one of an ensemble does that has lost its quorum. Only for tests: see
//! [`super::Faults`].
//!
//! Its sessions are its own: they are in no registry, and end with their connections. Sessions of the
//! ensemble are somebody else's to expire meanwhile, and have their whole timeout afterwards.

use std::sync::Arc;

use super::line::{Successor, Turn};
use super::outbox::Closing;
use super::peer::Peer;
use super::{Fault, Limit, Now, Service};
use crate::base::{Code, Millis, SessionId};
use crate::wire::{ConnectRequest, ConnectResponse, Op, Request};

impl Service {
    /// From now on it only reads, or does more again. Every connection goes, as when a server changes
    /// its role.
    pub fn set_read_only(&self, yes: bool, now: Now) {
        if !self.faults.set_read_only(yes) {
            return;
        }
        if !yes {
            for (_, lease) in self.sessions.lock().deadlines.iter() {
                lease.touch(now.moment);
            }
        }
        self.cut_all();
    }

    /// Judges a handshake while it only reads.
    pub(super) fn admit_to_read(
        &self,
        peer: &Arc<Peer>,
        request: &ConnectRequest,
        timeout: Millis,
        now: Now,
    ) {
        if request.read_only != Some(true) || !request.session_id.is_none() {
            self.faults.note(Fault::ReadOnly);
            return peer.outbox.close(Closing::Now);
        }
        let Some(session_id) = self.take_place(peer) else {
            self.note(Limit::Sessions, now);
            return peer.outbox.close(Closing::Now);
        };
        let mut sessions = self.sessions.lock();
        sessions.opening = sessions.opening.saturating_sub(1);
        sessions.local.insert(session_id);
        let lease = sessions.deadlines.start(session_id, timeout, now.moment);
        let before = sessions.attachments.attach(session_id, peer.id);
        debug_assert!(before.is_none(), "S4: a new session has no connection");
        drop(sessions);
        let password = (self.passwords)();
        let response =
            ConnectResponse { timeout, session_id, password, read_only: Some(true), welcome: None };
        let successor = Successor { peer: peer.clone(), session: session_id, lease, response };
        self.hand_over(&self.engine(), successor, now);
    }

    /// The turn of a request of a session that only reads, if it is one that is refused or ends it.
    pub(super) fn read_only_turn(&self, session: SessionId, request: &Request) -> Option<Turn> {
        if !self.is_local(session) {
            return None;
        }
        match request.op() {
            Op::CloseSession => Some(Turn::End),
            op if op == Op::Sync || op.path() == crate::wire::ops::Path::Write => {
                self.faults.note(Fault::ReadOnly);
                Some(Turn::Refuse(Code::NotReadOnly))
            }
            _ => None,
        }
    }

    /// Whether a session is this server's own.
    pub(super) fn is_local(&self, session: SessionId) -> bool {
        self.faults.is_armed() && self.sessions.lock().local.contains(&session)
    }

    /// Ends such a session. Returns false if it is none.
    pub(super) fn end_local(&self, session: SessionId) -> bool {
        if !self.faults.is_armed() || !self.sessions.lock().local.remove(&session) {
            return false;
        }
        self.end(session, None);
        true
    }
}
