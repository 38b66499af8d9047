//! A partitioner: shares out items among the members of a group.
//!
//! | znode | mode | data |
//! |---|---|---|
//! | `<path>/party/<32 hex>-<identifier>` | ephemeral | the member's identifier |
//! | `<path>/locks/<item>` | persistent | the [`Lock`](super::Lock) of an item |
//!
//! The layout and the shares are those of kazoo's `SetPartitioner` with its own rule: members sorted by
//! identifier, items sorted as text, and every n-th item to a member. All must be told the same items.
//!
//! Promised: an item is in one share at a time, for a share has a lock on each of its items; when members
//! come or go, or the session is in doubt, a share hands out nothing any more, and the next one comes only
//! after it was given back. Not promised: that items which moved are taken up at once; a member that does
//! not give its share back keeps the others waiting for its items.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use tokio::sync::watch;

use super::held::{Held, LossPoint};
use super::listing::Listing;
use super::names::{self, child};
use super::presence::Presence;
use super::trouble::PAUSE;
use crate::client::{Error, Result};
use crate::io::client::Client;
use crate::io::client::background::{sleep, spawn};

/// A member that gets a share of the items. Keeps the client open; dropping it leaves in the background.
#[derive(Debug)]
#[must_use = "a member leaves when it is dropped"]
pub struct Partitioner {
    client: Client,
    path: String,
    items: Vec<String>,
    name: String,
    presence: Presence,
    members: watch::Receiver<Members>,
}

/// The members as they were seen last; `None` before the first look.
type Members = Option<Result<Arc<BTreeSet<String>>>>;

/// The items of one member. Give it back, by [`Share::release`] or by dropping it, when
/// [`Share::outdated`] says so.
#[derive(Debug)]
#[must_use = "the items are given back when it is dropped"]
pub struct Share {
    items: Vec<String>,
    locks: Vec<Held>,
    among: Arc<BTreeSet<String>>,
    members: watch::Receiver<Members>,
    client: Client,
    epoch: crate::client::Epoch,
}

impl Client {
    /// Joins those who share out `items` at `path`, as `identifier`, and waits until others can see it.
    ///
    /// # Errors
    /// `Invalid` for items or identifiers that are no part of a path; what the server answers; what
    /// finished the client.
    pub async fn partitioner(
        &self,
        path: &str,
        items: impl IntoIterator<Item = impl Into<String>>,
        identifier: &str,
    ) -> Result<Partitioner> {
        let mut items: Vec<String> = items.into_iter().map(Into::into).collect();
        items.sort();
        items.dedup();
        let is_bad = |name: &str| name.is_empty() || name.contains('/');
        if is_bad(identifier) || items.iter().any(|item| is_bad(item)) {
            return Err(Error::Invalid("items and identifiers are parts of paths".into()));
        }
        let party = child(path, "party");
        let name = format!("{}-{identifier}", names::guid()?);
        let data = Bytes::copy_from_slice(identifier.as_bytes());
        let presence = Presence::new(self, &child(&party, &name), data);
        presence.ready().await?;
        let (teller, members) = watch::channel(None);
        spawn(look(Listing::new(self, &party), teller))?;
        let (client, path) = (self.clone(), path.to_owned());
        Ok(Partitioner { client, path, items, name, presence, members })
    }
}

impl Partitioner {
    /// Waits for this member's share: for the others to give back what is in it, and for the members to
    /// stay the same meanwhile. Give back the last share first. Dropping the future gives back what it
    /// has got so far.
    ///
    /// # Errors
    /// What the server answers; what finished the client.
    pub async fn next(&mut self) -> Result<Share> {
        loop {
            self.presence.ready().await?;
            let members = self.members_with_us().await?;
            let mut change = self.members.clone();
            // Only members that differ from these are news.
            change.mark_unchanged();
            if self.members_now().as_ref() != Some(&members) {
                continue;
            }
            tokio::select! {
                biased;
                _ = change.changed() => {}
                share = self.take(&members) => {
                    let share = share?;
                    if share.is_current() {
                        return Ok(share);
                    }
                    // The session is in doubt, or the members differ from those a moment ago.
                    drop(share);
                    self.client.connected().await?;
                    sleep(&self.client.session(), PAUSE).await;
                }
            }
        }
    }

    /// Leaves, and waits until it is done. Goes on if the future is dropped.
    pub async fn leave(self) {
        self.presence.end().await;
    }

    fn members_now(&self) -> Option<Arc<BTreeSet<String>>> {
        self.members.borrow().as_ref()?.as_ref().ok().cloned()
    }

    /// Waits until this member sees itself.
    async fn members_with_us(&mut self) -> Result<Arc<BTreeSet<String>>> {
        let name = self.name.clone();
        let seen = self.members.wait_for(|members| match members {
            None => false,
            Some(Ok(members)) => members.contains(&name),
            Some(Err(_)) => true,
        });
        match seen.await {
            Ok(members) => members.clone().unwrap_or(Err(Error::Closed)),
            Err(_) => Err(Error::Closed),
        }
    }

    async fn take(&self, members: &Arc<BTreeSet<String>>) -> Result<Share> {
        let items = share_of(&self.name, members, &self.items);
        let epoch = self.client.session().epoch();
        let locks = child(&self.path, "locks");
        let mut held = Vec::with_capacity(items.len());
        for item in &items {
            let identifier = identifier_of(&self.name).to_owned();
            let lock = self.client.lock(&child(&locks, item)).identifier(identifier);
            held.push(lock.acquire().await?);
        }
        Ok(Share {
            items,
            locks: held,
            among: Arc::clone(members),
            members: self.members.clone(),
            client: self.client.clone(),
            epoch,
        })
    }
}

impl Share {
    /// The items to work on at this moment; none if the share is outdated.
    pub fn items(&self) -> &[String] {
        if self.is_current() { &self.items } else { &[] }
    }

    /// The lock on an item, to guard transactions with or for its token; `None` if it is not in the
    /// share.
    pub fn held(&self, item: &str) -> Option<&Held> {
        let at = self.items.iter().position(|own| own == item)?;
        self.locks.get(at)
    }

    /// Waits until the share has to be given back: members came or went, or the session ended or is in
    /// doubt. Dropping the future loses nothing.
    pub async fn outdated(&self) {
        let (mut members, mut states) = (self.members.clone(), self.client.states());
        let mut losses: Vec<Pin<Box<dyn Future<Output = Error> + Send + '_>>> = Vec::new();
        for lock in &self.locks {
            losses.push(Box::pin(lock.lost(LossPoint::Jeopardy)));
        }
        while self.is_current() {
            let any_lost = std::future::poll_fn(|context| {
                let mut polls = losses.iter_mut().map(|loss| loss.as_mut().poll(context));
                if polls.any(|poll| poll.is_ready()) { Poll::Ready(()) } else { Poll::Pending }
            });
            tokio::select! {
                changed = members.changed() => if changed.is_err() { return },
                event = states.next() => if event.is_none() { return },
                () = any_lost => return,
            }
        }
    }

    /// Gives the items back, and waits for it.
    ///
    /// # Errors
    /// As [`Held::release`], of the first lock that could not be given back.
    pub async fn release(self) -> Result<()> {
        let mut result = Ok(());
        for lock in &self.locks {
            result = result.and(lock.release().await);
        }
        result
    }

    fn is_current(&self) -> bool {
        let session = self.client.session();
        let is_same =
            matches!(&*self.members.borrow(), Some(Ok(members)) if *members == self.among);
        is_same
            && session.epoch() == self.epoch
            && session.safe_for().is_some()
            && self.locks.iter().all(Held::is_held)
    }
}

/// Tells of the members until nobody listens.
async fn look(mut listing: Listing, teller: watch::Sender<Members>) {
    loop {
        let members = tokio::select! {
            () = teller.closed() => return,
            members = listing.changed() => members.map(|members| Arc::new(members.clone())),
        };
        let is_over = members.is_err();
        teller.send_replace(Some(members));
        if is_over {
            return;
        }
    }
}

/// What the name of a member's znode says of it.
fn identifier_of(name: &str) -> &str {
    name.split_once('-').map_or(name, |(_, identifier)| identifier)
}

/// Every n-th item, beginning with the place of the member among all.
fn share_of(name: &str, members: &BTreeSet<String>, items: &[String]) -> Vec<String> {
    let mut all: Vec<_> = members.iter().map(|name| (identifier_of(name), name.as_str())).collect();
    all.sort();
    let own = all.iter().position(|&(_, member)| member == name);
    own.map_or(Vec::new(), |own| items.iter().skip(own).step_by(all.len()).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_disjoint_and_leave_nothing_over() {
        let items: Vec<String> = (0..7).map(|number| format!("item-{number}")).collect();
        let members: BTreeSet<String> =
            ["ff-a", "00-b", "77-a"].into_iter().map(str::to_owned).collect();
        let share = |name| share_of(name, &members, &items);
        assert_eq!(share("77-a"), ["item-0", "item-3", "item-6"]);
        assert_eq!(share("ff-a"), ["item-1", "item-4"]);
        assert_eq!(share("00-b"), ["item-2", "item-5"]);
        assert_eq!(share("nobody"), [] as [&str; 0]);
    }
}
