//! When a snapshot is taken, and what goes when it has been: the state is written aside while it is
//! served, and only when enough files have been read back does the log let go of what they hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::Solo;
use crate::base::{Moment, limits};
use crate::engine::Engine;
use crate::engine::snapshots::{NotTaken, Shared, take};
use crate::log::snapshot::{self, Head, Summary};
use crate::log::{Disk, LogId, TxnLog};
use crate::service::{Now, Service};

/// How many times as long as a snapshot took no other is taken by itself, so that a busy server with a
/// large state does not do nothing else.
const REST: u32 = 9;

/// How long to wait after an attempt that failed.
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// When a snapshot is taken, and how many are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// After so many transactions.
    pub after_txns: u64,
    /// After so many bytes of log.
    pub after_bytes: u64,
    /// After so long, if anything has changed.
    pub after: Duration,
    /// How many are kept, with the log behind the oldest of them.
    pub kept: usize,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            after_txns: limits::SNAPSHOT_TXNS,
            after_bytes: limits::SNAPSHOT_BYTES,
            after: limits::SNAPSHOT_AGE,
            kept: limits::SNAPSHOTS_KEPT,
        }
    }
}

/// Takes the snapshots of one server.
pub struct Snapshots {
    solo: Arc<Solo>,
    service: Arc<Service>,
    log: Arc<dyn TxnLog>,
    disk: Arc<dyn Disk>,
    identity: [u8; 16],
    policy: Policy,
    stop: AtomicBool,
    /// One at a time.
    taking: Mutex<()>,
    last: Mutex<Last>,
}

/// What was when the last snapshot was taken.
#[derive(Clone, Copy)]
struct Last {
    id: LogId,
    /// Transactions and bytes behind it that were in the log at the start.
    behind: (u64, u64),
    txns: u64,
    bytes: u64,
    at: Moment,
    /// Before that, no other attempt is made.
    not_before: Moment,
}

impl Shared for Service {
    fn look<R>(&self, look: impl FnOnce(&Engine) -> R) -> R {
        look(&self.engine())
    }

    fn change<R>(&self, change: impl FnOnce(&mut Engine) -> R) -> R {
        change(&mut self.engine_mut())
    }
}

impl Snapshots {
    /// `last` is the entry the newest snapshot ends with, `behind` how many transactions and bytes the
    /// log holds behind it.
    pub fn new(
        (solo, service): (Arc<Solo>, Arc<Service>),
        (log, disk): (Arc<dyn TxnLog>, Arc<dyn Disk>),
        identity: [u8; 16],
        policy: Policy,
        (last, behind, now): (LogId, (u64, u64), Now),
    ) -> Snapshots {
        let at = now.moment;
        let last = Last { id: last, behind, txns: 0, bytes: 0, at, not_before: at };
        let last = Mutex::new(last);
        let (stop, taking) = (AtomicBool::new(false), Mutex::new(()));
        Snapshots { solo, service, log, disk, identity, policy, stop, taking, last }
    }

    /// Whether a snapshot is due.
    pub fn is_due(&self, now: Now) -> bool {
        let last = *self.last.lock();
        if now.moment < last.not_before {
            return false;
        }
        let stats = self.solo.disk_stats();
        let txns = last.behind.0 + stats.txns.load(Ordering::Relaxed) - last.txns;
        let bytes = last.behind.1 + stats.bytes.load(Ordering::Relaxed) - last.bytes;
        txns >= self.policy.after_txns
            || bytes >= self.policy.after_bytes
            || (txns > 0 && now.moment.since(last.at) >= self.policy.after)
    }

    /// Takes one and lets go of what is not needed any more. `clock` tells how long it took.
    ///
    /// # Errors
    /// [`NotTaken`]. The server goes on with the snapshots and the log it has.
    pub fn take(&self, clock: &dyn Fn() -> Now) -> Result<Summary, NotTaken> {
        let _one = self.taking.lock();
        let began = clock();
        let stats = self.solo.disk_stats();
        let (txns, bytes) =
            (stats.txns.load(Ordering::Relaxed), stats.bytes.load(Ordering::Relaxed));
        let taken = take(&AtRest(self), &*self.disk, &self.stop, |engine| {
            let last = self.solo.last_applied();
            let (zxid, at, membership) = (engine.last_zxid(), began.wall, Vec::new());
            Head { identity: self.identity, last, zxid, at, membership }
        });
        let now = clock();
        match taken {
            Ok(summary) => {
                let (id, at) = (summary.head.last, now.moment);
                let took = at.since(began.moment);
                let not_before = at + took * REST;
                *self.last.lock() = Last { id, behind: (0, 0), txns, bytes, at, not_before };
                stats.snapshots.note(took);
                stats.snapshot_zxid.store(summary.head.zxid.0, Ordering::Relaxed);
                tracing::info!(
                    "took {}: {} znodes and sessions in {} bytes",
                    summary.name,
                    summary.items,
                    summary.bytes
                );
                self.purge();
                Ok(summary)
            }
            Err(error) => {
                self.last.lock().not_before = now.moment + TRY_AGAIN;
                if !matches!(error, NotTaken::Abandoned) {
                    stats.snapshot_failures.fetch_add(1, Ordering::Relaxed);
                    tracing::error!("no snapshot was taken: {error}");
                }
                Err(error)
            }
        }
    }

    /// The entry the newest snapshot ends with.
    pub fn last(&self) -> LogId {
        self.last.lock().id
    }

    /// None is finished any more.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Removes the snapshots and the log that nobody needs any more.
    fn purge(&self) {
        match snapshot::keep(&*self.disk, self.policy.kept) {
            Ok(kept) => {
                for (_, error) in &kept.broken {
                    tracing::error!(
                        "a snapshot is damaged, and older ones are kept for it: {error}"
                    );
                }
                if let Some(upto) = kept.upto()
                    && let Err(failed) = self.log.purge(upto.index)
                {
                    self.solo.fail(failed);
                }
            }
            Err(error) => tracing::error!("old snapshots cannot be removed: {error}"),
        }
    }
}

/// The state between two rounds of the log, so that it ends with a whole entry.
struct AtRest<'a>(&'a Snapshots);

impl Shared for AtRest<'_> {
    fn look<R>(&self, look: impl FnOnce(&Engine) -> R) -> R {
        self.0.service.look(look)
    }

    fn change<R>(&self, change: impl FnOnce(&mut Engine) -> R) -> R {
        self.0.solo.between_rounds(|| self.0.service.change(change))
    }
}
