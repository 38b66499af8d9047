//! ZooKeeper's digest over a tree, computed a second time. It also covers what no Stat shows: which
//! znodes are containers and how long the others may live.

use std::path::Path;
use std::process::Command;

use crate::model::{Model, Znode};

/// Below this nothing counts.
const RESERVED: &str = "/zookeeper/";

/// The digest of what a server must hold.
pub fn of(model: &Model) -> u64 {
    let counted = model.znodes.iter().filter(|(path, _)| !path.starts_with(RESERVED));
    counted.map(|(path, znode)| u64::from(of_znode(path, znode))).sum()
}

fn of_znode(path: &str, znode: &Znode) -> u32 {
    let stat = &znode.stat;
    // The root goes by the name it has as a part of other paths.
    let path = if path == "/" { "" } else { path };
    let mut bytes = path.as_bytes().to_vec();
    bytes.extend_from_slice(&znode.data);
    for long in [stat.czxid, stat.mzxid, stat.pzxid, stat.ctime, stat.mtime] {
        bytes.extend(long.to_be_bytes());
    }
    for int in [stat.version, znode.creations, stat.aversion] {
        bytes.extend(int.to_be_bytes());
    }
    bytes.extend(znode.owner.to_be_bytes());
    crc32fast::hash(&bytes)
}

/// The digest of what a server holds: of a snapshot that it takes now.
///
/// # Errors
/// What the program says instead.
pub fn told_by(program: &Path, data: &Path) -> Result<u64, String> {
    let taken = run(program, &["snapshot", &data.to_string_lossy()])?;
    let text = run(program, &["verify", taken.trim()])?;
    let digest = text.split_once("digest 0x").map(|(_, rest)| rest);
    let digits = digest.and_then(|rest| rest.get(..16));
    let number = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    number.ok_or_else(|| format!("no digest in: {text}"))
}

fn run(program: &Path, words: &[&str]) -> Result<String, String> {
    let done = Command::new(program).args(words).output().map_err(|error| error.to_string())?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if done.status.success() {
        Ok(said(&done.stdout))
    } else {
        Err(format!("tenure {} ends with {}: {}", words.join(" "), done.status, said(&done.stderr)))
    }
}
