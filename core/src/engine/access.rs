//! Who may do what, and which access control lists are accepted.
//!
//! Entries only add rights and nothing is inherited. An identity of the scheme `super` passes every
//! check. What is not understood, in an entry or in an identity, matches nothing.
//!
//! A check costs as much as the list is long, and nearly nothing for each pair of an entry and an identity
//! that the asker has proven: others wait while it is made. Both numbers have a ceiling in
//! `base/limits.rs`; lists that everybody may use are decided first.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::quality::RandomState;

use super::network::{self, Network};
use super::{Engine, Schemes};
use crate::auth::{digest, kerberos_name, x509_name};
use crate::base::{Acl, Code, Identity, Perms, limits};

impl Engine {
    /// Whether somebody with these identities may do at least one of `perms` where `acl` holds. By the
    /// rules in force, everybody may.
    pub fn allows(&self, acl: &[Acl], perms: Perms, identities: &[Identity]) -> bool {
        self.rules.skips_acl || allows(acl, perms, identities)
    }
}

/// What was judged within one request. It may ask the same of the same lists a hundred thousand times, and
/// others wait meanwhile.
#[derive(Default)]
pub(super) struct Judged(RefCell<BTreeMap<Question, Answer>>);

/// Where a list stands, and what is to be done.
type Question = (usize, Perms);

/// The list, so that no other can come to stand there, and whether it may be done.
type Answer = (Arc<[Acl]>, bool);

impl Judged {
    /// As [`Engine::allows`], for one and the same asker.
    pub(super) fn allows(
        &self,
        engine: &Engine,
        acl: &Arc<[Acl]>,
        perms: Perms,
        identities: &[Identity],
    ) -> bool {
        if is_quick(acl, identities) {
            return engine.allows(acl, perms, identities);
        }
        let mut judged = self.0.borrow_mut();
        let judge = || (Arc::clone(acl), engine.allows(acl, perms, identities));
        judged.entry((acl.as_ptr().addr(), perms)).or_insert_with(judge).1
    }
}

/// Whether so few pairs of an entry and an identity are compared that it is not worth a thought.
fn is_quick(acl: &[Acl], identities: &[Identity]) -> bool {
    acl.len().saturating_mul(identities.len()) <= FEW
}

/// As many pairs of an entry and an identity are compared one by one.
const FEW: usize = 32;

/// Whether somebody with these identities may do at least one of `perms` where `acl` holds.
pub fn allows(acl: &[Acl], perms: Perms, identities: &[Identity]) -> bool {
    let granting = || acl.iter().filter(|entry| entry.perms.intersects(perms));
    if granting().any(|entry| entry.id.is_anyone()) {
        return true;
    }
    if identities.iter().any(|identity| identity.scheme == "super") {
        return true;
    }
    let mut addresses = identities.iter().filter(|identity| identity.scheme == "ip");
    let address = addresses.next().and_then(|identity| network::address(&identity.id));
    let is_any_user = identities.iter().any(|id| id.scheme == "sasl" && id.id == "super");
    let marked = Marked::new(identities, acl);
    granting().any(|entry| match entry.id.scheme.as_str() {
        "ip" => address.is_some_and(|address| is_within(&entry.id.id, address)),
        // Whoever logs in under this name is meant by every entry of the scheme, as with ZooKeeper.
        "sasl" if is_any_user => true,
        _ => marked.has(&entry.id),
    })
}

/// Identities with a mark on each, if there are many: entries and identities can be chosen so that they
/// are as long to compare as can be. Chance makes other marks for each check, so they tell nobody
/// anything.
struct Marked<'a> {
    identities: &'a [Identity],
    /// In the order of the marks.
    marks: Option<(RandomState, Vec<(u64, &'a Identity)>)>,
}

impl<'a> Marked<'a> {
    fn new(identities: &'a [Identity], acl: &[Acl]) -> Marked<'a> {
        let marks = (!is_quick(acl, identities)).then(|| {
            let chance = RandomState::default();
            let mark = |identity| (chance.hash_one(identity), identity);
            let mut marks: Vec<_> = identities.iter().map(mark).collect();
            marks.sort_unstable_by_key(|(mark, _)| *mark);
            (chance, marks)
        });
        Marked { identities, marks }
    }

    /// Whether the entry of a list means one of them, which is no address.
    fn has(&self, meant: &Identity) -> bool {
        let Some((chance, marks)) = &self.marks else {
            return self.identities.iter().any(|identity| matches(meant, identity));
        };
        let wanted = chance.hash_one(meant);
        let first = marks.partition_point(|(mark, _)| *mark < wanted);
        let mut alike = marks[first..].iter().take_while(|(mark, _)| *mark == wanted);
        alike.any(|(_, identity)| matches(meant, identity))
    }
}

fn is_within(network: &str, address: IpAddr) -> bool {
    Network::parse(network).is_some_and(|network| network.contains(address))
}

/// Whether the entry of a list means this identity, which is no address.
fn matches(meant: &Identity, identity: &Identity) -> bool {
    if meant.scheme != identity.scheme {
        return false;
    }
    match meant.scheme.as_str() {
        "digest" => digest::is_same(&meant.id, &identity.id),
        "sasl" | "x509" => meant.id == identity.id,
        _ => false,
    }
}

/// The list as it is stored: duplicates gone, `auth` replaced by what the asker has proven.
///
/// # Errors
/// `InvalidAcl` if the list is empty, if an entry is not one its scheme accepts or of a scheme that is
/// not known, if `auth` is used by somebody who has proven nothing, or if the list comes out longer
/// than [`limits::ACL_ENTRIES`] or [`limits::ACL_BYTES`].
pub fn resolve(acl: &[Acl], identities: &[Identity], schemes: Schemes) -> Result<Vec<Acl>, Code> {
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
        } else if is_valid(&entry.id, schemes) {
            resolved.push(entry.clone());
        } else {
            return Err(Code::InvalidAcl);
        }
    }
    let is_fit = (1..=limits::ACL_ENTRIES).contains(&resolved.len());
    if is_fit { Ok(resolved) } else { Err(Code::InvalidAcl) }
}

/// Whether the identity was proven, rather than read off the connection or granted on top.
fn is_proof(identity: &Identity) -> bool {
    matches!(identity.scheme.as_str(), "digest" | "sasl" | "x509")
}

/// Whether a scheme that is known accepts this id in a list.
fn is_valid(id: &Identity, schemes: Schemes) -> bool {
    match id.scheme.as_str() {
        "world" => id.is_anyone(),
        "ip" => Network::parse(&id.id).is_some(),
        "digest" if schemes.digest => {
            id.id.split_once(':').is_some_and(|(_, hash)| !hash.is_empty() && !hash.contains(':'))
        }
        "sasl" if schemes.sasl => kerberos_name::is_valid(&id.id),
        "x509" if schemes.x509 => x509_name::is_valid(&id.id),
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
