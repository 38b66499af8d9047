//! The embedded server: threads and sockets around a [`Service`](crate::service::Service).
//!
//! [`builder`] collects the settings, [`handle`] owns the threads; [`listener`] accepts, one
//! [`connection`] task moves the bytes of each client through a [`stream`], plain or under TLS, [`entrance`]
//! knows who comes and goes, [`expiry`] carries out what comes due, and [`certificates`] looks after the files TLS is made of.

mod audit;
mod builder;
mod ceilings;
mod certificates;
mod connection;
pub mod control;
mod entrance;
mod expiry;
mod faults;
mod handle;
mod listener;
mod running;
mod start_error;
mod storage;
mod stream;

pub use audit::{AuditFile, AuditSink};
pub use builder::ServerBuilder;
pub use faults::Faults;
pub use handle::Server;
pub use start_error::StartError;
pub use storage::SnapshotError;
