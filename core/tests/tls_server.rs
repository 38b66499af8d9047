//! The server's TLS from outside: which ports take it, whom it lets in and as whom, what it costs, and how
//! files are replaced.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;
mod tls;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned,
    SupportedProtocolVersion,
};
use support::PATIENCE;
use tenure::server::{
    ClientAuth, Clock, Server, ServerBuilder, ServerTls, StartError, TlsError, TlsVersion,
};
use tenure_tests::apache::four_letter_word;
use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::raw::Wire;
use tenure_tests::records::{ConnectRequest, ConnectResponse};
use tenure_tests::session::Session;
use tls::{Authority, Certificate};

const FREE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

fn files(certificate: &Certificate) -> ServerTls {
    ServerTls::pem(&certificate.chain, &certificate.key)
}

fn without_clients(authority: &Authority) -> ServerTls {
    files(&authority.issue(&["localhost"])).client_auth(ClientAuth::None)
}

fn builder(tls: ServerTls) -> ServerBuilder {
    Server::builder().listen_tls(FREE).tls(tls)
}

/// A server with a port of its own for TLS, whose time stands still.
fn server(tls: ServerTls) -> Server {
    builder(tls).clock(Clock::manual()).start().expect("it starts")
}

/// The value of a figure that `mntr` lists.
fn figure(server: &Server, name: &str) -> i64 {
    let text = four_letter_word(server.addr(), b"mntr").expect("an answer");
    let line = text.lines().find(|line| line.split('\t').next() == Some(name)).expect("a figure");
    line.rsplit('\t').next().and_then(|value| value.parse().ok()).expect("it is a number")
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "in vain: {what}");
        std::thread::yield_now();
    }
}

/// A client that trusts one authority, and remembers sessions to resume.
fn trusting(
    authority: &Authority,
    own: Option<&Certificate>,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority.file()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    let Some(own) = own else { return Arc::new(config.with_no_client_auth()) };
    let chain = CertificateDer::pem_file_iter(&own.chain).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(&own.key).unwrap();
    Arc::new(config.with_client_auth_cert(chain, key).unwrap())
}

/// A client of rustls over a blocking socket.
struct Raw(StreamOwned<ClientConnection, TcpStream>);

impl Raw {
    fn open(addr: SocketAddr, authority: &Authority, own: Option<&Certificate>) -> Raw {
        Raw::with(addr, trusting(authority, own, rustls::ALL_VERSIONS))
    }

    fn with(addr: SocketAddr, config: Arc<ClientConfig>) -> Raw {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(config, name).unwrap();
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Raw(StreamOwned::new(connection, stream))
    }

    fn send_frame(&mut self, body: &[u8]) -> std::io::Result<()> {
        let mut frame = (body.len() as i32).to_be_bytes().to_vec();
        frame.extend_from_slice(body);
        self.0.write_all(&frame)
    }

    fn receive(&mut self) -> std::io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.0.read_exact(&mut length)?;
        let mut body = vec![0; u32::from_be_bytes(length) as usize];
        self.0.read_exact(&mut body)?;
        Ok(body)
    }

    /// A session; `None` if the server does not want this client.
    fn session(mut self) -> std::io::Result<Raw> {
        self.send_frame(&ConnectRequest::default().encode())?;
        let response = ConnectResponse::decode(&self.receive()?);
        assert_ne!(response.session, 0);
        Ok(self)
    }

    fn request(&mut self, kind: i32, body: Body) -> std::io::Result<Vec<u8>> {
        self.send_frame(&Body::new().int(1).int(kind).raw(&body.0).0)?;
        self.receive()
    }

    fn word(mut self, word: &[u8]) -> std::io::Result<String> {
        self.0.write_all(word)?;
        let mut text = String::new();
        // It fails unless the server says goodbye under TLS.
        self.0.read_to_string(&mut text)?;
        Ok(text)
    }

    fn certificate(&mut self) -> Vec<u8> {
        self.0.flush().unwrap();
        let shown = self.0.conn.peer_certificates().expect("the handshake is over");
        shown[0].to_vec()
    }
}

/// Who the server takes the client for.
fn identities(raw: &mut Raw) -> Vec<String> {
    let reply = raw.request(op::WHO_AM_I, Body::new()).expect("a reply");
    let mut reader = tenure_tests::jute::Reader::new(&reply);
    let _header = (reader.int(), reader.long(), reader.int());
    (0..reader.int()).map(|_| format!("{}:{}", reader.string(), reader.string())).collect()
}

#[test]
fn words_and_sessions_work_under_tls_as_they_do_without() {
    let authority = Authority::new();
    let server = server(without_clients(&authority));
    let addr = server.tls_addr().expect("a port for TLS");
    assert_ne!(addr, server.addr());
    assert_eq!(Raw::open(addr, &authority, None).word(b"ruok").unwrap(), "imok");
    assert!(Raw::open(addr, &authority, None).word(b"srvr").unwrap().contains("Mode:"));
    let conf = Raw::open(addr, &authority, None).word(b"conf").unwrap();
    assert!(conf.contains(&format!("secureClientPort={}\n", addr.port())), "{conf}");
    let mut secure = Raw::open(addr, &authority, None).session().expect("a session");
    let data = vec![b'd'; 500_000];
    let create = Body::new().string("/a").bytes(&data).acl(&tenure_tests::records::open()).int(0);
    secure.request(op::CREATE, create).expect("created");
    let mut plain = Session::new(server.addr());
    assert_eq!(plain.get("/a", false).expect("there").0, Some(data.clone()));
    let reply = secure.request(op::GET_DATA, Body::new().string("/a").bool(false)).unwrap();
    assert!(reply.windows(8).any(|part| part == &data[..8]) && reply.len() > data.len());
    assert_eq!(figure(&server, "zk_outstanding_tls_handshake"), 0);
    assert_eq!(figure(&server, "zk_unsuccessful_handshake"), 0);
}

/// What `openssl s_client` answers to a word; `None` if it does not come to an answer.
fn openssl(addr: SocketAddr, authority: &Authority, version: &str, word: &str) -> Option<String> {
    let mut child = Command::new("timeout")
        .args(["20", "openssl", "s_client", "-quiet", "-no_ign_eof", "-verify_return_error"])
        .args([version, "-connect", &addr.to_string(), "-servername", "localhost"])
        .args(["-verify_hostname", "localhost", "-CAfile"])
        .arg(authority.file())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("timeout runs");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(word.as_bytes()).unwrap();
    // Left open until the answer is there: its end would end the client.
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    drop(stdin);
    child.wait().unwrap();
    (!text.is_empty()).then_some(text)
}

#[test]
fn openssl_asks_words_in_both_versions() {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("SKIPPED: openssl is not installed, and a foreign TLS client was not tried");
        return;
    }
    let authority = Authority::new();
    let both = server(without_clients(&authority));
    for version in ["-tls1_2", "-tls1_3"] {
        let ask = |word| openssl(both.tls_addr().unwrap(), &authority, version, word);
        assert_eq!(ask("ruok").as_deref(), Some("imok"), "{version}");
        assert!(ask("srvr").expect(version).contains("Node count:"), "{version}");
    }
    let newest = server(without_clients(&authority).oldest_version(TlsVersion::V1_3));
    let addr = newest.tls_addr().unwrap();
    assert_eq!(openssl(addr, &authority, "-tls1_3", "ruok").as_deref(), Some("imok"));
    assert_eq!(openssl(addr, &authority, "-tls1_2", "ruok"), None, "an old version is refused");
    let oldest = server(without_clients(&authority).newest_version(TlsVersion::V1_2));
    let addr = oldest.tls_addr().unwrap();
    assert_eq!(openssl(addr, &authority, "-tls1_2", "ruok").as_deref(), Some("imok"));
    assert_eq!(openssl(addr, &authority, "-tls1_3", "ruok"), None, "a new version is refused");
}

#[test]
fn who_is_let_in_follows_from_the_certificate_and_what_is_asked() {
    let (authority, other) = (Authority::new(), Authority::new());
    let good = authority.issue_with(&[], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.distinguished_name.push(DnType::OrganizationName, "Example, Inc.");
        params.distinguished_name.push(DnType::CommonName, "bob");
    });
    let expired = authority.issue_with(&[], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 2, 1);
    });
    let early = authority.issue_with(&[], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.not_before = rcgen::date_time_ymd(2900, 1, 1);
    });
    let stranger = other.issue_client();
    let of_server = authority.issue(&["localhost"]);
    let itself = authority.self_signed(&["bob"]);
    let certificates = [
        ("none", None),
        ("good", Some(&good)),
        ("expired", Some(&expired)),
        ("not valid yet", Some(&early)),
        ("of another authority", Some(&stranger)),
        ("of a server", Some(&of_server)),
        ("its own", Some(&itself)),
    ];
    for auth in [ClientAuth::None, ClientAuth::Want, ClientAuth::Need] {
        let tls = files(&authority.issue(&["localhost"]));
        let server = server(tls.client_ca(authority.file()).client_auth(auth));
        let mut failures = 0;
        for (name, own) in certificates {
            let is_let_in = match auth {
                ClientAuth::None => true,
                ClientAuth::Want => matches!(name, "none" | "good"),
                ClientAuth::Need => name == "good",
            };
            let session = Raw::open(server.tls_addr().unwrap(), &authority, own).session();
            assert_eq!(session.is_ok(), is_let_in, "{auth:?}, certificate: {name}");
            failures += i64::from(!is_let_in);
            wait_for("the failure is counted", || {
                figure(&server, "zk_unsuccessful_handshake") == failures
            });
            let Ok(mut session) = session else { continue };
            let expected = (name == "good" && auth != ClientAuth::None)
                .then(|| "x509:O=Example\\, Inc.,CN=bob".to_owned());
            let shown = identities(&mut session);
            assert_eq!(shown.iter().find(|id| id.starts_with("x509")), expected.as_ref());
        }
    }
}

#[test]
fn a_certificate_is_an_identity_that_lists_can_name_and_one_may_be_super() {
    let authority = Authority::new();
    let named = |name: &str| {
        authority.issue_with(&[], |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            params.distinguished_name.push(DnType::CommonName, name);
        })
    };
    let tls = files(&authority.issue(&["localhost"])).client_ca(authority.file());
    let server = builder(tls).super_x509("CN=root").start().expect("it starts");
    let open = |name: &str| {
        let own = named(name);
        Raw::open(server.tls_addr().unwrap(), &authority, Some(&own)).session().expect("let in")
    };
    let code = |reply: Vec<u8>| i32::from_be_bytes(reply[12..16].try_into().unwrap());
    let mut bob = open("bob");
    let list = [tenure_tests::records::acl(31, "x509", "CN=bob")];
    let create = Body::new().string("/bob").bytes(b"secret").acl(&list).int(0);
    assert_eq!(code(bob.request(op::CREATE, create).unwrap()), 0);
    let get = || Body::new().string("/bob").bool(false);
    assert_eq!(code(bob.request(op::GET_DATA, get()).unwrap()), 0);
    assert_eq!(code(open("eve").request(op::GET_DATA, get()).unwrap()), op::NO_AUTH);
    assert_eq!(Session::new(server.addr()).get("/bob", false).err(), Some(op::NO_AUTH));
    let mut root = open("root");
    assert_eq!(code(root.request(op::GET_DATA, get()).unwrap()), 0);
    assert!(identities(&mut root).contains(&"super:".to_owned()));
}

#[test]
fn one_port_takes_both_and_the_first_byte_tells() {
    let authority = Authority::new();
    let server = Server::builder()
        .tls(without_clients(&authority))
        .tls_on_same_port(true)
        .clock(Clock::manual())
        .start()
        .expect("it starts");
    assert_eq!(server.tls_addr(), Some(server.addr()));
    assert_eq!(Raw::open(server.addr(), &authority, None).word(b"ruok").unwrap(), "imok");
    assert_eq!(four_letter_word(server.addr(), b"ruok").unwrap(), "imok");
    Session::new(server.addr()).make("/plain");
    Raw::open(server.addr(), &authority, None).session().expect("a session under TLS");
    // One byte and no more, of either kind, and nothing at all: each is cut when its time is up.
    let mut hello = Wire::open(server.addr());
    hello.send(&[0x16]);
    wait_for("a handshake is under way", || figure(&server, "zk_outstanding_tls_handshake") == 1);
    let mut plain = Wire::open(server.addr());
    plain.send(&[0]);
    let mut silent = Wire::open(server.addr());
    wait_for("all are connected", || figure(&server, "zk_num_alive_connections") >= 4);
    server.advance(Duration::from_secs(11));
    for wire in [&mut hello, &mut plain, &mut silent] {
        assert_eq!(wire.read_to_close(), b"");
    }
    assert_eq!(figure(&server, "zk_outstanding_tls_handshake"), 0);
    assert_eq!(figure(&server, "zk_unsuccessful_handshake"), 1);
}

#[test]
fn garbage_behind_the_first_byte_ends_in_an_alert() {
    let authority = Authority::new();
    let server = server(without_clients(&authority));
    let addr = server.tls_addr().unwrap();
    let garbage: [&[u8]; 5] = [
        &[0x16; 64],
        b"\x16\x03\x01\xff\xff",
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
        b"\x16\x03\x03\x00\x04\x0e\x00\x00\x00",
        b"\x16\x15\x14\x13\x12\x11\x10",
    ];
    for (count, bytes) in (1..).zip(garbage) {
        let mut wire = Wire::open(addr);
        wire.send(bytes);
        let answer = wire.read_to_close();
        assert_eq!(answer.first(), Some(&0x15), "an alert answers {bytes:x?}, not {answer:x?}");
        assert_eq!(figure(&server, "zk_unsuccessful_handshake"), count);
    }
    assert_eq!(Raw::open(addr, &authority, None).word(b"ruok").unwrap(), "imok");
}

#[test]
fn who_speaks_the_wrong_language_to_a_port_is_closed_and_counted() {
    let authority = Authority::new();
    let server = server(without_clients(&authority));
    let mut plain = Wire::open(server.tls_addr().unwrap());
    plain.send_frame(&ConnectRequest::default().encode());
    assert_eq!(plain.read_to_close(), b"", "nothing is said to who would not understand");
    assert_eq!(figure(&server, "zk_unsuccessful_handshake"), 1);
    let mut word = Wire::open(server.tls_addr().unwrap());
    word.send(b"mntr");
    assert_eq!(word.read_to_close(), b"");
    assert_eq!(figure(&server, "zk_unsuccessful_handshake"), 2);
    let end = Raw::open(server.addr(), &authority, None).word(b"ruok").unwrap_err();
    assert_eq!(end.kind(), ErrorKind::UnexpectedEof, "{end}");
    assert_eq!(figure(&server, "zk_unsuccessful_handshake"), 3);
}

#[test]
fn no_more_handshakes_are_under_way_than_may() {
    let authority = Authority::new();
    let server = server(without_clients(&authority).handshakes(2));
    let addr = server.tls_addr().unwrap();
    let mut slow: Vec<Wire> = (0..2).map(|_| Wire::open(addr)).collect();
    for wire in &mut slow {
        wire.send(&[0x16, 3, 1]);
    }
    wait_for("both are under way", || figure(&server, "zk_outstanding_tls_handshake") == 2);
    assert!(Raw::open(addr, &authority, None).word(b"ruok").is_err(), "a third one began");
    assert_eq!(figure(&server, "zk_tls_handshake_exceeded"), 1);
    drop(slow.pop());
    wait_for("one is over", || figure(&server, "zk_outstanding_tls_handshake") == 1);
    assert_eq!(Raw::open(addr, &authority, None).word(b"ruok").unwrap(), "imok");
}

#[test]
fn files_that_change_are_taken_over_and_wrong_ones_are_not() {
    let authority = Authority::new();
    let own = authority.issue(&["localhost"]);
    let server = server(files(&own).client_auth(ClientAuth::None));
    let addr = server.tls_addr().unwrap();
    let mut before = Raw::open(addr, &authority, None).session().expect("a session");
    let first = before.certificate();
    let other = authority.issue(&["localhost"]);
    // The certificate of one with the key of the other, as in the middle of a replacement.
    std::fs::copy(&other.chain, &own.chain).unwrap();
    wait_for("the mixture is refused", || figure(&server, "zk_tls_reload_failures") == 1);
    let mut meanwhile = Raw::open(addr, &authority, None).session().expect("served still");
    assert_eq!(meanwhile.certificate(), first);
    std::fs::copy(&other.key, &own.key).unwrap();
    wait_for("the new files are taken", || figure(&server, "zk_tls_reloads") == 1);
    let mut after = Raw::open(addr, &authority, None).session().expect("served");
    assert_ne!(after.certificate(), first);
    for raw in [&mut before, &mut meanwhile, &mut after] {
        let reply = raw.request(op::EXISTS, Body::new().string("/").bool(false));
        assert!(reply.is_ok(), "what is connected stays connected");
    }
    std::fs::remove_file(&own.key).unwrap();
    wait_for("a missing file is refused", || figure(&server, "zk_tls_reload_failures") == 2);
    assert!(Raw::open(addr, &authority, None).session().is_ok());
}

/// A session that is resumed would spare its client the look at its certificate.
#[test]
fn nobody_resumes_a_session_under_an_authority_that_is_gone() {
    for version in rustls::ALL_VERSIONS {
        let (authority, next) = (Authority::new(), Authority::new());
        let trusted = tempfile::NamedTempFile::new().unwrap();
        std::fs::copy(authority.file(), trusted.path()).unwrap();
        let server = server(files(&authority.issue(&["localhost"])).client_ca(trusted.path()));
        let addr = server.tls_addr().unwrap();
        let client = trusting(&authority, Some(&authority.issue_client()), &[version]);
        for _ in 0..2 {
            let session = Raw::with(addr, client.clone()).session().expect("it is let in");
            assert_eq!(session.0.conn.handshake_kind(), Some(HandshakeKind::Full), "{version:?}");
        }
        std::fs::copy(next.file(), trusted.path()).unwrap();
        wait_for("the new authority is taken", || figure(&server, "zk_tls_reloads") == 1);
        assert!(Raw::with(addr, client).session().is_err(), "{version:?}");
        let newer = trusting(&authority, Some(&next.issue_client()), &[version]);
        assert!(Raw::with(addr, newer).session().is_ok(), "{version:?}");
    }
}

/// The certificate of a client makes no other clients, and that of an authority is none of a client.
#[test]
fn only_an_authority_makes_clients() {
    let authority = Authority::new();
    let of_client = |params: &mut CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.distinguished_name.push(DnType::CommonName, "middle");
    };
    let middle = authority.issue_with(&[], of_client);
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    of_client(&mut params);
    let key = KeyPair::from_pem(&std::fs::read_to_string(&middle.key).unwrap()).unwrap();
    let issuer = Issuer::new(params.clone(), key);
    let key = KeyPair::generate().unwrap();
    params.distinguished_name.push(DnType::CommonName, "root of all");
    let made = params.signed_by(&key, &issuer).unwrap().pem();
    let forged = authority.issue_client();
    std::fs::write(&forged.chain, made + &std::fs::read_to_string(&middle.chain).unwrap()).unwrap();
    std::fs::write(&forged.key, key.serialize_pem()).unwrap();
    let below = authority.issue_with(&[], |params| {
        of_client(params);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    for auth in [ClientAuth::Want, ClientAuth::Need] {
        let tls = files(&authority.issue(&["localhost"]));
        let server = server(tls.client_ca(authority.file()).client_auth(auth));
        let addr = server.tls_addr().unwrap();
        let let_in = |own| Raw::open(addr, &authority, Some(own)).session().is_ok();
        assert!(let_in(&middle), "it is one of a client itself");
        assert!(!let_in(&forged), "{auth:?}");
        assert!(!let_in(&below), "{auth:?}");
    }
}

#[test]
fn what_is_wrong_is_said_before_a_port_opens() {
    let authority = Authority::new();
    let (own, other) = (authority.issue(&["localhost"]), authority.issue(&["localhost"]));
    let directory = tempfile::TempDir::new().unwrap();
    let data = directory.path().join("data");
    let refused = |builder: ServerBuilder| match builder.data_dir(&data).start() {
        Err(StartError::Tls(error)) => {
            assert!(!data.exists(), "the data directory was touched");
            error
        }
        Err(error) => panic!("another error: {error}"),
        Ok(_) => panic!("it starts"),
    };
    let mixed = ServerTls::pem(&own.chain, &other.key).client_auth(ClientAuth::None);
    assert!(matches!(refused(builder(mixed)), TlsError::File(_)));
    let missing = ServerTls::pem("/nowhere/server.pem", &own.key);
    assert!(refused(builder(missing)).to_string().contains("/nowhere/server.pem"));
    assert!(matches!(refused(builder(files(&own))), TlsError::NoAuthority));
    let wanted = files(&own).client_auth(ClientAuth::Want);
    assert!(matches!(refused(builder(wanted)), TlsError::NoAuthority));
    let no_ca = files(&own).client_ca(&own.key);
    assert!(refused(builder(no_ca)).to_string().contains("holds no certificate"));
    let none = files(&own)
        .client_auth(ClientAuth::None)
        .oldest_version(TlsVersion::V1_3)
        .newest_version(TlsVersion::V1_2);
    assert!(matches!(refused(builder(none)), TlsError::NoVersion));
    let good = || files(&own).client_auth(ClientAuth::None);
    assert!(matches!(refused(Server::builder().tls(good())), TlsError::NoPort));
    assert!(matches!(refused(Server::builder().listen_tls(FREE)), TlsError::NoCertificate));
    assert!(matches!(refused(Server::builder().tls_on_same_port(true)), TlsError::NoCertificate));
    assert!(matches!(refused(Server::builder().without_plain_port()), TlsError::Unreachable));
}

#[test]
fn a_server_may_have_no_plain_port_and_keeps_its_port_when_it_restarts() {
    let authority = Authority::new();
    let builder = builder(without_clients(&authority)).without_plain_port();
    let mut server = builder.start().expect("it starts");
    let addr = server.addr();
    assert_eq!(server.tls_addr(), Some(addr));
    assert_eq!(Raw::open(addr, &authority, None).word(b"ruok").unwrap(), "imok");
    server.restart().expect("it starts again");
    assert_eq!(server.addr(), addr);
    assert_eq!(Raw::open(addr, &authority, None).word(b"ruok").unwrap(), "imok");
}

#[test]
fn the_first_certificate_to_expire_is_a_figure() {
    let authority = Authority::new();
    let certificate = authority.issue_with(&["localhost"], |params| {
        params.not_before = rcgen::date_time_ymd(2019, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 1, 11);
    });
    // A manual clock begins with the year 2020.
    let server = server(files(&certificate).client_auth(ClientAuth::None));
    assert_eq!(figure(&server, "zk_tls_certificate_expiry_seconds"), 10 * 86_400);
    server.advance(Duration::from_secs(11 * 86_400));
    assert_eq!(figure(&server, "zk_tls_certificate_expiry_seconds"), -86_400);
}

#[test]
fn n5_a_long_answer_waits_for_a_slow_reader_under_tls_as_well() {
    let authority = Authority::new();
    let server = builder(without_clients(&authority)).max_frame(12 << 20).start().unwrap();
    let mut writer = Session::new(server.addr());
    let data: Vec<u8> = (0..10 << 20).map(|at: u32| (at % 251) as u8).collect();
    writer.create("/big", &data, 0).expect("created");
    let mut slow = Raw::open(server.tls_addr().unwrap(), &authority, None).session().unwrap();
    // Forty answers of 10 MB: what the server read ahead of the reader would be 400 MB.
    for xid in 0..40 {
        let get = Body::new().string("/big").bool(false).0;
        slow.send_frame(&Body::new().int(xid).int(op::GET_DATA).raw(&get).0).unwrap();
    }
    wait_for("answers wait", || figure(&server, "zk_unread_bytes") > 1 << 20);
    for round in 0..50 {
        writer.set("/other", b"x", -1).err();
        writer.ping();
        let waiting = figure(&server, "zk_unread_bytes");
        assert!(waiting < 32 << 20, "{waiting} bytes wait in round {round}");
    }
    for xid in 0..40 {
        let reply = slow.receive().expect("an answer");
        assert_eq!(reply[..4], i32::to_be_bytes(xid), "in their order");
        assert_eq!(&reply[20..20 + data.len()], &data[..], "and whole");
    }
}

#[test]
fn what_is_asked_ahead_of_a_goodbye_is_answered() {
    let authority = Authority::new();
    let server = server(without_clients(&authority));
    let mut raw = Raw::open(server.tls_addr().unwrap(), &authority, None).session().unwrap();
    let get = Body::new().string("/").bool(false).0;
    for xid in 0..500 {
        raw.send_frame(&Body::new().int(xid).int(op::GET_DATA).raw(&get).0).unwrap();
    }
    raw.0.conn.send_close_notify();
    raw.0.flush().unwrap();
    for xid in 0..500 {
        assert_eq!(raw.receive().expect("an answer")[..4], i32::to_be_bytes(xid));
    }
    let mut rest = Vec::new();
    raw.0.read_to_end(&mut rest).expect("the server says goodbye too");
    assert!(rest.is_empty());
}

/// The commands of `docs/tls.md`, block by block.
fn documented() -> Vec<String> {
    let text = include_str!("../../docs/tls.md");
    let blocks = text.split("```sh\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

fn shell(directory: &std::path::Path, script: &str) -> String {
    let mut shell = Command::new("timeout");
    shell.args(["60", "sh", "-ec", script]).current_dir(directory).stdin(Stdio::null());
    let output = shell.output().expect("a shell");
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_the_documentation_sets_up_works() {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!(
            "SKIPPED: openssl is not installed, and the commands in docs/tls.md were not tried"
        );
        return;
    }
    let directory = tempfile::TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name);
    let [set_up, serve, ask] = <[String; 3]>::try_from(documented()).expect("three blocks");
    shell(directory.path(), &set_up);
    for option in ["--tls-certificate server.pem", "--tls-key server.key", "--tls-client-ca ca.pem"]
    {
        assert!(serve.contains(option), "{option}");
    }
    let tls = ServerTls::pem(path("server.pem"), path("server.key")).client_ca(path("ca.pem"));
    let server = server(tls);
    let port = format!(":{}", server.tls_addr().unwrap().port());
    let ask = ask.trim_end().replace(":2281", &port);
    assert_eq!(shell(directory.path(), &ask), "imok");
    let nobody = ask.replace("-cert bob.pem -key bob.key", "");
    assert_ne!(nobody, ask);
    assert_eq!(shell(directory.path(), &format!("{nobody} || true")), "", "without a certificate");
    let wrong =
        ask.replace("-verify_hostname localhost", "-verify_return_error -verify_hostname nowhere");
    assert_eq!(shell(directory.path(), &format!("({wrong}) || true")), "", "by another name");
}
