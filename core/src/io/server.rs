//! The embedded server: the handle that owns its threads.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::clock::Clock;
use super::{expiry, listener};
use crate::base::{Millis, Password, SessionId, limits};
use crate::replication::{Replicator, Solo};
use crate::service::{Options, Service};
use crate::session::{Bounds, timeout};

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address cannot be bound: it is taken, not of this machine, or not allowed.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address as configured.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The session timeouts contradict each other.
    #[error(transparent)]
    Timeouts(#[from] timeout::Contradiction),
    /// A thread cannot be started.
    #[error("cannot start a server thread: {0}")]
    Thread(std::io::Error),
}

/// What a server's threads share.
pub(super) struct Shared {
    pub(super) service: Service,
    pub(super) replicator: Box<dyn Replicator>,
    pub(super) clock: Clock,
}

/// A server being configured. Every setting has a default; see each method.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `start`"]
pub struct ServerBuilder {
    listen: SocketAddr,
    tick: Duration,
    min_session_timeout: Option<Duration>,
    max_session_timeout: Option<Duration>,
    max_connections_per_address: u32,
    max_frame: usize,
    sessionless_timeout: Duration,
    outstanding_limit: usize,
    extended_types: bool,
    reap_interval: Duration,
    server_id: u8,
    clock: Clock,
    workers: usize,
}

impl Default for ServerBuilder {
    fn default() -> Self {
        ServerBuilder {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tick: limits::TICK,
            min_session_timeout: None,
            max_session_timeout: None,
            max_connections_per_address: limits::CONNECTIONS_PER_ADDRESS,
            max_frame: limits::MAX_FRAME,
            sessionless_timeout: limits::SESSIONLESS_TIMEOUT,
            outstanding_limit: limits::OUTSTANDING,
            extended_types: true,
            reap_interval: limits::REAP_INTERVAL,
            server_id: 1,
            clock: Clock::real(),
            workers: 1,
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

    /// The largest frame accepted, in bytes of its body; a longer one closes the connection.
    /// Default: 1,048,575.
    pub fn max_frame(mut self, bytes: usize) -> Self {
        self.max_frame = bytes.min(i32::MAX as usize);
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

    /// Whether znodes with a time to live can be created. Default: yes.
    pub fn extended_types(mut self, yes: bool) -> Self {
        self.extended_types = yes;
        self
    }

    /// How often containers and TTL znodes are looked at. Default: 60 s.
    pub fn reap_interval(mut self, interval: Duration) -> Self {
        self.reap_interval = interval;
        self
    }

    /// The server's id, the top byte of the ids of its sessions. Default: 1.
    pub fn server_id(mut self, id: u8) -> Self {
        self.server_id = id;
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

    /// Starts the server. The port is bound when this returns. Blocks for the time of a bind.
    ///
    /// # Errors
    /// [`StartError::Timeouts`] before the port is opened, [`StartError::Listen`],
    /// [`StartError::Thread`].
    pub fn start(self) -> Result<Server, StartError> {
        let options = self.options()?;
        let service = Service::new(options, self.clock.now(), Box::new(password));
        let shared =
            Arc::new(Shared { service, replicator: Box::new(Solo), clock: self.clock.clone() });
        let stop = Arc::new(Notify::new());
        let (bound, waiting) = mpsc::channel();
        let io = {
            let (shared, stop) = (shared.clone(), stop.clone());
            let (listen, workers) = (self.listen, self.workers);
            std::thread::Builder::new()
                .name("tenure-server".to_owned())
                .spawn(move || serve(&shared, listen, workers, &stop, &bound))
                .map_err(StartError::Thread)?
        };
        let address = waiting.recv().unwrap_or_else(|_| {
            Err(StartError::Thread(std::io::Error::other("the server thread ended early")))
        })?;
        let alarm = Arc::new(expiry::Alarm::default());
        let mut server = Server {
            address,
            shared,
            stop,
            alarm,
            threads: Mutex::new(vec![io]),
            clock: self.clock,
        };
        server.start_expiry()?;
        Ok(server)
    }

    fn options(&self) -> Result<Options, StartError> {
        let default = |ticks: u32| self.tick.saturating_mul(ticks);
        let min = self.min_session_timeout.unwrap_or_else(|| default(limits::MIN_SESSION_TICKS));
        let max = self.max_session_timeout.unwrap_or_else(|| default(limits::MAX_SESSION_TICKS));
        Ok(Options {
            server_id: self.server_id,
            tick: Millis::from_duration(self.tick),
            bounds: Bounds::new(Millis::from_duration(min), Millis::from_duration(max))?,
            connections_per_address: self.max_connections_per_address,
            sessionless_timeout: self.sessionless_timeout,
            max_frame: self.max_frame,
            outstanding: self.outstanding_limit,
            extended_types: self.extended_types,
            reap_interval: self.reap_interval.max(Duration::from_millis(1)),
        })
    }
}

/// A server inside this process, on its own threads.
///
/// Any number of them may run side by side. Dropping it stops it like [`Server::shutdown`]; what it
/// held is gone with it, for it keeps everything in memory.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Arc<Notify>,
    alarm: Arc<expiry::Alarm>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    clock: Clock,
}

impl Server {
    /// A server to configure.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// The address it listens on, with the real port.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The address as clients take it: `127.0.0.1:2181`. A server that listens on every address of
    /// the machine names the loopback one.
    pub fn hosts(&self) -> String {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            let v4 = address.is_ipv4();
            address.set_ip(if v4 {
                std::net::Ipv4Addr::LOCALHOST.into()
            } else {
                std::net::Ipv6Addr::LOCALHOST.into()
            });
        }
        address.to_string()
    }

    /// Ends a session now, as if its time were up: its ephemerals go in one transaction, and its
    /// connection closes without a word. Returns false if there is no such session. When this
    /// returns, no client can read the ephemerals any more.
    pub fn expire(&self, session_id: i64) -> bool {
        let now = self.clock.now();
        self.shared.service.end_session(SessionId(session_id), now, &mut |proposal| {
            self.shared.replicator.propose(&self.shared.service, proposal, now);
        })
    }

    /// Cuts the connection of a session. The session stays, and can be resumed. Returns false if no
    /// connection speaks for it.
    pub fn drop_connection(&self, session_id: i64) -> bool {
        self.shared.service.cut(SessionId(session_id))
    }

    /// The sessions that exist, in the order of their ids.
    pub fn sessions(&self) -> Vec<i64> {
        self.shared.service.session_ids().into_iter().map(|id| id.0).collect()
    }

    /// How late sessions were expired so far: minimum, mean and maximum in milliseconds.
    pub fn expiry_lateness(&self) -> (u64, f64, u64) {
        self.shared.service.stats.lateness()
    }

    /// Moves session time forward by `length`. All that comes due on the way happens, in its order
    /// and at its own moment, before this returns. What clients had sent before the call counts as
    /// heard before it.
    ///
    /// # Panics
    /// If the server does not run on a [`Clock::manual`].
    pub fn advance(&self, length: Duration) {
        assert!(self.clock.is_manual(), "only a manual clock can be advanced");
        let until = self.clock.now().moment + length;
        expiry::advance(&self.shared, until);
    }

    /// Stops the server: no connection is accepted any more, those there are closed without a word,
    /// and every thread of the server has ended when this returns.
    pub fn shutdown(self) {
        self.stop_threads();
    }

    fn start_expiry(&mut self) -> Result<(), StartError> {
        if self.clock.is_manual() {
            return Ok(());
        }
        let (shared, alarm) = (self.shared.clone(), self.alarm.clone());
        let thread = std::thread::Builder::new()
            .name("tenure-expiry".to_owned())
            .spawn(move || expiry::run(&shared, &alarm))
            .map_err(StartError::Thread)?;
        self.threads.get_mut().push(thread);
        Ok(())
    }

    fn stop_threads(&self) {
        self.stop.notify_one();
        self.alarm.stop();
        for thread in self.threads.lock().drain(..) {
            // A thread that panicked has printed why, and there is nothing left to stop.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop_threads();
    }
}

/// The server's main thread: owns the runtime, so that nobody else ever drops one.
fn serve(
    shared: &Arc<Shared>,
    listen: SocketAddr,
    workers: usize,
    stop: &Arc<Notify>,
    bound: &mpsc::Sender<Result<SocketAddr, StartError>>,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .thread_name("tenure-io")
        .enable_io()
        .enable_time()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = bound.send(Err(StartError::Thread(error)));
            return;
        }
    };
    runtime.block_on(async {
        let listening = listener::bind(listen).and_then(|listener| {
            let address = listener.local_addr()?;
            Ok((listener, address))
        });
        match listening {
            Ok((listener, address)) => {
                shared.service.set_listening_on(address);
                let _ = bound.send(Ok(address));
                listener::accept(shared.clone(), listener, stop.clone()).await;
            }
            Err(source) => {
                let _ = bound.send(Err(StartError::Listen { address: listen, source }));
            }
        }
    });
}

/// Sixteen bytes nobody can guess.
fn password() -> Password {
    let mut bytes = [0; Password::LEN];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    Password(bytes)
}
