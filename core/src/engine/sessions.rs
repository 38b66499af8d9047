//! Sessions: how they begin, and what their end takes along.

use super::Engine;
use super::draft::Draft;
use crate::base::{Code, Millis, Password, SessionId, path};
use crate::session::Registered;
use crate::tree::Kind;

impl Engine {
    /// Registers a session.
    ///
    /// # Errors
    /// `SystemError` if the id is taken or stands for "no session": whoever chose it was wrong.
    pub(super) fn create_session(
        &mut self,
        id: SessionId,
        timeout: Millis,
        password: Password,
    ) -> Result<(), Code> {
        let fresh = !id.is_none() && self.registry.insert(id, Registered { timeout, password });
        if fresh { Ok(()) } else { Err(Code::SystemError) }
    }

    /// Who keeps the ephemeral at this path alive, and how many bytes of data it has; `None` if there is
    /// none.
    pub fn ephemeral(&self, path: &str) -> Option<(SessionId, usize)> {
        let id = self.tree.find(path)?;
        match self.tree.node(id).kind() {
            Kind::Ephemeral(owner) => Some((owner, self.data_length(id))),
            Kind::Persistent | Kind::Container | Kind::Ttl(_) => None,
        }
    }

    /// Ends a session and deletes its ephemerals in the order of their paths.
    ///
    /// # Errors
    /// `SessionExpired` if there is no such session any more.
    pub(super) fn end_session(&mut self, draft: &mut Draft, id: SessionId) -> Result<(), Code> {
        self.registry.remove(id).ok_or(Code::SessionExpired)?;
        let zxid = self.last_zxid;
        for path in self.ephemerals.take(id) {
            let parent = path::parent(&path).and_then(|parent| self.tree.find(parent));
            if let (Some(parent), Some(znode)) = (parent, self.tree.find(&path)) {
                self.draft_remove(draft, (parent, znode), &path, zxid);
            }
        }
        Ok(())
    }
}
