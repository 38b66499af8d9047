//! One client connection, as the rest of the server sees it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::accounts::account_of;
use super::identity::Exchange;
use super::line::Line;
use super::outbox::{Closing, Outbox};
use super::rest::Rest;
use super::stats::Spread;
use super::turns::Turns;
use crate::base::{
    AccountId, ConnectionId, Identity, Millis, Moment, SessionId, WallMillis, Zxid, limits,
};
use crate::session::Lease;
use crate::wire::{Features, Op};

/// What the floor above knows about a socket and this one needs to ask.
pub trait Transport: Send + Sync {
    /// Something was appended to the outbox, or the connection is to end.
    fn wake(&self);

    /// Bytes that have arrived and nobody has read.
    fn unread(&self) -> usize;

    /// Whether something has arrived, the end of the connection included.
    fn is_readable(&self) -> bool {
        self.unread() > 0
    }

    /// Whether bytes can be sent at this moment.
    fn is_writable(&self) -> bool {
        true
    }
}

/// One client connection.
pub struct Peer {
    /// Its number.
    pub id: ConnectionId,
    /// Where it comes from.
    pub address: SocketAddr,
    /// When it was accepted.
    pub since: Moment,
    /// When it was accepted, for people.
    pub established: WallMillis,
    /// What waits to be sent.
    pub outbox: Outbox,
    /// What it has under way.
    pub(super) line: Line,
    /// What it has sent and nobody has processed.
    pub(super) rest: Rest,
    /// Whether reading is suspended until the client reads.
    pub is_paused: AtomicBool,
    /// Whether input is on its way from the socket to the service. Set before it leaves the one, and
    /// taken back when the other has dealt with all of it, or reading is suspended.
    pub is_reading: AtomicBool,
    /// Whether its task takes it for silent: see [`super::Fault::Silence`].
    pub is_silent: AtomicBool,
    /// The silent session it has asked for.
    muted: OnceLock<SessionId>,
    /// How long its session outlives it if the client's side closes it; 0 for the whole timeout.
    crash_grace: AtomicU32,
    /// When its task is at work. Only kept where somebody waits for it to have done all it can.
    pub turns: Turns,
    /// Figures for `cons` and `stat`.
    pub traffic: Traffic,
    held: OnceLock<Held>,
    /// The session it is to take over, when it has to wait for that and nobody was told yet.
    awaited: AtomicI64,
    /// Whether the answer to its handshake waits for something.
    is_handshaking: AtomicBool,
    identities: Mutex<Arc<[Identity]>>,
    /// How far it is with SASL.
    pub(super) sasl: Mutex<Exchange>,
    /// Whom limits of one identity are counted for, and whether that has changed.
    account: AtomicU64,
    has_moved: AtomicBool,
    transport: Box<dyn Transport>,
}

impl Peer {
    /// A connection that was just accepted. It is known by its address, and by nothing else yet.
    pub fn new(
        id: ConnectionId,
        address: SocketAddr,
        opened: (Moment, WallMillis),
        transport: Box<dyn Transport>,
    ) -> Peer {
        let address_identity = Identity::new("ip", address.ip().to_canonical().to_string());
        Peer {
            id,
            address,
            since: opened.0,
            established: opened.1,
            outbox: Outbox::default(),
            line: Line::default(),
            rest: Rest::default(),
            awaited: AtomicI64::new(0),
            is_handshaking: AtomicBool::new(false),
            is_paused: AtomicBool::new(false),
            is_reading: AtomicBool::new(false),
            is_silent: AtomicBool::new(false),
            muted: OnceLock::new(),
            crash_grace: AtomicU32::new(0),
            turns: Turns::begun(),
            traffic: Traffic::default(),
            held: OnceLock::new(),
            account: AtomicU64::new(account_of(address.ip(), &[]).0),
            has_moved: AtomicBool::new(false),
            identities: Mutex::new([address_identity].into()),
            sasl: Mutex::default(),
            transport,
        }
    }

    /// The session it speaks for, once it has one.
    pub fn lease(&self) -> Option<&Held> {
        self.held.get()
    }

    /// The session it speaks for, or [`SessionId::NONE`].
    pub fn session(&self) -> SessionId {
        self.held.get().map_or(SessionId::NONE, |held| held.session)
    }

    /// Whether it speaks for a session that lives.
    pub fn has_session(&self) -> bool {
        self.held.get().is_some_and(|held| held.lease.deadline().is_some())
    }

    /// Whether it has asked for a session and waits for the answer.
    pub fn is_handshaking(&self) -> bool {
        self.is_handshaking.load(Ordering::SeqCst) && self.held.get().is_none()
    }

    /// It has asked for a session.
    pub(super) fn begin_handshake(&self) {
        self.is_handshaking.store(true, Ordering::SeqCst);
    }

    /// The grace that was granted in its handshake.
    pub(super) fn set_crash_grace(&self, grace: Millis) {
        self.crash_grace.store(grace.0, Ordering::Relaxed);
    }

    /// How long its session outlives it if the client's side closes it, where that is not the whole
    /// timeout.
    pub(super) fn crash_grace(&self) -> Option<Millis> {
        Some(Millis(self.crash_grace.load(Ordering::Relaxed))).filter(|grace| grace.0 > 0)
    }

    /// It has asked for a session whose connections are silent, and is never answered.
    pub(super) fn mute(&self, session: SessionId) {
        let _ = self.muted.set(session);
        self.begin_handshake();
    }

    /// The silent session it has asked for.
    pub fn muted(&self) -> Option<SessionId> {
        self.muted.get().copied()
    }

    /// The session it is to take over must be hastened.
    pub(super) fn wait_for(&self, session: SessionId) {
        self.awaited.store(session.0, Ordering::Release);
    }

    /// The session it is to take over once what was sent on the connection before is done. Told once, to
    /// whoever can make that come sooner.
    pub fn take_awaited(&self) -> Option<SessionId> {
        let is_any = self.is_handshaking() && self.awaited.load(Ordering::Acquire) != 0;
        is_any.then(|| SessionId(self.awaited.swap(0, Ordering::AcqRel)))
    }

    /// Whether it has transactions under way.
    pub fn is_busy(&self) -> bool {
        self.line.is_busy()
    }

    /// Whether this server owes it an answer.
    pub fn is_waiting(&self) -> bool {
        self.is_handshaking() || self.is_busy()
    }

    /// From now on it speaks for `session`. A connection does so for one session in its life.
    pub fn speak_for(&self, session: SessionId, lease: Arc<Lease>, features: Features) {
        let first = self.held.set(Held { session, lease, features }).is_ok();
        debug_assert!(first, "N2: one handshake per connection");
    }

    /// Who speaks: the address, and what was proven since.
    pub fn identities(&self) -> Arc<[Identity]> {
        self.identities.lock().clone()
    }

    /// Adds an identity, once. Returns false if there are as many as may be, or too many bytes of
    /// them.
    pub fn add_identity(&self, identity: Identity) -> bool {
        let mut identities = self.identities.lock();
        if identities.contains(&identity) {
            return true;
        }
        let bytes: usize = identities.iter().chain([&identity]).map(Identity::bytes).sum();
        if identities.len() >= limits::IDENTITIES || bytes > limits::IDENTITY_BYTES {
            return false;
        }
        *identities = identities.iter().cloned().chain([identity]).collect();
        let account = account_of(self.address.ip(), &identities);
        if self.account.swap(account.0, Ordering::Relaxed) != account.0 {
            self.has_moved.store(true, Ordering::Relaxed);
        }
        true
    }

    /// Whom its limits are counted for.
    pub(super) fn account(&self) -> AccountId {
        AccountId(self.account.load(Ordering::Relaxed))
    }

    /// Whether that has changed since the last time this was asked.
    pub(super) fn has_moved(&self) -> bool {
        self.has_moved.load(Ordering::Relaxed) && self.has_moved.swap(false, Ordering::Relaxed)
    }

    /// Ends the connection at once, without a word.
    pub fn cut(&self) {
        self.outbox.close(Closing::Now);
        self.transport.wake();
    }

    /// Whether it was ended without a word.
    pub fn is_cut(&self) -> bool {
        self.outbox.lock().closing == Some(Closing::Now)
    }

    /// Tells the connection that its outbox changed.
    pub fn wake(&self) {
        self.transport.wake();
    }

    /// Whether something has arrived that will be dealt with and was not yet. What waits behind a
    /// suspended reader does not count: the client decides how long that lasts.
    pub fn has_unread(&self) -> bool {
        // The order matters: what is not in the socket any more was taken under the flag.
        !self.is_paused.load(Ordering::SeqCst)
            && (self.transport.unread() > 0 || self.is_reading.load(Ordering::SeqCst))
    }
}

impl Peer {
    /// Whether its task has something to do: reading, sending or closing. Sending to a client that does
    /// not read is no such thing, and neither is what is read no further.
    pub(super) fn is_stirring(&self, is_silent: bool) -> bool {
        // Silence is no work, but to become silent is.
        if is_silent || self.is_silent.load(Ordering::SeqCst) {
            return is_silent != self.is_silent.load(Ordering::SeqCst) || self.turns.is_inside();
        }
        let (is_open, has_bytes, is_cut) = {
            let waiting = self.outbox.lock();
            let closing = waiting.due_closing();
            (closing.is_none(), !waiting.bytes.is_empty(), closing == Some(Closing::Now))
        };
        let sends = if self.turns.is_blocked() {
            is_cut || self.transport.is_writable()
        } else {
            !is_open || has_bytes
        };
        let reads = !self.is_paused.load(Ordering::SeqCst) && self.transport.is_readable();
        sends || reads || self.turns.is_inside()
    }
}

/// The session a connection speaks for.
#[derive(Debug)]
pub struct Held {
    /// Its id.
    pub session: SessionId,
    /// Its right to live.
    pub lease: Arc<Lease>,
    /// What was agreed on in the handshake.
    pub features: Features,
}

/// Counters of one connection. Written by its own task, read by anybody.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Frames received.
    pub received: AtomicU64,
    /// Frames sent.
    pub sent: AtomicU64,
    /// The last operation and the xid it came with; see [`Traffic::note`].
    last: AtomicU64,
    /// The zxid of the last reply.
    last_zxid: AtomicI64,
    /// Microseconds since the server's start at the last reply.
    pub last_response: AtomicU64,
    /// How long its requests took.
    pub latency: Spread,
}

impl Traffic {
    /// Forgets everything.
    pub(super) fn reset(&self) {
        for counter in [&self.received, &self.sent, &self.last, &self.last_response] {
            counter.store(0, Ordering::Relaxed);
        }
        self.last_zxid.store(0, Ordering::Relaxed);
        self.latency.reset();
    }

    /// Notes the last request.
    pub fn note(&self, op: Op, xid: i32) {
        let index = op as u64 + 1;
        self.last.store(index << 32 | u64::from(xid as u32), Ordering::Relaxed);
    }

    /// Notes the zxid of the last reply.
    pub fn note_zxid(&self, zxid: Zxid) {
        self.last_zxid.store(zxid.0, Ordering::Relaxed);
    }

    /// The last request's operation and xid; `None` before the first.
    pub fn last(&self) -> Option<(Op, i32)> {
        let packed = self.last.load(Ordering::Relaxed);
        let index = usize::try_from(packed >> 32).ok()?.checked_sub(1)?;
        Some((*Op::ALL.get(index)?, packed as u32 as i32))
    }

    /// The zxid of the last reply; `None` before the first.
    pub fn last_zxid(&self) -> Option<Zxid> {
        self.last().map(|_| Zxid(self.last_zxid.load(Ordering::Relaxed)))
    }
}
