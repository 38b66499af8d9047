//! What a znode says about itself.

use super::ids::{SessionId, Zxid};
use super::time::WallMillis;

/// The metadata of a znode, as clients see it.
///
/// `cversion` is the visible one: it rises by one with each child created and each child deleted.
/// Containers and TTL znodes show no `ephemeral_owner`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stat {
    /// The transaction that created the znode.
    pub czxid: Zxid,
    /// The transaction that last set its data.
    pub mzxid: Zxid,
    /// When it was created.
    pub ctime: WallMillis,
    /// When its data were last set.
    pub mtime: WallMillis,
    /// How often its data were set. Wraps.
    pub version: i32,
    /// How often a child was created or deleted. Wraps.
    pub cversion: i32,
    /// How often its ACL was set. Wraps.
    pub aversion: i32,
    /// The session that owns it, or [`SessionId::NONE`].
    pub ephemeral_owner: SessionId,
    /// Bytes of data; 0 for null.
    pub data_length: i32,
    /// Direct children.
    pub num_children: i32,
    /// The last transaction that created or deleted a direct child, or the one that created it.
    pub pzxid: Zxid,
}
