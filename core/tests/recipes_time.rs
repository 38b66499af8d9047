//! Locks on a manual clock, beside planted faults: who is told when, and that no two hold at a time.

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use support::soon;
use tenure::recipes::{Held, LossPoint};
use tenure::server::{Clock, Server};
use tenure::wire::Op;
use tenure::{Client, Epoch, Error, State};

const PATH: &str = "/lock";
const TIMEOUT: Duration = Duration::from_secs(10);
const MS: Duration = Duration::from_millis(1);

fn server() -> (Server, Clock) {
    let clock = Clock::manual();
    (Server::builder().clock(clock.clone()).start().expect("a free port"), clock)
}

async fn connect(server: &Server, clock: &Clock) -> Client {
    let builder = Client::builder(server.hosts()).clock(clock).session_timeout(TIMEOUT);
    let builder = builder.backoff(MS * 50, MS * 200);
    let client = builder.connect().await.expect("connects");
    // So that creates need no parents.
    drop(client.ops().create(PATH, "").submit().await);
    client
}

/// Moves time on a thread that may block.
async fn advance(clock: &Clock, length: Duration) {
    let clock = clock.clone();
    tokio::task::spawn_blocking(move || clock.advance(length)).await.expect("moves");
}

async fn contenders(client: &Client) -> usize {
    client.ops().children(PATH).await.expect("lists").names.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_is_told_at_the_moment_the_lock_may_be_lost() {
    let (server, clock) = server();
    // With a margin, so that the session is in doubt before it has expired.
    let builder = Client::builder(server.hosts()).clock(&clock).session_timeout(TIMEOUT);
    let builder = builder.safety_margin(TIMEOUT / 4).backoff(MS * 50, MS * 200);
    let client = builder.connect().await.expect("connects");
    let held = Arc::new(soon(client.lock(PATH).acquire()).await.expect("is free"));
    let safe = client.session().safe_for().expect("is connected");
    let begun = client.time();
    let told = {
        let (held, client) = (Arc::clone(&held), client.clone());
        tokio::spawn(async move { (held.lost(LossPoint::Jeopardy).await, client.time()) })
    };
    server.faults().refuse(true);
    assert!(server.drop_connection(client.session().id().0));
    advance(&clock, safe - MS).await;
    assert!(held.is_held() && !told.is_finished(), "certainly held until then");
    advance(&clock, MS).await;
    assert!(!held.is_held(), "computed, whatever events have come");
    let (loss, at) = soon(told).await.expect("runs");
    assert_eq!(loss, Error::LockLost { epoch: Epoch::FIRST, certain: false });
    assert_eq!(at - begun, safe, "at this moment exactly");
    // The session comes back before it has expired, and nobody else had the lock.
    server.faults().refuse(false);
    advance(&clock, Duration::from_secs(1)).await;
    assert_eq!(client.state(), State::Connected);
    assert!(held.is_held());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stays_cut_off_loses_the_lock_before_another_has_it() {
    let (server, clock) = server();
    let (client, heir) = (connect(&server, &clock).await, connect(&server, &clock).await);
    let held = soon(client.lock(PATH).acquire()).await.expect("is free");
    let next = {
        let lock = heir.lock(PATH);
        tokio::spawn(async move { lock.acquire().await })
    };
    soon(async { while contenders(&heir).await != 2 {} }).await;
    server.faults().silence(client.session().id(), true);
    let mut was_held = held.is_held();
    assert!(was_held);
    for _ in 0..30 {
        advance(&clock, Duration::from_millis(500)).await;
        assert!(was_held || !held.is_held(), "a cut never makes it held again");
        was_held = held.is_held();
        assert!(!(was_held && next.is_finished()), "one at a time");
    }
    let next = soon(next).await.expect("runs").expect("acquires");
    assert!(next.is_held() && next.token() > held.token());
    // Who waits to hear of the end would still believe in it.
    assert_eq!((held.is_held(), held.session().state()), (false, State::Jeopardy));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_limit_ends_on_the_clock() {
    let (server, clock) = server();
    let (client, other) = (connect(&server, &clock).await, connect(&server, &clock).await);
    let _held = soon(client.lock(PATH).acquire()).await.expect("is free");
    let begun = other.time();
    let waiting = {
        let (lock, client) = (other.lock(PATH), other.clone());
        let limit = Duration::from_secs(60);
        tokio::spawn(async move { (lock.acquire_timeout(limit).await, client.time()) })
    };
    soon(async { while contenders(&other).await != 2 {} }).await;
    advance(&clock, Duration::from_secs(60) - MS).await;
    assert!(!waiting.is_finished());
    advance(&clock, MS).await;
    let (late, at) = soon(waiting).await.expect("runs");
    assert!(matches!(late, Err(Error::Timeout { .. })));
    assert_eq!(at - begun, Duration::from_secs(60));
    soon(async { while contenders(&client).await != 1 {} }).await;
}

/// What `faulty` leaves behind: one contender, and the lock.
async fn acquires_beside(faulty: impl FnOnce(&Server)) {
    let (server, clock) = server();
    let client = connect(&server, &clock).await;
    faulty(&server);
    let lock = client.lock(PATH);
    let mut acquired = tokio::spawn(async move { lock.acquire().await });
    // Whatever was lost, time passes until it is found out.
    let held = loop {
        tokio::select! {
            biased;
            held = &mut acquired => break held.expect("runs").expect("acquires"),
            () = advance(&clock, Duration::from_millis(100)) => {}
        }
    };
    assert!(held.is_held());
    assert_eq!(contenders(&client).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acquire_gets_over_whatever_is_lost() {
    for op in [Op::Create, Op::Create2, Op::GetChildren2, Op::Exists] {
        acquires_beside(|server| server.faults().lose_reply(op, 1)).await;
        acquires_beside(|server| server.faults().lose_request(op, 1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_gets_over_whatever_is_lost() {
    for lose in [true, false] {
        let (server, clock) = server();
        let client = connect(&server, &clock).await;
        let held = Arc::new(soon(client.lock(PATH).acquire()).await.expect("is free"));
        match lose {
            true => server.faults().lose_reply(Op::Delete, 1),
            false => server.faults().lose_request(Op::Delete, 1),
        }
        let mut released = {
            let held = Arc::clone(&held);
            tokio::spawn(async move { held.release().await })
        };
        let released = loop {
            tokio::select! {
                biased;
                released = &mut released => break released.expect("runs"),
                () = advance(&clock, Duration::from_millis(100)) => {}
            }
        };
        assert_eq!(released, Ok(()));
        assert_eq!(contenders(&client).await, 0);
    }
}

/// Numbers that look like chance, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// What each contender holds at the moment, and every token there was.
#[derive(Default)]
struct Grants {
    held: Vec<Option<Arc<Held>>>,
    tokens: Vec<i64>,
}

async fn contend(client: Client, number: usize, grants: Arc<Mutex<Grants>>) {
    loop {
        let Ok(held) = client.lock(PATH).acquire().await else { return };
        let held = Arc::new(held);
        {
            let mut grants = grants.lock().expect("nobody panics");
            grants.tokens.push(held.token().0);
            grants.held[number] = Some(Arc::clone(&held));
        }
        tokio::select! {
            _ = held.lost(LossPoint::Lost) => {}
            () = client.sleep(Duration::from_millis(700)) => drop(held.release().await),
        }
        grants.lock().expect("nobody panics").held[number] = None;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_two_hold_at_one_moment_whatever_is_cut() {
    const CONTENDERS: usize = 3;
    let mut seen = 0;
    for seed in 1..=6 {
        let (server, clock) = server();
        let grants = Arc::new(Mutex::new(Grants::default()));
        grants.lock().expect("nobody panics").held.resize(CONTENDERS, None);
        let (mut clients, mut tasks) = (Vec::new(), Vec::new());
        for number in 0..CONTENDERS {
            let client = connect(&server, &clock).await;
            clients.push(client.clone());
            tasks.push(tokio::spawn(contend(client, number, Arc::clone(&grants))));
        }
        let mut dice = Dice(seed);
        for _ in 0..150 {
            let session = clients[dice.below(CONTENDERS as u64) as usize].session().id();
            match dice.below(8) {
                0 => drop(server.drop_connection(session.0)),
                1 => server.faults().silence(session, true),
                2 => server.faults().refuse(true),
                3 | 4 => server.faults().clear(),
                _ => {}
            }
            advance(&clock, Duration::from_millis(50 * dice.below(60))).await;
            let grants = grants.lock().expect("nobody panics");
            // The clock stands still meanwhile, so this is one moment.
            let holders = grants.held.iter().flatten().filter(|held| held.is_held()).count();
            assert!(holders <= 1, "{holders} at once with seed {seed}");
            let before = grants.tokens.iter();
            assert!(before.clone().zip(before.skip(1)).all(|(one, next)| one < next));
        }
        seen += grants.lock().expect("nobody panics").tokens.len();
        for task in tasks {
            task.abort();
        }
    }
    println!("{seen} grants");
    assert!(seen > 30, "the lock went round: {seen}");
}

/// A client with a short grace, which may be in doubt while its connection stands.
async fn anxious(server: &Server, clock: &Clock) -> Client {
    let builder = Client::builder(server.hosts()).clock(clock).session_timeout(TIMEOUT);
    let builder = builder.crash_grace(Some(MS * 400)).op_timeout(Some(MS * 150));
    builder.connect().await.expect("connects")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_latch_hears_that_a_doubt_is_over_though_its_connection_stood() {
    let (server, clock) = server();
    let client = anxious(&server, &clock).await;
    let mut latch = client.leader_latch(PATH, "me").expect("stands");
    let term = soon(latch.changed()).await.expect("leads");
    assert!(term.is_some() && latch.is_leader());
    server.faults().silence(client.session().id(), true);
    advance(&clock, MS * 600).await;
    assert_eq!(soon(latch.changed()).await, Ok(None));
    assert!(!latch.is_leader());
    server.faults().silence(client.session().id(), false);
    advance(&clock, MS * 600).await;
    assert!(latch.is_leader(), "the same session was never left");
    assert_eq!(soon(latch.changed()).await, Ok(term));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_comes_to_an_end_after_a_doubt_though_its_connection_stood() {
    let (server, clock) = server();
    let client = anxious(&server, &clock).await;
    let held = soon(client.lock(PATH).acquire()).await.expect("is free");
    server.faults().silence(client.session().id(), true);
    let release = tokio::spawn(async move { held.release().await });
    advance(&clock, MS * 800).await;
    server.faults().silence(client.session().id(), false);
    advance(&clock, Duration::from_secs(2)).await;
    assert_eq!(soon(release).await.expect("runs"), Ok(()));
}
