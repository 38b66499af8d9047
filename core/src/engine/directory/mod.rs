//! The session directory: what `/zookeeper/sessions` and everything below it stand for.
//!
//! None of these znodes is in the tree. They are views of the registry: one for each session, with the
//! values it has bound to itself below it, and one for each of the latest that ended. Any client reads
//! and watches them like others; a session writes its own values with the ordinary operations
//! (`values`), and nothing else there is written by anybody. What a znode says of its session, and who
//! may read it, is not replicated: whoever serves sessions says so ([`SessionTexts`]).
//!
//! Whether there is a directory is one of the rules, for a write there fails in another way if there is
//! none. Znodes that the tree has at these paths, from a time without one, are out of sight meanwhile.

mod place;
mod read;
pub(super) mod values;

pub use place::{Place, TOP};

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Engine;
use crate::base::{Acl, SessionId, Stat, WallMillis, Zxid};
use crate::session::data::Value;
use crate::session::{Ended, Holding, Registered, SessionData};

/// The znode whose list the directory is added to.
const ABOVE: &str = "/zookeeper";
/// What it is called there.
const NAME: &str = "sessions";

/// What is said of sessions by whoever serves them.
pub trait SessionTexts {
    /// Who may read the directory, but for the values of others.
    fn acl(&self) -> &Arc<[Acl]>;

    /// The data of a session's znode.
    fn living(&self, id: SessionId, registered: &Registered, ephemerals: u64) -> String;

    /// The data of the znode of one that ended.
    fn ended(&self, ended: &Ended) -> String;
}

impl Engine {
    /// Whether there is a directory.
    pub fn has_directory(&self) -> bool {
        self.rules.session_directory
    }

    /// What a path stands for in the directory; `None` if it is not one of those, or if there is none.
    pub fn place<'a>(&self, path: &'a str) -> Option<Place<'a>> {
        if self.rules.session_directory { Place::of(path) } else { None }
    }

    /// The Stat of a znode of the directory, as far as it does not depend on its data.
    pub(super) fn directory_stat(&self, place: Place<'_>) -> Option<Stat> {
        match place {
            Place::Top => {
                let count = self.registry.len() + 1;
                Some(list_stat(self.registry.changed(), count, SessionId::NONE))
            }
            Place::Session(id) => {
                let registered = self.registry.get(id)?;
                let children = usize::from(self.has_data(registered));
                Some(Stat {
                    num_children: as_count(children),
                    ..own_stat(registered.begun, registered.since, id)
                })
            }
            Place::Data(id) => {
                let registered = self.registry.get(id).filter(|it| self.has_data(it))?;
                let stat = own_stat(registered.begun, registered.since, id);
                let Some(data) = &registered.data else { return Some(stat) };
                let (cversion, changed) = data.changes();
                let num_children = as_count(data.len());
                Some(Stat { cversion, num_children, pzxid: changed.max(stat.pzxid), ..stat })
            }
            Place::Value(id, name) => self.value(id, name).map(|value| value.stat(id)),
            Place::AllEnded => {
                let newest = self.registry.ended().iter().next_back();
                let changed = newest.map_or(Zxid::ZERO, |ended| ended.zxid);
                Some(list_stat(changed, self.registry.ended().distinct(), SessionId::NONE))
            }
            Place::Ended(id) => {
                let ended = self.registry.ended().get(id)?;
                Some(own_stat(ended.zxid, ended.at, SessionId::NONE))
            }
            Place::Nowhere => None,
        }
    }

    /// How much a session keeps alive: ephemerals, and the values it has bound to itself.
    pub fn holding(&self, session: SessionId) -> Holding {
        let mut holding = self.ephemerals.holding(session);
        if let Some(data) = self.registry.get(session).and_then(|it| it.data.as_ref()) {
            holding.count += data.len() as u64;
            holding.bytes += data.bytes() as u64;
        }
        holding
    }

    /// Whose value is at a place, and how many bytes of data it has.
    pub(super) fn value_at(&self, place: Place<'_>) -> Option<(SessionId, usize)> {
        let Place::Value(owner, name) = place else { return None };
        let value = self.value(owner, name)?;
        Some((owner, value.data.as_ref().map_or(0, |data| data.len())))
    }

    /// The Stat that says whether a watch has missed something.
    pub(super) fn watched_stat(&self, path: &str) -> Option<Stat> {
        match self.place(path) {
            Some(place) => self.directory_stat(place),
            None => self.tree.find(path).map(|id| self.tree.node(id).stat()),
        }
    }

    /// Whether the directory is to be added to the list of a znode, which may have a child of that name.
    pub(super) fn has_directory_below(&self, path: &str) -> bool {
        path == ABOVE && self.rules.session_directory && self.tree.find(TOP).is_none()
    }

    /// The value that a session has bound to a name.
    fn value(&self, session: SessionId, name: &str) -> Option<&Value> {
        self.registry.get(session)?.data.as_ref()?.get(name)
    }

    /// Whether a session has a place for values. Those that were bound under other rules stay.
    fn has_data(&self, registered: &Registered) -> bool {
        let has_some = |data: &Arc<SessionData>| !data.is_empty();
        self.rules.session_values > 0 || registered.data.as_ref().is_some_and(has_some)
    }

    /// The sessions of which it is kept how they ended, each once.
    fn ended_ids(&self) -> BTreeSet<SessionId> {
        self.registry.ended().iter().map(|ended| ended.id).collect()
    }

    /// How many znodes of the directory are below this one.
    fn directory_descendants(&self, place: Place<'_>) -> usize {
        let values = |registered: &Registered| registered.data.as_ref().map_or(0, |it| it.len());
        let below =
            |registered: &Registered| usize::from(self.has_data(registered)) + values(registered);
        match place {
            Place::Top => {
                let living: usize = self.registry.iter().map(|(_, it)| 1 + below(it)).sum();
                living + 1 + self.registry.ended().distinct()
            }
            Place::Session(id) => self.registry.get(id).map_or(0, below),
            Place::Data(id) => self.registry.get(id).map_or(0, values),
            Place::AllEnded => self.registry.ended().distinct(),
            Place::Value(..) | Place::Ended(_) | Place::Nowhere => 0,
        }
    }
}

/// The Stat of a list that begins with the server. Nobody counts its changes; its `cversion` is another
/// one after each of them all the same.
fn list_stat(changed: Zxid, children: usize, owner: SessionId) -> Stat {
    Stat {
        cversion: changed.0 as i32,
        pzxid: changed,
        num_children: as_count(children),
        ephemeral_owner: owner,
        ..Stat::default()
    }
}

/// The Stat of a znode that nobody has changed since it came.
fn own_stat(zxid: Zxid, at: WallMillis, owner: SessionId) -> Stat {
    Stat {
        czxid: zxid,
        mzxid: zxid,
        pzxid: zxid,
        ctime: at,
        mtime: at,
        ephemeral_owner: owner,
        ..Stat::default()
    }
}

fn as_count(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
