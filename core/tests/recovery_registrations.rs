//! Registrations against whatever else has their name: ghosts of their own client, lost answers,
//! strangers' ephemerals, persistent znodes, deletions at the wrong moment, and operators.
//!
//! A registration comes back whenever its name is free, and a znode that somebody else created is
//! never set, deleted or replaced by it.

#[path = "support/world.rs"]
mod world;

use std::time::Duration;

use tenure::blocking::{Client, wait};
use tenure::server::{Op, Server};
use tenure::{
    Code, CreateMode, Epoch, Features, Recovery, Registration, RegistrationState, Restore,
    SessionId, Stat, State,
};
use world::{Mode, Reports, SOON, TIMEOUT, World};

const SECOND: Duration = Duration::from_secs(1);

const NAME: &str = "/name";

fn register(client: &Client) -> Registration {
    client.asynchronous().register(NAME, "ours").start()
}

fn stat(client: &Client) -> Option<Stat> {
    client.ops().exists(NAME).expect("answers")
}

fn data(client: &Client) -> String {
    let value = client.ops().get(NAME).expect("it is there");
    String::from_utf8(value.data.to_vec()).expect("text")
}

fn is_ours(witness: &Client, client: &Client) -> bool {
    stat(witness).is_some_and(|stat| stat.ephemeral_owner == client.session().id())
        && data(witness) == "ours"
}

#[test]
fn a_ghost_of_our_own_is_waited_for_where_it_cannot_be_fenced() {
    let features = Features::ALL.without(Features::EXTENSIONS);
    let world = World::with(Server::builder().features(features));
    let (restore, min_interval) = (Restore::default(), SECOND);
    let recovery = Recovery::Fresh { close_old: false, restore, min_interval };
    let builder = world.builder(Mode::Fresh).recovery(recovery);
    let client = builder.connect_blocking(None).expect("connects");
    let witness = world.client(Mode::Renew);
    let registration = register(&client);
    wait(registration.ready()).expect("it is free");
    let (ghost, reports) = (stat(&witness).expect("it is there"), Reports::of(&client));
    assert!(world.faults.drop_connection(client.session().id()));
    world.pass(SOON);
    assert_eq!((client.state(), client.session().epoch()), (State::Connected, Epoch(2)));
    let (_, report) = reports.one();
    assert_eq!((&report.registrations[..], &report.conflicts[..]), (&[][..], &[NAME.into()][..]));
    let conflict = RegistrationState::Conflict { owner: ghost.ephemeral_owner };
    assert_eq!((registration.state(), registration.is_present()), (conflict, false));
    assert_eq!(stat(&witness), Some(ghost), "it is left alone");
    world.pass(TIMEOUT);
    assert!(registration.is_present() && is_ours(&witness, &client), "its time is up");
}

#[test]
fn a_registration_whose_answer_or_request_is_lost_is_there_once() {
    for features in [Features::ALL, Features::ALL.without(Features::ONCE)] {
        for is_sequential in [false, true] {
            for is_reply in [true, false] {
                let world = World::with(Server::builder().features(features));
                let (client, witness) = (world.client(Mode::Renew), world.client(Mode::Renew));
                match is_reply {
                    true => world.faults.lose_reply(Op::Create, 1),
                    false => world.faults.lose_request(Op::Create, 1),
                }
                let wish = client.asynchronous().register(NAME, "ours");
                let wish = if is_sequential { wish.sequential() } else { wish };
                let registration = wish.start();
                world.pass(SOON);
                let path = wait(registration.ready()).expect("it is there");
                assert!(registration.is_present());
                assert_eq!(world.faults.carried_out(Op::Create), 1, "{features:?} {is_reply}");
                let names = witness.ops().children("/").expect("lists").names;
                let own: Vec<_> = names.iter().filter(|name| name.starts_with("name")).collect();
                assert_eq!(own, [path.trim_start_matches('/')], "{features:?} {is_reply}");
                assert_eq!(client.session().epoch(), Epoch::FIRST);
            }
        }
    }
}

/// A stranger's znode, which is the same in the end, whatever the registration's client goes
/// through.
fn stays(mode: CreateMode) {
    let world = World::new();
    let (client, owner) = (world.client(Mode::Renew), world.client(Mode::Renew));
    owner.ops().create(NAME, "theirs", mode).expect("creates");
    let theirs = stat(&owner);
    let reports = Reports::of(&client);
    let registration = register(&client);
    world.settle();
    let id = theirs.map_or(SessionId::NONE, |stat| stat.ephemeral_owner);
    let conflict = RegistrationState::Conflict { owner: id };
    assert_eq!(registration.state(), conflict);
    registration.set("other data");
    registration.set("ours");
    for epoch in 2..5 {
        assert!(world.faults.expire(client.session().id()));
        world.pass(SOON);
        let (told, report) = reports.one();
        assert_eq!((told, &report.conflicts[..]), (Epoch(epoch), &[NAME.to_owned()][..]));
        assert_eq!(registration.state(), conflict, "{mode:?}");
    }
    assert!(world.faults.drop_connection(client.session().id()));
    world.pass(SOON);
    assert_eq!((stat(&owner), &data(&owner)[..]), (theirs, "theirs"), "{mode:?}: untouched");
    // One that gives up waiting deletes nothing either.
    let other = register(&client);
    world.settle();
    wait(other.close()).expect("closes");
    assert_eq!(stat(&owner), theirs, "{mode:?}");
    owner.ops().delete(NAME, None).expect("its owner may");
    world.settle();
    assert!(registration.is_present() && is_ours(&owner, &client), "{mode:?}: free at last");
}

#[test]
fn a_strangers_ephemeral_is_never_touched() {
    stays(CreateMode::Ephemeral);
}

#[test]
fn a_persistent_znode_is_never_touched() {
    stays(CreateMode::Persistent);
}

#[test]
fn a_name_that_gets_free_between_two_looks_is_taken() {
    for op in [Op::Create, Op::Exists] {
        let world = World::new();
        let (client, owner) = (world.client(Mode::Renew), world.client(Mode::Renew));
        owner.ops().create(NAME, "theirs", CreateMode::Ephemeral).expect("creates");
        // What the server answers is no longer so when it is heard.
        world.faults.delay(op, SECOND);
        let registration = register(&client);
        world.settle();
        owner.ops().delete(NAME, None).expect("deletes");
        world.pass(4 * SECOND);
        world.faults.clear();
        assert!(registration.is_present(), "{op:?}");
        assert!(is_ours(&owner, &client), "{op:?}");
    }
}

#[test]
fn a_name_that_is_taken_again_between_two_looks_is_left_alone() {
    for op in [Op::Create, Op::Exists] {
        let world = World::new();
        let (client, owner) = (world.client(Mode::Renew), world.client(Mode::Renew));
        owner.ops().create(NAME, "theirs", CreateMode::Ephemeral).expect("creates");
        world.faults.delay(op, SECOND);
        let registration = register(&client);
        world.settle();
        owner.ops().delete(NAME, None).expect("deletes");
        let again = owner.asynchronous().ops().create(NAME, "again").submit();
        world.settle();
        // Not behind an answer that is held back.
        let theirs = world.client(Mode::Renew).ops().get(NAME).expect("it is there").stat;
        world.pass(4 * SECOND);
        world.faults.clear();
        wait(again).expect("created");
        assert_eq!(registration.state(), RegistrationState::Conflict { owner: SessionId::NONE });
        assert_eq!((stat(&owner), &data(&owner)[..]), (Some(theirs), "again"), "{op:?}");
    }
}

/// Numbers that look like chance, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

#[test]
fn a_strangers_znode_outlives_every_race_for_its_name() {
    for seed in 1..=4 {
        let (world, mut dice) = (World::new(), Dice(seed));
        let (client, stranger) = (world.client(Mode::Renew), world.client(Mode::Renew));
        let registration = register(&client);
        let mut theirs: Option<Stat> = None;
        for round in 0..100 {
            let there = stat(&stranger);
            assert!(theirs.is_none() || there == theirs, "{seed}, {round}: {there:?}");
            match dice.below(8) {
                // An operator may delete what is ours, too.
                0 | 1 if there.is_some() => {
                    stranger.ops().delete(NAME, None).expect("it is there");
                    theirs = None;
                }
                2..=4 => {
                    let modes = [CreateMode::Persistent, CreateMode::Ephemeral];
                    let mode = modes[dice.below(2) as usize];
                    match stranger.ops().create(NAME, "theirs", mode) {
                        Ok(_) => theirs = stat(&stranger),
                        Err(error) => assert_eq!(error.code(), Some(Code::NodeExists)),
                    }
                }
                5 => drop(world.faults.expire(client.session().id())),
                6 => drop(world.faults.drop_connection(client.session().id())),
                _ => registration.set("ours"),
            }
            world.pass(Duration::from_millis(dice.below(4) * 100));
        }
        if theirs.is_some() {
            stranger.ops().delete(NAME, None).expect("it is theirs");
        }
        world.pass(SOON);
        assert!(registration.is_present() && is_ours(&stranger, &client), "{seed}");
    }
}

#[test]
fn what_an_operator_deletes_comes_back_at_most_once_a_second() {
    let world = World::new();
    let (client, operator) = (world.client(Mode::Renew), world.client(Mode::Renew));
    let registration = register(&client);
    wait(registration.ready()).expect("it is free");
    let before = world.faults.carried_out(Op::Create);
    let (mut deleted, mut removed) = (0, 0);
    for _ in 0..100 {
        deleted += u64::from(operator.ops().delete(NAME, None).is_ok());
        world.settle();
        removed += u64::from(registration.state() == RegistrationState::Removed);
        assert_eq!(registration.is_present(), stat(&operator).is_some());
        world.pass(SECOND / 10);
    }
    let created = world.faults.carried_out(Op::Create) - before;
    assert!((9..=11).contains(&created), "in ten seconds: {created}");
    assert!(deleted >= created && removed >= 80, "{deleted} deleted, {removed} times removed");
    world.pass(SECOND);
    assert!(registration.is_present() && is_ours(&operator, &client));
    assert_eq!(client.session().epoch(), Epoch::FIRST);
}
