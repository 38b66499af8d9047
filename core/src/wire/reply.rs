//! Replies: header and body, written by servers and read by clients.

use bytes::{BufMut, Bytes, BytesMut};

use super::frame;
use super::jute::{self, Reader};
use super::multi::{self, MultiResult};
use super::ops::Op;
use super::secret::Secret;
use crate::base::{Acl, Code, Identity, Stat, Zxid};

/// The xid of watch events.
pub const XID_EVENT: i32 = -1;
/// The xid of pings and of every answer to one.
pub const XID_PING: i32 = -2;
/// The xid clients use for auth packets.
pub const XID_AUTH: i32 = -4;
/// The xid clients use for re-registering watches.
pub const XID_SET_WATCHES: i32 = -8;

/// What every frame from a server starts with, once the session is up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReplyHeader {
    /// The request's own number, or one of the special ones.
    pub xid: i32,
    /// The transaction's place for a write, the server's newest for a read.
    pub zxid: Zxid,
    /// 0, or the number of a [`Code`]; then there is no body to rely on.
    pub error: i32,
}

impl ReplyHeader {
    /// Takes the header off a frame body.
    pub fn decode(reader: &mut Reader) -> jute::Result<ReplyHeader> {
        Ok(ReplyHeader { xid: reader.int()?, zxid: Zxid(reader.long()?), error: reader.int()? })
    }

    /// Appends the 16 bytes.
    pub fn encode(self, out: &mut BytesMut) {
        out.put_i32(self.xid);
        out.put_i64(self.zxid.0);
        out.put_i32(self.error);
    }
}

/// The body of a successful reply.
#[allow(missing_docs)]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// Nothing but the header.
    Done,
    /// The path created.
    Created { path: String },
    /// The path created and its Stat.
    Created2 { path: String, stat: Stat },
    /// A Stat.
    Stat(Stat),
    /// Data, which may be null, and Stat.
    Data { data: Option<Bytes>, stat: Stat },
    /// The names of the children.
    Children { names: Vec<String> },
    /// The names of the children, and the Stat.
    Children2 { names: Vec<String>, stat: Stat },
    /// ACL and Stat.
    Acl { acl: Vec<Acl>, stat: Stat },
    /// The path that was synced.
    Synced { path: String },
    /// One result for each operation of a multi or multiRead.
    Multi(Vec<MultiResult>),
    /// Paths of ephemerals.
    Ephemerals(Vec<String>),
    /// A number of znodes.
    Count(i32),
    /// The identities of the connection: scheme and user.
    Identities(Vec<Identity>),
    /// A code in a body of its own; addWatch answers 0.
    Confirmed(i32),
    /// A step of a SASL exchange.
    Token(Option<Secret>),
}

impl Reply {
    /// Appends the body.
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            Reply::Done => {}
            Reply::Created { path } | Reply::Synced { path } => jute::put_string(out, path),
            Reply::Created2 { path, stat } => {
                jute::put_string(out, path);
                jute::put_stat(out, stat);
            }
            Reply::Stat(stat) => jute::put_stat(out, stat),
            Reply::Data { data, stat } => {
                jute::put_buffer(out, data.as_deref());
                jute::put_stat(out, stat);
            }
            Reply::Children { names } | Reply::Ephemerals(names) => jute::put_strings(out, names),
            Reply::Children2 { names, stat } => {
                jute::put_strings(out, names);
                jute::put_stat(out, stat);
            }
            Reply::Acl { acl, stat } => {
                jute::put_acl(out, acl);
                jute::put_stat(out, stat);
            }
            Reply::Multi(results) => multi::put_results(out, results),
            Reply::Count(number) | Reply::Confirmed(number) => out.put_i32(*number),
            Reply::Identities(identities) => {
                jute::put_length(out, identities.len());
                for identity in identities {
                    jute::put_string(out, &identity.scheme);
                    jute::put_string(out, &identity.id);
                }
            }
            Reply::Token(token) => jute::put_buffer(out, token.as_ref().map(|token| &token[..])),
        }
    }

    /// Reads the body of a successful reply to `op`.
    pub fn decode(op: Op, reader: &mut Reader) -> jute::Result<Reply> {
        Ok(match op {
            Op::Create => Reply::Created { path: reader.string()? },
            Op::Create2 | Op::CreateContainer | Op::CreateTtl => {
                Reply::Created2 { path: reader.string()?, stat: reader.stat()? }
            }
            Op::Exists | Op::SetData | Op::SetAcl | Op::Adopt => Reply::Stat(reader.stat()?),
            Op::GetData | Op::Reconfig => {
                Reply::Data { data: reader.buffer()?, stat: reader.stat()? }
            }
            Op::GetAcl => Reply::Acl { acl: reader.acl()?, stat: reader.stat()? },
            Op::GetChildren => Reply::Children { names: reader.vector(Reader::string)? },
            Op::GetChildren2 => {
                Reply::Children2 { names: reader.vector(Reader::string)?, stat: reader.stat()? }
            }
            Op::Sync => Reply::Synced { path: reader.nullable_string()?.unwrap_or_default() },
            Op::Multi | Op::MultiRead => Reply::Multi(multi::take_results(reader)?),
            Op::GetEphemerals => Reply::Ephemerals(reader.vector(Reader::string)?),
            Op::GetAllChildrenNumber | Op::HandOver => Reply::Count(reader.int()?),
            Op::WhoAmI => Reply::Identities(reader.vector(|reader| {
                let scheme = reader.nullable_string()?.unwrap_or_default();
                let id = reader.nullable_string()?.unwrap_or_default();
                Ok(Identity { scheme, id })
            })?),
            Op::AddWatch => Reply::Confirmed(reader.int()?),
            Op::Sasl => Reply::Token(reader.buffer()?.map(Secret)),
            Op::Delete
            | Op::Ping
            | Op::Check
            | Op::CheckWatches
            | Op::RemoveWatches
            | Op::Auth
            | Op::SetWatches
            | Op::SetWatches2
            | Op::CloseSession
            | Op::Fence
            | Op::CheckSession => Reply::Done,
            // The answer is that of the write; who numbered it knows which it was.
            Op::Once => return Err(jute::Malformed),
        })
    }
}

/// Appends the whole frame of a reply.
pub fn put(out: &mut BytesMut, xid: i32, zxid: Zxid, result: &Result<Reply, Code>) {
    match result {
        Ok(reply) => put_with(out, xid, zxid, |out| reply.encode(out)),
        Err(code) => put_error(out, xid, zxid, *code),
    }
}

/// Appends the whole frame of a successful reply whose body `write` appends.
pub fn put_with(out: &mut BytesMut, xid: i32, zxid: Zxid, write: impl FnOnce(&mut BytesMut)) {
    frame::put(out, |out| {
        ReplyHeader { xid, zxid, error: 0 }.encode(out);
        write(out);
    });
}

/// Appends the whole frame of a reply that is only a code.
pub fn put_error(out: &mut BytesMut, xid: i32, zxid: Zxid, code: Code) {
    frame::put(out, |out| ReplyHeader { xid, zxid, error: code.number() }.encode(out));
}

/// Appends the whole frame of the reply to a SASL token that was refused. Unlike any other code, this
/// one has a body: a null token.
pub fn put_refused_token(out: &mut BytesMut, xid: i32, code: Code) {
    frame::put(out, |out| {
        ReplyHeader { xid, zxid: Zxid::ZERO, error: code.number() }.encode(out);
        jute::put_buffer(out, None);
    });
}
