//! A data directory of Apache: which files it has, and whether they stay as they are.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::codec::Codec;
use super::import::ImportError;
use crate::base::Zxid;

/// The folder that all releases keep their files in.
pub(super) const FOLDER: &str = "version-2";

/// A snapshot or a log file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct SourceFile {
    /// The number in its name: of the transaction it stands for, or of the first one in it.
    pub zxid: Zxid,
    pub path: PathBuf,
    pub codec: Codec,
    pub bytes: u64,
    changed: Option<SystemTime>,
}

/// What there is to import.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Source {
    /// The newest first.
    pub snapshots: Vec<SourceFile>,
    /// The oldest first.
    pub logs: Vec<SourceFile>,
    /// The highest epoch that a server of an ensemble has taken part in.
    pub epoch: Option<i64>,
    /// The number of the server in its ensemble.
    pub server: Option<String>,
    folders: Vec<PathBuf>,
}

impl Source {
    /// Looks for snapshots and logs in the data directory, and in the one for logs if that is another
    /// one. Both kinds are looked for in both.
    pub fn find(data: &Path, log: Option<&Path>) -> Result<Source, ImportError> {
        let mut folders = vec![folder(data)?];
        if let Some(log) = log {
            folders.push(folder(log)?);
        }
        folders.dedup();
        Source::list(folders, data)
    }

    fn list(folders: Vec<PathBuf>, data: &Path) -> Result<Source, ImportError> {
        let (mut snapshots, mut logs) = (Vec::new(), Vec::new());
        for folder in &folders {
            for (name, path) in names(folder)? {
                let (stem, codec) = Codec::of(&name);
                if let Some(zxid) = number(stem, "snapshot.") {
                    snapshots.extend(SourceFile::stat(zxid, path, codec));
                } else if let Some(zxid) = number(&name, "log.") {
                    logs.extend(SourceFile::stat(zxid, path, Codec::Plain));
                }
            }
        }
        snapshots.sort_by(|a, b| (b.zxid, &b.path).cmp(&(a.zxid, &a.path)));
        logs.sort_by(|a, b| (a.zxid, &a.path).cmp(&(b.zxid, &b.path)));
        let epochs = ["currentEpoch", "acceptedEpoch"].iter().flat_map(|name| {
            folders.iter().filter_map(move |folder| line(&folder.join(name))?.parse::<i64>().ok())
        });
        let epoch = epochs.max();
        let server = line(&data.join("myid"));
        Ok(Source { snapshots, logs, epoch, server, folders })
    }

    /// The folders that were looked into.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// What is different now from when this was made; `None` if nothing is.
    pub fn change(&self, data: &Path) -> Result<Option<String>, ImportError> {
        let now = Source::list(self.folders.clone(), data)?;
        let (before, after) = (self.files(), now.files());
        let changed = after.iter().find(|file| !before.contains(file));
        let gone = before.iter().find(|file| !after.iter().any(|other| other.path == file.path));
        Ok(match (changed, gone) {
            (Some(file), _) => Some(format!("{} is being written", file.path.display())),
            (None, Some(file)) => Some(format!("{} was removed meanwhile", file.path.display())),
            (None, None) => None,
        })
    }

    fn files(&self) -> Vec<&SourceFile> {
        self.snapshots.iter().chain(&self.logs).collect()
    }
}

impl SourceFile {
    /// `None` if it is gone meanwhile, or is no file.
    fn stat(zxid: Zxid, path: PathBuf, codec: Codec) -> Option<SourceFile> {
        let about = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
        Some(SourceFile { zxid, path, codec, bytes: about.len(), changed: about.modified().ok() })
    }
}

/// The folder with the files, whether it was named itself or the one above it.
fn folder(named: &Path) -> Result<PathBuf, ImportError> {
    let inner = named.join(FOLDER);
    let found = if inner.is_dir() {
        inner
    } else if named.is_dir() && names(named)?.iter().any(|(name, _)| is_data(name)) {
        named.to_owned()
    } else {
        return Err(ImportError::NotFound { folder: named.display().to_string() });
    };
    found.canonicalize().map_err(|source| unreadable(&found, source))
}

fn is_data(name: &str) -> bool {
    number(Codec::of(name).0, "snapshot.").or_else(|| number(name, "log.")).is_some()
}

fn names(folder: &Path) -> Result<Vec<(String, PathBuf)>, ImportError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(|source| unreadable(folder, source))? {
        let entry = entry.map_err(|source| unreadable(folder, source))?;
        if let Some(name) = entry.file_name().to_str() {
            names.push((name.to_owned(), entry.path()));
        }
    }
    Ok(names)
}

/// The zxid in a name.
fn number(name: &str, prefix: &str) -> Option<Zxid> {
    let hex = name.strip_prefix(prefix).filter(|hex| !hex.starts_with('+'))?;
    u64::from_str_radix(hex, 16).ok().map(|zxid| Zxid(zxid as i64))
}

/// A small file's only line.
fn line(path: &Path) -> Option<String> {
    fs::metadata(path).ok().filter(|about| about.is_file() && about.len() < 100)?;
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

fn unreadable(path: &Path, source: std::io::Error) -> ImportError {
    super::Unreadable::Io { file: path.display().to_string(), source }.into()
}
