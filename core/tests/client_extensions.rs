//! This project's own operations as a program calls them: what passes from one session to another,
//! what others see of it, who may do it, and what the client says where the server has none of them.

mod support;

use std::sync::mpsc;
use std::time::Duration;

use support::soon;
use tenure::server::Server;
use tenure::wire::{Features, MultiOp, Once, Secret};
use tenure::{
    Change, Client, Code, CreateMode, Credentials, Error, LossReason, Outcome, Predecessor, Reply,
    Request, RequestOptions, Result, SessionId, WatchItem, WatchMode, WatchStream, Zxid,
};

async fn client(server: &Server) -> Client {
    Client::connect(&server.hosts()).await.expect("connects")
}

fn credentials(client: &Client) -> Credentials {
    client.session().credentials().expect("connected")
}

/// What everybody is told.
async fn everything(client: &Client) -> WatchStream {
    client.watch("/", WatchMode::PersistentRecursive).await.expect("added")
}

/// What was told so far: up to a znode that is made to end it.
async fn told(watcher: &Client, stream: &mut WatchStream) -> Vec<(Change, String)> {
    watcher.ops().create("/told-", "").sequential().await.expect("created");
    let mut told = Vec::new();
    loop {
        match soon(stream.next()).await.expect("goes on") {
            Ok(WatchItem::Changed { path, .. }) if path.starts_with("/told-") => return told,
            Ok(WatchItem::Changed { change, path, .. }) => told.push((change, path)),
            other => panic!("{other:?}"),
        }
    }
}

async fn owner(reader: &Client, path: &str) -> Option<SessionId> {
    let stat = reader.ops().exists(path).await.expect("answers");
    stat.map(|stat| stat.ephemeral_owner)
}

#[tokio::test]
async fn an_adopted_ephemeral_is_never_seen_gone() {
    let server = Server::builder().start().expect("a free port");
    let (old, new, watcher) = (client(&server).await, client(&server).await, client(&server).await);
    let created = old.ops().create("/e", "data").ephemeral().await.expect("created");
    let before = created.stat.expect("with its Stat");
    let mut events = everything(&watcher).await;
    let stat = new.adopt("/e", credentials(&old)).await.expect("adopted");
    assert_eq!((stat.ephemeral_owner, stat.czxid), (new.session().id(), before.czxid));
    assert_eq!(stat.version, before.version + 1);
    assert_eq!(new.adopt("/e", new.session().id()).await, Ok(stat), "its own stays as it is");
    old.close().await.expect("closed");
    assert_eq!(told(&watcher, &mut events).await, [(Change::Data, "/e".into())]);
    assert_eq!(watcher.ops().get("/e").await.expect("there").data, "data");
    new.close().await.expect("closed");
    assert_eq!(told(&watcher, &mut events).await, [(Change::Deleted, "/e".into())]);
}

#[tokio::test]
async fn what_is_handed_over_stays_and_the_session_ends() {
    let server = Server::builder().start().expect("a free port");
    let (old, new, watcher) = (client(&server).await, client(&server).await, client(&server).await);
    for path in ["/a", "/b"] {
        old.ops().create(path, "").ephemeral().await.expect("created");
    }
    let (session, before) = (old.session(), credentials(&old));
    let mut events = everything(&watcher).await;
    assert_eq!(new.hand_over(&before).await, Ok(2));
    let mut seen = told(&watcher, &mut events).await;
    seen.sort_by(|one, other| one.1.cmp(&other.1));
    assert_eq!(seen, [(Change::Data, "/a".into()), (Change::Data, "/b".into())]);
    assert_eq!(soon(session.lost()).await, LossReason::ExpiredByServer);
    for path in ["/a", "/b"] {
        assert_eq!(owner(&watcher, path).await, Some(new.session().id()));
    }
    let error = new.hand_over(before).await.expect_err("it is over");
    assert_eq!((error.code(), error.outcome()), (Some(Code::UnknownSession), Outcome::NotApplied));
}

#[tokio::test]
async fn a_fenced_session_and_what_it_kept_are_gone() {
    let server = Server::builder().start().expect("a free port");
    let (old, new, watcher) = (client(&server).await, client(&server).await, client(&server).await);
    old.ops().create("/e", "").ephemeral().await.expect("created");
    let (session, before) = (old.session(), credentials(&old));
    let make = |path: &str| {
        let multi = new.ops().multi().check_session(session.id());
        multi.create(path, "", CreateMode::Persistent).commit()
    };
    make("/while").await.expect("it lives");
    let mut events = everything(&watcher).await;
    assert_eq!(new.fence(&before).await, Ok(true));
    assert_eq!(told(&watcher, &mut events).await, [(Change::Deleted, "/e".into())]);
    assert_eq!(new.fence(&before).await, Ok(false));
    let error = make("/after").await.expect_err("it does not live");
    assert_eq!(error, Error::Multi { index: 0, code: Code::UnknownSession });
    assert_eq!(watcher.ops().exists("/after").await, Ok(None));
    assert_eq!(soon(session.lost()).await, LossReason::ExpiredByServer);
    let late = session.ops().create("/late", "").await.expect_err("it is over");
    assert!(matches!(late, Error::SessionLost { .. }), "{late}");
}

#[tokio::test]
async fn only_who_has_the_right_to_a_session_takes_from_it() {
    let server = Server::builder().start().expect("a free port");
    let (old, new) = (client(&server).await, client(&server).await);
    old.ops().create("/e", "").ephemeral().await.expect("created");
    let id = old.session().id();
    let wrong = Credentials::new(id, [7; 16], Zxid(0));
    for from in [Predecessor::from(wrong), Predecessor::from(id)] {
        let codes = [
            new.adopt("/e", from.clone()).await.map(drop),
            new.hand_over(from.clone()).await.map(drop),
            new.fence(from).await.map(drop),
        ];
        for refused in codes {
            assert_eq!(refused.expect_err("no right").code(), Some(Code::NoAuth));
        }
    }
    assert_eq!(owner(&new, "/e").await, Some(id), "nothing has happened");
    new.ops().create("/own", "").ephemeral().await.expect("created");
    let error = new.adopt("/own", credentials(&old)).await.expect_err("not that session's");
    assert_eq!(error.code(), Some(Code::BadArguments));
    let error = new.adopt("/none", credentials(&old)).await.expect_err("not there");
    assert_eq!(error.code(), Some(Code::NoNode));
    // An identity that both have proven is a right as well, once the other has written with it.
    for client in [&old, &new] {
        client.add_auth("digest", "bob:secret").await.expect("proven");
    }
    old.ops().create("/f", "").ephemeral().await.expect("created");
    let stat = new.adopt("/f", id).await.expect("adopted");
    assert_eq!(stat.ephemeral_owner, new.session().id());
}

/// The answer to a request that is given to the client as it is.
fn ask(client: &Client, request: Request) -> Result<Reply> {
    let (done, answer) = mpsc::channel();
    client.submit(request, RequestOptions::new(), move |result| drop(done.send(result)));
    answer.recv_timeout(Duration::from_secs(20)).expect("each request has an answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_extensions_does_nothing_and_the_client_says_so() {
    let server = Server::builder().features(Features::default()).start().expect("a free port");
    let owner = Client::connect(&server.hosts()).await.expect("connects");
    owner.ops().create("/e", "").ephemeral().await.expect("created");
    let (from, password) = (owner.session().id(), || Secret::from(Vec::new()));
    let delete = Request::Delete { path: "/e".into(), version: -1 };
    for request in [
        Request::Adopt { path: "/e".into(), from, password: password() },
        Request::HandOver { from, password: password() },
        Request::Fence { session: from, password: password() },
        Request::Once(Box::new(Once { number: 1, answered: 0, request: delete })),
        Request::Multi(vec![MultiOp::CheckSession { session: SessionId(5) }]),
    ] {
        let client = Client::connect(&server.hosts()).await.expect("connects");
        let refused = ask(&client, request.clone());
        assert!(refused.is_err(), "{request:?} is answered with {refused:?}");
    }
    let kept = owner.ops().exists("/e").await.expect("an answer").expect("still there");
    assert_eq!(kept.ephemeral_owner, owner.session().id());
}
