//! Faults planted on purpose, for the tests that must be able to see them. Only with the feature
//! `faults`, which no release has.
//!
//! The variable `TENURE_FAULT` names them, separated by commas:
//!
//! * `no-fsync`: nothing is ever synced;
//! * `ack-before-fsync`: what is written to the log reaches the file some time after its sync was said
//!   to be done;
//! * `fsync-delay=MIN..MAX`: each sync takes so many milliseconds longer;
//! * `fsync-fail=K`: the K-th sync fails, and all behind it;
//! * `ignore-checksums`: damage is taken for what was written.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::log::{Disk, File};

/// How long a write is kept back that was said to be durable, if no delay is given.
const KEPT_BACK: Range<u64> = 5..50;

/// What is planted.
#[derive(Clone, Debug, Default)]
struct Plan {
    no_fsync: bool,
    ack_before_fsync: bool,
    ignore_checksums: bool,
    fsync_delay: Option<Range<u64>>,
    fsync_fail: Option<u64>,
}

impl Plan {
    fn parse(text: &str) -> Result<Plan, String> {
        let mut plan = Plan::default();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let wrong = || format!("TENURE_FAULT: what is '{word}'?");
            match name {
                "no-fsync" => plan.no_fsync = true,
                "ack-before-fsync" => plan.ack_before_fsync = true,
                "ignore-checksums" => plan.ignore_checksums = true,
                "fsync-delay" => {
                    let (least, most) = value.split_once("..").ok_or_else(wrong)?;
                    let least = least.parse().map_err(|_| wrong())?;
                    let most: u64 = most.parse().map_err(|_| wrong())?;
                    plan.fsync_delay = Some(least..most.max(least) + 1);
                }
                "fsync-fail" => plan.fsync_fail = Some(value.parse().map_err(|_| wrong())?),
                _ => return Err(wrong()),
            }
        }
        Ok(plan)
    }
}

/// The disk with what the environment plants on it.
///
/// # Panics
/// If `TENURE_FAULT` names no fault: a test must not run without the one it is about.
pub(super) fn planted(disk: Arc<dyn Disk>) -> Arc<dyn Disk> {
    let text = std::env::var("TENURE_FAULT").unwrap_or_default();
    let plan = Plan::parse(&text).unwrap_or_else(|why| panic!("{why}"));
    if text.is_empty() {
        return disk;
    }
    let late = plan.ack_before_fsync.then(Late::start);
    let faults = Arc::new(Faults { plan, syncs: AtomicU64::new(0) });
    Arc::new(FaultyDisk { disk, faults, late })
}

/// What the environment plants in the log itself.
pub(super) fn of_log() -> crate::log::Faults {
    let text = std::env::var("TENURE_FAULT").unwrap_or_default();
    let ignore_checksums = Plan::parse(&text).is_ok_and(|plan| plan.ignore_checksums);
    crate::log::Faults { ignore_checksums, ..crate::log::Faults::default() }
}

struct Faults {
    plan: Plan,
    syncs: AtomicU64,
}

impl Faults {
    /// What stands before every sync; false if there is to be none.
    fn before_sync(&self) -> io::Result<bool> {
        let count = self.syncs.fetch_add(1, Ordering::Relaxed) + 1;
        if self.plan.fsync_fail.is_some_and(|first| count >= first) {
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        if let Some(range) = &self.plan.fsync_delay {
            thread::sleep(Duration::from_millis(any_of(range)));
        }
        Ok(!self.plan.no_fsync)
    }
}

fn any_of(range: &Range<u64>) -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    range.start + u64::from_le_bytes(bytes) % (range.end - range.start).max(1)
}

struct FaultyDisk {
    disk: Arc<dyn Disk>,
    faults: Arc<Faults>,
    late: Option<Arc<Late>>,
}

impl FaultyDisk {
    fn faulty(&self, name: &str, file: Arc<dyn File>) -> Arc<dyn File> {
        if let Some(late) = self.late.clone()
            && (name.starts_with("log-") || name == "mark")
        {
            return Arc::new(LateFile { file, late });
        }
        Arc::new(FaultyFile { file, faults: self.faults.clone() })
    }
}

impl Disk for FaultyDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        Ok(self.faulty(name, self.disk.create(name)?))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        Ok(self.faulty(name, self.disk.open(name)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync_names(&self) -> io::Result<()> {
        if self.faults.before_sync()? { self.disk.sync_names() } else { Ok(()) }
    }

    fn free(&self) -> io::Result<u64> {
        self.disk.free()
    }

    fn shown(&self, name: &str) -> String {
        self.disk.shown(name)
    }
}

struct FaultyFile {
    file: Arc<dyn File>,
    faults: Arc<Faults>,
}

impl File for FaultyFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.file.write_at(bytes, offset)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        if self.faults.before_sync()? { self.file.sync() } else { Ok(()) }
    }
}

/// A write that is to be carried out: where, what, and at which offset.
type Write = (Arc<dyn File>, Vec<u8>, u64);

/// Carries out writes in their order, each some time after it was asked for.
struct Late {
    writes: Sender<Write>,
    pending: Mutex<u64>,
    done: Condvar,
}

impl Late {
    fn start() -> Arc<Late> {
        let (writes, queue) = channel::<Write>();
        let late = Arc::new(Late { writes, pending: Mutex::new(0), done: Condvar::new() });
        let worker = late.clone();
        thread::spawn(move || {
            for (file, bytes, offset) in queue {
                thread::sleep(Duration::from_millis(any_of(&KEPT_BACK)));
                let written = file.write_at(&bytes, offset).and_then(|_| file.sync());
                *worker.pending.lock() -= 1;
                worker.done.notify_all();
                if let Err(error) = written {
                    tracing::error!("a write that was acknowledged failed: {error}");
                }
            }
        });
        late
    }

    fn settle(&self) {
        let mut pending = self.pending.lock();
        while *pending > 0 {
            self.done.wait(&mut pending);
        }
    }
}

/// A file whose writes are late. Everything else waits for them first.
struct LateFile {
    file: Arc<dyn File>,
    late: Arc<Late>,
}

impl LateFile {
    fn settled(&self) -> &Arc<dyn File> {
        self.late.settle();
        &self.file
    }
}

impl File for LateFile {
    fn len(&self) -> io::Result<u64> {
        self.settled().len()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.settled().read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        *self.late.pending.lock() += 1;
        let sent = self.late.writes.send((self.file.clone(), bytes.to_vec(), offset));
        sent.map_err(|_| io::Error::other("the thread of late writes is gone"))?;
        Ok(bytes.len())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.settled().set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_by_name() {
        let plan = Plan::parse("no-fsync, fsync-delay=0..20,fsync-fail=3").unwrap();
        assert!(plan.no_fsync && !plan.ack_before_fsync && !plan.ignore_checksums);
        assert_eq!((plan.fsync_delay, plan.fsync_fail), (Some(0..21), Some(3)));
        assert!(Plan::parse("no-fsnyc").is_err(), "a misspelt fault is no fault");
        assert!(Plan::parse("fsync-delay=5").is_err());
    }

    #[test]
    fn delays_stay_within_their_bounds() {
        for _ in 0..100 {
            assert!((3..6).contains(&any_of(&(3..6))));
        }
    }
}
