//! What comes due is carried out: by a thread, or as a manual clock moves.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::running::Running;
use crate::base::Moment;
use crate::io::clock::HEARTBEAT;
use crate::io::clock::manual::{Party, Rest};

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

/// A server, to its manual clock.
pub(super) struct Timed {
    pub(super) running: Arc<Running>,
}

impl Party for Timed {
    fn next(&self) -> Option<Moment> {
        self.running.service.next_sweep()
    }

    fn act(&self, _now: Moment) {
        sweep(&self.running);
        self.running.settle();
    }

    fn rest(&self, _now: Moment) -> Rest {
        // What is under way is answered in its turn, and then waits to be sent.
        self.running.settle();
        let Running { service, entrance, .. } = &*self.running;
        let is_busy = entrance.is_asked()
            || service.is_stirring()
            || service.closing() != entrance.lingering();
        if is_busy { Rest::Busy } else { Rest::Quiet }
    }

    fn turns(&self) -> u64 {
        let Running { service, entrance, .. } = &*self.running;
        service.turns().wrapping_add(entrance.turns.count())
    }

    /// A session whose time is up ends, whatever its client does at the same moment.
    fn is_first(&self) -> bool {
        true
    }
}

fn sweep(running: &Running) -> Option<Moment> {
    let now = running.clock.now();
    running.service.sweep(now, &mut |proposal| {
        running.propose(proposal, now);
    })
}
