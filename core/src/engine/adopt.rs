//! What one session may do to another: take over what it keeps alive, and end it.
//!
//! The right to it has whoever shows the password of the other session, or has proven an identity that
//! the other had proven at its latest write. An address proves nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Engine;
use super::draft::{Asker, Draft};
use crate::base::{Code, Identity, SessionId, Stat, path};
use crate::session::Cause;
use crate::tree::Kind;

/// Another session, and what is shown as its password.
pub(super) type Other<'a> = (SessionId, &'a [u8]);

impl Engine {
    /// Gives the ephemeral at `path` to the asker and answers its new Stat. Watchers hear that it was
    /// set: it is never gone. What is the asker's own already stays as it is.
    ///
    /// # Errors
    /// `NoNode` if there is nothing, `BadArguments` if it is no ephemeral of that session, `NoAuth`
    /// without the right to it, `QuotaExceeded` if the asker would keep too much alive.
    pub(super) fn adopt(
        &mut self,
        draft: &mut Draft,
        path: &str,
        (from, password): Other<'_>,
        asker: Asker<'_>,
    ) -> Result<Stat, Code> {
        path::validate(path).map_err(|_| Code::BadArguments)?;
        let id = self.tree.find(path).ok_or(Code::NoNode)?;
        if self.tree.node(id).kind() != Kind::Ephemeral(from) {
            return Err(Code::BadArguments);
        }
        if from != asker.session {
            self.expect_right((from, password), asker)?;
            let bytes = path.len() + self.data_length(id);
            self.expect_room(draft, asker.session, (1, bytes))?;
            self.draft_adopt(draft, (id, path), from, asker);
        }
        Ok(self.tree.node(id).stat())
    }

    /// The same for all that a session keeps alive, in the order of the paths; then that session ends.
    /// Answers how many they were.
    ///
    /// # Errors
    /// `BadArguments` for the asker itself, `UnknownSession` if it is over, `NoAuth` and
    /// `QuotaExceeded` as above.
    pub(super) fn take_over(
        &mut self,
        draft: &mut Draft,
        (from, password): Other<'_>,
        asker: Asker<'_>,
    ) -> Result<i32, Code> {
        self.expect_right((from, password), asker)?;
        let holding = self.ephemerals.holding(from);
        let bytes = usize::try_from(holding.bytes).unwrap_or(usize::MAX);
        self.expect_room(draft, asker.session, (holding.count, bytes))?;
        let paths: Vec<String> = self.ephemerals.of(from).map(str::to_owned).collect();
        for path in &paths {
            if let Some(id) = self.tree.find(path) {
                self.draft_adopt(draft, (id, path), from, asker);
            }
        }
        let cause = Cause::HandedOver { to: asker.session };
        self.end_session(draft, (from, cause), asker.at)?;
        Ok(i32::try_from(paths.len()).unwrap_or(i32::MAX))
    }

    /// Ends another session, and deletes what it keeps alive.
    ///
    /// # Errors
    /// `BadArguments` for the asker itself, `UnknownSession` if it is over, `NoAuth` without the right
    /// to it.
    pub(super) fn fence(
        &mut self,
        draft: &mut Draft,
        (session, password): Other<'_>,
        asker: Asker<'_>,
    ) -> Result<(), Code> {
        self.expect_right((session, password), asker)?;
        let cause = Cause::Fenced { by: asker.session };
        self.end_session(draft, (session, cause), asker.at)
    }

    /// Fails unless the asker has the right to another session.
    fn expect_right(&self, (other, password): Other<'_>, asker: Asker<'_>) -> Result<(), Code> {
        if other == asker.session {
            return Err(Code::BadArguments);
        }
        let registered = self.registry.get(other).ok_or(Code::UnknownSession)?;
        let shares = || {
            // Both lists can be as long as may be, and others wait.
            let known: BTreeSet<&Identity> = registered.identities.iter().collect();
            proven(asker.identities).any(|identity| known.contains(identity))
        };
        let has_right = registered.password.matches(password) || shares();
        if has_right { Ok(()) } else { Err(Code::NoAuth) }
    }

    /// Keeps what the asker has proven, if it is not what was kept before. Returns false if there is no
    /// such session.
    pub(super) fn note_identities(&mut self, asker: Asker<'_>) -> bool {
        let Some(registered) = self.registry.get(asker.session) else { return false };
        if registered.identities.iter().eq(proven(asker.identities)) {
            return true;
        }
        if let Some(registered) = self.registry.get_mut(asker.session) {
            let identities: Arc<[Identity]> = proven(asker.identities).cloned().collect();
            registered.identities = identities;
        }
        true
    }
}

/// The identities that say more than where somebody comes from.
fn proven(identities: &[Identity]) -> impl Iterator<Item = &Identity> {
    identities.iter().filter(|identity| !matches!(identity.scheme.as_str(), "ip" | "world"))
}
