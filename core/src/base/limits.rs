//! Every ceiling of the project, in one place. Each says what happens when it is reached.

use std::time::Duration;

use super::time::Millis;

/// Largest frame body accepted from a peer, in bytes (ZooKeeper's `jute.maxbuffer`). A longer one
/// closes the connection before anything is allocated for it.
pub const MAX_FRAME: usize = 0xF_FFFF;

/// The most that [`MAX_FRAME`] can be set to, in bytes: a request and all that its asker has proven
/// still fit into one entry of the log.
pub const MOST_FRAME: usize = 63 << 20;

/// Largest reply a client accepts and a server sends, in bytes. ZooKeeper's Java client takes 1 MiB;
/// lists of children are the usual reason to need more. A longer one drops the client's connection;
/// the server answers a read with an error instead.
pub const MAX_REPLY: usize = 64 << 20;

/// Largest request a client sends, counted in bytes of data, paths and identities. A larger one fails
/// before it is encoded. Servers take less unless they are told otherwise; see [`MAX_FRAME`].
pub const MAX_REQUEST: usize = 64 << 20;

/// Connections one address may hold at a time (ZooKeeper's `maxClientCnxns`). One more is closed
/// without a byte.
pub const CONNECTIONS_PER_ADDRESS: u32 = 60;

/// Connections of all addresses together (ZooKeeper's `maxCnxns`). One more is closed without a byte:
/// to a client that is a server it could not reach, and it tries the next one.
pub const CONNECTIONS: u32 = 50_000;

/// How long a connection may take to open a session, and to read the reply to the close of one. Then
/// it is closed without a byte.
pub const SESSIONLESS_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a frame may take from its first byte to its last. Then the connection is cut; the session
/// stays. A look is taken every eighth of that time, so it can be as much longer.
pub const FRAME_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of frames that are not whole yet. No more is read from a connection whose frame has
/// [`INCOMPLETE_FREE`] bytes while those of the others have more than this together.
pub const INCOMPLETE_BYTES: usize = 256 << 20;

/// Bytes of a frame that are read whatever the others have.
pub const INCOMPLETE_FREE: usize = 4 << 10;

/// Sessions of all clients together. A new one is refused by closing its connection without a byte: a
/// client that is told of an expiry gives up, one that loses a connection tries elsewhere. Whoever has
/// a session gets it back at any time.
pub const SESSIONS: u32 = 500_000;

/// Sessions of one verified identity, or of one address where nothing was verified. A new one is refused
/// in the same way.
pub const SESSIONS_PER_IDENTITY: u32 = 100_000;

/// Paths one connection may watch. A request that would leave one more is refused with
/// `QuotaExceeded`: to ask again later does not help. Watches of an earlier connection that find no
/// room end the connection after that answer, for clients do not look at it.
pub const WATCHES_PER_SESSION: usize = 500_000;

/// Bytes these watches may take, paths and what it takes to keep them. Refused in the same way.
pub const WATCH_BYTES_PER_SESSION: usize = 128 << 20;

/// Watches of one verified identity, or of one address. Refused in the same way.
pub const WATCHES_PER_IDENTITY: usize = 2_000_000;

/// Bytes of them. Refused in the same way.
pub const WATCH_BYTES_PER_IDENTITY: usize = 512 << 20;

/// Watches of all clients together. Refused in the same way.
pub const WATCHES: usize = 5_000_000;

/// Bytes of them. Refused in the same way.
pub const WATCH_BYTES: usize = 1 << 30;

/// Requests of all connections that wait for an answer (ZooKeeper's `globalOutstandingLimit`).
/// Above it no more is read from connections that have some waiting.
pub const OUTSTANDING: usize = 1_000;

/// Bytes of replies that may wait for a client that does not read. Above it nothing more is read
/// from that connection until it has drained to half.
pub const OUTBOX_PAUSE: usize = 1 << 20;

/// Bytes of watch events that may wait for a client that does not read. Above it the connection is
/// closed; the session stays, and re-registering its watches catches up.
pub const OUTBOX_CLOSE: usize = 16 << 20;

/// Bytes of replies and events that may wait for all clients that do not read. Above it an answer longer
/// than [`UNREAD_FREE`] is refused with `ThrottledOp`, and a connection is cut when as many bytes of
/// events wait for it as [`OUTBOX_PAUSE`].
pub const UNREAD_BYTES: usize = 512 << 20;

/// Bytes of an answer that is given whatever waits.
pub const UNREAD_FREE: usize = 4 << 10;

/// How often the program's log says that one kind of limit is reached; what comes between is counted.
pub const LOG_REPEAT: Duration = Duration::from_secs(10);

/// Bytes of requests of one connection that may wait for their transactions. Above it nothing more is
/// read from that connection until some are done.
pub const LINE_BYTES: usize = 4 << 20;

/// How many of them may.
pub const LINE_REQUESTS: usize = 65_536;

/// How many of them may be reads that wait for a write before them. They are answered together, with
/// nobody else at the tree. Nothing is taken behind one whose answer is a list.
pub const LINE_TURNS: usize = 256;

/// Bytes that may wait for one client while the reads that waited for its write are answered. Above it
/// an answer longer than [`UNREAD_FREE`] is refused with `ThrottledOp`.
pub const LINE_ANSWERS: usize = 32 << 20;

/// Bytes of requests of all connections that may wait for their transactions, with what it takes to
/// keep them. Above it nothing more is read from connections that have some waiting.
pub const UNDER_WAY_BYTES: usize = 128 << 20;

/// Twice [`UNDER_WAY_BYTES`] can only wait if very many connections send a little each, which holding
/// them back does not help against. From there on what needs room is refused with `ThrottledOp`, so are
/// reads that would have to wait; from three times as much on deletes are too. A heartbeat, a
/// re-attach and a close never are.
pub const REFUSE_AT: usize = 2;

/// How long the oldest write may have waited for the disk before others that need room are refused with
/// `ThrottledOp`: they would wait longer than clients do.
pub const UNDER_WAY_AGE: Duration = Duration::from_secs(10);

/// A sync of the log that takes longer is worth a line in the program's log (ZooKeeper's
/// `fsync.warningthresholdms`).
pub const SLOW_SYNC: Duration = Duration::from_secs(1);

/// Transactions after which a snapshot is taken (ZooKeeper's `snapCount`).
pub const SNAPSHOT_TXNS: u64 = 100_000;

/// Bytes of log after which one is.
pub const SNAPSHOT_BYTES: u64 = 256 << 20;

/// The time after which one is, if anything has changed.
pub const SNAPSHOT_AGE: Duration = Duration::from_secs(3_600);

/// Snapshots that are kept (ZooKeeper's `autopurge.snapRetainCount`), with the log behind the oldest.
pub const SNAPSHOTS_KEPT: usize = 3;

/// Bytes that have to be free on the disk for writes that need room.
pub const LEAST_FREE: u64 = 8 << 20;

/// Connections the kernel may hold until they are accepted; it holds fewer where
/// `net.core.somaxconn` is less. More are refused by the kernel, or wait in their clients.
pub const BACKLOG: u32 = 4_096;

/// Bytes of the log's own room that deletes and new sessions may use up where the disk has no other.
/// Then they are refused too, with `NotReadOnly` and by the end of the connection; the rest is for
/// sessions that end.
pub const RESERVE_FOR_REQUESTS: u64 = 1 << 20;

/// Bytes read from a socket at a time.
pub const READ_CHUNK: usize = 64 << 10;

/// Length of the basic time unit of the configuration (ZooKeeper's `tickTime`).
pub const TICK: Duration = Duration::from_secs(3);

/// The shortest session timeout granted, in ticks.
pub const MIN_SESSION_TICKS: u32 = 2;

/// The longest session timeout granted, in ticks.
pub const MAX_SESSION_TICKS: u32 = 20;

/// Longest value or record, in bytes, that is read from a file of Apache ZooKeeper; its own default is
/// 1 MiB. A longer one is refused as damage.
pub const APACHE_RECORD: usize = 64 << 20;

/// How often containers and TTL znodes are looked at (ZooKeeper's
/// `znode.container.checkIntervalMs`).
pub const REAP_INTERVAL: Duration = Duration::from_secs(60);

/// How many containers and TTL znodes one look may remove (ZooKeeper's
/// `znode.container.maxPerMinute`); the others wait for the next look.
pub const REAP_MOST: usize = 10_000;

/// How late the expiry thread may be, with nobody else looking at the clock either, before that counts
/// as a stall of the whole process, by which all deadlines move.
pub const STALL: Duration = Duration::from_millis(100);

/// Bytes of paths in one frame when a client re-registers its watches after a reconnect.
pub const SET_WATCHES_BYTES: usize = 128 << 10;

/// Items a watch stream holds for a slow reader. Then they collapse into one `Resync`.
pub const WATCH_BUFFER: usize = 1_024;

/// Reads that one tree view may have on the way. The next waits for the answer to one of them.
pub const VIEW_READS: usize = 64;

/// How long a view waits before it asks again what a server refused for the moment. Its value stays what
/// it was meanwhile.
pub const VIEW_RETRY: Duration = Duration::from_secs(1);

/// Session events a reader may be behind. Then the older ones that only tell of a connection are
/// dropped; ends of epochs and first connections are not.
pub const SESSION_EVENTS: usize = 64;

/// Requests that may wait in one client, sent or not. One more fails at once.
pub const CLIENT_REQUESTS: usize = 1 << 20;

/// The shortest grace of a session whose client's side has closed the connection. One that is asked for
/// and is shorter becomes this, and one that is longer than the timeout becomes that.
pub const CRASH_GRACE_LEAST: Millis = Millis(10);

/// The usual grace of a client that wants its crash to be noticed: longer than a reconnect to a server
/// that is there takes, and too short for anybody to wait for.
pub const CRASH_GRACE: Millis = Millis(200);

/// The session timeout a client asks for unless told otherwise.
pub const SESSION_TIMEOUT: Millis = Millis(10_000);

/// Bytes of lines that may wait to be written to the audit log, and one line. More are lost; `mntr`
/// counts them as `audit_lines_lost`, and the log says how many.
pub const AUDIT_BYTES: usize = 16 << 20;

/// Bytes of the answer to one four-letter word, and what it takes to find them. A longer list is cut,
/// and a last line says how much is left out; `mntr` counts it as `words_cut`.
pub const WORD_BYTES: usize = 1 << 20;

/// Bytes of all such answers that may grow with what the server holds, in one second. What is asked for
/// above it is refused with a sentence; `mntr` counts it as `words_refused`.
pub const WORD_BYTES_PER_SECOND: usize = 8 << 20;

/// Most identities one connection can collect. One more is refused like a failed authentication.
pub const IDENTITIES: usize = 128;

/// Most bytes of identities one connection can collect. One more is refused in the same way.
pub const IDENTITY_BYTES: usize = 16 << 10;

/// How often a connection may fail to log in, where those who fail may stay. Then it is closed like any
/// other that failed.
pub const FAILED_LOGINS: usize = 4;

/// Longest token of a SASL exchange, in bytes, that either side takes. A longer one fails the exchange.
pub const SASL_TOKEN: usize = 4_096;

/// Longest name and longest password, in bytes, of a user of SASL. Longer ones are refused where they
/// are configured, and fail the exchange.
pub const SASL_NAME: usize = 255;

/// Rounds of hashing between a password and what a server keeps of it for SCRAM.
pub const SCRAM_ROUNDS: u32 = 10_000;

/// The fewest rounds of SCRAM a client accepts: fewer would show a false server more of the password
/// than a true one needs. It is refused, and the client ends with `AuthFailed`.
pub const SCRAM_FEWEST_ROUNDS: u32 = 4_096;

/// The most rounds of SCRAM a client accepts: a false server must not be able to hold up the thread
/// that keeps sessions alive. It is refused, and the client ends with `AuthFailed`.
pub const SCRAM_MOST_ROUNDS: u32 = 100_000;

/// Most entries of one access control list, once `auth` in it has been replaced by what the asker has
/// proven. A longer one is invalid: every check walks through the whole list while others wait.
pub const ACL_ENTRIES: usize = 1_024;

/// Most bytes of schemes and ids in one access control list, once `auth` in it has been replaced by
/// what the asker has proven. A longer one is invalid.
pub const ACL_BYTES: usize = 1 << 20;

/// Ephemerals one session may have. One more is refused with `QuotaExceeded`.
pub const EPHEMERALS_PER_SESSION: u32 = 100_000;

/// Bytes the ephemerals of one session may have, paths and data. What would exceed it is refused with
/// `QuotaExceeded`.
pub const EPHEMERAL_BYTES_PER_SESSION: u64 = 256 << 20;

/// Longest file of certificates or keys that is read, in bytes; the authorities of a whole system take
/// a quarter of a megabyte. A longer one is refused.
pub const PEM_FILE: usize = 4 << 20;

/// Ephemerals, and values bound to themselves, that the sessions of one verified identity, or of one
/// address, may have together. Once they have as many, what would create one more is refused with
/// `QuotaExceeded`. It is looked at before a write is put in order, so what is under way at that moment
/// can come on top.
pub const EPHEMERALS_PER_IDENTITY: u64 = 500_000;

/// Bytes of them, paths and data. Refused in the same way.
pub const EPHEMERAL_BYTES_PER_IDENTITY: u64 = 512 << 20;

/// Quotas that the figures by namespace are summed up over, in the order of their paths. Those behind
/// them are kept and enforced like all others, and left out of the figures.
pub const QUOTAS_SHOWN: usize = 1_000;

/// Namespaces whose refusals are counted one by one. Those of further ones are in the total only.
pub const QUOTA_NAMESPACES: usize = 100;

/// How far apart lines about quotas in the log are, at least. What is left out is counted in the next.
pub const QUOTA_LINES: Duration = Duration::from_secs(1);

/// TLS handshakes that may be under way at a time (ZooKeeper's
/// `netty.server.outstandingHandshake.limit`). A connection that would begin one more is closed.
pub const TLS_HANDSHAKES: u32 = 1_000;

/// How often a server looks whether its certificate files have changed.
pub const TLS_LOOK: Duration = Duration::from_secs(1);

/// How often a failed TLS handshake is worth a line in the program's log. Those between two lines are
/// counted in the second.
pub const TLS_COMPLAINT: Duration = Duration::from_secs(10);

/// Answers to numbered writes that a server keeps for one session, so that a write which is sent again
/// is answered again and not carried out again. The oldest goes first; a client of this project has no
/// more under way. A part of the replicated state: another number needs another version of the image.
pub const WINDOW_REPLIES: usize = 64;

/// Bytes of them. A longer answer is not kept: the client does not number a write that could have one.
pub const WINDOW_BYTES: usize = 64 << 10;

/// Sessions of before that a client knows to have been its own, so that a registration tells their
/// ephemerals from those of others. An ephemeral of an older one is taken for somebody else's.
pub const FORMER_SESSIONS: usize = 64;

/// Sessions that ended and are still listed, with the cause. The oldest goes first. A part of the
/// replicated state: another number needs another version of the image.
pub const ENDED_SESSIONS: usize = 1_024;

/// Values one session may bind to itself. One more is refused with `QuotaExceeded`.
pub const SESSION_VALUES: u32 = 64;

/// Bytes of them: names, data and access control lists. What would exceed it is refused with
/// `QuotaExceeded`.
pub const SESSION_VALUE_BYTES: u32 = 64 << 10;

/// The most that [`SESSION_VALUE_BYTES`] can be set to: a session is one item of an image, and every
/// write to a value while a snapshot is taken copies what holds them.
pub const MOST_SESSION_VALUE_BYTES: u32 = 16 << 20;
