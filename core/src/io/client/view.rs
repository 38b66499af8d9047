//! Views as the program holds them.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use parking_lot::Mutex;

use super::shared::Shared;
use super::values::{Children, Value};
use crate::base::Stat;
use crate::client::{Content, Delta, Error, Listing, News, Result, State, ViewKind, WatchId};

/// Tasks that may wait for one view before all of them look again, to see who still does.
const FEW_WAITING: usize = 32;

/// And however many there are, so that what futures that were dropped leave behind is bounded.
const MOST_WAITING: usize = 1 << 16;

/// What the server has at a path, kept up to date by the client: made by
/// [`Client::data_view`](super::Client::data_view),
/// [`Client::children_view`](super::Client::children_view) and
/// [`Client::tree_view`](super::Client::tree_view).
///
/// A view is level-triggered. It never says what happened, only what is: states between two reads may
/// be skipped, the latest never is. Each value is what one server answered to one read, and is
/// replaced only by one that differs. In between, and while there is no connection, the last value
/// stays; [`View::is_fresh`] tells whether it is known to be overtaken.
///
/// It reads again by itself: after every event of its own watch, after every lost connection, and in
/// every new session, whatever [`Restore::watches`](crate::Restore::watches) says. It ends with the
/// error that finishes the client, and with the code of a server that refuses its path, such as
/// `NoAuth`. A path without a znode is a value, not an end. Removing watches of its path by
/// [`Ops::remove_watches`](super::Ops::remove_watches) does not end it either.
///
/// Servers need persistent watches for it: ZooKeeper has them since 3.6. One without them ends a view
/// with `Unimplemented`, and closes the connection.
///
/// Costs no task, thread or timer, and no more on the server than a persistent watch; views and
/// streams on the same path share that one. Dropping it removes the watch in the background. It does
/// not keep the client open.
pub struct View<T> {
    shared: Arc<Shared>,
    slot: Arc<Slot<T>>,
    watch: WatchId,
    /// The number of the value that [`View::changed`] returned last.
    seen: u64,
    is_over: bool,
}

impl<T: Clone> View<T> {
    pub(super) fn new(shared: Arc<Shared>, slot: Arc<Slot<T>>, watch: WatchId) -> View<T> {
        View { shared, slot, watch, seen: 0, is_over: false }
    }

    /// The latest value; `None` until it was read for the first time, and in a forked child. Stays
    /// the last one when the view is over.
    pub fn current(&self) -> Option<T> {
        if self.shared.is_forked() {
            return None;
        }
        self.slot.state.lock().value.clone()
    }

    /// Whether the client knows of nothing newer than [`View::current`]: it is connected, everything
    /// was read on this connection, and no event came since. The server may still know better; a
    /// client never learns of a change the moment it happens.
    pub fn is_fresh(&self) -> bool {
        if self.shared.is_forked() || !self.slot.state.lock().is_fresh {
            return false;
        }
        let state = self.shared.scope().lease.state(self.shared.time.now());
        matches!(state, State::Connected | State::ReadOnly)
    }

    /// Waits until there is a value, and returns the latest. [`View::changed`] will return it too.
    ///
    /// # Errors
    /// What the view ended with, if it ended without any value.
    pub async fn ready(&self) -> Result<T> {
        std::future::poll_fn(|context| {
            self.poll_slot(context, |state| state.value.clone().map(|value| (state.number, value)))
        })
        .await
        .map(|(_, value)| value)
    }

    /// Waits for a value that this method did not return yet, and returns the latest. The first call
    /// returns the first value. Dropping the future loses nothing.
    ///
    /// # Errors
    /// What the view ended with, once the last value was returned; each time from then on.
    pub async fn changed(&mut self) -> Result<T> {
        let (number, value) = std::future::poll_fn(|context| self.poll_unseen(context)).await?;
        self.seen = number;
        Ok(value)
    }

    fn poll_unseen(&self, context: &mut Context<'_>) -> Poll<Result<(u64, T)>> {
        let seen = self.seen;
        self.poll_slot(context, |state| {
            let value = state.value.clone().filter(|_| state.number > seen)?;
            Some((state.number, value))
        })
    }

    fn poll_slot<R>(
        &self,
        context: &mut Context<'_>,
        pick: impl Fn(&Kept<T>) -> Option<R>,
    ) -> Poll<Result<R>> {
        if self.shared.is_forked() {
            return Poll::Ready(Err(Error::Forked));
        }
        let mut state = self.slot.state.lock();
        if let Some(picked) = pick(&state) {
            return Poll::Ready(Ok(picked));
        }
        if let Some(error) = &state.ended {
            return Poll::Ready(Err(error.clone()));
        }
        if state.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
            return Poll::Pending;
        }
        // Those whose futures were dropped do not pile up: whoever still waits asks again.
        // There is room for twice as many then, or those who do would wake each other for ever.
        let waiting = state.wakers.len();
        let others = if waiting < state.room {
            Vec::new()
        } else {
            state.room = (2 * waiting).min(MOST_WAITING);
            std::mem::take(&mut state.wakers)
        };
        state.wakers.push(context.waker().clone());
        drop(state);
        others.into_iter().for_each(Waker::wake);
        Poll::Pending
    }
}

/// The values of [`View::changed`], then the error it ends with, then nothing.
impl<T: Clone> Stream for View<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        self.poll_unseen(context).map(|unseen| match unseen {
            Ok((number, value)) => {
                self.seen = number;
                Some(Ok(value))
            }
            Err(error) => {
                self.is_over = true;
                Some(Err(error))
            }
        })
    }
}

impl<T> Drop for View<T> {
    fn drop(&mut self) {
        self.shared.unwatch(self.watch);
    }
}

impl<T> fmt::Debug for View<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("watch", &self.watch.0).finish_non_exhaustive()
    }
}

/// Where the client's thread leaves what a view is to show.
pub(super) struct Slot<T> {
    state: Mutex<Kept<T>>,
}

struct Kept<T> {
    value: Option<T>,
    /// Counts the values.
    number: u64,
    is_fresh: bool,
    ended: Option<Error>,
    wakers: Vec<Waker>,
    /// How many of them there may be before those of futures that were dropped are swept out.
    room: usize,
}

impl<T> Slot<T> {
    pub fn new() -> Arc<Slot<T>> {
        let (value, wakers) = (None, Vec::new());
        let room = FEW_WAITING;
        let state = Kept { value, number: 0, is_fresh: false, ended: None, wakers, room };
        Arc::new(Slot { state: Mutex::new(state) })
    }
}

/// Who is told what a view says. Runs on the client's thread.
pub(super) trait Shows: Send + Sync {
    fn show(&self, news: News, is_fresh: bool);
}

impl<T: Shown> Shows for Slot<T> {
    fn show(&self, news: News, is_fresh: bool) {
        let mut state = self.state.lock();
        let is_news = match news {
            News::Ended(error) => {
                state.ended = Some(error);
                true
            }
            news => T::take_in(&mut state.value, news),
        };
        state.is_fresh = is_fresh;
        if !is_news {
            return;
        }
        state.number += u64::from(state.ended.is_none());
        let wakers = std::mem::take(&mut state.wakers);
        state.room = FEW_WAITING;
        drop(state);
        for waker in wakers {
            waker.wake();
        }
    }
}

/// What a view can show.
pub(super) trait Shown: Clone + Send + Sized + 'static {
    const KIND: ViewKind;

    /// Puts what was read in the place of `kept`. Whether it differs.
    fn take_in(kept: &mut Option<Self>, news: News) -> bool;
}

impl Shown for Option<Value> {
    const KIND: ViewKind = ViewKind::Data;

    fn take_in(kept: &mut Option<Self>, news: News) -> bool {
        let News::Data(content) = news else { return false };
        let read = content.map(value);
        let is_same = match (kept.as_ref(), &read) {
            (Some(Some(old)), Some(new)) => is_same_value(old, new),
            (Some(None), None) => true,
            _ => false,
        };
        if !is_same {
            *kept = Some(read);
        }
        !is_same
    }
}

impl Shown for Option<Children> {
    const KIND: ViewKind = ViewKind::Children;

    fn take_in(kept: &mut Option<Self>, news: News) -> bool {
        let News::Children(listing) = news else { return false };
        let read = listing.map(|Listing { mut names, stat }| {
            names.sort_unstable();
            Children { names, stat }
        });
        let facts = |stat: &Stat| (stat.czxid, stat.pzxid, stat.cversion);
        let is_same = match (kept.as_ref(), &read) {
            (Some(Some(old)), Some(new)) => {
                facts(&old.stat) == facts(&new.stat) && old.names == new.names
            }
            (Some(None), None) => true,
            _ => false,
        };
        if !is_same {
            *kept = Some(read);
        }
        !is_same
    }
}

impl Shown for Arc<BTreeMap<String, Value>> {
    const KIND: ViewKind = ViewKind::Tree;

    fn take_in(kept: &mut Option<Self>, news: News) -> bool {
        let News::Tree(delta) = news else { return false };
        let is_first = kept.is_none();
        let tree = kept.get_or_insert_default();
        let differs = |path: &String, read: &Option<Content>| match (tree.get(path), read) {
            (Some(old), Some(new)) => !is_same_value(old, &value(new.clone())),
            (None, None) => false,
            _ => true,
        };
        let delta: Delta = delta.into_iter().filter(|(path, read)| differs(path, read)).collect();
        if delta.is_empty() {
            return is_first;
        }
        // In place, unless the program still holds the tree as it was.
        let tree = Arc::make_mut(tree);
        for (path, read) in delta {
            match read {
                Some(read) => drop(tree.insert(path, value(read))),
                None => drop(tree.remove(&path)),
            }
        }
        true
    }
}

fn value(content: Content) -> Value {
    Value { data: content.data.unwrap_or_default(), stat: content.stat }
}

/// Whether both are of the same znode and the same write. The rest of a Stat changes without an event
/// that a view hears.
fn is_same_value(old: &Value, new: &Value) -> bool {
    let facts = |stat: &Stat| (stat.czxid, stat.mzxid, stat.version, stat.ephemeral_owner);
    facts(&old.stat) == facts(&new.stat) && old.data == new.data
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Zxid;
    use bytes::Bytes;

    fn content(data: &'static str, mzxid: i64) -> Content {
        let stat = Stat { mzxid: Zxid(mzxid), ..Stat::default() };
        Content { data: Some(Bytes::from_static(data.as_bytes())), stat }
    }

    #[test]
    fn a_value_is_replaced_only_by_one_that_differs() {
        let slot = Slot::<Option<Value>>::new();
        let number = || slot.state.lock().number;
        slot.show(News::Data(None), true);
        slot.show(News::Data(None), true);
        assert_eq!(number(), 1, "no znode is a value");
        slot.show(News::Data(Some(content("a", 3))), true);
        slot.show(News::Doubt, false);
        slot.show(News::Data(Some(content("a", 3))), true);
        assert_eq!(number(), 2);
        slot.show(News::Data(Some(content("a", 4))), true);
        assert_eq!(number(), 3, "written again, the same data");
    }

    #[test]
    fn an_empty_tree_is_a_value_and_a_tree_the_program_holds_stays_what_it_is() {
        let slot = Slot::<Arc<BTreeMap<String, Value>>>::new();
        slot.show(News::Tree(Delta::new()), true);
        assert_eq!(slot.state.lock().number, 1);
        let held = slot.state.lock().value.clone().expect("a tree");
        let delta = Delta::from([("/a".into(), Some(content("a", 3)))]);
        slot.show(News::Tree(delta.clone()), true);
        slot.show(News::Tree(delta), true);
        assert_eq!((held.len(), slot.state.lock().number), (0, 2));
        slot.show(News::Tree(Delta::from([("/a".into(), None), ("/b".into(), None)])), true);
        let state = slot.state.lock();
        assert_eq!((state.value.as_ref().map(|tree| tree.len()), state.number), (Some(0), 3));
    }
}
