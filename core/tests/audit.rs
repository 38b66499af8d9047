//! The audit log of a whole server: what is in it, in which order, and what a broken sink does to others.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tenure::server::{AuditFile, AuditSink, Server, StartError};
use tenure::wire::Features;
use tenure_tests::apache::four_letter_word;
use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::records::{Acl, open};
use tenure_tests::session::Session;

/// Keeps the lines, or fails.
#[derive(Clone, Default)]
struct Kept(Arc<(Mutex<String>, AtomicBool)>);

impl Kept {
    fn text(&self) -> String {
        self.0.0.lock().expect("nobody panicked").clone()
    }

    fn fail(&self, yes: bool) {
        self.0.1.store(yes, Ordering::SeqCst);
    }
}

impl AuditSink for Kept {
    fn open(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, lines: &str) -> io::Result<()> {
        if self.0.1.load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk is full"));
        }
        self.0.0.lock().expect("nobody panicked").push_str(lines);
        Ok(())
    }
}

/// A line without its time.
fn untimed(line: &str) -> String {
    let (time, rest) = line.split_once('\t').expect("a time");
    assert!(time.len() == 24 && time.ends_with('Z'), "{line}");
    rest.to_owned()
}

fn figure(server: &Server, name: &str) -> u64 {
    let text = four_letter_word(server.addr(), b"mntr").expect("an answer");
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("zk_{name}\t")));
    line.unwrap_or_else(|| panic!("{name} in {text}")).parse().expect("a number")
}

fn until(what: &str, done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(20), "{what} does not come");
        std::thread::yield_now();
    }
}

fn writes(directory: Option<&Path>) {
    let kept = Kept::default();
    let mut builder = Server::builder().audit(kept.clone());
    if let Some(directory) = directory {
        builder = builder.data_dir(directory);
    }
    let server = builder.start().expect("a free port");
    let mut session = Session::new(server.addr());
    assert_eq!(session.auth("digest", b"bob:planted-secret"), 0);
    let mine = [Acl { perms: 31, scheme: "auth".into(), id: String::new() }];
    session.create("/a", b"planted-data", 0).expect("created");
    session.create("/s-", b"", 2).expect("created");
    session.create_with("/mine", Some(b""), &mine, 0).expect("created");
    session.set("/a", b"planted-data", -1).expect("set");
    session.set("/a", b"planted-data", 7).expect_err("another version");
    session.set_acl("/a", &open(), -1).expect("set");
    session.delete("/none", -1).expect_err("absent");
    session.create("/e", b"", 1).expect("created");
    let mut other = Session::new(server.addr());
    other.create("/mine/x", b"", 0).expect_err("denied");
    other.delete("/s-0000000001", -1).expect("deleted");
    let (id, others) = (session.id(), other.id());
    session.close();
    server.shutdown();
    let text = kept.text();
    for secret in ["planted-secret", "planted-data"] {
        assert!(!text.contains(secret), "{text}");
    }
    let own = format!("session=0x{id:x}\tuser=127.0.0.1,bob\tip=127.0.0.1\toperation=");
    let theirs = format!("session=0x{others:x}\tuser=127.0.0.1\tip=127.0.0.1\toperation=");
    let expected = [
        "serverStart".to_owned(),
        format!(
            "{own}create\tznode=/a\tznode_type=persistent\tacl=world:anyone:cdrwa\tresult=success"
        ),
        format!(
            "{own}create\tznode=/s-0000000001\tznode_type=persistent_sequential\tacl=world:anyone:cdrwa\t\
             result=success"
        ),
        format!("{own}create\tznode=/mine\tznode_type=persistent\tacl=auth::cdrwa\tresult=success"),
        format!("{own}setData\tznode=/a\tresult=success"),
        format!("{own}setData\tznode=/a\tresult=failure"),
        format!("{own}setAcl\tznode=/a\tacl=world:anyone:cdrwa\tresult=success"),
        format!("{own}delete\tznode=/none\tresult=failure"),
        format!(
            "{own}create\tznode=/e\tznode_type=ephemeral\tacl=world:anyone:cdrwa\tresult=success"
        ),
        format!(
            "{theirs}create\tznode=/mine/x\tznode_type=persistent\tacl=world:anyone:cdrwa\tresult=failure"
        ),
        format!("{theirs}delete\tznode=/s-0000000001\tresult=success"),
        "ephemeralZNodeDeletionOnSessionCloseOrExpire\tznode=/e\tresult=success".to_owned(),
        "serverStop\tresult=invoked".to_owned(),
    ];
    let lines: Vec<_> = text.lines().map(untimed).collect();
    assert_eq!(lines.len(), expected.len(), "{text}");
    for (line, expected) in lines.iter().zip(&expected) {
        assert!(line.contains(expected.as_str()), "{expected} in\n{text}");
    }
}

#[test]
fn every_write_is_a_line_in_the_order_of_writes_in_memory() {
    writes(None);
}

#[test]
fn every_write_is_a_line_in_the_order_of_writes_on_a_disk() {
    let directory = tempfile::tempdir().expect("a directory");
    writes(Some(directory.path()));
}

#[test]
fn numbered_writes_are_what_is_in_them_and_what_comes_again_is_no_line() {
    let kept = Kept::default();
    let server = Server::builder().audit(kept.clone()).start().expect("a free port");
    let mut old = Session::greeting(server.addr(), Features::ALL.0);
    let mut new = Session::greeting(server.addr(), Features::ALL.0);
    for path in ["/e", "/f", "/g"] {
        old.create(path, b"", op::EPHEMERAL).expect("created");
    }
    let delete = |path: &str| Body::new().string(path).int(-1);
    for _ in 0..2 {
        assert_eq!(new.once((1, 0), op::DELETE, &delete("/g")).err, 0);
        assert_eq!(new.once((2, 0), op::DELETE, &delete("/none")).err, op::NO_NODE);
    }
    let (id, others, password) = (new.id(), old.id(), old.granted.passwd.clone());
    let adopt = Body::new().string("/e").long(others).bytes(&password);
    assert_eq!(new.code(op::ADOPT, &adopt), 0);
    let fence = |session: &mut Session, password: &[u8]| {
        session.code(op::FENCE, &Body::new().long(others).bytes(password))
    };
    assert_eq!(fence(&mut new, b""), op::NO_AUTH);
    assert_eq!(fence(&mut new, &password), 0);
    assert_eq!(new.code(op::HAND_OVER, &Body::new().long(others).bytes(b"")), op::UNKNOWN_SESSION);
    server.shutdown();
    let own = format!("session=0x{id:x}\tuser=127.0.0.1\tip=127.0.0.1\toperation=");
    let of = format!("other=0x{others:x}");
    let text = kept.text();
    let lines: Vec<_> = text.lines().map(untimed).skip(4).collect();
    let gone = "operation=ephemeralZNodeDeletionOnSessionCloseOrExpire\tznode=/f\tresult=success";
    let expected = [
        format!("{own}delete\tznode=/g\tresult=success"),
        format!("{own}delete\tznode=/none\tresult=failure"),
        format!("{own}adopt\tznode=/e\t{of}\tresult=success"),
        format!("{own}fence\t{of}\tresult=failure"),
        format!("{own}fence\t{of}\tresult=success"),
    ];
    assert_eq!(lines[..5], expected, "{text}");
    assert!(lines[5].starts_with(&format!("session=0x{others:x}\t")), "{text}");
    assert!(lines[5].ends_with(gone), "{text}");
    assert_eq!(lines[6], format!("{own}handOver\t{of}\tresult=failure"), "{text}");
    assert_eq!(lines.len(), 8, "and the end of the server: {text}");
}

#[test]
fn a_sink_that_fails_costs_lines_and_nothing_else() {
    let kept = Kept::default();
    let server = Server::builder().audit(kept.clone()).start().expect("a free port");
    let mut session = Session::new(server.addr());
    until("the first line", || figure(&server, "audit_lines") == 1);
    kept.fail(true);
    session.create("/lost", b"", 0).expect("created all the same");
    until("a lost line", || figure(&server, "audit_lines_lost") == 1);
    kept.fail(false);
    session.create("/kept", b"", 0).expect("created");
    until("a line", || figure(&server, "audit_lines") == 2);
    assert!(kept.text().contains("/kept") && !kept.text().contains("/lost"));
}

#[test]
fn a_file_that_is_moved_away_is_begun_anew() {
    let directory = tempfile::tempdir().expect("a directory");
    let (file, moved) = (directory.path().join("audit"), directory.path().join("audit.1"));
    let server = Server::builder().audit(AuditFile::new(&file)).start().expect("a free port");
    let mut session = Session::new(server.addr());
    session.create("/before", b"", 0).expect("created");
    until("a line", || figure(&server, "audit_lines") == 2);
    std::fs::rename(&file, &moved).expect("moved");
    session.create("/after", b"", 0).expect("created");
    until("a line", || figure(&server, "audit_lines") == 3);
    server.shutdown();
    let read = |path| std::fs::read_to_string(path).expect("a file");
    assert!(read(&moved).contains("/before") && !read(&moved).contains("/after"));
    assert!(read(&file).contains("/after") && read(&file).contains("serverStop"));
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(&file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it is for its owner");
}

#[test]
fn a_file_that_cannot_be_opened_keeps_a_server_from_starting() {
    let file = Path::new("/nonexistent/audit");
    let error = Server::builder().audit(AuditFile::new(file)).start().map(|_| ()).unwrap_err();
    assert!(matches!(error, StartError::Audit(_)), "{error}");
    assert!(error.to_string().contains("/nonexistent/audit"), "{error}");
}
