//! The blocking client mirrors the asynchronous one.

use std::time::Duration;

use tenure::server::Server;
use tenure::{
    Change, CreateMode, Error, LossReason, MultiReply, RegistrationState, State, WatchItem,
    WatchMode, blocking,
};

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

#[test]
fn what_stands_in_every_session_and_what_passes_on_is_waited_for() {
    let server = Server::builder().start().expect("a free port");
    let connect = || blocking::Client::connect(&server.hosts()).expect("connects");
    let (one, other) = (connect(), connect());
    let mut registration = one.register_with("/s/web", "1", tenure::Register::parents);
    assert_eq!(registration.ready(None).as_deref(), Ok("/s/web"));
    assert!(registration.is_present());
    let _ = registration.changed_for(Duration::from_millis(1));
    registration.set("2");
    registration.ready(None).expect("written");
    assert_eq!(other.ops().get("/s/web").expect("there").data, "2");
    let late = other.register("/s/web", "3").ready(Some(Duration::from_millis(20)));
    assert!(matches!(late, Err(Error::Timeout { .. })), "{late:?}");
    assert!(matches!(registration.state(), RegistrationState::Present { .. }));
    registration.close().expect("closes");
    assert_eq!(other.ops().exists("/s/web"), Ok(None));

    one.ops().create_with("/a", "", |create| create.ephemeral()).expect("creates");
    one.ops().create_with("/b", "", |create| create.ephemeral()).expect("creates");
    let credentials = one.session().credentials().expect("connected");
    let own = other.session().id();
    assert_eq!(other.adopt("/a", &credentials).expect("adopts").ephemeral_owner, own);
    assert_eq!(other.hand_over(&credentials), Ok(1));
    assert_eq!(other.fence(credentials), Ok(false));
}
