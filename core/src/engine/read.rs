//! Reads: answered from the state as it is, straight into the output buffer.

use bytes::BytesMut;

use super::Engine;
use crate::base::{Code, Identity, SessionId};
use crate::watch::Registration;
use crate::wire::{Request, reply};

/// What a read came to, besides the reply frame it appended.
#[must_use = "a watch the reply calls for has to be registered before the next transaction"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Read<'a> {
    /// The code answered, if any.
    pub code: Option<Code>,
    /// The watch to register.
    pub watch: Option<(Registration, &'a str)>,
}

/// Read.
#[expect(clippy::too_many_arguments, reason = "one call per request: who, what, whereto")]
pub fn read<'a>(
    engine: &Engine,
    _request: &'a Request,
    _identities: &[Identity],
    _session: SessionId,
    xid: i32,
    out: &mut BytesMut,
) -> Read<'a> {
    reply::put_error(out, xid, engine.last_zxid(), Code::Unimplemented);
    Read { code: Some(Code::Unimplemented), watch: None }
}
