//! The handle of a client.

use std::path::PathBuf;
use std::time::Duration;

use pyo3::prelude::*;
use tenure_core as core;
use tenure_core::{
    ClientTls, Credentials, Error, Recovery, Restore, Sasl, SessionId, WatchMode, WatchOptions,
    WhenDisconnected, WhenRegressed, Zxid,
};

use super::answer::{Answer, Done};
use super::failure::Failure;
use super::feed::StateFeed;
use super::gate;
use super::operations::Operations;
use super::session::Session;
use super::shape::Shape;

/// Authorities, certificate, key, and server name.
type Files = (Option<PathBuf>, Option<PathBuf>, Option<PathBuf>, Option<String>);

/// What a client is made with, as the package's `Client` has checked it. Times are seconds.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Options {
    hosts: String,
    session_timeout: f64,
    connect_timeout: Option<f64>,
    op_timeout: Option<f64>,
    safety_margin: Option<f64>,
    crash_grace: Option<f64>,
    forgets_when_regressed: bool,
    backoff: (f64, f64),
    fails_when_disconnected: bool,
    shuffles_hosts: bool,
    read_only: bool,
    auth: Vec<(String, Vec<u8>)>,
    tls: Option<Files>,
    /// Mechanism, user and password.
    sasl: Option<(String, String, String)>,
    resume: Option<(i64, [u8; 16], i64, bool)>,
    recovery: String,
    restores_watches: bool,
    give_up_after: Option<f64>,
    closes_old: bool,
    min_interval: f64,
}

/// A client; starts to connect when it is made.
#[pyclass(frozen, module = "tenure._tenure")]
pub struct Client(core::Client);

#[pymethods]
impl Client {
    /// A client, or the `Failure` that says which setting is not valid.
    #[staticmethod]
    fn start(py: Python<'_>, options: Options) -> PyResult<Py<PyAny>> {
        started(py, gate::outside(py, || builder(options)?.connect_lazy())?)
    }

    /// The same client seen from a path, or a `Failure`.
    fn chroot(&self, py: Python<'_>, path: &str) -> PyResult<Py<PyAny>> {
        started(py, self.0.chroot(path))
    }

    fn operations(&self) -> Operations {
        Operations::current(self.0.clone())
    }

    fn session(&self) -> Session {
        Session::new(self.0.clone())
    }

    fn states(&self) -> StateFeed {
        StateFeed::new(self.0.states())
    }

    /// Answers when it is connected.
    fn connected(&self) -> Answer {
        let client = self.0.clone();
        Answer::driven(async move { client.connected().await.map(|()| Done::Nothing) })
    }

    /// Why the last attempt to connect failed.
    #[getter]
    fn connect_failure(&self) -> Option<String> {
        self.0.connect_failure().map(|why| why.to_string())
    }

    fn add_auth(&self, scheme: &str, credential: Vec<u8>) -> Answer {
        let answer = self.0.add_auth(scheme, credential);
        Answer::driven(async move { answer.await.map(|()| Done::Nothing) })
    }

    /// Answers with a `WatchFeed` when the watch is in place.
    fn watch(&self, path: &str, recursive: bool, buffer: usize) -> Answer {
        let mode = if recursive { WatchMode::PersistentRecursive } else { WatchMode::Persistent };
        let stream = self.0.watch(path, WatchOptions::new(mode).buffer(buffer));
        Answer::driven(async move { stream.await.map(Done::Watch) })
    }

    /// Closes the session. It goes on if nobody waits for the answer.
    fn close(&self) -> Answer {
        let (answer, slot) = Answer::pending(Shape::Nothing);
        self.0.close_with(move |result| slot.fill(result.map(|()| Done::Nothing)));
        answer
    }

    /// Leaves the session alive; answers with the four parts of its credentials.
    fn detach(&self) -> Answer {
        let (answer, slot) = Answer::pending(Shape::Nothing);
        self.0.detach_with(move |result| slot.fill(result.map(Done::Credentials)));
        answer
    }
}

fn started(py: Python<'_>, made: Result<core::Client, Error>) -> PyResult<Py<PyAny>> {
    match made {
        Ok(client) => Ok(Py::new(py, Client(client))?.into_any()),
        Err(error) => Ok(Py::new(py, Failure::new(error))?.into_any()),
    }
}

fn builder(options: Options) -> Result<core::Builder, Error> {
    let duration = |limit: Option<f64>| limit.map(gate::seconds);
    let recovery = recovery(&options)?;
    let mut builder = core::Client::builder(options.hosts)
        .session_timeout(gate::seconds(options.session_timeout))
        .op_timeout(duration(options.op_timeout).filter(|&limit| limit < Duration::MAX))
        .backoff(gate::seconds(options.backoff.0), gate::seconds(options.backoff.1))
        .when_disconnected(if options.fails_when_disconnected {
            WhenDisconnected::Fail
        } else {
            WhenDisconnected::Wait
        })
        .shuffle_hosts(options.shuffles_hosts)
        .read_only(options.read_only)
        .crash_grace(duration(options.crash_grace))
        .when_regressed(if options.forgets_when_regressed {
            WhenRegressed::Forget
        } else {
            WhenRegressed::Stop
        })
        .recovery(recovery);
    if let Some(limit) = duration(options.connect_timeout) {
        builder = builder.connect_timeout(limit);
    }
    if let Some(margin) = duration(options.safety_margin) {
        builder = builder.safety_margin(margin);
    }
    for (scheme, credential) in options.auth {
        builder = builder.auth(&scheme, credential);
    }
    if let Some((id, password, zxid, is_welcomed)) = options.resume {
        let credentials = Credentials::new(SessionId(id), password, Zxid(zxid));
        builder = builder.resume(credentials.welcomed(is_welcomed));
    }
    if let Some(files) = options.tls {
        builder = builder.tls(tls(files)?);
    }
    if let Some((mechanism, user, password)) = options.sasl {
        builder = builder.sasl(match mechanism.as_str() {
            "DIGEST-MD5" => Sasl::digest_md5(user, password),
            "SCRAM-SHA-256" => Sasl::scram_sha256(user, password),
            _ => return Err(Error::Invalid("SASL is DIGEST-MD5 or SCRAM-SHA-256".into())),
        });
    }
    Ok(builder)
}

fn recovery(options: &Options) -> Result<Recovery, Error> {
    let restore = Restore::default()
        .watches(options.restores_watches)
        .give_up_after(options.give_up_after.map(gate::seconds));
    match options.recovery.as_str() {
        "resume_only" => Ok(Recovery::ResumeOnly),
        "renew" => Ok(Recovery::Renew(restore)),
        "fresh" => Ok(Recovery::Fresh {
            close_old: options.closes_old,
            restore,
            min_interval: gate::bounded(options.min_interval),
        }),
        _ => Err(Error::Invalid("a recovery is resume_only, renew or fresh".into())),
    }
}

fn tls((ca, cert, key, server_name): Files) -> Result<ClientTls, Error> {
    let mut tls = ClientTls::new();
    if let Some(ca) = ca {
        tls = tls.ca_file(ca);
    }
    if let Some(name) = server_name {
        tls = tls.server_name(name);
    }
    match (cert, key) {
        (None, None) => Ok(tls),
        (Some(cert), Some(key)) => Ok(tls.client_cert(cert, key)),
        (Some(both), None) => Ok(tls.client_cert(both.clone(), both)),
        (None, Some(_)) => Err(Error::Invalid("a key is given, and no certificate for it".into())),
    }
}
