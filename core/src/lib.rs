//! Sessions, ephemeral znodes and watches over the ZooKeeper wire protocol: one core that is both
//! server and client.

pub mod base;
pub mod wire;

pub mod session;
pub mod tree;
pub mod watch;

pub mod engine;
