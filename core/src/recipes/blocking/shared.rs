//! What nobody holds: barriers, queues, counters.

use std::time::Duration;

use bytes::Bytes;

use crate::client::Result;
use crate::io::blocking::wait;
use crate::recipes::{barrier, counter, queue};

/// A barrier; see [`crate::recipes::Barrier`].
#[derive(Clone, Debug)]
pub struct Barrier {
    barrier: barrier::Barrier,
}

impl From<barrier::Barrier> for Barrier {
    fn from(barrier: barrier::Barrier) -> Barrier {
        Barrier { barrier }
    }
}

impl Barrier {
    /// Closes it.
    ///
    /// # Errors
    /// What the server answers.
    pub fn close(&self) -> Result<()> {
        wait(self.barrier.close())
    }

    /// Opens it.
    ///
    /// # Errors
    /// As [`crate::recipes::Barrier::open`].
    pub fn open(&self) -> Result<()> {
        wait(self.barrier.open())
    }

    /// Waits until it is open, for at most `timeout` if there is one.
    ///
    /// # Errors
    /// As [`crate::recipes::Barrier::wait_timeout`].
    pub fn wait(&self, timeout: Option<Duration>) -> Result<()> {
        match timeout {
            None => wait(self.barrier.wait()),
            Some(timeout) => wait(self.barrier.wait_timeout(timeout)),
        }
    }
}

/// A queue; see [`crate::recipes::Queue`].
#[derive(Clone, Debug)]
pub struct Queue {
    queue: queue::Queue,
}

impl From<queue::Queue> for Queue {
    fn from(queue: queue::Queue) -> Queue {
        Queue { queue }
    }
}

impl Queue {
    /// Puts an entry with a priority from 0, which comes first, to 999; 100 is usual.
    ///
    /// # Errors
    /// As [`crate::recipes::Queue::put_with_priority`].
    pub fn put(&self, entry: impl Into<Bytes>, priority: u16) -> Result<()> {
        wait(self.queue.put_with_priority(entry, priority))
    }

    /// Takes the first entry out; `None` if the queue is empty.
    ///
    /// # Errors
    /// As [`crate::recipes::Queue::get`].
    pub fn get(&self) -> Result<Option<Bytes>> {
        wait(self.queue.get())
    }

    /// Waits for an entry and takes it out.
    ///
    /// # Errors
    /// As [`crate::recipes::Queue::get`].
    pub fn take(&self) -> Result<Bytes> {
        wait(self.queue.take())
    }
}

/// A number; see [`crate::recipes::Counter`].
#[derive(Clone, Debug)]
pub struct Counter {
    counter: counter::Counter,
}

impl From<counter::Counter> for Counter {
    fn from(counter: counter::Counter) -> Counter {
        Counter { counter }
    }
}

impl Counter {
    /// The number.
    ///
    /// # Errors
    /// As [`crate::recipes::Counter::get`].
    pub fn get(&self) -> Result<i64> {
        wait(self.counter.get())
    }

    /// Adds `by` and returns the sum.
    ///
    /// # Errors
    /// As [`crate::recipes::Counter::add`].
    pub fn add(&self, by: i64) -> Result<i64> {
        wait(self.counter.add(by))
    }

    /// Sets the number, whatever it was.
    ///
    /// # Errors
    /// What the write fails with.
    pub fn set(&self, number: i64) -> Result<()> {
        wait(self.counter.set(number))
    }

    /// Sets the number to `new` if it is `expected`; says whether it was.
    ///
    /// # Errors
    /// As [`crate::recipes::Counter::add`].
    pub fn compare_and_set(&self, expected: i64, new: i64) -> Result<bool> {
        wait(self.counter.compare_and_set(expected, new))
    }
}
