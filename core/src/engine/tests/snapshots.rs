//! Snapshots on a disk: taken beside a writer, loaded, and passed over where they are broken.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;

use super::*;
use crate::engine::model::{Random, digest, run};
use crate::engine::snapshots::{NotTaken, Unloadable, load, load_newest, save, take};
use crate::log::Disk;
use crate::log::sim::{Failing, SimDisk};
use crate::log::snapshot::tests::{CALLS, head};
use crate::log::snapshot::{self, Head};

fn head_of(engine: &Engine) -> Head {
    Head { zxid: engine.last_zxid(), ..head(engine.last_zxid().0 as u64) }
}

fn state(seed: u64) -> Engine {
    run(Random(seed), 300).0
}

fn options() -> EngineOptions {
    EngineOptions { hash_seed: 31, ..EngineOptions::default() }
}

#[test]
fn what_was_taken_is_loaded() {
    let disk = SimDisk::new();
    for seed in 1..=5 {
        let mut engine = state(seed);
        let head = head_of(&engine);
        let taken = save(&mut engine, &disk, |_| head.clone()).unwrap();
        assert_eq!(taken.items as usize, engine.node_count() + engine.registry().len());
        let (loaded, summary) = load(&disk, &taken.name, options()).unwrap();
        assert_eq!((&summary, &summary.head), (&taken, &head));
        assert_eq!(digest(&loaded), digest(&engine));
        assert_eq!(loaded.digest(), engine.digest());
        let password = |engine: &Engine| -> Vec<_> {
            engine.registry().iter().map(|(id, registered)| (id, registered.clone())).collect()
        };
        assert_eq!(password(&loaded), password(&engine));
        loaded.check();
        disk.put(&taken.name, &[]);
    }
}

/// The writer goes on in a thread of its own all the while.
#[test]
fn i13_a_snapshot_taken_beside_a_writer_is_of_the_moment_it_says() {
    let (_, txns) = run(Random(9), 4_000);
    let disk = SimDisk::new();
    let engine = RwLock::new(Engine::new(EngineOptions::default()));
    let is_over = AtomicBool::new(false);
    let mut taken = Vec::new();
    std::thread::scope(|threads| {
        threads.spawn(|| {
            for txn in &txns {
                let _ = engine.write().apply(txn);
            }
            is_over.store(true, Ordering::Release);
        });
        loop {
            let is_last = is_over.load(Ordering::Acquire);
            taken.push(take(&engine, &disk, &AtomicBool::new(false), head_of).unwrap());
            if is_last {
                break;
            }
        }
    });
    let mut stopped = Engine::new(EngineOptions::default());
    for summary in &taken {
        for txn in &txns[stopped.last_zxid().0 as usize..summary.head.zxid.0 as usize] {
            let _ = stopped.apply(txn);
        }
        let (loaded, _) = load(&disk, &summary.name, options()).unwrap();
        assert_eq!(digest(&loaded), digest(&stopped), "{}", summary.name);
    }
    assert_eq!(stopped.last_zxid().0, 4_000, "the last one is of the end");
}

#[test]
fn whatever_fails_the_engine_goes_on_and_older_snapshots_stay() {
    let mut failed = 0;
    let mut engine = state(2);
    for call in CALLS {
        for k in 1.. {
            let disk = SimDisk::new();
            let before = save(&mut engine, &disk, head_of).unwrap();
            let expected = digest(&engine);
            let _ = engine.apply(&txn_of(Change::Reap { path: "/none".into() }));
            let calls = disk.calls(call);
            disk.fail(call, k, Failing::Error(io::ErrorKind::Other));
            let saved = save(&mut engine, &disk, head_of);
            if disk.calls(call) < calls + k {
                assert!(saved.is_ok());
                break;
            }
            failed += 1;
            assert!(matches!(saved, Err(NotTaken::Unwritten(_))));
            assert_eq!(engine.set_aside(), (0, 0));
            let kept = snapshot::keep(&disk, 2).unwrap();
            assert!(kept.broken.is_empty());
            assert_eq!(kept.whole.last().unwrap().name, before.name);
            let (loaded, _) = load(&disk, &before.name, options()).unwrap();
            assert_eq!(digest(&loaded), expected);
            // The next one succeeds.
            save(&mut engine, &disk, head_of).unwrap();
        }
    }
    assert!(failed > 8, "{failed} calls failed");
}

fn txn_of(change: Change) -> Txn {
    Txn { at: WallMillis(1), session: SessionId::NONE, identities: Arc::from([]), change }
}

#[test]
fn one_that_is_wanted_no_more_leaves_nothing() {
    let disk = SimDisk::new();
    let engine = RwLock::new(state(1));
    let stopped = take(&engine, &disk, &AtomicBool::new(true), head_of);
    assert!(matches!(stopped, Err(NotTaken::Abandoned)));
    assert!(disk.list().unwrap().is_empty());
    assert!(take(&engine, &disk, &AtomicBool::new(false), head_of).is_ok());
}

#[test]
fn every_flipped_byte_and_every_prefix_of_a_snapshot_is_refused() {
    let disk = SimDisk::new();
    let mut engine = state(4);
    let name = save(&mut engine, &disk, head_of).unwrap().name;
    let whole = disk.content(&name).unwrap();
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (place % 8);
        disk.put(&name, &bytes);
        assert!(load(&disk, &name, options()).is_err(), "byte {place}");
        disk.put(&name, &whole[..place]);
        assert!(load(&disk, &name, options()).is_err(), "{place} bytes");
    }
}

#[test]
fn the_newest_that_can_be_loaded_is() {
    let disk = SimDisk::new();
    let (_, txns) = run(Random(6), 300);
    let mut engine = Engine::new(EngineOptions::default());
    let mut states = Vec::new();
    for part in txns.chunks(100) {
        part.iter().for_each(|txn| drop(engine.apply(txn)));
        let name = save(&mut engine, &disk, head_of).unwrap().name;
        states.push((name, digest(&engine)));
    }
    let newest = load_newest(&disk, &options()).unwrap();
    assert_eq!(digest(&newest.loaded.unwrap().0), states[2].1);
    assert!(newest.passed_over.is_empty());
    disk.put(&states[2].0, &disk.content(&states[2].0).unwrap()[..100]);
    let newest = load_newest(&disk, &options()).unwrap();
    let (loaded, summary) = newest.loaded.unwrap();
    assert_eq!((digest(&loaded), &summary.name), (states[1].1.clone(), &states[1].0));
    assert_eq!(newest.passed_over[0].0.name, states[2].0);
    assert!(matches!(newest.passed_over[0].1, Unloadable::File(_)));
    for (name, _) in &states {
        disk.put(name, &[]);
    }
    let newest = load_newest(&disk, &options()).unwrap();
    assert!(newest.loaded.is_none() && newest.passed_over.len() == 3);
}

/// Every checksum is right, and the content is of another moment than the file says.
#[test]
fn a_whole_file_with_an_impossible_state_is_refused() {
    let disk = SimDisk::new();
    let mut engine = state(4);
    let mut scan = engine.begin_scan();
    let mut image = Vec::new();
    while engine.scan_step(&mut scan, Budget::default(), &mut image) == Progress::More {}
    let write = |index, items, image: &[u8]| {
        let mut writer = snapshot::SnapshotWriter::create(&disk, &head(index)).unwrap();
        writer.write(image).unwrap();
        writer.finish(items).unwrap().name
    };
    let items = (engine.node_count() + engine.registry().len()) as u64;
    for name in [write(7, items, &image), write(30, items + 1, &image), write(30, 0, b"")] {
        let refused = load(&disk, &name, options()).err().expect("it is refused");
        let Unloadable::State { file, .. } = &refused else { panic!("{refused}") };
        assert_eq!(*file, format!("/sim/{name}"));
    }
    assert!(load(&disk, &write(30, items, &image), options()).is_ok());
}
