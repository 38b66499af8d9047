//! What the model knows of sessions: numbered writes, what was proven, and who may take over what.

use std::collections::BTreeSet;

use super::{Model, Naive, Said};
use crate::base::{Code, EventKind, Identity, Password, SessionId, Stat, Zxid, path};
use crate::engine::{Cause, Engine, Txn};
use crate::wire::{Once, Reply, once};

/// An answer, and the transaction it was the answer to.
type Answered = (i64, Zxid, Result<Reply, Code>);

/// What the model knows of a session. The answers of its scripts are so short that only their number
/// counts.
#[derive(Clone)]
pub(super) struct NaiveSession {
    password: Password,
    proven: Vec<Identity>,
    answers: Vec<Answered>,
    pub(super) highest: i64,
}

impl NaiveSession {
    pub(super) fn new(password: Password) -> NaiveSession {
        NaiveSession { password, proven: Vec::new(), answers: Vec::new(), highest: 0 }
    }

    pub(super) fn password(&self) -> Password {
        self.password
    }
}

/// Another session, and what is shown as its password.
type Other<'a> = (SessionId, &'a [u8]);

fn proven(txn: &Txn) -> impl Iterator<Item = &Identity> {
    txn.identities.iter().filter(|identity| identity.scheme != "ip")
}

impl Model {
    fn asker(&mut self, txn: &Txn) -> &mut NaiveSession {
        self.sessions.get_mut(&txn.session).expect("whoever asks is there")
    }

    pub(super) fn note_proven(&mut self, txn: &Txn) {
        self.asker(txn).proven = proven(txn).cloned().collect();
    }

    /// With the zxid under which it was carried out.
    pub(super) fn once(
        &mut self,
        once: &Once,
        txn: &Txn,
        said: &mut Said,
    ) -> (i64, Result<Reply, Code>) {
        let asker = self.asker(txn);
        if once.number <= asker.highest {
            let kept = asker.answers.iter().find(|(number, ..)| *number == once.number);
            return match kept {
                Some((_, zxid, result)) => (zxid.0, result.clone()),
                None => (self.zxid, Err(Code::Other(once::FORGOTTEN))),
            };
        }
        let result = self.request(&once.request, txn, said);
        let zxid = self.zxid;
        let asker = self.asker(txn);
        asker.highest = once.number;
        asker.answers.push((once.number, Zxid(zxid), result.clone()));
        let surplus = asker.answers.len().saturating_sub(64);
        asker.answers.drain(..surplus);
        asker.answers.retain(|(number, ..)| *number > once.answered);
        (zxid, result)
    }

    pub(super) fn end(&mut self, id: SessionId, cause: Cause, said: &mut Said) {
        self.sessions.remove(&id).expect("it is there");
        self.of(id).iter().for_each(|path| self.remove(path, said));
        self.ended.push((id, cause));
    }

    /// What a session keeps alive, in the order of the paths.
    fn of(&self, id: SessionId) -> Vec<String> {
        let own = |(path, naive): (&String, &Naive)| {
            (naive.stat.ephemeral_owner == id).then(|| path.clone())
        };
        self.znodes.iter().filter_map(own).collect()
    }

    pub(super) fn adopt(
        &mut self,
        path: &str,
        (from, password): Other<'_>,
        txn: &Txn,
        said: &mut Said,
    ) -> Result<Stat, Code> {
        path::validate(path).map_err(|_| Code::BadArguments)?;
        let stat = self.znodes.get(path).ok_or(Code::NoNode)?.stat;
        if from.is_none() || stat.ephemeral_owner != from {
            return Err(Code::BadArguments);
        }
        if from == txn.session {
            return Ok(stat);
        }
        self.expect_right((from, password), txn)?;
        Ok(self.take(path, txn, said))
    }

    pub(super) fn take_over(
        &mut self,
        (from, password): Other<'_>,
        txn: &Txn,
        said: &mut Said,
    ) -> Result<i32, Code> {
        self.expect_right((from, password), txn)?;
        let paths = self.of(from);
        for path in &paths {
            self.take(path, txn, said);
        }
        self.end(from, Cause::HandedOver { to: txn.session }, said);
        Ok(paths.len() as i32)
    }

    fn take(&mut self, path: &str, txn: &Txn, said: &mut Said) -> Stat {
        let stat = &mut self.znodes.get_mut(path).expect("it is there").stat;
        stat.ephemeral_owner = txn.session;
        stat.version += 1;
        stat.mzxid = Zxid(self.zxid);
        stat.mtime = txn.at;
        said.push((EventKind::DataChanged, path.to_owned()));
        *stat
    }

    pub(super) fn expect_right(&self, (other, password): Other<'_>, txn: &Txn) -> Result<(), Code> {
        if other == txn.session {
            return Err(Code::BadArguments);
        }
        let other = self.sessions.get(&other).ok_or(Code::UnknownSession)?;
        let shares = proven(txn).any(|identity| other.proven.contains(identity));
        if shares || other.password.0 == password { Ok(()) } else { Err(Code::NoAuth) }
    }

    /// Asserts that the engine knows of sessions what the model knows.
    pub(super) fn compare_sessions(&self, engine: &Engine) {
        let sessions: BTreeSet<SessionId> = engine.registry().iter().map(|(id, _)| id).collect();
        assert!(sessions.iter().eq(self.sessions.keys()), "{sessions:?}");
        for (id, registered) in engine.registry().iter() {
            let naive = &self.sessions[&id];
            assert_eq!(registered.identities[..], naive.proven[..], "{id}");
            let window = registered.window.as_deref().cloned().unwrap_or_default();
            assert_eq!(window.highest(), naive.highest, "{id}");
            let kept = window.iter().map(|kept| (kept.number, kept.zxid));
            let expected = naive.answers.iter().map(|(number, zxid, _)| (*number, *zxid));
            assert!(kept.eq(expected), "the answers of {id}");
        }
        let ended = engine.registry().ended().iter().map(|ended| (ended.id, ended.cause));
        let surplus = self.ended.len().saturating_sub(1_024);
        assert!(ended.eq(self.ended[surplus..].iter().copied()), "how sessions ended");
    }
}
