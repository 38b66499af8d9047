//! The connection: dialing, frames in both directions, and losing it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::call::{CallId, WatchId};
use super::config::WhenDisconnected;
use super::errands::{Errand, HangUps};
use super::error::{Error, LossReason};
use super::event::{State, WatchItem};
use super::machine::{Machine, Output, Phase};
use super::numbers;
use super::sasl::Login;
use super::views::Question;
use crate::base::limits::MAX_REPLY;
use crate::base::{Moment, SessionId, Zxid};
use crate::session::keepalive::Keepalive;
use crate::wire::jute::Reader;
use crate::wire::reply::{XID_AUTH, XID_EVENT, XID_PING, XID_SET_WATCHES};
use crate::wire::{ConnectResponse, Features, Once, ReplyHeader, Request, WatchEvent, frame};

/// Bytes that are made ready for a socket at a time. What does not fit stays unsent, and says so if
/// the connection is lost.
pub(super) const SEND_AT_ONCE: usize = 64 << 10;

/// How far the connection has come.
#[derive(Debug)]
pub(super) enum Link {
    /// Waiting for the next attempt.
    Idle { until: Moment },
    /// Waiting for a connection to stand.
    Dialing { deadline: Moment },
    /// Waiting for the server's answer to the handshake.
    Handshake(Handshake),
    /// The session is attached.
    Up(Up),
}

/// A handshake that was not answered yet.
#[derive(Clone, Debug)]
pub(super) struct Handshake {
    pub server: Arc<str>,
    /// What the connection is for, if not for the session of this epoch.
    pub errand: Option<Errand>,
    /// The session that was asked for.
    pub asked: SessionId,
    pub sent: Moment,
    pub deadline: Moment,
}

/// A connection that speaks for the session, or goes on an errand.
#[derive(Debug)]
pub(super) struct Up {
    /// What it is for, if not for the session of this epoch: then no call goes out on it.
    pub errand: Option<Errand>,
    /// Until when an errand may take.
    pub errand_until: Moment,
    /// What the server can do, if it is one of this project.
    pub features: Features,
    pub server: Arc<str>,
    pub clocks: Keepalive,
    pub is_read_only: bool,
    /// What was sent and not answered, in order.
    pub in_flight: VecDeque<Sent>,
    /// The SASL exchange, while it is under way.
    pub login: Option<Login>,
    /// Auth packets that were not answered, each with who waits for it. Their answers may overtake.
    pub proving: VecDeque<Option<CallId>>,
    /// Restoring requests that were not answered.
    pub restoring: usize,
    /// Whether the program was told that it is connected.
    pub is_announced: bool,
    pub next_xid: i32,
}

/// One frame that waits for its answer.
#[derive(Debug)]
pub(super) struct Sent {
    pub xid: i32,
    pub at: Moment,
    pub what: What,
    /// Of a numbered write.
    pub number: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Ping,
    Restore,
    Call(CallId),
    View(WatchId, Question),
    /// The closeSession of an errand.
    Errand,
}

impl Link {
    /// The connection that speaks for the session of this epoch.
    pub fn up(&self) -> Option<&Up> {
        match self {
            Link::Up(up) if up.errand.is_none() => Some(up),
            _ => None,
        }
    }

    /// The same.
    pub fn up_mut(&mut self) -> Option<&mut Up> {
        match self {
            Link::Up(up) if up.errand.is_none() => Some(up),
            _ => None,
        }
    }

    pub fn server(&self) -> Option<Arc<str>> {
        match self {
            Link::Up(up) => Some(Arc::clone(&up.server)),
            _ => None,
        }
    }

    pub fn calls_in_flight(&self) -> impl Iterator<Item = CallId> {
        let sent = match self {
            Link::Up(up) => Some(up.in_flight.iter()),
            _ => None,
        };
        sent.into_iter().flatten().filter_map(|sent| match sent.what {
            What::Call(id) => Some(id),
            _ => None,
        })
    }

    /// When something is due. A connection is left at `stays_until` at the latest, so that a session
    /// in jeopardy never looks connected.
    pub fn deadline(&self, stays_until: Option<Moment>) -> Option<Moment> {
        match self {
            Link::Idle { until } => Some(*until),
            Link::Dialing { deadline } | Link::Handshake(Handshake { deadline, .. }) => {
                Some(*deadline)
            }
            Link::Up(up) => {
                let next = up.login.as_ref().map_or(up.clocks.ping_at(), |login| login.deadline);
                Some(next.min(up.leave_at(stays_until)))
            }
        }
    }
}

impl Up {
    fn leave_at(&self, stays_until: Option<Moment>) -> Moment {
        let silent_at = self.clocks.silent_at();
        if self.errand.is_some() {
            return silent_at.min(self.errand_until);
        }
        // A server that only reads keeps no session safe, and is worth staying with all the same.
        let stays_until = stays_until.filter(|_| !self.is_read_only);
        stays_until.map_or(silent_at, |until| until.min(silent_at))
    }

    /// Xids count from 1 and wrap to 1: negative ones mean something.
    pub(super) fn take_xid(&mut self) -> i32 {
        let xid = self.next_xid;
        self.next_xid = xid.checked_add(1).unwrap_or(1);
        xid
    }
}

impl Machine {
    /// What to write next; `None` if there is nothing, or nobody to write it to. Requests count as
    /// sent from here on, at `now`.
    pub fn transmit(&mut self, now: Moment) -> Option<Bytes> {
        self.transmit_views(now);
        while self.out.len() < SEND_AT_ONCE
            && self.link.up().is_some_and(|up| up.login.is_none())
            && let Some(&id) = self.waiting.front()
            && self.send_call(now, id)
        {
            self.waiting.pop_front();
        }
        (!self.out.is_empty()).then(|| self.out.split().freeze())
    }

    /// Sends one call on the connection that stands, with a number if the server takes them; false if
    /// it has to wait until the window has room. Everything behind it waits as well, for the order.
    pub(super) fn send_call(&mut self, now: Moment, id: CallId) -> bool {
        let Some(up) = self.link.up_mut() else { return false };
        let Some(call) = self.calls.get_mut(&id) else { return true };
        if let Some(extension) = numbers::extension(&call.request)
            && !up.features.has(Features::EXTENSIONS)
        {
            self.fail(id, Error::Unsupported { extension });
            return true;
        }
        if call.number.is_none()
            && up.features.has(Features::ONCE)
            && let Some(bytes) = numbers::answer_bound(&call.request)
        {
            if !self.numbers.has_room(bytes) {
                return false;
            }
            call.number = Some(self.numbers.take(bytes));
        }
        let xid = up.take_xid();
        (call.sent, call.is_in_flight) = (true, true);
        match call.number {
            Some(number) => {
                let numbers = (number, self.numbers.answered());
                Once::encode(xid, numbers, &call.request, &mut self.out);
            }
            None => call.request.encode(xid, &mut self.out),
        }
        up.clocks.note_sent(now);
        let (what, number) = (What::Call(id), call.number);
        up.in_flight.push_back(Sent { xid, at: now, what, number });
        true
    }

    /// Timers of the connection.
    pub(super) fn advance_link(&mut self, now: Moment) {
        let stays_until = self.lease.stays_until();
        let is_eager = self.is_eager();
        if let Some(up) = self.link.up_mut() {
            up.clocks.set_eager(is_eager);
        }
        match &mut self.link {
            Link::Idle { until } if *until <= now => {
                let host = self.settings.hosts.take_turn();
                self.link = Link::Dialing { deadline: now + self.attempt_timeout() };
                self.outputs.push_back(Output::Dial(host));
            }
            Link::Dialing { deadline } | Link::Handshake(Handshake { deadline, .. })
                if *deadline <= now =>
            {
                self.hang_ups = HangUps::default();
                self.lose_link(now);
            }
            Link::Up(up) if up.leave_at(stays_until) <= now => self.lose_link(now),
            Link::Up(Up { login: Some(login), .. }) if login.deadline <= now => self.lose_link(now),
            Link::Up(up) if up.login.is_none() && up.clocks.ping_at() <= now => {
                Request::Ping.encode(XID_PING, &mut self.out);
                up.clocks.note_sent(now);
                let what = What::Ping;
                up.in_flight.push_back(Sent { xid: XID_PING, at: now, what, number: None });
            }
            _ => {}
        }
    }

    /// When to try again, after a connection was lost or an attempt failed.
    fn next_attempt(&mut self, now: Moment) -> Moment {
        let quarter = self.lease.timeout().duration() / 4;
        let most = self.settings.recovery.patience(quarter);
        let hosts = self.settings.hosts.count();
        now + self.backoff.next(hosts, most, &mut self.chance)
    }

    pub(super) fn attempt_timeout(&self) -> Duration {
        let hosts = u32::try_from(self.settings.hosts.count()).unwrap_or(u32::MAX);
        self.settings
            .connect_timeout
            .unwrap_or_else(|| self.lease.timeout().duration() / hosts)
            .max(Duration::from_millis(1))
    }

    /// Bytes from the server: as many frames as are whole.
    pub(super) fn received(&mut self, now: Moment, bytes: BytesMut) {
        if self.input.is_empty() {
            self.input = bytes;
        } else {
            self.input.unsplit(bytes);
        }
        while matches!(self.link, Link::Up(_) | Link::Handshake(_)) {
            match frame::take(&mut self.input, MAX_REPLY) {
                Ok(Some(body)) => self.frame(now, body),
                Ok(None) => return,
                Err(_) => {
                    self.fail_oldest();
                    self.lose_link(now);
                }
            }
        }
    }

    fn frame(&mut self, now: Moment, body: Bytes) {
        match &mut self.link {
            Link::Up(up) => {
                up.clocks.note_heard(now);
                if self.reply(now, body).is_none() {
                    self.lose_link(now);
                }
            }
            Link::Handshake(_) => match ConnectResponse::decode(body) {
                Ok(response) => self.shaken(now, response),
                Err(_) => self.lose_link(now),
            },
            _ => {}
        }
    }

    /// One frame on an attached connection; `None` if the server breaks the protocol.
    fn reply(&mut self, now: Moment, body: Bytes) -> Option<()> {
        let mut reader = Reader::new(body.clone());
        let header = ReplyHeader::decode(&mut reader).ok()?;
        match header.xid {
            XID_EVENT => {
                let event = WatchEvent::decode(body.slice(body.len() - reader.remaining()..));
                self.hear(header.zxid, event.ok()?);
            }
            XID_AUTH => return self.proven(header.error),
            _ => {
                let Link::Up(up) = &mut self.link else { return None };
                if up.login.as_ref().is_some_and(|login| login.xid == header.xid) {
                    self.logging_in(now, header, &mut reader);
                    return Some(());
                }
                if up.in_flight.front()?.xid != header.xid {
                    return None;
                }
                let front = up.in_flight.pop_front()?;
                // Only now: a server that grants and hangs up is not to be asked again and again.
                self.backoff.reset();
                if let Some(number) = front.number {
                    self.numbers.close(number);
                }
                if !up.is_read_only && up.errand.is_none() {
                    self.lease.note_answered(front.at);
                }
                match front.what {
                    What::Ping => {}
                    What::Restore if header.error != 0 => return None,
                    What::Restore => {
                        up.restoring -= 1;
                        self.announce();
                    }
                    What::Errand => self.errand_done(now, header),
                    What::Call(id) => return self.answered(id, header, &mut reader),
                    What::View(watch, question) => {
                        return self.view_answered(now, (watch, question), header, &mut reader);
                    }
                }
            }
        }
        Some(())
    }

    /// An auth packet was answered; `None` if none was sent.
    fn proven(&mut self, error: i32) -> Option<()> {
        let Link::Up(up) = &mut self.link else { return None };
        let call = up.proving.pop_front()?;
        if error != 0 {
            self.refuse_identity(call);
            return Some(());
        }
        if let Some(id) = call {
            self.answer(id, Ok(crate::wire::Reply::Done));
            for proof in &mut self.proofs {
                if proof.call == Some(id) {
                    proof.call = None;
                }
            }
        }
        self.announce();
        Some(())
    }

    /// A watch event.
    fn hear(&mut self, zxid: Zxid, event: Option<WatchEvent>) {
        let Some(WatchEvent { kind, path }) = event else { return };
        let zxid = (zxid > Zxid::ZERO).then_some(zxid);
        // Until everything is back, events are what one-shot watches missed. Streams are told of the
        // gap as a whole right after.
        let is_restoring = self.link.up().is_some_and(|up| !up.is_announced);
        for hearer in self.watches.hear(kind, &path) {
            if self.view_heard(hearer.watch, kind, &path) {
                continue;
            }
            if is_restoring && !hearer.is_last && self.owed_resync.is_some() {
                continue;
            }
            let item = Ok(WatchItem::Changed { change: kind.into(), path: hearer.path, zxid });
            self.tell(hearer.watch, item, hearer.is_last);
        }
    }

    /// The server closed an attached connection. Somebody who keeps taking a resumed session over
    /// looks exactly so, and has to be left alone at some point.
    pub(super) fn cut_off(&mut self, now: Moment) {
        self.note_hung_up();
        let timeout = self.lease.timeout().duration();
        if self.settings.resume.is_some() && self.link.up().is_some() {
            self.evictions.push_back(now);
            while self.evictions.front().is_some_and(|&at| now.since(at) > timeout) {
                self.evictions.pop_front();
            }
            if self.evictions.len() >= EVICTIONS && !self.is_closing() {
                let reason = LossReason::Stolen;
                let error = Error::SessionLost { epoch: self.epoch(), reason, sent: false };
                return self.finish(reason, error);
            }
        }
        self.lose_link(now);
    }

    /// There is no connection any more, or no attempt: what was sent is settled, and the next attempt
    /// is planned.
    pub(super) fn lose_link(&mut self, now: Moment) {
        let until = self.next_attempt(now);
        let link = std::mem::replace(&mut self.link, Link::Idle { until });
        self.input.clear();
        self.out.clear();
        self.outputs.push_back(Output::Disconnect);
        if let Link::Up(up) = link
            && up.errand.is_none()
        {
            self.unreachable_since = Some(now);
            if self.abandons() {
                self.lease.set_state(State::Lost(LossReason::Abandoned));
            }
            self.settle(up);
            if self.abandons() {
                self.abandon_epoch(now);
            }
        }
        self.cut_views();
        if self.settings.when_disconnected == WhenDisconnected::Fail && !self.phase.is_ending() {
            self.fail_waiting(|_| true, |epoch| Error::ConnectionLoss { sent: false, epoch });
        }
        if matches!(self.state, State::Connected | State::ReadOnly) {
            self.set_state(State::Suspended);
        }
        if let Phase::Closing { deadline, patience } = &mut self.phase {
            deadline.get_or_insert((now + CLOSE_GRACE).min(now.max(*patience)));
        }
    }

    /// Sends what the connection needs before anything else: identities, then watches, and behind them
    /// what views read.
    pub(super) fn send_restoration(&mut self, now: Moment) {
        self.send_proofs();
        self.send_registrations(now);
        let Link::Up(up) = &mut self.link else { return };
        for batch in self.watches.restoration(self.last_zxid) {
            Request::SetWatches(batch).encode(XID_SET_WATCHES, &mut self.out);
            let what = What::Restore;
            up.in_flight.push_back(Sent { xid: XID_SET_WATCHES, at: now, what, number: None });
            up.restoring += 1;
        }
        self.restore_views();
    }

    pub(super) fn send_proofs(&mut self) {
        for index in 0..self.proofs.len() {
            self.send_proof(index);
        }
    }

    /// Sends one identity on a connection that stands. It does not count as sent for the clocks: no
    /// server takes it for a sign of life. One that comes during a SASL exchange goes out with the
    /// others behind it.
    pub(super) fn send_proof(&mut self, index: usize) {
        let Link::Up(up) = &mut self.link else { return };
        if up.login.is_some() {
            return;
        }
        let proof = &self.proofs[index];
        let (scheme, auth) = (proof.scheme.clone(), proof.auth.clone());
        Request::Auth { scheme, auth }.encode(XID_AUTH, &mut self.out);
        up.proving.push_back(proof.call);
        if let Some(call) = proof.call.and_then(|id| self.calls.get_mut(&id)) {
            call.sent = true;
        }
    }
}

/// How often within one timeout a resumed session may be cut off before it counts as stolen.
const EVICTIONS: usize = 3;

/// How long a close waits for a connection when there is none.
pub(super) const CLOSE_GRACE: Duration = Duration::from_secs(1);
