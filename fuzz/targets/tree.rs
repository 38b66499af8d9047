//! Structured random transactions: every byte is a decision of the script that the tests of the engine
//! use, and engine and naive model have to agree after each transaction, on every answer, every event
//! and every number of every znode.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tenure::engine::model::run;
use tenure::engine::{Batch, Engine, EngineOptions, Rules};

/// Transactions of one input at most.
const MOST: usize = 400;

fuzz_target!(|input: &[u8]| {
    let (engine, txns) = run(input, MOST);
    if cfg!(feature = "planted") {
        planted(&engine);
    }
    let batch = Batch { epoch: 0, rules: Rules::default(), txns };
    let logged = Batch::decode(batch.encode()).expect("what was written is read");
    let mut replayed = Engine::new(EngineOptions { hash_seed: 99, ..EngineOptions::default() });
    for txn in &logged.txns {
        let _ = replayed.apply(txn);
    }
    let what = |engine: &Engine| (engine.digest(), engine.last_zxid(), engine.node_count());
    assert_eq!(what(&replayed), what(&engine), "a replay comes to another state");
});

/// A bug that takes two creates, one below the other, of names that have to be chosen.
fn planted(engine: &Engine) {
    let is_there = engine.znodes().any(|(path, _)| path == "/c/a");
    assert!(!is_there, "planted");
}
