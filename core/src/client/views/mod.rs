//! Views: what the server has at a path, read again whenever it may have changed.
//!
//! A view is a persistent watch that the client keeps for itself, and reads it sends by itself: after
//! every event, and after every gap in which events may have been missed. Level-triggered: what comes
//! between two reads is never seen, the state at the end always is.
//!
//! Everything about a view is decided here, without a task or timer for any of them: what is to be
//! sent, what an event makes doubtful, and what an answer means. Whether a value differs from the one
//! before is left to whoever keeps it.

mod reads;
mod tree;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::call::WatchId;
use super::error::Error;
use super::watches::{Table, Watches};
use crate::base::{EventKind, Moment, Stat, WatchMode};
use crate::wire::Request;

pub(super) use reads::Question;
use tree::Tree;

/// What a view shows of its path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ViewKind {
    /// The data of the znode.
    Data,
    /// The names of its children.
    Children,
    /// The data of the znode and of all below it.
    Tree,
}

impl ViewKind {
    pub(super) fn mode(self) -> WatchMode {
        match self {
            ViewKind::Data | ViewKind::Children => WatchMode::Persistent,
            ViewKind::Tree => WatchMode::PersistentRecursive,
        }
    }
}

/// A view that the program wants.
#[derive(Clone, Debug)]
pub struct NewView {
    /// Names the view, and the watch it keeps.
    pub watch: WatchId,
    /// What it shows.
    pub kind: ViewKind,
    /// Of which path, on the server.
    pub path: Arc<str>,
    /// Where the program stands: comes off the paths of a tree.
    pub chroot: Arc<str>,
}

/// Data and Stat of one znode, from one read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Content {
    /// The data; `None` where the znode has none.
    pub data: Option<Bytes>,
    /// The Stat that goes with them.
    pub stat: Stat,
}

/// The children of one znode, from one read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listing {
    /// Their names, in no particular order.
    pub names: Vec<String>,
    /// The Stat of the parent.
    pub stat: Stat,
}

/// What changed below a tree view's path since it last said something, by the program's paths: what
/// was read there, or `None` for what is gone.
pub type Delta = BTreeMap<String, Option<Content>>;

/// What a view says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    /// Data were read; `None` if there is no such znode.
    Data(Option<Content>),
    /// Children were read; `None` if there is no such znode.
    Children(Option<Listing>),
    /// A tree was read as far as it may have changed. May be empty.
    Tree(Delta),
    /// Nothing was read: only what is known may have been overtaken.
    Doubt,
    /// The view is over.
    Ended(Error),
}

/// All views of one client.
#[derive(Debug, Default)]
pub(super) struct Views {
    by_watch: BTreeMap<WatchId, View>,
    /// Those that have something to send, each once.
    queue: VecDeque<WatchId>,
    /// Tree views to be looked at before the machine is done with an input.
    touched: Vec<WatchId>,
    /// Those whose read a server was too busy for, and when they ask again.
    refused: Vec<WatchId>,
    retry_at: Option<Moment>,
}

#[derive(Debug)]
struct View {
    path: Arc<str>,
    chroot: Arc<str>,
    shown: Shown,
    /// Whether the server has to be told of the watch on this connection.
    is_unwatched: bool,
    is_queued: bool,
    /// Whether it waits among [`Views::refused`].
    is_refused: bool,
    /// Whether the program was told so.
    is_fresh: bool,
}

#[derive(Debug)]
enum Shown {
    Data(Single),
    Children(Single),
    Tree(Box<Tree>),
}

/// One read at a time.
#[derive(Clone, Copy, Debug, Default)]
struct Single {
    is_dirty: bool,
    is_flying: bool,
}

impl View {
    fn new(view: &NewView) -> View {
        let single = Single::default();
        View {
            path: Arc::clone(&view.path),
            chroot: Arc::clone(&view.chroot),
            shown: match view.kind {
                ViewKind::Data => Shown::Data(single),
                ViewKind::Children => Shown::Children(single),
                ViewKind::Tree => Shown::Tree(Box::new(Tree::new(&view.path, &view.chroot))),
            },
            is_unwatched: true,
            is_queued: false,
            is_refused: false,
            is_fresh: false,
        }
    }

    fn kind(&self) -> ViewKind {
        match self.shown {
            Shown::Data(_) => ViewKind::Data,
            Shown::Children(_) => ViewKind::Children,
            Shown::Tree(_) => ViewKind::Tree,
        }
    }

    /// Everything has to be read again.
    fn start_over(&mut self) {
        match &mut self.shown {
            Shown::Data(single) | Shown::Children(single) => single.is_dirty = true,
            Shown::Tree(tree) => tree.start_over(),
        }
    }

    /// The next read, unless it has to wait for an answer first.
    fn take_read(&mut self) -> Option<(Question, Request)> {
        let (single, question) = match &mut self.shown {
            Shown::Data(single) => (single, Question::Data),
            Shown::Children(single) => (single, Question::Children),
            Shown::Tree(tree) => return tree.take_read(),
        };
        if !single.is_dirty || single.is_flying {
            return None;
        }
        *single = Single { is_dirty: false, is_flying: true };
        Some((question, question.read(self.path.to_string())))
    }

    /// An event came. Whether it may change what is shown.
    fn hear(&mut self, kind: EventKind, path: &str) -> bool {
        match &mut self.shown {
            Shown::Data(single) if kind != EventKind::ChildrenChanged => single.is_dirty = true,
            Shown::Children(single) if kind != EventKind::DataChanged => single.is_dirty = true,
            Shown::Tree(tree) => return tree.hear(kind, path),
            _ => return false,
        }
        true
    }
}

impl Views {
    pub fn contains(&self, watch: WatchId) -> bool {
        self.by_watch.contains_key(&watch)
    }

    /// When views that were refused ask again.
    pub fn deadline(&self) -> Option<Moment> {
        self.retry_at
    }

    fn open(&mut self, view: &NewView, watches: &mut Watches) {
        watches.insert_at(view.watch, Table::of(view.kind.mode()), &view.path, &view.chroot);
        self.by_watch.insert(view.watch, View::new(view));
        self.watch_again(view.watch);
    }

    /// The server does not have this view's watch, on a connection that stands or the next one.
    fn watch_again(&mut self, watch: WatchId) {
        let Some(view) = self.by_watch.get_mut(&watch) else { return };
        view.is_unwatched = true;
        view.start_over();
        self.enqueue(watch);
    }

    fn enqueue(&mut self, watch: WatchId) {
        let Some(view) = self.by_watch.get_mut(&watch) else { return };
        if !view.is_queued && !view.is_refused {
            view.is_queued = true;
            self.queue.push_back(watch);
        }
    }

    /// The next request of any view.
    fn take_request(&mut self) -> Option<(WatchId, Question, Request)> {
        while let Some(&watch) = self.queue.front() {
            let Some(view) = self.by_watch.get_mut(&watch) else {
                self.queue.pop_front();
                continue;
            };
            if !view.is_refused {
                if std::mem::take(&mut view.is_unwatched) {
                    let (path, mode) = (view.path.to_string(), view.kind().mode());
                    return Some((watch, Question::Watch, Request::AddWatch { path, mode }));
                }
                if let Some((question, request)) = view.take_read() {
                    return Some((watch, question, request));
                }
            }
            view.is_queued = false;
            self.queue.pop_front();
        }
        None
    }

    /// A server was too busy: the view asks again at `at`, with all others that are refused until
    /// then.
    fn put_off(&mut self, watch: WatchId, at: Moment) {
        if let Some(view) = self.by_watch.get_mut(&watch)
            && !std::mem::replace(&mut view.is_refused, true)
        {
            self.refused.push(watch);
            self.retry_at.get_or_insert(at);
        }
    }

    fn take_refused(&mut self) {
        self.retry_at = None;
        for watch in std::mem::take(&mut self.refused) {
            if let Some(view) = self.by_watch.get_mut(&watch) {
                view.is_refused = false;
                self.enqueue(watch);
            }
        }
    }

    /// Nothing that was sent will be answered, and nothing is sent. Who has to hear that what they
    /// know may have been overtaken.
    fn cut(&mut self) -> Vec<WatchId> {
        self.queue.clear();
        self.touched.clear();
        self.refused.clear();
        self.retry_at = None;
        let mut doubtful = Vec::new();
        for (&watch, view) in &mut self.by_watch {
            (view.is_queued, view.is_refused) = (false, false);
            match &mut view.shown {
                Shown::Data(single) | Shown::Children(single) => single.is_flying = false,
                Shown::Tree(tree) => tree.stop(),
            }
            if std::mem::take(&mut view.is_fresh) {
                doubtful.push(watch);
            }
        }
        doubtful
    }

    /// The watches of all views are on their way to the server: everything is read behind them.
    fn restore(&mut self) {
        self.queue.clear();
        for (&watch, view) in &mut self.by_watch {
            view.is_unwatched = false;
            view.start_over();
            view.is_queued = true;
            self.queue.push_back(watch);
        }
    }

    /// Asserts that every view has its watch.
    pub fn check(&self, watches: &Watches) {
        let mut queued = BTreeSet::new();
        for watch in self.queue.iter().filter(|&watch| self.by_watch.contains_key(watch)) {
            assert!(queued.insert(watch), "C9: view {watch:?} is queued once");
        }
        for (watch, view) in &self.by_watch {
            let is_filed = watches.contains(&view.path, view.kind().mode());
            assert!(is_filed, "C9: the watch of view {watch:?} is registered");
            assert_eq!(view.is_queued, queued.contains(watch), "C9: view {watch:?} is queued");
        }
    }
}
