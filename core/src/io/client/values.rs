//! What operations answer, and how it is read out of a reply.

use bytes::Bytes;

use crate::base::{Code, Stat};
use crate::client::{Error, Result};
use crate::wire::{MultiResult, Reply};

/// Data of a znode.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Value {
    /// The data; empty also where the znode has none.
    pub data: Bytes,
    /// The Stat that goes with exactly these data.
    pub stat: Stat,
}

/// Children of a znode.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Children {
    /// Their names, without the path, in no particular order.
    pub names: Vec<String>,
    /// The Stat of the parent.
    pub stat: Stat,
}

/// A znode that was created.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Created {
    /// Its path, with the number a sequential mode appends.
    pub path: String,
    /// Its Stat; `None` where the server does not answer one.
    pub stat: Option<Stat>,
}

/// One read of [`Ops::read_many`](super::Ops::read_many).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Read {
    /// Data and Stat of this path.
    Data(String),
    /// The names of the children of this path.
    Children(String),
}

/// What one read of [`Ops::read_many`](super::Ops::read_many) found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReadReply {
    /// Data and Stat.
    Data(Value),
    /// The names of the children.
    Children(Vec<String>),
}

/// What one operation of a [`Multi`](super::Multi) did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MultiReply {
    /// Created this znode.
    Created(Created),
    /// Set data.
    Set(Stat),
    /// Deleted.
    Deleted,
    /// Found the version it asked for.
    Checked,
}

/// The reply is of another operation: the server and this client do not speak the same protocol.
pub(super) fn mismatch<T>(_: Reply) -> Result<T> {
    Err(Error::Server { code: Code::MarshallingError, path: "".into() })
}

pub(super) fn created(reply: Reply) -> Result<Created> {
    match reply {
        Reply::Created { path } => Ok(Created { path, stat: None }),
        Reply::Created2 { path, stat } => Ok(Created { path, stat: Some(stat) }),
        other => mismatch(other),
    }
}

pub(super) fn value(reply: Reply) -> Result<Value> {
    match reply {
        Reply::Data { data, stat } => Ok(Value { data: data.unwrap_or_default(), stat }),
        other => mismatch(other),
    }
}

pub(super) fn stat(reply: Reply) -> Result<Stat> {
    match reply {
        Reply::Stat(stat) => Ok(stat),
        other => mismatch(other),
    }
}

pub(super) fn children(reply: Reply) -> Result<Children> {
    match reply {
        Reply::Children2 { names, stat } => Ok(Children { names, stat }),
        other => mismatch(other),
    }
}

pub(super) fn multi(reply: Reply) -> Result<Vec<MultiReply>> {
    let Reply::Multi(results) = reply else { return mismatch(reply) };
    results
        .into_iter()
        .map(|result| match result {
            MultiResult::Created { path } => Ok(MultiReply::Created(Created { path, stat: None })),
            MultiResult::Created2 { path, stat } => {
                Ok(MultiReply::Created(Created { path, stat: Some(stat) }))
            }
            MultiResult::Set(stat) => Ok(MultiReply::Set(stat)),
            MultiResult::Deleted => Ok(MultiReply::Deleted),
            MultiResult::Checked => Ok(MultiReply::Checked),
            _ => mismatch(Reply::Done),
        })
        .collect()
}

/// The results of a multiRead, each with the path it was asked for.
pub(super) fn reads(reply: Reply, paths: &[String]) -> Result<Vec<Result<ReadReply>>> {
    let Reply::Multi(results) = reply else { return mismatch(reply) };
    let read = |(result, path): (MultiResult, &String)| match result {
        MultiResult::Data { data, stat } => {
            Ok(ReadReply::Data(Value { data: data.unwrap_or_default(), stat }))
        }
        MultiResult::Children { names } => Ok(ReadReply::Children(names)),
        MultiResult::Failed(number) => {
            let code = Code::from_number(number).unwrap_or(Code::SystemError);
            Err(Error::Server { code, path: path.as_str().into() })
        }
        _ => mismatch(Reply::Done),
    };
    if results.len() != paths.len() {
        return mismatch(Reply::Done);
    }
    Ok(results.into_iter().zip(paths).map(read).collect())
}
