//! Containers and TTL znodes: which of them are due, and their removal.
//!
//! Whoever orders transactions looks for what is due by its own clock and proposes each removal. The
//! removal looks again, by the time on the transaction: a child, a write or a new znode in its place
//! may have come between.

use super::Engine;
use super::draft::{Asker, Draft};
use crate::base::{Code, WallMillis, path};
use crate::tree::{Kind, Node};

/// Bytes of paths that come due together. A path can be a thousand times as long as what the tree keeps
/// of it.
const MOST_BYTES: usize = 16 << 20;

impl Engine {
    /// The paths of containers and TTL znodes that are due at this time, `most` of them at most, and no
    /// more behind a number of bytes.
    pub fn due_for_reaping(&self, at: WallMillis, most: usize) -> Vec<String> {
        let due = self.tree.reapable().filter(|&id| self.is_due(self.tree.node(id), at));
        let mut bytes = 0;
        let paths = due.take(most).map(|id| self.tree.path(id)).take_while(|path| {
            let is_in_time = bytes < MOST_BYTES;
            bytes += path.len();
            is_in_time
        });
        paths.collect()
    }

    /// Whether there is anything that can come due.
    pub fn has_reapable(&self) -> bool {
        self.tree.reapable().next().is_some()
    }

    /// Removes a znode that came due. No ACL is asked.
    ///
    /// # Errors
    /// `NoNode`, `NotEmpty`, or `BadVersion` if it is not due or not of a kind that comes due.
    pub(super) fn reap(
        &mut self,
        draft: &mut Draft,
        path: &str,
        asker: Asker<'_>,
    ) -> Result<(), Code> {
        let id = self.tree.find(path).ok_or(Code::NoNode)?;
        let node = self.tree.node(id);
        if !node.kind().is_reapable() {
            return Err(Code::BadVersion);
        }
        if node.num_children() > 0 {
            return Err(Code::NotEmpty);
        }
        if !self.is_due(node, asker.at) {
            return Err(Code::BadVersion);
        }
        let parent = path::parent(path).and_then(|parent| self.tree.find(parent));
        self.draft_remove(draft, (parent.ok_or(Code::NoNode)?, id), path, asker.zxid);
        Ok(())
    }

    fn is_due(&self, node: Node<'_>, at: WallMillis) -> bool {
        let age = at.0.saturating_sub(node.mtime().0);
        let unused = self.rules.never_used_containers;
        node.num_children() == 0
            && match node.kind() {
                Kind::Container if node.creations() > 0 => true,
                Kind::Container => unused.is_some_and(|limit| age > i64::from(limit.0)),
                Kind::Ttl(ttl) => age > ttl.millis(),
                Kind::Persistent | Kind::Ephemeral(_) => false,
            }
    }
}
