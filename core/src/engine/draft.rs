//! A transaction on its way: what it has done so far, and how all of it is taken back.

use std::sync::Arc;

use super::access::Judged;
use super::effects::QuotaNotice;
use super::quota::{Usage, Use};
use super::{Changed, Effects, Engine};
use crate::base::{Acl, EventKind, Identity, SessionId, WallMillis, Zxid, path};
use crate::tree::{Birth, Kind, NodeId, Step};

/// Who asks, and under which zxid and time all of it happens.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) session: SessionId,
    pub(super) identities: &'a [Identity],
    pub(super) zxid: Zxid,
    pub(super) at: WallMillis,
    /// What it may, as far as that was asked.
    pub(super) judged: &'a Judged,
}

/// What a transaction has done so far, in order.
#[derive(Default)]
pub(super) struct Draft {
    steps: Vec<Done>,
    changes: Vec<Changed>,
    /// The session that it ends. Nothing fails behind that, so it is never taken back.
    pub(super) ended: Option<SessionId>,
    /// Whether a session would have kept too much alive.
    pub(super) is_over_limit: bool,
    /// What the steps mean to the quotas; it counts when they are final.
    pub(super) uses: Vec<Use>,
    /// What quotas gave reason to say on the way. It is not taken back.
    pub(super) notices: Vec<QuotaNotice>,
    /// The digest before the first of them, if it is kept up.
    digest: Option<u64>,
}

/// One step, with what it did to the table of ephemerals.
struct Done {
    step: Step,
    ephemeral: Option<(SessionId, Listing)>,
}

/// Each with the bytes of data there were.
enum Listing {
    Listed(String, usize),
    Struck(String, usize),
    Resized {
        old: usize,
        new: usize,
    },
    /// Out of the hands of another session.
    TakenOver {
        from: SessionId,
        path: String,
        bytes: usize,
    },
}

impl Engine {
    /// Creates a znode as part of the draft.
    pub(super) fn draft_create(
        &mut self,
        draft: &mut Draft,
        parent: NodeId,
        birth: Birth<'_>,
    ) -> NodeId {
        let path = birth.path.to_owned();
        let (kind, bytes) = (birth.kind, birth.data.map_or(0, <[u8]>::len));
        self.note_use(draft, &path, Usage::of(birth.data));
        let above = path::parent(&path).unwrap_or(path::ROOT);
        self.begin_step(draft);
        self.discount(parent, above);
        let (id, step) = self.tree.create(parent, birth);
        self.count(parent, above);
        self.count(id, &path);
        let mut ephemeral = None;
        if let Kind::Ephemeral(owner) = kind {
            self.ephemerals.insert(owner, path.clone(), bytes);
            ephemeral = Some((owner, Listing::Listed(path.clone(), bytes)));
        }
        draft.steps.push(Done { step, ephemeral });
        draft.changes.push(self.changed(EventKind::Created, id, path, Some(parent)));
        id
    }

    /// Removes a znode without children as part of the draft.
    pub(super) fn draft_remove(
        &mut self,
        draft: &mut Draft,
        (parent, id): (NodeId, NodeId),
        path: &str,
        zxid: Zxid,
    ) {
        draft.changes.push(self.changed(EventKind::Deleted, id, path.to_owned(), Some(parent)));
        self.note_use(draft, path, Usage::of(self.tree.node(id).data()).less());
        let mut ephemeral = None;
        if let Kind::Ephemeral(owner) = self.tree.node(id).kind() {
            let bytes = self.data_length(id);
            self.ephemerals.remove(owner, path, bytes);
            ephemeral = Some((owner, Listing::Struck(path.to_owned(), bytes)));
        }
        let above = path::parent(path).unwrap_or(path::ROOT);
        self.begin_step(draft);
        self.discount(parent, above);
        self.discount(id, path);
        draft.steps.push(Done { step: self.tree.remove(id, zxid), ephemeral });
        self.count(parent, above);
    }

    /// Sets data as part of the draft.
    pub(super) fn draft_set(
        &mut self,
        draft: &mut Draft,
        (id, path): (NodeId, &str),
        data: Option<&[u8]>,
        asker: Asker<'_>,
    ) {
        self.note_use(draft, path, self.growth(id, data));
        let mut ephemeral = None;
        if let Kind::Ephemeral(owner) = self.tree.node(id).kind() {
            let (old, new) = (self.data_length(id), data.map_or(0, <[u8]>::len));
            self.ephemerals.resize(owner, old, new);
            ephemeral = Some((owner, Listing::Resized { old, new }));
        }
        self.begin_step(draft);
        self.discount(id, path);
        let step = self.tree.set_data(id, data, asker.zxid, asker.at);
        self.count(id, path);
        draft.steps.push(Done { step, ephemeral });
        draft.changes.push(self.changed(EventKind::DataChanged, id, path.to_owned(), None));
    }

    /// Gives an ephemeral of another session to the asker as part of the draft.
    pub(super) fn draft_adopt(
        &mut self,
        draft: &mut Draft,
        (id, path): (NodeId, &str),
        from: SessionId,
        asker: Asker<'_>,
    ) {
        let (bytes, to) = (self.data_length(id), asker.session);
        self.ephemerals.remove(from, path, bytes);
        self.ephemerals.insert(to, path.to_owned(), bytes);
        self.begin_step(draft);
        self.discount(id, path);
        let step = self.tree.adopt(id, to, asker.zxid, asker.at);
        self.count(id, path);
        let taken = Listing::TakenOver { from, path: path.to_owned(), bytes };
        draft.steps.push(Done { step, ephemeral: Some((to, taken)) });
        draft.changes.push(self.changed(EventKind::DataChanged, id, path.to_owned(), None));
    }

    /// Makes the draft final, and adds to the effects what watchers hear, whose ephemerals are others
    /// or hold other data than before, and what is said of quotas.
    pub(super) fn keep(&mut self, mut draft: Draft, effects: &mut Effects) {
        for done in draft.steps {
            self.tree.keep(done.step);
            let Some((owner, listing)) = done.ephemeral else { continue };
            if effects.owners.last() != Some(&owner) {
                effects.owners.push(owner);
            }
            if let Listing::TakenOver { from, .. } = listing
                && effects.owners.first() != Some(&from)
            {
                effects.owners.insert(0, from);
            }
        }
        if !draft.uses.is_empty() {
            self.count_uses(draft.uses, &mut draft.notices);
        }
        effects.changes = draft.changes;
        effects.quotas = draft.notices;
    }

    /// Takes everything back. What there is to say of limits is said all the same.
    pub(super) fn undo(&mut self, draft: &mut Draft) {
        if let Some(digest) = draft.digest.take() {
            self.restore_digest(digest);
        }
        draft.changes.clear();
        draft.uses.clear();
        for done in draft.steps.drain(..).rev() {
            self.tree.undo(done.step);
            match done.ephemeral {
                Some((owner, Listing::Listed(path, bytes))) => {
                    self.ephemerals.remove(owner, &path, bytes);
                }
                Some((owner, Listing::Struck(path, bytes))) => {
                    self.ephemerals.insert(owner, path, bytes);
                }
                Some((owner, Listing::Resized { old, new })) => {
                    self.ephemerals.resize(owner, new, old);
                }
                Some((owner, Listing::TakenOver { from, path, bytes })) => {
                    self.ephemerals.remove(owner, &path, bytes);
                    self.ephemerals.insert(from, path, bytes);
                }
                None => {}
            }
        }
    }

    pub(super) fn data_length(&self, id: NodeId) -> usize {
        self.tree.node(id).data().map_or(0, <[u8]>::len)
    }

    fn begin_step(&self, draft: &mut Draft) {
        if draft.steps.is_empty() {
            draft.digest = self.kept_digest();
        }
    }

    fn changed(
        &self,
        kind: EventKind,
        id: NodeId,
        path: String,
        parent: Option<NodeId>,
    ) -> Changed {
        let acl = |id: NodeId| -> Arc<[Acl]> { Arc::clone(self.tree.node(id).acl()) };
        Changed { kind, path, acl: acl(id), parent_acl: parent.map(acl) }
    }
}
