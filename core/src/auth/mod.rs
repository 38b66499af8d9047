//! Floor 2: how somebody proves who they are, and which names can stand for somebody.
//!
//! Algorithms and exchanges, without connections, znodes or settings. Chance is an argument, and
//! nothing is sent or read: the machines of [`sasl`] take tokens and give tokens.
//!
//! What always holds:
//!
//! * I1 what decides a proof is compared in a time that does not depend on where the two differ;
//! * I2 no password, hash, key or token stands in what `Debug` or an error shows;
//! * I3 what is not understood is refused.

pub mod digest;
pub mod kerberos_name;
pub mod sasl;
pub mod x509_name;
pub mod x509_subject;

pub use digest::DigestAlgorithm;
