//! The handshake: the only frames without a header.

use bytes::{BufMut, Bytes, BytesMut};

use super::frame;
use super::hello::{self, Hello, Welcome};
use super::jute::{self, Reader};
use crate::base::{Millis, Password, SessionId, Zxid};

/// What a client opens a connection with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConnectRequest {
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
    /// What a client of this project says of itself; see [`super::hello`]. With a new session it takes
    /// the place of the password, which is `None` then. Without the byte above there is none.
    pub hello: Option<Hello>,
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
    /// The answer to a hello, and only to one.
    pub welcome: Option<Welcome>,
}

impl ConnectRequest {
    /// Reads the body of a connection's first frame.
    pub fn decode(body: Bytes) -> jute::Result<ConnectRequest> {
        let mut reader = Reader::new(body);
        // ZooKeeper ignores what stands here, and so does this unless it is the mark.
        let version = reader.int()?;
        let mut request = ConnectRequest {
            last_zxid_seen: Zxid(reader.long()?),
            timeout: reader.int()?,
            session_id: SessionId(reader.long()?),
            password: reader.buffer()?,
            read_only: if reader.remaining() > 0 { Some(reader.bool()?) } else { None },
            hello: None,
        };
        if request.read_only.is_some() {
            if request.session_id.is_none() {
                request.hello = request.password.as_deref().and_then(Hello::from_password);
                request.password = request.password.filter(|_| request.hello.is_none());
            } else if version == hello::VERSION && reader.remaining() > 0 {
                request.hello = Some(Hello::take(&mut reader)?);
            }
        }
        Ok(request)
    }

    /// Appends the whole frame.
    pub fn encode(&self, out: &mut BytesMut) {
        frame::put(out, |out| {
            let behind = self.hello.filter(|_| !self.session_id.is_none());
            out.put_i32(if behind.is_some() { hello::VERSION } else { 0 });
            out.put_i64(self.last_zxid_seen.0);
            out.put_i32(self.timeout);
            out.put_i64(self.session_id.0);
            match self.hello.filter(|_| behind.is_none()) {
                Some(hello) => jute::put_buffer(out, Some(&hello.to_password().0)),
                None => jute::put_buffer(out, self.password.as_deref()),
            }
            if let Some(read_only) = self.read_only {
                jute::put_bool(out, read_only);
            }
            if let Some(hello) = behind {
                hello.put(out);
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
            welcome: None,
        }
    }

    /// Whether the session was refused: no time or no session was granted.
    pub fn is_refused(&self) -> bool {
        self.timeout == Millis(0) || self.session_id.is_none()
    }

    /// Reads the body of the first frame a server sends. A timeout of zero or less reads as 0.
    pub fn decode(body: Bytes) -> jute::Result<ConnectResponse> {
        let mut reader = Reader::new(body);
        let version = reader.int()?;
        let timeout = Millis(u32::try_from(reader.int()?).unwrap_or(0));
        let session_id = SessionId(reader.long()?);
        let password = reader.buffer()?.unwrap_or_default();
        let password = password.as_ref().try_into().map_err(|_| jute::Malformed)?;
        let read_only = if reader.remaining() > 0 { Some(reader.bool()?) } else { None };
        let is_welcome = version == hello::VERSION && reader.remaining() > 0;
        let welcome = if is_welcome { Some(Welcome::take(&mut reader)?) } else { None };
        Ok(ConnectResponse {
            timeout,
            session_id,
            password: Password(password),
            read_only,
            welcome,
        })
    }

    /// Appends the whole frame.
    pub fn encode(&self, out: &mut BytesMut) {
        frame::put(out, |out| {
            // Behind the byte, so that nothing is taken for it.
            let welcome = self.welcome.filter(|_| self.read_only.is_some());
            out.put_i32(if welcome.is_some() { hello::VERSION } else { 0 });
            out.put_u32(self.timeout.0);
            out.put_i64(self.session_id.0);
            jute::put_buffer(out, Some(&self.password.0));
            if let Some(read_only) = self.read_only {
                jute::put_bool(out, read_only);
            }
            if let Some(welcome) = welcome {
                welcome.put(out);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::hello::Features;
    use super::*;

    fn ask(session_id: SessionId, hello: Option<Hello>) -> ConnectRequest {
        let password = (!session_id.is_none()).then(|| Bytes::from_static(&[7; 16]));
        let (last_zxid_seen, timeout) = (Zxid(9), 4_000);
        let read_only = Some(false);
        ConnectRequest { last_zxid_seen, timeout, session_id, password, read_only, hello }
    }

    fn body(write: impl FnOnce(&mut BytesMut)) -> Bytes {
        let mut bytes = BytesMut::new();
        write(&mut bytes);
        frame::take(&mut bytes, 1 << 10).expect("in bounds").expect("whole")
    }

    #[test]
    fn a_hello_comes_through_in_both_places() {
        let hello = Hello { features: Features::ALL, crash_grace: Millis(200) };
        for session in [SessionId::NONE, SessionId(5)] {
            let request = ask(session, Some(hello));
            let body = body(|out| request.encode(out));
            assert_eq!(ConnectRequest::decode(body), Ok(request));
        }
    }

    #[test]
    fn p20_a_new_session_is_asked_for_in_as_many_bytes_as_everybody_takes() {
        let hello = Some(Hello::default());
        let with = body(|out| ask(SessionId::NONE, hello).encode(out));
        assert_eq!((with.len(), &with[..4]), (45, &[0; 4][..]));
    }

    #[test]
    fn a_server_that_was_not_asked_says_nothing() {
        let welcome = Welcome { features: Features::ONCE, highest_once: 7, ..Welcome::default() };
        let (timeout, session_id) = (Millis(4_000), SessionId(5));
        let password = Password([1; 16]);
        let read_only = Some(false);
        for welcome in [None, Some(welcome)] {
            let response = ConnectResponse { timeout, session_id, password, read_only, welcome };
            let body = body(|out| response.encode(out));
            assert_eq!(body.len() == 37, welcome.is_none());
            assert_eq!(ConnectResponse::decode(body), Ok(response));
        }
    }
}
