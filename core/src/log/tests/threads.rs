//! Many threads at one log: a flush covers what was appended before it, one sync serves many, and
//! nobody waits for a sync but who asked for one.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::super::sim::{Call, Failing};
use super::super::{Disk, File};
use super::*;

/// A disk whose syncs can be held up.
#[derive(Clone)]
struct Gate {
    disk: SimDisk,
    state: Arc<(Mutex<Held>, Condvar)>,
}

#[derive(Default)]
struct Held {
    is_closed: bool,
    waiting: usize,
}

struct GateFile {
    file: Arc<dyn File>,
    gate: Gate,
}

impl Gate {
    fn new() -> Gate {
        Gate { disk: SimDisk::new(), state: Arc::default() }
    }

    fn close(&self) {
        self.state.0.lock().is_closed = true;
    }

    fn open(&self) {
        self.state.0.lock().is_closed = false;
        self.state.1.notify_all();
    }

    /// Waits until somebody waits in a sync.
    fn wait_for_one(&self) {
        let mut held = self.state.0.lock();
        while held.waiting == 0 {
            let late = self.state.1.wait_for(&mut held, Duration::from_secs(30)).timed_out();
            assert!(!late, "nobody syncs");
        }
    }

    fn wrap(&self, file: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(GateFile { file, gate: self.clone() })
    }
}

impl Disk for Gate {
    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.disk.create(name).map(|file| self.wrap(file))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        Disk::open(&self.disk, name).map(|file| self.wrap(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync_names(&self) -> io::Result<()> {
        self.disk.sync_names()
    }

    fn free(&self) -> io::Result<u64> {
        self.disk.free()
    }

    fn shown(&self, name: &str) -> String {
        self.disk.shown(name)
    }
}

impl File for GateFile {
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
        let (held, changed) = &*self.gate.state;
        let mut held = held.lock();
        held.waiting += 1;
        changed.notify_all();
        while held.is_closed {
            changed.wait(&mut held);
        }
        held.waiting -= 1;
        drop(held);
        self.file.sync()
    }
}

/// A log with room for everything, so that a sync is a flush.
fn roomy(disk: &Gate) -> SegmentLog {
    let options = Options { segment: 1 << 20, reserve: 1 << 16, step: 1 << 16, ..small() };
    SegmentLog::open(Arc::new(disk.clone()), options).unwrap()
}

#[test]
fn appends_go_on_during_a_sync_and_one_sync_serves_all_who_wait() {
    let gate = Gate::new();
    let log = roomy(&gate);
    append(&log, 0, 1);
    let before = gate.disk.calls(Call::Sync);
    gate.close();
    thread::scope(|scope| {
        let first = scope.spawn(|| log.flush());
        gate.wait_for_one();
        append(&log, 0, 9);
        assert_eq!(log.read(1, usize::MAX).unwrap().len(), 9, "reads go on too");
        let waiting: Vec<_> = (0..4).map(|_| scope.spawn(|| log.flush())).collect();
        gate.open();
        assert_eq!(first.join().unwrap(), Ok(()));
        for flush in waiting {
            assert_eq!(flush.join().unwrap(), Ok(()));
        }
    });
    assert_eq!(gate.disk.calls(Call::Sync) - before, 2);
    assert_eq!(open(&gate.disk.crash(usize::MAX).state(|_| false)).last().index, 9);
}

#[test]
fn whoever_waits_for_a_sync_that_fails_is_told_so() {
    let gate = Gate::new();
    let log = roomy(&gate);
    append(&log, 0, 1);
    gate.disk.fail(Call::Sync, 1, Failing::Error(io::ErrorKind::Other));
    gate.close();
    thread::scope(|scope| {
        let flushes: Vec<_> = (0..4).map(|_| scope.spawn(|| log.flush())).collect();
        gate.wait_for_one();
        gate.open();
        for flush in flushes {
            assert!(flush.join().unwrap().is_err());
        }
    });
}

#[test]
fn what_any_thread_flushed_survives_while_others_go_on() {
    let disk = SimDisk::new();
    let log = open(&disk);
    let (stop, flushed) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            for index in 1..=1500 {
                log.append(&[entry(1, index)], false).unwrap();
                if index % 100 == 0 {
                    log.keep_note(&index.to_le_bytes()).unwrap();
                }
            }
            stop.store(true, Ordering::Release);
        });
        scope.spawn(|| {
            while !stop.load(Ordering::Acquire) {
                log.make_room().unwrap();
                log.purge(flushed.load(Ordering::Acquire).saturating_sub(40)).unwrap();
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Acquire) {
                    let last = log.last().index;
                    log.flush().unwrap();
                    let left = open(&disk.crash(usize::MAX).state(|_| false));
                    assert!(left.last().index >= last, "{} < {last}", left.last().index);
                    flushed.fetch_max(last, Ordering::AcqRel);
                }
            });
        }
        scope.spawn(|| {
            while !stop.load(Ordering::Acquire) {
                let from = log.purged().index + 1;
                let Ok(read) = log.read(from, usize::MAX) else {
                    assert!(log.purged().index >= from, "only a purge may come between");
                    continue;
                };
                for (found, index) in read.iter().zip(from..) {
                    assert_eq!(*found, entry(1, index));
                }
            }
        });
    });
    log.flush().unwrap();
    assert_eq!(open(&disk.copy()).last().index, 1500);
}
