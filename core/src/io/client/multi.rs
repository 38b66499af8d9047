//! A transaction, collected step by step.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use super::ops::{Ops, any};
use super::pending::Pending;
use super::request::RequestOptions;
use super::values::{self, MultiReply};
use crate::base::{Acl, CreateMode, SessionId};
use crate::wire::{Create, MultiOp, Request};

/// Writes that are collected for one transaction: all are applied, in this order and under one zxid,
/// or none.
#[must_use = "nothing is sent before commit"]
pub struct Multi<'a> {
    ops: Ops<'a>,
    parts: Vec<MultiOp>,
    timeout: Option<Duration>,
}

impl<'a> Multi<'a> {
    pub(super) fn new(ops: Ops<'a>) -> Multi<'a> {
        Multi { ops, parts: Vec::new(), timeout: None }
    }

    fn with(mut self, part: MultiOp) -> Self {
        self.parts.push(part);
        self
    }

    /// Adds a create; everybody may do everything with the znode.
    pub fn create(self, path: &str, data: impl Into<Bytes>, mode: CreateMode) -> Self {
        self.create_with_acl(path, data, mode, Acl::open_unsafe())
    }

    /// Adds a create with an ACL.
    pub fn create_with_acl(
        self,
        path: &str,
        data: impl Into<Bytes>,
        mode: CreateMode,
        acl: Vec<Acl>,
    ) -> Self {
        let create = Create::new(path.to_owned(), Some(data.into()), acl, mode);
        self.with(MultiOp::Create(create))
    }

    /// Adds a setting of data.
    pub fn set(self, path: &str, data: impl Into<Bytes>, version: Option<i32>) -> Self {
        let (path, data) = (path.to_owned(), Some(data.into()));
        self.with(MultiOp::SetData { path, data, version: any(version) })
    }

    /// Adds a deletion.
    pub fn delete(self, path: &str, version: Option<i32>) -> Self {
        self.with(MultiOp::Delete { path: path.to_owned(), version: any(version) })
    }

    /// Adds a condition: the znode exists and has this version.
    pub fn check(self, path: &str, version: i32) -> Self {
        self.with(MultiOp::Check { path: path.to_owned(), version })
    }

    /// Adds a condition: the session is alive. An extension of tenure's servers.
    pub fn check_session(self, session: SessionId) -> Self {
        self.with(MultiOp::CheckSession { session })
    }

    /// Instead of the client's `op_timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Queues the transaction.
    ///
    /// # Errors
    /// `Multi` with the operation that failed and its code; `Unsupported` if a session is to be checked
    /// by a server that does not know how.
    pub fn commit(self) -> Pending<Vec<MultiReply>> {
        let options = RequestOptions { timeout: self.timeout, ..RequestOptions::new() };
        self.ops.queue(Request::Multi(self.parts), options, values::multi)
    }
}

impl fmt::Debug for Multi<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Multi").field("parts", &self.parts.len()).finish_non_exhaustive()
    }
}
