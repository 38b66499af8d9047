//! A server's settings.

mod directory;
mod identity;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::audit::{AuditSink, Sink};
use super::start_error::StartError;
use crate::base::{Millis, Password, limits};
use crate::engine::{Engine, EngineOptions, Rules, Schemes};
use crate::io::clock::Clock;
use crate::io::host::host;
use crate::replication::Policy;
use crate::service::words::{self, Allowed};
use crate::service::{Audit, Ceilings, Faults, Options, Service};
use crate::session::Bounds;
use crate::wire::Features;

/// A server being configured. Every setting has a default; see each method.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `start`"]
pub struct ServerBuilder {
    pub(super) listen: SocketAddr,
    pub(super) backlog: u32,
    pub(super) keep_alive: bool,
    tick: Duration,
    min_session_timeout: Option<Duration>,
    max_session_timeout: Option<Duration>,
    max_connections_per_address: u32,
    max_frame: usize,
    sessionless_timeout: Duration,
    outstanding_limit: usize,
    features: Features,
    extended_types: bool,
    enforce_quota: bool,
    crash_detection: bool,
    reap_interval: Duration,
    reap_most: u32,
    never_used_containers: Option<Duration>,
    slow_sync: Duration,
    pub(super) identities: identity::Identities,
    pub(super) secure: tls::Secure,
    server_id: u8,
    words: String,
    pub(super) audit: Option<Sink>,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) snapshots: Policy,
    pub(super) least_free: u64,
    pub(super) clock: Clock,
    pub(super) workers: usize,
    pub(super) ceilings: Ceilings,
    pub(super) ephemerals_per_session: u32,
    pub(super) ephemeral_bytes_per_session: u64,
    /// What a test plants in the server; it outlives a restart.
    pub(super) faults: Arc<Faults>,
    pub(super) directory: directory::Directory,
}

impl Default for ServerBuilder {
    fn default() -> Self {
        ServerBuilder {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            backlog: limits::BACKLOG,
            keep_alive: false,
            tick: limits::TICK,
            min_session_timeout: None,
            max_session_timeout: None,
            max_connections_per_address: limits::CONNECTIONS_PER_ADDRESS,
            max_frame: limits::MAX_FRAME,
            sessionless_timeout: limits::SESSIONLESS_TIMEOUT,
            outstanding_limit: limits::OUTSTANDING,
            features: Features::ALL,
            extended_types: true,
            enforce_quota: false,
            crash_detection: true,
            reap_interval: limits::REAP_INTERVAL,
            reap_most: limits::REAP_MOST as u32,
            never_used_containers: None,
            slow_sync: limits::SLOW_SYNC,
            identities: identity::Identities::default(),
            secure: tls::Secure::default(),
            server_id: 1,
            words: words::DEFAULT.to_owned(),
            audit: None,
            data_dir: None,
            snapshots: Policy::default(),
            least_free: limits::LEAST_FREE,
            clock: Clock::real(),
            workers: 1,
            ceilings: Ceilings::default(),
            ephemerals_per_session: limits::EPHEMERALS_PER_SESSION,
            ephemeral_bytes_per_session: limits::EPHEMERAL_BYTES_PER_SESSION,
            faults: Arc::default(),
            directory: directory::Directory::default(),
        }
    }
}

impl ServerBuilder {
    /// The address and port to listen on; port 0 takes a free one. Default: a free port of
    /// 127.0.0.1.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Connections the kernel may hold until they are accepted, at least 1. Default: 4,096.
    pub fn backlog(mut self, most: u32) -> Self {
        self.backlog = most.max(1);
        self
    }

    /// Whether the kernel probes connections that are silent. Sessions have heartbeats of their own.
    /// Default: no.
    pub fn keep_alive(mut self, yes: bool) -> Self {
        self.keep_alive = yes;
        self
    }

    /// The unit of the default session timeouts, in whole milliseconds. Nothing is rounded to it.
    /// Default: 3 s.
    pub fn tick(mut self, tick: Duration) -> Self {
        self.tick = tick;
        self
    }

    /// The shortest session timeout granted, at least 1 ms. Default: two ticks.
    pub fn min_session_timeout(mut self, timeout: Duration) -> Self {
        self.min_session_timeout = Some(timeout);
        self
    }

    /// The longest session timeout granted. Default: twenty ticks.
    pub fn max_session_timeout(mut self, timeout: Duration) -> Self {
        self.max_session_timeout = Some(timeout);
        self
    }

    /// Connections one address may hold; one more is closed without a byte. 0 for any number.
    /// Default: 60.
    pub fn max_connections_per_address(mut self, most: u32) -> Self {
        self.max_connections_per_address = most;
        self
    }

    /// The largest frame accepted, in bytes of its body, 63 MiB at most; a longer one closes the
    /// connection. Default: 1,048,575.
    pub fn max_frame(mut self, bytes: usize) -> Self {
        self.max_frame = bytes.min(limits::MOST_FRAME);
        self
    }

    /// How long a connection may go without a session before it is closed. Default: 10 s.
    pub fn sessionless_timeout(mut self, timeout: Duration) -> Self {
        self.sessionless_timeout = timeout;
        self
    }

    /// How many replies may wait for slow clients, in the whole server, before those clients are
    /// read no further. Default: 1,000.
    pub fn outstanding_limit(mut self, most: usize) -> Self {
        self.outstanding_limit = most;
        self
    }

    /// What the server can do beyond ZooKeeper's protocol, for clients of this project that ask for it
    /// in their handshake; to all others it does not exist. Default: everything.
    pub fn features(mut self, features: Features) -> Self {
        self.features = features;
        self
    }

    /// Whether znodes with a time to live can be created. Default: yes.
    pub fn extended_types(mut self, yes: bool) -> Self {
        self.extended_types = yes;
        self
    }

    /// Whether the hard limits of quotas are kept: a create or a setData that would exceed one is
    /// refused with `QuotaExceeded`. Without it they are counted against all the same, and forbid
    /// nothing. Default: no.
    pub fn enforce_quota(mut self, yes: bool) -> Self {
        self.enforce_quota = yes;
        self
    }

    /// Whether a session that asks for it ends soon after the kernel of its client's machine has closed
    /// the connection: after the grace the client names, at least 10 ms and at most the timeout.
    /// Sessions that do not ask, silent ones and those whose network is cut have their whole timeout all
    /// the same. Default: yes.
    pub fn crash_detection(mut self, yes: bool) -> Self {
        self.crash_detection = yes;
        self
    }

    /// How often containers and TTL znodes are looked at. Default: 60 s.
    pub fn reap_interval(mut self, interval: Duration) -> Self {
        self.reap_interval = interval;
        self
    }

    /// How many containers and TTL znodes one look may remove, at least 1; the others wait for the
    /// next one. Default: 10,000.
    pub fn reap_most(mut self, most: u32) -> Self {
        self.reap_most = most.max(1);
        self
    }

    /// The age, since its creation or since its data were last set, at which a container is removed
    /// that never had a child, in whole milliseconds. Default: none, it is kept.
    pub fn never_used_containers(mut self, age: Option<Duration>) -> Self {
        self.never_used_containers = age;
        self
    }

    /// A flush of the log that takes at least as long is worth a line in the program's log. Default:
    /// 1 s.
    pub fn slow_sync(mut self, length: Duration) -> Self {
        self.slow_sync = length;
        self
    }

    /// The server's id, the top byte of the ids of its sessions. Default: 1.
    pub fn server_id(mut self, id: u8) -> Self {
        self.server_id = id;
        self
    }

    /// The four-letter words that are answered, as a list with commas between them; `*` is all of them,
    /// and `srvr` is always one. Anybody who can reach the port can ask: `cons`, `dump`, `wchc` and
    /// `wchp` tell who is connected and what they watch, `crst`, `srst` and `stmk` change figures. Where
    /// `hash` is answered, every write is charged for keeping a digest. Default:
    /// `ruok,srvr,stat,mntr,conf,isro`.
    pub fn words(mut self, list: &str) -> Self {
        list.clone_into(&mut self.words);
        self
    }

    /// Notes every write in an audit log: who asked, for what, and with which result, in the order in
    /// which writes are carried out; the ones that fail too. No request waits for the sink: if it fails or
    /// falls behind, lines are lost and counted, and the server goes on. Default: none.
    ///
    /// [`AuditFile`](crate::server::AuditFile) is a sink.
    pub fn audit(mut self, sink: impl AuditSink + 'static) -> Self {
        self.audit = Some(Sink(Arc::new(sink)));
        self
    }

    /// Keeps everything in this directory, which is created if it does not exist: what was
    /// acknowledged is there after a crash of the process or of the machine. A second server is
    /// refused there as long as this one runs. A relative path is taken from where the process is at the
    /// start. Default: everything in memory, gone with the server.
    pub fn data_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(directory.into());
        self
    }

    /// Transactions after which a snapshot is taken, at least 1. Default: 100,000.
    pub fn snapshot_after_txns(mut self, txns: u64) -> Self {
        self.snapshots.after_txns = txns.max(1);
        self
    }

    /// Bytes of log after which a snapshot is taken, at least 1. Default: 256 MiB.
    pub fn snapshot_after_bytes(mut self, bytes: u64) -> Self {
        self.snapshots.after_bytes = bytes.max(1);
        self
    }

    /// The time after which a snapshot is taken, if anything has changed. Default: one hour.
    pub fn snapshot_after(mut self, age: Duration) -> Self {
        self.snapshots.after = age;
        self
    }

    /// Snapshots that are kept, at least 1, with all of the log behind the oldest of them: as many
    /// may be damaged less one, and nothing is lost. Default: 3.
    pub fn snapshots_kept(mut self, count: usize) -> Self {
        self.snapshots.kept = count.max(1);
        self
    }

    /// Bytes that have to be free on the disk. With less, writes that need room are refused with
    /// `NotReadOnly`, and deletes, closes and new sessions still work. Default: 8 MiB.
    pub fn least_free(mut self, bytes: u64) -> Self {
        self.least_free = bytes;
        self
    }

    /// Where time comes from. Default: [`Clock::real`].
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Threads that serve connections, at least 1. Default: 1.
    pub fn workers(mut self, threads: usize) -> Self {
        self.workers = threads.max(1);
        self
    }

    /// The same, with a data directory and files that stay where they are when the process goes elsewhere.
    pub(super) fn with_absolute_dir(mut self) -> Result<ServerBuilder, StartError> {
        if let Some(directory) = &mut self.data_dir {
            *directory = std::path::absolute(&*directory).map_err(|error| {
                StartError::DataDir(format!("{}: {error}", directory.display()))
            })?;
        }
        self.secure.absolute();
        Ok(self)
    }

    /// The schemes that lists may name.
    fn schemes(&self) -> Schemes {
        self.identities.schemes(self.secure.proves_clients())
    }

    /// The service over this state, or over none.
    pub(super) fn service(&self, engine: Option<Engine>) -> Result<Arc<Service>, StartError> {
        let options = self.options()?;
        let mut engine = engine.unwrap_or_else(|| Engine::new(self.engine_options()));
        if options.words.contains(*b"hash") {
            engine.keep_digests();
        }
        let service = Service::new(options, engine, self.clock.now(), Box::new(password));
        let service = service.in_place(self.data_dir.is_none());
        Ok(Arc::new(service.with_faults(self.faults.clone())))
    }

    /// What an engine is told at its start.
    pub(super) fn engine_options(&self) -> EngineOptions {
        let seed = u128::from_be_bytes(password().0) as u64;
        EngineOptions { rules: self.rules(), hash_seed: seed }
    }

    fn rules(&self) -> Rules {
        Rules {
            extended_types: self.extended_types,
            enforces_quota: self.enforce_quota,
            never_used_containers: self.never_used_containers.map(Millis::from_duration),
            schemes: self.schemes(),
            skips_acl: self.identities.skips_acl,
            ephemerals_per_session: self.ephemerals_per_session,
            ephemeral_bytes_per_session: self.ephemeral_bytes_per_session,
            session_values: self.directory.values,
            session_value_bytes: self.directory.value_bytes,
            session_directory: self.directory.is_on,
        }
    }

    fn options(&self) -> Result<Options, StartError> {
        let default = |ticks: u32| self.tick.saturating_mul(ticks);
        let min = self.min_session_timeout.unwrap_or_else(|| default(limits::MIN_SESSION_TICKS));
        let max = self.max_session_timeout.unwrap_or_else(|| default(limits::MAX_SESSION_TICKS));
        let host = host();
        Ok(Options {
            server_id: self.server_id,
            tick: Millis::from_duration(self.tick),
            bounds: Bounds::new(Millis::from_duration(min), Millis::from_duration(max))?,
            connections_per_address: self.max_connections_per_address,
            sessionless_timeout: self.sessionless_timeout,
            max_frame: self.max_frame,
            outstanding: self.outstanding_limit,
            rules: self.rules(),
            reap_interval: self.reap_interval.max(Duration::from_millis(1)),
            reap_most: self.reap_most as usize,
            slow_sync: self.slow_sync,
            features: self.directory.features(self.features),
            crash_detection: self.crash_detection,
            identity: self.identities.settings(self.schemes())?,
            session_readers: self.directory.readers(self.schemes())?,
            ceilings: self.ceilings.clone(),
            words: Allowed::parse(&self.words)?,
            audit: self.audit.as_ref().map(|_| Arc::new(Audit::new(&host.user))),
            host,
            data_dir: self.data_dir.clone(),
        })
    }
}

/// Sixteen bytes nobody can guess.
fn password() -> Password {
    let mut bytes = [0; Password::LEN];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    Password(bytes)
}
