//! A claim on a znode, and the watch over it.

use std::sync::Arc;

use tokio::sync::watch;

use super::trouble::settle_within;
use crate::base::Zxid;
use crate::client::{Change, Error, WatchItem};
use crate::io::client::{OneShot, Session, States};

/// What is known about something held, shared with the task that watches its znode.
pub(super) struct Claim {
    pub session: Session,
    pub path: String,
    pub token: Zxid,
    pub version: i32,
    /// Whether the znode is gone, or no longer this claim's.
    pub gone: watch::Sender<bool>,
}

impl Claim {
    /// Its znode is gone, or no longer this claim's.
    pub fn note_gone(&self) {
        self.gone.send_replace(true);
    }
}

/// Where a session is told that it holds something.
pub(super) fn note_claim(session: &Session, path: &str) {
    session.note_claim(path);
}

/// And that it holds it no more.
pub(super) fn forget_claim(session: &Session, path: &str) {
    session.drop_claim(path);
}

/// Notices when somebody deletes the znode. Ends with it, or with the session.
pub(super) async fn watch_over(claim: Arc<Claim>, mut states: States, watch: OneShot) {
    let mut watch = watch;
    loop {
        match watch.await {
            Ok(WatchItem::Changed { change: Change::Deleted, .. }) => return claim.note_gone(),
            Ok(_) | Err(Error::WatchRemoved) => {}
            // The session is over, and says so itself.
            Err(_) => return,
        }
        watch = loop {
            match claim.session.ops().exists_and_watch(&claim.path).await {
                // Adopted by another session it is the same znode, and not this claim's any more.
                Ok((Some(stat), watch))
                    if stat.czxid == claim.token && stat.ephemeral_owner == claim.session.id() =>
                {
                    break watch;
                }
                Ok(_) => return claim.note_gone(),
                Err(error) => {
                    if !settle_within(&claim.session, &mut states, &error).await {
                        return;
                    }
                }
            }
        };
    }
}
