//! A server that never resumes a session and hands out another one instead, as some do: the old
//! epoch is over before anything of the one that came in its place.

mod support;

use std::time::Duration;

use support::{Proxy, soon, until};
use tenure::server::Server;
use tenure::{Client, Epoch, Error, Features, LossReason, Outcome, Recovery, State};

const EXPIRED: LossReason = LossReason::ExpiredByServer;

struct World {
    server: Server,
    proxy: Proxy,
}

impl World {
    fn new() -> World {
        // Nothing of this project's own: nobody who has it forgets sessions.
        let server = Server::builder().features(Features::ALL.without(Features::ALL));
        let server = server.start().expect("a free port");
        let proxy = Proxy::to(server.addr());
        proxy.forget(true);
        World { server, proxy }
    }

    async fn client(&self, recovery: Recovery) -> Client {
        let builder = Client::builder(self.proxy.hosts()).recovery(recovery);
        let builder = builder.backoff(Duration::from_millis(20), Duration::from_millis(100));
        builder.session_timeout(Duration::from_secs(10)).connect().await.expect("connects")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_session_ends_the_epoch_before_anything_of_the_next() {
    let world = World::new();
    let client = world.client(Recovery::default()).await;
    let old = client.session();
    client.ops().create("/plain", "").ephemeral().await.expect("creates");
    let registration = client.register("/mine", "").await.expect("registers");
    let (_, one_shot) = client.ops().exists_and_watch("/absent").await.expect("answers");
    let mut states = client.states();
    until(&mut states, State::Connected).await;
    world.proxy.cut();
    let (_, before) = until(&mut states, State::Lost(EXPIRED)).await;
    assert_eq!(before, [State::Suspended], "nothing of the next one came before it");
    assert_eq!(old.state(), State::Lost(EXPIRED));
    assert_eq!(soon(old.lost()).await, EXPIRED);
    let over = soon(one_shot).await.expect_err("it went with its session");
    assert_eq!(over.epoch(), Some(Epoch::FIRST));
    assert!(matches!(soon(old.ops().get("/")).await, Err(Error::SessionLost { .. })));
    let (event, between) = until(&mut states, State::Connected).await;
    assert!(between.iter().all(|state| *state == State::Connecting), "{between:?}");
    assert_eq!(event.epoch, Epoch(2));
    assert_ne!(event.session_id, old.id());
    assert_eq!(client.session().id(), event.session_id, "the one it was given");
    let report = event.restored.expect("a report");
    assert_eq!(report.lost_ephemerals, ["/plain"]);
    // On such a server the old session lives on for its timeout, with its znode.
    assert_eq!(report.conflicts, ["/mine"]);
    assert!(world.server.sessions().contains(&old.id().0));
    assert!(!registration.is_present());
    assert!(world.server.expire(old.id().0));
    soon(registration.ready()).await.expect("the ghost is gone");
    let stat = client.ops().exists("/mine").await.expect("answers").expect("it is there");
    assert_eq!(stat.ephemeral_owner, client.session().id());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_only_resumes_does_not_take_a_foreign_session() {
    let world = World::new();
    let client = world.client(Recovery::ResumeOnly).await;
    let mut states = client.states();
    until(&mut states, State::Connected).await;
    world.proxy.cut();
    let (_, before) = until(&mut states, State::Lost(EXPIRED)).await;
    assert_eq!(before, [State::Suspended]);
    assert_eq!(soon(states.next()).await, None, "and nothing after it");
    let refused = client.ops().set("/", "", None).await.expect_err("it is finished");
    assert_eq!(refused.outcome(), Outcome::NotApplied);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_session_for_each_connection_a_foreign_one_is_closed_at_once() {
    let world = World::new();
    let client = world.client(Recovery::fresh()).await;
    let old = client.session();
    let mut states = client.states();
    until(&mut states, State::Connected).await;
    world.proxy.cut();
    let (event, before) = until(&mut states, State::Connected).await;
    assert_eq!(before, [State::Lost(LossReason::Abandoned), State::Connecting]);
    assert_eq!(event.epoch, Epoch(2));
    let mut sessions = world.server.sessions();
    sessions.sort_unstable();
    let mut expected = [old.id().0, event.session_id.0];
    expected.sort_unstable();
    assert_eq!(sessions, expected, "the one it was given in between is closed");
}
