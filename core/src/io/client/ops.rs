//! The operations, typed.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::create::Create;
use super::multi::Multi;
use super::pending::Pending;
use super::request::RequestOptions;
use super::shared::{Done, Hearer, Parcel, Shared};
use super::values::{self, Children, Read, ReadReply, Value, mismatch};
use super::watch::OneShot;
use crate::base::{Acl, Identity, Stat, WatcherKind};
use crate::client::{Epoch, Error, Intent, Result, WatchId};
use crate::wire::{ReadOp, Reply, Request};

/// The version that matches any.
pub(super) fn any(version: Option<i32>) -> i32 {
    version.unwrap_or(-1)
}

/// The operations of a client, or of one session if it came from
/// [`Session::ops`](super::Session::ops).
///
/// A request is queued when its method is called, so the order of calls is the order on the wire.
/// Every method can fail with `ConnectionLoss`, `Timeout`, `SessionLost`, `Closed`, `Forked`,
/// `Overloaded` and, for a path that is not valid or more than
/// [`MAX_REQUEST`](crate::base::limits::MAX_REQUEST), `Invalid`; below stand the codes a server
/// answers.
#[derive(Clone, Copy)]
pub struct Ops<'a> {
    shared: &'a Arc<Shared>,
    chroot: &'a Arc<str>,
    epoch: Option<Epoch>,
}

impl<'a> Ops<'a> {
    pub(super) fn new(
        shared: &'a Arc<Shared>,
        chroot: &'a Arc<str>,
        epoch: Option<Epoch>,
    ) -> Ops<'a> {
        Ops { shared, chroot, epoch }
    }

    /// The same in one epoch only.
    pub(super) fn pinned(self, epoch: Epoch) -> Ops<'a> {
        Ops { epoch: Some(epoch), ..self }
    }

    pub(super) fn epoch(&self) -> Option<Epoch> {
        self.epoch
    }

    pub(super) fn shared(&self) -> &'a Arc<Shared> {
        self.shared
    }

    pub(super) fn chroot(&self) -> &'a str {
        self.chroot
    }

    /// Creates a znode; see [`Create`].
    pub fn create(&self, path: &str, data: impl Into<Bytes>) -> Create<'a> {
        Create::new(*self, path.to_owned(), data.into())
    }

    /// Reads data and Stat.
    ///
    /// # Errors
    /// `NoNode`, `NoAuth`.
    pub fn get(&self, path: &str) -> Pending<Value> {
        self.plain(Request::GetData { path: path.to_owned(), watch: false }, values::value)
    }

    /// Reads data and Stat and leaves a watch for the next change of the data or the deletion.
    ///
    /// # Errors
    /// `NoNode`, `NoAuth`; then no watch is left.
    pub fn get_and_watch(&self, path: &str) -> Pending<(Value, OneShot)> {
        self.watched(Request::GetData { path: path.to_owned(), watch: true }, values::value)
    }

    /// Sets data. `version` guards against a change you have not seen; `None` sets in any case.
    ///
    /// # Errors
    /// `NoNode`, `BadVersion`, `NoAuth`.
    pub fn set(&self, path: &str, data: impl Into<Bytes>, version: Option<i32>) -> Pending<Stat> {
        let (path, data) = (path.to_owned(), Some(data.into()));
        self.plain(Request::SetData { path, data, version: any(version) }, values::stat)
    }

    /// Deletes a znode that has no children. `version` guards against a change you have not seen;
    /// `None` deletes whatever is there.
    ///
    /// # Errors
    /// `NoNode`, `NotEmpty`, `BadVersion`, `NoAuth`.
    pub fn delete(&self, path: &str, version: Option<i32>) -> Pending<()> {
        let path = path.to_owned();
        self.plain(Request::Delete { path, version: any(version) }, |_| Ok(()))
    }

    /// The Stat of a znode; `None` if there is no such znode.
    pub fn exists(&self, path: &str) -> Pending<Option<Stat>> {
        let request = Request::Exists { path: path.to_owned(), watch: false };
        let answer = self.send(request, RequestOptions::new(), None);
        Pending::new(async move { found(answer.await) })
    }

    /// The same, and leaves a watch for its next creation, change of data or deletion.
    pub fn exists_and_watch(&self, path: &str) -> Pending<(Option<Stat>, OneShot)> {
        let request = Request::Exists { path: path.to_owned(), watch: true };
        let (answer, watch) = self.send_watched(request);
        Pending::new(async move { Ok((found(answer.await)?, watch)) })
    }

    /// The names of the children, and the Stat of the parent.
    ///
    /// # Errors
    /// `NoNode`, `NoAuth`.
    pub fn children(&self, path: &str) -> Pending<Children> {
        self.plain(Request::GetChildren2 { path: path.to_owned(), watch: false }, values::children)
    }

    /// The same, and leaves a watch for the next creation or deletion of a child, or the deletion of
    /// the znode.
    ///
    /// # Errors
    /// `NoNode`, `NoAuth`; then no watch is left.
    pub fn children_and_watch(&self, path: &str) -> Pending<(Children, OneShot)> {
        self.watched(Request::GetChildren2 { path: path.to_owned(), watch: true }, values::children)
    }

    /// The ACL and the Stat.
    ///
    /// # Errors
    /// `NoNode`, `NoAuth`.
    pub fn get_acl(&self, path: &str) -> Pending<(Vec<Acl>, Stat)> {
        self.plain(Request::GetAcl { path: path.to_owned() }, |reply| match reply {
            Reply::Acl { acl, stat } => Ok((acl, stat)),
            other => mismatch(other),
        })
    }

    /// Replaces the ACL. `version` is compared with the Stat's `aversion`.
    ///
    /// # Errors
    /// `NoNode`, `BadVersion`, `NoAuth`, `InvalidAcl`.
    pub fn set_acl(&self, path: &str, acl: Vec<Acl>, version: Option<i32>) -> Pending<Stat> {
        let path = path.to_owned();
        self.plain(Request::SetAcl { path, acl, version: any(version) }, values::stat)
    }

    /// Waits until the server has applied all that was committed before; a read submitted after it
    /// sees that. The path need not exist.
    pub fn sync(&self, path: &str) -> Pending<()> {
        self.plain(Request::Sync { path: path.to_owned() }, |_| Ok(()))
    }

    /// Several writes that happen all or not at all; see [`Multi`].
    pub fn multi(&self) -> Multi<'a> {
        Multi::new(*self)
    }

    /// Several reads in one request, each with its own result. They are not a snapshot.
    pub fn read_many(&self, reads: Vec<Read>) -> Pending<Vec<Result<ReadReply>>> {
        let paths: Vec<String> = reads
            .iter()
            .map(|read| match read {
                Read::Data(path) | Read::Children(path) => path.clone(),
            })
            .collect();
        let ops = reads.into_iter().map(|read| match read {
            Read::Data(path) => ReadOp::Data { path },
            Read::Children(path) => ReadOp::Children { path },
        });
        let request = Request::MultiRead(ops.collect());
        self.plain(request, move |reply| values::reads(reply, &paths))
    }

    /// The paths of this session's ephemerals at and below `prefix`.
    pub fn ephemerals(&self, prefix: &str) -> Pending<Vec<String>> {
        let request = Request::GetEphemerals { prefix: Some(prefix.to_owned()) };
        self.plain(request, |reply| match reply {
            Reply::Ephemerals(paths) => Ok(paths),
            other => mismatch(other),
        })
    }

    /// How many znodes are below this one, at any depth.
    ///
    /// # Errors
    /// `NoNode`, `NoAuth`.
    pub fn count(&self, path: &str) -> Pending<u32> {
        let request = Request::GetAllChildrenNumber { path: path.to_owned() };
        self.plain(request, |reply| match reply {
            Reply::Count(number) => Ok(u32::try_from(number).unwrap_or(0)),
            other => mismatch(other),
        })
    }

    /// The identities this connection has proven, as the server sees them.
    pub fn whoami(&self) -> Pending<Vec<Identity>> {
        self.plain(Request::WhoAmI, |reply| match reply {
            Reply::Identities(identities) => Ok(identities),
            other => mismatch(other),
        })
    }

    /// Removes watches of this client on exactly this path: streams of that kind end, one-shot
    /// watches resolve to `WatchRemoved`.
    ///
    /// # Errors
    /// `NoWatcher` if there is none.
    pub fn remove_watches(&self, path: &str, kind: WatcherKind) -> Pending<()> {
        self.plain(Request::RemoveWatches { path: path.to_owned(), kind }, |_| Ok(()))
    }

    /// Queues a request; what it answers is read by `read` when it is awaited.
    pub(super) fn queue<T: 'static>(
        &self,
        request: Request,
        options: RequestOptions,
        read: impl FnOnce(Reply) -> Result<T> + Send + 'static,
    ) -> Pending<T> {
        let answer = self.send(request, options, None);
        Pending::new(async move { read(answer.await?) })
    }

    fn plain<T: 'static>(
        &self,
        request: Request,
        read: impl FnOnce(Reply) -> Result<T> + Send + 'static,
    ) -> Pending<T> {
        self.queue(request, RequestOptions::new(), read)
    }

    fn watched<T: 'static>(
        &self,
        request: Request,
        read: impl FnOnce(Reply) -> Result<T> + Send + 'static,
    ) -> Pending<(T, OneShot)> {
        let (answer, watch) = self.send_watched(request);
        Pending::new(async move { Ok((read(answer.await?)?, watch)) })
    }

    fn send_watched(
        &self,
        request: Request,
    ) -> (impl Future<Output = Result<Reply>> + use<>, OneShot) {
        let id = WatchId(self.shared.take_id());
        let (sender, event) = oneshot::channel();
        let hearer = Some((Intent::Once(id), Hearer::Future(sender)));
        let answer = self.send(request, RequestOptions::new(), hearer);
        (answer, OneShot::new(Arc::clone(self.shared), id, event))
    }

    fn send(
        &self,
        request: Request,
        options: RequestOptions,
        hearer: Option<(Intent, Hearer)>,
    ) -> impl Future<Output = Result<Reply>> + use<> {
        let (sender, receiver) = oneshot::channel();
        let done = Done::Here(Box::new(move |result| {
            // Who dropped the future does not want to know.
            let _ = sender.send(result);
        }));
        let options = RequestOptions { epoch: self.epoch, ..options };
        let parcel = Parcel { chroot: Arc::clone(self.chroot), options, hearer };
        self.shared.submit(request, parcel, done);
        async move { receiver.await.unwrap_or(Err(Error::Closed)) }
    }
}

impl fmt::Debug for Ops<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ops").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// An exists that finds nothing has found out what it was asked.
fn found(answer: Result<Reply>) -> Result<Option<Stat>> {
    match answer {
        Ok(reply) => values::stat(reply).map(Some),
        Err(error) if error.is_no_node() => Ok(None),
        Err(error) => Err(error),
    }
}
