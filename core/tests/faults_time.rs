//! Clients on the manual clock of an embedded server: whole lives of sessions, and nothing sleeps.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tenure::blocking::{Client, wait};
use tenure::server::{Clock, Server};
use tenure::{CreateMode, Error, RequestOptions, SessionEvent, State};
use tenure_tests::session::Session;

const TIMEOUT: Duration = Duration::from_secs(10);

const MS: Duration = Duration::from_millis(1);

fn server() -> (Server, Clock) {
    let clock = Clock::manual();
    (Server::builder().clock(clock.clone()).start().expect("a free port"), clock)
}

fn builder(server: &Server, clock: &Clock) -> tenure::Builder {
    tenure::Client::builder(server.hosts()).clock(clock).session_timeout(TIMEOUT)
}

fn connect(server: &Server, clock: &Clock) -> Client {
    builder(server, clock).connect_blocking(None).expect("connects")
}

#[test]
fn s54_a_session_lives_through_ten_timeouts_with_its_client_on_the_clock() {
    let (server, clock) = server();
    let started = Instant::now();
    let client = connect(&server, &clock);
    client.ops().create("/held", "", CreateMode::Ephemeral).expect("creates");
    let mut silent = Session::with_timeout(server.addr(), 10_000);
    silent.create("/silent", b"", 1).expect("creates");
    server.advance(TIMEOUT * 10);
    assert!(started.elapsed() < TIMEOUT, "an hour glass would have been faster");
    assert_eq!(client.session().state(), State::Connected);
    assert_eq!(server.sessions(), [client.session().id().0]);
    assert!(client.ops().exists("/held").expect("answers").is_some());
    assert!(client.ops().exists("/silent").expect("answers").is_none(), "nobody spoke for it");
    assert!(silent.is_cut());
    assert_eq!(server.expiry_lateness(), (0, 0.0, 0), "at its own moment, on the way");
}

#[test]
fn the_safe_time_falls_and_rises_with_the_clock() {
    let (server, clock) = server();
    let client = connect(&server, &clock);
    let safe = client.session().safe_for().expect("it was answered");
    assert!(safe > TIMEOUT / 2 && safe <= TIMEOUT, "{safe:?}");
    server.advance(Duration::from_secs(3));
    assert_eq!(client.session().safe_for(), Some(safe - Duration::from_secs(3)));
    server.advance(Duration::from_millis(334));
    let left = client.session().safe_for().expect("it has pinged at a third");
    assert!(left > safe - MS, "{left:?}");
    assert_eq!(client.session().state(), State::Connected);
}

/// The states of a client, each with what its clock showed when it came.
#[derive(Clone, Default)]
struct Story(Arc<Mutex<Vec<(Duration, State)>>>);

impl Story {
    fn of(client: &Client) -> Story {
        let story = Story::default();
        let (log, clock) = (story.clone(), client.asynchronous().clone());
        let begun = clock.time();
        client.subscribe(move |event: SessionEvent| {
            log.0.lock().expect("nobody panics").push((clock.time() - begun, event.state));
        });
        story
    }

    fn all(&self) -> Vec<(Duration, State)> {
        self.0.lock().expect("nobody panics").clone()
    }
}

/// A cut, a server that is gone for a while, an end at the exact moment, and a new beginning.
fn a_cut_that_lasts() {
    let (mut server, clock) = server();
    let client = connect(&server, &clock);
    let witness = connect(&server, &clock);
    client.ops().create("/held", "", CreateMode::Ephemeral).expect("creates");
    let safe = client.session().safe_for().expect("it was answered");
    let story = Story::of(&client);
    server.advance(Duration::from_secs(1));
    server.restart().expect("starts again");
    clock.advance(Duration::from_secs(2));
    assert_eq!((client.state(), witness.state()), (State::Connected, State::Connected));
    // Nobody is there any more.
    drop(server);
    clock.advance(TIMEOUT);
    let states = story.all();
    let came = |state| states.iter().find(|(_, at)| *at == state).map(|(at, _)| *at);
    let suspended = states.iter().filter(|(_, state)| *state == State::Suspended);
    assert_eq!(suspended.count(), 2, "{states:?}");
    let jeopardy = came(State::Jeopardy).expect("it is in jeopardy");
    let last = states.iter().rfind(|(_, state)| *state == State::Suspended);
    let (cut, _) = last.expect("it was cut");
    assert_eq!(*cut, Duration::from_secs(3), "{states:?}");
    let answered = jeopardy - safe;
    assert!(answered >= Duration::from_secs(1), "after the restart: {answered:?}, {states:?}");
    assert!(answered < Duration::from_secs(3), "before the cut: {answered:?}, {states:?}");
    assert_eq!(client.state(), State::Jeopardy);
}

#[test]
fn a_hundred_cuts_take_no_time_and_jeopardy_comes_at_the_safe_deadline() {
    let started = Instant::now();
    for _ in 0..100 {
        a_cut_that_lasts();
    }
    let took = started.elapsed();
    println!("a hundred cuts that last: {took:?}");
    assert!(took < Duration::from_secs(60), "ten seconds each: {took:?}");
}

#[test]
fn an_operation_times_out_when_the_clock_says_so() {
    let (server, clock) = server();
    let client = connect(&server, &clock);
    drop(server);
    clock.advance(MS);
    let options = RequestOptions::new().timeout(Duration::from_secs(4));
    let answer = Arc::new(AtomicU64::new(0));
    let heard = answer.clone();
    let (begun, time) = (client.asynchronous().time(), client.asynchronous().clone());
    let request = tenure::Request::Sync { path: "/".into() };
    client.asynchronous().submit(request, options, move |result| {
        assert!(matches!(result, Err(Error::Timeout { .. })), "{result:?}");
        heard.store((time.time() - begun).as_millis() as u64, Ordering::SeqCst);
    });
    clock.advance(Duration::from_millis(3_999));
    assert_eq!(answer.load(Ordering::SeqCst), 0, "not yet");
    clock.advance(MS);
    assert_eq!(answer.load(Ordering::SeqCst), 4_000, "at its moment");
}

#[test]
fn a_sleep_on_the_clock_ends_at_its_moment() {
    let (server, clock) = server();
    let client = connect(&server, &clock);
    let asleep = client.asynchronous().sleep(Duration::from_secs(5));
    let dropped = client.asynchronous().sleep(Duration::from_secs(1));
    drop(dropped);
    let time = client.asynchronous().clone();
    let begun = time.time();
    let sleeper = std::thread::spawn(move || {
        wait(asleep);
        time.time() - begun
    });
    server.advance(Duration::from_millis(4_999));
    assert!(!sleeper.is_finished());
    server.advance(Duration::from_secs(60));
    let woken = sleeper.join().expect("it ends");
    assert!(woken >= Duration::from_secs(5), "{woken:?}");
    // One that is over when it is asked for the first time.
    wait(client.asynchronous().sleep(Duration::ZERO));
}

#[test]
fn a_callback_may_advance_the_clock_itself() {
    let (server, clock) = server();
    let client = connect(&server, &clock);
    let (told, heard) = std::sync::mpsc::channel();
    let own = clock.clone();
    let request = tenure::Request::WhoAmI;
    client.asynchronous().submit(request, RequestOptions::new(), move |_| {
        own.advance(TIMEOUT);
        told.send(()).expect("somebody waits");
    });
    server.advance(TIMEOUT);
    heard.recv_timeout(Duration::from_secs(30)).expect("it came to an end");
    assert_eq!(client.state(), State::Connected);
}

#[test]
fn two_servers_and_their_clients_share_one_clock() {
    let (first, clock) = server();
    let second = Server::builder().clock(clock.clone()).start().expect("a free port");
    let clients = [connect(&first, &clock), connect(&second, &clock)];
    let mut silent = Session::with_timeout(second.addr(), 10_000);
    first.advance(TIMEOUT * 2);
    assert!(silent.is_cut(), "the other server's time has come as well");
    assert!(clients.iter().all(|client| client.state() == State::Connected));
}

#[test]
fn a_client_on_a_real_clock_goes_on_as_ever() {
    let (server, _) = server();
    let builder = tenure::Client::builder(server.hosts()).clock(&Clock::real());
    let client = builder.session_timeout(TIMEOUT).connect_blocking(None).expect("connects");
    let begun = client.asynchronous().time();
    wait(client.asynchronous().sleep(20 * MS));
    assert!(client.asynchronous().time() - begun >= 20 * MS);
    let id = client.session().id();
    server.advance(TIMEOUT);
    assert!(!server.sessions().contains(&id.0), "it said nothing while the time flew");
}
