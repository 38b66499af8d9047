//! The embedded server.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use tenure_core::server::{self, ClientAuth, Clock, ServerTls, SnapshotError, StartError};

use super::gate;

/// What a server is made with. Times are seconds.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Options {
    listen: String,
    tick: f64,
    min_session_timeout: Option<f64>,
    max_session_timeout: Option<f64>,
    is_manual: bool,
    data_dir: Option<PathBuf>,
    snapshot_after_txns: u64,
    snapshot_after_bytes: u64,
    snapshot_after: f64,
    snapshots_kept: usize,
    sasl_users: Vec<(String, String)>,
    super_digest: Option<String>,
    require_auth: Vec<String>,
    enforce_quota: bool,
    words: Option<String>,
    session_directory: bool,
    session_readers: Vec<String>,
    crash_detection: bool,
    tls: Option<Tls>,
    plain_too: bool,
}

/// Certificate, key, authorities of clients, and what is asked of them.
type Tls = (PathBuf, Option<PathBuf>, Option<PathBuf>, String);

/// A server on threads of its own, none of which ever needs the interpreter.
#[pyclass(frozen, module = "tenure._tenure")]
pub struct Server {
    running: Mutex<Option<Arc<Running>>>,
    port: u16,
    hosts: String,
    is_manual: bool,
    process: u32,
}

#[pymethods]
impl Server {
    /// Starts it.
    #[new]
    fn new(py: Python<'_>, options: Options) -> PyResult<Server> {
        let is_manual = options.is_manual;
        let listen = address(&options.listen)?;
        let mut builder = server::Server::builder()
            .listen(listen)
            .tick(gate::seconds(options.tick))
            .snapshot_after_txns(options.snapshot_after_txns)
            .snapshot_after_bytes(options.snapshot_after_bytes)
            .snapshot_after(gate::seconds(options.snapshot_after))
            .snapshots_kept(options.snapshots_kept)
            .require_auth(options.require_auth)
            .enforce_quota(options.enforce_quota)
            .session_directory(options.session_directory)
            .session_readers(options.session_readers)
            .crash_detection(options.crash_detection)
            .clock(if is_manual { Clock::manual() } else { Clock::real() });
        if let Some(timeout) = options.min_session_timeout {
            builder = builder.min_session_timeout(gate::seconds(timeout));
        }
        if let Some(timeout) = options.max_session_timeout {
            builder = builder.max_session_timeout(gate::seconds(timeout));
        }
        if let Some(directory) = options.data_dir {
            builder = builder.data_dir(directory);
        }
        if let Some(id) = options.super_digest {
            builder = builder.super_digest(id);
        }
        if let Some(words) = options.words {
            builder = builder.words(&words);
        }
        if let Some(tls) = options.tls {
            builder = builder.tls(server_tls(tls)?);
            builder = match options.plain_too {
                true => builder.tls_on_same_port(true),
                false => builder.listen_tls(listen).without_plain_port(),
            };
        }
        // Outside too: each password takes a thousand hashes to prepare.
        let server = gate::outside(py, || {
            let users = options.sasl_users.iter();
            users
                .fold(builder, |builder, (name, password)| builder.sasl_user(name, password))
                .start()
        })?;
        let server = server.map_err(|error| not_started(py, error))?;
        let (port, hosts) = (server.port(), server.hosts());
        let process = std::process::id();
        let running = Mutex::new(Some(Arc::new(Running::new(server, process))));
        Ok(Server { running, port, hosts, is_manual, process })
    }

    #[getter]
    fn port(&self) -> u16 {
        self.port
    }

    #[getter]
    fn hosts(&self) -> &str {
        &self.hosts
    }

    /// Whether it runs here: not stopped, and not in the parent of a fork.
    #[getter]
    fn is_running(&self) -> bool {
        !self.is_inherited() && self.running.lock().is_some()
    }

    /// Whether this process got it by a fork.
    #[getter]
    fn is_inherited(&self) -> bool {
        self.process != std::process::id()
    }

    fn sessions(&self, py: Python<'_>) -> PyResult<Vec<i64>> {
        self.ask(py, server::Server::sessions)
    }

    /// Minimum, mean and maximum in seconds.
    fn expiry_lateness(&self, py: Python<'_>) -> PyResult<(f64, f64, f64)> {
        let (min, mean, max) = self.ask(py, server::Server::expiry_lateness)?;
        Ok((min as f64 / 1_000.0, mean / 1_000.0, max as f64 / 1_000.0))
    }

    fn advance(&self, py: Python<'_>, length: f64) -> PyResult<()> {
        if !self.is_manual {
            return Err(PyValueError::new_err(
                "only a server with clock=\"manual\" can be advanced",
            ));
        }
        // More than this is no test of anything, and a clock must not overflow.
        let length = gate::bounded(length);
        self.ask(py, |server| server.advance(length))
    }

    /// Takes a snapshot and returns its file.
    fn snapshot(&self, py: Python<'_>) -> PyResult<PathBuf> {
        self.ask(py, server::Server::snapshot)?.map_err(|error| match error {
            SnapshotError::InMemory => PyValueError::new_err(error.to_string()),
            _ => PyOSError::new_err(error.to_string()),
        })
    }

    /// Why it acknowledges nothing any more.
    #[getter]
    fn failure(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.ask(py, server::Server::failure)
    }

    /// Stops it and starts it again; when that fails, it is stopped for good.
    fn restart(&self, py: Python<'_>) -> PyResult<()> {
        let running = self.running()?;
        let restarted = gate::outside(py, move || {
            let mut slot = running.server.write();
            let restarted = slot.as_mut().map(server::Server::restart);
            if matches!(restarted, Some(Err(_))) {
                *slot = None;
            }
            restarted
        })?;
        restarted.ok_or_else(stopped)?.map_err(|error| {
            self.running.lock().take();
            not_started(py, error)
        })
    }

    /// Stops it; once more does nothing.
    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        if self.is_inherited() {
            return Ok(());
        }
        let running = self.running.lock().take();
        gate::outside(py, || drop(running))
    }
}

impl Server {
    fn running(&self) -> PyResult<Arc<Running>> {
        let running = if self.is_inherited() { None } else { self.running.lock().clone() };
        running.ok_or_else(stopped)
    }

    /// Asks the server for something; it is not restarted meanwhile. A restart that is going on is
    /// waited for, so the interpreter lock is released.
    pub fn ask<T: Send>(
        &self,
        py: Python<'_>,
        question: impl FnOnce(&server::Server) -> T + Send,
    ) -> PyResult<T> {
        let running = self.running()?;
        gate::outside(py, move || running.server.read().as_ref().map(question))?.ok_or_else(stopped)
    }
}

fn stopped() -> PyErr {
    PyRuntimeError::new_err("the server is stopped")
}

/// A server, and the process its threads live in.
struct Running {
    /// `None` when a restart has failed.
    server: RwLock<Option<server::Server>>,
    process: u32,
}

impl Running {
    fn new(server: server::Server, process: u32) -> Running {
        Running { server: Some(server).into(), process }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // In a forked child the threads a stop waits for do not exist.
        if self.process != std::process::id() {
            std::mem::forget(self.server.get_mut().take());
        }
    }
}

fn address(listen: &str) -> PyResult<SocketAddr> {
    let found = listen.to_socket_addrs().ok().and_then(|mut found| found.next());
    found.ok_or_else(|| {
        PyValueError::new_err(format!("listen: {listen:?} is not an address like 127.0.0.1:0"))
    })
}

fn server_tls((cert, key, client_ca, client_auth): Tls) -> PyResult<ServerTls> {
    let tls = ServerTls::pem(cert.clone(), key.unwrap_or(cert));
    let tls = match client_ca {
        Some(file) => tls.client_ca(file),
        None => tls,
    };
    Ok(tls.client_auth(match client_auth.as_str() {
        "none" => ClientAuth::None,
        "want" => ClientAuth::Want,
        "need" => ClientAuth::Need,
        _ => return Err(PyValueError::new_err("client_auth is none, want or need")),
    }))
}

fn not_started(py: Python<'_>, error: StartError) -> PyErr {
    match &error {
        StartError::DataDir(_) | StartError::Recovery(_) => {
            let made = py
                .import("tenure.errors")
                .and_then(|errors| errors.getattr("DataDirError")?.call1((error.to_string(),)));
            made.map_or_else(|failure| failure, PyErr::from_value)
        }
        StartError::Listen { source, .. } => match source.raw_os_error() {
            Some(number) => PyOSError::new_err((number, error.to_string())),
            None => PyOSError::new_err(error.to_string()),
        },
        StartError::Timeouts(_)
        | StartError::Identity(_)
        | StartError::SessionReader(_)
        | StartError::Words(_)
        | StartError::Tls(_) => PyValueError::new_err(error.to_string()),
        _ => PyRuntimeError::new_err(error.to_string()),
    }
}
