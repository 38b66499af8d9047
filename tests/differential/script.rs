//! Makes a script from a seed: which session does what next.
//!
//! The choice depends on the seed and on replies that were equal at both servers, so a seed always
//! gives the same script.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tenure_tests::chance::{Chance, mix};
use tenure_tests::op;
use tenure_tests::records::{Acl, acl, open};

use crate::action::{Action, Lists, Request};
use crate::paths::{BAD, GUARDED, OPEN, is_guarded};
use crate::quotas::Quotas;
use crate::side::Record;

const LOGINS: [&str; 3] = ["bob:pw", "eve:secret", "bob:other"];

/// Proofs that nobody takes.
const FALSE_PROOFS: [(&str, &str); 4] =
    [("nonsense", "bob:pw"), ("world", "anyone"), ("x509", "CN=bob"), ("super", "super:pw")];

/// Steps that a session is away for, at most.
const MOST_AWAY: usize = 40;

/// Most znodes that are looked at when one is to be removed.
const MOST_REAPABLE: usize = 24;

/// Schemes, and ids that some of them refuse.
const NO_SCHEMES: [&str; 7] = ["ip", "digest", "world", "x509", "sasl", "super", "none"];
const NO_IDS: [&str; 6] = ["nonsense", "anyone", "a:b:c", "127.0.0.1/33", "256.1.1.1", "bob:"];

const MOST_SESSIONS: usize = 6;

/// The state that the next step is chosen from.
pub struct Script {
    chance: Chance,
    seed: u64,
    /// Whether each session is open.
    open: Vec<bool>,
    /// Sessions that have left, with the step at which they did and the one at which they come back.
    away: BTreeMap<usize, (usize, usize)>,
    /// What comes next, whatever chance says.
    pending: VecDeque<(usize, Action)>,
    /// Containers and TTL znodes that may be there.
    reapable: BTreeSet<String>,
    quotas: Quotas,
    /// Paths that some session has left a watch on.
    watched: BTreeSet<String>,
    /// Znodes that are probably there: created, and not found missing since.
    there: BTreeSet<String>,
}

impl Script {
    /// The script of this seed.
    pub fn new(seed: u64) -> Script {
        Script {
            chance: Chance::new(seed),
            seed,
            open: Vec::new(),
            away: BTreeMap::new(),
            pending: VecDeque::new(),
            reapable: BTreeSet::new(),
            quotas: Quotas::default(),
            watched: BTreeSet::new(),
            there: BTreeSet::new(),
        }
    }

    /// Whether some session has left a watch on the path that the action names.
    pub fn is_watched(&self, action: &Action) -> bool {
        match action {
            Action::Call(Request::Watches { path, .. }) => self.watched.contains(path),
            _ => false,
        }
    }

    /// Notes what a step did.
    pub fn learn(&mut self, session: usize, action: &Action, record: &Record) {
        match action {
            Action::Connect => self.open.push(true),
            Action::SetWatches2(_, lists) | Action::SetWatches(_, lists) => {
                self.watched.extend(lists.iter().flatten().cloned());
            }
            Action::Close => self.open[session] = false,
            Action::Call(request) => self.learn_paths(request, record),
            _ => {}
        }
    }

    fn learn_paths(&mut self, request: &Request, record: &Record) {
        if let Request::Read { path: Some(path), watch: true, .. } = request {
            self.watched.insert(path.clone());
        }
        match request {
            Request::AddWatch { path, .. } => {
                self.watched.insert(path.clone());
            }
            Request::Create { kind, flags, .. } if record.code == 0 => {
                let path = record.reply.get(1).and_then(|line| line.strip_prefix("path "));
                let path = path.expect("a create answers with its path");
                self.created(path, *kind == op::CREATE_TTL || *flags == op::CONTAINER);
            }
            Request::Delete { path: Some(path), .. } if record.code == 0 => {
                self.deleted(path);
            }
            Request::Read { path: Some(path), .. } | Request::SetData { path: Some(path), .. }
                if record.code == op::NO_NODE =>
            {
                self.there.remove(path);
            }
            Request::Multi(parts) => {
                // The first line tells the error of the header.
                for (part, line) in parts.iter().zip(record.reply.iter().skip(1)) {
                    if let Some(rest) = line.strip_prefix("created ")
                        && let Request::Create { kind, flags, .. } = part
                    {
                        let path = rest.split(' ').nth(1).expect("a path behind the type");
                        self.created(path, *kind == op::CREATE_TTL || *flags == op::CONTAINER);
                    } else if let Request::Delete { path: Some(path), .. } = part
                        && line.starts_with("done ")
                    {
                        self.deleted(path);
                    }
                }
            }
            _ => {}
        }
    }

    fn created(&mut self, path: &str, is_reapable: bool) {
        if is_reapable {
            self.reapable.insert(path.to_owned());
        }
        if path.starts_with("/zookeeper") {
            self.quotas.created(path);
        } else {
            self.there.insert(path.to_owned());
        }
    }

    fn deleted(&mut self, path: &str) {
        self.there.remove(path);
        self.reapable.remove(path);
        self.quotas.deleted(path);
    }

    /// Containers and TTL znodes that may be there.
    pub fn reapable(&self) -> &BTreeSet<String> {
        &self.reapable
    }

    /// Notes which of them are.
    pub fn set_reapable(&mut self, there: BTreeSet<String>) {
        self.reapable = there;
    }

    /// The session and the deed of the next step.
    pub fn next_step(&mut self, step: usize) -> (usize, Action) {
        if let Some(next) = self.pending.pop_front() {
            return next;
        }
        if let Some((&session, &(left, _))) = self.away.iter().find(|(_, (_, back))| *back <= step)
        {
            self.away.remove(&session);
            let rewatch = self.rewatch(session, left.saturating_sub(1));
            self.pending.push_back(rewatch);
            return (session, Action::Return);
        }
        let here = |number: &usize| self.open[*number] && !self.away.contains_key(number);
        let here: Vec<_> = (0..self.open.len()).filter(here).collect();
        if here.len() < 2 {
            return (self.open.len(), Action::Connect);
        }
        if self.reapable.len() >= MOST_REAPABLE {
            return (here[0], Action::Reap);
        }
        let session = *self.chance.pick(&here);
        (session, self.deed(session, here.len(), step))
    }

    fn deed(&mut self, session: usize, here: usize, step: usize) -> Action {
        match self.chance.below(1_000) {
            0..14 if here + self.away.len() < MOST_SESSIONS => {
                self.pending.push_back((self.open.len(), Action::Connect));
                Action::Call(Request::WhoAmI)
            }
            14..24 => Action::Close,
            24..30 => Action::Reattach,
            30..40 => {
                let back = step + 1 + self.chance.below(MOST_AWAY);
                self.away.insert(session, (step, back));
                Action::Leave
            }
            40..52 => Action::Auth("digest", (*self.chance.pick(&LOGINS)).to_owned()),
            52..54 => Action::Auth("ip", "127.0.0.1".to_owned()),
            54..60 => {
                let (scheme, proof) = *self.chance.pick(&FALSE_PROOFS);
                Action::FailedAuth(scheme, proof.to_owned())
            }
            60..76 => {
                let past = step.saturating_sub(1 + self.chance.below(40));
                self.rewatch(session, past).1
            }
            76..86 => {
                let request = self.request(session);
                let length = self.chance.below(request.body().0.len().max(1));
                if matches!(request, Request::WhoAmI) {
                    Action::Call(request)
                } else {
                    Action::Truncated(request, length)
                }
            }
            86..96 => Action::Reap,
            _ => Action::Call(self.request(session)),
        }
    }

    fn request(&mut self, session: usize) -> Request {
        match self.chance.below(100) {
            0..10 => self.quotas.next(&mut self.chance),
            10..28 => self.create(),
            28..34 => Request::Delete { path: self.any_path_there(), version: self.version() },
            34..50 => self.set_data(),
            50..70 => self.read(session),
            70..79 => Request::Multi(self.parts()),
            79..82 => Request::MultiRead(self.reads()),
            82..85 => self.set_acl(),
            85..91 => self.by_path(),
            91..95 => self.add_watch(session),
            95..99 => self.watches(session),
            _ => Request::WhoAmI,
        }
    }

    /// A path, mostly of the tree; seldom null or one that some operation refuses.
    fn any_path(&mut self) -> Option<String> {
        if self.chance.percent(1) {
            return None;
        }
        Some(self.path())
    }

    fn path(&mut self) -> String {
        match self.chance.below(100) {
            0..3 => (*self.chance.pick(&BAD)).to_owned(),
            3..18 => (*self.chance.pick(&GUARDED)).to_owned(),
            _ => (*self.chance.pick(&OPEN)).to_owned(),
        }
    }

    /// A path that is probably there.
    fn path_there(&mut self) -> String {
        if self.there.is_empty() || self.chance.percent(25) {
            return self.path();
        }
        let number = self.chance.below(self.there.len());
        self.there.iter().nth(number).expect("a number below the count").clone()
    }

    /// The same, seldom null.
    fn any_path_there(&mut self) -> Option<String> {
        if self.chance.percent(1) { None } else { Some(self.path_there()) }
    }

    fn version(&mut self) -> i32 {
        if self.chance.percent(75) { -1 } else { *self.chance.pick(&[0, 0, 1, 2, 7, -2]) }
    }

    fn data(&mut self) -> Option<Vec<u8>> {
        if self.chance.percent(10) {
            return None;
        }
        let length = self.chance.below(12);
        Some((0..length).map(|_| self.chance.bits() as u8).collect())
    }

    fn create(&mut self) -> Request {
        let path = self.any_path();
        // The rule `opcode-and-flag`: only pairs that both servers understand alike.
        let choices = [
            (op::CREATE, op::PERSISTENT),
            (op::CREATE, op::PERSISTENT),
            (op::CREATE2, op::PERSISTENT),
            (op::CREATE, op::EPHEMERAL),
            (op::CREATE2, op::EPHEMERAL),
            (op::CREATE, op::SEQUENTIAL),
            (op::CREATE2, op::SEQUENTIAL),
            (op::CREATE, op::EPHEMERAL_SEQUENTIAL),
            (op::CREATE2, op::EPHEMERAL_SEQUENTIAL),
            (op::CREATE_CONTAINER, op::CONTAINER),
            (op::CREATE, op::CONTAINER),
            (op::CREATE2, op::CONTAINER),
            (op::CREATE, op::TTL),
            (op::CREATE2, op::TTL_SEQUENTIAL),
            (op::CREATE_TTL, op::TTL),
            (op::CREATE_TTL, op::TTL_SEQUENTIAL),
            (op::CREATE, 7),
            (op::CREATE, -1),
        ];
        let (kind, flags) = *self.chance.pick(&choices);
        let ttl = *self.chance.pick(&[
            1,
            1_000,
            5_000,
            1_000_000,
            (1 << 40) - 1,
            (1 << 40) - 1,
            0,
            -1,
            1 << 40,
        ]);
        let data = self.data();
        let acl = self.acl(path.as_deref());
        Request::Create { kind, path, data, acl, flags, ttl }
    }

    /// An ACL for a path: anything where the script guards, else one of everybody.
    fn acl(&mut self, path: Option<&str>) -> Vec<Acl> {
        let guarded = path.is_some_and(is_guarded);
        if !guarded || self.chance.percent(40) {
            return if self.chance.percent(2) { Vec::new() } else { open() };
        }
        let perms = *self.chance.pick(&[op::ALL, op::ALL, op::READ, 30, 15, 0, 255]);
        let (scheme, id) = (*self.chance.pick(&NO_SCHEMES), *self.chance.pick(&NO_IDS));
        let entries = [
            acl(perms, "world", "anyone"),
            acl(perms, "auth", ""),
            acl(perms, "digest", "bob:ikIaKsbtGweaHnb/jKn7OHqbunM="),
            acl(perms, "ip", "127.0.0.1"),
            acl(perms, "ip", "127.0.0.0/8"),
            acl(perms, "ip", "10.0.0.0/8"),
            acl(perms, "ip", "127.0.0.1/32"),
            acl(perms, "ip", "127.0.0.9/31"),
            acl(perms, scheme, id),
            acl(op::READ, "world", "anyone"),
        ];
        let count = 1 + self.chance.below(3);
        (0..count).map(|_| self.chance.pick(&entries).clone()).collect()
    }

    fn set_data(&mut self) -> Request {
        Request::SetData { path: self.any_path_there(), data: self.data(), version: self.version() }
    }

    fn set_acl(&mut self) -> Request {
        let path = (*self.chance.pick(&GUARDED)).to_owned();
        let acl = self.acl(Some(&path));
        Request::SetAcl { path: Some(path), acl, version: self.version() }
    }

    fn read(&mut self, session: usize) -> Request {
        let kinds = [op::EXISTS, op::GET_DATA, op::GET_CHILDREN, op::GET_CHILDREN2];
        let kind = *self.chance.pick(&kinds);
        let path = self.any_path_there();
        let text = path.as_deref().unwrap_or("");
        // The rule `exists-needs-read`: a watch that only one server leaves would show for ever.
        let hidden = kind == op::EXISTS && is_guarded(text);
        let watch = self.chance.percent(80) && !self.is_persistent(session, text) && !hidden;
        Request::Read { kind, path, watch }
    }

    fn by_path(&mut self) -> Request {
        let kinds =
            [op::GET_ACL, op::GET_ACL, op::SYNC, op::GET_EPHEMERALS, op::GET_ALL_CHILDREN_NUMBER];
        Request::Path { kind: *self.chance.pick(&kinds), path: self.path_there() }
    }

    /// The rule `watch-modes`: for each session a path has standard watches or a persistent one,
    /// never both.
    fn is_persistent(&self, session: usize, path: &str) -> bool {
        let hash = path.bytes().fold(self.seed, |hash, byte| mix(hash ^ u64::from(byte)));
        mix(hash ^ session as u64).is_multiple_of(4)
    }

    /// The mode of a path's persistent watch, the same throughout a session.
    fn mode(&self, session: usize, path: &str) -> i32 {
        let hash = path.bytes().fold(!self.seed, |hash, byte| mix(hash ^ u64::from(byte)));
        i32::from(mix(hash ^ session as u64).is_multiple_of(2))
    }

    fn add_watch(&mut self, session: usize) -> Request {
        for _ in 0..8 {
            let path = self.path_there();
            if self.is_persistent(session, &path) {
                let mode = self.mode(session, &path);
                return Request::AddWatch { path, mode };
            }
        }
        Request::AddWatch { path: self.path(), mode: 7 }
    }

    fn watches(&mut self, session: usize) -> Request {
        let kind = *self.chance.pick(&[op::REMOVE_WATCHES, op::CHECK_WATCHES]);
        let path = self.path();
        // The rule `watcher-kinds`: kinds 4 and 5 only where there is nothing of that kind, and
        // kinds 1 and 2, which match persistent watches there, only where there are none.
        let watcher = if self.is_persistent(session, &path) {
            3
        } else {
            *self.chance.pick(&[1, 2, 3, 3, 4, 5, 0, 6])
        };
        Request::Watches { kind, path, watcher }
    }

    /// A create inside a multi. The rule `opcode-and-flag`: a TTL flag under another operation
    /// spoils the whole multi there.
    fn part(&mut self) -> Request {
        loop {
            let create = self.create();
            match create {
                Request::Create { kind: op::CREATE | op::CREATE2, flags: 5 | 6, .. } => {}
                _ => return create,
            }
        }
    }

    fn parts(&mut self) -> Vec<Request> {
        let count = self.chance.below(5);
        (0..count)
            .map(|_| match self.chance.below(4) {
                0 => self.part(),
                1 => Request::Delete { path: Some(self.path_there()), version: self.version() },
                2 => Request::SetData {
                    path: Some(self.path_there()),
                    data: self.data(),
                    version: self.version(),
                },
                _ => Request::Check { path: Some(self.path_there()), version: self.version() },
            })
            .collect()
    }

    fn reads(&mut self) -> Vec<Request> {
        let count = self.chance.below(5);
        (0..count)
            .map(|_| Request::Read {
                kind: *self.chance.pick(&[op::GET_DATA, op::GET_CHILDREN]),
                path: Some(self.path_there()),
                watch: self.chance.percent(50),
            })
            .collect()
    }

    /// Watches re-registered as seen at a past step.
    fn rewatch(&mut self, session: usize, past: usize) -> (usize, Action) {
        let mut lists = Lists::default();
        for _ in 0..self.chance.below(8) {
            let path = self.path_there();
            let list = if self.is_persistent(session, &path) {
                3 + self.mode(session, &path) as usize
            } else {
                self.chance.below(3)
            };
            lists[list].push(path);
        }
        let is_old = lists[3].is_empty() && lists[4].is_empty() && self.chance.percent(50);
        let action = match is_old {
            true => Action::SetWatches(past, lists),
            false => Action::SetWatches2(past, lists),
        };
        (session, action)
    }
}
