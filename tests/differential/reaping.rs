//! Containers and TTL znodes that both servers remove by themselves, by their own rules.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tenure::server::{Clock, Server};
use tenure_tests::apache::Apache;
use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::records::open;
use tenure_tests::session::{Session, create_body};

const INTERVAL: Duration = Duration::from_millis(100);

/// What has to go, and nothing else.
const DUE: [&str; 6] = ["/used", "/nest", "/nest/inner", "/short", "/p/t-0000000000", "/p/both"];

/// A TTL that is over at once, and one that never is.
const SHORT: i64 = 1;
const LONG: i64 = 100_000_000;

fn create_ttl(path: &str, flags: i32, ttl: i64) -> (i32, Body) {
    (op::CREATE_TTL, create_body(path, Some(b""), &open(), flags).long(ttl))
}

/// Makes znodes of all the kinds that can come due, some of them due.
fn plant(session: &mut Session) {
    let container = |session: &mut Session, path: &str| {
        let body = create_body(path, Some(b""), &open(), op::CONTAINER);
        assert_eq!(session.code(op::CREATE_CONTAINER, &body), 0, "{path}");
    };
    session.make("/p");
    for path in ["/unused", "/used", "/full", "/nest"] {
        container(session, path);
    }
    for path in ["/used/x", "/full/x"] {
        session.make(path);
    }
    session.delete("/used/x", -1).expect("deleted");
    session.create("/by-create", b"", op::CONTAINER).expect("created");
    session.make("/by-create/x");
    session.delete("/by-create/x", -1).expect("deleted");
    container(session, "/nest/inner");
    session.make("/nest/inner/x");
    session.delete("/nest/inner/x", -1).expect("deleted");
    // One transaction, so that nothing goes between its operations.
    let parts = [
        create_ttl("/kept", op::TTL, SHORT),
        (op::CREATE, create_body("/kept/x", None, &open(), op::PERSISTENT)),
        create_ttl("/short", op::TTL, SHORT),
        create_ttl("/long", op::TTL, LONG),
        create_ttl("/p/t-", op::TTL_SEQUENTIAL, SHORT),
        create_ttl("/p/t-", op::TTL_SEQUENTIAL, LONG),
        create_ttl("/p/both", op::TTL, SHORT),
        (op::CREATE, create_body("/p/both/x", None, &open(), op::PERSISTENT)),
        (op::DELETE, Body::new().string("/p/both/x").int(-1)),
    ];
    session.multi(&parts).expect("created");
}

/// Every path below `top`, with the cversion of its parent's end.
fn tree(session: &mut Session, top: &str) -> BTreeSet<(String, i32, i32)> {
    let stat = session.stat(if top.is_empty() { "/" } else { top });
    let mut all = BTreeSet::from([(top.to_owned(), stat.cversion, stat.num_children)]);
    let names = session.children(if top.is_empty() { "/" } else { top }, false).expect("read");
    for name in names {
        all.extend(tree(session, &format!("{top}/{name}")));
    }
    all
}

#[test]
fn containers_and_ttl_znodes_come_due_alike() {
    if crate::apache_is_missing() {
        return;
    }
    let tenure = Server::builder()
        .clock(Clock::manual())
        .reap_interval(INTERVAL)
        // The rule `session-directory`.
        .session_directory(false)
        .start()
        .expect("it starts");
    let jvm = ["-XX:TieredStopAtLevel=1", "-Xmx256m", "-Dznode.container.checkIntervalMs=100"];
    let apache = Apache::start_on(&jvm, &["tickTime=2000".to_owned()], true).expect("it starts");
    let mut ours = Session::new(tenure.addr());
    let mut theirs = Session::new(apache.addr());
    for session in [&mut ours, &mut theirs] {
        plant(session);
    }
    // A container that goes uncovers the one above it for the next look.
    tenure.advance(INTERVAL * 5);
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let left = DUE.iter().filter(|path| theirs.exists(path, false).is_ok());
        let left: Vec<_> = left.collect();
        if left.is_empty() {
            break;
        }
        assert!(Instant::now() < end, "Apache ZooKeeper does not remove {left:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
    for path in DUE {
        assert_eq!(ours.exists(path, false), Err(op::NO_NODE), "{path}");
    }
    // The rule `container-by-create`.
    assert_eq!(ours.exists("/by-create", false), Err(op::NO_NODE));
    theirs.delete("/by-create", -1).expect("it stayed there");
    assert_eq!(tree(&mut ours, ""), tree(&mut theirs, ""));
    for session in [&mut ours, &mut theirs] {
        session.ping();
    }
    assert_eq!(ours.zxid, theirs.zxid, "each removal takes one");
}
