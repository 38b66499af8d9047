//! The recipes for programs without a runtime: every method waits for its answer.
//!
//! They are made by [`crate::blocking::Client`] and promise what the recipes of the same names do. They
//! may be used on any thread that may block, and not inside asynchronous code.

mod locks;
mod shared;
mod standing;
mod taken;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{LossPoint, held};
use crate::base::Zxid;
use crate::client::{Error, Result};
use crate::io::blocking::{Client, wait, wait_for};
use crate::io::client::{Guard, Guards, Session};

pub use locks::{Election, Lock, Semaphore};
pub use shared::{Barrier, Counter, Queue};
pub use standing::{Group, LeaderLatch, Membership};
pub use taken::{DoubleBarrier, Entered, LockingQueue, Taken};

impl Client {
    /// See [`crate::Client::lock`].
    pub fn lock(&self, path: &str) -> Lock {
        Lock::from(self.asynchronous().lock(path))
    }

    /// The side of the readers; see [`crate::Client::rw_lock`].
    pub fn read_lock(&self, path: &str) -> Lock {
        Lock::from(self.asynchronous().rw_lock(path).read())
    }

    /// The side of the writers; see [`crate::Client::rw_lock`].
    pub fn write_lock(&self, path: &str) -> Lock {
        Lock::from(self.asynchronous().rw_lock(path).write())
    }

    /// See [`crate::Client::semaphore`].
    pub fn semaphore(&self, path: &str, permits: usize) -> Semaphore {
        Semaphore::from(self.asynchronous().semaphore(path, permits))
    }

    /// See [`crate::Client::election`].
    pub fn election(&self, path: &str) -> Election {
        Election::from(self.asynchronous().election(path))
    }

    /// Stands for election from now on; see [`crate::Client::leader_latch`].
    ///
    /// # Errors
    /// As there.
    pub fn leader_latch(&self, path: &str, identifier: impl Into<Bytes>) -> Result<LeaderLatch> {
        self.asynchronous().leader_latch(path, identifier).map(LeaderLatch::from)
    }

    /// See [`crate::Client::group`].
    pub fn group(&self, path: &str) -> Group {
        Group::from(self.asynchronous().group(path))
    }

    /// See [`crate::Client::double_barrier`].
    pub fn double_barrier(&self, path: &str, members: usize) -> DoubleBarrier {
        DoubleBarrier::from(self.asynchronous().double_barrier(path, members))
    }

    /// See [`crate::Client::locking_queue`].
    pub fn locking_queue(&self, path: &str) -> LockingQueue {
        LockingQueue::from(self.asynchronous().locking_queue(path))
    }

    /// See [`crate::Client::barrier`].
    pub fn barrier(&self, path: &str) -> Barrier {
        Barrier::from(self.asynchronous().barrier(path))
    }

    /// See [`crate::Client::queue`].
    pub fn queue(&self, path: &str) -> Queue {
        Queue::from(self.asynchronous().queue(path))
    }

    /// See [`crate::Client::counter`].
    pub fn counter(&self, path: &str) -> Counter {
        Counter::from(self.asynchronous().counter(path))
    }
}

/// Something that is held; see [`crate::recipes::Held`].
#[derive(Clone, Debug)]
pub struct Held {
    held: Arc<held::Held>,
}

impl From<held::Held> for Held {
    fn from(held: held::Held) -> Held {
        Held::from(Arc::new(held))
    }
}

impl From<Arc<held::Held>> for Held {
    fn from(held: Arc<held::Held>) -> Held {
        Held { held }
    }
}

impl Held {
    /// The fencing token; see [`crate::recipes::Held::token`].
    pub fn token(&self) -> Zxid {
        self.held.token()
    }

    /// The znode, with the digits at its end.
    pub fn path(&self) -> &str {
        self.held.path()
    }

    /// The session that holds it.
    pub fn session(&self) -> &Session {
        self.held.session()
    }

    /// Whether it is certainly held at this moment; see [`crate::recipes::Held::is_held`].
    pub fn is_held(&self) -> bool {
        self.held.is_held()
    }

    /// The same as a result.
    ///
    /// # Errors
    /// `LockLost`.
    pub fn check(&self) -> Result<()> {
        self.held.check()
    }

    /// Waits until it is lost, or may be, for at most `timeout` if there is one; `None` if it was held
    /// for longer.
    pub fn wait_lost(&self, at: LossPoint, timeout: Option<Duration>) -> Option<Error> {
        match timeout {
            None => Some(wait(self.held.lost(at))),
            Some(timeout) => wait_for(self.held.lost(at), timeout),
        }
    }

    /// Gives it back; see [`crate::recipes::Held::release`]. Dropping the last clone does it in the
    /// background.
    ///
    /// # Errors
    /// As there.
    pub fn release(&self) -> Result<()> {
        wait(self.held.release())
    }
}

impl Guards for Held {
    fn guard(&self) -> Guard {
        self.held.guard()
    }
}
