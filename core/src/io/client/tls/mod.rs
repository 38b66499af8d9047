//! TLS of a client: whom it trusts, and what it proves itself with.
//!
//! What always holds: a connection carries nothing of the session before the server's certificate was
//! found valid, issued by a trusted authority, and made for the name that was dialed. There is no
//! fallback: not to plain connections, not to the certificate's common name, not to names that an
//! address resolves to; and no setting leaves a check out.

mod failure;
mod stream;

pub(super) use failure::Failure;
pub(super) use stream::TlsStream;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, RootCertStore};

use crate::client::{Error, Host, Result};
use crate::io::tls::{PemError, pem, provider};

/// How a client speaks TLS: TLS 1.3 or 1.2, to servers whose certificate it has checked.
///
/// The certificate of a server has to be valid now, to be made for servers, to come from a trusted
/// authority, and to name what the host list names: a host name among the certificate's DNS names, an
/// IP address among its IP addresses. A common name does not count. None of these checks can be left
/// out: to try things out, make an authority of one's own and name it with [`ClientTls::ca_file`].
///
/// Files are PEM. They are read when the client is made, where a fault in them is an error, and again
/// before every later connection, so that a renewed certificate is used from then on; if they cannot
/// be used then, the last ones that could be are, and the log says so.
///
/// ```no_run
/// # async fn connected() -> tenure::Result<tenure::Client> {
/// use tenure::{Client, ClientTls, Sasl};
///
/// let trust = ClientTls::new().ca_file("/etc/tenure/ca.pem");
/// let user = Sasl::scram_sha256("bob", "bob's password");
/// Client::builder("keeper.example:2281").tls(trust).sasl(user).connect().await
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[must_use = "nothing happens before Builder::tls"]
pub struct ClientTls {
    ca_file: Option<PathBuf>,
    client_cert: Option<(PathBuf, PathBuf)>,
    server_name: Option<String>,
}

impl ClientTls {
    /// Trusts the authorities that this machine trusts, read once when the client is made. The
    /// environment variables `SSL_CERT_FILE` and `SSL_CERT_DIR` name others.
    pub fn new() -> ClientTls {
        ClientTls::default()
    }

    /// Trusts the authorities in this PEM file, and no others.
    pub fn ca_file(self, path: impl Into<PathBuf>) -> ClientTls {
        ClientTls { ca_file: Some(path.into()), ..self }
    }

    /// Proves itself to servers that ask, with the chain of certificates in one PEM file, its own
    /// first, and the private key in another, which may be the same: PKCS#8, PKCS#1 or SEC1, not
    /// encrypted.
    pub fn client_cert(self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> ClientTls {
        ClientTls { client_cert: Some((chain.into(), key.into())), ..self }
    }

    /// The name or IP address that every server's certificate has to be for, instead of the one in
    /// the host list.
    pub fn server_name(self, name: impl Into<String>) -> ClientTls {
        ClientTls { server_name: Some(name.into()), ..self }
    }
}

/// TLS as one client does it, with what was read last.
#[derive(Clone)]
pub(super) struct Trust {
    settings: ClientTls,
    /// The system's authorities, if they are the ones.
    system: Option<Arc<RootCertStore>>,
    server_name: Option<ServerName<'static>>,
    config: Arc<ClientConfig>,
}

impl Trust {
    /// Reads all files.
    ///
    /// # Errors
    /// `Invalid` for a file that cannot be used, for a name that is none, and if the system has no
    /// authorities.
    pub fn new(settings: ClientTls) -> Result<Trust> {
        let server_name = settings.server_name.as_deref().map(parse_name).transpose()?;
        let system = match settings.ca_file {
            Some(_) => None,
            None => Some(Arc::new(system_authorities()?)),
        };
        let config = config(&settings, system.as_ref())?;
        Ok(Trust { settings, system, server_name, config })
    }

    /// Reads the files again. Blocks as files do.
    pub fn read_again(&mut self) {
        match config(&self.settings, self.system.as_ref()) {
            Ok(config) => self.config = config,
            Err(error) => {
                tracing::warn!(%error, "TLS goes on with the files as they were before");
            }
        }
    }

    pub fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    /// What the certificate of this host has to be for.
    ///
    /// # Errors
    /// If the host's name cannot stand in a certificate.
    pub fn name_of(&self, host: &Host) -> Result<ServerName<'static>> {
        match &self.server_name {
            Some(name) => Ok(name.clone()),
            None => parse_name(&host.name),
        }
    }
}

fn parse_name(name: &str) -> Result<ServerName<'static>> {
    ServerName::try_from(name.to_owned()).map_err(|_| {
        Error::Invalid(format!("'{name}' is no host name or IP address to check for").into())
    })
}

fn system_authorities() -> Result<RootCertStore> {
    let found = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    // Some systems carry authorities of long ago that nothing can read; they make the others no worse.
    let (taken, _) = store.add_parsable_certificates(found.certs);
    if taken == 0 {
        let fault = found.errors.first().map_or_else(String::new, |error| format!(" ({error})"));
        return Err(Error::Invalid(
            format!("this machine trusts no certificate authority{fault}; name one with a CA file")
                .into(),
        ));
    }
    Ok(store)
}

fn config(settings: &ClientTls, system: Option<&Arc<RootCertStore>>) -> Result<Arc<ClientConfig>> {
    let authorities = match (&settings.ca_file, system) {
        (Some(file), _) => Arc::new(pem::authorities(file).map_err(invalid)?),
        (None, Some(system)) => Arc::clone(system),
        (None, None) => Arc::new(system_authorities()?),
    };
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the cryptography of this library has them")
        .with_root_certificates(authorities);
    let config = match &settings.client_cert {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let identity = pem::identity(Path::new(chain), Path::new(key)).map_err(invalid)?;
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity)))
        }
    };
    Ok(Arc::new(config))
}

fn invalid(error: PemError) -> Error {
    Error::Invalid(error.to_string().into())
}
