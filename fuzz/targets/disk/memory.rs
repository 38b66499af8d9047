//! A disk in memory that does nothing wrong.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use tenure::log::{Disk, File};

/// The disk. Clones are the same one.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<BTreeMap<String, Content>>>);

#[derive(Clone, Default)]
struct Content(Arc<Mutex<Vec<u8>>>);

impl Memory {
    /// Puts a file there, in the place of whatever had the name.
    pub fn put(&self, name: &str, content: Vec<u8>) {
        self.files().insert(name.to_owned(), Content(Arc::new(Mutex::new(content))));
    }

    /// A disk of its own with the same files.
    pub fn copy(&self) -> Memory {
        let copy = Memory::default();
        for (name, content) in self.files().iter() {
            copy.put(name, content.bytes().clone());
        }
        copy
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<String, Content>> {
        self.0.lock().expect("nobody panics in here")
    }
}

impl Content {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().expect("nobody panics in here")
    }
}

impl Disk for Memory {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.files().keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        if self.files().contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.put(name, Vec::new());
        self.open(name)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        match self.files().get(name) {
            Some(content) => Ok(Arc::new(content.clone())),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut files = self.files();
        let content = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.to_owned(), content);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.files().remove(name).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_names(&self) -> io::Result<()> {
        Ok(())
    }

    fn free(&self) -> io::Result<u64> {
        Ok(u64::MAX)
    }

    fn shown(&self, name: &str) -> String {
        format!("/memory/{name}")
    }
}

impl File for Content {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes().len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let bytes = self.bytes();
        let rest = bytes.get(offset as usize..).unwrap_or_default();
        let size = rest.len().min(buffer.len());
        buffer[..size].copy_from_slice(&rest[..size]);
        Ok(size)
    }

    fn write_at(&self, written: &[u8], offset: u64) -> io::Result<usize> {
        let mut bytes = self.bytes();
        let (start, end) = (offset as usize, offset as usize + written.len());
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[start..end].copy_from_slice(written);
        Ok(written.len())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.bytes().resize(length as usize, 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
