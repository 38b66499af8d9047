//! Recovery over real sockets: registrations, a session for each connection, creates that find out what
//! became of them, and what a server without the extensions says.

mod support;

use std::time::Duration;

use support::{Proxy, eventually, soon, until};
use tenure::server::Server;
use tenure::{
    Builder, Client, Code, Epoch, Error, LossReason, OnConflict, Outcome, Recovery,
    RegistrationState, SessionId, State,
};

const PING: i32 = 11;
const CREATE: i32 = 15;
/// A create with a number.
const ONCE: i32 = 0x7E00;

fn server() -> Server {
    Server::builder()
        .min_session_timeout(Duration::from_millis(100))
        .max_session_timeout(Duration::from_secs(60))
        .start()
        .expect("a free port")
}

fn builder(hosts: &str) -> Builder {
    Client::builder(hosts)
        .session_timeout(Duration::from_secs(10))
        .backoff(Duration::from_millis(20), Duration::from_millis(100))
}

#[tokio::test]
async fn a_registration_is_there_in_every_session_before_the_program_is_told() {
    let server = server();
    let client = builder(&server.hosts()).connect().await.expect("connects");
    let registration = client.register("/services/web", "1").parents().await.expect("registers");
    assert!(registration.is_present());
    let mut states = client.states();
    until(&mut states, State::Connected).await;
    assert!(server.expire(client.session().id().0));
    soon(client.session().lost()).await;
    let (event, _) = until(&mut states, State::Connected).await;
    assert_eq!(event.restored.expect("a report").registrations, ["/services/web"]);
    let value = client.ops().get("/services/web").await.expect("it is there");
    assert_eq!(value.stat.ephemeral_owner, client.session().id());
    assert_eq!(soon(registration.ready()).await.as_deref(), Ok("/services/web"));
    registration.set("2");
    soon(registration.ready()).await.expect("written");
    assert_eq!(client.ops().get("/services/web").await.expect("it is there").data, "2");
    soon(registration.close()).await.expect("closes");
    assert_eq!(client.ops().exists("/services/web").await, Ok(None));
}

#[tokio::test]
async fn a_name_that_is_taken_is_waited_for_and_left_alone() {
    let server = server();
    let owner = builder(&server.hosts()).connect().await.expect("connects");
    owner.ops().create("/name", "theirs").ephemeral().await.expect("creates");
    let client = builder(&server.hosts()).connect().await.expect("connects");
    let refused = client.register("/name", "ours").on_conflict(OnConflict::Fail).await;
    assert_eq!(refused.expect_err("it is taken").code(), Some(Code::NodeExists));
    let mut registration = client.register("/name", "ours").start();
    let conflict = RegistrationState::Conflict { owner: owner.session().id() };
    while soon(registration.changed()).await != conflict {}
    assert!(!registration.is_present());
    assert_eq!(client.ops().get("/name").await.expect("it is theirs").data, "theirs");
    owner.close().await.expect("closes");
    soon(registration.ready()).await.expect("it is free");
    assert_eq!(client.ops().get("/name").await.expect("it is ours").data, "ours");
    client.ops().delete("/name", None).await.expect("an operator may");
    eventually("it is back", || registration.is_present()).await;
    let mut states = client.states();
    drop(registration);
    until(&mut states, State::Connected).await;
    for _ in 0..200 {
        if client.ops().exists("/name").await == Ok(None) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("dropping it ends it");
}

#[tokio::test]
async fn with_a_session_for_each_connection_the_old_one_is_over_before_the_new_one_is_told() {
    let server = server();
    let proxy = Proxy::to(server.addr());
    let client =
        builder(&proxy.hosts()).recovery(Recovery::fresh()).connect().await.expect("connects");
    let old = client.session();
    client.ops().create("/plain", "").ephemeral().await.expect("creates");
    let registration = client.register("/mine", "").await.expect("registers");
    let mut states = client.states();
    until(&mut states, State::Connected).await;
    proxy.cut();
    assert_eq!(soon(old.lost()).await, LossReason::Abandoned);
    let (event, before) = until(&mut states, State::Connected).await;
    assert_eq!(before, [State::Lost(LossReason::Abandoned), State::Connecting]);
    assert_eq!(event.epoch, Epoch(2));
    let report = event.restored.expect("a report");
    assert_eq!(
        (&report.registrations[..], &report.lost_ephemerals[..]),
        (&["/mine".to_owned()][..], &["/plain".to_owned()][..])
    );
    assert_eq!(server.sessions(), [client.session().id().0], "and nothing of the old one");
    assert_eq!(client.ops().exists("/plain").await, Ok(None));
    assert!(registration.is_present());
}

#[tokio::test]
async fn a_protected_create_whose_answer_is_lost_is_found_again() {
    let server = server();
    let proxy = Proxy::to(server.addr());
    let client = builder(&proxy.hosts()).connect().await.expect("connects");
    client.ops().create("/locks", "").await.expect("creates");
    let creates = || {
        let is_create = |frame: &&support::Frame| matches!(frame.op, CREATE | ONCE);
        proxy.frames().iter().filter(is_create).count()
    };
    let before = creates();
    proxy.silence(true);
    let pending =
        client.ops().create("/locks/lock-", "").ephemeral().sequential().protected().submit();
    eventually("it is sent", || creates() > before).await;
    let observer = builder(&server.hosts()).connect().await.expect("connects");
    let mut names = Vec::new();
    while names.is_empty() {
        names = observer.ops().children("/locks").await.expect("listed").names;
    }
    proxy.cut();
    proxy.silence(false);
    let created = soon(pending).await.expect("it is known");
    assert_eq!(created.path, format!("/locks/{}", names[0]));
    let (mark, name) = names[0].split_once('-').expect("a mark");
    assert!(mark.starts_with("_c_") && mark.len() == 35 && name.starts_with("lock-"), "{mark}");
    assert_eq!(created.stat.expect("with its Stat").ephemeral_owner, client.session().id());
    assert_eq!(observer.ops().children("/locks").await.expect("listed").names, names, "just one");
}

#[tokio::test]
async fn a_lost_connection_leaves_no_write_in_doubt() {
    let server = server();
    let proxy = Proxy::to(server.addr());
    let client = builder(&proxy.hosts()).connect().await.expect("connects");
    assert_eq!(client.session().features(), tenure::Features::ALL);
    client.ops().create("/n", "").await.expect("creates");
    for round in 1..=20 {
        let before = proxy.frames().len();
        // Every third time the answer is lost, else the connection breaks at some point of the way.
        proxy.silence(round % 3 == 0);
        let pending: Vec<_> =
            (0..10).map(|_| client.ops().create("/n/x-", "").sequential().submit()).collect();
        eventually("some are sent", || proxy.frames().len() > before).await;
        proxy.cut();
        proxy.silence(false);
        for created in pending {
            soon(created).await.expect("the original answer");
        }
    }
    assert_eq!(client.session().epoch(), Epoch::FIRST);
    assert_eq!(client.ops().children("/n").await.expect("listed").names.len(), 200);
    let safe = client.session().safe_for().expect("just answered");
    assert!(safe > Duration::from_millis(7_500), "no margin comes off: {safe:?}");
}

#[tokio::test]
async fn what_one_session_has_passes_to_another() {
    let server = server();
    let old = builder(&server.hosts()).connect().await.expect("connects");
    let new = builder(&server.hosts()).connect().await.expect("connects");
    for path in ["/a", "/b", "/c"] {
        old.ops().create(path, "").ephemeral().await.expect("creates");
    }
    let (id, own) = (old.session().id(), new.session().id());
    let credentials = old.session().credentials().expect("connected");
    let refused = new.adopt("/a", SessionId(4711)).await.expect_err("there is no such session");
    assert_eq!(refused.outcome(), Outcome::NotApplied);
    assert_eq!(new.adopt("/a", &credentials).await.expect("adopts").ephemeral_owner, own);
    let create = |client: &Client, path: &str| {
        let multi = client.ops().multi().check_session(id);
        multi.create(path, "", tenure::CreateMode::Persistent).commit()
    };
    create(&new, "/alive").await.expect("it is alive");
    assert_eq!(new.hand_over(&credentials).await, Ok(2));
    let failed = create(&new, "/dead").await.expect_err("it is over");
    assert_eq!(failed, Error::Multi { index: 0, code: Code::UnknownSession });
    assert_eq!(new.fence(credentials).await, Ok(false), "it is over already");
    let other = builder(&server.hosts()).connect().await.expect("connects");
    let credentials = other.session().credentials().expect("connected");
    assert_eq!(new.fence(credentials).await, Ok(true));
    let reason = soon(other.session().lost()).await;
    assert_eq!(reason, LossReason::ExpiredByServer);
}

#[tokio::test]
async fn what_a_server_does_not_have_is_refused_without_asking_it() {
    let server = server();
    let proxy = Proxy::to(server.addr());
    // Credentials that do not say who granted the session are not followed by a hello.
    let client = builder(&proxy.hosts()).connect().await.expect("connects");
    let plain = client.detach().await.expect("detaches").welcomed(false);
    let client = builder(&proxy.hosts()).resume(plain).connect().await.expect("resumes");
    let before = proxy.frames().len();
    let refused = client.fence(SessionId(1)).await.expect_err("it cannot");
    assert_eq!(refused, Error::Unsupported { extension: "fence" });
    assert_eq!(
        (refused.outcome(), refused.code()),
        (Outcome::NotApplied, Some(Code::Unimplemented))
    );
    let multi = client.ops().multi().check_session(SessionId(1));
    let multi = multi.create("/n", "", tenure::CreateMode::Persistent);
    assert_eq!(multi.commit().await, Err(Error::Unsupported { extension: "checkSession" }));
    let ops: Vec<_> = proxy.frames()[before..].iter().map(|frame| frame.op).collect();
    assert!(ops.iter().all(|&op| op == PING), "{ops:?}");
    assert_eq!(client.ops().exists("/n").await, Ok(None));
}

#[tokio::test]
async fn a_ghost_of_our_own_is_fenced() {
    let server = server();
    let proxy = Proxy::to(server.addr());
    let Recovery::Fresh { restore, min_interval, .. } = Recovery::fresh() else { return };
    let recovery = Recovery::Fresh { close_old: false, restore, min_interval };
    let client = builder(&proxy.hosts()).recovery(recovery).connect().await.expect("connects");
    let registration = client.register("/mine", "").await.expect("registers");
    let mut states = client.states();
    until(&mut states, State::Connected).await;
    proxy.cut();
    until(&mut states, State::Lost(LossReason::Abandoned)).await;
    let (event, _) = until(&mut states, State::Connected).await;
    assert_eq!(event.restored.expect("a report").registrations, ["/mine"]);
    assert!(registration.is_present());
    assert_eq!(server.sessions(), [client.session().id().0], "the old one is over");
}

#[tokio::test]
async fn a_protected_create_of_a_session_that_is_over_stays_unknown() {
    let server = server();
    let proxy = Proxy::to(server.addr());
    let client = builder(&proxy.hosts()).connect().await.expect("connects");
    let session = client.session();
    let before = proxy.frames().len();
    proxy.silence(true);
    let pending = client.ops().create("/lock-", "").ephemeral().protected().submit();
    eventually("it is sent", || proxy.frames().len() > before).await;
    assert!(server.expire(session.id().0));
    proxy.cut();
    proxy.silence(false);
    let error = soon(pending).await.expect_err("its session is over");
    assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
    assert_eq!(error.epoch(), Some(Epoch::FIRST));
    soon(client.connected()).await.expect("the next session");
    assert_eq!(client.ops().children("/").await.expect("listed").names, ["zookeeper"]);
}
