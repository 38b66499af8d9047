//! The operations, typed.

use std::future::IntoFuture;
use std::marker::PhantomData;
use std::time::Duration;

use bytes::Bytes;

use super::pending::Pending;
use super::watch::OneShot;
use crate::base::{Acl, CreateMode, Identity, Stat, WatcherKind};
use crate::client::Result;

/// Data of a znode.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Value {
    /// The data; empty also where the znode has none.
    pub data: Bytes,
    /// The Stat that goes with exactly these data.
    pub stat: Stat,
}

/// Children of a znode.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Children {
    /// Their names, without the path, in no particular order.
    pub names: Vec<String>,
    /// The Stat of the parent.
    pub stat: Stat,
}

/// A znode that was created.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Created {
    /// Its path, with the number a sequential mode appends.
    pub path: String,
    /// Its Stat; `None` where the server does not answer one.
    pub stat: Option<Stat>,
}

/// One read of [`Ops::read_many`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Read {
    /// Data and Stat of this path.
    Data(String),
    /// The names of the children of this path.
    Children(String),
}

/// What one read of [`Ops::read_many`] found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReadReply {
    /// Data and Stat.
    Data(Value),
    /// The names of the children.
    Children(Vec<String>),
}

/// What one operation of a [`Multi`] did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MultiReply {
    /// Created this znode.
    Created(Created),
    /// Set data.
    Set(Stat),
    /// Deleted.
    Deleted,
    /// Found the version it asked for.
    Checked,
}

/// The operations of a client, or of one session if it came from
/// [`Session::ops`](super::Session::ops).
///
/// A request is queued when its method is called, so the order of calls is the order on the wire.
/// Every method can fail with `ConnectionLoss`, `Timeout`, `SessionLost`, `Closed`, `Forked`,
/// `Overloaded` and, for a path that is not valid, `Invalid`; below stand the codes a server answers.
#[derive(Clone, Copy)]
pub struct Ops<'a> {
    _client: PhantomData<&'a ()>,
}

#[allow(unused_variables)]
impl<'a> Ops<'a> {
    /// Creates a znode; see [`Create`].
    pub fn create(&self, path: &str, data: impl Into<Bytes>) -> Create<'a> {
        unimplemented!()
    }

    /// Reads data and Stat.
    ///
    /// # Errors
    /// `NoNode`, `NoAuth`.
    pub fn get(&self, path: &str) -> Pending<Value> {
        unimplemented!()
    }

    /// Reads data and Stat and leaves a watch for the next change of the data or the deletion.
    ///
    /// # Errors
    /// `NoNode`, `NoAuth`; then no watch is left.
    pub fn get_and_watch(&self, path: &str) -> Pending<(Value, OneShot)> {
        unimplemented!()
    }

    /// Sets data. `version` guards against a change you have not seen; `None` sets in any case.
    ///
    /// # Errors
    /// `NoNode`, `BadVersion`, `NoAuth`.
    pub fn set(&self, path: &str, data: impl Into<Bytes>, version: Option<i32>) -> Pending<Stat> {
        unimplemented!()
    }

    /// Deletes a znode that has no children. `version` guards against a change you have not seen;
    /// `None` deletes whatever is there.
    ///
    /// # Errors
    /// `NoNode`, `NotEmpty`, `BadVersion`, `NoAuth`.
    pub fn delete(&self, path: &str, version: Option<i32>) -> Pending<()> {
        unimplemented!()
    }

    /// The Stat of a znode; `None` if there is no such znode.
    pub fn exists(&self, path: &str) -> Pending<Option<Stat>> {
        unimplemented!()
    }

    /// The same, and leaves a watch for its next creation, change of data or deletion.
    pub fn exists_and_watch(&self, path: &str) -> Pending<(Option<Stat>, OneShot)> {
        unimplemented!()
    }

    /// The names of the children, and the Stat of the parent.
    ///
    /// # Errors
    /// `NoNode`, `NoAuth`.
    pub fn children(&self, path: &str) -> Pending<Children> {
        unimplemented!()
    }

    /// The same, and leaves a watch for the next creation or deletion of a child, or the deletion of
    /// the znode.
    ///
    /// # Errors
    /// `NoNode`, `NoAuth`; then no watch is left.
    pub fn children_and_watch(&self, path: &str) -> Pending<(Children, OneShot)> {
        unimplemented!()
    }

    /// The ACL and the Stat.
    ///
    /// # Errors
    /// `NoNode`, `NoAuth`.
    pub fn get_acl(&self, path: &str) -> Pending<(Vec<Acl>, Stat)> {
        unimplemented!()
    }

    /// Replaces the ACL. `version` is compared with the Stat's `aversion`.
    ///
    /// # Errors
    /// `NoNode`, `BadVersion`, `NoAuth`, `InvalidAcl`.
    pub fn set_acl(&self, path: &str, acl: Vec<Acl>, version: Option<i32>) -> Pending<Stat> {
        unimplemented!()
    }

    /// Waits until the server has applied all that was committed before; a read submitted after it
    /// sees that. The path need not exist.
    pub fn sync(&self, path: &str) -> Pending<()> {
        unimplemented!()
    }

    /// Several writes that happen all or not at all; see [`Multi`].
    pub fn multi(&self) -> Multi<'a> {
        unimplemented!()
    }

    /// Several reads in one request, each with its own result. They are not a snapshot.
    pub fn read_many(&self, reads: Vec<Read>) -> Pending<Vec<Result<ReadReply>>> {
        unimplemented!()
    }

    /// The paths of this session's ephemerals at and below `prefix`.
    pub fn ephemerals(&self, prefix: &str) -> Pending<Vec<String>> {
        unimplemented!()
    }

    /// How many znodes are below this one, at any depth.
    ///
    /// # Errors
    /// `NoNode`, `NoAuth`.
    pub fn count(&self, path: &str) -> Pending<u32> {
        unimplemented!()
    }

    /// The identities this connection has proven, as the server sees them.
    pub fn whoami(&self) -> Pending<Vec<Identity>> {
        unimplemented!()
    }

    /// Removes watches of this client on exactly this path: streams of that kind end, one-shot
    /// watches resolve to `WatchRemoved`.
    ///
    /// # Errors
    /// `NoWatcher` if there is none.
    pub fn remove_watches(&self, path: &str, kind: WatcherKind) -> Pending<()> {
        unimplemented!()
    }
}

/// A create that is being described. The request is queued by [`Create::submit`] or, as the one
/// exception to the order of calls, when it is awaited.
///
/// # Errors
/// `NodeExists`, `NoNode` (of the parent), `NoChildrenForEphemerals`, `NoAuth`, `InvalidAcl`,
/// `QuotaExceeded`.
#[must_use = "a create is queued when it is awaited or submitted"]
pub struct Create<'a> {
    _client: PhantomData<&'a ()>,
}

#[allow(unused_variables)]
impl Create<'_> {
    /// Goes with the session.
    pub fn ephemeral(self) -> Self {
        self
    }

    /// Gets a number appended to its name that no child of the parent had before.
    pub fn sequential(self) -> Self {
        self
    }

    /// Is removed by the server some time after its last child is gone.
    pub fn container(self) -> Self {
        self
    }

    /// Is removed by the server when it has no children and was not set for this long, from 1 ms to
    /// 34 years.
    pub fn ttl(self, ttl: Duration) -> Self {
        self
    }

    /// The mode as a value, instead of the four methods above.
    pub fn mode(self, mode: CreateMode) -> Self {
        self
    }

    /// Also creates the missing znodes above; see
    /// [`RequestOptions::parents`](super::RequestOptions::parents).
    pub fn parents(self) -> Self {
        self
    }

    /// Who may do what with it. Everybody everything unless set.
    pub fn acl(self, acl: Vec<Acl>) -> Self {
        self
    }

    /// Instead of the client's `op_timeout`.
    pub fn timeout(self, timeout: Duration) -> Self {
        self
    }

    /// Queues the request.
    pub fn submit(self) -> Pending<Created> {
        unimplemented!()
    }
}

impl IntoFuture for Create<'_> {
    type Output = Result<Created>;
    type IntoFuture = Pending<Created>;

    fn into_future(self) -> Pending<Created> {
        self.submit()
    }
}

/// Writes that are collected for one transaction: all are applied, in this order and under one zxid,
/// or none.
#[must_use = "nothing is sent before commit"]
pub struct Multi<'a> {
    _client: PhantomData<&'a ()>,
}

#[allow(unused_variables)]
impl Multi<'_> {
    /// Adds a create; everybody may do everything with the znode.
    pub fn create(self, path: &str, data: impl Into<Bytes>, mode: CreateMode) -> Self {
        self
    }

    /// Adds a create with an ACL.
    pub fn create_with_acl(
        self,
        path: &str,
        data: impl Into<Bytes>,
        mode: CreateMode,
        acl: Vec<Acl>,
    ) -> Self {
        self
    }

    /// Adds a setting of data.
    pub fn set(self, path: &str, data: impl Into<Bytes>, version: Option<i32>) -> Self {
        self
    }

    /// Adds a deletion.
    pub fn delete(self, path: &str, version: Option<i32>) -> Self {
        self
    }

    /// Adds a condition: the znode exists and has this version.
    pub fn check(self, path: &str, version: i32) -> Self {
        self
    }

    /// Instead of the client's `op_timeout`.
    pub fn timeout(self, timeout: Duration) -> Self {
        self
    }

    /// Queues the transaction.
    ///
    /// # Errors
    /// `Multi` with the operation that failed and its code.
    pub fn commit(self) -> Pending<Vec<MultiReply>> {
        unimplemented!()
    }
}
