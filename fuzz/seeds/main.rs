//! Writes one input for each operation and shape into `corpus/`, in the form the targets read.
//!
//! Run from this folder: `cargo run --example seeds`. Names are the operations' own, so running it
//! again changes nothing but what changed.

mod disk;
#[allow(dead_code, reason = "the target needs more of it than the seeds")]
#[path = "../targets/disk/memory.rs"]
mod memory;
mod steps;

use std::fs;
use std::io;
use std::path::Path;

use bytes::{Bytes, BytesMut};
use tenure::base::mode::Ttl;
use tenure::base::{
    Acl, Code, CreateMode, EventKind, Identity, Millis, Password, SessionId, Stat, WatchMode,
    WatcherKind, Zxid,
};
use tenure::wire::multi::{MultiOp, MultiResult, ReadOp};
use tenure::wire::request::Create;
use tenure::wire::{
    ConnectRequest, ConnectResponse, Features, Hello, Once, Op, Reply, Request, Secret, SetWatches,
    Welcome, event, reply,
};

/// First bytes of an input that are no index of an operation.
const HANDSHAKE: u8 = u8::MAX;
const EVENT: u8 = u8::MAX - 1;
const STREAM: u8 = u8::MAX - 2;
/// A frame's length and a request's header, which the targets make up themselves.
const REQUEST_HEAD: usize = 4 + 8;
const REPLY_HEAD: usize = 4 + 16;

fn main() -> io::Result<()> {
    let corpus = &Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    write_requests(&corpus.join("request"))?;
    write_replies(&corpus.join("reply"))?;
    steps::write(corpus)?;
    disk::write(&corpus.join("disk"))
}

fn write_requests(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut stream = BytesMut::new();
    let hello = ConnectRequest {
        hello: None,
        last_zxid_seen: Zxid(0),
        timeout: 10_000,
        session_id: SessionId::NONE,
        password: Some(Bytes::from_static(&[0; 16])),
        read_only: Some(false),
    };
    hello.encode(&mut stream);
    write(folder, "handshake", HANDSHAKE, &stream[4..])?;
    let said = Some(Hello { features: Features::ALL, crash_grace: Millis(200) });
    for (name, session_id) in [("hello", SessionId::NONE), ("hello-again", SessionId(5))] {
        let mut greeting = BytesMut::new();
        ConnectRequest { hello: said, session_id, ..hello.clone() }.encode(&mut greeting);
        write(folder, name, HANDSHAKE, &greeting[4..])?;
    }
    for (number, request) in requests().into_iter().enumerate() {
        let mut frame = BytesMut::new();
        request.encode(i32::try_from(number).expect("few"), &mut frame);
        let name = format!("{number:02}-{}", request.op().name());
        write(folder, &name, index(request.op()), &frame[REQUEST_HEAD..])?;
        stream.extend_from_slice(&frame);
    }
    write(folder, "stream", STREAM, &stream)
}

fn write_replies(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut stream = BytesMut::new();
    let welcome = ConnectResponse {
        timeout: Millis(10_000),
        session_id: SessionId(0x0100_0023_ac56_0000),
        password: Password([7; 16]),
        read_only: Some(false),
        welcome: None,
    };
    welcome.encode(&mut stream);
    write(folder, "handshake", HANDSHAKE, &stream[4..])?;
    let said = Some(Welcome { features: Features::ALL, highest_once: 7, ..Welcome::default() });
    let mut greeted = BytesMut::new();
    ConnectResponse { welcome: said, ..welcome }.encode(&mut greeted);
    write(folder, "welcome", HANDSHAKE, &greeted[4..])?;
    let mut told = BytesMut::new();
    event::put(&mut told, EventKind::DataChanged, "/a", Zxid(9));
    write(folder, "event", EVENT, &told[REPLY_HEAD..])?;
    stream.extend_from_slice(&told);
    for (number, (op, answer)) in replies().into_iter().enumerate() {
        let mut frame = BytesMut::new();
        reply::put(&mut frame, 1, Zxid(9), &Ok(answer));
        let name = format!("{number:02}-{}", op.name());
        write(folder, &name, index(op), &frame[REPLY_HEAD..])?;
        stream.extend_from_slice(&frame);
    }
    reply::put_error(&mut stream, 2, Zxid(9), Code::NoNode);
    write(folder, "stream", STREAM, &stream)
}

fn requests() -> Vec<Request> {
    let path = || String::from("/a/b");
    let secret = || Secret(Bytes::from_static(&[7; 16]));
    let ttl = CreateMode::Ttl(Ttl::new(60_000).expect("in range"));
    let create =
        |mode| Create::new(path(), Some(Bytes::from_static(b"data")), Acl::open_unsafe(), mode);
    let classic = Create { op: Op::Create, ..create(CreateMode::EphemeralSequential) };
    let watches = SetWatches {
        relative_zxid: Zxid(5),
        data: vec![path()],
        exist: vec![path(), String::from("/c")],
        child: vec![String::from("/")],
        ..SetWatches::default()
    };
    let all_watches = SetWatches {
        persistent: vec![path()],
        recursive: vec![String::from("/")],
        ..watches.clone()
    };
    vec![
        Request::Create(classic.clone()),
        Request::Create(create(CreateMode::Persistent)),
        Request::Create(create(CreateMode::Container)),
        Request::Create(create(ttl)),
        Request::Create(Create { data: None, ..create(CreateMode::Ephemeral) }),
        Request::Delete { path: path(), version: -1 },
        Request::Exists { path: path(), watch: true },
        Request::GetData { path: path(), watch: false },
        Request::SetData { path: path(), data: None, version: 3 },
        Request::GetAcl { path: path() },
        Request::SetAcl { path: path(), acl: Acl::read_unsafe(), version: 0 },
        Request::GetChildren { path: path(), watch: true },
        Request::GetChildren2 { path: path(), watch: false },
        Request::Sync { path: path() },
        Request::Ping,
        Request::Check { path: path(), version: 1 },
        Request::Multi(vec![
            MultiOp::Check { path: path(), version: 0 },
            MultiOp::Create(classic),
            MultiOp::Create(create(ttl)),
            MultiOp::SetData { path: path(), data: Some(Bytes::new()), version: -1 },
            MultiOp::Delete { path: path(), version: -1 },
        ]),
        Request::MultiRead(vec![ReadOp::Data { path: path() }, ReadOp::Children { path: path() }]),
        Request::Reconfig,
        Request::CheckWatches { path: path(), kind: WatcherKind::Any },
        Request::RemoveWatches { path: path(), kind: WatcherKind::Data },
        Request::AddWatch { path: path(), mode: WatchMode::PersistentRecursive },
        Request::SetWatches(watches),
        Request::SetWatches(all_watches),
        Request::Auth { scheme: "digest".into(), auth: "ann:pw".into() },
        Request::Sasl { token: Some("token".into()) },
        Request::GetEphemerals { prefix: Some(path()) },
        Request::GetAllChildrenNumber { path: path() },
        Request::WhoAmI,
        Request::CloseSession,
        Request::Once(Box::new(Once {
            number: 3,
            answered: 1,
            request: Request::Delete { path: path(), version: -1 },
        })),
        Request::Adopt { path: path(), from: SessionId(5), password: secret() },
        Request::HandOver { from: SessionId(5), password: secret() },
        Request::Fence { session: SessionId(5), password: secret() },
        Request::Multi(vec![MultiOp::CheckSession { session: SessionId(5) }]),
    ]
}

fn replies() -> Vec<(Op, Reply)> {
    let path = || String::from("/a/b");
    let names = || vec![String::from("b"), String::from("c")];
    let stat = Stat { version: 1, data_length: 4, ..Stat::default() };
    let data = Reply::Data { data: Some(Bytes::from_static(b"data")), stat };
    vec![
        (Op::Create, Reply::Created { path: path() }),
        (Op::Create2, Reply::Created2 { path: path(), stat }),
        (Op::Delete, Reply::Done),
        (Op::Exists, Reply::Stat(stat)),
        (Op::GetData, data),
        (Op::GetData, Reply::Data { data: None, stat }),
        (Op::GetAcl, Reply::Acl { acl: Acl::open_unsafe(), stat }),
        (Op::GetChildren, Reply::Children { names: names() }),
        (Op::GetChildren2, Reply::Children2 { names: names(), stat }),
        (Op::Sync, Reply::Synced { path: path() }),
        (
            Op::Multi,
            Reply::Multi(vec![
                MultiResult::Checked,
                MultiResult::Created { path: path() },
                MultiResult::Created2 { path: path(), stat },
                MultiResult::Set(stat),
                MultiResult::Deleted,
                MultiResult::Failed(-110),
            ]),
        ),
        (
            Op::MultiRead,
            Reply::Multi(vec![
                MultiResult::Data { data: Some(Bytes::new()), stat },
                MultiResult::Children { names: names() },
            ]),
        ),
        (Op::GetEphemerals, Reply::Ephemerals(vec![path()])),
        (Op::GetAllChildrenNumber, Reply::Count(3)),
        (
            Op::WhoAmI,
            Reply::Identities(vec![Identity { scheme: "ip".into(), id: "127.0.0.1".into() }]),
        ),
        (Op::AddWatch, Reply::Confirmed(0)),
        (Op::Sasl, Reply::Token(None)),
        (Op::Adopt, Reply::Stat(stat)),
        (Op::HandOver, Reply::Count(2)),
        (Op::Fence, Reply::Done),
    ]
}

fn index(op: Op) -> u8 {
    let place = Op::ALL.iter().position(|&each| each == op).expect("every operation has a row");
    u8::try_from(place).expect("the table is short")
}

fn write(folder: &Path, name: &str, kind: u8, rest: &[u8]) -> io::Result<()> {
    fs::write(folder.join(name), [&[kind], rest].concat())
}
