//! One request on its way to an answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::chroot;
use super::error::Epoch;
use crate::base::{Acl, CreateMode, Moment};
use crate::wire::ops::Path;
use crate::wire::{Create, MultiOp, Op, ReadOp, Request};

/// Names a call within its client. Chosen by who submits it, never twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CallId(pub u64);

/// Names a watch within its client. Chosen by who asks for it, never twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct WatchId(pub u64);

/// What a call leaves behind when it succeeds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Intent {
    /// Nothing.
    Nothing,
    /// A one-shot watch.
    Once(WatchId),
    /// A persistent watch.
    Stream(WatchId),
    /// A persistent watch that nobody wants any more: it is removed as soon as it is there.
    Unwanted,
}

impl Intent {
    /// The watch that is meant.
    pub fn watch(self) -> Option<WatchId> {
        match self {
            Intent::Once(watch) | Intent::Stream(watch) => Some(watch),
            Intent::Nothing | Intent::Unwanted => None,
        }
    }
}

/// A request that is handed to the client's session machine.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Who hears the answer.
    pub call: CallId,
    /// The request, with the server's paths; see [`super::chroot::enter`].
    pub request: Request,
    /// Where the caller stands: comes off the paths of answer and events. Empty for the root.
    pub chroot: Arc<str>,
    /// How long the answer may take.
    pub timeout: Option<Duration>,
    /// The only epoch in which it may run.
    pub epoch: Option<Epoch>,
    /// The watch it leaves.
    pub intent: Intent,
}

/// A submission that waits for its answer.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub request: Request,
    pub chroot: Arc<str>,
    pub epoch: Option<Epoch>,
    pub intent: Intent,
    pub deadline: Option<Moment>,
    /// Whether it ever left the process.
    pub sent: bool,
    /// Connections that were lost while it was the oldest without an answer.
    pub broke: u8,
    /// Whether nobody hears the answer: the client's own bookkeeping.
    pub is_silent: bool,
    /// What its numbered answer is kept under, once it was sent with a number.
    pub number: Option<i64>,
    /// Whether it was sent on the connection that stands.
    pub is_in_flight: bool,
}

impl Call {
    /// A request of the client's own.
    pub fn silent(request: Request) -> Call {
        Call {
            request,
            chroot: "".into(),
            epoch: None,
            intent: Intent::Nothing,
            deadline: None,
            sent: false,
            broke: 0,
            is_silent: true,
            number: None,
            is_in_flight: false,
        }
    }

    /// Whether it may be sent a second time without being carried out twice.
    ///
    /// A read on which one connection after the other is lost may be the reason for it: given up in
    /// the end, for it stands before everything else.
    pub fn is_repeatable(&self) -> bool {
        match self.request.op() {
            _ if self.number.is_some() => self.broke < NUMBERED_BREAKS,
            Op::CloseSession => true,
            Op::Sync => self.broke < BREAKS,
            op => op.path() == Path::Read && self.broke < BREAKS,
        }
    }

    /// Whether it makes sense only in the session in which it was submitted.
    pub fn is_bound(&self) -> bool {
        self.epoch.is_some() || creates_ephemeral(&self.request)
    }
}

/// Lost connections that are one read's fault rather than chance.
const BREAKS: u8 = 4;

/// The same for a numbered write, which is worth more patience. One that no server takes, such as one
/// that is longer than its frames may be, must not stand before everything else for ever.
const NUMBERED_BREAKS: u8 = 8;

fn creates_ephemeral(request: &Request) -> bool {
    let is_ephemeral = |mode: Result<CreateMode, _>| mode.is_ok_and(CreateMode::is_ephemeral);
    match request {
        Request::Create(create) => is_ephemeral(create.mode()),
        Request::Multi(ops) => ops
            .iter()
            .any(|op| matches!(op, MultiOp::Create(create) if is_ephemeral(create.mode()))),
        _ => false,
    }
}

/// How large a request is at least: what the program put into it, without what frames it.
pub(super) fn bulk(request: &Request) -> usize {
    let of_create =
        |create: &Create| create.path.len() + of_data(&create.data) + of_acl(&create.acl);
    match request {
        Request::Create(create) => of_create(create),
        Request::SetData { path, data, .. } => path.len() + of_data(data),
        Request::SetAcl { path, acl, .. } => path.len() + of_acl(acl),
        Request::Multi(ops) => ops
            .iter()
            .map(|op| match op {
                MultiOp::Create(create) => of_create(create),
                MultiOp::SetData { path, data, .. } => path.len() + of_data(data),
                MultiOp::Delete { path, .. } | MultiOp::Check { path, .. } => path.len(),
                MultiOp::CheckSession { .. } => 0,
            })
            .sum(),
        Request::MultiRead(ops) => {
            ops.iter().map(|(ReadOp::Data { path } | ReadOp::Children { path })| path.len()).sum()
        }
        Request::Auth { scheme, auth } => scheme.len() + auth.len(),
        other => chroot::subject(other).len(),
    }
}

fn of_data(data: &Option<Bytes>) -> usize {
    data.as_ref().map_or(0, Bytes::len)
}

fn of_acl(acl: &[Acl]) -> usize {
    acl.iter().map(|entry| entry.id.scheme.len() + entry.id.id.len()).sum()
}
