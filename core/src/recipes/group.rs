//! A group: who is there.
//!
//! | znode | mode | data |
//! |---|---|---|
//! | `<path>` | persistent, made when it is missing | none |
//! | `<path>/<32 hex>__party__` | ephemeral | what the member says of itself |
//!
//! The layout is kazoo's `Party`; clients of both can be members.
//!
//! Promised: a member whose session ends is gone with it, and is there again, under the same name, in the
//! client's next session. Not promised: that a member can be reached, nor that two members see the same
//! list at the same time.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::line::patiently;
use super::listing::Listing;
use super::names::{self, child};
use super::presence::Presence;
use crate::client::Result;
use crate::io::client::Client;

/// What stands in the names of members.
const MARK: &str = "__party__";

/// A group. Cheap to make and to clone; not a member itself.
#[derive(Clone, Debug)]
pub struct Group {
    client: Client,
    path: String,
}

/// A member as others see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// The name of its znode.
    pub name: String,
    /// What it says of itself.
    pub data: Bytes,
}

/// Being a member. Lasts over sessions until it is left; keeps the client open. Dropping it leaves in
/// the background.
#[derive(Debug)]
#[must_use = "a member leaves when it is dropped"]
pub struct Membership {
    name: String,
    presence: Presence,
}

impl Client {
    /// The group at `path`.
    pub fn group(&self, path: &str) -> Group {
        Group { client: self.clone(), path: path.to_owned() }
    }
}

impl Group {
    /// Joins, and waits until others can see it.
    ///
    /// # Errors
    /// What the server answers, such as `NoAuth`; what finished the client.
    pub async fn join(&self, data: impl Into<Bytes>) -> Result<Membership> {
        let name = format!("{}{MARK}", names::guid()?);
        let path = child(&self.path, &name);
        let presence = Presence::new(&self.client, &path, data.into());
        presence.ready().await?;
        Ok(Membership { name, presence })
    }

    /// Who is there at the moment, in the order of the names.
    ///
    /// # Errors
    /// What reads fail with.
    pub async fn members(&self) -> Result<Vec<Member>> {
        let children = || self.client.ops().children(&self.path);
        let names = match patiently(&self.client, children(), children).await {
            Ok(children) => children.names.into_iter().collect(),
            Err(error) if error.is_no_node() => BTreeSet::new(),
            Err(error) => return Err(error),
        };
        self.read(&names).await
    }

    /// Who is there, and every change of it: `changed` gives the names of the znodes.
    pub fn listing(&self) -> Listing {
        Listing::new(&self.client, &self.path)
    }

    async fn read(&self, names: &BTreeSet<String>) -> Result<Vec<Member>> {
        let ops = self.client.ops();
        let names = names.iter().filter(|name| name.contains(MARK));
        let reads: Vec<_> = names.map(|name| (name, ops.get(&child(&self.path, name)))).collect();
        let mut members = Vec::with_capacity(reads.len());
        for (name, read) in reads {
            match read.await {
                Ok(value) => members.push(Member { name: name.clone(), data: value.data }),
                Err(error) if error.is_no_node() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(members)
    }
}

impl Membership {
    /// The name of the member's znode, the same in every session.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits until the member is there again, if its session has ended.
    ///
    /// # Errors
    /// What the server answers; what finished the client.
    pub async fn ready(&self) -> Result<()> {
        self.presence.ready().await
    }

    /// Whether the member is there: no, if its session may have expired. Computed at the call.
    pub fn is_present(&self) -> bool {
        self.presence.is_present()
    }

    /// Leaves, and waits until it is done. Goes on if the future is dropped.
    pub async fn leave(self) {
        self.presence.end().await;
    }
}
