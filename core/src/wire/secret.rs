//! Bytes that prove something: passwords and tokens.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;

/// Bytes that do not show in what `Debug` prints, whatever they stand in.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(pub Bytes);

impl Deref for Secret {
    type Target = Bytes;
    fn deref(&self) -> &Bytes {
        &self.0
    }
}

impl<T: Into<Bytes>> From<T> for Secret {
    fn from(bytes: T) -> Secret {
        Secret(bytes.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Reply, Request};

    #[test]
    fn a_request_and_a_reply_do_not_show_what_they_prove() {
        let auth = Request::Auth { scheme: "digest".into(), auth: "bob:hunter2".into() };
        let sasl = Request::Sasl { token: Some("hunter2".into()) };
        let reply = Reply::Token(Some("hunter2".into()));
        let shown = format!("{auth:?} {sasl:?} {reply:?} {:?}", Secret::from("hunter2"));
        assert!(!shown.contains("hunter2"), "{shown}");
        // As numbers, which is how a list of bytes shows.
        assert!(!shown.contains("104, 117"), "{shown}");
    }
}
