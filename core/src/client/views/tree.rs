//! A tree view: a znode and all below it, read in rounds.
//!
//! A round reads what may have changed when it began, and what it finds on its way. What is heard
//! meanwhile is the next round's. So every round ends, however busy the tree is, and the program gets
//! what it read in one piece. The first round on a connection begins at the top and reads everything.
//!
//! A znode is part of the view while every znode above it, up to the view's own, is: what may not be
//! read is left out with everything below it, whatever is heard of that.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use super::reads::{Effect, Question, content, is_passing};
use super::{Content, Delta};
use crate::base::limits::VIEW_READS;
use crate::base::{Code, EventKind, Stat, path};
use crate::wire::{Reply, Request};

/// Not part of a view of everything: what the server keeps of itself.
const SERVERS_OWN: &str = "/zookeeper";

/// What has to be read of one path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Need {
    /// The data.
    Data,
    /// The data, then the children if there are any.
    All,
    /// The children.
    Children,
}

/// The state of one tree view.
#[derive(Debug)]
pub(super) struct Tree {
    path: Arc<str>,
    chroot: Arc<str>,
    /// The znodes that are part of the view, by their paths on the server.
    known: BTreeSet<String>,
    /// What this round still has to ask for.
    round: BTreeMap<String, Need>,
    /// What the next one has to.
    next: BTreeMap<String, Need>,
    /// What was asked for, in order. Each path once.
    flying: VecDeque<(String, Need)>,
    /// What the program has not been told yet.
    delta: Delta,
    is_running: bool,
    /// Whether the round reads what it knows, too.
    is_full: bool,
    /// Whether nothing can be read: there is no connection.
    is_stopped: bool,
}

impl Tree {
    pub fn new(path: &Arc<str>, chroot: &Arc<str>) -> Tree {
        Tree {
            path: Arc::clone(path),
            chroot: Arc::clone(chroot),
            known: BTreeSet::new(),
            round: BTreeMap::new(),
            next: BTreeMap::new(),
            flying: VecDeque::new(),
            delta: Delta::new(),
            is_running: false,
            is_full: false,
            is_stopped: true,
        }
    }

    /// Everything has to be read again.
    pub fn start_over(&mut self) {
        self.next.clear();
        self.round = BTreeMap::from([(self.path.to_string(), Need::All)]);
        (self.is_running, self.is_full, self.is_stopped) = (true, true, false);
    }

    /// The connection is gone, and with it all answers.
    pub fn stop(&mut self) {
        self.round.clear();
        self.next.clear();
        self.flying.clear();
        (self.is_running, self.is_stopped) = (false, true);
    }

    /// Whether nothing is read, nor has to be.
    pub fn is_quiet(&self) -> bool {
        let is_idle = self.round.is_empty() && self.next.is_empty() && self.flying.is_empty();
        is_idle && !self.is_stopped
    }

    /// The next read, if there is one that need not wait for an answer.
    pub fn take_read(&mut self) -> Option<(Question, Request)> {
        if self.flying.len() >= VIEW_READS {
            return None;
        }
        let next = self.round.keys().find(|path| !self.is_flying(path))?.clone();
        let (path, need) = self.round.remove_entry(&next)?;
        let question = if need == Need::Children { Question::Children } else { Question::Data };
        self.flying.push_back((path.clone(), need));
        Some((question, question.read(path)))
    }

    /// An event came. Whether it may change what is shown.
    pub fn hear(&mut self, kind: EventKind, path: &str) -> bool {
        if self.is_stopped || self.is_left_out(path) {
            return false;
        }
        match kind {
            EventKind::Created => self.want(path, Need::All),
            EventKind::DataChanged if self.known.contains(path) => self.want(path, Need::Data),
            EventKind::DataChanged => self.want(path, Need::All),
            EventKind::Deleted => self.forget(path),
            EventKind::ChildrenChanged => return false,
        }
        true
    }

    /// Ends the round if all is read, begins the next if there is one, and returns what the program
    /// has to be told.
    pub fn settle(&mut self) -> Option<Delta> {
        if self.is_stopped || !self.round.is_empty() || !self.flying.is_empty() {
            return None;
        }
        let was_running = std::mem::replace(&mut self.is_running, !self.next.is_empty());
        self.is_full = false;
        self.round = std::mem::take(&mut self.next);
        let delta = std::mem::take(&mut self.delta);
        (was_running || !delta.is_empty()).then_some(delta)
    }

    /// The oldest read was answered.
    ///
    /// # Errors
    /// What the view ends with.
    pub fn answered(&mut self, answer: Result<Reply, Code>) -> Result<Effect, Code> {
        let Some((path, need)) = self.flying.pop_front() else {
            return Err(Code::MarshallingError);
        };
        match (need, answer) {
            (Need::Data | Need::All, Ok(Reply::Data { data, stat })) => {
                self.found(path, need, content(data, stat));
            }
            (Need::Children, Ok(Reply::Children2 { names, .. })) => self.listed(&path, names),
            (_, Ok(_)) => return Err(Code::MarshallingError),
            (_, Err(code)) if is_passing(code) => {
                self.round.insert(path, need);
                return Ok(Effect::Waits);
            }
            (_, Err(code)) if code != Code::NoNode && *path == *self.path => return Err(code),
            (_, Err(_)) => self.remove(&path),
        }
        Ok(Effect::Goes)
    }

    fn found(&mut self, path: String, need: Need, content: Content) {
        let is_root = *path == *self.path;
        let is_held = is_root || path::parent(&path).is_some_and(|at| self.known.contains(at));
        if !is_held {
            return;
        }
        let Stat { num_children, .. } = content.stat;
        self.delta.insert(self.shown(&path), Some(content));
        if need == Need::All && num_children > 0 {
            self.round.insert(path.clone(), Need::Children);
        } else if need == Need::All {
            self.remove_below(&path);
        }
        self.known.insert(path);
    }

    fn listed(&mut self, parent: &str, names: Vec<String>) {
        if !self.known.contains(parent) {
            return;
        }
        let there: BTreeSet<String> = names.iter().map(|name| path::join(parent, name)).collect();
        let gone: Vec<String> = self
            .below(parent)
            .filter(|at| path::parent(at) == Some(parent) && !there.contains(*at))
            .map(str::to_owned)
            .collect();
        for path in gone {
            self.remove(&path);
        }
        for path in there {
            let is_new = self.is_full || !self.known.contains(&path);
            if is_new && !self.is_left_out(&path) && !self.is_flying(&path) {
                self.round.insert(path, Need::All);
            }
        }
    }

    /// Has a path read in the next round.
    fn want(&mut self, path: &str, need: Need) {
        match self.next.get_mut(path) {
            Some(wanted) => *wanted = (*wanted).max(need),
            None => drop(self.next.insert(path.to_owned(), need)),
        }
    }

    /// A znode was deleted. What is being read of it may still be what it was.
    fn forget(&mut self, path: &str) {
        self.remove(path);
        let doubtful: Vec<String> = self
            .flying
            .iter()
            .filter(|(at, _)| path::is_within(at, path))
            .map(|(at, _)| at.clone())
            .collect();
        for at in doubtful {
            self.want(&at, Need::All);
        }
    }

    /// Takes a znode out of the view, with all below it.
    fn remove(&mut self, path: &str) {
        self.remove_below(path);
        self.round.remove(path);
        if self.known.remove(path) {
            self.delta.insert(self.shown(path), None);
        }
    }

    fn remove_below(&mut self, path: &str) {
        let gone: Vec<String> = self.below(path).map(str::to_owned).collect();
        for path in gone {
            self.delta.insert(self.shown(&path), None);
            self.known.remove(&path);
            self.round.remove(&path);
        }
    }

    fn below(&self, path: &str) -> impl Iterator<Item = &str> {
        // Everything that begins with the path and a slash comes before the path and what follows a
        // slash in the order of bytes.
        let prefix = path.strip_suffix('/').unwrap_or(path);
        let (first, end) = (format!("{prefix}/"), format!("{prefix}0"));
        let range = (Bound::Excluded(first), Bound::Excluded(end));
        self.known.range::<String, _>(range).map(String::as_str)
    }

    fn is_flying(&self, path: &str) -> bool {
        self.flying.iter().any(|(at, _)| at == path)
    }

    fn is_left_out(&self, path: &str) -> bool {
        !path::is_within(&self.path, SERVERS_OWN) && path::is_within(path, SERVERS_OWN)
    }

    /// The path as the program names it.
    fn shown(&self, path: &str) -> String {
        path::strip_chroot(&self.chroot, path).to_owned()
    }
}
