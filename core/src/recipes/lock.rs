//! A lock: one holder at a time, in the order in which they came.
//!
//! | znode | mode | data |
//! |---|---|---|
//! | `<path>` | persistent, made when it is missing | none |
//! | `<path>/<32 hex>__lock__<10 digits>` | ephemeral, sequential | the contender's identifier |
//!
//! The layout is kazoo's `Lock`; clients of both can stand in one line. Contenders of Curator and of
//! clients like it (`…lock-<10 digits>`) are waited for as well, but do not know ours: tell kazoo's
//! clients of them by `extra_lock_patterns`, and do not mix with Curator itself.
//!
//! Promised: at most one contender is certain to hold it; the line is served in the order of the
//! digits; a release wakes one waiter, not all of them. Limit: 2^31 contenders in the life of a parent.

use std::time::Duration;

use bytes::Bytes;

use super::held::Held;
use super::line::Line;
use super::names;
use crate::client::Result;
use crate::io::client::Client;

/// A lock to contend for. Cheap to make and to clone; holds nothing itself.
///
/// It is not re-entrant: every acquire is a contender of its own, and one made while the same program
/// holds the lock waits for the program itself.
#[derive(Clone, Debug)]
pub struct Lock {
    line: Line,
}

impl Client {
    /// The lock at `path`, which is made when it is missing.
    pub fn lock(&self, path: &str) -> Lock {
        let line = Line {
            client: self.clone(),
            path: path.to_owned(),
            naming: names::EXCLUSIVE,
            data: Bytes::new(),
        };
        Lock::new(line)
    }
}

impl Lock {
    pub(super) fn new(line: Line) -> Lock {
        Lock { line }
    }

    /// What others see of this contender in [`Lock::contenders`].
    pub fn identifier(mut self, identifier: impl Into<Bytes>) -> Lock {
        self.line.data = identifier.into();
        self
    }

    /// Waits until it is this contender's turn.
    ///
    /// Waits over lost connections. If the session ends meanwhile it starts again at the end of the
    /// line, in the next one. Dropping the future leaves no contender behind.
    ///
    /// # Errors
    /// What the server answers, such as `NoAuth`; `Invalid` for a path that is not valid; what finished
    /// the client, as the end of the session under
    /// [`Recovery::ResumeOnly`](crate::Recovery::ResumeOnly).
    pub async fn acquire(&self) -> Result<Held> {
        self.line.acquire().await
    }

    /// The same for at most `timeout`, counted over sessions.
    ///
    /// # Errors
    /// As [`Lock::acquire`], and `Timeout`: no contender is left behind then.
    pub async fn acquire_timeout(&self, timeout: Duration) -> Result<Held> {
        self.line.acquire_within(timeout).await
    }

    /// Gets it if nobody is before us; `None` if somebody is. Waits for a connection, for nobody else.
    ///
    /// # Errors
    /// As [`Lock::acquire`].
    pub async fn try_acquire(&self) -> Result<Option<Held>> {
        self.line.try_acquire().await
    }

    /// The identifiers of all contenders, the holder's first.
    ///
    /// # Errors
    /// What reads fail with.
    pub async fn contenders(&self) -> Result<Vec<Bytes>> {
        self.line.contenders().await
    }
}
