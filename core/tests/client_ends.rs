//! Clients come and go without a trace, and whatever was submitted is answered. Counts the threads and
//! descriptors of its process, so its tests take turns.

mod support;

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use support::PATIENCE;
use tenure::server::Server;
use tenure::{RequestOptions, WatchMode, blocking};

static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(|failed| failed.into_inner())
}

fn count(what: &str) -> usize {
    std::fs::read_dir(format!("/proc/self/{what}")).expect("the system lists them").count()
}

/// Waits until there are no more than so many.
fn falls_to(what: &str, most: usize) {
    let deadline = Instant::now() + PATIENCE;
    while count(what) > most {
        assert!(Instant::now() < deadline, "{} of {what}, {most} before", count(what));
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// One client that does something of everything.
fn live(hosts: &str, round: usize) {
    let client = blocking::Client::connect(hosts).expect("connects");
    client.subscribe(|_| {});
    let watch = client.asynchronous().watch_to("/", WatchMode::Persistent, drop, drop);
    client.asynchronous().submit(
        tenure::wire::Request::Sync { path: "/".into() },
        RequestOptions::new(),
        drop,
    );
    assert_eq!(client.ops().exists("/none"), Ok(None));
    match round % 3 {
        0 => client.close().expect("closes"),
        1 => drop(client.detach().expect("detaches")),
        _ => drop(client),
    }
    drop(watch);
}

#[test]
fn two_hundred_clients_come_and_go_without_a_trace() {
    let _turn = turn();
    let server = Server::builder().max_connections_per_address(0).start().expect("a free port");
    let hosts = server.hosts();
    // The first one starts the thread that all clients share.
    live(&hosts, 0);
    let (threads, files) = settled();
    for round in 0..200 {
        live(&hosts, round);
    }
    falls_to("task", threads);
    falls_to("fd", files);
}

/// Threads and descriptors once those of finished clients are gone.
fn settled() -> (usize, usize) {
    let mut before = (count("task"), count("fd"));
    loop {
        std::thread::sleep(Duration::from_millis(50));
        let now = (count("task"), count("fd"));
        if now == before {
            return now;
        }
        before = now;
    }
}

#[test]
fn what_is_submitted_while_a_client_ends_is_answered() {
    let _turn = turn();
    let server = Server::builder().max_connections_per_address(0).start().expect("a free port");
    for _ in 0..50 {
        let client = blocking::Client::connect(&server.hosts()).expect("connects");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let ops = client.asynchronous().ops();
                    let answers: Vec<_> = (0..300).map(|_| ops.exists("/")).collect();
                    for answer in answers {
                        let answer = blocking::wait_for(answer, PATIENCE);
                        assert!(answer.is_some(), "submitted and never answered");
                    }
                });
            }
            client.clone().detach().expect("detaches");
        });
    }
}
