//! Watches of the client over lost connections and sessions, and what runs on the callback thread.

mod support;

use std::sync::mpsc;
use std::time::Duration;

use support::{PATIENCE, Proxy, soon, until};
use tenure::server::Server;
use tenure::wire::Request;
use tenure::{
    Change, Client, Epoch, Error, LossReason, Reply, RequestOptions, ResyncReason, SessionEvent,
    State, WatchItem, WatchMode, WatchOptions, blocking, is_callback_thread,
};

/// A server, a proxy before it, a client behind the proxy, and one that is not.
struct Scene {
    server: Server,
    proxy: Proxy,
    client: Client,
    other: Client,
}

impl Scene {
    async fn new() -> Scene {
        let server = Server::builder().start().expect("a free port");
        let proxy = Proxy::to(server.addr());
        let connect = |hosts: String| {
            Client::builder(hosts)
                .backoff(Duration::from_millis(20), Duration::from_millis(100))
                .connect()
        };
        let client = connect(proxy.hosts()).await.expect("connects");
        let other = connect(server.hosts()).await.expect("connects");
        Scene { server, proxy, client, other }
    }

    /// Cuts the client off, lets `meanwhile` happen, and waits until it is back. A function and no
    /// future: a request is sent as soon as it is made, which must not be before the cut.
    async fn outage<R>(&self, meanwhile: impl AsyncFnOnce() -> R) {
        let mut states = self.client.states();
        until(&mut states, State::Connected).await;
        self.proxy.refuse(true);
        self.proxy.cut();
        until(&mut states, State::Suspended).await;
        meanwhile().await;
        self.proxy.refuse(false);
        until(&mut states, State::Connected).await;
    }
}

fn changed(item: Option<tenure::Result<WatchItem>>) -> (Change, String) {
    match item {
        Some(Ok(WatchItem::Changed { change, path, .. })) => (change, path),
        other => panic!("{other:?}"),
    }
}

fn resync(reason: ResyncReason, epoch: u32) -> Option<tenure::Result<WatchItem>> {
    Some(Ok(WatchItem::Resync { reason, epoch: Epoch(epoch) }))
}

#[tokio::test]
async fn s60_many_watches_are_registered_again_in_several_frames() {
    let scene = Scene::new().await;
    let ops = scene.client.ops();
    let asked: Vec<_> = (0..100_000)
        .map(|number| ops.exists_and_watch(&format!("/twenty/{number:0>12}")))
        .collect();
    let mut watches = Vec::new();
    for pending in asked {
        watches.push(soon(pending).await.expect("answers").1);
    }
    scene.outage(async || ()).await;
    let frames = scene.proxy.frames();
    let frames: Vec<_> = frames.iter().filter(|frame| frame.op == 101).collect();
    assert!(frames.len() >= 15, "two million bytes of paths: {}", frames.len());
    assert!(frames.iter().all(|frame| frame.length < 0xF_FFFF), "{frames:?}");
    scene.other.ops().create("/twenty/000000099999", "").parents().await.expect("creates");
    let last = watches.pop().expect("the last");
    assert_eq!(changed(Some(soon(last).await)).0, Change::Created);
}

#[tokio::test]
async fn s61_a_change_during_the_outage_fires_once() {
    let scene = Scene::new().await;
    scene.client.ops().create("/a", "").await.expect("creates");
    let (_, watch) = scene.client.ops().get_and_watch("/a").await.expect("reads");
    scene.outage(async || scene.other.ops().set("/a", "x", None).await).await;
    assert_eq!(changed(Some(soon(watch).await)), (Change::Data, "/a".into()));
}

#[tokio::test]
async fn s62_an_unchanged_watch_stays_armed() {
    let scene = Scene::new().await;
    scene.client.ops().create("/a", "").await.expect("creates");
    let (_, watch) = scene.client.ops().get_and_watch("/a").await.expect("reads");
    let mut watch = Box::pin(watch);
    scene.outage(async || ()).await;
    let early = tokio::time::timeout(Duration::from_millis(1), &mut watch).await;
    assert!(early.is_err(), "{early:?}");
    scene.other.ops().set("/a", "x", None).await.expect("sets");
    assert_eq!(changed(Some(soon(watch).await)), (Change::Data, "/a".into()));
}

#[tokio::test]
async fn s63_a_stream_hears_of_the_gap_not_of_what_was_in_it() {
    let scene = Scene::new().await;
    let recursive = WatchMode::PersistentRecursive;
    let mut stream = scene.client.watch("/", recursive).await.expect("is added");
    scene.outage(async || scene.other.ops().create("/missed", "").await).await;
    scene.other.ops().create("/heard", "").await.expect("creates");
    assert_eq!(soon(stream.next()).await, resync(ResyncReason::Reconnected, 1));
    assert_eq!(changed(soon(stream.next()).await), (Change::Created, "/heard".into()));
}

#[tokio::test]
async fn s64_an_exist_watch_fires_for_a_creation_during_the_outage() {
    let scene = Scene::new().await;
    let (_, watch) = scene.client.ops().exists_and_watch("/n").await.expect("answers");
    scene.outage(async || scene.other.ops().create("/n", "").await).await;
    assert_eq!(changed(Some(soon(watch).await)), (Change::Created, "/n".into()));
}

#[tokio::test]
async fn s67_watches_below_a_chroot_survive_as_well() {
    let scene = Scene::new().await;
    scene.client.ops().create("/app/x", "").parents().await.expect("creates");
    let app = scene.client.chroot("/app").expect("a path");
    let (_, watch) = app.ops().get_and_watch("/x").await.expect("reads");
    let mut stream = app.watch("/x", WatchMode::Persistent).await.expect("is added");
    scene.outage(async || scene.other.ops().set("/app/x", "1", None).await).await;
    assert_eq!(changed(Some(soon(watch).await)), (Change::Data, "/x".into()));
    assert_eq!(soon(stream.next()).await, resync(ResyncReason::Reconnected, 1));
    scene.other.ops().delete("/app/x", None).await.expect("deletes");
    assert_eq!(changed(soon(stream.next()).await), (Change::Deleted, "/x".into()));
}

#[tokio::test]
async fn a_renewed_session_keeps_streams_and_ends_one_shot_watches() {
    let scene = Scene::new().await;
    let mut stream = scene.client.watch("/", WatchMode::Persistent).await.expect("is added");
    let (_, once) = scene.client.ops().exists_and_watch("/n").await.expect("answers");
    assert!(scene.server.expire(scene.client.session().id().0));
    let ended = soon(once).await.expect_err("the session is over");
    let reason = LossReason::ExpiredByServer;
    assert_eq!(ended, Error::SessionLost { epoch: Epoch(1), reason, sent: false });
    assert_eq!(soon(stream.next()).await, resync(ResyncReason::NewSession, 2));
    scene.other.ops().create("/n", "").await.expect("creates");
    assert_eq!(changed(soon(stream.next()).await), (Change::Children, "/".into()));
}

#[tokio::test]
async fn a_slow_reader_gets_a_resync_and_goes_on() {
    let scene = Scene::new().await;
    let options = WatchOptions::new(WatchMode::PersistentRecursive).buffer(4);
    let mut stream = scene.client.watch("/", options).await.expect("is added");
    for number in 0..20 {
        scene.client.ops().create(&format!("/{number}"), "").await.expect("creates");
    }
    assert_eq!(soon(stream.next()).await, resync(ResyncReason::Overflow, 1));
    let mut rest = Vec::new();
    while rest.last().is_none_or(|path| path != "/19") {
        rest.push(changed(soon(stream.next()).await).1);
    }
    assert!(rest.len() < 4, "the newest, as many as there is room for: {rest:?}");
}

#[tokio::test]
async fn a_client_that_ends_ends_its_streams() {
    let scene = Scene::new().await;
    let mut stream = scene.client.watch("/", WatchMode::Persistent).await.expect("is added");
    let (_, once) = scene.client.ops().exists_and_watch("/n").await.expect("answers");
    scene.client.close().await.expect("closes");
    assert_eq!(soon(once).await, Err(Error::Closed));
    assert_eq!(soon(stream.next()).await, Some(Err(Error::Closed)));
    assert_eq!(soon(stream.next()).await, None);
}

/// What the callbacks of one client said, in order.
#[derive(PartialEq, Debug)]
enum Said {
    State(State),
    Item(tenure::Result<WatchItem>),
    Reply(bool),
    Gone,
    Closed(tenure::Result<()>),
}

/// Says so when it is dropped.
struct Mourner(mpsc::Sender<Said>);

impl Drop for Mourner {
    fn drop(&mut self) {
        let _ = self.0.send(Said::Gone);
    }
}

#[test]
fn callbacks_run_in_order_on_their_own_thread_and_may_wait_for_operations() {
    let server = Server::builder().start().expect("a free port");
    let (sender, said) = mpsc::channel();
    let say = move |what| {
        assert!(is_callback_thread());
        sender.send(what).expect("the test listens");
    };
    let next = || said.recv_timeout(PATIENCE).expect("something is said");
    let subscriber = say.clone();
    let client = Client::builder(server.hosts())
        .subscribe(move |event: SessionEvent| subscriber(Said::State(event.state)))
        .connect_lazy()
        .expect("valid");
    assert_eq!(next(), Said::State(State::Connecting));
    assert_eq!(next(), Said::State(State::Connected));
    let (sink, added, within) = (say.clone(), say.clone(), client.clone());
    let watch = client.watch_to(
        "/",
        WatchMode::PersistentRecursive,
        move |item| {
            // An operation may be waited for here: it is not answered by this thread.
            blocking::wait(within.ops().exists("/")).expect("answers");
            sink(Said::Item(item));
        },
        move |result| added(Said::Reply(result.is_ok())),
    );
    assert_eq!(next(), Said::Reply(true));
    let create = |path: &str| {
        let acl = tenure::Acl::open_unsafe();
        let mode = tenure::CreateMode::Persistent;
        Request::Create(tenure::wire::Create::new(path.into(), None, acl, mode))
    };
    let done = say.clone();
    let is_created = |result: tenure::Result<Reply>| matches!(result, Ok(Reply::Created2 { .. }));
    client.submit(create("/a/b"), RequestOptions::new().parents(true), move |result| {
        done(Said::Reply(is_created(result)));
    });
    for path in ["/a", "/a/b"] {
        let Said::Item(item) = next() else { panic!("events come before the reply") };
        assert_eq!(changed(Some(item)), (Change::Created, path.into()));
    }
    assert_eq!(next(), Said::Reply(true));
    drop(watch);
    let (done, closed) = (say.clone(), say);
    client.submit(create("/c"), RequestOptions::new(), move |result| {
        done(Said::Reply(is_created(result)));
    });
    client.close_with(move |result| closed(Said::Closed(result)));
    assert_eq!(next(), Said::Reply(true), "nothing more of the watch that was dropped");
    assert_eq!(next(), Said::State(State::Lost(LossReason::Closed)));
    assert_eq!(next(), Said::Closed(Ok(())));
}

#[test]
fn a_sink_is_dropped_after_its_last_item() {
    let server = Server::builder().start().expect("a free port");
    let (sender, said) = mpsc::channel();
    let client = blocking::Client::connect(&server.hosts()).expect("connects");
    let mourner = Mourner(sender.clone());
    let _watch = client.asynchronous().watch_to(
        "/",
        WatchMode::Persistent,
        move |item| mourner.0.send(Said::Item(item)).expect("the test listens"),
        |_| {},
    );
    client.close().expect("closes");
    let next = || said.recv_timeout(PATIENCE).expect("something is said");
    assert_eq!(next(), Said::Item(Err(Error::Closed)));
    assert_eq!(next(), Said::Gone);
}

#[test]
fn a_one_shot_callback_hears_the_event_before_the_reply_that_shows_it() {
    let server = Server::builder().start().expect("a free port");
    let client = blocking::Client::connect(&server.hosts()).expect("connects");
    let (sender, said) = mpsc::channel();
    let (event, found) = (sender.clone(), sender);
    let exists = |watch| Request::Exists { path: "/n".into(), watch };
    let options = RequestOptions::new().watch(move |item| {
        event.send(Said::Item(item)).expect("the test listens");
    });
    client.asynchronous().submit(exists(false), options, |result| {
        assert!(result.is_err_and(|error| error.is_no_node()));
    });
    client.ops().create("/n", "", tenure::CreateMode::Persistent).expect("creates");
    client.asynchronous().submit(exists(false), RequestOptions::new(), move |result| {
        found.send(Said::Reply(result.is_ok())).expect("the test listens");
    });
    let next = || said.recv_timeout(PATIENCE).expect("something is said");
    assert!(matches!(next(), Said::Item(Ok(WatchItem::Changed { change: Change::Created, .. }))));
    assert_eq!(next(), Said::Reply(true));
    let (sender, refused) = mpsc::channel();
    client.asynchronous().submit(exists(true), RequestOptions::new(), move |result| {
        sender.send(result).expect("the test listens");
    });
    let refused = refused.recv_timeout(PATIENCE).expect("an answer");
    assert!(matches!(refused, Err(Error::Invalid(_))), "a watch that nobody would hear");
}
