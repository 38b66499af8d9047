//! What the judge must see: one thing made wrong in a round that was right.

use tenure_tests::records::{Stat, acl};

use crate::history::{Answer, Fate, Life, Op, Told, is_inside};
use crate::model::{Model, parent};
use crate::observed::{Observed, Seen};
use crate::oracle::judge;

/// A round: what was known before it, what was asked, and what was there afterwards.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The state before.
    pub base: Model,
    /// The sessions and their requests.
    pub lives: Vec<Life>,
    /// The tree after.
    pub seen: Observed,
}

/// Makes something wrong; false if the round has nothing of the kind.
type Plant = fn(&mut Evidence) -> bool;

const PLANTS: &[(&str, Plant)] = &[
    ("nothing of the round is there", |round| {
        let znodes = round.base.znodes.iter().map(|(path, znode)| {
            let (data, acl) = (znode.data.clone(), znode.acl.clone());
            (path.clone(), Seen { data, acl, stat: znode.stat })
        });
        round.seen.znodes = znodes.collect();
        true
    }),
    ("an acknowledged create is not there", |round| {
        let Some(path) = acknowledged_create(round) else { return false };
        round.seen.znodes.remove(&path).is_some()
    }),
    ("an older value is there", |round| {
        znode(round, |seen| seen.stat.version > 0).is_some_and(|seen| {
            seen.data.push(b'!');
            true
        })
    }),
    ("another czxid", |round| stat(round, |stat| stat.czxid += 1)),
    ("another mzxid", |round| stat(round, |stat| stat.mzxid += 1)),
    ("another pzxid", |round| stat(round, |stat| stat.pzxid += 1)),
    ("another ctime", |round| stat(round, |stat| stat.ctime += 1)),
    ("another mtime", |round| stat(round, |stat| stat.mtime -= 1)),
    ("another version", |round| stat(round, |stat| stat.version += 1)),
    ("another cversion", |round| stat(round, |stat| stat.cversion -= 1)),
    ("another aversion", |round| stat(round, |stat| stat.aversion += 1)),
    ("another owner", |round| stat(round, |stat| stat.ephemeral_owner += 1)),
    ("another length", |round| stat(round, |stat| stat.data_length += 1)),
    ("another number of children", |round| stat(round, |stat| stat.num_children += 1)),
    ("another ACL", |round| {
        znode(round, |_| true).is_some_and(|seen| {
            seen.acl.push(acl(1, "ip", "127.0.0.1"));
            true
        })
    }),
    ("a znode nobody created", |round| {
        let Some(seen) = round.seen.znodes.values().next_back().cloned() else { return false };
        round.seen.znodes.insert("/zz".to_owned(), seen).is_none()
    }),
    ("a session that is kept has lost its ephemerals", |round| {
        let kept = round
            .lives
            .iter()
            .find(|life| life.fate == Fate::Kept && round.seen.has(&life.alive()));
        let Some(life) = kept else { return false };
        let id = life.id;
        let before = round.seen.znodes.len();
        round.seen.znodes.retain(|_, seen| seen.stat.ephemeral_owner != id);
        round.seen.znodes.len() < before
    }),
    ("half of an unanswered multi is there", |round| {
        let Some(path) = unanswered_marker(round) else { return false };
        round.seen.znodes.remove(&path);
        let above = round.seen.znodes.get_mut(parent(&path)).expect("its area is there");
        above.stat.cversion -= 1;
        above.stat.num_children -= 1;
        true
    }),
    ("a sequence number was given twice", |round| {
        answer(round, |told| match told {
            Ok(Told::Path(path) | Told::Created(path, _)) if path.contains("-00") => {
                path.replace_range(path.len() - 1.., "x");
                true
            }
            _ => false,
        })
    }),
    ("a failed write said it had succeeded", |round| {
        answer(round, |told| {
            told.is_err() && {
                *told = Ok(Told::Done);
                true
            }
        })
    }),
    ("two writes have one zxid", |round| {
        let zxid = round.lives.iter().filter_map(Life::newest).min();
        last_answer(round, |answer| {
            Some(answer.zxid) != zxid && {
                answer.zxid = zxid.unwrap_or_default();
                true
            }
        })
    }),
    ("zxids begin again", |round| {
        let before = round.base.zxid;
        last_answer(round, |answer| {
            answer.zxid = before.min(1);
            true
        })
    }),
    ("the server knows less than it acknowledged", |round| {
        round.seen.zxid = round.base.zxid;
        round.lives.iter().filter_map(Life::newest).any(|newest| newest > round.base.zxid)
    }),
];

/// Plants everything there is, one at a time: how many were planted, and which the judge did not
/// see or could not be planted.
pub fn unseen(round: &Evidence) -> (usize, Vec<&'static str>) {
    let mut missed = Vec::new();
    for (name, plant) in PLANTS {
        let mut planted = round.clone();
        let done = plant(&mut planted);
        let Evidence { base, mut lives, seen } = planted;
        if !done || judge(&base, &mut lives, &seen).faults.is_empty() {
            missed.push(*name);
        }
    }
    (PLANTS.len(), missed)
}

fn acknowledged_create(round: &Evidence) -> Option<String> {
    let answers = round.lives.iter().flat_map(|life| &life.requests);
    answers.filter_map(|asked| asked.answer.as_ref()).find_map(|answer| match &answer.result {
        Ok(Told::Path(path) | Told::Created(path, _)) => {
            let is_leaf = round.seen.znodes.get(path).is_some_and(|z| z.stat.num_children == 0);
            is_leaf.then(|| path.clone())
        }
        _ => None,
    })
}

/// The znode in an area that was created by a multi without an answer.
fn unanswered_marker(round: &Evidence) -> Option<String> {
    let unanswered = |life: &Life| {
        let asked = life.requests.iter().filter(|asked| asked.answer.is_none());
        let parts = asked.flat_map(|asked| match &asked.op {
            Op::Multi(parts) => parts.clone(),
            _ => Vec::new(),
        });
        let area = life.area();
        let paths = parts.filter_map(|part| match part {
            Op::Create { path, .. } if is_inside(&path, &area) && path.contains("/m") => Some(path),
            _ => None,
        });
        paths.collect::<Vec<_>>()
    };
    round.lives.iter().flat_map(unanswered).find(|path| round.seen.has(path))
}

/// The last znode that a session wrote and that is like this.
fn znode(round: &mut Evidence, is_like: impl Fn(&Seen) -> bool) -> Option<&mut Seen> {
    let all = round.seen.znodes.iter_mut().rev();
    let mut own = all.filter(|(path, _)| path.starts_with(crate::history::AREAS));
    own.find(|(_, seen)| is_like(seen)).map(|(_, seen)| seen)
}

fn stat(round: &mut Evidence, change: impl Fn(&mut Stat)) -> bool {
    let base = round.base.zxid;
    // A znode of this round, so that the judge cannot just compare it with what it knew before.
    znode(round, |seen| seen.stat.mzxid > base).is_some_and(|seen| {
        change(&mut seen.stat);
        true
    })
}

/// Changes the first answer that lets itself be changed.
fn answer(round: &mut Evidence, change: impl Fn(&mut Result<Told, i32>) -> bool) -> bool {
    let asked = round.lives.iter_mut().flat_map(|life| &mut life.requests);
    asked.filter_map(|asked| asked.answer.as_mut()).any(|answer| change(&mut answer.result))
}

/// Changes the last answer of a session that lets itself be changed.
fn last_answer(round: &mut Evidence, change: impl Fn(&mut Answer) -> bool) -> bool {
    let asked = round.lives.iter_mut().flat_map(|life| life.requests.iter_mut().rev());
    asked.filter_map(|asked| asked.answer.as_mut()).any(change)
}
