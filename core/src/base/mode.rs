//! The kinds of znode a create can ask for.

/// How a znode is named and when it goes away.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum CreateMode {
    /// Stays until it is deleted.
    #[default]
    Persistent,
    /// Goes with the session that created it.
    Ephemeral,
    /// Persistent, with a number appended to its name.
    PersistentSequential,
    /// Ephemeral, with a number appended to its name.
    EphemeralSequential,
    /// Removed by the server some time after its last child is gone.
    Container,
    /// Removed by the server when it has no children and was not set for this long.
    Ttl(Ttl),
    /// The same with a number appended to its name.
    TtlSequential(Ttl),
}

/// A time to live in milliseconds, between 1 and [`Ttl::MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ttl(i64);

impl Ttl {
    /// The largest time to live that fits beside its marker: 40 bits of milliseconds, 34 years.
    pub const MAX: i64 = 0xFF_FFFF_FFFF;

    /// `None` unless `millis` is between 1 and [`Ttl::MAX`].
    pub fn new(millis: i64) -> Option<Ttl> {
        (1..=Self::MAX).contains(&millis).then_some(Ttl(millis))
    }

    /// The length in milliseconds.
    pub fn millis(self) -> i64 {
        self.0
    }
}

impl CreateMode {
    /// The number on the wire: an enumeration, although 1 and 2 look like bits.
    pub fn flag(self) -> i32 {
        match self {
            CreateMode::Persistent => 0,
            CreateMode::Ephemeral => 1,
            CreateMode::PersistentSequential => 2,
            CreateMode::EphemeralSequential => 3,
            CreateMode::Container => 4,
            CreateMode::Ttl(_) => 5,
            CreateMode::TtlSequential(_) => 6,
        }
    }

    /// Whether a number is appended to the name.
    pub fn is_sequential(self) -> bool {
        matches!(
            self,
            CreateMode::PersistentSequential
                | CreateMode::EphemeralSequential
                | CreateMode::TtlSequential(_)
        )
    }

    /// Whether the znode goes with its session.
    pub fn is_ephemeral(self) -> bool {
        matches!(self, CreateMode::Ephemeral | CreateMode::EphemeralSequential)
    }

    /// The time to live, for the modes that have one.
    pub fn ttl(self) -> Option<Ttl> {
        match self {
            CreateMode::Ttl(ttl) | CreateMode::TtlSequential(ttl) => Some(ttl),
            _ => None,
        }
    }
}
