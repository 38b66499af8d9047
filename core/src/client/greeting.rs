//! The handshake: what is asked for, what each side says of itself, and what the answer means.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::config::Credentials;
use super::errands::Errand;
use super::error::Error;
use super::link::{Handshake, Link, Up};
use super::machine::{Known, Machine, Phase};
use super::numbers::Numbers;
use crate::base::{Millis, Moment, Zxid};
use crate::session::keepalive::Keepalive;
use crate::wire::{ConnectRequest, ConnectResponse, Features, Hello, Welcome};

impl Known {
    /// The session that credentials resume.
    pub(super) fn of(credentials: &Credentials) -> Known {
        Known {
            id: credentials.session_id,
            password: credentials.password,
            is_welcomed: credentials.is_welcomed,
            is_provisional: false,
        }
    }
}

impl Machine {
    /// The connection stands: the handshake goes out.
    pub(super) fn dialed(&mut self, now: Moment, server: Arc<str>) {
        let Link::Dialing { deadline } = self.link else { return };
        let errand = self.errand();
        // A suspicion is followed up once.
        self.hang_ups.settle(errand);
        let (asked, seen) = match errand {
            None if self.known.is_provisional => (Known::default(), self.last_zxid),
            None | Some(Errand::Detach) => (self.known, self.last_zxid),
            Some(Errand::End(former)) => (former, self.last_zxid),
            Some(Errand::Measure) => (Known::default(), Zxid::ZERO),
        };
        ConnectRequest {
            last_zxid_seen: seen,
            timeout: i32::try_from(self.settings.timeout.0).unwrap_or(i32::MAX),
            session_id: asked.id,
            password: Some(Bytes::copy_from_slice(&asked.password.0)),
            read_only: Some(self.settings.read_only && errand.is_none()),
            hello: self.hello(&asked, errand),
        }
        .encode(&mut self.out);
        let (asked, sent) = (asked.id, now);
        self.link = Link::Handshake(Handshake { server, errand, asked, sent, deadline });
    }

    /// What is said to the server: with a new session whoever it is, for everybody ignores it there.
    /// With a session only to servers of the kind that granted it.
    fn hello(&self, asked: &Known, errand: Option<Errand>) -> Option<Hello> {
        if errand == Some(Errand::Measure) || !(asked.id.is_none() || asked.is_welcomed) {
            return None;
        }
        let features = self.settings.features;
        let grace = self
            .settings
            .crash_grace
            .filter(|_| errand.is_none())
            .map(|grace| Millis::from_duration(grace.max(Duration::from_millis(1))));
        Some(Hello { features, crash_grace: grace.unwrap_or(Millis(0)) })
    }

    /// The server's answer to the handshake.
    pub(super) fn shaken(&mut self, now: Moment, response: ConnectResponse) {
        let Link::Handshake(handshake) = &self.link else { return };
        let handshake = handshake.clone();
        self.note_answered_handshake();
        if let Some(errand) = handshake.errand {
            return self.begin_errand(now, handshake, errand, response);
        }
        let asked = handshake.asked;
        if response.is_refused() {
            if asked.is_none() {
                return self.lose_link(now);
            }
            return self.refused(now);
        }
        let is_foreign = !asked.is_none() && response.session_id != asked;
        if is_foreign && !self.outlive_foreign() {
            return;
        }
        let was_known = !asked.is_none() && !is_foreign;
        self.attach(&handshake, &response, was_known);
        if let Phase::Closing { deadline, .. } = &mut self.phase {
            *deadline = None;
        }
        self.up(now, handshake, &response);
    }

    /// Takes over what the server says of the session.
    fn attach(&mut self, handshake: &Handshake, response: &ConnectResponse, was_known: bool) {
        let is_read_only = response.read_only == Some(true);
        let welcome = response.welcome;
        if was_known && !self.known.is_welcomed {
            self.lease.set_inexact();
        }
        // One that credentials resume is not ours until it was attached once.
        let is_ours = was_known && self.was_attached;
        self.was_attached = true;
        self.known = Known {
            id: response.session_id,
            password: response.password,
            is_provisional: is_read_only && !was_known,
            is_welcomed: welcome.is_some(),
        };
        self.lease.set_welcome(welcome);
        self.lease.set_password(response.password);
        self.lease.note_zxid(self.last_zxid);
        if is_read_only {
            self.lease.begin_unheard(response.session_id, response.timeout);
        } else {
            self.lease.begin(response.session_id, response.timeout, handshake.sent);
        }
        self.unreachable_since = None;
        self.renumber(welcome, was_known, is_ours);
    }

    /// Where the numbers go on. What waits to be sent again keeps its number if the session knows it.
    fn renumber(&mut self, welcome: Option<Welcome>, was_known: bool, is_ours: bool) {
        let Welcome { features, highest_once, .. } = welcome.unwrap_or_default();
        if !(is_ours && features.has(Features::ONCE)) {
            self.fail_numbered(|epoch| Error::ConnectionLoss { sent: true, epoch });
        }
        if !features.has(Features::ONCE) {
            return;
        }
        if is_ours {
            self.numbers.raise(highest_once);
        } else if was_known {
            self.numbers = Numbers::of_taken_session(highest_once);
        } else {
            self.numbers = Numbers::of_new_session(highest_once);
        }
    }

    /// The connection serves, behind what SASL has to say.
    pub(super) fn up(&mut self, now: Moment, shaken: Handshake, response: &ConnectResponse) {
        let Handshake { server, errand, sent, deadline, .. } = shaken;
        self.link = Link::Up(Up {
            server,
            errand,
            errand_until: now + self.attempt_timeout(),
            features: response.welcome.map_or(Features::default(), |welcome| welcome.features),
            clocks: Keepalive::new(response.timeout, self.lease.safety(), sent, now),
            is_read_only: response.read_only == Some(true),
            in_flight: VecDeque::new(),
            login: None,
            proving: VecDeque::new(),
            restoring: 0,
            is_announced: false,
            next_xid: 1,
        });
        self.log_in(now, deadline);
    }
}
