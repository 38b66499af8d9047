//! What a writer notices of a snapshot: one client that writes without a break, before the snapshot is
//! begun and while it is taken.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tenure::wire::Request;

use super::at;
use crate::load::handshake;
use crate::sessions::HANDSHAKE_REPLY;
use crate::subject::Subject;
use crate::weight;

/// How often the directory is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// A snapshot that takes longer does not come.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the writer noticed.
pub struct Pause {
    /// From the beginning of the snapshot to the end of its verification.
    pub seconds: f64,
    /// Until it had its name.
    pub seconds_of_writing: f64,
    /// Its size.
    pub bytes: u64,
    pub before: Writes,
    pub during: Writes,
}

/// Writes, and the milliseconds they took.
pub struct Writes {
    pub count: usize,
    pub p50: f64,
    pub p99: f64,
    pub most: f64,
}

/// A snapshot that was watched from outside.
struct Watched {
    begun: Instant,
    named: Instant,
    bytes: u64,
}

/// Writes until the server has taken a snapshot, which is due after some writes.
pub fn measure(subject: &Subject, directory: &Path, znodes: usize) -> Result<Pause, String> {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| write(subject, znodes, &is_over));
        let watched = watch(directory).and_then(|watched| {
            // It counts when it was read back.
            let until = Instant::now() + PATIENCE;
            while subject.metric("zk_cnt_snapshottime")? < 1.0 && Instant::now() < until {
                std::thread::sleep(LOOK);
            }
            Ok(watched)
        });
        is_over.store(true, Ordering::Relaxed);
        let writes = writing.join().map_err(|_| "the writer panicked".to_owned())?;
        let (watched, writes) = (watched?, writes.map_err(|error| error.to_string())?);
        let seconds = subject.metric("zk_avg_snapshottime")? / 1e3;
        let over = watched.begun + Duration::from_secs_f64(seconds);
        let during = |sent: Instant, took: Duration| sent + took > watched.begun && sent < over;
        let before = |sent: Instant, took: Duration| sent + took <= watched.begun;
        Ok(Pause {
            seconds,
            seconds_of_writing: (watched.named - watched.begun).as_secs_f64(),
            bytes: watched.bytes,
            before: Writes::of(&writes, before),
            during: Writes::of(&writes, during),
        })
    })
}

impl Writes {
    fn of(all: &[(Instant, Duration)], chosen: impl Fn(Instant, Duration) -> bool) -> Writes {
        let mut millis: Vec<f64> = all
            .iter()
            .filter(|(sent, took)| chosen(*sent, *took))
            .map(|(_, took)| took.as_secs_f64() * 1e3)
            .collect();
        millis.sort_by(f64::total_cmp);
        let [p50, p99, most] = [0.5, 0.99, 1.0].map(|part| at(&millis, part));
        Writes { count: millis.len(), p50, p99, most }
    }
}

/// Sets one znode after the other, all over the tree. Returns when each was sent and how long it
/// took.
fn write(
    subject: &Subject,
    znodes: usize,
    is_over: &AtomicBool,
) -> std::io::Result<Vec<(Instant, Duration)>> {
    let mut stream = TcpStream::connect(subject.address())?;
    stream.set_nodelay(true)?;
    let mut out = BytesMut::new();
    handshake(30_000).encode(&mut out);
    stream.write_all(&out)?;
    stream.read_exact(&mut [0; 4 + HANDSHAKE_REPLY])?;
    let (mut writes, mut number) = (Vec::new(), 0_usize);
    while !is_over.load(Ordering::Relaxed) {
        number = (number + 618_033) % znodes;
        let (path, data) = (weight::path(number), Some(weight::data(number + 1)));
        let mut out = BytesMut::new();
        Request::SetData { path, data, version: -1 }.encode(1, &mut out);
        let sent = Instant::now();
        stream.write_all(&out)?;
        stream.read_exact(&mut [0; 4 + 16 + 68])?;
        writes.push((sent, sent.elapsed()));
    }
    Ok(writes)
}

/// Watches a directory until a snapshot has its name.
fn watch(directory: &Path) -> Result<Watched, String> {
    let until = Instant::now() + PATIENCE;
    let mut begun = None;
    while Instant::now() < until {
        for entry in fs::read_dir(directory).map_err(|error| error.to_string())?.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| name.starts_with("snapshot-")) else {
                continue;
            };
            let begun = *begun.get_or_insert_with(Instant::now);
            if !name.ends_with(".aside") {
                let bytes = entry.metadata().map_or(0, |metadata| metadata.len());
                return Ok(Watched { begun, named: Instant::now(), bytes });
            }
        }
        std::thread::sleep(LOOK);
    }
    Err("the snapshot does not come".to_owned())
}
