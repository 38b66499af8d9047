//! Floor 0: the words everyone uses.
//!
//! Ids, times, paths, codes, ACLs and limits. Nothing here knows how a value travels, where it is
//! stored or who asked for it.

pub mod acl;
pub mod code;
pub mod ids;
pub mod limits;
pub mod mode;
pub mod path;
pub mod stat;
pub mod time;
pub mod watch;

pub use acl::{Acl, Identity, Perms};
pub use code::Code;
pub use ids::{AccountId, ConnectionId, Password, SessionId, Zxid};
pub use mode::CreateMode;
pub use stat::Stat;
pub use time::{Millis, Moment, WallMillis};
pub use watch::{EventKind, WatchMode, WatcherKind};
