//! The numbers that the server appends to sequential names.

use tenure_tests::op;
use tenure_tests::subject::Subject;

#[test]
fn z33_the_first_number_is_0() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/p");
    assert_eq!(session.create("/p/n-", b"", op::SEQUENTIAL), Ok("/p/n-0000000000".to_owned()));
    assert_eq!(
        session.create("/p/n-", b"", op::EPHEMERAL_SEQUENTIAL),
        Ok("/p/n-0000000001".to_owned())
    );
}

#[test]
fn z34_all_creates_of_a_parent_share_one_counter() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/p");
    session.make("/p/a");
    assert_eq!(session.create("/p/b-", b"", op::SEQUENTIAL), Ok("/p/b-0000000001".to_owned()));
    session.create("/p/c", b"", op::EPHEMERAL).expect("created");
    assert_eq!(session.create("/p/", b"", op::SEQUENTIAL), Ok("/p/0000000003".to_owned()));
}

#[test]
fn z35_deletions_do_not_lower_it() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/p");
    for number in 0..5 {
        let path = session.create("/p/n", b"", op::SEQUENTIAL).expect("created");
        assert_eq!(path, format!("/p/n{number:010}"));
        session.delete(&path, -1).expect("deleted");
    }
    session.delete("/p", -1).expect("deleted");
    session.make("/p");
    assert_eq!(session.create("/p/n", b"", op::SEQUENTIAL), Ok("/p/n0000000000".to_owned()));
}

#[test]
fn z36_failed_creates_do_not_advance_it() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/p");
    session.make("/p/a");
    assert_eq!(session.create("/p/a", b"", 0), Err(op::NODE_EXISTS));
    assert_eq!(session.create("/p/../", b"", op::SEQUENTIAL), Err(op::NO_NODE));
    assert_eq!(session.create("/p/\u{1}", b"", op::SEQUENTIAL), Err(op::BAD_ARGUMENTS));
    assert_eq!(session.create("/p/n", b"", op::SEQUENTIAL), Ok("/p/n0000000001".to_owned()));
}

#[test]
fn z38_a_taken_name_is_not_skipped() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/p");
    session.make("/p/n0000000001");
    assert_eq!(session.create("/p/n", b"", op::SEQUENTIAL), Err(op::NODE_EXISTS));
    assert_eq!(session.create("/p/n", b"", op::SEQUENTIAL), Err(op::NODE_EXISTS));
    session.make("/p/other");
    assert_eq!(session.create("/p/n", b"", op::SEQUENTIAL), Ok("/p/n0000000002".to_owned()));
}

#[test]
fn z39_the_roots_counter_starts_at_0() {
    let server = Subject::start();
    let mut session = server.session();
    assert_eq!(session.create("/n", b"", op::SEQUENTIAL), Ok("/n0000000000".to_owned()));
}
