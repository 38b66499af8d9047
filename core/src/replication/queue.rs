//! Proposals that wait for their turn.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use crate::base::{Identity, Moment};
use crate::service::Proposal;

/// Bytes of requests, and of who asks, that are taken out together.
const MOST_BYTES: usize = 1 << 20;

/// Proposals in the order they came, each with the moment its request arrived.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Something arrived, or nothing will any more.
    arrived: Condvar,
    /// Something was done, or nothing will be any more.
    done: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<(Proposal, Moment)>,
    /// How many ever came, and how many of them had their turn.
    proposed: u64,
    done: u64,
    end: Option<End>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// What waits still has its turn.
    Closed,
    /// Nothing has its turn any more.
    Failed,
}

impl Queue {
    /// Adds a proposal. Returns false, and forgets it, if nothing is taken any more.
    pub(super) fn push(&self, proposal: Proposal, arrived: Moment) -> bool {
        let mut state = self.state.lock();
        if state.end.is_some() {
            return false;
        }
        state.waiting.push_back((proposal, arrived));
        state.proposed += 1;
        drop(state);
        self.arrived.notify_one();
        true
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.state.lock().waiting.is_empty()
    }

    /// Waits for proposals and takes out as many as go together; `None` if none will come.
    pub(super) fn take(&self, most: usize) -> Option<Vec<(Proposal, Moment)>> {
        let mut state = self.state.lock();
        while state.waiting.is_empty() {
            if state.end.is_some() {
                return None;
            }
            self.arrived.wait(&mut state);
        }
        let count = fitting(state.waiting.iter().take(most)).max(1);
        Some(state.waiting.drain(..count).collect())
    }

    /// The turn of `count` proposals has come and gone.
    pub(super) fn done(&self, count: usize) {
        self.state.lock().done += count as u64;
        self.done.notify_all();
    }

    /// Waits until the turn of everything that came before the call has come and gone.
    pub(super) fn settle(&self) {
        let mut state = self.state.lock();
        let until = state.proposed;
        while state.done < until && state.end != Some(End::Failed) {
            self.done.wait(&mut state);
        }
    }

    /// Nothing is taken any more; what waits still has its turn.
    pub(super) fn close(&self) {
        self.state.lock().end.get_or_insert(End::Closed);
        self.arrived.notify_all();
    }

    /// Nothing has its turn any more.
    pub(super) fn fail(&self) {
        let forgotten = {
            let mut state = self.state.lock();
            state.end = Some(End::Failed);
            std::mem::take(&mut state.waiting)
        };
        drop(forgotten);
        self.arrived.notify_all();
        self.done.notify_all();
    }
}

/// How many of these go together.
fn fitting<'a>(waiting: impl Iterator<Item = &'a (Proposal, Moment)>) -> usize {
    let mut before: Option<&Arc<[Identity]>> = None;
    let mut bytes = 0;
    let fits = |(proposal, _): &&'a (Proposal, Moment)| {
        let identities = &proposal.txn.identities;
        // Who asks stands in the entry too, once for all that is asked in a row.
        if before.is_none_or(|before| !Arc::ptr_eq(before, identities)) {
            bytes += identities.iter().map(Identity::bytes).sum::<usize>();
        }
        before = Some(identities);
        bytes += proposal.size;
        bytes <= MOST_BYTES
    };
    waiting.take_while(fits).count()
}
