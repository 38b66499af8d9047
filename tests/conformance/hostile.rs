//! Requests that no client sends: everything is answered, and the server stays up.

use tenure_tests::chance::Chance;
use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::raw::{Silence, Wire};
use tenure_tests::records::{Frame, acl, open};
use tenure_tests::session::{Session, create_body, multi_body};
use tenure_tests::subject::{Settings, Subject};

/// The reserved tree, the quota znodes that can be made in it, and the edges of paths.
const PATHS: [&str; 11] = [
    "/",
    "",
    "/zookeeper",
    "/zookeeper/quota",
    "/zookeeper/config",
    "/zookeeper/quota/zookeeper_limits",
    "/zookeeper/quota/a",
    "/zookeeper/quota/a/zookeeper_limits",
    "/zookeeper/quota/a/zookeeper_stats",
    "/a",
    "no slash",
];

const INTS: [i32; 9] = [i32::MIN, -2, -1, 0, 1, 2, 255, 1 << 20, i32::MAX];
const LONGS: [i64; 7] = [i64::MIN, -1, 0, 1, 1 << 40, u32::MAX as i64, i64::MAX];

const KNOWN: [i32; 30] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 100, 101, 102, 103,
    104, 105, 106, 107, -10,
];

/// A server under attack and an innocent session on it.
struct Siege {
    server: Subject,
    attacker: Session,
    innocent: Session,
    sent: usize,
}

impl Siege {
    fn new() -> Siege {
        let settings = Settings { max_connections_per_address: 0, ..Settings::default() };
        Siege::of(Subject::with(settings))
    }

    fn of(server: Subject) -> Siege {
        let (attacker, innocent) = server.pair();
        Siege { server, attacker, innocent, sent: 0 }
    }

    /// Sends one request; it must be answered, or the connection closed where that is the answer.
    fn send(&mut self, kind: i32, body: &Body) {
        let xid = self.attacker.send(kind, body);
        let what = || format!("operation {kind} with {:02x?}", body.0);
        let reply = match self.attacker.reply() {
            Ok(reply) => reply,
            Err(why) => panic!("{} got no answer: {why:?}", what()),
        };
        let wanted = if kind == op::PING { -2 } else { xid };
        assert_eq!(reply.xid, wanted, "{}", what());
        let may_close = matches!(reply.err, op::UNIMPLEMENTED | op::AUTH_FAILED)
            || kind == op::CLOSE_SESSION
            || kind == op::SASL;
        match self.attacker.try_ping() {
            Ok(()) => {}
            Err(Silence::Closed) if may_close => self.attacker = self.server.session(),
            Err(why) => panic!("after {} the connection is {why:?}", what()),
        }
        self.attacker.take_events();
        self.sent += 1;
        if self.sent.is_multiple_of(200) {
            self.innocent.ping();
        }
    }

    fn survived(mut self) {
        self.innocent.ping();
        assert!(self.innocent.exists("/", false).is_ok());
        assert_eq!(self.server.word(b"ruok"), "imok");
        self.server.session().close();
    }
}

/// Bodies that begin with this path and go on in every way some operation expects.
fn shapes(path: Option<&str>) -> Vec<Body> {
    let start = || match path {
        Some(path) => Body::new().string(path),
        None => Body::new().null(),
    };
    let mut bodies = vec![start(), start().bool(true), start().bytes(b"").acl(&open())];
    for int in INTS {
        bodies.push(start().int(int));
        bodies.push(start().bytes(b"x").int(int));
        bodies.push(start().null().int(int));
        bodies.push(start().acl(&open()).int(int));
        bodies.push(start().int(int).int(int).int(int));
        bodies.push(start().bytes(b"").acl(&open()).int(int));
        bodies.push(start().bytes(b"").int(int).int(int).int(int));
    }
    for long in LONGS {
        bodies.push(start().bytes(b"").acl(&open()).int(op::TTL).long(long));
        bodies.push(Body::new().long(long).strings(&[path.unwrap_or("")]).null().null());
        bodies.push(
            (0..5).fold(Body::new().long(long), |body, _| body.strings(&[path.unwrap_or("/b")])),
        );
    }
    let null_fields = [
        start().null().null().int(0),
        start().bytes(b"").int(1).int(31).null().null().int(0),
        start().bytes(b"").int(1).int(31).string("world").null().int(0),
        start().bytes(b"").int(1).int(31).null().string("anyone").int(0),
        start().int(1).int(31).null().null().int(-1),
        start().null().null().long(0),
    ];
    bodies.extend(null_fields);
    bodies
}

#[test]
fn h05_every_known_operation_survives_every_shape() {
    let mut siege = Siege::new();
    for kind in KNOWN {
        for path in PATHS.into_iter().map(Some).chain([None]) {
            for body in shapes(path) {
                siege.send(kind, &body);
            }
        }
    }
    assert!(siege.sent > 20_000, "{} requests were sent", siege.sent);
    siege.survived();
}

/// Everything a client can see of a tree. What is said of sessions tells of their connections too.
fn tree(session: &mut Session) -> Vec<String> {
    let mut seen = Vec::new();
    let mut paths = vec!["/".to_owned()];
    while let Some(path) = paths.pop() {
        if path == "/zookeeper/sessions" {
            continue;
        }
        let names = session.children(&path, false).expect("there");
        let above = path.trim_end_matches('/');
        paths.extend(names.iter().map(|name| format!("{above}/{name}")));
        seen.push(format!("{path} {:?} {:?}", session.get(&path, false), session.get_acl(&path)));
    }
    seen.sort();
    seen
}

#[test]
fn h05_a_restart_from_the_log_leads_to_the_same_tree() {
    let directory = tempfile::TempDir::new().expect("a directory");
    let start = || {
        tenure::server::Server::builder()
            .max_connections_per_address(0)
            .words("*")
            .data_dir(directory.path())
            .start()
            .expect("the server starts")
    };
    let mut siege = Siege::of(Subject::Embedded(start()));
    for (place, kind) in KNOWN.into_iter().enumerate() {
        for path in PATHS.into_iter().map(Some).chain([None]) {
            for body in shapes(path).iter().skip(place % 5).step_by(5) {
                siege.send(kind, body);
            }
        }
    }
    for path in PATHS {
        for flag in (0..=255).filter(|flag| *flag < 8 || flag % 16 == 0) {
            siege.send(op::CREATE, &create_body(path, Some(b""), &open(), flag));
        }
    }
    let before = tree(&mut siege.innocent);
    assert!(before.len() > 10 && siege.sent > 4_000, "{} requests were sent", siege.sent);
    let Siege { server, attacker, innocent, .. } = siege;
    let again = (attacker.reattachment(), innocent.reattachment());
    drop(server);
    let server = Subject::Embedded(start());
    let _attacker = Session::open(server.addr(), &again.0).expect("its ephemerals are there");
    let mut innocent = Session::open(server.addr(), &again.1).expect("the session is there");
    assert_eq!(tree(&mut innocent), before);
}

#[test]
fn h05_every_number_is_an_operation_or_refused() {
    let mut siege = Siege::new();
    let far = [i32::MIN, i32::MIN + 1, -1_000, 255, 256, 1_000, 1 << 16, i32::MAX - 1, i32::MAX];
    for kind in (-12..=120).chain(far) {
        let bodies = [
            Body::new(),
            Body::new().int(0),
            Body::new().raw(&[0xff; 64]),
            Body::new().raw(&[0; 64]),
            Body::new().string("/").bool(false),
        ];
        for body in bodies {
            siege.send(kind, &body);
        }
    }
    siege.survived();
}

#[test]
fn h05_every_create_flag_meets_every_reserved_path() {
    let mut siege = Siege::new();
    for path in PATHS {
        for flag in 0..=255 {
            for kind in [op::CREATE, op::CREATE2, op::CREATE_CONTAINER, op::CREATE_TTL] {
                siege.send(kind, &create_body(path, Some(b""), &open(), flag).long(1_000));
            }
            let part = (op::CREATE, create_body(path, None, &open(), flag));
            siege.send(op::MULTI, &multi_body(&[part]));
        }
    }
    siege.survived();
}

#[test]
fn h05_multis_of_anything() {
    let mut siege = Siege::new();
    for kind in (-12..=120).chain([i32::MIN, i32::MAX]) {
        for path in [Some("/zookeeper/quota/a"), Some("/"), Some(""), None] {
            let start = || path.map_or(Body::new().null(), |path| Body::new().string(path));
            let bodies = [
                Body::new(),
                start(),
                start().int(-1),
                start().bytes(b"").int(-1),
                start().bytes(b"").acl(&open()).int(0),
                start().null().null().int(0),
            ];
            for body in bodies {
                siege.send(op::MULTI, &multi_body(&[(kind, body.clone())]));
                siege.send(op::MULTI_READ, &multi_body(&[(kind, body)]));
            }
        }
    }
    let headers = [
        Body::new().int(-1).bool(false).int(-1),
        Body::new().int(1).bool(true).int(-1),
        Body::new().int(i32::MAX).bool(true).int(i32::MIN),
    ];
    for body in headers {
        siege.send(op::MULTI, &body);
        siege.send(op::MULTI_READ, &body);
    }
    siege.survived();
}

#[test]
fn h05_random_bytes_are_answered() {
    let mut siege = Siege::new();
    let mut chance = Chance::new(5);
    for _ in 0..5_000 {
        let kind = *chance.pick(&KNOWN);
        let length = chance.below(80);
        let bytes: Vec<_> =
            (0..length).map(|_| if chance.percent(50) { 0 } else { chance.bits() as u8 }).collect();
        siege.send(kind, &Body::new().raw(&bytes));
    }
    siege.survived();
}

#[test]
fn h05_garbage_instead_of_a_handshake_is_closed() {
    let server = Subject::with(Settings { max_connections_per_address: 0, ..Settings::default() });
    let mut innocent = server.session();
    let mut chance = Chance::new(6);
    for _ in 0..300 {
        let mut wire = Wire::open(server.addr());
        let length = chance.below(60);
        let body: Vec<_> = (0..length).map(|_| chance.bits() as u8 & 0x83).collect();
        wire.send_frame(&body);
        wire.half_close();
        wire.read_to_close();
    }
    innocent.ping();
}

/// What is no handshake, each on a connection of its own: closed, without an answer.
fn is_garbage(server: &Subject, first: &[u8]) {
    let mut wire = Wire::open(server.addr());
    wire.send(first);
    wire.half_close();
    assert_eq!(wire.read_to_close(), b"", "{first:02x?} got an answer");
}

#[test]
fn cve_2018_8012_what_members_say_to_each_other_is_garbage() {
    let server = Subject::start();
    let mut innocent = server.session();
    // To an election: the version of its protocol, a server's id, and where it can be reached.
    let hello = b"\xff\xff\xff\xff\xff\xff\x00\x00\0\0\0\0\0\0\0\x02\0\0\0\x0e127.0.0.1:3888";
    is_garbage(&server, hello);
    // To a leader: a follower with an epoch, a member's vote, and a proposal.
    for kind in [11, 16, 2] {
        let packet = Body::new().int(kind).long(0x1_0000_0000).bytes(&[0; 20]).int(-1);
        is_garbage(&server, &packet.0);
    }
    innocent.ping();
}

#[test]
fn cve_2024_51504_http_and_its_headers_are_garbage() {
    let server = Subject::start();
    let mut innocent = server.session();
    for header in ["X-Forwarded-For", "X-Real-IP", "Forwarded"] {
        for verb in ["GET /commands/snapshot", "POST /commands/restore", "PUT /"] {
            let request = format!("{verb} HTTP/1.1\r\nHost: x\r\n{header}: 127.0.0.1\r\n\r\n");
            is_garbage(&server, request.as_bytes());
        }
    }
    innocent.ping();
}

#[test]
fn h03_q11_the_quota_tree_obeys_the_rules_of_every_tree() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/plain");
    let names =
        ["/a", "/a/zookeeper_limits", "/a/zookeeper_stats", "/a/b", "/a/b/zookeeper_limits"];
    let mut chance = Chance::new(7);
    for step in 0..2_000 {
        let name = *chance.pick(&names);
        let create = chance.percent(50);
        let codes = ["/zookeeper/quota", "/plain"].map(|root| {
            let path = format!("{root}{name}");
            if create {
                session.create(&path, b"count=1,bytes=-1", 0).err()
            } else {
                session.delete(&path, -1).err()
            }
        });
        assert_eq!(codes[0], codes[1], "step {step}: {name}, create {create}");
    }
    session.ping();
}

#[test]
fn h03_a_multi_cannot_break_the_reserved_tree() {
    let server = Subject::start();
    let mut session = server.session();
    for path in ["/zookeeper/quota", "/zookeeper/config", "/zookeeper", "/"] {
        let delete = (op::DELETE, Body::new().string(path).int(-1));
        let create = (op::CREATE, create_body(path, Some(b""), &open(), 0));
        session.multi(&[delete, create]).expect("answered");
    }
    for path in ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"] {
        assert!(session.exists(path, false).is_ok(), "{path}");
    }
    let closed = [acl(0, "world", "anyone")];
    session.set_acl("/zookeeper", &closed, -1).expect("everybody may");
    assert_eq!(session.create("/zookeeper/x", b"", 0), Err(op::NO_AUTH));
    assert!(session.create("/x", b"", 0).is_ok());
}

#[test]
fn h05_events_and_replies_stay_apart_under_fire() {
    let server = Subject::start();
    let (mut attacker, mut innocent) = server.pair();
    innocent.add_watch("/", 1).expect("added");
    for round in 0..200 {
        attacker.send(op::CREATE, &create_body(&format!("/n{round}"), None, &open(), 0));
        attacker.send(op::CREATE, &Body::new());
        innocent.send(op::GET_DATA, &Body::new().null());
    }
    for _ in 0..400 {
        attacker.reply().expect("answered");
    }
    let (mut replies, mut events) = (0, 0);
    while replies < 200 || events < 200 {
        match innocent.frame().expect("a frame") {
            Frame::Reply(reply) => {
                assert_eq!(reply.err, op::MARSHALLING);
                replies += 1;
            }
            Frame::Event(event) => {
                assert_eq!((event.kind, event.path), (op::CREATED, format!("/n{events}")));
                events += 1;
            }
        }
    }
}
