//! Settings of what stands between a client and its session: ports, timeouts, limits.

use crate::base::limits;
use crate::io::config::setting::{Form, Key, Setting, Standard};
use crate::io::config::value::{Kind, Unit};

/// The most that fits into a session timeout on the wire.
const MOST_MILLIS: u64 = i32::MAX as u64;

/// Smaller than this, no request to open a session fits.
const LEAST_FRAME: u64 = 64;

/// Where a server listens that was not told.
pub const LISTEN_DEFAULT: &str = "127.0.0.1:2181";

/// Where plain connections are taken.
pub static LISTEN: Setting = Setting::new(
    ("listen.address", "listen"),
    Kind::Address { or_none: true },
    Standard::Text(LISTEN_DEFAULT),
    "Where to listen: * is every interface, port 0 takes a free one and prints it, none is no plain port.",
)
.keys(&[
    Key::read_as("clientPort", Form::Together),
    Key::read_as("clientPortAddress", Form::Together),
]);

/// Connections that wait to be accepted.
pub static BACKLOG: Setting = Setting::new(
    ("listen.backlog", "backlog"),
    Kind::Number(1, MOST_MILLIS, Unit::Count),
    Standard::Number(limits::BACKLOG as u64),
    "Connections the kernel holds until they are accepted; it holds fewer if net.core.somaxconn is less.",
)
.keys(&[Key::read_as("clientPortListenBacklog", Form::OrDefault)]);

/// Whether the kernel probes silent connections.
pub static KEEP_ALIVE: Setting = Setting::new(
    ("listen.keep_alive", "keep-alive"),
    Kind::Bool,
    Standard::Bool(false),
    "Whether the kernel probes silent connections. Sessions have heartbeats of their own.",
)
.keys(&[Key::same("clientTcpKeepAlive")]);

/// Threads that serve connections.
pub static WORKERS: Setting = Setting::new(
    ("listen.workers", "workers"),
    Kind::Number(1, 1_024, Unit::Count),
    Standard::Words("one for each core"),
    "Threads that serve connections.",
);

/// The unit of default session timeouts.
pub static TICK: Setting = Setting::new(
    ("session.tick_ms", "tick"),
    Kind::Number(1, MOST_MILLIS, Unit::Millis),
    Standard::Number(limits::TICK.as_millis() as u64),
    "Unit of the default session timeouts; nothing is rounded to it.",
)
.keys(&[Key::same("tickTime")]);

/// Whether a crashed client's session may end early.
pub static CRASH_DETECTION: Setting = Setting::new(
    ("session.crash_detection", "crash-detection"),
    Kind::Bool,
    Standard::Bool(true),
    "Whether a session that asks for it ends soon after its client's machine has closed the connection.",
)
.keys(&[Key::same("crashDetection")]);

/// The shortest session timeout granted.
pub static MIN_SESSION_TIMEOUT: Setting = Setting::new(
    ("session.min_timeout_ms", "min-session-timeout"),
    Kind::Number(1, MOST_MILLIS, Unit::Millis),
    Standard::Words("2 ticks"),
    "Shortest session timeout granted.",
)
.keys(&[Key::read_as("minSessionTimeout", Form::OrDefault)]);

/// The longest session timeout granted.
pub static MAX_SESSION_TIMEOUT: Setting = Setting::new(
    ("session.max_timeout_ms", "max-session-timeout"),
    Kind::Number(1, MOST_MILLIS, Unit::Millis),
    Standard::Words("20 ticks"),
    "Longest session timeout granted.",
)
.keys(&[Key::read_as("maxSessionTimeout", Form::OrDefault)]);

/// The top byte of session ids.
pub static SERVER_ID: Setting = Setting::new(
    ("session.server_id", "server-id"),
    Kind::Number(0, 255, Unit::Count),
    Standard::Number(1),
    "The top byte of the ids of sessions that this server opens.",
);

/// Whether sessions are listed.
pub static SESSION_DIRECTORY: Setting = Setting::new(
    ("session.directory", "session-directory"),
    Kind::Bool,
    Standard::Bool(true),
    "Whether sessions are listed below /zookeeper/sessions, and bind values to themselves there.",
);

/// Who may read that list.
pub static SESSION_READERS: Setting = Setting::new(
    ("session.readers", "session-readers"),
    Kind::List,
    Standard::Text("world:anyone"),
    "Who may read and watch that list, each as SCHEME:ID: it says who is connected from where.",
);

/// Connections of one address.
pub static CONNECTIONS_PER_ADDRESS: Setting = Setting::new(
    ("limits.connections_per_address", "max-connections-per-address"),
    Kind::Number(0, MOST_MILLIS, Unit::Count),
    Standard::Number(limits::CONNECTIONS_PER_ADDRESS as u64),
    "Connections one address may hold; one more is closed without a byte. 0 for any number.",
)
.keys(&[Key::same("maxClientCnxns")]);

/// The largest request.
pub static MAX_FRAME: Setting = Setting::new(
    ("limits.frame_bytes", "max-frame"),
    Kind::Number(LEAST_FRAME, limits::MOST_FRAME as u64, Unit::Bytes),
    Standard::Number(limits::MAX_FRAME as u64),
    "Largest request accepted; a larger one ends its connection.",
)
.keys(&[Key::same("jute.maxbuffer")]);

/// Replies that may wait.
pub static OUTSTANDING: Setting = Setting::new(
    ("limits.outstanding", "outstanding-limit"),
    Kind::Number(1, u32::MAX as u64, Unit::Count),
    Standard::Number(limits::OUTSTANDING as u64),
    "Replies that may wait for slow clients before those are read no further.",
)
.keys(&[Key::same("globalOutstandingLimit")]);

/// How long a connection may go without a session.
pub static SESSIONLESS: Setting = Setting::new(
    ("limits.sessionless_ms", "sessionless-timeout"),
    Kind::Number(1, MOST_MILLIS, Unit::Millis),
    Standard::Number(limits::SESSIONLESS_TIMEOUT.as_millis() as u64),
    "How long a connection may go without a session before it is closed.",
)
.keys(&[Key::same("nio.sessionlessCnxnTimeout")]);
