//! What survives: connections restored, epochs ended and begun, and the end of it all.

use std::sync::Arc;

use super::call::CallId;
use super::config::{Recovery, Restore};
use super::error::{Error, LossReason, Result};
use super::event::{RestoreReport, ResyncReason, SessionEvent, State, WatchItem};
use super::lease::Lease;
use super::link::{CLOSE_GRACE, Link};
use super::machine::{Known, Machine, Output, Phase};
use super::numbers::Numbers;
use super::requests::SILENT;
use crate::base::{Moment, SessionId};
use crate::wire::Request;

impl Machine {
    /// The session is attached, and SASL is done: identities and watches go out ahead of every request.
    pub(super) fn restore(&mut self, now: Moment) {
        if self.link.up().is_none() {
            return self.go_on_errand(now);
        }
        if self.watches.persistent().next().is_some() {
            self.owed_resync.get_or_insert(ResyncReason::Reconnected);
        }
        self.send_restoration(now);
        self.announce();
    }

    /// Tells the program that it is connected, once everything is back.
    pub(super) fn announce(&mut self) {
        let Some(up) = self.link.up_mut() else { return };
        if up.is_announced || up.login.is_some() || up.restoring > 0 || !up.proving.is_empty() {
            return;
        }
        if !self.registrations.unsettled.is_empty() {
            return;
        }
        up.is_announced = true;
        let (server, is_read_only) = (Arc::clone(&up.server), up.is_read_only);
        let epoch = self.epoch();
        if let Some(reason) = self.owed_resync.take() {
            for watch in self.watches.persistent().filter(|&id| !self.views.contains(id)) {
                let item = Ok(WatchItem::Resync { reason, epoch });
                self.outputs.push_back(Output::Item { watch, item, is_last: false });
            }
        }
        self.state = if is_read_only { State::ReadOnly } else { State::Connected };
        self.lease.set_state(self.state);
        let is_new_session = std::mem::replace(&mut self.is_fresh, false);
        let restored = (is_new_session && !self.losses.is_empty()).then(|| {
            let report = std::mem::take(&mut self.report);
            let streams = self.watches.persistent().filter(|&id| !self.views.contains(id));
            let watches = streams.count();
            let (registrations, conflicts) = self.registered();
            Arc::new(RestoreReport { registrations, conflicts, watches, ..report })
        });
        self.outputs.push_back(Output::Event(SessionEvent {
            state: self.state,
            epoch,
            session_id: self.known.id,
            server: Some(server),
            restored,
            is_new_session,
        }));
    }

    /// A server says that the session is over.
    pub(super) fn refused(&mut self, now: Moment) {
        if self.is_closing() {
            // A close whose answer was lost, or no longer needed.
            return self.close_answered(Ok(()));
        }
        let Some(restore) = self.renewal() else {
            return self.finish_expired();
        };
        self.end_epoch(LossReason::ExpiredByServer, Some(&restore));
        self.begin_epoch();
        self.say_connecting();
        // The server that refused closes the connection; it can serve the new session as well.
        self.outputs.push_back(Output::Disconnect);
        self.input.clear();
        self.out.clear();
        self.settings.hosts.give_back();
        self.unreachable_since = Some(now);
        self.link = Link::Idle { until: now };
    }

    /// A server answered with a session that was not asked for: ours is over. Whether the client goes
    /// on with the new one.
    pub(super) fn outlive_foreign(&mut self) -> bool {
        if self.is_closing() {
            self.close_answered(Ok(()));
            return false;
        }
        let Some(restore) = self.renewal() else {
            self.finish_expired();
            return false;
        };
        self.end_epoch(LossReason::ExpiredByServer, Some(&restore));
        self.begin_epoch();
        true
    }

    fn renewal(&self) -> Option<Restore> {
        match &self.settings.recovery {
            Recovery::ResumeOnly => None,
            Recovery::Renew(restore) | Recovery::Fresh { restore, .. } => Some(restore.clone()),
        }
    }

    pub(super) fn finish_expired(&mut self) {
        let reason = LossReason::ExpiredByServer;
        let error = Error::SessionLost { epoch: self.epoch(), reason, sent: false };
        self.finish(reason, error);
    }

    /// Ends the epoch completely, before anything of the next one: the switch that every handle
    /// looks at, then calls, then watches, then the event. `survivor` says what the next one keeps;
    /// without it there is none.
    pub(super) fn end_epoch(&mut self, reason: LossReason, survivor: Option<&Restore>) {
        let epoch = self.epoch();
        let state = State::Lost(reason);
        self.lease.set_state(state);
        let over = |sent: bool| match reason {
            LossReason::Closed if !sent => Error::Closed,
            _ => Error::SessionLost { epoch, reason, sent },
        };
        let sent: Vec<CallId> = self.link.calls_in_flight().collect();
        for id in sent {
            self.fail(id, over(true));
        }
        self.fail_numbered(|_| over(true));
        self.numbers = Numbers::default();
        self.was_attached = false;
        self.fail_waiting(|call| survivor.is_none() || call.is_bound(), |_| over(false));
        // What survives starts anew, behind what the next session begins with.
        for id in &self.waiting {
            if let Some(call) = self.calls.get_mut(id) {
                call.sent = false;
            }
        }
        let one_shot = self.watches.take_one_shot();
        self.report.dropped_oneshot +=
            one_shot.iter().filter(|watch| watch.0 & SILENT == 0).count();
        let streams = match survivor {
            Some(restore) if restore.watches => Vec::new(),
            _ => self.watches.take_all_but(|id| self.views.contains(id)),
        };
        for watch in one_shot.into_iter().chain(streams) {
            self.tell(watch, Err(over(false)), true);
        }
        if survivor.is_none() {
            self.end_views(&over(false));
        }
        self.end_registrations(
            survivor.is_some_and(|restore| restore.registrations),
            reason == LossReason::ExpiredByServer,
            &over(false),
        );
        let claims = std::mem::take(&mut self.claims);
        let ephemerals = std::mem::take(&mut self.ephemerals);
        self.report.lost_ephemerals.extend(ephemerals.difference(&claims).cloned());
        self.report.lost_locks.extend(claims);
        self.losses.push(reason);
        self.state = state;
        self.outputs.push_back(Output::Event(SessionEvent {
            state,
            epoch,
            session_id: self.known.id,
            server: None,
            restored: None,
            is_new_session: false,
        }));
    }

    /// The next epoch, without a session yet.
    pub(super) fn begin_epoch(&mut self) {
        let epoch = self.epoch().next();
        let Machine { settings, .. } = self;
        self.lease = Arc::new(Lease::new(epoch, settings.timeout, settings.margin));
        self.known = Known::default();
        self.state = State::Connecting;
        self.is_fresh = true;
        // Nobody else has credentials of the session to come.
        self.settings.resume = None;
        self.evictions.clear();
        self.owed_resync = Some(ResyncReason::NewSession);
        self.outputs.push_back(Output::Begun(Arc::clone(&self.lease)));
    }

    /// Says that the new epoch has to find a server first.
    pub(super) fn say_connecting(&mut self) {
        self.outputs.push_back(Output::Event(SessionEvent {
            state: State::Connecting,
            epoch: self.epoch(),
            session_id: SessionId::NONE,
            server: None,
            restored: None,
            is_new_session: false,
        }));
    }

    /// Ends the last epoch and the machine: every call is answered, every watch ended.
    pub(super) fn finish(&mut self, reason: LossReason, error: Error) {
        self.end_epoch(reason, None);
        let rest: Vec<CallId> = self.calls.keys().copied().collect();
        for id in rest {
            self.fail(id, error.clone());
        }
        for proof in &mut self.proofs {
            proof.call = None;
        }
        self.waiting.clear();
        self.input.clear();
        self.out.clear();
        self.link = Link::Idle { until: Moment(u64::MAX) };
        self.unreachable_since = None;
        self.outputs.push_back(Output::Disconnect);
        let phase = std::mem::replace(&mut self.phase, Phase::Finished(error.clone()));
        // Whoever waits for a close hears why it is not one any more.
        if matches!(phase, Phase::Closing { .. }) && reason != LossReason::Closed {
            self.outputs.push_back(Output::Closed(Err(error.clone())));
        }
        if matches!(phase, Phase::Detaching { .. }) {
            self.outputs.push_back(Output::Detached(Err(error.clone())));
        }
        self.outputs.push_back(Output::Finished(error));
    }

    /// A server refused an identity. No other would take it.
    pub(super) fn refuse_identity(&mut self, call: Option<CallId>) {
        if let Some(id) = call {
            self.fail(id, Error::AuthFailed);
        }
        self.finish(LossReason::AuthFailed, Error::AuthFailed);
    }

    /// When the client stops trying to reach a server.
    pub(super) fn give_up_at(&self) -> Option<Moment> {
        let after = self.renewal()?.give_up_after?;
        Some(self.unreachable_since? + after)
    }

    pub(super) fn give_up(&mut self) {
        let reason = LossReason::GaveUp;
        let error = Error::SessionLost { epoch: self.epoch(), reason, sent: false };
        self.finish(reason, error);
    }

    /// The program closes the session: behind everything it submitted before.
    pub(super) fn close(&mut self, now: Moment) {
        if self.phase.is_ending() {
            return;
        }
        if self.to_end.is_some() {
            // The session that is to end lives on for its timeout, as nobody could be told.
            let epoch = self.epoch();
            return self.close_answered(Err(Error::ConnectionLoss { sent: false, epoch }));
        }
        let is_up = self.link.up().is_some();
        if self.known.id.is_none() && !is_up && !matches!(self.link, Link::Handshake(_)) {
            return self.close_answered(Ok(()));
        }
        self.phase = Phase::Closing {
            deadline: (!is_up).then(|| now + CLOSE_GRACE),
            patience: now + self.lease.timeout(),
        };
        self.submit_silent(Request::CloseSession);
    }

    /// The server answered the close, or it is clear without its answer.
    pub(super) fn close_answered(&mut self, result: Result<()>) {
        self.phase = Phase::Open;
        let finished = self.outputs.len();
        self.finish(LossReason::Closed, Error::Closed);
        debug_assert!(self.outputs.len() > finished, "a machine that finishes says so");
        let at = self.outputs.len() - 1;
        self.outputs.insert(at, Output::Closed(result));
    }

    /// No server could be asked to close the session: it ends with its timeout.
    pub(super) fn abandon_close(&mut self) {
        let sent = self.link.calls_in_flight().count() > 0;
        let epoch = self.epoch();
        self.close_answered(Err(Error::ConnectionLoss { sent, epoch }));
    }
}
