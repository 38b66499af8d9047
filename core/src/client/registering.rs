//! What the answers to a registration's requests mean.
//!
//! ```text
//! create -> created                                -> it is there
//!        -> NodeExists -> whose is it?  nobody's    -> again
//!                                       ours        -> a lost answer: write what differs
//!                                       a former    -> that session is over: sync, again
//!                                       session's      it may live: fence it, again
//!                                       another's   -> wait until it goes, or fail
//! ```

use std::time::Duration;

use super::error::{Error, Result};
use super::machine::Machine;
use super::registrations::{
    Heard, OnConflict, Registration, RegistrationId, RegistrationState, Step, Wish,
};
use crate::base::{Code, CreateMode, Moment, SessionId, Stat, path};
use crate::wire::{Create, Features, Reply, Request};

/// How often at most a registration is created again that somebody deletes.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Digits of the number that is appended to a sequential name.
const SEQUENCE: usize = 10;

impl Wish {
    /// The request that brings it about.
    pub(super) fn create(&self) -> Request {
        let mode = if self.is_sequential {
            CreateMode::EphemeralSequential
        } else {
            CreateMode::Ephemeral
        };
        let data = Some(self.data.clone());
        Request::Create(Create::new(self.path.clone(), data, self.acl.clone(), mode))
    }

    /// Those that bring about what is above it.
    fn create_parents(&self) -> Vec<Request> {
        let mut parents = Vec::new();
        let mut at = self.path.as_str();
        while let Some(parent) = path::parent(at).filter(|&parent| parent != path::ROOT) {
            let (path, acl) = (parent.to_owned(), self.acl.clone());
            let create = Create::new(path, Some(Default::default()), acl, CreateMode::Persistent);
            parents.push(Request::Create(create));
            at = parent;
        }
        parents.reverse();
        parents
    }
}

impl Machine {
    /// Acts upon what registrations have heard, and on what is due.
    pub(super) fn advance_registrations(&mut self, now: Moment) {
        while let Some(&(at, id)) = self.registrations.due.first().filter(|&&(at, _)| at <= now) {
            self.registrations.due.remove(&(at, id));
            self.take_step(id);
        }
        let mut was_heard = false;
        while let Some((id, heard)) = self.registrations.heard.pop_front() {
            was_heard = true;
            match heard {
                Heard::Answer(call, result) => self.registration_answered(now, id, (call, result)),
                Heard::Changed => self.registration_changed(id),
            }
        }
        if was_heard {
            self.announce();
        }
    }

    /// Its watch has said something.
    fn registration_changed(&mut self, id: RegistrationId) {
        let Some(registration) = self.registrations.all.get_mut(&id) else { return };
        registration.is_stuck = false;
        registration.is_watched = false;
        registration.has_synced = false;
        if registration.step.is_none() && self.link.up().is_some() {
            self.step(id, Step::Look);
        } else {
            // Its next look will see it.
            registration.is_in_doubt = true;
        }
    }

    fn registration_answered(
        &mut self,
        now: Moment,
        id: RegistrationId,
        (call, result): (super::call::CallId, Result<Reply>),
    ) {
        let Some(registration) = self.registrations.all.get_mut(&id) else { return };
        let Some((step, _)) = registration.step.take_if(|(_, own)| *own == call) else { return };
        match result {
            Err(Error::ConnectionLoss { sent, .. } | Error::Timeout { sent, .. }) => {
                registration.is_in_doubt |= sent;
                return self.take_step(id);
            }
            Err(Error::SessionLost { .. } | Error::Closed) => return,
            _ => {}
        }
        match step {
            Step::Create => self.create_answered(now, id, result),
            Step::Look => self.look_answered(now, id, result),
            Step::List => self.list_answered(id, result),
            Step::Read => self.read_answered(id, result),
            Step::Write => self.write_answered(now, id, result),
            Step::Sync => self.take_step(id),
            Step::Fence(session) => {
                let code = result.err().map(|error| error.code());
                let is_over = matches!(code, None | Some(Some(Code::UnknownSession)));
                self.fence_answered(id, session, is_over);
            }
            Step::Delete => self.delete_answered(id, result),
        }
    }

    fn create_answered(&mut self, now: Moment, id: RegistrationId, result: Result<Reply>) {
        let Some(registration) = self.registrations.all.get_mut(&id) else { return };
        match result {
            Ok(reply) => {
                if let Reply::Created2 { path, .. } | Reply::Created { path } = reply {
                    registration.path = path;
                }
                registration.version = 0;
                registration.created = Some(now);
                // Whoever deletes it the next time may delete its parents as well.
                registration.has_parents = false;
                // What was wished for meanwhile is not in it.
                registration.written = registration.sent_revision;
                self.is_there(id);
            }
            Err(error) if error.code() == Some(Code::NodeExists) => self.step(id, Step::Look),
            Err(error) if error.is_no_node() && registration.may_make_parents() => {
                registration.has_parents = true;
                for parent in registration.wish.create_parents() {
                    self.submit_silent(parent);
                }
                self.step(id, Step::Create);
            }
            Err(error) => self.refuse_registration(now, id, error),
        }
    }

    /// It is there, or its data are not yet.
    fn is_there(&mut self, id: RegistrationId) {
        let epoch = self.epoch();
        let Some(registration) = self.registrations.all.get_mut(&id) else { return };
        registration.is_present = true;
        registration.is_in_doubt = false;
        let state = registration.present(epoch);
        self.say(id, state);
        self.settle_registration(id);
        self.take_step(id);
        // The look leaves the watch that tells if somebody deletes it.
        let unwatched = |own: &Registration| own.step.is_none() && !own.is_watched;
        if self.registrations.all.get(&id).is_some_and(unwatched) {
            self.step(id, Step::Look);
        }
    }

    fn look_answered(&mut self, now: Moment, id: RegistrationId, result: Result<Reply>) {
        let own = self.known.id;
        let Some(registration) = self.registrations.all.get_mut(&id) else { return };
        registration.is_in_doubt = false;
        match result {
            Ok(Reply::Stat(stat)) if stat.ephemeral_owner == own => self.is_ours(id, &stat),
            Ok(Reply::Stat(stat)) => self.is_anothers(id, stat.ephemeral_owner),
            Err(error) if error.is_no_node() => self.is_absent(now, id),
            Err(error) => {
                // It left no watch.
                registration.is_watched = false;
                registration.is_in_doubt = error.is_retryable();
                self.refuse_registration(now, id, error);
            }
            Ok(_) => {}
        }
    }

    fn is_ours(&mut self, id: RegistrationId, stat: &Stat) {
        let epoch = self.epoch();
        let Some(registration) = self.registrations.all.get_mut(&id) else { return };
        registration.version = stat.version;
        if registration.is_closing {
            registration.is_present = true;
            return self.take_step(id);
        }
        if registration.is_present {
            let state = registration.present(epoch);
            self.say(id, state);
            return self.take_step(id);
        }
        self.step(id, Step::Read);
    }

    fn is_absent(&mut self, now: Moment, id: RegistrationId) {
        let Some(registration) = self.registrations.all.get_mut(&id) else { return };
        let was_present = std::mem::replace(&mut registration.is_present, false);
        let again_at = registration.created.filter(|_| was_present).map(|at| at + AGAIN_AFTER);
        if was_present && !registration.is_closing {
            self.say(id, RegistrationState::Removed);
        }
        if let Some(at) = again_at.filter(|&at| at > now) {
            self.registrations.due.insert((at, id));
        }
        self.take_step(id);
    }

    /// Somebody else has the name.
    fn is_anothers(&mut self, id: RegistrationId, owner: SessionId) {
        let can_fence = self.link.up().is_some_and(|up| up.features.has(Features::EXTENSIONS));
        let former = self.registrations.formers.iter().rev().find(|it| it.known.id == owner);
        let former = former.filter(|_| !owner.is_none()).map(|former| former.is_over);
        let Some(registration) = self.registrations.all.get_mut(&id) else { return };
        registration.is_present = false;
        match former {
            // What was read is older than the end of that session.
            Some(true) if !std::mem::replace(&mut registration.has_synced, true) => {
                self.step(id, Step::Sync);
            }
            Some(false) if can_fence => self.step(id, Step::Fence(owner)),
            _ => self.is_in_conflict(id, owner),
        }
    }

    fn is_in_conflict(&mut self, id: RegistrationId, owner: SessionId) {
        let Some(registration) = self.registrations.all.get_mut(&id) else { return };
        if registration.is_closing {
            return self.drop_registration(id, Error::Closed);
        }
        registration.is_stuck = true;
        let fails = registration.wish.on_conflict == OnConflict::Fail;
        let Registration { wish, .. } = registration;
        let path = path::strip_chroot(&wish.chroot, &wish.path).into();
        self.say(id, RegistrationState::Conflict { owner });
        self.settle_registration(id);
        if fails {
            self.drop_registration(id, Error::Server { code: Code::NodeExists, path });
        }
    }

    fn fence_answered(&mut self, id: RegistrationId, session: SessionId, is_over: bool) {
        if !is_over {
            return self.is_in_conflict(id, session);
        }
        self.note_over(session);
        self.take_step(id);
    }

    fn read_answered(&mut self, id: RegistrationId, result: Result<Reply>) {
        let Some(registration) = self.registrations.all.get_mut(&id) else { return };
        let Ok(Reply::Data { data, stat }) = result else {
            // It is gone, or not to be read: what it is shows when it is looked at again.
            registration.is_in_doubt = true;
            return self.take_step(id);
        };
        registration.version = stat.version;
        let is_same = data.unwrap_or_default() == registration.wish.data;
        if is_same {
            registration.written = registration.revision;
            return self.is_there(id);
        }
        registration.is_present = true;
        self.step(id, Step::Write);
    }

    fn write_answered(&mut self, now: Moment, id: RegistrationId, result: Result<Reply>) {
        let Some(registration) = self.registrations.all.get_mut(&id) else { return };
        match result {
            Ok(reply) => {
                if let Reply::Stat(stat) = reply {
                    registration.version = stat.version;
                }
                registration.written = registration.sent_revision;
                self.is_there(id);
            }
            // Somebody set or deleted it meanwhile.
            Err(error) if matches!(error.code(), Some(Code::BadVersion | Code::NoNode)) => {
                self.step(id, Step::Look);
            }
            // To be deleted it need not be written.
            Err(_) if registration.is_closing => self.take_step(id),
            Err(error) => self.refuse_registration(now, id, error),
        }
    }

    fn list_answered(&mut self, id: RegistrationId, result: Result<Reply>) {
        let paths = match result {
            Ok(Reply::Ephemerals(paths)) => paths,
            // A server that cannot list them: one that is there goes with the session.
            _ => Vec::new(),
        };
        let Some(registration) = self.registrations.all.get(&id) else { return };
        let wish = &registration.wish.path;
        let is_candidate = |path: &&String| {
            path.strip_prefix(wish.as_str()).is_some_and(|number| {
                number.len() == SEQUENCE && number.bytes().all(|byte| byte.is_ascii_digit())
            }) && !self.ephemerals.contains(*path)
                && (registration.path == **path || !self.registrations.has_path(path))
        };
        let found = paths.iter().find(is_candidate).cloned();
        let Some(registration) = self.registrations.all.get_mut(&id) else { return };
        registration.is_in_doubt = false;
        match found {
            Some(path) => {
                registration.path = path;
                self.step(id, Step::Look);
            }
            None => {
                registration.is_present = false;
                self.take_step(id);
            }
        }
    }

    fn delete_answered(&mut self, id: RegistrationId, result: Result<Reply>) {
        match result {
            Err(error) if error.code() == Some(Code::BadVersion) => self.step(id, Step::Look),
            Err(error) if !error.is_no_node() => self.drop_registration(id, error),
            _ => self.drop_registration(id, Error::Closed),
        }
    }

    fn refuse_registration(&mut self, now: Moment, id: RegistrationId, error: Error) {
        let Some(registration) = self.registrations.all.get_mut(&id) else { return };
        if registration.is_closing {
            return self.drop_registration(id, error);
        }
        if error.is_retryable() {
            self.registrations.due.insert((now + AGAIN_AFTER, id));
        } else {
            registration.is_stuck = true;
        }
        self.say(id, RegistrationState::Refused(error));
        self.settle_registration(id);
    }
}

impl Registration {
    fn may_make_parents(&self) -> bool {
        self.wish.parents && !self.has_parents
    }
}
