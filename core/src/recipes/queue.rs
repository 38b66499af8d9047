//! A queue whose entries are gone when they are handed out.
//!
//! | znode | mode | data |
//! |---|---|---|
//! | `<path>` | persistent, made when it is missing | none |
//! | `<path>/entry-<3 digits>-<10 digits>` | persistent, sequential | an entry; the first digits are its priority |
//!
//! The layout is kazoo's `Queue`; clients of both can put and take. Curator's queues pack several
//! entries into one znode.
//!
//! Promised: lower priorities first, and first come first served among equals; no entry is handed out
//! twice. Not promised: that an entry is worked on. Whoever gets one and fails has lost it; a
//! [`LockingQueue`](super::LockingQueue) gives it to somebody else then. Limit: a few thousand entries
//! that wait, for every look lists them all.

use bytes::Bytes;

use super::line::{make_parents, patiently};
use super::listing::Listing;
use super::names::child;
use super::trouble::settle;
use crate::base::CreateMode;
use crate::client::{Error, Result};
use crate::io::client::Client;

/// The priority of entries that do not need another; lower ones come first.
pub(super) const PRIORITY: u16 = 100;

const MOST: u16 = 999;

/// A queue. Cheap to make and to clone; holds nothing itself.
#[derive(Clone, Debug)]
pub struct Queue {
    client: Client,
    path: String,
}

impl Client {
    /// The queue at `path`, which is made when it is missing.
    pub fn queue(&self, path: &str) -> Queue {
        Queue { client: self.clone(), path: path.to_owned() }
    }
}

impl Queue {
    /// Puts an entry behind all that are there with the usual priority, 100.
    ///
    /// # Errors
    /// What the server answers. If the outcome is unknown, the entry may be there: putting it again may
    /// put it twice.
    pub async fn put(&self, entry: impl Into<Bytes>) -> Result<()> {
        self.put_with_priority(entry, PRIORITY).await
    }

    /// The same with a priority from 0, which comes first, to 999.
    ///
    /// # Errors
    /// As [`Queue::put`], and `Invalid` for a higher one.
    pub async fn put_with_priority(&self, entry: impl Into<Bytes>, priority: u16) -> Result<()> {
        let begins = child(&self.path, &begins(priority)?);
        let entry = entry.into();
        loop {
            let create = self.client.ops().create(&begins, entry.clone());
            match create.mode(CreateMode::PersistentSequential).submit().await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_no_node() => make_parents(&self.client, &self.path).await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes the first entry out of the queue; `None` if it is empty.
    ///
    /// # Errors
    /// What the server answers. If the outcome is unknown, or if the future is dropped, an entry may be
    /// gone.
    pub async fn get(&self) -> Result<Option<Bytes>> {
        loop {
            let children = || self.client.ops().children(&self.path);
            let names = match patiently(&self.client, children(), children).await {
                Ok(children) => children.names,
                Err(error) if error.is_no_node() => return Ok(None),
                Err(error) => return Err(error),
            };
            let entries = in_order(names);
            if entries.is_empty() {
                return Ok(None);
            }
            for name in entries {
                if let Some(entry) = self.take_out(&name).await? {
                    return Ok(Some(entry));
                }
            }
        }
    }

    /// Waits for an entry and takes it out.
    ///
    /// # Errors
    /// As [`Queue::get`].
    pub async fn take(&self) -> Result<Bytes> {
        let mut listing = Listing::new(&self.client, &self.path);
        loop {
            match self.get().await {
                Ok(Some(entry)) => return Ok(entry),
                Ok(None) => {}
                Err(error @ Error::SessionLost { sent: false, .. }) => {
                    settle(&self.client, error).await?;
                }
                Err(error) => return Err(error),
            }
            listing.changed().await?;
        }
    }

    /// How many entries wait.
    ///
    /// # Errors
    /// What reads fail with.
    pub async fn len(&self) -> Result<usize> {
        match self.client.ops().children(&self.path).await {
            Ok(children) => Ok(in_order(children.names).len()),
            Err(error) if error.is_no_node() => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// `None` if somebody was faster.
    async fn take_out(&self, name: &str) -> Result<Option<Bytes>> {
        let path = child(&self.path, name);
        let get = || self.client.ops().get(&path);
        let value = match patiently(&self.client, get(), get).await {
            Ok(value) => value,
            Err(error) if error.is_no_node() => return Ok(None),
            Err(error) => return Err(error),
        };
        match self.client.ops().delete(&path, None).await {
            Ok(()) => Ok(Some(value.data)),
            Err(error) if error.is_no_node() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// How the names of entries with this priority begin.
pub(super) fn begins(priority: u16) -> Result<String> {
    if priority > MOST {
        return Err(Error::Invalid("a priority is from 0 to 999".into()));
    }
    Ok(format!("entry-{priority:03}-"))
}

/// The entries, first come first served within a priority.
pub(super) fn in_order(mut names: Vec<String>) -> Vec<String> {
    names.retain(|name| name.starts_with("entry-"));
    names.sort();
    names
}
