//! How a client and a server of this project recognize each other, in a handshake that everybody else
//! reads as an ordinary one.
//!
//! * A client that asks for a new session has no password to send, and servers ignore the 16 bytes in
//!   its place. A [`Hello`] stands there.
//! * A client that resumes a session which such a server granted puts [`VERSION`] where the protocol has
//!   a number that ZooKeeper ignores, and the hello behind the last field, where ZooKeeper reads no more.
//! * A server that finds a hello answers in the same two places of its response, with a [`Welcome`].
//!
//! Whoever was not asked says nothing: a client or server of ZooKeeper sees not one byte that it does
//! not know.

use bytes::{BufMut, BytesMut};

use super::jute::{self, Reader};
use crate::base::{Millis, Password};

/// Stands for the protocol's version where there is a hello or a welcome. ZooKeeper has 0 there.
pub const VERSION: i32 = 0x746e_7231;

/// Begins a hello in the place of a password.
const MARK: [u8; 8] = *b"tenure/1";

/// What one side can do, as bits. Both sides ignore those they do not know.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Features(pub u32);

impl Features {
    /// No session expires earlier than its timeout after the server received the last request that it
    /// answered, whichever member answered it.
    pub const EXACT_DEADLINES: Features = Features(1);
    /// Writes can be numbered, and are carried out once however often they are sent: [`super::Once`].
    pub const ONCE: Features = Features(2);
    /// The operations of the private range, and `checkSession` in a multi.
    pub const EXTENSIONS: Features = Features(4);
    /// Sessions are listed below `/zookeeper/sessions`, and have data there.
    pub const DIRECTORY: Features = Features(8);

    /// All that this release can do.
    pub const ALL: Features = Features(1 | 2 | 4 | 8);

    /// Whether all of `others` are among these.
    pub fn has(self, others: Features) -> bool {
        self.0 & others.0 == others.0
    }

    /// Those in both.
    pub fn and(self, others: Features) -> Features {
        Features(self.0 & others.0)
    }

    /// These without others.
    pub fn without(self, others: Features) -> Features {
        Features(self.0 & !others.0)
    }
}

/// What a client says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Hello {
    /// What it can do.
    pub features: Features,
    /// How long its session is to live on when the kernel of its machine closes the connection and no
    /// closeSession came; 0 for the whole timeout.
    pub crash_grace: Millis,
}

impl Hello {
    /// In the place of a password.
    pub fn to_password(self) -> Password {
        let mut bytes = [0; Password::LEN];
        bytes[..8].copy_from_slice(&MARK);
        bytes[8..12].copy_from_slice(&self.features.0.to_be_bytes());
        bytes[12..].copy_from_slice(&self.crash_grace.0.to_be_bytes());
        Password(bytes)
    }

    /// Out of the place of a password, if one stands there.
    pub fn from_password(bytes: &[u8]) -> Option<Hello> {
        let rest: [u8; 8] = bytes.strip_prefix(&MARK)?.try_into().ok()?;
        let int =
            |at: usize| u32::from_be_bytes([rest[at], rest[at + 1], rest[at + 2], rest[at + 3]]);
        Some(Hello { features: Features(int(0)), crash_grace: Millis(int(4)) })
    }

    pub(super) fn put(self, out: &mut BytesMut) {
        out.put_u32(self.features.0);
        out.put_u32(self.crash_grace.0);
    }

    pub(super) fn take(reader: &mut Reader) -> jute::Result<Hello> {
        let features = Features(reader.int()? as u32);
        Ok(Hello { features, crash_grace: Millis(reader.int()? as u32) })
    }
}

/// What a server answers it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Welcome {
    /// What holds on this connection: no more than the client can do.
    pub features: Features,
    /// The grace that is granted; 0 for none.
    pub crash_grace: Millis,
    /// The highest number of a write that this session has had carried out; 0 for none.
    pub highest_once: i64,
}

impl Welcome {
    pub(super) fn put(self, out: &mut BytesMut) {
        out.put_u32(self.features.0);
        out.put_u32(self.crash_grace.0);
        out.put_i64(self.highest_once);
    }

    pub(super) fn take(reader: &mut Reader) -> jute::Result<Welcome> {
        Ok(Welcome {
            features: Features(reader.int()? as u32),
            crash_grace: Millis(reader.int()? as u32),
            highest_once: reader.long()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_fits_where_a_password_would_stand() {
        let hello = Hello { features: Features::ALL, crash_grace: Millis(200) };
        assert_eq!(Hello::from_password(&hello.to_password().0), Some(hello));
        assert_eq!(Hello::from_password(&[0; 16]), None, "what other clients send");
        assert_eq!(Hello::from_password(b"tenure/1"), None);
        assert_eq!(Hello::from_password(&[]), None);
    }
}
