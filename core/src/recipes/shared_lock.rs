//! A lock that readers share and writers do not.
//!
//! | znode | mode | data |
//! |---|---|---|
//! | `<path>` | persistent, made when it is missing | none |
//! | `<path>/<32 hex>__rlock__<10 digits>` | ephemeral, sequential | a reader's identifier |
//! | `<path>/<32 hex>__lock__<10 digits>` | ephemeral, sequential | a writer's identifier |
//!
//! The layout is kazoo's `ReadLock` and `WriteLock`; clients of both can stand in one line. A plain lock
//! on the same path counts as a writer that does not see readers: do not mix them. Curator's read-write
//! lock has other names.
//!
//! Promised: a writer holds it alone; readers hold it together; nobody overtakes, so a reader waits for
//! the writers that came before it and a stream of readers cannot keep a writer out. Limit: the tokens
//! of readers grow as all do, and do not exclude one another.

use bytes::Bytes;

use super::line::Line;
use super::lock::Lock;
use super::names::{self, Naming};
use crate::io::client::Client;

/// A lock with two sides, each of which is a [`Lock`].
#[derive(Clone, Debug)]
pub struct SharedLock {
    client: Client,
    path: String,
}

impl Client {
    /// The lock for readers and writers at `path`, which is made when it is missing.
    pub fn rw_lock(&self, path: &str) -> SharedLock {
        SharedLock { client: self.clone(), path: path.to_owned() }
    }
}

impl SharedLock {
    /// The side of the readers: waits for the writers before it. Its contenders are all of the line's.
    pub fn read(&self) -> Lock {
        self.side(names::READER)
    }

    /// The side of the writers: waits for everybody before it.
    pub fn write(&self) -> Lock {
        self.side(names::WRITER)
    }

    fn side(&self, naming: Naming) -> Lock {
        Lock::new(Line {
            client: self.client.clone(),
            path: self.path.clone(),
            naming,
            data: Bytes::new(),
        })
    }
}
