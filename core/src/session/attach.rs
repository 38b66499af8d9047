//! Local: which connection speaks for a session. One at most (S4); the last to attach wins.

use std::collections::BTreeMap;

use crate::base::{ConnectionId, SessionId};

/// The connections that speak for sessions on this server.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Attachments {
    by_session: BTreeMap<SessionId, ConnectionId>,
}

impl Attachments {
    /// Lets `connection` speak for `session`. Returns the one that did so before, to be closed.
    #[must_use = "the connection that spoke for the session before has to be closed"]
    pub fn attach(&mut self, session: SessionId, connection: ConnectionId) -> Option<ConnectionId> {
        self.by_session.insert(session, connection).filter(|&before| before != connection)
    }

    /// `connection` is gone. Changes nothing and returns false if another one speaks for the session
    /// by now.
    pub fn detach(&mut self, session: SessionId, connection: ConnectionId) -> bool {
        let did_speak = self.by_session.get(&session) == Some(&connection);
        if did_speak {
            self.by_session.remove(&session);
        }
        did_speak
    }

    /// The session is over. Returns the connection that spoke for it.
    pub fn end(&mut self, session: SessionId) -> Option<ConnectionId> {
        self.by_session.remove(&session)
    }

    /// The connection that speaks for a session.
    pub fn get(&self, session: SessionId) -> Option<ConnectionId> {
        self.by_session.get(&session).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s27_the_last_to_attach_wins() {
        let (session, first, second) = (SessionId(1), ConnectionId(1), ConnectionId(2));
        let mut attachments = Attachments::default();
        assert_eq!(attachments.attach(session, first), None);
        assert_eq!(attachments.attach(session, second), Some(first));
        attachments.detach(session, first);
        assert_eq!(attachments.get(session), Some(second));
        assert_eq!(attachments.end(session), Some(second));
        assert_eq!(attachments.get(session), None);
    }
}
