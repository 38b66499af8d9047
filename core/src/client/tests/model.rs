//! A server as far as the simulation needs one: sessions, the znodes they keep alive, and the answers
//! that it keeps. It carries out what it receives, in order, whatever becomes of the answers.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::limits::WINDOW_REPLIES;
use crate::base::{Code, SessionId, Stat};
use crate::client::chroot;
use crate::wire::once::FORGOTTEN;
use crate::wire::ops::Path;
use crate::wire::{Once, Reply, Request};

use super::world::success;

type Answer = Result<Reply, Code>;

/// The answers that are kept for one session.
#[derive(Default)]
pub struct Window {
    highest: i64,
    kept: BTreeMap<i64, Answer>,
}

#[derive(Default)]
pub struct Model {
    pub sessions: BTreeMap<i64, Window>,
    pub last_session: i64,
    /// Owners of ephemerals, by path.
    pub owners: BTreeMap<String, i64>,
    /// How often each write was carried out, by its path.
    pub carried_out: BTreeMap<String, u32>,
    /// A planted defect: numbers mean nothing to it.
    pub is_forgetful: bool,
}

impl Model {
    pub fn begin(&mut self) -> i64 {
        self.last_session += 1;
        self.sessions.insert(self.last_session, Window::default());
        self.last_session
    }

    pub fn is_alive(&self, session: i64) -> bool {
        self.sessions.contains_key(&session)
    }

    pub fn highest(&self, session: i64) -> i64 {
        self.sessions.get(&session).map_or(0, |window| window.highest)
    }

    pub fn end(&mut self, session: i64) {
        self.sessions.remove(&session);
        self.owners.retain(|_, owner| *owner != session);
    }

    pub fn owner(&self, path: &str) -> Option<i64> {
        self.owners.get(path).copied()
    }

    pub fn answer(&mut self, session: i64, request: &Request) -> Answer {
        match request {
            Request::Once(once) => self.answer_once(session, once),
            request => self.carry_out(session, request),
        }
    }

    fn answer_once(&mut self, session: i64, once: &Once) -> Answer {
        if self.is_forgetful {
            return self.carry_out(session, &once.request);
        }
        let window = self.sessions.entry(session).or_default();
        window.kept.retain(|&number, _| number > once.answered);
        if once.number <= window.highest {
            let kept = window.kept.get(&once.number).cloned();
            return kept.unwrap_or(Err(Code::Other(FORGOTTEN)));
        }
        let answer = self.carry_out(session, &once.request);
        if let Some(window) = self.sessions.get_mut(&session) {
            window.highest = once.number;
            window.kept.insert(once.number, answer.clone());
            while window.kept.len() > WINDOW_REPLIES {
                window.kept.pop_first();
            }
        }
        answer
    }

    fn carry_out(&mut self, session: i64, request: &Request) -> Answer {
        let path = chroot::subject(request).to_owned();
        let owner = self.owners.get(&path).copied();
        match request {
            Request::Create(create) if create.mode().is_ok_and(|mode| mode.is_ephemeral()) => {
                if owner.is_some() {
                    return Err(Code::NodeExists);
                }
                self.owners.insert(path.clone(), session);
            }
            Request::Exists { .. } if path.starts_with("/r") => {
                let owner = SessionId(owner.ok_or(Code::NoNode)?);
                return Ok(Reply::Stat(Stat { ephemeral_owner: owner, ..Stat::default() }));
            }
            Request::GetData { .. } if path.starts_with("/r") => {
                let (data, stat) = (Some("v".into()), Stat::default());
                return owner.map(|_| Reply::Data { data, stat }).ok_or(Code::NoNode);
            }
            Request::Fence { session, .. } => self.end(session.0),
            Request::CloseSession => self.end(session),
            _ => {}
        }
        if request.op().path() == Path::Write && !path.is_empty() {
            *self.carried_out.entry(path).or_default() += 1;
        }
        Ok(success(request))
    }

    /// Who is alive.
    pub fn alive(&self) -> BTreeSet<i64> {
        self.sessions.keys().copied().collect()
    }
}
