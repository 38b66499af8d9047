//! Figures of the whole server, for `srvr`, `mntr` and their kin.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::deliver::Proposal;
use super::quota::QuotaStats;
use super::reached::Reached;
use super::secure::TlsStats;

/// What it takes to keep a request besides its bytes.
const KEPT: usize = size_of::<Proposal>();

/// Counters that only ever rise until they are read. None of them orders anything.
#[derive(Debug, Default)]
pub struct Stats {
    /// Frames received.
    pub received: AtomicU64,
    /// Their bytes.
    pub received_bytes: AtomicU64,
    /// Frames sent.
    pub sent: AtomicU64,
    /// Connections whose clients were gone without having closed their sessions.
    pub dropped: AtomicU64,
    /// Replies that wait for a client to read.
    pub outstanding: AtomicU64,
    /// Requests that wait for a transaction, and the bytes it takes to keep them.
    pub under_way: AtomicU64,
    /// See `under_way`.
    under_way_bytes: AtomicUsize,
    /// Proofs of an identity that were none.
    pub failed_proofs: AtomicU64,
    /// Sessions that expired.
    pub expired: AtomicU64,
    /// Limits that were reached.
    pub reached: Reached,
    /// Connections whose next frame is not whole yet.
    pub incomplete: AtomicU64,
    /// When they are looked at next.
    pub(super) next_look: AtomicU64,
    /// Bytes of those frames.
    pub incomplete_bytes: AtomicUsize,
    /// Bytes of replies and events that wait for clients to read.
    pub unread_bytes: AtomicUsize,
    /// When the oldest request arrived that is on its way to the disk; 0 if there is none.
    pub oldest: AtomicU64,
    /// Figures of quotas.
    pub quotas: QuotaStats,
    /// Figures of TLS.
    pub tls: TlsStats,
    /// Figures of the disk; none of a server that keeps everything in memory.
    pub disk: OnceLock<DiskStats>,
    /// What needed no transaction, from its arrival to the last reply to what arrived with it.
    pub(super) reads: Spread,
    /// What needed one.
    pub(super) updates: Spread,
    lateness: Spread,
}

/// What was asked of the disk.
#[derive(Debug, Default)]
pub struct DiskStats {
    /// Transactions that are durable in the log.
    pub txns: AtomicU64,
    /// Bytes of the entries they are in.
    pub bytes: AtomicU64,
    /// Snapshots that were not completed.
    pub snapshot_failures: AtomicU64,
    /// The zxid of the newest snapshot.
    pub snapshot_zxid: AtomicI64,
    /// Whether writes that need room are refused.
    pub is_full: AtomicBool,
    /// How long the syncs of the log took.
    pub syncs: Spread,
    /// How long the snapshots took.
    pub snapshots: Spread,
    /// Bytes of the files of the log, as of a while ago.
    pub log_size: AtomicU64,
    /// Bytes of the snapshots, as of a while ago.
    pub snapshot_size: AtomicU64,
}

impl Stats {
    /// A request of so many bytes begins to wait for a transaction.
    pub(super) fn begin(&self, size: usize) {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        self.under_way_bytes.fetch_add(size + KEPT, Ordering::Relaxed);
    }

    /// So many requests of so many bytes together wait no longer.
    pub(super) fn end(&self, count: usize, bytes: usize) {
        self.under_way.fetch_sub(count as u64, Ordering::Relaxed);
        self.under_way_bytes.fetch_sub(bytes + count * KEPT, Ordering::Relaxed);
    }

    /// Bytes that it takes to keep what waits for its transaction.
    pub fn under_way_bytes(&self) -> usize {
        self.under_way_bytes.load(Ordering::Relaxed)
    }

    /// Requests that were taken, and whose clients have not taken the answer.
    pub fn unanswered(&self) -> u64 {
        self.outstanding.load(Ordering::Relaxed) + self.under_way.load(Ordering::Relaxed)
    }

    /// Notes that somebody did not prove what it wanted to.
    pub(super) fn note_failed_proof(&self) {
        self.failed_proofs.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts traffic and latencies from now on, as `srst` asks for.
    pub(super) fn reset(&self) {
        self.received.store(0, Ordering::Relaxed);
        self.sent.store(0, Ordering::Relaxed);
        self.received_bytes.store(0, Ordering::Relaxed);
        self.dropped.store(0, Ordering::Relaxed);
        self.reads.reset();
        self.updates.reset();
    }

    /// Notes how long after its deadline a session was expired.
    pub fn note_lateness(&self, late: Duration) {
        self.expired.fetch_add(1, Ordering::Relaxed);
        self.lateness.note(late);
    }

    /// Minimum, mean and maximum of the time that requests took, in milliseconds.
    pub fn latency(&self) -> (u64, f64, u64) {
        let ((min, mean, max), (least, average, most)) =
            (self.reads.millis(), self.updates.millis());
        let (reads, updates) = (self.reads.count(), self.updates.count());
        match (reads, updates) {
            (_, 0) => (min, mean, max),
            (0, _) => (least, average, most),
            (reads, updates) => {
                let share = reads as f64 / (reads + updates) as f64;
                (min.min(least), mean * share + average * (1.0 - share), max.max(most))
            }
        }
    }

    /// Minimum, mean and maximum of how late sessions were expired, in milliseconds.
    pub fn lateness(&self) -> (u64, f64, u64) {
        self.lateness.millis()
    }
}

/// Count, sum and extremes of a length of time, in microseconds.
#[derive(Debug)]
pub struct Spread {
    count: AtomicU64,
    sum: AtomicU64,
    min: AtomicU64,
    max: AtomicU64,
    last: AtomicU64,
}

impl Default for Spread {
    fn default() -> Self {
        Spread {
            count: AtomicU64::new(0),
            sum: AtomicU64::new(0),
            min: AtomicU64::new(u64::MAX),
            max: AtomicU64::new(0),
            last: AtomicU64::new(0),
        }
    }
}

impl Spread {
    /// Notes one.
    pub fn note(&self, length: Duration) {
        self.note_each(1, length);
    }

    /// Notes so many that took equally long.
    pub(super) fn note_each(&self, count: u64, length: Duration) {
        if count == 0 {
            return;
        }
        let micros = u64::try_from(length.as_micros()).unwrap_or(u64::MAX);
        self.count.fetch_add(count, Ordering::Relaxed);
        self.sum.fetch_add(micros.saturating_mul(count), Ordering::Relaxed);
        self.min.fetch_min(micros, Ordering::Relaxed);
        self.max.fetch_max(micros, Ordering::Relaxed);
        self.last.store(micros, Ordering::Relaxed);
    }

    /// Forgets all. One that is noted meanwhile may be forgotten in part.
    pub(super) fn reset(&self) {
        for figure in [&self.count, &self.sum, &self.max, &self.last] {
            figure.store(0, Ordering::Relaxed);
        }
        self.min.store(u64::MAX, Ordering::Relaxed);
    }

    /// The last one, in milliseconds.
    pub fn last_millis(&self) -> u64 {
        self.last.load(Ordering::Relaxed) / 1_000
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// The sum of all, in milliseconds.
    pub fn sum_millis(&self) -> u64 {
        self.sum.load(Ordering::Relaxed) / 1_000
    }

    /// Minimum, mean and maximum in milliseconds.
    pub fn millis(&self) -> (u64, f64, u64) {
        let count = self.count.load(Ordering::Relaxed);
        if count == 0 {
            return (0, 0.0, 0);
        }
        let mean = self.sum.load(Ordering::Relaxed) as f64 / count as f64 / 1_000.0;
        let millis = |edge: &AtomicU64| edge.load(Ordering::Relaxed) / 1_000;
        let max = millis(&self.max);
        (millis(&self.min).min(max), mean, max)
    }
}
