//! A state made from its image.

use super::image::{self, Counts, Item, MAX_ITEM, Missing, VERSION, ZnodeItem};
use super::{Engine, EngineOptions, Inconsistent, Restore};
use crate::base::Zxid;
use crate::session::Registry;
use crate::tree::{Loaded, Loading};

/// A state in the making, fed with the bytes of an image in pieces of any size.
///
/// Whatever the bytes are, it neither panics nor allocates more than a few times as much as it was
/// fed. After an error it is of no more use.
pub struct Loader {
    options: EngineOptions,
    /// The beginning of an item whose end has not come yet.
    held: Vec<u8>,
    tree: Loading,
    /// The numbers that the tree gave to the image's ACLs.
    acls: Vec<u32>,
    registry: Registry,
    counts: Counts,
    last_zxid: Option<Zxid>,
    is_over: bool,
}

impl Loader {
    /// Begins a state without anything.
    pub fn new(options: EngineOptions) -> Loader {
        let tree = Loading::new(options.hash_seed);
        Loader {
            options,
            held: Vec::new(),
            tree,
            acls: Vec::new(),
            registry: Registry::default(),
            counts: Counts::default(),
            last_zxid: None,
            is_over: false,
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// They cannot be what comes next in an image.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Inconsistent> {
        if self.held.is_empty() {
            let rest = self.take_all(bytes)?;
            self.held.extend_from_slice(rest);
            return Ok(());
        }
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(bytes);
        let rest = self.take_all(&held)?.len();
        held.drain(..held.len() - rest);
        self.held = held;
        Ok(())
    }

    /// How much has come so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Makes it an engine.
    ///
    /// # Errors
    /// The image is not complete, or what it says is not a state that transactions lead to.
    pub fn finish(self) -> Result<Engine, Inconsistent> {
        let Some(last_zxid) = self.last_zxid.filter(|_| self.is_over && self.held.is_empty())
        else {
            return Err(image_fault("does not end where it should"));
        };
        let tree = self.tree.finish()?;
        let restore = Restore { options: self.options, tree, registry: self.registry };
        restore.finish_exact(last_zxid)
    }

    /// Takes whole items and returns what is left.
    fn take_all<'a>(&mut self, mut bytes: &'a [u8]) -> Result<&'a [u8], Inconsistent> {
        while !bytes.is_empty() {
            match image::take(&mut bytes) {
                Ok(item) => self.take(item)?,
                Err(Missing::More) if bytes.len() <= MAX_ITEM => break,
                Err(_) => return Err(image_fault("has a malformed item")),
            }
        }
        Ok(bytes)
    }

    fn take(&mut self, item: Item<'_>) -> Result<(), Inconsistent> {
        if self.is_over {
            return Err(image_fault("goes on behind its end"));
        }
        if self.last_zxid.is_none() != matches!(item, Item::Head { .. }) {
            return Err(image_fault("does not have its head at its beginning"));
        }
        match item {
            Item::Head { version: 1..=VERSION, last_zxid } if last_zxid < Zxid::ZERO => {
                return Err(image_fault("ends at a zxid below zero"));
            }
            Item::Head { version: 1..=VERSION, last_zxid } => self.last_zxid = Some(last_zxid),
            Item::Head { version, .. } => {
                return Err(image_fault(&format!(
                    "has format version {version}, this release reads up to {VERSION}"
                )));
            }
            Item::Acl(list) => {
                self.counts.acls += 1;
                self.acls.push(self.tree.acl(&list.into()));
            }
            Item::Session(id, registered) => {
                self.counts.sessions += 1;
                super::restore::register(&mut self.registry, id, registered)?;
            }
            Item::Ended(ended) => drop(self.registry.note_end(ended)),
            Item::Znode(znode) => self.znode(znode)?,
            Item::End(counts) if counts == self.counts => self.is_over = true,
            Item::End(_) => return Err(image_fault("does not hold what its end counts")),
        }
        Ok(())
    }

    fn znode(&mut self, znode: ZnodeItem<'_>) -> Result<(), Inconsistent> {
        let Some(&acl) = self.acls.get(znode.acl as usize) else {
            let what = format!("the znode in slot {}", znode.number);
            return Err(Inconsistent::new(what, "has an ACL that is not there"));
        };
        self.counts.znodes += 1;
        self.tree.znode(Loaded {
            number: znode.number,
            parent: znode.parent,
            name: znode.name,
            data: znode.data,
            acl,
            metadata: znode.metadata,
        })
    }
}

fn image_fault(found: &str) -> Inconsistent {
    Inconsistent::new("the image", found)
}
