//! A transaction on its way: what it has done so far, and how all of it is taken back.

use std::sync::Arc;

use super::access::Judged;
use super::directory::values;
use super::effects::QuotaNotice;
use super::quota::{Usage, Use};
use super::{Changed, Effects, Engine};
use crate::base::{Acl, EventKind, Identity, SessionId, WallMillis, Zxid, path};
use crate::session::SessionData;
use crate::session::data::Value;
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
    /// The session whose end is not kept any more, for there were others since.
    pub(super) forgotten: Option<SessionId>,
    /// The digest before the first of them, if it is kept up.
    digest: Option<u64>,
}

/// One step.
enum Done {
    /// In the tree, with what it did to the table of ephemerals.
    Znode { step: Step, ephemeral: Option<(SessionId, Listing)> },
    /// In the data of a session. Most steps are none of these, and each is moved several times.
    Value(Box<Bound>),
}

/// What was bound to a name of a session, and how often the list had changed.
struct Bound {
    session: SessionId,
    name: String,
    before: Option<Value>,
    changes: (i32, Zxid),
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
        draft.steps.push(Done::Znode { step, ephemeral });
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
        draft.steps.push(Done::Znode { step: self.tree.remove(id, zxid), ephemeral });
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
        draft.steps.push(Done::Znode { step, ephemeral });
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
        draft.steps.push(Done::Znode { step, ephemeral: Some((to, taken)) });
        draft.changes.push(self.changed(EventKind::DataChanged, id, path.to_owned(), None));
    }

    /// Binds, sets or unbinds a value of the asker as part of the draft.
    pub(super) fn draft_value(
        &mut self,
        draft: &mut Draft,
        (kind, name): (EventKind, &str),
        value: Option<Value>,
        asker: Asker<'_>,
    ) {
        let session = asker.session;
        self.begin_step(draft);
        let Some(registered) = self.registry.get_mut(session) else { return };
        let data = registered.data_mut();
        let changes = data.changes();
        let new = value.as_ref().map(|value| Arc::clone(&value.acl));
        let before = data.replace(name, value, asker.zxid);
        let old = before.as_ref().map(|before| Arc::clone(&before.acl));
        let acl = new.or(old).unwrap_or_else(|| Arc::from([]));
        let path = values::path_of(session, name);
        draft.changes.push(Changed { kind, path, acl, parent_acl: None });
        let name = name.to_owned();
        draft.steps.push(Done::Value(Box::new(Bound { session, name, before, changes })));
    }

    /// The values of a session that is gone are gone as part of the draft, in the order of their names.
    pub(super) fn draft_loss(&self, draft: &mut Draft, session: SessionId, data: &SessionData) {
        if !self.has_directory() {
            return;
        }
        draft.changes.extend(data.iter().map(|(name, value)| Changed {
            kind: EventKind::Deleted,
            path: values::path_of(session, name),
            acl: Arc::clone(&value.acl),
            parent_acl: None,
        }));
    }

    fn undo_value(&mut self, bound: Bound) {
        let Some(registered) = self.registry.get_mut(bound.session) else { return };
        let data = registered.data_mut();
        data.undo(&bound.name, bound.before, bound.changes);
        if data.is_untouched() {
            registered.data = None;
        }
    }

    /// Makes the draft final, and adds to the effects what watchers hear, who keeps other ephemerals and
    /// values alive than before, or the same with other data, and what is said of quotas.
    pub(super) fn keep(&mut self, mut draft: Draft, effects: &mut Effects) {
        for done in draft.steps {
            let (owner, listing) = match done {
                Done::Znode { step, ephemeral } => {
                    self.tree.keep(step);
                    let Some((owner, listing)) = ephemeral else { continue };
                    (owner, Some(listing))
                }
                Done::Value(bound) => (bound.session, None),
            };
            if effects.owners.last() != Some(&owner) {
                effects.owners.push(owner);
            }
            if let Some(Listing::TakenOver { from, .. }) = listing
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
            let (step, ephemeral) = match done {
                Done::Znode { step, ephemeral } => (step, ephemeral),
                Done::Value(bound) => {
                    self.undo_value(*bound);
                    continue;
                }
            };
            self.tree.undo(step);
            match ephemeral {
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
