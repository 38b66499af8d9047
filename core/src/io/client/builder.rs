//! How a client is made.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::driver::Driver;
use super::feed::Callback;
use super::handle::Client;
use super::runtime;
use super::session::Scope;
use super::shared::Shared;
use super::time::Time;
use super::tls::{ClientTls, Trust};
use crate::base::Millis;
use crate::base::limits::CRASH_GRACE;
use crate::client::{
    Credentials, Error, Hosts, Machine, Nonces, Recovery, Result, Sasl, SessionEvent, Settings,
    WhenDisconnected, WhenRegressed, chroot,
};
use crate::io::clock::Clock;
use crate::wire::Secret;

/// One setting.
type Change = Box<dyn FnOnce(&mut Settings) + Send>;

/// Settings of a client that is to be made. Each setter replaces what was set before, except
/// [`Builder::auth`] and [`Builder::subscribe`], which add.
#[must_use = "nothing happens before connect or connect_lazy"]
pub struct Builder {
    hosts: String,
    set: Vec<Change>,
    op_timeout: Option<Duration>,
    values_at: Option<String>,
    tls: Option<ClientTls>,
    time: Time,
    sinks: Vec<Callback<SessionEvent>>,
}

impl Builder {
    pub(super) fn new(hosts: String) -> Builder {
        Builder {
            hosts,
            set: Vec::new(),
            op_timeout: None,
            values_at: None,
            tls: None,
            time: Time::default(),
            sinks: Vec::new(),
        }
    }

    fn set(mut self, set: impl FnOnce(&mut Settings) + Send + 'static) -> Builder {
        self.set.push(Box::new(set));
        self
    }

    /// The session timeout to ask for, in whole milliseconds; the server may grant another. 10 s
    /// unless set.
    pub fn session_timeout(self, timeout: Duration) -> Builder {
        self.set(move |settings| settings.timeout = Millis::from_duration(timeout))
    }

    /// How long one attempt to connect may take, from name resolution to the server's answer, TLS and
    /// SASL included. Unless set, the session timeout divided by the number of hosts.
    pub fn connect_timeout(self, timeout: Duration) -> Builder {
        self.set(move |settings| settings.connect_timeout = Some(timeout))
    }

    /// How long an operation may take before it fails with
    /// [`Error::Timeout`](crate::Error::Timeout). `None`, the default, waits for ever.
    pub fn op_timeout(mut self, timeout: Option<Duration>) -> Builder {
        self.op_timeout = timeout;
        self
    }

    /// Where [`Session::bind`](super::Session::bind) puts values on servers that keep no session data:
    /// in ephemerals `<id>-<name>` below `path`, which is created when it is needed. Clients find each
    /// other's values if they name the same path, here as everywhere below the chroot of the host
    /// list. Without it `bind` fails on such servers.
    pub fn session_data_at(mut self, path: &str) -> Builder {
        self.values_at = Some(path.to_owned());
        self
    }

    /// What is taken off the session timeout before the session counts as possibly expired. Unless
    /// set, nothing with tenure's servers, which never expire a session early, and a quarter of the
    /// granted timeout as soon as one connection of the session was to another server. With a margin
    /// of the timeout or more the session is never safe, and a connection is left as soon as it stands.
    pub fn safety_margin(self, margin: Duration) -> Builder {
        self.set(move |settings| settings.margin = Some(margin))
    }

    /// How soon the session is to end when the kernel of this machine closes the connection without a
    /// close of the session, as it does when the process crashes. `None`, the default, lets it live for
    /// its whole timeout. From 1 ms to the timeout, in whole milliseconds; tenure's servers grant it,
    /// others ignore it.
    ///
    /// The price is that a connection lost in any other way has to be replaced within the grace as well:
    /// [`Session::safe_for`](super::Session::safe_for) is never more than that, and pings go out at least
    /// twice within it. A server is not left any earlier for it. [`Builder::detect_crashes`] is the usual
    /// choice. A program that leaves its session by [`Client::detach`] gives the grace up first.
    pub fn crash_grace(self, grace: Option<Duration>) -> Builder {
        self.set(move |settings| settings.crash_grace = grace)
    }

    /// Has a crash of this process noticed at once, and not only after the session timeout: a
    /// [`Builder::crash_grace`] of 200 ms, with all that it says.
    pub fn detect_crashes(self) -> Builder {
        self.crash_grace(Some(CRASH_GRACE.duration()))
    }

    /// What happens when every server is behind what the client has seen. It is finished unless set.
    pub fn when_regressed(self, when: WhenRegressed) -> Builder {
        self.set(move |settings| settings.when_regressed = when)
    }

    /// The wait before an attempt to reconnect grows from `base` to `cap`, each with jitter, and is
    /// never more than a quarter of the session timeout. 100 ms and 5 s unless set.
    pub fn backoff(self, base: Duration, cap: Duration) -> Builder {
        self.set(move |settings| settings.backoff = (base, cap))
    }

    /// What operations do while there is no connection. They wait unless set.
    pub fn when_disconnected(self, when: WhenDisconnected) -> Builder {
        self.set(move |settings| settings.when_disconnected = when)
    }

    /// What happens when the session is over. A new one starts unless set.
    pub fn recovery(self, recovery: Recovery) -> Builder {
        self.set(move |settings| settings.recovery = recovery)
    }

    /// Proves an identity on every connection before anything else is asked of the server. May be
    /// called several times; the order is kept.
    pub fn auth(self, scheme: &str, credential: impl Into<Bytes>) -> Builder {
        let identity = (scheme.to_owned(), Secret(credential.into()));
        self.set(move |settings| settings.identities.push(identity))
    }

    /// Speaks TLS with every server, and nothing with a server that fails a check of [`ClientTls`].
    ///
    /// An attempt that fails for reasons of trust leaves a warning in the log that says why. If all
    /// hosts in turn fail so, [`Builder::connect`] and [`Client::connected`] fail with
    /// [`Error::Tls`](crate::Error::Tls).
    pub fn tls(mut self, tls: ClientTls) -> Builder {
        self.tls = Some(tls);
        self
    }

    /// Proves to be a user by SASL, on every connection, before the identities of [`Builder::auth`]
    /// and everything else. On success the connection is `("sasl", user)` to the server.
    ///
    /// A server that refuses, that does no SASL, or that does not prove to know the password itself,
    /// finishes the client with `AuthFailed`; the reason stands in the log. Replaces what was set
    /// before.
    pub fn sasl(self, sasl: Sasl) -> Builder {
        self.set(move |settings| settings.sasl = Some(sasl))
    }

    /// Starts by resuming this session. If the ensemble refuses it, the first epoch ends with
    /// [`LossReason::ExpiredByServer`](crate::LossReason::ExpiredByServer) and the recovery decides
    /// what follows.
    ///
    /// Two clients with the same credentials evict each other: the one made with this finishes with
    /// [`LossReason::Stolen`](crate::LossReason::Stolen) when it was cut off three times within one
    /// session timeout.
    pub fn resume(self, credentials: Credentials) -> Builder {
        self.set(move |settings| settings.resume = Some(credentials))
    }

    /// Accepts servers that only read. They do not count unless set. The client stays with such a
    /// server until the connection is lost; a session that one of them granted is replaced, in the
    /// same epoch, by the first server that writes.
    pub fn read_only(self, accept: bool) -> Builder {
        self.set(move |settings| settings.read_only = accept)
    }

    /// Whether the hosts are tried in random order (the default) or as listed.
    pub fn shuffle_hosts(self, shuffle: bool) -> Builder {
        self.set(move |settings| settings.shuffle = shuffle)
    }

    /// Where the client's time comes from, for tests. With a
    /// [manual](crate::server::Clock::manual) clock everything that takes time in this client follows
    /// it: heartbeats, waits before a reconnect, all timeouts, [`Session::safe_for`](crate::Session::safe_for)
    /// and [`Client::sleep`]. Nothing of that ever comes unless somebody
    /// [advances](crate::server::Clock::advance) the clock; so a close that no server answers waits for
    /// that too. With a real clock, as without this, it is the machine's.
    pub fn clock(mut self, clock: &Clock) -> Builder {
        self.time = Time::of(clock);
        self
    }

    /// Like [`Client::subscribe`], and misses nothing: it is in place before the first attempt to
    /// connect.
    pub fn subscribe(mut self, sink: impl FnMut(SessionEvent) + Send + 'static) -> Builder {
        self.sinks.push(Box::new(sink));
        self
    }

    /// Starts the client and waits until it is connected for the first time.
    ///
    /// Tries for ever unless [`Restore::give_up_after`](crate::Restore::give_up_after) is set; put a
    /// timeout around it. Dropping the future ends the client.
    ///
    /// # Errors
    /// `Invalid` for the host list, a setting or a file of [`Builder::tls`], `Tls` if no host could be
    /// trusted, `AuthFailed`, `SessionLost` if a session to resume is over and may not be renewed or
    /// if the client gave up.
    pub async fn connect(self) -> Result<Client> {
        let client = self.connect_lazy()?;
        client.connected().await?;
        Ok(client)
    }

    /// Starts the client and returns at once; [`Client::states`] tells how it fares.
    ///
    /// # Errors
    /// `Invalid` for the host list, a setting, a path, or a file of [`Builder::tls`].
    pub fn connect_lazy(self) -> Result<Client> {
        let (hosts, chroot) = Hosts::parse(&self.hosts)?;
        let mut values_at = self.values_at;
        if let Some(path) = &mut values_at {
            chroot::enter_path(path, &chroot)?;
        }
        let mut settings = Settings::new(hosts);
        for set in self.set {
            set(&mut settings);
        }
        if settings.timeout == Millis(0) {
            return Err(Error::Invalid("the session timeout must be at least 1 ms".into()));
        }
        settings.seed = getrandom::u64().map_err(no_chance)?;
        if let Some(sasl) = &settings.sasl {
            sasl.check()?;
        }
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(no_chance)?;
        settings.nonces = Nonces::new(seed);
        let trust = self.tls.map(Trust::new).transpose()?;
        let hosts = settings.hosts.count();
        let runtime = runtime::handle()?;
        let machine = Machine::new(settings, self.time.now());
        let (sender, commands) = mpsc::unbounded_channel();
        let scope = Scope::new(Arc::clone(machine.lease()));
        let mut shared = Shared::new(sender, scope, hosts, (self.op_timeout, self.time));
        shared.values_at = values_at;
        let shared = Arc::new(shared);
        for sink in self.sinks {
            shared.hub.subscribe(sink, &shared.callbacks);
        }
        let client = Client::new(Arc::clone(&shared), chroot.as_str().into());
        runtime.spawn(Driver::new(machine, shared, commands, trust).run());
        Ok(client)
    }
}

fn no_chance(error: getrandom::Error) -> Error {
    Error::Invalid(format!("no random numbers: {error}").into())
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}
