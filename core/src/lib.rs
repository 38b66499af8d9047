//! Sessions, ephemeral znodes and watches over the ZooKeeper wire protocol: one core that is both
//! server and client.

pub mod base;
pub mod client;
pub mod engine;
pub mod io;
pub mod session;
pub mod tree;
pub mod watch;
pub mod wire;

pub use base::{
    Acl, Code, CreateMode, Identity, Millis, Perms, SessionId, Stat, WallMillis, WatchMode,
    WatcherKind, Zxid,
};
pub use client::{
    Change, Credentials, Epoch, Error, LossReason, Outcome, Recovery, Restore, RestoreReport,
    Result, ResyncReason, SessionEvent, State, WatchItem, WhenDisconnected,
};
pub use io::blocking;
pub use io::client::{
    Builder, Children, Client, Create, Created, Multi, MultiReply, OneShot, Ops, Pending, Read,
    ReadReply, RequestOptions, Session, States, Value, Watch, WatchOptions, WatchStream,
    is_callback_thread,
};
pub use wire::{Reply, Request};
