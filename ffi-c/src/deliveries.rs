//! Counts the sinks through which a client may still call its program.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use crate::arguments::Patience;

/// The sinks of one client, counted.
#[derive(Default)]
pub(crate) struct Deliveries {
    live: Mutex<usize>,
    none_left: Condvar,
}

impl Deliveries {
    /// Counts one more, until the returned value is dropped.
    pub(crate) fn join(self: &Arc<Self>) -> Delivery {
        *self.live.lock() += 1;
        Delivery { deliveries: self.clone() }
    }

    /// Waits until none is left; false if patience ended first.
    pub(crate) fn wait_until_none(&self, patience: Patience) -> bool {
        let mut live = self.live.lock();
        while *live > 0 {
            match patience {
                Patience::None => return false,
                Patience::Endless => self.none_left.wait(&mut live),
                Patience::Until(end) => {
                    if self.none_left.wait_until(&mut live, end).timed_out() && *live > 0 {
                        return false;
                    }
                }
            }
        }
        true
    }
}

/// One sink that counts.
pub(crate) struct Delivery {
    deliveries: Arc<Deliveries>,
}

impl Drop for Delivery {
    fn drop(&mut self) {
        let mut live = self.deliveries.live.lock();
        *live -= 1;
        if *live == 0 {
            self.deliveries.none_left.notify_all();
        }
    }
}
