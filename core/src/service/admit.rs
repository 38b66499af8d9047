//! The handshake: who gets a session, who gets it back, who is turned away.

use std::sync::Arc;

use bytes::Bytes;

use super::deliver::{Answer, Origin, Proposal};
use super::outbox::Closing;
use super::peer::Peer;
use super::{Now, Service};
use crate::base::{Millis, SessionId};
use crate::engine::{Change, Txn};
use crate::wire::{ConnectRequest, ConnectResponse};

impl Service {
    /// Judges the first frame of a connection. Returns the creation of a session, if that is what
    /// it asks for; everything else is settled here.
    ///
    /// A client that has seen more than this server is turned away without a byte, so that it does
    /// not travel back in time; so is one whose frame is not a handshake.
    pub(super) fn admit(&self, peer: &Arc<Peer>, body: Bytes, now: Now) -> Option<Proposal> {
        let Ok(request) = ConnectRequest::decode(body) else {
            peer.outbox.close(Closing::Now);
            return None;
        };
        if request.last_zxid_seen > self.engine().last_zxid() {
            peer.outbox.close(Closing::Now);
            return None;
        }
        let timeout = self.options.bounds.grant(request.timeout);
        if request.session_id.is_none() {
            return Some(self.create_session(peer, timeout, request.read_only, now));
        }
        let response = self.reattach(peer, &request, timeout, now);
        let refused = response.is_refused();
        peer.outbox.push(|out| response.encode(out));
        if refused {
            peer.outbox.close(Closing::AfterFlush);
        }
        None
    }

    fn create_session(
        &self,
        peer: &Arc<Peer>,
        timeout: Millis,
        read_only: Option<bool>,
        now: Now,
    ) -> Proposal {
        let id = self.sessions.lock().ids.take();
        let change = Change::CreateSession { id, timeout, password: (self.passwords)() };
        Proposal {
            txn: Txn { at: now.wall, session: id, identities: peer.identities(), change },
            origin: Some(Origin { peer: peer.clone(), answer: Answer::Connect { read_only } }),
        }
    }

    /// Lets a connection speak for a session that exists. The password is judged before anything is
    /// touched, so a wrong one disturbs neither the session nor its live connection (S5).
    fn reattach(
        &self,
        peer: &Peer,
        request: &ConnectRequest,
        timeout: Millis,
        now: Now,
    ) -> ConnectResponse {
        let read_only = request.read_only.map(|_| false);
        let refused = ConnectResponse::refused(read_only);
        let id: SessionId = request.session_id;
        let Some(registered) = self.engine().registry().get(id).copied() else { return refused };
        if !registered.password.matches(request.password.as_deref().unwrap_or_default()) {
            return refused;
        }
        let before = {
            let mut sessions = self.sessions.lock();
            let Some(lease) = sessions.deadlines.renew(id, timeout, now.moment) else {
                return refused;
            };
            peer.speak_for(id, lease);
            sessions.attachments.attach(id, peer.id)
        };
        self.cut_connection(before);
        ConnectResponse { timeout, session_id: id, password: registered.password, read_only }
    }
}
