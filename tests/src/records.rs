//! The records of the wire as plain values, with every field open to a test.

use crate::jute::{Body, Reader};

/// A znode's Stat, field by field as sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the protocol's own")]
pub struct Stat {
    pub czxid: i64,
    pub mzxid: i64,
    pub ctime: i64,
    pub mtime: i64,
    pub version: i32,
    pub cversion: i32,
    pub aversion: i32,
    pub ephemeral_owner: i64,
    pub data_length: i32,
    pub num_children: i32,
    pub pzxid: i64,
}

/// One entry of an ACL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the fields are the protocol's own")]
pub struct Acl {
    pub perms: i32,
    pub scheme: String,
    pub id: String,
}

/// An entry of an ACL.
pub fn acl(perms: i32, scheme: &str, id: &str) -> Acl {
    Acl { perms, scheme: scheme.to_owned(), id: id.to_owned() }
}

/// The list that lets everybody do everything.
pub fn open() -> Vec<Acl> {
    vec![acl(31, "world", "anyone")]
}

/// The first frame of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the protocol's own")]
pub struct ConnectRequest {
    pub protocol: i32,
    pub last_zxid: i64,
    pub timeout: i32,
    pub session: i64,
    pub passwd: Option<Vec<u8>>,
    /// `None` leaves the byte out, as clients before 3.4 do.
    pub read_only: Option<bool>,
    /// Said with the features it lists and without a grace; it takes the place of the protocol, and
    /// with a new session that of the password.
    pub hello: Option<u32>,
}

/// Stands in the place of the protocol's number beside a hello or a welcome.
pub const GREETING: i32 = 0x746e_7231;

impl Default for ConnectRequest {
    fn default() -> Self {
        ConnectRequest {
            protocol: 0,
            last_zxid: 0,
            timeout: 30_000,
            session: 0,
            passwd: Some(vec![0; 16]),
            read_only: Some(false),
            hello: None,
        }
    }
}

impl ConnectRequest {
    /// The frame's body.
    pub fn encode(&self) -> Vec<u8> {
        let greeting = self.hello.map(|features| Body::new().int(features as i32).int(0));
        let (first, behind) = match greeting {
            Some(greeting) if self.session == 0 => (Some(greeting), None),
            greeting => (None, greeting),
        };
        let passwd = first.map(|greeting| [&b"tenure/1"[..], &greeting.0].concat());
        let mut body = Body::new()
            .int(if behind.is_some() { GREETING } else { self.protocol })
            .long(self.last_zxid)
            .int(self.timeout)
            .long(self.session)
            .optional(passwd.as_deref().or(self.passwd.as_deref()));
        if let Some(read_only) = self.read_only {
            body = body.bool(read_only);
        }
        match behind {
            Some(greeting) => body.raw(&greeting.0).0,
            None => body.0,
        }
    }
}

/// The server's answer to a [`ConnectRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the protocol's own")]
pub struct ConnectResponse {
    pub protocol: i32,
    pub timeout: i32,
    pub session: i64,
    pub passwd: Vec<u8>,
    pub read_only: Option<bool>,
    /// Features, grace, and the highest number of a write that was carried out.
    pub welcome: Option<(u32, u32, i64)>,
    /// The length of the frame's body.
    pub length: usize,
}

impl ConnectResponse {
    /// Reads the frame's body.
    pub fn decode(bytes: &[u8]) -> Self {
        let mut reader = Reader::new(bytes);
        let mut response = ConnectResponse {
            protocol: reader.int(),
            timeout: reader.int(),
            session: reader.long(),
            passwd: reader.buffer().expect("the password of a response is never null"),
            read_only: (reader.left() > 0).then(|| reader.bool()),
            welcome: None,
            length: bytes.len(),
        };
        if response.protocol == GREETING {
            let features = reader.int() as u32;
            response.welcome = Some((features, reader.int() as u32, reader.long()));
        }
        reader.end();
        response
    }
}

/// A reply: its header and the bytes behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the protocol's own")]
pub struct Reply {
    pub xid: i32,
    pub zxid: i64,
    pub err: i32,
    pub body: Vec<u8>,
}

impl Reply {
    /// A reader at the start of the body.
    pub fn reader(&self) -> Reader<'_> {
        Reader::new(&self.body)
    }
}

/// A watch event as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the protocol's own")]
pub struct Event {
    pub zxid: i64,
    pub kind: i32,
    pub state: i32,
    pub path: String,
}

/// What most tests look at in an event: its kind and its path.
pub fn event(kind: i32, path: &str) -> (i32, String) {
    (kind, path.to_owned())
}

/// A frame after the handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The answer to a request.
    Reply(Reply),
    /// A watch event, xid -1.
    Event(Event),
}

impl Frame {
    /// Reads a frame's body.
    pub fn decode(bytes: &[u8]) -> Self {
        let mut reader = Reader::new(bytes);
        let (xid, zxid, err) = (reader.int(), reader.long(), reader.int());
        if xid != -1 {
            return Frame::Reply(Reply { xid, zxid, err, body: bytes[16..].to_vec() });
        }
        assert_eq!(err, 0, "the header of an event carries no error");
        let event = Event { zxid, kind: reader.int(), state: reader.int(), path: reader.string() };
        reader.end();
        Frame::Event(event)
    }
}

/// One result inside a multi reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A create that returns only the path, with the result's type.
    Created(i32, String),
    /// A create that returns path and Stat, with the result's type.
    Created2(i32, String, Stat),
    /// A setData.
    Set(Stat),
    /// A delete or check, with its type.
    Done(i32),
    /// A read of data.
    Data(Option<Vec<u8>>, Stat),
    /// A read of children.
    Children(Vec<String>),
    /// A part that failed, or that was undone because another failed.
    Error(i32),
}

/// Reads the results of a multi or multiRead up to and including the end mark.
pub fn outcomes(bytes: &[u8]) -> Vec<Outcome> {
    let mut reader = Reader::new(bytes);
    let mut results = Vec::new();
    loop {
        let (kind, done, err) = (reader.int(), reader.bool(), reader.int());
        if done {
            assert_eq!((kind, err), (-1, -1), "the end mark of a multi");
            break;
        }
        results.push(match kind {
            1 => Outcome::Created(kind, reader.string()),
            15 | 19 | 21 => Outcome::Created2(kind, reader.string(), reader.stat()),
            5 => Outcome::Set(reader.stat()),
            2 | 13 => Outcome::Done(kind),
            4 => Outcome::Data(reader.buffer(), reader.stat()),
            8 => Outcome::Children(reader.strings()),
            -1 => {
                let code = reader.int();
                assert_eq!(code, err, "header and body of an error result agree");
                Outcome::Error(code)
            }
            other => panic!("a multi result of type {other}"),
        });
    }
    reader.end();
    results
}
