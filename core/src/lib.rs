//! Sessions, ephemeral znodes and watches over the ZooKeeper wire protocol: one core that is both
//! server and client.
//!
//! * [`Client`] speaks to any server of the protocol; [`blocking::Client`] is the same without
//!   `async`. Start at [`Client::builder`].
//! * [`recipes`] are made of it: locks, elections, queues.
//! * [`server::Server`] is a whole server inside this process, on threads of its own.
//!
//! ```
//! use tenure::server::Server;
//! use tenure::{CreateMode, blocking::Client};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A server inside this process, on a free port; it stops when it is dropped.
//! let server = Server::builder().start()?;
//! let owner = Client::connect(&server.hosts())?;
//! let reader = Client::connect(&server.hosts())?;
//!
//! owner.ops().create("/held", "10.0.0.7:80", CreateMode::Ephemeral)?;
//! assert_eq!(reader.ops().get("/held")?.data, "10.0.0.7:80");
//!
//! // An ephemeral lives as long as the session of its owner.
//! owner.close()?;
//! assert!(reader.ops().exists("/held")?.is_none());
//! # Ok(())
//! # }
//! ```
//!
//! # Floors
//!
//! The modules stand on floors, lowest first; a file names its own folder and floors below it,
//! nothing else. What programs need is re-exported here and in [`server`]; the rest is public for
//! tests and tools, and may change with any release.

pub mod base;

pub mod wire;

pub mod auth;
pub mod log;
pub mod session;
pub mod tree;
pub mod watch;

pub mod engine;

pub mod apache;
pub mod client;
pub mod service;

pub mod replication;

mod io;

pub mod recipes;

pub use base::{
    Acl, Code, CreateMode, Identity, Millis, Perms, SessionId, Stat, WallMillis, WatchMode,
    WatcherKind, Zxid,
};
pub use client::{
    Change, Credentials, Epoch, Error, LossReason, OnConflict, Outcome, Recovery,
    RegistrationState, Restore, RestoreReport, Result, ResyncReason, Sasl, SessionEvent, State,
    WatchItem, WhenDisconnected, WhenRegressed,
};
pub use io::blocking;
pub use io::client::{
    Builder, Children, Client, ClientTls, Create, Created, Guard, Guards, Multi, MultiReply,
    OneShot, Ops, Pending, Predecessor, Read, ReadReply, Register, Registration, RequestOptions,
    Session, States, Value, View, Watch, WatchOptions, WatchStream, is_callback_thread,
};
pub use wire::{Features, Reply, Request};

/// Configuration files: what the `tenure` program is told at its start.
#[cfg(feature = "config")]
pub mod config {
    pub use crate::io::config::*;
}

/// The embedded server.
///
/// ```
/// use tenure::server::Server;
/// use tenure::{CreateMode, blocking::Client};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder().start()?;
/// let witness = Client::connect(&server.hosts())?;
/// let owner = Client::connect(&server.hosts())?;
/// owner.ops().create("/held", "", CreateMode::Ephemeral)?;
///
/// // As if the time of this session were up: what a test would otherwise sleep for.
/// assert!(server.expire(owner.session().id().0));
/// assert!(witness.ops().exists("/held")?.is_none());
/// # Ok(())
/// # }
/// ```
pub mod server {
    pub use crate::auth::DigestAlgorithm;
    pub use crate::io::clock::Clock;
    pub use crate::io::descriptors::raise_descriptor_limit;
    pub use crate::io::disk::{Directory, DirectoryLock, LockError};
    pub use crate::io::founding::{FoundError, Founding};
    pub use crate::io::server::{
        AuditFile, AuditSink, Faults, Server, ServerBuilder, SnapshotError, StartError, control,
    };
    pub use crate::io::tls::{ClientAuth, PemError, ServerTls, TlsError, TlsVersion};
    pub use crate::replication::RecoverError;
    pub use crate::service::Fault;
    pub use crate::wire::Op;
}
