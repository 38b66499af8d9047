//! Locks: who holds one, who waits, who is told of a loss, and what is left behind.

mod support;

use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use support::{Proxy, soon, until};
use tenure::recipes::{Held, Lock, LossPoint};
use tenure::server::{Clock, Server};
use tenure::{Builder, Client, CreateMode, Epoch, Error, Outcome, Recovery, State};

const PATH: &str = "/recipes/lock";

/// A server whose sessions end when a test says so.
fn server() -> Server {
    Server::builder()
        .clock(Clock::manual())
        .min_session_timeout(Duration::from_millis(100))
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

/// Waits until the line is so long.
async fn until_waiting(client: &Client, path: &str, length: usize) {
    let mut listing = client.listing(path);
    soon(async { while listing.changed().await.expect("lists").len() != length {} }).await;
}

/// Polls a future so many times, each time when it asks for it, and drops it. What it came to, if it
/// came to anything before.
async fn polled<T>(times: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = times;
    soon(std::future::poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }))
    .await
}

#[tokio::test]
async fn a_lock_has_one_holder_and_serves_in_the_order_of_arrival() {
    let server = server();
    let witness = client(&server).await;
    let first = soon(witness.lock(PATH).identifier("first").acquire()).await.expect("is free");
    let mut waiting = Vec::new();
    for number in 0..4 {
        let client = client(&server).await;
        let lock = client.lock(PATH).identifier(format!("waiter-{number}"));
        waiting.push(tokio::spawn(async move { lock.acquire().await }));
        until_waiting(&witness, PATH, number + 2).await;
    }
    let contenders = witness.lock(PATH).contenders().await.expect("reads");
    assert_eq!(contenders, ["first", "waiter-0", "waiter-1", "waiter-2", "waiter-3"]);
    let mut holder = first;
    for next in waiting {
        assert!(holder.is_held() && !next.is_finished());
        let token = holder.token();
        soon(holder.release()).await.expect("releases");
        assert!(!holder.is_held(), "never again");
        holder = soon(next).await.expect("runs").expect("acquires");
        assert!(holder.token() > token, "tokens grow in the order of the grants");
    }
}

#[tokio::test]
async fn the_layout_is_that_of_kazoo() {
    let server = server();
    let client = client(&server).await;
    let held = client.lock(PATH).identifier("me").acquire().await.expect("is free");
    let (parent, name) = held.path().rsplit_once('/').expect("a path");
    assert_eq!(parent, PATH);
    let (guid, digits) = name.split_once("__lock__").expect("the mark");
    assert!(guid.len() == 32 && guid.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert!(digits.len() == 10 && digits.bytes().all(|byte| byte.is_ascii_digit()));
    let value = client.ops().get(held.path()).await.expect("reads");
    assert_eq!(value.data, "me");
    assert_eq!(value.stat.ephemeral_owner, client.session().id());
    assert_eq!(value.stat.czxid, held.token());
}

#[tokio::test]
async fn contenders_of_other_libraries_are_waited_for() {
    let server = server();
    let (ours, theirs) = (client(&server).await, client(&server).await);
    for prefix in ["0123__lock__", "_c_0123-lock-"] {
        let path = format!("{PATH}/{prefix}");
        let create = theirs.ops().create(&path, "").parents();
        let other = create.mode(CreateMode::EphemeralSequential).await.expect("creates");
        assert!(soon(ours.lock(PATH).try_acquire()).await.expect("answers").is_none(), "{prefix}");
        theirs.ops().delete(&other.path, None).await.expect("deletes");
        assert!(soon(ours.lock(PATH).try_acquire()).await.expect("answers").is_some());
        until_waiting(&ours, PATH, 0).await;
    }
    // Somebody's other business below the same parent is no contender.
    theirs.ops().create(&format!("{PATH}/settings"), "").await.expect("creates");
    assert!(soon(ours.lock(PATH).try_acquire()).await.expect("answers").is_some());
}

#[tokio::test]
async fn dropping_what_is_held_releases_it() {
    let server = server();
    let (one, other) = (client(&server).await, client(&server).await);
    let held = one.lock(PATH).acquire().await.expect("is free");
    let lock = other.lock(PATH);
    let next = tokio::spawn(async move { lock.acquire().await });
    until_waiting(&one, PATH, 2).await;
    drop(held);
    assert!(soon(next).await.expect("runs").expect("acquires").is_held());
}

#[tokio::test]
async fn an_acquire_that_is_dropped_anywhere_leaves_no_contender() {
    let server = server();
    let client = client(&server).await;
    let (mut points, mut acquired) = (0, false);
    while !acquired {
        let path = format!("/free/{points}");
        let lock = client.lock(&path);
        let held = polled(points, lock.acquire()).await;
        acquired = held.is_some();
        drop(held);
        // The look is on the wire behind everything the lock has asked for.
        until_waiting(&client, &path, 0).await;
        points += 1;
    }
    assert!(points > 4, "it waits for several answers: {points}");
}

#[tokio::test]
async fn a_waiter_that_is_dropped_anywhere_leaves_only_the_holder() {
    let server = server();
    let (holder, waiter) = (client(&server).await, client(&server).await);
    let held = holder.lock(PATH).acquire().await.expect("is free");
    for points in 0..12 {
        let lock = waiter.lock(PATH);
        let attempt =
            tokio::time::timeout(Duration::from_millis(50), polled(points, lock.acquire()));
        assert!(!matches!(attempt.await, Ok(Some(_))), "somebody else holds it");
        until_waiting(&waiter, PATH, 1).await;
    }
    assert!(held.is_held());
}

#[tokio::test]
async fn an_acquire_dropped_while_its_create_is_on_its_way_leaves_nothing() {
    let server = server();
    let proxy = Proxy::to(server.addr());
    let (client, witness) =
        (builder(&proxy.hosts()).connect().await.expect("connects"), client(&server).await);
    witness.ops().create(PATH, "").parents().await.expect("creates");
    proxy.silence(true);
    assert!(polled(1, client.lock(PATH).acquire()).await.is_none());
    until_waiting(&witness, PATH, 1).await;
    // It was created, and nobody has heard of it.
    proxy.cut();
    proxy.silence(false);
    until_waiting(&witness, PATH, 0).await;
    assert_eq!(client.session().epoch(), Epoch::FIRST, "within its session");
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_is_found_again() {
    let server = server();
    let proxy = Proxy::to(server.addr());
    let client = builder(&proxy.hosts()).connect().await.expect("connects");
    client.ops().create(PATH, "").parents().await.expect("creates");
    let witness = Client::connect(&server.hosts()).await.expect("connects");
    proxy.silence(true);
    let lock = client.lock(PATH);
    let acquired = tokio::spawn(async move { lock.acquire().await });
    until_waiting(&witness, PATH, 1).await;
    proxy.cut();
    proxy.silence(false);
    let held = soon(acquired).await.expect("runs").expect("acquires");
    assert!(held.is_held());
    until_waiting(&witness, PATH, 1).await;
}

#[tokio::test]
async fn trying_waits_for_nobody_and_leaves_nothing() {
    let server = server();
    let (one, other) = (client(&server).await, client(&server).await);
    let held = one.lock(PATH).try_acquire().await.expect("answers").expect("is free");
    for _ in 0..3 {
        assert!(soon(other.lock(PATH).try_acquire()).await.expect("answers").is_none());
        let names = other.ops().children(PATH).await.expect("lists").names;
        assert_eq!(names.len(), 1, "gone before it answers");
    }
    held.release().await.expect("releases");
    assert!(other.lock(PATH).try_acquire().await.expect("answers").is_some());
}

#[tokio::test]
async fn an_acquire_in_the_same_program_waits_for_the_program_itself() {
    let server = server();
    let client = client(&server).await;
    let lock = client.lock(PATH);
    let held = lock.acquire().await.expect("is free");
    assert!(lock.try_acquire().await.expect("answers").is_none());
    let late = soon(lock.acquire_timeout(Duration::from_millis(20))).await.expect_err("waits");
    assert!(matches!(late, Error::Timeout { sent: false, .. }), "{late}");
    assert_eq!(late.outcome(), Outcome::NotApplied);
    until_waiting(&client, PATH, 1).await;
    assert!(held.is_held());
}

#[tokio::test]
async fn tokens_grow_also_when_the_parent_is_made_again() {
    let server = server();
    let client = client(&server).await;
    let mut last = None;
    for _ in 0..3 {
        let held = client.lock(PATH).acquire().await.expect("is free");
        assert!(held.path().ends_with("__lock__0000000000"), "the parent counts from the start");
        assert!(Some(held.token()) > last);
        last = Some(held.token());
        held.release().await.expect("releases");
        client.ops().delete(PATH, None).await.expect("deletes");
    }
}

#[tokio::test]
async fn a_second_release_has_nothing_to_do_and_one_after_a_loss_says_so() {
    let server = server();
    let client = client(&server).await;
    let held = client.lock(PATH).acquire().await.expect("is free");
    held.release().await.expect("releases");
    held.release().await.expect("did already");
    let held = client.lock(PATH).acquire().await.expect("is free");
    client.ops().delete(held.path(), None).await.expect("deletes");
    let lost = Error::LockLost { epoch: Epoch::FIRST, certain: true };
    assert_eq!(held.release().await, Err(lost));
}

#[tokio::test]
async fn who_adopts_the_znode_takes_the_lock_away_and_keeps_it() {
    let server = server();
    let (client, heir) = (client(&server).await, client(&server).await);
    let held = client.lock(PATH).acquire().await.expect("is free");
    let credentials = client.session().credentials().expect("connected");
    heir.adopt(held.path(), credentials).await.expect("adopts");
    let lost = Error::LockLost { epoch: Epoch::FIRST, certain: true };
    assert_eq!(soon(held.lost(LossPoint::Jeopardy)).await, lost);
    assert!(!held.is_held());
    let path = held.path().to_owned();
    drop(held);
    client.ops().sync("/").await.expect("what was sent before is done");
    assert!(heir.ops().exists(&path).await.expect("answers").is_some(), "it is the heir's");
}

#[tokio::test]
async fn who_deletes_the_znode_takes_the_lock_away() {
    let server = server();
    let (client, operator) = (client(&server).await, client(&server).await);
    let held = client.lock(PATH).acquire().await.expect("is free");
    // A change of the data takes nothing away, but from transactions that were promised the old ones.
    operator.ops().set(held.path(), "mark", None).await.expect("sets");
    let guarded = || client.ops().multi().guard(&held).create("/g", "", CreateMode::Persistent);
    let error = guarded().commit().await.expect_err("another version");
    assert!(matches!(error, Error::Multi { index: 0, .. }), "{error}");
    assert!(held.is_held());
    operator.ops().delete(held.path(), None).await.expect("deletes");
    let lost = Error::LockLost { epoch: Epoch::FIRST, certain: true };
    assert_eq!(soon(held.lost(LossPoint::Jeopardy)).await, lost);
    assert_eq!(soon(held.scope(std::future::pending::<()>())).await, Err(lost.clone()));
    assert_eq!(held.check(), Err(lost.clone()));
    assert_eq!(guarded().commit().await, Err(lost));
    assert_eq!(client.ops().exists("/g").await, Ok(None));
}

#[tokio::test]
async fn an_expired_session_takes_its_lock_with_it_for_ever() {
    let server = server();
    let client = client(&server).await;
    let held = client.lock(PATH).acquire().await.expect("is free");
    let token = held.token();
    let body = held.scope(async {
        expire(&server, &client);
        std::future::pending::<()>().await;
    });
    let lost = Error::LockLost { epoch: Epoch::FIRST, certain: true };
    let error = soon(body).await.expect_err("is lost");
    assert!(matches!(error, Error::LockLost { epoch: Epoch::FIRST, .. }), "{error}");
    assert_eq!(soon(held.lost(LossPoint::Lost)).await, lost);
    soon(client.connected()).await.expect("in the next epoch");
    assert!(!held.is_held(), "it is not revived");
    assert_eq!(held.release().await, Err(lost));
    let again = soon(client.lock(PATH).acquire()).await.expect("is free");
    assert!(again.token() > token);
    assert_eq!(again.session().epoch(), Epoch(2));
}

#[tokio::test]
async fn a_guarded_transaction_is_over_with_its_session() {
    let server = server();
    let client = client(&server).await;
    let held = client.lock(PATH).acquire().await.expect("is free");
    let guarded = |path| client.ops().multi().guard(&held).create(path, "", CreateMode::Persistent);
    assert_eq!(guarded("/a").commit().await.expect("is held").len(), 2);
    expire(&server, &client);
    soon(held.lost(LossPoint::Lost)).await;
    let error = guarded("/b").commit().await.expect_err("is over");
    assert!(matches!(error, Error::SessionLost { epoch: Epoch::FIRST, .. }), "{error}");
    assert_eq!(error.outcome(), Outcome::NotApplied);
    assert_eq!(client.ops().exists("/b").await, Ok(None));
}

#[tokio::test]
async fn a_guard_holds_for_its_client_and_below_its_chroot() {
    let server = server();
    let (one, other) = (client(&server).await, client(&server).await);
    let held = one.lock("/app/lock").acquire().await.expect("is free");
    let foreign = other.ops().multi().guard(&held).commit().await;
    assert!(matches!(foreign, Err(Error::Invalid(_))));
    let app = one.chroot("/app").expect("is valid");
    app.ops().multi().guard(&held).commit().await.expect("names it in its own way");
    let elsewhere = one.chroot("/ap").expect("is valid");
    assert!(matches!(elsewhere.ops().multi().guard(&held).commit().await, Err(Error::Invalid(_))));
    let below = app.lock("/lock2").acquire().await.expect("is free");
    one.ops().multi().guard(&below).commit().await.expect("and the other way round");
}

#[tokio::test]
async fn a_waiter_whose_session_ends_starts_again_at_the_end_of_the_line() {
    let server = server();
    let (holder, waiter, late) =
        (client(&server).await, client(&server).await, client(&server).await);
    let held = holder.lock(PATH).acquire().await.expect("is free");
    let wait = |client: &Client, who: &'static str| {
        let lock = client.lock(PATH).identifier(who);
        tokio::spawn(async move { lock.acquire().await })
    };
    let waiting = wait(&waiter, "waiter");
    until_waiting(&holder, PATH, 2).await;
    let last = wait(&late, "late");
    until_waiting(&holder, PATH, 3).await;
    expire(&server, &waiter);
    let line = || async { holder.lock(PATH).contenders().await.expect("reads") };
    soon(async { while line().await != ["", "late", "waiter"] {} }).await;
    held.release().await.expect("releases");
    let second = soon(last).await.expect("runs").expect("acquires");
    second.release().await.expect("releases");
    let third = soon(waiting).await.expect("runs").expect("acquires");
    assert_eq!(third.session().epoch(), Epoch(2));
    assert!(third.is_held() && third.token() > second.token());
}

#[tokio::test]
async fn a_client_that_only_resumes_does_not_wait_in_another_session() {
    let server = server();
    let holder = client(&server).await;
    let held = holder.lock(PATH).acquire().await.expect("is free");
    let builder = builder(&server.hosts()).recovery(Recovery::ResumeOnly);
    let waiter = builder.connect().await.expect("connects");
    let lock = waiter.lock(PATH);
    let waiting = tokio::spawn(async move { lock.acquire().await });
    until_waiting(&holder, PATH, 2).await;
    expire(&server, &waiter);
    let error = soon(waiting).await.expect("runs").expect_err("is finished");
    assert!(matches!(error, Error::SessionLost { .. }), "{error}");
    until_waiting(&holder, PATH, 1).await;
    assert!(held.is_held());
}

#[tokio::test]
async fn a_waiter_whose_znode_is_deleted_starts_again() {
    let server = server();
    let (holder, waiter) = (client(&server).await, client(&server).await);
    let held = holder.lock(PATH).acquire().await.expect("is free");
    let lock = waiter.lock(PATH);
    let waiting = tokio::spawn(async move { lock.acquire().await });
    until_waiting(&holder, PATH, 2).await;
    let names = holder.ops().children(PATH).await.expect("lists").names;
    let theirs = names.into_iter().find(|name| !held.path().ends_with(name.as_str()));
    let theirs = format!("{PATH}/{}", theirs.expect("the waiter's"));
    holder.ops().delete(&theirs, None).await.expect("deletes");
    until_waiting(&holder, PATH, 2).await;
    held.release().await.expect("releases");
    assert!(soon(waiting).await.expect("runs").expect("acquires").is_held());
}

#[tokio::test]
async fn a_lost_connection_takes_no_lock_away() {
    let server = server();
    let (client, other) = (client(&server).await, client(&server).await);
    let held = client.lock(PATH).acquire().await.expect("is free");
    let lock = other.lock(PATH);
    let waiting = tokio::spawn(async move { lock.acquire().await });
    until_waiting(&client, PATH, 2).await;
    for cut in [&client, &other] {
        assert!(server.drop_connection(cut.session().id().0));
        soon(cut.ops().sync("/")).await.expect("again");
    }
    assert!(held.is_held() && !waiting.is_finished());
    held.release().await.expect("releases");
    assert!(soon(waiting).await.expect("runs").expect("acquires").is_held());
}

#[tokio::test]
async fn in_jeopardy_a_lock_is_in_doubt_and_may_come_back() {
    let server = server();
    let proxy = Proxy::to(server.addr());
    let client = builder(&proxy.hosts())
        .session_timeout(Duration::from_secs(4))
        .safety_margin(Duration::from_millis(3_500))
        .connect()
        .await
        .expect("connects");
    let held = client.lock(PATH).acquire().await.expect("is free");
    let mut states = client.states();
    until(&mut states, State::Connected).await;
    proxy.refuse(true);
    proxy.cut();
    let doubt = Error::LockLost { epoch: Epoch::FIRST, certain: false };
    // One body stops where the lock may be lost, the other goes on until it is.
    let stopped = held.scope(std::future::pending::<()>());
    assert_eq!(soon(stopped).await, Err(doubt.clone()));
    assert_eq!(held.check(), Err(doubt.clone()));
    assert_eq!(soon(held.lost(LossPoint::Jeopardy)).await, doubt);
    assert!(!held.is_held());
    let through = held.scope_until(LossPoint::Lost, async {
        proxy.refuse(false);
        until(&mut states, State::Connected).await;
        "through"
    });
    assert_eq!(soon(through).await, Ok("through"));
    assert!(held.is_held(), "the same session came back, so nobody else had it");
}

#[tokio::test]
async fn readers_share_and_writers_do_not() {
    let server = server();
    let (one, other) = (client(&server).await, client(&server).await);
    let (reader, writer) = (one.rw_lock(PATH).read(), other.rw_lock(PATH).write());
    let first = reader.acquire().await.expect("is free");
    let second = other.rw_lock(PATH).read().acquire().await.expect("shares");
    assert!(first.is_held() && second.is_held() && second.token() > first.token());
    assert!(writer.try_acquire().await.expect("answers").is_none());
    let waiting = {
        let writer = writer.clone();
        tokio::spawn(async move { writer.acquire().await })
    };
    until_waiting(&one, PATH, 3).await;
    assert!(reader.try_acquire().await.expect("answers").is_none(), "nobody overtakes a writer");
    first.release().await.expect("releases");
    assert!(!waiting.is_finished(), "one reader is left");
    second.release().await.expect("releases");
    let written = soon(waiting).await.expect("runs").expect("acquires");
    assert!(reader.try_acquire().await.expect("answers").is_none());
    written.release().await.expect("releases");
    assert!(soon(reader.acquire()).await.expect("acquires").is_held());
}

#[tokio::test]
async fn what_is_held_keeps_its_client_open() {
    let server = server();
    let held = client(&server).await.lock(PATH).acquire().await.expect("is free");
    let witness = client(&server).await;
    assert!(held.is_held());
    assert!(witness.ops().exists(held.path()).await.expect("answers").is_some());
    drop(held);
    until_waiting(&witness, PATH, 0).await;
}

#[tokio::test]
async fn intervals_of_certain_holding_never_overlap() {
    let server = server();
    let (mut tasks, inside) = (Vec::new(), std::sync::Arc::new(std::sync::Mutex::new(0_i64)));
    for number in 0..4 {
        let (client, inside) = (client(&server).await, inside.clone());
        let lock: Lock = client.lock(PATH);
        tasks.push(tokio::spawn(async move {
            for round in 0..15 {
                let held: Held = lock.acquire().await.expect("acquires");
                let token = held.token().0;
                {
                    let mut last = inside.lock().expect("not poisoned");
                    assert!(token > *last, "{number} in round {round}: granted in order");
                    *last = token;
                }
                let guarded = client.ops().multi().guard(&held);
                guarded.commit().await.expect("is held");
                assert!(held.is_held());
                assert_eq!(*inside.lock().expect("not poisoned"), token, "nobody came in");
                held.release().await.expect("releases");
            }
        }));
    }
    for task in tasks {
        soon(task).await.expect("no assertion failed");
    }
}
