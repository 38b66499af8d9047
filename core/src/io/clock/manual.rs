//! A clock that moves only when it is told to, and everybody who lives by it.
//!
//! Servers and clients on such a clock are its parties. Whoever advances it stops at every moment at
//! which one of them has something to do, and goes on when all are quiet. What a party does takes its
//! time on threads and in sockets of its own; so quiet is looked for, not told. A look counts only if no
//! party has begun or ended a turn during it: then nothing was on its way that it could have missed.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::base::Moment;

/// A manual clock starts here, so that nothing a test computes falls below zero. In microseconds.
pub(super) const START: u64 = 1_000_000_000;

/// Looks in a row before the one who looks sleeps in between.
const LOOKS: u32 = 20;

/// How long it sleeps.
const PAUSE: Duration = Duration::from_micros(40);

/// How a party is between two moments.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::io) enum Rest {
    /// It will do nothing before its next moment unless somebody speaks to it.
    Quiet,
    /// It waits for an answer which may lie where nobody can see it: in the kernel, between two
    /// sockets. Or for one that never comes.
    Owed,
    /// Its moment has come, and the program has to say what happens now.
    Woken,
    /// A callback of the program runs or is about to.
    Calling,
    /// It has something to do.
    Busy,
}

impl Rest {
    /// How long a party that stays like this is waited for. A client whose bytes nobody reads for
    /// longer is suspended or gone; a callback that runs for longer may wait for this very clock.
    fn patience(self) -> Duration {
        match self {
            Rest::Quiet => Duration::ZERO,
            Rest::Owed => Duration::from_millis(2),
            Rest::Woken => Duration::from_millis(5),
            Rest::Calling => Duration::from_secs(1),
            Rest::Busy => Duration::from_secs(5),
        }
    }
}

/// Somebody who lives by a manual clock.
pub(in crate::io) trait Party: Send + Sync {
    /// When it has something to do, if nothing happens before.
    fn next(&self) -> Option<Moment>;

    /// The clock has moved to `now`. Does what is due, or has it done.
    fn act(&self, now: Moment);

    /// How it is at `now`.
    fn rest(&self, now: Moment) -> Rest;

    /// A number that is another one whenever it has begun or ended to do something in between.
    fn turns(&self) -> u64;

    /// It was waited for in vain. For the same reason it need not be again until it gets on.
    fn give_up(&self, _now: Moment) {}

    /// Whether it acts before all others at the same moment.
    fn is_first(&self) -> bool {
        false
    }
}

/// The clock.
#[derive(Debug)]
pub(in crate::io) struct Manual {
    now: AtomicU64,
    parties: Mutex<Vec<Weak<dyn Party>>>,
    sleeps: Arc<Mutex<Sleeps>>,
    /// Held by the one who advances it.
    advancing: Mutex<()>,
}

impl std::fmt::Debug for dyn Party {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Party").finish_non_exhaustive()
    }
}

impl Default for Manual {
    fn default() -> Manual {
        Manual {
            now: AtomicU64::new(START),
            parties: Mutex::default(),
            sleeps: Arc::default(),
            advancing: Mutex::default(),
        }
    }
}

impl Manual {
    pub(in crate::io) fn moment(&self) -> Moment {
        Moment(self.now.load(Ordering::SeqCst))
    }

    pub(super) fn join(&self, party: Weak<dyn Party>) {
        let mut parties = self.parties.lock();
        parties.retain(|party| party.strong_count() > 0);
        parties.push(party);
    }

    /// Moves forward by `length`, from one moment at which something is due to the next.
    pub(super) fn advance(&self, length: Duration) {
        let _alone = self.advancing.lock();
        let until = self.moment() + length;
        self.settle();
        loop {
            let now = self.moment();
            let parties = self.parties();
            for party in &parties {
                party.act(now);
            }
            let due = self.sleeps.lock().due(now);
            due.into_iter().for_each(Waker::wake);
            self.settle();
            if now >= until {
                return;
            }
            let own = self.sleeps.lock().next();
            let moments = parties.iter().filter_map(|party| party.next()).chain(own);
            let next = moments.filter(|&next| next > now).min().unwrap_or(until);
            self.now.store(next.min(until).0, Ordering::SeqCst);
        }
    }

    /// Those that exist, the first ones first.
    fn parties(&self) -> Vec<Arc<dyn Party>> {
        let mut parties: Vec<_> = self.parties.lock().iter().filter_map(Weak::upgrade).collect();
        parties.sort_by_key(|party| !party.is_first());
        parties
    }

    /// Returns when all is quiet, or has been waited for long enough.
    fn settle(&self) {
        let mut since = Instant::now();
        let mut before = (Rest::Busy, 0);
        for looks in 0_u32.. {
            let parties = self.parties();
            let look = self.look(&parties);
            if look.0 == Rest::Quiet {
                return;
            }
            if look != before {
                // Being busy for long is one thing, whatever turns it takes.
                if look.0 != Rest::Busy || before.0 != Rest::Busy {
                    since = Instant::now();
                }
                before = look;
            }
            if since.elapsed() > look.0.patience() {
                return self.give_up(&parties, look.0);
            }
            if looks < LOOKS {
                thread::yield_now();
            } else {
                thread::sleep(PAUSE);
            }
        }
    }

    /// How the liveliest of all is, and the sum of their turns.
    fn look(&self, parties: &[Arc<dyn Party>]) -> (Rest, u64) {
        let turns = || parties.iter().fold(0_u64, |sum, party| sum.wrapping_add(party.turns()));
        let (now, before) = (self.moment(), turns());
        let mut rest = if self.sleeps.lock().woken.is_empty() { Rest::Quiet } else { Rest::Woken };
        for party in parties {
            rest = rest.max(party.rest(now));
        }
        let after = turns();
        (if before == after { rest } else { Rest::Busy }, after)
    }

    fn give_up(&self, parties: &[Arc<dyn Party>], rest: Rest) {
        self.sleeps.lock().woken.clear();
        if rest > Rest::Owed {
            let now = self.moment();
            for party in parties.iter().filter(|party| party.rest(now) == rest) {
                party.give_up(now);
            }
        }
    }

    /// Waits until the clock has moved on by `length`.
    pub(in crate::io) fn sleep(clock: super::Clock, length: Duration) -> Sleep {
        let until = clock.moment() + length;
        let sleeps = clock.as_manual().map(|manual| Arc::clone(&manual.sleeps));
        let sleeps = sleeps.unwrap_or_default();
        let mut inner = sleeps.lock();
        inner.last += 1;
        let id = inner.last;
        // Known from here on, whoever polls it when.
        inner.waiting.insert((until, id), None);
        drop(inner);
        Sleep { clock, until, id, sleeps }
    }
}

/// Those who wait for a moment of the program's own.
#[derive(Debug, Default)]
struct Sleeps {
    last: u64,
    waiting: BTreeMap<(Moment, u64), Option<Waker>>,
    /// Those that were woken and have not looked yet.
    woken: BTreeSet<u64>,
}

impl Sleeps {
    fn next(&self) -> Option<Moment> {
        self.waiting.first_key_value().map(|(&(until, _), _)| until)
    }

    /// Those to be woken now.
    fn due(&mut self, now: Moment) -> Vec<Waker> {
        let mut due = Vec::new();
        while let Some(entry) = self.waiting.first_entry()
            && entry.key().0 <= now
        {
            let ((_, id), waker) = entry.remove_entry();
            if let Some(waker) = waker {
                self.woken.insert(id);
                due.push(waker);
            }
        }
        due
    }
}

/// The time until a moment of a manual clock. Over when it is dropped.
#[derive(Debug)]
pub(in crate::io) struct Sleep {
    clock: super::Clock,
    until: Moment,
    id: u64,
    sleeps: Arc<Mutex<Sleeps>>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut sleeps = self.sleeps.lock();
        sleeps.woken.remove(&self.id);
        if self.clock.moment() >= self.until {
            sleeps.waiting.remove(&(self.until, self.id));
            return Poll::Ready(());
        }
        let waker = Some(context.waker().clone());
        let before = sleeps.waiting.insert((self.until, self.id), waker);
        drop(sleeps);
        // A waker may run code of the program when it is dropped.
        drop(before);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let mut sleeps = self.sleeps.lock();
        sleeps.woken.remove(&self.id);
        let waiting = sleeps.waiting.remove(&(self.until, self.id));
        drop(sleeps);
        drop(waiting);
    }
}
