//! Connections that nothing is asked on: to end the session of the epoch before, and to find out how
//! far the ensemble is, which both close a session and wait for the answer; and to give up a session's
//! crash grace, which the handshake does by itself.

use super::config::{Recovery, WhenRegressed};
use super::error::{Error, LossReason};
use super::link::{Handshake, Link, Sent, What};
use super::machine::{Known, Machine, Output, Phase};
use crate::base::{Moment, Zxid};
use crate::wire::{ConnectResponse, ReplyHeader, Request};

/// What such a connection is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Errand {
    /// To end a session of before, which is decided then, with all that it had on the way.
    End(Known),
    /// To learn the ensemble's newest transaction, with a session of its own.
    Measure,
    /// To give up the crash grace of the session that is about to be left.
    Detach,
}

/// How the servers behave that hang up on a handshake.
#[derive(Debug, Default)]
pub(super) struct HangUps {
    /// How many did so in a row, without anything else in between.
    in_a_row: usize,
    /// Whether it is to be found out why, of the next one.
    is_suspicious: bool,
    /// How many were found to be behind, one after the other.
    behind: usize,
}

impl HangUps {
    /// A measurement is under way. Unless it finds a server that is behind, that was it.
    pub fn settle(&mut self, errand: Option<Errand>) {
        if errand == Some(Errand::Measure) {
            self.in_a_row = 0;
            self.is_suspicious = false;
        }
    }
}

impl Machine {
    /// What the next connection is for, if not for the session.
    pub(super) fn errand(&self) -> Option<Errand> {
        if matches!(self.phase, Phase::Detaching { .. }) {
            return Some(Errand::Detach);
        }
        if self.hang_ups.is_suspicious {
            return Some(Errand::Measure);
        }
        self.to_end.map(Errand::End)
    }

    /// The server answered the handshake of an errand.
    pub(super) fn begin_errand(
        &mut self,
        now: Moment,
        handshake: Handshake,
        errand: Errand,
        response: ConnectResponse,
    ) {
        if response.is_refused() {
            return match errand {
                // It is over already.
                Errand::End(_) => self.end_errand(now, errand, None),
                Errand::Measure => self.lose_link(now),
                Errand::Detach => self.finish_expired(),
            };
        }
        if errand == Errand::Detach {
            let is_ours = self.known.id == response.session_id;
            return if is_ours { self.leave() } else { self.finish_expired() };
        }
        // Another session than the one asked for: that one is over, and this one nobody wants.
        if let Errand::End(former) = errand
            && former.id != response.session_id
        {
            self.to_end = None;
            self.note_over(former.id);
        }
        self.up(now, handshake, &response);
    }

    /// SASL is done.
    pub(super) fn go_on_errand(&mut self, now: Moment) {
        self.send_proofs();
        let Link::Up(up) = &mut self.link else { return };
        let xid = up.take_xid();
        Request::CloseSession.encode(xid, &mut self.out);
        up.clocks.note_sent(now);
        up.in_flight.push_back(Sent { xid, at: now, what: What::Errand, number: None });
    }

    /// The session of the errand is closed.
    pub(super) fn errand_done(&mut self, now: Moment, header: ReplyHeader) {
        if header.error != 0 {
            return self.lose_link(now);
        }
        let Link::Up(up) = &self.link else { return };
        let Some(errand) = up.errand else { return };
        self.end_errand(now, errand, Some(header.zxid));
    }

    fn end_errand(&mut self, now: Moment, errand: Errand, newest: Option<Zxid>) {
        let measured = errand == Errand::Measure;
        if !measured && let Some(ended) = self.to_end.take() {
            self.note_over(ended.id);
        }
        self.outputs.push_back(Output::Disconnect);
        self.input.clear();
        self.out.clear();
        self.link = Link::Idle { until: now };
        if measured && newest.is_some_and(|newest| newest > Zxid::ZERO && newest < self.last_zxid) {
            // All of them have to be: one alone may be of another ensemble.
            self.hang_ups.behind += 1;
            if self.hang_ups.behind >= self.settings.hosts.count() {
                return self.regressed();
            }
            self.hang_ups.is_suspicious = true;
        } else {
            self.settings.hosts.give_back();
        }
    }

    fn regressed(&mut self) {
        let seen = self.last_zxid;
        match self.settings.when_regressed {
            WhenRegressed::Stop => {
                self.finish(LossReason::GaveUp, Error::EnsembleRegressed { seen });
            }
            WhenRegressed::Forget => {
                self.hang_ups = HangUps::default();
                self.last_zxid = Zxid::ZERO;
                self.lease.forget_zxid();
            }
        }
    }

    /// The server closed the connection. If that was its answer to the handshake, it may be behind.
    pub(super) fn note_hung_up(&mut self) {
        match &self.link {
            Link::Handshake(handshake)
                if handshake.errand != Some(Errand::Measure) && self.last_zxid > Zxid::ZERO =>
            {
                self.hang_ups.in_a_row += 1;
                self.hang_ups.behind = 0;
                self.hang_ups.is_suspicious =
                    self.hang_ups.in_a_row >= self.settings.hosts.count() && !self.is_closing();
            }
            _ => self.hang_ups = HangUps::default(),
        }
    }

    /// Something else became of an attempt.
    pub(super) fn note_answered_handshake(&mut self) {
        // What is suspected is decided by what the server answers to it.
        self.hang_ups.in_a_row = 0;
    }

    /// Whether a lost connection ends the epoch.
    pub(super) fn abandons(&self) -> bool {
        matches!(self.settings.recovery, Recovery::Fresh { .. }) && !self.phase.is_ending()
    }

    /// Ends the epoch whose connection was lost, and plans the next one.
    pub(super) fn abandon_epoch(&mut self, now: Moment) {
        let Recovery::Fresh { close_old, restore, min_interval } = self.settings.recovery.clone()
        else {
            return;
        };
        let former = self.known;
        self.end_epoch(LossReason::Abandoned, Some(&restore));
        self.to_end = (close_old && !former.id.is_none()).then_some(former);
        self.begin_epoch();
        self.say_connecting();
        let wait = self.chance.between(min_interval / 2, min_interval.saturating_mul(3) / 2);
        if let Link::Idle { until } = &mut self.link {
            *until = (*until).max(self.not_before);
            self.not_before = (*until).max(now) + wait;
        }
    }
}
