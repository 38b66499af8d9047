//! Where servers under measurement keep their files: on the disk of the build, not in a temporary
//! directory, which may be no disk at all.

use std::fs;
use std::path::{Path, PathBuf};

/// A folder of this run. Goes with this value.
pub struct Folder(PathBuf);

impl Folder {
    /// Creates one beside this program.
    pub fn new() -> Result<Folder, String> {
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let path = own.with_file_name(format!("bench-data-{}", std::process::id()));
        fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Folder(path))
    }

    /// A path in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Removes a part of it that is not needed any more.
    pub fn remove(&self, name: &str) {
        // What cannot be removed stays until the whole folder goes.
        let _ = fs::remove_dir_all(self.0.join(name));
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
