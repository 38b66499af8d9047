//! What transactions and reads do, by statement.

mod acls;
mod adopt;
mod batches;
mod directory;
mod ephemerals;
mod hostile;
mod images;
mod model;
mod multis;
mod once;
mod quota_recount;
mod quotas;
mod reads;
mod restore;
mod scans;
mod sessions;
mod snapshots;
mod znodes;

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::directory::SessionTexts;
use super::*;
use crate::base::mode::Ttl;
use crate::base::*;
use crate::session::{Ended, Registered};
use crate::watch::Registration;
use crate::wire::{Create, MultiOp, MultiResult, Op, Reply, ReplyHeader, Request, frame, jute};

/// The session that asks unless said otherwise.
const ME: SessionId = SessionId(0x0100_0000_0000_0001);
/// Another one.
const OTHER: SessionId = SessionId(0x0100_0000_0000_0002);

/// Says of a session what it was told, to everybody unless it has a list.
struct Plain(Arc<[Acl]>);

impl Default for Plain {
    fn default() -> Plain {
        Plain(Acl::read_unsafe().into())
    }
}

impl SessionTexts for Plain {
    fn acl(&self) -> &Arc<[Acl]> {
        &self.0
    }

    fn living(&self, id: SessionId, _: &Registered, ephemerals: u64) -> String {
        format!("{id} lives with {ephemerals}")
    }

    fn ended(&self, ended: &Ended) -> String {
        format!("{} is {}", ended.id, ended.cause.word())
    }
}

/// An engine with two sessions, checked after every transaction.
struct World {
    engine: Engine,
    at: WallMillis,
    session: SessionId,
    identities: Arc<[Identity]>,
}

impl World {
    fn new() -> World {
        World::with(EngineOptions::default())
    }

    fn with(options: EngineOptions) -> World {
        let mut world = World {
            engine: Engine::new(options),
            at: WallMillis(1_000),
            session: ME,
            identities: Arc::from([Identity::new("ip", "127.0.0.1")]),
        };
        for id in [ME, OTHER] {
            let password = Password([7; Password::LEN]);
            let begun =
                world.apply(Change::CreateSession { id, timeout: Millis(10_000), password });
            assert_eq!((begun.result, begun.begun), (Ok(Reply::Done), Some(id)));
        }
        world
    }

    /// The same world, asked by somebody who has proven this.
    fn prove(&mut self, identities: &[(&str, &str)]) -> &mut World {
        let proven = identities.iter().map(|(scheme, id)| Identity::new(*scheme, *id));
        self.identities = proven.chain([Identity::new("ip", "127.0.0.1")]).collect();
        self
    }

    fn apply(&mut self, change: Change) -> Effects {
        self.at.0 += 1;
        let identities = Arc::clone(&self.identities);
        let before = self.engine.last_zxid();
        let txn = Txn { at: self.at, session: self.session, identities, change };
        let effects = self.engine.apply(&txn);
        assert_eq!(effects.zxid, before.next(), "Z-72");
        self.engine.check();
        effects
    }

    fn write(&mut self, request: Request) -> Result<Reply, Code> {
        self.apply(Change::Request(request)).result
    }

    fn create_as(&mut self, path: &str, mode: CreateMode) -> Result<String, Code> {
        let create = Create::new(path.into(), None, Acl::open_unsafe(), mode);
        match self.write(Request::Create(create))? {
            Reply::Created2 { path, .. } => Ok(path),
            other => panic!("{other:?} answers a create"),
        }
    }

    fn create(&mut self, path: &str) -> Result<String, Code> {
        self.create_as(path, CreateMode::Persistent)
    }

    fn create_with_acl(&mut self, path: &str, acl: Vec<Acl>) -> Result<Reply, Code> {
        let create = Create::new(path.into(), Some(Bytes::new()), acl, CreateMode::Persistent);
        self.write(Request::Create(create))
    }

    fn delete(&mut self, path: &str, version: i32) -> Result<Reply, Code> {
        self.write(Request::Delete { path: path.into(), version })
    }

    fn set(&mut self, path: &str, data: &[u8], version: i32) -> Result<Reply, Code> {
        let data = Some(Bytes::copy_from_slice(data));
        self.write(Request::SetData { path: path.into(), data, version })
    }

    fn set_acl(&mut self, path: &str, acl: Vec<Acl>, version: i32) -> Result<Reply, Code> {
        self.write(Request::SetAcl { path: path.into(), acl, version })
    }

    fn multi(&mut self, ops: Vec<MultiOp>) -> Vec<MultiResult> {
        match self.write(Request::Multi(ops)) {
            Ok(Reply::Multi(results)) => results,
            other => panic!("{other:?} answers a multi"),
        }
    }

    /// Reads, and decodes the answer as a client would.
    fn read(&self, request: &Request) -> Result<Reply, Code> {
        self.read_with_watch(request).0
    }

    fn read_with_watch(
        &self,
        request: &Request,
    ) -> (Result<Reply, Code>, Option<(Registration, String)>) {
        let mut out = BytesMut::from(&b"before"[..]);
        let asker =
            Asker { session: self.session, identities: &self.identities, texts: &Plain::default() };
        let read = read(&self.engine, request, asker, 42, &mut out);
        assert_eq!(&out.split_to(6)[..], b"before", "what was in the buffer stays");
        let body = frame::take(&mut out, usize::MAX).expect("in bounds").expect("whole");
        assert!(out.is_empty(), "one frame");
        let mut reader = jute::Reader::new(body);
        let header = ReplyHeader::decode(&mut reader).unwrap();
        assert_eq!((header.xid, header.zxid), (42, self.engine.last_zxid()));
        let result = match Code::from_number(header.error) {
            Some(code) => Err(code),
            None => Ok(Reply::decode(request.op(), &mut reader).unwrap()),
        };
        assert_eq!(reader.remaining(), 0, "nothing behind the answer");
        assert_eq!(read.code, result.as_ref().err().copied());
        (result, read.watch.map(|(registration, path)| (registration, path.to_owned())))
    }

    fn stat(&self, path: &str) -> Stat {
        let id = self.engine.tree.find(path).expect("it exists");
        self.engine.tree.node(id).stat()
    }

    fn exists(&self, path: &str) -> bool {
        self.engine.tree.find(path).is_some()
    }
}

fn create_op(path: &str) -> MultiOp {
    create_op_as(path, CreateMode::Persistent)
}

fn create_op_as(path: &str, mode: CreateMode) -> MultiOp {
    MultiOp::Create(Create::new(path.into(), None, Acl::open_unsafe(), mode))
}

fn delete_op(path: &str) -> MultiOp {
    MultiOp::Delete { path: path.into(), version: -1 }
}

fn set_op(path: &str, version: i32) -> MultiOp {
    MultiOp::SetData { path: path.into(), data: Some(Bytes::from_static(b"new")), version }
}

fn check_op(path: &str, version: i32) -> MultiOp {
    MultiOp::Check { path: path.into(), version }
}

fn ttl(millis: i64) -> CreateMode {
    CreateMode::Ttl(Ttl::new(millis).unwrap())
}
