//! Floor 6: sockets, threads and clocks, and the public handles that own them.

pub mod blocking;
pub mod client;
pub mod clock;
pub(crate) mod connection;
pub mod descriptors;
pub(crate) mod expiry;
pub(crate) mod listener;
pub mod server;
