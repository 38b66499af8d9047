//! Quotas: the znodes that define them, what is counted, and what is refused.

use std::time::Duration;

use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::records::{Outcome, open};
use tenure_tests::session::{Session, create_body};
use tenure_tests::subject::{Settings, Subject};

/// The mode of a recursive persistent watch.
const RECURSIVE: i32 = 1;

/// A server that keeps hard limits.
fn enforcing() -> (Subject, Session) {
    let server = Subject::with(Settings { enforce_quota: true, ..Settings::default() });
    let session = server.session();
    (server, session)
}

fn node_of(path: &str, name: &str) -> String {
    format!("/zookeeper/quota{path}/{name}")
}

fn limits_of(path: &str) -> String {
    node_of(path, "zookeeper_limits")
}

fn stats_of(path: &str) -> String {
    node_of(path, "zookeeper_stats")
}

/// Makes both znodes as the command line of ZooKeeper does, and whatever is above them.
fn limit(session: &mut Session, path: &str, limits: &str) {
    let mut above = String::from("/zookeeper/quota");
    for name in path.split('/').skip(1) {
        above = format!("{above}/{name}");
        let _ = session.create(&above, b"", op::PERSISTENT);
    }
    session.create(&limits_of(path), limits.as_bytes(), op::PERSISTENT).expect("created");
    session.create(&stats_of(path), b"count=0,bytes=0", op::PERSISTENT).expect("created");
}

fn hard(count: i64, bytes: i64) -> String {
    format!("count=-1,bytes=-1=;byteHardLimit={bytes};countHardLimit={count}")
}

/// What the stats znode shows; its Stat has to fit.
fn used(session: &mut Session, path: &str) -> String {
    let (data, stat) = session.get(&stats_of(path), false).expect("it can be read");
    let data = data.expect("it has data");
    assert_eq!(stat.data_length as usize, data.len(), "the length in the Stat");
    assert_eq!(session.stat(&stats_of(path)), stat, "exists tells the same");
    String::from_utf8(data).expect("it is text")
}

fn put(session: &mut Session, path: &str, data: &[u8]) -> Result<String, i32> {
    session.create(path, data, op::PERSISTENT)
}

fn create_part(path: &str, data: &[u8]) -> (i32, Body) {
    (op::CREATE, create_body(path, Some(data), &open(), op::PERSISTENT))
}

#[test]
fn q01_usage_counts_the_znode_itself_and_all_below_it() {
    let (_server, mut session) = enforcing();
    put(&mut session, "/a", b"123").expect("created");
    limit(&mut session, "/a", "count=10,bytes=1000");
    assert_eq!(used(&mut session, "/a"), "count=1,bytes=3");
    put(&mut session, "/a/b", b"4567").expect("created");
    put(&mut session, "/a/b/c", b"").expect("created");
    put(&mut session, "/ab", b"a neighbour").expect("created");
    assert_eq!(used(&mut session, "/a"), "count=3,bytes=7");
    session.set("/a/b/c", b"89", -1).expect("set");
    session.set("/a", b"", -1).expect("set");
    assert_eq!(used(&mut session, "/a"), "count=3,bytes=6");
    session.delete("/a/b/c", -1).expect("deleted");
    assert_eq!(used(&mut session, "/a"), "count=2,bytes=4");
}

#[test]
fn q01_what_a_session_leaves_behind_is_given_back() {
    let (server, mut session) = enforcing();
    session.make("/a");
    limit(&mut session, "/a", "count=10,bytes=-1");
    let mut other = server.session();
    for _ in 0..3 {
        other.create("/a/e-", b"12", op::EPHEMERAL_SEQUENTIAL).expect("created");
    }
    assert_eq!(used(&mut session, "/a"), "count=4,bytes=6");
    other.close();
    assert_eq!(used(&mut session, "/a"), "count=1,bytes=0");
}

#[test]
fn q01_a_failed_multi_uses_nothing() {
    let (_server, mut session) = enforcing();
    session.make("/a");
    limit(&mut session, "/a", "count=10,bytes=-1");
    let missing = (op::DELETE, Body::new().string("/missing").int(-1));
    let results = session.multi(&[create_part("/a/x", b"12"), missing]);
    assert_eq!(results.expect("answered")[1], Outcome::Error(op::NO_NODE));
    assert_eq!(used(&mut session, "/a"), "count=1,bytes=0");
    session.multi(&[create_part("/a/x", b"12"), create_part("/a/x/y", b"3")]).expect("done");
    assert_eq!(used(&mut session, "/a"), "count=3,bytes=3");
}

#[test]
fn q02_the_deepest_quota_counts() {
    let (_server, mut session) = enforcing();
    for path in ["/a", "/a/b"] {
        session.make(path);
        limit(&mut session, path, "count=10,bytes=-1");
    }
    put(&mut session, "/a/b/c", b"1").expect("created");
    put(&mut session, "/a/d", b"22").expect("created");
    assert_eq!(used(&mut session, "/a/b"), "count=2,bytes=1");
    assert_eq!(used(&mut session, "/a"), "count=2,bytes=2");
    session.delete(&limits_of("/a/b"), -1).expect("deleted");
    session.set("/a/b/c", b"333", -1).expect("set");
    assert_eq!(used(&mut session, "/a"), "count=4,bytes=5");
}

#[test]
fn q03_soft_limits_refuse_nothing() {
    let (server, mut session) = enforcing();
    session.make("/a");
    limit(&mut session, "/a", "count=1,bytes=1");
    put(&mut session, "/a/b", b"12345").expect("created");
    session.set("/a/b", b"1234567", -1).expect("set");
    let figures = server.word(b"mntr");
    assert!(figures.contains("zk_quota_soft_limit_exceeded\t2\n"), "{figures}");
}

#[test]
fn q03_hard_limits_refuse_only_where_they_are_enforced() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    limit(&mut session, "/a", &hard(1, 0));
    put(&mut session, "/a/b", b"12345").expect("created");
    assert_eq!(used(&mut session, "/a"), "count=2,bytes=5");
    let (_server, mut session) = enforcing();
    session.make("/a");
    limit(&mut session, "/a", &hard(1, 0));
    assert_eq!(put(&mut session, "/a/b", b"12345"), Err(op::QUOTA_EXCEEDED));
    assert_eq!(used(&mut session, "/a"), "count=1,bytes=0");
}

#[test]
fn q04_a_set_that_shrinks_is_refused_while_the_total_is_above() {
    let (_server, mut session) = enforcing();
    put(&mut session, "/a", b"1234567890").expect("created");
    put(&mut session, "/a/b", b"123").expect("created");
    limit(&mut session, "/a", &hard(-1, 5));
    assert_eq!(session.set("/a", b"123456789", -1), Err(op::QUOTA_EXCEEDED));
    assert_eq!(session.set("/a", b"123456789", 77), Err(op::QUOTA_EXCEEDED), "before the version");
    session.set("/a", b"0987654321", -1).expect("of the same size");
    assert_eq!(session.set("/a", b"0987654321", 77), Err(op::BAD_VERSION));
    assert_eq!(put(&mut session, "/a/c", b"1"), Err(op::QUOTA_EXCEEDED));
    put(&mut session, "/a/c", b"").expect("it adds no bytes");
    session.delete("/a/b", -1).expect("a delete is never refused");
    session.set("/a", b"12345", -1).expect("not above any more");
}

#[test]
fn q05_a_limit_includes_itself() {
    let (_server, mut session) = enforcing();
    session.make("/a");
    limit(&mut session, "/a", &hard(3, 4));
    put(&mut session, "/a/1", b"12").expect("created");
    put(&mut session, "/a/2", b"34").expect("created");
    assert_eq!(used(&mut session, "/a"), "count=3,bytes=4");
    assert_eq!(put(&mut session, "/a/3", b""), Err(op::QUOTA_EXCEEDED));
    assert_eq!(session.set("/a/1", b"123", -1), Err(op::QUOTA_EXCEEDED));
    session.delete("/a/1", -1).expect("deleted");
    put(&mut session, "/a/3", b"56").expect("created");
}

#[test]
fn m12_a_multi_can_overshoot() {
    let (_server, mut session) = enforcing();
    session.make("/a");
    limit(&mut session, "/a", &hard(2, -1));
    let parts = [create_part("/a/1", b""), create_part("/a/2", b""), create_part("/a/3", b"")];
    session.multi(&parts).expect("each is judged by what was used before");
    assert_eq!(used(&mut session, "/a"), "count=4,bytes=0");
    let results = session.multi(&[create_part("/x", b""), create_part("/a/4", b"")]);
    let failed = [Outcome::Error(0), Outcome::Error(op::QUOTA_EXCEEDED)];
    assert_eq!(results.expect("answered"), failed);
    assert_eq!(session.exists("/x", false), Err(op::NO_NODE));
}

#[test]
fn q06_usage_changes_no_version_and_fires_no_watch() {
    let (server, mut session) = enforcing();
    session.make("/a");
    limit(&mut session, "/a", "count=10,bytes=-1");
    let (_, before) = session.get(&stats_of("/a"), true).expect("read");
    let mut watcher = server.session();
    watcher.add_watch("/zookeeper", RECURSIVE).expect("set");
    put(&mut session, "/a/b", &[7; 1_000]).expect("created");
    assert_eq!(used(&mut session, "/a"), "count=2,bytes=1000");
    let (_, after) = session.get(&stats_of("/a"), false).expect("read");
    assert_eq!((after.version, after.mzxid, after.mtime), {
        (before.version, before.mzxid, before.mtime)
    });
    assert_eq!((session.events(), watcher.events()), (vec![], vec![]), "nobody wrote the stats");
    let parts = [(op::GET_DATA, Body::new().string(&stats_of("/a")).bool(false))];
    let read = session.multi_read(&parts).expect("answered");
    assert_eq!(read, [Outcome::Data(Some(b"count=2,bytes=1000".to_vec()), after)]);
    // A watch that was left before the change does not catch up on it either.
    let mut again = session.reattach(server.addr());
    again.set_watches2(before.mzxid, [&[&stats_of("/a")], &[], &[], &[], &[]]);
    assert_eq!(again.events(), []);
}

#[test]
fn q07_z61_the_limits_switch_the_quota_on_and_off() {
    let (_server, mut session) = enforcing();
    session.make("/a");
    limit(&mut session, "/a", &hard(1, -1));
    assert_eq!(put(&mut session, "/a/b", b""), Err(op::QUOTA_EXCEEDED));
    session.set(&limits_of("/a"), hard(2, -1).as_bytes(), -1).expect("set");
    put(&mut session, "/a/b", b"").expect("created");
    assert_eq!(put(&mut session, "/a/c", b""), Err(op::QUOTA_EXCEEDED));
    session.delete(&limits_of("/a"), -1).expect("deleted");
    put(&mut session, "/a/c", b"").expect("created");
    session.delete(&stats_of("/a"), -1).expect("deleted");
    session.create(&limits_of("/a"), hard(3, -1).as_bytes(), op::PERSISTENT).expect("created");
    session.create(&stats_of("/a"), b"", op::PERSISTENT).expect("created");
    assert_eq!(used(&mut session, "/a"), "count=3,bytes=0", "counted anew");
    assert_eq!(put(&mut session, "/a/d", b""), Err(op::QUOTA_EXCEEDED));
}

#[test]
fn q08_the_root_and_the_reserved_tree_have_no_quota() {
    let (_server, mut session) = enforcing();
    for path in ["", "/zookeeper", "/zookeeper/quota"] {
        limit(&mut session, path, &hard(0, 0));
    }
    put(&mut session, "/x", b"1").expect("created");
    put(&mut session, "/zookeeper/x", b"1").expect("created");
    session.set("/zookeeper/quota", b"1", -1).expect("set");
}

#[test]
fn q09_without_its_stats_a_quota_is_not_enforced() {
    let (_server, mut session) = enforcing();
    session.make("/a");
    limit(&mut session, "/a", &hard(1, -1));
    session.delete(&stats_of("/a"), -1).expect("deleted");
    put(&mut session, "/a/b", b"").expect("created");
    session.create(&stats_of("/a"), b"", op::PERSISTENT).expect("created");
    assert_eq!(put(&mut session, "/a/c", b""), Err(op::QUOTA_EXCEEDED));
}

#[test]
fn q10_malformed_limits_are_none() {
    let (_server, mut session) = enforcing();
    session.make("/a");
    limit(&mut session, "/a", &hard(1, 0));
    for text in [&b"nonsense"[..], b"countHardLimit=many", b"countHardLimit=1,\xFF", b"==,;"] {
        session.set(&limits_of("/a"), text, -1).expect("set");
        put(&mut session, "/a/b", b"").expect("created");
        session.delete("/a/b", -1).expect("deleted");
    }
    session.set(&limits_of("/a"), hard(1, 0).as_bytes(), -1).expect("set");
    assert_eq!(put(&mut session, "/a/b", b""), Err(op::QUOTA_EXCEEDED));
}

#[test]
fn q10_nobody_writes_the_stats() {
    let (_server, mut session) = enforcing();
    session.make("/a");
    limit(&mut session, "/a", "count=1,bytes=1");
    assert_eq!(session.set(&stats_of("/a"), b"count=0,bytes=0", -1), Err(op::NO_AUTH));
    let set = (op::SET_DATA, Body::new().string(&stats_of("/a")).bytes(b"").int(-1));
    let results = session.multi(&[set]).expect("answered");
    assert_eq!(results, [Outcome::Error(op::NO_AUTH)]);
    assert_eq!(session.set(&stats_of("/none"), b"", -1), Err(op::NO_NODE));
    assert_eq!(used(&mut session, "/a"), "count=1,bytes=0");
}

#[test]
fn q11_h03_quota_znodes_of_every_kind_come_and_go() {
    let server = Subject::with(Settings {
        enforce_quota: true,
        manual_clock: true,
        max_session_timeout: Some(Duration::from_secs(3_600)),
        ..Settings::default()
    });
    let mut session = Session::with_timeout(server.addr(), 3_600_000);
    session.make("/a");
    session.make("/zookeeper/quota/a");
    let mut other = server.session();
    other.create(&limits_of("/a"), hard(1, -1).as_bytes(), op::EPHEMERAL).expect("created");
    other.create(&stats_of("/a"), b"", op::EPHEMERAL).expect("created");
    assert_eq!(put(&mut session, "/a/b", b""), Err(op::QUOTA_EXCEEDED));
    other.close();
    put(&mut session, "/a/b", b"").expect("the quota went with the session");
    session.create_ttl(&limits_of("/a"), op::TTL, 1_000).expect("created");
    session.create_ttl(&stats_of("/a"), op::TTL, 1_000).expect("created");
    assert_eq!(used(&mut session, "/a"), "count=2,bytes=0");
    server.advance(Duration::from_secs(62));
    assert_eq!(session.exists(&limits_of("/a"), false), Err(op::NO_NODE));
    // Something else than a quota's znodes in their place.
    session.make(&limits_of("/a"));
    session.make(&format!("{}/zookeeper_stats", limits_of("/a")));
    put(&mut session, "/a/c", b"").expect("created");
}

#[test]
fn q03_the_figures_name_what_is_used_and_refused_by_namespace() {
    let (server, mut session) = enforcing();
    put(&mut session, "/one", b"12").expect("created");
    put(&mut session, "/one/x", b"").expect("created");
    put(&mut session, "/two", b"").expect("created");
    limit(&mut session, "/one/x", &hard(1, 10));
    limit(&mut session, "/one", "count=5,bytes=-1=;countHardLimit=3");
    limit(&mut session, "/two", "count=7,bytes=8");
    for _ in 0..2 {
        assert_eq!(put(&mut session, "/one/x/y", b""), Err(op::QUOTA_EXCEEDED));
    }
    let figures = server.word(b"mntr");
    for line in [
        "zk_one_quota_count_limit_per_namespace\t4",
        "zk_one_quota_bytes_limit_per_namespace\t10",
        "zk_one_quota_count_usage_per_namespace\t2",
        "zk_one_quota_bytes_usage_per_namespace\t2",
        "zk_two_quota_count_limit_per_namespace\t7",
        "zk_two_quota_bytes_limit_per_namespace\t8",
        "zk_one_quota_exceeded_error_per_namespace\t2",
        "zk_quota_exceeded_errors\t2",
    ] {
        assert!(figures.lines().any(|found| found == line), "{line}:\n{figures}");
    }
}
