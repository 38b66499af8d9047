//! The first failure of a log, which is its last word.

use std::sync::OnceLock;

use super::store::Failed;

/// Whether and why nothing is durable any more (L2).
#[derive(Debug, Default)]
pub(super) struct Failure(OnceLock<Failed>);

impl Failure {
    /// What failed first.
    pub(super) fn check(&self) -> Result<(), Failed> {
        self.0.get().cloned().map_or(Ok(()), Err)
    }

    /// Says that something failed; returns what failed first.
    pub(super) fn set(&self, failed: Failed) -> Failed {
        self.0.get_or_init(|| failed).clone()
    }
}
