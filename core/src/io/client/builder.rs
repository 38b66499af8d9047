//! How a client is made.

use std::time::Duration;

use bytes::Bytes;

use super::handle::Client;
use crate::client::{Credentials, Recovery, Result, SessionEvent, WhenDisconnected};

/// Settings of a client that is to be made. Each setter replaces what was set before, except
/// [`Builder::auth`] and [`Builder::subscribe`], which add.
pub struct Builder {
    _hosts: String,
}

#[allow(unused_variables)]
impl Builder {
    pub(super) fn new(hosts: String) -> Builder {
        Builder { _hosts: hosts }
    }

    /// The session timeout to ask for; the server may grant another. 10 s unless set.
    pub fn session_timeout(self, timeout: Duration) -> Builder {
        self
    }

    /// How long one attempt to connect may take, from name resolution to the server's answer. Unless
    /// set, the session timeout divided by the number of hosts.
    pub fn connect_timeout(self, timeout: Duration) -> Builder {
        self
    }

    /// How long an operation may take before it fails with
    /// [`Error::Timeout`](crate::Error::Timeout). `None`, the default, waits for ever.
    pub fn op_timeout(self, timeout: Option<Duration>) -> Builder {
        self
    }

    /// What is taken off the session timeout before the session counts as possibly expired. Unless
    /// set, a quarter of the granted timeout.
    pub fn safety_margin(self, margin: Duration) -> Builder {
        self
    }

    /// The wait before an attempt to reconnect grows from `base` to `cap`, each with jitter. 100 ms
    /// and 5 s unless set.
    pub fn backoff(self, base: Duration, cap: Duration) -> Builder {
        self
    }

    /// What operations do while there is no connection. They wait unless set.
    pub fn when_disconnected(self, when: WhenDisconnected) -> Builder {
        self
    }

    /// What happens when the session is over. A new one starts unless set.
    pub fn recovery(self, recovery: Recovery) -> Builder {
        self
    }

    /// Proves an identity on every connection before anything else is asked of the server. May be
    /// called several times; the order is kept.
    pub fn auth(self, scheme: &str, credential: impl Into<Bytes>) -> Builder {
        self
    }

    /// Starts by resuming this session. If the ensemble refuses it, the first epoch ends with
    /// [`LossReason::ExpiredByServer`](crate::LossReason::ExpiredByServer) and the recovery decides
    /// what follows.
    pub fn resume(self, credentials: Credentials) -> Builder {
        self
    }

    /// Accepts servers that only read. They do not count unless set.
    pub fn read_only(self, accept: bool) -> Builder {
        self
    }

    /// Whether the hosts are tried in random order (the default) or as listed.
    pub fn shuffle_hosts(self, shuffle: bool) -> Builder {
        self
    }

    /// Like [`Client::subscribe`], and misses nothing: it is in place before the first attempt to
    /// connect.
    pub fn subscribe(self, sink: impl FnMut(SessionEvent) + Send + 'static) -> Builder {
        self
    }

    /// Starts the client and waits until it is connected for the first time.
    ///
    /// Tries for ever unless [`Restore::give_up_after`](crate::Restore::give_up_after) is set; put a
    /// timeout around it. Dropping the future ends the client.
    ///
    /// # Errors
    /// `Invalid` for the host list or a setting, `AuthFailed`, `SessionLost` if a session to resume
    /// is over and may not be renewed or if the client gave up.
    pub async fn connect(self) -> Result<Client> {
        unimplemented!()
    }

    /// Starts the client and returns at once; [`Client::states`] tells how it fares.
    ///
    /// # Errors
    /// `Invalid` for the host list or a setting.
    pub fn connect_lazy(self) -> Result<Client> {
        unimplemented!()
    }
}
