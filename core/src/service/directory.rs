//! What the session directory says of each session, and who hears that one began or ended.
//!
//! What is replicated comes from the registry. What lives (the connection, when it was heard last) is
//! looked up before the guards of a read are taken, for the lock of the local sessions comes before that
//! of an outbox; it is as of a moment before the answer, and never logged.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::deliver::Hearers;
use super::identity;
use super::json::Object;
use super::peer::Peer;
use super::{Now, Service};
use crate::base::{Acl, EventKind, Identity, SessionId};
use crate::engine::directory::{Place, SessionTexts, TOP};
use crate::engine::{Cause, Changed, Effects, Engine};
use crate::session::{Ended, Lease, Registered};
use crate::wire::{ReadOp, Request};

/// What lives of one session.
struct Live {
    lease: Arc<Lease>,
    peer: Option<Arc<Peer>>,
}

/// What lives of the sessions that a read asks about.
#[derive(Default)]
pub(super) struct Living(BTreeMap<SessionId, Live>);

/// What is said of sessions in answer to one read.
pub(super) struct Texts<'a> {
    pub(super) service: &'a Service,
    pub(super) living: &'a Living,
    pub(super) now: Now,
}

/// The sessions whose texts a read asks for.
fn asked(request: &Request) -> Vec<SessionId> {
    let session = |path: &str| match Place::of(path) {
        Some(Place::Session(id)) => Some(id),
        _ => None,
    };
    match request {
        Request::MultiRead(ops) => {
            let data = |op: &ReadOp| match op {
                ReadOp::Data { path } => session(path),
                ReadOp::Children { .. } => None,
            };
            ops.iter().filter_map(data).collect()
        }
        request => request.znode().and_then(session).into_iter().collect(),
    }
}

/// Whether a read lists all sessions, or the latest that ended: as long as the longest lists there are,
/// and made anew for each who asks.
pub(super) fn is_list(request: &Request) -> bool {
    let is_long = |path| matches!(Place::of(path), Some(Place::Top | Place::AllEnded));
    request.is_list() && request.znode().is_some_and(is_long)
}

impl Service {
    /// Looks up what lives of the sessions that a read asks about. No outbox may be held.
    pub(super) fn living(&self, request: &Request) -> Living {
        let mut living = Living::default();
        self.add_living(request, &mut living);
        living
    }

    /// The same for one more read.
    pub(super) fn add_living(&self, request: &Request, living: &mut Living) {
        if !self.options.rules.session_directory {
            return;
        }
        for id in asked(request) {
            let (lease, connection) = {
                let sessions = self.sessions.lock();
                let Some(lease) = sessions.deadlines.get(id).cloned() else { continue };
                (lease, sessions.attachments.get(id))
            };
            let peer = connection.and_then(|id| self.peers.read().get(id).cloned());
            living.0.insert(id, Live { lease, peer });
        }
    }

    /// Whether a read asks what lives of a session.
    pub(super) fn asks_of_sessions(&self, request: &Request) -> bool {
        self.options.rules.session_directory && !asked(request).is_empty()
    }

    /// Sends the events of what began and ended to those who may read the directory.
    pub(super) fn fire_sessions(
        &self,
        engine: &Engine,
        effects: &Effects,
        asker: Option<&Arc<Peer>>,
    ) {
        let is_any = effects.begun.is_some() || effects.ended.is_some();
        // Sessions begin and end by the ten thousand, mostly with nobody watching.
        if !is_any || !engine.has_directory() || self.watches.lock().is_empty() {
            return;
        }
        let fire = |kind, path| {
            let acl = Arc::clone(&self.options.session_readers);
            self.fire(engine, &Changed { kind, path, acl, parent_acl: None }, effects, asker);
        };
        let has_data = self.options.rules.session_values > 0;
        if let Some(id) = effects.begun {
            fire(EventKind::Created, format!("{TOP}/{id}"));
            if has_data {
                fire(EventKind::Created, format!("{TOP}/{id}/data"));
            }
        }
        if let Some(id) = effects.ended {
            if has_data {
                fire(EventKind::Deleted, format!("{TOP}/{id}/data"));
            }
            fire(EventKind::Deleted, format!("{TOP}/{id}"));
            if let Some(forgotten) = effects.forgotten {
                fire(EventKind::Deleted, format!("{TOP}/ended/{forgotten}"));
            }
            fire(EventKind::Created, format!("{TOP}/ended/{id}"));
        }
    }

    /// Who hears of a change: its list, and where the watches end that are above it. The directory is no
    /// part of what a recursive watch above it expects.
    pub(super) fn hearers<'a>(&'a self, engine: &Engine, changed: &'a Changed) -> Hearers<'a> {
        match engine.place(&changed.path) {
            Some(place) => Hearers {
                acl: &changed.acl,
                parent_acl: &self.options.session_readers,
                owner: match place {
                    Place::Value(owner, _) => Some(owner),
                    _ => None,
                },
                top: TOP,
            },
            None => Hearers::of_znode(changed),
        }
    }
}

impl SessionTexts for Texts<'_> {
    fn acl(&self) -> &Arc<[Acl]> {
        &self.service.options.session_readers
    }

    fn living(&self, id: SessionId, registered: &Registered, ephemerals: u64) -> String {
        let live = self.living.0.get(&id);
        let peer = live.and_then(|live| live.peer.as_ref());
        let proven = peer.map(|peer| peer.identities());
        let identities = proven.as_ref().unwrap_or(&registered.identities);
        let values = registered.data.as_ref().map_or(0, |data| data.len());
        let mut object = Object::new();
        object
            .text("id", &id.to_string())
            .number("since_ms", registered.since.0.into())
            .number("timeout_ms", registered.timeout.0.into())
            .list("identities", identity::shown(identities).iter().map(one))
            .number("ephemerals", ephemerals.into())
            .number("values", values as i128);
        if registered.since.0 > 0 {
            let age = self.now.wall.0.saturating_sub(registered.since.0).max(0);
            object.number("age_ms", age.into());
        }
        object.yes("attached", peer.is_some());
        if let Some(peer) = peer {
            object.text("address", &peer.address.to_string());
            object.number("server", self.service.options.server_id.into());
        }
        if let Some(Live { lease, peer }) = live
            && let Some(deadline) = lease.deadline()
        {
            let timeout = lease.timeout();
            if peer.is_some() {
                object.number("connection_timeout_ms", timeout.0.into());
            }
            let left = i128::from(deadline.0) - i128::from(self.now.moment.0);
            let silent = i128::from(timeout.0) - left / 1_000;
            object.number("silent_ms", silent.max(0));
        }
        object.finish()
    }

    fn ended(&self, ended: &Ended) -> String {
        let mut object = Object::new();
        object
            .text("id", &ended.id.to_string())
            .text("cause", ended.cause.word())
            .text("text", &ended.cause.to_string());
        match ended.cause {
            Cause::Expired { silence, late } => {
                object.number("silence_ms", silence.0.into()).number("late_ms", late.0.into());
            }
            Cause::Crashed { after } => {
                object.number("after_ms", after.0.into());
            }
            Cause::HandedOver { to } => {
                object.text("handed_over_to", &to.to_string());
            }
            Cause::Fenced { by } => {
                object.text("fenced_by", &by.to_string());
            }
            Cause::Closed | Cause::Administrator => {}
        }
        object
            .number("ended_ms", ended.at.0.into())
            .number("since_ms", ended.since.0.into())
            .number("timeout_ms", ended.timeout.0.into())
            .text("zxid", &ended.zxid.to_string())
            .number("ephemerals", ended.ephemerals.into());
        object.finish()
    }
}

/// An identity as it is shown.
fn one(identity: &Identity) -> Object {
    let mut object = Object::new();
    object.text("scheme", &identity.scheme).text("id", &identity.id);
    object
}
