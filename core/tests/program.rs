//! The `tenure` program from outside: what it prints, how it ends, and what a stopped process does to
//! its sessions.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tenure_tests::apache::four_letter_word;
use tenure_tests::session::Session;

/// The session timeout of these tests, in milliseconds.
const TIMEOUT: i32 = 1_000;

/// How long a server is stopped: long enough for every session to be overdue twice.
const STOPPED: Duration = Duration::from_millis(2_500);

struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    fn serve() -> Program {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tenure"))
            .args(["serve", "--listen", "127.0.0.1:0", "--tick", "500"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("it says something");
        let address = line.trim().strip_prefix("listening on ").expect("where it listens");
        Program { address: address.parse().expect("an address"), child }
    }

    /// Bytes of memory it occupies.
    fn resident(&self) -> usize {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("procfs is mounted");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("it has a size");
        let kilobytes = line.split_whitespace().nth(1).expect("a number follows");
        kilobytes.parse::<usize>().expect("it is a number") * 1024
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status().expect("kill runs");
        assert!(sent.success(), "kill {name} {pid}");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What stops a server stops its expiry as well: what clients sent meanwhile lies in the sockets, and
/// counts.
#[test]
fn a_stopped_server_expires_nobody_who_kept_pinging() {
    let server = Program::serve();
    let mut pinging = Session::with_timeout(server.address, TIMEOUT);
    let mut silent = Session::with_timeout(server.address, TIMEOUT);
    pinging.create("/pinging", b"", 1).expect("created");
    silent.create("/silent", b"", 1).expect("created");
    server.signal("-STOP");
    let stopped = Instant::now();
    let mut pings = 0;
    while stopped.elapsed() < STOPPED {
        pinging.send_as(-2, 11, &Default::default());
        pings += 1;
        std::thread::sleep(Duration::from_millis(250));
    }
    server.signal("-CONT");
    let resumed = Instant::now();
    for _ in 0..pings {
        pinging.reply().expect("each ping is answered");
    }
    assert!(pinging.exists("/pinging", false).is_ok(), "the stall expired a session that pinged");
    // The other one had said nothing, and has a whole timeout from now on at the most.
    while pinging.exists("/silent", false).is_ok() {
        assert!(resumed.elapsed() < Duration::from_secs(5), "a silent session never expired");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(pinging.exists("/pinging", false).is_ok());
}

/// Whoever is heard first after a stall is heard by the same time as everybody else: a stall counts for
/// nobody, neither against a session nor for it.
#[test]
fn a_stall_does_not_prolong_the_sessions_that_are_heard_right_after_it() {
    let server = Program::serve();
    let mut observer = Session::with_timeout(server.address, 10 * TIMEOUT);
    let mut sessions: Vec<_> =
        (0..20).map(|_| Session::with_timeout(server.address, TIMEOUT)).collect();
    for (number, session) in sessions.iter_mut().enumerate() {
        session.create(&format!("/e{number}"), b"", 1).expect("created");
    }
    server.signal("-STOP");
    for session in &mut sessions {
        session.send_as(-2, 11, &Default::default());
    }
    std::thread::sleep(STOPPED);
    server.signal("-CONT");
    let resumed = Instant::now();
    while observer.descendants("/").expect("readable") > 3 {
        let late = resumed.elapsed();
        assert!(late < Duration::from_millis(2_300), "sessions live {late:?} after the stall");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(resumed.elapsed() > Duration::from_millis(900), "the stall ended sessions that pinged");
}

#[test]
fn sigterm_ends_it_cleanly() {
    let mut server = Program::serve();
    assert_eq!(four_letter_word(server.address, b"ruok").as_deref(), Some("imok"));
    let mut session = Session::with_timeout(server.address, TIMEOUT);
    session.ping();
    server.signal("-TERM");
    let status = server.child.wait().expect("it ends");
    assert!(status.success(), "{status}");
    assert!(session.is_cut());
}

#[test]
fn a_connection_does_not_keep_the_memory_of_its_longest_answer() {
    let server = Program::serve();
    let mut writer = Session::with_timeout(server.address, TIMEOUT);
    writer.create("/big", &vec![b'x'; 1_000_000], 0).expect("created");
    writer.get("/big", false).expect("it is there");
    let before = server.resident();
    let readers: Vec<Session> = (0..50)
        .map(|_| {
            let mut reader = Session::with_timeout(server.address, TIMEOUT);
            reader.get("/big", false).expect("it is there");
            reader.ping();
            reader
        })
        .collect();
    let grown = server.resident().saturating_sub(before);
    assert!(grown < 20_000_000, "{grown} bytes for {} idle connections", readers.len());
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    let mut child = Command::new(env!("CARGO_BIN_EXE_tenure"))
        .args(["serve", "--listen", &address])
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut text = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut text).expect("it says something");
    assert!(!child.wait().expect("it ends").success());
    assert!(text.contains(&format!("cannot listen on {address}")), "{text}");
}
