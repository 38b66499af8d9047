//! The Stat of a znode, field by field, and the zxids that writes take.

use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::records::{Stat, acl, open};
use tenure_tests::session::{Session, create_body};
use tenure_tests::subject::{Settings, Subject};

#[test]
fn z01_a_new_znode_starts_at_its_zxid_with_versions_0() {
    let server = Subject::start();
    let mut session = server.session();
    let before = wall_clock();
    session.create("/a", b"abc", 0).expect("created");
    let zxid = session.zxid;
    let stat = session.stat("/a");
    let wanted = Stat {
        czxid: zxid,
        mzxid: zxid,
        pzxid: zxid,
        ctime: stat.ctime,
        mtime: stat.ctime,
        data_length: 3,
        ..Stat::default()
    };
    assert_eq!(stat, wanted);
    assert!((before..=wall_clock()).contains(&stat.ctime), "ctime is wall-clock time");
}

fn wall_clock() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("the clock is past 1970").as_millis() as i64
}

#[test]
fn z02_set_data_changes_mzxid_mtime_version_and_length() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    let before = session.stat("/a");
    let replied = session.set("/a", b"12345", -1).expect("set");
    let wanted =
        Stat { mzxid: session.zxid, mtime: replied.mtime, version: 1, data_length: 5, ..before };
    assert_eq!(replied, wanted);
    assert_eq!(session.stat("/a"), wanted);
    assert!(replied.mtime >= before.mtime);
    assert_eq!(session.set("/a", b"12345", -1).map(|stat| stat.version), Ok(2));
}

#[test]
fn z03_set_acl_changes_aversion_only() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    let before = session.stat("/a");
    let replied = session.set_acl("/a", &open(), -1).expect("set");
    assert_eq!(replied, Stat { aversion: 1, ..before });
    assert_eq!(session.stat("/a"), replied);
}

#[test]
fn z04_children_change_the_parents_cversion_count_and_pzxid() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    let before = session.stat("/a");
    session.make("/a/b");
    let created = session.zxid;
    assert_eq!(session.stat("/a"), Stat { cversion: 1, num_children: 1, pzxid: created, ..before });
    session.delete("/a/b", -1).expect("deleted");
    let deleted = session.zxid;
    assert_eq!(session.stat("/a"), Stat { cversion: 2, num_children: 0, pzxid: deleted, ..before });
}

#[test]
fn z05_deeper_changes_leave_the_parent_alone() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    session.make("/a/b");
    let before = session.stat("/a");
    session.set("/a/b", b"x", -1).expect("set");
    session.set_acl("/a/b", &open(), -1).expect("set");
    session.make("/a/b/c");
    session.delete("/a/b/c", -1).expect("deleted");
    assert_eq!(session.stat("/a"), before);
}

#[test]
fn z06_p66_all_operations_of_a_multi_share_zxid_and_time() {
    let server = Subject::start();
    let mut session = server.session();
    let parts: Vec<_> = ["/a", "/a/b", "/c"]
        .iter()
        .map(|path| (op::CREATE, create_body(path, Some(b""), &open(), 0)))
        .collect();
    session.multi(&parts).expect("a multi is answered");
    let zxid = session.zxid;
    let stats = [session.stat("/a"), session.stat("/a/b"), session.stat("/c")];
    for stat in stats {
        assert_eq!((stat.czxid, stat.pzxid), (zxid, zxid));
        assert_eq!(stat.ctime, stats[0].ctime);
    }
}

#[test]
fn z08_cversion_counts_creates_and_deletes() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    for name in ["/a/x", "/a/y", "/a/z"] {
        session.make(name);
    }
    session.delete("/a/y", -1).expect("deleted");
    let stat = session.stat("/a");
    assert_eq!((stat.cversion, stat.num_children), (4, 2));
}

#[test]
fn z09_the_reserved_tree_of_a_fresh_server() {
    let server = Subject::with(Settings { session_directory: false, ..Settings::default() });
    let mut session = server.session();
    let stats: Vec<_> = ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"]
        .iter()
        .map(|path| session.stat(path))
        .collect();
    let versions: Vec<_> = stats.iter().map(|stat| (stat.cversion, stat.num_children)).collect();
    assert_eq!(versions, [(-1, 1), (-2, 2), (0, 0), (0, 0)]);
    for stat in stats {
        assert_eq!((stat.czxid, stat.mzxid, stat.pzxid), (0, 0, 0));
        assert_eq!((stat.ctime, stat.mtime, stat.version), (0, 0, 0));
    }
}

#[test]
fn z11_versions_are_compared_for_equality() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    session.set("/a", b"", 0).expect("version 0 matches");
    for wrong in [0, 2, -2, i32::MAX, i32::MIN] {
        assert_eq!(session.set("/a", b"", wrong), Err(op::BAD_VERSION), "{wrong}");
        assert_eq!(session.delete("/a", wrong), Err(op::BAD_VERSION), "{wrong}");
    }
    assert_eq!(session.set_acl("/a", &open(), 1), Err(op::BAD_VERSION));
    assert_eq!(session.set_acl("/a", &open(), 0).map(|stat| stat.aversion), Ok(1));
    assert_eq!(session.set_acl("/a", &open(), -1).map(|stat| stat.aversion), Ok(2));
    assert_eq!(session.set("/a", b"", -1).map(|stat| stat.version), Ok(2));
    assert_eq!(session.delete("/a", 2), Ok(()));
}

#[test]
fn z13_delete_checks_the_version_before_the_children() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    session.make("/a/b");
    assert_eq!(session.delete("/a", 7), Err(op::BAD_VERSION));
    assert_eq!(session.delete("/a", 0), Err(op::NOT_EMPTY));
}

#[test]
fn z71_a_fresh_server_counts_from_1_in_epoch_0() {
    let server = Subject::start();
    let mut session = server.session();
    session.ping();
    assert_eq!(session.zxid, 1, "the session was the first transaction");
    session.make("/a");
    assert_eq!(session.zxid, 2);
}

#[test]
fn z72_p58_every_write_takes_one_zxid_and_no_read_does() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    let mut zxid = session.zxid;
    let mut step = |session: &mut Session, taken: i64, what: &str| {
        session.ping();
        zxid += taken;
        assert_eq!(session.zxid, zxid, "{what}");
    };
    session.set("/a", b"", -1).expect("set");
    step(&mut session, 1, "setData");
    session.set("/a", b"", 77).expect_err("wrong version");
    step(&mut session, 1, "failed setData");
    session.delete("/none", -1).expect_err("absent");
    step(&mut session, 1, "failed delete");
    session.create("bad", b"", 0).expect_err("bad path");
    step(&mut session, 1, "failed create");
    session.set_acl("/a", &[], -1).expect_err("no entry");
    step(&mut session, 1, "failed setACL");
    session.multi(&[]).expect("an empty multi is fine");
    step(&mut session, 1, "empty multi");
    session.multi(&[(op::CHECK, Body::new().string("/a").int(99))]).expect("answered");
    step(&mut session, 1, "failed multi");
    session.get("/none", false).expect_err("absent");
    session.exists("/a", true).expect("there");
    session.children("/a", false).expect("there");
    assert_eq!(session.code(op::SYNC, &Body::new().string("/a")), 0);
    session.who_am_i();
    session.add_watch("/a", 1).expect("added");
    session.remove_watches("/b", 3);
    session.multi_read(&[]).expect("an empty multiRead is fine");
    assert_eq!(session.auth("digest", b"a:b"), 0);
    step(&mut session, 0, "reads");
}

#[test]
fn p58_a_write_that_does_not_decode_takes_no_zxid() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    let before = session.zxid;
    assert_eq!(session.code(op::CREATE, &Body::new()), op::MARSHALLING);
    assert_eq!(session.code(op::SET_DATA, &Body::new().null()), op::MARSHALLING);
    session.make("/b");
    assert_eq!(session.zxid, before + 1);
}

#[test]
fn p33_headers_carry_the_zxid_of_the_write_or_of_the_last_one_applied() {
    let server = Subject::start();
    let (mut writer, mut reader) = server.pair();
    writer.make("/a");
    let created = writer.zxid;
    reader.stat("/a");
    assert_eq!(reader.zxid, created);
    writer.delete("/a", 5).expect_err("wrong version");
    assert_eq!(writer.zxid, created + 1, "a failed write has a zxid");
    reader.get("/none", false).expect_err("absent");
    assert_eq!(reader.zxid, created + 1, "a failed read tells the last one");
    reader.ping();
    assert_eq!(reader.zxid, created + 1);
}

#[test]
fn z07_times_are_those_of_the_transaction() {
    let server = Subject::start();
    let mut session = server.session();
    let (_, created) = session.create2("/a", b"", 0).expect("created");
    let changed = session.set("/a", b"", -1).expect("set");
    assert_eq!(changed.ctime, created.ctime);
    let later = session.set_acl("/a", &[acl(31, "world", "anyone")], -1).expect("set");
    assert_eq!((later.ctime, later.mtime), (changed.ctime, changed.mtime));
}
