//! Every other recipe: semaphores, elections, barriers, counters, queues, groups, shares, services.

mod support;

use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use support::soon;
use tenure::recipes::{Instance, Listing, LossPoint};
use tenure::server::{Clock, Server};
use tenure::wire::Op;
use tenure::{Builder, Client, CreateMode, Epoch, Error, Outcome, State, blocking};

/// A server whose sessions end when a test says so.
fn server() -> Server {
    Server::builder()
        .clock(Clock::manual())
        .max_session_timeout(Duration::from_secs(600))
        .start()
        .expect("a free port")
}

fn builder(hosts: &str) -> Builder {
    Client::builder(hosts)
        .session_timeout(Duration::from_secs(60))
        .backoff(Duration::from_millis(5), Duration::from_millis(50))
}

async fn client(server: &Server) -> Client {
    builder(&server.hosts()).connect().await.expect("connects")
}

fn expire(server: &Server, client: &Client) {
    assert!(server.expire(client.session().id().0), "the session is there");
}

/// Waits until there are so many children.
async fn until_children(client: &Client, path: &str, length: usize) {
    let mut listing = client.listing(path);
    soon(async { while listing.changed().await.expect("lists").len() != length {} }).await;
}

async fn names(listing: &mut Listing) -> Vec<String> {
    soon(listing.changed()).await.expect("lists").iter().cloned().collect()
}

#[tokio::test]
async fn a_semaphore_has_so_many_holders_and_serves_in_order() {
    let server = server();
    let (one, other) = (client(&server).await, client(&server).await);
    let permits = one.semaphore("/sem", 2).identifier("one");
    let (first, second) = (
        permits.acquire().await.expect("is free"),
        permits.try_acquire().await.expect("answers").expect("is free"),
    );
    assert!(first.is_held() && second.is_held());
    assert!(soon(other.semaphore("/sem", 2).try_acquire()).await.expect("answers").is_none());
    let root = one.ops().get("/sem").await.expect("reads");
    assert_eq!((root.data.as_ref(), root.stat.num_children), (b"2".as_slice(), 2));
    assert_eq!(permits.holders().await.expect("reads"), ["one", "one"]);
    let late = other.semaphore("/sem", 2).acquire_timeout(Duration::from_millis(20)).await;
    assert!(matches!(late, Err(Error::Timeout { .. })));
    until_children(&one, "/sem-__lock__", 0).await;
    let waiting = {
        let semaphore = other.semaphore("/sem", 2).identifier("other");
        tokio::spawn(async move { semaphore.acquire().await })
    };
    until_children(&one, "/sem-__lock__", 1).await;
    first.release().await.expect("releases");
    let third = soon(waiting).await.expect("runs").expect("acquires");
    assert!(third.is_held() && third.token() > second.token());
    until_children(&one, "/sem-__lock__", 0).await;
    expire(&server, &other);
    soon(third.lost(LossPoint::Lost)).await;
    assert!(soon(permits.acquire()).await.expect("its permit is free").is_held());
}

#[tokio::test]
async fn a_semaphore_has_one_number_of_permits() {
    let server = server();
    let client = client(&server).await;
    drop(client.semaphore("/sem", 2).acquire().await.expect("is free"));
    let error = client.semaphore("/sem", 3).acquire().await.expect_err("two are agreed on");
    assert!(matches!(error, Error::Invalid(_)), "{error}");
}

#[tokio::test]
async fn the_end_of_a_term_is_seen_before_the_next_begins() {
    let server = server();
    let (one, other) = (client(&server).await, client(&server).await);
    let mut first = one.election("/election").identifier("one");
    let mut second = other.election("/election").identifier("other");
    assert_eq!(first.leader().await, Ok(None));
    let term = soon(first.next_term()).await.expect("is elected");
    let leader = second.leader().await.expect("reads").expect("somebody leads");
    assert_eq!((leader.identifier.as_ref(), leader.token), (b"one".as_slice(), term.token()));
    let waiting = tokio::spawn(async move { second.next_term().await });
    until_children(&one, "/election", 2).await;
    assert_eq!(first.candidates().await.expect("reads"), ["one", "other"]);
    expire(&server, &one);
    let next = soon(waiting).await.expect("runs").expect("is elected");
    assert!(next.token() > term.token());
    soon(term.lost(LossPoint::Lost)).await;
    assert!(!term.is_held() && next.is_held());
    let after = soon(first.leader_after(Some(&leader))).await.expect("reads").expect("leads");
    assert_eq!((after.identifier.as_ref(), after.token), (b"other".as_slice(), next.token()));
    next.release().await.expect("releases");
    assert!(soon(first.next_term()).await.expect("is elected").token() > after.token);
}

#[tokio::test]
async fn a_latch_stands_again_and_says_so() {
    let server = server();
    let (one, other) = (client(&server).await, client(&server).await);
    let mut latch = one.leader_latch("/latch", "one").expect("stands");
    let token = soon(latch.changed()).await.expect("tells").expect("leads");
    assert!(latch.is_leader());
    assert_eq!(latch.term().expect("a term").token(), token);
    let mut heir = other.leader_latch("/latch", "other").expect("stands");
    until_children(&one, "/latch", 2).await;
    assert!(!heir.is_leader());
    expire(&server, &one);
    assert_eq!(soon(latch.changed()).await, Ok(None), "the end of the term first");
    let next = soon(heir.changed()).await.expect("tells").expect("leads");
    assert!(next > token && heir.is_leader() && !latch.is_leader());
    // It stands again in its next session.
    until_children(&one, "/latch", 2).await;
    assert_eq!(latch.candidates().await.expect("reads"), ["other", "one"]);
    soon(heir.resign()).await;
    let again = soon(latch.changed()).await.expect("tells").expect("leads");
    assert!(again > next && latch.is_leader());
    drop(latch);
    until_children(&other, "/latch", 0).await;
}

#[tokio::test]
async fn a_barrier_holds_everybody_until_it_is_opened() {
    let server = server();
    let (keeper, walker) = (client(&server).await, client(&server).await);
    let barrier = keeper.barrier("/some/barrier");
    soon(barrier.wait()).await.expect("is open");
    barrier.close().await.expect("closes");
    barrier.close().await.expect("is closed");
    assert!(!walker.barrier("/some/barrier").is_open().await.expect("reads"));
    let late = walker.barrier("/some/barrier").wait_timeout(Duration::from_millis(20)).await;
    assert!(matches!(late, Err(Error::Timeout { .. })));
    let waiting = {
        let barrier = walker.barrier("/some/barrier");
        tokio::spawn(async move { barrier.wait().await })
    };
    // Its session may end; it waits on in the next.
    expire(&server, &walker);
    soon(walker.session().lost()).await;
    soon(walker.connected()).await.expect("in the next epoch");
    assert!(!waiting.is_finished());
    barrier.open().await.expect("opens");
    barrier.open().await.expect("is open");
    soon(waiting).await.expect("runs").expect("is open");
}

#[tokio::test]
async fn a_barrier_is_closed_when_it_says_so_also_if_the_session_ended_meanwhile() {
    let server = server();
    let client = client(&server).await;
    let mut states = client.states();
    server.faults().refuse(true);
    server.faults().lose_request(Op::Create, 1);
    let barrier = client.barrier("/barrier");
    let closing = {
        let barrier = barrier.clone();
        tokio::spawn(async move { barrier.close().await })
    };
    let is_cut =
        async { while states.next().await.expect("an event").state != State::Suspended {} };
    soon(is_cut).await;
    expire(&server, &client);
    server.faults().refuse(false);
    soon(closing).await.expect("runs").expect("closes");
    assert_eq!(barrier.is_open().await, Ok(false));
}

#[tokio::test]
async fn a_double_barrier_is_passed_together_both_ways() {
    let server = server();
    let witness = client(&server).await;
    let mut coming = Vec::new();
    for number in 0..3 {
        assert!(coming.iter().all(|task: &tokio::task::JoinHandle<_>| !task.is_finished()));
        let barrier = client(&server).await.double_barrier("/double", 3);
        coming.push(tokio::spawn(async move { barrier.enter().await }));
        if number < 2 {
            until_children(&witness, "/double", number + 1).await;
        }
    }
    let mut inside = Vec::new();
    for task in coming {
        inside.push(soon(task).await.expect("runs").expect("enters"));
    }
    let last = inside.pop().expect("three");
    let leaving: Vec<_> = inside.into_iter().map(|one| tokio::spawn(one.leave())).collect();
    assert!(leaving.iter().all(|task| !task.is_finished()), "one is still in");
    soon(last.leave()).await.expect("leaves");
    for task in leaving {
        soon(task).await.expect("runs").expect("leaves");
    }
    until_children(&witness, "/double", 0).await;
}

#[tokio::test]
async fn who_is_dropped_or_expires_leaves_a_double_barrier() {
    let server = server();
    let (one, other) = (client(&server).await, client(&server).await);
    let enter = |client: &Client| {
        let barrier = client.double_barrier("/double", 2);
        tokio::spawn(async move { barrier.enter().await })
    };
    let waiting = enter(&one);
    until_children(&other, "/double", 1).await;
    waiting.abort();
    until_children(&other, "/double", 0).await;
    let (first, second) = (enter(&one), enter(&other));
    let first = soon(first).await.expect("runs").expect("enters");
    let second = soon(second).await.expect("runs").expect("enters");
    let leaving = tokio::spawn(first.leave());
    expire(&server, &other);
    soon(leaving).await.expect("runs").expect("the other's session is over");
    drop(second);
}

#[tokio::test]
async fn a_counter_loses_no_change() {
    let server = server();
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let client = client(&server).await;
        tasks.push(tokio::spawn(async move {
            for _ in 0..10 {
                client.counter("/some/counter").add(3).await.expect("adds");
            }
        }));
    }
    for task in tasks {
        soon(task).await.expect("runs");
    }
    let client = client(&server).await;
    let counter = client.counter("/some/counter");
    assert_eq!(counter.get().await, Ok(120));
    assert_eq!(client.ops().get("/some/counter").await.expect("reads").data, "120");
    assert_eq!(counter.compare_and_set(1, 2).await, Ok(false));
    assert_eq!(counter.compare_and_set(120, i64::MAX).await, Ok(true));
    let error = counter.add(1).await.expect_err("is full");
    assert_eq!((error.outcome(), counter.get().await), (Outcome::NotApplied, Ok(i64::MAX)));
    counter.set(-5).await.expect("sets");
    assert_eq!(counter.add(-1).await, Ok(-6));
    client.ops().set("/some/counter", "many", None).await.expect("sets");
    assert!(matches!(counter.get().await, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn a_view_of_a_counter_follows_it_over_sessions() {
    let server = server();
    let (one, other) = (client(&server).await, client(&server).await);
    let mut view = one.counter("/counter").view();
    assert_eq!(soon(view.changed()).await, Ok(0), "before it is there");
    other.counter("/counter").set(1).await.expect("sets");
    assert_eq!(soon(view.changed()).await, Ok(1));
    expire(&server, &one);
    other.counter("/counter").add(1).await.expect("adds");
    assert_eq!(soon(view.changed()).await, Ok(2));
    other.ops().delete("/counter", None).await.expect("deletes");
    assert_eq!(soon(view.changed()).await, Ok(0));
}

#[tokio::test]
async fn a_queue_gives_lower_priorities_first_and_each_entry_once() {
    let server = server();
    let (one, other) = (client(&server).await, client(&server).await);
    let (queue, taker) = (one.queue("/queue"), other.queue("/queue"));
    assert_eq!(taker.get().await, Ok(None));
    for (entry, priority) in [("b1", 100), ("c", 200), ("b2", 100), ("a", 0)] {
        queue.put_with_priority(entry, priority).await.expect("puts");
    }
    assert!(matches!(queue.put_with_priority("x", 1_000).await, Err(Error::Invalid(_))));
    assert_eq!(queue.len().await, Ok(4));
    for entry in ["a", "b1", "b2", "c"] {
        assert_eq!(taker.get().await.expect("gets").expect("waits there"), entry);
    }
    let waiting = tokio::spawn(async move { taker.take().await });
    queue.put("late").await.expect("puts");
    assert_eq!(soon(waiting).await.expect("runs").expect("takes"), "late");
    assert_eq!(queue.len().await, Ok(0));
}

#[tokio::test]
async fn a_locking_queue_gives_an_entry_to_one_until_it_is_consumed() {
    let server = server();
    let (one, other) = (client(&server).await, client(&server).await);
    let (queue, same) = (one.locking_queue("/lq"), one.locking_queue("/lq"));
    let theirs = other.locking_queue("/lq");
    assert!(queue.try_take().await.expect("answers").is_none());
    queue.put_all(["a".into(), "b".into()], 100).await.expect("puts");
    let first = queue.try_take().await.expect("takes").expect("waits there");
    let second = same.try_take().await.expect("takes").expect("another, in the same session");
    assert_eq!((first.data().as_ref(), second.data().as_ref()), (b"a".as_slice(), b"b".as_slice()));
    assert!(theirs.try_take().await.expect("answers").is_none());
    assert_eq!(theirs.len().await, Ok(2), "they stay until they are consumed");
    first.consume().await.expect("is still ours");
    second.release().await.expect("gives back");
    let again = soon(theirs.take()).await.expect("takes");
    assert_eq!(again.data(), "b");
    // Who is cut off in the middle does not consume, and somebody else gets it.
    let waiting = tokio::spawn(async move { queue.take().await });
    expire(&server, &other);
    soon(again.held().lost(LossPoint::Lost)).await;
    let error = again.consume().await.expect_err("is lost");
    assert_eq!(error.outcome(), Outcome::NotApplied, "{error}");
    let last = soon(waiting).await.expect("runs").expect("takes");
    last.consume().await.expect("is still ours");
    until_children(&one, "/lq/entries", 0).await;
    until_children(&one, "/lq/taken", 0).await;
}

/// Polls a future so many times, and before each time lets everything arrive that is on its way to it.
async fn step<F: Future>(
    client: &Client,
    mut future: std::pin::Pin<&mut F>,
    times: usize,
) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for _ in 0..times {
        client.ops().sync("/").await.expect("answers");
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
    }
    None
}

#[tokio::test]
async fn a_worker_that_waits_gets_what_was_taken_and_given_back_meanwhile() {
    let server = server();
    let (one, other) = (client(&server).await, client(&server).await);
    for (before, between) in (0..7).flat_map(|before| (0..7).map(move |then| (before, then))) {
        let path = format!("/lq-{before}-{between}");
        let (queue, theirs) = (one.locking_queue(&path), other.locking_queue(&path));
        queue.put("entry").await.expect("puts");
        let entry = queue.try_take().await.expect("takes").expect("waits there");
        let mut waiting = pin!(theirs.take());
        assert!(step(&other, waiting.as_mut(), 25).await.is_none());
        entry.release().await.expect("gives back");
        if step(&other, waiting.as_mut(), before).await.is_some() {
            continue;
        }
        let Some(entry) = queue.try_take().await.expect("answers") else { continue };
        if step(&other, waiting.as_mut(), between).await.is_some() {
            continue;
        }
        entry.release().await.expect("gives back");
        let taken = step(&other, waiting.as_mut(), 50).await;
        assert!(taken.is_some(), "asleep beside an entry: {before}, {between}");
    }
}

#[tokio::test]
async fn a_member_is_there_in_every_session_until_it_leaves() {
    let server = server();
    let (one, other) = (client(&server).await, client(&server).await);
    let group = other.group("/some/group");
    let mut listing = group.listing();
    assert!(names(&mut listing).await.is_empty());
    let member = one.group("/some/group").join("10.0.0.7:80").await.expect("joins");
    assert_eq!(names(&mut listing).await, [member.name()]);
    let seen = group.members().await.expect("reads");
    assert_eq!((seen.len(), seen[0].data.as_ref()), (1, b"10.0.0.7:80".as_slice()));
    let old = one.session();
    expire(&server, &one);
    soon(old.lost()).await;
    soon(one.connected()).await.expect("in the next epoch");
    let path = format!("/some/group/{}", member.name());
    let owner = || async { other.ops().exists(&path).await.expect("reads") };
    let new = one.session().id();
    soon(async { while owner().await.map(|stat| stat.ephemeral_owner) != Some(new) {} }).await;
    soon(member.ready()).await.expect("is there again");
    assert!(member.is_present());
    soon(member.leave()).await;
    assert_eq!(group.members().await, Ok(Vec::new()));
    drop(one.group("/some/group").join("").await.expect("joins"));
    until_children(&other, "/some/group", 0).await;
}

#[tokio::test]
async fn shares_are_disjoint_and_move_when_members_come_and_go() {
    let server = server();
    let (one, other) = (client(&server).await, client(&server).await);
    let items = ["a", "b", "c"];
    let mut first = one.partitioner("/parts", items, "one").await.expect("joins");
    let all = soon(first.next()).await.expect("shares");
    assert_eq!(all.items(), items);
    let mut second = other.partitioner("/parts", items, "other").await.expect("joins");
    soon(all.outdated()).await;
    assert!(all.items().is_empty(), "nothing is handed out any more");
    let waiting = tokio::spawn(async move { (soon(second.next()).await, second) });
    let held = all.held("b").expect("in the share").is_held();
    assert!(held && !waiting.is_finished(), "not before it was given back");
    soon(all.release()).await.expect("gives back");
    let half = soon(first.next()).await.expect("shares");
    let (rest, second) = waiting.await.expect("runs");
    let rest = rest.expect("shares");
    assert_eq!(
        (half.items(), rest.items()),
        (&["a", "c"].map(String::from)[..], &["b".into()][..])
    );
    // A share does not outlive its session.
    expire(&server, &other);
    soon(rest.outdated()).await;
    assert!(rest.items().is_empty());
    drop((rest, second));
    soon(half.outdated()).await;
    drop(half);
    let all = soon(async {
        loop {
            let share = first.next().await.expect("shares");
            if share.items().len() == 3 {
                return share;
            }
            share.outdated().await;
        }
    });
    assert_eq!(all.await.items(), items);
}

#[tokio::test]
async fn more_members_than_items_leave_some_without() {
    let server = server();
    let (one, other) = (client(&server).await, client(&server).await);
    let mut first = one.partitioner("/parts", ["only"], "one").await.expect("joins");
    let mut second = other.partitioner("/parts", ["only"], "other").await.expect("joins");
    let share = soon(second.next()).await.expect("shares");
    assert!(share.items().is_empty());
    let with = soon(async {
        loop {
            let share = first.next().await.expect("shares");
            if !share.items().is_empty() && share.held("only").is_some() {
                return share;
            }
            share.outdated().await;
        }
    });
    assert_eq!(with.await.items(), ["only"]);
}

#[tokio::test]
async fn a_service_is_found_while_it_is_announced() {
    let server = server();
    let (one, other) = (client(&server).await, client(&server).await);
    let (registry, finder) = (one.services("/services"), other.services("/services"));
    assert!(finder.instances("db").await.expect("reads").is_empty());
    let mut instance = Instance::new("db").expect("an id");
    (instance.address, instance.port) = (Some("10.0.0.7".into()), Some(5432));
    let announced = soon(registry.announce(&instance)).await.expect("announces");
    let raw = registry.announce_bytes("db", "raw", "bytes").await.expect("announces");
    assert_eq!(finder.services().await.expect("reads"), ["db"]);
    let found = finder.instances("db").await.expect("reads");
    assert_eq!(found[&instance.id], instance.json());
    assert_eq!(found["raw"], "bytes");
    let mut listing = finder.listing("db").expect("a name");
    assert_eq!(names(&mut listing).await.len(), 2);
    soon(announced.withdraw()).await;
    assert_eq!(names(&mut listing).await, ["raw"]);
    drop(raw);
    assert!(names(&mut listing).await.is_empty());
    assert!(registry.announce_bytes("a/b", "c", "").await.is_err());
}

#[tokio::test]
async fn an_id_of_another_session_is_waited_for_and_never_touched() {
    let server = server();
    let (one, other) = (client(&server).await, client(&server).await);
    let theirs = other.ops().create("/services/db/id", "theirs").parents().ephemeral();
    theirs.await.expect("creates");
    let registry = one.services("/services");
    let waiting = {
        let registry = registry.clone();
        tokio::spawn(async move { registry.announce_bytes("db", "id", "ours").await })
    };
    // One that gives up does not take away what is not its own.
    let gives_up = registry.announce_bytes("db", "id", "ours, too");
    assert!(tokio::time::timeout(Duration::from_millis(50), gives_up).await.is_err());
    one.ops().sync("/").await.expect("syncs");
    assert_eq!(registry.instances("db").await.expect("reads")["id"], "theirs");
    expire(&server, &other);
    let announced = soon(waiting).await.expect("runs").expect("announces");
    assert_eq!(registry.instances("db").await.expect("reads")["id"], "ours");
    drop(announced);
    until_children(&one, "/services/db", 0).await;
}

#[test]
fn the_blocking_face_does_the_same() {
    let server = server();
    let connect = || blocking::Client::connect(&server.hosts()).expect("connects");
    let (one, other) = (connect(), connect());
    let held = one.lock("/lock").identifier("one").acquire(None).expect("is free");
    assert!(held.is_held() && other.lock("/lock").try_acquire().expect("answers").is_none());
    let late = other.lock("/lock").acquire(Some(Duration::from_millis(20)));
    assert!(matches!(late, Err(Error::Timeout { .. })));
    assert_eq!(other.lock("/lock").contenders().expect("reads"), ["one"]);
    one.ops()
        .multi(|multi| multi.guard(&held).create("/g", "", CreateMode::Persistent))
        .expect("is held");
    let lost = held.wait_lost(LossPoint::Jeopardy, Some(Duration::from_millis(1)));
    assert_eq!((lost, held.check()), (None, Ok(())));
    held.release().expect("releases");
    let _writer = one.write_lock("/rw").acquire(None).expect("is free");
    assert!(other.read_lock("/rw").try_acquire().expect("answers").is_none());
    let permit = one.semaphore("/sem", 1).acquire(None).expect("is free");
    assert!(other.semaphore("/sem", 1).try_acquire().expect("answers").is_none());
    drop(permit);
    let term = one.election("/election").identifier("one").next_term().expect("is elected");
    let leader = other.election("/election").leader().expect("reads").expect("leads");
    assert_eq!((leader.token, term.session().epoch()), (term.token(), Epoch::FIRST));
    let barrier = one.barrier("/barrier");
    barrier.close().expect("closes");
    assert!(other.barrier("/barrier").wait(Some(Duration::from_millis(20))).is_err());
    barrier.open().expect("opens");
    other.barrier("/barrier").wait(None).expect("is open");
    one.queue("/queue").put("entry", 100).expect("puts");
    assert_eq!(other.queue("/queue").take().expect("takes"), "entry");
    assert_eq!(one.counter("/counter").add(2).expect("adds"), 2);
    assert!(other.counter("/counter").compare_and_set(2, 5).expect("sets"));
}

#[test]
fn the_blocking_face_stands_and_takes_as_well() {
    let server = server();
    let connect = || blocking::Client::connect(&server.hosts()).expect("connects");
    let (one, other) = (connect(), connect());
    let mut latch = one.leader_latch("/latch", "one").expect("stands");
    let token = latch.changed().expect("tells").expect("leads");
    assert!(latch.is_leader());
    assert_eq!(latch.term().map(|term| term.token()), Some(token));
    assert_eq!(latch.candidates().expect("reads"), ["one"]);
    assert_eq!(latch.changed_for(Duration::from_millis(1)), None);
    latch.resign();
    assert_eq!(other.election("/latch").leader(), Ok(None));
    let member = one.group("/group").join("me").expect("joins");
    let seen = other.group("/group").members().expect("reads");
    assert_eq!((seen[0].name.as_str(), seen.len()), (member.name(), 1));
    assert!(member.is_present());
    member.ready().expect("is there");
    member.leave();
    assert_eq!(other.group("/group").members(), Ok(Vec::new()));
    let pair = one.double_barrier("/double", 2);
    assert!(pair.enter_for(Duration::from_millis(20)).is_none(), "the other does not come");
    let alone = other.double_barrier("/alone", 1).identifier("other").enter().expect("enters");
    alone.leave().expect("leaves");
    let queue = one.locking_queue("/lq");
    assert!(queue.take_for(Duration::from_millis(20)).is_none());
    queue.put("entry", 100).expect("puts");
    let taken = queue.take().expect("takes");
    assert!(taken.held().is_held() && taken.data() == "entry");
    assert!(other.locking_queue("/lq").try_take().expect("answers").is_none());
    taken.release().expect("gives back");
    other.locking_queue("/lq").take().expect("takes").consume().expect("is ours");
    assert!(queue.try_take().expect("answers").is_none());
}

/// Polls a future so many times, each time when it asks for it, and drops it and what it came to.
/// Whether it came to something.
async fn polled<T>(times: usize, future: impl Future<Output = T>) -> bool {
    let mut future = pin!(future);
    let mut left = times;
    soon(std::future::poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    }))
    .await
}

/// Drops the work that `begin` begins on a path of its own after every number of polls, and waits until
/// nothing is left below what `places` names.
async fn leaves_nothing<F: Future>(
    client: &Client,
    root: &str,
    begin: impl Fn(String) -> F,
    places: impl Fn(&str) -> Vec<String>,
) {
    let mut points = 0;
    loop {
        let path = format!("{root}/{points}");
        let is_done = polled(points, begin(path.clone())).await;
        for place in places(&path) {
            until_children(client, &place, 0).await;
        }
        points += 1;
        if is_done {
            break;
        }
    }
    assert!(points > 2, "it waits for an answer: {points}");
}

#[tokio::test]
async fn whatever_is_dropped_anywhere_leaves_nothing() {
    let server = server();
    let client = client(&server).await;
    let itself = |path: &str| vec![path.to_owned()];
    let client = &client;
    let begin = |path: String| async move { client.semaphore(&path, 1).acquire().await };
    leaves_nothing(client, "/sem", begin, |path| vec![path.into(), format!("{path}-__lock__")])
        .await;
    let begin = |path: String| async move { client.double_barrier(&path, 1).enter().await };
    // The one that enters says so, by a znode that nobody takes away.
    for points in 0..4 {
        let path = format!("/double/{points}");
        if polled(points, begin(path.clone())).await {
            break;
        }
        until_children(client, &path, 0).await;
    }
    let begin = |path: String| async move { client.group(&path).join("me").await };
    leaves_nothing(client, "/group", begin, itself).await;
    let begin = |path: String| async move {
        client.services(&path).announce_bytes("db", "id", "here").await
    };
    leaves_nothing(client, "/services", begin, |path| vec![format!("{path}/db")]).await;
    let begin = |path: String| async move {
        let mut parts = client.partitioner(&path, ["a", "b"], "me").await.expect("joins");
        drop(parts.next().await);
    };
    let places = |path: &str| {
        ["party", "locks/a", "locks/b"].iter().map(|place| format!("{path}/{place}")).collect()
    };
    leaves_nothing(client, "/parts", begin, places).await;
    let begin = |path: String| async move {
        client.locking_queue(&path).put("entry").await.expect("puts");
        client.locking_queue(&path).take().await
    };
    leaves_nothing(client, "/lq", begin, |path| vec![format!("{path}/taken")]).await;
}
