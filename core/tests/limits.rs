//! What clients may have, tried from outside: each limit holds, hurts nobody else, and is counted.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tenure::server::{Clock, Server, ServerBuilder};
use tenure_tests::apache::four_letter_word;
use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::raw::{Silence, Wire};
use tenure_tests::records::ConnectRequest;
use tenure_tests::session::Session;

const QUOTA_EXCEEDED: i32 = -125;
const THROTTLED: i32 = -127;

/// How long something may take that happens at once.
const SOON: Duration = Duration::from_secs(20);

fn server(with: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Server {
    with(Server::builder().max_connections_per_address(0)).start().expect("a free port")
}

/// The value of a figure that `mntr` lists.
fn figure(server: &Server, name: &str) -> u64 {
    let text = four_letter_word(server.addr(), b"mntr").expect("an answer");
    let name = format!("zk_{name}\t");
    let value = text.lines().find_map(|line| line.strip_prefix(name.as_str()));
    value.and_then(|value| value.parse().ok()).expect("the figure is listed")
}

/// Waits until a figure is what it should be.
fn await_figure(server: &Server, name: &str, expected: impl Fn(u64) -> bool) -> u64 {
    let started = Instant::now();
    loop {
        let found = figure(server, name);
        if expected(found) {
            return found;
        }
        assert!(started.elapsed() < SOON, "zk_{name} is {found}");
        std::thread::yield_now();
    }
}

/// What a handshake for a new session comes to.
fn try_open(server: &Server) -> Result<Session, Silence> {
    Session::open(server.addr(), &ConnectRequest::default())
}

#[test]
fn one_connection_too_many_is_closed_without_a_byte() {
    let server = server(|builder| builder.max_connections(3));
    let mut sessions: Vec<_> = (0..3).map(|_| Session::new(server.addr())).collect();
    let mut surplus = Wire::open(server.addr());
    surplus.send_frame(&ConnectRequest::default().encode());
    assert_eq!(surplus.read_to_close(), b"");
    sessions.iter_mut().for_each(Session::ping);
    sessions.pop().expect("there are three").close();
    // The place of a connection is free a moment after its end, and asking takes one too.
    let started = Instant::now();
    let listed = loop {
        match four_letter_word(server.addr(), b"mntr") {
            Some(text) if !text.is_empty() => break text,
            _ => assert!(started.elapsed() < SOON, "there is no place again"),
        }
        std::thread::yield_now();
    };
    let line = listed.lines().find_map(|line| line.strip_prefix("zk_connection_rejected\t"));
    assert!(line.and_then(|count| count.parse::<u64>().ok()) >= Some(1));
}

/// A connection that was told everything is kept a while for its last bytes, and counts as long.
#[test]
fn who_does_not_hang_up_holds_a_place() {
    let server = server(|builder| builder.max_connections_per_address(10));
    let started = Instant::now();
    let mut held = Vec::new();
    loop {
        let mut stream = TcpStream::connect(server.addr()).expect("the port is open");
        let mut answer = [0; 4];
        let is_served = stream.write_all(b"ruok").is_ok() && stream.read_exact(&mut answer).is_ok();
        if !is_served {
            break;
        }
        held.push(stream);
        assert!(held.len() < 1_000 && started.elapsed() < SOON, "{} are served", held.len());
    }
    assert!(held.len() >= 10, "{} are served", held.len());
}

#[test]
fn one_session_too_many_is_refused_as_a_server_that_is_not_there() {
    for of_one in [false, true] {
        let server = server(|builder| match of_one {
            true => builder.max_sessions_per_identity(2),
            false => builder.max_sessions(2),
        });
        let mut first = Session::new(server.addr());
        let mut second = Session::new(server.addr());
        assert_eq!(try_open(&server).err(), Some(Silence::Closed), "and not an expiry");
        assert_eq!(figure(&server, "sessions_refused"), 1);
        first.ping();
        // Whoever has a session gets it back.
        second = second.reattach(server.addr());
        second.ping();
        first.close();
        try_open(&server).expect("there is a place again").ping();
        assert!(try_open(&server).is_err());
    }
}

#[test]
fn one_watch_too_many_is_refused_with_the_request_that_would_leave_it() {
    let server = server(|builder| builder.max_watches_per_session(2));
    let mut watcher = Session::new(server.addr());
    let mut other = Session::new(server.addr());
    for path in ["/a", "/b", "/c"] {
        other.make(path);
    }
    watcher.get("/a", true).expect("watched");
    watcher.exists("/b", true).expect("watched");
    assert_eq!(watcher.get("/c", true).err(), Some(QUOTA_EXCEEDED));
    assert_eq!(watcher.children("/c", true).err(), Some(QUOTA_EXCEEDED));
    assert_eq!(watcher.exists("/none", true).err(), Some(QUOTA_EXCEEDED));
    assert_eq!(watcher.add_watch("/c", 1), Err(QUOTA_EXCEEDED));
    // Without a watch it is a read like any other, and what is watched already takes no room.
    watcher.get("/c", false).expect("read");
    watcher.get("/a", true).expect("watched");
    watcher.add_watch("/a", 0).expect("watched");
    other.get("/c", true).expect("others have their own");
    assert_eq!(figure(&server, "watches_refused"), 4);
    // What has fired makes room.
    other.set("/b", b"x", -1).expect("set");
    watcher.ping();
    watcher.get("/c", true).expect("watched");
}

#[test]
fn bytes_of_watches_have_limits_of_their_own() {
    let server = server(|builder| {
        builder.max_watch_bytes_per_session(3_000).max_watch_bytes_per_identity(4_000)
    });
    let mut one = Session::new(server.addr());
    let mut two = Session::new(server.addr());
    let long = |name: &str| format!("/{name}{}", "n".repeat(2_000));
    assert_eq!(one.exists(&long("a"), true).err(), Some(-101), "the watch stays");
    assert_eq!(one.exists(&long("b"), true).err(), Some(QUOTA_EXCEEDED), "of one session");
    assert_eq!(two.exists(&long("c"), true).err(), Some(QUOTA_EXCEEDED), "of one address");
    assert_eq!(two.exists("/short", true).err(), Some(-101));
    assert!(figure(&server, "watch_bytes") < 4_000);
}

#[test]
fn watches_come_back_with_their_session_at_the_limit_and_never_silently_fewer() {
    let server = server(|builder| builder.max_watches(2).max_watches_per_identity(2));
    let mut watcher = Session::new(server.addr());
    for path in ["/a", "/b", "/c"] {
        watcher.make(path);
    }
    watcher.get("/a", true).expect("watched");
    watcher.get("/b", true).expect("watched");
    // The connection before is there still: its watches do not count twice.
    let mut again = watcher.reattach(server.addr());
    assert_eq!(again.set_watches(again.zxid.max(10), [&["/a", "/b"], &[], &[]]), 0);
    let mut other = Session::new(server.addr());
    other.set("/a", b"x", -1).expect("set");
    again.ping();
    assert_eq!(again.take_events().len(), 1);
    // What finds no room ends the connection, after an answer that says why.
    let mut last = again.reattach(server.addr());
    let paths: [&str; 3] = ["/a", "/b", "/c"];
    assert_eq!(last.set_watches(1 << 40, [&paths, &[], &[]]), QUOTA_EXCEEDED);
    assert!(last.is_cut(), "the client believes in watches that are not there");
    last.reattach(server.addr()).ping();
}

#[test]
fn one_ephemeral_too_many_is_refused_to_its_session_and_its_identity() {
    let mut server =
        server(|builder| builder.max_ephemerals_per_session(3).max_ephemerals_per_identity(4));
    let mut one = Session::new(server.addr());
    let mut two = Session::new(server.addr());
    for path in ["/a", "/b", "/c"] {
        one.create(path, b"", 1).expect("created");
    }
    assert_eq!(one.create("/d", b"", 1), Err(QUOTA_EXCEEDED), "of one session");
    two.create("/d", b"", 1).expect("created");
    assert_eq!(two.create("/e", b"", 1), Err(QUOTA_EXCEEDED), "of one address");
    assert_eq!(one.set("/a", b"more", -1).err(), Some(QUOTA_EXCEEDED), "of one address");
    one.make("/persistent");
    assert_eq!(figure(&server, "ephemerals_refused"), 3);
    // A restart knows nothing of addresses until sessions come back.
    server.restart().expect("the port is free");
    let mut one = one.reattach(server.addr());
    let mut two = two.reattach(server.addr());
    assert_eq!(two.create("/e", b"", 1), Err(QUOTA_EXCEEDED));
    one.delete("/a", -1).expect("deleted");
    two.create("/e", b"", 1).expect("there is room again");
    one.close();
    two.create("/f", b"", 1).expect("there is more");
}

#[test]
fn values_of_sessions_count_as_ephemerals_of_their_identity() {
    let mut server = server(|builder| builder.max_session_values(2).max_ephemerals_per_identity(3));
    let mut one = Session::new(server.addr());
    let mut two = Session::new(server.addr());
    let value =
        |of: &Session, name: &str| format!("/zookeeper/sessions/{:#x}/data/{name}", of.id());
    let [a, b, c] = ["a", "b", "c"].map(|name| value(&one, name));
    one.create(&a, b"", 0).expect("bound");
    one.create(&b, b"", 1).expect("bound");
    assert_eq!(one.create(&c, b"", 0), Err(QUOTA_EXCEEDED), "of one session");
    two.create("/e", b"", 1).expect("created");
    let more = value(&two, "a");
    assert_eq!(two.create(&more, b"", 0), Err(QUOTA_EXCEEDED), "of one address");
    assert_eq!(one.set(&a, b"more", -1).err(), Some(QUOTA_EXCEEDED), "of one address");
    assert_eq!(figure(&server, "ephemerals_refused"), 3);
    server.restart().expect("the port is free");
    let mut one = one.reattach(server.addr());
    let mut two = two.reattach(server.addr());
    assert_eq!(two.create(&more, b"", 0), Err(QUOTA_EXCEEDED), "what came back is counted");
    one.delete(&a, -1).expect("unbound");
    two.create(&more, b"", 0).expect("there is room again");
    one.close();
    two.create("/f", b"", 1).expect("there is more");
}

#[test]
fn a_frame_that_never_ends_costs_its_connection_and_not_its_session() {
    let server = server(|builder| builder.clock(Clock::manual()));
    let mut slow = Session::with_timeout(server.addr(), 40_000);
    let mut other = Session::with_timeout(server.addr(), 40_000);
    slow.wire.send(&[0, 0, 0, 100, 1, 2, 3]);
    await_figure(&server, "incomplete_bytes", |bytes| bytes == 7);
    server.advance(Duration::from_secs(29));
    slow.wire.send(&[4]);
    other.ping();
    await_figure(&server, "incomplete_bytes", |bytes| bytes == 8);
    server.advance(Duration::from_secs(5));
    assert!(slow.is_cut(), "a byte now and then is enough");
    assert_eq!(figure(&server, "connections_cut_incomplete"), 1);
    other.ping();
    slow.reattach(server.addr()).ping();
}

#[test]
fn frames_that_have_begun_take_no_more_memory_than_they_may() {
    let most = 200_000;
    let timeout = Duration::from_secs(1);
    let server = server(|builder| builder.max_incomplete_bytes(most).frame_timeout(timeout));
    let mut other = Session::new(server.addr());
    other.make("/a");
    let mut half: Vec<_> = (0..20).map(|_| Session::new(server.addr())).collect();
    let mut beginning = 900_000_i32.to_be_bytes().to_vec();
    beginning.resize(300_000, 0);
    for session in &mut half {
        session.wire.send_within(&beginning, Duration::from_millis(20));
        other.set("/a", b"x", -1).expect("whoever sends whole frames is served");
        let found = figure(&server, "incomplete_bytes");
        assert!(found <= most as u64 + 900_000 + 20 * (8 << 10), "{found} bytes");
    }
    // What they wait for ends with the time that a frame has, and others have the room.
    await_figure(&server, "incomplete_bytes", |bytes| bytes == 0);
    assert_eq!(figure(&server, "connections_cut_incomplete"), 20);
    let mut frame = 900_000_i32.to_be_bytes().to_vec();
    frame.resize(900_004, 0);
    other.wire.send(&frame);
    assert_eq!(other.reply().expect("the frame is whole").err, -6, "zeros are no request");
}

#[test]
fn a_frame_that_announces_too_much_allocates_nothing() {
    let server = server(|builder| builder);
    let mut other = Session::new(server.addr());
    for announced in [i32::MAX, 0x7fff_0000, 0x10_0000, -1] {
        let mut session = Session::new(server.addr());
        session.wire.send(&announced.to_be_bytes());
        assert!(session.is_cut(), "{announced}");
        let mut wire = Wire::open(server.addr());
        wire.send(&announced.to_be_bytes());
        assert_eq!(wire.read_to_close(), b"", "{announced} without a session");
    }
    assert_eq!(figure(&server, "large_requests_rejected"), 8);
    assert_eq!(figure(&server, "incomplete_bytes"), 0);
    other.ping();
}

#[test]
fn an_answer_that_is_too_long_is_refused() {
    let server = server(|builder| builder.max_reply(10_000));
    let mut session = Session::new(server.addr());
    session.create("/long", &[b'x'; 10_001], 0).expect("created");
    session.create("/short", &[b'x'; 9_000], 0).expect("created");
    assert_eq!(session.get("/long", true).err(), Some(-5));
    session.get("/short", false).expect("read");
    assert_eq!(figure(&server, "large_replies_refused"), 1);
    assert_eq!(figure(&server, "watch_count"), 0);
}

#[test]
fn who_does_not_read_cannot_fill_the_memory_with_many_connections() {
    let server = server(|builder| builder.max_unread_bytes(8 << 20));
    let mut other = Session::new(server.addr());
    other.create("/big", &vec![b'x'; 900_000], 0).expect("created");
    other.create("/small", b"x", 0).expect("created");
    let get = Body::new().string("/big").bool(false);
    let mut deaf: Vec<_> = (0..40).map(|_| Session::new(server.addr())).collect();
    for session in &mut deaf {
        for _ in 0..20 {
            session.send(op::GET_DATA, &get);
        }
    }
    await_figure(&server, "throttled_ops", |count| count > 0);
    let unread = figure(&server, "unread_bytes");
    assert!(unread < 20 << 20, "{unread} bytes wait");
    assert_eq!(other.get("/big", false).err(), Some(THROTTLED));
    other.get("/small", false).expect("short answers are given");
    other.set("/small", b"y", -1).expect("set");
    other.ping();
    drop(deaf);
    await_figure(&server, "unread_bytes", |bytes| bytes == 0);
    other.get("/big", false).expect("read");
}

#[test]
fn of_many_refusals_the_log_has_few_lines() {
    let server = server(|builder| builder.max_sessions(1).log_repeat(Duration::from_secs(60)));
    let _session = Session::new(server.addr());
    for _ in 0..50 {
        assert!(try_open(&server).is_err());
    }
    assert_eq!(figure(&server, "sessions_refused"), 50);
    assert_eq!(figure(&server, "log_lines_suppressed"), 49);
}
