//! Numbers nobody was told of, and what is found in their place.

use std::collections::BTreeMap;

use tenure_tests::records::{Outcome, Stat};

use crate::history::Told;

/// What each unknown stands for, as far as it has been seen.
#[derive(Clone, Debug, Default)]
pub struct Unknowns(BTreeMap<i64, i64>);

impl Unknowns {
    /// Whether a number is an unknown.
    pub fn is_one(number: i64) -> bool {
        number < 0
    }

    /// What an unknown stands for; a known number stands for itself.
    pub fn value(&self, number: i64) -> Option<i64> {
        if Unknowns::is_one(number) { self.0.get(&number).copied() } else { Some(number) }
    }

    /// Whether `seen` can stand where the model has `number`. An unknown is settled by it.
    pub fn agree(&mut self, number: i64, seen: i64) -> bool {
        if !Unknowns::is_one(number) {
            return number == seen;
        }
        seen > 0 && *self.0.entry(number).or_insert(seen) == seen
    }

    /// The name of the first field in which two Stats differ.
    pub fn differ(&mut self, model: &Stat, seen: &Stat) -> Option<&'static str> {
        let equal = [
            ("czxid", self.agree(model.czxid, seen.czxid)),
            ("mzxid", self.agree(model.mzxid, seen.mzxid)),
            ("pzxid", self.agree(model.pzxid, seen.pzxid)),
            ("ctime", self.agree(model.ctime, seen.ctime)),
            ("mtime", self.agree(model.mtime, seen.mtime)),
            ("version", model.version == seen.version),
            ("cversion", model.cversion == seen.cversion),
            ("aversion", model.aversion == seen.aversion),
            ("ephemeralOwner", model.ephemeral_owner == seen.ephemeral_owner),
            ("dataLength", model.data_length == seen.data_length),
            ("numChildren", model.num_children == seen.num_children),
        ];
        equal.iter().find(|(_, equal)| !equal).map(|(name, _)| *name)
    }

    /// Whether an answer is the one the model gives.
    pub fn answered(&mut self, model: &Result<Told, i32>, seen: &Result<Told, i32>) -> bool {
        match (model, seen) {
            (Err(model), Err(seen)) => model == seen,
            (Ok(Told::Done), Ok(Told::Done)) => true,
            (Ok(Told::Path(model)), Ok(Told::Path(seen))) => model == seen,
            (Ok(Told::Created(path, model)), Ok(Told::Created(seen_path, seen))) => {
                path == seen_path && self.differ(model, seen).is_none()
            }
            (Ok(Told::Stat(model)), Ok(Told::Stat(seen))) => self.differ(model, seen).is_none(),
            (Ok(Told::Multi(model)), Ok(Told::Multi(seen))) => {
                model.len() == seen.len()
                    && model.iter().zip(seen).all(|(model, seen)| self.part(model, seen))
            }
            _ => false,
        }
    }

    fn part(&mut self, model: &Outcome, seen: &Outcome) -> bool {
        match (model, seen) {
            (
                Outcome::Created2(kind, path, model),
                Outcome::Created2(seen_kind, seen_path, seen),
            ) => kind == seen_kind && path == seen_path && self.differ(model, seen).is_none(),
            (Outcome::Set(model), Outcome::Set(seen)) => self.differ(model, seen).is_none(),
            (model, seen) => model == seen,
        }
    }

    /// Puts what is known into a Stat in the place of its unknowns.
    pub fn settle(&self, stat: &mut Stat) {
        for number in
            [&mut stat.czxid, &mut stat.mzxid, &mut stat.pzxid, &mut stat.ctime, &mut stat.mtime]
        {
            *number = self.value(*number).unwrap_or(*number);
        }
    }
}
