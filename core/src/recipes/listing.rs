//! The children of a znode, and every change of them.

use std::collections::BTreeSet;

use super::line::patiently;
use super::trouble::{Trouble, settle};
use crate::client::{Error, Result};
use crate::io::client::{Children, Client, OneShot};

/// The names of the children of a znode, read again whenever they change.
///
/// It reads when it is asked: states that pass while nobody asks are not seen. It goes on over lost
/// connections and over sessions. A znode that does not exist has no children, and its creation is a
/// change.
#[derive(Debug)]
pub struct Listing {
    client: Client,
    path: String,
    known: Option<BTreeSet<String>>,
    watch: Option<OneShot>,
}

impl Client {
    /// The children of `path`, and every change of them.
    pub fn listing(&self, path: &str) -> Listing {
        Listing::new(self, path)
    }
}

impl Listing {
    pub(super) fn new(client: &Client, path: &str) -> Listing {
        Listing { client: client.clone(), path: path.to_owned(), known: None, watch: None }
    }

    /// The names: the first time as they are, then each time when they differ from the last. Dropping
    /// the future loses nothing.
    ///
    /// # Errors
    /// `NoAuth` and what else reads fail with for good; what finished the client. It can be asked again.
    pub async fn changed(&mut self) -> Result<&BTreeSet<String>> {
        loop {
            self.wait().await?;
            let names = self.read().await?;
            if self.known.as_ref() != Some(&names) {
                return Ok(self.known.insert(names));
            }
        }
    }

    /// Waits for any change since the last look, if there was one, and looks again: also if the names are
    /// the same as then, for in between they may have been others. Dropping the future loses nothing.
    pub(super) async fn stirred(&mut self) -> Result<()> {
        self.wait().await?;
        self.known = Some(self.read().await?);
        Ok(())
    }

    /// Waits for the event that the last look left, if it left one.
    async fn wait(&mut self) -> Result<()> {
        let Some(watch) = &mut self.watch else { return Ok(()) };
        let event = watch.await;
        self.watch = None;
        match event {
            Ok(_) | Err(Error::WatchRemoved) => Ok(()),
            Err(error) => settle(&self.client, error).await,
        }
    }

    /// Looks, and leaves a watch.
    async fn read(&mut self) -> Result<BTreeSet<String>> {
        let (client, path) = (&self.client, &self.path);
        loop {
            let children = || client.ops().children_and_watch(path);
            match patiently(client, children(), children).await {
                Ok((Children { names, .. }, watch)) => {
                    self.watch = Some(watch);
                    return Ok(names.into_iter().collect());
                }
                Err(error) if error.is_no_node() => {}
                Err(error) if Trouble::of(&error) == Trouble::SessionOver => {
                    settle(client, error).await?;
                    continue;
                }
                Err(error) => return Err(error),
            }
            let exists = || client.ops().exists_and_watch(path);
            match patiently(client, exists(), exists).await {
                Ok((None, watch)) => {
                    self.watch = Some(watch);
                    return Ok(BTreeSet::new());
                }
                // Created in between.
                Ok((Some(_), _)) => {}
                Err(error) => settle(client, error).await?,
            }
        }
    }
}
