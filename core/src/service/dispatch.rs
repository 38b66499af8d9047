//! What a client sends, frame by frame: a word, a handshake, or a request.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::BytesMut;
use parking_lot::{MutexGuard, RwLockReadGuard};

use super::deliver::{Answer, Origin, Proposal};
use super::outbox::{Closing, Waiting};
use super::peer::{Held, Peer};
use super::{Now, Service, words};
use crate::base::{Code, Zxid, limits};
use crate::engine::{Cause, Change, Engine, Txn, read, rewatch};
use crate::wire::jute::Reader;
use crate::wire::ops::Path;
use crate::wire::{Op, Reply, Request, RequestHeader, event, frame, reply};

/// How many reads are answered under one guard. Writers wait no longer than that.
const READS_AT_A_TIME: u32 = 32;

/// Operations that exist only inside the server or inside a multi. They are refused, and do not cost
/// the connection: createSession, deleteContainer.
const INTERNAL: [i32; 2] = [-10, 20];

/// What to do after a batch of input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Received {
    /// Read on.
    All,
    /// Send first, and let others have their turn: more replies wait than may, or the last request
    /// was a costly one. The rest of the input is for the next call.
    Paused,
    /// Send what waits, and end the connection.
    Closing,
}

/// A guard of the tree and of the connection's own outbox, so that a run of reads pays for both
/// once. No transaction is applied and no event is appended while it is held.
struct Hold<'a> {
    engine: RwLockReadGuard<'a, Engine>,
    waiting: MutexGuard<'a, Waiting>,
    reads: u32,
}

impl Hold<'_> {
    fn reply(&mut self, xid: i32, result: &Result<Reply, Code>) {
        let zxid = self.engine.last_zxid();
        self.append(|out| reply::put(out, xid, zxid, result));
    }

    fn append(&mut self, write: impl FnOnce(&mut BytesMut)) {
        write(&mut self.waiting.bytes);
        self.count();
    }

    /// One more frame was appended.
    fn count(&mut self) {
        self.waiting.frames += 1;
        self.reads += 1;
    }
}

/// The processing of one batch of input.
struct Batch<'a> {
    service: &'a Service,
    peer: &'a Arc<Peer>,
    now: Now,
    hold: Option<Hold<'a>>,
    /// Whether it has cost enough for others to have their turn.
    is_spent: bool,
}

impl Service {
    /// Processes what has arrived on a connection. Whole frames are taken off `input`; what is left
    /// is the beginning of the next one. `propose` is called without any lock held.
    pub fn receive(
        &self,
        peer: &Arc<Peer>,
        input: &mut BytesMut,
        now: Now,
        propose: &mut dyn FnMut(Proposal),
    ) -> Received {
        let mut batch = Batch { service: self, peer, now, hold: None, is_spent: false };
        let mut frames = 0;
        let received = batch.run(input, &mut frames, propose);
        drop(batch);
        self.stats.received.fetch_add(frames, Ordering::Relaxed);
        peer.traffic.received.fetch_add(frames, Ordering::Relaxed);
        received
    }

    /// What somebody asks for who is connected and not a client: `None` if the four bytes are not
    /// such a word.
    fn word(&self, peer: &Peer, input: &mut BytesMut, now: Now) -> Option<()> {
        let word = *input.first_chunk::<4>()?;
        let text = words::answer(self, peer, word, now)?;
        input.clear();
        peer.outbox.push(|out| out.extend_from_slice(text.as_bytes()));
        peer.outbox.close(Closing::AfterFlush);
        Some(())
    }
}

impl<'a> Batch<'a> {
    fn run(
        &mut self,
        input: &mut BytesMut,
        frames: &mut u64,
        propose: &mut dyn FnMut(Proposal),
    ) -> Received {
        let peer: &'a Arc<Peer> = self.peer;
        if peer.lease().is_none() && self.service.word(peer, input, self.now).is_some() {
            return Received::Closing;
        }
        loop {
            let Ok(body) = frame::take(input, self.service.options.max_frame) else {
                self.close(Closing::Now);
                return Received::Closing;
            };
            let Some(body) = body else { return self.state() };
            *frames += 1;
            match peer.lease() {
                Some(held) => {
                    if let Some(proposal) = self.request(held, body) {
                        self.hold = None;
                        propose(proposal);
                    }
                }
                None => {
                    if let Some(proposal) = self.service.admit(peer, body, self.now) {
                        propose(proposal);
                    }
                }
            }
            match self.state() {
                Received::All => {}
                stop => return stop,
            }
        }
    }

    /// Carries out one request, or returns the change it asks for.
    fn request(&mut self, held: &Held, body: bytes::Bytes) -> Option<Proposal> {
        let mut reader = Reader::new(body);
        let Ok(RequestHeader { xid, number }) = RequestHeader::decode(&mut reader) else {
            self.close(Closing::Now);
            return None;
        };
        let op = Op::from_number(number);
        // Proving an identity is no sign of life (S-15), and needs none.
        if !matches!(op, Some(Op::Auth | Op::Sasl)) && !held.lease.touch(self.now.moment) {
            return None;
        }
        let Some(op) = op else {
            self.refuse_unknown(xid, number);
            return None;
        };
        self.peer.traffic.note(op, xid);
        match Request::decode(op, &mut reader) {
            // The guards of a read are of no use to a write; what it answers is noted on delivery.
            Ok(request) if op.path() == Path::Write => return self.propose(held, xid, request),
            Ok(request) => {
                self.note_zxid();
                self.answer(held, xid, request);
            }
            Err(code) => {
                self.note_zxid();
                self.hold().reply(xid, &Err(code));
            }
        }
        None
    }

    /// Notes the zxid of the reply that is about to be given.
    fn note_zxid(&mut self) {
        let zxid = self.hold().engine.last_zxid();
        self.peer.traffic.note_zxid(zxid);
    }

    /// Answers a request that changes nothing replicated.
    fn answer(&mut self, held: &Held, xid: i32, request: Request) {
        match request {
            Request::Ping => self.hold().reply(reply::XID_PING, &Ok(Reply::Done)),
            Request::Sync { path } => self.hold().reply(xid, &Ok(Reply::Synced { path })),
            Request::WhoAmI => {
                let reply = Reply::Identities(super::auth::shown(&self.peer.identities()));
                self.hold().reply(xid, &Ok(reply));
            }
            Request::Auth { scheme, auth } => self.authenticate(xid, &scheme, &auth),
            Request::Sasl { .. } => self.hold().reply(xid, &Err(Code::Unimplemented)),
            Request::AddWatch { path, mode } => {
                let service = self.service;
                let connection = self.peer.id;
                let hold = self.hold();
                service.watches.lock().add(connection, &path, mode.into());
                hold.reply(xid, &Ok(Reply::Confirmed(0)));
            }
            Request::CheckWatches { path, kind } => {
                let found = self.service.watches.lock().has(self.peer.id, &path, kind);
                self.hold().reply(xid, &found.then_some(Reply::Done).ok_or(Code::NoWatcher));
            }
            Request::RemoveWatches { path, kind } => {
                let found = self.service.watches.lock().remove(self.peer.id, &path, kind);
                self.hold().reply(xid, &found.then_some(Reply::Done).ok_or(Code::NoWatcher));
            }
            Request::SetWatches(watches) => self.set_watches(xid, &watches),
            request => self.read(held, xid, &request),
        }
    }

    /// Answers a read from the tree. The watch it leaves is registered under the same guard, so no
    /// change can fall between the two.
    fn read(&mut self, held: &Held, xid: i32, request: &Request) {
        let (service, connection) = (self.service, self.peer.id);
        let identities = self.peer.identities();
        let hold = self.hold();
        let out = &mut hold.waiting.bytes;
        let read = read(&hold.engine, request, &identities, held.session, xid, out);
        hold.count();
        if let Some((registration, path)) = read.watch {
            service.watches.lock().add(connection, path, registration);
        }
        // These walk through any number of znodes, and so does an answer that came out too long.
        let is_walk =
            matches!(request, Request::GetAllChildrenNumber { .. } | Request::MultiRead(_));
        self.is_spent = is_walk || read.code == Some(Code::MarshallingError);
    }

    /// Registers the watches of an earlier connection: what has changed since becomes an event at
    /// once, the rest is watched. The events stand before the reply.
    fn set_watches(&mut self, xid: i32, request: &crate::wire::SetWatches) {
        let (service, connection) = (self.service, self.peer.id);
        let hold = self.hold();
        let due = rewatch(&hold.engine, request);
        for (kind, path) in &due.events {
            hold.append(|out| event::put(out, *kind, path, event::NO_ZXID));
        }
        let mut watches = service.watches.lock();
        for (registration, path) in due.registrations {
            watches.add(connection, path, registration);
        }
        drop(watches);
        hold.reply(xid, &Ok(Reply::Done));
    }

    fn authenticate(&mut self, xid: i32, scheme: &str, auth: &[u8]) {
        let proven = super::auth::prove(self.peer, scheme, auth);
        let result = if proven { Ok(Reply::Done) } else { Err(Code::AuthFailed) };
        self.hold().append(|out| reply::put(out, xid, Zxid::ZERO, &result));
        if !proven {
            self.close(Closing::AfterFlush);
        }
    }

    fn propose(&mut self, held: &Held, xid: i32, request: Request) -> Option<Proposal> {
        let (change, answer) = match request {
            Request::CloseSession => {
                // Nothing that stands behind this in the connection is carried out (N2).
                if !held.lease.end() {
                    return None;
                }
                let change = Change::EndSession { id: held.session, cause: Cause::Closed };
                (change, Answer::LastReply(xid))
            }
            Request::Check { .. } => {
                self.note_zxid();
                self.hold().reply(xid, &Err(Code::Unimplemented));
                return None;
            }
            request => (Change::Request(request), Answer::Reply(xid)),
        };
        let identities = self.peer.identities();
        Some(Proposal {
            txn: Txn { at: self.now.wall, session: held.session, identities, change },
            origin: Some(Origin { peer: self.peer.clone(), answer }),
        })
    }

    fn refuse_unknown(&mut self, xid: i32, number: i32) {
        if INTERNAL.contains(&number) {
            self.hold().reply(xid, &Err(Code::Unimplemented));
            return;
        }
        self.hold().append(|out| reply::put_error(out, xid, Zxid(-1), Code::Unimplemented));
        self.close(Closing::AfterFlush);
    }

    /// The guards, taken if they are not held, and taken anew after a run of reads.
    fn hold(&mut self) -> &mut Hold<'a> {
        if self.hold.as_ref().is_some_and(|hold| hold.reads >= READS_AT_A_TIME) {
            self.hold = None;
        }
        self.hold.get_or_insert_with(|| Hold {
            engine: self.service.engine.read(),
            waiting: self.peer.outbox.lock(),
            reads: 0,
        })
    }

    fn close(&mut self, closing: Closing) {
        self.hold = None;
        self.peer.outbox.close(closing);
    }

    fn state(&mut self) -> Received {
        let judge = |waiting: &Waiting| match waiting {
            Waiting { closing: Some(_), .. } => Received::Closing,
            Waiting { bytes, .. } if bytes.len() > limits::OUTBOX_PAUSE => Received::Paused,
            _ if self.is_spent => Received::Paused,
            _ => Received::All,
        };
        match &self.hold {
            Some(hold) => judge(&hold.waiting),
            None => judge(&self.peer.outbox.lock()),
        }
    }
}
