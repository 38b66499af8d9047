//! A transaction, collected step by step.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use super::guard::Guards;
use super::ops::{Ops, any};
use super::pending::Pending;
use super::request::RequestOptions;
use super::values::{self, MultiReply};
use crate::base::{Acl, Code, CreateMode, SessionId};
use crate::client::{Epoch, Error};
use crate::wire::{Create, MultiOp, Request};

/// Writes that are collected for one transaction: all are applied, in this order and under one zxid,
/// or none.
#[must_use = "nothing is sent before commit"]
pub struct Multi<'a> {
    ops: Ops<'a>,
    parts: Vec<MultiOp>,
    timeout: Option<Duration>,
    /// The checks that stand for guards, by their places.
    guards: BTreeMap<usize, Epoch>,
    refused: Option<Error>,
}

impl<'a> Multi<'a> {
    pub(super) fn new(ops: Ops<'a>) -> Multi<'a> {
        Multi { ops, parts: Vec::new(), timeout: None, guards: BTreeMap::new(), refused: None }
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

    /// Adds a condition: what `by` stands for is still there, in the same session. The transaction is
    /// applied in this session or not at all: it does not wait for the next one.
    ///
    /// It counts as one operation, at the place of this call, and answers
    /// [`MultiReply::Checked`].
    ///
    /// # Errors
    /// [`Multi::commit`] fails with `LockLost` if it is not there any more, with `SessionLost` once the
    /// session is over, with `Multi` and `BadVersion` if somebody has set its data; and with `Invalid`
    /// if it belongs to another client, or to another session than the rest.
    pub fn guard(mut self, by: &(impl Guards + ?Sized)) -> Self {
        let guard = by.guard();
        let epoch = guard.epoch();
        if self.ops.epoch().is_some_and(|pinned| pinned != epoch) {
            let error = Error::Invalid("a transaction belongs to one session".into());
            self.refused.get_or_insert(error);
            return self;
        }
        match guard.path_for(self.ops.shared(), self.ops.chroot()) {
            Ok(path) => {
                self.ops = self.ops.pinned(epoch);
                self.guards.insert(self.parts.len(), epoch);
                self.with(MultiOp::Check { path, version: guard.version() })
            }
            Err(error) => {
                self.refused.get_or_insert(error);
                self
            }
        }
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
        if let Some(error) = self.refused {
            return Pending::new(std::future::ready(Err(error)));
        }
        let options = RequestOptions { timeout: self.timeout, ..RequestOptions::new() };
        let answer = self.ops.queue(Request::Multi(self.parts), options, values::multi);
        let guards = self.guards;
        if guards.is_empty() {
            return answer;
        }
        Pending::new(async move { answer.await.map_err(|error| broken(error, &guards)) })
    }
}

/// A guard whose znode is gone is a lock that is lost.
fn broken(error: Error, guards: &BTreeMap<usize, Epoch>) -> Error {
    match &error {
        Error::Multi { index, code: Code::NoNode } => match guards.get(index) {
            Some(&epoch) => Error::LockLost { epoch, certain: true },
            None => error,
        },
        _ => error,
    }
}

impl fmt::Debug for Multi<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Multi").field("parts", &self.parts.len()).finish_non_exhaustive()
    }
}
