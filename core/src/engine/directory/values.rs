//! Session data: the values that a session binds to itself, by the ordinary operations on
//! `/zookeeper/sessions/<its id>/data/<name>`.
//!
//! Only the session itself writes them, whoever else has proven what. Whatever else is below the
//! directory is written by nobody.

use bytes::Bytes;

use super::super::draft::{Asker, Draft};
use super::super::znodes::expect_version;
use super::{Engine, Place, TOP};
use crate::base::{Acl, Code, CreateMode, EventKind, Perms, SessionId, Stat, path};
use crate::session::data::Value;
use crate::wire::Create;

impl Engine {
    /// Binds a value. Persistent and ephemeral are the same here: it goes with its session.
    ///
    /// # Errors
    /// `NoAuth` if the path is not that of a value of the asker, `BadArguments` for a mode that numbers
    /// the name or has a time of its own, `Unimplemented` if there is no session data, `NodeExists`, and
    /// `QuotaExceeded` if the session has as much as it may.
    pub(in crate::engine) fn bind(
        &mut self,
        draft: &mut Draft,
        (place, create): (Place<'_>, &Create),
        (mode, acl): (CreateMode, Vec<Acl>),
        asker: Asker<'_>,
    ) -> Result<(String, Stat), Code> {
        path::validate(&create.path).map_err(|_| Code::BadArguments)?;
        let name = own_name(place, asker)?;
        if !matches!(mode, CreateMode::Persistent | CreateMode::Ephemeral) {
            return Err(Code::BadArguments);
        }
        if self.rules.session_values == 0 {
            return Err(Code::Unimplemented);
        }
        if self.value(asker.session, name).is_some() {
            return Err(Code::NodeExists);
        }
        let value = Value {
            // What came in is part of a buffer that is shared, and may be much longer.
            data: create.data.as_deref().map(Bytes::copy_from_slice),
            acl: acl.into(),
            czxid: asker.zxid,
            mzxid: asker.zxid,
            ctime: asker.at,
            mtime: asker.at,
            version: 0,
        };
        self.expect_room_for_value(draft, (1, value.bytes(name)), asker)?;
        let stat = value.stat(asker.session);
        self.draft_value(draft, (EventKind::Created, name), Some(value), asker);
        Ok((create.path.clone(), stat))
    }

    /// Unbinds a value.
    ///
    /// # Errors
    /// `NoAuth` if the path is not that of a value of the asker, `NoNode`, `BadVersion`.
    pub(in crate::engine) fn unbind(
        &mut self,
        draft: &mut Draft,
        (place, version): (Place<'_>, i32),
        asker: Asker<'_>,
    ) -> Result<(), Code> {
        let name = own_name(place, asker)?;
        let value = self.value(asker.session, name).ok_or(Code::NoNode)?;
        expect_version(version, value.version)?;
        self.draft_value(draft, (EventKind::Deleted, name), None, asker);
        Ok(())
    }

    /// Sets a value and answers the new Stat.
    ///
    /// # Errors
    /// `NoAuth` if the path is not that of a value of the asker, `NoNode`, `QuotaExceeded` if it grows and
    /// the session has as much as it may, `BadVersion`.
    pub(in crate::engine) fn set_value(
        &mut self,
        draft: &mut Draft,
        (place, version): (Place<'_>, i32),
        data: Option<&[u8]>,
        asker: Asker<'_>,
    ) -> Result<Stat, Code> {
        let name = own_name(place, asker)?;
        let before = self.value(asker.session, name).ok_or(Code::NoNode)?;
        let value = Value {
            data: data.map(Bytes::copy_from_slice),
            mzxid: asker.zxid,
            mtime: asker.at,
            version: before.version.wrapping_add(1),
            ..before.clone()
        };
        let found = before.version;
        let growth = value.bytes(name).saturating_sub(before.bytes(name));
        self.expect_room_for_value(draft, (0, growth), asker)?;
        expect_version(version, found)?;
        let stat = value.stat(asker.session);
        self.draft_value(draft, (EventKind::DataChanged, name), Some(value), asker);
        Ok(stat)
    }

    /// Fails unless a value can be read and has the version. Of other znodes of the directory nothing is
    /// checked: who may read them is not replicated.
    pub(in crate::engine) fn check_value(
        &self,
        (place, version): (Place<'_>, i32),
        asker: Asker<'_>,
    ) -> Result<(), Code> {
        let Place::Value(owner, name) = place else { return Err(Code::NoAuth) };
        let value = self.value(owner, name).ok_or(Code::NoNode)?;
        let allowed = owner == asker.session
            || asker.judged.allows(self, &value.acl, Perms::READ, asker.identities);
        if !allowed {
            return Err(Code::NoAuth);
        }
        expect_version(version, value.version)
    }

    /// Fails if so many more values, or so many more bytes of them, are too much for the asker. What does
    /// not grow is never refused.
    fn expect_room_for_value(
        &self,
        draft: &mut Draft,
        (more, bytes): (usize, usize),
        asker: Asker<'_>,
    ) -> Result<(), Code> {
        let data = self.registry.get(asker.session).and_then(|it| it.data.as_ref());
        let (held, used) = data.map_or((0, 0), |data| (data.len(), data.bytes()));
        let count = more == 0 || held + more <= self.rules.session_values as usize;
        let size = bytes == 0 || used + bytes <= self.rules.session_value_bytes as usize;
        draft.is_over_limit = !count || !size;
        if draft.is_over_limit { Err(Code::QuotaExceeded) } else { Ok(()) }
    }
}

/// The name of the value of the asker at a place.
fn own_name<'a>(place: Place<'a>, asker: Asker<'_>) -> Result<&'a str, Code> {
    match place {
        Place::Value(owner, name) if owner == asker.session => Ok(name),
        _ => Err(Code::NoAuth),
    }
}

/// The path of a value.
pub(in crate::engine) fn path_of(session: SessionId, name: &str) -> String {
    format!("{}/{session}/data/{name}", TOP)
}
