//! Requests: header and body, written by clients and read by servers.

use bytes::{BufMut, Bytes, BytesMut};

use super::frame;
use super::jute::{self, Reader};
use super::multi::{self, MultiOp, ReadOp};
use super::once::Once;
use super::ops::Op;
use super::secret::Secret;
use crate::base::mode::Ttl;
use crate::base::{Acl, Code, CreateMode, SessionId, WatchMode, WatcherKind, Zxid};

/// What every frame from a client starts with, once the session is up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestHeader {
    /// The client's own number for the request; echoed unchanged.
    pub xid: i32,
    /// The operation's number, known or not.
    pub number: i32,
}

impl RequestHeader {
    /// Takes the header off a frame body.
    pub fn decode(reader: &mut Reader) -> jute::Result<RequestHeader> {
        Ok(RequestHeader { xid: reader.int()?, number: reader.int()? })
    }
}

/// The four creates, as they stand on the wire: `flags` and `ttl` may be any number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Create {
    /// Which of create, create2, createContainer and createTTL.
    pub op: Op,
    /// Where; with a sequential mode the number is appended.
    pub path: String,
    /// The data; null and empty are different.
    pub data: Option<Bytes>,
    /// Who may do what with it.
    pub acl: Vec<Acl>,
    /// The number of a mode.
    pub flags: i32,
    /// Milliseconds, for createTTL.
    pub ttl: i64,
}

impl Create {
    /// The request for `mode`, by the operation that answers with a Stat.
    pub fn new(path: String, data: Option<Bytes>, acl: Vec<Acl>, mode: CreateMode) -> Create {
        let op = match mode {
            CreateMode::Container => Op::CreateContainer,
            CreateMode::Ttl(_) | CreateMode::TtlSequential(_) => Op::CreateTtl,
            _ => Op::Create2,
        };
        let ttl = mode.ttl().map_or(-1, Ttl::millis);
        Create { op, path, data, acl, flags: mode.flag(), ttl }
    }

    /// The mode, if operation, flag and time to live go together.
    ///
    /// # Errors
    /// `BadArguments` for an unknown flag and for one that belongs to another operation. Flag 4 is
    /// a container with create and create2 as well.
    pub fn mode(&self) -> Result<CreateMode, Code> {
        let ttl = || Ttl::new(self.ttl).ok_or(Code::BadArguments);
        Ok(match (self.op, self.flags) {
            (Op::CreateContainer | Op::Create | Op::Create2, 4) => CreateMode::Container,
            (Op::Create | Op::Create2, 0) => CreateMode::Persistent,
            (Op::Create | Op::Create2, 1) => CreateMode::Ephemeral,
            (Op::Create | Op::Create2, 2) => CreateMode::PersistentSequential,
            (Op::Create | Op::Create2, 3) => CreateMode::EphemeralSequential,
            (Op::CreateTtl, 5) => CreateMode::Ttl(ttl()?),
            (Op::CreateTtl, 6) => CreateMode::TtlSequential(ttl()?),
            _ => return Err(Code::BadArguments),
        })
    }

    pub(super) fn take(op: Op, reader: &mut Reader) -> jute::Result<Create> {
        Ok(Create {
            op,
            path: reader.string()?,
            data: reader.buffer()?,
            acl: reader.acl()?,
            flags: reader.int()?,
            ttl: if op == Op::CreateTtl { reader.long()? } else { -1 },
        })
    }

    pub(super) fn put(&self, out: &mut BytesMut) {
        jute::put_string(out, &self.path);
        jute::put_buffer(out, self.data.as_deref());
        jute::put_acl(out, &self.acl);
        out.put_i32(self.flags);
        if self.op == Op::CreateTtl {
            out.put_i64(self.ttl);
        }
    }
}

/// All watches of a connection, for registering them again on the next.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SetWatches {
    /// What the client has seen; what changed since then becomes an event at once.
    pub relative_zxid: Zxid,
    /// One-shot watches on data.
    pub data: Vec<String>,
    /// One-shot watches on znodes that did not exist.
    pub exist: Vec<String>,
    /// One-shot watches on children.
    pub child: Vec<String>,
    /// Persistent watches.
    pub persistent: Vec<String>,
    /// Persistent recursive watches.
    pub recursive: Vec<String>,
}

/// A decoded request; each variant is the operation of its name. `version` -1 matches any version.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Request {
    Create(Create),
    Delete {
        path: String,
        version: i32,
    },
    Exists {
        path: String,
        watch: bool,
    },
    GetData {
        path: String,
        watch: bool,
    },
    SetData {
        path: String,
        data: Option<Bytes>,
        version: i32,
    },
    GetAcl {
        path: String,
    },
    SetAcl {
        path: String,
        acl: Vec<Acl>,
        version: i32,
    },
    GetChildren {
        path: String,
        watch: bool,
    },
    GetChildren2 {
        path: String,
        watch: bool,
    },
    Sync {
        path: String,
    },
    Ping,
    Check {
        path: String,
        version: i32,
    },
    Multi(Vec<MultiOp>),
    MultiRead(Vec<ReadOp>),
    Reconfig,
    CheckWatches {
        path: String,
        kind: WatcherKind,
    },
    RemoveWatches {
        path: String,
        kind: WatcherKind,
    },
    AddWatch {
        path: String,
        mode: WatchMode,
    },
    /// Sent as setWatches if there is no persistent watch in it, else as setWatches2.
    SetWatches(SetWatches),
    Auth {
        scheme: String,
        auth: Secret,
    },
    Sasl {
        token: Option<Secret>,
    },
    /// A null prefix means all.
    GetEphemerals {
        prefix: Option<String>,
    },
    GetAllChildrenNumber {
        path: String,
    },
    WhoAmI,
    CloseSession,
    Once(Box<Once>),
    /// The ephemeral at `path` is to belong to the asker, if it belongs to `from`. The password of that
    /// session gives the right to it, and so does a proven identity of both; then it may be empty.
    Adopt {
        path: String,
        from: SessionId,
        password: Secret,
    },
    /// The same for all that `from` keeps alive; that session ends in the same transaction.
    HandOver {
        from: SessionId,
        password: Secret,
    },
    /// `session` is to end, with the same right.
    Fence {
        session: SessionId,
        password: Secret,
    },
}

impl Request {
    /// The operation.
    pub fn op(&self) -> Op {
        match self {
            Request::Create(create) => create.op,
            Request::Delete { .. } => Op::Delete,
            Request::Exists { .. } => Op::Exists,
            Request::GetData { .. } => Op::GetData,
            Request::SetData { .. } => Op::SetData,
            Request::GetAcl { .. } => Op::GetAcl,
            Request::SetAcl { .. } => Op::SetAcl,
            Request::GetChildren { .. } => Op::GetChildren,
            Request::GetChildren2 { .. } => Op::GetChildren2,
            Request::Sync { .. } => Op::Sync,
            Request::Ping => Op::Ping,
            Request::Check { .. } => Op::Check,
            Request::Multi(_) => Op::Multi,
            Request::MultiRead(_) => Op::MultiRead,
            Request::Reconfig => Op::Reconfig,
            Request::CheckWatches { .. } => Op::CheckWatches,
            Request::RemoveWatches { .. } => Op::RemoveWatches,
            Request::AddWatch { .. } => Op::AddWatch,
            Request::SetWatches(watches) => {
                if watches.persistent.is_empty() && watches.recursive.is_empty() {
                    Op::SetWatches
                } else {
                    Op::SetWatches2
                }
            }
            Request::Auth { .. } => Op::Auth,
            Request::Sasl { .. } => Op::Sasl,
            Request::GetEphemerals { .. } => Op::GetEphemerals,
            Request::GetAllChildrenNumber { .. } => Op::GetAllChildrenNumber,
            Request::WhoAmI => Op::WhoAmI,
            Request::CloseSession => Op::CloseSession,
            Request::Once(_) => Op::Once,
            Request::Adopt { .. } => Op::Adopt,
            Request::HandOver { .. } => Op::HandOver,
            Request::Fence { .. } => Op::Fence,
        }
    }

    /// What is asked for, without the number that it may have.
    pub fn unnumbered(&self) -> &Request {
        match self {
            Request::Once(once) => &once.request,
            request => request,
        }
    }

    /// The znode that a read is about, if it is about one.
    pub fn znode(&self) -> Option<&str> {
        match self {
            Request::Exists { path, .. }
            | Request::GetData { path, .. }
            | Request::GetChildren { path, .. }
            | Request::GetChildren2 { path, .. }
            | Request::GetAcl { path }
            | Request::GetAllChildrenNumber { path } => Some(path),
            _ => None,
        }
    }

    /// Whether it looks at any number of znodes, however short the answer is.
    pub fn is_walk(&self) -> bool {
        matches!(
            self,
            Request::GetAllChildrenNumber { .. }
                | Request::GetEphemerals { .. }
                | Request::MultiRead(_)
                | Request::SetWatches(_)
        )
    }

    /// Whether its answer is a list, which is as long as what there is.
    pub fn is_list(&self) -> bool {
        matches!(self, Request::GetChildren { .. } | Request::GetChildren2 { .. })
    }

    /// Reads the body of a request.
    ///
    /// # Errors
    /// `MarshallingError` if the bytes do not hold the record, or hold a watch mode or kind that
    /// does not exist.
    pub fn decode(op: Op, reader: &mut Reader) -> Result<Request, Code> {
        take(op, reader).map_err(|_| Code::MarshallingError)
    }

    /// Appends the whole frame of a request.
    pub fn encode(&self, xid: i32, out: &mut BytesMut) {
        frame::put(out, |out| {
            out.put_i32(xid);
            out.put_i32(self.op().number());
            self.encode_body(out);
        });
    }

    /// Appends the body alone: what [`Request::decode`] reads.
    pub fn encode_body(&self, out: &mut BytesMut) {
        match self {
            Request::Create(create) => create.put(out),
            Request::Delete { path, version } | Request::Check { path, version } => {
                jute::put_string(out, path);
                out.put_i32(*version);
            }
            Request::Exists { path, watch }
            | Request::GetData { path, watch }
            | Request::GetChildren { path, watch }
            | Request::GetChildren2 { path, watch } => {
                jute::put_string(out, path);
                jute::put_bool(out, *watch);
            }
            Request::SetData { path, data, version } => {
                jute::put_string(out, path);
                jute::put_buffer(out, data.as_deref());
                out.put_i32(*version);
            }
            Request::SetAcl { path, acl, version } => {
                jute::put_string(out, path);
                jute::put_acl(out, acl);
                out.put_i32(*version);
            }
            Request::GetAcl { path }
            | Request::Sync { path }
            | Request::GetAllChildrenNumber { path } => jute::put_string(out, path),
            Request::Multi(ops) => multi::put_writes(out, ops),
            Request::MultiRead(ops) => multi::put_reads(out, ops),
            Request::Reconfig => put_empty_reconfig(out),
            Request::CheckWatches { path, kind } | Request::RemoveWatches { path, kind } => {
                jute::put_string(out, path);
                out.put_i32(kind.number());
            }
            Request::AddWatch { path, mode } => {
                jute::put_string(out, path);
                out.put_i32(mode.number());
            }
            Request::SetWatches(watches) => put_set_watches(out, watches),
            Request::Auth { scheme, auth } => {
                out.put_i32(0);
                jute::put_string(out, scheme);
                jute::put_buffer(out, Some(auth));
            }
            Request::Sasl { token } => {
                jute::put_buffer(out, token.as_ref().map(|token| &token[..]))
            }
            Request::GetEphemerals { prefix } => {
                jute::put_nullable_string(out, prefix.as_deref());
            }
            Request::Ping | Request::WhoAmI | Request::CloseSession => {}
            Request::Once(once) => once.put(out),
            Request::Adopt { path, from, password } => {
                jute::put_string(out, path);
                out.put_i64(from.0);
                jute::put_buffer(out, Some(password));
            }
            Request::HandOver { from: session, password }
            | Request::Fence { session, password } => {
                out.put_i64(session.0);
                jute::put_buffer(out, Some(password));
            }
        }
    }
}

/// A path of an operation that begins by checking it. Null becomes the empty path, which no such
/// check lets pass; elsewhere a null path does not decode (Z-22).
pub(super) fn checked_path(reader: &mut Reader) -> jute::Result<String> {
    Ok(reader.nullable_string()?.unwrap_or_default())
}

fn take(op: Op, reader: &mut Reader) -> jute::Result<Request> {
    Ok(match op {
        Op::Create | Op::Create2 | Op::CreateContainer | Op::CreateTtl => {
            Request::Create(Create::take(op, reader)?)
        }
        Op::Delete => Request::Delete { path: reader.string()?, version: reader.int()? },
        Op::Check => Request::Check { path: reader.string()?, version: reader.int()? },
        Op::Exists => Request::Exists { path: reader.string()?, watch: reader.bool()? },
        Op::GetData => Request::GetData { path: reader.string()?, watch: reader.bool()? },
        Op::GetChildren => Request::GetChildren { path: reader.string()?, watch: reader.bool()? },
        Op::GetChildren2 => Request::GetChildren2 { path: reader.string()?, watch: reader.bool()? },
        Op::SetData => Request::SetData {
            path: checked_path(reader)?,
            data: reader.buffer()?,
            version: reader.int()?,
        },
        Op::GetAcl => Request::GetAcl { path: reader.string()? },
        Op::SetAcl => Request::SetAcl {
            path: checked_path(reader)?,
            acl: reader.acl()?,
            version: reader.int()?,
        },
        Op::Sync => Request::Sync { path: reader.string()? },
        Op::Ping => Request::Ping,
        Op::Multi => Request::Multi(multi::take_writes(reader)?),
        Op::MultiRead => Request::MultiRead(multi::take_reads(reader)?),
        Op::Reconfig => take_reconfig(reader)?,
        Op::CheckWatches => {
            Request::CheckWatches { path: reader.string()?, kind: take_kind(reader)? }
        }
        Op::RemoveWatches => {
            Request::RemoveWatches { path: reader.string()?, kind: take_kind(reader)? }
        }
        Op::AddWatch => {
            let path = reader.string()?;
            let mode = WatchMode::from_number(reader.int()?).ok_or(jute::Malformed)?;
            Request::AddWatch { path, mode }
        }
        Op::SetWatches | Op::SetWatches2 => Request::SetWatches(take_set_watches(op, reader)?),
        Op::Auth => {
            reader.int()?;
            let scheme = reader.nullable_string()?.unwrap_or_default();
            Request::Auth { scheme, auth: Secret(reader.buffer()?.unwrap_or_default()) }
        }
        Op::Sasl => Request::Sasl { token: reader.buffer()?.map(Secret) },
        Op::GetEphemerals => Request::GetEphemerals { prefix: reader.nullable_string()? },
        Op::GetAllChildrenNumber => Request::GetAllChildrenNumber { path: reader.string()? },
        Op::WhoAmI => Request::WhoAmI,
        Op::CloseSession => Request::CloseSession,
        Op::Once => Request::Once(Box::new(Once::take(reader)?)),
        Op::Adopt => {
            let (path, from) = (reader.string()?, SessionId(reader.long()?));
            Request::Adopt { path, from, password: take_secret(reader)? }
        }
        Op::HandOver => {
            Request::HandOver { from: SessionId(reader.long()?), password: take_secret(reader)? }
        }
        Op::Fence => {
            Request::Fence { session: SessionId(reader.long()?), password: take_secret(reader)? }
        }
        // It stands in a multi.
        Op::CheckSession => return Err(jute::Malformed),
    })
}

fn take_secret(reader: &mut Reader) -> jute::Result<Secret> {
    Ok(Secret(reader.buffer()?.unwrap_or_default()))
}

fn take_kind(reader: &mut Reader) -> jute::Result<WatcherKind> {
    WatcherKind::from_number(reader.int()?).ok_or(jute::Malformed)
}

fn take_set_watches(op: Op, reader: &mut Reader) -> jute::Result<SetWatches> {
    let mut watches = SetWatches {
        relative_zxid: Zxid(reader.long()?),
        data: reader.vector(Reader::string)?,
        exist: reader.vector(Reader::string)?,
        child: reader.vector(Reader::string)?,
        ..SetWatches::default()
    };
    if op == Op::SetWatches2 {
        watches.persistent = reader.vector(Reader::string)?;
        watches.recursive = reader.vector(Reader::string)?;
    }
    Ok(watches)
}

fn put_set_watches(out: &mut BytesMut, watches: &SetWatches) {
    out.put_i64(watches.relative_zxid.0);
    jute::put_strings(out, &watches.data);
    jute::put_strings(out, &watches.exist);
    jute::put_strings(out, &watches.child);
    if !watches.persistent.is_empty() || !watches.recursive.is_empty() {
        jute::put_strings(out, &watches.persistent);
        jute::put_strings(out, &watches.recursive);
    }
}

/// Reads a reconfig and forgets what it asks for: there is no membership to change.
fn take_reconfig(reader: &mut Reader) -> jute::Result<Request> {
    for _ in ["joining", "leaving", "members"] {
        reader.nullable_string()?;
    }
    reader.long()?;
    Ok(Request::Reconfig)
}

/// A reconfig that changes nothing: the body every server can read.
fn put_empty_reconfig(out: &mut BytesMut) {
    jute::put_nullable_string(out, None);
    jute::put_nullable_string(out, None);
    jute::put_nullable_string(out, None);
    out.put_i64(-1);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(request: &Request) -> Request {
        let mut bytes = BytesMut::new();
        request.encode(7, &mut bytes);
        let body = frame::take(&mut bytes, 1 << 20).expect("in bounds").expect("whole");
        let mut reader = Reader::new(body);
        let header = RequestHeader::decode(&mut reader).expect("header");
        assert_eq!(header.xid, 7);
        let op = Op::from_number(header.number).expect("known");
        Request::decode(op, &mut reader).expect("decodes")
    }

    #[test]
    fn requests_come_out_as_they_went_in() {
        let create = Create::new("/a".into(), None, Acl::open_unsafe(), CreateMode::Ephemeral);
        let ttl = CreateMode::Ttl(Ttl::new(5).expect("in range"));
        let with_ttl = Create::new("/t".into(), Some(Bytes::new()), Acl::read_unsafe(), ttl);
        for request in [
            Request::Create(create.clone()),
            Request::Create(with_ttl.clone()),
            Request::SetData { path: "/a".into(), data: None, version: -1 },
            Request::Multi(vec![
                MultiOp::Create(create),
                MultiOp::Create(with_ttl),
                MultiOp::Delete { path: "/a".into(), version: 3 },
                MultiOp::Check { path: "/b".into(), version: -1 },
                MultiOp::CheckSession { session: SessionId(5) },
            ]),
            Request::MultiRead(vec![ReadOp::Data { path: "/a".into() }]),
            Request::SetWatches(SetWatches { child: vec!["/".into()], ..SetWatches::default() }),
            Request::SetWatches(SetWatches {
                recursive: vec!["/".into()],
                ..SetWatches::default()
            }),
            Request::GetEphemerals { prefix: None },
            Request::WhoAmI,
            Request::Once(Box::new(Once {
                number: 3,
                answered: 1,
                request: Request::Delete { path: "/a".into(), version: 3 },
            })),
            Request::Adopt {
                path: "/a".into(),
                from: SessionId(5),
                password: Secret(Bytes::from_static(&[1; 16])),
            },
            Request::HandOver { from: SessionId(5), password: Secret(Bytes::new()) },
            Request::Fence { session: SessionId(5), password: Secret(Bytes::new()) },
        ] {
            assert_eq!(again(&request), request);
        }
    }

    #[test]
    fn what_is_no_write_is_not_numbered() {
        let once = |number: i64, answered: i64, request: Request| {
            let mut out = BytesMut::new();
            Request::Once(Box::new(Once { number, answered, request })).encode_body(&mut out);
            Request::decode(Op::Once, &mut Reader::new(out.freeze())).map(drop)
        };
        let delete = Request::Delete { path: "/a".into(), version: -1 };
        assert_eq!(once(1, 0, delete.clone()), Ok(()));
        assert_eq!(once(0, -1, delete.clone()), Err(Code::MarshallingError));
        assert_eq!(once(2, 2, delete.clone()), Err(Code::MarshallingError));
        let inner = Once { number: 1, answered: 0, request: delete };
        for request in [Request::CloseSession, Request::WhoAmI, Request::Once(Box::new(inner))] {
            assert_eq!(once(1, 0, request), Err(Code::MarshallingError));
        }
    }

    #[test]
    fn z26_flags_belong_to_their_operations() {
        let create =
            |op, flags, ttl| Create { op, path: "/a".into(), data: None, acl: vec![], flags, ttl };
        assert_eq!(create(Op::Create, 4, -1).mode(), Ok(CreateMode::Container));
        assert_eq!(create(Op::CreateContainer, 0, -1).mode(), Err(Code::BadArguments));
        assert_eq!(create(Op::Create2, 5, -1).mode(), Err(Code::BadArguments));
        assert_eq!(create(Op::CreateTtl, 0, 5).mode(), Err(Code::BadArguments));
        assert_eq!(create(Op::CreateTtl, 5, 0).mode(), Err(Code::BadArguments));
        assert_eq!(create(Op::CreateTtl, 5, Ttl::MAX + 1).mode(), Err(Code::BadArguments));
        assert_eq!(create(Op::Create, 7, -1).mode(), Err(Code::BadArguments));
    }
}
