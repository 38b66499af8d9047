//! Certificates of every kind, and a TLS server in front of a plain one that tells what it received.

#![allow(dead_code, reason = "each test program uses its part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion};
use tempfile::TempDir;

/// An authority, and a directory with its certificate and those it has issued.
pub struct Authority {
    directory: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

/// Two files.
#[derive(Clone)]
pub struct Certificate {
    pub chain: PathBuf,
    pub key: PathBuf,
}

impl Authority {
    pub fn new() -> Authority {
        let directory = TempDir::new().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("authority {}", COUNT.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(directory.path().join("ca.pem"), certificate.pem()).unwrap();
        Authority { directory, issuer: Issuer::new(params, key) }
    }

    /// The file with its certificate.
    pub fn file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// A certificate for servers of these names and addresses.
    pub fn issue(&self, names: &[&str]) -> Certificate {
        self.issue_with(names, |_| {})
    }

    /// One for clients.
    pub fn issue_client(&self) -> Certificate {
        self.issue_with(&[], |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        })
    }

    pub fn issue_with(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Certificate {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        self.keep(certificate.pem(), key.serialize_pem())
    }

    /// A certificate that vouches for itself.
    pub fn self_signed(&self, names: &[&str]) -> Certificate {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        self.keep(certificate.pem(), key.serialize_pem())
    }

    fn keep(&self, chain_pem: String, key_pem: String) -> Certificate {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = |kind: &str| self.directory.path().join(format!("{number}.{kind}"));
        let certificate = Certificate { chain: path("pem"), key: path("key") };
        std::fs::write(&certificate.chain, chain_pem).unwrap();
        std::fs::write(&certificate.key, key_pem).unwrap();
        certificate
    }
}

/// A TLS server in front of a plain one.
pub struct Front {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    config: Mutex<Arc<ServerConfig>>,
    upstream: SocketAddr,
    accepted: AtomicUsize,
    plaintext: AtomicUsize,
    open: Mutex<Vec<TcpStream>>,
}

impl Front {
    pub fn new(upstream: SocketAddr, certificate: &Certificate) -> Front {
        Front::with(upstream, config(certificate, None, rustls::ALL_VERSIONS))
    }

    pub fn with(upstream: SocketAddr, config: Arc<ServerConfig>) -> Front {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            config: Mutex::new(config),
            upstream,
            accepted: AtomicUsize::new(0),
            plaintext: AtomicUsize::new(0),
            open: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                accepting.accepted.fetch_add(1, Ordering::SeqCst);
                accepting.open.lock().unwrap().push(stream.try_clone().unwrap());
                let shared = Arc::clone(&accepting);
                // Whatever breaks breaks this connection alone.
                thread::spawn(move || serve(&shared, stream));
            }
        });
        Front { addr, shared }
    }

    pub fn port(&self) -> u16 {
        self.addr.port()
    }

    /// What clients dial: by a name.
    pub fn by_name(&self) -> String {
        format!("localhost:{}", self.port())
    }

    /// What clients dial: by an address.
    pub fn by_address(&self) -> String {
        self.addr.to_string()
    }

    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// Bytes that clients have sent through TLS.
    pub fn plaintext(&self) -> usize {
        self.shared.plaintext.load(Ordering::SeqCst)
    }

    /// Cuts every connection.
    pub fn cut(&self) {
        for stream in self.shared.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Later connections are met with this.
    pub fn reconfigure(&self, config: Arc<ServerConfig>) {
        *self.shared.config.lock().unwrap() = config;
    }
}

/// How a server with this certificate speaks TLS, with client certificates of `clients` required.
pub fn config(
    certificate: &Certificate,
    clients: Option<&Authority>,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(authority.file()).unwrap()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        }
    };
    let chain = CertificateDer::pem_file_iter(&certificate.chain).unwrap();
    let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(&certificate.key).unwrap();
    Arc::new(builder.with_single_cert(chain, key).unwrap())
}

/// Serves one connection to its end.
fn serve(shared: &Arc<Shared>, mut stream: TcpStream) -> Option<()> {
    let config = Arc::clone(&shared.config.lock().unwrap());
    let tls = Arc::new(Mutex::new(ServerConnection::new(config).unwrap()));
    let mut upstream = TcpStream::connect(shared.upstream).ok()?;
    {
        let (mut stream, mut upstream) = (stream.try_clone().ok()?, upstream.try_clone().ok()?);
        let tls = Arc::clone(&tls);
        thread::spawn(move || back(&tls, &mut upstream, &mut stream));
    }
    let mut buffer = vec![0; 32 << 10];
    loop {
        let length = stream.read(&mut buffer).ok()?;
        let mut bytes = &buffer[..length];
        let mut plain = Vec::new();
        let mut tls = tls.lock().unwrap();
        let mut is_good = length > 0;
        while !bytes.is_empty() {
            tls.read_tls(&mut bytes).ok()?;
            is_good &= tls.process_new_packets().is_ok();
            let mut part = vec![0; 32 << 10];
            while let Ok(length @ 1..) = tls.reader().read(&mut part) {
                plain.extend_from_slice(&part[..length]);
            }
        }
        flush(&mut tls, &mut stream);
        shared.plaintext.fetch_add(plain.len(), Ordering::SeqCst);
        if !is_good || upstream.write_all(&plain).is_err() {
            // Orderly, so that an alert is not overtaken by a reset.
            let _ = stream.shutdown(Shutdown::Write);
            let _ = upstream.shutdown(Shutdown::Both);
            drop(tls);
            while stream.read(&mut buffer).ok()? > 0 {}
            return None;
        }
    }
}

/// The way from the plain server to the client.
fn back(tls: &Mutex<ServerConnection>, upstream: &mut TcpStream, stream: &mut TcpStream) {
    let mut buffer = vec![0; 32 << 10];
    while let Ok(length @ 1..) = upstream.read(&mut buffer) {
        let mut tls = tls.lock().unwrap();
        if tls.writer().write_all(&buffer[..length]).is_err() {
            break;
        }
        flush(&mut tls, stream);
    }
    let _ = stream.shutdown(Shutdown::Write);
}

fn flush(tls: &mut ServerConnection, stream: &mut TcpStream) {
    while tls.wants_write() {
        if tls.write_tls(stream).is_err() {
            return;
        }
    }
}
