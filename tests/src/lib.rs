//! What the tests of tenure share: a wire client of their own, and the servers they talk to.
//!
//! The client here has its own codec on purpose. It is the second opinion on the bytes, so it names
//! nothing of the core except the public server it starts.

pub mod apache;
pub mod chance;
pub mod identities;
pub mod jute;
pub mod op;
pub mod raw;
pub mod records;
pub mod sasl;
pub mod session;
pub mod statements;
pub mod subject;
