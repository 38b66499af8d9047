//! A latch: stands for election for as long as it exists, and says whether it leads.
//!
//! The layout is that of an [`Election`](super::Election), and both can stand together. It is like
//! Curator's `LeaderLatch` in what it does; that one's candidates are named `latch-<10 digits>` and
//! stand in another line.
//!
//! Promised: [`LeaderLatch::is_leader`] is certain when it says yes, and computed when it is asked.
//! Between two terms the program hears that the first is over.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::held::{Held, LossPoint};
use super::line::Line;
use super::lock::Lock;
use super::names;
use crate::base::Zxid;
use crate::client::{Error, Result};
use crate::io::client::Client;
use crate::io::client::background::spawn;

/// A candidate that stands again whenever its term has ended. Keeps the client open. Dropping it
/// resigns in the background.
#[derive(Debug)]
#[must_use = "it resigns when it is dropped"]
pub struct LeaderLatch {
    lock: Lock,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    news: watch::Receiver<Option<Zxid>>,
    /// What [`LeaderLatch::changed`] said last.
    told: Option<Zxid>,
}

#[derive(Debug, Default)]
struct Shared {
    term: Mutex<Option<Arc<Held>>>,
    failure: Mutex<Option<Error>>,
}

impl Client {
    /// Stands for election at `path` from now on, as `identifier`.
    ///
    /// # Errors
    /// `Invalid` if the client's thread cannot be started.
    pub fn leader_latch(&self, path: &str, identifier: impl Into<Bytes>) -> Result<LeaderLatch> {
        let lock = Lock::new(Line {
            client: self.clone(),
            path: path.to_owned(),
            naming: names::EXCLUSIVE,
            data: identifier.into(),
        });
        let shared = Arc::new(Shared::default());
        let (stop, stopped) = watch::channel(false);
        let (teller, news) = watch::channel(None);
        spawn(stand(lock.clone(), Arc::clone(&shared), stopped, teller))?;
        Ok(LeaderLatch { lock, shared, stop, news, told: None })
    }
}

impl LeaderLatch {
    /// Whether this candidate certainly leads at this moment; see [`Held::is_held`].
    pub fn is_leader(&self) -> bool {
        self.term().is_some_and(|term| term.is_held())
    }

    /// The current term, to guard transactions with; `None` if there is none. It may be in doubt. Do
    /// not release it: that ends the term, and the latch stands again.
    pub fn term(&self) -> Option<Arc<Held>> {
        self.shared.term.lock().clone()
    }

    /// Waits until leading begins or ends, and says which: the token of a term that began, or `None` if
    /// it ended or is in doubt. A term that was in doubt may begin again with the same token. Changes
    /// that cancel each other out while nobody asks are not seen; a new term always is. Dropping the
    /// future loses nothing.
    ///
    /// # Errors
    /// What the server answers, such as `NoAuth`; what finished the client. The latch stands no more.
    pub async fn changed(&mut self) -> Result<Option<Zxid>> {
        loop {
            let now = *self.news.borrow_and_update();
            if now != self.told {
                // Of two terms the end of the first is told before the second.
                self.told = if self.told.is_some() { None } else { now };
                return Ok(self.told);
            }
            if self.news.changed().await.is_err() {
                return Err(self.shared.failure.lock().clone().unwrap_or(Error::Closed));
            }
        }
    }

    /// The identifiers of all candidates, the leader's first.
    ///
    /// # Errors
    /// What reads fail with.
    pub async fn candidates(&self) -> Result<Vec<Bytes>> {
        self.lock.contenders().await
    }

    /// Resigns, and waits until the term is given back; a candidate that does not lead yet leaves the line
    /// in the background. Goes on if the future is dropped.
    pub async fn resign(mut self) {
        self.stop.send_replace(true);
        // Its end closes the channel.
        while self.news.changed().await.is_ok() {}
    }
}

/// Stands, leads, and stands again, until it is told to stop.
async fn stand(
    lock: Lock,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
    teller: watch::Sender<Option<Zxid>>,
) {
    loop {
        let term = tokio::select! {
            biased;
            _ = stop.wait_for(|&stop| stop) => return,
            term = lock.acquire() => term,
        };
        let term = match term {
            Ok(term) => Arc::new(term),
            Err(error) => {
                *shared.failure.lock() = Some(error);
                return;
            }
        };
        *shared.term.lock() = Some(Arc::clone(&term));
        let is_over = tokio::select! {
            biased;
            _ = stop.wait_for(|&stop| stop) => false,
            () = lead(&term, &teller) => true,
        };
        *shared.term.lock() = None;
        teller.send_replace(None);
        if !is_over {
            // What it fails with does not matter: the term is over either way.
            let _ = term.release().await;
            return;
        }
    }
}

/// Tells of one term until it is over.
async fn lead(term: &Held, teller: &watch::Sender<Option<Zxid>>) {
    loop {
        teller.send_replace(Some(term.token()));
        term.lost(LossPoint::Jeopardy).await;
        teller.send_replace(None);
        if !term.regained().await {
            return;
        }
    }
}
