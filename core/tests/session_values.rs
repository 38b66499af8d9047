//! Values that a session binds to itself, as its own client and others see them: in the session
//! directory, and below a path with servers that have none.

mod support;

use support::soon;
use tenure::server::Server;
use tenure::{Client, Code, Error, SessionId};

/// A server that lists sessions, and one that does not.
fn server(has_directory: bool) -> Server {
    Server::builder().session_directory(has_directory).start().expect("a free port")
}

async fn client(server: &Server, path: Option<&str>) -> Client {
    let builder = Client::builder(server.hosts());
    let builder = match path {
        Some(path) => builder.session_data_at(path),
        None => builder,
    };
    builder.connect().await.expect("connects")
}

/// What others find bound to a session.
async fn found(reader: &Client, id: SessionId) -> Vec<(String, String)> {
    let values = reader.session_data(id).await.expect("answers");
    let text = |data: &[u8]| String::from_utf8(data.to_vec()).expect("text");
    values.into_iter().map(|(name, value)| (name, text(&value.data))).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect()
}

async fn values_come_and_go(server: &Server, path: Option<&str>) {
    let owner = client(server, path).await;
    let reader = client(server, path).await;
    let session = owner.session();
    let id = session.id();
    assert_eq!(found(&reader, id).await, []);
    let mut view = reader.session_data_view(id, "shard").await.expect("answers");
    assert_eq!(soon(view.changed()).await, Ok(None));
    session.bind("shard", "7").await.expect("binds");
    session.bind("zone", "b").await.expect("binds");
    assert_eq!(found(&reader, id).await, pairs(&[("shard", "7"), ("zone", "b")]));
    session.bind("shard", "8").await.expect("sets");
    while soon(view.changed()).await.expect("a value").is_none_or(|value| value.data != "8") {}
    assert_eq!(session.unbind("zone").await, Ok(true));
    assert_eq!(session.unbind("zone").await, Ok(false));
    assert_eq!(found(&reader, id).await, pairs(&[("shard", "8")]));
    assert_eq!(found(&reader, reader.session().id()).await, [], "each has its own");

    // Not even a chroot is between a session and its values.
    let below = owner.chroot("/somewhere").expect("a path");
    below.session().bind("deep", "x").await.expect("binds");
    assert_eq!(found(&below, id).await, pairs(&[("deep", "x"), ("shard", "8")]));

    // They go with the session and do not come back with the next.
    assert!(server.expire(id.0));
    while soon(view.changed()).await.expect("a value").is_some() {}
    soon(session.lost()).await;
    soon(owner.connected()).await.expect("a new session");
    assert!(matches!(session.bind("shard", "9").await, Err(Error::SessionLost { .. })));
    assert_eq!(found(&reader, id).await, []);
    assert_eq!(found(&reader, owner.session().id()).await, []);
}

#[tokio::test]
async fn values_below_a_path_come_and_go_with_their_session() {
    values_come_and_go(&server(false), Some("/app/sessions")).await;
}

#[tokio::test]
async fn values_in_the_directory_come_and_go_with_their_session() {
    values_come_and_go(&server(true), None).await;
    // The directory is used where there is one, whatever path was named.
    let server = server(true);
    let (owner, reader) =
        (client(&server, Some("/app/sessions")).await, client(&server, None).await);
    let id = owner.session().id();
    owner.session().bind("shard", "7").await.expect("binds");
    let path = format!("/zookeeper/sessions/{id}/data/shard");
    let value = reader.ops().get(&path).await.expect("anybody can read it");
    assert_eq!((value.data.as_ref(), value.stat.ephemeral_owner), (b"7".as_slice(), id));
    assert_eq!(reader.ops().exists("/app").await, Ok(None));
    let error = reader.ops().set(&path, "8", None).await.expect_err("nobody else can write it");
    assert_eq!(error.code(), Some(Code::NoAuth));
}

#[tokio::test]
async fn without_a_place_for_values_the_error_says_what_to_do() {
    let server = server(false);
    let client = client(&server, None).await;
    let error = client.session().bind("shard", "7").await.expect_err("no place");
    assert!(error.to_string().contains("session_data_at"), "{error}");
    assert!(matches!(client.session_data(SessionId(7)).await, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn a_name_that_is_none_is_refused() {
    for has_directory in [true, false] {
        let server = server(has_directory);
        let client = client(&server, Some("/app/sessions")).await;
        for name in ["", "a/b", "nul\0"] {
            let error = client.session().bind(name, "x").await;
            assert!(matches!(error, Err(Error::Invalid(_))), "{name:?}: {error:?}");
        }
    }
}

#[tokio::test]
async fn binding_waits_for_the_first_connection() {
    for has_directory in [true, false] {
        let server = server(has_directory);
        let builder = Client::builder(server.hosts()).session_data_at("/app/sessions");
        let client = builder.connect_lazy().expect("a client");
        soon(client.session().bind("early", "x")).await.expect("binds");
        let id = client.session().id();
        assert_eq!(found(&client, id).await, pairs(&[("early", "x")]));
    }
}
