//! Floor 1: bytes to values and back, for both ends of a connection.
//!
//! Big-endian records without tags, in frames with a length in front. Nothing here knows who sends a
//! request or who answers it, and nothing allocates more than the bytes at hand justify.

pub mod connect;
pub mod event;
pub mod frame;
pub mod hello;
pub mod jute;
pub mod multi;
pub mod once;
pub mod ops;
pub mod reply;
pub mod request;
pub mod secret;

pub use connect::{ConnectRequest, ConnectResponse};
pub use event::WatchEvent;
pub use hello::{Features, Hello, Welcome};
pub use multi::{MultiOp, MultiResult, ReadOp};
pub use once::Once;
pub use ops::Op;
pub use reply::{Reply, ReplyHeader};
pub use request::{Create, Request, RequestHeader, SetWatches};
pub use secret::Secret;
