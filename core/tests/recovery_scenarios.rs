//! Cuts of every length, restarts, lost data and a second holder of the same credentials, as a
//! client of each recovery mode lives through them: what it is told, in which order, and what
//! becomes of its lock.
//!
//! The session timeout is ten seconds; a margin of two and a half is taken off the safe time, as
//! with servers that promise less than ours.

#[path = "support/world.rs"]
mod world;

use std::time::Duration;

use tenure::blocking::{Client, wait};
use tenure::recipes::Held;
use tenure::server::Server;
use tenure::{CreateMode, Epoch, Error, State, Watch, WatchItem, WatchMode, WatchOptions};
use world::{MODES, Mode, SOON, Story, TIMEOUT, World};

const SECOND: Duration = Duration::from_secs(1);

const MARGIN: Duration = Duration::from_millis(2_500);

/// A client with a lock and a watch, and what it is told of both its session and its watch.
struct Life {
    client: Client,
    held: Held,
    story: Story,
    _watch: Watch,
}

impl Life {
    fn of(world: &World, mode: Mode) -> Life {
        let builder = world.builder(mode).safety_margin(MARGIN);
        let client = builder.connect_blocking(None).expect("connects");
        client.ops().create("/lock", "", CreateMode::Persistent).expect("creates");
        let held = wait(client.asynchronous().lock("/lock").acquire()).expect("it is free");
        let story = Story::of(&client);
        let heard = story.clone();
        let sink = move |item| {
            if let Ok(WatchItem::Resync { reason, epoch }) = item {
                heard.note(format!("{reason:?}({epoch})"));
            }
        };
        let options = WatchOptions::new(WatchMode::Persistent);
        let watch = client.asynchronous().watch_to("/watched", options, sink, |_| {});
        world.settle();
        story.take();
        Life { client, held, story, _watch: watch }
    }

    /// Cut off for so long, and what it was told until it was connected again.
    fn cut(&self, world: &World, length: Duration) -> Vec<String> {
        world.cut(&self.client);
        world.pass(length);
        world.faults.refuse(false);
        // Attempts are up to half a minute apart where no session is to be saved.
        world.pass(4 * TIMEOUT);
        self.story.take()
    }
}

const RESUMED: [&str; 3] = ["Suspended(1)", "Reconnected(1)", "Connected(1)"];

const STARTED_ANEW: [&str; 4] = ["Abandoned(1)", "Connecting(2)", "NewSession(2)", "Connected(2)"];

#[test]
fn a_cut_of_three_seconds_costs_a_session_only_where_each_connection_has_its_own() {
    for mode in MODES {
        let world = World::new();
        let life = Life::of(&world, mode);
        let told = life.cut(&world, 3 * SECOND);
        match mode {
            Mode::Fresh => assert_eq!(told, STARTED_ANEW),
            _ => assert_eq!(told, RESUMED, "{mode:?}"),
        }
        assert_eq!(life.held.is_held(), mode != Mode::Fresh, "{mode:?}");
    }
}

#[test]
fn a_cut_of_nine_seconds_puts_a_lock_in_doubt_and_gives_it_back() {
    for mode in [Mode::ResumeOnly, Mode::Renew] {
        let world = World::new();
        let life = Life::of(&world, mode);
        world.cut(&life.client);
        let safe = life.client.session().safe_for().expect("it was answered");
        assert!(safe <= TIMEOUT - MARGIN);
        world.pass(safe - Duration::from_millis(1));
        assert!(life.held.is_held(), "{mode:?}: certainly");
        world.pass(Duration::from_millis(1));
        let doubt = Error::LockLost { epoch: Epoch::FIRST, certain: false };
        assert_eq!(life.held.check(), Err(doubt), "{mode:?}");
        world.faults.refuse(false);
        world.pass(SOON - SECOND);
        let told = ["Suspended(1)", "Jeopardy(1)", "Reconnected(1)", "Connected(1)"];
        assert_eq!(life.story.take(), told, "{mode:?}");
        assert!(life.held.is_held(), "{mode:?}: nobody else had it");
    }
    let world = World::new();
    let life = Life::of(&world, Mode::Fresh);
    assert_eq!(life.cut(&world, 9 * SECOND), STARTED_ANEW);
    assert!(!life.held.is_held());
}

#[test]
fn a_cut_of_a_minute_costs_the_session_and_is_told_when_the_server_says_so() {
    for mode in MODES {
        let world = World::new();
        let life = Life::of(&world, mode);
        world.cut(&life.client);
        world.pass(60 * SECOND);
        let told = life.story.take();
        match mode {
            Mode::Fresh => assert_eq!(told, ["Abandoned(1)", "Connecting(2)"]),
            _ => assert_eq!(told, ["Suspended(1)", "Jeopardy(1)"], "{mode:?}: it cannot know"),
        }
        assert!(!life.held.is_held(), "{mode:?}");
        world.faults.refuse(false);
        world.pass(4 * TIMEOUT);
        let told = life.story.take();
        let renewed = ["ExpiredByServer(1)", "Connecting(2)", "NewSession(2)", "Connected(2)"];
        match mode {
            Mode::ResumeOnly => assert_eq!(told, ["ExpiredByServer(1)"]),
            Mode::Renew => assert_eq!(told, renewed),
            Mode::Fresh => assert_eq!(told, ["NewSession(2)", "Connected(2)"]),
        }
        assert!(!life.held.is_held(), "{mode:?}: never again");
    }
}

#[test]
fn a_restart_of_a_server_that_keeps_its_data_costs_nothing_but_the_connection() {
    let directory = tempfile::tempdir().expect("a directory");
    for (mode, name) in MODES.into_iter().zip(["a", "b", "c"]) {
        for builder in [Server::builder(), Server::builder().data_dir(directory.path().join(name))]
        {
            let mut world = World::with(builder);
            let life = Life::of(&world, mode);
            world.server.restart().expect("starts again");
            world.pass(SOON);
            match mode {
                Mode::Fresh => assert_eq!(life.story.take(), STARTED_ANEW),
                _ => assert_eq!(life.story.take(), RESUMED, "{mode:?}"),
            }
            assert_eq!(life.held.is_held(), mode != Mode::Fresh, "{mode:?}");
        }
    }
}

#[test]
fn a_server_that_lost_its_data_is_found_out_and_finishes_the_client() {
    for mode in MODES {
        let world = World::new();
        let life = Life::of(&world, mode);
        let World { server, clock, .. } = world;
        let address = server.addr();
        server.shutdown();
        let server = Server::builder().listen(address).clock(clock.clone());
        let server = server.start().expect("the port is free again");
        clock.advance(4 * TIMEOUT);
        let refused = life.client.ops().exists("/").expect_err("it is finished");
        assert!(matches!(refused, Error::EnsembleRegressed { .. }), "{mode:?}: {refused:?}");
        let told = life.story.take();
        let epoch = if mode == Mode::Fresh { 2 } else { 1 };
        assert_eq!(told.last(), Some(&format!("GaveUp({epoch})")), "{mode:?}: {told:?}");
        assert!(!told.iter().any(|event| event.starts_with("Connected")), "{mode:?}: {told:?}");
        assert!(!life.held.is_held());
        assert_eq!(server.sessions(), [0; 0], "{mode:?}: what it asked with is closed");
    }
}

#[test]
fn two_that_resume_the_same_session_evict_each_other_until_one_says_so() {
    for mode in [Mode::ResumeOnly, Mode::Renew] {
        let world = World::new();
        let first = world.client(mode);
        let credentials = first.detach().expect("leaves");
        let id = credentials.session_id;
        let holder = |_| {
            let builder = world.builder(mode).resume(credentials.clone());
            let client = builder.connect_lazy().expect("settings");
            Client::from(client)
        };
        let holders: Vec<_> = (0..2).map(holder).collect();
        let stories: Vec<_> = holders.iter().map(Story::of).collect();
        world.pass(TIMEOUT);
        let told: Vec<_> = stories.iter().map(Story::take).collect();
        let stolen = |told: &&Vec<String>| told.last().is_some_and(|last| last == "Stolen(1)");
        assert_eq!(told.iter().filter(stolen).count(), 1, "{mode:?}: {told:?}");
        let states = holders.iter().map(Client::state);
        assert_eq!(states.filter(|state| *state == State::Connected).count(), 1, "{mode:?}");
        assert_eq!(world.server.sessions(), [id.0], "{mode:?}: it lives on");
    }
}
