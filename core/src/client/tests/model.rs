//! A server as far as the simulation needs one: sessions, the znodes they keep alive, and the answers
//! that it keeps. It carries out what it receives, in order, whatever becomes of the answers.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::limits::WINDOW_REPLIES;
use crate::base::{Code, EventKind, SessionId, Stat, WatchMode, WatcherKind, Zxid, path};
use crate::client::chroot;
use crate::wire::once::FORGOTTEN;
use crate::wire::ops::Path;
use crate::wire::{Once, Reply, Request};

use super::world::success;

type Answer = Result<Reply, Code>;

/// The answers that are kept for one session.
#[derive(Default)]
pub struct Window {
    highest: i64,
    kept: BTreeMap<i64, Answer>,
}

#[derive(Default)]
pub struct Model {
    pub sessions: BTreeMap<i64, Window>,
    pub last_session: i64,
    /// Owners of ephemerals, by path.
    pub owners: BTreeMap<String, i64>,
    /// How often each write was carried out, by its path.
    pub carried_out: BTreeMap<String, u32>,
    /// A planted defect: numbers mean nothing to it.
    pub is_forgetful: bool,
    /// Znodes that views are of, by path, each with the number of the write that it is from.
    pub values: BTreeMap<String, i64>,
    pub last_write: i64,
    /// The persistent watches of the connection that stands.
    pub watched: BTreeSet<(String, WatcherKind)>,
}

impl Model {
    pub fn begin(&mut self) -> i64 {
        self.last_session += 1;
        self.sessions.insert(self.last_session, Window::default());
        self.last_session
    }

    pub fn is_alive(&self, session: i64) -> bool {
        self.sessions.contains_key(&session)
    }

    pub fn highest(&self, session: i64) -> i64 {
        self.sessions.get(&session).map_or(0, |window| window.highest)
    }

    pub fn end(&mut self, session: i64) {
        self.sessions.remove(&session);
        self.owners.retain(|_, owner| *owner != session);
    }

    pub fn owner(&self, path: &str) -> Option<i64> {
        self.owners.get(path).copied()
    }

    pub fn answer(&mut self, session: i64, request: &Request) -> Answer {
        match request {
            Request::Once(once) => self.answer_once(session, once),
            request => self.carry_out(session, request),
        }
    }

    fn answer_once(&mut self, session: i64, once: &Once) -> Answer {
        if self.is_forgetful {
            return self.carry_out(session, &once.request);
        }
        let window = self.sessions.entry(session).or_default();
        window.kept.retain(|&number, _| number > once.answered);
        if once.number <= window.highest {
            let kept = window.kept.get(&once.number).cloned();
            return kept.unwrap_or(Err(Code::Other(FORGOTTEN)));
        }
        let answer = self.carry_out(session, &once.request);
        if let Some(window) = self.sessions.get_mut(&session) {
            window.highest = once.number;
            window.kept.insert(once.number, answer.clone());
            while window.kept.len() > WINDOW_REPLIES {
                window.kept.pop_first();
            }
        }
        answer
    }

    fn carry_out(&mut self, session: i64, request: &Request) -> Answer {
        let path = chroot::subject(request).to_owned();
        let owner = self.owners.get(&path).copied();
        match request {
            Request::Create(create) if create.mode().is_ok_and(|mode| mode.is_ephemeral()) => {
                if owner.is_some() {
                    return Err(Code::NodeExists);
                }
                self.owners.insert(path.clone(), session);
            }
            Request::Exists { .. } if path.starts_with("/r") => {
                let owner = SessionId(owner.ok_or(Code::NoNode)?);
                return Ok(Reply::Stat(Stat { ephemeral_owner: owner, ..Stat::default() }));
            }
            Request::GetData { .. } if path.starts_with("/r") => {
                let (data, stat) = (Some("v".into()), Stat::default());
                return owner.map(|_| Reply::Data { data, stat }).ok_or(Code::NoNode);
            }
            Request::GetData { .. } if is_viewed(&path) => {
                let mzxid = Zxid(*self.values.get(&path).ok_or(Code::NoNode)?);
                let num_children = self.names(&path).len() as i32;
                let stat = Stat { mzxid, num_children, ..Stat::default() };
                return Ok(Reply::Data { data: Some(mzxid.0.to_string().into()), stat });
            }
            Request::GetChildren2 { .. } if is_viewed(&path) => {
                self.values.get(&path).ok_or(Code::NoNode)?;
                let (names, stat) = (self.names(&path), Stat::default());
                return Ok(Reply::Children2 { names, stat });
            }
            Request::AddWatch { mode, .. } => {
                self.watched.insert((path.clone(), kind_of(*mode)));
            }
            Request::SetWatches(watches) => {
                let plain =
                    watches.persistent.iter().map(|at| (at.clone(), WatcherKind::Persistent));
                let recursive = watches.recursive.iter();
                let recursive = recursive.map(|at| (at.clone(), WatcherKind::PersistentRecursive));
                self.watched.extend(plain.chain(recursive));
            }
            Request::RemoveWatches { kind, .. } => {
                let watch = (path.clone(), *kind);
                return self.watched.remove(&watch).then_some(Reply::Done).ok_or(Code::NoWatcher);
            }
            Request::Fence { session, .. } => self.end(session.0),
            Request::CloseSession => self.end(session),
            _ => {}
        }
        if request.op().path() == Path::Write && !path.is_empty() {
            *self.carried_out.entry(path).or_default() += 1;
        }
        Ok(success(request))
    }

    /// Somebody else writes, creates or deletes one of the znodes that views are of. The events that
    /// the connection gets.
    pub fn change(&mut self, path: &str, is_deleted: bool) -> Vec<(EventKind, String)> {
        let parent = path::parent(path).unwrap_or(path::ROOT).to_owned();
        let is_there = self.values.contains_key(path);
        let kind = match (is_deleted, is_there) {
            (true, true) if self.names(path).is_empty() => EventKind::Deleted,
            (true, _) => return Vec::new(),
            (false, true) => EventKind::DataChanged,
            (false, false) if parent == path::ROOT || self.values.contains_key(&parent) => {
                EventKind::Created
            }
            (false, false) => return Vec::new(),
        };
        self.last_write += 1;
        match is_deleted {
            true => drop(self.values.remove(path)),
            false => drop(self.values.insert(path.into(), self.last_write)),
        }
        let is_watched = |at: &str, kind| self.watched.contains(&(at.to_owned(), kind));
        let mut above = Some(path);
        let mut is_heard = is_watched(path, WatcherKind::Persistent);
        while let Some(at) = above {
            is_heard |= is_watched(at, WatcherKind::PersistentRecursive);
            above = path::parent(at).filter(|&parent| parent != at);
        }
        let mut events = Vec::new();
        events.extend(is_heard.then(|| (kind, path.to_owned())));
        if kind != EventKind::DataChanged && is_watched(&parent, WatcherKind::Persistent) {
            events.push((EventKind::ChildrenChanged, parent));
        }
        events
    }

    pub fn names(&self, path: &str) -> Vec<String> {
        let below = self.values.keys().filter_map(|at| at.strip_prefix(path)?.strip_prefix('/'));
        below.filter(|name| !name.contains('/')).map(str::to_owned).collect()
    }

    /// Who is alive.
    pub fn alive(&self) -> BTreeSet<i64> {
        self.sessions.keys().copied().collect()
    }
}

/// Whether views are of it.
fn is_viewed(path: &str) -> bool {
    path.starts_with("/v")
}

fn kind_of(mode: WatchMode) -> WatcherKind {
    match mode {
        WatchMode::Persistent => WatcherKind::Persistent,
        WatchMode::PersistentRecursive => WatcherKind::PersistentRecursive,
    }
}
