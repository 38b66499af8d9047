//! What a transaction did: all that its caller needs to answer and to tell the watchers.

use std::sync::Arc;

use super::quota;
use crate::base::{Acl, Code, EventKind, SessionId, Zxid};
use crate::wire::Reply;

/// The outcome of one transaction.
#[must_use = "watchers have to hear of it and the requester waits for an answer"]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Effects {
    /// The transaction's place in the order. Failed ones have one too.
    pub zxid: Zxid,
    /// The place of the transaction that the answer is of: an earlier one if a numbered write came
    /// again, else the same.
    pub answered_at: Zxid,
    /// The answer. A multi that failed as a whole is `Ok` with one failure per operation.
    pub result: Result<Reply, Code>,
    /// What happened to which znode, in the order in which watchers hear of it.
    pub changes: Vec<Changed>,
    /// Sessions whose ephemerals or values are others, or hold other data, than before; not the one that is
    /// gone.
    /// One may stand there twice.
    pub owners: Vec<SessionId>,
    /// Whether something was refused because a session would have kept too much alive.
    pub is_over_limit: bool,
    /// The session that exists from now on.
    pub begun: Option<SessionId>,
    /// The session that is gone from now on.
    pub ended: Option<SessionId>,
    /// The session that the directory says nothing of any more.
    pub forgotten: Option<SessionId>,
    /// What quotas gave reason to say.
    pub quotas: Vec<QuotaNotice>,
}

impl Effects {
    /// Whether nothing was carried out, for it was before, and this is the answer of then.
    pub fn is_repeated(&self) -> bool {
        self.answered_at != self.zxid
    }

    /// Whether it may have walked through any number of znodes, for it has defined a quota.
    pub fn is_walk(&self) -> bool {
        let mut created = self.changes.iter().filter(|changed| changed.kind == EventKind::Created);
        created.any(|changed| quota::defines(&changed.path))
    }
}

/// Something an operator wants to know of the quota on a path. It does not change the outcome.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum QuotaNotice {
    /// A soft limit is exceeded, and what is used has grown.
    Exceeded(Arc<str>),
    /// A hard limit was in the way.
    Refused(Arc<str>),
    /// A hard limit would have been in the way, but the stats znode is missing.
    Unenforced(Arc<str>),
    /// The text of the limits znode cannot be read, so there are no limits.
    Malformed(Arc<str>),
}

/// One znode created, deleted or set. Of the session directory there are values only: that a session
/// begins and ends is said as such.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changed {
    /// What happened; never [`EventKind::ChildrenChanged`], which follows from the other kinds.
    pub kind: EventKind,
    /// To which znode.
    pub path: String,
    /// Its ACL at that moment, the last one if it is gone: who may hear of it.
    pub acl: Arc<[Acl]>,
    /// The ACL of its parent at that moment: who may hear that the children changed. `None` if
    /// they did not, and in the session directory, whose lists are read by whom the server says.
    pub parent_acl: Option<Arc<[Acl]>>,
}
