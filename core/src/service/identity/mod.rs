//! Who speaks on a connection: the schemes a client can prove itself with, and those it has to.
//!
//! Identities belong to the connection and go with it (N3). A connection begins with its address, and
//! has nothing else unless it proves it.

mod sasl;
mod settings;

use super::Service;
use super::peer::Peer;
use crate::auth::digest;
use crate::base::{Identity, limits};

pub(super) use sasl::{Exchange, Said};
pub use settings::{Settings, SettingsError};

/// What an auth packet came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// It is answered, and what it proves is an identity of the connection.
    Proven,
    /// It is answered, and the connection ends.
    Refused,
    /// The connection ends without a word, so that its client tries another server.
    Elsewhere,
}

impl Verdict {
    fn of(is_proven: bool) -> Verdict {
        if is_proven { Verdict::Proven } else { Verdict::Refused }
    }
}

impl Service {
    /// Takes an auth packet. It is refused if the scheme is unknown, or the connection has as many
    /// identities as it may.
    ///
    /// `digest` takes any bytes: what it proves is knowledge of a password that only an ACL can judge.
    /// `ip` and `x509` need no packet, and accept one from whoever has such an identity.
    pub(super) fn prove(&self, peer: &Peer, scheme: &str, auth: &[u8]) -> Verdict {
        let settings = &self.options.identity;
        let verdict = match scheme {
            "digest" if self.options.rules.schemes.digest => Verdict::of(self.digest(peer, auth)),
            "ip" => Verdict::Proven,
            "x509" => Verdict::of(peer.identities().iter().any(|id| id.scheme == "x509")),
            "ensemble" if !settings.ensemble_names.is_empty() => {
                let is_ours = auth.is_empty()
                    || settings.ensemble_names.iter().any(|name| name.as_bytes() == auth);
                if is_ours { Verdict::Proven } else { Verdict::Elsewhere }
            }
            _ => Verdict::Refused,
        };
        if verdict != Verdict::Proven {
            self.stats.note_failed_proof();
        }
        verdict
    }

    fn digest(&self, peer: &Peer, login: &[u8]) -> bool {
        if login.len() > limits::IDENTITY_BYTES {
            return false;
        }
        let settings = &self.options.identity;
        let id = settings.digest_algorithm.id(login);
        let is_super =
            settings.super_digest.as_ref().is_some_and(|meant| digest::is_same(meant, &id));
        self.add(peer, Identity::new("digest", id), is_super)
    }

    /// A connection's certificate, which was checked, has this subject. Returns false if the connection
    /// has as many identities as it may; then it is to be closed.
    pub fn certify(&self, peer: &Peer, subject: &str) -> bool {
        let is_super = self.options.identity.super_x509.as_deref() == Some(subject);
        self.add(peer, Identity::new("x509", subject), is_super)
    }

    /// Adds what was proven, and what is granted on top.
    fn add(&self, peer: &Peer, identity: Identity, is_super: bool) -> bool {
        peer.add_identity(identity) && (!is_super || peer.add_identity(Identity::new("super", "")))
    }

    /// Whether the connection has to prove itself before it may ask for anything.
    pub(super) fn is_locked_to(&self, peer: &Peer) -> bool {
        let required = &self.options.identity.required;
        !required.is_empty() && !peer.identities().iter().any(|id| required.contains(&id.scheme))
    }
}

/// The identities as whoAmI shows them: of a digest only the user.
pub(super) fn shown(identities: &[Identity]) -> Vec<Identity> {
    let shown = |identity: &Identity| match identity.scheme.as_str() {
        "digest" => Identity::new("digest", identity.id.split(':').next().unwrap_or_default()),
        _ => identity.clone(),
    };
    identities.iter().map(shown).collect()
}

#[cfg(test)]
mod matrix;
#[cfg(test)]
mod tests;
