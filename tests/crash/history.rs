//! What clients asked for, and what they were told: the memory of one session.

use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::records::{Acl, Outcome, Reply, Stat, open, outcomes};
use tenure_tests::session::{create_body, multi_body};

/// Long enough that no znode comes of age in any run.
pub const TTL_MS: i64 = 24 * 3_600_000;

/// One write.
#[derive(Clone, Debug)]
pub enum Op {
    /// Creates a znode, open to everybody.
    Create { path: String, data: Vec<u8>, flags: i32, wants_stat: bool },
    /// Deletes a znode of this version.
    Delete { path: String, version: i32 },
    /// Sets the data of a znode of this version.
    Set { path: String, data: Vec<u8>, version: i32 },
    /// Sets the ACL of a znode, whichever version it has.
    SetAcl { path: String, acl: Vec<Acl> },
    /// Inside a multi: fails unless the znode has this version.
    Check { path: String, version: i32 },
    /// All of them or none.
    Multi(Vec<Op>),
    /// Ends the session.
    Close,
}

impl Op {
    /// What it does inside a subtree, if anything.
    pub fn inside(&self, area: &str) -> Option<Op> {
        match self {
            Op::Create { path, .. }
            | Op::Delete { path, .. }
            | Op::Set { path, .. }
            | Op::SetAcl { path, .. }
            | Op::Check { path, .. } => is_inside(path, area).then(|| self.clone()),
            Op::Multi(parts) => {
                Some(Op::Multi(parts.iter().filter_map(|part| part.inside(area)).collect()))
            }
            Op::Close => Some(Op::Close),
        }
    }

    /// The operation's number and its body.
    pub fn encode(&self) -> (i32, Body) {
        match self {
            Op::Create { path, data, flags, wants_stat } => {
                let body = create_body(path, Some(data), &open(), *flags);
                match *flags {
                    op::CONTAINER => (op::CREATE_CONTAINER, body),
                    op::TTL | op::TTL_SEQUENTIAL => (op::CREATE_TTL, body.long(TTL_MS)),
                    _ => (if *wants_stat { op::CREATE2 } else { op::CREATE }, body),
                }
            }
            Op::Delete { path, version } => (op::DELETE, Body::new().string(path).int(*version)),
            Op::Set { path, data, version } => {
                (op::SET_DATA, Body::new().string(path).bytes(data).int(*version))
            }
            Op::SetAcl { path, acl } => (op::SET_ACL, Body::new().string(path).acl(acl).int(-1)),
            Op::Check { path, version } => (op::CHECK, Body::new().string(path).int(*version)),
            Op::Multi(parts) => {
                let parts: Vec<_> = parts.iter().map(Op::encode).collect();
                (op::MULTI, multi_body(&parts))
            }
            Op::Close => (op::CLOSE_SESSION, Body::new()),
        }
    }

    /// What the reply to this says.
    pub fn answer(&self, reply: &Reply) -> Answer {
        Answer { zxid: reply.zxid, result: self.told(reply) }
    }

    fn told(&self, reply: &Reply) -> Result<Told, i32> {
        if reply.err != 0 {
            return Err(reply.err);
        }
        if let Op::Multi(_) = self {
            return Ok(Told::Multi(outcomes(&reply.body)));
        }
        let mut reader = reply.reader();
        let told = match self {
            Op::Create { .. } if self.encode().0 == op::CREATE => Told::Path(reader.string()),
            Op::Create { .. } => Told::Created(reader.string(), reader.stat()),
            Op::Set { .. } | Op::SetAcl { .. } => Told::Stat(reader.stat()),
            Op::Delete { .. } | Op::Check { .. } | Op::Multi(_) | Op::Close => Told::Done,
        };
        reader.end();
        Ok(told)
    }
}

/// A reply as the client read it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The place of the write in the order of all.
    pub zxid: i64,
    /// What it gave, or the error code.
    pub result: Result<Told, i32>,
}

/// What a write gives.
#[derive(Clone, Debug)]
pub enum Told {
    /// Nothing.
    Done,
    /// The path created.
    Path(String),
    /// The path created and its Stat.
    Created(String, Stat),
    /// The Stat after the write.
    Stat(Stat),
    /// One result for each part.
    Multi(Vec<Outcome>),
}

/// A write and its answer, if one came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What was sent.
    pub op: Op,
    /// What came back.
    pub answer: Option<Answer>,
}

/// How a session ends, or is meant to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is kept: it has to be there after every restart.
    Kept,
    /// Nobody speaks for it any more: it expires some time.
    Abandoned,
    /// Its close has been sent.
    Closing,
    /// It is over, and its client or its tree says so.
    Over,
}

/// A session and what it asked for since the state was last known for certain.
#[derive(Clone, Debug)]
pub struct Life {
    /// Its number among all sessions of a run; every name and value it writes carries it.
    pub key: u64,
    /// The id it was granted.
    pub id: i64,
    /// The password it was granted.
    pub passwd: Vec<u8>,
    /// The timeout it was granted, in milliseconds.
    pub timeout: i32,
    /// What becomes of it.
    pub fate: Fate,
    /// In the order sent, which is the order in which the server carries them out.
    pub requests: Vec<Asked>,
    /// How many names and values it has made up.
    pub made: u64,
}

/// The znode below which every session has its area.
pub const AREAS: &str = "/areas";

impl Life {
    /// The subtree that only this session writes to. It comes into being together with [`Life::alive`].
    pub fn area(&self) -> String {
        format!("{AREAS}/x{}", self.key)
    }

    /// An ephemeral in the area, gone exactly when the session is over.
    pub fn alive(&self) -> String {
        format!("{AREAS}/x{}/alive", self.key)
    }

    /// What the data of the znodes it creates begin with.
    pub fn tag(&self) -> String {
        format!("x{}.", self.key)
    }

    /// The highest zxid it was told of.
    pub fn newest(&self) -> Option<i64> {
        self.requests.iter().filter_map(|asked| Some(asked.answer.as_ref()?.zxid)).max()
    }
}

/// Whether a path is that of a subtree or below it.
pub fn is_inside(path: &str, area: &str) -> bool {
    path.strip_prefix(area).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
