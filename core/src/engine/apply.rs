//! The one door: a transaction in, its effects out.

use super::access::Judged;
use super::draft::{Asker, Draft};
use super::{Change, Effects, Engine, Txn};
use crate::base::{Code, Zxid};
use crate::wire::{Op, Reply, Request};

impl Engine {
    /// Applies a transaction: the next zxid is its own, whatever becomes of it.
    ///
    /// Deterministic: the same transactions on the same state give the same effects. Never panics
    /// over what a client sent. If the result is an error, nothing but the zxid has changed, and what
    /// is kept of the asker and of its numbered writes.
    pub fn apply(&mut self, txn: &Txn) -> Effects {
        self.last_zxid = self.last_zxid.next();
        let judged = Judged::default();
        let asker = Asker {
            judged: &judged,
            session: txn.session,
            identities: &txn.identities,
            zxid: self.last_zxid,
            at: txn.at,
        };
        let mut draft = Draft::default();
        let mut effects = Effects {
            zxid: self.last_zxid,
            answered_at: self.last_zxid,
            result: Ok(Reply::Done),
            changes: Vec::new(),
            owners: Vec::new(),
            is_over_limit: false,
            begun: None,
            ended: None,
            forgotten: None,
            quotas: Vec::new(),
        };
        match &txn.change {
            Change::CreateSession { id, timeout, password } => {
                let created = self.create_session(*id, (*timeout, *password), txn.at);
                effects.begun = created.ok().map(|()| *id);
                effects.result = created.map(|()| Reply::Done);
            }
            Change::EndSession { id, cause } => {
                let ended = self.end_session(&mut draft, (*id, *cause), txn.at);
                effects.result = ended.map(|()| Reply::Done);
            }
            Change::Request(request) => {
                let answer = self.request(&mut draft, request, asker);
                (effects.answered_at, effects.result) = answer;
            }
            Change::Reap { path } => {
                let reaped = self.reap(&mut draft, path, asker);
                effects.result = reaped.map(|()| Reply::Done);
            }
        }
        effects.is_over_limit = draft.is_over_limit;
        effects.ended = draft.ended;
        effects.forgotten = draft.forgotten;
        if effects.result.is_ok() {
            self.keep(draft, &mut effects);
            effects.owners.retain(|owner| Some(*owner) != effects.ended);
        } else {
            self.undo(&mut draft);
            effects.quotas = draft.notices;
        }
        self.note_digest();
        effects
    }

    /// Carries a request out, or finds the answer of then. Answers with the place of the transaction
    /// that did.
    fn request(
        &mut self,
        draft: &mut Draft,
        request: &Request,
        asker: Asker<'_>,
    ) -> (Zxid, Result<Reply, Code>) {
        match request {
            Request::Once(once) => self.once(draft, once, asker),
            request => (asker.zxid, self.carry_out(draft, request, asker)),
        }
    }

    /// Carries out a request, if the session that asks exists.
    pub(super) fn carry_out(
        &mut self,
        draft: &mut Draft,
        request: &Request,
        asker: Asker<'_>,
    ) -> Result<Reply, Code> {
        if !self.note_identities(asker) {
            return Err(Code::SessionExpired);
        }
        match request {
            Request::Create(create) => self.create(draft, create, asker).map(|created| {
                let (path, stat) = created;
                if create.op == Op::Create {
                    Reply::Created { path }
                } else {
                    Reply::Created2 { path, stat }
                }
            }),
            Request::Delete { path, version } => {
                self.delete(draft, (path, *version), asker).map(|()| Reply::Done)
            }
            Request::SetData { path, data, version } => {
                let data = data.as_deref();
                self.set_data(draft, (path, *version), data, asker).map(Reply::Stat)
            }
            Request::SetAcl { path, acl, version } => {
                self.set_acl((path, *version), acl, asker).map(Reply::Stat)
            }
            Request::Adopt { path, from, password } => {
                self.adopt(draft, path, (*from, password), asker).map(Reply::Stat)
            }
            Request::HandOver { from, password } => {
                self.take_over(draft, (*from, password), asker).map(Reply::Count)
            }
            Request::Fence { session, password } => {
                self.fence(draft, (*session, password), asker).map(|()| Reply::Done)
            }
            Request::Multi(ops) => Ok(Reply::Multi(self.multi(draft, ops, asker))),
            // As on a ZooKeeper that was not told otherwise.
            Request::Reconfig => Err(Code::ReconfigDisabled),
            // Nothing else is a write, and a check stands in a multi.
            _ => Err(Code::Unimplemented),
        }
    }
}
