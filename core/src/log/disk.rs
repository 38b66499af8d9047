//! The seam between everything durable and a disk.

use std::io;
use std::sync::Arc;

/// One directory of a disk, flat: names have no slashes.
pub trait Disk: Send + Sync {
    /// The names of its files, in any order.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Creates an empty file to read and write.
    ///
    /// # Errors
    /// `AlreadyExists` if the name is taken.
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// Opens a file to read and write.
    ///
    /// # Errors
    /// `NotFound` if there is none of this name.
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// Gives a file another name, in the place of whatever had it. Durable after
    /// [`Disk::sync_names`].
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file. Durable after [`Disk::sync_names`].
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes all creations, renames and removals so far durable.
    fn sync_names(&self) -> io::Result<()>;

    /// Bytes that can still be written.
    fn free(&self) -> io::Result<u64>;

    /// A file's name as messages show it: with the directory.
    fn shown(&self, name: &str) -> String;
}

/// An open file.
pub trait File: Send + Sync {
    /// Its length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Whether it is empty.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Reads at an offset; 0 at the end. May read less than asked for.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes at an offset. May write less than asked for, which the caller takes for a failure.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Cuts or extends it; what is new reads as zeros.
    fn set_len(&self, length: u64) -> io::Result<()>;

    /// Makes its content and its length durable.
    fn sync(&self) -> io::Result<()>;
}
