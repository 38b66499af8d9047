//! Who is here: a list of members that keeps itself, also over the end of the observer's own session.
//!
//! Run it with `cargo run --example members`.

use tenure::server::Server;
use tenure::{Children, Client, Result, View};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let server = Server::builder().start().expect("a free port");
    let observer = Client::connect(&server.hosts()).await?;
    let mut members = observer.children_view("/members");

    let first = join(&server, "first").await?;
    wait_for(&mut members, &["first"]).await?;

    // The observer loses its session, and with it every watch the server kept. Meanwhile somebody
    // comes and somebody goes. The view finds that out by itself.
    server.expire(observer.session().id().0);
    let _second = join(&server, "second").await?;
    first.close().await?;
    wait_for(&mut members, &["second"]).await?;

    println!("seen in epoch {}", observer.session().epoch());
    observer.close().await
}

/// A client that is a member for as long as its session lives.
async fn join(server: &Server, name: &str) -> Result<Client> {
    let client = Client::connect(&server.hosts()).await?;
    client.ops().create(&format!("/members/{name}"), "").ephemeral().parents().await?;
    Ok(client)
}

/// Prints the list until it is the wanted one. What was in between may not be printed.
async fn wait_for(members: &mut View<Option<Children>>, wanted: &[&str]) -> Result<()> {
    loop {
        let names = members.changed().await?.map(|children| children.names).unwrap_or_default();
        println!("members: {}", names.join(", "));
        if names == wanted {
            return Ok(());
        }
    }
}
