//! A thousand connections that never finish what they begin, and a flood of writes: the others are served,
//! and every one of the thousand is got rid of. Nothing here depends on how fast it goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tenure::server::{Clock, Server, raise_descriptor_limit};
use tenure_tests::apache::four_letter_word;
use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::raw::Wire;
use tenure_tests::session::Session;

/// Connections that send a byte now and then.
const DRIPS: usize = 1_000;

/// Connections that write without end.
const FLOODS: usize = 4;

/// How long something may take, however busy the machine is.
const SOON: Duration = Duration::from_secs(60);

/// Writes without end, many under way.
fn flood(server: &Server, stop: &Arc<AtomicBool>) -> std::thread::JoinHandle<()> {
    let mut session = Session::with_timeout(server.addr(), 40_000);
    let stop = stop.clone();
    std::thread::spawn(move || {
        let set = Body::new().string("/flood").bytes(&[b'x'; 100]).int(-1);
        while !stop.load(Ordering::Relaxed) {
            for _ in 0..64 {
                session.send(op::SET_DATA, &set);
            }
            for _ in 0..64 {
                session.reply().expect("the flood is served");
            }
        }
    })
}

/// The value of a figure that `mntr` lists.
fn figure(server: &Server, name: &str) -> u64 {
    let text = four_letter_word(server.addr(), b"mntr").expect("an answer");
    let name = format!("zk_{name}\t");
    let value = text.lines().find_map(|line| line.strip_prefix(name.as_str()));
    value.and_then(|value| value.parse().ok()).expect("the figure is listed")
}

fn await_figure(server: &Server, name: &str, expected: u64) {
    let started = Instant::now();
    loop {
        let found = figure(server, name);
        if found == expected {
            return;
        }
        assert!(started.elapsed() < SOON, "zk_{name} is {found} and not {expected}");
        std::thread::yield_now();
    }
}

#[test]
fn a_thousand_drips_and_a_flood_of_writes_hurt_nobody_else() {
    raise_descriptor_limit();
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::builder()
        .max_connections_per_address(0)
        .data_dir(directory.path())
        .clock(Clock::manual())
        .start()
        .expect("a free port");
    let mut others: Vec<_> =
        (0..10).map(|_| Session::with_timeout(server.addr(), 40_000)).collect();
    others[0].make("/flood");
    others[0].make("/a");
    let stop = Arc::new(AtomicBool::new(false));
    let floods: Vec<_> = (0..FLOODS).map(|_| flood(&server, &stop)).collect();
    let mut nameless: Vec<_> = (0..DRIPS / 2).map(|_| Wire::open(server.addr())).collect();
    let open = |_| Session::with_timeout(server.addr(), 40_000);
    let mut named: Vec<_> = (0..DRIPS / 2).map(open).collect();
    // Each announces 1,000 bytes, and comes to 30 of them.
    for (place, byte) in 1_000_i32.to_be_bytes().into_iter().chain([0; 30]).enumerate() {
        nameless.iter_mut().for_each(|wire| wire.send(&[byte]));
        named.iter_mut().for_each(|session| session.wire.send(&[byte]));
        let other = &mut others[place % 10];
        other.ping();
        other.set("/a", b"x", -1).expect("writes of others have their turn");
        other.get("/a", false).expect("so have reads");
    }
    await_figure(&server, "incomplete_bytes", (DRIPS * 34) as u64);
    assert_eq!(figure(&server, "throttled_ops"), 0, "what is held back is not refused");
    // Whoever closes, comes back or is new has his way as well.
    let back = others.pop().expect("there are ten").reattach(server.addr());
    back.close();
    others.push(Session::with_timeout(server.addr(), 40_000));
    // Time is moved when everything that was sent is read, and a flood never is.
    stop.store(true, Ordering::Relaxed);
    for flood in floods {
        flood.join().expect("the flood was served to its end");
    }
    let keep = |others: &mut [Session]| others.iter_mut().for_each(Session::ping);
    // Those without a session have ten seconds, those with one thirty and an eighth of it.
    server.advance(Duration::from_secs(10));
    await_figure(&server, "sessionless_connections_expired", (DRIPS / 2) as u64);
    keep(&mut others);
    server.advance(Duration::from_secs(24));
    await_figure(&server, "connections_cut_incomplete", (DRIPS / 2) as u64);
    await_figure(&server, "incomplete_bytes", 0);
    keep(&mut others);
    assert!(nameless.iter_mut().all(|wire| wire.read_to_close().is_empty()));
    assert_eq!(figure(&server, "stale_sessions_expired"), 0, "a session outlives its connection");
    server.advance(Duration::from_secs(6));
    // The floods have fallen silent with them.
    await_figure(&server, "stale_sessions_expired", (DRIPS / 2 + FLOODS) as u64);
    keep(&mut others);
}
