//! Writes to znodes: the checks of each operation in ZooKeeper's order, then the change.

use super::draft::{Asker, Draft};
use super::quota::{self, Usage};
use super::{Engine, access, reserved};
use crate::base::{Acl, Code, Perms, SessionId, Stat, path};
use crate::tree::{Birth, Kind, NodeId};
use crate::wire::Create;

/// A path and the version expected there.
pub(super) type Expected<'a> = (&'a str, i32);

impl Engine {
    /// Creates a znode and answers its real path and its Stat.
    pub(super) fn create(
        &mut self,
        draft: &mut Draft,
        create: &Create,
        asker: Asker<'_>,
    ) -> Result<(String, Stat), Code> {
        if matches!(create.flags, 5 | 6) && !self.rules.extended_types {
            return Err(Code::Unimplemented);
        }
        let mode = create.mode()?;
        let parent = parent_of(&create.path)?;
        let acl = access::resolve(&create.acl, asker.identities, self.rules.schemes)?;
        if let Some(place) = self.place(&create.path) {
            return self.bind(draft, (place, create), (mode, acl), asker);
        }
        let parent = self.tree.find(parent).ok_or(Code::NoNode)?;
        self.expect(parent, Perms::CREATE, asker)?;
        let above = self.tree.node(parent);
        let path = match mode.is_sequential() {
            true => numbered(&create.path, above.creations()),
            false => create.path.clone(),
        };
        path::validate(&path).map_err(|_| Code::BadArguments)?;
        if self.tree.find(&path).is_some() {
            return Err(Code::NodeExists);
        }
        if matches!(above.kind(), Kind::Ephemeral(_)) {
            return Err(Code::NoChildrenForEphemerals);
        }
        self.within_quota(draft, &path, Usage::of(create.data.as_deref()))?;
        let kind = Kind::new(mode, asker.session);
        if let Kind::Ephemeral(owner) = kind {
            let bytes = path.len() + create.data.as_ref().map_or(0, |data| data.len());
            self.expect_room(draft, owner, (1, bytes))?;
        }
        let birth = Birth {
            path: &path,
            data: create.data.as_deref(),
            acl,
            kind,
            zxid: asker.zxid,
            at: asker.at,
        };
        let id = self.draft_create(draft, parent, birth);
        Ok((path, self.tree.node(id).stat()))
    }

    /// Deletes a znode that has no children. What it takes is DELETE on the parent.
    pub(super) fn delete(
        &mut self,
        draft: &mut Draft,
        (path, version): Expected<'_>,
        asker: Asker<'_>,
    ) -> Result<(), Code> {
        let parent = parent_of(path)?;
        if reserved::is_reserved(path) {
            return Err(Code::BadArguments);
        }
        if let Some(place) = self.place(path) {
            return self.unbind(draft, (place, version), asker);
        }
        let parent = self.tree.find(parent).ok_or(Code::NoNode)?;
        self.expect(parent, Perms::DELETE, asker)?;
        let id = self.tree.find(path).ok_or(Code::NoNode)?;
        let node = self.tree.node(id);
        expect_version(version, node.version())?;
        if node.num_children() > 0 {
            return Err(Code::NotEmpty);
        }
        self.draft_remove(draft, (parent, id), path, asker.zxid);
        Ok(())
    }

    /// Sets the data and answers the new Stat.
    pub(super) fn set_data(
        &mut self,
        draft: &mut Draft,
        (path, version): Expected<'_>,
        data: Option<&[u8]>,
        asker: Asker<'_>,
    ) -> Result<Stat, Code> {
        path::validate(path).map_err(|_| Code::BadArguments)?;
        if let Some(place) = self.place(path) {
            return self.set_value(draft, (place, version), data, asker);
        }
        let id = self.tree.find(path).ok_or(Code::NoNode)?;
        if quota::is_stats(path) {
            return Err(Code::NoAuth);
        }
        self.expect(id, Perms::WRITE, asker)?;
        self.within_quota(draft, path, self.growth(id, data))?;
        expect_version(version, self.tree.node(id).version())?;
        if let Kind::Ephemeral(owner) = self.tree.node(id).kind() {
            let growth = data.map_or(0, <[u8]>::len).saturating_sub(self.data_length(id));
            self.expect_room(draft, owner, (0, growth))?;
        }
        self.draft_set(draft, (id, path), data, asker);
        Ok(self.stat(path, id))
    }

    /// Sets the ACL and answers the new Stat. Watchers hear nothing of it. Nobody sets one in the session
    /// directory: that of a value is chosen once.
    pub(super) fn set_acl(
        &mut self,
        (path, version): Expected<'_>,
        acl: &[Acl],
        asker: Asker<'_>,
    ) -> Result<Stat, Code> {
        path::validate(path).map_err(|_| Code::BadArguments)?;
        let acl = access::resolve(acl, asker.identities, self.rules.schemes)?;
        if self.place(path).is_some() {
            return Err(Code::NoAuth);
        }
        let id = self.tree.find(path).ok_or(Code::NoNode)?;
        self.expect(id, Perms::ADMIN, asker)?;
        expect_version(version, self.tree.node(id).aversion())?;
        self.discount(id, path);
        self.tree.set_acl(id, acl);
        self.count(id, path);
        Ok(self.stat(path, id))
    }

    /// Fails unless the znode can be read and has the version.
    pub(super) fn check_version(
        &self,
        (path, version): Expected<'_>,
        asker: Asker<'_>,
    ) -> Result<(), Code> {
        path::validate(path).map_err(|_| Code::BadArguments)?;
        if let Some(place) = self.place(path) {
            return self.check_value((place, version), asker);
        }
        let id = self.tree.find(path).ok_or(Code::NoNode)?;
        self.expect(id, Perms::READ, asker)?;
        expect_version(version, self.tree.node(id).version())
    }

    /// Fails if so many more ephemerals, or so many more bytes of them, are too much for one session.
    /// What does not grow is never refused, whatever the rules have become.
    pub(super) fn expect_room(
        &self,
        draft: &mut Draft,
        owner: SessionId,
        (more, bytes): (u64, usize),
    ) -> Result<(), Code> {
        let holding = self.ephemerals.holding(owner);
        let count =
            more == 0 || holding.count + more <= u64::from(self.rules.ephemerals_per_session);
        let bytes = bytes == 0
            || holding.bytes.saturating_add(bytes as u64) <= self.rules.ephemeral_bytes_per_session;
        draft.is_over_limit = !count || !bytes;
        if draft.is_over_limit { Err(Code::QuotaExceeded) } else { Ok(()) }
    }

    fn expect(&self, id: NodeId, perms: Perms, asker: Asker<'_>) -> Result<(), Code> {
        let acl = self.tree.node(id).acl();
        let allowed = asker.judged.allows(self, acl, perms, asker.identities);
        if allowed { Ok(()) } else { Err(Code::NoAuth) }
    }
}

/// The path above, where nothing more is asked of a path than that there is one.
fn parent_of(path: &str) -> Result<&str, Code> {
    if path.contains('\0') {
        return Err(Code::BadArguments);
    }
    path::parent(path).ok_or(Code::BadArguments)
}

/// -1 expects nothing.
pub(super) fn expect_version(expected: i32, found: i32) -> Result<(), Code> {
    if expected == -1 || expected == found { Ok(()) } else { Err(Code::BadVersion) }
}

/// A sequential name: ten digits or more, the sign of a count that has wrapped among them.
pub(super) fn numbered(path: &str, creations: i32) -> String {
    format!("{path}{creations:010}")
}
