//! Floor 2: what is on disk, as bytes. A log of entries and snapshots of a state, and nothing of what
//! either of them means.
//!
//! Files are reached through [`Disk`], so that tests can lose, tear and fail what a real disk would.
//! The formats are written down in `FORMAT.md` beside this file.
//!
//! What always holds:
//!
//! * L1 what a flush has returned for is there after a crash, or its absence is noticed;
//! * L2 after a failed or short write and after a failed sync nothing is ever durable again: the log
//!   says so until it is opened anew;
//! * L3 the indexes of entries rise by one, without a gap, from the first one kept to the last;
//! * L4 only what was never flushed is cut without being asked; damage before it is refused with its
//!   file and offset;
//! * L5 a name appears when its content is durable, never before.

mod change;
pub mod disk;
mod failure;
mod faults;
mod mark;
mod open;
mod record;
pub mod repair;
mod room;
mod scan;
mod segment;
mod segmented;
#[cfg(any(test, feature = "faults"))]
pub mod sim;
pub mod snapshot;
pub mod store;
mod survey;

pub use disk::{Disk, File};
pub use faults::Faults;
pub use segmented::{Opened, Options, SegmentLog};
pub use store::{AppendError, Damage, Entry, Failed, LogId, OpenError, TxnLog};
pub use survey::Torn;

#[cfg(test)]
mod tests;
