//! Records on top of a snapshot.
//!
//! A snapshot can hold effects of records behind it, so every record has to be harmless where its
//! effect is there already, and while it catches up a record can meet a tree it does not fit.

use super::owner::Owner;
use super::record::{Change, Create, Record, Write};
use super::state::{State, Znode, parent};
use crate::base::Zxid;

/// What was found on the way.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Tally {
    /// Records that were replayed, failed requests among them.
    pub records: u64,
    /// Writes that found nothing to change, or what they would have made.
    pub without_effect: u64,
    /// Writes that no server would have carried out.
    pub malformed: u64,
    /// Digests that are those of the tree.
    pub digests_equal: u64,
    /// Digests that are not.
    pub digests_other: u64,
    /// The first transaction after which the digest was another one.
    pub first_other: Option<Zxid>,
}

/// How a record follows the one before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Follows {
    /// It is the next one.
    Next,
    /// It is in the snapshot, or stands for a request that never became a transaction.
    Known,
    /// There are others missing before it.
    Gap,
    /// It stands where another one stood.
    Back,
}

/// A state on its way to the end of the log.
pub(super) struct Replay {
    pub state: State,
    tally: Tally,
    /// The transaction the state stands at.
    last: Zxid,
    /// The transaction in the name of the snapshot.
    start: Zxid,
    /// From this transaction on the state is exactly that of a server.
    exact_from: Zxid,
    digest: Option<(Zxid, u64)>,
    /// The transaction at which the digest of the snapshot was not that of the tree. A server takes
    /// it a moment before the tree has the next transaction, so it may be the digest of a moment that
    /// the snapshot is already past: later ones tell.
    doubt: Option<Zxid>,
}

impl Replay {
    /// Begins with the state of a snapshot with the transaction in its name, and with the digest that
    /// it brings.
    pub fn new(state: State, start: Zxid, digest: Option<(Zxid, u64)>) -> Replay {
        let dumped = digest.map_or(start, |(zxid, _)| zxid);
        let exact_from = state.newest().max(dumped).max(start);
        let tally = Tally::default();
        let mut replay =
            Replay { state, tally, last: start, start, exact_from, digest, doubt: None };
        replay.compare_snapshot();
        replay
    }

    /// The transaction the state stands at.
    pub fn last(&self) -> Zxid {
        self.last
    }

    /// The transaction that the log has to reach for the state to be one that a server had.
    pub fn exact_from(&self) -> Zxid {
        self.exact_from
    }

    /// How a record with this zxid follows.
    pub fn follows(&self, record: &Record) -> Follows {
        let (zxid, last) = (record.zxid, self.last);
        if zxid <= self.start || (zxid == last && record.change == Change::Failed) {
            return Follows::Known;
        }
        // An epoch begins with the election, which takes a zxid and is not logged.
        let is_new_epoch = zxid.0 >> 32 > last.0 >> 32 && zxid.0 & 0xFFFF_FFFF <= 1;
        if zxid == last.next() || is_new_epoch {
            Follows::Next
        } else if zxid > last {
            Follows::Gap
        } else {
            Follows::Back
        }
    }

    /// Applies a record.
    pub fn apply(&mut self, record: &Record) {
        self.tally.records += 1;
        match &record.change {
            Change::CreateSession { timeout } => self.state.begin(record.session, *timeout),
            Change::CloseSession { paths } => {
                for path in paths {
                    self.delete(path, record.zxid);
                }
                for path in self.state.end(record.session) {
                    self.delete(&path, record.zxid);
                }
            }
            Change::Writes(writes) => {
                for write in writes {
                    self.write(write, record);
                }
            }
            Change::Failed => {}
        }
        self.last = self.last.max(record.zxid);
        self.compare_snapshot();
        if let Some(digest) = record.digest.filter(|_| record.zxid >= self.exact_from) {
            self.compare(digest);
        }
    }

    /// What was found on the way, when there are no more records.
    pub fn tally(&self) -> Tally {
        let mut tally = self.tally.clone();
        if let Some(zxid) = self.doubt {
            tally.digests_other += 1;
            tally.first_other.get_or_insert(zxid);
        }
        tally
    }

    fn write(&mut self, write: &Write, record: &Record) {
        match write {
            Write::Create(create) => self.create(create, record),
            Write::Delete { path } => self.delete(path, record.zxid),
            Write::SetData { path, data, version } => {
                let is_there = self.state.change(at(path), |znode| {
                    znode.data.clone_from(data);
                    znode.version = *version;
                    znode.mzxid = record.zxid;
                    znode.mtime = record.at;
                });
                self.note(is_there);
            }
            Write::SetAcl { path, acl, version } => {
                let acl = self.state.shared(acl.clone());
                let is_there = self.state.change(at(path), |znode| {
                    znode.acl = acl;
                    znode.aversion = *version;
                });
                self.note(is_there);
            }
            Write::Check => {}
        }
    }

    fn create(&mut self, create: &Create, record: &Record) {
        let Some(above) = parent(&create.path) else {
            self.tally.malformed += 1;
            return;
        };
        let Some(parent) = self.state.get(above) else {
            self.tally.without_effect += 1;
            return;
        };
        let count = create.parent_cversion.unwrap_or_else(|| parent.cversion.wrapping_add(1));
        if count > parent.cversion {
            self.state.change(above, |parent| {
                parent.cversion = count;
                parent.pzxid = record.zxid;
            });
        }
        let acl = self.state.shared(create.acl.clone());
        let is_there = self.state.change(&create.path, |znode| znode.acl = acl.clone());
        self.note(!is_there);
        if is_there {
            return;
        }
        let znode = Znode {
            data: create.data.clone(),
            acl,
            owner: create.owner,
            czxid: record.zxid,
            mzxid: record.zxid,
            pzxid: record.zxid,
            ctime: record.at,
            mtime: record.at,
            version: 0,
            cversion: 0,
            aversion: 0,
        };
        self.state.insert(create.path.clone(), znode);
    }

    fn delete(&mut self, path: &str, zxid: Zxid) {
        let Some(above) = parent(path).filter(|_| !State::is_first(path)) else {
            self.tally.malformed += 1;
            return;
        };
        // The parent shows the delete even where the znode went into the snapshot as deleted.
        self.state.change(above, |parent| parent.pzxid = parent.pzxid.max(zxid));
        self.note(self.state.get(path).is_some());
        self.state.remove(path);
    }

    /// Removes the ephemerals of sessions that are not there, as a server does when it has loaded its
    /// data. Returns how many.
    pub fn drop_orphans(&mut self) -> u64 {
        let sessions = self.state.sessions();
        let is_orphan = |owner: Owner| match owner.kind(|id| sessions.contains_key(&id)) {
            crate::tree::Kind::Ephemeral(session) => !sessions.contains_key(&session),
            _ => false,
        };
        let orphans = self.state.znodes().filter(|(_, znode)| is_orphan(znode.owner));
        let orphans: Vec<String> = orphans.map(|(path, _)| path.to_owned()).collect();
        let last = self.last;
        for path in &orphans {
            if let Some(above) = parent(path) {
                self.state.change(above, |parent| parent.pzxid = parent.pzxid.max(last));
                self.state.remove(path);
            }
        }
        orphans.len() as u64
    }

    fn note(&mut self, had_effect: bool) {
        self.tally.without_effect += u64::from(!had_effect);
    }

    /// Compares with the digest of the snapshot, once, where the replay has come to its transaction.
    fn compare_snapshot(&mut self) {
        if let Some((zxid, digest)) = self.digest.take_if(|(zxid, _)| *zxid == self.last) {
            if digest == self.state.digest() {
                self.tally.digests_equal += 1;
            } else {
                self.doubt = Some(zxid);
            }
        }
    }

    fn compare(&mut self, digest: u64) {
        if digest == self.state.digest() {
            self.tally.digests_equal += 1;
            self.doubt = None;
        } else {
            self.tally.digests_other += 1;
            self.tally.first_other.get_or_insert(self.last);
        }
    }
}

/// The path as the state files it: the root is the empty one.
fn at(path: &str) -> &str {
    if path == "/" { "" } else { path }
}
