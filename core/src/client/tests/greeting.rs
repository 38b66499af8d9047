//! Hello and welcome: who is greeted, and what follows from what the server says of itself.

use std::time::Duration;

use super::world::{Heard, TIMEOUT, World, get, settings};
use crate::base::{Millis, SessionId, Zxid};
use crate::client::machine::Input;
use crate::client::{Credentials, State};
use crate::wire::{Features, Hello, Op, Welcome};

fn all() -> Option<Welcome> {
    Some(Welcome { features: Features::ALL, ..Welcome::default() })
}

#[test]
fn a_hello_goes_with_every_new_session_and_to_those_who_answered_it() {
    let mut world = World::new(settings(|_| {}));
    let hello = Some(Hello { features: Features::ALL, crash_grace: Millis(0) });
    assert_eq!(world.accept().hello, hello, "in the place of a password");
    world.grant(7);
    assert_eq!(world.machine.lease().features(), Features::default());
    world.cut();
    assert_eq!(world.accept().hello, None, "the server that granted the session did not answer it");
    world.refuse();
    assert_eq!(world.accept().hello, hello);
    world.welcome = all();
    world.grant(8);
    assert_eq!(world.machine.lease().features(), Features::ALL);
    world.cut();
    let request = world.accept();
    assert_eq!((request.hello, request.session_id), (hello, SessionId(8)));
}

#[test]
fn credentials_remember_who_granted_the_session() {
    let mut world = World::welcomed(settings(|_| {}));
    let credentials = world.machine.lease().credentials().expect("connected");
    assert!(credentials.is_welcomed());
    world.handle(Input::Detach);
    let detached = world.take_heard().into_iter().find_map(|heard| match heard {
        Heard::Detached(result) => Some(result.expect("detaches")),
        _ => None,
    });
    assert_eq!(detached, Some(credentials.clone()));
    let again = Credentials::from_bytes(&credentials.to_bytes()).expect("the same");
    let mut world = World::new(settings(|s| s.resume = Some(again)));
    assert!(world.accept().hello.is_some());
    let plain = Credentials::new(SessionId(7), [7; 16], Zxid(1));
    let mut world = World::new(settings(|s| s.resume = Some(plain)));
    assert!(world.accept().hello.is_none());
}

#[test]
fn exact_deadlines_need_no_margin_until_one_connection_is_to_another_server() {
    let mut world = World::welcomed(settings(|_| {}));
    let safe = |world: &World| world.machine.lease().safe_for(world.now).expect("just answered");
    assert_eq!(safe(&world), Duration::from_millis(TIMEOUT));
    world.cut();
    world.welcome = None;
    world.connect(7);
    assert_eq!(safe(&world), Duration::from_millis(TIMEOUT * 3 / 4));
    world.cut();
    world.welcome = all();
    world.connect(7);
    assert_eq!(
        safe(&world),
        Duration::from_millis(TIMEOUT * 3 / 4),
        "for as long as the epoch lasts"
    );
    let mut world = World::welcomed(settings(|s| s.margin = Some(Duration::from_secs(1))));
    assert_eq!(safe(&world), Duration::from_millis(TIMEOUT - 1_000), "a chosen margin counts");
    world.cut();
    world.accept();
    world.refuse();
    world.connect(8);
    assert!(world.machine.lease().features().has(Features::EXACT_DEADLINES), "a new epoch");
}

#[test]
fn a_session_resumed_from_a_server_that_promised_nothing_keeps_its_margin() {
    let plain = Credentials::new(SessionId(7), [7; 16], Zxid(1));
    let mut world = World::new(settings(|s| s.resume = Some(plain)));
    world.welcome = all();
    world.connect(7);
    assert!(!world.machine.lease().features().has(Features::EXACT_DEADLINES));
    assert!(world.machine.lease().features().has(Features::ONCE));
}

#[test]
fn within_a_crash_grace_it_speaks_twice_and_is_not_safe_for_longer() {
    let mut world = World::new(settings(|s| s.crash_grace = Some(Duration::from_millis(300))));
    assert_eq!(world.accept().hello.expect("said").crash_grace, Millis(300));
    let granted = Welcome { features: Features::ALL, crash_grace: Millis(200), highest_once: 0 };
    world.welcome = Some(granted);
    world.grant(7);
    world.heard.clear();
    assert_eq!(world.machine.lease().safe_for(world.now), Some(Duration::from_millis(200)));
    world.pass(100);
    assert_eq!(world.ops(), [Op::Ping]);
    world.pass(100);
    assert_eq!(world.machine.lease().state(world.now), State::Jeopardy);
    assert!(world.is_connected, "to leave a slow server would end the session");
    assert_eq!(world.take_states(), []);
    world.serve();
    assert_eq!(world.machine.lease().state(world.now), State::Connected);
    world.cut();
    world.pass(200);
    assert_eq!(world.take_states(), [(State::Suspended, 1), (State::Jeopardy, 1)]);
}

#[test]
fn an_explicitly_silent_world_pings_as_before() {
    let mut world = World::welcomed(settings(|_| {}));
    world.submit(get("/a"));
    world.serve();
    world.pass(TIMEOUT / 3 - 1);
    assert_eq!(world.ops(), []);
    world.pass(1);
    assert_eq!(world.ops(), [Op::Ping]);
}
