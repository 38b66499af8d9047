//! Who speaks on a connection: the schemes a client can prove itself with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use super::peer::Peer;
use crate::base::Identity;

/// Takes an auth packet. Returns false if the scheme is unknown or the connection has as many
/// identities as it may.
///
/// `digest` takes any bytes: what it proves is knowledge of a password that only an ACL can judge.
/// `ip` needs no packet and accepts every one.
pub(super) fn prove(peer: &Peer, scheme: &str, auth: &[u8]) -> bool {
    match scheme {
        "digest" => peer.add_identity(digest(auth)),
        "ip" => true,
        _ => false,
    }
}

/// The identity that `user:password` proves: the user, and a hash of both.
fn digest(auth: &[u8]) -> Identity {
    let text = String::from_utf8_lossy(auth);
    let user = text.split(':').next().unwrap_or_default();
    let hash = STANDARD.encode(Sha1::digest(text.as_bytes()));
    Identity::new("digest", format!("{user}:{hash}"))
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
mod tests {
    use super::*;
    use crate::base::limits;

    #[test]
    fn a19_the_digest_is_zookeepers() {
        assert_eq!(digest(b"bob:pw").id, "bob:ikIaKsbtGweaHnb/jKn7OHqbunM=");
        assert!(digest(b"nocolon").id.starts_with("nocolon:"));
    }

    #[test]
    fn a_connection_collects_identities_up_to_a_ceiling() {
        struct Nowhere;
        impl crate::service::Transport for Nowhere {
            fn wake(&self) {}
            fn unread(&self) -> usize {
                0
            }
        }
        let id = crate::base::ConnectionId(1);
        let address = ([127, 0, 0, 1], 1).into();
        let peer = Peer::new(id, address, Default::default(), Box::new(Nowhere));
        assert!(prove(&peer, "digest", b"bob:pw"));
        assert!(!prove(&peer, "digest", &[b'n'; limits::IDENTITY_BYTES]));
        assert!(prove(&peer, "digest", b"bob:pw"), "what is known already is proven still");
        let more = (0..).take_while(|n| prove(&peer, "digest", format!("user{n}:pw").as_bytes()));
        assert!(more.take(limits::IDENTITIES).count() < limits::IDENTITIES);
    }

    #[test]
    fn z54_a_digest_is_shown_without_its_hash() {
        assert_eq!(shown(&[digest(b"bob:pw")]), [Identity::new("digest", "bob")]);
    }
}
