//! What a server must hold: a naive tree that writes are replayed on.
//!
//! Zxids and times that nobody was told of are unknowns: negative numbers, one for each write, that
//! stand for whatever is found in their place, the same everywhere.

use std::collections::{BTreeMap, BTreeSet};

use tenure_tests::op;
use tenure_tests::records::{Acl, Outcome, Stat, acl, open};

use crate::history::{Op, TTL_MS, Told};

/// A znode.
#[derive(Clone, Debug, PartialEq)]
pub struct Znode {
    /// Its data.
    pub data: Vec<u8>,
    /// Who may do what.
    pub acl: Vec<Acl>,
    /// How many children were ever created in it: the next sequence number.
    pub creations: i32,
    /// What ZooKeeper stores as its owner: a session, or a mark for a container or a time to live.
    pub owner: i64,
    /// What it says about itself.
    pub stat: Stat,
}

/// Everything that has to survive.
#[derive(Clone, Debug)]
pub struct Model {
    /// By path.
    pub znodes: BTreeMap<String, Znode>,
    /// Those that are neither closed nor expired.
    pub sessions: BTreeSet<i64>,
    /// The highest zxid that anybody was told of or saw.
    pub zxid: i64,
}

/// Who writes, and where in the order.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// The session.
    pub session: i64,
    /// The zxid of the write, or the unknown that stands for it.
    pub zxid: i64,
    /// Its time, or the unknown that stands for it.
    pub time: i64,
}

/// What znodes were before an operation that may have to be undone.
type Journal = Vec<(String, Option<Znode>)>;

impl Model {
    /// A new server's tree.
    pub fn fresh() -> Model {
        let mut znodes = BTreeMap::new();
        let mut put = |path: &str, acl: Vec<Acl>, numbers: (i32, i32, i32)| {
            let (cversion, num_children, aversion) = numbers;
            let stat = Stat { cversion, num_children, aversion, ..Stat::default() };
            let znode = Znode { data: Vec::new(), acl, creations: 0, owner: 0, stat };
            znodes.insert(path.to_owned(), znode);
        };
        put("/", open(), (-1, 1, 0));
        put("/zookeeper", open(), (-2, 2, 0));
        put("/zookeeper/quota", open(), (0, 0, 0));
        put("/zookeeper/config", vec![acl(op::READ, "world", "anyone")], (0, 0, -1));
        Model { znodes, sessions: BTreeSet::new(), zxid: 0 }
    }

    /// Carries out one write.
    pub fn apply(&mut self, op: &Op, turn: Turn) -> Result<Told, i32> {
        if !self.sessions.contains(&turn.session) {
            return Err(op::SESSION_EXPIRED);
        }
        let mut journal = Journal::new();
        match op {
            Op::Multi(parts) => Ok(Told::Multi(self.multi(parts, turn, &mut journal))),
            Op::SetAcl { path, acl } => {
                let znode = self.znodes.get_mut(path).ok_or(op::NO_NODE)?;
                znode.acl.clone_from(acl);
                znode.stat.aversion += 1;
                Ok(Told::Stat(znode.stat))
            }
            Op::Close => {
                self.end(turn);
                Ok(Told::Done)
            }
            _ => Ok(match self.part(op, turn, &mut journal)? {
                Outcome::Created(_, path) => Told::Path(path),
                Outcome::Created2(_, path, stat) => Told::Created(path, stat),
                Outcome::Set(stat) => Told::Stat(stat),
                _ => Told::Done,
            }),
        }
    }

    /// Ends a session and removes what it kept alive.
    pub fn end(&mut self, turn: Turn) {
        self.sessions.remove(&turn.session);
        let own = self.znodes.iter().filter(|(_, z)| z.stat.ephemeral_owner == turn.session);
        let paths: Vec<_> = own.map(|(path, _)| path.clone()).collect();
        for path in paths {
            self.remove(&path, turn.zxid, &mut Journal::new());
        }
    }

    fn multi(&mut self, parts: &[Op], turn: Turn, journal: &mut Journal) -> Vec<Outcome> {
        let mut results = Vec::new();
        for part in parts {
            match self.part(part, turn, journal) {
                Ok(outcome) => results.push(outcome),
                Err(code) => {
                    for (path, before) in journal.drain(..).rev() {
                        match before {
                            Some(znode) => self.znodes.insert(path, znode),
                            None => self.znodes.remove(&path),
                        };
                    }
                    results = vec![Outcome::Error(0); results.len()];
                    results.push(Outcome::Error(code));
                    results.resize(parts.len(), Outcome::Error(op::RUNTIME_INCONSISTENCY));
                    return results;
                }
            }
        }
        results
    }

    fn part(&mut self, op: &Op, turn: Turn, journal: &mut Journal) -> Result<Outcome, i32> {
        match op {
            Op::Create { path, data, flags, wants_stat } => {
                let path = self.create((path, *flags), data, turn, journal)?;
                let stat = self.znodes[&path].stat;
                Ok(if *wants_stat || *flags >= op::CONTAINER {
                    Outcome::Created2(op::CREATE2, path, stat)
                } else {
                    Outcome::Created(op::CREATE, path)
                })
            }
            Op::Delete { path, version } => {
                let znode = self.znodes.get(path).ok_or(op::NO_NODE)?;
                expect(*version, znode.stat.version)?;
                if znode.stat.num_children > 0 {
                    return Err(op::NOT_EMPTY);
                }
                self.remove(path, turn.zxid, journal);
                Ok(Outcome::Done(op::DELETE))
            }
            Op::Set { path, data, version } => {
                let znode = self.znodes.get_mut(path).ok_or(op::NO_NODE)?;
                expect(*version, znode.stat.version)?;
                journal.push((path.clone(), Some(znode.clone())));
                znode.data.clone_from(data);
                znode.stat.data_length = data.len() as i32;
                znode.stat.version += 1;
                znode.stat.mzxid = turn.zxid;
                znode.stat.mtime = turn.time;
                Ok(Outcome::Set(znode.stat))
            }
            Op::Check { path, version } => {
                let znode = self.znodes.get(path).ok_or(op::NO_NODE)?;
                expect(*version, znode.stat.version)?;
                Ok(Outcome::Done(op::CHECK))
            }
            Op::SetAcl { .. } | Op::Multi(_) | Op::Close => unreachable!("no part of a multi"),
        }
    }

    fn create(
        &mut self,
        (path, flags): (&str, i32),
        data: &[u8],
        turn: Turn,
        journal: &mut Journal,
    ) -> Result<String, i32> {
        let above = parent(path);
        let parent = self.znodes.get(above).ok_or(op::NO_NODE)?;
        let sequential =
            matches!(flags, op::SEQUENTIAL | op::EPHEMERAL_SEQUENTIAL | op::TTL_SEQUENTIAL);
        let path = match sequential {
            true => format!("{path}{:010}", parent.creations),
            false => path.to_owned(),
        };
        if self.znodes.contains_key(&path) {
            return Err(op::NODE_EXISTS);
        }
        if parent.stat.ephemeral_owner != 0 {
            return Err(op::NO_CHILDREN_FOR_EPHEMERALS);
        }
        let owned = matches!(flags, op::EPHEMERAL | op::EPHEMERAL_SEQUENTIAL);
        let stat = Stat {
            czxid: turn.zxid,
            mzxid: turn.zxid,
            pzxid: turn.zxid,
            ctime: turn.time,
            mtime: turn.time,
            ephemeral_owner: if owned { turn.session } else { 0 },
            data_length: data.len() as i32,
            ..Stat::default()
        };
        journal.push((path.clone(), None));
        let owner = match flags {
            op::CONTAINER => i64::MIN,
            op::TTL | op::TTL_SEQUENTIAL => 0xFF << 56 | TTL_MS,
            _ => stat.ephemeral_owner,
        };
        let znode = Znode { data: data.to_vec(), acl: open(), creations: 0, owner, stat };
        self.znodes.insert(path.clone(), znode);
        self.count_child(above, (1, 1), turn.zxid, journal);
        Ok(path)
    }

    fn remove(&mut self, path: &str, zxid: i64, journal: &mut Journal) {
        let gone = self.znodes.remove(path);
        journal.push((path.to_owned(), gone));
        self.count_child(parent(path), (0, -1), zxid, journal);
    }

    fn count_child(&mut self, above: &str, change: (i32, i32), zxid: i64, journal: &mut Journal) {
        let parent = self.znodes.get_mut(above).expect("a child's parent is there");
        journal.push((above.to_owned(), Some(parent.clone())));
        parent.creations += change.0;
        parent.stat.cversion += 1;
        parent.stat.num_children += change.1;
        parent.stat.pzxid = zxid;
    }
}

/// The path above; only the root has none.
pub fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((above, _)) => above,
    }
}

fn expect(wanted: i32, found: i32) -> Result<(), i32> {
    if wanted == -1 || wanted == found { Ok(()) } else { Err(op::BAD_VERSION) }
}
