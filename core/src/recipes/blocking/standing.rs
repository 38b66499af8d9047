//! What stands in every session: members of groups, and candidates that stand again.

use std::time::Duration;

use bytes::Bytes;

use super::Held;
use crate::base::Zxid;
use crate::client::Result;
use crate::io::blocking::{wait, wait_for};
use crate::recipes::{Member, group, latch};

/// A candidate that stands again by itself; see [`crate::recipes::LeaderLatch`].
#[derive(Debug)]
#[must_use = "a candidate resigns when it is dropped"]
pub struct LeaderLatch {
    latch: latch::LeaderLatch,
}

impl From<latch::LeaderLatch> for LeaderLatch {
    fn from(latch: latch::LeaderLatch) -> LeaderLatch {
        LeaderLatch { latch }
    }
}

impl LeaderLatch {
    /// Whether this candidate certainly leads at this moment.
    pub fn is_leader(&self) -> bool {
        self.latch.is_leader()
    }

    /// The current term; see [`crate::recipes::LeaderLatch::term`].
    pub fn term(&self) -> Option<Held> {
        self.latch.term().map(Held::from)
    }

    /// Waits until leading begins or ends; see [`crate::recipes::LeaderLatch::changed`].
    ///
    /// # Errors
    /// As there.
    pub fn changed(&mut self) -> Result<Option<Zxid>> {
        wait(self.latch.changed())
    }

    /// The same for at most `timeout`; `None` if neither happened.
    pub fn changed_for(&mut self, timeout: Duration) -> Option<Result<Option<Zxid>>> {
        wait_for(self.latch.changed(), timeout)
    }

    /// The identifiers of all candidates, the leader's first.
    ///
    /// # Errors
    /// What reads fail with.
    pub fn candidates(&self) -> Result<Vec<Bytes>> {
        wait(self.latch.candidates())
    }

    /// Resigns, and waits until the candidate is gone.
    pub fn resign(self) {
        wait(self.latch.resign());
    }
}

/// A group; see [`crate::recipes::Group`].
#[derive(Clone, Debug)]
pub struct Group {
    group: group::Group,
}

impl From<group::Group> for Group {
    fn from(group: group::Group) -> Group {
        Group { group }
    }
}

impl Group {
    /// Joins, and waits until others can see it.
    ///
    /// # Errors
    /// As [`crate::recipes::Group::join`].
    pub fn join(&self, data: impl Into<Bytes>) -> Result<Membership> {
        Ok(Membership { membership: wait(self.group.join(data))? })
    }

    /// Who is there at the moment, in the order of the names.
    ///
    /// # Errors
    /// What reads fail with.
    pub fn members(&self) -> Result<Vec<Member>> {
        wait(self.group.members())
    }
}

/// Being a member; see [`crate::recipes::Membership`].
#[derive(Debug)]
#[must_use = "a member leaves when it is dropped"]
pub struct Membership {
    membership: group::Membership,
}

impl Membership {
    /// The name of the member's znode, the same in every session.
    pub fn name(&self) -> &str {
        self.membership.name()
    }

    /// Whether the member is there; see [`crate::recipes::Membership::is_present`].
    pub fn is_present(&self) -> bool {
        self.membership.is_present()
    }

    /// Waits until the member is there again, if its session has ended.
    ///
    /// # Errors
    /// As [`crate::recipes::Membership::ready`].
    pub fn ready(&self) -> Result<()> {
        wait(self.membership.ready())
    }

    /// Leaves, and waits until it is done.
    pub fn leave(self) {
        wait(self.membership.leave());
    }
}
