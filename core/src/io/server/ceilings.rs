//! A server's settings for what clients may have. Each has its default in `base/limits.rs`, and a row in
//! `docs/limits.md`.

use std::time::Duration;

use super::builder::ServerBuilder;

impl ServerBuilder {
    /// Connections of all addresses together; one more is closed without a byte. 0 for any number.
    /// Default: 50,000.
    pub fn max_connections(mut self, most: u32) -> Self {
        self.ceilings.connections = most;
        self
    }

    /// Sessions of all clients together. A new one beyond is refused by closing its connection without a
    /// byte, and whoever has a session gets it back all the same. 0 for any number. Default: 500,000.
    pub fn max_sessions(mut self, most: u32) -> Self {
        self.ceilings.sessions = most;
        self
    }

    /// Sessions of one identity that SASL or a certificate has verified, else of one address; refused in
    /// the same way. 0 for any number. Default: 100,000.
    pub fn max_sessions_per_identity(mut self, most: u32) -> Self {
        self.ceilings.sessions_per_identity = most;
        self
    }

    /// Paths one connection may watch; a request that would leave one more is refused with
    /// `QuotaExceeded`. 0 for any number. Default: 500,000.
    pub fn max_watches_per_session(mut self, most: usize) -> Self {
        self.ceilings.watches.per_connection.count = most;
        self
    }

    /// Bytes these watches may take; refused in the same way. 0 for any number. Default: 128 MiB.
    pub fn max_watch_bytes_per_session(mut self, bytes: usize) -> Self {
        self.ceilings.watches.per_connection.bytes = bytes;
        self
    }

    /// Watches of one verified identity, else of one address; refused in the same way. 0 for any number.
    /// Default: 2,000,000.
    pub fn max_watches_per_identity(mut self, most: usize) -> Self {
        self.ceilings.watches.per_account.count = most;
        self
    }

    /// Bytes these watches may take; refused in the same way. 0 for any number. Default: 512 MiB.
    pub fn max_watch_bytes_per_identity(mut self, bytes: usize) -> Self {
        self.ceilings.watches.per_account.bytes = bytes;
        self
    }

    /// Watches of all clients together; refused in the same way. 0 for any number. Default: 5,000,000.
    pub fn max_watches(mut self, most: usize) -> Self {
        self.ceilings.watches.total.count = most;
        self
    }

    /// Bytes all watches may take; refused in the same way. 0 for any number. Default: 1 GiB.
    pub fn max_watch_bytes(mut self, bytes: usize) -> Self {
        self.ceilings.watches.total.bytes = bytes;
        self
    }

    /// Ephemerals one session may have; one more is refused with `QuotaExceeded`. Exact, and the same
    /// after a restart under other settings: it stands in the log. 0 for any number. Default: 100,000.
    pub fn max_ephemerals_per_session(mut self, most: u32) -> Self {
        self.ephemerals_per_session = if most == 0 { u32::MAX } else { most };
        self
    }

    /// Bytes these may have, paths and data; what would exceed it is refused in the same way. 0 for any
    /// number. Default: 256 MiB.
    pub fn max_ephemeral_bytes_per_session(mut self, bytes: u64) -> Self {
        self.ephemeral_bytes_per_session = if bytes == 0 { u64::MAX } else { bytes };
        self
    }

    /// Ephemerals, and values bound to themselves, of all sessions of one verified identity, else of one
    /// address. Once there are as many, what would add one is refused with `QuotaExceeded`; what is under
    /// way at that moment can come on top. 0 for any number. Default: 500,000.
    pub fn max_ephemerals_per_identity(mut self, most: u64) -> Self {
        self.ceilings.ephemerals_per_identity = most;
        self
    }

    /// Bytes these may have, paths and data; refused in the same way. 0 for any number. Default: 512 MiB.
    pub fn max_ephemeral_bytes_per_identity(mut self, bytes: u64) -> Self {
        self.ceilings.ephemeral_bytes_per_identity = bytes;
        self
    }

    /// How long a frame may take from its first byte to its last, and an eighth more at most, before its
    /// connection is cut. The session stays. Default: 30 s.
    pub fn frame_timeout(mut self, timeout: Duration) -> Self {
        self.ceilings.frame_timeout = timeout.max(Duration::from_millis(1));
        self
    }

    /// Bytes of frames that are not whole yet. A connection whose frame has 4 KiB is read no further while
    /// those of the others have more than this together. 0 for any number. Default: 256 MiB.
    pub fn max_incomplete_bytes(mut self, bytes: usize) -> Self {
        self.ceilings.incomplete_bytes = bytes;
        self
    }

    /// Requests of one connection that may wait for their transactions; above it the connection is read
    /// no further until some are done. 0 for any number. Default: 65,536.
    pub fn max_requests_per_connection(mut self, most: usize) -> Self {
        self.ceilings.line_requests = most;
        self
    }

    /// Bytes of these requests; the same happens above it. 0 for any number. Default: 4 MiB.
    pub fn max_request_bytes_per_connection(mut self, bytes: usize) -> Self {
        self.ceilings.line_bytes = bytes;
        self
    }

    /// Bytes of requests of all connections that may wait for their transactions. Above it connections
    /// that have some waiting are read no further; from twice as much on what needs room is refused with
    /// `ThrottledOp`, from three times on deletes are too. 0 for any number. Default: 128 MiB.
    pub fn max_request_bytes(mut self, bytes: usize) -> Self {
        self.ceilings.under_way_bytes = bytes;
        self
    }

    /// How long the oldest write may have waited for the disk before others that need room are refused
    /// with `ThrottledOp`. Default: 10 s.
    pub fn throttle_after(mut self, age: Duration) -> Self {
        self.ceilings.under_way_age = age;
        self
    }

    /// Bytes of one answer, from 1 KiB to 1 GiB; a read whose answer is longer is refused with
    /// `MarshallingError`. Default: 64 MiB.
    pub fn max_reply(mut self, bytes: usize) -> Self {
        self.ceilings.reply = bytes.clamp(1 << 10, 1 << 30);
        self
    }

    /// Bytes of events that may wait for a client that does not read; above it its connection is cut and
    /// its session stays. 0 for any number. Default: 16 MiB.
    pub fn max_unread_events(mut self, bytes: usize) -> Self {
        self.ceilings.unread_events = bytes;
        self
    }

    /// Bytes that may wait for all clients that do not read. Above it answers of more than 4 KiB are
    /// refused with `ThrottledOp`, and 1 MiB of events is too much for one client. 0 for any number.
    /// Default: 512 MiB.
    pub fn max_unread_bytes(mut self, bytes: usize) -> Self {
        self.ceilings.unread_bytes = bytes;
        self
    }

    /// How often the log says that one kind of limit is reached. Default: 10 s.
    pub fn log_repeat(mut self, interval: Duration) -> Self {
        self.ceilings.repeat = interval;
        self
    }
}
