//! One session of a client, and how it fares.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use parking_lot::Mutex;

use super::feed::Feed;
use super::ops::Ops;
use super::shared::{Command, Shared};
use crate::base::{SessionId, path};
use crate::client::{Credentials, Epoch, Lease, LossReason, SessionEvent, State};
use crate::wire::Features;

/// Values by their types.
type Data = BTreeMap<TypeId, Arc<dyn Any + Send + Sync>>;

/// One epoch: its facts, and what the program keeps for it.
pub(super) struct Scope {
    pub lease: Arc<Lease>,
    data: Mutex<Data>,
}

impl Scope {
    pub fn new(lease: Arc<Lease>) -> Arc<Scope> {
        Arc::new(Scope { lease, data: Mutex::new(Data::new()) })
    }

    /// Takes out what the program kept for an epoch that is over.
    pub fn take_data(&self) -> Option<Data> {
        Some(std::mem::take(&mut *self.data.lock())).filter(|data| !data.is_empty())
    }
}

/// The session of one epoch. Stays what it is when the next epoch begins: then it is over for good.
///
/// Does not keep the client open: when the last [`Client`](super::Client) is dropped, the session is
/// closed.
#[derive(Clone)]
pub struct Session {
    shared: Arc<Shared>,
    scope: Arc<Scope>,
    chroot: Arc<str>,
}

impl Session {
    pub(super) fn new(shared: Arc<Shared>, chroot: Arc<str>) -> Session {
        Session { scope: shared.scope(), shared, chroot }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(super) fn lease(&self) -> &Lease {
        &self.scope.lease
    }

    pub(super) fn chroot(&self) -> &str {
        &self.chroot
    }

    /// Its id; [`SessionId::NONE`] until it is connected for the first time.
    pub fn id(&self) -> SessionId {
        self.scope.lease.id()
    }

    /// The epoch it belongs to.
    pub fn epoch(&self) -> Epoch {
        self.scope.lease.epoch()
    }

    /// The timeout the server granted; the one asked for until it is connected.
    pub fn timeout(&self) -> Duration {
        self.scope.lease.timeout().duration()
    }

    /// What resumes it from elsewhere, as of now; `None` until it is connected for the first time to a
    /// server that does not only read, once it is over, and in a forked child. This client goes on:
    /// whoever uses it takes the session over.
    pub fn credentials(&self) -> Option<Credentials> {
        if self.shared.is_forked() { None } else { self.scope.lease.credentials() }
    }

    /// How it is at this moment. Looks at the clock: a process that was stopped sees
    /// [`State::Jeopardy`] with the first call after it, before any event.
    pub fn state(&self) -> State {
        if self.shared.is_forked() {
            return State::Lost(LossReason::Abandoned);
        }
        self.scope.lease.state(self.shared.time.now())
    }

    /// Whether there is a connection. Unlike [`Session::state`] it does not change without an event,
    /// so that who waits for it hears of it: with a short grace a session may be in doubt for a while
    /// on a connection that stands.
    pub(crate) fn has_connection(&self) -> bool {
        !self.shared.is_forked() && self.scope.lease.has_connection()
    }

    /// How long from now the session certainly lives: the time the last answered request was sent,
    /// plus the granted timeout, minus the safety margin, minus now. `None` if it may have expired,
    /// and in a forked child.
    ///
    /// Computed at the call, on a clock that counts the time a machine sleeps, or on the
    /// [manual](crate::Builder::clock) one. While the session is
    /// connected the value falls and rises again with every answer, at least every third of the
    /// timeout. Answers of a server that only reads do not count.
    pub fn safe_for(&self) -> Option<Duration> {
        if self.shared.is_forked() {
            return None;
        }
        self.scope.lease.safe_for(self.shared.time.now())
    }

    /// What the server of its latest connection can do beyond the protocol: nothing before the first
    /// connection, in a forked child, and with servers that are not tenure's.
    /// [`Features::EXACT_DEADLINES`] only if all connections of this session were to servers that
    /// promise it.
    pub fn features(&self) -> Features {
        if self.shared.is_forked() { Features::default() } else { self.scope.lease.features() }
    }

    /// Waits until the epoch is over.
    pub async fn lost(&self) -> LossReason {
        let mut states = States::new(&self.shared);
        loop {
            if let Some(reason) = self.scope.lease.ended() {
                return reason;
            }
            if states.next().await.is_none() && self.scope.lease.ended().is_none() {
                // Only a forked child hears no events at all.
                return LossReason::Abandoned;
            }
        }
    }

    /// The operations, pinned to this session: each fails with
    /// [`Error::SessionLost`](crate::Error::SessionLost) once the epoch is over.
    pub fn ops(&self) -> Ops<'_> {
        Ops::new(&self.shared, &self.chroot, Some(self.epoch()))
    }

    /// Notes that something stands on this ephemeral, such as a lock of the program's own: pings come
    /// twice as often, and when the epoch ends it is listed among
    /// [`RestoreReport::lost_locks`](crate::RestoreReport::lost_locks). Does nothing once the epoch is
    /// over.
    pub fn note_claim(&self, path: &str) {
        let command = Command::Claim(self.server_path(path), self.epoch());
        // A client that is over has nothing to lose.
        let _ = self.shared.send(command);
    }

    /// Takes that back: it is released.
    pub fn drop_claim(&self, path: &str) {
        let _ = self.shared.send(Command::Unclaim(self.server_path(path)));
    }

    fn server_path(&self, path: &str) -> String {
        if self.chroot.is_empty() { path.into() } else { path::add_chroot(&self.chroot, path) }
    }

    /// Keeps a value for as long as the epoch lasts, one per type; returns the one before. A value
    /// put into a session that is over is dropped.
    pub fn insert<T: Send + Sync + 'static>(&self, value: T) -> Option<Arc<T>> {
        let mut data = self.scope.data.lock();
        // The end of the epoch is marked before its data are taken out under this lock.
        if self.scope.lease.ended().is_some() {
            return None;
        }
        data.insert(TypeId::of::<T>(), Arc::new(value))?.downcast().ok()
    }

    /// The value of this type, unless the epoch is over.
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let data = self.scope.data.lock();
        if self.scope.lease.ended().is_some() {
            return None;
        }
        Arc::clone(data.get(&TypeId::of::<T>())?).downcast().ok()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id())
            .field("epoch", &self.epoch())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

/// The states of a client: the one when the stream was made, then every change. Ends after the event
/// that finishes the client.
///
/// For a slow reader events that only tell of a connection may be left out, never
/// [`State::Lost`] nor the first connection of an epoch.
pub struct States {
    feed: Arc<Feed<SessionEvent>>,
}

impl States {
    pub(super) fn new(shared: &Shared) -> States {
        if shared.is_forked() {
            let feed = Feed::new(0, |_, _| {});
            feed.end();
            return States { feed };
        }
        States { feed: shared.hub.stream() }
    }

    /// The next event; `None` when the client is finished and all was read. Dropping the future
    /// loses nothing.
    pub async fn next(&mut self) -> Option<SessionEvent> {
        std::future::poll_fn(|context| self.feed.poll(context)).await
    }
}

impl Stream for States {
    type Item = SessionEvent;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<SessionEvent>> {
        self.feed.poll(context)
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("States").finish_non_exhaustive()
    }
}
