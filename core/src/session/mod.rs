//! Floor 2: the session, the lease a client holds on its ephemerals. The whole mechanism is here.
//!
//! ```text
//!   ConnectRequest(0)                        touch: any request, re-attach
//!          |                                   +------+
//!          v                                   v      |
//!   [registered] --- attach --> (connection) --+------+--- closeSession ---> [closing] --> gone
//!          |                         |                                          ^
//!          |                         +-- connection lost: nothing happens       |
//!          +------------------- deadline passed: expire ------------------------+
//! ```
//!
//! Two kinds of state, never in one type:
//!
//! * **replicated**, changed only by `apply`: [`registry`] (which sessions exist), with the values
//!   that each has bound to itself ([`data`]) and the answers to its latest numbered writes
//!   ([`window`]); [`ephemerals`] (what each of them keeps alive); [`ended`] (how the latest ended);
//! * **local** to the process that orders transactions: [`deadlines`] (when was a session last
//!   heard) and [`attach`] (which connection speaks for it). Lost on restart, rebuilt from the
//!   registry with a full timeout for everybody.
//!
//! The client's half is [`keepalive`]: when to ping, and what may still be believed.
//!
//! Time is an argument everywhere. What always holds:
//!
//! * S1 an ephemeral exists if and only if its owner is registered;
//! * S2 a registered session has exactly one lease, and no lease outlives the registration;
//! * S3 a session ends by a transaction, never earlier than its timeout after the last message that
//!   was received from it;
//! * S4 one connection at most speaks for a session;
//! * S5 what a session was refused, a wrong password included, changes nothing about it;
//! * S6 a numbered write of a session is carried out once at most, and answered the same way each time
//!   for as long as its client has not said that it has the answer.

pub mod attach;
pub mod data;
pub mod deadlines;
pub mod ended;
pub mod ephemerals;
pub mod id;
pub mod keepalive;
pub mod registry;
mod scan;
pub mod timeout;
pub mod window;

pub use attach::Attachments;
pub use data::SessionData;
pub use deadlines::{Deadlines, Lease};
pub use ended::{Cause, Ended, EndedSessions};
pub use ephemerals::{Ephemerals, Holding};
pub use id::SessionIds;
pub use registry::{Registered, Registry};
pub use timeout::Bounds;
pub use window::Window;
