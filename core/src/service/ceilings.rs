//! How much clients may have of what costs this server memory or work. Local: no result of a
//! transaction depends on any of it; what one does depend on stands in the rules of its entry.

use std::time::Duration;

use crate::base::limits;
use crate::watch::{self, Usage};

/// The limits of one server. 0 stands for any number, except where it is a time.
#[derive(Clone, Debug)]
pub struct Ceilings {
    /// Connections of all addresses together.
    pub connections: u32,
    /// Sessions.
    pub sessions: u32,
    /// Sessions of one identity, or of one address.
    pub sessions_per_identity: u32,
    /// What is watched, by each connection, by each identity or address, and by all.
    pub watches: watch::Ceilings,
    /// Ephemerals that the sessions of one identity or address keep alive together.
    pub ephemerals_per_identity: u64,
    /// Bytes of them.
    pub ephemeral_bytes_per_identity: u64,
    /// How long a frame may take from its first byte to its last.
    pub frame_timeout: Duration,
    /// Bytes of frames of all connections that are not whole yet.
    pub incomplete_bytes: usize,
    /// Requests of one connection that may wait for their transactions.
    pub line_requests: usize,
    /// Bytes of them.
    pub line_bytes: usize,
    /// Bytes of requests of all connections that may wait for their transactions.
    pub under_way_bytes: usize,
    /// How long the oldest of them may have waited before more of what needs room is refused.
    pub under_way_age: Duration,
    /// Bytes of one answer.
    pub reply: usize,
    /// Bytes of events that may wait for one client.
    pub unread_events: usize,
    /// Bytes that may wait for all clients that do not read.
    pub unread_bytes: usize,
    /// How often the log of the program says that one of these limits is reached.
    pub repeat: Duration,
}

impl Default for Ceilings {
    fn default() -> Ceilings {
        let of = |count, bytes| Usage { count, bytes };
        Ceilings {
            connections: limits::CONNECTIONS,
            sessions: limits::SESSIONS,
            sessions_per_identity: limits::SESSIONS_PER_IDENTITY,
            watches: watch::Ceilings {
                per_connection: of(limits::WATCHES_PER_SESSION, limits::WATCH_BYTES_PER_SESSION),
                per_account: of(limits::WATCHES_PER_IDENTITY, limits::WATCH_BYTES_PER_IDENTITY),
                total: of(limits::WATCHES, limits::WATCH_BYTES),
            },
            ephemerals_per_identity: limits::EPHEMERALS_PER_IDENTITY,
            ephemeral_bytes_per_identity: limits::EPHEMERAL_BYTES_PER_IDENTITY,
            frame_timeout: limits::FRAME_TIMEOUT,
            incomplete_bytes: limits::INCOMPLETE_BYTES,
            line_requests: limits::LINE_REQUESTS,
            line_bytes: limits::LINE_BYTES,
            under_way_bytes: limits::UNDER_WAY_BYTES,
            under_way_age: limits::UNDER_WAY_AGE,
            reply: limits::MAX_REPLY,
            unread_events: limits::OUTBOX_CLOSE,
            unread_bytes: limits::UNREAD_BYTES,
            repeat: limits::LOG_REPEAT,
        }
    }
}

/// Whether as much is used as may be.
pub(super) fn is_reached(used: u64, most: u64) -> bool {
    most != 0 && used >= most
}

/// Whether more is used than may be.
pub(super) fn is_passed(used: usize, most: usize) -> bool {
    most != 0 && used > most
}
