//! SCRAM-SHA-256 (RFC 5802, RFC 7677): the password is neither sent nor kept by the server, a password
//! costs thousands of hashes to try, and the server proves that it knows it too.

mod client;
mod server;

pub use client::Client;
pub use server::{Server, Verifier};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// The length of keys and proofs.
pub const KEY: usize = 32;

/// What is made of a password; who has it can take the part of a client and of a server.
pub struct Keys {
    /// The client's.
    pub client: [u8; KEY],
    /// The server's.
    pub server: [u8; KEY],
}

impl Keys {
    /// The keys of a prepared password. Takes a time that grows with `rounds`.
    pub fn derive(password: &str, salt: &[u8], rounds: u32) -> Keys {
        let salted = pbkdf2::pbkdf2_hmac_array::<Sha256, KEY>(password.as_bytes(), salt, rounds);
        Keys { client: keyed(&salted, b"Client Key"), server: keyed(&salted, b"Server Key") }
    }

    /// What a server keeps of the client's key.
    pub fn stored(&self) -> [u8; KEY] {
        Sha256::digest(self.client).into()
    }
}

/// HMAC-SHA-256.
pub fn keyed(key: &[u8], text: &[u8]) -> [u8; KEY] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

/// The form in which both ends use a name or password, so that the same text typed on two machines is
/// the same; `None` if it holds what neither may.
pub fn prepare(text: &str) -> Option<String> {
    stringprep::saslprep(text).ok().filter(|text| !text.is_empty()).map(Into::into)
}
