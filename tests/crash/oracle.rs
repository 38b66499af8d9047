//! The judge: what was acknowledged, replayed in the order of zxids, beside what the server holds.
//!
//! A write without an answer may have happened or not. Those of one session happen in the order in
//! which they were sent, so the question is only how many of them did; the session's own area
//! answers it, as no other session writes there. A write that touches what others touch too leaves
//! something of its own in view, by which its place among the others' is found.

use std::collections::BTreeMap;

use crate::history::{Fate, Life, Op, is_inside};
use crate::model::{Model, Turn};
use crate::observed::Observed;
use crate::script::SHARED;
use crate::unknowns::Unknowns;

/// What came of the comparison.
#[derive(Debug)]
pub struct Judgement {
    /// The state, known for certain, for the next round to start from.
    pub model: Model,
    /// What is wrong; nothing if the server kept its word.
    pub faults: Vec<String>,
    /// Writes whose answers were checked.
    pub acknowledged: u64,
    /// Writes without an answer that happened.
    pub applied: u64,
    /// Writes without an answer that did not.
    pub dropped: u64,
    /// Acknowledged writes beyond the newest zxid the server knows.
    pub lost: u64,
}

/// Something that happened, by where it stands.
#[derive(Clone, Copy, Debug)]
enum Happened {
    /// A request: which life's, which of its requests.
    Asked(usize, usize),
    /// The expiry of a life's session.
    Expired(usize),
}

struct Court<'a> {
    base: Model,
    seen: &'a Observed,
    unknowns: Unknowns,
    faults: Vec<String>,
    /// The number of the first request of each life, for the names of unknowns.
    firsts: Vec<i64>,
    /// Paths below [`SHARED`] by the data they were created with, which are never set again.
    tagged: BTreeMap<&'a [u8], &'a str>,
}

/// Judges what a server holds after these lives did what they did to `base`. Lives that are over are
/// marked so.
pub fn judge(base: &Model, lives: &mut [Life], seen: &Observed) -> Judgement {
    let mut court = Court::new(base, lives, seen);
    let counts: Vec<_> = (0..lives.len()).map(|index| court.applied(lives, index)).collect();
    let order = court.order(lives, &counts);
    let mut model = court.base.clone();
    let acknowledged = court.replay(lives, &order, &mut model);
    court.compare(&model);
    let highest = lives.iter().filter_map(Life::newest).max().unwrap_or_default();
    if seen.zxid < highest {
        let zxid = seen.zxid;
        court.fault(format!("the newest zxid is {zxid:#x}, {highest:#x} was acknowledged"));
    }
    for znode in model.znodes.values_mut() {
        court.unknowns.settle(&mut znode.stat);
    }
    model.zxid = base.zxid.max(seen.zxid);
    for life in lives.iter_mut() {
        if !model.sessions.contains(&life.id) {
            life.fate = Fate::Over;
        }
    }
    let unanswered = lives.iter().map(|life| life.requests.len() as u64).sum::<u64>();
    let applied = counts.iter().map(|&count| count as u64).sum::<u64>();
    let beyond = |life: &Life| {
        let zxids = life.requests.iter().filter_map(|asked| asked.answer.as_ref());
        zxids.filter(|answer| answer.zxid > seen.zxid).count() as u64
    };
    Judgement {
        model,
        faults: court.faults,
        acknowledged,
        applied: applied - acknowledged,
        dropped: unanswered - applied,
        lost: lives.iter().map(beyond).sum(),
    }
}

impl<'a> Court<'a> {
    fn new(base: &Model, lives: &[Life], seen: &'a Observed) -> Court<'a> {
        let mut base = base.clone();
        base.sessions.extend(lives.iter().map(|life| life.id));
        let mut next = 0;
        let firsts = lives
            .iter()
            .map(|life| {
                next += life.requests.len() as i64 + 1;
                next - life.requests.len() as i64 - 1
            })
            .collect();
        let shared = seen.znodes.iter().filter(|(path, _)| path.starts_with(SHARED));
        let tagged = shared.map(|(path, znode)| (&znode.data[..], path.as_str())).collect();
        let (unknowns, faults) = (Unknowns::default(), Vec::new());
        Court { base, seen, unknowns, faults, firsts, tagged }
    }

    fn fault(&mut self, what: String) {
        self.faults.push(what);
    }

    /// Whether a session that had an area has none of its ephemerals any more.
    fn is_ended(&self, life: &Life) -> bool {
        self.seen.has(&life.area()) && !self.seen.has(&life.alive())
    }

    fn turn(&self, lives: &[Life], (index, place): (usize, usize)) -> Turn {
        let life = &lives[index];
        let name = 2 * (self.firsts[index] + place as i64) + 2;
        let answer = life.requests.get(place).and_then(|asked| asked.answer.as_ref());
        let zxid = answer.map_or(-name, |answer| answer.zxid);
        Turn { session: life.id, zxid, time: -name - 1 }
    }

    /// How many of a life's requests happened.
    fn applied(&mut self, lives: &[Life], index: usize) -> usize {
        let life = &lives[index];
        let count = life.requests.len();
        let answered = life.requests.iter().take_while(|asked| asked.answer.is_some()).count();
        if life.requests[answered..].iter().any(|asked| asked.answer.is_some()) {
            self.fault(format!("session {:#x} was answered out of order", life.id));
        }
        let is_ended = self.is_ended(life);
        if is_ended && life.fate == Fate::Kept {
            self.fault(format!("session {:#x} is over, and nobody ended it", life.id));
        }
        if answered == count {
            return count;
        }
        if matches!(life.requests[count - 1].op, Op::Close) && answered == count - 1 {
            if is_ended {
                // The last thing that happened in the area is the end of its owner.
                let pzxid = self.seen.znodes[&life.area()].stat.pzxid;
                self.unknowns.agree(self.turn(lives, (index, answered)).zxid, pzxid);
            }
            return answered + usize::from(is_ended);
        }
        let mut scratch = self.base.clone();
        let mut nearest: Option<(usize, usize, String)> = None;
        let (least, area) = (self.evident(life, answered), life.area());
        for place in 0..=count {
            if place >= least {
                let mut unknowns = self.unknowns.clone();
                let differences = self.area(&scratch, (lives, index, is_ended), &mut unknowns);
                if differences.is_empty() {
                    self.unknowns = unknowns;
                    self.place_shared(lives, (index, answered, place));
                    return place;
                }
                if nearest.as_ref().is_none_or(|(_, count, _)| differences.len() < *count) {
                    nearest = Some((place, differences.len(), differences.join("; ")));
                }
            }
            if place < count {
                let turn = self.turn(lives, (index, place));
                // What others do beside it is not known here, and the area does not depend on it.
                if let Some(own) = life.requests[place].op.inside(&area) {
                    let _ = scratch.apply(&own, turn);
                }
            }
        }
        let (place, _, differences) = nearest.expect("at least one count was tried");
        let id = life.id;
        self.fault(format!(
            "no number of its unanswered writes explains the area of session {id:#x}; nearest: \
             {answered} answered, {} more: {differences}",
            place - answered
        ));
        place
    }

    /// How many requests must have happened, from what they left in the shared directories.
    fn evident(&self, life: &Life, answered: usize) -> usize {
        let is_seen = |place: &usize| {
            created_data(&life.requests[*place].op)
                .iter()
                .any(|data| self.tagged.contains_key(data))
        };
        let last = (answered..life.requests.len()).rfind(is_seen);
        last.map_or(answered, |place| place + 1)
    }

    /// Finds the zxids of unanswered writes by what they left in the shared directories.
    fn place_shared(&mut self, lives: &[Life], (index, answered, applied): (usize, usize, usize)) {
        for place in answered..applied {
            let turn = self.turn(lives, (index, place));
            for data in created_data(&lives[index].requests[place].op) {
                if let Some(path) = self.tagged.get(data) {
                    let czxid = self.seen.znodes[*path].stat.czxid;
                    self.unknowns.agree(turn.zxid, czxid);
                }
            }
        }
    }

    /// How a life's area differs from what is seen of it.
    fn area(
        &self,
        model: &Model,
        (lives, index, is_ended): (&[Life], usize, bool),
        unknowns: &mut Unknowns,
    ) -> Vec<String> {
        let life = &lives[index];
        let mut ended = None;
        if is_ended {
            let mut model = model.clone();
            model.end(self.turn(lives, (index, life.requests.len())));
            ended = Some(model);
        }
        let model = ended.as_ref().unwrap_or(model);
        let area = life.area();
        differences(model, self.seen, unknowns, &|path| is_inside(path, &area))
    }

    /// Everything that happened, in order. What has no known place touched nothing but its own
    /// session's area, and stands behind what that session did before.
    fn order(&mut self, lives: &[Life], counts: &[usize]) -> Vec<(i64, Happened)> {
        let mut order = Vec::new();
        let mut taken: BTreeMap<i64, usize> = BTreeMap::new();
        for (index, life) in lives.iter().enumerate() {
            let mut newest = 0;
            for place in 0..counts[index] {
                let turn = self.turn(lives, (index, place));
                if let Some(zxid) = self.unknowns.value(turn.zxid) {
                    let limit = if Unknowns::is_one(turn.zxid) { 0 } else { self.base.zxid };
                    if zxid <= newest || zxid <= limit {
                        self.faults.push(format!(
                            "zxid {zxid:#x} of session {:#x} comes after {:#x}",
                            life.id,
                            newest.max(limit)
                        ));
                    }
                    if let Some(other) = taken.insert(zxid, index) {
                        let other = lives[other].id;
                        self.faults.push(format!(
                            "zxid {zxid:#x} belongs to session {other:#x} and to {:#x}",
                            life.id
                        ));
                    }
                    newest = zxid;
                }
                order.push((newest, Happened::Asked(index, place)));
            }
            let closed = matches!(life.requests.last().map(|a| &a.op), Some(Op::Close));
            if !closed && self.is_ended(life) {
                let zxid = self.seen.znodes[&life.area()].stat.pzxid;
                order.push((zxid, Happened::Expired(index)));
            }
        }
        order.sort_by_key(|(zxid, _)| *zxid);
        order
    }

    /// Carries everything out on the model and compares the answers; returns how many there were.
    fn replay(&mut self, lives: &[Life], order: &[(i64, Happened)], model: &mut Model) -> u64 {
        let mut acknowledged = 0;
        for &(zxid, happened) in order {
            let (index, place) = match happened {
                Happened::Asked(index, place) => (index, place),
                Happened::Expired(index) => {
                    let place = lives[index].requests.len();
                    model.end(Turn { zxid, ..self.turn(lives, (index, place)) });
                    continue;
                }
            };
            let asked = &lives[index].requests[place];
            let result = model.apply(&asked.op, self.turn(lives, (index, place)));
            let Some(answer) = &asked.answer else { continue };
            acknowledged += 1;
            if !self.unknowns.answered(&result, &answer.result) {
                self.fault(format!(
                    "zxid {:#x}, session {:#x}: {:?} was answered {:?}, expected {result:?}",
                    answer.zxid, lives[index].id, asked.op, answer.result
                ));
            }
        }
        acknowledged
    }

    fn compare(&mut self, model: &Model) {
        let found = differences(model, self.seen, &mut self.unknowns, &|_| true);
        self.faults.extend(found);
    }
}

/// How the model differs from what is seen, as far as it is `inside`.
fn differences(
    model: &Model,
    seen: &Observed,
    unknowns: &mut Unknowns,
    inside: &dyn Fn(&str) -> bool,
) -> Vec<String> {
    let mut found = Vec::new();
    for (path, znode) in model.znodes.iter().filter(|(path, _)| inside(path)) {
        let Some(there) = seen.znodes.get(path) else {
            found.push(format!("{path} is not there"));
            continue;
        };
        if znode.data != there.data {
            let [wanted, have] =
                [&znode.data, &there.data].map(|data| String::from_utf8_lossy(data).into_owned());
            found.push(format!("{path} has data {have:.40}, expected {wanted:.40}"));
        }
        if znode.acl != there.acl {
            found.push(format!("{path} has ACL {:?}, expected {:?}", there.acl, znode.acl));
        }
        if let Some(field) = unknowns.differ(&znode.stat, &there.stat) {
            found.push(format!(
                "{path} has another {field}: {:?}, expected {:?}",
                there.stat, znode.stat
            ));
        }
    }
    let extra = seen.znodes.keys().filter(|path| inside(path) && !model.znodes.contains_key(*path));
    found.extend(extra.map(|path| format!("{path} should not be there")));
    found
}

/// The data of what an operation creates outside its session's area.
fn created_data(op: &Op) -> Vec<&[u8]> {
    match op {
        Op::Create { path, data, .. } if path.starts_with(SHARED) => vec![data],
        Op::Multi(parts) => parts.iter().flat_map(created_data).collect(),
        _ => Vec::new(),
    }
}
