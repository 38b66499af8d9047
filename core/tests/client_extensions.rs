//! What the client says of this project's own operations where the server has none of them.

use std::sync::mpsc;
use std::time::Duration;

use tenure::server::Server;
use tenure::wire::{Features, MultiOp, Once, Secret};
use tenure::{Client, Reply, Request, RequestOptions, Result, SessionId};

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
