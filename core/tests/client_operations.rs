//! Every operation of the client, once, against an embedded server.

use std::time::Duration;

use tenure::server::Server;
use tenure::{
    Acl, Change, Client, Code, CreateMode, Error, MultiReply, Outcome, Perms, Read, ReadReply,
    State, WatchItem, WatchMode, WatcherKind,
};

/// A server and a client that is connected to it.
async fn connected() -> (Server, Client) {
    let server = Server::builder().start().expect("a free port");
    let client = Client::connect(&server.hosts()).await.expect("connects");
    (server, client)
}

fn changed(item: Option<tenure::Result<WatchItem>>) -> (Change, String) {
    match item {
        Some(Ok(WatchItem::Changed { change, path, .. })) => (change, path),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn data_operations_do_what_they_say() {
    let (_server, client) = connected().await;
    let ops = client.ops();
    let made = ops.create("/a", "one").await.expect("creates");
    assert_eq!(made.path, "/a");
    assert_eq!(ops.get("/a").await.expect("is there").data, "one");
    let stat = ops.set("/a", "two", Some(0)).await.expect("sets");
    assert_eq!(stat.version, 1);
    let refused = ops.set("/a", "three", Some(0)).await.expect_err("an old version");
    assert_eq!((refused.code(), refused.outcome()), (Some(Code::BadVersion), Outcome::NotApplied));
    let made = ops.create("/a/n-", "").sequential().ephemeral().await.expect("creates");
    assert_eq!(made.path, "/a/n-0000000000");
    assert_eq!(made.stat.expect("create2").ephemeral_owner, client.session().id());
    assert_eq!(ops.children("/a").await.expect("lists").names, ["n-0000000000"]);
    assert_eq!(ops.ephemerals("/").await.expect("lists"), ["/a/n-0000000000"]);
    assert_eq!(ops.count("/a").await.expect("counts"), 1);
    assert_eq!(ops.exists("/none").await.expect("answers"), None);
    let refused = ops.delete("/a", None).await.expect_err("has a child");
    assert_eq!(refused, Error::Server { code: Code::NotEmpty, path: "/a".into() });
    ops.create("/box", "").container().await.expect("creates");
    ops.create("/ttl", "").ttl(Duration::from_secs(9)).await.expect("creates");
    ops.create("/deep/er/est", "x").parents().await.expect("creates all three");
    assert_eq!(ops.get("/deep/er/est").await.expect("is there").data, "x");
    ops.sync("/").await.expect("syncs");
    assert!(ops.get("no/slash").await.is_err_and(|error| matches!(error, Error::Invalid(_))));
    client.close().await.expect("closes");
}

#[tokio::test]
async fn transactions_are_all_or_nothing() {
    let (_server, client) = connected().await;
    let ops = client.ops();
    let done = ops
        .multi()
        .create("/a", "", CreateMode::Persistent)
        .set("/a", "x", Some(0))
        .check("/a", 1)
        .delete("/a", None)
        .commit()
        .await
        .expect("commits");
    assert!(matches!(
        done[..],
        [MultiReply::Created(_), MultiReply::Set(_), MultiReply::Checked, MultiReply::Deleted]
    ));
    let failed = ops
        .multi()
        .create("/b", "", CreateMode::Persistent)
        .check("/none", 1)
        .delete("/b", None)
        .commit()
        .await;
    assert_eq!(failed, Err(Error::Multi { index: 1, code: Code::NoNode }));
    assert_eq!(ops.exists("/b").await, Ok(None));
    ops.create("/r", "x").await.expect("creates");
    let reads = vec![Read::Data("/r".into()), Read::Children("/none".into())];
    let read = ops.read_many(reads).await.expect("reads");
    assert!(matches!(&read[0], Ok(ReadReply::Data(value)) if value.data == "x"));
    assert!(
        matches!(&read[1], Err(Error::Server { code: Code::NoNode, path }) if &**path == "/none")
    );
}

#[tokio::test]
async fn identities_and_acls() {
    let (_server, client) = connected().await;
    client.add_auth("digest", "bob:pw").await.expect("is taken");
    let ops = client.ops();
    assert!(ops.whoami().await.expect("answers").iter().any(|id| id.scheme == "digest"));
    ops.create("/mine", "").acl(Acl::creator_all()).await.expect("creates");
    let (acl, stat) = ops.get_acl("/mine").await.expect("answers");
    assert_eq!((acl[0].perms, acl[0].id.scheme.as_str()), (Perms::ALL, "digest"));
    ops.set_acl("/mine", Acl::read_unsafe(), Some(stat.aversion)).await.expect("sets");
}

#[tokio::test]
async fn watches_fire_as_they_were_asked_for() {
    let (_server, client) = connected().await;
    let ops = client.ops();
    let mut all = client.watch("/", WatchMode::PersistentRecursive).await.expect("is added");
    let (stat, appears) = ops.exists_and_watch("/w").await.expect("answers");
    assert_eq!(stat, None);
    ops.create("/w", "1").await.expect("creates");
    assert_eq!(changed(Some(appears.await)), (Change::Created, "/w".into()));
    let (_, data) = ops.get_and_watch("/w").await.expect("answers");
    let (_, children) = ops.children_and_watch("/w").await.expect("answers");
    ops.create("/w/x", "").await.expect("creates");
    assert_eq!(changed(Some(children.await)), (Change::Children, "/w".into()));
    ops.set("/w", "2", None).await.expect("sets");
    assert_eq!(changed(Some(data.await)), (Change::Data, "/w".into()));
    assert_eq!(changed(all.next().await), (Change::Created, "/w".into()));
    assert_eq!(changed(all.next().await), (Change::Created, "/w/x".into()));
    assert_eq!(changed(all.next().await), (Change::Data, "/w".into()));
    let (_, removed) = ops.get_and_watch("/w").await.expect("answers");
    ops.remove_watches("/w", WatcherKind::Data).await.expect("removes");
    assert_eq!(removed.await, Err(Error::WatchRemoved));
    let none = ops.remove_watches("/w", WatcherKind::Data).await.expect_err("none is left");
    assert_eq!(none.code(), Some(Code::NoWatcher));
    ops.remove_watches("/", WatcherKind::PersistentRecursive).await.expect("removes");
    assert_eq!(all.next().await, Some(Err(Error::WatchRemoved)));
    assert_eq!(all.next().await, None);
}

#[tokio::test]
async fn s67_a_chroot_is_invisible_below_it() {
    let (_server, client) = connected().await;
    client.ops().create("/app", "").await.expect("creates");
    let app = client.chroot("/app").expect("is a path");
    let mut below = app.watch("/", WatchMode::PersistentRecursive).await.expect("is added");
    assert_eq!(app.ops().create("/x", "").ephemeral().await.expect("creates").path, "/x");
    assert_eq!(changed(below.next().await), (Change::Created, "/x".into()));
    assert_eq!(app.ops().ephemerals("/").await.expect("lists"), ["/x"]);
    assert!(client.ops().exists("/app/x").await.expect("answers").is_some());
    let missing = app.ops().get("/none").await.expect_err("is not there");
    assert_eq!(missing, Error::Server { code: Code::NoNode, path: "/none".into() });
}

#[tokio::test]
async fn a_closed_client_says_so_and_its_ephemerals_are_gone() {
    let (server, client) = connected().await;
    let other = Client::connect(&server.hosts()).await.expect("connects");
    let again = client.clone();
    let session = client.session();
    client.ops().create("/e", "").ephemeral().await.expect("creates");
    client.close().await.expect("closes");
    assert_eq!(other.ops().exists("/e").await, Ok(None));
    assert_eq!(again.ops().get("/e").await, Err(Error::Closed));
    assert_eq!(session.state(), State::Lost(tenure::LossReason::Closed));
    assert_eq!(session.safe_for(), None);
    assert_eq!(again.close().await, Ok(()));
}

#[tokio::test]
async fn the_last_clone_dropped_closes_the_session() {
    let (server, client) = connected().await;
    let other = Client::connect(&server.hosts()).await.expect("connects");
    client.ops().create("/e", "").ephemeral().await.expect("creates");
    let (_, gone) = other.ops().exists_and_watch("/e").await.expect("answers");
    let clone = client.clone();
    drop(client);
    clone.ops().exists("/e").await.expect("a clone is enough");
    let late = clone.ops().create("/late", "").submit();
    drop(clone);
    late.await.expect("what was submitted before is carried out");
    assert_eq!(changed(Some(gone.await)), (Change::Deleted, "/e".into()));
}
