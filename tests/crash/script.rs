//! What sessions ask for: writes of all kinds, made up from chance.
//!
//! The rules that let the oracle find its way: a session writes to its own area as it likes; outside
//! it, it creates sequential znodes whose data nobody sets again, or writes in a multi that also
//! creates a marker in its area, a name used once.

use tenure_tests::chance::Chance;
use tenure_tests::op;
use tenure_tests::records::{Outcome, acl};

use crate::history::{AREAS, Life, Op, Told};
use crate::model::Model;

/// Where all sessions write.
pub const SHARED: &str = "/shared";

const QUEUES: usize = 2;
const REGISTERS: usize = 4;
const SLOTS: usize = 6;

/// More znodes than these are cleaned up first.
const MOST_OWN: usize = 10;
const MOST_SHARED: usize = 4;

/// What creates the directories that everybody needs.
pub fn ground() -> Vec<Op> {
    let mut paths = vec![AREAS.to_owned(), SHARED.to_owned()];
    paths.extend((0..QUEUES).map(queue));
    paths.extend((0..REGISTERS).map(register));
    let create = |path| Op::Create { path, data: vec![], flags: op::PERSISTENT, wants_stat: false };
    paths.into_iter().map(create).collect()
}

fn queue(number: usize) -> String {
    format!("{SHARED}/q{number}")
}

fn register(number: usize) -> String {
    format!("{SHARED}/r{number}")
}

/// The multis that remove what sessions left that are over, each to be sent with a marker.
pub fn garbage(model: &Model, alive: &[u64]) -> Vec<Vec<Op>> {
    let delete = |path: &String| Op::Delete { path: path.clone(), version: -1 };
    let is_root = |path: &&String| crate::model::parent(path) == AREAS && path.len() > AREAS.len();
    let mut all = Vec::new();
    for area in model.znodes.keys().filter(is_root) {
        let key = area.rsplit_once('x').and_then(|(_, key)| key.parse::<u64>().ok());
        let Some(key) = key.filter(|key| !alive.contains(key)) else { continue };
        let tag = format!("x{key}.");
        let inside = |path: &String| path.starts_with(&format!("{area}/"));
        let mut parts: Vec<_> =
            model.znodes.keys().rev().filter(|p| inside(p)).map(delete).collect();
        parts.push(delete(area));
        let left = model.znodes.iter().filter(|(path, znode)| {
            path.starts_with(SHARED)
                && path.contains("/n-")
                && znode.data.starts_with(tag.as_bytes())
        });
        parts.extend(left.map(|(path, _)| delete(path)));
        all.push(parts);
    }
    all
}

/// What a session is known to have made and can remove again.
#[derive(Debug, Default)]
pub struct Made {
    own: Vec<String>,
    shared: Vec<String>,
}

impl Made {
    /// What the state has of it.
    pub fn of(model: &Model, life: &Life) -> Made {
        let (area, tag) = (format!("{}/", life.area()), life.tag());
        let mut made = Made::default();
        for (path, znode) in &model.znodes {
            if path.starts_with(&area) {
                made.note_own(path, &area);
            } else if path.contains("/n-") && znode.data.starts_with(tag.as_bytes()) {
                made.shared.push(path.clone());
            }
        }
        made
    }

    /// Notes what an answered write has created.
    pub fn note(&mut self, life: &Life, told: &Told) {
        let area = format!("{}/", life.area());
        let mut note = |path: &String| {
            if path.starts_with(&area) {
                self.note_own(path, &area);
            } else {
                self.shared.push(path.clone());
            }
        };
        match told {
            Told::Path(path) | Told::Created(path, _) => note(path),
            Told::Multi(parts) => parts.iter().for_each(|part| match part {
                Outcome::Created(_, path) | Outcome::Created2(_, path, _) => note(path),
                _ => {}
            }),
            Told::Done | Told::Stat(_) => {}
        }
    }

    fn note_own(&mut self, path: &str, area: &str) {
        let name = &path[area.len()..];
        if name.starts_with('m') || name.starts_with("s-") {
            self.own.push(path.to_owned());
        }
    }
}

/// The author of one session's requests.
pub struct Author<'a> {
    /// For whom.
    pub life: &'a mut Life,
    /// What it can remove.
    pub made: &'a mut Made,
    /// What decides.
    pub chance: &'a mut Chance,
}

impl Author<'_> {
    /// The first request of a session: its area, and what shows that it is alive.
    pub fn area(&mut self) -> Op {
        let (area, alive) = (self.life.area(), self.life.alive());
        Op::Multi(vec![self.create(area, op::PERSISTENT), self.create(alive, op::EPHEMERAL)])
    }

    /// Any write, wherever it goes.
    pub fn any(&mut self) -> Op {
        if self.made.shared.len() > MOST_SHARED {
            let path = self.made.shared.remove(0);
            return self.marked(vec![Op::Delete { path, version: -1 }]);
        }
        match self.chance.below(100) {
            0..14 => {
                let flags = *self.chance.pick(&[op::SEQUENTIAL, op::EPHEMERAL_SEQUENTIAL]);
                self.numbered(flags)
            }
            14..28 => self.together(),
            28..38 => self.in_vain(),
            _ => self.own(),
        }
    }

    /// A write to the session's own area, which may well fail.
    pub fn own(&mut self) -> Op {
        if self.made.own.len() > MOST_OWN {
            return Op::Delete { path: self.made.own.remove(0), version: -1 };
        }
        let area = self.life.area();
        let slot = format!("{area}/k{}", self.chance.below(SLOTS));
        match self.chance.below(100) {
            0..35 => {
                let path = if self.chance.percent(15) { area } else { slot };
                let version = if self.chance.percent(75) { -1 } else { self.guess() };
                Op::Set { path, data: self.data(), version }
            }
            35..55 => {
                let flags = *self.chance.pick(&[op::PERSISTENT, op::PERSISTENT, op::EPHEMERAL]);
                self.create(slot, flags)
            }
            55..62 => self.create(format!("{slot}/child"), op::PERSISTENT),
            62..70 => {
                let flags = *self.chance.pick(&[op::CONTAINER, op::TTL]);
                let path = format!("{area}/c{}", self.chance.below(2));
                self.create(path, flags)
            }
            70..78 => {
                let modes = [op::SEQUENTIAL, op::EPHEMERAL_SEQUENTIAL, op::TTL_SEQUENTIAL];
                let flags = *self.chance.pick(&modes);
                self.create(format!("{area}/s-"), flags)
            }
            78..85 => {
                self.life.made += 1;
                let name = format!("u{}:{:028x}", self.life.made, self.life.key);
                let list = vec![acl(op::ALL, "world", "anyone"), acl(op::READ, "digest", &name)];
                Op::SetAcl { path: slot, acl: list }
            }
            85..90 => Op::Delete { path: format!("{slot}/child"), version: -1 },
            90..92 => Op::Delete { path: format!("{area}/c0"), version: -1 },
            _ => {
                let version = if self.chance.percent(75) { -1 } else { self.guess() };
                Op::Delete { path: slot, version }
            }
        }
    }

    /// These parts and a marker, all or none.
    pub fn marked(&mut self, mut parts: Vec<Op>) -> Op {
        self.life.made += 1;
        let path = format!("{}/m{}", self.life.area(), self.life.made);
        parts.push(self.create(path, op::PERSISTENT));
        Op::Multi(parts)
    }

    /// A multi that writes to several places and succeeds.
    fn together(&mut self) -> Op {
        let mut parts = vec![self.register()];
        if self.chance.percent(50) {
            parts.push(self.numbered(op::SEQUENTIAL));
        }
        if self.chance.percent(50) {
            let path = format!("{}/s-", self.life.area());
            parts.push(self.create(path, op::EPHEMERAL_SEQUENTIAL));
        }
        if self.chance.percent(50) {
            parts.push(self.register());
        }
        let path = self.life.area();
        parts.push(Op::Check { path: path.clone(), version: -1 });
        parts.push(Op::Set { path, data: self.data(), version: -1 });
        self.marked(parts)
    }

    /// A multi that fails at its end and must leave nothing.
    fn in_vain(&mut self) -> Op {
        let mut parts = vec![self.register(), self.numbered(op::SEQUENTIAL)];
        let path = self.life.area();
        parts.push(Op::Set { path: path.clone(), data: self.data(), version: -1 });
        parts.push(match self.chance.below(2) {
            0 => Op::Check { path, version: i32::MAX },
            _ => Op::Delete { path: format!("{path}/never"), version: -1 },
        });
        if self.chance.percent(50) {
            parts.push(self.register());
        }
        Op::Multi(parts)
    }

    fn register(&mut self) -> Op {
        let path = register(self.chance.below(REGISTERS));
        Op::Set { path, data: self.data(), version: -1 }
    }

    fn numbered(&mut self, flags: i32) -> Op {
        let path = format!("{}/n-", queue(self.chance.below(QUEUES)));
        self.create(path, flags)
    }

    fn create(&mut self, path: String, flags: i32) -> Op {
        let wants_stat = self.chance.percent(50);
        Op::Create { path, data: self.data(), flags, wants_stat }
    }

    fn guess(&mut self) -> i32 {
        self.chance.below(4) as i32
    }

    /// A value nobody has written before, of any length.
    fn data(&mut self) -> Vec<u8> {
        self.life.made += 1;
        let mut data = format!("{}{}.", self.life.tag(), self.life.made).into_bytes();
        let length = match self.chance.below(100) {
            0..60 => 0,
            60..97 => self.chance.below(300),
            _ => self.chance.below(20_000),
        };
        data.resize(data.len() + length, b'-');
        data
    }
}
