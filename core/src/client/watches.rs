//! The watches of a client, as it will register them again, and who hears what.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::call::WatchId;
use crate::base::limits::SET_WATCHES_BYTES;
use crate::base::{EventKind, WatchMode, WatcherKind, Zxid, path};
use crate::wire::SetWatches;

/// Where a watch is filed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Table {
    /// One-shot, on the data of a znode that is there.
    Data,
    /// One-shot, on a znode that is not there.
    Exist,
    /// One-shot, on the list of children.
    Child,
    /// Persistent.
    Persistent,
    /// Persistent and recursive.
    Recursive,
}

impl Table {
    /// In the order of setWatches.
    const ALL: [Table; 5] =
        [Table::Data, Table::Exist, Table::Child, Table::Persistent, Table::Recursive];

    /// The table of a persistent mode.
    pub fn of(mode: WatchMode) -> Table {
        match mode {
            WatchMode::Persistent => Table::Persistent,
            WatchMode::PersistentRecursive => Table::Recursive,
        }
    }

    fn is_one_shot(self) -> bool {
        matches!(self, Table::Data | Table::Exist | Table::Child)
    }
}

#[derive(Clone, Debug)]
struct Watch {
    table: Table,
    path: Arc<str>,
    chroot: Arc<str>,
}

/// Someone who hears an event, and the path as they name it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hearer {
    /// Their watch.
    pub watch: WatchId,
    /// The path without their chroot.
    pub path: String,
    /// Whether the watch is used up.
    pub is_last: bool,
}

/// All registered watches.
#[derive(Clone, Debug, Default)]
pub struct Watches {
    by_id: BTreeMap<WatchId, Watch>,
    by_path: BTreeMap<(Table, Arc<str>), Vec<WatchId>>,
}

impl Watches {
    /// Files a watch on the server's `path` for someone who stands at `chroot`.
    pub fn insert(&mut self, watch: WatchId, table: Table, path: &str, chroot: &Arc<str>) {
        self.insert_at(watch, table, &path.into(), chroot);
    }

    /// The same for a path that somebody else keeps as well.
    pub fn insert_at(&mut self, watch: WatchId, table: Table, path: &Arc<str>, chroot: &Arc<str>) {
        self.by_path.entry((table, Arc::clone(path))).or_default().push(watch);
        let (path, chroot) = (Arc::clone(path), Arc::clone(chroot));
        self.by_id.insert(watch, Watch { table, path, chroot });
    }

    /// Takes a watch out. If it was the last persistent one of its kind on its path, answers both:
    /// then the server need not keep it either.
    pub fn remove(&mut self, watch: WatchId) -> Option<(String, WatchMode)> {
        let Watch { table, path, .. } = self.by_id.remove(&watch)?;
        let key = (table, path);
        let ids = self.by_path.get_mut(&key)?;
        ids.retain(|&id| id != watch);
        if !ids.is_empty() {
            return None;
        }
        self.by_path.remove(&key);
        let mode = match table {
            Table::Persistent => WatchMode::Persistent,
            Table::Recursive => WatchMode::PersistentRecursive,
            _ => return None,
        };
        Some((key.1.to_string(), mode))
    }

    /// Whether there is a persistent watch of this kind on this path.
    pub fn contains(&self, path: &str, mode: WatchMode) -> bool {
        self.by_path.contains_key(&(Table::of(mode), path.into()))
    }

    /// Takes out what a removal of `kind` on `path` ends.
    pub fn take_kind(&mut self, path: &str, kind: WatcherKind) -> Vec<WatchId> {
        let tables: &[Table] = match kind {
            WatcherKind::Children => &[Table::Child],
            WatcherKind::Data => &[Table::Data, Table::Exist],
            WatcherKind::Any => &Table::ALL,
            WatcherKind::Persistent => &[Table::Persistent],
            WatcherKind::PersistentRecursive => &[Table::Recursive],
        };
        self.take(path, tables)
    }

    /// Who hears of an event; one-shot watches are taken out with it.
    #[must_use = "the one-shot watches among them are gone"]
    pub fn hear(&mut self, kind: EventKind, path: &str) -> Vec<Hearer> {
        let one_shot: &[Table] = match kind {
            EventKind::Created | EventKind::DataChanged => &[Table::Data, Table::Exist],
            EventKind::ChildrenChanged => &[Table::Child],
            EventKind::Deleted => &[Table::Data, Table::Exist, Table::Child],
        };
        let mut hearers = Vec::new();
        for &table in one_shot {
            for watch in self.by_path.remove(&(table, path.into())).unwrap_or_default() {
                if let Some(Watch { chroot, .. }) = self.by_id.remove(&watch) {
                    let path = path::strip_chroot(&chroot, path).to_owned();
                    hearers.push(Hearer { watch, path, is_last: true });
                }
            }
        }
        self.hear_persistent(Table::Persistent, path, path, &mut hearers);
        if kind != EventKind::ChildrenChanged {
            let mut above = Some(path);
            while let Some(at) = above {
                self.hear_persistent(Table::Recursive, at, path, &mut hearers);
                above = path::parent(at).filter(|&parent| parent != at);
            }
        }
        hearers
    }

    fn hear_persistent(&self, table: Table, at: &str, path: &str, hearers: &mut Vec<Hearer>) {
        for &watch in self.by_path.get(&(table, at.into())).into_iter().flatten() {
            let chroot = &self.by_id[&watch].chroot;
            let path = path::strip_chroot(chroot, path).to_owned();
            hearers.push(Hearer { watch, path, is_last: false });
        }
    }

    /// The persistent watches, in the order in which they were asked for.
    pub fn persistent(&self) -> impl Iterator<Item = WatchId> {
        self.by_id.iter().filter(|(_, watch)| !watch.table.is_one_shot()).map(|(&id, _)| id)
    }

    /// Takes out all one-shot watches: they do not outlive the session.
    #[must_use = "who holds them has to hear it"]
    pub fn take_one_shot(&mut self) -> Vec<WatchId> {
        let ended: Vec<_> = self
            .by_id
            .iter()
            .filter(|(_, watch)| watch.table.is_one_shot())
            .map(|(&id, _)| id)
            .collect();
        for id in &ended {
            self.remove(*id);
        }
        ended
    }

    /// Takes out all watches that `is_kept` does not keep.
    #[must_use = "who holds them has to hear it"]
    pub fn take_all_but(&mut self, is_kept: impl Fn(WatchId) -> bool) -> Vec<WatchId> {
        let taken: Vec<_> = self.by_id.keys().copied().filter(|&id| !is_kept(id)).collect();
        for id in &taken {
            self.remove(*id);
        }
        taken
    }

    /// Everything again, for a new connection: as many requests as the ceiling of
    /// [`SET_WATCHES_BYTES`] takes.
    pub fn restoration(&self, seen: Zxid) -> Vec<SetWatches> {
        let mut batches = Vec::new();
        let mut batch = SetWatches { relative_zxid: seen, ..SetWatches::default() };
        let mut bytes = 0;
        for (table, path) in self.by_path.keys() {
            if bytes > 0 && bytes + path.len() > SET_WATCHES_BYTES {
                let empty = SetWatches { relative_zxid: seen, ..SetWatches::default() };
                batches.push(std::mem::replace(&mut batch, empty));
                bytes = 0;
            }
            bytes += path.len();
            let list = match table {
                Table::Data => &mut batch.data,
                Table::Exist => &mut batch.exist,
                Table::Child => &mut batch.child,
                Table::Persistent => &mut batch.persistent,
                Table::Recursive => &mut batch.recursive,
            };
            list.push(path.to_string());
        }
        if bytes > 0 {
            batches.push(batch);
        }
        batches
    }

    fn take(&mut self, path: &str, tables: &[Table]) -> Vec<WatchId> {
        let mut taken = Vec::new();
        for &table in tables {
            taken.extend(self.by_path.remove(&(table, path.into())).unwrap_or_default());
        }
        for id in &taken {
            self.by_id.remove(id);
        }
        taken
    }

    /// Asserts that both indexes tell the same.
    pub fn check(&self) {
        let filed: usize = self.by_path.values().map(Vec::len).sum();
        assert_eq!(filed, self.by_id.len(), "C4: every watch is filed once");
        for (id, watch) in &self.by_id {
            let ids = self.by_path.get(&(watch.table, Arc::clone(&watch.path)));
            assert!(ids.is_some_and(|ids| ids.contains(id)), "C4: every watch is filed once");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watches(entries: &[(u64, Table, &str)]) -> Watches {
        let mut watches = Watches::default();
        for &(id, table, path) in entries {
            watches.insert(WatchId(id), table, path, &"".into());
        }
        watches.check();
        watches
    }

    fn heard(watches: &mut Watches, kind: EventKind, path: &str) -> Vec<u64> {
        let mut ids: Vec<_> =
            watches.hear(kind, path).into_iter().map(|hearer| hearer.watch.0).collect();
        watches.check();
        ids.sort();
        ids
    }

    #[test]
    fn events_reach_whom_they_concern() {
        let mut all = watches(&[
            (1, Table::Data, "/a"),
            (2, Table::Exist, "/a"),
            (3, Table::Child, "/a"),
            (4, Table::Persistent, "/a"),
            (5, Table::Recursive, "/"),
            (6, Table::Recursive, "/a/b"),
        ]);
        assert_eq!(heard(&mut all, EventKind::ChildrenChanged, "/a"), [3, 4]);
        assert_eq!(heard(&mut all, EventKind::DataChanged, "/a"), [1, 2, 4, 5]);
        assert_eq!(heard(&mut all, EventKind::Deleted, "/a"), [4, 5]);
        assert_eq!(heard(&mut all, EventKind::Created, "/a/b/c"), [5, 6]);
    }

    #[test]
    fn s67_each_hears_the_path_as_they_name_it() {
        let mut watches = Watches::default();
        watches.insert(WatchId(1), Table::Data, "/app/x", &"/app".into());
        watches.insert(WatchId(2), Table::Recursive, "/app", &"/app".into());
        watches.insert(WatchId(3), Table::Recursive, "/app", &"".into());
        let paths: Vec<_> =
            watches.hear(EventKind::DataChanged, "/app/x").into_iter().map(|h| h.path).collect();
        assert_eq!(paths, ["/x", "/x", "/app/x"]);
    }

    #[test]
    fn only_the_last_persistent_watch_leaves_the_server() {
        let mut watches = watches(&[(1, Table::Recursive, "/a"), (2, Table::Recursive, "/a")]);
        assert_eq!(watches.remove(WatchId(1)), None);
        assert!(watches.contains("/a", WatchMode::PersistentRecursive));
        assert_eq!(watches.remove(WatchId(2)), Some(("/a".into(), WatchMode::PersistentRecursive)));
        assert_eq!(watches.remove(WatchId(2)), None);
    }

    #[test]
    fn s60_a_hundred_thousand_watches_take_several_frames() {
        let mut watches = Watches::default();
        for number in 0..100_000 {
            let path = format!("/watched/by/{number:08}");
            watches.insert(WatchId(number), Table::Data, &path, &"".into());
        }
        let batches = watches.restoration(Zxid(9));
        assert!(batches.len() > 10, "{}", batches.len());
        let mut paths = 0;
        for batch in &batches {
            assert_eq!(batch.relative_zxid, Zxid(9));
            let bytes: usize = batch.data.iter().map(String::len).sum();
            assert!(bytes <= SET_WATCHES_BYTES, "{bytes}");
            paths += batch.data.len();
        }
        assert_eq!(paths, 100_000);
    }
}
