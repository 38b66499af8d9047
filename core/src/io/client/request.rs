//! What goes with a request that is submitted as data.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::base::{CreateMode, path};
use crate::client::{Epoch, Result, WatchItem};
use crate::wire::{Create, Request};

/// The one-shot watch a request leaves: called at most once, on the client's callback thread.
pub(super) type OneShotSink = Box<dyn FnOnce(Result<WatchItem>) + Send>;

/// What goes with a request in [`Client::submit`](super::Client::submit).
#[derive(Default)]
pub struct RequestOptions {
    pub(super) timeout: Option<Duration>,
    pub(super) epoch: Option<Epoch>,
    pub(super) parents: bool,
    pub(super) watch: Option<OneShotSink>,
    pub(super) is_protected: bool,
    /// The mark that the name has.
    pub(super) mark: Option<Arc<str>>,
}

impl RequestOptions {
    /// The client's own timeout, no pin, no watch.
    pub fn new() -> RequestOptions {
        RequestOptions::default()
    }

    /// Fails with [`Error::Timeout`](crate::Error::Timeout) if there is no answer within `timeout`,
    /// counted from the submission. Without it the builder's `op_timeout` holds.
    pub fn timeout(self, timeout: Duration) -> RequestOptions {
        RequestOptions { timeout: Some(timeout), ..self }
    }

    /// Fails with [`Error::SessionLost`](crate::Error::SessionLost) instead of running in any other
    /// epoch than this.
    pub fn pin(self, epoch: Epoch) -> RequestOptions {
        RequestOptions { epoch: Some(epoch), ..self }
    }

    /// For creates: also creates the znodes above that are missing, as persistent ones with the same
    /// ACL and without data. They stay if the create then fails. A timeout holds for each of the two
    /// attempts this takes.
    pub fn parents(self, parents: bool) -> RequestOptions {
        RequestOptions { parents, ..self }
    }

    /// For creates: puts `_c_`, 32 random digits and `-` in front of the name. If the answer is lost, and
    /// with it whether there is such a znode, the client looks for it in the same session: it answers
    /// what it finds, or tries again if there is none. With servers that number writes nothing is lost
    /// in the first place. A timeout holds for each request this takes; one that has passed is not
    /// looked into.
    pub fn protected(self, protected: bool) -> RequestOptions {
        RequestOptions { is_protected: protected, ..self }
    }

    /// Leaves a one-shot watch with an exists, getData, getChildren or getChildren2.
    ///
    /// `sink` runs at most once, on the client's callback thread: with the change, or with the error
    /// that ended the watch. It is dropped without a call if the request fails and leaves no watch;
    /// an exists that finds nothing does leave one.
    pub fn watch(self, sink: impl FnOnce(Result<WatchItem>) + Send + 'static) -> RequestOptions {
        RequestOptions { watch: Some(Box::new(sink)), ..self }
    }
}

impl fmt::Debug for RequestOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestOptions")
            .field("timeout", &self.timeout)
            .field("epoch", &self.epoch)
            .field("parents", &self.parents)
            .field("protected", &self.is_protected)
            .field("watch", &self.watch.is_some())
            .finish()
    }
}

/// The creations of everything above what `create` is about, from the top.
pub(super) fn parents_of(create: &Create) -> Vec<Request> {
    let mut parents = Vec::new();
    let mut at = create.path.as_str();
    while let Some(parent) = path::parent(at).filter(|&parent| parent != path::ROOT) {
        let (path, acl) = (parent.to_owned(), create.acl.clone());
        let create = Create::new(path, Some(Default::default()), acl, CreateMode::Persistent);
        parents.push(Request::Create(create));
        at = parent;
    }
    parents.reverse();
    parents
}
