//! The public client: handles, and the thread that moves bytes and time for them.
//!
//! What to do is decided in [`crate::client`]; here is only how. Keep-alive runs on a thread of the
//! library's own, one for all clients of a process, so that a blocked program or runtime cannot lose
//! a session. No callback of the program ever runs on that thread: callbacks run one at a time, in
//! order, on a second thread that each client starts when the first callback is due.

mod attempts;
pub(crate) mod background;
mod builder;
mod callbacks;
mod connection;
mod create;
mod driver;
mod feed;
mod guard;
mod handle;
mod hub;
mod multi;
mod opening;
mod ops;
mod pending;
mod presence;
mod protected;
mod registration;
mod request;
mod runtime;
mod session;
mod session_data;
mod shared;
mod succession;
mod time;
mod tls;
mod values;
mod view;
mod watch;

pub use builder::Builder;
pub use callbacks::is_callback_thread;
pub use create::Create;
pub use guard::{Guard, Guards};
pub use handle::Client;
pub use multi::Multi;
pub use ops::Ops;
pub use pending::Pending;
pub use registration::{Register, Registration};
pub use request::RequestOptions;
pub use session::{Session, States};
pub use succession::Predecessor;
pub use tls::ClientTls;
pub use values::{Children, Created, MultiReply, Read, ReadReply, Value};
pub use view::View;
pub use watch::{OneShot, Watch, WatchOptions, WatchStream};
