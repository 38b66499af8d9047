//! What a znode costs in memory. In a file of its own, so that nothing else runs in the process.
#![cfg(target_os = "linux")]

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tenure::base::{Acl, CreateMode, Millis, Password, SessionId, WallMillis};
use tenure::engine::{Change, Engine, EngineOptions, Txn};
use tenure::wire::{Create, Request};

const ZNODES: usize = 1_000_000;
const DATA: usize = 100;
const CEILING: usize = 350;

/// Bytes of memory the process occupies.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("procfs is mounted");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("it has a size");
    let kilobytes = line.split_whitespace().nth(1).expect("a number follows");
    kilobytes.parse::<usize>().expect("it is a number") * 1024
}

#[test]
fn a_znode_of_100_bytes_costs_less_than_350() {
    let mut engine = Engine::new(EngineOptions::default());
    let session = SessionId(1);
    let mut apply = |change| {
        let identities = Arc::from([]);
        let effects = engine.apply(&Txn { at: WallMillis(1), session, identities, change });
        assert!(effects.result.is_ok(), "{:?}", effects.result);
    };
    let password = Password::default();
    apply(Change::CreateSession { id: session, timeout: Millis(10_000), password });
    let mut create = |path: String| {
        let data = Some(Bytes::from_static(&[7; DATA]));
        let mode = CreateMode::Persistent;
        apply(Change::Request(Request::Create(Create::new(path, data, Acl::open_unsafe(), mode))));
    };
    let before = resident();
    let started = Instant::now();
    // A thousand branches with all the others below them, at depth three.
    create("/load".into());
    for branch in 0..1_000 {
        create(format!("/load/branch-{branch}"));
    }
    for number in 0..ZNODES - 1_001 {
        create(format!("/load/branch-{}/znode-{number:07}", number % 1_000));
    }
    let took = started.elapsed();
    let each = (resident() - before) / ZNODES;
    println!("{each} bytes per znode of {DATA} bytes, {ZNODES} created in {took:?}");
    assert_eq!(engine.node_count(), ZNODES + 4);
    assert!(each > DATA, "the measurement is of what it says: {each}");
    assert!(each < CEILING, "{each} bytes per znode");
}
