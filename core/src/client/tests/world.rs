//! The world around one machine: time, and the server's end of its connection.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;

use crate::base::{Millis, Moment, Password, SessionId, Stat, Zxid};
use crate::client::machine::{Input, Machine, Output};
use crate::client::{
    CallId, Credentials, Error, Hosts, Intent, News, OnConflict, Recovery, RegistrationId,
    RegistrationState, Result, SessionEvent, Settings, State, Submission, WatchId, WatchItem, Wish,
};
use crate::wire::jute::Reader;
use crate::wire::{
    ConnectRequest, ConnectResponse, Features, Op, Reply, Request, RequestHeader, Welcome, event,
    frame, reply,
};

/// The timeout every server of these tests grants.
pub const TIMEOUT: u64 = 12_000;

/// Something the machine said, in order.
#[derive(Clone, PartialEq, Debug)]
pub enum Heard {
    Answer(u64, Result<Reply>),
    State(State, u32),
    Item(u64, Result<WatchItem>),
    View(u64, News, bool),
    Unwatched(u64),
    Registered(u64, RegistrationState, u64),
    LoginFailed(String),
    Closed(Result<()>),
    Detached(Result<Credentials>),
    Finished(Error),
}

pub struct World {
    pub machine: Machine,
    pub now: Moment,
    pub heard: Vec<Heard>,
    pub events: Vec<SessionEvent>,
    pub dials: usize,
    pub is_dialing: bool,
    pub is_connected: bool,
    /// What the servers say of themselves to who says hello.
    pub welcome: Option<Welcome>,
    bytes: BytesMut,
    next_call: u64,
}

pub fn settings(change: impl FnOnce(&mut Settings)) -> Settings {
    let (hosts, _) = Hosts::parse("a:1,b:2,c:3").expect("a list");
    let mut settings = Settings::new(hosts);
    settings.timeout = Millis(TIMEOUT as u32);
    change(&mut settings);
    settings
}

pub fn resume_only(settings: &mut Settings) {
    settings.recovery = Recovery::ResumeOnly;
}

impl World {
    pub fn new(settings: Settings) -> World {
        let now = Moment(1_000_000);
        let machine = Machine::new(settings, now);
        let mut world = World {
            machine,
            now,
            heard: Vec::new(),
            events: Vec::new(),
            dials: 0,
            is_dialing: false,
            is_connected: false,
            welcome: None,
            bytes: BytesMut::new(),
            next_call: 0,
        };
        world.handle(Input::Tick);
        world
    }

    /// A machine that is connected as session 7.
    pub fn connected(settings: Settings) -> World {
        let mut world = World::new(settings);
        world.connect(7);
        world.heard.clear();
        world
    }

    /// A machine that is connected as session 7 to servers of this project.
    pub fn welcomed(settings: Settings) -> World {
        let mut world = World::new(settings);
        world.welcome = Some(Welcome { features: Features::ALL, ..Welcome::default() });
        world.connect(7);
        world.heard.clear();
        world
    }

    pub fn handle(&mut self, input: Input) {
        self.machine.handle(self.now, input);
        while let Some(output) = self.machine.poll() {
            self.note(output);
        }
        self.machine.check();
    }

    fn note(&mut self, output: Output) {
        self.heard.push(match output {
            Output::Dial(_) => {
                self.dials += 1;
                self.is_dialing = true;
                return;
            }
            Output::Disconnect => {
                self.is_dialing = false;
                self.is_connected = false;
                self.bytes.clear();
                return;
            }
            Output::Begun(_) => return,
            Output::Event(event) => {
                let heard = Heard::State(event.state, event.epoch.0);
                self.events.push(event);
                heard
            }
            Output::Answer { call, result } => Heard::Answer(call.0, result),
            Output::Item { watch, item, .. } => Heard::Item(watch.0, item),
            Output::View { watch, news, is_fresh } => Heard::View(watch.0, news, is_fresh),
            Output::Unwatched(watch) => Heard::Unwatched(watch.0),
            Output::Registered { id, state, revision } => Heard::Registered(id.0, state, revision),
            Output::LoginFailed { reason, .. } => Heard::LoginFailed(reason),
            Output::Closed(result) => Heard::Closed(result),
            Output::Detached(result) => Heard::Detached(result),
            Output::Finished(error) => Heard::Finished(error),
        });
    }

    /// Lets time pass, stopping at everything that is due.
    pub fn pass(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while let Some(due) = self.machine.next_deadline().filter(|&due| due <= end) {
            self.now = self.now.max(due);
            self.handle(Input::Tick);
        }
        self.now = end;
        self.handle(Input::Tick);
    }

    /// Lets time pass in one leap, as for a process that was stopped.
    pub fn leap(&mut self, millis: u64) {
        self.now = self.now + Duration::from_millis(millis);
        self.handle(Input::Tick);
    }

    /// Lets time pass until the machine dials.
    pub fn until_dial(&mut self) {
        while !self.is_dialing {
            let due = self.machine.next_deadline().expect("it will dial");
            self.now = self.now.max(due);
            self.handle(Input::Tick);
        }
    }

    /// Accepts the connection the machine asks for, and reads its handshake.
    pub fn accept(&mut self) -> ConnectRequest {
        self.until_dial();
        self.is_dialing = false;
        self.is_connected = true;
        self.handle(Input::Dialed { server: "10.0.0.1:2181".into() });
        self.pump();
        let body = frame::take(&mut self.bytes, 1 << 20).expect("in bounds").expect("a handshake");
        ConnectRequest::decode(body).expect("a handshake")
    }

    /// Answers the handshake.
    pub fn grant(&mut self, session: i64) {
        let response = ConnectResponse {
            timeout: Millis(TIMEOUT as u32),
            session_id: SessionId(session),
            password: Password([7; 16]),
            read_only: Some(false),
            welcome: self.welcome,
        };
        self.respond(response);
    }

    pub fn respond(&mut self, response: ConnectResponse) {
        let mut bytes = BytesMut::new();
        response.encode(&mut bytes);
        self.handle(Input::Received(bytes));
    }

    pub fn refuse(&mut self) {
        self.respond(ConnectResponse::refused(Some(false)));
    }

    /// The whole way to a session.
    pub fn connect(&mut self, session: i64) -> ConnectRequest {
        let request = self.accept();
        self.grant(session);
        request
    }

    pub fn cut(&mut self) {
        self.handle(Input::Closed);
    }

    /// Moves everything the machine has to say to the server.
    fn pump(&mut self) {
        while let Some(bytes) = self.machine.transmit(self.now) {
            self.bytes.extend_from_slice(&bytes);
        }
        while let Some(output) = self.machine.poll() {
            self.note(output);
        }
        self.machine.check();
    }

    /// What the server has received since it was last asked.
    pub fn received(&mut self) -> Vec<(i32, Request)> {
        self.pump();
        let mut requests = Vec::new();
        while let Some(body) = frame::take(&mut self.bytes, 1 << 20).expect("in bounds") {
            let mut reader = Reader::new(body);
            let header = RequestHeader::decode(&mut reader).expect("a header");
            let op = Op::from_number(header.number).expect("a known operation");
            requests.push((header.xid, Request::decode(op, &mut reader).expect("a request")));
        }
        requests
    }

    /// The operations the server has received since it was last asked.
    pub fn ops(&mut self) -> Vec<Op> {
        self.received().iter().map(|(_, request)| request.op()).collect()
    }

    pub fn reply(&mut self, xid: i32, zxid: i64, reply: Reply) {
        let mut bytes = BytesMut::new();
        reply::put(&mut bytes, xid, Zxid(zxid), &Ok(reply));
        self.handle(Input::Received(bytes));
    }

    pub fn reply_error(&mut self, xid: i32, code: crate::base::Code) {
        let mut bytes = BytesMut::new();
        reply::put_error(&mut bytes, xid, Zxid(1), code);
        self.handle(Input::Received(bytes));
    }

    pub fn event(&mut self, kind: crate::base::EventKind, path: &str) {
        let mut bytes = BytesMut::new();
        event::put(&mut bytes, kind, path, Zxid(5));
        self.handle(Input::Received(bytes));
    }

    /// Answers everything received with success.
    pub fn serve(&mut self) -> Vec<Request> {
        let mut served = Vec::new();
        for (xid, request) in self.received() {
            self.reply(xid, 1, success(&request));
            served.push(request);
        }
        served
    }

    /// Submits a request and returns its number.
    pub fn submit(&mut self, request: Request) -> u64 {
        self.submit_with(request, |_| {})
    }

    pub fn submit_with(&mut self, request: Request, with: impl FnOnce(&mut Submission)) -> u64 {
        self.next_call += 1;
        let mut submission = Submission {
            call: CallId(self.next_call),
            request,
            chroot: Arc::from(""),
            timeout: None,
            epoch: None,
            intent: Intent::Nothing,
        };
        with(&mut submission);
        self.handle(Input::Submit(submission));
        self.next_call
    }

    /// Leaves a one-shot watch on data, answered.
    pub fn watch_data(&mut self, watch: u64, path: &str) {
        let request = Request::GetData { path: path.into(), watch: true };
        self.submit_with(request, |submission| submission.intent = Intent::Once(WatchId(watch)));
        self.serve();
    }

    /// Adds a recursive watch, answered.
    pub fn watch_below(&mut self, watch: u64, path: &str) {
        self.submit_with(add_watch(path), |submission| {
            submission.intent = Intent::Stream(WatchId(watch));
        });
        self.serve();
    }

    /// Wants an ephemeral at `path` with the data `v`.
    pub fn register(&mut self, id: u64, path: &str) {
        self.register_with(id, path, |_| {});
    }

    pub fn register_with(&mut self, id: u64, path: &str, with: impl FnOnce(&mut Wish)) {
        let mut wish = Wish {
            id: RegistrationId(id),
            path: path.into(),
            chroot: "".into(),
            data: "v".into(),
            acl: crate::base::Acl::open_unsafe(),
            is_sequential: false,
            parents: false,
            on_conflict: OnConflict::Wait,
        };
        with(&mut wish);
        self.handle(Input::Register(Box::new(wish)));
    }

    /// What was heard since it was last asked.
    pub fn take_heard(&mut self) -> Vec<Heard> {
        std::mem::take(&mut self.heard)
    }

    /// The states among them.
    pub fn take_states(&mut self) -> Vec<(State, u32)> {
        self.take_heard()
            .into_iter()
            .filter_map(|heard| match heard {
                Heard::State(state, epoch) => Some((state, epoch)),
                _ => None,
            })
            .collect()
    }
}

pub fn add_watch(path: &str) -> Request {
    Request::AddWatch { path: path.into(), mode: crate::base::WatchMode::PersistentRecursive }
}

pub fn get(path: &str) -> Request {
    Request::GetData { path: path.into(), watch: false }
}

pub fn set(path: &str) -> Request {
    Request::SetData { path: path.into(), data: None, version: -1 }
}

pub fn create(path: &str, mode: crate::base::CreateMode) -> Request {
    let acl = crate::base::Acl::open_unsafe();
    Request::Create(crate::wire::Create::new(path.into(), None, acl, mode))
}

pub fn success(request: &Request) -> Reply {
    let stat = Stat::default();
    match request {
        Request::GetData { .. } => Reply::Data { data: None, stat },
        Request::SetData { .. } | Request::Exists { .. } => Reply::Stat(stat),
        Request::Create(create) => Reply::Created2 { path: create.path.clone(), stat },
        Request::AddWatch { .. } => Reply::Confirmed(0),
        Request::Sync { path } => Reply::Synced { path: path.clone() },
        Request::Once(once) => success(&once.request),
        Request::GetChildren2 { .. } => Reply::Children2 { names: Vec::new(), stat },
        _ => Reply::Done,
    }
}
