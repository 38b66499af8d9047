//! Sessions whose clients have asked to be taken for dead as soon as the kernel of their machine closes
//! the connection, and not only when nothing was heard for the whole timeout.
//!
//! A kernel closes the connections of a process that has ended, however it ended. So the end of the
//! stream, or a reset, without a closeSession before it says that nobody will speak for the session
//! again, unless the program reconnects: for that it has its grace. A network that is cut, a machine that
//! is gone and a process that stands still close nothing, and have the whole timeout. What this server
//! closes itself says nothing about its client.

use super::peer::Peer;
use super::{Now, Service};
use crate::base::{Millis, limits};
use crate::wire::Hello;

impl Service {
    /// The grace that a client gets which asks for one in its hello; 0 for none.
    pub(super) fn granted_grace(&self, hello: Hello, timeout: Millis) -> Millis {
        if hello.crash_grace == Millis(0) || !self.options.crash_detection {
            return Millis(0);
        }
        hello.crash_grace.max(limits::CRASH_GRACE_LEAST).min(timeout)
    }

    /// The client's side has closed the connection, and nothing was under way from here that would have
    /// ended it. To be told before [`Service::disconnect`].
    pub fn closed_by_client(&self, peer: &Peer, now: Now) {
        let (Some(grace), Some(held)) = (peer.crash_grace(), peer.lease()) else { return };
        if !peer.outbox.lock().is_open() {
            return;
        }
        let mut sessions = self.sessions.lock();
        if sessions.attachments.get(held.session) == Some(peer.id) {
            sessions.deadlines.shorten(held.session, grace, now.moment);
        }
    }
}
