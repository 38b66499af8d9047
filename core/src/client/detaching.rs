//! The program leaves, and the session stays for whoever has its credentials.
//!
//! Where a crash grace was granted, the server would take the end of the connection for a crash. So the
//! session is attached once more on a connection that asks for no grace, and that one is closed.

use super::config::Credentials;
use super::error::{Error, LossReason, Result};
use super::link::{CLOSE_GRACE, Link};
use super::machine::{Known, Machine, Output, Phase};
use crate::base::Moment;

impl Machine {
    /// The program detaches.
    pub(super) fn detach(&mut self, now: Moment) {
        match self.phase {
            Phase::Detaching { .. } => {}
            Phase::Open if self.lease.safety().grace.is_some() && self.credentials().is_ok() => {
                self.phase = Phase::Detaching { deadline: now + CLOSE_GRACE };
                if self.link.up().is_some() {
                    // Who has the session is there to be told.
                    self.settings.hosts.give_back();
                }
                self.lose_link(now);
                self.link = Link::Idle { until: now };
            }
            _ => self.leave(),
        }
    }

    /// The session has what it needs, or nobody can be told: whoever resumes it will see.
    pub(super) fn leave(&mut self) {
        let result = self.credentials();
        self.phase = Phase::Open;
        self.finish(LossReason::Abandoned, Error::Closed);
        let at = self.outputs.len() - 1;
        self.outputs.insert(at, Output::Detached(result));
    }

    fn credentials(&self) -> Result<Credentials> {
        if self.known.id.is_none() || self.known.is_provisional {
            return Err(Error::ConnectionLoss { sent: false, epoch: self.epoch() });
        }
        let Known { id, password, is_welcomed, .. } = self.known;
        Ok(Credentials::new(id, password.0, self.last_zxid).welcomed(is_welcomed))
    }
}
