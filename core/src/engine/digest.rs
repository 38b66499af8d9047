//! The digest that ZooKeeper computes over a tree, version 2: what an import is compared by.

use super::Engine;
use crate::tree::{Kind, Node};

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
            if !path.starts_with(RESERVED) {
                digest = digest.wrapping_add(u64::from(of_znode(path, self.tree.node(id))));
            }
        });
        digest
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
