//! Clients that do not read: what they cost themselves, and that they cost nobody else anything.

use std::time::{Duration, Instant};

use tenure::server::{Clock, Server};
use tenure_tests::apache::four_letter_word;
use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::raw::Silence;
use tenure_tests::session::Session;

fn server() -> Server {
    Server::builder().words("*").clock(Clock::manual()).start().expect("a free port")
}

/// Bytes of a name that makes events large.
const NAME: usize = 400_000;

/// Sets that make more bytes of events than the server keeps and all socket buffers hold.
const SETS: usize = 120;

#[test]
fn n5_a_watcher_that_never_reads_loses_its_connection_and_keeps_its_session() {
    let server = server();
    let mut deaf = Session::new(server.addr());
    let mut writer = Session::new(server.addr());
    deaf.create("/deaf", b"", 1).expect("created");
    deaf.add_watch("/", 1).expect("watched");
    let path = format!("/{}", "n".repeat(NAME));
    writer.make(&path);
    for round in 0..SETS {
        // Each is answered at once, whatever the watcher does.
        writer.set(&path, b"x", round as i32).expect("set");
    }
    let mut received = 0;
    let end = loop {
        match deaf.wire.receive_within(Duration::from_secs(20)) {
            Ok(frame) => received += frame.len(),
            Err(end) => break end,
        }
    };
    assert_eq!(end, Silence::Closed, "the watcher is cut");
    assert!(received < SETS * NAME, "everything was kept for a client that did not read");
    let mut again = deaf.reattach(server.addr());
    assert!(again.exists("/deaf", false).is_ok(), "the session stays");
}

#[test]
fn n5_many_who_do_not_read_delay_nobody() {
    let server = server();
    let mut busy = Session::new(server.addr());
    let data = vec![b'x'; 500_000];
    busy.create("/big", &data, 0).expect("created");
    let mut deaf: Vec<Session> = (0..20).map(|_| Session::new(server.addr())).collect();
    let get = Body::new().string("/big").bool(false);
    for session in &mut deaf {
        for _ in 0..40 {
            session.send(op::GET_DATA, &get);
        }
    }
    for round in 0..200 {
        busy.ping();
        busy.set("/big", b"y", round).expect("set");
    }
    // Whoever starts to read gets every answer, in order.
    for session in &mut deaf {
        for _ in 0..40 {
            session.reply().expect("each request is answered");
        }
    }
}

/// The value of a figure that `mntr` lists.
fn figure(server: &Server, name: &str) -> u64 {
    let text = four_letter_word(server.addr(), b"mntr").expect("an answer");
    let line = text.lines().find(|line| line.starts_with(name)).expect("the figure is listed");
    line.rsplit('\t').next().and_then(|value| value.parse().ok()).expect("it is a number")
}

#[test]
fn s76_who_does_not_read_the_reply_to_its_close_is_cut_like_one_without_a_session() {
    let server = server();
    let mut deaf = Session::new(server.addr());
    deaf.create("/big", &vec![b'x'; 100_000], 0).expect("created");
    // Just enough that something waits in the server, and too little to be read no further.
    while figure(&server, "zk_outstanding_requests") == 0 {
        deaf.send(op::GET_DATA, &Body::new().string("/big").bool(false));
    }
    deaf.send(op::CLOSE_SESSION, &Body::new());
    let started = Instant::now();
    while !server.sessions().is_empty() {
        assert!(started.elapsed() < Duration::from_secs(20), "the session is not closed");
        std::thread::yield_now();
    }
    server.advance(Duration::from_secs(10));
    while figure(&server, "zk_num_alive_connections") > 1 {
        assert!(started.elapsed() < Duration::from_secs(20), "the connection stays for ever");
        std::thread::yield_now();
    }
}

#[test]
fn p06_a_word_is_answered_however_long_the_answer() {
    let server = server();
    let mut session = Session::new(server.addr());
    for number in 0..30 {
        let path = format!("/{}{number:02}", "n".repeat(30_000));
        session.create(&path, b"", 1).expect("created");
    }
    let dump = four_letter_word(server.addr(), b"dump").expect("an answer");
    assert!(dump.len() > 30 * 30_000, "the answer has {} bytes", dump.len());
    assert!(dump.contains("Connections dump:"), "the answer is cut off");
}
