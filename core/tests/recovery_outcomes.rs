//! What became of a write: every kind of write, whose answer or whose request is lost, in every
//! recovery mode, with a server that carries out numbered writes once and with one that does not
//! know numbers.
//!
//! However it goes, the server carries a write out at most once, and the client's answer says what
//! is true: the original answer where the session is resumed and writes are numbered, an unknown
//! outcome otherwise. A call that timed out was not applied only if it never left the process.

#[path = "support/world.rs"]
mod world;

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tenure::blocking::{Client, wait};
use tenure::server::{Fault, Op, Server};
use tenure::{Acl, CreateMode, Credentials, Epoch, Error, Features, MultiReply, Outcome, State};
use world::{MODES, Mode, SOON, TIMEOUT, World};

/// What a call answers: the path it created, or something that names what it did.
type Answer = Pin<Box<dyn Future<Output = Result<String, Error>> + Send>>;

/// A kind of write, done to `<base>` and what is below it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Create,
    Ephemeral,
    Sequential,
    EphemeralSequential,
    Container,
    Ttl,
    TtlSequential,
    Set,
    Delete,
    SetAcl,
    Multi,
    Adopt,
}

const KINDS: [Kind; 12] = [
    Kind::Create,
    Kind::Ephemeral,
    Kind::Sequential,
    Kind::EphemeralSequential,
    Kind::Container,
    Kind::Ttl,
    Kind::TtlSequential,
    Kind::Set,
    Kind::Delete,
    Kind::SetAcl,
    Kind::Multi,
    Kind::Adopt,
];

impl Kind {
    /// What the faults call it.
    fn op(self) -> Op {
        match self {
            Kind::Set => Op::SetData,
            Kind::Delete => Op::Delete,
            Kind::SetAcl => Op::SetAcl,
            Kind::Multi => Op::Multi,
            Kind::Adopt => Op::Adopt,
            _ => Op::Create,
        }
    }

    /// Whether what it leaves goes with the session.
    fn is_bound(self) -> bool {
        matches!(self, Kind::Ephemeral | Kind::EphemeralSequential | Kind::Adopt)
    }

    fn submit(self, client: &Client, base: &str, heir: &Credentials) -> Answer {
        let asynchronous = client.asynchronous().clone();
        let ops = asynchronous.ops();
        let create = ops.create(&format!("{base}/new"), "data");
        let create = match self {
            Kind::Ephemeral => create.ephemeral(),
            Kind::Sequential => create.sequential(),
            Kind::EphemeralSequential => create.ephemeral().sequential(),
            Kind::Container => create.container(),
            Kind::Ttl => create.ttl(TIMEOUT * 100),
            Kind::TtlSequential => create.ttl(TIMEOUT * 100).sequential(),
            _ => create,
        };
        let target = format!("{base}/old");
        match self {
            Kind::Set => named(ops.set(&target, "x", None), |stat| format!("{}", stat.version)),
            Kind::Delete => named(ops.delete(&target, None), |()| String::new()),
            Kind::SetAcl => named(ops.set_acl(&target, Acl::open_unsafe(), None), |stat| {
                format!("{}", stat.aversion)
            }),
            Kind::Multi => {
                let multi = ops.multi().set(&target, "x", None);
                let path = format!("{base}/new");
                let multi = multi.create(&path, "data", CreateMode::PersistentSequential);
                named(multi.commit(), |replies| match &replies[..] {
                    [MultiReply::Set(stat), MultiReply::Created(created)] => {
                        format!("{} {}", stat.version, created.path)
                    }
                    other => format!("{other:?}"),
                })
            }
            Kind::Adopt => named(asynchronous.adopt(&format!("{base}/owned"), heir), |stat| {
                format!("{}", stat.ephemeral_owner.0)
            }),
            _ => named(create.submit(), |created| created.path),
        }
    }

    /// How often it is in effect, and what its answer has to be.
    fn effect(self, witness: &Client, base: &str, own: i64) -> (i32, String) {
        let ops = witness.ops();
        let mut names = ops.children(base).expect("lists").names;
        names.retain(|name| name.starts_with("new"));
        let created = names.first().map(|name| format!("{base}/{name}")).unwrap_or_default();
        let count = names.len() as i32;
        let old = ops.exists(&format!("{base}/old")).expect("answers").unwrap_or_default();
        match self {
            Kind::Set => (old.version, format!("{}", old.version)),
            Kind::Delete => (i32::from(old.ctime.0 == 0), String::new()),
            Kind::SetAcl => (old.aversion, format!("{}", old.aversion)),
            Kind::Multi => {
                assert_eq!(old.version, count, "all of it or nothing");
                (count, format!("{count} {created}"))
            }
            Kind::Adopt => {
                let owned = ops.exists(&format!("{base}/owned")).expect("answers");
                let owner = owned.map_or(0, |stat| stat.ephemeral_owner.0);
                (i32::from(owner == own), format!("{own}"))
            }
            _ => (count, created),
        }
    }
}

fn named<T: 'static>(
    pending: tenure::Pending<T>,
    name: impl FnOnce(T) -> String + Send + 'static,
) -> Answer
where
    tenure::Pending<T>: Send,
{
    Box::pin(async move { pending.await.map(name) })
}

/// What is lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lost {
    Reply,
    Request,
}

/// One write of this kind, with this lost.
fn lose(world: &World, (mode, kind, lost): (Mode, Kind, Lost), is_numbered: bool) {
    let case = format!("{mode:?} {kind:?} {lost:?}, numbered: {is_numbered}");
    let base = format!("/{mode:?}-{kind:?}-{lost:?}");
    let (op, faults) = (kind.op(), &world.faults);
    let (witness, client) = (world.client(Mode::Renew), world.client(mode));
    let make = |name: &str, mode| witness.ops().create(&format!("{base}{name}"), "", mode);
    make("", CreateMode::Persistent).expect("creates");
    make("/old", CreateMode::Persistent).expect("creates");
    make("/owned", CreateMode::Ephemeral).expect("creates");
    let heir = witness.session().credentials().expect("connected");
    let own = client.session().id().0;
    let (carried, received) = (faults.carried_out(op), faults.received(op));
    // What was carried out by the time the next session is told.
    let decided = Arc::new(Mutex::new(None));
    let (told, counts) = (decided.clone(), faults.clone());
    client.subscribe(move |event| {
        if event.epoch > Epoch::FIRST && event.state == State::Connected {
            let carried = counts.carried_out(op) - carried;
            told.lock().expect("nobody panics").get_or_insert(carried);
        }
    });
    match lost {
        Lost::Reply => faults.lose_reply(op, 1),
        Lost::Request => faults.lose_request(op, 1),
    }
    let answer = kind.submit(&client, &base, &heir);
    world.settle();
    assert_eq!(faults.pending(Fault::LoseReply) + faults.pending(Fault::LoseRequest), 0, "{case}");
    world.pass(SOON);
    let answer = wait(answer);
    world.pass(SOON);
    let (carried, received) = (faults.carried_out(op) - carried, faults.received(op) - received);
    let (times, expected) = kind.effect(&witness, &base, own);
    let is_resumed = mode != Mode::Fresh;
    let epoch = if is_resumed { Epoch::FIRST } else { Epoch(2) };
    assert_eq!((client.state(), client.session().epoch()), (State::Connected, epoch), "{case}");
    if is_numbered && is_resumed {
        assert_eq!(answer, Ok(expected), "{case}: the original answer");
        assert_eq!((carried, times), (1, 1), "{case}: once");
        assert_eq!(received, 2, "{case}: sent once more");
        return;
    }
    let error = answer.expect_err(&case);
    assert_eq!(error.outcome(), Outcome::Unknown, "{case}: {error}");
    assert_eq!(error.epoch(), Some(Epoch::FIRST), "{case}: {error}");
    let once = u64::from(lost == Lost::Reply);
    assert_eq!((carried, received), (once, 1), "{case}: never sent again");
    let is_gone = !is_resumed && kind.is_bound();
    assert_eq!(times, if is_gone { 0 } else { once as i32 }, "{case}");
    let decided = *decided.lock().expect("nobody panics");
    assert_eq!(decided, (!is_resumed).then_some(once), "{case}: decided before the next session");
}

fn lose_each(features: Features, lost: Lost) {
    let world = World::with(Server::builder().features(features));
    for mode in MODES {
        for kind in KINDS {
            lose(&world, (mode, kind, lost), features.has(Features::ONCE));
        }
    }
}

#[test]
fn c1_a_numbered_write_whose_reply_is_lost_is_carried_out_once_and_answered_if_resumed() {
    lose_each(Features::ALL, Lost::Reply);
}

#[test]
fn c1_a_numbered_write_whose_request_is_lost_is_sent_once_more_if_resumed() {
    lose_each(Features::ALL, Lost::Request);
}

#[test]
fn s56_without_numbers_a_write_whose_reply_is_lost_is_unknown_and_carried_out_once() {
    lose_each(Features::ALL.without(Features::ONCE), Lost::Reply);
}

#[test]
fn s56_without_numbers_a_write_whose_request_is_lost_is_unknown_and_never_applied() {
    lose_each(Features::ALL.without(Features::ONCE), Lost::Request);
}

const LIMIT: Duration = Duration::from_secs(2);

/// A client whose operations may take [`LIMIT`], and a znode of version 0.
fn hasty(world: &World, mode: Mode) -> Client {
    let builder = world.builder(mode).op_timeout(Some(LIMIT));
    let client = builder.connect_blocking(None).expect("connects");
    client.ops().create("/n", "", CreateMode::Persistent).expect("creates");
    client
}

fn version(world: &World) -> i32 {
    let witness = world.client(Mode::Renew);
    witness.ops().exists("/n").expect("answers").expect("it is there").version
}

#[test]
fn a_call_that_timed_out_before_it_left_was_not_applied_and_never_will_be() {
    for mode in MODES {
        let world = World::new();
        let client = hasty(&world, mode);
        world.cut(&client);
        let write = client.asynchronous().ops().set("/n", "x", None);
        world.pass(LIMIT);
        let error = wait(write).expect_err("it took too long");
        assert!(matches!(error, Error::Timeout { sent: false, .. }), "{mode:?}: {error:?}");
        assert_eq!(error.outcome(), Outcome::NotApplied);
        world.mend();
        assert_eq!(client.state(), State::Connected, "{mode:?}");
        assert_eq!((world.faults.received(Op::SetData), version(&world)), (0, 0), "{mode:?}");
    }
}

#[test]
fn a_call_that_timed_out_after_it_left_is_unknown_and_may_still_be_applied() {
    for features in [Features::ALL, Features::ALL.without(Features::ONCE)] {
        for mode in MODES {
            let world = World::with(Server::builder().features(features));
            let client = hasty(&world, mode);
            world.faults.silence(client.session().id(), true);
            world.settle();
            let write = client.asynchronous().ops().set("/n", "x", None);
            world.pass(LIMIT);
            let error = wait(write).expect_err("it took too long");
            assert!(matches!(error, Error::Timeout { sent: true, .. }), "{mode:?}: {error:?}");
            assert_eq!(error.outcome(), Outcome::Unknown);
            assert_eq!(world.faults.received(Op::SetData), 0, "nobody has read it");
            world.faults.silence(client.session().id(), false);
            world.pass(SOON);
            assert_eq!((world.faults.received(Op::SetData), version(&world)), (1, 1), "{mode:?}");
            assert_eq!(client.session().epoch(), Epoch::FIRST);
        }
    }
}

#[test]
fn a_call_that_timed_out_while_it_waited_to_be_sent_again_is_unknown_and_stays_unsent() {
    for mode in [Mode::ResumeOnly, Mode::Renew] {
        let world = World::new();
        let client = hasty(&world, mode);
        world.faults.lose_request(Op::SetData, 1);
        world.faults.refuse(true);
        let write = client.asynchronous().ops().set("/n", "x", None);
        world.settle();
        assert_eq!(client.state(), State::Suspended);
        world.pass(LIMIT);
        let error = wait(write).expect_err("it took too long");
        assert_eq!(error.outcome(), Outcome::Unknown, "{mode:?}: {error}");
        world.mend();
        assert_eq!(client.state(), State::Connected);
        assert_eq!((world.faults.received(Op::SetData), version(&world)), (1, 0), "{mode:?}");
    }
}
