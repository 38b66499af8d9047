//! The state that a data directory holds, for whoever does not serve it.

use std::path::Path;
use std::sync::Arc;

use super::disk::{Directory, LockError};
use crate::engine::{Engine, EngineOptions};
use crate::log::{Disk, OpenError, Options};
use crate::replication::{RecoverError, recover};

/// The file that every data directory has from its first start on.
const IDENTITY: &str = "identity";

/// Why there is no state.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoredError {
    /// Nothing was ever kept there.
    #[error(
        "{0} is not a data directory of tenure; name the one that `--data` names where it serves"
    )]
    NotFound(String),
    /// A server has it.
    #[error(transparent)]
    Locked(#[from] LockError),
    /// The system refuses.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be recovered.
    #[error(transparent)]
    Recover(#[from] RecoverError),
}

/// Recovers the state in `data`, exactly as a server would at its start: what was never acknowledged
/// and is not whole is cut off the log, nothing else changes.
///
/// # Errors
/// See [`StoredError`]; each names the file and the way out.
pub fn stored(data: &Path) -> Result<Engine, StoredError> {
    if !data.join(IDENTITY).is_file() {
        return Err(StoredError::NotFound(data.display().to_string()));
    }
    let directory = Directory::open(data)?;
    let _lock = directory.lock()?;
    let disk: Arc<dyn Disk> = Arc::new(directory);
    // The identity is that of a directory that does not exist yet, and this one does.
    let recovered = recover(&disk, Options::new([0; 16]), &EngineOptions::default())?;
    Ok(recovered.engine)
}
