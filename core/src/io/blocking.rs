//! The client for programs without a runtime: every method waits for its answer.
//!
//! A method may be called on any thread that may block, a callback thread of a client included, but
//! not inside asynchronous code, which it would hold up. Nothing here has threads of its own: it is
//! [`crate::Client`], waited for.

mod registration;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_core::Stream;

use super::client::{self as asynchronous, Builder, MultiReply, Read, ReadReply, Session};
use super::client::{Children, Created, Value, WatchOptions};
use crate::base::{Acl, CreateMode, Identity, Stat, WatcherKind};
use crate::client::{Credentials, Error, LossReason, Result, SessionEvent, State, WatchItem};

pub use registration::Registration;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for anything asynchronous of this library, such as [`crate::Pending`].
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    wait_until(future, None).expect("without a deadline there is an answer")
}

/// The same for at most `timeout`; `None` if it took longer. The future is dropped then.
pub fn wait_for<T>(future: impl Future<Output = T>, timeout: Duration) -> Option<T> {
    wait_until(future, Instant::now().checked_add(timeout))
}

thread_local! {
    static WAKER: Waker = unparking();
}

fn unparking() -> Waker {
    Waker::from(Arc::new(Unpark(thread::current())))
}

fn wait_until<T>(future: impl Future<Output = T>, deadline: Option<Instant>) -> Option<T> {
    let mut future = pin!(future);
    // One for all waits of a thread: what is waited for again and again keeps it once.
    let waker = WAKER.try_with(Waker::clone).unwrap_or_else(|_| unparking());
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return Some(value);
        }
        match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
            None => thread::park(),
            Some(Duration::ZERO) => return None,
            Some(left) => thread::park_timeout(left),
        }
    }
}

impl Builder {
    /// [`Builder::connect`] for programs without a runtime. Waits for at most `timeout`, if there is
    /// one; then the client is ended.
    ///
    /// # Errors
    /// As [`Builder::connect`], and `Timeout`.
    pub fn connect_blocking(self, timeout: Option<Duration>) -> Result<Client> {
        let client = Client::from(self.connect_lazy()?);
        client.wait_connected(timeout)?;
        Ok(client)
    }
}

/// A client whose operations block; see [`crate::Client`], with which it shares the session.
#[derive(Clone, Debug)]
pub struct Client {
    client: asynchronous::Client,
}

impl From<asynchronous::Client> for Client {
    fn from(client: asynchronous::Client) -> Client {
        Client { client }
    }
}

impl Client {
    /// A connected client with all settings at their defaults; see [`Builder::connect_blocking`].
    ///
    /// # Errors
    /// As [`Builder::connect`].
    pub fn connect(hosts: &str) -> Result<Client> {
        asynchronous::Client::builder(hosts).connect_blocking(None)
    }

    /// See [`crate::Client::builder`]; end with [`Builder::connect_blocking`].
    pub fn builder(hosts: impl Into<String>) -> Builder {
        asynchronous::Client::builder(hosts)
    }

    /// The same client for asynchronous code.
    pub fn asynchronous(&self) -> &asynchronous::Client {
        &self.client
    }

    /// See [`crate::Client::chroot`].
    ///
    /// # Errors
    /// `Invalid` if it is not a valid path.
    pub fn chroot(&self, path: &str) -> Result<Client> {
        Ok(Client { client: self.client.chroot(path)? })
    }

    /// See [`crate::Client::session`].
    pub fn session(&self) -> Session {
        self.client.session()
    }

    /// See [`crate::Client::state`].
    pub fn state(&self) -> State {
        self.client.state()
    }

    /// See [`crate::Client::states`].
    pub fn states(&self) -> States {
        States { states: self.client.states() }
    }

    /// See [`crate::Client::subscribe`].
    pub fn subscribe(&self, sink: impl FnMut(SessionEvent) + Send + 'static) {
        self.client.subscribe(sink);
    }

    /// Waits until the client is connected, for at most `timeout` if there is one.
    ///
    /// # Errors
    /// `Timeout`; `Tls` as [`crate::Client::connected`]; or what finished the client.
    pub fn wait_connected(&self, timeout: Option<Duration>) -> Result<()> {
        match timeout {
            None => wait(self.client.connected()),
            Some(timeout) => wait_for(self.client.connected(), timeout).unwrap_or_else(|| {
                let epoch = self.session().epoch();
                Err(Error::Timeout { sent: false, epoch })
            }),
        }
    }

    /// See [`crate::Client::connect_failure`].
    pub fn connect_failure(&self) -> Option<Arc<str>> {
        self.client.connect_failure()
    }

    /// The operations, in whatever session is current when each is carried out.
    pub fn ops(&self) -> Ops<'_> {
        Ops { ops: self.client.ops() }
    }

    /// See [`crate::Client::add_auth`].
    ///
    /// # Errors
    /// `AuthFailed`, which finishes the client.
    pub fn add_auth(&self, scheme: &str, credential: impl Into<Bytes>) -> Result<()> {
        wait(self.client.add_auth(scheme, credential))
    }

    /// See [`crate::Client::watch`].
    ///
    /// # Errors
    /// What the server answers, or what finished the client.
    pub fn watch(&self, path: &str, options: impl Into<WatchOptions>) -> Result<WatchStream> {
        wait(self.client.watch(path, options)).map(|stream| WatchStream { stream })
    }

    /// See [`crate::Client::data_view`].
    pub fn data_view(&self, path: &str) -> View<Option<Value>> {
        View { view: self.client.data_view(path) }
    }

    /// See [`crate::Client::children_view`].
    pub fn children_view(&self, path: &str) -> View<Option<Children>> {
        View { view: self.client.children_view(path) }
    }

    /// See [`crate::Client::tree_view`].
    pub fn tree_view(&self, path: &str) -> View<Arc<BTreeMap<String, Value>>> {
        View { view: self.client.tree_view(path) }
    }

    /// See [`crate::Client::close`].
    ///
    /// # Errors
    /// As there.
    pub fn close(self) -> Result<()> {
        wait(self.client.close())
    }

    /// See [`crate::Client::detach`].
    ///
    /// # Errors
    /// As there.
    pub fn detach(self) -> Result<Credentials> {
        wait(self.client.detach())
    }
}

/// Waits until the epoch of a session is over, for at most `timeout` if there is one; `None` if it
/// lasted longer.
pub fn wait_lost(session: &Session, timeout: Option<Duration>) -> Option<LossReason> {
    match timeout {
        None => Some(wait(session.lost())),
        Some(timeout) => wait_for(session.lost(), timeout),
    }
}

/// The operations; see [`crate::Ops`] for what each promises and how it fails. For a session's own,
/// wait for those of [`Session::ops`].
#[derive(Clone, Copy, Debug)]
pub struct Ops<'a> {
    ops: asynchronous::Ops<'a>,
}

/// Methods that only wait for the one of the same name.
macro_rules! waiting {
    ($($name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        impl<'a> Ops<'a> {
            $(
                #[doc = concat!("See [`", stringify!($name), "`](asynchronous::Ops::", stringify!($name),
                    ").\n\n# Errors\nAs there.")]
                pub fn $name(&self, $($argument: $type),*) -> Result<$answer> {
                    wait(self.ops.$name($($argument),*))
                }
            )*
        }
    };
}

waiting! {
    get(path: &str) -> Value;
    set(path: &str, data: impl Into<Bytes>, version: Option<i32>) -> Stat;
    delete(path: &str, version: Option<i32>) -> ();
    exists(path: &str) -> Option<Stat>;
    children(path: &str) -> Children;
    get_acl(path: &str) -> (Vec<Acl>, Stat);
    set_acl(path: &str, acl: Vec<Acl>, version: Option<i32>) -> Stat;
    sync(path: &str) -> ();
    read_many(reads: Vec<Read>) -> Vec<Result<ReadReply>>;
    ephemerals(prefix: &str) -> Vec<String>;
    count(path: &str) -> u32;
    whoami() -> Vec<Identity>;
    remove_watches(path: &str, kind: WatcherKind) -> ();
}

impl<'a> Ops<'a> {
    /// Creates a znode of this mode that everybody may do everything with.
    ///
    /// # Errors
    /// As [`crate::Create`].
    pub fn create(&self, path: &str, data: impl Into<Bytes>, mode: CreateMode) -> Result<Created> {
        wait(self.ops.create(path, data).mode(mode).submit())
    }

    /// Creates a znode as `describe` says.
    ///
    /// # Errors
    /// As [`crate::Create`].
    pub fn create_with(
        &self,
        path: &str,
        data: impl Into<Bytes>,
        describe: impl FnOnce(asynchronous::Create<'a>) -> asynchronous::Create<'a>,
    ) -> Result<Created> {
        wait(describe(self.ops.create(path, data)).submit())
    }

    /// Commits the transaction that `describe` collects.
    ///
    /// # Errors
    /// As [`crate::Multi::commit`].
    pub fn multi(
        &self,
        describe: impl FnOnce(asynchronous::Multi<'a>) -> asynchronous::Multi<'a>,
    ) -> Result<Vec<MultiReply>> {
        wait(describe(self.ops.multi()).commit())
    }

    /// See [`crate::Ops::get_and_watch`].
    ///
    /// # Errors
    /// As there.
    pub fn get_and_watch(&self, path: &str) -> Result<(Value, OneShot)> {
        let (value, watch) = wait(self.ops.get_and_watch(path))?;
        Ok((value, OneShot { watch }))
    }

    /// See [`crate::Ops::exists_and_watch`].
    ///
    /// # Errors
    /// As there.
    pub fn exists_and_watch(&self, path: &str) -> Result<(Option<Stat>, OneShot)> {
        let (stat, watch) = wait(self.ops.exists_and_watch(path))?;
        Ok((stat, OneShot { watch }))
    }

    /// See [`crate::Ops::children_and_watch`].
    ///
    /// # Errors
    /// As there.
    pub fn children_and_watch(&self, path: &str) -> Result<(Children, OneShot)> {
        let (children, watch) = wait(self.ops.children_and_watch(path))?;
        Ok((children, OneShot { watch }))
    }
}

/// The one event of a one-shot watch; see [`crate::OneShot`].
#[derive(Debug)]
pub struct OneShot {
    watch: asynchronous::OneShot,
}

impl OneShot {
    /// Waits for the event.
    ///
    /// # Errors
    /// As [`crate::OneShot`].
    pub fn wait(self) -> Result<WatchItem> {
        wait(self.watch)
    }

    /// Waits for at most `timeout`; `None` if there was no event, which may still come.
    pub fn wait_for(&mut self, timeout: Duration) -> Option<Result<WatchItem>> {
        wait_for(&mut self.watch, timeout)
    }
}

/// What a persistent watch says; see [`crate::WatchStream`]. As an iterator it waits for each item.
#[derive(Debug)]
pub struct WatchStream {
    stream: asynchronous::WatchStream,
}

impl WatchStream {
    /// Waits for at most `timeout`; `None` if nothing came or the stream has ended.
    pub fn next_for(&mut self, timeout: Duration) -> Option<Result<WatchItem>> {
        wait_for(self.stream.next(), timeout).flatten()
    }
}

impl Iterator for WatchStream {
    type Item = Result<WatchItem>;

    fn next(&mut self) -> Option<Result<WatchItem>> {
        wait(self.stream.next())
    }
}

/// What the server has at a path; see [`crate::View`]. As an iterator it waits for each value, and
/// ends behind the error that ends the view.
#[derive(Debug)]
pub struct View<T: Clone> {
    view: asynchronous::View<T>,
}

impl<T: Clone> View<T> {
    /// See [`crate::View::current`].
    pub fn current(&self) -> Option<T> {
        self.view.current()
    }

    /// See [`crate::View::is_fresh`].
    pub fn is_fresh(&self) -> bool {
        self.view.is_fresh()
    }

    /// Waits until there is a value; see [`crate::View::ready`].
    ///
    /// # Errors
    /// As there.
    pub fn ready(&self) -> Result<T> {
        wait(self.view.ready())
    }

    /// Waits for a value that was not returned yet; see [`crate::View::changed`].
    ///
    /// # Errors
    /// As there.
    pub fn changed(&mut self) -> Result<T> {
        wait(self.view.changed())
    }

    /// Waits for at most `timeout`; `None` if there was no other value.
    pub fn changed_for(&mut self, timeout: Duration) -> Option<Result<T>> {
        wait_for(self.view.changed(), timeout)
    }

    /// The same view for asynchronous code.
    pub fn into_asynchronous(self) -> asynchronous::View<T> {
        self.view
    }
}

impl<T: Clone> Iterator for View<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        wait(std::future::poll_fn(|context| Pin::new(&mut self.view).poll_next(context)))
    }
}

/// The states of a client; see [`crate::States`]. As an iterator it waits for each event.
#[derive(Debug)]
pub struct States {
    states: asynchronous::States,
}

impl States {
    /// Waits for at most `timeout`; `None` if nothing came or the client is finished.
    pub fn next_for(&mut self, timeout: Duration) -> Option<SessionEvent> {
        wait_for(self.states.next(), timeout).flatten()
    }
}

impl Iterator for States {
    type Item = SessionEvent;

    fn next(&mut self) -> Option<SessionEvent> {
        wait(self.states.next())
    }
}
