//! Data directories and snapshot files as they are named on the command line.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tenure::WallMillis;
use tenure::engine::EngineOptions;
use tenure::log::snapshot::{Head, SnapshotName};
use tenure::log::{Disk, Options};
use tenure::replication::recover::{Recovered, recover};
use tenure::server::{Directory, DirectoryLock};

use crate::exit::Failure;

/// The file that every data directory has.
pub const IDENTITY: &str = "identity";

/// A data directory that no server has, held until this is dropped.
pub struct Held {
    pub disk: Arc<dyn Disk>,
    _lock: DirectoryLock,
}

/// The directory, if it is one that holds data; it is neither made nor changed.
pub fn directory(path: &Path) -> Result<Directory, Failure> {
    expect_data(path)?;
    Ok(Directory::open(path)?)
}

/// The same, only to read: it may be on a disk that cannot be written.
pub fn directory_to_read(path: &Path) -> Result<Directory, Failure> {
    expect_data(path)?;
    Ok(Directory::open_read_only(path)?)
}

fn expect_data(path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    let entries =
        std::fs::read_dir(path).map_err(|error| Failure::error(format!("{shown}: {error}")))?;
    let is_ours = |name: &str| {
        name == IDENTITY || name.starts_with("log-") || SnapshotName::parse(name).is_some()
    };
    for entry in entries {
        if entry?.file_name().to_str().is_some_and(is_ours) {
            return Ok(());
        }
    }
    Err(Failure::error(format!("{shown} holds no data of tenure")))
}

/// Keeps servers out of a data directory.
pub fn hold(path: &Path) -> Result<Held, Failure> {
    let directory = directory(path)?;
    let lock = directory.lock()?;
    Ok(Held { disk: Arc::new(directory), _lock: lock })
}

impl Held {
    /// Its state as of the last transaction, as a server would recover it.
    pub fn recover(&self) -> Result<Recovered, Failure> {
        Ok(recover(&self.disk, log_options(), &EngineOptions::default())?)
    }
}

/// How the log of a directory is opened that has one already: it keeps the identity it has.
pub fn log_options() -> Options {
    Options::new([0; 16])
}

/// What a snapshot says of a recovered state.
pub fn head(recovered: &Recovered) -> Head {
    // A clock before 1970 is wrong by any measure; nothing but this note depends on it.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Head {
        identity: recovered.log.identity(),
        last: recovered.applied,
        zxid: recovered.engine.last_zxid(),
        at: WallMillis(since.as_millis() as i64),
        membership: Vec::new(),
    }
}

/// The directory a file is in, and its name.
pub fn file(path: &Path) -> Result<(Directory, String), Failure> {
    let shown = path.display();
    if !path.is_file() {
        return Err(Failure::error(format!("{shown} is no file")));
    }
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Failure::error(format!("{shown}: the name is not UTF-8")))?;
    Ok((Directory::open_read_only(&folder(path))?, name.to_owned()))
}

/// The directory that a path is in.
pub fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}
