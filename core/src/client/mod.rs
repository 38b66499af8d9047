//! Floor 4: one client's session, as decisions without sockets, threads or clocks.

pub mod config;
pub mod error;
pub mod event;

pub use config::{Credentials, Recovery, Restore, WhenDisconnected};
pub use error::{Epoch, Error, LossReason, Outcome, Result};
pub use event::{Change, RestoreReport, ResyncReason, SessionEvent, State, WatchItem};
