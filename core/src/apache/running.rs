//! Whether a server is still at work on its files.
//!
//! Apache locks nothing. What is left is to see whether any process of this machine has one of the
//! files open; servers elsewhere, on a shared disk, are noticed when the files change while they are
//! read.

use std::fs;
use std::path::{Path, PathBuf};

/// A process that has a file in one of these folders open, in words; `None` if none is to be seen.
/// Processes of other users are visible to the superuser only.
pub(super) fn holder(folders: &[PathBuf]) -> Option<String> {
    let processes = fs::read_dir("/proc").ok()?;
    for process in processes.flatten() {
        let name = process.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        if pid == std::process::id() {
            continue;
        }
        if let Some(file) = open_in(&process.path(), folders) {
            return Some(format!("process {pid} has {} open", file.display()));
        }
    }
    None
}

/// A file in the folders that the process can write to: whoever only reads does no harm.
fn open_in(process: &Path, folders: &[PathBuf]) -> Option<PathBuf> {
    for descriptor in fs::read_dir(process.join("fd")).ok()?.flatten() {
        let Ok(target) = fs::read_link(descriptor.path()) else { continue };
        let is_watched = target.parent().is_some_and(|at| folders.iter().any(|it| it == at));
        if is_watched && is_writable(&process.join("fdinfo").join(descriptor.file_name())) {
            return Some(target);
        }
    }
    None
}

fn is_writable(about: &Path) -> bool {
    let text = fs::read_to_string(about).unwrap_or_default();
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    // The lowest two bits are 0 for reading only.
    flags.is_some_and(|flags| flags & 3 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_can_write_is_seen_and_one_that_reads_is_not() {
        let folder = std::env::temp_dir().join(format!("tenure-running-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let folder = folder.canonicalize().expect("the folder is there");
        let path = folder.join("log.1");
        let own = Path::new("/proc/self");
        let writer = fs::File::create(&path).expect("a file");
        assert_eq!(open_in(own, std::slice::from_ref(&folder)), Some(path.clone()));
        drop(writer);
        let reader = fs::File::open(&path).expect("the file is there");
        assert_eq!(open_in(own, std::slice::from_ref(&folder)), None);
        drop(reader);
        fs::remove_dir_all(&folder).expect("the folder is ours");
    }
}
