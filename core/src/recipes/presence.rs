//! A wish: an ephemeral znode that is there in every session of a client.
//!
//! What a session holds ends with it. Membership is not such a claim but something the program wants
//! for as long as it runs, so a task on the client's thread creates the znode again in every new
//! session, and when somebody else has deleted it.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

use super::line::{make_parents, patiently};
use super::sweep::Trace;
use super::trouble::{Trouble, settle};
use crate::base::Code;
use crate::client::{Error, Result};
use crate::io::client::background::{sleep, spawn};
use crate::io::client::{Client, OneShot, Session};

/// A znode that somebody else deleted comes back so much later: two programs that do not agree must
/// not keep a server busy.
const COMES_BACK: Duration = Duration::from_secs(1);

/// How it is.
#[derive(Clone, Debug)]
enum Stage {
    /// On its way, or waiting for a connection or for somebody else's znode to go.
    Absent,
    Present,
    /// It will not come to be.
    Failed(Error),
    /// It is over, and the znode is gone.
    Over,
}

/// The wish. Dropping it takes it back in the background.
#[derive(Debug)]
pub(super) struct Presence {
    stop: watch::Sender<bool>,
    stage: watch::Receiver<Stage>,
}

/// What is wished.
struct Wish {
    path: String,
    data: Bytes,
    /// What tells this znode from another's of the same name.
    mark: Mark,
}

/// How the znode is known to be ours.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// Its name has a GUID in it.
    Name,
    /// Its data are ours, and its owner is our session.
    Data,
}

impl Presence {
    /// Begins to keep `data` at `path`. Keeps the client open.
    ///
    /// # Errors
    /// `Invalid` if the client's thread cannot be started.
    pub fn new(client: &Client, path: String, data: Bytes, mark: Mark) -> Result<Presence> {
        let (stop, stopped) = watch::channel(false);
        let (stage_sender, stage) = watch::channel(Stage::Absent);
        let wish = Wish { path, data, mark };
        spawn(keep(client.clone(), wish, stopped, stage_sender))?;
        Ok(Presence { stop, stage })
    }

    /// Waits until the znode is there.
    ///
    /// # Errors
    /// What the server answers, such as `NoAuth`; what finished the client.
    pub async fn ready(&self) -> Result<()> {
        let mut stage = self.stage.clone();
        let settled = stage.wait_for(|stage| !matches!(stage, Stage::Absent)).await;
        match settled.as_deref() {
            Ok(Stage::Present) => Ok(()),
            Ok(Stage::Failed(error)) => Err(error.clone()),
            _ => Err(Error::Closed),
        }
    }

    /// Whether the znode was there when it was looked at last.
    pub fn is_present(&self) -> bool {
        matches!(*self.stage.borrow(), Stage::Present)
    }

    /// Takes the wish back and waits until the znode is gone. Goes on if the future is dropped.
    pub async fn end(self) {
        self.stop.send_replace(true);
        let mut stage = self.stage.clone();
        // The task says when it is done, or is gone with the client.
        let _ = stage.wait_for(|stage| matches!(stage, Stage::Over | Stage::Failed(_))).await;
    }
}

/// Keeps a znode until it is told to stop.
async fn keep(
    client: Client,
    wish: Wish,
    mut stop: watch::Receiver<bool>,
    stage: watch::Sender<Stage>,
) {
    loop {
        let session = client.session();
        let mut trace = Trace::new(&client, &session);
        let lived = tokio::select! {
            biased;
            // Who has dropped the handle wants it no more than who says so.
            _ = stop.wait_for(|&stop| stop) => None,
            lived = live(&client, &session, (&wish, &mut trace), &stage) => Some(lived),
        };
        match lived {
            None => {
                trace.sweep().await;
                stage.send_replace(Stage::Over);
                return;
            }
            Some(Ok(())) => {
                // Nothing of ours is there, and a late deletion would strike the next.
                trace.keep();
                stage.send_replace(Stage::Absent)
            }
            Some(Err(error)) => {
                stage.send_replace(Stage::Absent);
                let settled = tokio::select! {
                    biased;
                    _ = stop.wait_for(|&stop| stop) => Ok(()),
                    settled = settle(&client, error) => settled,
                };
                if let Err(error) = settled {
                    stage.send_replace(Stage::Failed(error));
                    return;
                }
                continue;
            }
        };
        // Deleted by somebody else.
        tokio::select! {
            biased;
            _ = stop.wait_for(|&stop| stop) => {}
            () = sleep(&session, COMES_BACK) => {}
        }
    }
}

/// One life of the znode in one session. Ends well when somebody else deletes it.
async fn live(
    client: &Client,
    session: &Session,
    (wish, trace): (&Wish, &mut Trace),
    stage: &watch::Sender<Stage>,
) -> Result<()> {
    let mut watch = create(client, session, (wish, trace)).await?;
    stage.send_replace(Stage::Present);
    loop {
        match watch.await {
            Ok(_) | Err(Error::WatchRemoved) => {}
            Err(error) => return Err(error),
        }
        let exists = || session.ops().exists_and_watch(&wish.path);
        match patiently(client, exists(), exists).await? {
            (Some(stat), again) if stat.ephemeral_owner == session.id() => watch = again,
            _ => return Ok(()),
        }
    }
}

/// Creates the znode, or waits until it can. What watches it then.
async fn create(
    client: &Client,
    session: &Session,
    (wish, trace): (&Wish, &mut Trace),
) -> Result<OneShot> {
    loop {
        match wish.mark {
            Mark::Name => trace.expect(&wish.path),
            Mark::Data => trace.expect_marked(&wish.path, wish.data.clone()),
        }
        let create = session.ops().create(&wish.path, wish.data.clone()).ephemeral().submit();
        match create.await {
            Ok(_) => {}
            Err(error) if error.code() == Some(Code::NodeExists) => {}
            Err(error) if error.is_no_node() => {
                let parent = wish.path.rsplit_once('/').map_or("/", |(parent, _)| parent);
                make_parents(client, parent).await?;
                continue;
            }
            Err(error) if Trouble::of(&error) == Trouble::Passing => {
                settle(client, error).await?;
                continue;
            }
            Err(error) => return Err(error),
        }
        let exists = || session.ops().exists_and_watch(&wish.path);
        match patiently(client, exists(), exists).await? {
            (None, _) => {}
            (Some(stat), watch) if stat.ephemeral_owner == session.id() => return Ok(watch),
            // Another session's, which may be one of ours that has not expired yet: it is never
            // touched. When it goes, it is our turn.
            (Some(_), watch) => match watch.await {
                Ok(_) | Err(Error::WatchRemoved) => {}
                Err(error) => return Err(error),
            },
        }
    }
}
