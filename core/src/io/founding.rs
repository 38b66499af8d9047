//! A data directory that begins with a state from elsewhere: an import, or a snapshot from another
//! place.
//!
//! It is put together beside its place and gets its name when everything in it is durable and was
//! read back. An interruption therefore never leaves a directory that a server would start on with
//! less than the whole state.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::clock::Clock;
use super::disk::Directory;
use crate::engine::Engine;
use crate::engine::snapshots::{self, NotTaken};
use crate::log::snapshot::{Head, Summary};
use crate::log::{Failed, LogId, OpenError, Options, SegmentLog, TxnLog};

/// What is appended to the name of a directory while it is put together.
const ASIDE: &str = ".aside";

/// Why there is no data directory. Its place is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FoundError {
    /// Something is there.
    #[error("{0} is not empty; name a directory that is empty or does not exist")]
    NotEmpty(String),
    /// It was begun before, or is being put together by another process.
    #[error("{0} is left from an attempt that was interrupted; if none is running, remove it")]
    Unfinished(String),
    /// Its log cannot be begun.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Its log cannot be written.
    #[error(transparent)]
    Failed(#[from] Failed),
    /// The state cannot be written.
    #[error(transparent)]
    NotTaken(#[from] NotTaken),
    /// The system refuses.
    #[error("{doing} failed: {source}")]
    Io {
        /// Which step, with the directory it was about.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
}

/// A place where a data directory may be made.
#[derive(Debug)]
pub struct Founding {
    data: PathBuf,
    aside: PathBuf,
}

impl Founding {
    /// Makes sure that nothing is in the way. Nothing is made yet.
    ///
    /// # Errors
    /// `NotEmpty`, `Unfinished`, `Io`.
    pub fn at(data: &Path) -> Result<Founding, FoundError> {
        let is_empty = match fs::read_dir(data) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(source) => return Err(failed("listing", data)(source)),
        };
        if !is_empty {
            return Err(FoundError::NotEmpty(data.display().to_string()));
        }
        let mut name = data.file_name().unwrap_or_default().to_owned();
        name.push(ASIDE);
        let aside = data.with_file_name(name);
        if aside.exists() {
            return Err(FoundError::Unfinished(aside.display().to_string()));
        }
        Ok(Founding { data: data.to_owned(), aside })
    }

    /// Makes the directory, for a server to go on from with this state. It is there, durable and read
    /// back, on return; or nothing is.
    ///
    /// # Errors
    /// [`FoundError`].
    pub fn with(self, engine: &mut Engine) -> Result<Summary, FoundError> {
        let summary = match self.put_together(engine) {
            Ok(summary) => summary,
            Err(error) => {
                let _ = fs::remove_dir_all(&self.aside);
                return Err(error);
            }
        };
        fs::rename(&self.aside, &self.data).map_err(failed("renaming", &self.aside))?;
        let above = parent(&self.data);
        File::open(&above).and_then(|above| above.sync_all()).map_err(failed("sync", &above))?;
        Ok(summary)
    }

    fn put_together(&self, engine: &mut Engine) -> Result<Summary, FoundError> {
        let disk = Arc::new(Directory::open(&self.aside)?);
        let mut identity = [0; 16];
        getrandom::fill(&mut identity).expect("the system has randomness");
        let log = SegmentLog::open(Arc::clone(&disk) as _, Options::new(identity))?;
        // As if there had been an entry: without the snapshot the log is then known to be incomplete,
        // and no server begins with an empty state where the snapshot is damaged.
        let last = LogId { term: 0, index: 1 };
        log.reset(last)?;
        let at = Clock::real().now().wall;
        let head = |engine: &Engine| {
            let zxid = engine.last_zxid();
            Head { identity, last, zxid, at, membership: Vec::new() }
        };
        Ok(snapshots::save(engine, &*disk, head)?)
    }
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn failed(step: &str, path: &Path) -> impl FnOnce(io::Error) -> FoundError {
    let doing = format!("{step} of {}", path.display());
    move |source| FoundError::Io { doing, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineOptions;

    /// A place below a folder that goes when the test does.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Place {
            let folder = format!("tenure-founding-{name}-{}", std::process::id());
            let folder = std::env::temp_dir().join(folder);
            fs::create_dir_all(&folder).expect("a folder");
            Place(folder)
        }

        fn data(&self) -> PathBuf {
            self.0.join("data")
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_directory_begins_with_the_state_it_was_given() {
        let place = Place::new("begins");
        let mut engine = Engine::new(EngineOptions::default());
        engine.begin(7, crate::engine::Rules::default());
        let founding = Founding::at(&place.data()).expect("nothing is there");
        let summary = founding.with(&mut engine).expect("the disk works");
        let disk = Directory::open(&place.data()).expect("it is there");
        let (loaded, _) = snapshots::load(&disk, &summary.name, EngineOptions::default())
            .expect("it was read back before");
        assert_eq!((loaded.last_zxid(), loaded.digest()), (engine.last_zxid(), engine.digest()));
        let log = SegmentLog::open(Arc::new(disk), Options::new([0; 16])).expect("it is whole");
        assert_eq!((log.purged(), log.last()), (summary.head.last, summary.head.last));
        assert!(fs::read_dir(&place.0).expect("the folder is there").count() == 1, "no leftovers");
    }

    #[test]
    fn what_is_there_stays_there() {
        let place = Place::new("stays");
        fs::create_dir(place.data()).expect("a folder");
        Founding::at(&place.data()).expect("an empty folder is fine");
        fs::write(place.data().join("file"), "x").expect("a file");
        assert!(matches!(Founding::at(&place.data()), Err(FoundError::NotEmpty(_))));
        fs::remove_file(place.data().join("file")).expect("it is there");
        fs::create_dir(place.0.join("data.aside")).expect("a folder");
        assert!(matches!(Founding::at(&place.data()), Err(FoundError::Unfinished(_))));
    }
}
