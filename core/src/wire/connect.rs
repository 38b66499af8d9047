//! The handshake: the only frames without a header.

use bytes::{BufMut, Bytes, BytesMut};

use super::frame;
use super::jute::{self, Reader};
use crate::base::{Millis, Password, SessionId, Zxid};

/// What a client opens a connection with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConnectRequest {
    /// 0 in practice; servers ignore it.
    pub protocol_version: i32,
    /// The highest zxid the client has seen. A server that is behind it must not serve this client.
    pub last_zxid_seen: Zxid,
    /// The session timeout asked for in milliseconds; may be any number.
    pub timeout: i32,
    /// The session to resume, or [`SessionId::NONE`] for a new one.
    pub session_id: SessionId,
    /// The password of that session. Any length may arrive.
    pub password: Option<Bytes>,
    /// "I accept a read-only server"; `None` if the client did not send the byte at all.
    pub read_only: Option<bool>,
}

/// What a server answers it with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConnectResponse {
    /// The granted session timeout; 0 says that the session is refused.
    pub timeout: Millis,
    /// The session, [`SessionId::NONE`] when refused.
    pub session_id: SessionId,
    /// Its password, always 16 bytes, zeros when refused.
    pub password: Password,
    /// Whether the server is read-only; present only if the client sent the byte.
    pub read_only: Option<bool>,
}

impl ConnectRequest {
    /// Reads the body of a connection's first frame.
    pub fn decode(body: Bytes) -> jute::Result<ConnectRequest> {
        let mut reader = Reader::new(body);
        Ok(ConnectRequest {
            protocol_version: reader.int()?,
            last_zxid_seen: Zxid(reader.long()?),
            timeout: reader.int()?,
            session_id: SessionId(reader.long()?),
            password: reader.buffer()?,
            read_only: if reader.remaining() > 0 { Some(reader.bool()?) } else { None },
        })
    }

    /// Appends the whole frame.
    pub fn encode(&self, out: &mut BytesMut) {
        frame::put(out, |out| {
            out.put_i32(self.protocol_version);
            out.put_i64(self.last_zxid_seen.0);
            out.put_i32(self.timeout);
            out.put_i64(self.session_id.0);
            jute::put_buffer(out, self.password.as_deref());
            if let Some(read_only) = self.read_only {
                jute::put_bool(out, read_only);
            }
        });
    }
}

impl ConnectResponse {
    /// The answer that says: this session does not exist (any more).
    pub fn refused(read_only: Option<bool>) -> ConnectResponse {
        ConnectResponse {
            timeout: Millis(0),
            session_id: SessionId::NONE,
            password: Password::default(),
            read_only,
        }
    }

    /// Whether the session was refused: no time or no session was granted.
    pub fn is_refused(&self) -> bool {
        self.timeout == Millis(0) || self.session_id.is_none()
    }

    /// Reads the body of the first frame a server sends. A timeout of zero or less reads as 0.
    pub fn decode(body: Bytes) -> jute::Result<ConnectResponse> {
        let mut reader = Reader::new(body);
        reader.int()?;
        let timeout = Millis(u32::try_from(reader.int()?).unwrap_or(0));
        let session_id = SessionId(reader.long()?);
        let password = reader.buffer()?.unwrap_or_default();
        let password = password.as_ref().try_into().map_err(|_| jute::Malformed)?;
        let read_only = if reader.remaining() > 0 { Some(reader.bool()?) } else { None };
        Ok(ConnectResponse { timeout, session_id, password: Password(password), read_only })
    }

    /// Appends the whole frame.
    pub fn encode(&self, out: &mut BytesMut) {
        frame::put(out, |out| {
            out.put_i32(0);
            out.put_u32(self.timeout.0);
            out.put_i64(self.session_id.0);
            jute::put_buffer(out, Some(&self.password.0));
            if let Some(read_only) = self.read_only {
                jute::put_bool(out, read_only);
            }
        });
    }
}
