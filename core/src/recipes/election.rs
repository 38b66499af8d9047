//! An election: one leader at a time, term after term.
//!
//! | znode | mode | data |
//! |---|---|---|
//! | `<path>` | persistent, made when it is missing | none |
//! | `<path>/<32 hex>__lock__<10 digits>` | ephemeral, sequential | the candidate's identifier |
//!
//! The layout is that of a lock and of kazoo's `Election`; candidates of both can stand together, and
//! the first of the line leads.
//!
//! Promised: at most one candidate is certain to lead; each term has a higher token than those before
//! it; candidates lead in the order in which they stood. A program sees the end of its term before it
//! can begin the next.

use bytes::Bytes;

use super::held::Held;
use super::line::{Line, patiently};
use super::listing::Listing;
use super::names::{self, child};
use crate::base::Zxid;
use crate::client::Result;
use crate::io::client::Client;

/// An election to stand in or to watch. Holds nothing itself.
#[derive(Debug)]
pub struct Election {
    line: Line,
}

/// Who leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leader {
    /// What the leader calls itself.
    pub identifier: Bytes,
    /// The token of its term.
    pub token: Zxid,
}

impl Client {
    /// The election at `path`, which is made when it is missing.
    pub fn election(&self, path: &str) -> Election {
        let line = Line {
            client: self.clone(),
            path: path.to_owned(),
            naming: names::EXCLUSIVE,
            data: Bytes::new(),
        };
        Election { line }
    }
}

impl Election {
    /// What others see of this candidate.
    pub fn identifier(mut self, identifier: impl Into<Bytes>) -> Election {
        self.line.data = identifier.into();
        self
    }

    /// Stands for election and waits for a term. It lasts until the [`Held`] is released, dropped or
    /// lost; then ask for the next. Dropping the future withdraws the candidate.
    ///
    /// # Errors
    /// As [`Lock::acquire`](super::Lock::acquire).
    pub async fn next_term(&mut self) -> Result<Held> {
        self.line.acquire().await
    }

    /// The identifiers of all candidates, the leader's first.
    ///
    /// # Errors
    /// What reads fail with.
    pub async fn candidates(&self) -> Result<Vec<Bytes>> {
        self.line.contenders().await
    }

    /// Who leads at the moment, as far as this client's server knows; `None` if nobody stands.
    ///
    /// # Errors
    /// What reads fail with.
    pub async fn leader(&self) -> Result<Option<Leader>> {
        loop {
            let children = || self.line.client.ops().children(&self.line.path);
            let names = match patiently(&self.line.client, children(), children).await {
                Ok(children) => children.names,
                Err(error) if error.is_no_node() => return Ok(None),
                Err(error) => return Err(error),
            };
            let line = self.line.naming.in_order(names);
            let Some(first) = line.first() else { return Ok(None) };
            let path = child(&self.line.path, first);
            let get = || self.line.client.ops().get(&path);
            match patiently(&self.line.client, get(), get).await {
                Ok(value) => {
                    let (identifier, token) = (value.data, value.stat.czxid);
                    return Ok(Some(Leader { identifier, token }));
                }
                // It resigned in between.
                Err(error) if error.is_no_node() => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits until somebody other than `known` leads, or nobody, and says who. Terms that began and
    /// ended in between are not seen.
    ///
    /// # Errors
    /// What reads fail with; what finished the client.
    pub async fn leader_after(&self, known: Option<&Leader>) -> Result<Option<Leader>> {
        let mut listing = Listing::new(&self.line.client, &self.line.path);
        loop {
            listing.changed().await?;
            let leader = self.leader().await?;
            if leader.as_ref() != known {
                return Ok(leader);
            }
        }
    }
}
