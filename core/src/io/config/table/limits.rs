//! Settings of what clients may have. `docs/limits.md` says what happens at each.

use super::super::setting::{Key, Setting, Standard};
use super::super::value::{Kind, Unit};
use crate::base::limits;

/// More than any machine has.
const MOST: u64 = 1 << 50;

/// The most that a count of 32 bits holds.
const MOST_COUNT: u64 = u32::MAX as u64;

/// A time that is still one when it is added to another.
const MOST_MILLIS: u64 = i32::MAX as u64;

/// Connections of all addresses together.
pub static CONNECTIONS: Setting = Setting::new(
    ("limits.connections", "max-connections"),
    Kind::Number(0, MOST_COUNT, Unit::Count),
    Standard::Number(limits::CONNECTIONS as u64),
    "Connections of all addresses together; one more is closed without a byte. 0 for any number.",
)
.keys(&[Key::same("maxCnxns")]);

/// Sessions of all clients together.
pub static SESSIONS: Setting = Setting::new(
    ("limits.sessions", "max-sessions"),
    Kind::Number(0, MOST_COUNT, Unit::Count),
    Standard::Number(limits::SESSIONS as u64),
    "Sessions of all clients together; a new one beyond is refused by closing its connection. 0 for any number.",
);

/// Sessions of one verified identity, else of one address.
pub static SESSIONS_PER_IDENTITY: Setting = Setting::new(
    ("limits.sessions_per_identity", "max-sessions-per-identity"),
    Kind::Number(0, MOST_COUNT, Unit::Count),
    Standard::Number(limits::SESSIONS_PER_IDENTITY as u64),
    "Sessions of one verified identity, else of one address. 0 for any number.",
);

/// Paths one connection may watch.
pub static WATCHES_PER_SESSION: Setting = Setting::new(
    ("limits.watches_per_session", "max-watches-per-session"),
    Kind::Number(0, MOST, Unit::Count),
    Standard::Number(limits::WATCHES_PER_SESSION as u64),
    "Paths one connection may watch; one more is refused with QuotaExceeded. 0 for any number.",
);

/// What the watches of one connection may take.
pub static WATCH_BYTES_PER_SESSION: Setting = Setting::new(
    ("limits.watch_bytes_per_session", "max-watch-bytes-per-session"),
    Kind::Number(0, MOST, Unit::Bytes),
    Standard::Number(limits::WATCH_BYTES_PER_SESSION as u64),
    "What the watches of one connection may take. 0 for any number.",
);

/// Watches of one verified identity, else of one address.
pub static WATCHES_PER_IDENTITY: Setting = Setting::new(
    ("limits.watches_per_identity", "max-watches-per-identity"),
    Kind::Number(0, MOST, Unit::Count),
    Standard::Number(limits::WATCHES_PER_IDENTITY as u64),
    "Watches of one verified identity, else of one address. 0 for any number.",
);

/// What these watches may take.
pub static WATCH_BYTES_PER_IDENTITY: Setting = Setting::new(
    ("limits.watch_bytes_per_identity", "max-watch-bytes-per-identity"),
    Kind::Number(0, MOST, Unit::Bytes),
    Standard::Number(limits::WATCH_BYTES_PER_IDENTITY as u64),
    "What these watches may take. 0 for any number.",
);

/// Watches of all clients together.
pub static WATCHES: Setting = Setting::new(
    ("limits.watches", "max-watches"),
    Kind::Number(0, MOST, Unit::Count),
    Standard::Number(limits::WATCHES as u64),
    "Watches of all clients together. 0 for any number.",
);

/// What all watches may take.
pub static WATCH_BYTES: Setting = Setting::new(
    ("limits.watch_bytes", "max-watch-bytes"),
    Kind::Number(0, MOST, Unit::Bytes),
    Standard::Number(limits::WATCH_BYTES as u64),
    "What all watches may take. 0 for any number.",
);

/// Ephemerals one session may have.
pub static EPHEMERALS_PER_SESSION: Setting = Setting::new(
    ("limits.ephemerals_per_session", "max-ephemerals-per-session"),
    Kind::Number(0, MOST_COUNT, Unit::Count),
    Standard::Number(limits::EPHEMERALS_PER_SESSION as u64),
    "Ephemerals one session may have; one more is refused with QuotaExceeded. 0 for any number.",
);

/// Paths and data of the ephemerals of one session.
pub static EPHEMERAL_BYTES_PER_SESSION: Setting = Setting::new(
    ("limits.ephemeral_bytes_per_session", "max-ephemeral-bytes-per-session"),
    Kind::Number(0, MOST, Unit::Bytes),
    Standard::Number(limits::EPHEMERAL_BYTES_PER_SESSION),
    "Paths and data of the ephemerals of one session. 0 for any number.",
);

/// Ephemerals of all sessions of one verified identity, else of one address.
pub static EPHEMERALS_PER_IDENTITY: Setting = Setting::new(
    ("limits.ephemerals_per_identity", "max-ephemerals-per-identity"),
    Kind::Number(0, MOST, Unit::Count),
    Standard::Number(limits::EPHEMERALS_PER_IDENTITY),
    "Ephemerals of all sessions of one verified identity, else of one address. 0 for any number.",
);

/// Paths and data of these ephemerals.
pub static EPHEMERAL_BYTES_PER_IDENTITY: Setting = Setting::new(
    ("limits.ephemeral_bytes_per_identity", "max-ephemeral-bytes-per-identity"),
    Kind::Number(0, MOST, Unit::Bytes),
    Standard::Number(limits::EPHEMERAL_BYTES_PER_IDENTITY),
    "Paths and data of these ephemerals. 0 for any number.",
);

/// Values one session may bind to itself.
pub static SESSION_VALUES: Setting = Setting::new(
    ("limits.session_values", "max-session-values"),
    Kind::Number(0, MOST_COUNT, Unit::Count),
    Standard::Number(limits::SESSION_VALUES as u64),
    "Values one session may bind to itself; one more is refused with QuotaExceeded. 0 for none.",
);

/// Names, data and lists of these values.
pub static SESSION_VALUE_BYTES: Setting = Setting::new(
    ("limits.session_value_bytes", "max-session-value-bytes"),
    Kind::Number(0, limits::MOST_SESSION_VALUE_BYTES as u64, Unit::Bytes),
    Standard::Number(limits::SESSION_VALUE_BYTES as u64),
    "Names, data and access control lists of these values.",
);

/// How long a frame may take from its first byte to its last before its connection is cut.
pub static FRAME_TIMEOUT: Setting = Setting::new(
    ("limits.frame_timeout_ms", "frame-timeout"),
    Kind::Number(1, MOST_MILLIS, Unit::Millis),
    Standard::Number(limits::FRAME_TIMEOUT.as_millis() as u64),
    "How long a frame may take from its first byte to its last before its connection is cut.",
);

/// Frames of all connections that are not whole yet.
pub static INCOMPLETE_BYTES: Setting = Setting::new(
    ("limits.incomplete_bytes", "max-incomplete-bytes"),
    Kind::Number(0, MOST, Unit::Bytes),
    Standard::Number(limits::INCOMPLETE_BYTES as u64),
    "Frames of all connections that are not whole yet; beyond, long ones are read no further. 0 for any number.",
);

/// Requests of one connection that may wait for their transactions.
pub static REQUESTS_PER_CONNECTION: Setting = Setting::new(
    ("limits.requests_per_connection", "max-requests-per-connection"),
    Kind::Number(0, MOST, Unit::Count),
    Standard::Number(limits::LINE_REQUESTS as u64),
    "Requests of one connection that may wait for their transactions. 0 for any number.",
);

/// What these requests may take.
pub static REQUEST_BYTES_PER_CONNECTION: Setting = Setting::new(
    ("limits.request_bytes_per_connection", "max-request-bytes-per-connection"),
    Kind::Number(0, MOST, Unit::Bytes),
    Standard::Number(limits::LINE_BYTES as u64),
    "What these requests may take. 0 for any number.",
);

/// What requests of all connections may take that wait for their transactions.
pub static REQUEST_BYTES: Setting = Setting::new(
    ("limits.request_bytes", "max-request-bytes"),
    Kind::Number(0, MOST, Unit::Bytes),
    Standard::Number(limits::UNDER_WAY_BYTES as u64),
    "What requests of all connections may take that wait for their transactions. 0 for any number.",
);

/// How long the oldest write may have waited for the disk before others that need room are refused.
pub static THROTTLE_AFTER: Setting = Setting::new(
    ("limits.throttle_after_ms", "throttle-after"),
    Kind::Number(1, MOST_MILLIS, Unit::Millis),
    Standard::Number(limits::UNDER_WAY_AGE.as_millis() as u64),
    "How long the oldest write may have waited for the disk before others that need room are refused.",
);

/// Largest answer.
pub static MAX_REPLY: Setting = Setting::new(
    ("limits.reply_bytes", "max-reply"),
    Kind::Number(1 << 10, 1 << 30, Unit::Bytes),
    Standard::Number(limits::MAX_REPLY as u64),
    "Largest answer; a read whose answer is larger is refused.",
);

/// Events that may wait for a client that does not read.
pub static UNREAD_EVENT_BYTES: Setting = Setting::new(
    ("limits.unread_event_bytes", "max-unread-events"),
    Kind::Number(0, MOST, Unit::Bytes),
    Standard::Number(limits::OUTBOX_CLOSE as u64),
    "Events that may wait for a client that does not read; beyond, its connection is cut. 0 for any number.",
);

/// What may wait for all clients that do not read.
pub static UNREAD_BYTES: Setting = Setting::new(
    ("limits.unread_bytes", "max-unread-bytes"),
    Kind::Number(0, MOST, Unit::Bytes),
    Standard::Number(limits::UNREAD_BYTES as u64),
    "What may wait for all clients that do not read. 0 for any number.",
);

/// How often the log says that one kind of limit is reached.
pub static LOG_REPEAT: Setting = Setting::new(
    ("limits.log_repeat_ms", "log-repeat"),
    Kind::Number(1, MOST_MILLIS, Unit::Millis),
    Standard::Number(limits::LOG_REPEAT.as_millis() as u64),
    "How often the log says that one kind of limit is reached.",
);
