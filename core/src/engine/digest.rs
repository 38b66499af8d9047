//! The digest that ZooKeeper computes over a tree, version 2: what an import is compared by, and what
//! `hash` shows.
//!
//! It is a sum over the znodes, so it can be kept up with every change. That costs each write a look at
//! the data of the znode and of its parent; who does not ask for it does not pay.

use std::collections::VecDeque;

use super::Engine;
use crate::base::{Zxid, path};
use crate::tree::{Kind, Node, NodeId};

/// Digests are noted as of the zxids that this divides.
const INTERVAL: i64 = 128;

/// How many are kept; the oldest goes first.
const KEPT: usize = 1_024;

/// The digest as of now, and as of some transactions before.
#[derive(Debug)]
pub(super) struct Digests {
    sum: u64,
    noted: VecDeque<(Zxid, u64)>,
}

/// Below this nothing counts: servers differ there.
const RESERVED: &str = "/zookeeper/";

/// What ZooKeeper stores as the owner of a container.
const CONTAINER: i64 = i64::MIN;

/// What ZooKeeper stores in the top byte of the owner of a TTL znode; the milliseconds are below.
const TTL: i64 = 0xFF << 56;

impl Engine {
    /// The digest of the whole tree: equal for equal trees, whoever holds them.
    ///
    /// It does not cover ACLs and sessions. Costs a walk over everything.
    pub fn digest(&self) -> u64 {
        let mut digest = 0_u64;
        self.tree.walk_paths(|path, id| {
            digest = digest.wrapping_add(share(path, self.tree.node(id)));
        });
        digest
    }
}

impl Engine {
    /// Keeps the digest up from now on, and notes it at every 128th transaction. Costs a walk over
    /// everything, once. What was noted before is forgotten.
    pub fn keep_digests(&mut self) {
        self.digests = Some(Box::new(Digests { sum: self.digest(), noted: VecDeque::new() }));
    }

    /// The digests that were noted, the oldest first; none unless they are kept.
    pub fn digests(&self) -> impl Iterator<Item = (Zxid, u64)> {
        self.digests.iter().flat_map(|digests| digests.noted.iter().copied())
    }

    /// The digest that is kept up: the same as [`Engine::digest`], without the walk.
    pub fn kept_digest(&self) -> Option<u64> {
        self.digests.as_ref().map(|digests| digests.sum)
    }

    /// Goes back to the digest of an earlier state, which is the state again.
    pub(super) fn restore_digest(&mut self, sum: u64) {
        if let Some(digests) = &mut self.digests {
            digests.sum = sum;
        }
    }

    /// A znode is about to change or to go: what it is does not count any more.
    pub(super) fn discount(&mut self, id: NodeId, path: &str) {
        if let Some(digests) = &mut self.digests {
            digests.sum = digests.sum.wrapping_sub(share(path, self.tree.node(id)));
        }
    }

    /// A znode has changed or come: what it is counts from now on.
    pub(super) fn count(&mut self, id: NodeId, path: &str) {
        if let Some(digests) = &mut self.digests {
            digests.sum = digests.sum.wrapping_add(share(path, self.tree.node(id)));
        }
    }

    /// A transaction was carried out.
    pub(super) fn note_digest(&mut self) {
        let zxid = self.last_zxid;
        if let Some(digests) = &mut self.digests
            && zxid.0 % INTERVAL == 0
        {
            if digests.noted.len() == KEPT {
                digests.noted.pop_front();
            }
            digests.noted.push_back((zxid, digests.sum));
        }
    }
}

/// What one znode adds to the sum.
fn share(path: &str, node: Node<'_>) -> u64 {
    match path {
        path::ROOT => u64::from(of_znode("", node)),
        path if path.starts_with(RESERVED) => 0,
        path => u64::from(of_znode(path, node)),
    }
}

fn of_znode(path: &str, node: Node<'_>) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    let stat = node.stat();
    let owner = match node.kind() {
        Kind::Persistent => 0,
        Kind::Ephemeral(owner) => owner.0,
        Kind::Container => CONTAINER,
        Kind::Ttl(ttl) => TTL | ttl.millis(),
    };
    crc.update(path.as_bytes());
    crc.update(node.data().unwrap_or_default());
    for long in [stat.czxid.0, stat.mzxid.0, stat.pzxid.0, stat.ctime.0, stat.mtime.0] {
        crc.update(&long.to_be_bytes());
    }
    for int in [node.version(), node.creations(), node.aversion()] {
        crc.update(&int.to_be_bytes());
    }
    crc.update(&owner.to_be_bytes());
    crc.finalize()
}
