//! Identifiers: what is counted, never what is measured.

use std::fmt;

/// A session's 64-bit id. 0 is never a session: on the wire it asks for a new one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SessionId(pub i64);

impl SessionId {
    /// The id that stands for "no session".
    pub const NONE: SessionId = SessionId(0);

    /// Whether this is the id that stands for "no session".
    pub fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// A transaction's place in the total order: epoch in the upper 32 bits, counter in the lower.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Zxid(pub i64);

impl Zxid {
    /// Before the first transaction.
    pub const ZERO: Zxid = Zxid(0);

    /// The zxid of the transaction that follows this one.
    pub fn next(self) -> Zxid {
        Zxid(self.0.wrapping_add(1))
    }
}

/// One connection of one server process. Counts up and is never reused while the process lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionId(pub u64);

/// Whom limits of one identity are counted for: a name that was verified, or an address. A digest of
/// it, so that whoever keeps sums keeps no names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct AccountId(pub u64);

/// The 16 bytes that prove the right to speak for a session.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Password(pub [u8; Password::LEN]);

impl Password {
    /// Every password on the wire has this many bytes; the C client of ZooKeeper relies on it.
    pub const LEN: usize = 16;

    /// Whether `presented` is this password, in time that does not depend on where they differ.
    pub fn matches(&self, presented: &[u8]) -> bool {
        if presented.len() != Self::LEN {
            return false;
        }
        let mut difference = 0;
        for (a, b) in self.0.iter().zip(presented) {
            difference |= a ^ b;
        }
        std::hint::black_box(difference) == 0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// Ids are printed as ZooKeeper prints them: unsigned, in hex, so that logs can be searched.
macro_rules! hex {
    ($($id:ty),*) => {$(
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:#x}", self.0)
            }
        }
        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:#x}", self.0)
            }
        }
    )*};
}
hex!(SessionId, Zxid);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_matches_only_itself() {
        let password = Password([7; 16]);
        assert!(password.matches(&[7; 16]));
        assert!(!password.matches(&[7; 15]));
        assert!(!password.matches(&[8; 16]));
        assert!(!password.matches(&[]));
    }

    #[test]
    fn an_id_with_the_sign_bit_prints_unsigned() {
        assert_eq!(SessionId(-1).to_string(), "0xffffffffffffffff");
    }
}
