//! A queue whose entries stay until they are worked on.
//!
//! | znode | mode | data |
//! |---|---|---|
//! | `<path>/entries/entry-<3 digits>-<10 digits>` | persistent, sequential | an entry; the first digits are its priority |
//! | `<path>/taken/<name of the entry>` | ephemeral | who works on it: 32 hexadecimal digits |
//!
//! The layout is kazoo's `LockingQueue`; clients of both can put and take.
//!
//! Promised: an entry is gone only when whoever works on it has said so while it was still theirs, in
//! one transaction; it goes to somebody else when their session ends. So every entry is worked on at
//! least once, and twice only if a worker was cut off in the middle. Limits: as of a
//! [`Queue`](super::Queue); the order is that of handing out, not of finishing.

use bytes::Bytes;

use super::held::Held;
use super::line::{make_parents, patiently};
use super::listing::Listing;
use super::names::{self, child};
use super::queue::{PRIORITY, begins, in_order};
use super::sweep::Trace;
use super::trouble::{Trouble, settle};
use crate::base::{Code, CreateMode};
use crate::client::{Error, Result};
use crate::io::client::{Client, Session};

/// A queue. Cheap to make and to clone; holds nothing itself.
#[derive(Clone, Debug)]
pub struct LockingQueue {
    client: Client,
    entries: String,
    taken: String,
}

/// An entry that nobody else works on. Dropping it gives it back in the background.
#[derive(Debug)]
#[must_use = "an entry is given back when it is dropped"]
pub struct Taken {
    client: Client,
    entry: String,
    data: Bytes,
    held: Held,
}

impl Client {
    /// The queue at `path`, which is made when it is missing.
    pub fn locking_queue(&self, path: &str) -> LockingQueue {
        let (entries, taken) = (child(path, "entries"), child(path, "taken"));
        LockingQueue { client: self.clone(), entries, taken }
    }
}

impl LockingQueue {
    /// Puts an entry behind all that are there with the usual priority, 100.
    ///
    /// # Errors
    /// What the server answers. If the outcome is unknown, the entry may be there.
    pub async fn put(&self, entry: impl Into<Bytes>) -> Result<()> {
        self.put_all([entry.into()], PRIORITY).await
    }

    /// Puts several entries, all or none, with a priority from 0, which comes first, to 999.
    ///
    /// # Errors
    /// As [`LockingQueue::put`], and `Invalid` for a higher one.
    pub async fn put_all(
        &self,
        entries: impl IntoIterator<Item = Bytes>,
        priority: u16,
    ) -> Result<()> {
        let begins = child(&self.entries, &begins(priority)?);
        let entries: Vec<Bytes> = entries.into_iter().collect();
        loop {
            let mut multi = self.client.ops().multi();
            for entry in &entries {
                multi = multi.create(&begins, entry.clone(), CreateMode::PersistentSequential);
            }
            match multi.commit().await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_no_node() => {
                    make_parents(&self.client, &self.entries).await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The first entry that nobody works on; `None` if there is none. Dropping the future gives back
    /// what it took.
    ///
    /// # Errors
    /// What the server answers; what finished the client.
    pub async fn try_take(&self) -> Result<Option<Taken>> {
        loop {
            match self.try_take_in(self.client.session()).await {
                Ok(taken) => return Ok(taken),
                Err(error) => settle(&self.client, error).await?,
            }
        }
    }

    /// Waits for an entry that nobody works on.
    ///
    /// # Errors
    /// As [`LockingQueue::try_take`].
    pub async fn take(&self) -> Result<Taken> {
        let mut entries = Listing::new(&self.client, &self.entries);
        let mut taken = Listing::new(&self.client, &self.taken);
        loop {
            if let Some(entry) = self.try_take().await? {
                return Ok(entry);
            }
            tokio::select! {
                stirred = entries.stirred() => stirred?,
                stirred = taken.stirred() => stirred?,
            }
        }
    }

    /// How many entries there are, those that somebody works on included.
    ///
    /// # Errors
    /// What reads fail with.
    pub async fn len(&self) -> Result<usize> {
        Ok(in_order(self.list(&self.client.session(), &self.entries).await?).len())
    }

    async fn try_take_in(&self, session: Session) -> Result<Option<Taken>> {
        let entries = in_order(self.list(&session, &self.entries).await?);
        if entries.is_empty() {
            return Ok(None);
        }
        let taken = self.list(&session, &self.taken).await?;
        for name in entries.into_iter().filter(|name| !taken.contains(name)) {
            if let Some(taken) = self.take_one(&session, &name).await? {
                return Ok(Some(taken));
            }
        }
        Ok(None)
    }

    async fn list(&self, session: &Session, path: &str) -> Result<Vec<String>> {
        let children = || session.ops().children(path);
        match patiently(&self.client, children(), children).await {
            Ok(children) => Ok(children.names),
            Err(error) if error.is_no_node() => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// `None` if somebody was faster.
    async fn take_one(&self, session: &Session, name: &str) -> Result<Option<Taken>> {
        let (entry, lock) = (child(&self.entries, name), child(&self.taken, name));
        let mut trace = Trace::new(&self.client, session);
        let guid = names::guid()?;
        if !self.mark(session, (&lock, &guid), &mut trace).await? {
            return Ok(None);
        }
        let exists = || session.ops().exists_and_watch(&lock);
        let get = || session.ops().get(&entry);
        let (look, read) = (exists(), get());
        let own = match patiently(&self.client, look, exists).await? {
            (Some(stat), watch) if stat.ephemeral_owner == session.id() => (stat, watch),
            _ => return Ok(None),
        };
        let data = match patiently(&self.client, read, get).await {
            Ok(value) => value.data,
            // Somebody finished it before it was marked.
            Err(error) if error.is_no_node() => {
                trace.sweep().await;
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        trace.keep();
        let held = Held::new(&self.client, session.clone(), lock, own);
        Ok(Some(Taken { client: self.client.clone(), entry, data, held }))
    }

    /// Marks an entry as ours; false if it is somebody else's.
    async fn mark(
        &self,
        session: &Session,
        (lock, guid): (&str, &str),
        trace: &mut Trace,
    ) -> Result<bool> {
        loop {
            trace.expect_marked(lock, guid.to_owned());
            let create = session.ops().create(lock, guid.to_owned()).ephemeral().submit();
            match create.await {
                Ok(_) => return Ok(true),
                Err(error) if error.code() == Some(Code::NodeExists) => {
                    // Ours if an answer was lost.
                    let get = || session.ops().get(lock);
                    return match patiently(&self.client, get(), get).await {
                        Ok(value) => Ok(value.data == guid),
                        Err(error) if error.is_no_node() => Ok(false),
                        Err(error) => Err(error),
                    };
                }
                Err(error) if error.is_no_node() => make_parents(&self.client, &self.taken).await?,
                Err(error) if Trouble::of(&error) == Trouble::Passing => {
                    settle(&self.client, error).await?;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Taken {
    /// The entry.
    pub fn data(&self) -> &Bytes {
        &self.data
    }

    /// What keeps others from working on it.
    pub fn held(&self) -> &Held {
        &self.held
    }

    /// Removes the entry for good, if it is still ours.
    ///
    /// # Errors
    /// `LockLost` or `SessionLost` if it was lost: it stays in the queue. If the outcome is unknown, it
    /// may be gone or be given to somebody else.
    pub async fn consume(self) -> Result<()> {
        let multi = self.client.ops().multi().guard(&self.held);
        let multi = multi.delete(&self.entry, None).delete(self.held.path(), None);
        match multi.commit().await {
            Ok(_) => {
                // Its znode is gone with the entry; nothing is left to give back.
                drop(self);
                Ok(())
            }
            Err(Error::SessionLost { epoch, sent: false, .. }) => {
                Err(Error::LockLost { epoch, certain: true })
            }
            Err(error) => Err(error),
        }
    }

    /// Gives the entry back to the queue, in its old place.
    ///
    /// # Errors
    /// As [`Held::release`].
    pub async fn release(self) -> Result<()> {
        self.held.release().await
    }
}
