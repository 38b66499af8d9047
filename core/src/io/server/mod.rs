//! The embedded server: threads and sockets around a [`Service`](crate::service::Service).
//!
//! [`builder`] collects the settings, [`handle`] owns the threads; [`listener`] accepts, one
//! [`connection`] task moves the bytes of each client, and [`expiry`] carries out what comes due.

mod builder;
mod ceilings;
mod connection;
pub mod control;
mod expiry;
mod handle;
mod listener;
mod running;
mod start_error;
mod storage;

pub use builder::ServerBuilder;
pub use handle::Server;
pub use start_error::StartError;
pub use storage::SnapshotError;
