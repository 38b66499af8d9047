//! An image taken while transactions go on is the state at its beginning, exactly.

use super::*;
use crate::engine::model::{Choices, Random, digest, run};
use crate::session::Registered;
use crate::wire::{Once, Secret};

/// The whole image, its remaining steps taken at once.
fn rest(engine: &Engine, scan: &mut Scan, mut image: Vec<u8>) -> Vec<u8> {
    while engine.scan_step(scan, Budget::default(), &mut image) == Progress::More {}
    image
}

/// The engine that an image makes, fed in pieces of this size.
fn load(image: &[u8], piece: usize) -> Result<Engine, Inconsistent> {
    let mut loader = Loader::new(EngineOptions { hash_seed: 5, ..EngineOptions::default() });
    for piece in image.chunks(piece.max(1)) {
        loader.feed(piece)?;
    }
    loader.finish()
}

fn image(engine: &mut Engine) -> Vec<u8> {
    let mut scan = engine.begin_scan();
    let image = rest(engine, &mut scan, Vec::new());
    drop(engine.end_scan(&scan));
    image
}

/// Applies the transactions, taking images on the way by steps of a few items between them. Returns
/// how many images differ from the state at their beginning.
fn take_images(seed: u64, is_blind: bool) -> usize {
    let (_, txns) = run(Random(seed), 2_500);
    let mut random = Random(seed);
    let mut engine = Engine::new(EngineOptions::default());
    let mut effects = Vec::new();
    let mut wrong = 0;
    let mut next = 0;
    while next < txns.len() {
        let mut expected = digest(&engine);
        let began = next;
        let mut scan = engine.begin_scan();
        if is_blind {
            engine.tree.blind_scan();
        }
        let mut image = Vec::new();
        loop {
            let items = 1 + random.below(4);
            let budget = Budget { items, bytes: 1 + random.below(200) };
            if engine.scan_step(&mut scan, budget, &mut image) == Progress::Done {
                break;
            }
            let count = random.below(4).min(txns.len() - next);
            effects.extend(txns[next..next + count].iter().map(|txn| engine.apply(txn)));
            next += count;
        }
        assert_eq!(engine.set_aside(), (0, 0), "all that was set aside was told");
        drop(engine.end_scan(&scan));
        let restored = load(&image, 1 + random.below(300));
        expected.push_str(&scan.last_zxid().to_string());
        match restored {
            Ok(restored) if digest(&restored) + &restored.last_zxid().to_string() == expected => {
                restored.check();
                continue_alike(restored, &txns[began..next], &effects[began..next]);
            }
            _ => wrong += 1,
        }
        let count = random.below(40).min(txns.len() - next);
        effects.extend(txns[next..next + count].iter().map(|txn| engine.apply(txn)));
        next += count;
    }
    wrong
}

/// What was restored goes on as the engine did that never stopped.
fn continue_alike(mut restored: Engine, txns: &[Txn], effects: &[Effects]) {
    for (txn, expected) in txns.iter().zip(effects) {
        assert_eq!(restored.apply(txn), *expected, "{txn:?}");
    }
    restored.check();
}

#[test]
fn i13_an_image_taken_among_transactions_is_the_state_at_its_beginning() {
    for seed in 1..=6 {
        assert_eq!(take_images(seed, false), 0, "seed {seed}");
    }
}

/// The negative control of the test above.
#[test]
fn without_old_versions_images_are_wrong() {
    assert!((1..=3).all(|seed| take_images(seed, true) > 0));
}

fn write_of(random: &mut Random) -> Request {
    let path = format!("/p{}/c{}", random.below(40), random.below(300));
    let mode = match random.below(8) {
        0 => CreateMode::Ephemeral,
        1 => CreateMode::Container,
        2 => ttl(1_000),
        _ => CreateMode::Persistent,
    };
    let acl = match random.below(4) {
        0 => vec![Acl::new(Perms(random.below(200) as i32 | 31), "world", "anyone")],
        _ => Acl::open_unsafe(),
    };
    let data = Some(Bytes::from(vec![random.below(256) as u8; random.below(300)]));
    match random.below(8) {
        0..=3 => Request::Create(Create::new(path, data, acl, mode)),
        4 => Request::Delete { path, version: -1 },
        5 => Request::SetAcl { path, acl, version: -1 },
        6 => {
            let ops = vec![
                MultiOp::Create(Create::new(path.clone(), data, acl, mode)),
                delete_op(&path),
                create_op(&path),
                set_op(&path, if random.one_in(2) { 0 } else { 7 }),
            ];
            Request::Multi(ops)
        }
        _ => Request::SetData { path, data, version: -1 },
    }
}

/// Transactions on some ten thousand znodes, with sessions coming and going.
fn busy_script(seed: u64, count: usize) -> Vec<Txn> {
    let mut random = Random(seed);
    let identities: Arc<[Identity]> = Arc::from([Identity::new("super", "")]);
    let mut txns = Vec::new();
    let mut push = |session, change| {
        let at = WallMillis(txns.len() as i64);
        txns.push(Txn { at, session, identities: Arc::clone(&identities), change });
    };
    for id in 1..=500 {
        let (timeout, password) = (Millis(id), Password([id as u8; 16]));
        push(
            SessionId::NONE,
            Change::CreateSession { id: SessionId(id.into()), timeout, password },
        );
    }
    for parent in 0..40 {
        let path = format!("/p{parent}");
        let create = Create::new(path, None, Acl::open_unsafe(), CreateMode::Persistent);
        push(SessionId(1), Change::Request(Request::Create(create)));
    }
    for _ in 0..count {
        let session = SessionId(1 + random.below(500) as i64);
        let (timeout, password) = (Millis(9), Password([9; 16]));
        push(
            session,
            match random.below(30) {
                0 => Change::CreateSession { id: session, timeout, password },
                1 if random.one_in(2) => Change::EndSession { id: session, cause: Cause::Closed },
                _ => Change::Request(write_of(&mut random)),
            },
        );
    }
    txns
}

#[test]
fn i13_an_image_of_thousands_of_znodes_is_as_exact() {
    for seed in 1..=2 {
        let txns = busy_script(seed, 25_000);
        let mut random = Random(seed);
        let mut engine = Engine::new(EngineOptions::default());
        let mut stopped = Engine::new(EngineOptions::default());
        let (mut next, mut images, mut busiest) = (0, 0, 0);
        while next < txns.len() {
            let mut scan = engine.begin_scan();
            let mut image = Vec::new();
            let budget = Budget { items: 64, ..Budget::default() };
            txns[stopped.last_zxid().0 as usize..next].iter().for_each(|txn| {
                let _ = stopped.apply(txn);
            });
            while engine.scan_step(&mut scan, budget, &mut image) == Progress::More {
                let upto = txns.len().min(next + random.below(100));
                txns[next..upto].iter().for_each(|txn| {
                    let _ = engine.apply(txn);
                });
                next = upto;
            }
            busiest = busiest.max(engine.end_scan(&scan).peak());
            let restored = load(&image, 4096).unwrap();
            restored.check();
            assert_eq!(digest(&restored), digest(&stopped), "seed {seed}");
            assert_eq!(restored.last_zxid(), stopped.last_zxid());
            images += 1;
        }
        println!("seed {seed}: {images} images, {busiest} versions set aside at most");
        assert!(images > 4 && busiest > 100, "the writer was ahead of the scan now and then");
    }
}

/// What the sessions of an image know, changed at the step `at`: a numbered write, a value that a
/// session binds or unbinds, an end, or a new one.
fn change_a_session(engine: &mut Engine, at: usize) {
    let mut random = Random(at as u64);
    let session = SessionId(1 + random.below(60) as i64);
    let mut apply = |change| {
        let identities = match random.below(3) {
            0 => Arc::from([Identity::new("sasl", "bob")]),
            _ => Arc::from([]),
        };
        let _ = engine.apply(&Txn { at: WallMillis(at as i64), session, identities, change });
    };
    match at % 8 {
        0 => apply(Change::CreateSession {
            id: session,
            timeout: Millis(at as u32),
            password: Password([9; 16]),
        }),
        1 => apply(Change::EndSession { id: session, cause: Cause::Closed }),
        2 => {
            let password = Secret(Bytes::from_static(&[9; 16]));
            apply(Change::Request(Request::Fence { session: SessionId(7), password }));
        }
        3..6 => {
            let mode = CreateMode::PersistentSequential;
            let create = Create::new("/n".into(), None, Acl::open_unsafe(), mode);
            let request = Request::Create(create);
            let (number, answered) = (at as i64, at as i64 - 2_000);
            apply(Change::Request(Request::Once(Box::new(Once { number, answered, request }))));
        }
        _ => {
            let zxid = engine.last_zxid();
            let Some(registered) = engine.registry.get_mut(session) else { return };
            let value = crate::session::data::Value {
                data: Some(Bytes::from(vec![1; random.below(50)])),
                acl: Acl::open_unsafe().into(),
                czxid: zxid,
                mzxid: zxid,
                ctime: WallMillis(at as i64),
                mtime: WallMillis(at as i64),
                version: 3,
            };
            let value = (!random.one_in(3)).then_some(value);
            registered.data_mut().replace(&format!("v{}", at % 5), value, zxid);
        }
    }
}

/// Changes sessions while images are taken. Returns how many images differ from the state at their
/// beginning.
fn images_of_sessions(is_blind: bool) -> usize {
    let mut engine = Engine::new(EngineOptions::default());
    let mut stopped = Engine::new(EngineOptions::default());
    let (mut at, mut then, mut images, mut aside, mut wrong) = (0, 0, 0, 0, 0);
    let mut random = Random(4);
    while at < 12_000 {
        for before in then..at {
            change_a_session(&mut stopped, before);
        }
        then = at;
        let mut scan = engine.begin_scan();
        if is_blind {
            engine.registry.blind_scan();
        }
        let mut image = Vec::new();
        let budget = Budget { items: 6 + random.below(20), ..Budget::default() };
        while engine.scan_step(&mut scan, budget, &mut image) == Progress::More {
            for _ in 0..random.below(9) {
                change_a_session(&mut engine, at);
                at += 1;
            }
            aside = aside.max(engine.registry.set_aside());
        }
        drop(engine.end_scan(&scan));
        let restored = load(&image, 700).map(|restored| {
            restored.check();
            digest(&restored)
        });
        wrong += usize::from(restored.ok() != Some(digest(&stopped)));
        images += 1;
        for _ in 0..random.below(300) {
            change_a_session(&mut engine, at);
            at += 1;
        }
    }
    let has = |what: fn(&Registered) -> bool| engine.registry().iter().any(|(_, it)| what(it));
    assert!(has(|it| it.window.is_some()) && has(|it| it.data.is_some()));
    assert!(has(|it| !it.identities.is_empty()) && engine.registry().ended().iter().len() > 100);
    println!("{wrong} of {images} images wrong, {aside} sessions set aside at most");
    let was_ahead = is_blind || aside > 5;
    assert!(images > 10 && was_ahead, "{images} images, {aside} set aside");
    wrong
}

#[test]
fn i13_windows_values_and_ends_in_an_image_are_those_of_its_beginning() {
    assert_eq!(images_of_sessions(false), 0);
}

/// The negative control of the test above.
#[test]
fn without_old_versions_of_sessions_images_are_wrong() {
    assert!(images_of_sessions(true) > 0);
}

#[test]
fn a_scan_that_was_ended_or_overtaken_says_so() {
    let (mut engine, txns) = run(Random(3), 300);
    let expected = digest(&engine);
    let mut first = engine.begin_scan();
    let mut out = Vec::new();
    assert_eq!(engine.scan_step(&mut first, Budget::default(), &mut out), Progress::More);
    let mut second = engine.begin_scan();
    assert_eq!(engine.scan_step(&mut first, Budget::default(), &mut out), Progress::Abandoned);
    for txn in &txns {
        let _ = engine.apply(txn);
    }
    assert!(engine.set_aside().0 > 0);
    drop(engine.end_scan(&first));
    let restored = load(&rest(&engine, &mut second, Vec::new()), 1_000).unwrap();
    assert_eq!(digest(&restored), expected);
    let mut third = engine.begin_scan();
    drop(engine.end_scan(&third));
    assert_eq!(engine.set_aside(), (0, 0));
    assert_eq!(engine.scan_step(&mut third, Budget::default(), &mut out), Progress::Abandoned);
}

#[test]
fn a_tree_that_was_larger_takes_no_more_room_than_it_needs() {
    let mut world = World::new();
    for number in 0..300 {
        world.create(&format!("/n{number}")).unwrap();
    }
    for number in (0..300).filter(|number| number % 7 != 3) {
        world.delete(&format!("/n{number}"), -1).unwrap();
    }
    let mut restored = load(&image(&mut world.engine), 50).unwrap();
    restored.check();
    assert_eq!(digest(&restored), digest(&world.engine));
    // Numbered without gaps, and as good a source of images as any.
    let again = image(&mut restored);
    assert_eq!(digest(&load(&again, 50).unwrap()), digest(&world.engine));
}

/// All images with one byte flipped, and all prefixes. Nothing guards the bytes here: what is
/// accepted has to be a whole state all the same.
#[test]
fn hostile_images_are_refused_or_make_a_whole_state() {
    let (mut engine, _) = run(Random(5), 400);
    let image = image(&mut engine);
    for length in 0..image.len() {
        assert!(load(&image[..length], 64).is_err(), "the first {length} bytes are no image");
    }
    let mut accepted = 0;
    for place in 0..image.len() {
        for bit in [0x01, 0x80] {
            let mut image = image.clone();
            image[place] ^= bit;
            if let Ok(engine) = load(&image, 64) {
                engine.check();
                accepted += 1;
            }
        }
    }
    println!("{accepted} of {} flips made another whole state", 2 * image.len());
    let mut random = Random(5);
    for _ in 0..20_000 {
        let mut image = image.clone();
        for _ in 0..1 + random.below(4) {
            let place = random.below(image.len());
            image[place] = random.below(256) as u8;
        }
        if let Ok(engine) = load(&image, 1_000) {
            engine.check();
        }
    }
    assert!(load(&[image.clone(), vec![1]].concat(), 64).is_err(), "nothing follows the end");
}
