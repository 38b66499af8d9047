//! The blocking client mirrors the asynchronous one.

use std::time::Duration;

use tenure::server::Server;
use tenure::{Change, CreateMode, LossReason, MultiReply, State, WatchItem, WatchMode, blocking};

#[test]
fn the_blocking_client_does_all_of_it_without_a_runtime() {
    let server = Server::builder().start().expect("a free port");
    let client = blocking::Client::connect(&server.hosts()).expect("connects");
    let mut states = client.states();
    assert_eq!(states.next().expect("the state now").state, State::Connected);
    let ops = client.ops();
    ops.create("/a", "1", CreateMode::Persistent).expect("creates");
    ops.create_with("/p/q", "2", |create| create.parents().ephemeral()).expect("creates");
    let (value, mut watch) = ops.get_and_watch("/a").expect("reads");
    assert_eq!(value.data, "1");
    assert_eq!(watch.wait_for(Duration::from_millis(1)), None);
    let mut stream = client.watch("/a", WatchMode::Persistent).expect("is added");
    let done = ops.multi(|multi| multi.set("/a", "3", None)).expect("commits");
    assert!(matches!(done[..], [MultiReply::Set(_)]));
    let is_set = |item| matches!(item, Ok(WatchItem::Changed { change: Change::Data, .. }));
    assert!(is_set(watch.wait()));
    assert!(stream.next().is_some_and(is_set));
    assert_eq!(stream.next_for(Duration::from_millis(1)), None);
    let session = client.session();
    assert_eq!(blocking::wait(session.ops().count("/p")), Ok(1));
    client.close().expect("closes");
    assert_eq!(blocking::wait_lost(&session, None), Some(LossReason::Closed));
    assert_eq!(states.next().expect("the end").state, State::Lost(LossReason::Closed));
    assert_eq!(states.next(), None);
}
