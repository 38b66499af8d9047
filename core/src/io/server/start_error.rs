//! Why a server may not start.

use std::net::SocketAddr;
use std::thread::JoinHandle;

use crate::io::tls::TlsError;
use crate::replication::RecoverError;
use crate::service::identity::SettingsError;
use crate::service::words::UnknownWord;
use crate::session::timeout;

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
    /// What was said about identities cannot be meant.
    #[error(transparent)]
    Identity(#[from] SettingsError),
    /// Somebody who is to read the session directory is nobody that a list can name.
    #[error(
        "{0:?} may not read the session directory: write SCHEME:ID, of a scheme that is on here"
    )]
    SessionReader(String),
    /// The list of four-letter words names one that does not exist.
    #[error(transparent)]
    Words(#[from] UnknownWord),
    /// The audit log cannot be opened.
    #[error("the audit log cannot be written: {0}")]
    Audit(std::io::Error),
    /// The data directory cannot be used: a server has it already, or the system refuses it.
    #[error("the data directory cannot be used: {0}")]
    DataDir(String),
    /// What was acknowledged is not all there, or not as it was written. Nothing was changed.
    #[error("{0}; nothing was changed, and `tenure verify` says what can be used")]
    Recovery(#[from] RecoverError),
    /// The certificate or what is said about TLS cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A thread cannot be started.
    #[error("cannot start a server thread: {0}")]
    Thread(std::io::Error),
}

/// Starts a thread of the server.
pub(super) fn spawn(
    name: &str,
    body: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, StartError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(body);
    thread.map_err(StartError::Thread)
}
