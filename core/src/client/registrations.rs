//! Registrations: ephemerals that are there whenever there is a session. What is wished for is kept
//! here and brought about in every epoch; what each answer means is decided in `registering`.
//!
//! A registration has at most one request under way, and a one-shot watch on its znode for as long as
//! it is there or in the way. Nothing of anybody else is ever changed or deleted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::call::{Call, CallId, Intent, WatchId};
use super::error::{Epoch, Error, Result};
use super::machine::{Known, Machine, Output, Phase};
use super::requests::SILENT;
use crate::base::limits::FORMER_SESSIONS;
use crate::base::{Acl, Moment, SessionId, path};
use crate::wire::{Reply, Request};

/// Names a registration within its client. Chosen by who asks for it, never twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RegistrationId(pub u64);

/// What a registration does if its name is taken by somebody else.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum OnConflict {
    /// It waits until the name is free.
    #[default]
    Wait,
    /// It is over, with `NodeExists`.
    Fail,
}

/// How a registration is.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RegistrationState {
    /// It is not there yet: there is no session, or the server was not heard of.
    Pending,
    /// It is there.
    Present {
        /// Where, as the program names it; with the number if it is sequential.
        path: String,
        /// The epoch in which it is so, and after which it is not.
        epoch: Epoch,
    },
    /// Somebody else has the name. Theirs is never touched.
    Conflict {
        /// The session that owns it; [`SessionId::NONE`] if it is no ephemeral.
        owner: SessionId,
    },
    /// It was deleted by somebody else, and is created again, at most once a second.
    Removed,
    /// The server refuses it. Tried again in the next session, and when it is set.
    Refused(Error),
    /// It is over: with [`Error::Closed`] if it was closed, else with what ended it.
    Over(Error),
}

/// What a registration is to be.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Who hears of it.
    pub id: RegistrationId,
    /// Where, with the server's paths.
    pub path: String,
    /// Where the caller stands.
    pub chroot: Arc<str>,
    /// Its data.
    pub data: Bytes,
    /// Who may do what with it.
    pub acl: Vec<Acl>,
    /// Whether a number is appended to its name: another one in each session.
    pub is_sequential: bool,
    /// Whether missing znodes above are created, as persistent ones.
    pub parents: bool,
    /// What happens if somebody else has the name.
    pub on_conflict: OnConflict,
}

/// The request of a registration that is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Create,
    /// Whose the znode is.
    Look,
    /// Which of this session's ephemerals a lost answer was about.
    List,
    Read,
    Write,
    Sync,
    /// The end of a session of before, which owns it.
    Fence(SessionId),
    Delete,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Registration {
    pub wish: Wish,
    /// Counts what was wished for data; and what of it is written.
    pub revision: u64,
    pub written: u64,
    /// The one that the latest create or write has.
    pub sent_revision: u64,
    /// Where it is, on the server.
    pub path: String,
    pub version: i32,
    pub is_present: bool,
    pub step: Option<(Step, CallId)>,
    /// Whether an answer was lost that would tell whether it is there.
    pub is_in_doubt: bool,
    /// Whether somebody is in the way, or the server refuses it: there is nothing to do.
    pub is_stuck: bool,
    pub has_parents: bool,
    pub has_synced: bool,
    /// Whether a watch on its name is left or about to be.
    pub is_watched: bool,
    pub is_closing: bool,
    pub created: Option<Moment>,
    pub said: (RegistrationState, u64),
}

/// A session of this client that is over for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Former {
    pub known: Known,
    /// Whether the ensemble said so, too.
    pub is_over: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Registrations {
    pub all: BTreeMap<RegistrationId, Registration>,
    /// Whose request each is.
    pub calls: BTreeMap<CallId, RegistrationId>,
    pub watches: BTreeMap<WatchId, RegistrationId>,
    /// What was heard and not yet acted upon.
    pub heard: VecDeque<(RegistrationId, Heard)>,
    /// When one is to be created again.
    pub due: BTreeSet<(Moment, RegistrationId)>,
    /// Those of which nothing is known yet in this epoch: the program hears of it behind them.
    pub unsettled: BTreeSet<RegistrationId>,
    pub formers: VecDeque<Former>,
}

/// What a registration hears.
#[derive(Debug)]
pub(super) enum Heard {
    Answer(CallId, Result<Reply>),
    Changed,
}

impl Machine {
    /// The program wants a registration.
    pub(super) fn register(&mut self, wish: Wish) {
        let id = wish.id;
        let registration = Registration {
            path: wish.path.clone(),
            wish,
            revision: 0,
            written: 0,
            sent_revision: 0,
            version: 0,
            is_present: false,
            step: None,
            is_in_doubt: false,
            is_stuck: false,
            has_parents: false,
            has_synced: false,
            is_watched: false,
            is_closing: false,
            created: None,
            said: (RegistrationState::Pending, 0),
        };
        self.registrations.all.insert(id, registration);
        if self.link.up().is_none() {
            self.registrations.unsettled.insert(id);
        }
        if let Some(error) = self.over() {
            return self.drop_registration(id, error);
        }
        self.take_step(id);
    }

    /// The error of whatever is asked too late.
    fn over(&self) -> Option<Error> {
        match &self.phase {
            Phase::Finished(error) => Some(error.clone()),
            Phase::Closing { .. } | Phase::Detaching { .. } => Some(Error::Closed),
            Phase::Open => None,
        }
    }

    /// The program wants other data in it.
    pub(super) fn amend(&mut self, id: RegistrationId, data: Bytes, revision: u64) {
        let Some(registration) = self.registrations.all.get_mut(&id) else { return };
        registration.wish.data = data;
        registration.revision = revision;
        if matches!(registration.said.0, RegistrationState::Refused(_)) {
            registration.is_stuck = false;
        }
        self.take_step(id);
    }

    /// The program does not want it any more.
    pub(super) fn unregister(&mut self, id: RegistrationId) {
        let Some(registration) = self.registrations.all.get_mut(&id) else { return };
        registration.is_closing = true;
        registration.is_stuck = false;
        self.take_step(id);
    }

    /// Queues what is to be done next for a registration, if there is a session to do it in.
    pub(super) fn take_step(&mut self, id: RegistrationId) {
        if let Some(call) = self.plan(id) {
            self.waiting.push_back(call);
        }
    }

    /// The same for all, ahead of what the program asks for: sent at once in a new session, behind
    /// what is sent again in an old one.
    pub(super) fn send_registrations(&mut self, now: Moment) {
        for registration in self.registrations.all.values_mut() {
            if matches!(registration.said.0, RegistrationState::Refused(_)) {
                registration.is_stuck = false;
            }
        }
        let ids: Vec<_> = self.registrations.all.keys().copied().collect();
        let planned: Vec<CallId> = ids.into_iter().filter_map(|id| self.plan(id)).collect();
        let is_sent = |id: &CallId| self.calls.get(id).is_some_and(|call| call.sent);
        let at = self.waiting.iter().rposition(is_sent).map_or(0, |last| last + 1);
        let mut unsent = planned.as_slice();
        while let [first, rest @ ..] = unsent
            && at == 0
            && self.send_call(now, *first)
        {
            unsent = rest;
        }
        for (offset, &call) in unsent.iter().enumerate() {
            self.waiting.insert(at + offset, call);
        }
    }

    /// Makes the next request of a registration.
    fn plan(&mut self, id: RegistrationId) -> Option<CallId> {
        let is_attached = self.link.up().is_some() && !self.phase.is_ending();
        let registration = self.registrations.all.get(&id)?;
        if registration.step.is_some() {
            return None;
        }
        if registration.is_closing && !registration.is_present && !registration.is_in_doubt {
            self.drop_registration(id, Error::Closed);
            return None;
        }
        if !is_attached || registration.is_stuck || self.is_due_later(id) {
            return None;
        }
        let step = if registration.is_in_doubt && registration.wish.is_sequential {
            Step::List
        } else if registration.is_in_doubt {
            Step::Look
        } else if registration.is_closing {
            Step::Delete
        } else if !registration.is_present {
            Step::Create
        } else if registration.written < registration.revision {
            Step::Write
        } else {
            return None;
        };
        Some(self.make(id, step))
    }

    fn is_due_later(&self, id: RegistrationId) -> bool {
        self.registrations.due.iter().any(|&(_, other)| other == id)
    }

    /// Makes this request of a registration and queues it.
    pub(super) fn step(&mut self, id: RegistrationId, step: Step) {
        let call = self.make(id, step);
        self.waiting.push_back(call);
    }

    fn make(&mut self, id: RegistrationId, step: Step) -> CallId {
        self.silent_calls += 1;
        let call = CallId(SILENT | self.silent_calls);
        let (request, intent) = self.registrations.request(id, step, call);
        if let Intent::Once(watch) = intent {
            self.registrations.watches.insert(watch, id);
            self.adding.insert(watch, call);
        }
        self.registrations.calls.insert(call, id);
        if let Some(registration) = self.registrations.all.get_mut(&id) {
            registration.step = Some((step, call));
            match step {
                Step::Create | Step::Write => registration.sent_revision = registration.revision,
                Step::Look => registration.is_watched = true,
                _ => {}
            }
        }
        let epoch = Some(self.epoch());
        let call_of = Call { intent, epoch, ..Call::silent(request) };
        self.calls.insert(call, call_of);
        call
    }

    /// Says how a registration is, unless that was said last.
    pub(super) fn say(&mut self, id: RegistrationId, state: RegistrationState) {
        let Some(registration) = self.registrations.all.get_mut(&id) else { return };
        let said = (state, registration.written);
        if registration.said == said {
            return;
        }
        registration.said = said.clone();
        let (state, revision) = said;
        self.outputs.push_back(Output::Registered { id, state, revision });
    }

    /// Something is known of it in this epoch.
    pub(super) fn settle_registration(&mut self, id: RegistrationId) {
        self.registrations.unsettled.remove(&id);
    }

    /// Takes a registration out.
    pub(super) fn drop_registration(&mut self, id: RegistrationId, error: Error) {
        self.say(id, RegistrationState::Over(error));
        let registrations = &mut self.registrations;
        if let Some(Registration { step: Some((_, call)), .. }) = registrations.all.remove(&id) {
            registrations.calls.remove(&call);
        }
        registrations.unsettled.remove(&id);
        registrations.due.retain(|&(_, other)| other != id);
        registrations.watches.retain(|&watch, owner| {
            if *owner == id {
                self.watches.remove(watch);
            }
            *owner != id
        });
    }

    /// The epoch is over, and nothing is there any more; without `survive` it is the end.
    pub(super) fn end_registrations(&mut self, survive: bool, is_over: bool, error: &Error) {
        let known = self.known;
        let registrations = &mut self.registrations;
        if !known.id.is_none() {
            registrations.formers.push_back(Former { known, is_over });
            if registrations.formers.len() > FORMER_SESSIONS {
                registrations.formers.pop_front();
            }
        }
        registrations.calls.clear();
        registrations.watches.clear();
        registrations.heard.clear();
        registrations.due.clear();
        registrations.unsettled = registrations.all.keys().copied().collect();
        let ids: Vec<_> = registrations.all.keys().copied().collect();
        for id in ids {
            let Some(registration) = self.registrations.all.get_mut(&id) else { continue };
            registration.step = None;
            registration.is_present = false;
            registration.is_in_doubt = false;
            registration.is_stuck = false;
            registration.has_parents = false;
            registration.has_synced = false;
            registration.is_watched = false;
            registration.path = registration.wish.path.clone();
            if registration.is_closing {
                self.drop_registration(id, Error::Closed);
            } else if survive {
                self.say(id, RegistrationState::Pending);
            } else {
                self.drop_registration(id, error.clone());
            }
        }
    }

    /// A session of before is over on the server as well.
    pub(super) fn note_over(&mut self, id: SessionId) {
        for former in &mut self.registrations.formers {
            former.is_over |= former.known.id == id;
        }
    }

    /// What came back, and what did not.
    pub(super) fn registered(&self) -> (Vec<String>, Vec<String>) {
        let mut paths = (Vec::new(), Vec::new());
        for registration in self.registrations.all.values() {
            if registration.is_present {
                paths.0.push(registration.path.clone());
            } else {
                paths.1.push(registration.wish.path.clone());
            }
        }
        paths
    }

    /// Whether something stands on the session, so that it is worth more pings.
    pub(super) fn is_eager(&self) -> bool {
        !self.claims.is_empty() || !self.registrations.all.is_empty()
    }
}

impl Registrations {
    fn request(&self, id: RegistrationId, step: Step, call: CallId) -> (Request, Intent) {
        let registration = &self.all[&id];
        let Registration { wish, path, version, .. } = registration;
        let (path, version) = (path.clone(), *version);
        let request = match step {
            Step::Create => wish.create(),
            Step::Look => {
                // The watch has the number of the call.
                let watch = WatchId(call.0);
                return (Request::Exists { path, watch: true }, Intent::Once(watch));
            }
            Step::List => Request::GetEphemerals { prefix: Some(wish.path.clone()) },
            Step::Read => Request::GetData { path, watch: false },
            Step::Write => Request::SetData { path, data: Some(wish.data.clone()), version },
            Step::Sync => Request::Sync { path },
            Step::Fence(session) => {
                let former = self.formers.iter().find(|former| former.known.id == session);
                let password = former.map_or([0; 16], |former| former.known.password.0);
                let password = crate::wire::Secret(Bytes::copy_from_slice(&password));
                Request::Fence { session, password }
            }
            Step::Delete => Request::Delete { path, version },
        };
        (request, Intent::Nothing)
    }

    /// Whether a path on the server is one of these.
    pub fn has_path(&self, path: &str) -> bool {
        self.all.values().any(|other| other.is_present && other.path == path)
    }
}

impl Registration {
    /// That it is there, as the program hears it.
    pub fn present(&self, epoch: Epoch) -> RegistrationState {
        let path = path::strip_chroot(&self.wish.chroot, &self.path).to_owned();
        RegistrationState::Present { path, epoch }
    }
}
