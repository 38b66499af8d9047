//! Quotas: what counts, what is refused, what the stats znode shows.

use super::*;
use crate::wire::ReadOp;

pub(super) fn enforcing() -> World {
    let rules = Rules { enforces_quota: true, ..Rules::default() };
    World::with(EngineOptions { rules, ..EngineOptions::default() })
}

pub(super) fn limits_of(path: &str) -> String {
    format!("/zookeeper/quota{path}/zookeeper_limits")
}

pub(super) fn stats_of(path: &str) -> String {
    format!("/zookeeper/quota{path}/zookeeper_stats")
}

impl World {
    fn create_with(&mut self, path: &str, data: &[u8], mode: CreateMode) -> Result<Reply, Code> {
        let data = Some(Bytes::copy_from_slice(data));
        self.write(Request::Create(Create::new(path.into(), data, Acl::open_unsafe(), mode)))
    }

    fn put(&mut self, path: &str, data: &[u8]) -> Result<Reply, Code> {
        self.create_with(path, data, CreateMode::Persistent)
    }

    /// Both znodes of a quota, and what is above them.
    fn limit(&mut self, path: &str, limits: &str) {
        let mut above = String::from("/zookeeper/quota");
        for name in path.split('/').skip(1) {
            above = format!("{above}/{name}");
            let _ = self.create(&above);
        }
        self.put(&limits_of(path), limits.as_bytes()).unwrap();
        self.put(&stats_of(path), b"count=0,bytes=0").unwrap();
    }

    fn text(&self, path: &str) -> String {
        match self.read(&Request::GetData { path: path.into(), watch: false }) {
            Ok(Reply::Data { data, stat }) => {
                let data = data.unwrap();
                assert_eq!(stat.data_length, data.len() as i32, "{path}");
                String::from_utf8(data.to_vec()).unwrap()
            }
            other => panic!("{other:?} answers getData of {path}"),
        }
    }

    pub(super) fn used(&self, path: &str) -> String {
        self.text(&stats_of(path))
    }

    fn notices(&mut self, request: Request) -> Vec<QuotaNotice> {
        self.apply(Change::Request(request)).quotas
    }
}

fn put_op(path: &str, data: &'static [u8]) -> MultiOp {
    let data = Some(Bytes::from_static(data));
    let mode = CreateMode::Persistent;
    MultiOp::Create(Create::new(path.into(), data, Acl::open_unsafe(), mode))
}

#[test]
fn q01_q07_usage_is_counted_from_the_first_moment_and_with_every_change() {
    let mut world = World::new();
    world.put("/a", b"123").unwrap();
    world.put("/a/b", b"4567").unwrap();
    world.put("/ab", b"beside").unwrap();
    world.limit("/a", "count=-1,bytes=-1");
    assert_eq!(world.used("/a"), "count=2,bytes=7");
    world.put("/a/b/c", b"").unwrap();
    world.set("/a/b", b"1", -1).unwrap();
    assert_eq!(world.used("/a"), "count=3,bytes=4");
    world.delete("/a/b/c", -1).unwrap();
    world.create_as("/a/e", CreateMode::Ephemeral).unwrap();
    assert_eq!(world.used("/a"), "count=3,bytes=4");
    let _ = world.apply(Change::EndSession { id: ME, cause: Cause::EXPIRED });
    assert_eq!(world.used("/a"), "count=2,bytes=4");
    world.session = OTHER;
    world.create_as("/a/c", CreateMode::Container).unwrap();
    world.create("/a/c/x").unwrap();
    world.delete("/a/c/x", -1).unwrap();
    assert_eq!(world.used("/a"), "count=3,bytes=4");
    assert_eq!(world.apply(Change::Reap { path: "/a/c".into() }).result, Ok(Reply::Done));
    assert_eq!(world.used("/a"), "count=2,bytes=4");
    let failed = vec![put_op("/a/x", b"12"), delete_op("/a/b"), delete_op("/missing")];
    assert!(matches!(world.multi(failed)[2], MultiResult::Failed(-101)));
    assert_eq!(world.used("/a"), "count=2,bytes=4");
    world.multi(vec![put_op("/a/x", b"12"), delete_op("/a/b"), set_op("/a", -1)]);
    assert_eq!(world.used("/a"), "count=2,bytes=5");
}

#[test]
fn q02_the_deepest_quota_counts() {
    let mut world = World::new();
    for path in ["/a", "/a/b", "/a/b/c", "/a/d"] {
        world.put(path, b"x").unwrap();
    }
    world.limit("/a", "");
    assert_eq!(world.used("/a"), "count=4,bytes=4");
    world.limit("/a/b", "");
    assert_eq!((world.used("/a"), world.used("/a/b")), {
        ("count=2,bytes=2".into(), "count=2,bytes=2".into())
    });
    world.limit("/a/b/c/d/e", "");
    world.put("/a/b/c/e", b"yy").unwrap();
    assert_eq!(world.used("/a/b"), "count=3,bytes=4");
    world.delete(&limits_of("/a/b"), -1).unwrap();
    assert_eq!(world.used("/a"), "count=5,bytes=6");
    // Several at once, and one of them replaced.
    world.put("/z", b"zz").unwrap();
    for path in ["/z", "/a/d"] {
        world.create(&format!("/zookeeper/quota{path}")).unwrap();
    }
    world.multi(vec![
        put_op(&limits_of("/z"), b"count=1"),
        put_op(&limits_of("/a/b"), b"count=2"),
        delete_op(&limits_of("/a")),
        put_op(&limits_of("/a"), b"count=3"),
        put_op("/z/y", b"z"),
    ]);
    world.put(&stats_of("/z"), b"").unwrap();
    assert_eq!(world.used("/z"), "count=2,bytes=3");
    assert_eq!(world.used("/a/b"), "count=3,bytes=4");
    assert_eq!(world.used("/a"), "count=2,bytes=2");
}

#[test]
fn q03_soft_limits_warn_and_hard_limits_wait_for_enforcement() {
    let mut world = World::new();
    let create = |path: &str| {
        let data = Some(Bytes::from_static(b"12345"));
        let mode = CreateMode::Persistent;
        Request::Create(Create::new(path.into(), data, Acl::open_unsafe(), mode))
    };
    world.limit("/a", "count=2,bytes=-1=;byteHardLimit=1;countHardLimit=1");
    assert_eq!(world.notices(create("/a")), []);
    assert_eq!(world.notices(create("/a/b")), []);
    assert_eq!(world.notices(create("/a/c")), [QuotaNotice::Exceeded("/a".into())]);
    assert_eq!(world.notices(Request::Delete { path: "/a/b".into(), version: -1 }), []);
    world.engine.begin(0, Rules { enforces_quota: true, ..Rules::default() });
    assert_eq!(world.write(create("/a/d")), Err(Code::QuotaExceeded));
    assert_eq!(world.notices(create("/a/d")), [QuotaNotice::Refused("/a".into())]);
    let refused = vec![put_op("/x", b""), put_op("/a/d", b"")];
    let effects = world.apply(Change::Request(Request::Multi(refused)));
    assert_eq!(effects.quotas, [QuotaNotice::Refused("/a".into())]);
    let failed = vec![MultiResult::Failed(0), MultiResult::Failed(-125)];
    assert_eq!(effects.result, Ok(Reply::Multi(failed)));
    assert!(!world.exists("/x"));
}

#[test]
fn q04_q05_a_limit_includes_itself_and_shrinking_may_be_refused() {
    let mut world = enforcing();
    world.limit("/a", "count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=3");
    world.put("/a", b"1234567890").unwrap();
    assert_eq!(world.put("/a/b", b"1"), Err(Code::QuotaExceeded));
    world.put("/a/b", b"").unwrap();
    world.set("/a", b"0987654321", -1).unwrap();
    world.put("/a/c", b"").unwrap();
    assert_eq!(world.put("/a/d", b""), Err(Code::QuotaExceeded), "3 are allowed");
    let limits = limits_of("/a");
    world.set(&limits, b"count=-1,bytes=-1=;byteHardLimit=4;countHardLimit=1", -1).unwrap();
    assert_eq!(world.set("/a", b"12345", -1), Err(Code::QuotaExceeded), "it shrinks, and is above");
    world.set("/a", b"qwertyuiop", -1).unwrap();
    world.set("/a", b"1234", -1).unwrap();
    world.delete("/a/b", -1).unwrap();
    assert_eq!(world.used("/a"), "count=2,bytes=4");
}

#[test]
fn a03_q04_the_quota_is_asked_last_in_create_and_before_the_version_in_set() {
    let mut world = enforcing();
    world.put("/a", b"").unwrap();
    world.create_as("/a/e", CreateMode::Ephemeral).unwrap();
    world.limit("/a", "count=-1,bytes=-1=;byteHardLimit=0;countHardLimit=0");
    assert_eq!(world.put("/a/e", b""), Err(Code::NodeExists));
    assert_eq!(world.put("/a/e/x", b""), Err(Code::NoChildrenForEphemerals));
    assert_eq!(world.set("/a", b"1", 77), Err(Code::QuotaExceeded));
    assert_eq!(world.set("/a", b"", 77), Err(Code::BadVersion));
    world.set_acl("/a", Acl::read_unsafe(), -1).unwrap();
    assert_eq!(world.set("/a", b"1", -1), Err(Code::NoAuth));
}

#[test]
fn m12_a_multi_is_judged_by_what_was_used_before_it() {
    let mut world = enforcing();
    world.put("/a", b"").unwrap();
    world.limit("/a", "count=-1,bytes=-1=;byteHardLimit=2;countHardLimit=2");
    let results = world.multi(vec![put_op("/a/1", b"12"), put_op("/a/2", b"12")]);
    assert!(matches!(results[1], MultiResult::Created2 { .. }), "{results:?}");
    assert_eq!(world.used("/a"), "count=3,bytes=4");
    let results = world.multi(vec![delete_op("/a/1"), delete_op("/a/2"), put_op("/a/3", b"")]);
    assert_eq!(results[2], MultiResult::Failed(-125));
    // What defines a quota counts from the next transaction on.
    world.create("/zookeeper/quota/b").unwrap();
    let none = b"count=-1,bytes=-1=;countHardLimit=0";
    world.multi(vec![
        put_op(&limits_of("/b"), none),
        put_op(&stats_of("/b"), b""),
        put_op("/b", b""),
    ]);
    assert_eq!(world.used("/b"), "count=1,bytes=0");
    assert_eq!(world.put("/b/c", b""), Err(Code::QuotaExceeded));
}

#[test]
fn q06_usage_changes_neither_version_nor_zxid_nor_does_it_fire() {
    let mut world = World::new();
    world.limit("/a", "");
    let before = world.stat(&stats_of("/a"));
    let create = Create::new("/a".into(), None, Acl::open_unsafe(), CreateMode::Persistent);
    let effects = world.apply(Change::Request(Request::Create(create)));
    assert_eq!(effects.changes.len(), 1, "only of /a");
    world.set("/a", &[7; 100], -1).unwrap();
    assert_eq!(world.used("/a"), "count=1,bytes=100");
    let exists = Request::Exists { path: stats_of("/a"), watch: false };
    let children = Request::GetChildren2 { path: stats_of("/a"), watch: false };
    let acl = Request::GetAcl { path: stats_of("/a") };
    for request in [exists, children, acl] {
        let stat = match world.read(&request) {
            Ok(Reply::Stat(stat) | Reply::Children2 { stat, .. } | Reply::Acl { stat, .. }) => stat,
            other => panic!("{other:?} answers {request:?}"),
        };
        assert_eq!(stat, Stat { data_length: 17, ..before }, "{request:?}");
    }
    match world.set_acl(&stats_of("/a"), Acl::open_unsafe(), -1) {
        Ok(Reply::Stat(stat)) => assert_eq!((stat.data_length, stat.aversion), (17, 1)),
        other => panic!("{other:?} answers setACL"),
    }
    let parts = Request::MultiRead(vec![ReadOp::Data { path: stats_of("/a") }]);
    let text = Some(Bytes::from_static(b"count=1,bytes=100"));
    let stat = Stat { data_length: 17, aversion: 1, ..before };
    let expected = vec![MultiResult::Data { data: text, stat }];
    assert_eq!(world.read(&parts), Ok(Reply::Multi(expected)));
}

#[test]
fn q08_there_is_no_quota_on_the_root_and_the_reserved_tree() {
    let mut world = enforcing();
    for path in ["", "/zookeeper", "/zookeeper/quota", "/zookeeper/x"] {
        world.limit(path, "count=-1,bytes=-1=;byteHardLimit=0;countHardLimit=0");
        assert_eq!(world.used(path), "count=0,bytes=0", "it shows what it holds");
    }
    world.put("/zookeeper/x", b"1").unwrap();
    world.set("/zookeeper", b"1", -1).unwrap();
    world.put("/x", b"1").unwrap();
    assert_eq!(world.engine.quotas().count(), 0);
    world.limit("/zookeeper-", "count=-1,bytes=-1=;countHardLimit=0");
    assert_eq!(world.put("/zookeeper-", b""), Err(Code::QuotaExceeded));
}

#[test]
fn q09_without_the_stats_znode_nothing_is_enforced() {
    let mut world = enforcing();
    world.limit("/a", "count=-1,bytes=-1=;countHardLimit=0");
    world.delete(&stats_of("/a"), -1).unwrap();
    let create = Create::new("/a".into(), None, Acl::open_unsafe(), CreateMode::Persistent);
    assert_eq!(world.notices(Request::Create(create)), [QuotaNotice::Unenforced("/a".into())]);
    world.put(&stats_of("/a"), b"anything").unwrap();
    assert_eq!(world.used("/a"), "count=1,bytes=0");
    assert_eq!(world.put("/a/b", b""), Err(Code::QuotaExceeded));
    world.delete(&limits_of("/a"), -1).unwrap();
    world.put("/a/b", b"").unwrap();
    assert_eq!(world.used("/a"), "anything", "without a quota it is a znode like any other");
}

#[test]
fn q10_malformed_limits_are_none_and_nobody_writes_the_stats() {
    let mut world = enforcing();
    world.limit("/a", "count=-1,bytes=-1=;countHardLimit=0");
    let set = |text: &'static str| Request::SetData {
        path: limits_of("/a"),
        data: Some(Bytes::from_static(text.as_bytes())),
        version: -1,
    };
    assert_eq!(world.put("/a", b""), Err(Code::QuotaExceeded));
    assert_eq!(world.notices(set("count=zero")), [QuotaNotice::Malformed("/a".into())]);
    assert_eq!(world.notices(set("nonsense")), [], "one warning is enough");
    world.put("/a", b"").unwrap();
    assert_eq!(world.notices(set("countHardLimit=1")), []);
    assert_eq!(world.put("/a/b", b""), Err(Code::QuotaExceeded));
    world.prove(&[("super", "")]);
    for path in [stats_of("/a"), stats_of("")] {
        let _ = world.put(&path, b"");
        assert_eq!(world.set(&path, b"count=9,bytes=9", -1), Err(Code::NoAuth), "{path}");
    }
    assert_eq!(world.set(&stats_of("/none"), b"", -1), Err(Code::NoNode));
    assert_eq!(world.multi(vec![set_op(&stats_of("/a"), -1)]), [MultiResult::Failed(-102)]);
}

/// What is replayed, restored or loaded counts what was counted before.
#[test]
fn q07_usage_is_the_same_after_a_restart() {
    let mut world = World::new();
    for path in ["/a", "/a/b", "/a/b/c", "/a/d"] {
        world.put(path, b"x").unwrap();
    }
    for path in ["/a", "/a/b"] {
        world.limit(path, "count=1,bytes=1");
    }
    let mut scan = world.engine.begin_scan();
    let mut image = Vec::new();
    while world.engine.scan_step(&mut scan, Budget::default(), &mut image) == Progress::More {}
    let mut loader = Loader::new(EngineOptions::default());
    loader.feed(&image).unwrap();
    let loaded = loader.finish().unwrap();
    loaded.check();
    assert_eq!(loaded.quotas, world.engine.quotas);
    let mut restore = Engine::restore(EngineOptions::default());
    for (path, znode) in world.engine.znodes() {
        if path == stats_of("/a") {
            assert_eq!(znode.data.as_deref(), Some(&b"count=2,bytes=2"[..]), "as a reader sees it");
        }
        restore.znode(&path, znode).unwrap();
    }
    for (id, registered) in world.engine.registry().iter() {
        restore.session(id, registered.clone()).unwrap();
    }
    let restored = restore.finish(world.engine.last_zxid()).unwrap();
    assert_eq!(restored.quotas, world.engine.quotas);
    assert_eq!(restored.digest(), world.engine.digest());
}
