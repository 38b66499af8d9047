//! Clients that do not read: what they cost themselves, and that they cost nobody else anything.

use std::time::Duration;

use tenure::server::{Clock, Server};
use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::raw::Silence;
use tenure_tests::session::Session;

fn server() -> Server {
    Server::builder().clock(Clock::manual()).start().expect("a free port")
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
