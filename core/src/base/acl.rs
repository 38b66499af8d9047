//! Who may do what: the words of an access control list. Deciding is the engine's business.

use std::fmt;
use std::ops::BitOr;

/// A set of permission bits. The number is not restricted: what a client stores comes back as given.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Perms(pub i32);

impl Perms {
    /// Read the data and list the children.
    pub const READ: Perms = Perms(1);
    /// Set the data.
    pub const WRITE: Perms = Perms(2);
    /// Create a child.
    pub const CREATE: Perms = Perms(4);
    /// Delete a child.
    pub const DELETE: Perms = Perms(8);
    /// Set the ACL.
    pub const ADMIN: Perms = Perms(16);
    /// All of them.
    pub const ALL: Perms = Perms(31);

    /// Whether the two sets have a bit in common.
    pub fn intersects(self, other: Perms) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Perms {
    type Output = Perms;
    fn bitor(self, other: Perms) -> Perms {
        Perms(self.0 | other.0)
    }
}

/// A scheme and an id within it: `digest` and `bob:ikIa…`, `ip` and `10.0.0.0/8`.
///
/// In an [`Acl`] it names who is meant; on a connection it says who speaks.
/// What `Debug` prints of a `digest` id is the user, without the hash.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The scheme: `world`, `auth`, `digest`, `ip`, …
    pub scheme: String,
    /// What the scheme says about the holder.
    pub id: String,
}

impl Identity {
    /// An identity from its two parts.
    pub fn new(scheme: impl Into<String>, id: impl Into<String>) -> Identity {
        Identity { scheme: scheme.into(), id: id.into() }
    }

    /// Everybody.
    pub fn anyone() -> Identity {
        Identity::new("world", "anyone")
    }

    /// How many bytes scheme and id have together.
    pub fn bytes(&self) -> usize {
        self.scheme.len() + self.id.len()
    }

    /// Whether this is everybody.
    pub fn is_anyone(&self) -> bool {
        self.scheme == "world" && self.id == "anyone"
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id.split_once(':') {
            Some((user, _)) if self.scheme == "digest" => {
                write!(f, "{:?}", format!("digest:{user}:x"))
            }
            _ => write!(f, "{:?}", format!("{}:{}", self.scheme, self.id)),
        }
    }
}

/// One entry of an access control list. Entries only add rights.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Acl {
    /// What is granted.
    pub perms: Perms,
    /// To whom.
    pub id: Identity,
}

impl Acl {
    /// An entry from its parts.
    pub fn new(perms: Perms, scheme: impl Into<String>, id: impl Into<String>) -> Acl {
        Acl { perms, id: Identity::new(scheme, id) }
    }

    /// Everybody may do everything: the list most programs use.
    pub fn open_unsafe() -> Vec<Acl> {
        vec![Acl { perms: Perms::ALL, id: Identity::anyone() }]
    }

    /// Everybody may read, nobody may change.
    pub fn read_unsafe() -> Vec<Acl> {
        vec![Acl { perms: Perms::READ, id: Identity::anyone() }]
    }

    /// All rights for every identity the creating connection has proven.
    pub fn creator_all() -> Vec<Acl> {
        vec![Acl::new(Perms::ALL, "auth", "")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_a_digest_does_not_show() {
        let shown = |scheme, id| format!("{:?}", Identity::new(scheme, id));
        assert_eq!(shown("digest", "bob:HASH"), "\"digest:bob:x\"");
        assert_eq!(shown("digest", "a:b:HASH"), "\"digest:a:x\"");
        assert_eq!(shown("ip", "::1"), "\"ip:::1\"");
        assert!(!format!("{:?}", Acl::new(Perms::ALL, "digest", "bob:HASH")).contains("HASH"));
    }
}
