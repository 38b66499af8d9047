//! Floor 4: moving in from Apache ZooKeeper, and back.
//!
//! [`import()`] reads a stopped server's data directory (snapshots and logs of releases 3.4 to 3.9) and
//! returns an engine; [`export()`] writes an engine as a snapshot that Apache starts on. Nothing is
//! ever written to what is imported: its files are opened for reading only.
//!
//! What always holds:
//!
//! * A1 whatever the bytes are, reading them ends with a value or with a reason; it never panics, and
//!   never allocates for bytes that are not there;
//! * A2 nothing is taken from a snapshot or a log record before its checksum was found right;
//! * A3 replaying a record twice leaves the state as replaying it once;
//! * A4 what cannot be accounted for (a gap, damage before the end) is refused with file, place and
//!   way out, unless the caller accepts the loss.

mod codec;
mod export;
mod import;
mod log;
mod owner;
mod password;
mod quota;
mod record;
mod replay;
mod report;
mod running;
mod snapshot;
mod source;
mod state;
mod stream;

pub use export::{ExportError, ExportReport, export};
pub use import::{ImportError, ImportOptions, Imported, Progress, import};
pub use owner::Owner;
pub use password::password;
pub use report::{Counts, FileReport, Report};
pub use stream::Unreadable;

#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(test)]
mod tests;
