//! Replicated: which sessions exist. Changed only by `apply`, part of every snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{Identity, Millis, Password, SessionId, WallMillis, Zxid};

use super::data::SessionData;
use super::ended::{Ended, EndedSessions};
use super::scan::Scan;
use super::window::Window;

/// What is known of a session for as long as it exists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registered {
    /// The timeout granted at creation. A re-attach may agree on another for its own connection;
    /// this one stays, and counts again after a restart.
    pub timeout: Millis,
    /// What a re-attach has to present.
    pub password: Password,
    /// When it began; 0 for one that began before that was kept.
    pub since: WallMillis,
    /// The transaction that began it; zero likewise.
    pub begun: Zxid,
    /// What its client had proven at its latest write.
    pub identities: Arc<[Identity]>,
    /// The answers to its latest numbered writes.
    pub window: Option<Arc<Window>>,
    /// The values it has bound to itself.
    pub data: Option<Arc<SessionData>>,
}

impl Registered {
    /// A session that has just begun, or of which nothing else is known.
    pub fn new(timeout: Millis, password: Password) -> Registered {
        Registered {
            timeout,
            password,
            since: WallMillis(0),
            begun: Zxid::ZERO,
            identities: Arc::from([]),
            window: None,
            data: None,
        }
    }

    /// The newest transaction that left anything here.
    pub fn newest_zxid(&self) -> Zxid {
        let window = self.window.iter().flat_map(|window| window.iter()).map(|kept| kept.zxid);
        let data = self.data.iter().flat_map(|data| data.iter()).map(|(_, value)| value.mzxid);
        let changed = self.data.iter().map(|data| data.changes().1);
        window.chain(data).chain(changed).fold(self.begun, Zxid::max)
    }

    /// Its window, to change.
    pub fn window_mut(&mut self) -> &mut Window {
        Arc::make_mut(self.window.get_or_insert_default())
    }

    /// Its data, to change.
    pub fn data_mut(&mut self) -> &mut SessionData {
        Arc::make_mut(self.data.get_or_insert_default())
    }
}

/// All sessions, in the order of their ids, and how the latest of those before them ended.
#[derive(Debug, Default)]
pub struct Registry {
    pub(super) sessions: BTreeMap<SessionId, Registered>,
    pub(super) ended: EndedSessions,
    /// The transaction that last began or ended a session, as far as that is kept. It follows from the
    /// two above.
    changed: Zxid,
    pub(super) scan: Option<Box<Scan>>,
}

impl Registry {
    /// Adds a session. Returns false, and changes nothing, if the id is taken.
    pub fn insert(&mut self, id: SessionId, registered: Registered) -> bool {
        match self.sessions.entry(id) {
            std::collections::btree_map::Entry::Occupied(_) => false,
            std::collections::btree_map::Entry::Vacant(free) => {
                self.changed = self.changed.max(registered.begun);
                free.insert(registered);
                if let Some(scan) = &mut self.scan {
                    scan.save(id, || None);
                }
                true
            }
        }
    }

    /// Removes a session and returns what was known of it.
    pub fn remove(&mut self, id: SessionId) -> Option<Registered> {
        let registered = self.sessions.remove(&id)?;
        if let Some(scan) = &mut self.scan {
            scan.save(id, || Some(registered.clone()));
        }
        Some(registered)
    }

    /// What is known of a session, to change.
    pub fn get_mut(&mut self, id: SessionId) -> Option<&mut Registered> {
        let registered = self.sessions.get_mut(&id)?;
        if let Some(scan) = &mut self.scan {
            scan.save(id, || Some(registered.clone()));
        }
        Some(registered)
    }

    /// Notes how a session ended that was removed. Returns of which one that is not kept any more.
    pub fn note_end(&mut self, ended: Ended) -> Option<SessionId> {
        self.changed = self.changed.max(ended.zxid);
        self.ended.note(ended)
    }

    /// The transaction that last began or ended a session; zero if none of which that was kept did.
    pub fn changed(&self) -> Zxid {
        self.changed
    }

    /// How the latest sessions ended.
    pub fn ended(&self) -> &EndedSessions {
        &self.ended
    }

    /// What is known of a session.
    pub fn get(&self, id: SessionId) -> Option<&Registered> {
        self.sessions.get(&id)
    }

    /// Whether the session exists.
    pub fn contains(&self, id: SessionId) -> bool {
        self.sessions.contains_key(&id)
    }

    /// All sessions in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (SessionId, &Registered)> {
        self.sessions.iter().map(|(&id, registered)| (id, registered))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }
}
