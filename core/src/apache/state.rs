//! What Apache's files describe: znodes by path, sessions, and the digest of the tree.
//!
//! The paths are those of the files, where the root is the empty one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

use super::owner::Owner;
use crate::base::{Acl, SessionId, WallMillis, Zxid, path};
use crate::session::Ephemerals;

/// What the znodes every server has from the start lie below.
const RESERVED: &str = "/zookeeper/";

/// Where an ensemble keeps its membership.
pub(super) const CONFIG: &str = "/zookeeper/config";

/// The znodes every server has from the start, parents first, and whether they are for reading only.
const FIRST: [(&str, bool); 4] =
    [("", false), ("/zookeeper", false), ("/zookeeper/quota", false), (CONFIG, true)];

/// A znode as Apache keeps it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Znode {
    pub data: Option<Bytes>,
    pub acl: Arc<[Acl]>,
    pub owner: Owner,
    pub czxid: Zxid,
    pub mzxid: Zxid,
    pub pzxid: Zxid,
    pub ctime: WallMillis,
    pub mtime: WallMillis,
    pub version: i32,
    /// How many children were ever created in it.
    pub cversion: i32,
    pub aversion: i32,
}

impl Znode {
    /// The newest transaction it shows.
    pub fn newest(&self) -> Zxid {
        self.czxid.max(self.mzxid).max(self.pzxid)
    }

    /// What it adds to the digest of the tree.
    pub fn digest(&self, path: &str) -> u64 {
        if path.starts_with(RESERVED) {
            return 0;
        }
        let mut crc = crc32fast::Hasher::new();
        crc.update(path.as_bytes());
        crc.update(self.data.as_deref().unwrap_or_default());
        for zxid in [self.czxid, self.mzxid, self.pzxid] {
            crc.update(&zxid.0.to_be_bytes());
        }
        for time in [self.ctime, self.mtime] {
            crc.update(&time.0.to_be_bytes());
        }
        for count in [self.version, self.cversion, self.aversion] {
            crc.update(&count.to_be_bytes());
        }
        crc.update(&self.owner.0.to_be_bytes());
        u64::from(crc.finalize())
    }
}

/// All of it.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct State {
    znodes: BTreeMap<String, Znode>,
    sessions: BTreeMap<SessionId, i32>,
    /// By whatever stands in the owner field: what is no session is never asked for.
    /// Only the paths count here, not their data.
    owned: Ephemerals,
    acls: BTreeSet<Arc<[Acl]>>,
    digest: u64,
}

impl State {
    /// A server before its first transaction.
    pub fn fresh() -> State {
        let mut state = State::default();
        for (path, is_read_only) in FIRST {
            state.plant(path, is_read_only);
        }
        state
    }

    /// Whether every server has this znode from the start.
    pub fn is_first(path: &str) -> bool {
        FIRST.iter().any(|(first, _)| *first == path)
    }

    /// Adds the znodes every server has that are missing here: releases before 3.5 lack one.
    pub fn complete(&mut self) {
        for (path, is_read_only) in FIRST {
            if !self.znodes.contains_key(path) {
                self.plant(path, is_read_only);
            }
        }
    }

    fn plant(&mut self, path: &str, is_read_only: bool) {
        let acl = if is_read_only { Acl::read_unsafe() } else { Acl::open_unsafe() };
        let znode = Znode {
            data: Some(Bytes::new()),
            acl: self.shared(acl),
            owner: Owner::NOBODY,
            czxid: Zxid::ZERO,
            mzxid: Zxid::ZERO,
            pzxid: Zxid::ZERO,
            ctime: WallMillis(0),
            mtime: WallMillis(0),
            version: 0,
            cversion: 0,
            aversion: if is_read_only { -1 } else { 0 },
        };
        self.insert(path.to_owned(), znode);
    }

    /// A list that all znodes with the same one share.
    pub fn shared(&mut self, acl: Vec<Acl>) -> Arc<[Acl]> {
        if let Some(known) = self.acls.get(acl.as_slice()) {
            return Arc::clone(known);
        }
        let acl: Arc<[Acl]> = acl.into();
        self.acls.insert(Arc::clone(&acl));
        acl
    }

    /// Adds a znode whose parent is there; returns the one that had this path.
    pub fn insert(&mut self, path: String, znode: Znode) -> Option<Znode> {
        self.digest = self.digest.wrapping_add(znode.digest(&path));
        if let Some(owner) = znode.owner.session() {
            self.owned.insert(owner, path.clone(), 0);
        }
        let old = self.znodes.insert(path.clone(), znode);
        if let Some(old) = &old {
            self.digest = self.digest.wrapping_sub(old.digest(&path));
        }
        old
    }

    /// Changes a znode, if it is there.
    pub fn change(&mut self, path: &str, change: impl FnOnce(&mut Znode)) -> bool {
        let Some(znode) = self.znodes.get_mut(path) else { return false };
        self.digest = self.digest.wrapping_sub(znode.digest(path));
        change(znode);
        self.digest = self.digest.wrapping_add(znode.digest(path));
        true
    }

    /// Removes a znode and whatever is below it.
    ///
    /// A delete that was carried out met no children. What lies below at its replay comes from later
    /// transactions that the snapshot was overtaken by, and they create it again.
    pub fn remove(&mut self, top: &str) {
        let inside = format!("{top}/");
        let below = self.znodes.range(inside.clone()..).map(|(path, _)| path.clone());
        let mut gone: Vec<_> = below.take_while(|path| path.starts_with(&inside)).collect();
        gone.push(top.to_owned());
        for path in gone {
            let Some(znode) = self.znodes.remove(&path) else { continue };
            self.digest = self.digest.wrapping_sub(znode.digest(&path));
            if let Some(owner) = znode.owner.session() {
                self.owned.remove(owner, &path, 0);
            }
        }
    }

    /// The znode with this path.
    pub fn get(&self, path: &str) -> Option<&Znode> {
        self.znodes.get(path)
    }

    /// Registers a session.
    pub fn begin(&mut self, session: SessionId, timeout: i32) {
        self.sessions.insert(session, timeout);
    }

    /// Forgets a session; returns the znodes that name it as owner.
    pub fn end(&mut self, session: SessionId) -> Vec<String> {
        self.sessions.remove(&session);
        self.owned.of(session).map(str::to_owned).collect()
    }

    /// The sessions with their timeouts in milliseconds.
    pub fn sessions(&self) -> &BTreeMap<SessionId, i32> {
        &self.sessions
    }

    /// Apache's digest of the tree, version 2.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// The newest transaction that any znode shows.
    pub fn newest(&self) -> Zxid {
        self.znodes.values().map(Znode::newest).max().unwrap_or(Zxid::ZERO)
    }

    /// Every path with its znode, parents first.
    pub fn znodes(&self) -> impl Iterator<Item = (&str, &Znode)> {
        self.znodes.iter().map(|(path, znode)| (path.as_str(), znode))
    }

    /// Gives the znodes away, parents first.
    pub fn into_znodes(self) -> impl Iterator<Item = (String, Znode)> {
        self.znodes.into_iter()
    }

    /// How many different access control lists the znodes have.
    pub fn distinct_acls(&self) -> u64 {
        let used: BTreeSet<_> = self.znodes.values().map(|znode| &znode.acl).collect();
        used.len() as u64
    }

    /// How many znodes and how many bytes of data there are at `top` and below.
    pub fn usage(&self, top: &str) -> (u64, u64) {
        let inside = format!("{top}/");
        let below = self.znodes.range(inside.clone()..);
        let below = below.take_while(|(path, _)| path.starts_with(&inside)).map(|(_, znode)| znode);
        let all = self.znodes.get(top).into_iter().chain(below);
        all.fold((0, 0), |(count, bytes), znode| {
            (count + 1, bytes + znode.data.as_ref().map_or(0, |data| data.len() as u64))
        })
    }
}

/// The path above, as the files write it; `None` for the root and for what is no path.
pub(super) fn parent(path: &str) -> Option<&str> {
    let is_path = path.starts_with('/') && !path.ends_with('/') && !path.contains("//");
    is_path.then(|| path::parent(path).map_or("", |above| above.strip_suffix('/').unwrap_or(above)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_an_empty_tree_is_the_one_of_apache() {
        assert_eq!(State::fresh().digest(), 0x51C6_D660);
    }

    #[test]
    fn parents_are_those_of_the_files() {
        assert_eq!((parent("/a"), parent("/a/b")), (Some(""), Some("/a")));
        for path in ["", "/", "a", "/a/", "/a//b", "//"] {
            assert_eq!(parent(path), None, "{path:?}");
        }
    }

    #[test]
    fn a_removal_takes_what_is_below_and_nothing_beside() {
        let mut state = State::fresh();
        let empty = state.digest();
        let znode = Znode { owner: Owner(7), ..state.get("").expect("the root").clone() };
        for path in ["/a", "/a-b", "/a/b", "/a/b/c", "/a0"] {
            state.insert(path.to_owned(), znode.clone());
        }
        assert_eq!(state.usage("/a"), (3, 0));
        state.remove("/a");
        let left: Vec<_> = state.znodes().map(|(path, _)| path).filter(|p| p.len() < 6).collect();
        assert_eq!(left, ["", "/a-b", "/a0"]);
        assert_eq!(state.end(SessionId(7)), ["/a-b", "/a0"]);
        state.remove("/a0");
        state.remove("/a-b");
        assert_eq!(state.digest(), empty);
    }
}
