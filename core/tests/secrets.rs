//! Whoever reads what a server or a client says learns no secret from it: not from the log of the program
//! at its most talkative, not from the audit log, not from any four-letter word, not from what settings,
//! credentials and errors show of themselves.

mod tap;
mod tls;

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tap::Tap;
use tenure::server::{AuditFile, ClientAuth, Server, ServerTls};
use tenure::{Client, ClientTls, Sasl};
use tenure_tests::apache::four_letter_word;
use tenure_tests::records::acl;
use tenure_tests::sasl;
use tenure_tests::session::Session;
use tls::{Authority, Certificate};
use tracing_subscriber::filter::LevelFilter;

const PASSWORD: &str = "planted-password-of-bob";
const SASL_PASSWORD: &str = "planted-password-of-carol";
const DATA: &str = "planted-data-of-a-znode";
/// The hash part of an id of the digest scheme, as a client stores it.
const HASH: &str = "cGxhbnRlZC1oYXNoLW9mLWFuLWFjbA==";
const SUPER_HASH: &str = "cGxhbnRlZC1oYXNoLW9mLXN1cGVy";

/// Everything that is logged.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The forms in which a secret is found.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let base64 = STANDARD.encode(secret);
    // What stands before it shifts the groups of base64; the middle of it is the same.
    let shifted = |by: usize| {
        let text = STANDARD.encode([vec![0; by], secret.to_vec()].concat());
        text[4..text.len() - 4].to_owned()
    };
    let debug = format!("{secret:?}");
    let listed = debug.trim_matches(['[', ']']).to_owned();
    [hex.to_uppercase(), hex, base64, shifted(1), shifted(2), listed]
        .into_iter()
        .map(String::into_bytes)
        .chain([secret.to_vec()])
        .collect()
}

/// Which secrets are in a text.
fn found<'a>(secrets: &'a [Secret], text: &[u8]) -> Vec<&'a str> {
    let holds = |form: &Vec<u8>| text.windows(form.len()).any(|window| window == &form[..]);
    let told = secrets.iter().filter(|(_, secret)| forms(secret).iter().any(holds));
    told.map(|(name, _)| *name).collect()
}

/// A secret, and what it is called.
type Secret = (&'static str, Vec<u8>);

/// What a token holds that is worth nothing to others is named before a `=`: names, nonces, counters. The
/// proofs and the salt are worth guessing at.
fn proofs(token: &[u8]) -> Vec<Secret> {
    let text = String::from_utf8(token.to_vec()).expect("both mechanisms speak UTF-8");
    let mut secrets = vec![("a whole token", token.to_vec())];
    for field in text.split(',') {
        let Some((name, value)) = field.split_once('=') else { continue };
        if let Some(name) = match name {
            "p" => Some("the proof of a client by SCRAM"),
            "v" => Some("the proof of the server by SCRAM"),
            "s" => Some("the salt of a user"),
            "response" => Some("the proof of a client by DIGEST-MD5"),
            "rspauth" => Some("the proof of the server by DIGEST-MD5"),
            _ => None,
        } {
            secrets.push((name, value.as_bytes().to_vec()));
        }
    }
    secrets
}

/// The lines of the file of a private key, and the number that is all of its secret.
fn key(file: &Path) -> Vec<Secret> {
    let text = std::fs::read_to_string(file).expect("a key");
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(lines.concat()).expect("a key in base64");
    // In a key for the curve P-256 the version 1 and the head of 32 bytes stand before it.
    let head = [2, 1, 1, 4, 32];
    let at = der.windows(5).position(|window| window == head).expect("a key of that kind") + 5;
    let lines = lines.iter().map(|line| ("a line of the file of a key", line.as_bytes().to_vec()));
    lines.chain([("a private key", der[at..at + 32].to_vec())]).collect()
}

/// What clients show of themselves that prove who they are, and of the errors of those that cannot; and the
/// secrets that only they know.
async fn clients(hosts: &str, tls: Option<ClientTls>) -> (String, Vec<Secret>) {
    let (mut shown, mut secrets) = (String::new(), Vec::new());
    for password in [SASL_PASSWORD, DATA] {
        for sasl in [Sasl::digest_md5("carol", password), Sasl::scram_sha256("carol", password)] {
            shown += &format!("{sasl:?}\n");
            let login = format!("bob:{PASSWORD}");
            let mut builder = Client::builder(hosts).sasl(sasl.clone()).auth("digest", login);
            if let Some(tls) = &tls {
                builder = builder.tls(tls.clone());
            }
            shown += &format!("{builder:?}\n");
            let client = match builder.connect().await {
                Ok(client) => client,
                Err(error) => {
                    shown += &format!("refused: {error} {error:?}\n");
                    continue;
                }
            };
            let created = client.ops().create("/client-", DATA).sequential().await;
            shown += &format!("{:?}\n{:?}\n", created.map(|_| "created"), client.session());
            let credentials = client.detach().await.expect("a session");
            secrets.push(("what resumes a session", credentials.to_bytes().to_vec()));
            secrets.push(("the password of a client's session", credentials.password().to_vec()));
            let mut again = Client::builder(hosts).sasl(sasl).resume(credentials.clone());
            if let Some(tls) = &tls {
                again = again.tls(tls.clone());
            }
            shown += &format!("resumed {credentials:?} {again:?}\n");
            let client = again.connect().await.expect("it is there still");
            shown += &format!("{client:?} {:?}\n", client.session().credentials());
            client.close().await.expect("closes");
        }
    }
    assert!(shown.contains("created") && shown.contains("refused"), "{shown}");
    (shown, secrets)
}

/// The same of all clients, with and without TLS, and every token that they exchanged with the server.
fn all_clients(server: &Server, authority: &Authority, own: &Certificate) -> (String, Vec<Secret>) {
    let tap = Tap::to(server.addr());
    let secure = server.tls_addr().expect("a port for TLS").to_string();
    let tls = ClientTls::new().ca_file(authority.file()).client_cert(&own.chain, &own.key);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (mut shown, mut secrets) = runtime.expect("a runtime").block_on(async {
        let (mut shown, mut secrets) = clients(&tap.hosts(), None).await;
        let more = clients(&secure, Some(tls)).await;
        shown += &more.0;
        secrets.extend(more.1);
        let stranger = ClientTls::new().ca_file(Authority::new().file());
        let error = Client::builder(&secure).tls(stranger).connect().await.expect_err("distrust");
        shown += &format!("distrusted: {error} {error:?}\n");
        // The key of one certificate in place of another's.
        let other = authority.issue_client();
        let wrong = ClientTls::new().client_cert(&other.chain, &own.key);
        let error = Client::builder(&secure).tls(wrong).connect().await.expect_err("no pair");
        shown += &format!("no pair: {error} {error:?}\n");
        (shown, secrets)
    });
    let tokens = tap.tokens();
    secrets.extend(tokens.iter().flatten().flat_map(|token| proofs(token)));
    for kind in ["by SCRAM", "by DIGEST-MD5"] {
        for side in ["the proof of a client ", "the proof of the server "] {
            let there = secrets.iter().any(|(name, _)| *name == format!("{side}{kind}"));
            assert!(there, "{side}{kind} was overheard");
        }
    }
    shown += "the end of the clients\n";
    (shown, secrets)
}

/// What a server says that cannot start because its key is broken.
fn broken_key(certificate: &Certificate) -> String {
    let text = std::fs::read_to_string(&certificate.key).expect("a key");
    let mut lines: Vec<&str> = text.lines().collect();
    lines.remove(2);
    let file = certificate.key.with_extension("broken");
    std::fs::write(&file, lines.join("\n")).expect("written");
    let tls = ServerTls::pem(&certificate.chain, &file);
    let error = Server::builder().listen_tls(FREE).tls(tls).start().err().expect("a broken key");
    format!("broken: {error} {error:?}\n")
}

const FREE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// What words answer while sessions are there that know secrets, and the password of one of them.
fn raw_sessions(server: &mut Server) -> (String, Vec<u8>) {
    let mut session = Session::new(server.addr());
    assert_eq!(session.auth("digest", format!("bob:{PASSWORD}").as_bytes()), 0);
    let guarded = [acl(31, "digest", &format!("bob:{HASH}")), acl(31, "auth", "")];
    session.create_with("/a", Some(DATA.as_bytes()), &guarded, 0).expect("created");
    session.create("/e", DATA.as_bytes(), 1).expect("created");
    session.set("/a", DATA.as_bytes(), 9).expect_err("another version");
    session.set_acl("/a", &guarded, -1).expect("set");
    session.get("/a", true).expect("there");
    let again = session.reattachment();
    let session_password = again.passwd.clone().expect("a password");
    let mut wrong = again.clone();
    wrong.passwd = Some(PASSWORD.bytes().take(16).collect());
    let _ = Session::open(server.addr(), &wrong);
    let mut session = Session::open(server.addr(), &again).expect("the session is there");
    let mut stranger = Session::new(server.addr());
    stranger.get("/a", false).expect_err("denied");
    stranger.auth("sasl", SASL_PASSWORD.as_bytes());
    let mut confused = Session::new(server.addr());
    sasl::send(&mut confused, Some(SASL_PASSWORD.as_bytes()));
    let mut answers = String::new();
    for word in [
        b"ruok", b"isro", b"srvr", b"stat", b"cons", b"mntr", b"conf", b"dirs", b"envi", b"dump",
        b"wchs", b"wchc", b"wchp", b"gtmk", b"hash",
    ] {
        answers += &four_letter_word(server.addr(), word).expect("an answer");
    }
    server.restart().expect("it starts again");
    session = Session::open(server.addr(), &session.reattachment()).expect("it is there still");
    session.close();
    (answers, session_password)
}

#[test]
fn cve_2026_24308_nothing_that_is_said_tells_a_secret() {
    let said = Said::default();
    let writer = said.clone();
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .init();
    let directory = tempfile::tempdir().expect("a directory");
    let audit = directory.path().join("audit");
    let authority = Authority::new();
    let (own, certificate) = (authority.issue_client(), authority.issue(&["127.0.0.1"]));
    let tls = ServerTls::pem(&certificate.chain, &certificate.key)
        .client_ca(authority.file())
        .client_auth(ClientAuth::Need);
    let mut text = format!("{tls:?}\n{}", broken_key(&certificate)).into_bytes();
    let builder = Server::builder()
        .words("*")
        .listen_tls(FREE)
        .tls(tls)
        .data_dir(directory.path().join("data"))
        .super_digest(format!("super:{SUPER_HASH}"))
        .sasl_user("carol", SASL_PASSWORD)
        .audit(AuditFile::new(&audit));
    text.extend(format!("{builder:?}").into_bytes());
    let mut server = builder.start().expect("the server starts");
    let (said_to_words, session_password) = raw_sessions(&mut server);
    text.extend(said_to_words.into_bytes());
    let (shown, learned) = all_clients(&server, &authority, &own);
    text.extend(shown.into_bytes());
    tracing::info!("the end of what is said");
    server.shutdown();
    text.extend(std::fs::read(&audit).expect("the audit log"));
    text.extend_from_slice(&said.0.lock().expect("nobody panicked"));
    let mut secrets = vec![
        ("the password of a digest", PASSWORD.as_bytes().to_vec()),
        ("the password of a SASL user", SASL_PASSWORD.as_bytes().to_vec()),
        ("the password of a session", session_password),
        ("the hash in a list", HASH.as_bytes().to_vec()),
        ("the hash of super", SUPER_HASH.as_bytes().to_vec()),
        ("data", DATA.as_bytes().to_vec()),
    ];
    secrets.extend(learned);
    secrets.extend([key(&own.key), key(&certificate.key)].concat());
    let shown = String::from_utf8_lossy(&text);
    for part in
        ["operation=create", "the end of what is said", "Environment:", "serverStop", "broken:"]
    {
        assert!(shown.contains(part), "{part} was collected");
    }
    assert_eq!(found(&secrets, &text), Vec::<&str>::new(), "{shown}");
    // A leak would be found, in whatever form.
    for (name, secret) in &secrets {
        for form in forms(secret) {
            let leak = [b"before ", &form[..], b" behind"].concat();
            assert!(found(&secrets, &leak).contains(name), "{name} as {form:?}");
        }
    }
}
