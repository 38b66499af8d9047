//! Watches as the program holds them.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::oneshot;

use super::feed::Feed;
use super::shared::Shared;
use crate::base::WatchMode;
use crate::base::limits::WATCH_BUFFER;
use crate::client::{Epoch, Error, Result, ResyncReason, WatchId, WatchItem};

/// How a persistent watch is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WatchOptions {
    pub(super) mode: WatchMode,
    pub(super) buffer: usize,
}

impl WatchOptions {
    /// A watch of this mode with a buffer of [`WATCH_BUFFER`] items.
    pub fn new(mode: WatchMode) -> WatchOptions {
        WatchOptions { mode, buffer: WATCH_BUFFER }
    }

    /// How many items may wait for a slow reader, at least 1. One more, and all that wait are
    /// replaced by one [`WatchItem::Resync`].
    pub fn buffer(self, items: usize) -> WatchOptions {
        WatchOptions { buffer: items.max(1), ..self }
    }
}

impl From<WatchMode> for WatchOptions {
    fn from(mode: WatchMode) -> WatchOptions {
        WatchOptions::new(mode)
    }
}

/// An item and the epoch it belongs to.
pub(super) type Tagged = (Epoch, Result<WatchItem>);

/// A feed for a persistent watch: when it is full, what waits becomes one resync.
pub(super) fn feed(buffer: usize) -> Arc<Feed<Tagged>> {
    Feed::new(buffer, collapse)
}

fn collapse(items: &mut VecDeque<Tagged>, _: usize) {
    let last = items.pop_back();
    items.clear();
    let Some((epoch, item)) = last else { return };
    items.push_back((epoch, Ok(WatchItem::Resync { reason: ResyncReason::Overflow, epoch })));
    // The error that ends a watch is never lost.
    if item.is_err() {
        items.push_back((epoch, item));
    }
}

/// A persistent watch whose items go to a sink. Dropping it removes the watch in the background; no
/// call of the sink starts after that, and the sink is dropped on the callback thread.
pub struct Watch {
    shared: Arc<Shared>,
    feed: Arc<Feed<Tagged>>,
    id: WatchId,
}

impl Watch {
    pub(super) fn new(shared: Arc<Shared>, feed: Arc<Feed<Tagged>>, id: WatchId) -> Watch {
        Watch { shared, feed, id }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.shared.is_forked() {
            return;
        }
        self.feed.discard();
        self.shared.unwatch(self.id);
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

/// What a persistent watch says, in the order of the changes.
///
/// It goes on over lost connections and, under [`Recovery::Renew`](crate::Recovery::Renew), over
/// sessions; wherever events may be missing, a [`WatchItem::Resync`] stands. It ends with an error
/// when the client is finished, and with [`Error::WatchRemoved`] after `remove_watches`. Dropping it
/// removes the watch in the background.
#[derive(Debug)]
pub struct WatchStream {
    watch: Watch,
}

impl WatchStream {
    pub(super) fn new(watch: Watch) -> WatchStream {
        WatchStream { watch }
    }

    /// The next item; `None` after the end. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<WatchItem>> {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<Option<Result<WatchItem>>> {
        if self.watch.shared.is_forked() {
            return Poll::Ready(Some(Err(Error::Forked)));
        }
        self.watch.feed.poll(context).map(|item| item.map(|(_, item)| item))
    }
}

impl Stream for WatchStream {
    type Item = Result<WatchItem>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(context)
    }
}

/// The one event of a one-shot watch: always [`WatchItem::Changed`]. Survives lost connections, not
/// the session.
///
/// # Errors
/// `SessionLost` if the session ended first, `WatchRemoved` after `remove_watches`, or what finished
/// the client. Dropping it forgets the watch.
pub struct OneShot {
    shared: Arc<Shared>,
    id: WatchId,
    event: oneshot::Receiver<Result<WatchItem>>,
    is_over: bool,
}

impl OneShot {
    pub(super) fn new(
        shared: Arc<Shared>,
        id: WatchId,
        event: oneshot::Receiver<Result<WatchItem>>,
    ) -> OneShot {
        OneShot { shared, id, event, is_over: false }
    }
}

impl Future for OneShot {
    type Output = Result<WatchItem>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.shared.is_forked() {
            return Poll::Ready(Err(Error::Forked));
        }
        let event = Pin::new(&mut self.event).poll(context);
        self.is_over |= event.is_ready();
        let shared = &self.shared;
        event.map(|event| event.unwrap_or_else(|_| Err(shared.ended().unwrap_or(Error::Closed))))
    }
}

impl Drop for OneShot {
    fn drop(&mut self) {
        if !self.is_over {
            self.shared.unwatch(self.id);
        }
    }
}

impl fmt::Debug for OneShot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneShot").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_reader_gets_one_resync_instead() {
        let feed = feed(3);
        let epoch = Epoch::FIRST;
        let changed = |path: &str| {
            let path = path.to_owned();
            Ok(WatchItem::Changed { change: crate::client::Change::Data, path, zxid: None })
        };
        for path in ["/a", "/b", "/c", "/d", "/e"] {
            feed.push((epoch, changed(path)));
        }
        let overflow = WatchItem::Resync { reason: ResyncReason::Overflow, epoch };
        assert_eq!(feed.take(), Some((epoch, Ok(overflow.clone()))));
        assert_eq!(feed.take(), Some((epoch, changed("/e"))));
        for path in ["/a", "/b", "/c"] {
            feed.push((epoch, changed(path)));
        }
        feed.push((epoch, Err(Error::Closed)));
        assert_eq!(feed.take(), Some((epoch, Ok(overflow))));
        assert_eq!(feed.take(), Some((epoch, Err(Error::Closed))));
    }
}
