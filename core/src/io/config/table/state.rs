//! Settings of what a server keeps: its directory, its snapshots, its znodes.

use crate::base::limits;
use crate::io::config::setting::{Form, Key, Setting, Standard};
use crate::io::config::value::{Kind, Unit};

/// A time that is still one when it is added to another.
const MOST_MILLIS: u64 = i64::MAX as u64 / 1_000_000;

/// Where everything is kept.
pub static DATA: Setting = Setting::new(
    ("data.dir", "data"),
    Kind::Path,
    Standard::Words("in memory, and gone with the program"),
    "Keep everything in this directory: what was acknowledged is there after a crash.",
)
.keys(&[Key::read_as("dataDir", Form::Together)]);

/// Whether the directory is made.
pub static CREATE_DATA: Setting = Setting::new(
    ("data.create", "create-data"),
    Kind::Bool,
    Standard::Bool(true),
    "Whether the data directory is made if it does not exist; if not, a server without it does not start.",
)
.keys(&[Key::same("datadir.autocreate")]);

/// What has to be free on the disk.
pub static LEAST_FREE: Setting = Setting::new(
    ("data.least_free_bytes", "least-free"),
    Kind::Number(0, u64::MAX >> 1, Unit::Bytes),
    Standard::Number(limits::LEAST_FREE),
    "What has to be free on the disk; with less, writes that need room are refused.",
);

/// When a flush is slow.
pub static SLOW_SYNC: Setting = Setting::new(
    ("data.slow_sync_ms", "slow-sync"),
    Kind::Number(0, MOST_MILLIS, Unit::Millis),
    Standard::Number(limits::SLOW_SYNC.as_millis() as u64),
    "A flush of the log that takes longer is worth a line in the program's log.",
)
.keys(&[Key::same("fsync.warningthresholdms")]);

/// Transactions between snapshots.
pub static SNAPSHOT_AFTER_TXNS: Setting = Setting::new(
    ("snapshots.after_txns", "snapshot-after-txns"),
    Kind::Number(1, u64::MAX >> 1, Unit::Count),
    Standard::Number(limits::SNAPSHOT_TXNS),
    "Transactions after which a snapshot is taken.",
)
.keys(&[Key::read_as("snapCount", Form::AtLeast(2))]);

/// Bytes of log between snapshots.
pub static SNAPSHOT_AFTER_BYTES: Setting = Setting::new(
    ("snapshots.after_bytes", "snapshot-after-bytes"),
    Kind::Number(1, u64::MAX >> 1, Unit::Bytes),
    Standard::Number(limits::SNAPSHOT_BYTES),
    "Bytes of log after which a snapshot is taken.",
)
.keys(&[Key::read_as("snapSizeLimitInKb", Form::Kib)]);

/// Time between snapshots.
pub static SNAPSHOT_AFTER: Setting = Setting::new(
    ("snapshots.after_seconds", "snapshot-after"),
    Kind::Number(1, MOST_MILLIS / 1_000, Unit::Seconds),
    Standard::Number(limits::SNAPSHOT_AGE.as_secs()),
    "Seconds after which a snapshot is taken, if anything has changed.",
);

/// Snapshots that are kept.
pub static SNAPSHOTS_KEPT: Setting = Setting::new(
    ("snapshots.kept", "snapshots-kept"),
    Kind::Number(1, u16::MAX as u64, Unit::Count),
    Standard::Number(limits::SNAPSHOTS_KEPT as u64),
    "Snapshots that are kept, with all of the log behind the oldest of them.",
)
.keys(&[Key::read_as("autopurge.snapRetainCount", Form::AtLeast(3))]);

/// TTL znodes.
pub static EXTENDED_TYPES: Setting = Setting::new(
    ("znodes.extended_types", "extended-types"),
    Kind::Bool,
    Standard::Bool(true),
    "Whether znodes with a time to live can be created.",
)
.keys(&[Key::same("extendedTypesEnabled")]);

/// How often containers and TTL znodes are looked at.
pub static REAP_INTERVAL: Setting = Setting::new(
    ("znodes.reap_interval_ms", "reap-interval"),
    Kind::Number(1, MOST_MILLIS, Unit::Millis),
    Standard::Number(limits::REAP_INTERVAL.as_millis() as u64),
    "How often containers and TTL znodes are looked at.",
)
.keys(&[Key::same("znode.container.checkIntervalMs")]);

/// How many of them go at a time.
pub static REAP_MOST: Setting = Setting::new(
    ("znodes.reap_most", "reap-most"),
    Kind::Number(1, u32::MAX as u64, Unit::Count),
    Standard::Number(limits::REAP_MOST as u64),
    "Containers and TTL znodes one look may remove; the others wait for the next.",
)
.keys(&[Key::same("znode.container.maxPerMinute")]);

/// Containers that never had a child.
pub static NEVER_USED_CONTAINERS: Setting = Setting::new(
    ("znodes.never_used_containers_ms", "never-used-containers"),
    Kind::Number(0, MOST_MILLIS, Unit::Millis),
    Standard::Number(0),
    "Age at which a container that never had a child is removed. 0 keeps it.",
)
.keys(&[Key::same("znode.container.maxNeverUsedIntervalMs")]);
