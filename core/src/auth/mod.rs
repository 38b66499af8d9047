//! How identities are proven: algorithms and exchanges, without connections, znodes or settings.

pub mod sasl;
