//! What is acquired and held: locks, permits, terms.

use std::time::Duration;

use bytes::Bytes;

use super::Held;
use crate::client::Result;
use crate::io::blocking::wait;
use crate::recipes::{election, lock, semaphore};

/// A lock to contend for; see [`crate::recipes::Lock`].
#[derive(Clone, Debug)]
pub struct Lock {
    lock: lock::Lock,
}

impl From<lock::Lock> for Lock {
    fn from(lock: lock::Lock) -> Lock {
        Lock { lock }
    }
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

impl From<semaphore::Semaphore> for Semaphore {
    fn from(semaphore: semaphore::Semaphore) -> Semaphore {
        Semaphore { semaphore }
    }
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

impl From<election::Election> for Election {
    fn from(election: election::Election) -> Election {
        Election { election }
    }
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
