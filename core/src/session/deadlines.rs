//! Local: until when each session lives unless it is heard again, and whose time is up.
//!
//! Kept by whoever orders transactions. Hearing from a session is one store into its [`Lease`]; the
//! queue of deadlines is not touched by it. A session whose turn comes is looked at, and goes back
//! into the queue if it was heard meanwhile. Deadlines are exact: no buckets, nothing rounded.
//!
//! Time is the caller's. It may hold the clock still while the process was stopped, so that nobody
//! expires for silence that nobody was there to hear.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::base::{Millis, Moment, SessionId};

/// The value of a lease that has ended. No deadline is that early: a timeout is at least 1 ms.
const ENDED: u64 = 0;

/// Entries without meaning that the queue may hold, besides as many as there are sessions.
const SLACK: usize = 256;

/// One session's right to live until its deadline. Shared with the connection that speaks for it.
#[derive(Debug)]
pub struct Lease {
    expires_at: AtomicU64,
    timeout: AtomicU32,
    /// When the client's side closed the last connection, if that shortened the lease; 0 if not.
    closed_at: AtomicU64,
}

impl Lease {
    fn new(timeout: Millis, now: Moment) -> Lease {
        Lease {
            expires_at: AtomicU64::new((now + timeout).0),
            timeout: AtomicU32::new(timeout.0),
            closed_at: AtomicU64::new(0),
        }
    }

    /// The session was heard at `now`: it lives for a whole timeout from there. Returns false, and
    /// changes nothing, if the lease has ended.
    ///
    /// Never takes time away: a touch that comes late finds what was heard since, and one beside a
    /// renewal counts with the timeout that was renewed.
    pub fn touch(&self, now: Moment) -> bool {
        self.update(|current| current.max(now + self.timeout()))
    }

    /// The session was heard, and has agreed on another timeout. Returns false if the lease ended.
    pub fn renew(&self, timeout: Millis, now: Moment) -> bool {
        self.closed_at.store(0, Ordering::Relaxed);
        self.timeout.store(timeout.0, Ordering::Relaxed);
        self.update(|_| now + timeout)
    }

    /// The client's side has closed the connection: the session lives for `grace` from there, and never
    /// longer than it would have. Returns the deadline; `None` if the lease has ended.
    fn shorten(&self, grace: Millis, now: Moment) -> Option<Moment> {
        self.closed_at.store(now.0, Ordering::Relaxed);
        let is_alive = self.update(|current| current.min(now + grace));
        is_alive.then(|| self.deadline()).flatten()
    }

    /// When the client's side closed the connection, if the lease was shortened for that.
    pub fn closed_at(&self) -> Option<Moment> {
        Some(Moment(self.closed_at.load(Ordering::Relaxed))).filter(|moment| moment.0 > 0)
    }

    /// Ends the lease, whatever time is left. Returns false if it had ended.
    pub fn end(&self) -> bool {
        self.expires_at.swap(ENDED, Ordering::AcqRel) != ENDED
    }

    /// Ends the lease if its time is up, and says by how much. Of this and a simultaneous touch
    /// exactly one succeeds.
    pub fn expire(&self, now: Moment) -> Option<Duration> {
        let deadline = self.expires_at.load(Ordering::Acquire);
        if deadline == ENDED || deadline > now.0 {
            return None;
        }
        self.expires_at
            .compare_exchange(deadline, ENDED, Ordering::AcqRel, Ordering::Acquire)
            .ok()
            .map(|deadline| now.since(Moment(deadline)))
    }

    /// The timeout in force.
    pub fn timeout(&self) -> Millis {
        Millis(self.timeout.load(Ordering::Relaxed))
    }

    /// When the session's time is up; `None` if the lease has ended.
    pub fn deadline(&self) -> Option<Moment> {
        match self.expires_at.load(Ordering::Acquire) {
            ENDED => None,
            deadline => Some(Moment(deadline)),
        }
    }

    /// `next` is asked again whenever the deadline has changed meanwhile, so what it reads is at
    /// least as new as the deadline it is given.
    fn update(&self, next: impl Fn(Moment) -> Moment) -> bool {
        self.expires_at
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |current| {
                (current != ENDED).then(|| next(Moment(current)).0)
            })
            .is_ok()
    }
}

/// A session's lease and the moment at which the queue looks at it next.
#[derive(Debug)]
struct Entry {
    lease: Arc<Lease>,
    queued: Moment,
}

/// All leases, and a queue of the moments at which to look at them.
#[derive(Debug, Default)]
pub struct Deadlines {
    entries: BTreeMap<SessionId, Entry>,
    queue: BinaryHeap<Reverse<(Moment, SessionId)>>,
}

impl Deadlines {
    /// Starts a session's lease, with a whole timeout from `now`.
    pub fn start(&mut self, id: SessionId, timeout: Millis, now: Moment) -> Arc<Lease> {
        let lease = Arc::new(Lease::new(timeout, now));
        let queued = now + timeout;
        self.entries.insert(id, Entry { lease: lease.clone(), queued });
        self.queue.push(Reverse((queued, id)));
        lease
    }

    /// A session's lease.
    pub fn get(&self, id: SessionId) -> Option<&Arc<Lease>> {
        self.entries.get(&id).map(|entry| &entry.lease)
    }

    /// Renews a lease with another timeout. `None` if there is none or it has ended.
    pub fn renew(&mut self, id: SessionId, timeout: Millis, now: Moment) -> Option<Arc<Lease>> {
        let entry = self.entries.get_mut(&id)?;
        if !entry.lease.renew(timeout, now) {
            return None;
        }
        let lease = entry.lease.clone();
        // A shorter timeout has to be looked at before the moment that stands in the queue.
        if now + timeout < entry.queued {
            self.requeue(id, now + timeout);
        }
        Some(lease)
    }

    /// Leaves a session no more than `grace` from `now`, for its client's side has closed the
    /// connection. A renewal takes that back. Returns false if there is no such session any more.
    pub fn shorten(&mut self, id: SessionId, grace: Millis, now: Moment) -> bool {
        let Some(entry) = self.entries.get(&id) else { return false };
        let (queued, deadline) = (entry.queued, entry.lease.shorten(grace, now));
        if let Some(deadline) = deadline
            && deadline < queued
        {
            self.requeue(id, deadline);
        }
        deadline.is_some()
    }

    /// Forgets a session that is over.
    pub fn remove(&mut self, id: SessionId) {
        if let Some(entry) = self.entries.remove(&id) {
            entry.lease.end();
        }
        self.tidy();
    }

    /// Takes out the sessions whose time is up at `now`, at most `most`. Each has to be ended with
    /// [`Lease::expire`], or looked at again with [`Deadlines::requeue`].
    pub fn due(&mut self, now: Moment, most: usize) -> Vec<(SessionId, Arc<Lease>)> {
        let mut due = Vec::new();
        while due.len() < most {
            match self.queue.peek() {
                Some(Reverse((queued, _))) if *queued <= now => {}
                _ => break,
            }
            let Some(Reverse((queued, id))) = self.queue.pop() else { break };
            let Some(entry) = self.entries.get(&id) else { continue };
            if entry.queued != queued {
                continue;
            }
            match entry.lease.deadline() {
                Some(deadline) if deadline > now => self.requeue(id, deadline),
                Some(_) => due.push((id, entry.lease.clone())),
                None => {}
            }
        }
        due
    }

    /// Looks at a session again at `moment`.
    pub fn requeue(&mut self, id: SessionId, moment: Moment) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.queued = moment;
            self.queue.push(Reverse((moment, id)));
        }
    }

    /// Drops entries that mean nothing any more once they are most of the queue; otherwise sessions
    /// that come and go would fill it for as long as their timeouts.
    fn tidy(&mut self) {
        if self.queue.len() > 2 * self.entries.len() + SLACK {
            let entries = &self.entries;
            self.queue.retain(|Reverse((queued, id))| {
                entries.get(id).is_some_and(|entry| entry.queued == *queued)
            });
        }
    }

    /// When to look next.
    pub fn next(&self) -> Option<Moment> {
        self.queue.peek().map(|Reverse((moment, _))| *moment)
    }

    /// The sessions behind this id, in the order of their ids.
    pub fn after(&self, id: SessionId) -> impl Iterator<Item = (SessionId, &Arc<Lease>)> {
        let rest = self.entries.range((Bound::Excluded(id), Bound::Unbounded));
        rest.map(|(&id, entry)| (id, &entry.lease))
    }

    /// How many sessions there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All leases in the order of their sessions.
    pub fn iter(&self) -> impl Iterator<Item = (SessionId, &Arc<Lease>)> {
        self.entries.iter().map(|(&id, entry)| (id, &entry.lease))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Moment = Moment(1_000_000);
    const T: Millis = Millis(4_000);

    fn ids(due: Vec<(SessionId, Arc<Lease>)>) -> Vec<i64> {
        due.into_iter().map(|(id, _)| id.0).collect()
    }

    #[test]
    fn s3_nobody_is_due_before_the_timeout() {
        let mut deadlines = Deadlines::default();
        let lease = deadlines.start(SessionId(1), T, SECOND);
        let end = SECOND + T;
        assert_eq!(deadlines.next(), Some(end));
        assert_eq!(ids(deadlines.due(Moment(end.0 - 1), 9)), [] as [i64; 0]);
        assert_eq!(lease.expire(Moment(end.0 - 1)), None);
        assert_eq!(ids(deadlines.due(end, 9)), [1]);
        assert_eq!(lease.expire(Moment(end.0 + 7)), Some(Duration::from_micros(7)));
    }

    #[test]
    fn s14_a_touched_session_goes_back_into_the_queue() {
        let mut deadlines = Deadlines::default();
        let lease = deadlines.start(SessionId(1), T, SECOND);
        let heard = SECOND + Millis(3_000);
        assert!(lease.touch(heard));
        assert!(deadlines.due(SECOND + T, 9).is_empty());
        assert_eq!(deadlines.next(), Some(heard + T));
        assert_eq!(ids(deadlines.due(heard + T, 9)), [1]);
    }

    #[test]
    fn s30_a_shorter_timeout_counts_at_once() {
        let mut deadlines = Deadlines::default();
        deadlines.start(SessionId(1), Millis(40_000), SECOND);
        assert!(deadlines.renew(SessionId(1), T, SECOND).is_some());
        assert_eq!(ids(deadlines.due(SECOND + T, 9)), [1]);
        // The entry of the longer timeout is still queued and means nothing any more.
        deadlines.requeue(SessionId(1), SECOND + Millis(50_000));
        assert!(deadlines.due(SECOND + Millis(40_000), 9).is_empty());
    }

    #[test]
    fn a_session_whose_connection_was_closed_has_its_grace_and_no_more() {
        let mut deadlines = Deadlines::default();
        let lease = deadlines.start(SessionId(1), T, SECOND);
        let closed = SECOND + Millis(1_000);
        let grace = Millis(200);
        assert!(deadlines.shorten(SessionId(1), grace, closed));
        assert_eq!(deadlines.next(), Some(closed + grace));
        let early = Moment((closed + grace).0 - 1);
        assert!(deadlines.due(early, 9).is_empty());
        assert_eq!(lease.expire(early), None);
        assert_eq!(ids(deadlines.due(closed + grace, 9)), [1]);
        assert_eq!(lease.expire(closed + grace), Some(Duration::ZERO));
        assert_eq!(lease.closed_at(), Some(closed));
        assert!(!deadlines.shorten(SessionId(1), grace, closed), "it has ended");
        assert!(!deadlines.shorten(SessionId(2), grace, closed), "there is none");
    }

    #[test]
    fn a_grace_never_makes_a_life_longer() {
        let mut deadlines = Deadlines::default();
        let lease = deadlines.start(SessionId(1), T, SECOND);
        assert!(deadlines.shorten(SessionId(1), T, SECOND + Millis(3_900)));
        assert_eq!(lease.deadline(), Some(SECOND + T));
        assert!(deadlines.due(Moment((SECOND + T).0 - 1), 9).is_empty());
        assert_eq!(ids(deadlines.due(SECOND + T, 9)), [1]);
    }

    #[test]
    fn s27_whoever_comes_back_within_the_grace_has_the_whole_timeout() {
        let mut deadlines = Deadlines::default();
        let lease = deadlines.start(SessionId(1), T, SECOND);
        assert!(deadlines.shorten(SessionId(1), Millis(200), SECOND));
        let back = SECOND + Millis(199);
        assert!(deadlines.renew(SessionId(1), T, back).is_some());
        assert_eq!((lease.deadline(), lease.closed_at()), (Some(back + T), None));
        assert!(deadlines.due(SECOND + Millis(200), 9).is_empty());
        assert_eq!(ids(deadlines.due(back + T, 9)), [1]);
    }

    #[test]
    fn s37_of_expiry_and_touch_exactly_one_succeeds() {
        let mut deadlines = Deadlines::default();
        let lease = deadlines.start(SessionId(1), T, SECOND);
        let end = SECOND + T;
        assert!(lease.expire(end).is_some());
        assert!(!lease.touch(end));
        assert_eq!(lease.expire(end), None);
        assert!(deadlines.renew(SessionId(1), T, end).is_none());
    }

    #[test]
    fn s2_a_removed_session_has_no_lease() {
        let mut deadlines = Deadlines::default();
        let lease = deadlines.start(SessionId(1), T, SECOND);
        deadlines.remove(SessionId(1));
        assert!(!lease.touch(SECOND));
        assert!(deadlines.due(SECOND + T, 9).is_empty());
    }

    #[test]
    fn s30_a_touch_beside_a_renewal_never_brings_the_old_timeout_back() {
        let lease = Lease::new(T, SECOND);
        let longer = Millis(40_000);
        let is_over = std::sync::atomic::AtomicBool::new(false);
        let mut shortened = 0;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    lease.touch(SECOND);
                }
            });
            for _ in 0..200_000 {
                lease.renew(T, SECOND);
                lease.renew(longer, SECOND);
                let deadlines = (0..20).map(|_| lease.deadline());
                shortened += deadlines.filter(|&at| at != Some(SECOND + longer)).count();
            }
            is_over.store(true, Ordering::Relaxed);
        });
        assert_eq!(shortened, 0, "a touch counted with a timeout that was renewed before");
    }

    #[test]
    fn s3_a_late_touch_takes_nothing_away() {
        let lease = Lease::new(T, SECOND);
        let heard = SECOND + Millis(3_000);
        assert!(lease.touch(heard));
        assert!(lease.touch(SECOND + Millis(1_000)));
        assert_eq!(lease.deadline(), Some(heard + T));
    }

    #[test]
    fn sessions_that_are_over_leave_the_queue() {
        let mut deadlines = Deadlines::default();
        let hour = Millis(3_600_000);
        deadlines.start(SessionId(1), hour, SECOND);
        for id in 2..10_000 {
            deadlines.start(SessionId(id), hour, SECOND);
            deadlines.remove(SessionId(id));
        }
        assert!(deadlines.queue.len() < 1_000, "{} entries for one session", deadlines.queue.len());
        assert_eq!(ids(deadlines.due(SECOND + hour, 9)), [1]);
    }

    #[test]
    fn a_crowd_is_taken_in_portions() {
        let mut deadlines = Deadlines::default();
        for id in 0..10 {
            deadlines.start(SessionId(id), T, SECOND);
        }
        assert_eq!(deadlines.due(SECOND + T, 4).len(), 4);
        assert_eq!(deadlines.due(SECOND + T, 99).len(), 6);
    }
}
