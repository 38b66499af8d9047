//! Taking over what another session keeps alive, and ending it.

use super::*;
use crate::engine::model::digest;
use crate::wire::Secret;

const THIRD: SessionId = SessionId(0x0100_0000_0000_0003);

/// The password of every session of a [`World`].
const RIGHT: [u8; 16] = [7; 16];

fn secret(password: &[u8]) -> Secret {
    Secret(Bytes::copy_from_slice(password))
}

fn adopt(path: &str, from: SessionId, password: &[u8]) -> Change {
    let password = secret(password);
    Change::Request(Request::Adopt { path: path.into(), from, password })
}

fn hand_over(from: SessionId, password: &[u8]) -> Change {
    Change::Request(Request::HandOver { from, password: secret(password) })
}

fn fence(session: SessionId, password: &[u8]) -> Change {
    Change::Request(Request::Fence { session, password: secret(password) })
}

/// A world in which the other session keeps these alive.
fn world_with(paths: &[&str]) -> World {
    let mut world = World::new();
    world.session = OTHER;
    for path in paths {
        world.create_as(path, CreateMode::Ephemeral).unwrap();
        world.set(path, b"data", -1).unwrap();
    }
    world.session = ME;
    world
}

fn told(effects: &Effects) -> Vec<(EventKind, &str)> {
    effects.changes.iter().map(|changed| (changed.kind, changed.path.as_str())).collect()
}

#[test]
fn an_adopted_ephemeral_was_set_and_never_gone() {
    let mut world = world_with(&["/e", "/f"]);
    let before = world.stat("/e");
    let effects = world.apply(adopt("/e", OTHER, &RIGHT));
    let after = world.stat("/e");
    assert_eq!(effects.result, Ok(Reply::Stat(after)));
    assert_eq!(told(&effects), [(EventKind::DataChanged, "/e")]);
    assert_eq!(effects.owners, [OTHER, ME]);
    let expected = Stat {
        ephemeral_owner: ME,
        version: before.version + 1,
        mzxid: effects.zxid,
        mtime: world.at,
        ..before
    };
    assert_eq!(after, expected);
    assert_eq!(world.engine.ephemerals().of(ME).collect::<Vec<_>>(), ["/e"]);
    // It stays when the one goes, and goes with the other.
    let _ = world.apply(Change::EndSession { id: OTHER, cause: Cause::EXPIRED });
    assert!(world.exists("/e") && !world.exists("/f"));
    let _ = world.apply(Change::EndSession { id: ME, cause: Cause::EXPIRED });
    assert!(!world.exists("/e"));
}

#[test]
fn what_cannot_be_adopted_is_left_alone() {
    let mut world = world_with(&["/e"]);
    world.create("/p").unwrap();
    world.create_as("/mine", CreateMode::Ephemeral).unwrap();
    let before = digest(&world.engine);
    for (path, from, password, code) in [
        ("/none", OTHER, &RIGHT[..], Code::NoNode),
        ("e", OTHER, &RIGHT, Code::BadArguments),
        ("/p", OTHER, &RIGHT, Code::BadArguments),
        ("/p", SessionId::NONE, &RIGHT, Code::BadArguments),
        ("/e", THIRD, &RIGHT, Code::BadArguments),
        ("/mine", OTHER, &RIGHT, Code::BadArguments),
        ("/e", OTHER, &[8; 16], Code::NoAuth),
        ("/e", OTHER, &[], Code::NoAuth),
    ] {
        assert_eq!(world.apply(adopt(path, from, password)).result, Err(code), "{path}");
    }
    let own = world.apply(adopt("/mine", ME, &[]));
    assert_eq!(own.result, Ok(Reply::Stat(world.stat("/mine"))), "it is there already");
    assert_eq!((own.changes, own.owners), (vec![], vec![]));
    assert_eq!(digest(&world.engine), before);
}

#[test]
fn an_identity_of_both_gives_the_right_and_an_address_does_not() {
    let mut world = world_with(&["/e", "/f"]);
    // Both come from the same address.
    assert_eq!(world.apply(adopt("/e", OTHER, &[])).result, Err(Code::NoAuth));
    world.session = OTHER;
    world.prove(&[("digest", "ann:x"), ("sasl", "bob")]).set("/f", b"", -1).unwrap();
    world.session = ME;
    world.prove(&[("digest", "bob:x")]);
    assert_eq!(world.apply(adopt("/e", OTHER, &[])).result, Err(Code::NoAuth));
    assert_eq!(world.apply(fence(OTHER, &[])).result, Err(Code::NoAuth));
    assert_eq!(world.apply(hand_over(OTHER, &[])).result, Err(Code::NoAuth));
    world.prove(&[("digest", "bob:x"), ("sasl", "bob")]);
    assert!(world.apply(adopt("/e", OTHER, &[])).result.is_ok());
    // What counts is what the other had proven at its latest write.
    world.session = OTHER;
    world.prove(&[]).set("/f", b"", -1).unwrap();
    world.session = ME;
    world.prove(&[("sasl", "bob")]);
    assert_eq!(world.apply(adopt("/f", OTHER, &[])).result, Err(Code::NoAuth));
}

#[test]
fn a_session_that_is_handed_over_ends_and_leaves_all_it_had() {
    let mut world = world_with(&["/z", "/a", "/m"]);
    world.create_as("/mine", CreateMode::Ephemeral).unwrap();
    let effects = world.apply(hand_over(OTHER, &RIGHT));
    assert_eq!((&effects.result, effects.ended), (&Ok(Reply::Count(3)), Some(OTHER)));
    let changed = |path| (EventKind::DataChanged, path);
    assert_eq!(told(&effects), ["/a", "/m", "/z"].map(changed));
    assert_eq!(effects.owners, [ME]);
    assert_eq!(world.engine.ephemerals().of(ME).count(), 4);
    assert!(!world.engine.registry().contains(OTHER));
    let ended = *world.engine.registry().ended().get(OTHER).expect("it is remembered");
    assert_eq!((ended.cause, ended.ephemerals), (Cause::HandedOver { to: ME }, 0));
    assert_eq!((ended.zxid, ended.at), (effects.zxid, world.at));
    assert_eq!(world.apply(hand_over(OTHER, &RIGHT)).result, Err(Code::UnknownSession));
    assert_eq!(world.apply(hand_over(ME, &RIGHT)).result, Err(Code::BadArguments));
}

#[test]
fn a_fenced_session_ends_with_all_it_had() {
    let mut world = world_with(&["/z", "/a"]);
    let before = digest(&world.engine);
    assert_eq!(world.apply(fence(OTHER, &[])).result, Err(Code::NoAuth));
    assert_eq!(world.apply(fence(ME, &RIGHT)).result, Err(Code::BadArguments));
    assert_eq!(world.apply(fence(THIRD, &RIGHT)).result, Err(Code::UnknownSession));
    assert_eq!(digest(&world.engine), before);
    let effects = world.apply(fence(OTHER, &RIGHT));
    assert_eq!((&effects.result, effects.ended), (&Ok(Reply::Done), Some(OTHER)));
    assert_eq!(told(&effects), ["/a", "/z"].map(|path| (EventKind::Deleted, path)));
    assert_eq!(effects.owners, []);
    let ended = *world.engine.registry().ended().get(OTHER).expect("it is remembered");
    assert_eq!((ended.cause, ended.ephemerals), (Cause::Fenced { by: ME }, 2));
    assert_eq!(world.apply(fence(OTHER, &RIGHT)).result, Err(Code::UnknownSession));
    world.session = OTHER;
    assert_eq!(world.create("/late"), Err(Code::SessionExpired));
}

#[test]
fn ceilings_of_one_session_hold_for_what_it_takes_over() {
    let mut world = world_with(&["/a", "/b"]);
    let with = |count, bytes| Rules {
        ephemerals_per_session: count,
        ephemeral_bytes_per_session: bytes,
        ..Rules::default()
    };
    world.create_as("/mine", CreateMode::Ephemeral).unwrap();
    let before = digest(&world.engine);
    // Each has two bytes of path and four of data; "/mine" has five.
    for (rules, request) in [
        (with(1, 100), adopt("/a", OTHER, &RIGHT)),
        (with(2, 100), hand_over(OTHER, &RIGHT)),
        (with(9, 10), adopt("/a", OTHER, &RIGHT)),
        (with(9, 16), hand_over(OTHER, &RIGHT)),
    ] {
        world.engine.begin(0, rules);
        let effects = world.apply(request);
        assert_eq!(effects.result, Err(Code::QuotaExceeded));
        assert!(effects.is_over_limit);
    }
    assert_eq!(digest(&world.engine), before);
    world.engine.begin(0, with(2, 11));
    assert!(world.apply(adopt("/a", OTHER, &RIGHT)).result.is_ok());
    world.engine.begin(0, with(3, 17));
    assert!(world.apply(hand_over(OTHER, &RIGHT)).result.is_ok());
}

#[test]
fn the_digest_that_is_kept_up_follows_the_owner() {
    let mut world = world_with(&["/a", "/b", "/c"]);
    world.engine.keep_digests();
    let before = world.engine.digest();
    for request in [adopt("/a", OTHER, &RIGHT), adopt("/b", OTHER, &[]), hand_over(OTHER, &RIGHT)] {
        let _ = world.apply(request);
        assert_eq!(world.engine.kept_digest(), Some(world.engine.digest()));
    }
    assert_ne!(world.engine.digest(), before);
}

#[test]
fn a_multi_fails_unless_the_sessions_it_names_are_alive() {
    let mut world = World::new();
    let alive = |session| MultiOp::CheckSession { session };
    let results = world.multi(vec![alive(ME), create_op("/a"), alive(OTHER)]);
    assert_eq!((&results[0], &results[2]), (&MultiResult::Checked, &MultiResult::Checked));
    let _ = world.apply(fence(OTHER, &RIGHT));
    let results = world.multi(vec![create_op("/b"), alive(OTHER), delete_op("/a")]);
    let failed = [0, Code::UnknownSession.number(), Code::RuntimeInconsistency.number()];
    assert_eq!(results, failed.map(MultiResult::Failed));
    assert!(world.exists("/a") && !world.exists("/b"));
}

#[test]
fn an_adoption_can_be_taken_back() {
    let mut world = world_with(&["/e"]);
    let before = digest(&world.engine);
    let judged = Default::default();
    let (zxid, at) = (world.engine.last_zxid().next(), WallMillis(9_000));
    let asker =
        crate::engine::draft::Asker { session: ME, identities: &[], zxid, at, judged: &judged };
    let mut draft = crate::engine::draft::Draft::default();
    let adopted = world.engine.adopt(&mut draft, "/e", (OTHER, &RIGHT), asker);
    assert_eq!(adopted.map(|stat| stat.ephemeral_owner), Ok(ME));
    assert_ne!(digest(&world.engine), before);
    world.engine.undo(&mut draft);
    assert_eq!(digest(&world.engine), before);
    world.engine.check();
}
