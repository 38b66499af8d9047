//! Floor 6: sockets, threads and clocks, and the public handles.

pub mod blocking;
pub mod client;
