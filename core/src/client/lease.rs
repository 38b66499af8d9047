//! What may be believed of one epoch's session, readable from any thread at any time.
//!
//! Written by the client's session machine alone, before the events and answers that follow from it
//! are handed out. Who reads it brings the time.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::config::Credentials;
use super::error::{Epoch, LossReason};
use super::event::State;
use crate::base::{Millis, Moment, Password, SessionId, Zxid};
use crate::session::keepalive::Safety;
use crate::wire::{Features, Welcome};

/// Stands for a margin that was not chosen.
const DEFAULT_MARGIN: u64 = u64::MAX;

/// The facts about one epoch.
#[derive(Debug)]
pub struct Lease {
    epoch: Epoch,
    margin: u64,
    id: AtomicI64,
    timeout: AtomicU32,
    /// When the last answered request was sent; 0 before the first.
    answered: AtomicU64,
    /// The two halves of the password, in place before the id is.
    password: [AtomicU64; 2],
    last_zxid: AtomicI64,
    state: AtomicU8,
    /// What the server of the latest connection can do.
    features: AtomicU32,
    /// Whether the servers of all its connections promised exact deadlines.
    is_exact: AtomicBool,
    /// The granted grace in milliseconds; 0 for none.
    grace: AtomicU32,
    is_welcomed: AtomicBool,
}

impl Lease {
    /// An epoch without a session yet.
    pub fn new(epoch: Epoch, asked: Millis, margin: Option<Duration>) -> Lease {
        let margin = margin.map_or(DEFAULT_MARGIN, |margin| {
            u64::try_from(margin.as_micros()).unwrap_or(DEFAULT_MARGIN - 1)
        });
        Lease {
            epoch,
            margin,
            id: AtomicI64::new(0),
            timeout: AtomicU32::new(asked.0),
            answered: AtomicU64::new(0),
            password: [AtomicU64::new(0), AtomicU64::new(0)],
            last_zxid: AtomicI64::new(0),
            state: AtomicU8::new(encode(State::Connecting)),
            features: AtomicU32::new(0),
            is_exact: AtomicBool::new(true),
            grace: AtomicU32::new(0),
            is_welcomed: AtomicBool::new(false),
        }
    }

    /// Whose facts these are.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The session, [`SessionId::NONE`] before the first connection.
    pub fn id(&self) -> SessionId {
        SessionId(self.id.load(Ordering::Acquire))
    }

    /// The granted timeout; before the first connection the one asked for.
    pub fn timeout(&self) -> Millis {
        Millis(self.timeout.load(Ordering::Acquire))
    }

    /// Until when the session certainly lives; `None` if there is none, or none any more.
    pub fn safe_until(&self) -> Option<Moment> {
        Some(self.answered()? + self.safety().span(self.timeout()))
    }

    /// The same if nobody closes the connection that it has. With a short grace a client that leaves
    /// a slow server early loses the very session it is anxious about.
    pub(super) fn stays_until(&self) -> Option<Moment> {
        Some(self.answered()? + self.safety().term(self.timeout()))
    }

    fn answered(&self) -> Option<Moment> {
        let answered = self.answered.load(Ordering::Acquire);
        (answered != 0 && self.ended().is_none()).then_some(Moment(answered))
    }

    /// What makes it safe.
    pub(super) fn safety(&self) -> Safety {
        let grace = self.grace.load(Ordering::Acquire);
        Safety {
            margin: (self.margin != DEFAULT_MARGIN).then(|| Duration::from_micros(self.margin)),
            is_exact: self.features().has(Features::EXACT_DEADLINES),
            grace: (grace != 0).then_some(Millis(grace)),
        }
    }

    /// What holds for the session on its latest connection: nothing before the first, and with servers
    /// that are not of this project. [`Features::EXACT_DEADLINES`] only if every connection of the
    /// epoch was to a server that promises it, for any of them may have told an old time to whoever
    /// expires sessions.
    pub fn features(&self) -> Features {
        let features = Features(self.features.load(Ordering::Acquire));
        if self.is_exact.load(Ordering::Acquire) {
            features
        } else {
            features.without(Features::EXACT_DEADLINES)
        }
    }

    /// How much longer the session certainly lives.
    pub fn safe_for(&self, now: Moment) -> Option<Duration> {
        let left = self.safe_until()?.since(now);
        (!left.is_zero()).then_some(left)
    }

    /// The state at `now`: what the machine said last, unless time has overtaken it.
    pub fn state(&self, now: Moment) -> State {
        let state = decode(self.state.load(Ordering::Acquire));
        match state {
            State::Connected | State::Suspended
                if self.safe_for(now).is_none() && self.ended().is_none() =>
            {
                State::Jeopardy
            }
            state => state,
        }
    }

    /// Whether there is a connection, whatever may have become of the session since it was heard of.
    pub fn has_connection(&self) -> bool {
        let state = decode(self.state.load(Ordering::Acquire));
        matches!(state, State::Connected | State::ReadOnly)
    }

    /// Why the epoch is over, if it is.
    pub fn ended(&self) -> Option<LossReason> {
        match decode(self.state.load(Ordering::Acquire)) {
            State::Lost(reason) => Some(reason),
            _ => None,
        }
    }

    /// What resumes the session; `None` before a server that writes granted it, for no other knows
    /// of it until then, and once it is over.
    pub fn credentials(&self) -> Option<Credentials> {
        if self.answered.load(Ordering::Acquire) == 0 || self.ended().is_some() {
            return None;
        }
        let id = self.id();
        let mut password = [0; Password::LEN];
        for (half, stored) in password.chunks_exact_mut(8).zip(&self.password) {
            half.copy_from_slice(&stored.load(Ordering::Acquire).to_be_bytes());
        }
        let zxid = Zxid(self.last_zxid.load(Ordering::Acquire));
        let is_welcomed = self.is_welcomed.load(Ordering::Acquire);
        Some(Credentials { is_welcomed, ..Credentials::new(id, password, zxid) })
    }

    /// To be called before [`Lease::begin`]: what proves the right to the session that begins.
    pub(super) fn set_password(&self, password: Password) {
        for (half, stored) in password.0.chunks_exact(8).zip(&self.password) {
            let half = half.try_into().expect("a chunk of eight bytes");
            stored.store(u64::from_be_bytes(half), Ordering::Release);
        }
    }

    /// To be called before [`Lease::begin`] on every connection: what the server said of itself, if it
    /// is one of this project.
    pub(super) fn set_welcome(&self, welcome: Option<Welcome>) {
        let Welcome { features, crash_grace, .. } = welcome.unwrap_or_default();
        if !features.has(Features::EXACT_DEADLINES) {
            self.is_exact.store(false, Ordering::Release);
        }
        self.features.store(features.0, Ordering::Release);
        self.grace.store(crash_grace.0, Ordering::Release);
        self.is_welcomed.store(welcome.is_some(), Ordering::Release);
    }

    /// The session began with a server that promised nothing.
    pub(super) fn set_inexact(&self) {
        self.is_exact.store(false, Ordering::Release);
    }

    pub(super) fn forget_zxid(&self) {
        self.last_zxid.store(0, Ordering::Release);
    }

    pub(super) fn note_zxid(&self, seen: Zxid) {
        self.last_zxid.fetch_max(seen.0, Ordering::AcqRel);
    }

    /// A server granted the session when it was asked at `sent`.
    pub(super) fn begin(&self, id: SessionId, timeout: Millis, sent: Moment) {
        self.id.store(id.0, Ordering::Release);
        // Whoever reads in between must see the shorter life, never the longer.
        if timeout < self.timeout() {
            self.timeout.store(timeout.0, Ordering::Release);
            self.note_answered(sent);
        } else {
            self.note_answered(sent);
            self.timeout.store(timeout.0, Ordering::Release);
        }
    }

    /// A server that only reads granted the session. Who expires sessions does not know of it, so
    /// nothing about the session's life follows from it.
    pub(super) fn begin_unheard(&self, id: SessionId, timeout: Millis) {
        self.id.store(id.0, Ordering::Release);
        if self.answered.load(Ordering::Acquire) == 0 || timeout < self.timeout() {
            self.timeout.store(timeout.0, Ordering::Release);
        }
    }

    pub(super) fn note_answered(&self, sent: Moment) {
        self.answered.fetch_max(sent.0.max(1), Ordering::AcqRel);
    }

    pub(super) fn set_state(&self, state: State) {
        self.state.store(encode(state), Ordering::Release);
    }
}

const REASONS: [LossReason; 6] = [
    LossReason::ExpiredByServer,
    LossReason::GaveUp,
    LossReason::Abandoned,
    LossReason::AuthFailed,
    LossReason::Stolen,
    LossReason::Closed,
];

const FIRST_REASON: u8 = 5;

fn encode(state: State) -> u8 {
    match state {
        State::Connecting => 0,
        State::Connected => 1,
        State::ReadOnly => 2,
        State::Suspended => 3,
        State::Jeopardy => 4,
        State::Lost(reason) => {
            let index = REASONS.iter().position(|&known| known == reason);
            FIRST_REASON + index.expect("every reason is in the table") as u8
        }
    }
}

fn decode(state: u8) -> State {
    match state {
        0 => State::Connecting,
        1 => State::Connected,
        2 => State::ReadOnly,
        3 => State::Suspended,
        4 => State::Jeopardy,
        lost => State::Lost(REASONS[usize::from(lost - FIRST_REASON)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_alone_turns_a_connected_session_into_jeopardy() {
        let lease = Lease::new(Epoch::FIRST, Millis(8_000), None);
        assert_eq!(lease.safe_for(Moment(5)), None);
        assert_eq!(lease.credentials(), None);
        lease.set_password(Password([9; 16]));
        lease.note_zxid(Zxid(3));
        lease.begin(SessionId(7), Millis(4_000), Moment(1_000_000));
        assert_eq!(lease.credentials(), Some(Credentials::new(SessionId(7), [9; 16], Zxid(3))));
        lease.set_state(State::Connected);
        assert_eq!(lease.safe_for(Moment(1_000_000)), Some(Duration::from_secs(3)));
        assert_eq!(lease.state(Moment(3_999_999)), State::Connected);
        assert_eq!(lease.state(Moment(4_000_000)), State::Jeopardy);
        lease.set_state(State::Lost(LossReason::Stolen));
        assert_eq!(lease.state(Moment(1_000_000)), State::Lost(LossReason::Stolen));
        assert_eq!(lease.safe_for(Moment(1_000_000)), None);
        assert_eq!(lease.credentials(), None);
    }
}
