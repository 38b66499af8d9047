//! DIGEST-MD5 (RFC 2831), as ZooKeeper's clients speak it: authentication only, no layer below.
//!
//! MD5 makes it weak, and whoever sees an exchange can try passwords against it at leisure; SCRAM is
//! the better choice where both ends have it.

mod client;
mod directives;
mod server;

pub use client::Client;
pub use directives::{Directives, quote};
pub use server::{Server, Verifier};

use md5::{Digest, Md5};

/// The service and host that both ends name, whatever the server's real name is.
pub const DIGEST_URI: &str = "zookeeper/zk-sasl-md5";

/// The realm of all users: the same everywhere, because clients are told so.
pub const REALM: &str = "zk-sasl-md5";

/// What both ends hash, but for the password.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// Who.
    pub user: &'a str,
    /// Where the name is valid, chosen by the server.
    pub realm: &'a str,
    /// The server's part of what makes the exchange unique.
    pub nonce: &'a str,
    /// The client's part of it.
    pub cnonce: &'a str,
    /// How often the nonce was used, in eight hexadecimal digits.
    pub nc: &'a str,
    /// The service.
    pub digest_uri: &'a str,
    /// As whom the client wants to act, if it says so.
    pub authzid: Option<&'a str>,
}

/// Whose proof a response is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Proof {
    /// The client's `response`.
    Client,
    /// The server's `rspauth`.
    Server,
}

impl Exchange<'_> {
    /// The hash of user, realm and password, which is all of the password that both ends need.
    pub fn secret(user: &str, realm: &str, password: &str) -> [u8; 16] {
        let octets = [user, realm, password].map(octets);
        Md5::digest(octets.join(&b":"[..])).into()
    }

    /// The same as clients have it that hash everything in UTF-8.
    pub fn secret_in_utf8(user: &str, realm: &str, password: &str) -> [u8; 16] {
        Md5::digest(format!("{user}:{realm}:{password}")).into()
    }

    /// The proof that its sender knows `secret`: 32 hexadecimal digits.
    pub fn response(&self, secret: &[u8; 16], proof: Proof) -> String {
        let mut session = Md5::new();
        session.update(secret);
        session.update(format!(":{}:{}", self.nonce, self.cnonce));
        if let Some(authzid) = self.authzid {
            session.update(format!(":{authzid}"));
        }
        let method = match proof {
            Proof::Client => "AUTHENTICATE",
            Proof::Server => "",
        };
        let purpose = Md5::digest(format!("{method}:{}", self.digest_uri));
        let Exchange { nonce, nc, cnonce, .. } = self;
        let session = hex(&session.finalize());
        let text = format!("{session}:{nonce}:{nc}:{cnonce}:auth:{}", hex(&purpose));
        hex(&Md5::digest(text))
    }
}

/// The form in which a text is hashed: ISO 8859-1 if it can be written so, else UTF-8.
fn octets(text: &str) -> Vec<u8> {
    let latin: Option<Vec<u8>> = text.chars().map(|char| u8::try_from(char).ok()).collect();
    latin.unwrap_or_else(|| text.as_bytes().to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proofs(cnonce: &str, nonce: &str, service: &str) -> [String; 2] {
        let realm = "elwood.innosoft.com";
        let digest_uri = &format!("{service}/{realm}");
        let (user, nc, authzid) = ("chris", "00000001", None);
        let exchange = Exchange { user, realm, nonce, cnonce, nc, digest_uri, authzid };
        let secret = Exchange::secret("chris", realm, "secret");
        [Proof::Client, Proof::Server].map(|proof| exchange.response(&secret, proof))
    }

    #[test]
    fn the_vectors_of_rfc_2831_hold() {
        assert_eq!(
            proofs("OA6MHXh6VqTrRk", "OA6MG9tEQGm2hh", "imap"),
            ["d388dad90d4bbd760a152321f2143af7", "ea40f60335c427b5527b84dbabcdfffd"]
        );
        assert_eq!(
            proofs("OA9BSuZWMSpW8m", "OA9BSXrbuRhWay", "acap"),
            ["6084c6db3fede7352c551284490fd0fc", "2f0b3d7c3c2e486600ef710726aa2eae"]
        );
    }

    #[test]
    fn names_are_hashed_in_latin_1_where_that_is_possible() {
        assert_eq!(octets("jürgen"), b"j\xfcrgen");
        assert_eq!(octets("łukasz"), "łukasz".as_bytes());
    }
}
