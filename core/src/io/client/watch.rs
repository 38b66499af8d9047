//! Watches as the program holds them.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::base::WatchMode;
use crate::base::limits::WATCH_BUFFER;
use crate::client::{Result, WatchItem};

/// How a persistent watch is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WatchOptions {
    pub(super) mode: WatchMode,
    pub(super) buffer: usize,
}

impl WatchOptions {
    /// A watch of this mode with the usual buffer.
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

/// What a persistent watch says, in the order of the changes.
///
/// It goes on over lost connections and, under [`Recovery::Renew`](crate::Recovery::Renew), over
/// sessions; wherever events may be missing, a [`WatchItem::Resync`] stands. It ends with an error
/// when the client is finished, or without one after `remove_watches`. Dropping it removes the watch
/// in the background.
pub struct WatchStream {
    _watch: Watch,
}

impl WatchStream {
    /// The next item; `None` after the end. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<WatchItem>> {
        unimplemented!()
    }
}

impl Stream for WatchStream {
    type Item = Result<WatchItem>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        unimplemented!()
    }
}

/// The one event of a one-shot watch. Survives lost connections, not the session.
///
/// # Errors
/// `SessionLost` if the session ended first, `WatchRemoved` after `remove_watches`, or what finished
/// the client. Dropping it forgets the watch.
pub struct OneShot {
    _shared: Arc<()>,
}

impl Future for OneShot {
    type Output = Result<WatchItem>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        unimplemented!()
    }
}

/// A persistent watch whose items go to a sink. Dropping it removes the watch in the background; at
/// most the item that is being delivered still reaches the sink.
pub struct Watch {
    _shared: Arc<()>,
}
