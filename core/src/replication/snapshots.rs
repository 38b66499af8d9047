//! When a snapshot is taken, and how: the state is written aside while it is served, and only when the
//! file has been read back does the log let go of what the file holds.

use std::time::Duration;

use crate::base::limits;

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
