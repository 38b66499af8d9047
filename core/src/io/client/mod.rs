//! The public client: handles, and the thread that moves bytes and time for them.
//!
//! What to do is decided in [`crate::client`]; here is only how. Keep-alive runs on a thread of the
//! library's own, one for all clients of a process, so that a blocked program or runtime cannot lose
//! a session. No callback of the program ever runs on that thread: callbacks run one at a time, in
//! order, on a second thread that each client starts when the first callback is due.

mod builder;
mod handle;
mod ops;
mod pending;
mod request;
mod session;
mod watch;

pub use builder::Builder;
pub use handle::{Client, is_callback_thread};
pub use ops::{Children, Create, Created, Multi, MultiReply, Ops, Read, ReadReply, Value};
pub use pending::Pending;
pub use request::RequestOptions;
pub use session::{Session, States};
pub use watch::{OneShot, Watch, WatchOptions, WatchStream};
