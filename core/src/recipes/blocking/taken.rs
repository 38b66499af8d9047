//! What is taken and given back: entries of a locking queue, places in a double barrier.

use std::time::Duration;

use bytes::Bytes;

use crate::client::Result;
use crate::io::blocking::{wait, wait_for};
use crate::recipes::{Held, double_barrier, locking_queue};

/// A barrier for a number of members; see [`crate::recipes::DoubleBarrier`].
#[derive(Clone, Debug)]
pub struct DoubleBarrier {
    barrier: double_barrier::DoubleBarrier,
}

impl From<double_barrier::DoubleBarrier> for DoubleBarrier {
    fn from(barrier: double_barrier::DoubleBarrier) -> DoubleBarrier {
        DoubleBarrier { barrier }
    }
}

impl DoubleBarrier {
    /// What the member's znode says.
    pub fn identifier(self, identifier: impl Into<Bytes>) -> DoubleBarrier {
        DoubleBarrier { barrier: self.barrier.identifier(identifier) }
    }

    /// Comes, and waits for the others.
    ///
    /// # Errors
    /// As [`crate::recipes::DoubleBarrier::enter`].
    pub fn enter(&self) -> Result<Entered> {
        Ok(Entered { entered: wait(self.barrier.enter())? })
    }

    /// The same for at most `timeout`; `None` if the others did not come. The member is out then.
    pub fn enter_for(&self, timeout: Duration) -> Option<Result<Entered>> {
        let entered = wait_for(self.barrier.enter(), timeout)?;
        Some(entered.map(|entered| Entered { entered }))
    }
}

/// A member that is in; see [`crate::recipes::Entered`].
#[derive(Debug)]
#[must_use = "a member is taken out when it is dropped"]
pub struct Entered {
    entered: double_barrier::Entered,
}

impl Entered {
    /// Leaves, and waits until all have left.
    ///
    /// # Errors
    /// As [`crate::recipes::Entered::leave`].
    pub fn leave(self) -> Result<()> {
        wait(self.entered.leave())
    }
}

/// A queue whose entries stay until they are done with; see [`crate::recipes::LockingQueue`].
#[derive(Clone, Debug)]
pub struct LockingQueue {
    queue: locking_queue::LockingQueue,
}

impl From<locking_queue::LockingQueue> for LockingQueue {
    fn from(queue: locking_queue::LockingQueue) -> LockingQueue {
        LockingQueue { queue }
    }
}

impl LockingQueue {
    /// Puts an entry with a priority from 0, which comes first, to 999; 100 is usual.
    ///
    /// # Errors
    /// As [`crate::recipes::LockingQueue::put_all`].
    pub fn put(&self, entry: impl Into<Bytes>, priority: u16) -> Result<()> {
        wait(self.queue.put_all([entry.into()], priority))
    }

    /// The first entry that nobody works on; `None` if there is none.
    ///
    /// # Errors
    /// As [`crate::recipes::LockingQueue::try_take`].
    pub fn try_take(&self) -> Result<Option<Taken>> {
        Ok(wait(self.queue.try_take())?.map(|taken| Taken { taken }))
    }

    /// Waits for an entry that nobody works on.
    ///
    /// # Errors
    /// As [`crate::recipes::LockingQueue::try_take`].
    pub fn take(&self) -> Result<Taken> {
        Ok(Taken { taken: wait(self.queue.take())? })
    }

    /// The same for at most `timeout`; `None` if there was none.
    pub fn take_for(&self, timeout: Duration) -> Option<Result<Taken>> {
        let taken = wait_for(self.queue.take(), timeout)?;
        Some(taken.map(|taken| Taken { taken }))
    }
}

/// An entry that nobody else works on; see [`crate::recipes::Taken`].
#[derive(Debug)]
#[must_use = "an entry is given back when it is dropped"]
pub struct Taken {
    taken: locking_queue::Taken,
}

impl Taken {
    /// The entry.
    pub fn data(&self) -> &Bytes {
        self.taken.data()
    }

    /// What keeps others from working on it.
    pub fn held(&self) -> &Held {
        self.taken.held()
    }

    /// Removes the entry for good, if it is still ours.
    ///
    /// # Errors
    /// As [`crate::recipes::Taken::consume`].
    pub fn consume(self) -> Result<()> {
        wait(self.taken.consume())
    }

    /// Gives the entry back to the queue, in its old place.
    ///
    /// # Errors
    /// As [`crate::recipes::Taken::release`].
    pub fn release(self) -> Result<()> {
        wait(self.taken.release())
    }
}
