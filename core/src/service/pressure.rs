//! How much waits, and who is refused because of it.
//!
//! Back-pressure comes first: who has something under way is read no further while too much is. That does
//! not help against very many connections that ask for a little each, nor against a disk that stands
//! still. There requests are refused: what needs room before what makes some, and never a heartbeat, a
//! re-attach or a close.

use std::sync::atomic::Ordering;

use super::ceilings::is_passed;
use super::peer::Peer;
use super::{Now, Service};
use crate::base::{CreateMode, Moment, SessionId, limits};
use crate::engine::Change;
use crate::engine::directory::Place;
use crate::wire::{Create, MultiOp, Request};

/// What is refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Pressure {
    /// Nothing.
    None,
    /// Writes that need room.
    Room,
    /// Reads that would have to wait for a write too.
    Reads,
    /// Deletes too.
    Writes,
}

impl Service {
    /// Whether so much waits that only those who wait for nothing may ask for more.
    pub(super) fn is_overloaded(&self) -> bool {
        is_passed(self.stats.under_way_bytes(), self.options.ceilings.under_way_bytes)
    }

    /// What is refused at the moment.
    pub(super) fn pressure(&self, now: Now) -> Pressure {
        let most = self.options.ceilings.under_way_bytes;
        let bytes = self.stats.under_way_bytes();
        let oldest = self.stats.oldest.load(Ordering::Relaxed);
        if is_passed(bytes, most.saturating_mul(limits::REFUSE_AT + 1)) {
            Pressure::Writes
        } else if is_passed(bytes, most.saturating_mul(limits::REFUSE_AT)) {
            Pressure::Reads
        } else if oldest != 0
            && now.moment.since(Moment(oldest)) > self.options.ceilings.under_way_age
        {
            Pressure::Room
        } else {
            Pressure::None
        }
    }

    /// Whether a write is refused at the moment.
    pub(super) fn is_under_pressure(&self, request: &Request, now: Now) -> bool {
        match self.pressure(now) {
            Pressure::None => false,
            Pressure::Room | Pressure::Reads => !Change::makes_room(request),
            Pressure::Writes => true,
        }
    }

    /// Whether so much waits for clients to read that long answers are not given.
    pub(super) fn is_unread(&self) -> bool {
        let bytes = self.stats.unread_bytes.load(Ordering::Relaxed);
        is_passed(bytes, self.options.ceilings.unread_bytes)
    }

    /// Bytes of events that may wait for one client.
    pub(super) fn most_events(&self) -> usize {
        let most = match self.options.ceilings.unread_events {
            0 => usize::MAX,
            most => most,
        };
        if self.is_unread() { most.min(limits::OUTBOX_PAUSE) } else { most }
    }

    /// Whether any account keeps as much alive as it may.
    pub(super) fn has_full_accounts(&self) -> bool {
        self.full_accounts.load(Ordering::Relaxed) > 0
    }

    /// Whether a write of a session would add to the ephemerals and values of an account that keeps as much
    /// alive as it may: by creating one, by more data for one, or by taking over what counts for another
    /// account.
    pub(super) fn is_full_for_ephemerals(&self, session: SessionId, request: &Request) -> bool {
        let ops = match request.unnumbered() {
            Request::Create(create) => return self.would_own(session, create),
            Request::SetData { path, data, .. } => {
                return self.would_grow(path, data.as_ref().map_or(0, |data| data.len()));
            }
            Request::Adopt { from, .. } | Request::HandOver { from, .. } => {
                return self.sessions.lock().accounts.is_full_for_those_of(session, *from);
            }
            Request::Multi(ops) => ops,
            _ => return false,
        };
        ops.iter().any(|op| match op {
            MultiOp::Create(create) => self.would_own(session, create),
            MultiOp::SetData { path, data, .. } => {
                self.would_grow(path, data.as_ref().map_or(0, |data| data.len()))
            }
            MultiOp::Delete { .. } | MultiOp::Check { .. } | MultiOp::CheckSession { .. } => false,
        })
    }

    fn would_own(&self, session: SessionId, create: &Create) -> bool {
        let mode = create.mode();
        let is_ephemeral =
            matches!(mode, Ok(CreateMode::Ephemeral | CreateMode::EphemeralSequential));
        (is_ephemeral || self.is_value(&create.path))
            && self.sessions.lock().accounts.has_all_ephemerals(session)
    }

    /// Whether a path is that of a value that a session binds to itself.
    fn is_value(&self, path: &str) -> bool {
        let has_values = self.options.rules.session_directory;
        has_values && matches!(Place::of(path), Some(Place::Value(..)))
    }

    fn would_grow(&self, path: &str, bytes: usize) -> bool {
        let ephemeral = self.engine().ephemeral(path);
        ephemeral.is_some_and(|(owner, before)| {
            bytes > before && self.sessions.lock().accounts.has_all_ephemerals(owner)
        })
    }

    /// Who speaks on a connection has become known: what it has counts for that identity. Its session
    /// does not, if another connection speaks for that by now.
    pub(super) fn follow(&self, peer: &Peer) {
        let session = peer.session();
        let mut sessions = self.sessions.lock();
        if sessions.attachments.get(session) == Some(peer.id) {
            sessions.accounts.move_to(session, peer.account());
        }
        drop(sessions);
        self.watches.lock().move_to(peer.id, peer.account());
    }
}
