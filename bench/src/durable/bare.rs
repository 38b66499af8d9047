//! A bare loop that appends and syncs: the most that any log on this disk could do.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Bytes that are written beforehand where blocks are to be overwritten.
const ROOM: u64 = 16 << 20;

/// Appends pieces of `bytes` bytes to a new file and syncs each one, for a while. With `has_room`
/// the file is as long as it gets before the loop begins. Returns how many microseconds each took,
/// in order.
pub fn append_and_sync(
    path: &Path,
    bytes: usize,
    has_room: bool,
    length: Duration,
) -> std::io::Result<Vec<f64>> {
    let file = OpenOptions::new().create(true).truncate(true).write(true).open(path)?;
    if has_room {
        let zeros = vec![0; 1 << 20];
        for piece in 0..ROOM >> 20 {
            file.write_all_at(&zeros, piece << 20)?;
        }
    }
    file.sync_all()?;
    let piece = vec![b'x'; bytes.max(1)];
    let (mut at, mut micros) = (0, Vec::new());
    let until = Instant::now() + length;
    while Instant::now() < until {
        let started = Instant::now();
        file.write_all_at(&piece, at)?;
        file.sync_data()?;
        micros.push(started.elapsed().as_secs_f64() * 1e6);
        at += piece.len() as u64;
        if has_room && at + piece.len() as u64 > ROOM {
            at = 0;
        }
    }
    drop(file);
    std::fs::remove_file(path)?;
    micros.sort_by(f64::total_cmp);
    Ok(micros)
}
