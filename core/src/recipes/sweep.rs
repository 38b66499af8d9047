//! Taking back what a recipe has created: in the background, within the session that created it.
//!
//! Whoever gives up may not know whether its create arrived. Requests of one client are carried out in
//! the order in which they were queued, so a look that is queued after the create sees what it did; and
//! what a session leaves behind when it ends goes with it.

use bytes::Bytes;
use tokio::sync::oneshot;

use super::names::child;
use super::trouble::settle_within;
use crate::client::{Error, Outcome, Result, State};
use crate::io::client::background::spawn;
use crate::io::client::{Client, Pending, Session, States};

/// What an attempt may leave behind. Dropping it takes that back, unless it was kept.
pub(super) struct Trace {
    session: Session,
    states: Option<States>,
    place: Place,
}

/// Where to look.
enum Place {
    /// Nothing was created, or it is somebody else's concern now.
    Nowhere,
    /// Children of this parent whose names begin so.
    Prefixed(String, String),
    /// This path, whose name nobody else can have.
    Exact(String),
    /// This path, if this session owns it and these are its data.
    Marked(String, Bytes),
}

impl Trace {
    /// Nothing so far.
    pub fn new(client: &Client, session: &Session) -> Trace {
        Trace { session: session.clone(), states: Some(client.states()), place: Place::Nowhere }
    }

    /// A child of `parent` is about to be created whose name begins so.
    pub fn expect_prefixed(&mut self, parent: &str, prefix: &str) {
        self.place = Place::Prefixed(parent.to_owned(), prefix.to_owned());
    }

    /// This path, whose name nobody else can have, is ours or is about to be.
    pub fn expect(&mut self, path: &str) {
        self.place = Place::Exact(path.to_owned());
    }

    /// The same for a name that others may have: ours is the one with these data.
    pub fn expect_marked(&mut self, path: &str, mark: impl Into<Bytes>) {
        self.place = Place::Marked(path.to_owned(), mark.into());
    }

    /// Nothing is left to take back.
    pub fn keep(mut self) {
        self.place = Place::Nowhere;
    }

    /// Takes it back and waits for it. Goes on in the background if the future is dropped.
    pub async fn sweep(mut self) {
        if let Some(done) = self.begin() {
            // The task ends whatever happens, so there is always an end to wait for.
            let _ = done.await;
        }
    }

    fn begin(&mut self) -> Option<oneshot::Receiver<Result<bool>>> {
        let place = std::mem::replace(&mut self.place, Place::Nowhere);
        if matches!(self.session.state(), State::Lost(_)) {
            // Gone with the session; in a forked child it is the parent's.
            return None;
        }
        let (session, states) = (self.session.clone(), self.states.take()?);
        match place {
            Place::Nowhere => None,
            Place::Exact(path) => Some(remove(session, states, path)),
            Place::Prefixed(parent, prefix) => {
                Some(remove_prefixed(session, states, parent, prefix))
            }
            Place::Marked(path, mark) => Some(remove_marked(session, states, path, mark)),
        }
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        // Nobody waits for it.
        drop(self.begin());
    }
}

/// Deletes a znode within its session, as often as it takes. The first request is queued before this
/// returns. Says whether it was there.
pub(super) fn remove(
    session: Session,
    states: States,
    path: String,
) -> oneshot::Receiver<Result<bool>> {
    let first = session.ops().delete(&path, None);
    let work = async move {
        let mut states = states;
        remove_now(&session, &mut states, &path, first).await
    };
    in_background(work)
}

async fn remove_now(
    session: &Session,
    states: &mut States,
    path: &str,
    first: Pending<()>,
) -> Result<bool> {
    let mut answer = first;
    let mut may_be_done = false;
    loop {
        let error = match answer.await {
            Ok(()) => return Ok(true),
            Err(error) if error.is_no_node() => return Ok(may_be_done),
            Err(error) => error,
        };
        may_be_done |= error.outcome() == Outcome::Unknown;
        if !settle_within(session, states, &error).await {
            return Err(error);
        }
        answer = session.ops().delete(path, None);
    }
}

/// Deletes the children of `parent` whose names begin with `prefix`.
fn remove_prefixed(
    session: Session,
    mut states: States,
    parent: String,
    prefix: String,
) -> oneshot::Receiver<Result<bool>> {
    let look = |session: &Session, parent: &str| {
        // So that the server has applied whatever came through before.
        drop(session.ops().sync(parent));
        session.ops().children(parent)
    };
    let first = look(&session, &parent);
    let work = async move {
        let look = || look(&session, &parent);
        let Some(children) = found(&session, &mut states, first, look).await? else {
            return Ok(false);
        };
        let mut any = false;
        for name in children.names.iter().filter(|name| name.starts_with(&prefix)) {
            let path = child(&parent, name);
            let first = session.ops().delete(&path, None);
            any |= remove_now(&session, &mut states, &path, first).await?;
        }
        Ok(any)
    };
    in_background(work)
}

/// Deletes `path` if the session owns it and `mark` is what stands there.
fn remove_marked(
    session: Session,
    mut states: States,
    path: String,
    mark: Bytes,
) -> oneshot::Receiver<Result<bool>> {
    let look = |session: &Session, path: &str| {
        // So that the server has applied whatever came through before.
        drop(session.ops().sync(path));
        session.ops().get(path)
    };
    let first = look(&session, &path);
    let work = async move {
        let look = || look(&session, &path);
        match found(&session, &mut states, first, look).await? {
            Some(value) if value.data == mark && value.stat.ephemeral_owner == session.id() => {
                let first = session.ops().delete(&path, None);
                remove_now(&session, &mut states, &path, first).await
            }
            _ => Ok(false),
        }
    };
    in_background(work)
}

/// What a look finds, asked as often as it takes; `None` if nothing is there.
async fn found<T>(
    session: &Session,
    states: &mut States,
    first: Pending<T>,
    look: impl Fn() -> Pending<T>,
) -> Result<Option<T>> {
    let mut answer = first;
    loop {
        let error = match answer.await {
            Ok(found) => return Ok(Some(found)),
            Err(error) if error.is_no_node() => return Ok(None),
            Err(error) => error,
        };
        if !settle_within(session, states, &error).await {
            return Err(error);
        }
        answer = look();
    }
}

fn in_background(
    work: impl Future<Output = Result<bool>> + Send + 'static,
) -> oneshot::Receiver<Result<bool>> {
    let (sender, receiver) = oneshot::channel();
    let task = async move {
        // Who dropped the receiver does not want to know.
        let _ = sender.send(work.await);
    };
    if let Err(error) = spawn(task) {
        let (sender, receiver) = oneshot::channel();
        let _ = sender.send(Err::<bool, Error>(error));
        return receiver;
    }
    receiver
}
