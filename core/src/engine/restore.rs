//! A state put together from what was written down: an image of our own or somebody else's.

use bytes::Bytes;

use super::quota::Quotas;
use super::{Engine, EngineOptions, Inconsistent, Znode, reserved};
use crate::base::{SessionId, Zxid, limits};
use crate::session::{Ephemerals, Registered, Registry};
use crate::tree::{Kind, NodeId, Tree};

/// A state in the making. It becomes an engine when everything is in and fits together.
pub struct Restore {
    pub(super) options: EngineOptions,
    pub(super) tree: Tree,
    pub(super) registry: Registry,
}

impl Engine {
    /// Begins a state that is only a root.
    pub fn restore(options: EngineOptions) -> Restore {
        let tree = Tree::new(options.hash_seed);
        Restore { options, tree, registry: Registry::default() }
    }

    /// Every znode with its path, parents before their children, the root first as `/`. What shows
    /// the usage of a quota has it as its data.
    pub fn znodes(&self) -> impl Iterator<Item = (String, Znode)> {
        self.tree.walk().map(|id| {
            let path = self.tree.path(id);
            let mut znode = self.tree.node(id).to_znode();
            if let Some(text) = self.usage_text(&path) {
                znode.data = Some(Bytes::from(text));
            }
            (path, znode)
        })
    }
}

impl Restore {
    /// Adds a session.
    ///
    /// # Errors
    /// The id is taken or stands for "no session".
    pub fn session(&mut self, id: SessionId, registered: Registered) -> Result<(), Inconsistent> {
        register(&mut self.registry, id, registered)
    }

    /// Adds a znode; parents come before their children. The root is `/` or empty; if it is never
    /// given it is as in a new tree.
    ///
    /// # Errors
    /// There is no parent, or it is ephemeral; the path is taken or malformed.
    pub fn znode(&mut self, path: &str, znode: Znode) -> Result<(), Inconsistent> {
        self.tree.place(path, &znode).map(drop)
    }

    /// How many ephemerals belong to no session that was added: what [`Restore::finish`] drops.
    pub fn orphans(&self) -> usize {
        self.owned().filter(|&(_, owner)| !self.registry.contains(owner)).count()
    }

    /// Makes it the state after the transaction `last_zxid`. Ephemerals without a registered owner
    /// go, and their parents show that they went with that transaction. Reserved znodes that are
    /// missing are there again.
    ///
    /// # Errors
    /// A znode carries a later zxid, or a reserved one is not persistent.
    pub fn finish(mut self, last_zxid: Zxid) -> Result<Engine, Inconsistent> {
        self.check_zxids(last_zxid)?;
        let orphan = |&(_, owner): &(NodeId, SessionId)| !self.registry.contains(owner);
        let orphans: Vec<NodeId> = self.owned().filter(orphan).map(|(id, _)| id).collect();
        for id in orphans {
            let gone = self.tree.remove(id, last_zxid);
            self.tree.keep(gone);
        }
        reserved::plant(&mut self.tree);
        self.into_engine(last_zxid)
    }

    /// The same for what has to be a state as it is: nothing is dropped and nothing added.
    pub(super) fn finish_exact(self, last_zxid: Zxid) -> Result<Engine, Inconsistent> {
        self.check_zxids(last_zxid)?;
        if let Some((id, owner)) = self.owned().find(|&(_, owner)| !self.registry.contains(owner)) {
            let found = format!("belongs to session {owner}, which is not there");
            return Err(Inconsistent::new(self.tree.path(id), found));
        }
        self.into_engine(last_zxid)
    }

    fn into_engine(self, last_zxid: Zxid) -> Result<Engine, Inconsistent> {
        for path in reserved::ALL {
            let kind = self.tree.find(path).map(|id| self.tree.node(id).kind());
            if kind != Some(Kind::Persistent) {
                return Err(Inconsistent::new(path, "is reserved, and missing or not persistent"));
            }
        }
        let mut ephemerals = Ephemerals::default();
        for (id, owner) in self.owned() {
            let data = self.tree.node(id).data().map_or(0, <[u8]>::len);
            ephemerals.insert(owner, self.tree.path(id), data);
        }
        let Restore { options, tree, registry } = self;
        let rules = options.rules;
        let quotas = Quotas::of(&tree);
        Ok(Engine {
            rules,
            tree,
            registry,
            ephemerals,
            quotas,
            last_zxid,
            max_reply: limits::MAX_REPLY,
            scan: None,
            digests: None,
        })
    }

    fn owned(&self) -> impl Iterator<Item = (NodeId, SessionId)> {
        self.tree.ids().filter_map(|id| match self.tree.node(id).kind() {
            Kind::Ephemeral(owner) => Some((id, owner)),
            Kind::Persistent | Kind::Container | Kind::Ttl(_) => None,
        })
    }

    fn check_zxids(&self, last_zxid: Zxid) -> Result<(), Inconsistent> {
        for id in self.tree.ids() {
            let newest = self.tree.node(id).newest_zxid();
            if newest > last_zxid {
                let found = format!("carries zxid {newest}, the state ends at {last_zxid}");
                return Err(Inconsistent::new(self.tree.path(id), found));
            }
        }
        let sessions = self.registry.iter();
        let living = sessions.map(|(id, registered)| (id, registered.newest_zxid()));
        let ended = self.registry.ended().iter().map(|ended| (ended.id, ended.zxid));
        for (id, newest) in living.chain(ended) {
            if newest > last_zxid {
                let found = format!("knows of zxid {newest}, the state ends at {last_zxid}");
                return Err(Inconsistent::new(format!("session {id}"), found));
            }
        }
        Ok(())
    }
}

/// Adds a session that was written down.
pub(super) fn register(
    registry: &mut Registry,
    id: SessionId,
    registered: Registered,
) -> Result<(), Inconsistent> {
    let fault = |found| Err(Inconsistent::new(format!("session {id}"), found));
    if id.is_none() {
        return fault("has an id that no session can have");
    }
    if registry.insert(id, registered) { Ok(()) } else { fault("is there twice") }
}
