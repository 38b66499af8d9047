//! A server with a data directory, as the program that embeds it sees it.

use std::path::Path;
use std::time::Duration;

use tenure::base::mode::Ttl;
use tenure::blocking::Client;
use tenure::server::{Clock, Server, ServerBuilder, SnapshotError, StartError};
use tenure::{Code, CreateMode, Recovery};

fn durable(directory: &Path) -> ServerBuilder {
    Server::builder().data_dir(directory)
}

fn connect(server: &Server) -> Client {
    Client::connect(&server.hosts()).expect("the server answers")
}

#[test]
fn z10_z73_what_was_acknowledged_is_there_after_a_restart_with_every_stat() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = durable(directory.path()).start().expect("a server");
    let client = connect(&server);
    let ops = client.ops();
    ops.create("/a", "one", CreateMode::Persistent).expect("created");
    ops.set("/a", "two", None).expect("set");
    ops.create("/a/n-", "", CreateMode::PersistentSequential).expect("created");
    ops.create("/a/gone", "", CreateMode::Persistent).expect("created");
    ops.delete("/a/gone", None).expect("deleted");
    let before = ops.get("/a").expect("there");
    client.close().expect("closed");
    server.shutdown();

    let server = durable(directory.path()).start().expect("the same directory");
    let client = connect(&server);
    assert_eq!(client.ops().get("/a").expect("still there"), before, "Z-73");
    let next = client.ops().create("/a/n-", "", CreateMode::PersistentSequential);
    assert_eq!(next.expect("created").path, "/a/n-0000000002", "the count goes on");
}

#[test]
fn s38_a_restart_keeps_port_data_and_sessions() {
    let directory = tempfile::tempdir().expect("a directory");
    for builder in [durable(directory.path()), Server::builder()] {
        let mut server = builder.start().expect("a server");
        let owner = connect(&server);
        owner.ops().create("/held", "mine", CreateMode::Ephemeral).expect("created");
        let (port, session) = (server.port(), owner.session().id());
        server.restart().expect("it starts again");
        assert_eq!(server.port(), port);
        assert_eq!(server.sessions(), [session.0]);
        assert_eq!(owner.ops().get("/held").expect("still held").data, "mine");
        assert_eq!(owner.session().id(), session, "the same session, resumed");
    }
}

#[test]
fn s39_s43_a_session_that_does_not_come_back_expires_a_full_timeout_after_the_start() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = durable(directory.path()).start().expect("a server");
    let owner = Client::builder(server.hosts())
        .session_timeout(Duration::from_secs(8))
        .recovery(Recovery::ResumeOnly)
        .connect_blocking(None);
    let owner = owner.expect("connected");
    owner.ops().create("/held", "", CreateMode::Ephemeral).expect("created");
    let session = owner.session().id();
    server.shutdown();
    drop(owner);

    let server = durable(directory.path()).clock(Clock::manual()).start().expect("a server");
    assert_eq!(server.sessions(), [session.0], "S-40");
    server.advance(Duration::from_millis(7_999));
    assert_eq!(server.sessions(), [session.0]);
    server.advance(Duration::from_millis(1));
    assert_eq!(server.sessions(), []);
    let witness = connect(&server);
    assert!(witness.ops().exists("/held").expect("an answer").is_none(), "it went along");
}

#[test]
fn a_directory_is_not_begun_where_there_is_no_room_and_goes_on_where_there_was() {
    let directory = tempfile::tempdir().expect("a directory");
    let full = || durable(directory.path()).least_free(u64::MAX).start();
    let Err(StartError::DataDir(why)) = full() else { panic!("it began without room") };
    assert!(why.contains("bytes free, and a new data directory needs"), "{why}");
    durable(directory.path()).start().expect("there is room").shutdown();
    let server = full().expect("what is there can be read, and taken away");
    let refused = connect(&server).ops().create("/more", "", CreateMode::Persistent);
    assert_eq!(refused.expect_err("there is no room").code(), Some(Code::NotReadOnly));
}

#[test]
fn containers_and_ttl_znodes_come_due_after_a_restart_as_before() {
    let directory = tempfile::tempdir().expect("a directory");
    let manual = || durable(directory.path()).clock(Clock::manual()).start().expect("a server");
    let server = manual();
    let client = connect(&server);
    let ops = client.ops();
    for path in ["/used", "/full"] {
        ops.create(path, "", CreateMode::Container).expect("created");
        ops.create(&format!("{path}/child"), "", CreateMode::Persistent).expect("created");
    }
    ops.delete("/used/child", None).expect("deleted");
    let brief = Ttl::new(5_000).expect("in range");
    ops.create("/brief", "", CreateMode::Ttl(brief)).expect("created");
    let long = Ttl::new(500_000).expect("in range");
    ops.create("/long", "", CreateMode::Ttl(long)).expect("created");
    client.close().expect("closed");
    server.shutdown();

    let server = manual();
    server.advance(Duration::from_secs(61));
    let client = connect(&server);
    let is_there = |path| client.ops().exists(path).expect("an answer").is_some();
    let there = ["/used", "/full", "/brief", "/long"].map(is_there);
    assert_eq!(there, [false, true, false, true]);
}

#[test]
fn a_refused_directory_is_left_alone_and_the_way_out_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    durable(directory.path()).start().expect("a new directory").shutdown();
    let log = directory.path().join("log-0000000000000001");
    std::fs::remove_file(&log).expect("it is there");
    let Err(error @ StartError::Recovery(_)) = durable(directory.path()).start() else {
        panic!("it started")
    };
    let why = error.to_string();
    assert!(why.contains(&log.display().to_string()), "{why}");
    assert!(why.contains("nothing was changed") && why.contains("tenure verify"), "{why}");
}

#[test]
fn a_second_server_is_kept_out_and_told_by_whom() {
    let directory = tempfile::tempdir().expect("a directory");
    let first = durable(directory.path()).start().expect("a server");
    let Err(StartError::DataDir(why)) = durable(directory.path()).start() else {
        panic!("two servers on one directory")
    };
    assert!(why.contains(&std::process::id().to_string()), "{why}");
    assert!(why.contains(&directory.path().display().to_string()), "{why}");
    first.shutdown();
    durable(directory.path()).start().expect("the first one is gone");
}

#[test]
fn a_snapshot_and_the_log_behind_it_are_the_state() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = durable(directory.path()).start().expect("a server");
    let client = connect(&server);
    client.ops().create("/before", "", CreateMode::Persistent).expect("created");
    let file = server.snapshot().expect("a snapshot");
    assert!(file.starts_with(directory.path()) && file.is_file());
    client.ops().create("/after", "", CreateMode::Persistent).expect("created");
    drop(client);
    server.shutdown();
    let server = durable(directory.path()).start().expect("a server");
    let client = connect(&server);
    for path in ["/before", "/after"] {
        assert!(client.ops().exists(path).expect("an answer").is_some(), "{path}");
    }
}

#[test]
fn snapshots_come_by_themselves_and_the_old_ones_go() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = durable(directory.path()).snapshot_after_txns(50).snapshots_kept(2).start();
    let server = server.expect("a server");
    let client = connect(&server);
    client.ops().create("/a", "", CreateMode::Persistent).expect("created");
    let snapshots = || {
        let files = std::fs::read_dir(directory.path()).expect("a directory");
        let names = files.map(|file| file.expect("a file").file_name().into_string());
        let mut names: Vec<String> = names.map(|name| name.expect("a name")).collect();
        names.retain(|name| name.starts_with("snapshot-") && !name.ends_with(".aside"));
        names.sort();
        names
    };
    let mut seen = std::collections::BTreeSet::new();
    let until = std::time::Instant::now() + Duration::from_secs(30);
    while seen.len() < 4 {
        assert!(std::time::Instant::now() < until, "snapshots do not come: {seen:?}");
        client.ops().set("/a", "again", None).expect("set");
        seen.extend(snapshots());
    }
    drop(client);
    server.shutdown();
    assert!(snapshots().len() <= 3, "two are kept, and one may have come since: {:?}", snapshots());
}

#[test]
fn z64_what_is_on_disk_is_read_whatever_requests_may_be_now() {
    let directory = tempfile::tempdir().expect("a directory");
    let long = vec![7; 600_000];
    let server = durable(directory.path()).start().expect("a server");
    connect(&server).ops().create("/long", long.clone(), CreateMode::Persistent).expect("created");
    server.shutdown();
    for _ in 0..2 {
        let server = durable(directory.path()).max_frame(1_000).start().expect("a server");
        assert_eq!(connect(&server).ops().get("/long").expect("there").data, long);
        server.snapshot().expect("a snapshot");
    }
}

#[test]
fn a_server_in_memory_says_that_it_has_no_snapshots() {
    let server = Server::builder().start().expect("a server");
    assert!(matches!(server.snapshot(), Err(SnapshotError::InMemory)));
    assert_eq!(server.failure(), None);
}

fn snapshots_in(directory: &Path) -> Vec<String> {
    let files = std::fs::read_dir(directory).expect("a directory");
    let names = files.map(|file| file.expect("a file").file_name().into_string());
    let mut names: Vec<String> = names.map(|name| name.expect("a name")).collect();
    names.retain(|name| name.starts_with("snapshot-") && !name.ends_with(".aside"));
    names.sort();
    names
}

#[test]
fn a_directory_stays_where_it_is_when_the_process_goes_elsewhere() {
    let (here, there) = (tempfile::tempdir(), tempfile::tempdir());
    let (here, there) = (here.expect("a directory"), there.expect("a directory"));
    std::env::set_current_dir(here.path()).expect("it exists");
    let mut server = durable(Path::new("data")).start().expect("a server");
    std::env::set_current_dir(there.path()).expect("it exists");
    connect(&server).ops().create("/a", "", CreateMode::Persistent).expect("created");
    let file = server.snapshot().expect("a snapshot");
    assert!(file.is_absolute() && file.is_file(), "{file:?}");
    server.restart().expect("the same directory");
    assert!(connect(&server).ops().exists("/a").expect("an answer").is_some());
    assert_eq!(std::fs::read_dir(there.path()).expect("a directory").count(), 0);
}

#[test]
fn transactions_of_before_a_restart_count_for_the_next_snapshot() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut server = durable(directory.path()).snapshot_after_txns(50).start().expect("a server");
    for _ in 0..2 {
        assert_eq!(snapshots_in(directory.path()), [] as [String; 0]);
        let client = connect(&server);
        client.ops().create("/a", "", CreateMode::Persistent).ok();
        for _ in 0..29 {
            client.ops().set("/a", "", None).expect("set");
        }
        client.close().expect("closed");
        server.restart().expect("it starts again");
    }
    let until = std::time::Instant::now() + Duration::from_secs(30);
    while snapshots_in(directory.path()).is_empty() {
        assert!(std::time::Instant::now() < until, "60 transactions, and no snapshot");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_snapshot_of_another_directory_is_not_taken_for_ones_own() {
    let (own, other) = (tempfile::tempdir(), tempfile::tempdir());
    let (own, other) = (own.expect("a directory"), other.expect("a directory"));
    let server = durable(own.path()).start().expect("a server");
    connect(&server).ops().create("/own", "", CreateMode::Persistent).expect("created");
    server.shutdown();
    let server = durable(other.path()).start().expect("a server");
    let client = connect(&server);
    (0..9).for_each(|n| {
        client.ops().create(&format!("/{n}"), "", CreateMode::Persistent).expect("created");
    });
    let foreign = server.snapshot().expect("a snapshot");
    server.shutdown();
    let name = foreign.file_name().expect("a name");
    std::fs::copy(&foreign, own.path().join(name)).expect("copied");
    let server = durable(own.path()).start().expect("the log has everything");
    let client = connect(&server);
    assert!(client.ops().exists("/own").expect("an answer").is_some());
    assert!(client.ops().exists("/1").expect("an answer").is_none());
}
