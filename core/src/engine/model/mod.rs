//! A naive model of the engine, for tests and the fuzzer: a map of paths, copied whole for each multi.
//!
//! It knows nothing of how the engine works, only what ZooKeeper answers.

mod script;
mod sessions;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{Cause, Change, Engine, EngineOptions, Txn};
use crate::base::{
    Acl, Code, CreateMode, EventKind, Identity, SessionId, Stat, WallMillis, Zxid, path,
};
use crate::wire::{Create, MultiOp, MultiResult, Op, Reply, Request};

use script::Script;
pub use script::{Choices, Random};
use sessions::NaiveSession;

/// Everything replicated but the zxid, as text.
pub fn digest(engine: &Engine) -> String {
    let mut lines: Vec<String> = Vec::new();
    for id in engine.tree.walk() {
        let node = engine.tree.node(id);
        let (path, stat, data) = (engine.tree.path(id), node.stat(), node.data());
        let creations = node.creations();
        lines.push(format!(
            "{path} {stat:?} {creations} {data:?} {:?} {:?}",
            node.kind(),
            node.acl()
        ));
    }
    lines.sort();
    let mut text = lines.join("\n");
    for (owner, paths) in engine.ephemerals().iter() {
        write!(text, "\n{owner} {paths:?}").unwrap();
    }
    for (id, registered) in engine.registry().iter() {
        write!(text, "\n{id} {:?} {registered:?}", registered.password.0).unwrap();
    }
    for ended in engine.registry().ended().iter() {
        write!(text, "\n{ended:?}").unwrap();
    }
    write!(text, "\n{}", engine.approximate_data_size()).unwrap();
    text
}

/// What the model knows of a znode: the visible numbers, each counted for itself.
#[derive(Clone, PartialEq, Debug)]
struct Naive {
    data: Option<Vec<u8>>,
    acl: Vec<Acl>,
    mode: CreateMode,
    sequence: i32,
    stat: Stat,
}

#[derive(Clone, Default)]
struct Model {
    znodes: BTreeMap<String, Naive>,
    sessions: BTreeMap<SessionId, NaiveSession>,
    /// Every session that is over, and why.
    ended: Vec<(SessionId, Cause)>,
    zxid: i64,
}

/// What the model says of a transaction.
struct Outcome {
    answered_at: i64,
    result: Result<Reply, Code>,
    said: Said,
    /// How many sessions were over before it.
    over: usize,
}

type Said = Vec<(EventKind, String)>;

fn above(path: &str) -> String {
    match path.rsplit_once('/') {
        Some(("", _)) => "/".into(),
        Some((above, _)) => above.into(),
        None => panic!("the model is asked about {path:?}"),
    }
}

/// The Stat as clients see it: the session directory is added to the list of the znode above it.
fn shown(path: &str, stat: Stat) -> Stat {
    Stat { num_children: stat.num_children + i32::from(path == "/zookeeper"), ..stat }
}

/// The model knows three kinds of somebody and three lists, so it needs no rules to match them.
fn may(acl: &[Acl], perms: i32, who: &[Identity]) -> bool {
    let is = |name: &str| who.iter().any(|identity| identity.id == name);
    acl.iter().any(|entry| {
        let meant = entry.id.id == "anyone" || is(&entry.id.id);
        meant && entry.perms.0 & perms != 0
    }) || is("root")
}

impl Model {
    fn new() -> Model {
        let mut model = Model::default();
        let naive = |cversion, num_children, acl: Vec<Acl>, aversion| Naive {
            data: Some(vec![]),
            acl,
            mode: CreateMode::Persistent,
            sequence: 0,
            stat: Stat { cversion, num_children, aversion, ..Stat::default() },
        };
        let open = Acl::open_unsafe;
        model.znodes.insert("/".into(), naive(-1, 1, open(), 0));
        model.znodes.insert("/zookeeper".into(), naive(-2, 2, open(), 0));
        model.znodes.insert("/zookeeper/quota".into(), naive(0, 0, open(), 0));
        model.znodes.insert("/zookeeper/config".into(), naive(0, 0, Acl::read_unsafe(), -1));
        model
    }

    fn apply(&mut self, txn: &Txn) -> Outcome {
        self.zxid += 1;
        let (mut said, mut answered_at, over) = (Said::new(), self.zxid, self.ended.len());
        let result = match &txn.change {
            Change::CreateSession { id, password, .. } => match self.sessions.contains_key(id) {
                true => Err(Code::SystemError),
                false => {
                    self.sessions.insert(*id, NaiveSession::new(*password));
                    Ok(Reply::Done)
                }
            },
            Change::EndSession { id, cause } => match self.sessions.contains_key(id) {
                true => {
                    self.end(*id, *cause, &mut said);
                    Ok(Reply::Done)
                }
                false => Err(Code::SessionExpired),
            },
            Change::Reap { path } => self.reap(path, txn, &mut said).map(|()| Reply::Done),
            Change::Request(_) if !self.sessions.contains_key(&txn.session) => {
                Err(Code::SessionExpired)
            }
            Change::Request(Request::Once(once)) => {
                let (zxid, result) = self.once(once, txn, &mut said);
                answered_at = zxid;
                result
            }
            Change::Request(request) => self.request(request, txn, &mut said),
        };
        Outcome { answered_at, result, said, over }
    }

    fn request(&mut self, request: &Request, txn: &Txn, said: &mut Said) -> Result<Reply, Code> {
        self.note_proven(txn);
        match request {
            Request::Multi(ops) => Ok(self.multi(ops, txn, said)),
            request => self.single(request, txn, said),
        }
    }

    fn multi(&mut self, ops: &[MultiOp], txn: &Txn, said: &mut Said) -> Reply {
        let before = self.clone();
        let mut results = Vec::new();
        for (place, op) in ops.iter().enumerate() {
            match self.op(op, txn, said) {
                Ok(result) => results.push(result),
                Err(code) => {
                    *self = before;
                    said.clear();
                    results = vec![MultiResult::Failed(0); place];
                    results.push(MultiResult::Failed(code.number()));
                    results.resize(ops.len(), MultiResult::Failed(-2));
                    break;
                }
            }
        }
        Reply::Multi(results)
    }

    fn single(&mut self, request: &Request, txn: &Txn, said: &mut Said) -> Result<Reply, Code> {
        let op = match request.clone() {
            Request::Create(create) => MultiOp::Create(create),
            Request::Delete { path, version } => MultiOp::Delete { path, version },
            Request::SetData { path, data, version } => MultiOp::SetData { path, data, version },
            Request::SetAcl { path, acl, version } => {
                path::validate(&path).map_err(|_| Code::BadArguments)?;
                if acl.is_empty() || acl.iter().any(|entry| entry.id.scheme == "bad") {
                    return Err(Code::InvalidAcl);
                }
                let znode = self.znodes.get_mut(&path).ok_or(Code::NoNode)?;
                if !may(&znode.acl, 16, &txn.identities) {
                    return Err(Code::NoAuth);
                }
                if version != -1 && version != znode.stat.aversion {
                    return Err(Code::BadVersion);
                }
                znode.acl = acl;
                znode.stat.aversion += 1;
                return Ok(Reply::Stat(shown(&path, znode.stat)));
            }
            Request::Adopt { path, from, password } => {
                return self.adopt(&path, (from, &password), txn, said).map(Reply::Stat);
            }
            Request::HandOver { from, password } => {
                return self.take_over((from, &password), txn, said).map(Reply::Count);
            }
            Request::Fence { session, password } => {
                self.expect_right((session, &password), txn)?;
                self.end(session, Cause::Fenced { by: txn.session }, said);
                return Ok(Reply::Done);
            }
            _ => return Err(Code::Unimplemented),
        };
        Ok(match self.op(&op, txn, said)? {
            MultiResult::Created { path } => Reply::Created { path },
            MultiResult::Created2 { path, stat } => Reply::Created2 { path, stat },
            MultiResult::Set(stat) => Reply::Stat(stat),
            _ => Reply::Done,
        })
    }

    fn op(&mut self, op: &MultiOp, txn: &Txn, said: &mut Said) -> Result<MultiResult, Code> {
        let wrong = |expected: i32, found: i32| expected != -1 && expected != found;
        match op {
            MultiOp::Create(create) => self.create(create, txn, said),
            MultiOp::Delete { path, version } => {
                let kept = ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"];
                if !path.contains('/') || kept.contains(&path.as_str()) {
                    return Err(Code::BadArguments);
                }
                let parent = self.znodes.get(&above(path)).ok_or(Code::NoNode)?;
                if !may(&parent.acl, 8, &txn.identities) {
                    return Err(Code::NoAuth);
                }
                let znode = self.znodes.get(path).ok_or(Code::NoNode)?;
                if wrong(*version, znode.stat.version) {
                    return Err(Code::BadVersion);
                }
                if znode.stat.num_children > 0 {
                    return Err(Code::NotEmpty);
                }
                self.remove(path, said);
                Ok(MultiResult::Deleted)
            }
            MultiOp::SetData { path, data, version } => {
                let zxid = Zxid(self.zxid);
                let znode = self.readable(path, 2, txn)?;
                if wrong(*version, znode.stat.version) {
                    return Err(Code::BadVersion);
                }
                znode.data = data.as_ref().map(|data| data.to_vec());
                znode.stat.data_length = data.as_ref().map_or(0, |data| data.len() as i32);
                znode.stat.version += 1;
                znode.stat.mzxid = zxid;
                znode.stat.mtime = txn.at;
                said.push((EventKind::DataChanged, path.clone()));
                Ok(MultiResult::Set(shown(path, znode.stat)))
            }
            MultiOp::Check { path, version } => {
                let znode = self.readable(path, 1, txn)?;
                if wrong(*version, znode.stat.version) {
                    return Err(Code::BadVersion);
                }
                Ok(MultiResult::Checked)
            }
            MultiOp::CheckSession { session } if self.sessions.contains_key(session) => {
                Ok(MultiResult::Checked)
            }
            MultiOp::CheckSession { .. } => Err(Code::UnknownSession),
        }
    }

    fn readable(&mut self, path: &str, perms: i32, txn: &Txn) -> Result<&mut Naive, Code> {
        path::validate(path).map_err(|_| Code::BadArguments)?;
        let znode = self.znodes.get_mut(path).ok_or(Code::NoNode)?;
        if may(&znode.acl, perms, &txn.identities) { Ok(znode) } else { Err(Code::NoAuth) }
    }

    fn create(&mut self, create: &Create, txn: &Txn, said: &mut Said) -> Result<MultiResult, Code> {
        if !create.path.contains('/') {
            return Err(Code::BadArguments);
        }
        if create.acl.is_empty() || create.acl.iter().any(|entry| entry.id.scheme == "bad") {
            return Err(Code::InvalidAcl);
        }
        let mode = create.mode().unwrap();
        let zxid = Zxid(self.zxid);
        let parent = self.znodes.get(&above(&create.path)).ok_or(Code::NoNode)?;
        if !may(&parent.acl, 4, &txn.identities) {
            return Err(Code::NoAuth);
        }
        let path = match mode.is_sequential() {
            true => format!("{}{:0>10}", create.path, parent.sequence),
            false => create.path.clone(),
        };
        path::validate(&path).map_err(|_| Code::BadArguments)?;
        if self.znodes.contains_key(&path) {
            return Err(Code::NodeExists);
        }
        if parent.mode.is_ephemeral() {
            return Err(Code::NoChildrenForEphemerals);
        }
        let owner = if mode.is_ephemeral() { txn.session } else { SessionId::NONE };
        let stat = Stat {
            czxid: zxid,
            mzxid: zxid,
            pzxid: zxid,
            ctime: txn.at,
            mtime: txn.at,
            ephemeral_owner: owner,
            data_length: create.data.as_ref().map_or(0, |data| data.len() as i32),
            ..Stat::default()
        };
        let data = create.data.as_ref().map(|data| data.to_vec());
        let naive = Naive { data, acl: create.acl.clone(), mode, sequence: 0, stat };
        self.znodes.insert(path.clone(), naive);
        let parent = self.znodes.get_mut(&above(&path)).unwrap();
        parent.sequence += 1;
        parent.stat.cversion += 1;
        parent.stat.num_children += 1;
        parent.stat.pzxid = zxid;
        said.push((EventKind::Created, path.clone()));
        Ok(match create.op {
            Op::Create => MultiResult::Created { path },
            _ => MultiResult::Created2 { path, stat },
        })
    }

    fn remove(&mut self, path: &str, said: &mut Said) {
        self.znodes.remove(path).unwrap();
        let parent = self.znodes.get_mut(&above(path)).unwrap();
        parent.stat.cversion += 1;
        parent.stat.num_children -= 1;
        parent.stat.pzxid = Zxid(self.zxid);
        said.push((EventKind::Deleted, path.to_owned()));
    }

    fn reap(&mut self, path: &str, txn: &Txn, said: &mut Said) -> Result<(), Code> {
        let path = if path.is_empty() { "/" } else { path };
        let znode = self.znodes.get(path).ok_or(Code::NoNode)?;
        let age = txn.at.0 - znode.stat.mtime.0;
        let due = match znode.mode {
            CreateMode::Container => znode.sequence > 0,
            CreateMode::Ttl(ttl) | CreateMode::TtlSequential(ttl) => age > ttl.millis(),
            _ => return Err(Code::BadVersion),
        };
        if znode.stat.num_children > 0 {
            return Err(Code::NotEmpty);
        }
        if !due {
            return Err(Code::BadVersion);
        }
        self.remove(path, said);
        Ok(())
    }

    fn due(&self, at: WallMillis) -> BTreeSet<String> {
        let mut scratch = self.clone();
        let txn = Txn {
            at,
            session: SessionId::NONE,
            identities: [].into(),
            change: Change::Reap { path: String::new() },
        };
        let due = |path: &&String| scratch.reap(path, &txn, &mut Said::new()).is_ok();
        self.znodes.keys().filter(due).cloned().collect()
    }

    /// Asserts that the engine holds exactly what the model holds.
    fn compare(&self, engine: &Engine) {
        assert_eq!(engine.node_count(), self.znodes.len());
        for (path, naive) in &self.znodes {
            let id = engine.tree.find(path).unwrap_or_else(|| panic!("{path} is missing"));
            let node = engine.tree.node(id);
            assert_eq!(node.stat(), naive.stat, "{path}");
            assert_eq!(node.data(), naive.data.as_deref(), "{path}");
            assert_eq!(node.acl()[..], naive.acl[..], "{path}");
            assert_eq!(engine.tree.path(id), *path);
        }
        self.compare_sessions(engine);
    }
}

/// Lets engine and model carry out the same transactions, at most `count`, and compares them after
/// each. Returns both sides of what was agreed on.
///
/// # Panics
/// If they differ.
pub fn run<C: Choices>(choices: C, count: usize) -> (Engine, Vec<Txn>) {
    let mut script = Script::new(choices);
    let mut model = Model::new();
    let mut engine = Engine::new(EngineOptions::default());
    let mut txns = Vec::new();
    while txns.len() < count && !script.is_over() {
        let txn = script.txn(&model);
        let expected = model.apply(&txn);
        let effects = engine.apply(&txn);
        let told: Said = effects.changes.iter().map(|c| (c.kind, c.path.clone())).collect();
        let context = || format!("step {}: {txn:?}", txns.len());
        assert_eq!(effects.result, expected.result, "{}", context());
        assert_eq!(effects.answered_at, Zxid(expected.answered_at), "{}", context());
        assert_eq!(told, expected.said, "{}", context());
        assert_eq!(effects.zxid, Zxid(model.zxid), "{}", context());
        let ended: Vec<SessionId> = model.ended[expected.over..].iter().map(|end| end.0).collect();
        assert!(effects.ended.iter().eq(&ended), "{}", context());
        engine.check();
        model.compare(&engine);
        if txns.len().is_multiple_of(16) {
            let due = engine.due_for_reaping(txn.at, usize::MAX);
            assert_eq!(due.into_iter().collect::<BTreeSet<_>>(), model.due(txn.at));
        }
        txns.push(txn);
    }
    (engine, txns)
}
