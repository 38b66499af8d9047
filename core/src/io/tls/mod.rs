//! What servers and clients share of TLS: the files with keys and certificates.
//!
//! The protocol is rustls', with ring for its cryptography. Nothing here touches a connection.

#![allow(dead_code, unused_imports)]

pub mod pem;
mod version1;

pub use pem::PemError;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// The cryptography of every connection. It is named wherever it is used, so that what a host process
/// has installed as its default changes nothing.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
