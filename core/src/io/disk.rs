//! A directory of the machine as the log sees it, and the lock that keeps a second server out of it.

use std::ffi::CString;
use std::fs::{self, DirBuilder, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::log::{Disk, File, OpenError};

/// The file whose lock says that a server has the directory.
const LOCK: &str = "lock";

/// A directory that nobody but its owner can look into.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    /// Open, to make names durable.
    handle: fs::File,
    /// Files in it are opened to be read only.
    is_read_only: bool,
}

/// An open file of the machine.
#[derive(Debug)]
struct MachineFile(fs::File);

/// A directory held by this process until this is dropped, or the process ends in any way.
#[derive(Debug)]
pub struct DirectoryLock {
    held: fs::File,
    process: u32,
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // A forked child has the file open as well, and closing it here alone would not let go. Nor may
        // the child let go of what its parent holds.
        if self.process == std::process::id() {
            let _ = self.held.unlock();
        }
    }
}

/// Why a directory was not locked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Somebody has it.
    #[error("{directory} is in use by {}; stop that server, or choose another directory", holder(*pid))]
    Held {
        /// The directory.
        directory: String,
        /// Who has it, as far as is known.
        pid: Option<u32>,
    },
    /// The system refuses the file.
    #[error("lock of {file} failed: {source}")]
    Io {
        /// The file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
}

impl Directory {
    /// Opens a directory; creates it, for its owner only, where there is none. It is durable on
    /// return.
    ///
    /// # Errors
    /// [`OpenError::Io`] if the system refuses.
    pub fn open(path: &Path) -> Result<Directory, OpenError> {
        let fault = |doing: &str, at: &Path, source| OpenError::Io {
            doing: format!("{doing} of {}", at.display()),
            source,
        };
        let missing: Vec<&Path> =
            path.ancestors().take_while(|at| !at.as_os_str().is_empty() && !at.exists()).collect();
        for at in missing.into_iter().rev() {
            match DirBuilder::new().mode(0o700).create(at) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(fault("creation", at, error));
                }
                _ => {}
            }
            let parent = at.parent().filter(|parent| !parent.as_os_str().is_empty());
            let parent = parent.unwrap_or(Path::new("."));
            fs::File::open(parent)
                .and_then(|parent| parent.sync_all())
                .map_err(|error| fault("sync", parent, error))?;
        }
        // Whoever made it just before may not have made it durable. Not every parent can be synced.
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            let _ = fs::File::open(parent).and_then(|parent| parent.sync_all());
        }
        Directory::open_as(path, false)
    }

    /// Opens a directory to read what is in it, such as a backup on a disk that cannot be written.
    /// Nothing is created.
    ///
    /// # Errors
    /// [`OpenError::Io`] if there is none, or the system refuses.
    pub fn open_read_only(path: &Path) -> Result<Directory, OpenError> {
        Directory::open_as(path, true)
    }

    fn open_as(path: &Path, is_read_only: bool) -> Result<Directory, OpenError> {
        let fault =
            |source| OpenError::Io { doing: format!("opening of {}", path.display()), source };
        let handle = fs::File::open(path).map_err(fault)?;
        if !handle.metadata().map_err(fault)?.is_dir() {
            return Err(fault(io::ErrorKind::NotADirectory.into()));
        }
        Ok(Directory { path: path.to_owned(), handle, is_read_only })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps every other server out.
    ///
    /// # Errors
    /// [`LockError::Held`] if another one has it, in this process or elsewhere.
    pub fn lock(&self) -> Result<DirectoryLock, LockError> {
        let path = self.path.join(LOCK);
        let fault = |source| LockError::Io { file: path.display().to_string(), source };
        let mut file = self.lock_file(&path).map_err(fault)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let _ = file.take(20).read_to_string(&mut text);
                return Err(LockError::Held {
                    directory: self.path.display().to_string(),
                    pid: text.trim().parse().ok(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(fault(source)),
        }
        // The number is for people, and of one length, so that it needs no room where one stood
        // before: a full disk keeps no server from its data.
        let _ = file.write_all(format!("{:<20}", std::process::id()).as_bytes());
        Ok(DirectoryLock { held: file, process: std::process::id() })
    }

    /// What is locked. Where it cannot be written, whoever only reads can still ask whether a server
    /// has it.
    fn lock_file(&self, path: &Path) -> io::Result<fs::File> {
        let refused = match options().create(true).truncate(false).open(path) {
            Err(error) if self.is_read_only => error,
            other => return other,
        };
        match refused.kind() {
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {}
            _ => return Err(refused),
        }
        match fs::File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.handle.try_clone(),
            other => other,
        }
    }
}

impl Disk for Directory {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                names.extend(entry.file_name().into_string().ok());
            }
        }
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let file = options().create_new(true).open(self.path.join(name))?;
        Ok(Arc::new(MachineFile(file)))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let file = options().write(!self.is_read_only).open(self.path.join(name))?;
        Ok(Arc::new(MachineFile(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        self.handle.sync_all()
    }

    #[allow(unsafe_code)]
    fn free(&self) -> io::Result<u64> {
        let path = CString::new(self.path.as_os_str().as_bytes())?;
        let mut found = std::mem::MaybeUninit::<libc::statvfs>::uninit();
        // SAFETY: the path is a C string and the structure is writable; both outlive the call.
        if unsafe { libc::statvfs(path.as_ptr(), found.as_mut_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call succeeded, so it has filled the structure.
        let found = unsafe { found.assume_init() };
        // Some network and user-space file systems have no figures to give.
        if found.f_blocks == 0 {
            return Err(io::ErrorKind::Unsupported.into());
        }
        #[allow(clippy::unnecessary_cast, reason = "the widths differ between systems")]
        Ok((found.f_bavail as u64).saturating_mul(found.f_frsize as u64))
    }

    fn shown(&self, name: &str) -> String {
        self.path.join(name).display().to_string()
    }
}

impl File for MachineFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        uninterrupted(|| self.0.read_at(buffer, offset))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        uninterrupted(|| self.0.write_at(bytes, offset))
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

/// A signal that arrives before the first byte is no failure.
fn uninterrupted(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

fn holder(pid: Option<u32>) -> String {
    match pid {
        Some(pid) if pid == std::process::id() => format!("this process ({pid})"),
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::log::{Entry, LogId, Options, SegmentLog, TxnLog};

    /// A directory of its own for one test, removed at its end.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Place {
            let path = std::env::temp_dir().join(format!("tenure-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            Place(path)
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_new_directory_and_its_files_are_for_the_owner_only() {
        let place = Place::new("disk-modes");
        let directory = Directory::open(&place.0.join("a/b")).unwrap();
        directory.create("file").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(directory.path()), 0o700);
        assert_eq!(mode(&place.0.join("a")), 0o700);
        assert_eq!(mode(&place.0.join("a/b/file")), 0o600);
    }

    #[test]
    fn files_are_written_renamed_listed_and_removed() {
        let place = Place::new("disk-files");
        let directory = Directory::open(&place.0).unwrap();
        let file = directory.create("one").unwrap();
        assert_eq!(file.write_at(b"hello", 3).unwrap(), 5);
        file.sync().unwrap();
        assert_eq!(file.len().unwrap(), 8);
        assert_eq!(directory.create("one").err().unwrap().kind(), io::ErrorKind::AlreadyExists);
        directory.rename("one", "two").unwrap();
        directory.sync_names().unwrap();
        assert_eq!(directory.list().unwrap(), ["two"]);
        let mut read = [9; 8];
        assert_eq!(directory.open("two").unwrap().read_at(&mut read, 0).unwrap(), 8);
        assert_eq!(&read, b"\0\0\0hello");
        directory.remove("two").unwrap();
        assert_eq!(directory.open("two").err().unwrap().kind(), io::ErrorKind::NotFound);
        assert!(directory.free().unwrap() > 0);
        assert!(directory.shown("two").ends_with("/two"));
    }

    #[test]
    fn a_log_lives_in_it() {
        let place = Place::new("disk-log");
        let entry = |index| Entry { id: LogId { term: 0, index }, body: "what happened".into() };
        for round in 1..=3 {
            let directory = Arc::new(Directory::open(&place.0).unwrap());
            let log = SegmentLog::open(directory, Options::new([3; 16])).unwrap();
            assert_eq!(log.last().index, round - 1);
            log.append(&[entry(round)], false).unwrap();
            log.make_room().unwrap();
            log.close().unwrap();
            assert_eq!(log.read(1, usize::MAX).unwrap().len() as u64, round);
        }
    }

    #[test]
    fn a_second_server_is_told_who_has_the_directory() {
        let place = Place::new("disk-lock");
        let directory = Directory::open(&place.0).unwrap();
        let lock = directory.lock().unwrap();
        let refused = Directory::open(&place.0).unwrap().lock().err().unwrap();
        let LockError::Held { pid, .. } = &refused else { panic!("{refused}") };
        assert_eq!(*pid, Some(std::process::id()));
        assert!(refused.to_string().contains(&place.0.display().to_string()), "{refused}");
        drop(lock);
        directory.lock().unwrap();
    }

    #[test]
    fn what_cannot_be_written_can_be_read() {
        let place = Place::new("disk-read");
        Directory::open(&place.0).unwrap().create("file").unwrap().write_at(b"x", 0).unwrap();
        let directory = Directory::open_read_only(&place.0).unwrap();
        let file = directory.open("file").unwrap();
        assert_eq!(file.read_at(&mut [0], 0).unwrap(), 1);
        assert!(file.write_at(b"y", 0).is_err());
        let nowhere = place.0.join("nowhere");
        assert!(Directory::open_read_only(&nowhere).is_err() && !nowhere.exists());
    }

    #[test]
    fn a_file_in_the_place_of_the_directory_is_refused_by_name() {
        let place = Place::new("disk-file");
        fs::write(&place.0, "").unwrap();
        let refused = Directory::open(&place.0).err().unwrap().to_string();
        assert!(refused.contains(&place.0.display().to_string()), "{refused}");
        let _ = fs::remove_file(&place.0);
    }

    /// `/dev/full` has no room for a single byte, as a full disk has not.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_locked_all_the_same() {
        let place = Place::new("disk-lock-full");
        let directory = Directory::open(&place.0).unwrap();
        std::os::unix::fs::symlink("/dev/full", place.0.join(LOCK)).unwrap();
        let _lock = directory.lock().unwrap();
    }

    #[test]
    fn the_holder_is_told_whoever_held_it_before() {
        let place = Place::new("disk-lock-before");
        let directory = Directory::open(&place.0).unwrap();
        fs::write(place.0.join(LOCK), "12345678901234567890 and more\n").unwrap();
        let _lock = directory.lock().unwrap();
        let refused = Directory::open(&place.0).unwrap().lock().err().unwrap();
        let LockError::Held { pid, .. } = refused else { panic!("{refused}") };
        assert_eq!(pid, Some(std::process::id()));
    }

    /// As some network and user-space file systems do.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_file_system_that_does_not_count_its_blocks_is_not_taken_for_a_full_one() {
        let directory = Directory::open(Path::new("/proc")).unwrap();
        assert!(directory.free().is_err());
    }
}
