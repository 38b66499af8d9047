//! A state put together again from what a disk holds: the newest snapshot that is whole, and the log
//! behind it.
//!
//! Nothing is guessed. Where the log does not reach back to a snapshot, where an entry does not say
//! what was ordered, or where anything that was durable is gone, the directory is refused; it is never
//! served empty or as of an earlier time. An older snapshot serves as well as the newest, as long as
//! the log goes on from there.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::engine::snapshots::{Unloadable, load_newest};
use crate::engine::{Batch, Engine, EngineOptions, Undecodable};
use crate::log::snapshot::{self, Summary};
use crate::log::{Damage, Disk, Failed, LogId, OpenError, Options, SegmentLog, TxnLog};

/// Why a data directory is not served. Nothing in it was changed, unless a system call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// The log cannot be opened: damage in it, a newer format, or the system refuses.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// A file changed while it was read.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// The bytes of an entry are as they were written, and this release cannot read them.
    #[error("entry {index} of the log in {directory} cannot be applied: {why}")]
    Entry {
        /// The directory.
        directory: String,
        /// Which entry.
        index: u64,
        /// What is wrong with it.
        why: Undecodable,
    },
    /// No snapshot can be used that the log goes on from.
    #[error("{directory} cannot be recovered: {why}")]
    Gap {
        /// The directory.
        directory: String,
        /// What is missing, and what is wrong with the snapshots that would hold it.
        why: String,
    },
    /// The log cannot be written.
    #[error(transparent)]
    Failed(#[from] Failed),
}

/// What a disk held.
pub struct Recovered {
    /// The state as of the last durable transaction.
    pub engine: Engine,
    /// The log, to go on with.
    pub log: SegmentLog,
    /// The last entry that is in the state.
    pub applied: LogId,
    /// The snapshot it began with.
    pub snapshot: Option<Summary>,
    /// How many entries of the log were applied on top.
    pub replayed: u64,
    /// How many transactions they held, and how many bytes they are.
    pub behind: (u64, u64),
}

/// Recovers a disk; begins one on which nothing ever was.
///
/// # Errors
/// [`RecoverError`].
pub fn recover(
    disk: &Arc<dyn Disk>,
    options: Options,
    engine: &EngineOptions,
) -> Result<Recovered, RecoverError> {
    let read = |source| OpenError::Io { doing: format!("reading {}", disk.shown("")), source };
    let log = SegmentLog::open(disk.clone(), options)?;
    let opened = log.opened();
    if let Some(torn) = &opened.torn {
        tracing::warn!(
            "the log ended in the middle of a write that nobody was told of: {} was cut at byte {}, \
             {} bytes behind it are gone",
            torn.file,
            torn.offset,
            torn.bytes
        );
    }
    for warning in &opened.warnings {
        tracing::warn!("{warning}");
    }
    snapshot::remove_leftovers(&**disk).map_err(read)?;
    let newest = load_newest(&**disk, engine).map_err(read)?;
    let (state, summary) = match newest.loaded {
        Some((state, summary)) => (state, Some(summary)),
        None => (Engine::new(engine.clone()), None),
    };
    let from = summary.as_ref().map_or_else(LogId::default, |summary| summary.head.last);
    let broken: Vec<Unloadable> =
        newest.passed_over.into_iter().map(|(_, reason)| reason).collect();
    if log.purged().index > from.index {
        return Err(RecoverError::Gap {
            directory: disk.shown(""),
            why: gap(from.index, log.purged().index, &broken),
        });
    }
    for reason in &broken {
        tracing::error!(
            "a snapshot cannot be used, an older one and the log behind it stand in: {reason}"
        );
    }
    // A restored or imported directory has a snapshot and no log yet.
    if log.last().index < from.index {
        log.reset(from)?;
    }
    let mut recovered = Recovered {
        engine: state,
        applied: from,
        log,
        snapshot: summary,
        replayed: 0,
        behind: (0, 0),
    };
    recovered.replay(&**disk)?;
    Ok(recovered)
}

impl Recovered {
    /// Applies what is in the log and not in the state.
    fn replay(&mut self, disk: &dyn Disk) -> Result<(), RecoverError> {
        let mut fault = None;
        let (engine, applied, replayed) = (&mut self.engine, &mut self.applied, &mut self.replayed);
        let behind = &mut self.behind;
        self.log.replay(applied.index + 1, &mut |entry| {
            behind.1 += entry.body.len() as u64;
            let batch = match Batch::decode(entry.body) {
                Ok(batch) => batch,
                Err(why) => {
                    let (directory, index) = (disk.shown(""), entry.id.index);
                    fault = Some(RecoverError::Entry { directory, index, why });
                    return ControlFlow::Break(());
                }
            };
            engine.begin(batch.epoch, batch.rules);
            for txn in &batch.txns {
                // Whoever was to hear of it is not connected any more.
                let _ = engine.apply(txn);
            }
            behind.0 += batch.txns.len() as u64;
            *applied = entry.id;
            *replayed += 1;
            ControlFlow::Continue(())
        })?;
        fault.map_or(Ok(()), Err)
    }
}

/// What is missing between a snapshot and the log, for people.
fn gap(snapshot: u64, purged: u64, broken: &[Unloadable]) -> String {
    let mut why = match snapshot {
        0 => {
            format!("the log begins behind entry {purged}, and there is no snapshot to start from")
        }
        _ => format!(
            "the log begins behind entry {purged}, and the newest snapshot that can be used ends with \
             entry {snapshot}"
        ),
    };
    for reason in broken {
        why.push_str(&format!("; {reason}"));
    }
    why.push_str("; bring a snapshot back from a backup, or restore one into a new directory");
    why
}
