//! Servers inside a process: what they refuse, and what their owner can do to sessions.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tenure::server::{Clock, Server, StartError};
use tenure_tests::session::Session;

#[test]
fn what_cannot_work_is_refused_before_the_port_opens() {
    let contradiction = Server::builder()
        .min_session_timeout(Duration::from_secs(9))
        .max_session_timeout(Duration::from_secs(8))
        .start();
    let Err(error @ StartError::Timeouts(_)) = contradiction else { panic!("it started") };
    assert_eq!(
        error.to_string(),
        "the minimum session timeout (9000 ms) must be at least 1 ms and not above the maximum \
         (8000 ms)"
    );
    let elsewhere: SocketAddr = "192.0.2.1:0".parse().expect("an address");
    let Err(error) = Server::builder().listen(elsewhere).start() else { panic!("it started") };
    assert!(error.to_string().starts_with("cannot listen on 192.0.2.1:0: "), "{error}");
}

#[test]
fn s13_an_expiry_takes_no_time_on_a_manual_clock() {
    let server = Server::builder().clock(Clock::manual()).start().expect("a free port");
    let mut mortal = Session::with_timeout(server.addr(), 60_000);
    let mut observer = Session::with_timeout(server.addr(), 60_000);
    mortal.create("/mortal", b"", 1).expect("created");
    let started = Instant::now();
    for _ in 0..59 {
        server.advance(Duration::from_secs(1));
        observer.ping();
    }
    server.advance(Duration::from_millis(999));
    assert!(observer.exists("/mortal", false).is_ok(), "expired before its timeout");
    server.advance(Duration::from_millis(1));
    assert!(observer.exists("/mortal", false).is_err(), "not expired at its timeout");
    assert_eq!(server.expiry_lateness().2, 0);
    assert!(started.elapsed() < Duration::from_secs(60), "an hour glass would have been faster");
}

#[test]
fn an_administrator_ends_a_session_at_once() {
    let server = Server::builder().start().expect("a free port");
    let mut mortal = Session::new(server.addr());
    let mut observer = Session::new(server.addr());
    mortal.create("/mortal", b"", 1).expect("created");
    assert!(server.expire(mortal.id()));
    assert!(observer.exists("/mortal", false).is_err());
    assert!(mortal.is_cut());
    assert!(!server.expire(mortal.id()), "it is gone");
    assert!(server.drop_connection(observer.id()));
    assert!(observer.is_cut());
    let mut again = observer.reattach(server.addr());
    again.ping();
}

#[test]
fn a_manual_clock_moves_as_far_as_it_is_told() {
    let server = Server::builder().clock(Clock::manual()).start().expect("a free port");
    let mut mortal = Session::with_timeout(server.addr(), 60_000);
    mortal.create("/mortal", b"", 1).expect("created");
    server.advance(Duration::MAX);
    assert_eq!(server.sessions(), []);
    assert!(mortal.is_cut());
}

#[test]
fn a_server_listens_for_this_machine_alone_unless_told_otherwise() {
    let server = Server::builder().start().expect("it starts");
    assert!(server.addr().ip().is_loopback());
}
