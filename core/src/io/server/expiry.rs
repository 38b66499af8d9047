//! The thread that carries out what comes due.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::running::Running;
use crate::base::Moment;
use crate::io::clock::HEARTBEAT;

/// How often a manual clock's owner looks whether all input was read.
const SETTLE: Duration = Duration::from_micros(200);

/// The longest it looks. A client whose bytes nobody reads for that long is suspended or gone.
const SETTLE_MOST: Duration = Duration::from_secs(5);

/// Wakes the thread early, and ends it.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Alarm {
    pub(super) fn stop(&self) {
        *self.stopped.lock() = true;
        self.changed.notify_all();
    }

    /// Sleeps, and says whether to stop.
    pub(super) fn sleep(&self, length: Duration) -> bool {
        let mut stopped = self.stopped.lock();
        if !*stopped {
            self.changed.wait_for(&mut stopped, length);
        }
        *stopped
    }
}

/// Runs until the alarm stops it. A stall of the process makes no deadline pass: the clock leaves it
/// out.
pub(super) fn run(running: &Running, alarm: &Alarm) {
    loop {
        let next = sweep(running);
        let now = running.clock.now();
        let pause = next.map_or(HEARTBEAT, |next| next.since(now.moment)).min(HEARTBEAT);
        if alarm.sleep(pause) {
            return;
        }
    }
}

/// Moves a manual clock to `until`, stopping at every moment at which something is due. What clients
/// sent before counts as heard before.
pub(super) fn advance(running: &Running, until: Moment) {
    settle(running);
    loop {
        let next = running.service.next_sweep().filter(|&next| next <= until);
        running.clock.move_to(next.unwrap_or(until));
        sweep(running);
        running.settle();
        if next.is_none() {
            return;
        }
        settle(running);
    }
}

fn sweep(running: &Running) -> Option<Moment> {
    let now = running.clock.now();
    running.service.sweep(now, &mut |proposal| {
        running.propose(proposal, now);
    })
}

fn settle(running: &Running) {
    let started = Instant::now();
    while running.service.has_unread() && started.elapsed() < SETTLE_MOST {
        std::thread::sleep(SETTLE);
    }
    running.settle();
}
