//! Something that is held: a lock, a permit, a term of office.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use tokio::sync::watch;

use super::claim::{Claim, forget_claim, note_claim, watch_over};
use super::sweep;
use super::trouble::PAUSE;
use crate::base::{Stat, Zxid};
use crate::client::{Error, Result, State};
use crate::io::client::background::{sleep, spawn};
use crate::io::client::{Client, Guard, Guards, OneShot, Session};

/// From when on something held counts as lost.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LossPoint {
    /// When it may be lost: the session may have expired, and somebody else may have it by now.
    Jeopardy,
    /// When it is lost: the session is over, or the znode was deleted.
    Lost,
}

/// A claim that was acquired once, in one session.
///
/// It is never revived and never acquired again behind its holder's back: who wants the lock again
/// acquires it again, and gets a [`Held`] with a higher token. While it lives it keeps its client
/// open. Dropping it releases it in the background; [`Held::release`] reports.
///
/// # What it promises
/// While [`Held::is_held`] is true, no other contender's can be. It is true at the moment it is asked:
/// no client can do anything about a pause right after it. Work inside the ensemble is safe all the
/// same if its transactions are guarded ([`Multi::guard`](crate::Multi::guard)); resources outside have
/// to compare [`Held::token`]s.
#[must_use = "it is released when it is dropped"]
pub struct Held {
    claim: Arc<Claim>,
    client: Client,
    is_released: AtomicBool,
}

impl Held {
    /// What `session` has got at `path`, with the Stat that was read and the watch that was left then.
    pub(super) fn new(
        client: &Client,
        session: Session,
        path: String,
        (stat, watch): (Stat, OneShot),
    ) -> Held {
        note_claim(&session, &path);
        let claim = Arc::new(Claim {
            session,
            path,
            token: stat.czxid,
            version: stat.version,
            gone: watch::Sender::new(false),
        });
        let watched = watch_over(Arc::clone(&claim), client.states(), watch);
        // Without a thread for it nothing would tell of a deleted znode, but there is one: the
        // client lives on it.
        let _ = spawn(watched);
        Held { claim, client: client.clone(), is_released: AtomicBool::new(false) }
    }

    /// The fencing token: the zxid that created the znode. Of two claims on one path the one that was
    /// granted later has the higher token, also when the parent was deleted and created again.
    ///
    /// A resource outside the ensemble has to store the highest token it has seen and to refuse lower
    /// ones; without that check a token is decoration. The tokens of readers and of permits of one
    /// semaphore do not exclude each other. After an ensemble was set back to an older state tokens may
    /// come again.
    pub fn token(&self) -> Zxid {
        self.claim.token
    }

    /// The znode, with the digits at its end.
    pub fn path(&self) -> &str {
        &self.claim.path
    }

    /// The session that holds it.
    pub fn session(&self) -> &Session {
        &self.claim.session
    }

    /// Whether it is certainly held at this moment.
    ///
    /// Looks at the clock and not at events: a process that was stopped gets the right answer with the
    /// first call after it. False while the session may have expired ([`State::Jeopardy`]), and true
    /// again if that same session comes back, for then nobody else had it meanwhile. False for ever
    /// once the session is over, the znode was deleted, or it was released.
    pub fn is_held(&self) -> bool {
        self.loss(LossPoint::Jeopardy).is_none()
    }

    /// The same as a result.
    ///
    /// # Errors
    /// `LockLost`; `certain` says whether it can come back.
    pub fn check(&self) -> Result<()> {
        self.loss(LossPoint::Jeopardy).map_or(Ok(()), Err)
    }

    /// Waits until it is lost, or may be, and says which. Dropping the future loses nothing.
    pub async fn lost(&self, at: LossPoint) -> Error {
        let mut states = self.client.states();
        let mut gone = self.claim.gone.subscribe();
        loop {
            if let Some(loss) = self.loss(at) {
                return loss;
            }
            // The deadline moves with every answer, so this looks again rather than trust a timer.
            let safe_for = match at {
                LossPoint::Jeopardy => self.claim.session.safe_for(),
                LossPoint::Lost => None,
            };
            let doubt = async {
                match safe_for {
                    Some(left) => sleep(&self.claim.session, left).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = gone.changed() => {}
                event = states.next() => if event.is_none() {
                    return self.loss(at).unwrap_or_else(|| self.lost_error(true));
                },
                () = doubt => {}
            }
        }
    }

    /// Waits until what was in doubt is certain: true if it is held again, false if it is lost.
    pub(super) async fn regained(&self) -> bool {
        let mut states = self.client.states();
        let mut gone = self.claim.gone.subscribe();
        loop {
            if self.loss(LossPoint::Lost).is_some() {
                return false;
            }
            if self.is_held() {
                return true;
            }
            // On a connection that stands no event tells that an answer came after all.
            let answer = async {
                match self.claim.session.has_connection() {
                    true => sleep(&self.claim.session, PAUSE).await,
                    false => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = gone.changed() => {}
                event = states.next() => if event.is_none() { return false },
                () = answer => {}
            }
        }
    }

    /// Runs `body` while this is certainly held.
    ///
    /// # Errors
    /// `LockLost` as soon as it may be lost; `body` is not polled again then. `scope` can only stop it
    /// where it awaits.
    pub async fn scope<T>(&self, body: impl Future<Output = T>) -> Result<T> {
        self.scope_until(LossPoint::Jeopardy, body).await
    }

    /// The same with a choice: with [`LossPoint::Lost`] the body goes on through a doubtful time.
    ///
    /// # Errors
    /// `LockLost`.
    pub async fn scope_until<T>(&self, at: LossPoint, body: impl Future<Output = T>) -> Result<T> {
        let (mut lost, mut body) = (pin!(self.lost(at)), pin!(body));
        std::future::poll_fn(|context| {
            // Computed here too: after a long stop no event may have arrived yet.
            if let Some(loss) = self.loss(at) {
                return Poll::Ready(Err(loss));
            }
            if let Poll::Ready(loss) = lost.as_mut().poll(context) {
                return Poll::Ready(Err(loss));
            }
            body.as_mut().poll(context).map(Ok)
        })
        .await
    }

    /// Gives it back: deletes its znode and waits for it. Tried again within the session as long as it
    /// takes, also when the future is dropped. A second call has nothing left to do.
    ///
    /// # Errors
    /// `LockLost` if it was lost before: its work may have overlapped with somebody else's. What the
    /// server answers, such as `NoAuth`, or what finished the client; it is held until the session ends
    /// then.
    pub async fn release(&self) -> Result<()> {
        let Some(removed) = self.begin_release() else { return Ok(()) };
        match removed.await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(self.lost_error(true)),
            Ok(Err(Error::SessionLost { .. })) => Err(self.lost_error(true)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(Error::Closed),
        }
    }

    fn begin_release(&self) -> Option<tokio::sync::oneshot::Receiver<Result<bool>>> {
        if self.is_released.swap(true, Ordering::AcqRel) {
            return None;
        }
        let session = self.claim.session.clone();
        // Asked first: in a forked child the locks of the rest may be held for ever.
        let is_over = matches!(session.state(), State::Lost(_));
        if is_over || *self.claim.gone.borrow() {
            // Nothing is there any more; in a forked child it is the parent's.
            let (sender, receiver) = tokio::sync::oneshot::channel();
            let _ = sender.send(Ok(false));
            forget_claim(&session, &self.claim.path);
            return Some(receiver);
        }
        self.claim.note_gone();
        forget_claim(&session, &self.claim.path);
        Some(sweep::remove(session, self.client.states(), self.claim.path.clone()))
    }

    /// How it is lost at this moment, if it is.
    fn loss(&self, at: LossPoint) -> Option<Error> {
        let session = &self.claim.session;
        if matches!(session.state(), State::Lost(_)) || *self.claim.gone.borrow() {
            return Some(self.lost_error(true));
        }
        let is_doubtful = at == LossPoint::Jeopardy && session.safe_for().is_none();
        is_doubtful.then(|| self.lost_error(false))
    }

    fn lost_error(&self, certain: bool) -> Error {
        Error::LockLost { epoch: self.claim.session.epoch(), certain }
    }
}

impl Guards for Held {
    /// # Panics
    /// Never: the path came from the server.
    fn guard(&self) -> Guard {
        Guard::new(&self.claim.session, &self.claim.path, self.claim.version)
            .expect("the path of a znode that was created is valid")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Nobody waits for it.
        drop(self.begin_release());
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held")
            .field("path", &self.claim.path)
            .field("token", &self.claim.token)
            .field("is_held", &self.is_held())
            .finish_non_exhaustive()
    }
}
