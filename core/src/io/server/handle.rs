//! The handle of a running server: it owns the threads.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Weak, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::Notify;

use super::audit::AuditLog;
use super::builder::ServerBuilder;
use super::entrance::Entrance;
use super::faults::Faults;
use super::listener::{self, Bound};
use super::running::Running;
use super::start_error::{StartError, spawn};
use super::storage::{SnapshotError, Storage};
use super::{certificates, expiry};
use crate::base::SessionId;
use crate::engine::Engine;
use crate::log::Failed;
use crate::replication::{InMemory, Replicator};

/// A server inside this process, on its own threads.
///
/// Any number of them may run side by side. Dropping it stops it like [`Server::shutdown`]. One that
/// keeps everything in memory takes what it held with it; one with a
/// [data directory](ServerBuilder::data_dir) can be started again where it stopped.
pub struct Server {
    settings: Box<ServerBuilder>,
    bound: Bound,
    live: Live,
    faults: Faults,
}

impl ServerBuilder {
    /// Starts the server. The port is bound when this returns. Blocks for the time of a bind, and of
    /// the recovery if there is a data directory: about a second for a million znodes.
    ///
    /// # Errors
    /// [`StartError::Timeouts`], [`StartError::Tls`], [`StartError::DataDir`] and [`StartError::Recovery`] before the port
    /// is opened; [`StartError::Listen`], [`StartError::Thread`].
    pub fn start(self) -> Result<Server, StartError> {
        let mut settings = self.with_absolute_dir()?;
        // A builder may be started twice, and faults are those of one server.
        settings.faults = Arc::default();
        let (live, bound) = Live::start(&settings, None)?;
        let faults = Faults::of(&live.running);
        Ok(Server { settings: Box::new(settings), bound, live, faults })
    }
}

/// What runs.
struct Live {
    running: Arc<Running>,
    stop: Arc<Notify>,
    /// Whoever waits for a failure is told.
    failed: Arc<Notify>,
    alarm: Arc<expiry::Alarm>,
    /// What a manual clock knows of this server.
    timed: Option<Arc<expiry::Timed>>,
    threads: Vec<JoinHandle<()>>,
    storage: Option<Storage>,
    audit: Option<AuditLog>,
}

impl Server {
    /// A server to configure.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// The address it listens on, with the real port: that of the plain port, or of the only one.
    pub fn addr(&self) -> SocketAddr {
        let address = self.bound.plain.or(self.bound.secure);
        address.expect("a server without any port does not start")
    }

    /// The address that takes TLS, if one does: a port of its own, or the plain one that takes both.
    pub fn tls_addr(&self) -> Option<SocketAddr> {
        let same = self.bound.plain.filter(|_| self.settings.is_on_same_port());
        self.bound.secure.or(same)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.addr().port()
    }

    /// The address as clients take it: `127.0.0.1:2181`. A server that listens on every address of
    /// the machine names the loopback one.
    pub fn hosts(&self) -> String {
        let mut address = self.addr();
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
        let running = &self.live.running;
        let now = running.clock.now();
        let ended = running.service.end_session(SessionId(session_id), now, &mut |proposal| {
            running.propose(proposal, now);
        });
        running.settle();
        ended
    }

    /// Cuts the connection of a session. The session stays, and can be resumed. Returns false if no
    /// connection speaks for it.
    pub fn drop_connection(&self, session_id: i64) -> bool {
        self.live.running.service.cut(SessionId(session_id))
    }

    /// Faults to plant in this server, for tests of programs that have to live with them. From the
    /// first call on requests are counted. Planted faults outlive a [restart](Server::restart).
    pub fn faults(&self) -> Faults {
        self.live.running.service.faults.arm();
        self.faults.clone()
    }

    /// The sessions that exist, in the order of their ids.
    pub fn sessions(&self) -> Vec<i64> {
        self.live.running.service.session_ids().into_iter().map(|id| id.0).collect()
    }

    /// How late sessions were expired so far: minimum, mean and maximum in milliseconds.
    pub fn expiry_lateness(&self) -> (u64, f64, u64) {
        self.live.running.service.stats.lateness()
    }

    /// Moves session time forward by `length`. All that comes due on the way happens, in its order
    /// and at its own moment, before this returns. What clients had sent before the call counts as
    /// heard before it.
    ///
    /// The clients that were given the [clock](crate::Builder::clock) of this server go with the time:
    /// they send their heartbeats, reconnect and give up at their moments. All others are silent
    /// meanwhile. It is [`Clock::advance`](crate::server::Clock::advance) of this server's clock.
    ///
    /// # Panics
    /// If the server does not run on a [`Clock::manual`](crate::server::Clock::manual).
    pub fn advance(&self, length: Duration) {
        self.live.running.clock.advance(length);
    }

    /// Stops the server: no connection is accepted any more, those there are closed without a word,
    /// and every thread of the server has ended when this returns.
    pub fn shutdown(mut self) {
        self.live.stop();
    }

    /// Takes a snapshot now, whatever the settings say, and returns its file. Blocks until it is
    /// durable and has been read back; the server serves meanwhile.
    ///
    /// # Errors
    /// [`SnapshotError::InMemory`], [`SnapshotError::NotTaken`]. The server goes on.
    pub fn snapshot(&self) -> Result<PathBuf, SnapshotError> {
        self.live.storage.as_ref().ok_or(SnapshotError::InMemory)?.snapshot()
    }

    /// Why the server acknowledges nothing any more, if its disk has failed: which step, on which
    /// file, and what the system said. All its connections have ended then, and it accepts none. What
    /// it acknowledged before is there when it is started again.
    pub fn failure(&self) -> Option<String> {
        self.live.storage.as_ref()?.solo.failure().map(ToString::to_string)
    }

    /// Waits until the server acknowledges nothing any more, and says why, as [`Server::failure`] does. A
    /// server in memory never fails. Nothing is lost if the future is dropped.
    pub async fn failed(&self) -> String {
        loop {
            let told = self.live.failed.notified();
            match self.failure() {
                Some(reason) => return reason,
                None => told.await,
            }
        }
    }

    /// Stops the server and starts it again on the same port with the same data, whether that is in
    /// memory or on a disk: as clients see a restart. Sessions go on with their full timeout, their
    /// ephemerals stay; connections, watches and what was not answered are gone. Blocks until the port
    /// is open again.
    ///
    /// # Errors
    /// What [`ServerBuilder::start`] can fail with. The server has stopped then; what is on a disk stays
    /// there, what was in memory is lost.
    pub fn restart(&mut self) -> Result<(), StartError> {
        self.live.stop();
        let engine = self.live.running.service.take_engine();
        let settings = ServerBuilder::clone(&self.settings).at(self.bound);
        // What is on a disk is read from there, and not in memory twice meanwhile.
        let engine = settings.data_dir.is_none().then_some(engine);
        self.live = Live::start(&settings, engine)?.0;
        self.faults.follow(&self.live.running);
        Ok(())
    }
}

impl Live {
    fn start(
        settings: &ServerBuilder,
        engine: Option<Engine>,
    ) -> Result<(Live, Bound), StartError> {
        // What is wrong with it is said before a directory is locked or a port is open.
        let acceptor = settings.secure.acceptor()?;
        if let Some(sink) = &settings.audit {
            sink.0.open().map_err(StartError::Audit)?;
        }
        let (stop, failed) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (service, replicator, storage) = match &settings.data_dir {
            None => {
                let replicator: Arc<dyn Replicator> = Arc::new(InMemory);
                (settings.service(engine)?, replicator, None)
            }
            Some(directory) => {
                let (stop, failed) = (stop.clone(), failed.clone());
                let on_failure = Box::new(move |_: &Failed| {
                    stop.notify_one();
                    failed.notify_waiters();
                });
                let (storage, service) = Storage::open(directory, settings, on_failure)?;
                let replicator: Arc<dyn Replicator> = storage.solo.clone();
                (service, replicator, Some(storage))
            }
        };
        let audit = match (&settings.audit, &service.options.audit) {
            (Some(sink), Some(audit)) => {
                Some(AuditLog::start(sink.clone(), audit.clone(), settings.clock.clone())?)
            }
            _ => None,
        };
        let (clock, entrance) = (settings.clock.clone(), Entrance::default());
        let running = Arc::new(Running { service, replicator, clock, entrance });
        let (bound, waiting) = mpsc::channel();
        let listener = {
            let (running, stop) = (running.clone(), stop.clone());
            let (doors, workers) = (settings.doors(acceptor.as_ref()), settings.workers);
            if let Some(acceptor) = &acceptor {
                certificates::begin(&running, acceptor);
            }
            spawn("tenure-server", move || listener::run(&running, doors, workers, &stop, &bound))?
        };
        let bound = waiting.recv().unwrap_or_else(|_| {
            Err(StartError::Thread(std::io::Error::other("the server thread ended early")))
        })?;
        let (alarm, threads) = (Arc::new(expiry::Alarm::default()), vec![listener]);
        let timed = Some(Arc::new(expiry::Timed { running: running.clone() }));
        let mut live = Live { running, stop, failed, alarm, timed, threads, storage, audit };
        if let Some(timed) = &live.timed
            && live.running.clock.is_manual()
        {
            let timed: Weak<expiry::Timed> = Arc::downgrade(timed);
            live.running.clock.join(timed);
        } else {
            let (running, alarm) = (live.running.clone(), live.alarm.clone());
            let thread = spawn("tenure-expiry", move || expiry::run(&running, &alarm))?;
            live.threads.push(thread);
        }
        if let Some(acceptor) = acceptor {
            let (running, alarm) = (live.running.clone(), live.alarm.clone());
            let body = move || certificates::run(&running, &acceptor, &alarm);
            live.threads.push(spawn("tenure-tls", body)?);
        }
        Ok((live, bound))
    }

    /// Connections first, then what they had under way, then the files.
    fn stop(&mut self) {
        self.timed = None;
        self.stop.notify_one();
        self.alarm.stop();
        for thread in self.threads.drain(..) {
            // A thread that panicked has printed why, and there is nothing left to stop.
            let _ = thread.join();
        }
        self.storage = None;
        self.audit = None;
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.stop();
    }
}
