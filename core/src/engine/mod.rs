//! Floor 3: the state machine. One door in, `apply`; reads beside it.

pub mod access;
pub mod effects;
mod network;
pub mod read;
pub mod rewatch;
pub mod txn;

use crate::base::*;
use crate::session::{Ephemerals, Registry};
pub use effects::{Changed, Effects};
pub use read::{Read, read};
pub use rewatch::{Rewatch, rewatch};
pub use txn::{Cause, Change, Txn};

/// Options of an engine.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// TTL znodes.
    pub extended_types: bool,
    /// Containers that never had a child go after this long; `None`: never.
    pub never_used_containers: Option<Millis>,
    /// Seed of the index' hash. Local.
    pub hash_seed: u64,
}

impl Default for EngineOptions {
    fn default() -> EngineOptions {
        EngineOptions { extended_types: true, never_used_containers: None, hash_seed: 0 }
    }
}

/// Replicated state.
pub struct Engine {
    registry: Registry,
    ephemerals: Ephemerals,
    last: Zxid,
}

impl Engine {
    /// New.
    pub fn new(_options: EngineOptions) -> Engine {
        Engine {
            registry: Registry::default(),
            ephemerals: Ephemerals::default(),
            last: Zxid::ZERO,
        }
    }
    /// Apply.
    pub fn apply(&mut self, _txn: &Txn) -> Effects {
        self.last = self.last.next();
        Effects {
            zxid: self.last,
            result: Err(Code::Unimplemented),
            changes: vec![],
            begun: None,
            ended: None,
        }
    }
    /// Last.
    pub fn last_zxid(&self) -> Zxid {
        self.last
    }
    /// Sessions.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }
    /// Ephemerals.
    pub fn ephemerals(&self) -> &Ephemerals {
        &self.ephemerals
    }
    /// Count.
    pub fn node_count(&self) -> usize {
        0
    }
    /// Size.
    pub fn approximate_data_size(&self) -> u64 {
        0
    }
    /// Due.
    pub fn due_for_reaping(&self, _at: WallMillis, _most: usize) -> Vec<String> {
        vec![]
    }
    /// Check.
    pub fn check(&self) {}
}
