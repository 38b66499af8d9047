//! Clients whose processes are killed or stopped: a crash is noticed with a crash grace, and only a
//! crash.
//!
//! Sessions last longer than anything here may take, so whatever ends did not end by its timeout.

mod support;

use std::io::BufRead;
use std::time::Duration;

use support::other::{Other, role, say};
use support::{PATIENCE, eventually, soon};
use tenure::server::Server;
use tenure::{Change, Client, SessionId, WatchItem, WatchMode, WatchStream};

const TIMEOUT: Duration = Duration::from_secs(35);

/// The other process. Does nothing in the process that runs the tests.
#[tokio::test]
async fn the_client() {
    let Some((hosts, name)) = role() else { return };
    let grace = name.starts_with("graced").then_some(Duration::from_millis(200));
    let builder = Client::builder(&hosts).session_timeout(TIMEOUT).crash_grace(grace);
    let client = builder.connect().await.expect("connects");
    client.ops().create(&format!("/{name}"), "").ephemeral().await.expect("creates");
    client.session().bind("role", name.clone()).await.expect("binds");
    say(&client.session().id().0.to_string());
    for line in std::io::stdin().lock().lines() {
        line.expect("a question");
        let found = client.ops().exists(&format!("/{name}")).await.expect("answers");
        let owner = found.map(|stat| stat.ephemeral_owner.0);
        say(&format!("{owner:?}"));
    }
}

/// A client in another process, and what this one sees of it.
struct Seen {
    other: Other,
    id: SessionId,
    path: String,
    watch: WatchStream,
}

impl Seen {
    async fn start(server: &Server, observer: &Client, name: &str) -> Seen {
        let mut other = Other::start("the_client", &server.hosts(), name);
        let id = SessionId(other.said().parse().expect("an id"));
        let path = format!("/{name}");
        let watch = observer.watch(&path, WatchMode::Persistent).await.expect("watches");
        assert!(observer.ops().exists(&path).await.expect("answers").is_some());
        assert_eq!(observer.session_data(id).await.expect("answers").len(), 1);
        Seen { other, id, path, watch }
    }

    /// Waits until its ephemeral is heard to be gone.
    async fn is_gone(&mut self) {
        let item = soon(self.watch.next()).await.expect("an item").expect("no error");
        let WatchItem::Changed { change, .. } = &item else { panic!("{item:?}") };
        assert_eq!(*change, Change::Deleted);
    }
}

async fn start() -> (Server, Client) {
    assert!(TIMEOUT > PATIENCE, "an expiry comes too late for any of these tests");
    let server = Server::builder().start().expect("a free port");
    let observer = Client::connect(&server.hosts()).await.expect("connects");
    (server, observer)
}

/// What the directory says of a session, living or ended.
async fn told(observer: &Client, path: &str) -> String {
    let value = observer.ops().get(path).await.expect("it is listed");
    String::from_utf8(value.data.to_vec()).expect("text")
}

#[tokio::test]
async fn a_killed_process_is_gone_long_before_its_timeout() {
    let (server, observer) = start().await;
    let mut seen = Seen::start(&server, &observer, "graced").await;
    seen.other.kill();
    seen.is_gone().await;
    let told = told(&observer, &format!("/zookeeper/sessions/ended/{}", seen.id)).await;
    assert!(told.replace(' ', "").contains("\"cause\":\"crashed\""), "{told}");
    assert_eq!(observer.session_data(seen.id).await, Ok(Default::default()));
}

#[tokio::test]
async fn without_a_grace_it_lives_on_for_its_timeout() {
    let (server, observer) = start().await;
    let mut plain = Seen::start(&server, &observer, "plain").await;
    let mut graced = Seen::start(&server, &observer, "graced").await;
    plain.other.kill();
    graced.other.kill();
    // As much time as the other took.
    graced.is_gone().await;
    assert!(observer.ops().exists(&plain.path).await.expect("answers").is_some());
    let listed = format!("/zookeeper/sessions/{}", plain.id);
    let told = told(&observer, &listed).await;
    assert!(told.replace(' ', "").contains("\"attached\":false"), "{told}");
    assert!(server.expire(plain.id.0));
    plain.is_gone().await;
}

#[tokio::test]
async fn a_process_that_stands_still_is_not_taken_for_dead() {
    let (server, observer) = start().await;
    let mut stopped = Seen::start(&server, &observer, "graced-stopped").await;
    let mut killed = Seen::start(&server, &observer, "graced-killed").await;
    stopped.other.signal("-STOP");
    killed.other.kill();
    killed.is_gone().await;
    // More than a grace has passed since the stop.
    assert!(observer.ops().exists(&stopped.path).await.expect("answers").is_some());
    stopped.other.tell("is it yours?");
    stopped.other.signal("-CONT");
    assert_eq!(stopped.other.said(), format!("{:?}", Some(stopped.id.0)));
    stopped.other.kill();
    stopped.is_gone().await;
    eventually("nobody but the observer is there", || server.sessions().len() == 1).await;
}
