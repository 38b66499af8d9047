//! From effects to bytes: events to those who watch, the answer to the one who asked.

use std::sync::Arc;

use bytes::BytesMut;

use super::faults::Fate;
use super::line::Successor;
use super::outbox::Closing;
use super::peer::Peer;
use super::{Limit, Now, Service};
use crate::base::{Acl, Code, Millis, Password, Perms, SessionId, Zxid, path};
use crate::engine::{Change, Changed, Effects, Engine, Txn};
use crate::wire::{ConnectResponse, Op, Reply, Request, Welcome, event, reply};

/// A change somebody asked for, to be put in order and applied.
pub struct Proposal {
    /// The change.
    pub txn: Txn,
    /// Who waits for the answer; nobody for what the server itself wants.
    pub origin: Option<Origin>,
    /// How many bytes it takes to say, about.
    pub size: usize,
}

impl Proposal {
    /// The operation that was asked for; `None` for what no request asks for.
    pub(super) fn op(&self) -> Option<Op> {
        match &self.txn.change {
            Change::Request(request) => Some(request.unnumbered().op()),
            Change::EndSession { .. } => Some(Op::CloseSession),
            Change::CreateSession { .. } | Change::Reap { .. } => None,
        }
    }

    /// What it was answered before, if it is a numbered write that comes again.
    fn answer_of_then(&self, engine: &Engine) -> Option<(Zxid, Result<Reply, Code>)> {
        match &self.txn.change {
            Change::Request(Request::Once(once)) => {
                engine.answer_of_then(self.txn.session, once.number)
            }
            _ => None,
        }
    }

    /// Whether it must not be carried out any more, because its connection was cut. The session may
    /// have another one by now, and what was sent on the old one must not come behind what is sent on
    /// the new (N6). To be asked when its turn has come.
    ///
    /// The end of a session is never void: its lease has ended already.
    pub fn is_void(&self) -> bool {
        let is_end = matches!(self.txn.change, Change::EndSession { .. });
        !is_end && self.origin.as_ref().is_some_and(|origin| origin.peer.is_cut())
    }
}

/// Who waits for the answer to a proposal.
pub struct Origin {
    /// On which connection.
    pub peer: Arc<Peer>,
    /// In which form.
    pub answer: Answer,
}

/// Who may hear of one change.
pub(super) struct Hearers<'a> {
    /// Of the znode itself.
    pub(super) acl: &'a [Acl],
    /// Of the list it stands in.
    pub(super) parent_acl: &'a [Acl],
    /// The session that may anyhow.
    pub(super) owner: Option<SessionId>,
    /// Recursive watches above this path do not hear of it.
    pub(super) top: &'a str,
}

impl<'a> Hearers<'a> {
    /// Of a change in the tree.
    pub(super) fn of_znode(changed: &'a Changed) -> Hearers<'a> {
        let acl = &changed.acl;
        let parent_acl = changed.parent_acl.as_ref().unwrap_or(acl);
        Hearers { acl, parent_acl, owner: None, top: path::ROOT }
    }
}

/// The form of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// A reply to the request with this xid.
    Reply(i32),
    /// The same, and then the end of the connection.
    LastReply(i32),
    /// The end of the handshake.
    Connect {
        /// Whether the client sent the readOnly byte and wants one back.
        read_only: Option<bool>,
        /// What its hello is answered with, if it said one.
        welcome: Option<Welcome>,
    },
}

impl Service {
    /// Sends what a transaction caused. To be called under the engine's write guard, once for each
    /// transaction, in their order.
    pub fn deliver(&self, engine: &Engine, proposal: &Proposal, effects: &Effects, now: Now) {
        debug_assert_eq!(engine.last_zxid(), effects.zxid, "N4: delivered under the same guard");
        let asker = proposal.origin.as_ref().map(|origin| &origin.peer);
        // A session that ends by itself hears nothing of its own end: its connection goes first.
        if let Some(id) = effects.ended {
            self.end(id, asker);
        }
        self.account_for(engine, effects, now);
        for changed in &effects.changes {
            self.fire(engine, changed, effects, asker);
        }
        self.fire_sessions(engine, effects, asker);
        self.stats.quotas.note(&effects.quotas, now.moment);
        if let Some(audit) = &self.options.audit
            && !effects.is_repeated()
        {
            audit.note(proposal, effects);
        }
        match &proposal.txn.change {
            Change::CreateSession { id, timeout, password } if effects.begun.is_some() => {
                self.begin(engine, proposal, (*id, *timeout, *password), now);
            }
            Change::CreateSession { .. } => asker.into_iter().for_each(|asker| asker.cut()),
            Change::EndSession { .. } | Change::Request(_) | Change::Reap { .. } => {}
        }
        if let Some(Origin { peer, answer }) = &proposal.origin {
            let (zxid, result) = (effects.answered_at, &effects.result);
            peer.traffic.note_zxid(zxid);
            let put = |xid, out: &mut BytesMut| reply::put(out, xid, zxid, result);
            match *answer {
                Answer::Reply(xid) => self.reply(peer, (xid, proposal, now), |out| put(xid, out)),
                Answer::LastReply(xid) => {
                    self.reply(peer, (xid, proposal, now), |out| put(xid, out));
                    peer.outbox.close(Closing::AfterFlush);
                }
                Answer::Connect { .. } => {}
            }
            if self.faults.is_armed() && !effects.is_repeated() {
                proposal.op().inspect(|&op| self.faults.note_carried_out(op));
            }
        }
        self.forget(engine, proposal, now);
        if let Some(Origin { peer, answer: Answer::LastReply(_) }) = &proposal.origin {
            let until = now.moment + self.options.sessionless_timeout;
            self.peers.write().limit(peer.id, until);
        }
    }

    /// Appends an answer, or what a fault has put in its place.
    fn reply(
        &self,
        peer: &Peer,
        (xid, proposal, now): (i32, &Proposal, Now),
        write: impl FnOnce(&mut BytesMut),
    ) {
        if !self.faults.is_armed() {
            return peer.outbox.push(write);
        }
        match self.faults.answered(proposal.op(), (peer.id, xid), now.moment) {
            Fate::Sent => peer.outbox.push(write),
            Fate::HeldUntil(moment) => peer.outbox.push_until(moment, write),
            Fate::Lost => {
                peer.outbox.close(Closing::AfterFlush);
                peer.wake();
            }
        }
    }

    /// A proposal will not be carried out, and nobody hears of it. Like a delivery it stands in the
    /// order of proposals, and under the engine's write guard.
    pub fn forget(&self, engine: &Engine, proposal: &Proposal, now: Now) {
        if let Change::CreateSession { id, .. } = &proposal.txn.change {
            let mut sessions = self.sessions.lock();
            sessions.opening = sessions.opening.saturating_sub(1);
            if !engine.registry().contains(*id) {
                sessions.accounts.end(*id);
            }
        }
        if let Some(Origin { peer, .. }) = &proposal.origin
            && !self.is_in_place
        {
            self.settle(engine, peer, proposal.size, now);
        }
    }

    /// A proposal is not carried out, and its asker is told why; if it is a numbered write that was
    /// carried out before, what it was answered then. Like a delivery it stands in the
    /// order of proposals, and under the engine's write guard.
    pub fn refuse(&self, engine: &Engine, proposal: &Proposal, code: Code, now: Now) {
        let then = proposal.answer_of_then(engine);
        if let Some(audit) = &self.options.audit
            && then.is_none()
        {
            audit.note_refusal(proposal, code);
        }
        let (zxid, result) = then.unwrap_or((engine.last_zxid(), Err(code)));
        match &proposal.origin {
            Some(Origin { peer, answer: Answer::Reply(xid) | Answer::LastReply(xid) }) => {
                self.reply(peer, (*xid, proposal, now), |out| {
                    reply::put(out, *xid, zxid, &result);
                });
            }
            // There is no way to say why, and another server may have room.
            Some(Origin { peer, answer: Answer::Connect { .. } }) => peer.cut(),
            None => {}
        }
        self.forget(engine, proposal, now);
    }

    /// Keeps the sums of what identities have.
    fn account_for(&self, engine: &Engine, effects: &Effects, now: Now) {
        if !effects.owners.is_empty() {
            let mut sessions = self.sessions.lock();
            for owner in &effects.owners {
                sessions.accounts.note(*owner, engine.holding(*owner));
            }
        }
        if effects.is_over_limit {
            self.note(Limit::Ephemerals, now);
        }
    }

    /// Sends the events of one change to those who may read what they are about.
    pub(super) fn fire(
        &self,
        engine: &Engine,
        changed: &Changed,
        effects: &Effects,
        asker: Option<&Arc<Peer>>,
    ) {
        let Hearers { acl, parent_acl, owner, top } = self.hearers(engine, changed);
        let mut watches = self.watches.lock();
        let what = (changed.kind, changed.path.as_str());
        watches.fire_within(top, what, &mut |connection, kind, path, is_parent| {
            let acl = if is_parent { parent_acl } else { acl };
            let peers = self.peers.read();
            let Some(peer) = peers.get(connection) else { return };
            let is_own = !is_parent && owner.is_some_and(|owner| owner == peer.session());
            if !is_own && !engine.allows(acl, Perms::READ, &peer.identities()) {
                return;
            }
            peer.outbox
                .push_event(self.most_events(), |out| event::put(out, kind, path, effects.zxid));
            // The asker sends its outbox anyway, once it has processed what it read.
            if asker.is_none_or(|asker| asker.id != connection) {
                peer.wake();
            }
        });
    }

    /// A session was created: its lease starts, and the connection that asked speaks for it.
    fn begin(
        &self,
        engine: &Engine,
        proposal: &Proposal,
        session: (SessionId, Millis, Password),
        now: Now,
    ) {
        let (id, timeout, password) = session;
        let mut sessions = self.sessions.lock();
        let lease = sessions.deadlines.start(id, timeout, now.moment);
        let Some(Origin { peer, answer: Answer::Connect { read_only, welcome } }) =
            &proposal.origin
        else {
            return;
        };
        let before = sessions.attachments.attach(id, peer.id);
        debug_assert!(before.is_none(), "S4: a new session has no connection");
        drop(sessions);
        let (read_only, welcome) = (read_only.map(|_| false), *welcome);
        let response = ConnectResponse { timeout, session_id: id, password, read_only, welcome };
        let successor = Successor { peer: peer.clone(), session: id, lease, response };
        self.hand_over(engine, successor, now);
    }

    /// A session is over. The connection that spoke for it closes without a word, unless it asked
    /// for the end and waits for the reply.
    pub(super) fn end(&self, id: SessionId, asker: Option<&Arc<Peer>>) {
        let connection = {
            let mut sessions = self.sessions.lock();
            sessions.deadlines.remove(id);
            sessions.accounts.end(id);
            sessions.attachments.end(id)
        };
        if connection != asker.map(|asker| asker.id) {
            self.cut_connection(connection);
        }
    }
}
