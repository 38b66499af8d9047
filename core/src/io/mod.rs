//! Floor 6: sockets, threads and clocks, and the public handles that own them.

pub mod blocking;
pub mod client;
pub mod clock;
#[cfg(feature = "config")]
pub mod config;
pub mod descriptors;
pub mod disk;
#[cfg(feature = "faults")]
mod faults;
pub mod founding;
mod host;
pub mod server;
mod sockets;
pub mod tls;
