//! Sessions, ephemeral znodes and watches over the ZooKeeper wire protocol: one core that is both
//! server and client.
//!
//! Floors, lowest first; a file names its own folder and floors below it, nothing else.

pub mod base;

pub mod wire;

pub mod session;
pub mod tree;
pub mod watch;

pub mod engine;

pub mod client;
pub mod service;

pub mod replication;

mod io;

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

/// The embedded server.
pub mod server {
    pub use crate::io::clock::Clock;
    pub use crate::io::descriptors::raise_descriptor_limit;
    pub use crate::io::server::{Server, ServerBuilder, StartError};
}
