//! Floor 3: the state machine. One door in, [`Engine::apply`]; [`read()`] beside it.
//!
//! Everything here is replicated: tree, session registry, ephemerals, newest zxid. Every replica
//! applies the same transactions in the same order and gets the same effects, for the only inputs are
//! the state and the transaction. Time comes stamped on the transaction; there is no clock, no
//! chance, no socket and no order that depends on a hash.
//!
//! `apply` is total: whatever a client sent, it answers with a code or does it, and a transaction
//! that fails changes nothing but the zxid. What becomes known, and to whom, is the caller's
//! business: effects say it, nothing here does it.
//!
//! What always holds:
//!
//! * E1 an ephemeral exists if and only if it is listed under its owner, who is registered;
//! * E2 no znode carries a zxid above the newest one;
//! * E3 an ephemeral has no children;
//! * E4 the reserved znodes exist;
//! * E5 a transaction that fails leaves tree, sessions and ephemerals as they were; of its session is
//!   kept what the asker had proven, and of a numbered write the answer, a failure like any other;
//! * E6 the bytes of a session's ephemerals are the sum over their paths and data;
//! * E7 quotas and what is used of them are what a look at the tree would find.

pub mod access;
mod adopt;
mod apply;
mod batch;
mod check;
mod digest;
pub mod directory;
mod draft;
pub mod effects;
mod image;
mod load;
#[cfg(any(test, fuzzing))]
#[allow(clippy::unwrap_used)]
pub mod model;
mod multi;
mod network;
mod once;
mod quota;
pub mod read;
mod reap;
mod reserved;
mod restore;
pub mod rewatch;
mod scan;
mod sessions;
pub mod snapshots;
pub mod txn;
mod znodes;

pub use batch::{Batch, BatchWriter, MOST_TXNS, Rules, Schemes, Undecodable};
pub use effects::{Changed, Effects, QuotaNotice};
pub use image::Counts;
pub use load::Loader;
pub use quota::{Limits, Quota, Usage};
pub use read::{Asker, Read, read};
pub use restore::Restore;
pub use rewatch::{Rewatch, rewatch};
pub use scan::{Budget, Progress, Remains, Scan};
pub use txn::{Change, Txn};

use std::sync::Arc;

use crate::base::{Zxid, limits};
use crate::session::{Ephemerals, Registry};
use crate::tree::Tree;

pub use crate::session::Cause;
pub use crate::tree::{Inconsistent, Znode};

/// What an engine is told once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EngineOptions {
    /// The rules until a batch brings others.
    pub rules: Rules,
    /// Makes it hard to choose paths that slow the index down. Changes no answer; give each process
    /// its own.
    pub hash_seed: u64,
}

/// The replicated state of a server.
pub struct Engine {
    rules: Rules,
    tree: Tree,
    registry: Registry,
    ephemerals: Ephemerals,
    quotas: quota::Quotas,
    last_zxid: Zxid,
    /// The length of the longest answer that is given to a read. Local.
    max_reply: usize,
    /// The scan that is under way.
    scan: Option<Arc<()>>,
    /// Kept if somebody asked for it.
    digests: Option<Box<digest::Digests>>,
}

impl Engine {
    /// The state before the first transaction: the reserved znodes and no session.
    pub fn new(options: EngineOptions) -> Engine {
        let mut tree = Tree::new(options.hash_seed);
        reserved::plant(&mut tree);
        Engine {
            rules: options.rules,
            tree,
            registry: Registry::default(),
            ephemerals: Ephemerals::default(),
            quotas: quota::Quotas::default(),
            last_zxid: Zxid::ZERO,
            max_reply: limits::MAX_REPLY,
            scan: None,
            digests: None,
        }
    }

    /// No answer to a read is longer than this many bytes.
    pub fn limit_replies(&mut self, most: usize) {
        self.max_reply = most;
    }

    /// A batch begins: its transactions are judged by these rules, and a higher epoch than the one
    /// so far starts a count of zxids of its own.
    pub fn begin(&mut self, epoch: u32, rules: Rules) {
        self.rules = rules;
        if epoch > self.epoch() {
            self.last_zxid = Zxid(i64::from(epoch) << 32);
        }
    }

    /// The upper half of the newest zxid.
    pub fn epoch(&self) -> u32 {
        (self.last_zxid.0 >> 32) as u32
    }

    /// The transaction applied last, failed or not.
    pub fn last_zxid(&self) -> Zxid {
        self.last_zxid
    }

    /// Which sessions exist.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What each of them keeps alive.
    pub fn ephemerals(&self) -> &Ephemerals {
        &self.ephemerals
    }

    /// How many znodes there are: the root, the reserved ones and all others. ZooKeeper's own figure
    /// is one higher, for it files the root under two names.
    pub fn node_count(&self) -> usize {
        self.tree.len()
    }

    /// Bytes of the paths and of the data of all znodes, as ZooKeeper's
    /// `approximate_data_size` counts them.
    pub fn approximate_data_size(&self) -> u64 {
        self.tree.bytes()
    }
}

#[cfg(test)]
mod tests;
