//! What all handles of one client share, and the way from them to the client's thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{oneshot, watch};

use super::attempts::Attempts;
use super::callbacks::Callbacks;
use super::feed::{Feed, Sink};
use super::hub::Hub;
use super::presence::Presence;
use super::registration::Standing;
use super::request::{OneShotSink, RequestOptions};
use super::session::Scope;
use super::time::Time;
use super::view::Shows;
use super::watch::Tagged;
use crate::client::{
    CallId, Credentials, Epoch, Error, Intent, NewView, News, RegistrationId, Result, Submission,
    WatchId, WatchItem, Wish, chroot,
};
use crate::wire::{Reply, Request};

/// What becomes of an answer.
pub(super) type Answer<T> = Box<dyn FnOnce(Result<T>) + Send>;

/// Where an answer is taken.
pub(super) enum Done<T> {
    /// On the client's thread: it must not block.
    Here(Answer<T>),
    /// On the callback thread.
    Callback(Answer<T>),
}

impl<T: Send + 'static> Done<T> {
    pub fn run(self, result: Result<T>, callbacks: &Callbacks) {
        match self {
            Done::Here(answer) => answer(result),
            Done::Callback(answer) => callbacks.run(Box::new(move || answer(result))),
        }
    }

    /// For a client whose threads do not exist.
    fn run_on_this_thread(self, result: Result<T>) {
        match self {
            Done::Here(answer) | Done::Callback(answer) => answer(result),
        }
    }
}

/// Who hears a watch.
pub(super) enum Hearer {
    /// A future.
    Future(oneshot::Sender<Result<WatchItem>>),
    /// A callback, once.
    Callback(OneShotSink),
    /// A stream.
    Stream(Arc<Feed<Tagged>>),
    /// A callback, again and again.
    Sink(Sink<Tagged>),
    /// A view.
    View(Arc<dyn Shows>),
}

/// What a handle asks of the client's thread.
pub(super) enum Command {
    Submit(Box<Submit>),
    View(NewView, Arc<dyn Shows>),
    Unwatch(WatchId),
    Close(Option<Done<()>>),
    Detach(Done<Credentials>),
    Register(Box<(Wish, watch::Sender<Standing>)>),
    Amend(RegistrationId, Bytes, u64),
    Unregister(RegistrationId),
    Claim(String, Epoch),
    Unclaim(String),
}

/// A request on its way to the client's thread.
pub(super) struct Submit {
    pub submission: Submission,
    pub hearer: Option<Hearer>,
    pub done: Done<Reply>,
}

/// A command that nobody takes, and why.
pub(super) type Unsent = Box<(Command, Error)>;

/// One client. The handles hold it, and the task on the client's thread until the client is
/// finished.
pub(super) struct Shared {
    pid: u32,
    op_timeout: Option<Duration>,
    /// Where values of sessions are on servers that keep none, by its path there.
    pub values_at: Option<String>,
    commands: UnboundedSender<Command>,
    next_id: AtomicU64,
    pub callbacks: Callbacks,
    pub hub: Hub,
    pub attempts: Attempts,
    current: Mutex<Arc<Scope>>,
    first: Arc<Scope>,
    ended: Mutex<Option<Error>>,
    pub time: Time,
    presence: Option<Arc<Presence>>,
}

/// What goes with a submission besides the request.
pub(super) struct Parcel {
    pub chroot: Arc<str>,
    pub options: RequestOptions,
    pub hearer: Option<(Intent, Hearer)>,
}

impl Shared {
    pub fn new(
        commands: UnboundedSender<Command>,
        scope: Arc<Scope>,
        hosts: usize,
        (op_timeout, time): (Option<Duration>, Time),
    ) -> Shared {
        let presence = time.presence();
        Shared {
            pid: std::process::id(),
            op_timeout,
            values_at: None,
            commands,
            next_id: AtomicU64::new(1),
            callbacks: Callbacks::seen_by(presence.clone()),
            hub: Hub::new(),
            attempts: Attempts::new(hosts),
            current: Mutex::new(Arc::clone(&scope)),
            first: scope,
            ended: Mutex::new(None),
            time,
            presence,
        }
    }

    /// What a manual clock sees of this client.
    pub fn presence(&self) -> Option<&Arc<Presence>> {
        self.presence.as_ref()
    }

    /// Whether the client's threads exist in this process.
    pub fn is_forked(&self) -> bool {
        self.pid != std::process::id()
    }

    pub fn take_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// The facts about the current epoch. A forked child gets the first epoch's, for the lock may
    /// have been held when it was forked.
    pub fn scope(&self) -> Arc<Scope> {
        if self.is_forked() { Arc::clone(&self.first) } else { Arc::clone(&self.current.lock()) }
    }

    pub fn set_scope(&self, scope: Arc<Scope>) {
        *self.current.lock() = scope;
    }

    /// What finished the client, if it is finished.
    pub fn ended(&self) -> Option<Error> {
        if self.is_forked() { Some(Error::Forked) } else { self.ended.lock().clone() }
    }

    pub fn set_ended(&self, error: Error) {
        *self.ended.lock() = Some(error);
    }

    /// Sends a command, or gives it back with the reason why nobody takes it.
    pub fn send(&self, command: Command) -> Result<(), Unsent> {
        if self.is_forked() {
            return Err(Box::new((command, Error::Forked)));
        }
        if let Some(presence) = &self.presence {
            presence.note_sent();
        }
        self.commands.send(command).map_err(|unsent| {
            if let Some(presence) = &self.presence {
                presence.note_unsent();
            }
            Box::new((unsent.0, self.ended().unwrap_or(Error::Closed)))
        })
    }

    /// Answers what never got to the client's thread.
    pub fn reject<T: Send + 'static>(&self, done: Done<T>, error: Error) {
        self.answer(done, Err(error));
    }

    pub(super) fn answer<T: Send + 'static>(&self, done: Done<T>, result: Result<T>) {
        if self.is_forked() {
            done.run_on_this_thread(result);
        } else {
            done.run(result, &self.callbacks);
        }
    }

    /// Submits a request as the program names things.
    pub fn submit(self: &Arc<Self>, request: Request, parcel: Parcel, done: Done<Reply>) {
        let request = match request {
            Request::Create(create) if parcel.options.is_protected => {
                return self.submit_protected(create, parcel, done);
            }
            Request::Create(_) if parcel.options.parents => {
                return self.submit_with_parents(request, parcel, done);
            }
            Request::Create(create) => match parcel.options.mark.clone() {
                Some(mark) => return self.submit_marked(create, parcel, mark, done),
                None => Request::Create(create),
            },
            request => request,
        };
        match chroot::enter(request, &parcel.chroot) {
            Ok(request) => self.submit_entered(request, parcel, done),
            Err(error) => self.reject(done, error),
        }
    }

    /// Submits a request that already has the server's paths.
    pub fn submit_entered(&self, mut request: Request, parcel: Parcel, done: Done<Reply>) {
        let Parcel { chroot, options, hearer } = parcel;
        let hearer = hearer.or_else(|| {
            options
                .watch
                .map(|sink| (Intent::Once(WatchId(self.take_id())), Hearer::Callback(sink)))
        });
        let (intent, hearer) = match hearer {
            Some((intent, hearer)) => (intent, Some(hearer)),
            None => (Intent::Nothing, None),
        };
        if let Err(error) = set_watch(&mut request, intent) {
            return self.reject(done, error);
        }
        let submission = Submission {
            call: CallId(self.take_id()),
            request,
            chroot,
            timeout: options.timeout.or(self.op_timeout),
            epoch: options.epoch,
            intent,
        };
        let command = Command::Submit(Box::new(Submit { submission, hearer, done }));
        if let Err(unsent) = self.send(command)
            && let (Command::Submit(submit), error) = *unsent
        {
            self.reject(submit.done, error);
        }
    }

    /// A create that makes the znodes above it if they are missing: tried as it is, and once more
    /// behind the creation of all of them.
    fn submit_with_parents(self: &Arc<Self>, request: Request, parcel: Parcel, done: Done<Reply>) {
        let shared = Arc::clone(self);
        let again = request.clone();
        let Parcel { chroot, options, .. } = parcel;
        let (timeout, epoch, mark) = (options.timeout, options.epoch, options.mark);
        let plain = move |chroot: &Arc<str>, mark: Option<Arc<str>>| Parcel {
            chroot: Arc::clone(chroot),
            options: RequestOptions { timeout, epoch, mark, ..RequestOptions::default() },
            hearer: None,
        };
        let mark_again = mark.clone();
        let retry_at = Arc::clone(&chroot);
        let first = Done::Here(Box::new(move |result: Result<Reply>| {
            let Err(error) = &result else { return shared.answer(done, result) };
            let Request::Create(create) = &again else { return };
            if !error.is_no_node() {
                return shared.answer(done, result);
            }
            for parent in super::request::parents_of(create) {
                shared.submit(parent, plain(&retry_at, None), Done::Here(Box::new(drop)));
            }
            shared.submit(again, plain(&retry_at, mark_again), done);
        }));
        self.submit(request, plain(&chroot, mark), first);
    }

    /// Opens a view. What keeps it from being one ends it at once.
    pub fn open_view(&self, view: NewView, shows: Arc<dyn Shows>) {
        if let Err(unsent) = self.send(Command::View(view, shows))
            && let (Command::View(_, shows), error) = *unsent
        {
            shows.show(News::Ended(error), false);
        }
    }

    /// Forgets a watch, or a view.
    pub fn unwatch(&self, watch: WatchId) {
        // If nobody takes it, the watch is gone with the client.
        let _ = self.send(Command::Unwatch(watch));
    }
}

/// Makes the request's own flag say what the caller asked for.
fn set_watch(request: &mut Request, intent: Intent) -> Result<()> {
    let asked = matches!(intent, Intent::Once(_));
    match request {
        Request::Exists { watch, .. }
        | Request::GetData { watch, .. }
        | Request::GetChildren { watch, .. }
        | Request::GetChildren2 { watch, .. } => {
            if *watch && !asked {
                return Err(Error::Invalid(
                    "nobody would hear the watch; give one to RequestOptions::watch".into(),
                ));
            }
            *watch = asked;
            Ok(())
        }
        _ if asked => Err(Error::Invalid("this request leaves no watch".into())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Acl, CreateMode, Millis};
    use crate::client::Lease;

    #[test]
    fn in_a_forked_child_a_create_with_parents_is_answered_on_the_calling_thread() {
        let (sender, _commands) = tokio::sync::mpsc::unbounded_channel();
        let scope = Scope::new(Arc::new(Lease::new(Epoch::FIRST, Millis(1), None)));
        let mut shared = Shared::new(sender, scope, 1, (None, Time::default()));
        shared.pid = shared.pid.wrapping_add(1);
        let create = crate::wire::Create::new(
            "/a/b".into(),
            None,
            Acl::open_unsafe(),
            CreateMode::Persistent,
        );
        let parcel = Parcel {
            chroot: "".into(),
            options: RequestOptions::new().parents(true),
            hearer: None,
        };
        let (answer, answered) = std::sync::mpsc::channel();
        let done = Done::Callback(Box::new(move |result: Result<Reply>| {
            let _ = answer.send((result, std::thread::current().id()));
        }));
        Arc::new(shared).submit(Request::Create(create), parcel, done);
        let expected = (Err(Error::Forked), std::thread::current().id());
        assert_eq!(answered.try_recv(), Ok(expected));
    }
}
