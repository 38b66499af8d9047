//! A service registry in one process: a worker announces itself with an ephemeral znode, a watcher
//! sees it come and, when the worker's session ends, go.
//!
//! Run it with `cargo run --example registry`.

use std::time::Duration;

use tenure::server::Server;
use tenure::{Client, Result, WatchItem, WatchMode};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let server = Server::builder().start().expect("a free port");
    let worker =
        Client::builder(server.hosts()).session_timeout(Duration::from_secs(10)).connect().await?;
    let watcher = Client::connect(&server.hosts()).await?;

    let mut changes = watcher.watch("/workers", WatchMode::PersistentRecursive).await?;
    let created = worker.ops().create("/workers/w-", "10.0.0.7:80").ephemeral().sequential();
    let me = created.parents().await?;
    println!("{} holds {}", worker.session().id(), me.path);
    println!("certainly its own for another {:?}", worker.session().safe_for());

    // The server can end a session as if its time were up. In a test that replaces a sleep.
    server.expire(worker.session().id().0);
    while let Some(item) = changes.next().await {
        match item? {
            WatchItem::Changed { change, path, .. } => {
                println!("{change:?} {path}");
                if change == tenure::Change::Deleted {
                    break;
                }
            }
            // Something may have been missed: a program that keeps a copy reads it again.
            _ => println!("read again"),
        }
    }
    watcher.close().await
}
