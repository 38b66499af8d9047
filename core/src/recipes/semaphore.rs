//! A semaphore: as many holders as there are permits.
//!
//! | znode | mode | data |
//! |---|---|---|
//! | `<path>` | persistent, made when it is missing | how many permits there are, as decimal text |
//! | `<path>/<32 hex>` | ephemeral | a holder's identifier |
//! | `<path>-__lock__` | persistent | the [`Lock`](super::Lock) of those who want a permit |
//!
//! The layout is kazoo's `Semaphore`; clients of both can share the permits. Curator's
//! `InterProcessSemaphoreV2` has its permits and its lock below one znode, and does not mix with it.
//!
//! Promised: never more holders than permits, for a permit is only taken in one transaction with a
//! check of the lock; whoever wants one is served in the order of arrival; only the first of them
//! watches the holders. Limit: the tokens of holders grow and do not exclude one another.

use std::time::Duration;

use bytes::Bytes;

use super::held::{Held, LossPoint};
use super::line::{Line, patiently, within};
use super::lock::Lock;
use super::names::{self, child};
use super::sweep::Trace;
use super::trouble::{Trouble, settle};
use crate::base::{Code, CreateMode};
use crate::client::{Error, Result};
use crate::io::client::Client;

/// A semaphore to take permits from. Cheap to make and to clone; holds nothing itself.
#[derive(Clone, Debug)]
pub struct Semaphore {
    client: Client,
    path: String,
    permits: usize,
    identifier: Bytes,
}

/// How an attempt in one session ended.
enum Attempt {
    Held(Held),
    Taken,
    Again,
}

impl Client {
    /// The semaphore at `path` with so many permits; it is made when it is missing. With none, nobody
    /// ever gets one.
    pub fn semaphore(&self, path: &str, permits: usize) -> Semaphore {
        let identifier = Bytes::new();
        Semaphore { client: self.clone(), path: path.to_owned(), permits, identifier }
    }
}

impl Semaphore {
    /// What others see of this holder.
    pub fn identifier(mut self, identifier: impl Into<Bytes>) -> Semaphore {
        self.identifier = identifier.into();
        self
    }

    /// Waits for a permit. Dropping the future leaves nothing behind; if the session ends meanwhile it
    /// starts again at the end of the line.
    ///
    /// # Errors
    /// `Invalid` if the semaphore was made with another number of permits; what the server answers;
    /// what finished the client.
    pub async fn acquire(&self) -> Result<Held> {
        loop {
            if let Some(held) = self.attempt(true).await? {
                return Ok(held);
            }
        }
    }

    /// The same for at most `timeout`.
    ///
    /// # Errors
    /// As [`Semaphore::acquire`], and `Timeout`.
    pub async fn acquire_timeout(&self, timeout: Duration) -> Result<Held> {
        within(&self.client, timeout, self.acquire()).await
    }

    /// A permit if one is free and nobody waits for it.
    ///
    /// # Errors
    /// As [`Semaphore::acquire`].
    pub async fn try_acquire(&self) -> Result<Option<Held>> {
        self.attempt(false).await
    }

    /// The identifiers of those who have a permit, in no particular order.
    ///
    /// # Errors
    /// What reads fail with.
    pub async fn holders(&self) -> Result<Vec<Bytes>> {
        let ops = self.client.ops();
        let names = match ops.children(&self.path).await {
            Ok(children) => children.names,
            Err(error) if error.is_no_node() => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let reads: Vec<_> = names.iter().map(|name| ops.get(&child(&self.path, name))).collect();
        let mut holders = Vec::with_capacity(reads.len());
        for read in reads {
            match read.await {
                Ok(value) => holders.push(value.data),
                Err(error) if error.is_no_node() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(holders)
    }

    async fn attempt(&self, waits: bool) -> Result<Option<Held>> {
        loop {
            match self.attempt_once(waits).await {
                Ok(Attempt::Held(held)) => return Ok(Some(held)),
                Ok(Attempt::Taken) => return Ok(None),
                Ok(Attempt::Again) => {}
                Err(error) => settle(&self.client, error).await?,
            }
        }
    }

    async fn attempt_once(&self, waits: bool) -> Result<Attempt> {
        self.agree_on_permits().await?;
        let lock = self.lock();
        let turn = if waits { Some(lock.acquire().await?) } else { lock.try_acquire().await? };
        let Some(turn) = turn else { return Ok(Attempt::Taken) };
        let taken = self.take_permit(&turn, waits).await;
        // The next in line may look now. Whether the lock was lost meanwhile changes nothing: the
        // permit was taken in one transaction with it.
        drop(turn);
        taken
    }

    fn lock(&self) -> Lock {
        Lock::new(Line {
            client: self.client.clone(),
            path: format!("{}-__lock__", self.path),
            naming: names::EXCLUSIVE,
            data: self.identifier.clone(),
        })
    }

    async fn take_permit(&self, turn: &Held, waits: bool) -> Result<Attempt> {
        let session = turn.session().clone();
        loop {
            let ops = session.ops();
            let holders = || ops.children_and_watch(&self.path);
            let (children, change) = match patiently(&self.client, holders(), holders).await {
                Ok(found) => found,
                Err(error) if error.is_no_node() => return Ok(Attempt::Again),
                Err(error) => return Err(error),
            };
            if children.names.len() < self.permits {
                return self.create_permit(turn).await;
            }
            if !waits {
                return Ok(Attempt::Taken);
            }
            tokio::select! {
                event = change => match event {
                    Ok(_) | Err(Error::WatchRemoved) => {}
                    Err(error) => return Err(error),
                },
                _ = turn.lost(LossPoint::Lost) => return Ok(Attempt::Again),
            }
        }
    }

    async fn create_permit(&self, turn: &Held) -> Result<Attempt> {
        let session = turn.session().clone();
        let path = child(&self.path, &names::guid()?);
        let mut trace = Trace::new(&self.client, &session);
        trace.expect(&path);
        loop {
            let multi = session.ops().multi().guard(turn);
            let multi = multi.create(&path, self.identifier.clone(), CreateMode::Ephemeral);
            match multi.commit().await {
                Ok(_) => break,
                // A lost answer: it is there.
                Err(error) if error.code() == Some(Code::NodeExists) => break,
                Err(Error::LockLost { .. }) => return Ok(Attempt::Again),
                Err(error) if error.is_no_node() => return Ok(Attempt::Again),
                Err(error) if Trouble::of(&error) == Trouble::Passing => {
                    settle(&self.client, error).await?;
                }
                Err(error) => return Err(error),
            }
        }
        let exists = || session.ops().exists_and_watch(&path);
        match patiently(&self.client, exists(), exists).await? {
            (Some(stat), watch) if stat.ephemeral_owner == session.id() => {
                trace.keep();
                Ok(Attempt::Held(Held::new(&self.client, session, path, (stat, watch))))
            }
            _ => Ok(Attempt::Again),
        }
    }

    /// Writes down how many permits there are, or compares.
    async fn agree_on_permits(&self) -> Result<()> {
        loop {
            let get = || self.client.ops().get(&self.path);
            match patiently(&self.client, get(), get).await {
                Ok(value) => {
                    let text = std::str::from_utf8(&value.data).unwrap_or_default();
                    return match text.parse::<usize>() {
                        Ok(permits) if permits != self.permits => Err(Error::Invalid(
                            format!("the semaphore has {permits} permits").into(),
                        )),
                        // Data of others are left alone, as kazoo does.
                        _ => Ok(()),
                    };
                }
                Err(error) if error.is_no_node() => {
                    let permits = self.permits.to_string();
                    let create = self.client.ops().create(&self.path, permits).parents();
                    match create.submit().await {
                        Ok(_) => return Ok(()),
                        Err(error) if error.code() == Some(Code::NodeExists) => {}
                        Err(error) => settle(&self.client, error).await?,
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }
}
