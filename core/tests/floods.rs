//! Clients that send without end: what they cost themselves, and that they cost nobody else anything.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tenure::server::{Clock, Server};
use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::records::open;
use tenure_tests::session::{Session, create_body, multi_body};

/// How long somebody may wait for an answer beside a flood.
const SOON: Duration = Duration::from_secs(5);

/// Sends the same bytes again and again until told to stop, or until the server ends it.
struct Flood {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Flood {
    fn start(mut send: impl FnMut() -> bool + Send + 'static) -> Flood {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread =
            std::thread::spawn(move || while !stopped.load(Ordering::Relaxed) && send() {});
        Flood { stop, thread: Some(thread) }
    }

    fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Requests that cost the server more than the client, and whose answers are short: a client that
/// floods and does not read is not slowed by them.
fn flood_of_requests(address: SocketAddr) -> Flood {
    let mut session = Session::new(address);
    let check = || (op::CHECK, Body::new().string("/").int(-1));
    let parts: Vec<_> = std::iter::repeat_with(check).take(2_000).collect();
    let malformed = multi_body(&parts).int(0).0;
    let malformed = &malformed[..malformed.len() - 13];
    let request = Body::new().int(1).int(op::MULTI).raw(malformed).0;
    let mut frame = (request.len() as i32).to_be_bytes().to_vec();
    frame.extend(request);
    let frames = frame.repeat(50);
    let end = Instant::now() + 4 * SOON;
    Flood::start(move || {
        session.wire.send_within(&frames, SOON);
        Instant::now() < end
    })
}

#[test]
fn n5_a_session_that_floods_leaves_room_for_the_others() {
    let server = Server::builder().workers(1).start().expect("a free port");
    let mut other = Session::new(server.addr());
    let _flood = flood_of_requests(server.addr());
    for _ in 0..5 {
        let asked = Instant::now();
        other.ping();
        assert!(asked.elapsed() < SOON, "a ping took {:?} beside a flood", asked.elapsed());
    }
    // Whoever comes now is accepted too.
    let asked = Instant::now();
    Session::new(server.addr()).ping();
    assert!(asked.elapsed() < SOON, "a handshake took {:?} beside a flood", asked.elapsed());
}

#[test]
fn p44_who_goes_on_sending_after_a_last_answer_is_closed_all_the_same() {
    let server = Server::builder().workers(1).start().expect("a free port");
    let mut other = Session::new(server.addr());
    let mut stream = TcpStream::connect(server.addr()).expect("the server accepts");
    stream.set_write_timeout(Some(SOON)).expect("a fresh socket takes options");
    let junk = vec![0; 1 << 20];
    let end = Instant::now() + 4 * SOON;
    stream.write_all(b"ruok").expect("sent");
    let flood = Flood::start(move || stream.write_all(&junk).is_ok() && Instant::now() < end);
    let started = Instant::now();
    while !flood.has_ended() {
        other.ping();
        assert!(started.elapsed() < SOON, "the flood is read for ever");
    }
}

/// Makes 60,000 znodes below `/n`.
fn grow(session: &mut Session) {
    session.make("/n");
    for number in 0..60 {
        let path = |child| format!("/n/{number}-{child}");
        let part = |child| (op::CREATE, create_body(&path(child), None, &open(), 0));
        session.multi(&(0..1_000).map(part).collect::<Vec<_>>()).expect("created");
    }
}

#[test]
fn what_was_sent_before_time_moves_counts_as_heard_before_it() {
    let server = Server::builder().clock(Clock::manual()).start().expect("a free port");
    let mut other = Session::with_timeout(server.addr(), 60_000);
    grow(&mut other);
    let mut walker = Session::with_timeout(server.addr(), 6_000);
    let walk = Body::new().int(1).int(op::GET_ALL_CHILDREN_NUMBER).string("/n").0;
    let frame = [&(walk.len() as i32).to_be_bytes(), &walk[..]].concat();
    walker.wire.send(&frame.repeat(100));
    server.advance(Duration::from_millis(5_999));
    for _ in 0..100 {
        walker.reply().expect("each request is answered");
    }
    server.advance(Duration::from_millis(1));
    assert_eq!(server.sessions(), [other.id()], "a request was heard after it was sent");
}

#[test]
fn n5_walks_through_a_large_tree_leave_room_for_the_others() {
    let server = Server::builder().workers(1).start().expect("a free port");
    let mut other = Session::new(server.addr());
    grow(&mut other);
    let mut walker = Session::new(server.addr());
    for _ in 0..2_500 {
        walker.send(op::GET_ALL_CHILDREN_NUMBER, &Body::new().string("/n"));
    }
    assert!(walker.reply().is_ok_and(|reply| reply.err == 0), "it walks");
    let asked = Instant::now();
    other.set("/n", b"", -1).expect("set");
    assert!(asked.elapsed() < SOON / 5, "a write took {:?} beside walks", asked.elapsed());
    assert_eq!(walker.reply().map(|reply| reply.body), Ok(60_000_i32.to_be_bytes().into()));
}
