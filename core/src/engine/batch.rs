//! One entry of the log: transactions that are ordered, made durable and applied together.
//!
//! The bytes are this project's own and have a version of their own, so that neither another release
//! nor another way of agreeing on the order changes what is on disk. The body of a request is what the
//! protocol makes of it.
//!
//! Everything that has a say in the result stands in the entry. A replica, or a restart under other
//! settings, therefore comes to the same state.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use super::{Cause, Change, Txn};
use crate::base::{Identity, Millis, Password, SessionId, WallMillis, limits};
use crate::wire::jute::{self, Malformed, Reader};
use crate::wire::{Op, Request};

/// The version written, and the newest one read.
const VERSION: u8 = 3;

/// The most transactions whoever writes puts into one batch. More are read all the same.
pub const MOST_TXNS: usize = 4_096;

/// What an operator may choose and a result depends on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Whether znodes can have a time to live.
    pub extended_types: bool,
    /// How long after its creation, or after its data were last set, a container goes that never
    /// had a child. `None`: never.
    pub never_used_containers: Option<Millis>,
    /// Which schemes access control lists may name, besides those that are built in.
    pub schemes: Schemes,
    /// Whether access control lists are stored and shown, and forbid nothing.
    pub skips_acl: bool,
    /// Whether the hard limits of quotas are kept.
    pub enforces_quota: bool,
    /// How many ephemerals one session may have.
    pub ephemerals_per_session: u32,
    /// How many bytes their paths and data may have together.
    pub ephemeral_bytes_per_session: u64,
    /// How many values one session may bind to itself; with 0 there is no session data.
    pub session_values: u32,
    /// How many bytes these may have together: names, data and lists of who may read them.
    pub session_value_bytes: u32,
    /// Whether sessions are listed below `/zookeeper/sessions`, and bind values there.
    pub session_directory: bool,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            extended_types: true,
            never_used_containers: None,
            schemes: Schemes::default(),
            skips_acl: false,
            enforces_quota: false,
            ephemerals_per_session: limits::EPHEMERALS_PER_SESSION,
            ephemeral_bytes_per_session: limits::EPHEMERAL_BYTES_PER_SESSION,
            session_values: limits::SESSION_VALUES,
            session_value_bytes: limits::SESSION_VALUE_BYTES,
            session_directory: true,
        }
    }
}

impl Rules {
    /// What was in force when entries of version 1 were written.
    fn of_version_1(extended_types: bool, never_used_containers: Option<Millis>) -> Rules {
        Rules {
            extended_types,
            never_used_containers,
            ephemerals_per_session: u32::MAX,
            ephemeral_bytes_per_session: u64::MAX,
            session_values: 0,
            session_value_bytes: 0,
            session_directory: false,
            ..Rules::default()
        }
    }
}

/// Schemes that a server may or may not know. `world`, `auth` and `ip` are always known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Schemes {
    /// A user and the hash of a password.
    pub digest: bool,
    /// The name that a SASL mechanism has proven.
    pub sasl: bool,
    /// The subject of a client's certificate.
    pub x509: bool,
}

impl Default for Schemes {
    fn default() -> Schemes {
        Schemes { digest: true, sasl: false, x509: false }
    }
}

/// Transactions that stand or fall together on disk, and are applied one after the other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch {
    /// The upper half of the zxids. A higher one than before starts a count of its own.
    pub epoch: u32,
    /// The rules its transactions are judged by.
    pub rules: Rules,
    /// In their order.
    pub txns: Vec<Txn>,
}

/// Bytes that are no batch of a version this release reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Undecodable {
    /// Another release wrote it.
    #[error(
        "the entry has format version {0}, this release reads up to {VERSION}; use a newer one"
    )]
    Version(u8),
    /// The bytes do not hold what they announce.
    #[error("the entry is malformed")]
    Malformed,
}

impl From<Malformed> for Undecodable {
    fn from(_: Malformed) -> Undecodable {
        Undecodable::Malformed
    }
}

/// Appends what precedes the transactions of a batch, their count included.
fn put_head(out: &mut BytesMut, epoch: u32, rules: Rules, count: usize) {
    out.put_u8(VERSION);
    out.put_u32(epoch);
    jute::put_bool(out, rules.extended_types);
    out.put_i64(rules.never_used_containers.map_or(-1, |limit| i64::from(limit.0)));
    for yes in [
        rules.schemes.digest,
        rules.schemes.sasl,
        rules.schemes.x509,
        rules.skips_acl,
        rules.enforces_quota,
    ] {
        jute::put_bool(out, yes);
    }
    out.put_u32(rules.ephemerals_per_session);
    out.put_u64(rules.ephemeral_bytes_per_session);
    out.put_u32(rules.session_values);
    out.put_u32(rules.session_value_bytes);
    jute::put_bool(out, rules.session_directory);
    jute::put_length(out, count);
}

/// A batch being written, transaction by transaction.
pub struct BatchWriter<'a> {
    before: Option<&'a [Identity]>,
    out: BytesMut,
}

impl<'a> BatchWriter<'a> {
    /// Starts a batch of `count` transactions.
    pub fn new(epoch: u32, rules: Rules, count: usize) -> BatchWriter<'a> {
        let mut out = BytesMut::with_capacity(256 + 192 * count);
        put_head(&mut out, epoch, rules, count);
        BatchWriter { before: None, out }
    }

    /// Appends one.
    pub fn put(&mut self, txn: &'a Txn) {
        let out = &mut self.out;
        out.put_i64(txn.at.0);
        out.put_i64(txn.session.0);
        // The end of a session is the same whoever asks for it, and has to fit where nothing else does.
        let is_end = matches!(txn.change, Change::EndSession { .. });
        let identities: &[Identity] = if is_end { &[] } else { &txn.identities };
        let is_same = self.before == Some(identities);
        jute::put_bool(out, is_same);
        if !is_same {
            jute::put_length(out, identities.len());
            for identity in identities {
                jute::put_string(out, &identity.scheme);
                jute::put_string(out, &identity.id);
            }
        }
        self.before = Some(identities);
        put_change(out, &txn.change);
    }

    /// The bytes.
    pub fn finish(self) -> Bytes {
        self.out.freeze()
    }
}

impl Batch {
    /// Its bytes.
    pub fn encode(&self) -> Bytes {
        let mut writer = BatchWriter::new(self.epoch, self.rules, self.txns.len());
        for txn in &self.txns {
            writer.put(txn);
        }
        writer.finish()
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`Undecodable`]; nothing is guessed.
    pub fn decode(body: Bytes) -> Result<Batch, Undecodable> {
        let mut reader = Reader::new(body);
        let version = reader.byte()?;
        if !(1..=VERSION).contains(&version) {
            return Err(Undecodable::Version(version));
        }
        let epoch = u32::try_from(reader.int()?).map_err(|_| Malformed)?;
        let rules = take_rules(&mut reader, version)?;
        let count = usize::try_from(reader.int()?).map_err(|_| Malformed)?;
        let mut txns: Vec<Txn> = Vec::with_capacity(count.min(MOST_TXNS));
        let mut before = None;
        for _ in 0..count {
            let mut txn = take_txn(&mut reader, before.take(), version)?;
            before = Some(txn.identities.clone());
            if matches!(txn.change, Change::EndSession { .. }) {
                txn.identities = Arc::from([]);
            }
            txns.push(txn);
        }
        if reader.remaining() > 0 {
            return Err(Undecodable::Malformed);
        }
        Ok(Batch { epoch, rules, txns })
    }
}

fn take_rules(reader: &mut Reader, version: u8) -> jute::Result<Rules> {
    let extended_types = reader.bool()?;
    let never_used_containers = match reader.long()? {
        -1 => None,
        limit => Some(Millis(u32::try_from(limit).map_err(|_| Malformed)?)),
    };
    if version == 1 {
        return Ok(Rules::of_version_1(extended_types, never_used_containers));
    }
    Ok(Rules {
        extended_types,
        never_used_containers,
        schemes: Schemes { digest: reader.bool()?, sasl: reader.bool()?, x509: reader.bool()? },
        skips_acl: reader.bool()?,
        enforces_quota: reader.bool()?,
        ephemerals_per_session: reader.int()? as u32,
        ephemeral_bytes_per_session: reader.long()? as u64,
        session_values: if version < 3 { 0 } else { reader.int()? as u32 },
        session_value_bytes: if version < 3 { 0 } else { reader.int()? as u32 },
        session_directory: version >= 3 && reader.bool()?,
    })
}

fn take_txn(
    reader: &mut Reader,
    before: Option<Arc<[Identity]>>,
    version: u8,
) -> jute::Result<Txn> {
    let at = WallMillis(reader.long()?);
    let session = SessionId(reader.long()?);
    let identities = if reader.bool()? {
        before.ok_or(Malformed)?
    } else {
        let listed = reader
            .vector(|reader| Ok(Identity { scheme: reader.string()?, id: reader.string()? }))?;
        listed.into()
    };
    Ok(Txn { at, session, identities, change: take_change(reader, version)? })
}

fn put_change(out: &mut BytesMut, change: &Change) {
    match change {
        Change::CreateSession { id, timeout, password } => {
            out.put_u8(1);
            out.put_i64(id.0);
            out.put_u32(timeout.0);
            out.put_slice(&password.0);
        }
        Change::EndSession { id, cause } => {
            out.put_u8(2);
            out.put_i64(id.0);
            put_cause(out, *cause);
        }
        Change::Request(request) => {
            out.put_u8(3);
            out.put_i32(request.op().number());
            request.encode_body(out);
        }
        Change::Reap { path } => {
            out.put_u8(4);
            jute::put_string(out, path);
        }
    }
}

fn put_cause(out: &mut BytesMut, cause: Cause) {
    match cause {
        Cause::Closed => out.put_u8(0),
        Cause::Expired { silence, late } => {
            out.put_u8(1);
            out.put_u32(silence.0);
            out.put_u32(late.0);
        }
        Cause::Administrator => out.put_u8(2),
        Cause::Crashed { after } => {
            out.put_u8(3);
            out.put_u32(after.0);
        }
        // Part of the end of another transaction, and never one of its own.
        Cause::HandedOver { to: other } | Cause::Fenced { by: other } => {
            out.put_u8(if matches!(cause, Cause::Fenced { .. }) { 5 } else { 4 });
            out.put_i64(other.0);
        }
    }
}

fn take_cause(reader: &mut Reader, version: u8) -> jute::Result<Cause> {
    let length = |reader: &mut Reader| match version {
        // How long was not kept.
        ..3 => Ok(Millis(0)),
        _ => Ok(Millis(reader.int()? as u32)),
    };
    Ok(match reader.byte()? {
        0 => Cause::Closed,
        1 => Cause::Expired { silence: length(reader)?, late: length(reader)? },
        2 => Cause::Administrator,
        3 => Cause::Crashed { after: length(reader)? },
        4 => Cause::HandedOver { to: SessionId(reader.long()?) },
        5 => Cause::Fenced { by: SessionId(reader.long()?) },
        _ => return Err(Malformed),
    })
}

fn take_change(reader: &mut Reader, version: u8) -> jute::Result<Change> {
    Ok(match reader.byte()? {
        1 => Change::CreateSession {
            id: SessionId(reader.long()?),
            timeout: Millis(reader.int()? as u32),
            password: Password(reader.array()?),
        },
        2 => Change::EndSession {
            id: SessionId(reader.long()?),
            cause: take_cause(reader, version)?,
        },
        3 => {
            let op = Op::from_number(reader.int()?).ok_or(Malformed)?;
            Change::Request(Request::decode(op, reader).map_err(|_| Malformed)?)
        }
        4 => Change::Reap { path: reader.string()? },
        _ => return Err(Malformed),
    })
}
