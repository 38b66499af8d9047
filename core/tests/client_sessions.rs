//! Sessions of the client over real sockets: kept alive, cut, resumed, expired, renewed, taken along.

mod support;

use std::time::{Duration, Instant};

use support::{Proxy, eventually, soon, until};
use tenure::server::Server;
use tenure::{
    Builder, Client, CreateMode, Epoch, Error, LossReason, Outcome, Recovery, Restore, State,
};

const PING: i32 = 11;
const AUTH: i32 = 100;
const SET_DATA: i32 = 5;
/// A write with a number.
const ONCE: i32 = 0x7E00;

/// A server that grants short timeouts.
fn server() -> Server {
    Server::builder()
        .min_session_timeout(Duration::from_millis(100))
        .max_session_timeout(Duration::from_secs(60))
        .start()
        .expect("a free port")
}

fn builder(hosts: &str) -> Builder {
    Client::builder(hosts)
        .session_timeout(Duration::from_secs(4))
        .backoff(Duration::from_millis(20), Duration::from_millis(100))
        .shuffle_hosts(false)
}

#[tokio::test]
async fn s54_an_idle_session_lives_on_pings() {
    let server = server();
    let proxy = Proxy::to(server.addr());
    let timeout = Duration::from_millis(1_500);
    let client =
        builder(&proxy.hosts()).session_timeout(timeout).connect().await.expect("connects");
    let id = client.session().id();
    eventually("a dozen pings", || {
        proxy.frames().iter().filter(|frame| frame.op == PING).count() >= 12
    })
    .await;
    let frames = proxy.frames();
    let widest = frames.windows(2).map(|pair| pair[1].at - pair[0].at).max().expect("many");
    assert!(widest < timeout * 2 / 3, "a third, and what a busy machine adds: {widest:?}");
    assert_eq!(proxy.connections(), 1);
    assert_eq!((client.session().id(), client.state()), (id, State::Connected));
}

#[tokio::test]
async fn a_blocked_runtime_does_not_lose_the_session() {
    let server = server();
    let timeout = Duration::from_millis(1_500);
    let client =
        builder(&server.hosts()).session_timeout(timeout).connect().await.expect("connects");
    client.ops().create("/e", "").ephemeral().await.expect("creates");
    let mut states = client.states();
    // This is the only thread of the runtime: nothing of the program runs meanwhile.
    std::thread::sleep(timeout * 2);
    assert!(client.session().safe_for().is_some(), "heard from all along");
    assert!(client.ops().exists("/e").await.expect("answers").is_some());
    assert_eq!(states.next().await.expect("the state now").state, State::Connected);
    assert_eq!(client.session().epoch(), Epoch::FIRST);
}

#[tokio::test]
async fn s55_silent_servers_are_left_for_the_next() {
    let server = server();
    let (mute, silent) = (Proxy::to(server.addr()), Proxy::to(server.addr()));
    mute.silence(true);
    let hosts = format!("{},{},{}", mute.hosts(), silent.hosts(), server.hosts());
    let started = Instant::now();
    let client = builder(&hosts).session_timeout(Duration::from_secs(3)).connect().await;
    let client = client.expect("connects to the second");
    assert!(started.elapsed() >= Duration::from_millis(1_000), "a third of it for the first");
    let id = client.session().id();
    let mut states = client.states();
    let (event, _) = until(&mut states, State::Connected).await;
    assert_eq!(event.server.as_deref(), Some(&*silent.hosts()));
    silent.silence(true);
    let silenced = Instant::now();
    until(&mut states, State::Suspended).await;
    assert!(silenced.elapsed() >= Duration::from_millis(900), "two thirds after the last answer");
    let (event, _) = until(&mut states, State::Connected).await;
    assert_eq!((event.session_id, event.server.as_deref()), (id, Some(&*server.hosts())));
}

#[tokio::test]
async fn s56_a_write_whose_reply_was_lost_is_unknown_and_not_repeated() {
    let server = server();
    let proxy = Proxy::to(server.addr());
    // A client that is not told whose session this is takes the server for any other.
    let client = builder(&proxy.hosts()).connect().await.expect("connects");
    let plain = client.detach().await.expect("detaches").welcomed(false);
    let client = builder(&proxy.hosts()).resume(plain).connect().await.expect("resumes");
    let direct = builder(&server.hosts()).connect().await.expect("connects");
    client.ops().create("/n", "").await.expect("creates");
    proxy.silence(true);
    let write = client.ops().set("/n", "once", None);
    let read = client.ops().get("/n");
    let mut applied = direct.ops().get("/n").await.expect("reads");
    while applied.stat.version == 0 {
        applied = soon(direct.ops().get("/n")).await.expect("reads");
    }
    proxy.cut();
    proxy.silence(false);
    let error = soon(write).await.expect_err("its reply was lost");
    assert_eq!(error, Error::ConnectionLoss { sent: true, epoch: Epoch::FIRST });
    assert_eq!(error.outcome(), Outcome::Unknown);
    let value = soon(read).await.expect("a read is asked again");
    assert_eq!((&value.data[..], value.stat.version), (&b"once"[..], 1));
    let writes = proxy.frames().iter().filter(|frame| frame.op == SET_DATA).count();
    assert_eq!(writes, 1);
}

#[tokio::test]
async fn c1_a_numbered_write_whose_reply_was_lost_is_answered_and_carried_out_once() {
    let server = server();
    let proxy = Proxy::to(server.addr());
    let client = builder(&proxy.hosts()).connect().await.expect("connects");
    let direct = builder(&server.hosts()).connect().await.expect("connects");
    client.ops().create("/n", "").await.expect("creates");
    proxy.silence(true);
    let write = client.ops().set("/n", "once", None);
    let mut applied = direct.ops().get("/n").await.expect("reads");
    while applied.stat.version == 0 {
        applied = soon(direct.ops().get("/n")).await.expect("reads");
    }
    proxy.cut();
    proxy.silence(false);
    assert_eq!(soon(write).await, Ok(applied.stat), "the answer of the first time");
    let value = client.ops().get("/n").await.expect("reads");
    assert_eq!(value.stat.version, 1);
    let writes = proxy.frames().iter().filter(|frame| frame.op == ONCE).count();
    assert_eq!(writes, 3, "the create, and the write twice");
}

#[tokio::test]
async fn s57_one_outage_is_one_suspended() {
    let server = server();
    let proxy = Proxy::to(server.addr());
    let client = builder(&proxy.hosts()).connect().await.expect("connects");
    let id = client.session().id();
    let mut states = client.states();
    until(&mut states, State::Connected).await;
    proxy.refuse(true);
    proxy.cut();
    eventually("five more attempts", || proxy.connections() >= 6).await;
    let unsent = client.ops().create("/waits", "");
    let unsent = unsent.submit();
    proxy.refuse(false);
    let (event, before) = until(&mut states, State::Connected).await;
    assert_eq!(before, [State::Suspended]);
    assert_eq!((event.session_id, event.epoch), (id, Epoch::FIRST));
    soon(unsent).await.expect("what was not sent waited");
}

#[tokio::test]
async fn jeopardy_may_end_in_the_same_session() {
    let server = server();
    let proxy = Proxy::to(server.addr());
    let client = builder(&proxy.hosts())
        .safety_margin(Duration::from_millis(3_500))
        .connect()
        .await
        .expect("connects");
    let session = client.session();
    let mut states = client.states();
    until(&mut states, State::Connected).await;
    // With this margin half a second without an answer is enough for doubt.
    proxy.refuse(true);
    proxy.cut();
    let (_, before) = until(&mut states, State::Jeopardy).await;
    assert_eq!(before.last(), Some(&State::Suspended));
    assert_eq!((session.safe_for(), session.state()), (None, State::Jeopardy));
    proxy.refuse(false);
    let (event, _) = until(&mut states, State::Connected).await;
    assert_eq!((event.session_id, event.epoch), (session.id(), Epoch::FIRST));
}

#[tokio::test]
async fn s58_an_expired_client_that_only_resumes_is_finished() {
    let server = server();
    let proxy = Proxy::to(server.addr());
    let client =
        builder(&proxy.hosts()).recovery(Recovery::ResumeOnly).connect().await.expect("connects");
    let mut states = client.states();
    until(&mut states, State::Connected).await;
    assert!(server.expire(client.session().id().0));
    let reason = LossReason::ExpiredByServer;
    until(&mut states, State::Lost(reason)).await;
    assert_eq!(soon(states.next()).await, None, "said once, and nothing after it");
    let asked = proxy.connections();
    let over = Error::SessionLost { epoch: Epoch::FIRST, reason, sent: false };
    assert_eq!(client.ops().get("/").await, Err(over.clone()));
    assert_eq!(client.connected().await, Err(over));
    assert_eq!(proxy.connections(), asked, "without touching the network");
}

#[tokio::test]
async fn an_expired_session_is_renewed_in_the_next_epoch() {
    let server = server();
    let client = builder(&server.hosts()).connect().await.expect("connects");
    let old = client.session();
    old.insert(String::from("mine"));
    assert_eq!(old.get::<String>().as_deref().map(String::as_str), Some("mine"));
    client.ops().create("/e", "").ephemeral().await.expect("creates");
    let mut states = client.states();
    until(&mut states, State::Connected).await;
    assert!(server.expire(old.id().0));
    assert_eq!(soon(old.lost()).await, LossReason::ExpiredByServer);
    let (event, before) = until(&mut states, State::Connected).await;
    assert_eq!(
        before,
        [State::Suspended, State::Lost(LossReason::ExpiredByServer), State::Connecting]
    );
    assert_eq!(event.epoch, Epoch(2));
    assert_eq!(event.restored.expect("a report").lost_ephemerals, ["/e"]);
    assert!(old.get::<String>().is_none(), "gone with its epoch");
    let pinned = old.ops().get("/").await.expect_err("pinned to what is over");
    assert!(matches!(pinned, Error::SessionLost { epoch: Epoch(1), sent: false, .. }));
    assert_ne!(client.session().id(), old.id());
    assert_eq!(client.ops().exists("/e").await, Ok(None));
}

#[tokio::test]
async fn s59_without_any_server_the_client_gives_up_when_told_to() {
    let server = server();
    let give_up = Restore::default().give_up_after(Some(Duration::from_millis(300)));
    let client = builder(&server.hosts())
        .recovery(Recovery::Renew(give_up))
        .connect()
        .await
        .expect("connects");
    let mut states = client.states();
    until(&mut states, State::Connected).await;
    server.shutdown();
    until(&mut states, State::Lost(LossReason::GaveUp)).await;
    let error = client.ops().get("/").await.expect_err("finished");
    assert!(matches!(error, Error::SessionLost { reason: LossReason::GaveUp, .. }));
}

#[tokio::test]
async fn s65_after_a_refused_identity_no_server_is_asked() {
    let server = server();
    let proxy = Proxy::to(server.addr());
    let client = builder(&proxy.hosts()).connect().await.expect("connects");
    assert_eq!(soon(client.add_auth("nope", "x")).await, Err(Error::AuthFailed));
    until(&mut client.states(), State::Lost(LossReason::AuthFailed)).await;
    assert_eq!(client.ops().get("/").await, Err(Error::AuthFailed));
    assert_eq!(proxy.connections(), 1);
    let refused = builder(&proxy.hosts()).auth("nope", "x").connect();
    assert_eq!(soon(refused).await.expect_err("refused"), Error::AuthFailed);
}

#[tokio::test]
async fn s66_identities_come_before_everything_on_every_connection() {
    let server = server();
    let proxy = Proxy::to(server.addr());
    let client = builder(&proxy.hosts())
        .auth("digest", "a:b")
        .auth("digest", "c:d")
        .connect()
        .await
        .expect("connects");
    let (_, watch) = client.ops().exists_and_watch("/w").await.expect("answers");
    proxy.refuse(true);
    proxy.cut();
    let waiting: Vec<_> = (0..3).map(|_| client.ops().whoami()).collect();
    proxy.refuse(false);
    for whoami in waiting {
        let identities = soon(whoami).await.expect("answers");
        assert_eq!(identities.iter().filter(|id| id.scheme == "digest").count(), 2);
    }
    let frames = proxy.frames();
    let last = frames.last().expect("many").connection;
    let ops: Vec<_> =
        frames.iter().filter(|frame| frame.connection == last).map(|frame| frame.op).collect();
    assert_eq!(ops[..4], [0, AUTH, AUTH, 101], "handshake, identities, watches");
    drop(watch);
}

#[tokio::test]
async fn s68_a_foreign_xid_drops_the_connection_not_the_session() {
    let server = server();
    let proxy = Proxy::to(server.addr());
    let client = builder(&proxy.hosts()).connect().await.expect("connects");
    let id = client.session().id();
    proxy.falsify_next();
    soon(client.ops().get("/")).await.expect("read again on the next connection");
    assert_eq!(proxy.connections(), 2);
    assert_eq!(client.session().id(), id);
}

#[tokio::test]
async fn s69_a_server_that_is_behind_is_never_used() {
    let (ahead, behind) = (server(), server());
    let (proxy, other) = (Proxy::to(ahead.addr()), Proxy::to(behind.addr()));
    let hosts = format!("{},{}", proxy.hosts(), other.hosts());
    let client = builder(&hosts).connect().await.expect("connects");
    for _ in 0..5 {
        client.ops().create("/n-", "").mode(CreateMode::PersistentSequential).await.expect("ok");
    }
    let id = client.session().id();
    let mut states = client.states();
    until(&mut states, State::Connected).await;
    proxy.refuse(true);
    proxy.cut();
    eventually("three attempts at the one behind", || other.connections() >= 3).await;
    proxy.refuse(false);
    let (event, before) = until(&mut states, State::Connected).await;
    assert_eq!((event.session_id, event.server.as_deref()), (id, Some(&*proxy.hosts())));
    assert!(!before.contains(&State::Connected));
}

#[tokio::test]
async fn credentials_carry_a_session_to_another_client() {
    let server = server();
    let client = builder(&server.hosts()).connect().await.expect("connects");
    let id = client.session().id();
    client.ops().create("/e", "").ephemeral().await.expect("creates");
    let credentials = client.detach().await.expect("detaches");
    let resumed = builder(&server.hosts()).resume(credentials).connect().await.expect("resumes");
    assert_eq!(resumed.session().id(), id);
    let stat = resumed.ops().exists("/e").await.expect("answers").expect("survived");
    assert_eq!(stat.ephemeral_owner, id);
    let credentials = resumed.detach().await.expect("detaches");
    assert!(soon(credentials.clone().end(&server.hosts())).await.expect("ends it"));
    let fresh = builder(&server.hosts()).connect().await.expect("connects");
    assert_eq!(fresh.ops().exists("/e").await, Ok(None));
    assert!(!soon(credentials.end(&server.hosts())).await.expect("is over already"));
}

#[tokio::test]
async fn an_operation_that_takes_too_long_times_out_with_an_unknown_outcome() {
    let server = server();
    let proxy = Proxy::to(server.addr());
    let client = builder(&proxy.hosts())
        .op_timeout(Some(Duration::from_millis(100)))
        .connect()
        .await
        .expect("connects");
    proxy.silence(true);
    let error = soon(client.ops().create("/a", "").submit()).await.expect_err("nobody answers");
    assert_eq!(error, Error::Timeout { sent: true, epoch: Epoch::FIRST });
    assert_eq!(error.outcome(), Outcome::Unknown);
}
