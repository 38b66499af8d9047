//! A state put together from znodes and sessions, and its digest.

use super::*;
use crate::engine::model::{Random, digest, run};
use crate::tree::Kind;

/// The same state, taken apart and put together under another hash.
fn copied(engine: &Engine) -> Engine {
    let mut restore = Engine::restore(EngineOptions { rules: engine.rules, hash_seed: 77 });
    for (path, znode) in engine.znodes() {
        restore.znode(&path, znode).unwrap();
    }
    for (id, registered) in engine.registry().iter() {
        restore.session(id, registered.clone()).unwrap();
    }
    for ended in engine.registry().ended().iter() {
        restore.registry.note_end(*ended);
    }
    assert_eq!(restore.orphans(), 0);
    let copy = restore.finish(engine.last_zxid()).unwrap();
    copy.check();
    copy
}

fn plain(engine: &Engine) -> Znode {
    engine.znodes().next().expect("a root").1
}

fn restore() -> (Restore, Znode) {
    let options = EngineOptions::default();
    (Engine::restore(options.clone()), plain(&Engine::new(options)))
}

#[test]
fn z73_a_state_survives_being_taken_apart() {
    for seed in 1..=8 {
        let (engine, _) = run(Random(seed), 1_500);
        let copy = copied(&engine);
        assert_eq!(digest(&copy), digest(&engine), "seed {seed}");
        assert_eq!(copy.last_zxid(), engine.last_zxid());
        assert_eq!(copy.digest(), engine.digest());
    }
}

#[test]
fn an_empty_tree_has_the_digest_zookeeper_gives_it() {
    assert_eq!(Engine::new(EngineOptions::default()).digest(), 0x51C6_D660);
    let (restore, _) = restore();
    assert_eq!(restore.finish(Zxid::ZERO).unwrap().digest(), 0x51C6_D660);
}

/// The digests that ZooKeeper 3.8 wrote into its log for these two transactions.
#[test]
fn a_create_and_a_set_have_the_digests_zookeeper_gives_them() {
    let mut engine = Engine::new(EngineOptions::default());
    let mut apply = |at, change| {
        let identities = Arc::from([]);
        let txn = Txn { at: WallMillis(at), session: SessionId(7), identities, change };
        assert!(engine.apply(&txn).result.is_ok());
        engine.digest()
    };
    let (timeout, password) = (Millis(10_000), Password::default());
    let begun = apply(1, Change::CreateSession { id: SessionId(7), timeout, password });
    let data = Some(Bytes::from_static(b"hi"));
    let create = Create::new("/a".into(), data, Acl::open_unsafe(), CreateMode::Persistent);
    let created = apply(0x01a2_0373_4631, Change::Request(Request::Create(create)));
    let set =
        Request::SetData { path: "/a".into(), data: Some(Bytes::from_static(b"x")), version: 0 };
    let set = apply(0x01a2_0373_4642, Change::Request(set));
    assert_eq!((begun, created, set), (0x51C6_D660, 0x7BF5_7CD7, 0xF987_AA4A));
}

#[test]
fn s41_ephemerals_without_an_owner_are_dropped() {
    let (mut restore, mut znode) = restore();
    let owned = |id| Znode { kind: Kind::Ephemeral(SessionId(id)), ..znode.clone() };
    let (mine, lost) = (owned(1), owned(2));
    znode.creations = 2;
    restore.znode("/p", znode).unwrap();
    restore.znode("/p/mine", mine).unwrap();
    restore.znode("/p/lost", lost).unwrap();
    let password = Password([3; Password::LEN]);
    let registered = crate::session::Registered::new(Millis(9), password);
    restore.session(SessionId(1), registered.clone()).unwrap();
    assert_eq!(restore.orphans(), 1);
    let engine = restore.finish(Zxid(9)).unwrap();
    engine.check();
    let paths: Vec<String> = engine.znodes().map(|(path, _)| path).collect();
    assert!(paths.contains(&"/p/mine".into()) && !paths.contains(&"/p/lost".into()), "{paths:?}");
    let stat = engine.tree.node(engine.tree.find("/p").unwrap()).stat();
    assert_eq!((stat.num_children, stat.cversion, stat.pzxid), (1, 3, Zxid(9)));
    assert_eq!(engine.registry().get(SessionId(1)), Some(&registered));
}

#[test]
fn what_no_transaction_leads_to_is_refused() {
    let (mut restore, znode) = restore();
    restore.znode("/", znode.clone()).unwrap();
    restore.znode("/a", znode.clone()).unwrap();
    let ephemeral = Znode { kind: Kind::Ephemeral(SessionId(1)), ..znode.clone() };
    restore.znode("/e", ephemeral.clone()).unwrap();
    for (path, znode, found) in [
        ("/a", &znode, "/a is there twice"),
        ("/b/c", &znode, "/b/c has no parent"),
        ("/e/c", &znode, "/e/c is below an ephemeral"),
        ("a", &znode, "a does not start with '/'"),
        ("/a/", &znode, "/a/ has an empty last component"),
        ("/", &ephemeral, "/ is not persistent"),
    ] {
        assert_eq!(restore.znode(path, znode.clone()).unwrap_err().to_string(), found);
    }
    let late = Znode { pzxid: Zxid(5), ..znode.clone() };
    restore.znode("/late", late).unwrap();
    let refused = restore.finish(Zxid(4)).err().expect("too late").to_string();
    assert_eq!(refused, "/late carries zxid 0x5, the state ends at 0x4");
}

#[test]
fn e4_a_reserved_znode_has_to_be_persistent() {
    let (mut restore, znode) = restore();
    restore.znode("/zookeeper", Znode { kind: Kind::Container, ..znode }).unwrap();
    assert!(restore.finish(Zxid::ZERO).is_err());
}
