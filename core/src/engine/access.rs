//! Who may do what, and which access control lists are accepted.
//!
//! Entries only add rights and nothing is inherited. An identity of the scheme `super` passes every
//! check.

use std::collections::BTreeSet;

use super::network::{self, Network};
use crate::base::{Acl, Code, Identity, Perms, limits};

/// Whether somebody with these identities may do at least one of `perms` where `acl` holds.
pub fn allows(acl: &[Acl], perms: Perms, identities: &[Identity]) -> bool {
    let granted = acl.iter().any(|entry| {
        entry.perms.intersects(perms)
            && (entry.id.is_anyone() || identities.iter().any(|id| matches(&entry.id, id)))
    });
    granted || identities.iter().any(|identity| identity.scheme == "super")
}

/// Whether the entry of a list means this identity.
fn matches(meant: &Identity, identity: &Identity) -> bool {
    if meant.scheme != identity.scheme {
        return false;
    }
    if meant.scheme == "ip" {
        let address = network::address(&identity.id);
        return match (Network::parse(&meant.id), address) {
            (Some(network), Some(address)) => network.contains(address),
            _ => false,
        };
    }
    meant.id == identity.id
}

/// The list as it is stored: duplicates gone, `auth` replaced by what the asker has proven.
///
/// # Errors
/// `InvalidAcl` if the list is empty, if an entry is not one its scheme accepts, if `auth` is used by
/// somebody who has proven nothing, or if the list comes out longer than [`limits::ACL_BYTES`].
pub fn resolve(acl: &[Acl], identities: &[Identity]) -> Result<Vec<Acl>, Code> {
    let mut seen = BTreeSet::new();
    let mut resolved = Vec::with_capacity(acl.len());
    let proven_bytes: usize =
        identities.iter().filter(|id| is_proof(id)).map(Identity::bytes).sum();
    let mut bytes = 0;
    for entry in acl.iter().filter(|entry| seen.insert(*entry)) {
        let is_auth = entry.id.scheme == "auth";
        bytes += if is_auth { proven_bytes } else { entry.id.bytes() };
        if bytes > limits::ACL_BYTES {
            return Err(Code::InvalidAcl);
        }
        if is_auth {
            let proven = identities.iter().filter(|identity| is_proof(identity));
            let before = resolved.len();
            resolved.extend(proven.map(|id| Acl { perms: entry.perms, id: id.clone() }));
            if resolved.len() == before {
                return Err(Code::InvalidAcl);
            }
        } else if is_valid(&entry.id) {
            resolved.push(entry.clone());
        } else {
            return Err(Code::InvalidAcl);
        }
    }
    if resolved.is_empty() { Err(Code::InvalidAcl) } else { Ok(resolved) }
}

/// Whether the identity was proven, rather than read off the connection or granted on top.
fn is_proof(identity: &Identity) -> bool {
    !matches!(identity.scheme.as_str(), "ip" | "super" | "world" | "auth")
}

/// Whether a scheme exists that accepts this id in a list.
fn is_valid(id: &Identity) -> bool {
    match id.scheme.as_str() {
        "world" => id.is_anyone(),
        "digest" => {
            id.id.split_once(':').is_some_and(|(_, hash)| !hash.is_empty() && !hash.contains(':'))
        }
        "ip" => Network::parse(&id.id).is_some(),
        _ => false,
    }
}

/// The list as somebody without ADMIN sees it: what is behind the name of a digest id is hidden.
pub fn masked(acl: &[Acl]) -> Vec<Acl> {
    let mask = |entry: &Acl| match entry.id.id.split_once(':') {
        Some((user, _)) if entry.id.scheme == "digest" => {
            Acl::new(entry.perms, "digest", format!("{user}:x"))
        }
        _ => entry.clone(),
    };
    acl.iter().map(mask).collect()
}
