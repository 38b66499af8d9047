//! The handle of a running server: it owns the threads.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::builder::{ServerBuilder, StartError};
use super::running::Running;
use super::{expiry, listener};
use crate::base::SessionId;

/// A server inside this process, on its own threads.
///
/// Any number of them may run side by side. Dropping it stops it like [`Server::shutdown`]; what it
/// held is gone with it, for it keeps everything in memory.
pub struct Server {
    address: SocketAddr,
    running: Arc<Running>,
    stop: Arc<Notify>,
    alarm: Arc<expiry::Alarm>,
    threads: Mutex<Vec<JoinHandle<()>>>,
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
        let now = self.running.clock.now();
        self.running.service.end_session(SessionId(session_id), now, &mut |proposal| {
            self.running.propose(proposal, now);
        })
    }

    /// Cuts the connection of a session. The session stays, and can be resumed. Returns false if no
    /// connection speaks for it.
    pub fn drop_connection(&self, session_id: i64) -> bool {
        self.running.service.cut(SessionId(session_id))
    }

    /// The sessions that exist, in the order of their ids.
    pub fn sessions(&self) -> Vec<i64> {
        self.running.service.session_ids().into_iter().map(|id| id.0).collect()
    }

    /// How late sessions were expired so far: minimum, mean and maximum in milliseconds.
    pub fn expiry_lateness(&self) -> (u64, f64, u64) {
        self.running.service.stats.lateness()
    }

    /// Moves session time forward by `length`. All that comes due on the way happens, in its order
    /// and at its own moment, before this returns. What clients had sent before the call counts as
    /// heard before it.
    ///
    /// # Panics
    /// If the server does not run on a [`Clock::manual`](crate::server::Clock::manual).
    pub fn advance(&self, length: Duration) {
        assert!(self.running.clock.is_manual(), "only a manual clock can be advanced");
        let until = self.running.clock.moment() + length;
        expiry::advance(&self.running, until);
    }

    /// Stops the server: no connection is accepted any more, those there are closed without a word,
    /// and every thread of the server has ended when this returns.
    pub fn shutdown(self) {
        self.stop_threads();
    }

    /// Starts the threads. The port is bound when this returns.
    pub(super) fn launch(
        running: Arc<Running>,
        listen: SocketAddr,
        workers: usize,
    ) -> Result<Server, StartError> {
        let stop = Arc::new(Notify::new());
        let (bound, waiting) = mpsc::channel();
        let listener = {
            let (running, stop) = (running.clone(), stop.clone());
            spawn("tenure-server", move || {
                listener::run(&running, (listen, workers), &stop, &bound);
            })?
        };
        let address = waiting.recv().unwrap_or_else(|_| {
            Err(StartError::Thread(std::io::Error::other("the server thread ended early")))
        })?;
        let alarm = Arc::new(expiry::Alarm::default());
        let threads = Mutex::new(vec![listener]);
        let server = Server { address, running, stop, alarm, threads };
        if !server.running.clock.is_manual() {
            let (running, alarm) = (server.running.clone(), server.alarm.clone());
            let thread = spawn("tenure-expiry", move || expiry::run(&running, &alarm))?;
            server.threads.lock().push(thread);
        }
        Ok(server)
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

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StartError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(body);
    thread.map_err(StartError::Thread)
}
