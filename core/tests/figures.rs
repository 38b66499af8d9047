//! What `mntr` counts of requests and connections, under ZooKeeper's names and with their meaning there.

mod support;

use std::time::Instant;

use support::PATIENCE;
use tenure::server::{Server, ServerBuilder};
use tenure_tests::apache::four_letter_word;
use tenure_tests::session::Session;

fn figure(server: &Server, name: &str) -> u64 {
    let text = four_letter_word(server.addr(), b"mntr").expect("an answer");
    let mut figures = text.lines().filter_map(|line| line.split_once('\t'));
    let (_, value) = figures.find(|(figure, _)| *figure == name).expect("there is that figure");
    value.parse().expect("a whole number")
}

/// Handshakes are updates too, as in ZooKeeper.
fn counts_reads_and_updates(builder: ServerBuilder) {
    let server = builder.words("*").start().expect("a free port");
    let mut session = Session::new(server.addr());
    for name in ["/a", "/b", "/c"] {
        session.make(name);
    }
    for _ in 0..5 {
        session.get("/a", false).expect("it is there");
    }
    session.set("/a", b"", 7).expect_err("another version");
    assert_eq!(figure(&server, "zk_cnt_updatelatency"), 5);
    assert_eq!(figure(&server, "zk_cnt_readlatency"), 5);
    four_letter_word(server.addr(), b"srst").expect("an answer");
    assert_eq!(figure(&server, "zk_cnt_updatelatency"), 0);
    assert_eq!(figure(&server, "zk_cnt_readlatency"), 0);
    session.ping();
    assert_eq!(figure(&server, "zk_cnt_readlatency"), 1, "a ping needs no transaction");
}

#[test]
fn reads_and_updates_are_counted_apart_in_memory() {
    counts_reads_and_updates(Server::builder());
}

#[test]
fn reads_and_updates_are_counted_apart_on_disk() {
    let directory = tempfile::tempdir().expect("a directory");
    counts_reads_and_updates(Server::builder().data_dir(directory.path()));
}

#[test]
fn every_byte_of_a_frame_counts() {
    let server = Server::builder().start().expect("a free port");
    let mut session = Session::new(server.addr());
    let before = figure(&server, "zk_bytes_received_count");
    session.ping();
    // The frame of a ping with its length, and the word that asked before.
    assert_eq!(figure(&server, "zk_bytes_received_count"), before + 12 + 4);
}

#[test]
fn only_a_client_that_goes_without_a_word_is_a_dropped_connection() {
    let server = Server::builder().start().expect("a free port");
    let gone = Session::new(server.addr());
    Session::new(server.addr()).close();
    assert_eq!(figure(&server, "zk_connection_drop_count"), 0);
    drop(gone);
    let deadline = Instant::now() + PATIENCE;
    while figure(&server, "zk_connection_drop_count") == 0 {
        assert!(Instant::now() < deadline, "the end of the connection is noticed");
    }
    assert_eq!(figure(&server, "zk_connection_drop_count"), 1);
}
