//! The handle of a client.

use std::sync::Arc;

use bytes::Bytes;

use super::builder::Builder;
use super::ops::Ops;
use super::pending::Pending;
use super::request::RequestOptions;
use super::session::{Session, States};
use super::watch::{Watch, WatchOptions, WatchStream};
use crate::base::WatchMode;
use crate::client::{Credentials, Result, SessionEvent, State, WatchItem};
use crate::wire::{Reply, Request};

/// A client of an ensemble. Cheap to clone; all clones share one session.
///
/// The session lives on a thread of the library's own: it is kept alive, resumed and renewed whatever
/// the program's threads and runtimes do. When the last clone is dropped, everything submitted before
/// is still sent, then the session is closed in the background. [`Session`]s, [`States`] and watch
/// streams do not count as clones.
///
/// After a fork the child cannot use it: every operation fails with
/// [`Error::Forked`](crate::Error::Forked), and dropping it in the child does nothing to the session.
#[derive(Clone)]
pub struct Client {
    _shared: Arc<()>,
}

#[allow(unused_variables)]
impl Client {
    /// Starts to describe a client for `hosts`: `host:port,host:port/chroot`. The port is 2181 unless
    /// given, IPv6 addresses stand in brackets, and every path below is relative to the chroot.
    pub fn builder(hosts: impl Into<String>) -> Builder {
        Builder::new(hosts.into())
    }

    /// A connected client with all settings at their defaults; see [`Builder::connect`].
    ///
    /// # Errors
    /// As [`Builder::connect`].
    pub async fn connect(hosts: &str) -> Result<Client> {
        Client::builder(hosts).connect().await
    }

    /// The same client and session seen from `path`, which need not exist: `/` of the new handle is
    /// `path` of this one, in arguments, replies and events.
    ///
    /// # Errors
    /// `Invalid` if it is not a valid path.
    pub fn chroot(&self, path: &str) -> Result<Client> {
        unimplemented!()
    }

    /// The session of the current epoch.
    pub fn session(&self) -> Session {
        unimplemented!()
    }

    /// How the session is now; see [`Session::state`].
    pub fn state(&self) -> State {
        self.session().state()
    }

    /// The state now, then every change of it.
    pub fn states(&self) -> States {
        unimplemented!()
    }

    /// Calls `sink` with the state now, then with every change of it.
    ///
    /// `sink` runs on the client's callback thread. If it is slow, events that only tell of a
    /// connection may be left out, never [`State::Lost`] nor the first connection of an epoch. It is
    /// dropped after the last event, when the client is finished.
    pub fn subscribe(&self, sink: impl FnMut(SessionEvent) + Send + 'static) {
        unimplemented!()
    }

    /// Waits until the client is connected; at once if it is.
    ///
    /// # Errors
    /// What finished the client, if it is finished.
    pub async fn connected(&self) -> Result<()> {
        unimplemented!()
    }

    /// The operations, in whatever session is current when each is carried out.
    pub fn ops(&self) -> Ops<'_> {
        unimplemented!()
    }

    /// Proves one more identity, now and on every later connection. The order is kept.
    ///
    /// # Errors
    /// `AuthFailed`, which finishes the client.
    pub fn add_auth(&self, scheme: &str, credential: impl Into<Bytes>) -> Pending<()> {
        unimplemented!()
    }

    /// Adds a persistent watch and streams what it says; see [`WatchStream`].
    ///
    /// # Errors
    /// What the server answers, or what finished the client.
    pub fn watch(&self, path: &str, mode: WatchMode) -> Pending<WatchStream> {
        unimplemented!()
    }

    /// Adds a persistent watch whose items go to `sink`, and calls `added` when it is in place or
    /// could not be added.
    ///
    /// Both run on the client's callback thread, `added` first. Items are the ones of
    /// [`WatchStream`]; an `Err` is the last. `sink` is dropped after the last item: after an `Err`,
    /// when the client is finished, or when the returned handle is dropped.
    pub fn watch_to(
        &self,
        path: &str,
        options: WatchOptions,
        sink: impl FnMut(Result<WatchItem>) + Send + 'static,
        added: impl FnOnce(Result<()>) + Send + 'static,
    ) -> Watch {
        unimplemented!()
    }

    /// Queues a request that is given as data, with paths relative to the chroot, and calls `done`
    /// with the answer, exactly once.
    ///
    /// Requests reach the server in the order in which they are submitted, by this and by all other
    /// methods. `done` runs on the client's callback thread, after the events that came before the
    /// answer; only if the client is finished, closed or forked, or the request is invalid, it runs
    /// on the calling thread before this returns.
    ///
    /// # Errors
    /// `done` gets what the methods of [`Ops`] return, an exists that finds nothing being
    /// `Server { code: NoNode, .. }`. A failed multi is `Multi`; a multiRead with failed parts is
    /// `Ok`. `Invalid` for requests that belong to the library: ping, addWatch (see
    /// [`Client::watch_to`]), setWatches, sasl and closeSession.
    pub fn submit(
        &self,
        request: Request,
        options: RequestOptions,
        done: impl FnOnce(Result<Reply>) + Send + 'static,
    ) {
        unimplemented!()
    }

    /// Closes the session: its ephemerals are gone when this returns `Ok`.
    ///
    /// What was submitted before is carried out first; what is submitted later fails with `Closed`.
    /// All clones are closed with it. Dropping the future does not stop the closing.
    ///
    /// # Errors
    /// `ConnectionLoss` if no server confirmed it: the session then ends when its timeout has
    /// passed. What had finished the client, if it was finished before.
    pub async fn close(self) -> Result<()> {
        unimplemented!()
    }

    /// Starts [`Client::close`] and calls `done` with its result, on the callback thread, as the last
    /// callback of this client.
    pub fn close_with(&self, done: impl FnOnce(Result<()>) + Send + 'static) {
        unimplemented!()
    }

    /// Leaves the session alive on the server and returns what resumes it, within its timeout.
    ///
    /// Operations that were sent and not answered fail with an unknown outcome, the others were not
    /// applied; await them first. The client is finished, as after [`Client::close`].
    ///
    /// # Errors
    /// `ConnectionLoss` if there is no session yet. What had finished the client, if it was
    /// finished before.
    pub async fn detach(self) -> Result<Credentials> {
        unimplemented!()
    }

    /// Starts [`Client::detach`] and calls `done` with its result, on the callback thread, as the
    /// last callback of this client.
    pub fn detach_with(&self, done: impl FnOnce(Result<Credentials>) + Send + 'static) {
        unimplemented!()
    }
}

/// Whether the calling thread is the callback thread of some client, where waiting for
/// [`Client::close_with`] to finish would wait for itself. Operations may be waited for there.
pub fn is_callback_thread() -> bool {
    unimplemented!()
}
