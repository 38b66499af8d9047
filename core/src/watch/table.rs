//! Who watches what.
//!
//! Keyed by path and connection. One connection can watch one path in all four ways at once, and
//! each way is removed alone.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::usage::{Ceilings, Full, Ledger, Usage};
use crate::base::{AccountId, ConnectionId, WatchMode, WatcherKind};

/// A way to watch a path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Registration {
    /// Once: creation, deletion or data of the znode.
    Data,
    /// Once: children created or deleted, or the znode deleted.
    Child,
    /// For good: everything the two above hear.
    Persistent,
    /// For good: creation, deletion and data of the znode and of everything below it.
    PersistentRecursive,
}

impl From<WatchMode> for Registration {
    fn from(mode: WatchMode) -> Registration {
        match mode {
            WatchMode::Persistent => Registration::Persistent,
            WatchMode::PersistentRecursive => Registration::PersistentRecursive,
        }
    }
}

/// A set of ways to watch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Ways(u8);

impl Ways {
    pub(super) const NONE: Ways = Ways(0);
    pub(super) const DATA: Ways = Ways(1);
    pub(super) const CHILD: Ways = Ways(2);
    pub(super) const PERSISTENT: Ways = Ways(4);
    pub(super) const RECURSIVE: Ways = Ways(8);
    const ALL: Ways = Ways(15);
    /// What ZooKeeper files in its data table.
    pub(super) const IN_DATA_TABLE: Ways = Ways(1 | 4 | 8);
    /// What ZooKeeper files in its child table.
    pub(super) const IN_CHILD_TABLE: Ways = Ways(2 | 4);

    pub(super) fn intersects(self, other: Ways) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) fn with(self, other: Ways) -> Ways {
        Ways(self.0 | other.0)
    }

    pub(super) fn without(self, other: Ways) -> Ways {
        Ways(self.0 & !other.0)
    }

    fn of(registration: Registration) -> Ways {
        match registration {
            Registration::Data => Ways::DATA,
            Registration::Child => Ways::CHILD,
            Registration::Persistent => Ways::PERSISTENT,
            Registration::PersistentRecursive => Ways::RECURSIVE,
        }
    }

    fn meant_by(kind: WatcherKind) -> Ways {
        match kind {
            WatcherKind::Children => Ways::CHILD,
            WatcherKind::Data => Ways::DATA,
            WatcherKind::Any => Ways::ALL,
            WatcherKind::Persistent => Ways::PERSISTENT,
            WatcherKind::PersistentRecursive => Ways::RECURSIVE,
        }
    }
}

/// One connection at one path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watcher {
    pub(super) connection: ConnectionId,
    pub(super) ways: Ways,
}

/// All connections at one path, in the order of their ids.
#[derive(Default)]
pub(super) struct Watchers {
    pub(super) list: Vec<Watcher>,
    in_data_table: usize,
}

impl Watchers {
    fn position(&self, connection: ConnectionId) -> Result<usize, usize> {
        self.list.binary_search_by_key(&connection, |watcher| watcher.connection)
    }
}

/// All paths of one connection.
#[derive(Default)]
pub(super) struct Held {
    pub(super) paths: BTreeSet<Arc<str>>,
    in_data_table: usize,
    account: AccountId,
    usage: Usage,
}

impl Held {
    /// The connection watches a path no more.
    pub(super) fn forget(&mut self, path: &str, ledger: &mut Ledger) {
        self.paths.remove(path);
        self.usage.shrink(Usage::of(path));
        ledger.shrink(self.account, Usage::of(path));
    }
}

/// How much is watched, as `wchs` counts it: child watches are left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Connections with at least one watch.
    pub connections: usize,
    /// Paths with at least one watch.
    pub paths: usize,
    /// Pairs of the two.
    pub total: usize,
}

/// Some of the paths of a connection.
#[derive(Default)]
pub struct Page {
    /// Those that are watched otherwise than for their children only.
    pub paths: Vec<Arc<str>>,
    /// How many were looked at.
    pub looked: usize,
    /// The last one looked at; `None` if there are no more behind it.
    pub last: Option<Arc<str>>,
}

/// Running totals, so that no count costs a walk.
#[derive(Default)]
pub(super) struct Tally {
    data_table: Counts,
    child_total: usize,
    pub(super) recursive: usize,
}

impl Tally {
    /// Takes note that one connection's ways at one path go from `old` to `new`.
    pub(super) fn note(&mut self, at: &mut Watchers, of: &mut Held, old: Ways, new: Ways) {
        let step = |mask| (old.intersects(mask), new.intersects(mask));
        match step(Ways::IN_DATA_TABLE) {
            (false, true) => {
                self.data_table.connections += usize::from(of.in_data_table == 0);
                self.data_table.paths += usize::from(at.in_data_table == 0);
                self.data_table.total += 1;
                of.in_data_table += 1;
                at.in_data_table += 1;
            }
            (true, false) => {
                of.in_data_table -= 1;
                at.in_data_table -= 1;
                self.data_table.connections -= usize::from(of.in_data_table == 0);
                self.data_table.paths -= usize::from(at.in_data_table == 0);
                self.data_table.total -= 1;
            }
            _ => {}
        }
        match step(Ways::IN_CHILD_TABLE) {
            (false, true) => self.child_total += 1,
            (true, false) => self.child_total -= 1,
            _ => {}
        }
        match step(Ways::RECURSIVE) {
            (false, true) => self.recursive += 1,
            (true, false) => self.recursive -= 1,
            _ => {}
        }
    }
}

/// The watches of all connections of one server.
#[derive(Default)]
pub struct WatchTable {
    pub(super) by_path: HashMap<Arc<str>, Watchers, FixedState>,
    pub(super) by_connection: HashMap<ConnectionId, Held, FixedState>,
    pub(super) tally: Tally,
    pub(super) ledger: Ledger,
}

impl WatchTable {
    /// A table without watches.
    ///
    /// `hash_seed` makes it hard to choose paths that collide. It changes no answer.
    pub fn new(hash_seed: u64) -> WatchTable {
        let by_path = HashMap::with_hasher(FixedState::with_seed(hash_seed));
        WatchTable { by_path, ..WatchTable::default() }
    }

    /// Registers a watch of a connection, whose account it counts for, if there is room. Registering
    /// it again, or another way to watch the same path, takes none.
    ///
    /// # Errors
    /// [`Full`], and nothing is registered.
    pub fn add_within(
        &mut self,
        ceilings: &Ceilings,
        (connection, account): (ConnectionId, AccountId),
        path: &str,
        registration: Registration,
    ) -> Result<(), Full> {
        let held = self.by_connection.get(&connection);
        if held.is_none_or(|held| !held.paths.contains(path)) {
            let (account, usage) =
                held.map_or((account, Usage::default()), |held| (held.account, held.usage));
            self.ledger.expect_room(account, usage, Usage::of(path), ceilings)?;
        }
        self.by_connection.entry(connection).or_insert_with(|| Held { account, ..Held::default() });
        self.add(connection, path, registration);
        Ok(())
    }

    /// From now on a connection's watches count for this account, whatever its ceiling.
    pub fn move_to(&mut self, connection: ConnectionId, account: AccountId) {
        if let Some(held) = self.by_connection.get_mut(&connection) {
            self.ledger.shrink(held.account, held.usage);
            self.ledger.grow(account, held.usage);
            held.account = account;
        }
    }

    /// How much is watched.
    pub fn usage(&self) -> Usage {
        self.ledger.total
    }

    /// Registers a watch. Registering it again changes nothing.
    pub fn add(&mut self, connection: ConnectionId, path: &str, registration: Registration) {
        let key = match self.by_path.get_key_value(path) {
            Some((key, _)) => Arc::clone(key),
            None => Arc::from(path),
        };
        let at = self.by_path.entry(Arc::clone(&key)).or_default();
        let of = self.by_connection.entry(connection).or_default();
        let position = match at.position(connection) {
            Ok(position) => position,
            Err(position) => {
                at.list.insert(position, Watcher { connection, ways: Ways::NONE });
                of.paths.insert(key);
                of.usage.grow(Usage::of(path));
                self.ledger.grow(of.account, Usage::of(path));
                position
            }
        };
        let old = at.list[position].ways;
        let new = old.with(Ways::of(registration));
        at.list[position].ways = new;
        self.tally.note(at, of, old, new);
    }

    /// Removes the watches of this kind that the connection has at exactly this path; false if it
    /// has none.
    pub fn remove(&mut self, connection: ConnectionId, path: &str, kind: WatcherKind) -> bool {
        if !self.has(connection, path, kind) {
            return false;
        }
        let WatchTable { by_path, by_connection, tally, ledger } = self;
        let (Some(at), Some(of)) = (by_path.get_mut(path), by_connection.get_mut(&connection))
        else {
            return false;
        };
        if let Ok(position) = at.position(connection) {
            let old = at.list[position].ways;
            let new = old.without(Ways::meant_by(kind));
            tally.note(at, of, old, new);
            at.list[position].ways = new;
            if new == Ways::NONE {
                at.list.remove(position);
                of.forget(path, ledger);
            }
        }
        if at.list.is_empty() {
            by_path.remove(path);
        }
        if of.paths.is_empty() {
            by_connection.remove(&connection);
        }
        true
    }

    /// Whether the connection has a watch of this kind at exactly this path.
    pub fn has(&self, connection: ConnectionId, path: &str, kind: WatcherKind) -> bool {
        let ways = self.by_path.get(path).and_then(|at| {
            let position = at.position(connection).ok()?;
            Some(at.list[position].ways)
        });
        ways.is_some_and(|ways| ways.intersects(Ways::meant_by(kind)))
    }

    /// Removes all watches of a connection. Costs what it had, not what the table has.
    pub fn drop_connection(&mut self, connection: ConnectionId) {
        let WatchTable { by_path, by_connection, tally, ledger } = self;
        let Some(mut of) = by_connection.remove(&connection) else { return };
        ledger.shrink(of.account, of.usage);
        for path in std::mem::take(&mut of.paths) {
            let Some(at) = by_path.get_mut(&path) else { continue };
            if let Ok(position) = at.position(connection) {
                let old = at.list[position].ways;
                tally.note(at, &mut of, old, Ways::NONE);
                at.list.remove(position);
            }
            if at.list.is_empty() {
                by_path.remove(&path);
            }
        }
    }

    /// Some of the paths a connection watches, child watches left out: those behind `after`, in their
    /// order. `most` are looked at.
    pub fn page(&self, connection: ConnectionId, after: Option<&str>, most: usize) -> Page {
        let mut page = Page::default();
        let Some(of) = self.by_connection.get(&connection) else { return page };
        let behind = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        for path in of.paths.range::<str, _>(behind).take(most) {
            page.looked += 1;
            let at = self.by_path.get(path);
            let ways = at.and_then(|at| Some(at.list[at.position(connection).ok()?].ways));
            if ways.is_some_and(|ways| ways.intersects(Ways::IN_DATA_TABLE)) {
                page.paths.push(Arc::clone(path));
            }
            page.last = Some(Arc::clone(path));
        }
        if page.looked < most {
            page.last = None;
        }
        page
    }

    /// How much is watched, child watches left out.
    pub fn counts(&self) -> Counts {
        self.tally.data_table
    }

    /// How many watches there are, child watches included; a persistent one counts in both tables
    /// of ZooKeeper.
    pub fn len(&self) -> usize {
        self.tally.data_table.total + self.tally.child_total
    }

    /// Whether nothing is watched.
    pub fn is_empty(&self) -> bool {
        self.by_path.is_empty()
    }

    /// Asserts the invariants of this floor.
    pub fn check(&self) {
        let mut counts = Counts { paths: 0, connections: 0, total: 0 };
        let (mut children, mut recursive) = (0, 0);
        let mut used = Ledger::default();
        for (path, at) in &self.by_path {
            assert!(!at.list.is_empty(), "W1: {path:?} is watched by nobody");
            assert!(at.list.is_sorted_by_key(|w| w.connection), "W1: watchers are in order");
            for watcher in &at.list {
                assert_ne!(watcher.ways, Ways::NONE, "W1: a watcher of {path:?} watches nothing");
                let of = &self.by_connection[&watcher.connection];
                assert!(of.paths.contains(path), "W1: {path:?} is known to its watcher");
                counts.total += usize::from(watcher.ways.intersects(Ways::IN_DATA_TABLE));
                children += usize::from(watcher.ways.intersects(Ways::IN_CHILD_TABLE));
                recursive += usize::from(watcher.ways.intersects(Ways::RECURSIVE));
            }
            counts.paths += usize::from(at.in_data_table > 0);
        }
        for (connection, of) in &self.by_connection {
            assert!(!of.paths.is_empty(), "W1: {connection:?} watches nothing");
            for path in &of.paths {
                assert!(self.by_path[path].position(*connection).is_ok(), "W1: {path:?} agrees");
            }
            counts.connections += usize::from(of.in_data_table > 0);
            let mut usage = Usage::default();
            of.paths.iter().for_each(|path| usage.grow(Usage::of(path)));
            assert_eq!(usage, of.usage, "W4: usage of {connection:?}");
            used.grow(of.account, usage);
        }
        assert_eq!(used.total, self.ledger.total, "W4: usage");
        assert_eq!(used.by_account, self.ledger.by_account, "W4: usage by account");
        assert_eq!(counts, self.tally.data_table, "W4: counts");
        assert_eq!((children, recursive), (self.tally.child_total, self.tally.recursive), "W4");
    }
}
