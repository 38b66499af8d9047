//! The znodes every server has from the start, below `/zookeeper`.

use crate::base::{Acl, WallMillis, Zxid, path};
use crate::tree::{Birth, Kind, Tree};

const ZOOKEEPER: &str = "/zookeeper";
const QUOTA: &str = "/zookeeper/quota";
const CONFIG: &str = "/zookeeper/config";

/// Whether the path is one that cannot be deleted.
pub(super) fn is_reserved(path: &str) -> bool {
    matches!(path, path::ROOT | ZOOKEEPER | QUOTA | CONFIG)
}

/// The paths that cannot be deleted.
pub(super) const ALL: [&str; 4] = [path::ROOT, ZOOKEEPER, QUOTA, CONFIG];

/// Puts those into a tree that it does not have. No transaction created them, so no parent counts them.
pub(super) fn plant(tree: &mut Tree) {
    for path in [ZOOKEEPER, QUOTA, CONFIG] {
        if tree.find(path).is_some() {
            continue;
        }
        let above = path::parent(path).and_then(|parent| tree.find(parent));
        let parent = above.expect("the list names parents before children");
        let id = tree.plant(
            parent,
            Birth {
                path,
                data: Some(b""),
                acl: if path == CONFIG { Acl::read_unsafe() } else { Acl::open_unsafe() },
                kind: Kind::Persistent,
                zxid: Zxid::ZERO,
                at: WallMillis(0),
            },
        );
        if path == CONFIG {
            // ZooKeeper writes this ACL with the version that matches any.
            tree.set_aversion(id, -1);
        }
    }
}
