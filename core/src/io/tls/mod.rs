//! TLS as far as it is no connection: keys and certificates, what is made of them, and how they are
//! replaced while a server runs.
//!
//! The protocol is rustls', with ring for its cryptography. [`pem`] reads the files, for servers and for
//! clients; [`server`] are the settings of a server, and [`acceptor`] what new connections are secured
//! with.

pub mod acceptor;
pub mod pem;
pub mod server;
mod validity;
mod version1;

pub use acceptor::{Acceptor, Looked};
pub use pem::PemError;
pub use server::{ClientAuth, ServerTls, TlsError, TlsVersion};

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// The cryptography of every connection. It is named wherever it is used, so that what a host process
/// has installed as its default changes nothing.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
