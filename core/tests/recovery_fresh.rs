//! A session for each connection: a write that the old connection still had on its way is applied
//! before the next session is told, or never.
//!
//! The control is the same client told not to end the old session: there the write comes late, so
//! the tests could see it.

mod support;
#[path = "support/world.rs"]
mod world;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use support::{Proxy, eventually, soon, until};
use tenure::blocking::{Client, wait};
use tenure::server::{Op, Server};
use tenure::{CreateMode, Epoch, LossReason, Outcome, Recovery, Restore, State};
use world::{Mode, TIMEOUT, World};

fn version(client: &Client) -> i32 {
    client.ops().exists("/n").expect("answers").expect("it is there").version
}

/// A write that the server has not read when its client gives the connection up, which can be read
/// from `silence` on. Returns the version when the next session was told, and in the end.
fn held_back(silence: Duration) -> (i32, i32) {
    let world = World::new();
    let witness = world.client(Mode::Renew);
    witness.ops().create("/n", "", CreateMode::Persistent).expect("creates");
    let client = world.client(Mode::Fresh);
    let old = client.session();
    let told = Arc::new(Mutex::new(None));
    let (seen, reader, sessions) = (told.clone(), witness.clone(), old.id());
    client.subscribe(move |event| {
        if event.state == State::Connected && event.epoch > Epoch::FIRST {
            assert_ne!(event.session_id, sessions);
            seen.lock().expect("nobody panics").get_or_insert(version(&reader));
        }
    });
    world.faults.silence(old.id(), true);
    world.settle();
    let write = client.asynchronous().ops().set("/n", "x", None);
    world.pass(silence);
    assert_eq!(old.state(), State::Lost(LossReason::Abandoned), "it was given up");
    assert_eq!(wait(write).expect_err("it was sent").outcome(), Outcome::Unknown);
    assert_eq!(world.faults.received(Op::SetData), 0, "nobody has read it");
    assert!(told.lock().expect("nobody panics").is_none(), "the old one is not ended yet");
    world.faults.silence(old.id(), false);
    world.pass(4 * TIMEOUT);
    assert_eq!((client.state(), client.session().epoch()), (State::Connected, Epoch(2)));
    assert!(!world.server.sessions().contains(&old.id().0), "over");
    let told = told.lock().expect("nobody panics").expect("connected");
    (told, version(&witness))
}

#[test]
fn a_write_nobody_had_read_is_applied_before_the_next_session_is_told() {
    assert_eq!(held_back(TIMEOUT * 3 / 4), (1, 1));
}

#[test]
fn a_write_nobody_had_read_when_its_session_expired_is_never_applied() {
    assert_eq!(held_back(TIMEOUT * 3 / 2), (0, 0));
}

/// A write that is on its way in the network until the next session was told. Returns whether it is
/// applied in the end.
async fn comes_late(close_old: bool) -> bool {
    let server = Server::builder().start().expect("a free port");
    let proxy = Proxy::to(server.addr());
    let (restore, min_interval) = (Restore::default(), Duration::from_millis(20));
    let recovery = Recovery::Fresh { close_old, restore, min_interval };
    let builder = tenure::Client::builder(proxy.hosts()).session_timeout(TIMEOUT);
    let builder = builder.backoff(Duration::from_millis(20), Duration::from_millis(100));
    let client = builder.recovery(recovery).connect().await.expect("connects");
    let witness = tenure::Client::connect(&server.hosts()).await.expect("connects");
    client.ops().create("/n", "").await.expect("creates");
    let mut states = client.states();
    until(&mut states, State::Connected).await;
    proxy.hold();
    let before = proxy.frames().len();
    let write = client.ops().set("/n", "late", None);
    eventually("it is on its way", || proxy.frames().len() > before).await;
    proxy.cut_clients();
    assert_eq!(soon(write).await.expect_err("no answer").outcome(), Outcome::Unknown);
    let (event, _) = until(&mut states, State::Connected).await;
    assert_eq!(event.epoch, Epoch(2));
    assert_eq!(soon(witness.ops().get("/n")).await.expect("answers").data, "");
    let ended = proxy.ended();
    proxy.release();
    eventually("it has come", || proxy.ended() > ended).await;
    // What the server has read of the old connection is in front of what it is asked now.
    soon(witness.ops().sync("/")).await.expect("answers");
    if !close_old {
        let data = async || witness.ops().get("/n").await.expect("answers").data;
        soon(async { while data().await != "late" {} }).await;
    }
    soon(witness.ops().get("/n")).await.expect("answers").data == "late"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_comes_when_its_session_was_ended_is_never_applied() {
    assert!(!comes_late(true).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_comes_while_its_session_lives_on_is_applied_in_the_time_of_the_next() {
    assert!(comes_late(false).await);
}
