//! Floor 4: one client's session, as decisions without sockets, threads or clocks.
//!
//! [`Machine`] is told what the program wants, what came over the connection and what time it is, and
//! says what to dial, what to send, who gets which answer and what the program hears. Moving bytes
//! and time is the business of the floor above; the session's own timing is
//! [`crate::session::keepalive`].
//!
//! ```text
//!            dial              answer                     lost, silent
//!   Idle ----------> Dialing ----------> Handshake ---> Up ----------------> Idle
//!    ^  waits by        |  TCP stands       |   session granted  |
//!    |  back-off        |                   |                    |
//!    +------------------+-------------------+     refused, or another id: the epoch ends
//! ```
//!
//! Time is an argument. What always holds, after every input:
//!
//! * C1 a call is answered exactly once, and a write is never carried out twice: only one that has a
//!   number is sent again, and only to the session in which it has it;
//! * C2 calls are sent in the order in which they were submitted, those that are sent again before
//!   all that were submitted after them;
//! * C3 nothing of an epoch is handed out after its `Lost`, and its [`Lease`] says so before anyone
//!   hears of it;
//! * C4 every registered watch is filed once, and hears of every connection that was restored;
//! * C5 `Jeopardy` is only said without a connection, `Connected` only with one on which every
//!   identity was accepted and every watch is back;
//! * C6 the highest zxid ever seen goes with every handshake, over sessions too;
//! * C7 while a SASL exchange is under way nothing else is sent on its connection;
//! * C8 what may have to be sent again stays within the window of answers that the server keeps;
//! * C9 a view has a registered watch, and one read of a path on the way at most.

mod backoff;
mod call;
mod chance;
pub mod chroot;
pub mod config;
mod detaching;
mod errands;
pub mod error;
pub mod event;
mod greeting;
mod hosts;
mod lease;
mod link;
mod machine;
mod numbers;
mod recovery;
mod registering;
mod registrations;
mod requests;
mod sasl;
mod settings;
mod views;
mod watches;

pub use call::{CallId, Intent, Submission, WatchId};
pub use config::{Credentials, Recovery, Restore, WhenDisconnected, WhenRegressed};
pub use error::{Epoch, Error, LossReason, Outcome, Result};
pub use event::{Change, RestoreReport, ResyncReason, SessionEvent, State, WatchItem};
pub use hosts::{Host, Hosts};
pub use lease::Lease;
pub use machine::{Input, Machine, Output};
pub use registrations::{OnConflict, RegistrationId, RegistrationState, Wish};
pub use sasl::{Nonces, Sasl};
pub use settings::Settings;
pub use views::{Content, Delta, Listing, NewView, News, ViewKind};

#[cfg(test)]
mod tests;
