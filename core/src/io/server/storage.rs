//! A server's data directory: its lock, its recovery, and the threads that write to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use super::builder::ServerBuilder;
use super::control::{Answer, Control};
use super::expiry::Alarm;
use super::start_error::{StartError, spawn};
use crate::engine::snapshots::NotTaken;
use crate::io::clock::Clock;
use crate::io::disk::{Directory, DirectoryLock};
use crate::log::{Disk, Failed, Options, SegmentLog};
use crate::replication::solo::Parts;
use crate::replication::{Snapshots, Solo, recover};
use crate::service::{DiskStats, Service};

/// How often it is looked whether the disk and the log have room, and whether a snapshot is due.
const LOOK: Duration = Duration::from_millis(250);

/// The number of looks after which it is measured how much is in the directory.
const MEASURE_EVERY: u32 = 20;

/// Bytes that a new log takes at once.
const FIRST_ROOM: u64 = 4 << 20;

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The server keeps everything in memory.
    #[error("the server has no data directory; start it with one to take snapshots")]
    InMemory,
    /// It could not be written, or does not read back.
    #[error(transparent)]
    NotTaken(#[from] NotTaken),
}

/// A data directory in use.
pub(super) struct Storage {
    pub(super) solo: Arc<Solo>,
    snapshots: Arc<Snapshots>,
    log: Arc<SegmentLog>,
    alarm: Arc<Alarm>,
    threads: Vec<JoinHandle<()>>,
    control: Option<Control>,
    directory: PathBuf,
    clock: Clock,
    /// Let go last, when nothing is written any more.
    _lock: DirectoryLock,
}

impl Storage {
    /// Recovers a directory and starts to serve it. `on_failure` is told once if the log fails.
    pub(super) fn open(
        directory: &Path,
        settings: &ServerBuilder,
        on_failure: Box<dyn Fn(&Failed) + Send + Sync>,
    ) -> Result<(Storage, Arc<Service>), StartError> {
        let real = Directory::open(directory).map_err(|error| data_dir(&error))?;
        refuse_apache(directory)?;
        let lock = real.lock().map_err(|error| data_dir(&error))?;
        let (disk, options) = with_faults(Arc::new(real), Options::new(identity()));
        refuse_small(&*disk, directory, settings.least_free)?;
        let recovered = recover(&disk, options, &settings.engine_options())?;
        tracing::info!(
            "{} as of zxid {}: znodes {}, sessions {}; from {}, log entries after it {}",
            directory.display(),
            recovered.engine.last_zxid(),
            recovered.engine.node_count(),
            recovered.engine.registry().len(),
            recovered.snapshot.as_ref().map_or("no snapshot", |summary| summary.name.as_str()),
            recovered.replayed
        );
        let epoch = recovered.engine.epoch();
        let log = Arc::new(recovered.log);
        let service = settings.service(Some(recovered.engine))?;
        let clock = settings.clock.clone();
        let solo = Arc::new(Solo::new(Parts {
            service: service.clone(),
            log: log.clone(),
            disk: disk.clone(),
            applied: recovered.applied,
            epoch,
            least_free: settings.least_free,
            clock: {
                let clock = clock.clone();
                Box::new(move || clock.now())
            },
            on_failure,
        }));
        solo.look_at_space();
        let last = recovered.snapshot.map(|summary| summary.head.last).unwrap_or_default();
        let snapshots = Arc::new(Snapshots::new(
            (solo.clone(), service.clone()),
            (log.clone(), disk),
            log.identity(),
            settings.snapshots,
            (last, recovered.behind, clock.now()),
        ));
        let mut storage = Storage {
            solo,
            snapshots,
            log,
            alarm: Arc::default(),
            threads: Vec::new(),
            control: None,
            directory: directory.to_owned(),
            clock,
            _lock: lock,
        };
        storage.start()?;
        Ok((storage, service))
    }

    /// Takes a snapshot now.
    pub(super) fn snapshot(&self) -> Result<PathBuf, SnapshotError> {
        let summary = self.snapshots.take(&|| self.clock.now())?;
        Ok(self.directory.join(summary.name))
    }

    /// What is under way is carried out, and the files are closed. After a failure they stay as they
    /// are.
    pub(super) fn close(&mut self) {
        self.alarm.stop();
        self.snapshots.stop();
        self.control = None;
        self.solo.close();
        for thread in self.threads.drain(..) {
            // A thread that panicked has said why, and nothing was acknowledged since.
            let _ = thread.join();
        }
        if self.solo.failure().is_none()
            && let Err(failed) = self.log.close()
        {
            tracing::error!("the log was not closed: {failed}");
        }
    }

    fn start(&mut self) -> Result<(), StartError> {
        for _ in 0..2 {
            let solo = self.solo.clone();
            self.threads.push(spawn("tenure-commit", move || commit(&solo))?);
        }
        let (alarm, solo, log) = (self.alarm.clone(), self.solo.clone(), self.log.clone());
        let directory = self.directory.clone();
        self.threads.push(spawn("tenure-disk", move || {
            measure(&directory, solo.disk_stats());
            for look in 1_u32.. {
                if alarm.sleep(LOOK) {
                    return;
                }
                if look % MEASURE_EVERY == 0 {
                    measure(&directory, solo.disk_stats());
                }
                solo.look_at_space();
                if let Err(failed) = log.make_room() {
                    solo.fail(failed);
                }
            }
        })?);
        let (alarm, snapshots, clock) =
            (self.alarm.clone(), self.snapshots.clone(), self.clock.clone());
        self.threads.push(spawn("tenure-snapshot", move || {
            while !alarm.sleep(LOOK) {
                if snapshots.is_due(clock.now()) {
                    // It is in the program's log, and the figures count it.
                    let _ = snapshots.take(&|| clock.now());
                }
            }
        })?);
        let (snapshots, clock) = (self.snapshots.clone(), self.clock.clone());
        self.control =
            Control::start(&self.directory, move |order| carry_out(order, &snapshots, &clock));
        Ok(())
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        self.close();
    }
}

/// What the owner of the directory orders through its socket. Only the name of a file is told: he may
/// call the directory otherwise than the server does.
fn carry_out(order: &str, snapshots: &Snapshots, clock: &Clock) -> Answer {
    match order {
        "snapshot" => match snapshots.take(&|| clock.now()) {
            Ok(summary) => Ok(summary.name),
            Err(error) => Err(error.to_string()),
        },
        other => Err(format!("no order is called {other:?}; there is `snapshot`")),
    }
}

/// Notes how long the files of a directory are. What cannot be looked at does not count.
fn measure(directory: &Path, stats: &DiskStats) {
    let (mut log, mut snapshots) = (0, 0);
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        match entry.file_name().to_str() {
            Some(name) if name.starts_with("log-") => log += metadata.len(),
            Some(name) if name.starts_with("snapshot-") => snapshots += metadata.len(),
            _ => {}
        }
    }
    stats.log_size.store(log, Ordering::Relaxed);
    stats.snapshot_size.store(snapshots, Ordering::Relaxed);
}

/// Carries out rounds until there are no more. A defect in one is a failure like that of a disk:
/// nothing may be acknowledged on top of it.
fn commit(solo: &Solo) {
    let rounds = std::panic::AssertUnwindSafe(|| solo.run());
    if std::panic::catch_unwind(rounds).is_err() {
        solo.fail(Failed {
            doing: "applying a transaction".into(),
            error: "a defect of tenure; what was acknowledged is in the log".into(),
        });
    }
}

/// Where Apache ZooKeeper keeps data, a server would start empty beside them.
fn refuse_apache(directory: &Path) -> Result<(), StartError> {
    if !directory.join("version-2").is_dir() {
        return Ok(());
    }
    let shown = directory.display();
    Err(data_dir(&format_args!(
        "{shown} is one of Apache ZooKeeper; `tenure import --from {shown} --data DIR` makes one of \
         tenure out of it"
    )))
}

/// Refuses to begin where there is no room to go on.
fn refuse_small(disk: &dyn Disk, directory: &Path, least_free: u64) -> Result<(), StartError> {
    let is_new = disk.list().is_ok_and(|names| !names.iter().any(|name| name.starts_with("log-")));
    let needed = least_free.saturating_add(FIRST_ROOM);
    match disk.free() {
        Ok(free) if is_new && free < needed => Err(StartError::DataDir(format!(
            "{} has {free} bytes free, and a new data directory needs {needed}; make room, or choose \
             another disk",
            directory.display()
        ))),
        _ => Ok(()),
    }
}

fn data_dir(error: &dyn std::fmt::Display) -> StartError {
    StartError::DataDir(error.to_string())
}

/// The disk and the log as they are.
#[cfg(not(feature = "faults"))]
fn with_faults(disk: Arc<dyn Disk>, options: Options) -> (Arc<dyn Disk>, Options) {
    (disk, options)
}

/// The disk and the log with what the environment plants.
#[cfg(feature = "faults")]
fn with_faults(disk: Arc<dyn Disk>, options: Options) -> (Arc<dyn Disk>, Options) {
    use crate::io::faults::{of_log, planted};
    (planted(disk), Options { faults: of_log(), ..options })
}

/// Sixteen bytes that no other directory has.
fn identity() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    bytes
}
