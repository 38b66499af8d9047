//! What a script can ask of a server, and the bytes of it.

use tenure_tests::jute::Body;
use tenure_tests::op;
use tenure_tests::records::Acl;
use tenure_tests::session::multi_body;

/// A point in the script's past that setWatches names: the number of a step.
pub type Past = usize;

/// The lists of setWatches2: data, exist, child, persistent, recursive.
pub type Lists = [Vec<String>; 5];

/// One step's deed.
#[derive(Clone, Debug)]
pub enum Action {
    /// Opens a session.
    Connect,
    /// Moves the session to a new connection while the old one is still there.
    Reattach,
    /// Cuts the session's connection.
    Leave,
    /// Brings a session back that has left.
    Return,
    /// Closes the session.
    Close,
    /// Sends a request that both servers answer.
    Call(Request),
    /// Sends the first bytes of a request.
    Truncated(Request, usize),
    /// Proves an identity with this scheme.
    Auth(&'static str, String),
    /// Fails to prove one, which ends the connection, and comes back.
    FailedAuth(&'static str, String),
    /// Re-registers watches as seen at a past step.
    SetWatches2(Past, Lists),
    /// The same with the operation that knows no persistent ones.
    SetWatches(Past, Lists),
    /// Removes one container or TTL znode that is due.
    Reap,
}

impl Action {
    /// Whether it re-registers watches: what it missed comes at once, as events without a zxid.
    pub fn is_rewatch(&self) -> bool {
        matches!(self, Action::SetWatches2(..) | Action::SetWatches(..))
    }

    /// Whether nobody hears of it but the asker, by a reply with this code that tells the zxid.
    pub fn is_quiet(&self, code: i32) -> bool {
        let Action::Call(request) = self else { return false };
        match request {
            Request::Path { kind, .. } => *kind != op::SYNC,
            Request::Multi(_) => false,
            _ => !request.is_write() || !matches!(code, 0 | op::MARSHALLING),
        }
    }
}

/// A request, field by field.
#[derive(Clone, Debug)]
pub enum Request {
    Create {
        kind: i32,
        path: Option<String>,
        data: Option<Vec<u8>>,
        acl: Vec<Acl>,
        flags: i32,
        ttl: i64,
    },
    Delete {
        path: Option<String>,
        version: i32,
    },
    SetData {
        path: Option<String>,
        data: Option<Vec<u8>>,
        version: i32,
    },
    Check {
        path: Option<String>,
        version: i32,
    },
    /// exists, getData, getChildren, getChildren2.
    Read {
        kind: i32,
        path: Option<String>,
        watch: bool,
    },
    SetAcl {
        path: Option<String>,
        acl: Vec<Acl>,
        version: i32,
    },
    /// getACL, sync, getEphemerals, getAllChildrenNumber.
    Path {
        kind: i32,
        path: String,
    },
    AddWatch {
        path: String,
        mode: i32,
    },
    /// removeWatches, checkWatches.
    Watches {
        kind: i32,
        path: String,
        watcher: i32,
    },
    Multi(Vec<Request>),
    MultiRead(Vec<Request>),
    WhoAmI,
}

impl Request {
    /// The operation's number.
    pub fn kind(&self) -> i32 {
        match self {
            Request::Create { kind, .. }
            | Request::Read { kind, .. }
            | Request::Path { kind, .. }
            | Request::Watches { kind, .. } => *kind,
            Request::Delete { .. } => op::DELETE,
            Request::SetData { .. } => op::SET_DATA,
            Request::Check { .. } => op::CHECK,
            Request::SetAcl { .. } => op::SET_ACL,
            Request::AddWatch { .. } => op::ADD_WATCH,
            Request::Multi(_) => op::MULTI,
            Request::MultiRead(_) => op::MULTI_READ,
            Request::WhoAmI => op::WHO_AM_I,
        }
    }

    /// Whether the operation takes a zxid.
    pub fn is_write(&self) -> bool {
        matches!(
            self,
            Request::Create { .. }
                | Request::Delete { .. }
                | Request::SetData { .. }
                | Request::SetAcl { .. }
                | Request::Check { .. }
                | Request::Multi(_)
        )
    }

    /// The operation's body.
    pub fn body(&self) -> Body {
        match self {
            Request::Create { kind, path, data, acl, flags, ttl } => {
                let body = start(path).optional(data.as_deref()).acl(acl).int(*flags);
                if *kind == op::CREATE_TTL { body.long(*ttl) } else { body }
            }
            Request::Delete { path, version } | Request::Check { path, version } => {
                start(path).int(*version)
            }
            Request::SetData { path, data, version } => {
                start(path).optional(data.as_deref()).int(*version)
            }
            Request::Read { path, watch, .. } => start(path).bool(*watch),
            Request::SetAcl { path, acl, version } => start(path).acl(acl).int(*version),
            Request::Path { path, .. } => Body::new().string(path),
            Request::AddWatch { path, mode } => Body::new().string(path).int(*mode),
            Request::Watches { path, watcher, .. } => Body::new().string(path).int(*watcher),
            Request::Multi(parts) | Request::MultiRead(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| (part.kind(), part.body())).collect();
                multi_body(&parts)
            }
            Request::WhoAmI => Body::new(),
        }
    }
}

fn start(path: &Option<String>) -> Body {
    Body::new().optional(path.as_ref().map(String::as_bytes))
}
