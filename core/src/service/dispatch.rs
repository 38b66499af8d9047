//! What a client sends, frame by frame: a word, a handshake, or a request.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::BytesMut;
use parking_lot::{MutexGuard, RwLockReadGuard};

use super::answer::Desk;
use super::deliver::{Answer, Origin, Proposal};
use super::directory::Living;
use super::faults::Verdict;
use super::line::Turn;
use super::outbox::{Closing, Waiting};
use super::peer::{Held, Peer};
use super::pressure::Pressure;
use super::{Limit, Now, Service, words};
use crate::base::{Code, limits};
use crate::engine::{Cause, Change, Engine, Txn};
use crate::wire::jute::Reader;
use crate::wire::ops::Path;
use crate::wire::{Op, Request, RequestHeader, frame};

/// How many reads are answered under one guard. Writers wait no longer than that.
const READS_AT_A_TIME: usize = 32;

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
    reads: usize,
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
        let (mut frames, before) = (0, input.len());
        let received = batch.run(input, &mut frames, propose);
        drop(batch);
        self.stats.received_bytes.fetch_add((before - input.len()) as u64, Ordering::Relaxed);
        self.stats.received.fetch_add(frames, Ordering::Relaxed);
        peer.traffic.received.fetch_add(frames, Ordering::Relaxed);
        received
    }

    /// Whether a connection may send more: not before its handshake is answered, and not while too much
    /// of what it sent is under way, or anything of it and too much of all.
    pub fn holds_up(&self, peer: &Peer) -> bool {
        peer.is_handshaking() || self.is_full_for(peer)
    }

    fn is_full_for(&self, peer: &Peer) -> bool {
        peer.line.is_full(&self.options.ceilings) || (self.is_overloaded() && peer.is_busy())
    }

    /// Answers somebody who is connected and not a client. `None` if the input begins with no word.
    fn word(&self, peer: &Peer, input: &mut BytesMut, now: Now) -> Option<Received> {
        match words::answer(self, peer, input, now) {
            words::Found::Frame => None,
            words::Found::Part => Some(Received::All),
            words::Found::Word(text) => {
                input.clear();
                peer.outbox.push(|out| out.extend_from_slice(text.as_bytes()));
                peer.outbox.close(Closing::AfterFlush);
                Some(Received::Closing)
            }
        }
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
        let is_new = peer.lease().is_none() && !peer.is_handshaking();
        if is_new && let Some(received) = self.service.word(peer, input, self.now) {
            return received;
        }
        loop {
            // What a client sends ahead of the answer to its handshake waits for that answer.
            if peer.is_handshaking() {
                return self.state();
            }
            let Ok(body) = frame::take(input, self.service.options.max_frame) else {
                self.service.note(Limit::Frames, self.now);
                self.close(Closing::Now);
                return Received::Closing;
            };
            let Some(body) = body else { return self.state() };
            *frames += 1;
            match peer.lease() {
                Some(held) => {
                    if let Some(proposal) = self.request(held, body) {
                        self.hold = None;
                        self.enter(proposal.size);
                        propose(proposal);
                    }
                }
                None => {
                    if let Some(proposal) = self.service.admit(peer, body, self.now) {
                        self.enter(proposal.size);
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
        let size = body.len();
        let mut reader = Reader::new(body);
        let Ok(RequestHeader { xid, number }) = RequestHeader::decode(&mut reader) else {
            self.close(Closing::Now);
            return None;
        };
        let op = Op::from_number(number).filter(|op| held.knows(*op));
        // Proving an identity is no sign of life (S-15), and needs none.
        if !matches!(op, Some(Op::Auth | Op::Sasl)) {
            if self.service.is_locked_to(self.peer) {
                self.take(held, xid, Turn::Unproven);
                return None;
            }
            if !held.lease.touch(self.now.moment) {
                return None;
            }
        }
        let Some(op) = op else {
            self.in_turn(held, xid, Turn::Unknown(number), size);
            return None;
        };
        let request = Request::decode(op, &mut reader);
        let asked = match &request {
            Ok(Request::Once(once)) => once.request.op(),
            _ => op,
        };
        self.peer.traffic.note(asked, xid);
        if let Ok(request) = &request
            && self.is_struck(held, xid, request)
        {
            return None;
        }
        match request {
            Ok(Request::Check { .. }) => {
                self.in_turn(held, xid, Turn::Refuse(Code::Unimplemented), size);
            }
            // To whoever did not ask for it, a part of a list that nobody knows.
            Ok(request) if !held.knows_parts(&request) => {
                self.in_turn(held, xid, Turn::Refuse(Code::MarshallingError), size);
            }
            // The guards of a read are of no use to a write; what it answers is noted on delivery.
            Ok(request) if op.path() == Path::Write => {
                return self.propose(held, xid, request, size);
            }
            Ok(request @ (Request::Ping | Request::Auth { .. } | Request::Sasl { .. })) => {
                self.take(held, xid, Turn::Answer(request));
            }
            Ok(request) => self.in_turn(held, xid, Turn::Answer(request), size),
            Err(code) => self.in_turn(held, xid, Turn::Refuse(code), size),
        }
        None
    }

    /// Whether a fault that a test has planted took the place of a request.
    fn is_struck(&mut self, held: &Held, xid: i32, request: &Request) -> bool {
        let faults = &self.service.faults;
        if !faults.is_armed() {
            return false;
        }
        // Whether the session is one of this server's own is asked under a lock that comes before that of
        // an outbox.
        self.hold = None;
        let turn = match faults.judge(request.unnumbered().op()) {
            Verdict::Carry => self.service.read_only_turn(held.session, request),
            Verdict::LoseReply if request.op().path() == Path::Write => {
                faults.lose(self.peer.id, xid);
                self.service.read_only_turn(held.session, request)
            }
            Verdict::LoseReply | Verdict::LoseRequest => Some(Turn::Lost),
            Verdict::Fail(code) => Some(Turn::Refuse(code)),
        };
        let Some(turn) = turn else { return false };
        self.in_turn(held, xid, turn, 0);
        true
    }

    /// Takes a turn now, or when the transactions before it are done.
    fn in_turn(&mut self, held: &Held, xid: i32, turn: Turn, size: usize) {
        if !self.peer.is_busy() {
            return self.take(held, xid, turn);
        }
        let (turn, size) = match turn {
            // Clients do not look at the answer, and would go on believing in their watches.
            Turn::Answer(Request::SetWatches(_)) => (turn, size),
            Turn::Answer(_) if self.service.pressure(self.now) >= Pressure::Reads => {
                self.service.note(Limit::Throttled, self.now);
                (Turn::Refuse(Code::ThrottledOp), 0)
            }
            turn => (turn, size),
        };
        let turn = match turn {
            Turn::Answer(request) => Turn::Waited(request, self.peer.identities()),
            turn => turn,
        };
        self.service.stats.begin(size);
        if let Some(turn) = self.peer.line.wait(xid, turn, size) {
            self.service.stats.end(1, size);
            self.take(held, xid, turn);
        }
    }

    /// A transaction is about to be proposed.
    fn enter(&self, size: usize) {
        if self.service.is_in_place {
            return;
        }
        self.service.stats.begin(size);
        self.peer.line.enter(size);
    }

    fn take(&mut self, held: &Held, xid: i32, turn: Turn) {
        let (service, peer, now) = (self.service, self.peer, self.now);
        let living = match turn.request().filter(|read| service.asks_of_sessions(read)) {
            Some(read) => {
                self.hold = None;
                service.living(read)
            }
            None => Living::default(),
        };
        let hold = self.hold();
        let before = hold.waiting.frames;
        let (engine, waiting) = (&*hold.engine, &mut *hold.waiting);
        let living = &living;
        let mut desk = Desk { service, peer, engine, waiting, now, living, is_costly: false };
        desk.take(held.session, xid, turn);
        let is_costly = desk.is_costly;
        hold.reads += hold.waiting.frames - before;
        self.is_spent = is_costly;
        if peer.has_moved() {
            self.hold = None;
            service.follow(peer);
        }
    }

    fn propose(
        &mut self,
        held: &Held,
        xid: i32,
        request: Request,
        size: usize,
    ) -> Option<Proposal> {
        let (change, answer) = match request {
            Request::CloseSession => {
                // Nothing that stands behind this in the connection is carried out (N2).
                if !held.lease.end() {
                    return None;
                }
                let change = Change::EndSession { id: held.session, cause: Cause::Closed };
                (change, Answer::LastReply(xid))
            }
            request => {
                if let Some((limit, code)) = self.lack(held, &request) {
                    let turn = self.refusal(held, &request, (limit, code));
                    self.in_turn(held, xid, turn, 0);
                    return None;
                }
                (Change::Request(request), Answer::Reply(xid))
            }
        };
        let identities = self.peer.identities();
        Some(Proposal {
            txn: Txn { at: self.now.wall, session: held.session, identities, change },
            origin: Some(Origin { peer: self.peer.clone(), answer }),
            size,
        })
    }

    /// The turn of a write that is refused before it is put in order. One that was carried out already,
    /// and comes again, was not refused then: its client has to hear what became of it.
    fn refusal(&mut self, held: &Held, request: &Request, (limit, code): (Limit, Code)) -> Turn {
        if let Request::Once(once) = request {
            // The tree may be asked, and the guard is not taken twice.
            self.hold = None;
            if self.service.engine().answer_of_then(held.session, once.number).is_some() {
                return Turn::Repeated(once.number);
            }
        }
        self.service.note(limit, self.now);
        Turn::Refuse(code)
    }

    /// What there is too little of for a write to be put in order, if anything.
    fn lack(&mut self, held: &Held, request: &Request) -> Option<(Limit, Code)> {
        let service = self.service;
        if service.is_under_pressure(request, self.now) {
            return Some((Limit::Throttled, Code::ThrottledOp));
        }
        if service.has_full_accounts() {
            // The tree may be asked, and the guard is not taken twice.
            self.hold = None;
            if service.is_full_for_ephemerals(held.session, request) {
                return Some((Limit::Ephemerals, Code::QuotaExceeded));
            }
        }
        None
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
            _ if self.is_spent || self.service.is_full_for(self.peer) => Received::Paused,
            _ => Received::All,
        };
        match &self.hold {
            Some(hold) => judge(&hold.waiting),
            None => judge(&self.peer.outbox.lock()),
        }
    }
}
