//! All that a client's session machine is made with.

use std::time::Duration;

use super::config::{Credentials, Recovery, WhenDisconnected, WhenRegressed};
use super::hosts::Hosts;
use super::sasl::{Nonces, Sasl};
use crate::base::Millis;
use crate::base::limits::SESSION_TIMEOUT;
use crate::wire::{Features, Secret};

/// What a client is made with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The servers.
    pub hosts: Hosts,
    /// Whether they are tried in another order than listed.
    pub shuffle: bool,
    /// The session timeout to ask for.
    pub timeout: Millis,
    /// How long an attempt may take; the timeout over the number of hosts unless set.
    pub connect_timeout: Option<Duration>,
    /// What comes off the timeout for safety; see [`Safety`](crate::session::keepalive::Safety).
    pub margin: Option<Duration>,
    /// How soon the session is to end when the connection is closed without a closeSession; the whole
    /// timeout unless set.
    pub crash_grace: Option<Duration>,
    /// What this client says it can do.
    pub features: Features,
    /// The shortest and longest wait before an attempt.
    pub backoff: (Duration, Duration),
    /// What calls do while there is no connection.
    pub when_disconnected: WhenDisconnected,
    /// What happens when the session is over.
    pub recovery: Recovery,
    /// What happens when the ensemble has lost data.
    pub when_regressed: WhenRegressed,
    /// Identities to prove on every connection, in this order.
    pub identities: Vec<(String, Secret)>,
    /// Who to prove to be on every connection, before the identities.
    pub sasl: Option<Sasl>,
    /// What makes each of these exchanges unique.
    pub nonces: Nonces,
    /// A session to start with.
    pub resume: Option<Credentials>,
    /// Whether servers that only read will do.
    pub read_only: bool,
    /// Where chance comes from.
    pub seed: u64,
}

impl Settings {
    /// The usual settings for these servers.
    pub fn new(hosts: Hosts) -> Settings {
        Settings {
            hosts,
            shuffle: true,
            timeout: SESSION_TIMEOUT,
            connect_timeout: None,
            margin: None,
            crash_grace: None,
            features: Features::ALL,
            backoff: (Duration::from_millis(100), Duration::from_secs(5)),
            when_disconnected: WhenDisconnected::default(),
            recovery: Recovery::default(),
            when_regressed: WhenRegressed::default(),
            identities: Vec::new(),
            sasl: None,
            nonces: Nonces::default(),
            resume: None,
            read_only: false,
            seed: 0,
        }
    }
}
