//! Every type of record, as each release writes it.

use super::super::owner::Owner;
use super::super::record::{Change, Create, Record, Write};
use super::bytes::Body;
use crate::base::{Acl, SessionId, WallMillis, Zxid};

const SESSION: i64 = 0x0100_0010_2a03_0000;

fn decode(body: &Body) -> Record {
    Record::decode(&body.0, "log.1", 0).unwrap_or_else(|why| panic!("{why}"))
}

fn refusal(body: &Body) -> String {
    Record::decode(&body.0, "log.1", 100).expect_err("not a record").to_string()
}

fn txn(kind: i32) -> Body {
    Body::txn(SESSION, 9, kind)
}

fn writes(body: &Body) -> Vec<Write> {
    match decode(body).change {
        Change::Writes(writes) => writes,
        other => panic!("{other:?}"),
    }
}

fn created(owner: Owner, parent_cversion: Option<i32>) -> Vec<Write> {
    let data = Some(bytes::Bytes::from_static(b"x"));
    let acl = Acl::open_unsafe();
    vec![Write::Create(Create { path: "/a".to_owned(), data, acl, owner, parent_cversion })]
}

#[test]
fn headers_say_who_when_and_in_which_place() {
    let record = decode(&txn(-10).int(10_000));
    assert_eq!((record.session, record.zxid), (SessionId(SESSION), Zxid(9)));
    assert_eq!((record.at, record.digest), (WallMillis(9_000), None));
    assert_eq!(record.change, Change::CreateSession { timeout: 10_000 });
}

#[test]
fn all_creates_are_told_apart() {
    let path = |kind| txn(kind).create("/a");
    for kind in [1, 15] {
        assert_eq!(writes(&path(kind).bool(false).int(3)), created(Owner::NOBODY, Some(3)));
        assert_eq!(writes(&path(kind).bool(true).int(3)), created(Owner(SESSION), Some(3)));
    }
    assert_eq!(writes(&path(19).int(3)), created(Owner::CONTAINER, Some(3)));
    assert_eq!(writes(&path(21).int(3).long(500)), created(Owner::ttl(500), Some(3)));
}

#[test]
fn the_oldest_creates_do_not_count_children() {
    assert_eq!(writes(&txn(1).create("/a").bool(true)), created(Owner(SESSION), None));
    assert_eq!(writes(&txn(1).create("/a").bool(false).int(-1)), created(Owner::NOBODY, None));
}

#[test]
fn null_data_and_null_lists_are_kept_apart_from_empty_ones() {
    let body = txn(1).string("/a").buffer(None).int(-1).bool(false).int(1);
    let [Write::Create(create)] = &writes(&body)[..] else { panic!("one create") };
    assert_eq!((create.data.clone(), &create.acl), (None, &Acl::open_unsafe()));
    let body = txn(5).string("/a").buffer(Some(b"")).int(1);
    let data = Some(bytes::Bytes::new());
    assert_eq!(writes(&body), [Write::SetData { path: "/a".to_owned(), data, version: 1 }]);
}

#[test]
fn other_writes_are_told_apart() {
    let path = || "/a".to_owned();
    for kind in [2, 20] {
        assert_eq!(writes(&txn(kind).string("/a")), [Write::Delete { path: path() }]);
    }
    for kind in [5, 16] {
        let set = Write::SetData { path: path(), data: None, version: -1 };
        assert_eq!(writes(&txn(kind).string("/a").buffer(None).int(-1)), [set]);
    }
    let acl = Acl::read_unsafe();
    let set = Write::SetAcl { path: path(), acl: acl.clone(), version: 4 };
    assert_eq!(writes(&txn(7).string("/a").acl(&acl).int(4)), [set]);
    assert_eq!(writes(&txn(13).string("/a").int(4)), [Write::Check]);
    assert_eq!(decode(&txn(-1).int(-101)).change, Change::Failed);
}

#[test]
fn sessions_close_with_and_without_paths_and_digests() {
    let none = Change::CloseSession { paths: vec![] };
    let two = Change::CloseSession { paths: vec!["/a".to_owned(), "/b".to_owned()] };
    let digest = |body: Body| body.int(2).long(77);
    let paths = |body: Body| body.int(2).string("/a").string("/b");
    for (body, change, sum) in [
        (txn(-11), &none, None),
        (digest(txn(-11)), &none, Some(77)),
        (txn(-11).int(0), &none, None),
        (digest(txn(-11).int(0)), &none, Some(77)),
        (paths(txn(-11)), &two, None),
        (digest(paths(txn(-11))), &two, Some(77)),
    ] {
        let record = decode(&body);
        assert_eq!((&record.change, record.digest), (change, sum));
    }
}

#[test]
fn a_multi_is_the_sum_of_its_parts_unless_one_failed() {
    let part = |body: Body, kind: i32, inner: &Body| body.int(kind).buffer(Some(&inner.0));
    let create = Body::default().create("/a").bool(true).int(3);
    let check = Body::default().string("/a").int(0);
    let delete = Body::default().string("/b");
    let done = part(part(part(txn(14).int(3), 1, &create), 13, &check), 2, &delete);
    let all = [&created(Owner(SESSION), Some(3))[..], &[Write::Check]].concat();
    let all = [all, vec![Write::Delete { path: "/b".to_owned() }]].concat();
    assert_eq!(writes(&done), all);
    let failed = part(part(txn(14).int(2), 1, &create), -1, &Body::default().int(-103));
    assert_eq!(writes(&failed), []);
    assert_eq!(writes(&txn(14).int(0)), []);
    assert_eq!(decode(&txn(14).int(0).int(2).long(5)).digest, Some(5));
}

#[test]
fn digests_of_another_version_are_not_compared() {
    assert_eq!(decode(&txn(2).string("/a").int(1).long(5)).digest, None);
}

#[test]
fn what_is_no_record_is_refused_with_its_place() {
    let unknown = refusal(&txn(99));
    assert!(unknown.contains("log.1") && unknown.contains("type 99"), "{unknown}");
    let longer = refusal(&txn(2).string("/a").int(7));
    assert!(longer.contains("no digest") && longer.contains(" 138"), "{longer}");
    refusal(&txn(2).string("/a").long(1).long(1));
    refusal(&txn(1).string("/a").buffer(None).int(i32::MAX));
    refusal(&txn(14).int(i32::MAX));
    refusal(&txn(14).int(1).int(14).buffer(Some(&[0; 4])));
}
