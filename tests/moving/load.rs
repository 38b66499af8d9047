//! What is written to Apache before the move.

use std::net::SocketAddr;

use tenure_tests::chance::Chance;
use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::records::{Outcome, acl, open};
use tenure_tests::session::{Session, create_body};

/// What has to come along.
pub struct Loaded {
    /// Id, timeout and password of the sessions that are open.
    pub sessions: Vec<(i64, i32, Vec<u8>)>,
    /// How many writes of the flood were answered before the kill.
    pub acknowledged: i32,
    /// Keeps the connections open until the kill.
    _clients: Vec<Session>,
}

/// Every kind of znode, ACL, session and transaction.
pub fn every_kind(addr: SocketAddr) -> Loaded {
    let mut clients: Vec<Session> =
        [40_000, 36_000, 31_000].map(|timeout| Session::with_timeout(addr, timeout)).into();
    let client = &mut clients[0];
    kinds(client);
    lists(client);
    multis(client);
    quota(client);
    for (number, client) in clients.iter_mut().enumerate() {
        for name in ["a", "b"] {
            let path = format!("/kinds/ephemeral-{number}-{name}");
            client.create(&path, b"held", op::EPHEMERAL).expect("a fresh path");
        }
        client.create("/kinds/member-", b"", op::EPHEMERAL_SEQUENTIAL).expect("numbered");
    }
    let mut gone = Session::new(addr);
    gone.create("/kinds/gone", b"", op::EPHEMERAL).expect("a fresh path");
    gone.create("/kinds/gone-", b"", op::EPHEMERAL_SEQUENTIAL).expect("numbered");
    gone.close();
    let sessions = clients
        .iter()
        .map(|client| (client.id(), client.granted.timeout, client.granted.passwd.clone()));
    Loaded { sessions: sessions.collect(), acknowledged: 0, _clients: clients }
}

fn kinds(client: &mut Session) {
    client.make("/kinds");
    client.make("/kinds/empty");
    client.create_with("/kinds/null", None, &open(), op::PERSISTENT).expect("null is a value");
    client.create("/kinds/big", &vec![7; 900_000], op::PERSISTENT).expect("it fits a frame");
    client.create("/kinds/ünï-✓", b"\0\xFF", op::PERSISTENT).expect("a valid name");
    client.create2("/kinds/unused", b"c", op::CONTAINER).expect("a container");
    client.create2("/kinds/used", b"c", op::CONTAINER).expect("a container");
    client.make("/kinds/used/child");
    client.make("/kinds/used/other");
    client.delete("/kinds/used/other", 0).expect("it is there");
    client.create_ttl("/kinds/ttl", op::TTL, 86_400_000).expect("extended types are on");
    client.create_ttl("/kinds/ttl-", op::TTL_SEQUENTIAL, 0xFF_FFFF_FFFF).expect("the longest");
    for _ in 0..3 {
        client.create("/kinds/empty/n-", b"", op::SEQUENTIAL).expect("numbered");
    }
    client.delete("/kinds/empty/n-0000000001", -1).expect("it is there");
    client.set("/kinds/null", b"no longer", 0).expect("version 0");
    let none = Body::new().string("/kinds/null").null().int(-1);
    assert_eq!(client.code(op::SET_DATA, &none), 0, "null again");
    let deep = (0..40).fold(String::new(), |above, level| {
        let path = format!("{above}/level-{level}");
        client.make(&path);
        path
    });
    client.set(&deep, b"deep down", 0).expect("version 0");
    assert_eq!(client.set(&deep, b"", 0), Err(op::BAD_VERSION), "failed writes take zxids too");
    assert_eq!(client.delete("/kinds", -1), Err(op::NOT_EMPTY));
}

fn lists(client: &mut Session) {
    client.make("/lists");
    assert_eq!(client.auth("digest", b"bob:pw"), 0);
    let digest = acl(op::ALL, "digest", "bob:ikIaKsbtGweaHnb/jKn7OHqbunM=");
    let lists = [
        ("/lists/digest", vec![digest.clone()]),
        ("/lists/auth", vec![acl(op::ALL, "auth", "")]),
        ("/lists/ip", vec![acl(op::READ, "ip", "127.0.0.0/8"), digest.clone()]),
        ("/lists/read", vec![acl(op::READ, "world", "anyone")]),
        ("/lists/odd", vec![acl(255, "world", "anyone"), acl(0, "ip", "10.0.0.1"), digest]),
    ];
    for (path, list) in &lists {
        client.create_with(path, Some(b"guarded"), list, op::PERSISTENT).expect("valid lists");
    }
    client.make("/lists/changed");
    for (_, list) in &lists[..3] {
        client.set_acl("/lists/changed", list, -1).expect("bob may");
    }
}

fn multis(client: &mut Session) {
    client.make("/multis");
    let create = |path: &str, flags| (op::CREATE, create_body(path, Some(b"m"), &open(), flags));
    let done = client.multi(&[
        create("/multis/a", op::PERSISTENT),
        create("/multis/a/b", op::EPHEMERAL),
        (op::SET_DATA, Body::new().string("/multis/a").bytes(b"set").int(0)),
        (op::CHECK, Body::new().string("/multis/a").int(1)),
        create("/multis/s-", op::SEQUENTIAL),
        create("/multis/gone", op::PERSISTENT),
        (op::DELETE, Body::new().string("/multis/gone").int(0)),
        (op::CREATE_CONTAINER, create_body("/multis/box", Some(b""), &open(), op::CONTAINER)),
        (op::CREATE_TTL, create_body("/multis/ttl", None, &open(), op::TTL).long(77_000_000)),
        (op::CREATE2, create_body("/multis/two", Some(b"2"), &open(), op::PERSISTENT)),
    ]);
    assert_eq!(done.map(|results| results.len()), Ok(10));
    let failed = client.multi(&[
        create("/multis/never", op::PERSISTENT),
        (op::CHECK, Body::new().string("/multis/a").int(7)),
        create("/multis/neither", op::PERSISTENT),
    ]);
    assert_eq!(failed.expect("results")[1], Outcome::Error(op::BAD_VERSION));
    assert_eq!(client.multi(&[]), Ok(vec![]), "an empty one takes a zxid as well");
}

/// A quota as Apache's shell sets it, and what it counts.
fn quota(client: &mut Session) {
    client.make("/limited");
    client.make("/zookeeper/quota/limited");
    let limits = b"count=100,bytes=100000";
    client
        .create("/zookeeper/quota/limited/zookeeper_limits", limits, op::PERSISTENT)
        .expect("a fresh path");
    client
        .create("/zookeeper/quota/limited/zookeeper_stats", b"count=1,bytes=0", op::PERSISTENT)
        .expect("a fresh path");
    for name in ["x", "y", "z"] {
        client.create(&format!("/limited/{name}"), b"12345", op::PERSISTENT).expect("a fresh path");
    }
    client.set("/limited/y", b"1234567", -1).expect("it is there");
}

/// Creates, deletes, sets and multis of few paths in an order that the seed decides.
pub fn churn(addr: SocketAddr, seed: u64) {
    let mut chance = Chance::new(seed);
    let mut client = Session::with_timeout(addr, 40_000);
    client.make("/churn");
    for _ in 0..1_500 {
        let path = format!("/churn/{}", chance.below(12));
        let child = format!("{path}/{}", chance.below(3));
        let data = vec![b'd'; chance.below(300)];
        // Half of them fail, as it happens.
        let _ = match chance.below(9) {
            0 | 1 => client.create(&path, &data, op::PERSISTENT).map(drop),
            2 => client.create(&child, &data, op::PERSISTENT).map(drop),
            3 => client.create(&format!("{path}/s-"), &data, op::SEQUENTIAL).map(drop),
            4 => client.delete(&child, -1),
            5 => client.delete(&path, chance.below(2) as i32),
            6 => client.create(&child, &data, op::EPHEMERAL).map(drop),
            7 => client.set(&path, &data, -1).map(drop),
            _ => client
                .multi(&[
                    (op::SET_DATA, Body::new().string(&path).bytes(&data).int(-1)),
                    (op::CREATE, create_body(&child, None, &open(), op::PERSISTENT)),
                ])
                .map(drop),
        };
    }
    if chance.percent(50) {
        client.close();
    }
}

/// Sends `writes` without waiting, and returns when `answers` of them have been answered: the rest
/// is under way.
pub fn flood(addr: SocketAddr, writes: i32, answers: i32) -> i32 {
    let mut client = Session::with_timeout(addr, 40_000);
    client.make("/flood");
    let body = Body::new().string("/flood").bytes(&[b'f'; 200]).int(-1);
    for _ in 0..writes {
        client.send(op::SET_DATA, &body);
    }
    for _ in 0..answers {
        let reply = client.reply().expect("the server answers");
        assert_eq!(reply.err, 0, "the znode is there");
    }
    answers
}
