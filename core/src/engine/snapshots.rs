//! Snapshots of the state on a disk: taken beside a writer that goes on, and loaded at the start.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;

use super::{Budget, Engine, EngineOptions, Inconsistent, Loader, Progress, Scan};
use crate::log::snapshot::{self, Head, SnapshotName, SnapshotReader, SnapshotWriter, Summary};
use crate::log::snapshot::{FRAME, Unwritten};
use crate::log::{Disk, OpenError};

/// An engine that others use too.
pub trait Shared {
    /// Reads the state. Others may read at the same time, nobody writes.
    fn look<R>(&self, look: impl FnOnce(&Engine) -> R) -> R;

    /// Has the state alone.
    fn change<R>(&self, change: impl FnOnce(&mut Engine) -> R) -> R;
}

impl Shared for RwLock<Engine> {
    fn look<R>(&self, look: impl FnOnce(&Engine) -> R) -> R {
        look(&self.read())
    }

    fn change<R>(&self, change: impl FnOnce(&mut Engine) -> R) -> R {
        change(&mut self.write())
    }
}

/// An engine that nobody else uses.
impl Shared for RefCell<&mut Engine> {
    fn look<R>(&self, look: impl FnOnce(&Engine) -> R) -> R {
        look(*self.borrow())
    }

    fn change<R>(&self, change: impl FnOnce(&mut Engine) -> R) -> R {
        change(*self.borrow_mut())
    }
}

/// Why there is no snapshot. The state and the older snapshots are as they were.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// It could not be written, or not be read back.
    #[error(transparent)]
    Unwritten(#[from] Unwritten),
    /// Whoever wanted it wants it no more, or another one was begun.
    #[error("the snapshot was abandoned")]
    Abandoned,
}

/// Why a snapshot cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum Unloadable {
    /// The file is not as it was written, or cannot be read.
    #[error(transparent)]
    File(#[from] OpenError),
    /// What it says is not a state that transactions lead to.
    #[error("{file} holds no valid state: {fault}")]
    State {
        /// The file.
        file: String,
        /// What is wrong.
        fault: Inconsistent,
    },
}

/// Takes a snapshot of the state as it is now while others go on with it, and reads it back.
///
/// `head` is asked under the writer's guard of what moment that is; the zxid is filled in. The guard
/// is held no longer than that takes. Then readers' guards of about 100 µs each are taken, and
/// nothing is compressed or written under one. On return the snapshot is durable and
/// whole; older ones are still there. `stop` may be set from elsewhere at any time.
///
/// # Errors
/// [`NotTaken`]; nothing is left behind then.
pub fn take(
    engine: &impl Shared,
    disk: &dyn Disk,
    stop: &AtomicBool,
    head: impl FnOnce(&Engine) -> Head,
) -> Result<Summary, NotTaken> {
    let (scan, mut head) = engine.change(|engine| (engine.begin_scan(), head(engine)));
    head.zxid = scan.last_zxid();
    let mut taking = Taking { engine, scan };
    let mut writer = SnapshotWriter::create(disk, &head)?;
    let mut bytes = Vec::with_capacity(2 * Budget::default().bytes);
    loop {
        let scan = &mut taking.scan;
        let step = |engine: &Engine| engine.scan_step(scan, Budget::default(), &mut bytes);
        let progress = engine.look(step);
        if progress == Progress::Abandoned || stop.load(Ordering::Relaxed) {
            return Err(NotTaken::Abandoned);
        }
        writer.write(&bytes)?;
        bytes.clear();
        if progress == Progress::Done {
            break;
        }
    }
    let counts = taking.scan.counts();
    drop(taking);
    Ok(writer.finish(counts.sessions + counts.znodes)?)
}

/// Takes a snapshot of a state that nobody else uses.
///
/// # Errors
/// [`NotTaken`]; nothing is left behind then.
pub fn save(
    engine: &mut Engine,
    disk: &dyn Disk,
    head: impl FnOnce(&Engine) -> Head,
) -> Result<Summary, NotTaken> {
    take(&RefCell::new(engine), disk, &AtomicBool::new(false), head)
}

/// Loads a snapshot.
///
/// # Errors
/// [`Unloadable`]; nothing in the file is believed that does not fit together.
pub fn load(
    disk: &dyn Disk,
    name: &str,
    options: EngineOptions,
) -> Result<(Engine, Summary), Unloadable> {
    let state = |fault| Unloadable::State { file: disk.shown(name), fault };
    let mut reader = SnapshotReader::open(disk, name)?;
    let mut loader = Loader::new(options);
    let mut bytes = Vec::with_capacity(FRAME);
    while reader.next(&mut bytes)? {
        loader.feed(&bytes).map_err(state)?;
    }
    let summary = reader.summary().cloned().expect("the end was read");
    let counts = loader.counts();
    let engine = loader.finish().map_err(state)?;
    if engine.last_zxid() != summary.head.zxid {
        let found = format!("ends at zxid {}, its file at another", engine.last_zxid());
        return Err(state(Inconsistent::new("the image", found)));
    }
    if counts.sessions + counts.znodes != summary.items {
        return Err(state(Inconsistent::new("the image", "does not hold what its file counts")));
    }
    Ok((engine, summary))
}

/// The newest state there is on a disk.
#[derive(Default)]
pub struct Newest {
    /// The state and what moment it is of; `None` if no snapshot can be loaded.
    pub loaded: Option<(Engine, Summary)>,
    /// The newer ones that cannot be, the newest first, each with the reason. Whoever goes on from
    /// an older one needs the log from there on, all of it.
    pub passed_over: Vec<(SnapshotName, Unloadable)>,
}

/// Loads the newest snapshot that can be loaded and is of this directory.
///
/// # Errors
/// The directory cannot be read.
pub fn load_newest(disk: &dyn Disk, options: &EngineOptions) -> std::io::Result<Newest> {
    let mut newest = Newest::default();
    for name in snapshot::list(disk)? {
        let loaded = load(disk, &name.name, options.clone());
        match loaded.and_then(|loaded| Ok(snapshot::check_home(disk, &loaded.1).map(|()| loaded)?))
        {
            Ok(loaded) => {
                newest.loaded = Some(loaded);
                break;
            }
            Err(reason) => newest.passed_over.push((name, reason)),
        }
    }
    Ok(newest)
}

/// Ends the scan when it is dropped, and drops what is left of it where nobody waits.
struct Taking<'a, E: Shared> {
    engine: &'a E,
    scan: Scan,
}

impl<E: Shared> Drop for Taking<'_, E> {
    fn drop(&mut self) {
        let remains = self.engine.change(|engine| engine.end_scan(&self.scan));
        drop(remains);
    }
}
