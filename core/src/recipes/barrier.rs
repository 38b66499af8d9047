//! A barrier that somebody closes and opens.
//!
//! | znode | mode | data |
//! |---|---|---|
//! | `<path>` | persistent; there while the barrier is closed | none |
//!
//! The layout is kazoo's `Barrier` and Curator's `DistributedBarrier`.
//!
//! Promised: whoever waits goes on after it was opened, also if it is closed again at once and the
//! waiter's connection was lost meanwhile. It belongs to nobody and outlives every session.

use std::time::Duration;

use super::line::{make_parents, patiently, within};
use super::trouble::settle;
use crate::client::{Change, Error, Result, WatchItem};
use crate::io::client::{Client, OneShot};

/// A barrier. Cheap to make and to clone; holds nothing itself.
#[derive(Clone, Debug)]
pub struct Barrier {
    client: Client,
    path: String,
}

impl Client {
    /// The barrier at `path`.
    pub fn barrier(&self, path: &str) -> Barrier {
        Barrier { client: self.clone(), path: path.to_owned() }
    }
}

impl Barrier {
    /// Closes it; nothing happens if it is closed.
    ///
    /// # Errors
    /// What the server answers, such as `NoAuth`.
    pub async fn close(&self) -> Result<()> {
        make_parents(&self.client, &self.path).await
    }

    /// Opens it; nothing happens if it is open. Everybody who waits goes on.
    ///
    /// # Errors
    /// What the server answers, such as `NoAuth`; `NotEmpty` if somebody put znodes below it.
    pub async fn open(&self) -> Result<()> {
        loop {
            match self.client.ops().delete(&self.path, None).await {
                Ok(()) => return Ok(()),
                Err(error) if error.is_no_node() => return Ok(()),
                Err(error) => settle(&self.client, error).await?,
            }
        }
    }

    /// Waits until it is open; at once if it is.
    ///
    /// # Errors
    /// What reads fail with for good; what finished the client.
    pub async fn wait(&self) -> Result<()> {
        // A barrier that was opened and closed again is another znode, and this is how it shows.
        let mut first = None;
        loop {
            let exists = || self.client.ops().exists_and_watch(&self.path);
            let (stat, watch): (_, OneShot) = match patiently(&self.client, exists(), exists).await
            {
                Ok(found) => found,
                Err(error) => {
                    settle(&self.client, error).await?;
                    continue;
                }
            };
            let Some(stat) = stat else { return Ok(()) };
            if *first.get_or_insert(stat.czxid) != stat.czxid {
                return Ok(());
            }
            match watch.await {
                Ok(WatchItem::Changed { change: Change::Deleted, .. }) => return Ok(()),
                Ok(_) | Err(Error::WatchRemoved) => {}
                Err(error) => settle(&self.client, error).await?,
            }
        }
    }

    /// The same for at most `timeout`.
    ///
    /// # Errors
    /// As [`Barrier::wait`], and `Timeout`.
    pub async fn wait_timeout(&self, timeout: Duration) -> Result<()> {
        within(&self.client, timeout, self.wait()).await
    }

    /// Whether it is open at the moment.
    ///
    /// # Errors
    /// What reads fail with.
    pub async fn is_open(&self) -> Result<bool> {
        Ok(self.client.ops().exists(&self.path).await?.is_none())
    }
}
