//! Sessions: how they begin, and what their end takes along.

use super::Engine;
use super::draft::Draft;
use crate::base::{Code, Millis, Password, SessionId, WallMillis, path};
use crate::session::{Cause, Ended, Registered};
use crate::tree::Kind;

impl Engine {
    /// Registers a session.
    ///
    /// # Errors
    /// `SystemError` if the id is taken or stands for "no session": whoever chose it was wrong.
    pub(super) fn create_session(
        &mut self,
        id: SessionId,
        (timeout, password): (Millis, Password),
        at: WallMillis,
    ) -> Result<(), Code> {
        let registered =
            Registered { since: at, begun: self.last_zxid, ..Registered::new(timeout, password) };
        let fresh = !id.is_none() && self.registry.insert(id, registered);
        if fresh { Ok(()) } else { Err(Code::SystemError) }
    }

    /// Who keeps the ephemeral or the value at this path alive, and how many bytes of data it has; `None`
    /// if there is none.
    pub fn ephemeral(&self, path: &str) -> Option<(SessionId, usize)> {
        if let Some(place) = self.place(path) {
            return self.value_at(place);
        }
        let id = self.tree.find(path)?;
        match self.tree.node(id).kind() {
            Kind::Ephemeral(owner) => Some((owner, self.data_length(id))),
            Kind::Persistent | Kind::Container | Kind::Ttl(_) => None,
        }
    }

    /// Ends a session and deletes its ephemerals in the order of their paths. How it ended is kept.
    ///
    /// # Errors
    /// `SessionExpired` if there is no such session any more.
    pub(super) fn end_session(
        &mut self,
        draft: &mut Draft,
        (id, cause): (SessionId, Cause),
        at: WallMillis,
    ) -> Result<(), Code> {
        let registered = self.registry.remove(id).ok_or(Code::SessionExpired)?;
        draft.ended = Some(id);
        let zxid = self.last_zxid;
        let orphans = self.ephemerals.take(id);
        let ephemerals = u32::try_from(orphans.len()).unwrap_or(u32::MAX);
        let Registered { since, timeout, data, .. } = registered;
        let ended = Ended { id, cause, zxid, at, since, timeout, ephemerals };
        draft.forgotten = self.registry.note_end(ended);
        for path in orphans {
            let parent = path::parent(&path).and_then(|parent| self.tree.find(parent));
            if let (Some(parent), Some(znode)) = (parent, self.tree.find(&path)) {
                self.draft_remove(draft, (parent, znode), &path, zxid);
            }
        }
        if let Some(data) = data {
            self.draft_loss(draft, id, &data);
        }
        Ok(())
    }
}
