//! A create, described step by step.

use std::fmt;
use std::future::IntoFuture;
use std::time::Duration;

use bytes::Bytes;

use super::ops::Ops;
use super::pending::Pending;
use super::request::RequestOptions;
use super::values::{self, Created};
use crate::base::mode::Ttl;
use crate::base::{Acl, CreateMode};
use crate::client::{Error, Result};
use crate::wire::{self, Request};

/// A create that is being described. The request is queued by [`Create::submit`] or, as the one
/// exception to the order of calls, when it is awaited.
///
/// # Errors
/// `NodeExists`, `NoNode` (of the parent), `NoChildrenForEphemerals`, `NoAuth`, `InvalidAcl`,
/// `QuotaExceeded`.
#[must_use = "a create is queued when it is awaited or submitted"]
pub struct Create<'a> {
    ops: Ops<'a>,
    path: String,
    data: Bytes,
    is_ephemeral: bool,
    is_sequential: bool,
    is_container: bool,
    ttl: Option<Duration>,
    mode: Option<CreateMode>,
    parents: bool,
    is_protected: bool,
    acl: Option<Vec<Acl>>,
    timeout: Option<Duration>,
}

impl<'a> Create<'a> {
    pub(super) fn new(ops: Ops<'a>, path: String, data: Bytes) -> Create<'a> {
        Create {
            ops,
            path,
            data,
            is_ephemeral: false,
            is_sequential: false,
            is_container: false,
            ttl: None,
            mode: None,
            parents: false,
            is_protected: false,
            acl: None,
            timeout: None,
        }
    }

    /// Goes with the session.
    pub fn ephemeral(mut self) -> Self {
        self.is_ephemeral = true;
        self
    }

    /// Gets a number appended to its name that no child of the parent had before.
    pub fn sequential(mut self) -> Self {
        self.is_sequential = true;
        self
    }

    /// Is removed by the server some time after its last child is gone.
    pub fn container(mut self) -> Self {
        self.is_container = true;
        self
    }

    /// Is removed by the server when it has no children and was not set for this long, from 1 ms to
    /// 34 years.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// The mode as a value, instead of the four methods above.
    pub fn mode(mut self, mode: CreateMode) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Also creates the missing znodes above; see
    /// [`RequestOptions::parents`](super::RequestOptions::parents).
    pub fn parents(mut self) -> Self {
        self.parents = true;
        self
    }

    /// Finds out what became of it if the answer is lost; see
    /// [`RequestOptions::protected`](super::RequestOptions::protected).
    ///
    /// # Errors
    /// `ConnectionLoss` and `SessionLost` with an unknown outcome if the session ends first, with which
    /// an ephemeral is gone.
    pub fn protected(mut self) -> Self {
        self.is_protected = true;
        self
    }

    /// Who may do what with it. Everybody everything unless set.
    pub fn acl(mut self, acl: Vec<Acl>) -> Self {
        self.acl = Some(acl);
        self
    }

    /// Instead of the client's `op_timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Queues the request.
    pub fn submit(self) -> Pending<Created> {
        let mode = match self.whole_mode() {
            Ok(mode) => mode,
            Err(error) => return Pending::new(std::future::ready(Err(error))),
        };
        let acl = self.acl.unwrap_or_else(Acl::open_unsafe);
        let create = wire::Create::new(self.path, Some(self.data), acl, mode);
        let options = RequestOptions::new().parents(self.parents).protected(self.is_protected);
        let options = RequestOptions { timeout: self.timeout, ..options };
        self.ops.queue(Request::Create(create), options, values::created)
    }

    fn whole_mode(&self) -> Result<CreateMode> {
        if let Some(mode) = self.mode {
            return Ok(mode);
        }
        let ttl = self.ttl.map(|ttl| {
            let millis = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
            Ttl::new(millis).ok_or(Error::Invalid("a TTL is from 1 ms to 34 years".into()))
        });
        match (self.is_ephemeral, self.is_sequential, self.is_container, ttl.transpose()?) {
            (false, false, false, None) => Ok(CreateMode::Persistent),
            (true, false, false, None) => Ok(CreateMode::Ephemeral),
            (false, true, false, None) => Ok(CreateMode::PersistentSequential),
            (true, true, false, None) => Ok(CreateMode::EphemeralSequential),
            (false, false, true, None) => Ok(CreateMode::Container),
            (false, false, false, Some(ttl)) => Ok(CreateMode::Ttl(ttl)),
            (false, true, false, Some(ttl)) => Ok(CreateMode::TtlSequential(ttl)),
            _ => Err(Error::Invalid("no znode has this combination of modes".into())),
        }
    }
}

impl fmt::Debug for Create<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Create").field("path", &self.path).finish_non_exhaustive()
    }
}

impl IntoFuture for Create<'_> {
    type Output = Result<Created>;
    type IntoFuture = Pending<Created>;

    fn into_future(self) -> Pending<Created> {
        self.submit()
    }
}
