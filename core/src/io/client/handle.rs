//! The handle of a client.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::builder::Builder;
use super::feed::Sink;
use super::ops::Ops;
use super::pending::Pending;
use super::registration::Register;
use super::request::RequestOptions;
use super::session::{Session, States};
use super::shared::{Answer, Command, Done, Hearer, Parcel, Shared};
use super::watch::{self, Tagged, Watch, WatchOptions, WatchStream};
use crate::base::{Moment, WatchMode};
use crate::client::{
    Credentials, Error, Intent, Result, SessionEvent, State, WatchId, WatchItem, chroot,
};
use crate::wire::{Reply, Request, Secret};

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
    shared: Arc<Shared>,
    chroot: Arc<str>,
    _owner: Arc<Owner>,
}

/// What all clones of a client hold together: when it goes, the session is closed.
struct Owner {
    shared: Arc<Shared>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        // In a forked child, and after the end, nobody takes it, and nothing is left to close.
        let _ = self.shared.send(Command::Close(None));
    }
}

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

    pub(super) fn new(shared: Arc<Shared>, chroot: Arc<str>) -> Client {
        let owner = Arc::new(Owner { shared: Arc::clone(&shared) });
        Client { shared, chroot, _owner: owner }
    }

    /// What it shares with its clones, and where it stands.
    pub(super) fn place(&self) -> (&Arc<Shared>, &Arc<str>) {
        (&self.shared, &self.chroot)
    }

    /// The same client and session seen from `path`, which need not exist: `/` of the new handle is
    /// `path` of this one, in arguments, replies and events.
    ///
    /// # Errors
    /// `Invalid` if it is not a valid path.
    pub fn chroot(&self, path: &str) -> Result<Client> {
        let mut root = path.to_owned();
        chroot::enter_path(&mut root, &self.chroot)?;
        let chroot = if root == crate::base::path::ROOT { "" } else { &root };
        Ok(Client { chroot: chroot.into(), ..self.clone() })
    }

    /// The session of the current epoch.
    pub fn session(&self) -> Session {
        Session::new(Arc::clone(&self.shared), Arc::clone(&self.chroot))
    }

    /// How the session is now; see [`Session::state`].
    pub fn state(&self) -> State {
        self.session().state()
    }

    /// The state now, then every change of it.
    pub fn states(&self) -> States {
        States::new(&self.shared)
    }

    /// Waits for `length` on the client's own clock: the machine's, or the manual one that
    /// [`Builder::clock`] set, where it ends at its exact moment when somebody advances that far. Begins
    /// with the call, not with the first poll. Needs no runtime of the program's. Nothing is left behind
    /// if the future is dropped.
    pub fn sleep(&self, length: Duration) -> impl Future<Output = ()> + Send + use<> {
        self.shared.time.sleep(length)
    }

    /// What the client's clock shows, as the time since a moment that means nothing: for differences.
    pub fn time(&self) -> Duration {
        self.shared.time.now().since(Moment(0))
    }

    /// Calls `sink` with the state now, then with every change of it.
    ///
    /// `sink` runs on the client's callback thread. If it is slow, events that only tell of a
    /// connection may be left out, never [`State::Lost`] nor the first connection of an epoch. It is
    /// dropped after the last event, when the client is finished; in a forked child at once.
    pub fn subscribe(&self, sink: impl FnMut(SessionEvent) + Send + 'static) {
        if !self.shared.is_forked() {
            self.shared.hub.subscribe(Box::new(sink), &self.shared.callbacks);
        }
    }

    /// Waits until the client is connected; at once if it is.
    ///
    /// # Errors
    /// What finished the client, if it is finished; `Tls` if every host in turn failed for reasons of
    /// trust, after which the client goes on trying.
    pub async fn connected(&self) -> Result<()> {
        let mut states = self.states();
        let connected = async {
            while let Some(event) = states.next().await {
                if matches!(event.state, State::Connected | State::ReadOnly) {
                    return Ok(());
                }
            }
            Err(self.shared.ended().unwrap_or(Error::Closed))
        };
        if self.shared.is_forked() {
            return connected.await;
        }
        tokio::select! {
            biased;
            result = connected => result,
            reason = self.shared.attempts.distrusted() => Err(Error::Tls(reason)),
        }
    }

    /// Why the last attempt to connect failed, with the host it was made to; `None` if none failed
    /// since the client was connected. For people to read.
    pub fn connect_failure(&self) -> Option<Arc<str>> {
        if self.shared.is_forked() { None } else { self.shared.attempts.failure() }
    }

    /// The operations, in whatever session is current when each is carried out.
    pub fn ops(&self) -> Ops<'_> {
        Ops::new(&self.shared, &self.chroot, None)
    }

    /// Starts to describe a registration: an ephemeral that is there whenever there is a session. With
    /// the caller's bytes in it, it is a record of what others should know about this process while it
    /// is alive.
    ///
    /// ```no_run
    /// # async fn example(client: tenure::Client) -> tenure::Result<()> {
    /// let registration = client.register("/services/web-1", "10.0.0.7:80").parents().await?;
    /// registration.set("10.0.0.8:80");
    /// # Ok(())
    /// # }
    /// ```
    pub fn register(&self, path: &str, data: impl Into<Bytes>) -> Register {
        Register::new(&self.shared, &self.chroot, path, data.into())
    }

    /// Proves one more identity, now and on every later connection. The order is kept.
    ///
    /// # Errors
    /// `AuthFailed`, which finishes the client.
    pub fn add_auth(&self, scheme: &str, credential: impl Into<Bytes>) -> Pending<()> {
        let request = Request::Auth { scheme: scheme.to_owned(), auth: Secret(credential.into()) };
        self.ops().queue(request, RequestOptions::new(), |_| Ok(()))
    }

    /// Adds a persistent watch and streams what it says; see [`WatchStream`].
    ///
    /// # Errors
    /// What the server answers, or what finished the client.
    pub fn watch(&self, path: &str, options: impl Into<WatchOptions>) -> Pending<WatchStream> {
        let options = options.into();
        let feed = watch::feed(options.buffer);
        let (sender, receiver) = oneshot::channel();
        let done = Done::Here(Box::new(move |result| {
            // Who dropped the future does not want to know.
            let _ = sender.send(result);
        }));
        let hearer = Hearer::Stream(Arc::clone(&feed));
        let id = self.add_watch(path, options.mode, hearer, done);
        let watch = Watch::new(Arc::clone(&self.shared), feed, id);
        Pending::new(async move {
            let watch = watch;
            match receiver.await {
                Ok(result) => result.map(|_| WatchStream::new(watch)),
                Err(_) => Err(Error::Closed),
            }
        })
    }

    /// Adds a persistent watch whose items go to `sink`, and calls `added` when it is in place or
    /// could not be added.
    ///
    /// Both run on the client's callback thread, `added` first. Items are the ones of
    /// [`WatchStream`]; an `Err` is the last. `sink` is dropped,
    /// on the callback thread, after the last item: after an `Err`, if the watch could not be added,
    /// or when the returned handle is dropped.
    pub fn watch_to(
        &self,
        path: &str,
        options: impl Into<WatchOptions>,
        mut sink: impl FnMut(Result<WatchItem>) + Send + 'static,
        added: impl FnOnce(Result<()>) + Send + 'static,
    ) -> Watch {
        let options = options.into();
        let feed = watch::feed(options.buffer);
        let callback = Box::new(move |(_, item): Tagged| sink(item));
        let hearer = Hearer::Sink(Sink::new(Arc::clone(&feed), callback));
        let added: Answer<Reply> = Box::new(move |result| added(result.map(|_| ())));
        let id = self.add_watch(path, options.mode, hearer, Done::Callback(added));
        Watch::new(Arc::clone(&self.shared), feed, id)
    }

    fn add_watch(&self, path: &str, mode: WatchMode, hearer: Hearer, done: Done<Reply>) -> WatchId {
        let id = WatchId(self.shared.take_id());
        let mut path = path.to_owned();
        if let Err(error) = chroot::enter_path(&mut path, &self.chroot) {
            self.shared.reject(done, error);
            return id;
        }
        let parcel = Parcel {
            chroot: Arc::clone(&self.chroot),
            options: RequestOptions::new(),
            hearer: Some((Intent::Stream(id), hearer)),
        };
        self.shared.submit_entered(Request::AddWatch { path, mode }, parcel, done);
        id
    }

    /// Queues a request that is given as data, with paths relative to the chroot, and calls `done`
    /// with the answer, exactly once.
    ///
    /// Requests reach the server in the order in which they are submitted, by this and by all other
    /// methods. `done` runs on the client's callback thread, after the events that came before the
    /// answer, also if the request is refused here; only in a forked child it runs on the calling
    /// thread, before this returns.
    ///
    /// # Errors
    /// `done` gets what the methods of [`Ops`] return, except that an exists that finds nothing is
    /// `Server { code: NoNode, .. }`. A failed multi is `Multi`; a multiRead with failed parts is
    /// `Ok`. `Invalid` for requests that belong to the library: ping, addWatch (see
    /// [`Client::watch_to`]), setWatches, sasl and closeSession.
    pub fn submit(
        &self,
        request: Request,
        options: RequestOptions,
        done: impl FnOnce(Result<Reply>) + Send + 'static,
    ) {
        let parcel = Parcel { chroot: Arc::clone(&self.chroot), options, hearer: None };
        self.shared.submit(request, parcel, Done::Callback(Box::new(done)));
    }

    /// Closes the session: its ephemerals are gone when this returns `Ok`.
    ///
    /// What was submitted before is carried out first; what is submitted later fails with `Closed`.
    /// All clones are closed with it. Dropping the future does not stop the closing.
    ///
    /// # Errors
    /// `ConnectionLoss` if no server confirmed it, which is known after a second without a connection,
    /// and after the session timeout if one connection after the other breaks, and at once while
    /// [`Recovery::Fresh`](crate::Recovery::Fresh) has yet to end the session of before: the session then
    /// ends when its timeout has passed; and what the server answers instead of closing it, such as
    /// `AuthRequired`. What had finished the client, if it was finished before, unless that was a
    /// close.
    pub async fn close(self) -> Result<()> {
        let (sender, receiver) = oneshot::channel();
        let answer: Answer<()> = Box::new(move |result| {
            // Who dropped the future does not want to know.
            let _ = sender.send(result);
        });
        self.begin_close(Done::Here(answer));
        receiver.await.unwrap_or(Err(Error::Closed))
    }

    /// Starts [`Client::close`] and calls `done` with its result, on the callback thread, as the last
    /// callback of this client.
    pub fn close_with(&self, done: impl FnOnce(Result<()>) + Send + 'static) {
        self.begin_close(Done::Callback(Box::new(done)));
    }

    fn begin_close(&self, done: Done<()>) {
        if let Err(unsent) = self.shared.send(Command::Close(Some(done)))
            && let (Command::Close(Some(done)), error) = *unsent
        {
            match error {
                Error::Closed => done.run(Ok(()), &self.shared.callbacks),
                error => self.shared.reject(done, error),
            }
        }
    }

    /// Leaves the session alive on the server and returns what resumes it, within its timeout.
    ///
    /// Operations that were sent and not answered fail with an unknown outcome, the others were not
    /// applied; await them first. The client is finished, as after [`Client::close`].
    ///
    /// With a [`crash_grace`](super::Builder::crash_grace) the server is told first that this is no
    /// crash, on another connection. If none can be reached for a second, the session may have ended
    /// with the grace, and whoever resumes it is told so.
    ///
    /// # Errors
    /// `ConnectionLoss` if there is no session yet, `SessionLost` if it turned out to be over. What had
    /// finished the client, if it was finished before.
    pub async fn detach(self) -> Result<Credentials> {
        let (sender, receiver) = oneshot::channel();
        let answer: Answer<Credentials> = Box::new(move |result| {
            // Who dropped the future does not want to know.
            let _ = sender.send(result);
        });
        self.begin_detach(Done::Here(answer));
        receiver.await.unwrap_or(Err(Error::Closed))
    }

    /// Starts [`Client::detach`] and calls `done` with its result, on the callback thread, as the
    /// last callback of this client.
    pub fn detach_with(&self, done: impl FnOnce(Result<Credentials>) + Send + 'static) {
        self.begin_detach(Done::Callback(Box::new(done)));
    }

    fn begin_detach(&self, done: Done<Credentials>) {
        if let Err(unsent) = self.shared.send(Command::Detach(done))
            && let (Command::Detach(done), error) = *unsent
        {
            self.shared.reject(done, error);
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("session", &self.session())
            .field("chroot", &self.chroot)
            .finish_non_exhaustive()
    }
}

impl Credentials {
    /// Resumes the session and closes it at once: its ephemerals are gone, and nothing it still had
    /// on the way can be applied any more. False if it was over already.
    ///
    /// Tries for ever while no server can be reached; put a timeout around it.
    ///
    /// # Errors
    /// As [`Builder::connect`] and [`Client::close`].
    pub async fn end(self, hosts: &str) -> Result<bool> {
        self.end_with(Client::builder(hosts)).await
    }

    /// [`Credentials::end`] with the settings of `builder`, such as [`Builder::tls`] and
    /// [`Builder::sasl`]; its recovery and the session it resumes are replaced.
    ///
    /// # Errors
    /// As [`Credentials::end`].
    pub async fn end_with(self, builder: Builder) -> Result<bool> {
        let client =
            builder.recovery(crate::client::Recovery::ResumeOnly).resume(self).connect().await;
        match client {
            Ok(client) => client.close().await.map(|()| true),
            Err(Error::SessionLost {
                reason: crate::client::LossReason::ExpiredByServer, ..
            }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
