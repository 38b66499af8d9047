//! The handle of the faults that a test plants in an embedded server.
//!
//! They strike at the server, so that a client of any language sees what it would see of a real
//! failure. What each of them decides stands in [`crate::service::Faults`]; none can be reached from
//! the network.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;

use super::running::Running;
use crate::base::{Code, SessionId};
use crate::service;
use crate::service::Fault;
use crate::wire::Op;

/// Faults of one embedded server. Cheap to clone; all clones are the same, also across a
/// [restart](super::Server::restart).
///
/// Where an operation is named, `None` stands for every one but heartbeats, which are struck only by
/// their name. Operations that differ only in the form of their answer count as one: all creates, both
/// kinds of `getChildren`, both of `setWatches`. A numbered write counts as the write it is.
///
/// Planting a fault once more for the same operation replaces what was planted, and none at all takes it
/// back. A fault strikes requests that the server reads after the call; one request is struck by one
/// fault at most, the one planted first. On a [manual clock](crate::server::Clock::manual), an
/// [advance](super::Server::advance) by nothing waits until all have noticed.
#[derive(Clone)]
pub struct Faults {
    inner: Arc<Inner>,
}

struct Inner {
    faults: Arc<service::Faults>,
    /// The server as it runs at present.
    running: Mutex<Weak<Running>>,
}

impl Faults {
    pub(super) fn of(running: &Arc<Running>) -> Faults {
        let (faults, weak) = (running.service.faults.clone(), Arc::downgrade(running));
        Faults { inner: Arc::new(Inner { faults, running: Mutex::new(weak) }) }
    }

    /// The server has started again.
    pub(super) fn follow(&self, running: &Arc<Running>) {
        *self.inner.running.lock() = Arc::downgrade(running);
        running.service.wake_all();
    }

    fn running(&self) -> Option<Arc<Running>> {
        self.inner.running.lock().upgrade()
    }

    fn note(&self, fault: Fault, has_struck: bool) -> bool {
        if has_struck {
            self.inner.faults.note(fault);
        }
        has_struck
    }

    /// Ends a session as if its time were up: its ephemerals are gone when this returns, and its
    /// connection closes without a word. False if there is no such session.
    pub fn expire(&self, session: SessionId) -> bool {
        let ended = self.running().is_some_and(|running| {
            let now = running.clock.now();
            let ended = running.service.end_session(session, now, &mut |proposal| {
                running.propose(proposal, now);
            });
            running.settle();
            ended
        });
        self.note(Fault::Expire, ended)
    }

    /// Cuts the connection of a session, which stays and can be resumed. What had been sent on it and
    /// was not answered is carried out or not; nobody is told. False if no connection speaks for it.
    pub fn drop_connection(&self, session: SessionId) -> bool {
        let cut = self.running().is_some_and(|running| running.service.cut(session));
        self.note(Fault::DropConnection, cut)
    }

    /// Cuts every connection, as [`Faults::drop_connection`] does. Returns how many there were.
    pub fn drop_connections(&self) -> usize {
        let cut = self.running().map_or(0, |running| running.service.cut_all());
        (0..cut).for_each(|_| self.inner.faults.note(Fault::DropConnection));
        cut
    }

    /// While it is on, new connections are closed without a byte. Those there are stay.
    pub fn refuse(&self, yes: bool) {
        self.inner.faults.refuse(yes);
    }

    /// The next `count` connections are closed without a byte.
    pub fn refuse_next(&self, count: u64) {
        self.inner.faults.refuse_next(count);
    }

    /// From now on answers are held back for `length` of session time; zero takes it back. They stay in
    /// the order of their requests, so one that is held back holds back what comes behind it, events
    /// included. What is asked is carried out at once. `None` also stands for heartbeats here. The
    /// answer to a handshake is never held back. On a real clock it may take 20 ms more.
    pub fn delay(&self, op: impl Into<Option<Op>>, length: Duration) {
        self.inner.faults.delay(op.into(), length);
    }

    /// The next `count` such requests are carried out, and instead of the answer the client gets the end
    /// of the connection, behind all answers before it.
    pub fn lose_reply(&self, op: impl Into<Option<Op>>, count: u64) {
        self.inner.faults.lose_reply(op.into(), count);
    }

    /// The next `count` such requests are not carried out, and instead of the answer the client gets the
    /// end of the connection, behind all answers before it. What it sent behind them is not carried out
    /// either.
    pub fn lose_request(&self, op: impl Into<Option<Op>>, count: u64) {
        self.inner.faults.lose_request(op.into(), count);
    }

    /// The next `count` such requests are answered with `code` and not carried out.
    pub fn fail(&self, op: impl Into<Option<Op>>, code: Code, count: u64) {
        self.inner.faults.fail(op.into(), code, count);
    }

    /// While it is on, the server neither reads nor answers: the connections of a session, later ones
    /// too, or with `None` all there are. Nothing of them shows, not even their end; what had been
    /// answered before is sent afterwards, if the session still lives. It hears nothing of such a
    /// session, and expires it in time. Connections that asked for a silent session meanwhile are cut
    /// afterwards.
    pub fn silence(&self, session: impl Into<Option<SessionId>>, yes: bool) {
        self.inner.faults.silence(session.into(), yes);
        if let Some(running) = self.running() {
            running.service.wake_all();
        }
    }

    /// While it is on, the server only reads, as a server of an ensemble without a quorum: handshakes of
    /// clients that did not accept that, or that ask for a session, end without a byte; the others get a
    /// session of this server's own, which ends with the connection. Writes and sync are answered with
    /// `NotReadOnly`. Sessions from before do not expire meanwhile, and have their whole timeout
    /// afterwards. Turning it on or off cuts every connection.
    pub fn read_only(&self, yes: bool) {
        if let Some(running) = self.running() {
            running.service.set_read_only(yes, running.clock.now());
        }
    }

    /// Takes back all that is planted. What has struck stays counted.
    pub fn clear(&self) {
        self.read_only(false);
        self.inner.faults.clear();
        if let Some(running) = self.running() {
            running.service.wake_all();
        }
    }

    /// How often a fault has struck: sessions ended, connections cut, refused or fallen silent, answers
    /// held back or lost, requests lost or refused.
    pub fn hits(&self, fault: Fault) -> u64 {
        self.inner.faults.hits(fault)
    }

    /// How often a fault is still to strike, of those that were given a number; for [`Fault::Delay`] how
    /// many answers and events are held back at present.
    pub fn pending(&self, fault: Fault) -> u64 {
        match fault {
            Fault::Delay => self.running().map_or(0, |running| running.service.held_back() as u64),
            fault => self.inner.faults.pending(fault),
        }
    }

    /// How many requests of this operation the server has received since [`super::Server::faults`] was
    /// called first, whatever became of them.
    pub fn received(&self, op: Op) -> u64 {
        self.inner.faults.received(op)
    }

    /// How many of them it has carried out, those included that had an error for an answer.
    pub fn carried_out(&self, op: Op) -> u64 {
        self.inner.faults.carried_out(op)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").finish_non_exhaustive()
    }
}
