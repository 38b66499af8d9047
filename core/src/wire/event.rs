//! Watch events: the frames a client gets unasked.

use bytes::{BufMut, Bytes, BytesMut};

use super::frame;
use super::jute::{self, Reader};
use super::reply::{ReplyHeader, XID_EVENT};
use crate::base::{EventKind, Zxid};

/// The only state a server puts into an event: connected.
const SYNC_CONNECTED: i32 = 3;

/// The zxid of an event that no transaction of this moment caused: re-registration found it out.
pub const NO_ZXID: Zxid = Zxid(-1);

/// One watch event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WatchEvent {
    /// What happened.
    pub kind: EventKind,
    /// To which znode; for [`EventKind::ChildrenChanged`] the parent.
    pub path: String,
}

impl WatchEvent {
    /// Reads what follows the header. `None` for an event of a kind this release does not know.
    pub fn decode(body: Bytes) -> jute::Result<Option<WatchEvent>> {
        let mut reader = Reader::new(body);
        let kind = reader.int()?;
        reader.int()?;
        let path = reader.nullable_string()?.unwrap_or_default();
        Ok(EventKind::from_number(kind).map(|kind| WatchEvent { kind, path }))
    }
}

/// Appends the whole frame of an event.
pub fn put(out: &mut BytesMut, kind: EventKind, path: &str, zxid: Zxid) {
    frame::put(out, |out| {
        ReplyHeader { xid: XID_EVENT, zxid, error: 0 }.encode(out);
        out.put_i32(kind.number());
        out.put_i32(SYNC_CONNECTED);
        jute::put_string(out, path);
    });
}
