//! The TLS of a server: what is set, and what is made of the files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{ServerConfig, SupportedProtocolVersion, version};

use super::pem::{self, PemError};
use super::validity;
use super::version1::AlsoVersion1;
use crate::base::limits;

/// What a server proves itself with, and what it asks of its clients.
///
/// ```no_run
/// use tenure::server::{ClientAuth, Server, ServerTls};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tls = ServerTls::pem("/etc/tenure/server.pem", "/etc/tenure/server.key")
///     .client_ca("/etc/tenure/clients.pem")
///     .client_auth(ClientAuth::Need);
/// let server = Server::builder()
///     .listen("127.0.0.1:2181".parse()?)
///     .listen_tls("0.0.0.0:2281".parse()?)
///     .tls(tls)
///     .start()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ServerTls {
    chain: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
    client_auth: ClientAuth,
    oldest: TlsVersion,
    newest: TlsVersion,
    reload: bool,
    handshakes: u32,
}

/// Whether clients have to prove themselves with a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ClientAuth {
    /// No certificate is asked for.
    None,
    /// One is asked for. A client without one is served; one whose certificate is not valid is not.
    Want,
    /// Who has no valid certificate is not served.
    #[default]
    Need,
}

/// A version of the protocol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum TlsVersion {
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] PemError),
    /// Certificates are asked of clients, and nobody is named who may have issued them.
    #[error(
        "client certificates are asked for, and no authority for them is named; name its file with \
         `client_ca`, or choose `ClientAuth::None`"
    )]
    NoAuthority,
    /// A port for TLS is asked for, and nothing to prove the server with.
    #[error("TLS is asked for, and no certificate is named; name one with `tls`")]
    NoCertificate,
    /// A certificate is named, and no port takes TLS.
    #[error(
        "a certificate is named, and no port takes TLS; name one with `listen_tls`, or choose \
         `tls_on_same_port`"
    )]
    NoPort,
    /// The plain port is given up, and there is no other.
    #[error("the plain port is given up, and there is no other; name one with `listen_tls`")]
    Unreachable,
    /// No version lies between the oldest and the newest that are allowed.
    #[error("no version of TLS is left: the oldest allowed is newer than the newest allowed")]
    NoVersion,
    /// The library refuses the combination.
    #[error("TLS cannot be set up: {0}")]
    Refused(String),
}

impl ServerTls {
    /// The certificate of the server with those that lead to its authority, and its private key, in
    /// PEM. Both may be in one file. They are read when the server starts.
    pub fn pem(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> ServerTls {
        ServerTls {
            chain: chain.into(),
            key: key.into(),
            client_ca: None,
            client_auth: ClientAuth::default(),
            oldest: TlsVersion::V1_2,
            newest: TlsVersion::V1_3,
            reload: true,
            handshakes: limits::TLS_HANDSHAKES,
        }
    }

    /// The authorities whose certificates prove a client, in PEM. Their clients have an identity of the
    /// scheme `x509`: the subject of the certificate in the form of RFC 2253.
    pub fn client_ca(mut self, file: impl Into<PathBuf>) -> ServerTls {
        self.client_ca = Some(file.into());
        self
    }

    /// Whether clients have to prove themselves. Default: [`ClientAuth::Need`], as ZooKeeper has it.
    pub fn client_auth(mut self, auth: ClientAuth) -> ServerTls {
        self.client_auth = auth;
        self
    }

    /// The oldest version a client may speak. Default: TLS 1.2.
    pub fn oldest_version(mut self, version: TlsVersion) -> ServerTls {
        self.oldest = version;
        self
    }

    /// The newest version a client may speak. Default: TLS 1.3.
    pub fn newest_version(mut self, version: TlsVersion) -> ServerTls {
        self.newest = version;
        self
    }

    /// Whether files that change are read again while the server runs. New connections have what is in
    /// them then; files that cannot be used change nothing, and are named in the log. Default: yes.
    pub fn reload(mut self, yes: bool) -> ServerTls {
        self.reload = yes;
        self
    }

    /// How many handshakes may be under way; a connection that would begin one more is closed. Default:
    /// 1,000.
    pub fn handshakes(mut self, most: u32) -> ServerTls {
        self.handshakes = most;
        self
    }

    /// Whether a client can prove itself with a certificate.
    pub(in crate::io) fn has_client_ca(&self) -> bool {
        self.client_ca.is_some()
    }

    pub(in crate::io) fn reloads(&self) -> bool {
        self.reload
    }

    pub(in crate::io) fn most_handshakes(&self) -> u32 {
        self.handshakes
    }

    /// The files it depends on.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        [Some(&self.chain), Some(&self.key), self.client_ca.as_ref()]
            .into_iter()
            .flatten()
            .map(PathBuf::as_path)
    }

    /// The same, with files that stay where they are when the process goes elsewhere.
    pub(in crate::io) fn absolute(&self) -> ServerTls {
        // Only an empty path has no absolute form, and reading it fails with the name of the setting.
        let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        ServerTls {
            chain: absolute(&self.chain),
            key: absolute(&self.key),
            client_ca: self.client_ca.as_ref().map(absolute),
            ..self.clone()
        }
    }

    /// Reads the files and puts everything together.
    pub(super) fn load(&self) -> Result<Loaded, TlsError> {
        let identity = pem::identity(&self.chain, &self.key)?;
        let expires = validity::earliest_end(&identity.cert, &self.chain)?;
        let provider = super::provider();
        let versions = self.versions()?;
        let refused = |error: rustls::Error| TlsError::Refused(error.to_string());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&versions)
            .map_err(refused)?;
        let builder = match (self.client_auth, &self.client_ca) {
            (ClientAuth::None, _) => builder.with_no_client_auth(),
            (_, None) => return Err(TlsError::NoAuthority),
            (auth, Some(file)) => {
                let roots = Arc::new(pem::authorities(file)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                let verifier = match auth {
                    ClientAuth::Want => verifier.allow_unauthenticated(),
                    ClientAuth::None | ClientAuth::Need => verifier,
                };
                let verifier = verifier.build();
                let verifier = verifier.map_err(|error| TlsError::Refused(error.to_string()))?;
                let authorities = pem::certificates(file)?;
                let verifier = AlsoVersion1::beside(verifier, authorities);
                builder.with_client_cert_verifier(Arc::new(verifier))
            }
        };
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
        // A resumed session would be taken for proven though its certificate has expired meanwhile.
        // Connections last, so there is nothing to gain.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Loaded { config: Arc::new(config), expires })
    }

    fn versions(&self) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
        let all = [(TlsVersion::V1_2, &version::TLS12), (TlsVersion::V1_3, &version::TLS13)];
        let allowed =
            all.into_iter().filter(|(version, _)| (self.oldest..=self.newest).contains(version));
        let versions: Vec<_> = allowed.map(|(_, version)| version).collect();
        if versions.is_empty() { Err(TlsError::NoVersion) } else { Ok(versions) }
    }
}

/// What the files make.
pub(super) struct Loaded {
    /// For connections to come.
    pub(super) config: Arc<ServerConfig>,
    /// When the first of the certificates expires.
    pub(super) expires: crate::base::WallMillis,
}
