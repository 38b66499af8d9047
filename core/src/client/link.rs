//! The connection: dialing, the handshake, frames in both directions, and losing it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::call::{CallId, WatchId};
use super::config::WhenDisconnected;
use super::error::{Error, LossReason};
use super::event::{State, WatchItem};
use super::machine::{Known, Machine, Output, Phase};
use super::sasl::Login;
use super::views::Question;
use crate::base::limits::MAX_REPLY;
use crate::base::{Moment, SessionId, Zxid};
use crate::session::keepalive::Keepalive;
use crate::wire::jute::Reader;
use crate::wire::reply::{XID_AUTH, XID_EVENT, XID_PING, XID_SET_WATCHES};
use crate::wire::{ConnectRequest, ConnectResponse, ReplyHeader, Request, WatchEvent, frame};

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
    Handshake { server: Arc<str>, asked: SessionId, sent: Moment, deadline: Moment },
    /// The session is attached.
    Up(Up),
}

/// A connection that speaks for the session.
#[derive(Debug)]
pub(super) struct Up {
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
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Ping,
    Restore,
    Call(CallId),
    View(WatchId, Question),
}

impl Link {
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

    /// When something is due. A connection is left at `safe_until` at the latest, so that a session
    /// in jeopardy never looks connected.
    pub fn deadline(&self, safe_until: Option<Moment>) -> Option<Moment> {
        match self {
            Link::Idle { until } => Some(*until),
            Link::Dialing { deadline } | Link::Handshake { deadline, .. } => Some(*deadline),
            Link::Up(up) => {
                let next = up.login.as_ref().map_or(up.clocks.ping_at(), |login| login.deadline);
                Some(next.min(up.leave_at(safe_until)))
            }
        }
    }
}

impl Up {
    fn leave_at(&self, safe_until: Option<Moment>) -> Moment {
        let silent_at = self.clocks.silent_at();
        // A server that only reads keeps no session safe, and is worth staying with all the same.
        let safe_until = safe_until.filter(|_| !self.is_read_only);
        safe_until.map_or(silent_at, |safe| safe.min(silent_at))
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
            && let Link::Up(up) = &mut self.link
            && up.login.is_none()
            && let Some(id) = self.waiting.pop_front()
        {
            let Some(call) = self.calls.get_mut(&id) else { continue };
            let xid = up.take_xid();
            call.sent = true;
            call.request.encode(xid, &mut self.out);
            up.clocks.note_sent(now);
            up.in_flight.push_back(Sent { xid, at: now, what: What::Call(id) });
        }
        (!self.out.is_empty()).then(|| self.out.split().freeze())
    }

    /// Timers of the connection.
    pub(super) fn advance_link(&mut self, now: Moment) {
        let safe_until = self.lease.safe_until();
        match &mut self.link {
            Link::Idle { until } if *until <= now => {
                let host = self.settings.hosts.take_turn();
                self.link = Link::Dialing { deadline: now + self.attempt_timeout() };
                self.outputs.push_back(Output::Dial(host));
            }
            Link::Dialing { deadline } | Link::Handshake { deadline, .. } if *deadline <= now => {
                self.lose_link(now);
            }
            Link::Up(up) if up.leave_at(safe_until) <= now => self.lose_link(now),
            Link::Up(Up { login: Some(login), .. }) if login.deadline <= now => self.lose_link(now),
            Link::Up(up) if up.login.is_none() && up.clocks.ping_at() <= now => {
                Request::Ping.encode(XID_PING, &mut self.out);
                up.clocks.note_sent(now);
                up.in_flight.push_back(Sent { xid: XID_PING, at: now, what: What::Ping });
            }
            _ => {}
        }
    }

    fn attempt_timeout(&self) -> Duration {
        let hosts = u32::try_from(self.settings.hosts.count()).unwrap_or(u32::MAX);
        self.settings
            .connect_timeout
            .unwrap_or_else(|| self.lease.timeout().duration() / hosts)
            .max(Duration::from_millis(1))
    }

    /// The connection stands: the handshake goes out.
    pub(super) fn dialed(&mut self, now: Moment, server: Arc<str>) {
        let Link::Dialing { deadline } = self.link else { return };
        // A session that only a read-only server knows is not worth asking for anywhere else.
        let asked = if self.known.is_provisional { Known::default() } else { self.known };
        ConnectRequest {
            last_zxid_seen: self.last_zxid,
            timeout: i32::try_from(self.settings.timeout.0).unwrap_or(i32::MAX),
            session_id: asked.id,
            password: Some(Bytes::copy_from_slice(&asked.password.0)),
            read_only: Some(self.settings.read_only),
            hello: None,
        }
        .encode(&mut self.out);
        self.link = Link::Handshake { server, asked: asked.id, sent: now, deadline };
    }

    /// Bytes from the server: as many frames as are whole.
    pub(super) fn received(&mut self, now: Moment, bytes: BytesMut) {
        if self.input.is_empty() {
            self.input = bytes;
        } else {
            self.input.unsplit(bytes);
        }
        while matches!(self.link, Link::Up(_) | Link::Handshake { .. }) {
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
            Link::Handshake { .. } => match ConnectResponse::decode(body) {
                Ok(response) => self.shaken(now, response),
                Err(_) => self.lose_link(now),
            },
            _ => {}
        }
    }

    /// The server's answer to the handshake.
    fn shaken(&mut self, now: Moment, response: ConnectResponse) {
        let Link::Handshake { server, asked, sent, deadline } = &self.link else { return };
        let (server, asked, sent, deadline) = (Arc::clone(server), *asked, *sent, *deadline);
        if response.is_refused() {
            if asked.is_none() {
                return self.lose_link(now);
            }
            return self.refused(now);
        }
        let is_foreign = !asked.is_none() && response.session_id != asked;
        if is_foreign && !self.outlive_foreign() {
            return;
        }
        let is_read_only = response.read_only == Some(true);
        self.known = Known {
            id: response.session_id,
            password: response.password,
            is_provisional: is_read_only && (asked.is_none() || is_foreign),
        };
        self.lease.set_password(response.password);
        self.lease.note_zxid(self.last_zxid);
        if is_read_only {
            self.lease.begin_unheard(response.session_id, response.timeout);
        } else {
            self.lease.begin(response.session_id, response.timeout, sent);
        }
        self.unreachable_since = None;
        if let Phase::Closing { deadline, .. } = &mut self.phase {
            *deadline = None;
        }
        self.link = Link::Up(Up {
            server,
            clocks: Keepalive::new(response.timeout, self.settings.margin, sent, now),
            is_read_only,
            in_flight: VecDeque::new(),
            login: None,
            proving: VecDeque::new(),
            restoring: 0,
            is_announced: false,
            next_xid: 1,
        });
        self.log_in(now, deadline);
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
                if !up.is_read_only {
                    self.lease.note_answered(front.at);
                }
                match front.what {
                    What::Ping => {}
                    What::Restore if header.error != 0 => return None,
                    What::Restore => {
                        up.restoring -= 1;
                        self.announce();
                    }
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
        let is_restoring = matches!(&self.link, Link::Up(up) if !up.is_announced);
        for hearer in self.watches.hear(kind, &path) {
            if self.view_heard(hearer.watch, kind, &path) {
                continue;
            }
            if is_restoring && !hearer.is_last && self.owed_resync.is_some() {
                continue;
            }
            self.outputs.push_back(Output::Item {
                watch: hearer.watch,
                item: Ok(WatchItem::Changed { change: kind.into(), path: hearer.path, zxid }),
                is_last: hearer.is_last,
            });
        }
    }

    /// The server closed an attached connection. Somebody who keeps taking a resumed session over
    /// looks exactly so, and has to be left alone at some point.
    pub(super) fn cut_off(&mut self, now: Moment) {
        let timeout = self.lease.timeout().duration();
        if self.settings.resume.is_some() && matches!(self.link, Link::Up(_)) {
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
        let most = self.lease.timeout().duration() / 4;
        let hosts = self.settings.hosts.count();
        let wait = self.backoff.next(hosts, most, &mut self.chance);
        let link = std::mem::replace(&mut self.link, Link::Idle { until: now + wait });
        self.input.clear();
        self.out.clear();
        self.outputs.push_back(Output::Disconnect);
        if let Link::Up(up) = link {
            self.unreachable_since = Some(now);
            self.settle(up);
        }
        self.cut_views();
        if self.settings.when_disconnected == WhenDisconnected::Fail && !self.is_closing() {
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
        for index in 0..self.proofs.len() {
            self.send_proof(index);
        }
        let Link::Up(up) = &mut self.link else { return };
        for batch in self.watches.restoration(self.last_zxid) {
            Request::SetWatches(batch).encode(XID_SET_WATCHES, &mut self.out);
            up.in_flight.push_back(Sent { xid: XID_SET_WATCHES, at: now, what: What::Restore });
            up.restoring += 1;
        }
        self.restore_views();
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
