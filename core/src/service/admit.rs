//! The handshake: who gets a session, who gets it back, who is turned away.

use std::sync::Arc;

use bytes::Bytes;

use super::ceilings::is_reached;
use super::deliver::{Answer, Origin, Proposal};
use super::line::Successor;
use super::outbox::Closing;
use super::peer::Peer;
use super::{Limit, Now, Service};
use crate::base::{Millis, SessionId};
use crate::engine::{Change, Txn};
use crate::session::Holding;
use crate::wire::{ConnectRequest, ConnectResponse, Hello, Welcome};

impl Service {
    /// Judges the first frame of a connection. Returns the creation of a session, if that is what
    /// it asks for; everything else is settled here.
    ///
    /// A client that has seen more than this server is turned away without a byte, so that it does
    /// not travel back in time; so is one whose frame is not a handshake.
    pub(super) fn admit(&self, peer: &Arc<Peer>, body: Bytes, now: Now) -> Option<Proposal> {
        let size = body.len();
        let Ok(request) = ConnectRequest::decode(body) else {
            peer.outbox.close(Closing::Now);
            return None;
        };
        if request.last_zxid_seen > self.engine().last_zxid() {
            peer.outbox.close(Closing::Now);
            return None;
        }
        let timeout = self.options.bounds.grant(request.timeout);
        if self.faults.is_armed() {
            if self.faults.is_silent(request.session_id) {
                peer.mute(request.session_id);
                return None;
            }
            if self.faults.is_read_only() {
                self.admit_to_read(peer, &request, timeout, now);
                return None;
            }
        }
        if request.session_id.is_none() {
            return self.create_session(peer, (&request, timeout), size, now);
        }
        if !self.reattach(peer, &request, timeout, now) {
            let refused = ConnectResponse::refused(request.read_only.map(|_| false));
            peer.outbox.push(|out| refused.encode(out));
            peer.outbox.close(Closing::AfterFlush);
        }
        None
    }

    /// A session too many is refused by the end of its connection: a client that is told of an expiry
    /// gives up, one that loses a connection tries elsewhere.
    fn create_session(
        &self,
        peer: &Arc<Peer>,
        (request, timeout): (&ConnectRequest, Millis),
        size: usize,
        now: Now,
    ) -> Option<Proposal> {
        let Some(id) = self.take_place(peer) else {
            self.note(Limit::Sessions, now);
            peer.outbox.close(Closing::Now);
            return None;
        };
        peer.begin_handshake();
        let change = Change::CreateSession { id, timeout, password: (self.passwords)() };
        Some(Proposal {
            txn: Txn { at: now.wall, session: id, identities: peer.identities(), change },
            origin: Some(Origin { peer: peer.clone(), answer: self.answer_to(request, timeout) }),
            size,
        })
    }

    fn answer_to(&self, request: &ConnectRequest, timeout: Millis) -> Answer {
        let welcome = request.hello.map(|hello| self.welcome(hello, timeout));
        Answer::Connect { read_only: request.read_only, welcome }
    }

    /// What a hello is answered with, but for what the session has had carried out.
    fn welcome(&self, hello: Hello, timeout: Millis) -> Welcome {
        Welcome {
            features: hello.features.and(self.options.features),
            crash_grace: self.granted_grace(hello, timeout),
            highest_once: 0,
        }
    }

    /// The id of a session that there is a place for, which is taken with it.
    pub(super) fn take_place(&self, peer: &Peer) -> Option<SessionId> {
        let mut sessions = self.sessions.lock();
        let count = (sessions.deadlines.len() + sessions.opening) as u64;
        let is_full = is_reached(count, self.options.ceilings.sessions.into())
            || sessions.accounts.has_all_sessions(peer.account());
        if is_full {
            return None;
        }
        let id = sessions.ids.take();
        sessions.opening += 1;
        sessions.accounts.assign(id, peer.account(), Holding::default());
        Some(id)
    }

    /// Lets a connection speak for a session that exists, at once or when nothing that was sent on the
    /// one before is under way any more. The password is judged before anything is touched, so a wrong
    /// one disturbs neither the session nor its live connection (S5). Returns false if it is refused.
    fn reattach(
        &self,
        peer: &Arc<Peer>,
        request: &ConnectRequest,
        timeout: Millis,
        now: Now,
    ) -> bool {
        let session: SessionId = request.session_id;
        let engine = self.engine();
        let Some(registered) = engine.registry().get(session).cloned() else { return false };
        if !registered.password.matches(request.password.as_deref().unwrap_or_default()) {
            return false;
        }
        let mut sessions = self.sessions.lock();
        let Some(lease) = sessions.deadlines.renew(session, timeout, now.moment) else {
            return false;
        };
        // No write comes between the look at what the session has and the note of it.
        let holding = engine.holding(session);
        sessions.accounts.assign(session, peer.account(), holding);
        drop(engine);
        let displaced = sessions.attachments.attach(session, peer.id);
        if let Some(before) = displaced.and_then(|before| self.peers.read().get(before).cloned()) {
            before.cut();
            if before.line.drain() {
                sessions.draining.insert(session, before);
            }
        }
        peer.begin_handshake();
        let read_only = request.read_only.map(|_| false);
        let password = registered.password;
        let welcome = request.hello.map(|hello| self.welcome(hello, timeout));
        let response =
            ConnectResponse { timeout, session_id: session, password, read_only, welcome };
        let successor = Successor { peer: peer.clone(), session, lease, response };
        let at_once = match sessions.draining.get(&session) {
            Some(before) => before.line.pass_to(successor),
            None => Some(successor),
        };
        drop(sessions);
        // What the client watched there it registers here, and it shall not count twice.
        if let Some(displaced) = displaced {
            self.watches.lock().drop_connection(displaced);
        }
        match at_once {
            Some(successor) => self.hand_over(&self.engine(), successor, now),
            None => peer.wait_for(session),
        }
        true
    }
}
