//! A state put together again from what a disk holds: the newest snapshot that is whole, and the log
//! behind it.

use crate::log::{Damage, OpenError};

/// Why a data directory is not served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// The log cannot be opened.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// An entry or a snapshot is not what was written.
    #[error(transparent)]
    Damage(#[from] Damage),
}
