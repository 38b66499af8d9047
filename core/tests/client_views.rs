//! Views against a server: over outages and sessions they show what the server has.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::{PATIENCE, Proxy, eventually, soon, until};
use tenure::server::Server;
use tenure::{
    Acl, Client, Code, CreateMode, Error, Identity, Perms, Recovery, State, Value, View, WatchItem,
    WatchMode, blocking,
};

/// A write with a number.
const ONCE: i32 = 0x7E00;

/// A server, a proxy before it, a client behind the proxy, and one that is not.
struct Scene {
    server: Server,
    proxy: Proxy,
    client: Client,
    other: Client,
}

fn builder(hosts: String) -> tenure::Builder {
    Client::builder(hosts).backoff(Duration::from_millis(5), Duration::from_millis(50))
}

impl Scene {
    async fn new() -> Scene {
        let server = Server::builder().start().expect("a free port");
        let proxy = Proxy::to(server.addr());
        let client = builder(proxy.hosts()).connect().await.expect("connects");
        let other = builder(server.hosts()).connect().await.expect("connects");
        Scene { server, proxy, client, other }
    }

    async fn write(&self, path: &str, data: &'static str) {
        let ops = self.other.ops();
        if ops.set(path, data, None).await.is_err() {
            ops.create(path, data).parents().await.expect("creates");
        }
    }

    /// Cuts the client off, lets `meanwhile` happen, and lets it back in.
    async fn outage(&self, meanwhile: impl Future) {
        let mut states = self.client.states();
        until(&mut states, State::Connected).await;
        self.proxy.refuse(true);
        self.proxy.cut();
        until(&mut states, State::Suspended).await;
        meanwhile.await;
        self.proxy.refuse(false);
    }
}

async fn data(view: &mut View<Option<Value>>) -> Option<String> {
    let value = soon(view.changed()).await.expect("a value")?;
    Some(String::from_utf8(value.data.to_vec()).expect("text"))
}

#[tokio::test]
async fn a_data_view_shows_creation_changes_and_deletion() {
    let scene = Scene::new().await;
    let mut view = scene.client.data_view("/app/a");
    assert_eq!(soon(view.ready()).await, Ok(None), "no such znode");
    assert_eq!(data(&mut view).await, None, "the first value counts as a change");
    scene.write("/app/a", "one").await;
    assert_eq!(data(&mut view).await.as_deref(), Some("one"));
    scene.write("/app/a", "two").await;
    assert_eq!(data(&mut view).await.as_deref(), Some("two"));
    assert_eq!(view.current().flatten().expect("it is there").data, "two");
    scene.other.ops().delete("/app/a", None).await.expect("deletes");
    assert_eq!(data(&mut view).await, None);
}

#[tokio::test]
async fn states_may_be_skipped_the_latest_never_is() {
    let scene = Scene::new().await;
    let mut view = scene.client.data_view("/n");
    soon(view.ready()).await.expect("a value");
    let writes: Vec<_> = std::iter::once("0".to_owned())
        .chain((1..=2_000).map(|number| number.to_string()))
        .collect();
    scene.other.ops().create("/n", "").await.expect("creates");
    let mut last = None;
    for number in writes {
        last = Some(scene.other.ops().set("/n", number, None));
    }
    last.expect("many").await.expect("sets");
    let mut values = 0;
    while data(&mut view).await.as_deref() != Some("2000") {
        values += 1;
    }
    assert!(values <= 2_002, "{values}");
}

#[tokio::test]
async fn dropping_the_future_of_changed_loses_nothing() {
    let scene = Scene::new().await;
    let mut view = scene.client.data_view("/a");
    assert_eq!(data(&mut view).await, None);
    for _ in 0..100 {
        let waiting = std::pin::pin!(view.changed());
        assert!(futures_poll(waiting).is_none(), "nothing has changed");
    }
    scene.write("/a", "x").await;
    assert_eq!(data(&mut view).await.as_deref(), Some("x"));
}

#[tokio::test]
async fn many_may_wait_for_one_view_and_none_of_them_is_busy() {
    let scene = Scene::new().await;
    let polls = Arc::new(AtomicUsize::new(0));
    let view = Arc::new(scene.client.data_view("/a"));
    scene
        .outage(async {
            let view = Arc::new(scene.client.data_view("/b"));
            let tasks: Vec<_> = (0..100)
                .map(|_| {
                    let (view, polls) = (Arc::clone(&view), Arc::clone(&polls));
                    tokio::spawn(async move {
                        let mut ready = std::pin::pin!(view.ready());
                        std::future::poll_fn(|context| {
                            polls.fetch_add(1, Ordering::Relaxed);
                            ready.as_mut().poll(context)
                        })
                        .await
                    })
                })
                .collect();
            for _ in 0..1_000 {
                tokio::task::yield_now().await;
            }
            assert!(polls.load(Ordering::Relaxed) < 400, "{polls:?}");
            tasks.into_iter().for_each(|task| task.abort());
        })
        .await;
    soon(view.ready()).await.expect("it is there again");
}

/// One poll, by somebody who does not wait.
fn futures_poll<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.poll(&mut context) {
        std::task::Poll::Ready(value) => Some(value),
        std::task::Poll::Pending => None,
    }
}

#[tokio::test]
async fn during_an_outage_the_last_value_stays_and_is_not_fresh() {
    let scene = Scene::new().await;
    scene.write("/a", "before").await;
    let mut view = scene.client.data_view("/a");
    assert_eq!(data(&mut view).await.as_deref(), Some("before"));
    eventually("freshness", || view.is_fresh()).await;
    scene
        .outage(async {
            scene.write("/a", "during").await;
            assert_eq!(view.current().flatten().expect("it stays").data, "before");
            assert!(!view.is_fresh());
        })
        .await;
    assert_eq!(data(&mut view).await.as_deref(), Some("during"));
    eventually("freshness", || view.is_fresh()).await;
}

#[tokio::test]
async fn after_a_gap_in_which_nothing_changed_a_view_says_nothing() {
    let scene = Scene::new().await;
    scene.write("/a", "x").await;
    let mut view = scene.client.data_view("/a");
    assert_eq!(data(&mut view).await.as_deref(), Some("x"));
    scene.outage(async {}).await;
    eventually("freshness", || view.is_fresh()).await;
    assert!(futures_poll(std::pin::pin!(view.changed())).is_none());
}

#[tokio::test]
async fn views_read_before_the_program_on_every_new_connection() {
    let scene = Scene::new().await;
    let view = scene.client.data_view("/a");
    soon(view.ready()).await.expect("a value");
    let mut states = scene.client.states();
    until(&mut states, State::Connected).await;
    scene.proxy.refuse(true);
    scene.proxy.cut();
    until(&mut states, State::Suspended).await;
    let before = scene.proxy.frames().len();
    let mine = scene.client.ops().set("/mine", "x", None);
    scene.proxy.refuse(false);
    let answer = soon(mine).await;
    assert_eq!(answer.map_err(|error| error.is_no_node()), Err(true));
    let frames = scene.proxy.frames();
    let ops: Vec<i32> = frames[before..].iter().map(|frame| frame.op).collect();
    let place = |op: i32| ops.iter().position(|&at| at == op).unwrap_or_else(|| panic!("{ops:?}"));
    let (watches, read, write) = (place(105), place(4), place(ONCE));
    assert!(watches < read && read < write, "{ops:?}");
}

#[tokio::test]
async fn a_children_view_goes_on_in_the_next_session() {
    let scene = Scene::new().await;
    let ops = scene.other.ops();
    ops.create("/members/a", "").parents().await.expect("creates");
    let mut view = scene.client.children_view("/members");
    let names = |children: Option<tenure::Children>| children.expect("there").names;
    assert_eq!(names(soon(view.changed()).await.expect("a value")), ["a"]);
    assert!(scene.server.expire(scene.client.session().id().0));
    ops.create("/members/b", "").await.expect("creates");
    assert_eq!(names(soon(view.changed()).await.expect("a value")), ["a", "b"]);
    soon(scene.client.connected()).await.expect("again");
    ops.set("/members", "of no interest", None).await.expect("sets");
    ops.delete("/members/a", None).await.expect("deletes");
    assert_eq!(names(soon(view.changed()).await.expect("a value")), ["b"]);
}

#[tokio::test]
async fn a_view_ends_with_its_client_and_says_so_each_time() {
    let server = Server::builder().start().expect("a free port");
    let client = Client::connect(&server.hosts()).await.expect("connects");
    let mut view = client.data_view("/a");
    assert_eq!(data(&mut view).await, None);
    client.close().await.expect("closes");
    assert_eq!(soon(view.changed()).await, Err(Error::Closed));
    assert_eq!(soon(view.changed()).await, Err(Error::Closed));
    assert_eq!((view.current(), view.is_fresh()), (Some(None), false), "the last value stays");
    let client = builder(server.hosts()).recovery(Recovery::ResumeOnly);
    let client = client.connect().await.expect("connects");
    let view = client.tree_view("/");
    server.expire(client.session().id().0);
    let over = |view: View<_>| async move {
        let mut view = view;
        loop {
            if let Err(error) = view.changed().await {
                return error;
            }
        }
    };
    let error = soon(over(view)).await;
    assert!(matches!(error, Error::SessionLost { .. }), "{error:?}");
    let error = soon(over(client.tree_view("/"))).await;
    assert!(matches!(error, Error::SessionLost { .. }), "{error:?}");
}

#[tokio::test]
async fn what_cannot_be_viewed_ends_the_view() {
    let scene = Scene::new().await;
    let mut view = scene.client.data_view("no/slash");
    assert!(matches!(soon(view.changed()).await, Err(Error::Invalid(_))));
    let nobody =
        Acl { perms: Perms::READ, id: Identity { scheme: "digest".into(), id: "nobody:x".into() } };
    let create = scene.other.ops().create("/secret", "").acl(vec![nobody]);
    create.await.expect("creates");
    let mut view = scene.client.data_view("/secret");
    let error = soon(view.changed()).await.expect_err("it may not be read");
    assert_eq!(error, Error::Server { code: Code::NoAuth, path: "/secret".into() });
}

#[tokio::test]
async fn a_tree_view_has_paths_as_its_client_names_them() {
    let scene = Scene::new().await;
    scene.write("/app/x/y", "deep").await;
    let app = scene.client.chroot("/app").expect("a path");
    let mut view = app.tree_view("/x");
    let tree = soon(view.changed()).await.expect("a value");
    assert_eq!(tree.keys().collect::<Vec<_>>(), ["/x", "/x/y"]);
    assert_eq!(tree["/x/y"].data, "deep");
    scene.write("/app/x/z", "new").await;
    let newer = soon(view.changed()).await.expect("a value");
    assert_eq!((newer.len(), tree.len()), (3, 2), "a tree that the program holds stays as it was");
}

#[test]
fn views_can_be_waited_for_without_a_runtime() {
    let server = Server::builder().start().expect("a free port");
    let client = blocking::Client::connect(&server.hosts()).expect("connects");
    let mut view = client.data_view("/a");
    assert_eq!(view.changed(), Ok(None));
    assert_eq!(view.changed_for(Duration::from_millis(1)), None);
    client.ops().create("/a", "x", CreateMode::Persistent).expect("creates");
    let value = view.changed().expect("a value").expect("it is there");
    assert_eq!((&value.data[..], view.current()), (&b"x"[..], Some(Some(value.clone()))));
    let mut children = client.children_view("/");
    let names = children.next().expect("not over").expect("a value").expect("a root").names;
    assert_eq!(names, ["a", "zookeeper"]);
    client.close().expect("closes");
    assert_eq!(children.next(), Some(Err(Error::Closed)));
    assert_eq!(children.next(), None, "as a stream it ends");
}

/// Pseudo-random numbers, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

/// What is compared: data and the write they are from.
type Facts = BTreeMap<String, (Vec<u8>, i64)>;

fn facts(value: &Value) -> (Vec<u8>, i64) {
    (value.data.to_vec(), value.stat.mzxid.0)
}

/// What the server has at and below a path.
async fn on_server(client: &Client, root: &str) -> Facts {
    let mut found = Facts::new();
    let mut paths = vec![root.to_owned()];
    while let Some(path) = paths.pop() {
        let Ok(value) = client.ops().get(&path).await else { continue };
        found.insert(path.clone(), facts(&value));
        let children = client.ops().children(&path).await.expect("nobody writes now");
        paths.extend(children.names.iter().map(|name| format!("{path}/{name}")));
    }
    found
}

struct Watched {
    datas: Vec<(String, View<Option<Value>>)>,
    children: Vec<(String, View<Option<tenure::Children>>)>,
    tree: View<Arc<BTreeMap<String, Value>>>,
}

impl Watched {
    fn of(client: &Client) -> Watched {
        let paths = || ["/t", "/t/a", "/t/b/a"].map(str::to_owned).into_iter();
        let datas = paths().map(|path| (path.clone(), client.data_view(&path))).collect();
        let children = paths().map(|path| (path.clone(), client.children_view(&path))).collect();
        Watched { datas, children, tree: client.tree_view("/t") }
    }

    fn is_fresh(&self) -> bool {
        self.tree.is_fresh()
            && self.datas.iter().all(|(_, view)| view.is_fresh())
            && self.children.iter().all(|(_, view)| view.is_fresh())
    }

    /// Whether all views show this.
    fn shows(&self, server: &Facts) -> bool {
        let tree = self.tree.current().map(|tree| {
            tree.iter().map(|(path, value)| (path.clone(), facts(value))).collect::<Facts>()
        });
        let datas = self.datas.iter().all(|(path, view)| {
            view.current().map(|value| value.as_ref().map(facts)) == Some(server.get(path).cloned())
        });
        let children = self.children.iter().all(|(path, view)| {
            let names: Vec<_> = server
                .keys()
                .filter_map(|at| at.strip_prefix(path.as_str())?.strip_prefix('/'))
                .filter(|name| !name.contains('/'))
                .map(str::to_owned)
                .collect();
            let there = server.contains_key(path).then_some(names);
            view.current().map(|children| children.map(|c| c.names)) == Some(there)
        });
        tree.as_ref() == Some(server) && datas && children
    }
}

/// One random change of the tree, which may fail.
async fn change(dice: &mut Dice, other: &Client) {
    let names = ["a", "b", "c"];
    let depth = 1 + dice.roll(3);
    let path = (0..depth)
        .fold("/t".to_owned(), |path, _| format!("{path}/{}", names[dice.roll(names.len())]));
    let text = dice.roll(1_000).to_string();
    let ops = other.ops();
    let _ = match dice.roll(5) {
        0 | 1 => ops.create(&path, text).parents().await.map(drop),
        2 | 3 => ops.set(&path, text, None).await.map(drop),
        _ => ops.delete(&path, None).await,
    };
}

/// Random changes, cuts and expiries; whenever it is quiet the views show what the server has.
async fn model(seed: u64) {
    println!("seed {seed}");
    let server = Server::builder().start().expect("a free port");
    let client = builder(server.hosts()).connect().await.expect("connects");
    let other = Client::connect(&server.hosts()).await.expect("connects");
    let watched = Watched::of(&client);
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    for _ in 0..12 {
        for _ in 0..10 + dice.roll(20) {
            match dice.roll(20) {
                0 | 1 => drop(server.drop_connection(client.session().id().0)),
                2 => drop(server.expire(client.session().id().0)),
                _ => change(&mut dice, &other).await,
            }
        }
        let there = on_server(&other, "/t").await;
        let deadline = Instant::now() + PATIENCE;
        while !(watched.shows(&there) && watched.is_fresh()) {
            assert!(Instant::now() < deadline, "seed {seed}: the views never show {there:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_it_is_quiet_a_view_shows_what_the_server_has() {
    let seeds = match std::env::var("TENURE_VIEWS_SEED") {
        Ok(seed) => vec![seed.parse().expect("a number")],
        Err(_) => (1..=20).collect(),
    };
    for seed in seeds {
        model(seed).await;
    }
}

/// The negative control: a copy that follows events and reads nothing after a gap.
#[tokio::test]
async fn a_copy_that_ignores_gaps_does_not_show_what_the_server_has() {
    let scene = Scene::new().await;
    scene.write("/t", "one").await;
    let mut stream = scene.client.watch("/t", WatchMode::Persistent).await.expect("is added");
    let mut view = scene.client.data_view("/t");
    let copy = scene.client.ops().get("/t").await.expect("reads");
    assert_eq!(data(&mut view).await.as_deref(), Some("one"));
    scene.outage(scene.write("/t", "two")).await;
    assert!(matches!(soon(stream.next()).await, Some(Ok(WatchItem::Resync { .. }))));
    assert_eq!(data(&mut view).await.as_deref(), Some("two"));
    assert_eq!(copy.data, "one", "no event told of the change");
    assert!(futures_poll(std::pin::pin!(stream.next())).is_none());
}
