//! A session over a raw connection: requests in, replies and events out, in arrival order.
//!
//! It keeps nothing alive by itself: no ping is sent that a test does not send.

use std::net::SocketAddr;

use crate::jute::Body;
use crate::op;
use crate::raw::{Silence, Wire};
use crate::records::{
    Acl, ConnectRequest, ConnectResponse, Event, Frame, Outcome, Reply, Stat, open, outcomes,
};

/// What an operation gives: its value, or the error code of the reply.
pub type Answer<T> = Result<T, i32>;

/// A connected session.
#[derive(Debug)]
pub struct Session {
    /// The connection, for whatever this type has no method for.
    pub wire: Wire,
    /// What the server granted.
    pub granted: ConnectResponse,
    /// The zxid in the header of the latest reply.
    pub zxid: i64,
    xid: i32,
    events: Vec<Event>,
}

impl Session {
    /// A new session with default wishes.
    pub fn new(addr: SocketAddr) -> Session {
        Session::open(addr, &ConnectRequest::default()).expect("the server grants a session")
    }

    /// A new session that asks for this timeout in milliseconds.
    pub fn with_timeout(addr: SocketAddr, timeout: i32) -> Session {
        Session::open(addr, &ConnectRequest { timeout, ..ConnectRequest::default() })
            .expect("the server grants a session")
    }

    /// A new session of a client of this project, which says what it can do.
    pub fn greeting(addr: SocketAddr, features: u32) -> Session {
        let request = ConnectRequest { hello: Some(features), ..ConnectRequest::default() };
        Session::open(addr, &request).expect("the server grants a session")
    }

    /// Connects with this request; a refusal is an answer too, told by timeout 0.
    pub fn open(addr: SocketAddr, request: &ConnectRequest) -> Result<Session, Silence> {
        Session::over(Wire::open(addr), request)
    }

    /// The same over a connection that is there already.
    pub fn over(mut wire: Wire, request: &ConnectRequest) -> Result<Session, Silence> {
        let granted = wire.handshake(request)?;
        Ok(Session { wire, granted, zxid: 0, xid: 0, events: Vec::new() })
    }

    /// The request that reattaches this session, with a hello if the last one had one.
    pub fn reattachment(&self) -> ConnectRequest {
        ConnectRequest {
            hello: self.granted.welcome.map(|(features, ..)| features),
            timeout: self.granted.timeout,
            session: self.granted.session,
            passwd: Some(self.granted.passwd.clone()),
            ..ConnectRequest::default()
        }
    }

    /// Reattaches this session over a new connection.
    pub fn reattach(&self, addr: SocketAddr) -> Session {
        let session = Session::open(addr, &self.reattachment()).expect("the server answers");
        assert_eq!(session.granted.session, self.id(), "the session is reattached");
        session
    }

    /// The session's id.
    pub fn id(&self) -> i64 {
        self.granted.session
    }

    /// Sends a request and returns its xid.
    pub fn send(&mut self, kind: i32, body: &Body) -> i32 {
        self.xid += 1;
        self.send_as(self.xid, kind, body);
        self.xid
    }

    /// Sends a request with a chosen xid.
    pub fn send_as(&mut self, xid: i32, kind: i32, body: &Body) {
        self.wire.send_frame(&Body::new().int(xid).int(kind).raw(&body.0).0);
    }

    /// The next frame, whatever it is.
    pub fn frame(&mut self) -> Result<Frame, Silence> {
        self.wire.receive().map(|body| Frame::decode(&body))
    }

    /// The next reply; events that arrive before it are kept for [`Session::events`].
    pub fn reply(&mut self) -> Result<Reply, Silence> {
        loop {
            match self.frame()? {
                Frame::Reply(reply) => return Ok(reply),
                Frame::Event(event) => self.events.push(event),
            }
        }
    }

    /// Sends a request and waits for its reply; `Err` if none comes.
    pub fn try_call(&mut self, kind: i32, body: &Body) -> Result<Reply, Silence> {
        let xid = self.send(kind, body);
        let reply = self.reply()?;
        assert_eq!(reply.xid, xid, "replies come in the order of the requests");
        self.zxid = reply.zxid;
        Ok(reply)
    }

    /// Sends a request and waits for its reply, which must come.
    pub fn call(&mut self, kind: i32, body: &Body) -> Reply {
        self.try_call(kind, body)
            .unwrap_or_else(|why| panic!("no reply to operation {kind}: {why:?}"))
    }

    /// The error code that answers a request.
    pub fn code(&mut self, kind: i32, body: &Body) -> i32 {
        self.call(kind, body).err
    }

    /// Sends a numbered write and waits for its reply, which must come.
    pub fn once(&mut self, (number, answered): (i64, i64), kind: i32, body: &Body) -> Reply {
        self.call(op::ONCE, &once_body((number, answered), kind, body))
    }

    fn value(&mut self, kind: i32, body: &Body) -> Answer<Reply> {
        let reply = self.call(kind, body);
        if reply.err == 0 { Ok(reply) } else { Err(reply.err) }
    }

    /// Sends a ping and waits for its reply; whatever the server did for this connection before
    /// has arrived then.
    pub fn ping(&mut self) {
        assert_eq!(self.try_ping(), Ok(()), "a ping is answered");
    }

    /// Sends a ping; `Err` if the connection ends instead of a reply.
    pub fn try_ping(&mut self) -> Result<(), Silence> {
        self.send_as(-2, op::PING, &Body::new());
        let reply = self.reply()?;
        assert_eq!((reply.xid, reply.err), (-2, 0), "the reply to a ping");
        self.zxid = reply.zxid;
        Ok(())
    }

    /// The events that have come since the last call, after a ping as a fence.
    pub fn events(&mut self) -> Vec<Event> {
        self.ping();
        std::mem::take(&mut self.events)
    }

    /// The events as (kind, path), after a ping as a fence.
    pub fn seen(&mut self) -> Vec<(i32, String)> {
        self.events().into_iter().map(|event| (event.kind, event.path)).collect()
    }

    /// The events kept so far, without a fence.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Sends an auth packet and returns the code of its reply.
    pub fn auth(&mut self, scheme: &str, auth: &[u8]) -> i32 {
        self.send_as(-4, op::AUTH, &Body::new().int(0).string(scheme).bytes(auth));
        let reply = self.reply().expect("an auth packet is answered");
        assert_eq!((reply.xid, reply.zxid), (-4, 0), "the reply to an auth packet");
        reply.err
    }

    /// The error code of a create with an ACL of everybody.
    pub fn create(&mut self, path: &str, data: &[u8], flags: i32) -> Answer<String> {
        self.create_with(path, Some(data), &open(), flags)
    }

    /// Creates a persistent znode that must not exist yet.
    pub fn make(&mut self, path: &str) -> String {
        self.create(path, b"", op::PERSISTENT).unwrap_or_else(|code| panic!("{path}: {code}"))
    }

    /// Creates a znode with everything chosen.
    pub fn create_with(
        &mut self,
        path: &str,
        data: Option<&[u8]>,
        acl: &[Acl],
        flags: i32,
    ) -> Answer<String> {
        let body = create_body(path, data, acl, flags);
        self.value(op::CREATE, &body).map(|reply| one(&reply, |reader| reader.string()))
    }

    /// Creates a znode and returns its Stat as well.
    pub fn create2(&mut self, path: &str, data: &[u8], flags: i32) -> Answer<(String, Stat)> {
        let body = create_body(path, Some(data), &open(), flags);
        let kind = if flags == op::CONTAINER { op::CREATE_CONTAINER } else { op::CREATE2 };
        self.value(kind, &body).map(|reply| one(&reply, |reader| (reader.string(), reader.stat())))
    }

    /// Creates a znode with a time to live in milliseconds.
    pub fn create_ttl(&mut self, path: &str, flags: i32, ttl: i64) -> Answer<(String, Stat)> {
        let body = create_body(path, Some(b""), &open(), flags).long(ttl);
        self.value(op::CREATE_TTL, &body)
            .map(|reply| one(&reply, |reader| (reader.string(), reader.stat())))
    }

    /// Deletes a znode of this version.
    pub fn delete(&mut self, path: &str, version: i32) -> Answer<()> {
        let reply = self.value(op::DELETE, &Body::new().string(path).int(version))?;
        reply.reader().end();
        Ok(())
    }

    /// Replaces the data of a znode of this version.
    pub fn set(&mut self, path: &str, data: &[u8], version: i32) -> Answer<Stat> {
        let body = Body::new().string(path).bytes(data).int(version);
        self.value(op::SET_DATA, &body).map(|reply| one(&reply, |reader| reader.stat()))
    }

    /// The data and Stat of a znode.
    pub fn get(&mut self, path: &str, watch: bool) -> Answer<(Option<Vec<u8>>, Stat)> {
        let body = Body::new().string(path).bool(watch);
        self.value(op::GET_DATA, &body)
            .map(|reply| one(&reply, |reader| (reader.buffer(), reader.stat())))
    }

    /// The Stat of a znode.
    pub fn exists(&mut self, path: &str, watch: bool) -> Answer<Stat> {
        let body = Body::new().string(path).bool(watch);
        self.value(op::EXISTS, &body).map(|reply| one(&reply, |reader| reader.stat()))
    }

    /// The Stat of a znode that must exist.
    pub fn stat(&mut self, path: &str) -> Stat {
        self.exists(path, false).unwrap_or_else(|code| panic!("{path}: {code}"))
    }

    /// The names of a znode's children, sorted.
    pub fn children(&mut self, path: &str, watch: bool) -> Answer<Vec<String>> {
        let body = Body::new().string(path).bool(watch);
        let mut names = self
            .value(op::GET_CHILDREN, &body)
            .map(|reply| one(&reply, |reader| reader.strings()))?;
        names.sort();
        Ok(names)
    }

    /// The ACL of a znode.
    pub fn get_acl(&mut self, path: &str) -> Answer<(Vec<Acl>, Stat)> {
        self.value(op::GET_ACL, &Body::new().string(path))
            .map(|reply| one(&reply, |reader| (reader.acl(), reader.stat())))
    }

    /// Replaces the ACL of a znode whose ACL version is this.
    pub fn set_acl(&mut self, path: &str, acl: &[Acl], version: i32) -> Answer<Stat> {
        let body = Body::new().string(path).acl(acl).int(version);
        self.value(op::SET_ACL, &body).map(|reply| one(&reply, |reader| reader.stat()))
    }

    /// Runs a multi; `Err` only if the header itself carries an error.
    pub fn multi(&mut self, parts: &[(i32, Body)]) -> Answer<Vec<Outcome>> {
        self.value(op::MULTI, &multi_body(parts)).map(|reply| outcomes(&reply.body))
    }

    /// Runs a multiRead.
    pub fn multi_read(&mut self, parts: &[(i32, Body)]) -> Answer<Vec<Outcome>> {
        self.value(op::MULTI_READ, &multi_body(parts)).map(|reply| outcomes(&reply.body))
    }

    /// Leaves a persistent watch: mode 0, or 1 for recursive.
    pub fn add_watch(&mut self, path: &str, mode: i32) -> Answer<()> {
        let reply = self.value(op::ADD_WATCH, &Body::new().string(path).int(mode))?;
        assert_eq!(reply.body, [0; 4], "addWatch answers with error 0 in the body");
        Ok(())
    }

    /// The code that answers removeWatches.
    pub fn remove_watches(&mut self, path: &str, kind: i32) -> i32 {
        self.code(op::REMOVE_WATCHES, &Body::new().string(path).int(kind))
    }

    /// The code that answers checkWatches.
    pub fn check_watches(&mut self, path: &str, kind: i32) -> i32 {
        self.code(op::CHECK_WATCHES, &Body::new().string(path).int(kind))
    }

    /// Re-registers watches; the lists are data, exist, child, persistent, recursive.
    pub fn set_watches2(&mut self, zxid: i64, lists: [&[&str]; 5]) -> i32 {
        let body = lists.iter().fold(Body::new().long(zxid), |body, list| body.strings(list));
        self.code(op::SET_WATCHES2, &body)
    }

    /// Re-registers standard watches; the lists are data, exist, child.
    pub fn set_watches(&mut self, zxid: i64, lists: [&[&str]; 3]) -> i32 {
        let body = lists.iter().fold(Body::new().long(zxid), |body, list| body.strings(list));
        self.code(op::SET_WATCHES, &body)
    }

    /// This session's ephemerals below a prefix, sorted.
    pub fn ephemerals(&mut self, prefix: &str) -> Vec<String> {
        let reply = self.call(op::GET_EPHEMERALS, &Body::new().string(prefix));
        assert_eq!(reply.err, 0, "getEphemerals asks for no permission");
        let mut paths = one(&reply, |reader| reader.strings());
        paths.sort();
        paths
    }

    /// How many znodes are below a path.
    pub fn descendants(&mut self, path: &str) -> Answer<i32> {
        self.value(op::GET_ALL_CHILDREN_NUMBER, &Body::new().string(path))
            .map(|reply| one(&reply, |reader| reader.int()))
    }

    /// The identities of the connection as (scheme, user), in the order sent.
    pub fn who_am_i(&mut self) -> Vec<(String, String)> {
        let reply = self.call(op::WHO_AM_I, &Body::new());
        assert_eq!(reply.err, 0, "whoAmI asks for no permission");
        one(&reply, |reader| {
            let count = reader.int();
            (0..count).map(|_| (reader.string(), reader.string())).collect()
        })
    }

    /// Closes the session and waits for reply and end of the connection.
    pub fn close(mut self) {
        assert_eq!(self.code(op::CLOSE_SESSION, &Body::new()), 0, "a session can be closed");
        assert!(self.is_cut(), "the connection ends behind the reply to closeSession");
    }

    /// Waits for the server to close this connection; true if it does without another frame.
    pub fn is_cut(&mut self) -> bool {
        self.reply() == Err(Silence::Closed)
    }
}

/// The body of a CreateRequest.
pub fn create_body(path: &str, data: Option<&[u8]>, acl: &[Acl], flags: i32) -> Body {
    Body::new().string(path).optional(data).acl(acl).int(flags)
}

/// The body of a multi or multiRead.
pub fn multi_body(parts: &[(i32, Body)]) -> Body {
    let body = parts
        .iter()
        .fold(Body::new(), |body, (kind, part)| body.int(*kind).bool(false).int(-1).raw(&part.0));
    body.int(-1).bool(true).int(-1)
}

/// The body of a numbered write: its number, and up to which number the client has the answers.
pub fn once_body((number, answered): (i64, i64), kind: i32, body: &Body) -> Body {
    Body::new().long(number).long(answered).int(kind).raw(&body.0)
}

/// Reads one value that is the whole body.
fn one<T>(reply: &Reply, read: impl FnOnce(&mut crate::jute::Reader<'_>) -> T) -> T {
    let mut reader = reply.reader();
    let value = read(&mut reader);
    reader.end();
    value
}
