//! Whoever reads what a server says learns no secret from it: not from the log of the program at its most
//! talkative, not from the audit log, not from any four-letter word.

use std::io::Write;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tenure::server::{AuditFile, Server};
use tenure::{Client, Sasl};
use tenure_tests::apache::four_letter_word;
use tenure_tests::records::acl;
use tenure_tests::session::Session;
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
fn found<'a>(secrets: &'a [(&'static str, Vec<u8>)], text: &[u8]) -> Vec<&'a str> {
    let holds = |form: &Vec<u8>| text.windows(form.len()).any(|window| window == &form[..]);
    let told = secrets.iter().filter(|(_, secret)| forms(secret).iter().any(holds));
    told.map(|(name, _)| *name).collect()
}

/// What clients show of themselves that prove who they are, and of the errors of those that cannot.
fn clients(hosts: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let mut shown = String::new();
        for password in [SASL_PASSWORD, DATA] {
            for sasl in [Sasl::digest_md5("carol", password), Sasl::scram_sha256("carol", password)]
            {
                shown += &format!("{sasl:?}\n");
                let login = format!("bob:{PASSWORD}");
                let builder = Client::builder(hosts).sasl(sasl).auth("digest", login);
                shown += &format!("{builder:?}\n");
                match builder.connect().await {
                    Ok(client) => {
                        let created = client.ops().create("/client", DATA).await;
                        shown += &format!("{:?}\n", created.map(|_| "created"));
                        shown += &format!("{:?}\n", client.session());
                        client.close().await.expect("closes");
                    }
                    Err(error) => shown += &format!("refused: {error} {error:?}\n"),
                }
            }
        }
        assert!(shown.contains("created") && shown.contains("refused"), "{shown}");
        shown
    })
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
    let builder = Server::builder()
        .words("*")
        .data_dir(directory.path().join("data"))
        .super_digest(format!("super:{SUPER_HASH}"))
        .sasl_user("carol", SASL_PASSWORD)
        .audit(AuditFile::new(&audit));
    let mut text = format!("{builder:?}").into_bytes();
    let mut server = builder.start().expect("the server starts");
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
    for word in [
        b"ruok", b"isro", b"srvr", b"stat", b"cons", b"mntr", b"conf", b"dirs", b"envi", b"dump",
        b"wchs", b"wchc", b"wchp", b"gtmk", b"hash",
    ] {
        text.extend(four_letter_word(server.addr(), word).expect("an answer").into_bytes());
    }
    server.restart().expect("it starts again");
    session = Session::open(server.addr(), &session.reattachment()).expect("it is there still");
    session.close();
    text.extend(clients(&server.hosts()).into_bytes());
    tracing::info!("the end of what is said");
    server.shutdown();
    text.extend(std::fs::read(&audit).expect("the audit log"));
    text.extend_from_slice(&said.0.lock().expect("nobody panicked"));
    let secrets = [
        ("the password of a digest", PASSWORD.as_bytes().to_vec()),
        ("the password of a SASL user", SASL_PASSWORD.as_bytes().to_vec()),
        ("the password of a session", session_password),
        ("the hash in a list", HASH.as_bytes().to_vec()),
        ("the hash of super", SUPER_HASH.as_bytes().to_vec()),
        ("data", DATA.as_bytes().to_vec()),
    ];
    let shown = String::from_utf8_lossy(&text);
    for part in ["operation=create", "the end of what is said", "Environment:", "serverStop"] {
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
