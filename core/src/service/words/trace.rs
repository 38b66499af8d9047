//! Words about the trace mask: `gtmk`, `stmk`. Nothing is traced by it; what is logged is chosen at the
//! start. It is kept, so that who sets it reads it back.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use super::Asked;

/// ZooKeeper's.
pub(super) const DEFAULT: i64 = 306;

/// `gtmk`.
pub(super) fn gtmk(asked: &Asked<'_>, out: &mut String) {
    let _ = write!(out, "{}", asked.service.words.trace_mask.load(Ordering::Relaxed));
}

/// `stmk`: the mask is the eight bytes behind the word.
pub(super) fn stmk(asked: &Asked<'_>, out: &mut String) {
    if let Ok(mask) = asked.more.try_into().map(i64::from_be_bytes) {
        asked.service.words.trace_mask.store(mask, Ordering::Relaxed);
        let _ = write!(out, "{mask}");
    }
}
