//! The `digest` scheme: a user, and the hash of user and password.
//!
//! All servers that share data hash alike, and so do the clients that write lists of their own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use sha2::{Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;

/// How a password is hashed. The hashes are not salted: whoever reads one can try passwords.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DigestAlgorithm {
    /// What ZooKeeper does unless told otherwise.
    #[default]
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl DigestAlgorithm {
    /// The algorithm of this name, as ZooKeeper's `DigestAuthenticationProvider.digestAlg` spells it:
    /// in any case, and with or without a hyphen.
    pub fn from_name(name: &str) -> Option<DigestAlgorithm> {
        match name.to_ascii_uppercase().as_str() {
            "SHA" | "SHA1" | "SHA-1" => Some(DigestAlgorithm::Sha1),
            "SHA256" | "SHA-256" => Some(DigestAlgorithm::Sha256),
            "SHA384" | "SHA-384" => Some(DigestAlgorithm::Sha384),
            "SHA512" | "SHA-512" => Some(DigestAlgorithm::Sha512),
            _ => None,
        }
    }

    /// The id that `user:password` proves: the user, a colon, and the hash of both in base64.
    ///
    /// What has no colon is a user as a whole, and bytes that are no text are taken for `U+FFFD`.
    pub fn id(self, login: &[u8]) -> String {
        let text = String::from_utf8_lossy(login);
        let user = text.split(':').next().unwrap_or_default();
        format!("{user}:{}", self.hash(text.as_bytes()))
    }

    fn hash(self, text: &[u8]) -> String {
        match self {
            DigestAlgorithm::Sha1 => STANDARD.encode(Sha1::digest(text)),
            DigestAlgorithm::Sha256 => STANDARD.encode(Sha256::digest(text)),
            DigestAlgorithm::Sha384 => STANDARD.encode(Sha384::digest(text)),
            DigestAlgorithm::Sha512 => STANDARD.encode(Sha512::digest(text)),
        }
    }
}

/// Whether two ids are the same, in a time that says nothing about where they differ.
pub fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a19_the_digest_is_zookeepers() {
        assert_eq!(DigestAlgorithm::Sha1.id(b"bob:pw"), "bob:ikIaKsbtGweaHnb/jKn7OHqbunM=");
        assert!(DigestAlgorithm::Sha1.id(b"nocolon").starts_with("nocolon:"));
    }

    #[test]
    fn each_algorithm_gives_an_id_of_its_own() {
        // Made by: printf bob:pw | openssl dgst -sha256 -binary | base64
        let known = [
            (DigestAlgorithm::Sha256, "lXdkgIa9O1CDDWAryQ0pe9wUYi2LkG6M7Uocn/Vyn2g="),
            (
                DigestAlgorithm::Sha384,
                "Pd/l06QeLk9MqD36VccOX0Fw1tgKhSdAl0mKINCHnwpI9R17BoWbdxukNC3K47Q1",
            ),
            (
                DigestAlgorithm::Sha512,
                "jQFpfQMlS0Fkelz3cdxBlcfmOOApGvKAjybCSpc/oHQD\
                 7ouOUKaAFXPlHr/2XpjmwJ0yssqB0Mh7gRRVqmyALQ==",
            ),
        ];
        for (algorithm, hash) in known {
            assert_eq!(algorithm.id(b"bob:pw"), format!("bob:{hash}"), "{algorithm:?}");
        }
    }

    #[test]
    fn names_are_those_of_zookeepers_configuration() {
        for (name, algorithm) in [
            ("SHA1", Some(DigestAlgorithm::Sha1)),
            ("sha-256", Some(DigestAlgorithm::Sha256)),
            ("SHA384", Some(DigestAlgorithm::Sha384)),
            ("SHA-512", Some(DigestAlgorithm::Sha512)),
            ("MD5", None),
            ("", None),
        ] {
            assert_eq!(DigestAlgorithm::from_name(name), algorithm, "{name}");
        }
    }
}
