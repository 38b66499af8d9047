//! The recipes for programs without a runtime: every method waits for its answer.
//!
//! They are made by [`crate::blocking::Client`] and promise what the recipes of the same names do. They
//! may be used on any thread that may block, and not inside asynchronous code.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{LossPoint, barrier, counter, election, held, lock, queue, semaphore};
use crate::base::Zxid;
use crate::client::{Error, Result};
use crate::io::blocking::{Client, wait, wait_for};
use crate::io::client::{Guard, Guards, Session};

impl Client {
    /// See [`crate::Client::lock`].
    pub fn lock(&self, path: &str) -> Lock {
        Lock { lock: self.asynchronous().lock(path) }
    }

    /// The side of the readers; see [`crate::Client::rw_lock`].
    pub fn read_lock(&self, path: &str) -> Lock {
        Lock { lock: self.asynchronous().rw_lock(path).read() }
    }

    /// The side of the writers; see [`crate::Client::rw_lock`].
    pub fn write_lock(&self, path: &str) -> Lock {
        Lock { lock: self.asynchronous().rw_lock(path).write() }
    }

    /// See [`crate::Client::semaphore`].
    pub fn semaphore(&self, path: &str, permits: usize) -> Semaphore {
        Semaphore { semaphore: self.asynchronous().semaphore(path, permits) }
    }

    /// See [`crate::Client::election`].
    pub fn election(&self, path: &str) -> Election {
        Election { election: self.asynchronous().election(path) }
    }

    /// See [`crate::Client::barrier`].
    pub fn barrier(&self, path: &str) -> Barrier {
        Barrier { barrier: self.asynchronous().barrier(path) }
    }

    /// See [`crate::Client::queue`].
    pub fn queue(&self, path: &str) -> Queue {
        Queue { queue: self.asynchronous().queue(path) }
    }

    /// See [`crate::Client::counter`].
    pub fn counter(&self, path: &str) -> Counter {
        Counter { counter: self.asynchronous().counter(path) }
    }
}

/// Something that is held; see [`crate::recipes::Held`].
#[derive(Clone, Debug)]
pub struct Held {
    held: Arc<held::Held>,
}

impl From<held::Held> for Held {
    fn from(held: held::Held) -> Held {
        Held { held: Arc::new(held) }
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

/// A lock to contend for; see [`crate::recipes::Lock`].
#[derive(Clone, Debug)]
pub struct Lock {
    lock: lock::Lock,
}

impl Lock {
    /// What others see of this contender.
    pub fn identifier(self, identifier: impl Into<Bytes>) -> Lock {
        Lock { lock: self.lock.identifier(identifier) }
    }

    /// Waits until it is this contender's turn, for at most `timeout` if there is one.
    ///
    /// # Errors
    /// As [`crate::recipes::Lock::acquire_timeout`].
    pub fn acquire(&self, timeout: Option<Duration>) -> Result<Held> {
        let held = match timeout {
            None => wait(self.lock.acquire()),
            Some(timeout) => wait(self.lock.acquire_timeout(timeout)),
        };
        held.map(Held::from)
    }

    /// Gets it if nobody is before us.
    ///
    /// # Errors
    /// As [`crate::recipes::Lock::try_acquire`].
    pub fn try_acquire(&self) -> Result<Option<Held>> {
        Ok(wait(self.lock.try_acquire())?.map(Held::from))
    }

    /// The identifiers of all contenders, the holder's first.
    ///
    /// # Errors
    /// What reads fail with.
    pub fn contenders(&self) -> Result<Vec<Bytes>> {
        wait(self.lock.contenders())
    }
}

/// A semaphore to take permits from; see [`crate::recipes::Semaphore`].
#[derive(Clone, Debug)]
pub struct Semaphore {
    semaphore: semaphore::Semaphore,
}

impl Semaphore {
    /// What others see of this holder.
    pub fn identifier(self, identifier: impl Into<Bytes>) -> Semaphore {
        Semaphore { semaphore: self.semaphore.identifier(identifier) }
    }

    /// Waits for a permit, for at most `timeout` if there is one.
    ///
    /// # Errors
    /// As [`crate::recipes::Semaphore::acquire_timeout`].
    pub fn acquire(&self, timeout: Option<Duration>) -> Result<Held> {
        let held = match timeout {
            None => wait(self.semaphore.acquire()),
            Some(timeout) => wait(self.semaphore.acquire_timeout(timeout)),
        };
        held.map(Held::from)
    }

    /// A permit if one is free and nobody waits for it.
    ///
    /// # Errors
    /// As [`crate::recipes::Semaphore::try_acquire`].
    pub fn try_acquire(&self) -> Result<Option<Held>> {
        Ok(wait(self.semaphore.try_acquire())?.map(Held::from))
    }

    /// The identifiers of those who have a permit.
    ///
    /// # Errors
    /// What reads fail with.
    pub fn holders(&self) -> Result<Vec<Bytes>> {
        wait(self.semaphore.holders())
    }
}

/// An election to stand in or to watch; see [`crate::recipes::Election`].
#[derive(Debug)]
pub struct Election {
    election: election::Election,
}

impl Election {
    /// What others see of this candidate.
    pub fn identifier(self, identifier: impl Into<Bytes>) -> Election {
        Election { election: self.election.identifier(identifier) }
    }

    /// Stands and waits for a term.
    ///
    /// # Errors
    /// As [`crate::recipes::Election::next_term`].
    pub fn next_term(&mut self) -> Result<Held> {
        wait(self.election.next_term()).map(Held::from)
    }

    /// Who leads at the moment.
    ///
    /// # Errors
    /// What reads fail with.
    pub fn leader(&self) -> Result<Option<election::Leader>> {
        wait(self.election.leader())
    }

    /// The identifiers of all candidates, the leader's first.
    ///
    /// # Errors
    /// What reads fail with.
    pub fn candidates(&self) -> Result<Vec<Bytes>> {
        wait(self.election.candidates())
    }
}

/// A barrier; see [`crate::recipes::Barrier`].
#[derive(Clone, Debug)]
pub struct Barrier {
    barrier: barrier::Barrier,
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
