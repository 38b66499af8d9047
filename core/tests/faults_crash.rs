//! Sessions that end soon after their client's machine has closed the connection, over raw sockets.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tenure::base::Password;
use tenure::server::{Clock, Fault, Op, Server, ServerBuilder};
use tenure::wire::{ConnectRequest, ConnectResponse, Features, Hello, Once, Request};
use tenure::{Client, Millis, SessionId, Zxid};

const MS: Duration = Duration::from_millis(1);
const TIMEOUT: Duration = Duration::from_secs(10);
const GRACE: Duration = Duration::from_millis(200);

/// A client that asks for a grace, and says nothing that a test does not say.
struct Raw {
    stream: TcpStream,
    granted: ConnectResponse,
}

impl Raw {
    fn open(address: SocketAddr, grace: u32) -> Raw {
        Raw::handshake(address, grace, (SessionId::NONE, None))
    }

    fn handshake(
        address: SocketAddr,
        grace: u32,
        (session_id, password): (SessionId, Option<Password>),
    ) -> Raw {
        let mut stream = TcpStream::connect(address).expect("somebody listens");
        let mut out = BytesMut::new();
        ConnectRequest {
            last_zxid_seen: Zxid::ZERO,
            timeout: 10_000,
            session_id,
            password: password.map(|password| Bytes::copy_from_slice(&password.0)),
            read_only: Some(false),
            hello: Some(Hello { features: Features::ALL, crash_grace: Millis(grace) }),
        }
        .encode(&mut out);
        stream.write_all(&out).expect("it is sent");
        let body = frame(&mut stream);
        let granted = ConnectResponse::decode(body).expect("a handshake's answer");
        Raw { stream, granted }
    }

    fn again(&self, address: SocketAddr, grace: u32) -> Raw {
        let session = (self.granted.session_id, Some(self.granted.password));
        Raw::handshake(address, grace, session)
    }

    fn grace(&self) -> u32 {
        self.granted.welcome.map_or(0, |welcome| welcome.crash_grace.0)
    }

    fn id(&self) -> i64 {
        self.granted.session_id.0
    }

    fn close_session(&mut self) {
        let mut out = BytesMut::new();
        Request::CloseSession.encode(1, &mut out);
        self.stream.write_all(&out).expect("it is sent");
        frame(&mut self.stream);
    }

    /// Closes it as the kernel does for a process that had not read everything.
    fn reset(self) -> ConnectResponse {
        let socket = socket2::SockRef::from(&self.stream);
        socket.set_linger(Some(Duration::ZERO)).expect("it is a socket");
        self.granted
    }
}

fn frame(stream: &mut TcpStream) -> Bytes {
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("an answer");
    let mut body = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut body).expect("all of it");
    body.into()
}

fn server(set: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Server {
    set(Server::builder()).clock(Clock::manual()).start().expect("a free port")
}

fn plain() -> Server {
    server(|builder| builder)
}

/// Asserts that a session ends after `length` from now, exactly.
fn assert_ends_after(server: &Server, id: i64, length: Duration) {
    server.advance(length - Duration::from_micros(1));
    assert!(server.sessions().contains(&id), "it ended before {length:?}");
    server.advance(Duration::from_micros(1));
    assert!(!server.sessions().contains(&id), "it lives after {length:?}");
}

#[test]
fn a_connection_that_was_closed_leaves_the_session_its_grace() {
    let server = plain();
    let raw = Raw::open(server.addr(), 200);
    assert_eq!(raw.grace(), 200);
    let id = raw.id();
    server.advance(Duration::from_secs(3));
    drop(raw);
    assert_ends_after(&server, id, GRACE);
}

#[test]
fn so_does_one_that_was_half_closed_or_reset() {
    let server = plain();
    let half = Raw::open(server.addr(), 200);
    half.stream.shutdown(Shutdown::Write).expect("it is open");
    assert_ends_after(&server, half.id(), GRACE);
    let reset = Raw::open(server.addr(), 200).reset();
    assert_ends_after(&server, reset.session_id.0, GRACE);
}

#[test]
fn a_silent_client_has_its_whole_timeout() {
    let server = plain();
    let raw = Raw::open(server.addr(), 200);
    assert_ends_after(&server, raw.id(), TIMEOUT);
}

#[test]
fn so_has_one_that_did_not_ask_or_was_not_granted_any() {
    let server = plain();
    let raw = Raw::open(server.addr(), 0);
    assert_eq!(raw.grace(), 0);
    let id = raw.id();
    drop(raw);
    assert_ends_after(&server, id, TIMEOUT);
    let strict = self::server(|builder| builder.crash_detection(false));
    let raw = Raw::open(strict.addr(), 200);
    assert_eq!(raw.grace(), 0, "the setting says no");
    let id = raw.id();
    drop(raw);
    assert_ends_after(&strict, id, TIMEOUT);
}

#[test]
fn what_the_server_cuts_itself_is_no_crash() {
    let server = plain();
    let faults = server.faults();
    let raw = Raw::open(server.addr(), 200);
    assert!(faults.drop_connection(SessionId(raw.id())));
    assert_ends_after(&server, raw.id(), TIMEOUT);
    let mut raw = Raw::open(server.addr(), 200);
    faults.lose_reply(Op::WhoAmI, 1);
    let mut out = BytesMut::new();
    Request::WhoAmI.encode(1, &mut out);
    raw.stream.write_all(&out).expect("it is sent");
    let id = raw.id();
    assert_eq!(raw.stream.read(&mut [0; 9]).expect("its end"), 0);
    drop(raw);
    assert_ends_after(&server, id, TIMEOUT);
}

#[test]
fn a_numbered_write_is_struck_as_the_write_it_is_and_counted_once() {
    let server = plain();
    let faults = server.faults();
    faults.lose_reply(Op::Create, 1);
    let mut raw = Raw::open(server.addr(), 0);
    let create = tenure::wire::Create::new(
        "/n".into(),
        None,
        tenure::Acl::open_unsafe(),
        tenure::CreateMode::Persistent,
    );
    let once = Once { number: 1, answered: 0, request: Request::Create(create) };
    let mut out = BytesMut::new();
    Request::Once(Box::new(once)).encode(1, &mut out);
    raw.stream.write_all(&out).expect("it is sent");
    assert_eq!(raw.stream.read(&mut [0; 9]).expect("its end"), 0);
    let mut again = raw.again(server.addr(), 0);
    again.stream.write_all(&out).expect("it is sent again");
    let answer = frame(&mut again.stream);
    assert_eq!(answer[12..16], [0; 4], "it was created: {answer:?}");
    assert_eq!((faults.received(Op::Create), faults.carried_out(Op::Create)), (2, 1));
    assert_eq!((faults.hits(Fault::LoseReply), faults.pending(Fault::LoseReply)), (1, 0));
}

#[test]
fn a_silent_server_hears_of_no_crash() {
    let server = plain();
    let raw = Raw::open(server.addr(), 200);
    let id = raw.id();
    server.faults().silence(SessionId(id), true);
    server.advance(Duration::ZERO);
    drop(raw);
    assert_ends_after(&server, id, TIMEOUT);
}

#[test]
fn s27_whoever_comes_back_in_time_has_the_whole_timeout() {
    let server = plain();
    let raw = Raw::open(server.addr(), 200);
    let id = raw.id();
    raw.stream.shutdown(Shutdown::Both).expect("it is open");
    server.advance(GRACE - MS);
    let back = raw.again(server.addr(), 0);
    assert_eq!((back.id(), back.grace()), (id, 0), "what it asks for now counts now");
    server.advance(GRACE);
    assert!(server.sessions().contains(&id));
    drop(back);
    assert_ends_after(&server, id, TIMEOUT - GRACE);
}

#[test]
fn a_connection_that_was_displaced_ends_nothing() {
    let server = plain();
    let first = Raw::open(server.addr(), 200);
    let second = first.again(server.addr(), 200);
    drop(first);
    server.advance(GRACE * 2);
    assert!(server.sessions().contains(&second.id()));
    let id = second.id();
    drop(second);
    assert_ends_after(&server, id, GRACE);
}

#[test]
fn a_session_that_was_closed_is_closed() {
    let server = plain();
    let mut raw = Raw::open(server.addr(), 200);
    raw.close_session();
    assert!(server.sessions().is_empty());
    drop(raw);
    server.advance(GRACE);
}

#[test]
fn a_grace_lies_between_ten_milliseconds_and_the_timeout() {
    let server = plain();
    let short = Raw::open(server.addr(), 1);
    assert_eq!(short.grace(), 10);
    let id = short.id();
    drop(short);
    assert_ends_after(&server, id, 10 * MS);
    let long = Raw::open(server.addr(), 99_000);
    assert_eq!(long.grace(), 10_000);
    let id = long.id();
    drop(long);
    assert_ends_after(&server, id, TIMEOUT);
}

/// A client of this project that was granted the usual grace, and the server on a clock that stands.
async fn graced(server: &Server) -> Client {
    let builder = Client::builder(server.hosts()).session_timeout(TIMEOUT);
    builder.detect_crashes().connect().await.expect("connects")
}

#[tokio::test]
async fn a_detached_session_has_its_whole_timeout() {
    let server = plain();
    let client = graced(&server).await;
    let id = client.session().id().0;
    client.ops().create("/e", "").ephemeral().await.expect("creates");
    client.detach().await.expect("detaches");
    assert_ends_after(&server, id, TIMEOUT);
}

#[tokio::test]
async fn whoever_resumes_a_detached_session_may_ask_for_a_grace_again() {
    let server = plain();
    let client = graced(&server).await;
    let id = client.session().id();
    client.ops().create("/e", "").ephemeral().await.expect("creates");
    let credentials = client.detach().await.expect("detaches");
    server.advance(TIMEOUT - MS);
    let builder = Client::builder(server.hosts()).session_timeout(TIMEOUT);
    let resumed = builder.detect_crashes().resume(credentials).connect().await.expect("resumes");
    assert_eq!(resumed.session().id(), id);
    let stat = resumed.ops().exists("/e").await.expect("answers").expect("it is there");
    assert_eq!(stat.ephemeral_owner, id);
    resumed.detach().await.expect("detaches");
    assert_ends_after(&server, id.0, TIMEOUT);
}
