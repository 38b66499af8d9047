//! The handle of a registration: an ephemeral that is there whenever there is a session.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::sync::watch;

use super::shared::{Command, Shared};
use crate::base::{Acl, CreateMode};
use crate::client::{Error, OnConflict, RegistrationId, RegistrationState, Result, Wish, chroot};
use crate::wire::{Create, Request};

/// How a registration is, and which of its data is written.
pub(super) type Standing = (RegistrationState, u64);

/// A registration that is being described; see [`Client::register`](super::Client::register).
#[must_use = "nothing is registered before it is started or awaited"]
pub struct Register {
    shared: Arc<Shared>,
    chroot: Arc<str>,
    path: String,
    data: Bytes,
    acl: Vec<Acl>,
    is_sequential: bool,
    parents: bool,
    on_conflict: OnConflict,
}

impl Register {
    pub(super) fn new(shared: &Arc<Shared>, chroot: &Arc<str>, path: &str, data: Bytes) -> Self {
        Register {
            shared: Arc::clone(shared),
            chroot: Arc::clone(chroot),
            path: path.to_owned(),
            data,
            acl: Acl::open_unsafe(),
            is_sequential: false,
            parents: false,
            on_conflict: OnConflict::default(),
        }
    }

    /// Who may do what with it. Everybody everything unless set.
    pub fn acl(self, acl: Vec<Acl>) -> Self {
        Register { acl, ..self }
    }

    /// Appends a number that no child of the parent had before: another one in each session.
    pub fn sequential(self) -> Self {
        Register { is_sequential: true, ..self }
    }

    /// Also creates the missing znodes above, as persistent ones with the same ACL and without data.
    pub fn parents(self) -> Self {
        Register { parents: true, ..self }
    }

    /// What to do if somebody else has the name. It waits unless set.
    pub fn on_conflict(self, on_conflict: OnConflict) -> Self {
        Register { on_conflict, ..self }
    }

    /// Starts it and returns at once; [`Registration::ready`] waits until it is there.
    pub fn start(self) -> Registration {
        let id = RegistrationId(self.shared.take_id());
        let (sender, states) = watch::channel((RegistrationState::Pending, 0));
        let registration = |shared| Registration { shared, id, states, wanted: AtomicU64::new(0) };
        let sent = self.wish(id).and_then(|wish| {
            let command = Command::Register(Box::new((wish, sender.clone())));
            self.shared.send(command).map_err(|unsent| unsent.1)
        });
        if let Err(error) = sent {
            sender.send_replace((RegistrationState::Over(error), 0));
        }
        registration(self.shared)
    }

    fn wish(&self, id: RegistrationId) -> Result<Wish> {
        let mode = if self.is_sequential {
            CreateMode::EphemeralSequential
        } else {
            CreateMode::Ephemeral
        };
        let create = Create::new(self.path.clone(), None, self.acl.clone(), mode);
        let Request::Create(create) = chroot::enter(Request::Create(create), &self.chroot)? else {
            return Err(Error::Invalid("a registration is a create".into()));
        };
        Ok(Wish {
            id,
            path: create.path,
            chroot: Arc::clone(&self.chroot),
            data: self.data.clone(),
            acl: create.acl,
            is_sequential: self.is_sequential,
            parents: self.parents,
            on_conflict: self.on_conflict,
        })
    }
}

/// Starts it and waits until it is there; see [`Registration::ready`]. Dropping the future ends it.
impl IntoFuture for Register {
    type Output = Result<Registration>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Registration>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let registration = self.start();
        Box::pin(async move {
            registration.ready().await?;
            Ok(registration)
        })
    }
}

impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Register").field("path", &self.path).finish_non_exhaustive()
    }
}

/// An ephemeral of this client that is created again in every new session, ahead of whatever else the
/// program asks there.
///
/// A znode of the same name that belongs to somebody else is neither changed nor deleted. One that a
/// session of this very client left behind goes first: that session is ended if the server can be
/// asked to, and otherwise waited for. If somebody deletes the znode it is created again, at most once
/// a second.
///
/// Dropping the handle ends the registration in the background: the znode is deleted. It does not keep
/// the client open.
pub struct Registration {
    shared: Arc<Shared>,
    id: RegistrationId,
    states: watch::Receiver<Standing>,
    /// Counts what was set.
    wanted: AtomicU64,
}

impl Registration {
    /// How it is, as far as the server was heard of.
    pub fn state(&self) -> RegistrationState {
        if self.shared.is_forked() {
            return RegistrationState::Over(Error::Forked);
        }
        self.states.borrow().0.clone()
    }

    /// Whether it is there: false as soon as the epoch in which it was is over, and while the session
    /// may have expired. Computed at the call.
    pub fn is_present(&self) -> bool {
        let RegistrationState::Present { epoch, .. } = self.state() else { return false };
        let lease = &self.shared.scope().lease;
        lease.epoch() == epoch && lease.safe_for(self.shared.time.now()).is_some()
    }

    /// Waits until it is there with the data that were set last, and returns its path, as the program
    /// names it. With a number appended if it is sequential, which changes with the session. Dropping
    /// the future changes nothing.
    ///
    /// # Errors
    /// What the server refuses it with, after which it is tried again in the next session and when it
    /// is set; `NodeExists` of [`OnConflict::Fail`], `Invalid`, `SessionLost`, `Closed`, `Forked` and
    /// whatever else ended it for good.
    pub async fn ready(&self) -> Result<String> {
        let wanted = self.wanted.load(Ordering::Acquire);
        let mut states = self.states.clone();
        loop {
            if self.shared.is_forked() {
                return Err(Error::Forked);
            }
            let (state, written) = states.borrow_and_update().clone();
            match state {
                RegistrationState::Present { path, .. } if written >= wanted => return Ok(path),
                RegistrationState::Refused(error) | RegistrationState::Over(error) => {
                    return Err(error);
                }
                _ => {}
            }
            if states.changed().await.is_err() {
                return Err(self.ended());
            }
        }
    }

    /// Waits for the next change of its state and returns the newest. States in between may be left
    /// out. [`RegistrationState::Over`] once it is over, at every call.
    pub async fn changed(&mut self) -> RegistrationState {
        if self.shared.is_forked() {
            return RegistrationState::Over(Error::Forked);
        }
        if self.states.changed().await.is_err() {
            return RegistrationState::Over(self.ended());
        }
        self.states.borrow_and_update().0.clone()
    }

    /// Changes the data it is to have: written now if it is there, and in every later session. Wait
    /// for [`Registration::ready`] to know that it is so.
    pub fn set(&self, data: impl Into<Bytes>) {
        let revision = self.wanted.fetch_add(1, Ordering::AcqRel) + 1;
        // If nobody takes it, its state says so.
        let _ = self.shared.send(Command::Amend(self.id, data.into(), revision));
    }

    /// Ends it: the znode is deleted when this returns `Ok`. Without a connection that waits for the
    /// next one, or for the end of the session. Dropping the future does not stop it.
    ///
    /// # Errors
    /// What the server refuses the deletion with, such as `NotEmpty`; the znode then goes with the
    /// session. What ended the registration, if it was over before.
    pub async fn close(mut self) -> Result<()> {
        let _ = self.shared.send(Command::Unregister(self.id));
        loop {
            let state = self.state();
            match state {
                RegistrationState::Over(Error::Closed) => return Ok(()),
                RegistrationState::Over(error) => return Err(error),
                _ => {
                    if let RegistrationState::Over(Error::Forked) = self.changed().await {
                        return Err(Error::Forked);
                    }
                    if self.states.has_changed().is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn ended(&self) -> Error {
        match &self.states.borrow().0 {
            RegistrationState::Over(error) => error.clone(),
            _ => self.shared.ended().unwrap_or(Error::Closed),
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // In a forked child, and after the end, nobody takes it, and there is nothing to do.
        let _ = self.shared.send(Command::Unregister(self.id));
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").field("state", &self.state()).finish_non_exhaustive()
    }
}
