//! One of the two servers, and what it said in a form that both can be compared in.
//!
//! Session ids become numbers in the order of their creation. Wall times become a statement: each
//! transaction has one time, and every Stat that names the transaction agrees on it.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;

use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::raw::Silence;
use tenure_tests::records::{ConnectRequest, Outcome, Reply, Stat, outcomes};
use tenure_tests::session::Session;

use crate::action::{Action, Request};

/// What one step showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The error code of the reply; 0 where there is none to speak of.
    pub code: i32,
    /// The reply, line by line.
    pub reply: Vec<String>,
    /// The events as (session, event), in arrival order for each session.
    pub events: Vec<(usize, String)>,
    /// The zxids in the headers of the events, in the order of `events`.
    pub event_zxids: Vec<i64>,
    /// The last zxid, as the server counts.
    pub zxid: i64,
    /// The zxid in the reply's header, if a reply came.
    pub header: Option<i64>,
}

/// The timeout of every session, in milliseconds: longer than a script takes.
pub const TIMEOUT: i32 = 600_000;

/// A server, its sessions, and what is needed to normalise what it says.
pub struct Side {
    addr: SocketAddr,
    sessions: Vec<Option<Session>>,
    /// How sessions that have left come back.
    away: HashMap<usize, ConnectRequest>,
    /// Looks at the tree and takes no part; both servers have one.
    observer: Session,
    ids: HashMap<i64, usize>,
    times: HashMap<i64, i64>,
    /// Zxids that only this server spent.
    surplus: Vec<i64>,
    /// The last zxid after each step, as this server counts.
    history: Vec<i64>,
}

impl Side {
    /// A side without sessions.
    pub fn new(addr: SocketAddr) -> Side {
        Side {
            addr,
            sessions: Vec::new(),
            away: HashMap::new(),
            observer: Session::with_timeout(addr, TIMEOUT),
            ids: HashMap::new(),
            times: HashMap::new(),
            surplus: Vec::new(),
            history: Vec::new(),
        }
    }

    /// A zxid without those that only this server spent.
    pub fn canonical(&self, zxid: i64) -> i64 {
        zxid - self.surplus.iter().filter(|surplus| **surplus <= zxid).count() as i64
    }

    /// Notes a zxid that the other server did not spend.
    pub fn discount(&mut self, zxid: i64) {
        self.surplus.push(zxid);
    }

    /// The last zxid after the latest step.
    pub fn last_zxid(&self) -> i64 {
        self.history.last().copied().unwrap_or(0)
    }

    /// Runs one step; the raw reply is kept for [`Side::normalise`].
    pub fn execute(&mut self, session: usize, action: &Action) -> (Option<Reply>, Record) {
        let mut reply = None;
        match action {
            Action::Connect => {
                let new = Session::with_timeout(self.addr, TIMEOUT);
                self.ids.insert(new.id(), session);
                assert_eq!(session, self.sessions.len(), "sessions are numbered in order");
                self.sessions.push(Some(new));
            }
            Action::Reattach => {
                let addr = self.addr;
                let new = self.session(session).reattach(addr);
                self.sessions[session] = Some(new);
            }
            Action::Leave => {
                let left = self.sessions[session].take().expect("the script uses open sessions");
                self.away.insert(session, left.reattachment());
            }
            Action::Return => self.come_back(session),
            Action::Close => reply = Some(self.close(session)),
            Action::Call(request) => {
                reply = Some(self.session(session).call(request.kind(), &request.body()));
            }
            Action::Truncated(request, length) => {
                let body = Body::new().raw(&request.body().0[..*length]);
                reply = Some(self.session(session).call(request.kind(), &body));
            }
            Action::Auth(scheme, proof) => {
                let code = self.session(session).auth(scheme, proof.as_bytes());
                assert_eq!(code, 0, "{scheme} takes {proof}");
            }
            Action::FailedAuth(scheme, proof) => {
                let mut failed = self.sessions[session].take().expect("it is open");
                let code = failed.auth(scheme, proof.as_bytes());
                assert_eq!(code, op::AUTH_FAILED, "{scheme} does not take {proof}");
                assert_eq!(failed.reply(), Err(Silence::Closed), "nothing follows");
                self.away.insert(session, failed.reattachment());
                self.come_back(session);
            }
            Action::SetWatches2(past, lists) => {
                reply = Some(self.rewatch(session, op::SET_WATCHES2, *past, lists));
            }
            Action::SetWatches(past, lists) => {
                reply = Some(self.rewatch(session, op::SET_WATCHES, *past, &lists[..3]));
            }
            Action::Reap => {}
        }
        // What nobody should hear of is not listened for at once: an event too many comes to light
        // with the next step that is.
        let record = match &reply {
            Some(reply) if action.is_quiet(reply.err) => self.record_of(reply),
            _ => self.collect(),
        };
        (reply, record)
    }

    fn rewatch(&mut self, number: usize, kind: i32, past: usize, lists: &[Vec<String>]) -> Reply {
        let zxid = self.history.get(past).copied().unwrap_or(0);
        let body = lists.iter().fold(Body::new().long(zxid), |body, list| {
            let paths: Vec<_> = list.iter().map(String::as_str).collect();
            body.strings(&paths)
        });
        self.session(number).call(kind, &body)
    }

    fn come_back(&mut self, number: usize) {
        let request = self.away.remove(&number).expect("the script brings back who has left");
        let back = Session::open(self.addr, &request).expect("the server answers");
        assert_eq!(back.id(), request.session, "the session is reattached");
        self.sessions[number] = Some(back);
    }

    /// Which of these znodes are there.
    pub fn there(&mut self, paths: &BTreeSet<String>) -> BTreeSet<String> {
        let is_there = |path: &&String| self.observer.exists(path, false) != Err(op::NO_NODE);
        paths.iter().filter(is_there).cloned().collect()
    }

    /// Deletes a znode that no list protects from the observer; returns the code.
    pub fn delete(&mut self, path: &str) -> i32 {
        self.observer.code(op::DELETE, &Body::new().string(path).int(-1))
    }

    /// Makes the observer super.
    pub fn prove_super(&mut self, proof: &str) {
        assert_eq!(self.observer.auth("digest", proof.as_bytes()), 0, "digest takes any proof");
    }

    /// What a step showed that nobody heard of but the asker.
    fn record_of(&mut self, reply: &Reply) -> Record {
        let zxid = reply.zxid.max(self.last_zxid());
        self.history.push(zxid);
        Record { zxid, ..Record::default() }
    }

    fn session(&mut self, number: usize) -> &mut Session {
        self.sessions[number].as_mut().expect("the script uses open sessions")
    }

    fn close(&mut self, number: usize) -> Reply {
        let mut session = self.sessions[number].take().expect("the script closes open sessions");
        let reply = session.call(op::CLOSE_SESSION, &Body::new());
        assert_eq!(session.reply(), Err(Silence::Closed), "nothing follows the close");
        reply
    }

    /// The events of all sessions, after a ping of each as a fence.
    pub fn collect(&mut self) -> Record {
        let mut record = Record::default();
        for session in self.sessions.iter_mut().flatten() {
            session.send_as(-2, op::PING, &Body::new());
        }
        for (number, session) in self.sessions.iter_mut().enumerate() {
            let Some(session) = session else { continue };
            let pong = session.reply().expect("a session in use is alive");
            assert_eq!((pong.xid, pong.err), (-2, 0), "the reply to a ping");
            record.zxid = pong.zxid;
            for event in session.take_events() {
                assert_eq!(event.state, 3, "the state of an event");
                record.events.push((number, format!("event {} {}", event.kind, event.path)));
                record.event_zxids.push(event.zxid);
            }
        }
        self.history.push(record.zxid);
        record
    }

    /// Puts the reply into the record, in words that do not depend on the server.
    pub fn normalise(&mut self, action: &Action, reply: Option<&Reply>, record: &mut Record) {
        let Some(reply) = reply else { return };
        record.code = reply.err;
        record.header = Some(reply.zxid);
        record.reply.push(format!("error {}", reply.err));
        if reply.err != 0 {
            return;
        }
        match action {
            Action::Call(request) | Action::Truncated(request, _) => {
                let lines = self.lines(request, reply);
                record.reply.extend(lines);
            }
            _ => record.reply.push(format!("{} bytes", reply.body.len())),
        }
    }

    fn lines(&mut self, request: &Request, reply: &Reply) -> Vec<String> {
        let mut reader = reply.reader();
        let mut lines = Vec::new();
        match request.kind() {
            op::CREATE => lines.push(format!("path {}", reader.string())),
            op::CREATE2 | op::CREATE_CONTAINER | op::CREATE_TTL => {
                lines.push(format!("path {}", reader.string()));
                lines.push(self.stat(&reader.stat()));
            }
            op::EXISTS | op::SET_DATA | op::SET_ACL => lines.push(self.stat(&reader.stat())),
            op::GET_DATA => {
                lines.push(format!("data {:02x?}", reader.buffer()));
                lines.push(self.stat(&reader.stat()));
            }
            op::GET_ACL => {
                lines.extend(reader.acl().iter().map(|entry| format!("{entry:?}")));
                lines.push(self.stat(&reader.stat()));
            }
            op::GET_CHILDREN => lines.extend(sorted(reader.strings())),
            op::GET_CHILDREN2 => {
                lines.extend(sorted(reader.strings()));
                lines.push(self.stat(&reader.stat()));
            }
            op::GET_EPHEMERALS => lines.extend(sorted(reader.strings())),
            op::GET_ALL_CHILDREN_NUMBER => lines.push(format!("number {}", reader.int())),
            op::SYNC => lines.push(format!("path {}", reader.string())),
            op::ADD_WATCH => lines.push(format!("code {}", reader.int())),
            op::WHO_AM_I => {
                let count = reader.int();
                let users = (0..count).map(|_| format!("{} {}", reader.string(), reader.string()));
                lines.extend(sorted(users.collect()));
            }
            op::MULTI | op::MULTI_READ => return self.results(&reply.body),
            _ => {}
        }
        lines.push(format!("{} bytes follow", reader.left()));
        lines
    }

    fn results(&mut self, body: &[u8]) -> Vec<String> {
        let results = outcomes(body);
        let line = |side: &mut Side, result| match result {
            Outcome::Created(kind, path) => format!("created {kind} {path}"),
            Outcome::Created2(kind, path, stat) => {
                format!("created {kind} {path} {}", side.stat(&stat))
            }
            Outcome::Set(stat) => format!("set {}", side.stat(&stat)),
            Outcome::Done(kind) => format!("done {kind}"),
            Outcome::Data(data, stat) => format!("data {data:02x?} {}", side.stat(&stat)),
            Outcome::Children(names) => format!("children {:?}", sorted(names)),
            Outcome::Error(code) => format!("result {code}"),
        };
        results.into_iter().map(|result| line(self, result)).collect()
    }

    /// A Stat with every number that must be equal, bit for bit.
    fn stat(&mut self, stat: &Stat) -> String {
        let owner = match stat.ephemeral_owner {
            0 => "nobody".to_owned(),
            id => {
                self.ids.get(&id).map_or(format!("{id:#x}"), |number| format!("session {number}"))
            }
        };
        let created = self.time_is_steady(stat.czxid, stat.ctime);
        let modified = self.time_is_steady(stat.mzxid, stat.mtime);
        format!(
            "stat czxid {} mzxid {} pzxid {} version {} cversion {} aversion {} owner {owner} \
             length {} children {} steady {created} {modified}",
            self.canonical(stat.czxid),
            self.canonical(stat.mzxid),
            self.canonical(stat.pzxid),
            stat.version,
            stat.cversion,
            stat.aversion,
            stat.data_length,
            stat.num_children,
        )
    }

    /// Whether every Stat so far gave this transaction the same time.
    fn time_is_steady(&mut self, zxid: i64, time: i64) -> bool {
        *self.times.entry(zxid).or_insert(time) == time
    }
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}
