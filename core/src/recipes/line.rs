//! Standing in line: one znode for each contender, and each waits for the one before it.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;

use super::held::Held;
use super::names::{self, Naming, child};
use super::sweep::Trace;
use super::trouble::{Trouble, settle};
use crate::base::{Code, CreateMode, Stat};
use crate::client::{Error, Outcome, Result};
use crate::io::client::background::sleep;
use crate::io::client::{Client, OneShot, Pending, Session};

/// A line in which this client may stand.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub client: Client,
    pub path: String,
    pub naming: Naming,
    pub data: Bytes,
}

/// How an attempt in one session ended.
enum Attempt {
    Held(Held),
    /// Somebody else has it, and we do not wait.
    Taken,
    /// Our znode is gone, or another session's: start at the end of the line.
    Again,
}

impl Line {
    /// Waits in line until it is our turn; over the end of a session at the end of the line.
    ///
    /// # Errors
    /// What the server answers (`NoAuth`, `QuotaExceeded`), `Invalid` for a bad path, what finished
    /// the client.
    pub async fn acquire(&self) -> Result<Held> {
        loop {
            if let Some(held) = self.attempt(true).await? {
                return Ok(held);
            }
        }
    }

    /// The same if nobody is before us, without waiting for anybody.
    pub async fn try_acquire(&self) -> Result<Option<Held>> {
        self.attempt(false).await
    }

    /// Waits for at most `timeout`.
    pub async fn acquire_within(&self, timeout: Duration) -> Result<Held> {
        within(&self.client, timeout, self.acquire()).await
    }

    /// The data of everybody in line, those who hold it first.
    pub async fn contenders(&self) -> Result<Vec<Bytes>> {
        let ops = self.client.ops();
        let children = match ops.children(&self.path).await {
            Ok(children) => children.names,
            Err(error) if error.is_no_node() => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let line = self.naming.in_order(children);
        let reads: Vec<_> = line.iter().map(|name| ops.get(&child(&self.path, name))).collect();
        let mut data = Vec::with_capacity(reads.len());
        for read in reads {
            match read.await {
                Ok(value) => data.push(value.data),
                Err(error) if error.is_no_node() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(data)
    }

    async fn attempt(&self, waits: bool) -> Result<Option<Held>> {
        loop {
            match self.attempt_in(self.client.session(), waits).await {
                Ok(Attempt::Held(held)) => return Ok(Some(held)),
                Ok(Attempt::Taken) => return Ok(None),
                Ok(Attempt::Again) => {}
                Err(error) => settle(&self.client, error).await?,
            }
        }
    }

    async fn attempt_in(&self, session: Session, waits: bool) -> Result<Attempt> {
        let mut trace = Trace::new(&self.client, &session);
        let prefix = self.naming.prefix(&names::guid()?);
        let name = self.enter(&session, &mut trace, &prefix).await?;
        let path = child(&self.path, &name);
        trace.expect(&path);
        let mut own: Option<(Stat, OneShot)> = None;
        loop {
            let ops = session.ops();
            // Both are on their way before either is awaited.
            let look = own.is_none().then(|| ops.exists_and_watch(&path));
            let children = self.patiently(ops.children(&self.path), || ops.children(&self.path));
            let children = children.await?.names;
            if let Some(look) = look {
                let found = self.patiently(look, || ops.exists_and_watch(&path)).await?;
                own = match found {
                    (Some(stat), watch) if stat.ephemeral_owner == session.id() => {
                        Some((stat, watch))
                    }
                    // Of another session: nothing of ours.
                    _ => return Ok(Attempt::Again),
                };
            }
            if !children.contains(&name) {
                return Ok(Attempt::Again);
            }
            let Some(before) = self.naming.predecessor(&name, &children) else {
                let Some(own) = own else { return Ok(Attempt::Again) };
                trace.keep();
                return Ok(Attempt::Held(Held::new(&self.client, session.clone(), path, own)));
            };
            if !waits {
                trace.sweep().await;
                return Ok(Attempt::Taken);
            }
            if let Some(gone) = self.watch(&session, &child(&self.path, &before)).await? {
                own = wait_for_turn(gone, own).await?;
            }
        }
    }

    /// Leaves a watch on the one before us; `None` if it is gone.
    async fn watch(&self, session: &Session, path: &str) -> Result<Option<OneShot>> {
        let ops = session.ops();
        // Of a znode that is gone this leaves no watch, which would stay for nothing.
        let get = || ops.get_and_watch(path);
        match self.patiently(get(), get).await {
            Ok((_, watch)) => return Ok(Some(watch)),
            Err(error) if error.is_no_node() => return Ok(None),
            // Who may not read its data may still know whether it is there.
            Err(error) if error.code() == Some(Code::NoAuth) => {}
            Err(error) => return Err(error),
        }
        let exists = || ops.exists_and_watch(path);
        let (stat, watch) = self.patiently(exists(), exists).await?;
        Ok(stat.map(|_| watch))
    }

    /// Creates our znode and finds it again if the answer is lost. Its name.
    async fn enter(&self, session: &Session, trace: &mut Trace, prefix: &str) -> Result<String> {
        trace.expect_prefixed(&self.path, prefix);
        let begins = child(&self.path, prefix);
        loop {
            let create = session.ops().create(&begins, self.data.clone());
            let create = create.mode(CreateMode::EphemeralSequential).submit();
            let error = match create.await {
                Ok(created) => return Ok(names::last(&created.path).to_owned()),
                Err(error) if error.is_no_node() => {
                    make_parents(&self.client, &self.path).await?;
                    continue;
                }
                Err(error) => error,
            };
            let is_unknown = error.outcome() == Outcome::Unknown;
            if Trouble::of(&error) != Trouble::Passing {
                return Err(error);
            }
            settle(&self.client, error).await?;
            if is_unknown {
                // So that the server has applied whatever came through: a contender that is overlooked
                // would stand before us.
                drop(session.ops().sync(&self.path));
                let children = || session.ops().children(&self.path);
                let found = match self.patiently(children(), children).await {
                    Ok(children) => children.names,
                    Err(error) if error.is_no_node() => Vec::new(),
                    Err(error) => return Err(error),
                };
                if let Some(name) = found.into_iter().find(|name| name.starts_with(prefix)) {
                    return Ok(name);
                }
            }
        }
    }

    /// A read that is asked again while only the connection is at fault.
    async fn patiently<T>(&self, first: Pending<T>, again: impl Fn() -> Pending<T>) -> Result<T> {
        patiently(&self.client, first, again).await
    }
}

/// A read that is asked again while only the connection is at fault; in its session, if it has one.
pub(super) async fn patiently<T>(
    client: &Client,
    first: Pending<T>,
    again: impl Fn() -> Pending<T>,
) -> Result<T> {
    let mut answer = first;
    loop {
        match answer.await {
            Err(error) if Trouble::of(&error) == Trouble::Passing => {
                settle(client, error).await?;
                answer = again();
            }
            answer => return answer,
        }
    }
}

/// Waits until the one before us, or our own znode, changes. What is still known of our own.
async fn wait_for_turn(
    gone: OneShot,
    own: Option<(Stat, OneShot)>,
) -> Result<Option<(Stat, OneShot)>> {
    let Some((stat, mut watch)) = own else { return Ok(None) };
    tokio::select! {
        event = gone => match event {
            Ok(_) | Err(Error::WatchRemoved) => Ok(Some((stat, watch))),
            Err(error) => Err(error),
        },
        event = &mut watch => match event {
            Ok(_) | Err(Error::WatchRemoved) => Ok(None),
            Err(error) => Err(error),
        },
    }
}

/// Creates a persistent znode and what is above it, as far as it is missing. Whether somebody else was
/// faster does not matter.
pub(super) async fn make_parents(client: &Client, path: &str) -> Result<()> {
    let create = || client.ops().create(path, Bytes::new()).parents().submit();
    loop {
        match patiently(client, create(), create).await {
            Ok(_) => return Ok(()),
            Err(error) if error.code() == Some(Code::NodeExists) => return Ok(()),
            // It belongs to no session, and may not be there.
            Err(error @ Error::SessionLost { .. }) => settle(client, error).await?,
            Err(error) => return Err(error),
        }
    }
}

/// Waits for something for at most `timeout`; it is dropped then.
///
/// # Errors
/// `Timeout`, with the outcome that nothing was acquired.
pub(super) async fn within<T>(
    client: &Client,
    timeout: Duration,
    wanted: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::select! {
        biased;
        got = wanted => got,
        () = sleep(&client.session(), timeout) => {
            Err(Error::Timeout { sent: false, epoch: client.session().epoch() })
        }
    }
}
