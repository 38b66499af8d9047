//! Floor 4: one server's side of the protocol. Decisions, no sockets, no clocks.
//!
//! A [`Service`] is handed bytes with the moment they arrived and appends what is to be sent to
//! outboxes. What changes replicated state it does not carry out: it hands a [`Proposal`] to the
//! caller, who puts proposals in order, has the engine apply them, and gives the effects back to
//! [`Service::deliver`].
//!
//! What always holds:
//!
//! * N1 a session's requests are answered in the order they were sent;
//! * N2 a request of a session that is ending gets no answer, and is not carried out;
//! * N3 watches and identities belong to a connection and go with it;
//! * N4 the event of a change stands before any reply that shows the change;
//! * N5 no connection waits for another one's client to read;
//! * N6 once a session speaks through another connection, nothing sent on the old one is carried out;
//! * N7 whoever did not ask for it in the handshake is answered as if this project had added nothing.
//!
//! Locks are taken in this order: the tree, `sessions`, `watches`, outboxes; `peers` may be taken
//! under any of them, and nothing is locked under it but outboxes by who delivers. A reader holds its
//! own outbox before it takes `watches`; the tree's guard keeps it apart from the writer, who does it
//! the other way round.

mod accounts;
mod admit;
mod answer;
mod audit;
mod ceilings;
mod crash;
mod deliver;
mod directory;
mod dispatch;
mod escape;
mod extensions;
mod faults;
pub mod identity;
mod json;
mod line;
mod outbox;
mod peer;
mod peers;
mod pressure;
mod quota;
mod reached;
mod read_only;
mod rest;
mod secure;
mod stats;
mod sweep;
#[cfg(test)]
mod tests;
mod turns;
pub mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::base::{Acl, Millis, Moment, Password, SessionId, WallMillis, limits};
use crate::engine::{Engine, EngineOptions, Rules};
use crate::session::{Attachments, Bounds, Deadlines, SessionIds};
use crate::watch::WatchTable;
use crate::wire::Features;
use accounts::Accounts;

pub use audit::Audit;
pub use ceilings::Ceilings;
pub use deliver::{Answer, Origin, Proposal};
pub use dispatch::Received;
pub use escape::Escaped;
pub use faults::{Fault, Faults};
pub use outbox::{Closing, Outbox, Waiting};
pub use peer::{Peer, Traffic, Transport};
pub use peers::Refused;
pub use quota::QuotaStats;
pub use reached::{Limit, Reached};
pub use rest::Unprocessed;
pub use secure::TlsStats;
pub use stats::{DiskStats, Stats};
pub use turns::Turns;

/// What a server is told at its start. Everything has a default of ZooKeeper's in `base/limits.rs`.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server's id: the top byte of the sessions it creates.
    pub server_id: u8,
    /// The unit of the configuration; nothing is rounded to it.
    pub tick: Millis,
    /// The session timeouts it grants.
    pub bounds: Bounds,
    /// Connections from one address; 0 for any number.
    pub connections_per_address: u32,
    /// How long a connection may go without a session.
    pub sessionless_timeout: Duration,
    /// The largest frame accepted, in bytes.
    pub max_frame: usize,
    /// Replies that may wait for clients before those clients are read no further.
    pub outstanding: usize,
    /// What may be chosen and a result depends on.
    pub rules: Rules,
    /// How often containers and TTL znodes are looked at.
    pub reap_interval: Duration,
    /// How many of them one look may remove.
    pub reap_most: usize,
    /// What a sync of the log may take without a line in the program's log.
    pub slow_sync: std::time::Duration,
    /// What it can do for clients that ask; see [`crate::wire::hello`].
    pub features: Features,
    /// Whether a session may end soon after its client's machine has closed the connection.
    pub crash_detection: bool,
    /// Who is who, and who has to prove it.
    pub identity: identity::Settings,
    /// Who may read what the session directory says of sessions, but for the values of others.
    pub session_readers: Arc<[Acl]>,
    /// What clients may have.
    pub ceilings: Ceilings,
    /// The four-letter words that are answered.
    pub words: words::Allowed,
    /// What it runs on, for `envi`.
    pub host: words::Host,
    /// Where it keeps its data, for `conf`.
    pub data_dir: Option<PathBuf>,
    /// Where it notes who changes what, if it does.
    pub audit: Option<Arc<Audit>>,
}

impl Default for Options {
    fn default() -> Options {
        let ticks = |count: u32| Millis::from_duration(limits::TICK.saturating_mul(count));
        let bounds =
            Bounds::new(ticks(limits::MIN_SESSION_TICKS), ticks(limits::MAX_SESSION_TICKS));
        Options {
            server_id: 1,
            tick: ticks(1),
            bounds: bounds.expect("two ticks are fewer than twenty"),
            connections_per_address: limits::CONNECTIONS_PER_ADDRESS,
            sessionless_timeout: limits::SESSIONLESS_TIMEOUT,
            max_frame: limits::MAX_FRAME,
            outstanding: limits::OUTSTANDING,
            rules: Rules::default(),
            reap_interval: limits::REAP_INTERVAL,
            reap_most: limits::REAP_MOST,
            slow_sync: limits::SLOW_SYNC,
            features: Features::ALL,
            crash_detection: true,
            identity: identity::Settings::default(),
            session_readers: Acl::read_unsafe().into(),
            ceilings: Ceilings::default(),
            words: words::Allowed::default(),
            host: words::Host::default(),
            data_dir: None,
            audit: None,
        }
    }
}

/// The time of an arrival, on both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For deadlines.
    pub moment: Moment,
    /// For the times that znodes carry.
    pub wall: WallMillis,
}

/// Local state of sessions: lost on restart, rebuilt from the registry.
struct Sessions {
    ids: SessionIds,
    deadlines: Deadlines,
    attachments: Attachments,
    next_reaping: Moment,
    /// Connections that speak for their session no more and still have transactions of it under way.
    draining: BTreeMap<SessionId, Arc<Peer>>,
    /// Sessions that were asked for and are not there yet.
    opening: usize,
    accounts: Accounts,
    /// Sessions that are in no registry, of a server that only reads.
    local: BTreeSet<SessionId>,
}

/// One server.
pub struct Service {
    /// What it was told at its start.
    pub options: Options,
    /// Its figures.
    pub stats: Stats,
    /// What a test has planted in it.
    pub faults: Arc<Faults>,
    started: Now,
    /// Whether a proposal has had its turn when whoever made it goes on: then nothing ever waits.
    is_in_place: bool,
    engine: RwLock<Engine>,
    sessions: Mutex<Sessions>,
    /// How many accounts keep as much alive as they may.
    full_accounts: Arc<AtomicUsize>,
    watches: Mutex<WatchTable>,
    peers: RwLock<peers::Peers>,
    passwords: Box<dyn Fn() -> Password + Send + Sync>,
    listening_on: OnceLock<SocketAddr>,
    words: words::State,
    has_failed: AtomicBool,
    secure_on: OnceLock<SocketAddr>,
}

impl Service {
    /// A server with this state. Every session in it starts with its full timeout (S-38, S-42).
    /// `passwords` has to be unpredictable.
    pub fn new(
        options: Options,
        mut engine: Engine,
        now: Now,
        passwords: Box<dyn Fn() -> Password + Send + Sync>,
    ) -> Service {
        // The log may end with an entry of other settings. What is read is judged by these.
        engine.begin(engine.epoch(), options.rules);
        engine.limit_replies(options.ceilings.reply);
        let mut ids = SessionIds::start(options.server_id, now.wall);
        let mut deadlines = Deadlines::default();
        quota::say_malformed(&engine);
        for (id, registered) in engine.registry().iter() {
            if (id.0 >> 56) as u8 == options.server_id {
                ids.skip_past(id);
            }
            deadlines.start(id, registered.timeout, now.moment);
        }
        let watch_seed = u128::from_be_bytes(passwords().0) as u64;
        let sessions = Sessions {
            ids,
            deadlines,
            attachments: Attachments::default(),
            next_reaping: now.moment + options.reap_interval,
            draining: BTreeMap::new(),
            opening: 0,
            accounts: Accounts::new(&options.ceilings),
            local: BTreeSet::new(),
        };
        Service {
            options,
            stats: Stats::default(),
            faults: Arc::default(),
            started: now,
            is_in_place: false,
            engine: RwLock::new(engine),
            full_accounts: sessions.accounts.full(),
            sessions: Mutex::new(sessions),
            watches: Mutex::new(WatchTable::new(watch_seed)),
            peers: RwLock::new(peers::Peers::default()),
            passwords,
            listening_on: OnceLock::new(),
            words: words::State::new(now),
            has_failed: AtomicBool::new(false),
            secure_on: OnceLock::new(),
        }
    }

    /// The same, told whether proposals have their turn before the call that makes them returns. Where
    /// they have, no account is kept of what is under way.
    pub fn in_place(mut self, yes: bool) -> Service {
        self.is_in_place = yes;
        self
    }

    /// The same, with faults that are planted elsewhere.
    pub fn with_faults(mut self, faults: Arc<Faults>) -> Service {
        self.faults = faults;
        self
    }

    /// The address clients reach it at, once it is bound.
    pub fn listening_on(&self) -> Option<SocketAddr> {
        self.listening_on.get().copied()
    }

    /// The port was bound. Told once.
    pub fn set_listening_on(&self, address: SocketAddr) {
        let first = self.listening_on.set(address).is_ok();
        debug_assert!(first, "a server is bound once");
    }

    /// The address of the port that takes TLS alone, once it is bound.
    pub fn secure_on(&self) -> Option<SocketAddr> {
        self.secure_on.get().copied()
    }

    /// That port was bound. Told once.
    pub fn set_secure_on(&self, address: SocketAddr) {
        let first = self.secure_on.set(address).is_ok();
        debug_assert!(first, "a server is bound once");
    }

    /// Whether it takes requests.
    pub fn is_serving(&self) -> bool {
        !self.has_failed.load(Ordering::Relaxed)
    }

    /// It takes none from now on, for it can acknowledge nothing any more.
    pub fn stop_serving(&self) {
        self.has_failed.store(true, Ordering::Relaxed);
    }

    /// Notes how long requests took that arrived together on one connection, from their arrival to the
    /// last reply. Those that were proposed are among them only where they have their turn at once.
    pub fn note_latency(&self, peer: &Peer, took: Duration, frames: u64, proposed: u64) {
        let updates = if self.is_in_place { proposed } else { 0 };
        let reads = frames.saturating_sub(proposed);
        self.stats.reads.note_each(reads, took);
        self.stats.updates.note_each(updates, took);
        peer.traffic.latency.note_each(reads + updates, took);
    }

    /// Notes how long a transaction took that had to wait for its turn.
    pub fn note_update_latency(&self, peer: &Peer, took: Duration) {
        self.stats.updates.note(took);
        peer.traffic.latency.note(took);
    }

    /// The replicated state, to read.
    pub fn engine(&self) -> RwLockReadGuard<'_, Engine> {
        self.engine.read()
    }

    /// The replicated state, for the one who applies transactions. Effects are delivered before the
    /// guard is let go.
    pub fn engine_mut(&self) -> RwLockWriteGuard<'_, Engine> {
        self.engine.write()
    }

    /// Takes the replicated state out, and leaves an empty one behind: for a server that has stopped.
    pub fn take_engine(&self) -> Engine {
        std::mem::replace(&mut *self.engine.write(), Engine::new(EngineOptions::default()))
    }

    /// The sessions that exist, in the order of their ids.
    pub fn session_ids(&self) -> Vec<SessionId> {
        self.engine().registry().iter().map(|(id, _)| id).collect()
    }
}
