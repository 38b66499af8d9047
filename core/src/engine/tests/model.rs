//! Random transactions against the naive model.

use std::collections::BTreeMap;

use super::*;
use crate::engine::model::{Random, digest, run};

/// The engine agrees with the model at every step, and the same transactions on another engine, with
/// another hash, lead to the same state (I1).
fn agree(seed: u64) {
    let started = std::time::Instant::now();
    let (engine, txns) = run(Random(seed), 15_000);
    let agreed = started.elapsed();
    let mut replayed = Engine::new(EngineOptions { hash_seed: 99, ..Default::default() });
    replayed.keep_digests();
    let mut noted = Vec::new();
    let mut outcomes: BTreeMap<Option<Code>, usize> = BTreeMap::new();
    // What is replayed went through the bytes of the log.
    let logged = txns.chunks(7).flat_map(|txns| {
        let batch = Batch { epoch: 0, rules: Rules::default(), txns: txns.to_vec() };
        let read = Batch::decode(batch.encode()).expect("what was written can be read");
        assert_eq!(read.encode(), batch.encode());
        read.txns
    });
    for txn in logged {
        let result = replayed.apply(&txn).result;
        if replayed.last_zxid().0 % 128 == 0 {
            noted.push((replayed.last_zxid(), replayed.digest()));
        }
        let failure = match result {
            Ok(Reply::Multi(results)) => match results.first() {
                Some(MultiResult::Failed(number)) => Some(Code::Other(*number)),
                _ => None,
            },
            other => other.err(),
        };
        *outcomes.entry(failure).or_default() += 1;
    }
    assert_eq!(digest(&replayed), digest(&engine), "I1");
    assert_eq!(replayed.last_zxid(), engine.last_zxid());
    assert_eq!(replayed.kept_digest(), Some(engine.digest()), "the digest is kept up");
    assert!(noted.len() > 100 && replayed.digests().eq(noted), "what was noted is what was");
    println!("seed {seed}: {} transactions in {agreed:?}: {outcomes:?}", txns.len());
    assert!(outcomes[&None] > 4_000, "the script is worth running: {outcomes:?}");
}

#[test]
fn the_engine_agrees_with_a_naive_model_seed_1() {
    agree(1);
}

#[test]
fn the_engine_agrees_with_a_naive_model_seed_2() {
    agree(2);
}

#[test]
fn the_engine_agrees_with_a_naive_model_seed_3() {
    agree(3);
}

#[test]
fn the_engine_agrees_with_a_naive_model_seed_4() {
    agree(4);
}
