//! The owner field of Apache's znodes, which says of every kind of znode what kind it is.

use crate::base::SessionId;
use crate::base::mode::Ttl;
use crate::tree::Kind;

/// The owner of a container: the sign bit alone.
const CONTAINER: i64 = i64::MIN;

/// The top byte of a TTL znode's owner. The two bytes below it are a feature number, 0 for TTL.
const TTL: i64 = 0xFF << 56;

/// The top byte that release 3.5.3 gave to TTL znodes.
const OLD_TTL: i64 = i64::MIN;

/// The owner field as it is on disk.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Owner(pub i64);

impl Owner {
    /// Of a persistent znode.
    pub const NOBODY: Owner = Owner(0);

    /// Of a container.
    pub const CONTAINER: Owner = Owner(CONTAINER);

    /// Of a znode with this time to live in milliseconds; it stays as given if it is out of range.
    pub fn ttl(millis: i64) -> Owner {
        Owner(TTL | (millis & Ttl::MAX))
    }

    /// Of a znode of this kind.
    pub fn of(kind: Kind) -> Owner {
        match kind {
            Kind::Persistent => Owner::NOBODY,
            Kind::Ephemeral(session) => Owner(session.0),
            Kind::Container => Owner::CONTAINER,
            Kind::Ttl(ttl) => Owner::ttl(ttl.millis()),
        }
    }

    /// The session this could be; none for what stands for something else for certain.
    pub fn session(self) -> Option<SessionId> {
        (self != Owner::NOBODY && self != Owner::CONTAINER).then_some(SessionId(self.0))
    }

    /// The kind of the znode. Markers and session ids share one space: a server with the number 255
    /// makes ids that look like times to live, and so does one with 128 to those of release 3.5.3.
    /// What is registered as a session is one.
    pub fn kind(self, is_session: impl FnOnce(SessionId) -> bool) -> Kind {
        match self {
            Owner::NOBODY => Kind::Persistent,
            Owner::CONTAINER => Kind::Container,
            Owner(id) if is_session(SessionId(id)) => Kind::Ephemeral(SessionId(id)),
            Owner(id) => self.as_ttl().map_or(Kind::Ephemeral(SessionId(id)), Kind::Ttl),
        }
    }

    /// Whether this is a time to live as release 3.5.3 wrote it.
    pub fn is_old_ttl(self) -> bool {
        self != Owner::CONTAINER && Ttl::new(self.0 ^ OLD_TTL).is_some()
    }

    fn as_ttl(self) -> Option<Ttl> {
        // Ids carry a time in the bits between top byte and counter, so those of a session are never
        // all zeros there, as they are beside a time to live of less than 34 years.
        Ttl::new(self.0 ^ TTL).or_else(|| Ttl::new(self.0 ^ OLD_TTL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(owner: u64, registered: bool) -> Kind {
        Owner(owner as i64).kind(|_| registered)
    }

    fn ttl(millis: i64) -> Kind {
        Kind::Ttl(Ttl::new(millis).expect("in range"))
    }

    #[test]
    fn z42_owners_say_the_kind() {
        let id = 0x0100_0010_2a03_0000;
        assert_eq!(kind(0, false), Kind::Persistent);
        assert_eq!(kind(1 << 63, false), Kind::Container);
        assert_eq!(kind(id, true), Kind::Ephemeral(SessionId(id as i64)));
        assert_eq!(kind(0xFF00_0000_0000_2710, false), ttl(10_000));
        assert_eq!(kind(0xFF00_00FF_FFFF_FFFF, false), ttl(Ttl::MAX));
    }

    #[test]
    fn z42_release_353_has_markers_of_its_own() {
        assert_eq!(kind(0x8000_0000_0000_2710, false), ttl(10_000));
        assert!(Owner(0x8000_0000_0000_2710_u64 as i64).is_old_ttl());
        assert!(!Owner::CONTAINER.is_old_ttl() && !Owner::ttl(1).is_old_ttl());
    }

    #[test]
    fn ids_that_look_like_markers_are_sessions_where_they_are_registered() {
        for id in [0xFF00_0000_0000_2710, 0x8000_0000_0000_0001] {
            assert_eq!(kind(id, true), Kind::Ephemeral(SessionId(id as i64)));
        }
        // Server 128 and server 255 at some time, without a session: orphans, not times to live.
        for id in [0x8001_9A2B_3C4D_0000, 0xFF01_9A2B_3C4D_0000] {
            assert_eq!(kind(id, false), Kind::Ephemeral(SessionId(id as i64)));
        }
    }

    #[test]
    fn kinds_come_back_as_they_were() {
        for kind in [
            Kind::Persistent,
            Kind::Container,
            ttl(1),
            ttl(Ttl::MAX),
            Kind::Ephemeral(SessionId(5)),
        ] {
            assert_eq!(Owner::of(kind).kind(|_| false), kind);
        }
    }
}
