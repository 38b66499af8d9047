//! Proposals that wait for their turn.
//!
//! Each session has a lane of its own, so that its proposals keep their order, and nobody's write waits
//! for all that somebody else has sent. Lanes take turns. What ends a session does not wait for its
//! lane's turn, nor does what a client that has come back waits for: such a lane goes first, with
//! all that stands in it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use crate::base::{Identity, Moment, SessionId};
use crate::engine::Change;
use crate::service::Proposal;

/// Bytes of requests, and of who asks, that are taken out together.
const MOST_BYTES: usize = 1 << 20;

/// Proposals that a lane takes out in one turn.
const TURN: usize = 64;

/// Proposals, each with the moment its request arrived.
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
    /// The sessions for which something waits.
    lanes: BTreeMap<SessionId, Lane>,
    /// Lanes that go first, in their order.
    urgent: VecDeque<SessionId>,
    /// The other lanes in the order of their turns, with their numbers: a lane that has become urgent or
    /// empty still stands here, and is passed over.
    turns: VecDeque<(SessionId, u64)>,
    /// How many lanes there ever were.
    numbered: u64,
    /// How many proposals ever came, how many were taken, and how many of them had their turn.
    proposed: u64,
    taken: u64,
    done: u64,
    end: Option<End>,
}

/// What waits for one session.
struct Lane {
    number: u64,
    is_urgent: bool,
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    proposal: Proposal,
    arrived: Moment,
    /// Which proposal it is of all that ever came.
    number: u64,
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
        state.push(proposal, arrived);
        drop(state);
        self.arrived.notify_one();
        true
    }

    /// What waits for this session goes before what waits for others.
    pub(super) fn hasten(&self, session: SessionId) {
        self.state.lock().hasten(session);
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.state.lock().lanes.is_empty()
    }

    /// Waits for proposals and takes out as many as go together; `None` if none will come.
    pub(super) fn take(&self, most: usize) -> Option<Vec<(Proposal, Moment)>> {
        let mut state = self.state.lock();
        while state.lanes.is_empty() {
            if state.end.is_some() {
                return None;
            }
            self.arrived.wait(&mut state);
        }
        Some(state.take(most))
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
        while state.holds_any(until) && state.end != Some(End::Failed) {
            self.done.wait(&mut state);
        }
        let until = state.taken;
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
            std::mem::take(&mut state.lanes)
        };
        drop(forgotten);
        self.arrived.notify_all();
        self.done.notify_all();
    }
}

impl State {
    fn push(&mut self, proposal: Proposal, arrived: Moment) {
        let session = proposal.txn.session;
        let is_end = matches!(proposal.txn.change, Change::EndSession { .. });
        self.proposed += 1;
        let waiting = Waiting { proposal, arrived, number: self.proposed };
        let State { lanes, turns, numbered, .. } = self;
        let lane = lanes.entry(session).or_insert_with(|| {
            *numbered += 1;
            turns.push_back((session, *numbered));
            Lane { number: *numbered, is_urgent: false, waiting: VecDeque::new() }
        });
        lane.waiting.push_back(waiting);
        if is_end {
            self.hasten(session);
        }
    }

    fn hasten(&mut self, session: SessionId) {
        if let Some(lane) = self.lanes.get_mut(&session)
            && !std::mem::replace(&mut lane.is_urgent, true)
        {
            self.urgent.push_back(session);
        }
    }

    /// Takes from the urgent lanes first. Three quarters are theirs at most while others wait too, and
    /// the first of the others fits however long it is: to end sessions is no way to keep everybody
    /// else from writing.
    fn take(&mut self, most: usize) -> Vec<(Proposal, Moment)> {
        let mut round = Round::default();
        let has_others = self.lanes.len() > self.urgent.len();
        let part = |all: usize| if has_others { all - all / 4 } else { all };
        while let Some(&session) = self.urgent.front() {
            if !self.take_from(session, usize::MAX, &mut round, (part(most), part(MOST_BYTES))) {
                break;
            }
            self.urgent.pop_front();
        }
        round.part = round.taken.len();
        while let Some((session, number)) = self.turns.pop_front() {
            if self.lanes.get(&session).is_none_or(|it| it.number != number || it.is_urgent) {
                continue;
            }
            let before = round.taken.len();
            if self.take_from(session, TURN, &mut round, (most, MOST_BYTES)) {
                continue;
            }
            // Whoever had a turn waits for the next one; whoever found no room is the first of it.
            if round.taken.len() >= before + TURN {
                self.turns.push_back((session, number));
            } else {
                self.turns.push_front((session, number));
                break;
            }
        }
        self.taken += round.taken.len() as u64;
        round.taken
    }

    /// Takes out of one lane what fits, `turn` at most. Returns whether the lane is empty, and gone.
    fn take_from(
        &mut self,
        session: SessionId,
        turn: usize,
        round: &mut Round,
        room: (usize, usize),
    ) -> bool {
        let Some(lane) = self.lanes.get_mut(&session) else { return true };
        for _ in 0..turn {
            match lane.waiting.front() {
                Some(next) if !round.fits(&next.proposal, room) => return false,
                _ => {}
            }
            let Some(next) = lane.waiting.pop_front() else { break };
            round.taken.push((next.proposal, next.arrived));
        }
        let is_empty = lane.waiting.is_empty();
        if is_empty {
            self.lanes.remove(&session);
        }
        is_empty
    }

    /// Whether one of the first `until` proposals waits.
    fn holds_any(&self, until: u64) -> bool {
        let first = |lane: &Lane| lane.waiting.front().map(|next| next.number);
        self.lanes.values().filter_map(first).any(|number| number <= until)
    }
}

/// What is taken out together.
#[derive(Default)]
struct Round {
    taken: Vec<(Proposal, Moment)>,
    bytes: usize,
    before: Option<Arc<[Identity]>>,
    /// How many were taken out before the kind of lanes at hand had its part.
    part: usize,
}

impl Round {
    /// Counts a proposal in, if it fits; however long it is, the first one of its part does.
    fn fits(&mut self, proposal: &Proposal, (most, most_bytes): (usize, usize)) -> bool {
        let identities = &proposal.txn.identities;
        let mut bytes = proposal.size;
        // Who asks stands in the entry too, once for all that is asked in a row.
        let is_same = self.before.as_ref().is_some_and(|before| Arc::ptr_eq(before, identities));
        if !is_same {
            bytes += identities.iter().map(Identity::bytes).sum::<usize>();
        }
        let count = self.taken.len();
        let is_full = count >= most && count > 0;
        if is_full || (self.bytes + bytes > most_bytes && count > self.part) {
            return false;
        }
        if !is_same {
            self.before = Some(identities.clone());
        }
        self.bytes += bytes;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::WallMillis;
    use crate::engine::{Cause, Txn};

    const NOW: Moment = Moment(1);

    fn proposal(session: i64, change: Change, size: usize) -> Proposal {
        let session = SessionId(session);
        let txn = Txn { at: WallMillis(0), session, identities: Arc::new([]), change };
        Proposal { txn, origin: None, size }
    }

    /// A write of a session, told apart by its size.
    fn write(session: i64, size: usize) -> Proposal {
        proposal(session, Change::Reap { path: String::new() }, size)
    }

    fn end(session: i64) -> Proposal {
        let id = SessionId(session);
        proposal(session, Change::EndSession { id, cause: Cause::Closed }, 0)
    }

    fn take(queue: &Queue, most: usize) -> Vec<(i64, usize)> {
        let round = queue.take(most).expect("the queue is open");
        round.iter().map(|(proposal, _)| (proposal.txn.session.0, proposal.size)).collect()
    }

    fn filled(writes: &[(i64, usize)]) -> Queue {
        let queue = Queue::default();
        for &(session, size) in writes {
            assert!(queue.push(write(session, size), NOW));
        }
        queue
    }

    #[test]
    fn r1_a_session_keeps_its_order_and_no_session_waits_for_all_of_another() {
        let queue = Queue::default();
        for size in 1..=1_000 {
            queue.push(write(1, size), NOW);
        }
        queue.push(write(2, 7), NOW);
        let round = take(&queue, 100);
        assert_eq!(round[TURN], (2, 7), "the other one has its turn after one of the flood");
        let mut sizes: Vec<_> = round.iter().filter(|at| at.0 == 1).map(|at| at.1).collect();
        while !queue.is_empty() {
            sizes.extend(take(&queue, 100).iter().map(|at| at.1));
        }
        assert_eq!(sizes, (1..=1_000).collect::<Vec<_>>());
    }

    #[test]
    fn an_end_goes_before_what_others_have_sent_and_behind_its_own() {
        let queue = filled(&[(1, 1), (1, 2), (2, 3), (1, 4), (2, 5)]);
        queue.push(end(3), NOW);
        queue.push(end(2), NOW);
        assert_eq!(take(&queue, 5), [(3, 0), (2, 3), (2, 5), (2, 0), (1, 1)]);
        assert_eq!(take(&queue, 5), [(1, 2), (1, 4)]);
        assert!(queue.is_empty());
    }

    #[test]
    fn who_comes_back_does_not_wait_for_others() {
        let queue = filled(&[(1, 1), (1, 2), (2, 3)]);
        queue.hasten(SessionId(2));
        queue.hasten(SessionId(9));
        assert_eq!(take(&queue, 2), [(2, 3), (1, 1)]);
        // What comes later is no more urgent than anybody else's, and has one turn like they.
        queue.push(write(2, 4), NOW);
        queue.push(write(2, 5), NOW);
        assert_eq!(take(&queue, 9), [(1, 2), (2, 4), (2, 5)]);
        assert!(queue.is_empty());
    }

    #[test]
    fn ends_leave_room_for_writes() {
        let queue = filled(&[(1, 1)]);
        assert!((0..1_000).all(|session| queue.push(end(10 + session), NOW)));
        let round = take(&queue, 100);
        assert_eq!(round.len(), 76);
        assert_eq!(round.last(), Some(&(1, 1)));
        assert_eq!(take(&queue, 100).len(), 100, "alone they have all of it");
    }

    #[test]
    fn a_round_has_a_number_of_bytes() {
        let half = MOST_BYTES / 2 + 1;
        let queue = filled(&[(1, 2 * MOST_BYTES), (2, half), (3, half), (4, 1)]);
        assert_eq!(take(&queue, 9), [(1, 2 * MOST_BYTES)], "the first always fits");
        assert_eq!(take(&queue, 9), [(2, half)]);
        assert_eq!(take(&queue, 9), [(3, half), (4, 1)]);
    }

    #[test]
    fn a_long_write_is_not_kept_waiting_by_ends_and_keeps_nobody_waiting() {
        let queue = filled(&[(1, MOST_BYTES / 2), (2, 1)]);
        for session in 10..30 {
            queue.push(write(session, MOST_BYTES / 8), NOW);
            queue.push(end(session), NOW);
        }
        let first = take(&queue, 100);
        assert!(
            first.contains(&(1, MOST_BYTES / 2)),
            "it finds no room beside the ends: {first:?}"
        );
        assert!(take(&queue, 100).contains(&(2, 1)));
    }

    #[test]
    fn settling_waits_for_what_was_there_whatever_overtook_it() {
        let queue = Arc::new(filled(&[(1, 1)]));
        let (settled, waiting) = std::sync::mpsc::channel();
        let waiter = queue.clone();
        let thread = std::thread::spawn(move || {
            waiter.settle();
            settled.send(()).expect("somebody listens");
        });
        queue.push(end(2), NOW);
        assert_eq!(take(&queue, 1), [(2, 0)]);
        queue.done(1);
        assert!(waiting.try_recv().is_err(), "the write has had no turn");
        assert_eq!(take(&queue, 1), [(1, 1)]);
        queue.done(1);
        waiting.recv().expect("it settles");
        thread.join().expect("it ends");
    }
}
