//! One record of Apache's log: a transaction as it was carried out.

use bytes::Bytes;

use super::owner::Owner;
use super::snapshot::DIGEST_VERSION;
use super::stream::{Result, Stream};
use crate::base::{Acl, SessionId, WallMillis, Zxid};

/// A transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Record {
    pub session: SessionId,
    pub zxid: Zxid,
    pub at: WallMillis,
    pub change: Change,
    /// The digest of the tree behind it, where the record has one that is understood.
    pub digest: Option<u64>,
}

/// What a transaction did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Change {
    CreateSession {
        timeout: i32,
    },
    /// The paths are those of its ephemerals, known since release 3.6.
    CloseSession {
        paths: Vec<String>,
    },
    /// The writes of one request or of a multi; none if it failed.
    Writes(Vec<Write>),
    /// A request that failed.
    Failed,
}

/// One write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Write {
    Create(Create),
    Delete {
        path: String,
    },
    /// The version is the one the znode has afterwards.
    SetData {
        path: String,
        data: Option<Bytes>,
        version: i32,
    },
    /// The version is the one the ACL has afterwards.
    SetAcl {
        path: String,
        acl: Vec<Acl>,
        version: i32,
    },
    /// A check of a version, which changed nothing.
    Check,
}

/// A create.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Create {
    pub path: String,
    pub data: Option<Bytes>,
    pub acl: Vec<Acl>,
    pub owner: Owner,
    /// How many children its parent ever had, this one included; `None` for one more than before.
    pub parent_cversion: Option<i32>,
}

mod number {
    pub const ERROR: i32 = -1;
    pub const CREATE_SESSION: i32 = -10;
    pub const CLOSE_SESSION: i32 = -11;
    pub const CREATE: i32 = 1;
    pub const DELETE: i32 = 2;
    pub const SET_DATA: i32 = 5;
    pub const SET_ACL: i32 = 7;
    pub const CHECK: i32 = 13;
    pub const MULTI: i32 = 14;
    pub const CREATE2: i32 = 15;
    pub const RECONFIG: i32 = 16;
    pub const CREATE_CONTAINER: i32 = 19;
    pub const DELETE_CONTAINER: i32 = 20;
    pub const CREATE_TTL: i32 = 21;
}

/// The length of the digest behind a transaction.
const DIGEST: u64 = 12;

type Body<'a> = Stream<&'a [u8]>;

impl Record {
    /// Reads a record; `file` and `offset` say where it stands.
    pub fn decode(bytes: &[u8], file: &str, offset: u64) -> Result<Record> {
        let body = &mut Stream::new(bytes, file, Some(bytes.len() as u64)).at(offset);
        let session = SessionId(body.long()?);
        body.int()?;
        let zxid = Zxid(body.long()?);
        let at = WallMillis(body.long()?);
        let kind = body.int()?;
        let change = match kind {
            number::CREATE_SESSION => Change::CreateSession { timeout: body.int()? },
            number::CLOSE_SESSION => Change::CloseSession { paths: closed_paths(body, bytes)? },
            number::MULTI => Change::Writes(multi(body, session)?),
            number::ERROR => {
                body.int()?;
                Change::Failed
            }
            _ => Change::Writes(vec![write(body, kind, session)?]),
        };
        Ok(Record { session, zxid, at, change, digest: digest(body)? })
    }
}

/// The body has no length of its own: what is left behind it is a digest, or nothing.
fn digest(body: &mut Body<'_>) -> Result<Option<u64>> {
    match body.left() {
        Some(0) => Ok(None),
        Some(DIGEST) => {
            let version = body.int()?;
            let digest = body.long()? as u64;
            Ok((version == DIGEST_VERSION).then_some(digest))
        }
        _ => Err(body.damage("bytes behind the transaction that are no digest".to_owned())),
    }
}

/// The paths of a closed session. Before release 3.6 there were none, and then a digest can follow
/// that would read as the start of a list: but two paths are longer than it.
fn closed_paths(body: &mut Body<'_>, bytes: &[u8]) -> Result<Vec<String>> {
    let rest = &bytes[bytes.len() - body.left().unwrap_or(0) as usize..];
    let is_digest = rest.len() as u64 == DIGEST && rest.starts_with(&DIGEST_VERSION.to_be_bytes());
    if rest.is_empty() || is_digest {
        return Ok(Vec::new());
    }
    body.vector(Stream::string)
}

/// The writes of a multi. One that has a failed part did nothing.
fn multi(body: &mut Body<'_>, session: SessionId) -> Result<Vec<Write>> {
    let mut has_failed = false;
    let parts = body.vector(|body| {
        let kind = body.int()?;
        let start = body.offset() + 4;
        let bytes = body.buffer()?.unwrap_or_default();
        if kind == number::ERROR {
            has_failed = true;
            return Ok(Write::Check);
        }
        let part = &mut Stream::new(&bytes[..], body.file(), Some(bytes.len() as u64)).at(start);
        write(part, kind, session)
    })?;
    Ok(if has_failed { Vec::new() } else { parts })
}

fn write(body: &mut Body<'_>, kind: i32, session: SessionId) -> Result<Write> {
    Ok(match kind {
        number::CREATE | number::CREATE2 | number::CREATE_CONTAINER | number::CREATE_TTL => {
            Write::Create(create(body, kind, session)?)
        }
        number::DELETE | number::DELETE_CONTAINER => Write::Delete { path: body.string()? },
        number::SET_DATA | number::RECONFIG => {
            Write::SetData { path: body.string()?, data: body.buffer()?, version: body.int()? }
        }
        number::SET_ACL => {
            Write::SetAcl { path: body.string()?, acl: body.acl()?, version: body.int()? }
        }
        number::CHECK => {
            body.string()?;
            body.int()?;
            Write::Check
        }
        _ => return Err(body.damage(format!("a transaction of the unknown type {kind}"))),
    })
}

fn create(body: &mut Body<'_>, kind: i32, session: SessionId) -> Result<Create> {
    let (path, data, acl) = (body.string()?, body.buffer()?, body.acl()?);
    let mut owner = match kind {
        number::CREATE_CONTAINER => Owner::CONTAINER,
        number::CREATE_TTL => Owner::NOBODY,
        _ if body.bool()? => Owner(session.0),
        _ => Owner::NOBODY,
    };
    // The oldest releases end here.
    let count = if body.left() == Some(0) { -1 } else { body.int()? };
    if kind == number::CREATE_TTL {
        owner = Owner::ttl(body.long()?);
    }
    let parent_cversion = (count != -1).then_some(count);
    Ok(Create { path, data, acl, owner, parent_cversion })
}
