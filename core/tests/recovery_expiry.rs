//! A session that ends at the worst moment: while its client is idle, holds a lock or waits for
//! one, runs a body that the lock covers, has a guarded transaction on its way, is about to restore
//! a new session, or closes.
//!
//! Whatever the moment, the old epoch ends completely before anything of the next one: one-shot
//! watches, locks, registrations and the session's own values are over when the program hears
//! `Lost`, and only then a session of the next epoch begins, whose report says what came back and
//! what is gone.

#[path = "support/world.rs"]
mod world;

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use tenure::blocking::{Client, wait, wait_for};
use tenure::recipes::{Held, LossPoint};
use tenure::server::Op;
use tenure::{
    CreateMode, Epoch, Error, LossReason, Outcome, Registration, Request, RequestOptions, State,
    Watch, WatchItem, WatchMode, WatchOptions,
};
use world::{MODES, Mode, Reports, SOON, Story, World};

/// Answers to registrations are held back for so long, to see what comes before them. Less than
/// half a session, after which a server that does not answer is left.
const LATE: Duration = Duration::from_secs(4);

/// The modes in which another session follows.
const RENEWING: [Mode; 2] = [Mode::Renew, Mode::Fresh];

/// A client with something of every kind that can end with its session.
struct Rich {
    client: Client,
    registration: Arc<Registration>,
    held: Arc<Held>,
    story: Story,
    reports: Reports,
    _watch: Watch,
}

impl Rich {
    fn of(world: &World, mode: Mode) -> Rich {
        let client = world.client(mode);
        let asynchronous = client.asynchronous().clone();
        client.ops().create("/plain", "", CreateMode::Ephemeral).expect("creates");
        client.ops().create("/lock", "", CreateMode::Persistent).expect("creates");
        let registration = wait(asynchronous.register("/mine", "data").into_future());
        let registration = Arc::new(registration.expect("registers"));
        let held = Arc::new(wait(asynchronous.lock("/lock").acquire()).expect("it is free"));
        client.session().insert(String::from("of this session"));
        let story = whole_end(&client, &registration, &held);
        let heard = story.clone();
        let options = RequestOptions::new().watch(move |item| {
            heard.note(match item {
                Err(Error::SessionLost { epoch, .. }) => format!("one-shot over({epoch})"),
                other => format!("{other:?}"),
            });
        });
        let read = Request::Exists { path: "/absent".into(), watch: true };
        asynchronous.submit(read, options, |_| {});
        let heard = story.clone();
        let sink = move |item| {
            heard.note(match item {
                Ok(WatchItem::Resync { reason, epoch }) => format!("{reason:?}({epoch})"),
                Err(Error::SessionLost { epoch, .. }) => format!("stream over({epoch})"),
                other => format!("{other:?}"),
            });
        };
        let options = WatchOptions::new(WatchMode::Persistent);
        let watch = asynchronous.watch_to("/watched", options, sink, |_| {});
        let reports = Reports::of(&client);
        world.settle();
        assert_eq!(story.take(), [""; 0]);
        Rich { client, registration, held, story, reports, _watch: watch }
    }

    fn lock_path(&self) -> String {
        self.held.path().to_owned()
    }

    /// The registration and the lock keep their client open.
    fn close(self) {
        let client = self.client.clone();
        drop(self);
        client.close().expect("closes");
    }
}

/// Notes whatever of the first epoch is still there when the program is told that it is over.
fn whole_end(client: &Client, registration: &Arc<Registration>, held: &Arc<Held>) -> Story {
    let (own, lock) = (Arc::downgrade(registration), Arc::downgrade(held));
    let session = client.session();
    Story::told(client, move |story, event| {
        if !matches!(event.state, State::Lost(_)) || event.epoch != Epoch::FIRST {
            return;
        }
        if own.upgrade().is_some_and(|own| own.is_present()) {
            story.note("the registration is still there");
        }
        if lock.upgrade().is_some_and(|lock| lock.is_held()) {
            story.note("the lock is still held");
        }
        if session.safe_for().is_some() || !matches!(session.state(), State::Lost(_)) {
            story.note("the session is not over");
        }
        if session.get::<String>().is_some() {
            story.note("a value of the session is still there");
        }
        let pinned = wait(session.ops().exists("/"));
        if !matches!(&pinned, Err(error) if error.outcome() == Outcome::NotApplied) {
            story.note(format!("an operation of the session is carried out: {pinned:?}"));
        }
    })
}

/// With a session for each connection the connection's end comes first.
fn reason(mode: Mode) -> &'static str {
    if mode == Mode::Fresh { "Abandoned" } else { "ExpiredByServer" }
}

/// What a client of this mode is told when its first session was ended, with what ends right
/// before.
fn end_with(mode: Mode, what: &[&str]) -> Vec<String> {
    let suspended = (mode != Mode::Fresh).then(|| "Suspended(1)".to_owned());
    let what = what.iter().map(|what| (*what).to_owned());
    suspended.into_iter().chain(what).chain([format!("{}(1)", reason(mode))]).collect()
}

#[test]
fn an_idle_session_ends_completely_before_anything_of_the_next() {
    for mode in RENEWING {
        let world = World::new();
        let rich = Rich::of(&world, mode);
        world.faults.delay(Op::Create, LATE);
        assert!(world.faults.expire(rich.client.session().id()));
        world.pass(SOON);
        let mut told = end_with(mode, &["one-shot over(1)"]);
        told.push("Connecting(2)".into());
        assert_eq!(rich.story.take(), told, "{mode:?}: and nothing of the next session");
        assert!(!rich.registration.is_present() && !rich.held.is_held());
        world.pass(LATE);
        assert_eq!(rich.story.take(), ["NewSession(2)", "Connected(2)"], "{mode:?}");
        assert!(rich.registration.is_present(), "{mode:?}: before the program was told");
        assert!(!rich.held.is_held(), "{mode:?}: never again");
        let (epoch, report) = rich.reports.one();
        assert_eq!(epoch, Epoch(2));
        assert_eq!((&report.registrations[..], report.watches), (&["/mine".to_owned()][..], 1));
        assert_eq!(report.conflicts, [""; 0]);
        assert_eq!(report.lost_locks, [rich.lock_path()], "{mode:?}");
        assert_eq!(report.lost_ephemerals, ["/plain"], "{mode:?}");
        assert_eq!(report.dropped_oneshot, 2, "{mode:?}: the program's and the lock's");
        rich.close();
    }
}

#[test]
fn a_client_that_only_resumes_ends_completely_and_says_nothing_more() {
    let world = World::new();
    let rich = Rich::of(&world, Mode::ResumeOnly);
    assert!(world.faults.expire(rich.client.session().id()));
    world.pass(SOON);
    let told = end_with(Mode::ResumeOnly, &["one-shot over(1)", "stream over(1)"]);
    assert_eq!(rich.story.take(), told);
    assert!(!rich.registration.is_present() && !rich.held.is_held());
    let refused = rich.client.ops().set("/", "x", None).expect_err("it is finished");
    assert_eq!(refused.outcome(), Outcome::NotApplied);
    world.pass(SOON);
    assert_eq!(rich.story.take(), [""; 0], "said once, and nothing after it");
    assert_eq!(world.server.sessions(), [0; 0]);
}

#[test]
fn a_lock_that_was_held_is_lost_for_certain_and_stops_the_body_it_covers() {
    for mode in MODES {
        let world = World::new();
        let client = world.client(mode);
        client.ops().create("/lock", "", CreateMode::Persistent).expect("creates");
        let held = wait(client.asynchronous().lock("/lock").acquire()).expect("it is free");
        let held = Arc::new(held);
        let (begun, begins) = channel();
        let covered = {
            let held = held.clone();
            std::thread::spawn(move || {
                wait(held.scope(async move {
                    begun.send(()).expect("somebody waits");
                    std::future::pending::<()>().await;
                }))
            })
        };
        begins.recv().expect("the body runs while it is held");
        assert!(world.faults.expire(client.session().id()));
        world.pass(SOON);
        let lost = Error::LockLost { epoch: Epoch::FIRST, certain: true };
        assert_eq!(covered.join().expect("ends"), Err(lost.clone()), "{mode:?}");
        assert_eq!(wait(held.lost(LossPoint::Lost)), lost, "{mode:?}");
        assert_eq!((held.is_held(), held.check()), (false, Err(lost.clone())), "{mode:?}");
        assert_eq!(wait(held.release()), Err(lost), "{mode:?}: its work may have overlapped");
        let witness = world.client(Mode::Renew);
        assert!(witness.ops().children("/lock").expect("lists").names.is_empty(), "{mode:?}");
    }
}

#[test]
fn who_waits_for_a_lock_gets_it_in_the_next_session_only() {
    for mode in RENEWING {
        let world = World::new();
        let owner = world.client(Mode::Renew);
        owner.ops().create("/lock", "", CreateMode::Persistent).expect("creates");
        let held = wait(owner.asynchronous().lock("/lock").acquire()).expect("it is free");
        let line = || owner.ops().children("/lock").expect("lists").names.len();
        let client = world.client(mode);
        let lock = client.asynchronous().lock("/lock");
        let waiting = std::thread::spawn(move || wait(lock.acquire()));
        while line() < 2 {}
        let token = held.token();
        assert!(world.faults.expire(client.session().id()));
        assert_eq!(line(), 1, "{mode:?}: its place in the line went with it");
        world.pass(SOON);
        assert_eq!((client.state(), client.session().epoch()), (State::Connected, Epoch(2)));
        while line() < 2 {}
        assert!(held.is_held() && !waiting.is_finished(), "{mode:?}: it waits at the end again");
        wait(held.release()).expect("gives it back");
        let next = waiting.join().expect("runs").expect("acquires");
        assert_eq!(next.session().epoch(), Epoch(2), "{mode:?}");
        assert!(next.is_held() && next.token() > token, "{mode:?}");
    }
}

/// A client that holds a lock, and a znode that it writes only while it does.
fn guarded(world: &World, mode: Mode) -> (Client, Held) {
    let client = world.client(mode);
    client.ops().create("/lock", "", CreateMode::Persistent).expect("creates");
    client.ops().create("/n", "", CreateMode::Persistent).expect("creates");
    let held = wait(client.asynchronous().lock("/lock").acquire()).expect("it is free");
    (client, held)
}

fn version(world: &World) -> i32 {
    let witness = world.client(Mode::Renew);
    witness.ops().exists("/n").expect("answers").expect("it is there").version
}

#[test]
fn a_guarded_transaction_on_its_way_is_never_applied() {
    for mode in MODES {
        let world = World::new();
        let (client, held) = guarded(&world, mode);
        let id = client.session().id();
        world.faults.silence(id, true);
        world.settle();
        let ops = client.asynchronous().ops();
        let write = ops.multi().guard(&held).set("/n", "x", None).commit();
        world.settle();
        assert!(world.faults.expire(id));
        world.faults.silence(id, false);
        world.pass(SOON);
        let error = wait(write).expect_err("its session is over");
        assert_eq!(error.outcome(), Outcome::Unknown, "{mode:?}: {error:?}");
        assert_eq!(error.epoch(), Some(Epoch::FIRST), "{mode:?}");
        world.pass(SOON);
        assert_eq!(version(&world), 0, "{mode:?}");
    }
}

#[test]
fn a_guarded_transaction_that_was_not_sent_is_not_sent_in_the_next_session() {
    for mode in MODES {
        let world = World::new();
        let (client, held) = guarded(&world, mode);
        let id = client.session().id();
        world.cut(&client);
        let ops = client.asynchronous().ops();
        let write = ops.multi().guard(&held).set("/n", "x", None).commit();
        let plain = client.asynchronous().ops().create("/unbound", "").submit();
        world.settle();
        assert!(world.faults.expire(id));
        world.mend();
        let error = wait(write).expect_err("its session is over");
        assert_eq!(error.outcome(), Outcome::NotApplied, "{mode:?}: {error:?}");
        assert_eq!((version(&world), world.faults.received(Op::Multi)), (0, 0), "{mode:?}");
        // Whatever does not belong to a session waits for the next one, where there is one.
        assert_eq!(wait(plain).is_ok(), mode != Mode::ResumeOnly, "{mode:?}");
    }
}

#[test]
fn a_session_that_ends_during_its_restoration_is_an_epoch_of_its_own() {
    for mode in RENEWING {
        let world = World::new();
        let rich = Rich::of(&world, mode);
        world.faults.delay(Op::Create, LATE);
        assert!(world.faults.expire(rich.client.session().id()));
        world.pass(SOON);
        let mut told = end_with(mode, &["one-shot over(1)"]);
        told.push("Connecting(2)".into());
        assert_eq!(rich.story.take(), told, "{mode:?}");
        let second = rich.client.session();
        assert_eq!((second.epoch(), second.state()), (Epoch(2), State::Connecting));
        assert!(world.faults.expire(second.id()), "{mode:?}: before it was told");
        world.pass(SOON);
        // It was never connected, so there is nothing to suspend.
        let told = [format!("{}(2)", reason(mode)), "Connecting(3)".into()];
        assert_eq!(rich.story.take(), told, "{mode:?}");
        assert!(matches!(second.state(), State::Lost(_)), "{mode:?}");
        world.faults.clear();
        world.pass(LATE);
        assert_eq!(rich.story.take(), ["NewSession(3)", "Connected(3)"], "{mode:?}: one gap");
        let (epoch, report) = rich.reports.one();
        assert_eq!((epoch, &report.registrations[..]), (Epoch(3), &["/mine".to_owned()][..]));
        assert_eq!(report.lost_locks, [rich.lock_path()], "{mode:?}: nobody was told so far");
        assert_eq!(report.lost_ephemerals, ["/plain"], "{mode:?}");
        assert!(rich.registration.is_present());
        rich.close();
    }
}

#[test]
fn a_session_that_ends_while_it_is_closed_is_closed() {
    for mode in MODES {
        let world = World::new();
        let client = world.client(mode);
        let id = client.session().id();
        let story = Story::of(&client);
        world.faults.silence(id, true);
        world.settle();
        let (told, closed) = channel();
        client.asynchronous().close_with(move |result| told.send(result).expect("a listener"));
        world.settle();
        assert!(closed.try_recv().is_err(), "nobody has read it");
        assert!(world.faults.expire(id));
        world.faults.silence(id, false);
        world.pass(SOON);
        assert_eq!(closed.try_recv().expect("answered"), Ok(()), "{mode:?}");
        let told = story.take();
        assert_eq!(told.last().map(String::as_str), Some("Closed(1)"), "{mode:?}: {told:?}");
        assert!(told.iter().all(|event| event.ends_with("(1)")), "{mode:?}: {told:?}");
        assert_eq!(client.session().state(), State::Lost(LossReason::Closed));
        assert_eq!(world.server.sessions(), [0; 0], "{mode:?}: no other was begun");
        let late = wait_for(client.asynchronous().ops().exists("/"), SOON).expect("at once");
        assert_eq!(late, Err(Error::Closed));
    }
}
