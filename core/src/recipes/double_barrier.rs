//! A barrier that is passed together, on the way in and on the way out.
//!
//! | znode | mode | data |
//! |---|---|---|
//! | `<path>` | persistent, made when it is missing | none |
//! | `<path>/<32 hex>` | ephemeral | a member's identifier |
//! | `<path>/ready` | persistent; there when all have come | none |
//!
//! The layout is kazoo's `DoubleBarrier`, and Curator's but for the names of members.
//!
//! Promised: nobody is in before as many have come as were agreed on, and nobody is out before all have
//! left or their sessions have ended. Limit: one round at a time; who comes while others still leave
//! goes in with them.

use bytes::Bytes;

use super::line::{make_parents, patiently};
use super::names::{self, child};
use super::sweep::Trace;
use super::trouble::settle;
use crate::base::Code;
use crate::client::{Error, Result, State};
use crate::io::client::{Client, OneShot, Session};

/// The name of the znode that says that all have come.
const READY: &str = "ready";

/// A barrier for a number of members. Cheap to make and to clone; holds nothing itself.
#[derive(Clone, Debug)]
pub struct DoubleBarrier {
    client: Client,
    path: String,
    members: usize,
    identifier: Bytes,
}

/// A member that is in. Dropping it takes the member out without waiting for the others.
#[must_use = "a member is out when it is dropped"]
pub struct Entered {
    barrier: DoubleBarrier,
    name: String,
    trace: Trace,
}

impl Client {
    /// The barrier at `path` that opens when so many have come.
    pub fn double_barrier(&self, path: &str, members: usize) -> DoubleBarrier {
        let identifier = Bytes::new();
        DoubleBarrier { client: self.clone(), path: path.to_owned(), members, identifier }
    }
}

impl DoubleBarrier {
    /// What the member's znode says.
    pub fn identifier(mut self, identifier: impl Into<Bytes>) -> DoubleBarrier {
        self.identifier = identifier.into();
        self
    }

    /// Comes, and waits for the others. If the session ends meanwhile it comes again in the next one.
    /// Dropping the future takes the member out.
    ///
    /// # Errors
    /// What the server answers; what finished the client.
    pub async fn enter(&self) -> Result<Entered> {
        loop {
            match self.enter_in(self.client.session()).await {
                Ok(Some(entered)) => return Ok(entered),
                Ok(None) => {}
                Err(error) => settle(&self.client, error).await?,
            }
        }
    }

    async fn enter_in(&self, session: Session) -> Result<Option<Entered>> {
        let name = names::guid()?;
        let (own, ready) = (child(&self.path, &name), child(&self.path, READY));
        let mut trace = Trace::new(&self.client, &session);
        trace.expect(&own);
        self.come(&session, &own).await?;
        loop {
            let ops = session.ops();
            let (exists, list) = (|| ops.exists_and_watch(&ready), || ops.children(&self.path));
            let (look, list_now) = (exists(), list());
            let (is_ready, watch) = patiently(&self.client, look, exists).await?;
            let members = members(patiently(&self.client, list_now, list).await?.names);
            if !members.contains(&name) {
                return Ok(None);
            }
            if is_ready.is_none() {
                if members.len() < self.members {
                    wait(watch).await?;
                    continue;
                }
                make_parents(&self.client, &ready).await?;
            }
            // The session may have ended while that was made, and the member with it.
            if matches!(session.state(), State::Lost(_)) {
                return Ok(None);
            }
            return Ok(Some(Entered { barrier: self.clone(), name, trace }));
        }
    }

    async fn come(&self, session: &Session, own: &str) -> Result<()> {
        loop {
            let create = session.ops().create(own, self.identifier.clone()).ephemeral();
            match create.submit().await {
                Ok(_) => return Ok(()),
                // An answer was lost.
                Err(error) if error.code() == Some(Code::NodeExists) => return Ok(()),
                Err(error) if error.is_no_node() => {
                    make_parents(&self.client, &self.path).await?;
                }
                Err(error @ Error::SessionLost { .. }) => return Err(error),
                Err(error) => settle(&self.client, error).await?,
            }
        }
    }
}

impl Entered {
    /// Leaves, and waits until all have left. The end of the session is a way of leaving, too.
    /// Dropping the future takes the member out without waiting.
    ///
    /// # Errors
    /// What the server answers; what finished the client.
    pub async fn leave(self) -> Result<()> {
        let Entered { barrier, name, trace } = self;
        let mut trace = Some(trace);
        let client = &barrier.client;
        remove(client, &child(&barrier.path, READY)).await?;
        loop {
            let children = || client.ops().children(&barrier.path);
            let mut present = match patiently(client, children(), children).await {
                Ok(children) => members(children.names),
                Err(error) if error.is_no_node() => return Ok(()),
                Err(error) => {
                    settle(client, error).await?;
                    continue;
                }
            };
            present.sort();
            let (Some(first), Some(last)) = (present.first(), present.last()) else {
                return Ok(());
            };
            let is_first = *first == name;
            if !is_first || present.len() == 1 {
                if let Some(trace) = trace.take() {
                    trace.sweep().await;
                }
                if is_first {
                    return Ok(());
                }
            }
            // The first leaves last, so the others need to watch only it.
            let other = child(&barrier.path, if is_first { last } else { first });
            let exists = || client.ops().exists_and_watch(&other);
            match patiently(client, exists(), exists).await {
                Ok((Some(_), watch)) => match wait(watch).await {
                    Ok(()) => {}
                    Err(error) => settle(client, error).await?,
                },
                Ok((None, _)) => {}
                Err(error) => settle(client, error).await?,
            }
        }
    }
}

impl std::fmt::Debug for Entered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entered").field("name", &self.name).finish_non_exhaustive()
    }
}

async fn wait(watch: OneShot) -> Result<()> {
    match watch.await {
        Ok(_) | Err(Error::WatchRemoved) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn remove(client: &Client, path: &str) -> Result<()> {
    loop {
        match client.ops().delete(path, None).await {
            Ok(()) => return Ok(()),
            Err(error) if error.is_no_node() => return Ok(()),
            Err(error) => settle(client, error).await?,
        }
    }
}

fn members(mut names: Vec<String>) -> Vec<String> {
    names.retain(|name| name != READY);
    names
}
