//! The bodies of multi and multiRead: lists of operations and of results.

use bytes::{BufMut, Bytes, BytesMut};

use super::jute::{self, Malformed, Reader};
use super::ops::Op;
use super::request::{Create, checked_path};
use crate::base::{SessionId, Stat};

/// One write of a multi.
#[allow(missing_docs)]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MultiOp {
    /// Creates a znode.
    Create(Create),
    /// Deletes a znode; version -1 matches any.
    Delete { path: String, version: i32 },
    /// Sets data; version -1 matches any.
    SetData { path: String, data: Option<Bytes>, version: i32 },
    /// Fails unless the znode has the version; -1 matches any.
    Check { path: String, version: i32 },
    /// Of this project: fails with `UnknownSession` unless the session is alive.
    CheckSession { session: SessionId },
}

/// One read of a multiRead.
#[allow(missing_docs)]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReadOp {
    /// Data and Stat.
    Data { path: String },
    /// The names of the children.
    Children { path: String },
}

/// What became of one operation of a multi or multiRead.
#[allow(missing_docs)]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MultiResult {
    /// Created; the answer to create.
    Created { path: String },
    /// Created; the answer to create2 and to containers and TTL znodes.
    Created2 { path: String, stat: Stat },
    /// Deleted.
    Deleted,
    /// Data set.
    Set(Stat),
    /// The version was right.
    Checked,
    /// Data read.
    Data { data: Option<Bytes>, stat: Stat },
    /// Children listed.
    Children { names: Vec<String> },
    /// The number of a code, or 0 for an operation before the one that failed.
    Failed(i32),
}

/// Stands in the list where an operation's number would be: an error result, or the end.
const MARK: i32 = -1;

struct Header {
    number: i32,
    done: bool,
}

impl Header {
    fn take(reader: &mut Reader) -> jute::Result<Header> {
        let header = Header { number: reader.int()?, done: reader.bool()? };
        reader.int()?;
        Ok(header)
    }

    fn put(out: &mut BytesMut, number: i32, done: bool, error: i32) {
        out.put_i32(number);
        jute::put_bool(out, done);
        out.put_i32(error);
    }
}

/// Reads the operations of a multi. Anything but a write, an unknown number, and a create with a
/// flag that its operation does not know make the whole list malformed.
pub fn take_writes(reader: &mut Reader) -> jute::Result<Vec<MultiOp>> {
    let mut ops = Vec::new();
    loop {
        let header = Header::take(reader)?;
        if header.done {
            return Ok(ops);
        }
        ops.push(match Op::from_number(header.number) {
            Some(op @ (Op::Create | Op::Create2 | Op::CreateContainer | Op::CreateTtl)) => {
                let create = Create::take(op, reader)?;
                if !(0..=6).contains(&create.flags) {
                    return Err(Malformed);
                }
                MultiOp::Create(create)
            }
            Some(Op::Delete) => MultiOp::Delete { path: reader.string()?, version: reader.int()? },
            Some(Op::SetData) => MultiOp::SetData {
                path: checked_path(reader)?,
                data: reader.buffer()?,
                version: reader.int()?,
            },
            Some(Op::Check) => {
                MultiOp::Check { path: checked_path(reader)?, version: reader.int()? }
            }
            Some(Op::CheckSession) => MultiOp::CheckSession { session: SessionId(reader.long()?) },
            _ => return Err(Malformed),
        });
    }
}

/// Reads the operations of a multiRead. Their watch bytes are ignored.
pub fn take_reads(reader: &mut Reader) -> jute::Result<Vec<ReadOp>> {
    let mut ops = Vec::new();
    loop {
        let header = Header::take(reader)?;
        if header.done {
            return Ok(ops);
        }
        let op = Op::from_number(header.number);
        let path = reader.string()?;
        reader.bool()?;
        ops.push(match op {
            Some(Op::GetData) => ReadOp::Data { path },
            Some(Op::GetChildren) => ReadOp::Children { path },
            _ => return Err(Malformed),
        });
    }
}

/// Appends the operations of a multi.
pub fn put_writes(out: &mut BytesMut, ops: &[MultiOp]) {
    for op in ops {
        match op {
            MultiOp::Create(create) => {
                Header::put(out, create.op.number(), false, -1);
                create.put(out);
            }
            MultiOp::Delete { path, version } => {
                Header::put(out, Op::Delete.number(), false, -1);
                jute::put_string(out, path);
                out.put_i32(*version);
            }
            MultiOp::SetData { path, data, version } => {
                Header::put(out, Op::SetData.number(), false, -1);
                jute::put_string(out, path);
                jute::put_buffer(out, data.as_deref());
                out.put_i32(*version);
            }
            MultiOp::Check { path, version } => {
                Header::put(out, Op::Check.number(), false, -1);
                jute::put_string(out, path);
                out.put_i32(*version);
            }
            MultiOp::CheckSession { session } => {
                Header::put(out, Op::CheckSession.number(), false, -1);
                out.put_i64(session.0);
            }
        }
    }
    Header::put(out, MARK, true, -1);
}

/// Appends the operations of a multiRead.
pub fn put_reads(out: &mut BytesMut, ops: &[ReadOp]) {
    for op in ops {
        let (number, path) = match op {
            ReadOp::Data { path } => (Op::GetData.number(), path),
            ReadOp::Children { path } => (Op::GetChildren.number(), path),
        };
        Header::put(out, number, false, -1);
        jute::put_string(out, path);
        jute::put_bool(out, false);
    }
    Header::put(out, MARK, true, -1);
}

/// Appends the results.
pub fn put_results(out: &mut BytesMut, results: &[MultiResult]) {
    for result in results {
        match result {
            MultiResult::Created { path } => {
                put_success(out, Op::Create);
                jute::put_string(out, path);
            }
            MultiResult::Created2 { path, stat } => {
                put_success(out, Op::Create2);
                jute::put_string(out, path);
                jute::put_stat(out, stat);
            }
            MultiResult::Deleted => put_success(out, Op::Delete),
            MultiResult::Checked => put_success(out, Op::Check),
            MultiResult::Set(stat) => {
                put_success(out, Op::SetData);
                jute::put_stat(out, stat);
            }
            MultiResult::Data { data, stat } => {
                put_success(out, Op::GetData);
                jute::put_buffer(out, data.as_deref());
                jute::put_stat(out, stat);
            }
            MultiResult::Children { names } => {
                put_success(out, Op::GetChildren);
                jute::put_strings(out, names);
            }
            MultiResult::Failed(number) => put_failure(out, *number),
        }
    }
    put_end(out);
}

/// Appends the head of a successful result; the body of the operation's reply follows.
pub fn put_success(out: &mut BytesMut, op: Op) {
    Header::put(out, op.number(), false, 0);
}

/// Appends a failed result: the number of a code, or 0 for an operation before the one that failed.
pub fn put_failure(out: &mut BytesMut, number: i32) {
    Header::put(out, MARK, false, number);
    out.put_i32(number);
}

/// Appends the end of a list of results.
pub fn put_end(out: &mut BytesMut) {
    Header::put(out, MARK, true, -1);
}

/// Reads the results.
pub fn take_results(reader: &mut Reader) -> jute::Result<Vec<MultiResult>> {
    let mut results = Vec::new();
    loop {
        let header = Header::take(reader)?;
        if header.done {
            return Ok(results);
        }
        if header.number == MARK {
            results.push(MultiResult::Failed(reader.int()?));
            continue;
        }
        results.push(match Op::from_number(header.number) {
            Some(Op::Create) => MultiResult::Created { path: reader.string()? },
            Some(Op::Create2 | Op::CreateContainer | Op::CreateTtl) => {
                MultiResult::Created2 { path: reader.string()?, stat: reader.stat()? }
            }
            Some(Op::Delete) => MultiResult::Deleted,
            Some(Op::Check) => MultiResult::Checked,
            Some(Op::SetData) => MultiResult::Set(reader.stat()?),
            Some(Op::GetData) => MultiResult::Data { data: reader.buffer()?, stat: reader.stat()? },
            Some(Op::GetChildren) => {
                MultiResult::Children { names: reader.vector(Reader::string)? }
            }
            _ => return Err(Malformed),
        });
    }
}
