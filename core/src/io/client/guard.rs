//! What a transaction can be made to depend on.

use std::sync::Arc;

use super::session::Session;
use super::shared::Shared;
use crate::client::{Epoch, Error, Result, chroot};

/// A znode that has to be there, as it was, for a transaction to be applied; see
/// [`Multi::guard`](super::Multi::guard).
///
/// It belongs to one session: the transaction fails once that is over.
#[derive(Clone)]
pub struct Guard {
    shared: Arc<Shared>,
    epoch: Epoch,
    /// As the server names it.
    path: String,
    version: i32,
}

/// Something that a transaction can depend on, such as a [`Held`](crate::recipes::Held) lock.
pub trait Guards {
    /// The znode that stands for it.
    fn guard(&self) -> Guard;
}

impl Guard {
    /// The znode at `path`, as `session` names it, with this version of its data.
    ///
    /// # Errors
    /// `Invalid` if it is not a valid path.
    pub fn new(session: &Session, path: &str, version: i32) -> Result<Guard> {
        let mut path = path.to_owned();
        chroot::enter_path(&mut path, session.chroot())?;
        Ok(Guard { shared: Arc::clone(session.shared()), epoch: session.epoch(), path, version })
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.epoch
    }

    pub(super) fn version(&self) -> i32 {
        self.version
    }

    /// The path as a client with this chroot names it.
    ///
    /// # Errors
    /// `Invalid` for another client, and if the znode is outside the chroot.
    pub(super) fn path_for(&self, shared: &Arc<Shared>, chroot: &str) -> Result<String> {
        if !Arc::ptr_eq(shared, &self.shared) {
            return Err(Error::Invalid("a guard holds only for the client it was taken by".into()));
        }
        match self.path.strip_prefix(chroot) {
            Some(path) if path.starts_with('/') => Ok(path.to_owned()),
            _ => Err(Error::Invalid("the guard's znode is outside this client's chroot".into())),
        }
    }
}

impl Guards for Guard {
    fn guard(&self) -> Guard {
        self.clone()
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard")
            .field("epoch", &self.epoch)
            .field("path", &self.path)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
