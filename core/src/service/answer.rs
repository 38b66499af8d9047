//! What is answered without a transaction: reads, watches, identities, refusals.

use std::sync::Arc;

use bytes::BytesMut;

use super::directory::{Living, Texts};
use super::faults::Fate;
use super::identity::{Said, Verdict};
use super::line::{Successor, Turn};
use super::outbox::{Closing, Waiting};
use super::peer::Peer;
use super::{Limit, Now, Service, directory, identity};
use crate::base::{Code, Identity, SessionId, Zxid, limits};
use crate::engine::{self, Engine, read, rewatch};
use crate::watch::{Full, Registration};
use crate::wire::{Features, Reply, Request, SetWatches, event, reply};

/// Operations that exist only inside the server or inside a multi. They are refused, and do not cost
/// the connection: createSession, deleteContainer.
const INTERNAL: [i32; 2] = [-10, 20];

/// For which session something is asked, and as whom if that was settled when it came in.
type Asker = (SessionId, Option<Arc<[Identity]>>);

/// Where one connection's turns are taken: under a guard of the tree and of its outbox.
pub(super) struct Desk<'a> {
    pub(super) service: &'a Service,
    pub(super) peer: &'a Peer,
    pub(super) engine: &'a Engine,
    pub(super) waiting: &'a mut Waiting,
    pub(super) now: Now,
    /// What lives of the sessions that are asked about.
    pub(super) living: &'a Living,
    /// Whether a turn cost enough for others to have theirs.
    pub(super) is_costly: bool,
}

impl Desk<'_> {
    /// Takes a turn of the connection that speaks for `session`.
    pub(super) fn take(&mut self, session: SessionId, xid: i32, turn: Turn) {
        self.peer.traffic.note_zxid(self.engine.last_zxid());
        if self.service.faults.is_armed() || self.waiting.is_held() {
            return self.take_late(session, xid, turn);
        }
        self.take_now(session, xid, turn);
    }

    /// Where answers may be held back.
    fn take_late(&mut self, session: SessionId, xid: i32, turn: Turn) {
        let faults = &self.service.faults;
        let op = turn.request().map(|request| request.unnumbered().op());
        let before = (self.waiting.bytes.len(), self.waiting.frames);
        op.inspect(|&op| faults.note_carried_out(op));
        let fate = faults.answered(op, (self.peer.id, xid), self.now.moment);
        let turn = if fate == Fate::Lost { Turn::Lost } else { turn };
        self.take_now(session, xid, turn);
        match fate {
            Fate::HeldUntil(moment) => self.waiting.hold_back(before, Some(moment)),
            _ if self.waiting.is_held() => self.waiting.hold_back(before, None),
            _ => {}
        }
    }

    fn take_now(&mut self, session: SessionId, xid: i32, turn: Turn) {
        match turn {
            Turn::Answer(request) => self.answer((session, None), xid, request),
            Turn::Waited(request, asker) => self.answer((session, Some(asker)), xid, request),
            Turn::Refuse(code) => self.reply(xid, &Err(code)),
            Turn::Repeated(number) => self.repeat(session, xid, number),
            Turn::Unknown(number) if INTERNAL.contains(&number) => {
                self.reply(xid, &Err(Code::Unimplemented));
            }
            Turn::Lost => self.waiting.close(Closing::AfterFlush),
            Turn::End => {
                self.reply(xid, &Ok(Reply::Done));
                self.waiting.close(Closing::AfterFlush);
            }
            Turn::Unproven => {
                self.append(|out| reply::put_error(out, xid, Zxid::ZERO, Code::AuthRequired));
                self.waiting.close(Closing::AfterFlush);
            }
            Turn::Unknown(_) => {
                self.append(|out| reply::put_error(out, xid, Zxid(-1), Code::Unimplemented));
                self.waiting.close(Closing::AfterFlush);
            }
        }
    }

    fn reply(&mut self, xid: i32, result: &Result<Reply, Code>) {
        let zxid = self.engine.last_zxid();
        self.append(|out| reply::put(out, xid, zxid, result));
    }

    fn repeat(&mut self, session: SessionId, xid: i32, number: i64) {
        let newest = self.engine.last_zxid();
        let then = self.engine.answer_of_then(session, number);
        let (zxid, result) = then.unwrap_or((newest, Err(Code::SessionExpired)));
        self.append(|out| reply::put(out, xid, zxid, &result));
    }

    fn append(&mut self, write: impl FnOnce(&mut BytesMut)) {
        write(&mut self.waiting.bytes);
        self.waiting.frames += 1;
    }

    fn answer(&mut self, (session, as_whom): Asker, xid: i32, request: Request) {
        let identities = || as_whom.unwrap_or_else(|| self.peer.identities());
        match request {
            Request::Ping => self.reply(reply::XID_PING, &Ok(Reply::Done)),
            Request::Sync { path } => self.reply(xid, &Ok(Reply::Synced { path })),
            Request::WhoAmI => {
                let reply = Reply::Identities(identity::shown(&identities()));
                self.reply(xid, &Ok(reply));
            }
            Request::Auth { scheme, auth } => self.authenticate(xid, &scheme, &auth),
            Request::Sasl { token } => self.log_in(xid, &token.unwrap_or_default()),
            Request::AddWatch { path, mode } => {
                let watched = self.watch(&path, mode.into());
                self.reply(xid, &watched.map(|()| Reply::Confirmed(0)));
            }
            Request::CheckWatches { path, kind } => {
                let found = self.service.watches.lock().has(self.peer.id, &path, kind);
                self.reply(xid, &found.then_some(Reply::Done).ok_or(Code::NoWatcher));
            }
            Request::RemoveWatches { path, kind } => {
                let found = self.service.watches.lock().remove(self.peer.id, &path, kind);
                self.reply(xid, &found.then_some(Reply::Done).ok_or(Code::NoWatcher));
            }
            Request::SetWatches(watches) => {
                self.is_costly = true;
                self.set_watches(xid, &watches);
            }
            request => {
                let identities = identities();
                self.read((session, &identities), xid, &request);
            }
        }
    }

    /// Answers a read from the tree. The watch it leaves is registered under the same guard, so no
    /// change can fall between the two.
    fn read(
        &mut self,
        (session, identities): (SessionId, &[Identity]),
        xid: i32,
        request: &Request,
    ) {
        let out = &mut self.waiting.bytes;
        let start = out.len();
        let texts = &Texts { service: self.service, living: self.living, now: self.now };
        let asker = engine::Asker { session, identities, texts };
        let read = read(self.engine, request, asker, xid, out);
        self.waiting.frames += 1;
        // An answer that came out too long has cost as much.
        let is_too_long = read.code == Some(Code::MarshallingError);
        if is_too_long {
            self.service.note(Limit::Replies, self.now);
        }
        self.is_costly |= request.is_walk() || directory::is_list(request) || is_too_long;
        let is_heavy = self.waiting.bytes.len() - start > limits::UNREAD_FREE;
        // Whoever asks while so much waits is not read; only what stood behind a write comes here then.
        let is_too_much = start > limits::LINE_ANSWERS || self.service.is_unread();
        let outcome = if is_heavy && is_too_much {
            self.service.note(Limit::Throttled, self.now);
            Err(Code::ThrottledOp)
        } else {
            read.watch.map_or(Ok(()), |(registration, path)| self.watch(path, registration))
        };
        if let Err(code) = outcome {
            self.waiting.bytes.truncate(start);
            reply::put_error(&mut self.waiting.bytes, xid, self.engine.last_zxid(), code);
        }
    }

    /// Registers a watch, if there is room for it.
    fn watch(&mut self, path: &str, registration: Registration) -> Result<(), Code> {
        let who = (self.peer.id, self.peer.account());
        let ceilings = &self.service.options.ceilings.watches;
        let added = self.service.watches.lock().add_within(ceilings, who, path, registration);
        added.map_err(|Full| {
            self.service.note(Limit::Watches, self.now);
            Code::QuotaExceeded
        })
    }

    /// Registers the watches of an earlier connection: what has changed since becomes an event at
    /// once, the rest is watched. The events stand before the reply.
    ///
    /// What finds no room ends the connection: clients do not look at the answer, and would go on
    /// believing that they watch what they do not.
    fn set_watches(&mut self, xid: i32, request: &SetWatches) {
        let due = rewatch(self.engine, request);
        for (kind, path) in &due.events {
            self.append(|out| event::put(out, *kind, path, event::NO_ZXID));
        }
        let mut watched = Ok(());
        for (registration, path) in due.registrations {
            watched = watched.and_then(|()| self.watch(path, registration));
        }
        self.reply(xid, &watched.map(|()| Reply::Done));
        if watched.is_err() {
            self.waiting.close(Closing::AfterFlush);
        }
    }

    fn authenticate(&mut self, xid: i32, scheme: &str, auth: &[u8]) {
        match self.service.prove(self.peer, scheme, auth) {
            Verdict::Proven => {
                self.append(|out| reply::put(out, xid, Zxid::ZERO, &Ok(Reply::Done)));
            }
            Verdict::Refused => {
                self.append(|out| reply::put_error(out, xid, Zxid::ZERO, Code::AuthFailed));
                self.waiting.close(Closing::AfterFlush);
            }
            Verdict::Elsewhere => self.waiting.close(Closing::Now),
        }
    }

    fn log_in(&mut self, xid: i32, token: &[u8]) {
        match self.service.log_in(self.peer, token) {
            Said::Token(token) => {
                self.append(|out| reply::put(out, xid, Zxid::ZERO, &Ok(Reply::Token(token))));
            }
            Said::Refused(code) => {
                self.append(|out| reply::put_refused_token(out, xid, code));
                self.waiting.close(Closing::AfterFlush);
            }
        }
    }
}

impl Service {
    /// The oldest transaction a connection has under way is answered, or will never be carried out:
    /// what was asked behind it has its turn, and a connection that waits for this one to be done may
    /// go on. Under the engine's write guard.
    pub(super) fn settle(&self, engine: &Engine, peer: &Arc<Peer>, size: usize, now: Now) {
        let settled = peer.line.settle(size);
        self.stats.end(1 + settled.turns.len(), settled.bytes);
        if !settled.turns.is_empty() {
            let mut living = Living::default();
            for (_, turn) in &settled.turns {
                turn.request().into_iter().for_each(|read| self.add_living(read, &mut living));
            }
            let mut waiting = peer.outbox.lock();
            for (xid, turn) in settled.turns {
                if waiting.is_open() {
                    let waiting = &mut *waiting;
                    let (service, living, is_costly) = (self, &living, false);
                    let mut desk = Desk { service, peer, engine, waiting, now, living, is_costly };
                    desk.take(peer.session(), xid, turn);
                }
            }
        }
        peer.line.done();
        if settled.is_drained {
            let mut sessions = self.sessions.lock();
            let session = peer.session();
            if sessions.draining.get(&session).is_some_and(|other| Arc::ptr_eq(other, peer)) {
                sessions.draining.remove(&session);
            }
        }
        if let Some(successor) = settled.successor {
            self.hand_over(engine, successor, now);
        }
    }

    /// Gives a session to the connection that has been waiting for it, with a full timeout from now.
    pub(super) fn hand_over(&self, engine: &Engine, successor: Successor, now: Now) {
        let Successor { peer, session, lease, mut response } = successor;
        lease.touch(now.moment);
        if let Some(welcome) = &mut response.welcome {
            // Only now is everything decided that was sent on the connection before.
            let registered = engine.registry().get(session);
            let window = registered.and_then(|registered| registered.window.as_ref());
            welcome.highest_once = window.map_or(0, |window| window.highest());
        }
        let features = response.welcome.map_or_else(Features::default, |welcome| welcome.features);
        peer.set_crash_grace(
            response.welcome.map(|welcome| welcome.crash_grace).unwrap_or_default(),
        );
        peer.outbox.push(|out| response.encode(out));
        peer.speak_for(session, lease, features);
        // Its task ended while it waited, and had no session to detach then.
        if self.peers.read().get(peer.id).is_none() {
            self.sessions.lock().attachments.detach(session, peer.id);
        }
        peer.wake();
    }
}
