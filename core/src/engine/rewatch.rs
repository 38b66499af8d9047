//! Re-registering watches after a reconnect: what was missed, and what is watched from now on.

use super::Engine;
use crate::base::{EventKind, Stat};
use crate::watch::Registration;
use crate::wire::SetWatches;

/// What re-registering comes to: every path sent is in one of the two lists, in the order sent.
#[must_use = "the events have to be sent and the watches registered"]
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rewatch<'a> {
    /// What was missed. Send them in this order, without a zxid and unfiltered, before the reply.
    pub events: Vec<(EventKind, &'a str)>,
    /// What to register. Nothing that became an event is among them.
    pub registrations: Vec<(Registration, &'a str)>,
}

/// Decides for each watch whether its event has happened since the client last heard.
///
/// Register the watches before the next transaction is applied. Permissions are not asked, and
/// persistent watches have nothing to catch up on.
pub fn rewatch<'a>(engine: &Engine, watches: &'a SetWatches) -> Rewatch<'a> {
    let seen = watches.relative_zxid;
    let changed = |newest, kind| (newest > seen).then_some(kind);
    let mut outcome = Rewatch::default();
    outcome.add(engine, &watches.data, Registration::Data, |stat| match stat {
        None => Some(EventKind::Deleted),
        Some(stat) => changed(stat.mzxid, EventKind::DataChanged),
    });
    outcome
        .add(engine, &watches.exist, Registration::Data, |stat| stat.map(|_| EventKind::Created));
    outcome.add(engine, &watches.child, Registration::Child, |stat| match stat {
        None => Some(EventKind::Deleted),
        Some(stat) => changed(stat.pzxid, EventKind::ChildrenChanged),
    });
    outcome.add(engine, &watches.persistent, Registration::Persistent, |_| None);
    outcome.add(engine, &watches.recursive, Registration::PersistentRecursive, |_| None);
    outcome
}

impl<'a> Rewatch<'a> {
    fn add(
        &mut self,
        engine: &Engine,
        paths: &'a [String],
        registration: Registration,
        missed: impl Fn(Option<Stat>) -> Option<EventKind>,
    ) {
        for path in paths {
            match missed(engine.watched_stat(path)) {
                Some(kind) => self.events.push((kind, path)),
                None => self.registrations.push((registration, path)),
            }
        }
    }
}
