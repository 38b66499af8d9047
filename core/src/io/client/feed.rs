//! A bounded queue between a client and someone who hears of it, as a stream or by a callback.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use super::callbacks::Callbacks;

/// What a feed does when an item comes in.
type Trim<T> = fn(&mut VecDeque<T>, limit: usize);

/// Items on their way to one reader.
pub(super) struct Feed<T> {
    state: Mutex<State<T>>,
    limit: usize,
    trim: Trim<T>,
}

struct State<T> {
    items: VecDeque<T>,
    /// Callbacks that are queued for items of this feed; never more than items were at once.
    announced: usize,
    waker: Option<Waker>,
    is_over: bool,
}

impl<T> Feed<T> {
    /// A feed that calls `trim` whenever more than `limit` items wait.
    pub fn new(limit: usize, trim: Trim<T>) -> Arc<Feed<T>> {
        let state = State { items: VecDeque::new(), announced: 0, waker: None, is_over: false };
        Arc::new(Feed { state: Mutex::new(state), limit, trim })
    }

    /// Puts an item in. Whether one more callback has to be queued for it.
    pub fn push(&self, item: T) -> bool {
        let mut state = self.state.lock();
        if state.is_over {
            return false;
        }
        state.items.push_back(item);
        if state.items.len() > self.limit {
            (self.trim)(&mut state.items, self.limit);
        }
        let waker = state.waker.take();
        let is_news = state.announced < state.items.len();
        state.announced += usize::from(is_news);
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        is_news
    }

    /// Nothing more will come; what waits can still be read.
    pub fn end(&self) {
        let mut state = self.state.lock();
        state.is_over = true;
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Nothing more is wanted: what waits is dropped.
    pub fn discard(&self) {
        let mut state = self.state.lock();
        state.is_over = true;
        let items = std::mem::take(&mut state.items);
        drop(state);
        drop(items);
    }

    /// The next item for a callback that was queued.
    pub fn take(&self) -> Option<T> {
        let mut state = self.state.lock();
        state.announced = state.announced.saturating_sub(1);
        state.items.pop_front()
    }

    /// The next item for a stream.
    pub fn poll(&self, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut state = self.state.lock();
        if let Some(item) = state.items.pop_front() {
            return Poll::Ready(Some(item));
        }
        if state.is_over {
            return Poll::Ready(None);
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

/// What runs for each item of a feed.
pub(super) type Callback<T> = Box<dyn FnMut(T) + Send>;

/// A feed whose items go to a callback.
pub(super) struct Sink<T> {
    feed: Arc<Feed<T>>,
    callback: Arc<Mutex<Option<Callback<T>>>>,
}

impl<T: Send + 'static> Sink<T> {
    pub fn new(feed: Arc<Feed<T>>, callback: Callback<T>) -> Sink<T> {
        Sink { feed, callback: Arc::new(Mutex::new(Some(callback))) }
    }

    /// Delivers an item on the callback thread.
    pub fn push(&self, item: T, callbacks: &Callbacks) {
        if !self.feed.push(item) {
            return;
        }
        let (feed, callback) = (Arc::clone(&self.feed), Arc::clone(&self.callback));
        callbacks.run(Box::new(move || {
            if let Some(item) = feed.take()
                && let Some(callback) = callback.lock().as_mut()
            {
                callback(item);
            }
        }));
    }

    /// Drops the callback, on the callback thread, after everything that waits.
    pub fn end(self, callbacks: &Callbacks) {
        self.feed.end();
        callbacks.run(Box::new(move || drop(self.callback.lock().take())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callbacks_are_never_queued_beyond_the_items() {
        let feed = Feed::new(2, |items, _| {
            items.clear();
            items.push_back(0);
        });
        assert!(feed.push(1) && feed.push(2));
        assert!(!feed.push(3), "the two that are queued are enough for the one item left");
        assert_eq!((feed.take(), feed.take()), (Some(0), None));
        assert!(feed.push(4));
        feed.end();
        assert!(!feed.push(5));
        assert_eq!(feed.take(), Some(4));
    }
}
