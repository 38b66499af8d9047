//! A process that was stopped while it held a lock, and goes on: the first thing it is asked is
//! answered with the truth, before any event has told it anything.

mod support;

use std::io::BufRead;
use std::time::{Duration, Instant};

use support::other::{Other, role, say};
use support::soon;
use tenure::Client;
use tenure::server::Server;

const TIMEOUT: Duration = Duration::from_millis(400);

/// The stopped process. Does nothing in the process that runs the tests.
#[tokio::test]
async fn the_holder() {
    let Some((hosts, _)) = role() else { return };
    let client =
        Client::builder(&hosts).session_timeout(TIMEOUT).connect().await.expect("connects");
    assert_eq!(client.session().timeout(), TIMEOUT);
    let lock = client.lock("/lock");
    let held = loop {
        let held = lock.acquire().await.expect("acquires");
        if held.is_held() {
            break held;
        }
    };
    // What a program knows that only remembers.
    let has_acquired = true;
    say("held");
    // This is the only thread that runs the program: nothing is heard of the session meanwhile.
    for line in std::io::stdin().lock().lines() {
        line.expect("a question");
        let is_held = held.is_held();
        let session = held.session();
        let (state, safe_for) = (session.state(), session.safe_for());
        say(&format!("{is_held} {has_acquired} {safe_for:?} {state:?}"));
    }
}

#[tokio::test]
async fn the_first_answer_after_a_stop_is_that_the_lock_is_not_held() {
    let server = Server::builder()
        .tick(TIMEOUT / 4)
        .min_session_timeout(TIMEOUT)
        .start()
        .expect("a free port");
    let hosts = server.hosts();
    let mut holder = Other::start("the_holder", &hosts, "holder");
    assert_eq!(holder.said(), "held");
    holder.signal("-STOP");
    let stopped = Instant::now();
    let contender = Client::builder(&hosts).connect().await.expect("connects");
    let taken = soon(contender.lock("/lock").acquire()).await.expect("it is somebody else's turn");
    // How long it stands still is what is tried here.
    let rest = (TIMEOUT * 10).saturating_sub(stopped.elapsed());
    tokio::time::sleep(rest).await;
    assert!(taken.is_held());
    // The question is there before it goes on, so nothing in it comes first.
    holder.tell("is it yours?");
    holder.signal("-CONT");
    let answer = holder.said();
    let words: Vec<&str> = answer.splitn(4, ' ').collect();
    let [is_held, has_acquired, safe_for, state] = words[..] else { panic!("{answer}") };
    assert_eq!(is_held, "false", "{answer}");
    assert_eq!(safe_for, "None", "{answer}");
    assert!(state == "Jeopardy" || state.starts_with("Lost"), "{answer}");
    assert_eq!(has_acquired, "true", "who only remembers believes it still");
    assert!(taken.is_held());
    taken.release().await.expect("releases");
}
