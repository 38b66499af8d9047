//! Who hears of a change, and in which order.
//!
//! One change of a znode has up to three steps: those who watch it as such, those who watch its
//! children (they hear that it is gone), and those who watch the children of its parent. A
//! connection hears once per znode.

use crate::base::{ConnectionId, EventKind, path};

use super::table::{WatchTable, Ways};

impl WatchTable {
    /// Tells everyone concerned that `path` was created, deleted or had its data set, and consumes
    /// the one-shot watches this uses up.
    ///
    /// `deliver` gets the connection, the event and the path of the event; its last argument is
    /// true if the event is about the parent of `path`. Within one call the events about `path` come
    /// before those about its parent. A watch whose event `deliver` keeps to itself is consumed all
    /// the same.
    pub fn fire(
        &mut self,
        kind: EventKind,
        path: &str,
        deliver: &mut dyn FnMut(ConnectionId, EventKind, &str, bool),
    ) {
        self.fire_within(path::ROOT, (kind, path), deliver);
    }

    /// The same, unheard by recursive watches above `top`, which is `path` or above it.
    pub fn fire_within(
        &mut self,
        top: &str,
        (kind, path): (EventKind, &str),
        deliver: &mut dyn FnMut(ConnectionId, EventKind, &str, bool),
    ) {
        if kind == EventKind::ChildrenChanged || self.is_empty() {
            return;
        }
        let mut told = self.hearers_of_znode(top, path);
        for &connection in &told {
            deliver(connection, kind, path, false);
        }
        if kind == EventKind::DataChanged {
            return;
        }
        if kind == EventKind::Deleted {
            let more = self.consume(path, Ways::IN_CHILD_TABLE, Ways::CHILD);
            for connection in more {
                if told.binary_search(&connection).is_err() {
                    deliver(connection, kind, path, false);
                }
            }
        }
        let Some(parent) = path::parent(path) else { return };
        told = self.consume(parent, Ways::IN_CHILD_TABLE, Ways::CHILD);
        for connection in told {
            deliver(connection, EventKind::ChildrenChanged, parent, true);
        }
    }

    /// The connections that watch the znode itself or everything below one of its ancestors, up to
    /// `top`, each once, in order.
    fn hearers_of_znode(&mut self, top: &str, path: &str) -> Vec<ConnectionId> {
        let mut hearers = self.consume(path, Ways::IN_DATA_TABLE, Ways::DATA);
        if self.tally.recursive == 0 {
            return hearers;
        }
        let mut below = path;
        while below != top && below != path::ROOT {
            let Some(ancestor) = path::parent(below) else { break };
            if let Some(at) = self.by_path.get(ancestor) {
                let recursive = at.list.iter().filter(|w| w.ways.intersects(Ways::RECURSIVE));
                hearers.extend(recursive.map(|watcher| watcher.connection));
            }
            below = ancestor;
        }
        hearers.sort_unstable();
        hearers.dedup();
        hearers
    }

    /// The connections at `path` that watch it in one of the ways `heard_by`, in order. Those of
    /// their ways that are in `once` are used up.
    fn consume(&mut self, path: &str, heard_by: Ways, once: Ways) -> Vec<ConnectionId> {
        let WatchTable { by_path, by_connection, tally, ledger } = self;
        let Some(at) = by_path.get_mut(path) else { return Vec::new() };
        let mut hearers = Vec::new();
        for position in 0..at.list.len() {
            let watcher = at.list[position];
            if !watcher.ways.intersects(heard_by) {
                continue;
            }
            hearers.push(watcher.connection);
            let left = watcher.ways.without(once);
            let Some(of) = by_connection.get_mut(&watcher.connection) else { continue };
            tally.note(at, of, watcher.ways, left);
            at.list[position].ways = left;
            if left == Ways::NONE {
                of.forget(path, ledger);
                if of.paths.is_empty() {
                    by_connection.remove(&watcher.connection);
                }
            }
        }
        at.list.retain(|watcher| watcher.ways != Ways::NONE);
        if at.list.is_empty() {
            by_path.remove(path);
        }
        hearers
    }
}
