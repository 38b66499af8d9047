//! What a manual clock sees of a client: when it wants to act, and whether it is quiet.
//!
//! Written by the client's task, except for what its handles and its callback thread count. A client on
//! the machine's clock has none.

use std::os::fd::RawFd;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::base::Moment;
use crate::io::clock::Clock;
use crate::io::clock::manual::{Party, Rest};
use crate::io::sockets;
use crate::service::Turns;

/// The moment of one who has nothing to do.
const NEVER: u64 = u64::MAX;

/// A client, to its clock.
pub(super) struct Presence {
    clock: Clock,
    turns: Turns,
    wake_at: AtomicU64,
    told: Notify,
    /// Commands of the handles, and how many of them were carried out.
    sent: AtomicU64,
    taken: AtomicU64,
    /// Callbacks, and how many of them have run.
    called: AtomicU64,
    returned: AtomicU64,
    connection: Mutex<Wire>,
    is_owed: AtomicBool,
    is_over: AtomicBool,
    /// What it was waited for in vain, the last time it was busy and the last time a callback ran.
    given_up: Mutex<(Option<Busy>, Option<u64>)>,
}

/// How far the connection is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wire {
    None,
    /// The kernel or a resolver has the next word.
    Dialing,
    Open(RawFd),
}

/// What shows whether a busy task gets on: its turns, and whether its moment has come.
type Busy = (u64, bool);

impl Presence {
    pub fn new(clock: Clock) -> Presence {
        Presence {
            clock,
            turns: Turns::begun(),
            wake_at: AtomicU64::new(NEVER),
            told: Notify::new(),
            sent: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            called: AtomicU64::new(0),
            returned: AtomicU64::new(0),
            connection: Mutex::new(Wire::None),
            is_owed: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            given_up: Mutex::default(),
        }
    }

    /// A command is about to be sent to the client's task.
    pub fn note_sent(&self) {
        self.sent.fetch_add(1, Ordering::SeqCst);
    }

    /// It was not.
    pub fn note_unsent(&self) {
        self.sent.fetch_sub(1, Ordering::SeqCst);
    }

    /// Commands were carried out. Called inside a turn.
    pub fn note_taken(&self, count: usize) {
        self.taken.fetch_add(count as u64, Ordering::SeqCst);
    }

    /// A callback is about to be queued.
    pub fn note_called(&self) {
        self.called.fetch_add(1, Ordering::SeqCst);
    }

    /// One has run.
    pub fn note_returned(&self) {
        self.returned.fetch_add(1, Ordering::SeqCst);
    }

    /// The client's task begins a turn, if it has not: before it takes anything off its socket.
    pub fn stir(&self) {
        self.turns.begin();
    }

    /// Whether the server owes an answer from here on.
    pub fn set_owed(&self, is_owed: bool) {
        self.is_owed.store(is_owed, Ordering::SeqCst);
    }

    /// Waits for the client's moment, if it has one. Polled when nothing else is to be done, it ends
    /// the turn.
    pub async fn until(&self, moment: Option<Moment>) {
        self.wake_at.store(moment.map_or(NEVER, |moment| moment.0), Ordering::SeqCst);
        while moment.is_none_or(|moment| moment > self.clock.moment()) {
            let mut told = pin!(self.told.notified());
            std::future::poll_fn(|context| {
                self.turns.end(false);
                told.as_mut().poll(context)
            })
            .await;
            self.turns.begin();
        }
    }

    /// An attempt at a connection begins.
    pub fn dial(&self) {
        *self.connection.lock() = Wire::Dialing;
    }

    /// The connection stands, for as long as what this returns exists; the socket has to outlive it.
    pub fn plug(self: &Arc<Self>, socket: RawFd) -> Plug {
        *self.connection.lock() = Wire::Open(socket);
        Plug { presence: Arc::clone(self) }
    }

    /// There is no connection any more.
    pub fn unplug(&self) {
        *self.connection.lock() = Wire::None;
    }

    /// The client's task has ended.
    pub fn leave(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    fn mark(&self, now: Moment) -> Busy {
        (self.turns.count(), self.wake_at.load(Ordering::SeqCst) <= now.0)
    }

    fn is_busy(&self, now: Moment) -> bool {
        if self.is_over.load(Ordering::SeqCst) {
            return false;
        }
        let hears = match *self.connection.lock() {
            Wire::None => false,
            Wire::Dialing => true,
            Wire::Open(socket) => sockets::is_readable(socket),
        };
        hears
            || self.turns.is_inside()
            || self.wake_at.load(Ordering::SeqCst) <= now.0
            || self.sent.load(Ordering::SeqCst) != self.taken.load(Ordering::SeqCst)
    }
}

impl Party for Presence {
    fn next(&self) -> Option<Moment> {
        let moment = self.wake_at.load(Ordering::SeqCst);
        let is_any = moment != NEVER && !self.is_over.load(Ordering::SeqCst);
        is_any.then_some(Moment(moment))
    }

    fn act(&self, now: Moment) {
        if self.next().is_some_and(|moment| moment <= now) {
            self.told.notify_one();
        }
    }

    fn rest(&self, now: Moment) -> Rest {
        let given_up = *self.given_up.lock();
        if self.is_busy(now) && given_up.0 != Some(self.mark(now)) {
            return Rest::Busy;
        }
        let returned = self.returned.load(Ordering::SeqCst);
        if self.called.load(Ordering::SeqCst) != returned && given_up.1 != Some(returned) {
            return Rest::Calling;
        }
        let is_over = self.is_over.load(Ordering::SeqCst);
        if self.is_owed.load(Ordering::SeqCst) && !is_over { Rest::Owed } else { Rest::Quiet }
    }

    fn turns(&self) -> u64 {
        let calls = self.called.load(Ordering::SeqCst) + self.returned.load(Ordering::SeqCst);
        self.turns.count().wrapping_add(calls << 32)
    }

    fn give_up(&self, now: Moment) {
        let mut given_up = self.given_up.lock();
        if self.is_busy(now) {
            given_up.0 = Some(self.mark(now));
        } else {
            given_up.1 = Some(self.returned.load(Ordering::SeqCst));
        }
    }
}

/// A connection that stands.
pub(super) struct Plug {
    presence: Arc<Presence>,
}

impl Drop for Plug {
    fn drop(&mut self) {
        self.presence.unplug();
    }
}

/// A client's task, as long as it runs.
pub(super) struct Attendance {
    pub presence: Option<Arc<Presence>>,
}

impl Drop for Attendance {
    fn drop(&mut self) {
        if let Some(presence) = &self.presence {
            presence.leave();
        }
    }
}
