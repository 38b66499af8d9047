//! A data directory of Apache ZooKeeper: a snapshot and a log, sealed and framed as they should be or
//! as they come.
//!
//! The first byte says which of both there is, whether checksums are put right, and whether losses
//! are accepted; two bytes say how long the snapshot is.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tenure::apache::fuzzing::{exported, import};
use tenure::apache::{ImportOptions, Imported};

/// What the names of folders begin with that hold an input.
const PREFIX: &str = "tenure-fuzz-disk-";

/// Imports; what was imported is imported again from its own export.
pub fn directory(bytes: &[u8]) {
    let Some((&flags, rest)) = bytes.split_first() else { return };
    let Some((length, rest)) = rest.split_first_chunk::<2>() else { return };
    let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
    let (snapshot, log) = rest.split_at(length);
    let is_right = flags & 4 != 0;
    let snapshot =
        (flags & 1 != 0).then(|| if is_right { seal(snapshot) } else { snapshot.into() });
    let log = (flags & 2 != 0).then(|| if is_right { frame(log) } else { log.into() });
    let options = ImportOptions { accept_loss: flags & 8 != 0, ..ImportOptions::default() };
    put("snapshot.0", snapshot);
    put("log.1", log);
    let Ok(first) = import(folder(), &options) else { return };
    put("snapshot.0", None);
    put("log.1", None);
    let name = format!("snapshot.{:x}", first.engine.last_zxid().0);
    put(&name, Some(exported(&first.engine)));
    let second = import(folder(), &options).unwrap_or_else(|error| panic!("an export: {error}"));
    put(&name, None);
    let what = |imported: &Imported| {
        let engine = &imported.engine;
        (engine.digest(), engine.node_count(), engine.registry().len())
    };
    assert_eq!(what(&second), what(&first));
}

/// A snapshot with a seal behind it.
fn seal(body: &[u8]) -> Vec<u8> {
    let sum = u64::from(adler2::adler32_slice(body));
    [body, &sum.to_be_bytes(), &[0, 0, 0, 1, b'/']].concat()
}

/// A log of records, each with two bytes of its length in front.
fn frame(mut records: &[u8]) -> Vec<u8> {
    let mut log = b"ZKLG\0\0\0\x02\0\0\0\0\0\0\0\0".to_vec();
    while let Some((length, behind)) = records.split_first_chunk::<2>() {
        let length = usize::from(u16::from_le_bytes(*length)).min(behind.len());
        let (record, behind) = behind.split_at(length);
        log.extend_from_slice(&u64::from(adler2::adler32_slice(record)).to_be_bytes());
        log.extend_from_slice(&(record.len() as u32).to_be_bytes());
        log.extend_from_slice(record);
        log.push(b'B');
        records = behind;
    }
    log
}

/// Writes a file of the folder, or removes it.
fn put(name: &str, content: Option<Vec<u8>>) {
    let path = folder().join("version-2").join(name);
    match content {
        Some(content) => fs::write(path, content).expect("the folder is ours"),
        None => drop(fs::remove_file(path)),
    }
}

/// A folder of this process, in memory where the system has such a place. What processes left that
/// are gone is removed first, for the fuzzer ends without a word.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        let above = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        for entry in fs::read_dir(&above).expect("it can be listed").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_left = |id: &str| !Path::new("/proc").join(id).exists();
            if name.strip_prefix(PREFIX).is_some_and(is_left) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let folder = above.join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir_all(folder.join("version-2")).expect("it can be made");
        folder
    })
}
