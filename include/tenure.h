/* libtenure: sessions, ephemeral znodes and watches over the ZooKeeper protocol; server and client.
 *
 * This file is generated from ffi-c/src; change it there.
 *
 * What holds everywhere:
 * - A function that can fail returns tenure_status; tenure_last_error() then has a sentence about it.
 *   Outputs are written only on success. A null argument is TENURE_EINVAL, never a crash.
 * - What is returned as a pointer that is not const is owned by the caller and has one function that
 *   frees it, which accepts null. A const pointer is borrowed from the argument it came from.
 * - Texts and bytes that are passed in are copied. Texts are UTF-8 and end with a null character.
 * - A function that takes a const handle may be called on any thread at any time, also in callbacks,
 *   except the ones that block: those return TENURE_EDEADLK on a callback thread. Any other handle
 *   belongs to one thread at a time.
 * - Blocking functions take milliseconds: 0 only looks, negative waits for ever, unless said otherwise.
 * - After a fork the child gets TENURE_EFORKED for every handle from before it; the functions that free
 *   only release memory and descriptors there.
 * - A defect of the library becomes TENURE_EPANIC, never an unwinding through C. */

#ifndef TENURE_H
#define TENURE_H

#include <stdint.h>
#include <stddef.h>
#include <stdbool.h>

/**
 * The znode was created.
 */
#define TENURE_CREATED 1

/**
 * The znode was deleted.
 */
#define TENURE_DELETED 2

/**
 * Data of the znode were set.
 */
#define TENURE_DATA 3

/**
 * A direct child of the znode was created or deleted.
 */
#define TENURE_CHILDREN 4

/**
 * The connection was lost and the session resumed.
 */
#define TENURE_RESYNC_RECONNECTED 1

/**
 * A new session took over.
 */
#define TENURE_RESYNC_NEW_SESSION 2

/**
 * The program was slower than the watch's buffer is long.
 */
#define TENURE_RESYNC_OVERFLOW 3

/**
 * For tenure_req_create(): the znode goes with the session.
 */
#define TENURE_EPHEMERAL 1

/**
 * For tenure_req_create(): a number is appended to the name that no child of the parent had before.
 */
#define TENURE_SEQUENTIAL 2

/**
 * For tenure_req_create(): the server removes the znode some time after its last child is gone.
 */
#define TENURE_CONTAINER 4

/**
 * For tenure_req_create(): missing znodes above it are created too, persistent, with the same ACL and
 * without data. They stay if the create then fails.
 */
#define TENURE_PARENTS 8

/**
 * Read the data and list the children.
 */
#define TENURE_PERM_READ 1

/**
 * Set the data.
 */
#define TENURE_PERM_WRITE 2

/**
 * Create a child.
 */
#define TENURE_PERM_CREATE 4

/**
 * Delete a child.
 */
#define TENURE_PERM_DELETE 8

/**
 * Set the ACL.
 */
#define TENURE_PERM_ADMIN 16

/**
 * All permissions.
 */
#define TENURE_PERM_ALL 31

/**
 * For tenure_watch_add(): also everything below the znode, at any depth.
 */
#define TENURE_WATCH_RECURSIVE 1

/**
 * A client and its session. Every handle to it, and every function that takes one, may be used on any
 * thread at any time.
 *
 * The session is kept alive on a thread of the library's own, whatever the program's threads do.
 * Library threads block all signals.
 */
typedef struct tenure_client tenure_client;

/**
 * An event. It never changes; all that is read from it is borrowed and valid until it is freed.
 *
 * Events from tenure_queue_next() and tenure_call() are owned by the caller, those in a callback are
 * borrowed. The accessors may be called on any thread, and accept null.
 */
typedef struct tenure_event tenure_event;

/**
 * Settings for new clients. Belongs to one thread at a time; may be used for any number of clients.
 */
typedef struct tenure_options tenure_options;

/**
 * A queue of events. Any number of sinks of any number of clients may lead to one queue.
 */
typedef struct tenure_queue tenure_queue;

/**
 * A request being described. Belongs to one thread at a time.
 *
 * Constructors copy what they are given. They return null for a path that is null or not UTF-8, and
 * for data that are null with a length; whoever takes the null request then fails with
 * TENURE_EINVAL, so only that has to be checked. Whether a path is well formed is found out when the
 * request is taken.
 */
typedef struct tenure_request tenure_request;

/**
 * A server inside this process, on its own threads. Any number may run side by side.
 */
typedef struct tenure_server tenure_server;

/**
 * Settings for new servers. Belongs to one thread at a time; may be used for any number of servers.
 */
typedef struct tenure_server_options tenure_server_options;

/**
 * The session of one epoch of a client. Does not keep the client alive.
 */
typedef struct tenure_session tenure_session;

/**
 * A persistent watch.
 */
typedef struct tenure_watch tenure_watch;

/**
 * What became of a call or a request.
 *
 * 0 is success. -1 to -999 are the codes of the ZooKeeper protocol, unchanged as the server sent
 * them. -1000 and below are raised by this library. New ones may appear: treat every negative
 * number as an error.
 */
typedef int32_t tenure_status;

/**
 * What an event is about. Skip kinds you do not know: new ones may appear.
 */
typedef int32_t tenure_kind;

/**
 * What is known about a write: `TENURE_APPLIED`, `TENURE_NOT_APPLIED` or `TENURE_UNKNOWN`.
 */
typedef int32_t tenure_outcome;

/**
 * How the session of an epoch is.
 */
typedef int32_t tenure_state;

/**
 * The metadata of a znode. Fixed by the protocol; never grows.
 */
typedef struct tenure_stat {
  /**
   * The transaction that created the znode.
   */
  int64_t czxid;
  /**
   * The transaction that last set its data.
   */
  int64_t mzxid;
  /**
   * When it was created, in milliseconds since 1970.
   */
  int64_t ctime;
  /**
   * When its data were last set, in milliseconds since 1970.
   */
  int64_t mtime;
  /**
   * How often its data were set. Wraps.
   */
  int32_t version;
  /**
   * How often a child was created or deleted. Wraps.
   */
  int32_t cversion;
  /**
   * How often its ACL was set. Wraps.
   */
  int32_t aversion;
  /**
   * The session that owns it, or 0.
   */
  int64_t ephemeral_owner;
  /**
   * Bytes of data.
   */
  int32_t data_length;
  /**
   * Direct children.
   */
  int32_t num_children;
  /**
   * The last transaction that created or deleted a direct child, or the one that created it.
   */
  int64_t pzxid;
} tenure_stat;

/**
 * What a client does when its session is over, or its connection is lost.
 */
typedef int32_t tenure_recovery;

/**
 * Where the events of one request, watch or client go. Zero it, set `struct_size`, and set either
 * `queue` or `on_event`.
 *
 * A function that takes a sink copies it and owes one call of `drop_user` for it, also when the
 * function fails: then `drop_user` has run before it returns. (Of a sink whose `struct_size` is too
 * small nothing is read, and nothing is owed.) Otherwise it runs once the last event
 * that carries `user` is over and freed; no event carries it afterwards. It runs on the thread on
 * which that happens: a callback thread, or the one that frees the event.
 */
typedef struct tenure_sink {
  /**
   * `sizeof(tenure_sink)`. A larger one is accepted if the bytes this release does not know are 0.
   */
  uint32_t struct_size;
  /**
   * 0.
   */
  uint32_t flags;
  /**
   * Events wait here until the program takes them. Must be alive when the sink is handed in; if it
   * is freed later, its sinks' events go nowhere.
   */
  struct tenure_queue *queue;
  /**
   * Called with each event, which is borrowed and valid until it returns.
   *
   * Callbacks of one client run one after another on one library thread, in wire order. A callback
   * may submit requests, free any handle and start a close; it must not block, and nothing may be
   * thrown out of it. A slow one delays other events, never the session's heartbeats.
   */
  void (*on_event)(const struct tenure_event *event, void *user);
  /**
   * Comes back with every event: see tenure_event_user().
   */
  void *user;
  /**
   * Called exactly once, when `user` is not needed any more; never in a forked child. Must not block.
   * May be null.
   */
  void (*drop_user)(void *user);
} tenure_sink;

/**
 * How a client proves to know a password.
 */
typedef int32_t tenure_sasl;

/**
 * Success.
 */
#define TENURE_OK 0

/**
 * The server met an error it has no better code for.
 */
#define TENURE_SYSTEM_ERROR -1

/**
 * In a failed multi: this operation comes after the one that failed.
 */
#define TENURE_RUNTIME_INCONSISTENCY -2

/**
 * Stored data contradict each other.
 */
#define TENURE_DATA_INCONSISTENCY -3

/**
 * The connection was lost before the answer came.
 */
#define TENURE_CONNECTION_LOSS -4

/**
 * The request could not be decoded.
 */
#define TENURE_MARSHALLING_ERROR -5

/**
 * The server does not have this operation.
 */
#define TENURE_UNIMPLEMENTED -6

/**
 * The answer did not come in time.
 */
#define TENURE_OPERATION_TIMEOUT -7

/**
 * A path, flag or number is outside what the operation accepts.
 */
#define TENURE_BAD_ARGUMENTS -8

/**
 * The session is not known here.
 */
#define TENURE_UNKNOWN_SESSION -12

/**
 * No quorum of the new configuration is in step.
 */
#define TENURE_NEW_CONFIG_NO_QUORUM -13

/**
 * Another reconfiguration is going on.
 */
#define TENURE_RECONFIG_IN_PROGRESS -14

/**
 * The znode does not exist.
 */
#define TENURE_NO_NODE -101

/**
 * The ACL forbids it.
 */
#define TENURE_NO_AUTH -102

/**
 * The expected version is not the current one.
 */
#define TENURE_BAD_VERSION -103

/**
 * An ephemeral znode cannot have children.
 */
#define TENURE_NO_CHILDREN_FOR_EPHEMERALS -108

/**
 * The znode exists already.
 */
#define TENURE_NODE_EXISTS -110

/**
 * The znode has children.
 */
#define TENURE_NOT_EMPTY -111

/**
 * The session has expired.
 */
#define TENURE_SESSION_EXPIRED -112

/**
 * A callback is not valid.
 */
#define TENURE_INVALID_CALLBACK -113

/**
 * The ACL is empty or has an entry that no scheme accepts.
 */
#define TENURE_INVALID_ACL -114

/**
 * The identity was refused.
 */
#define TENURE_AUTH_FAILED -115

/**
 * The session has moved to another server.
 */
#define TENURE_SESSION_MOVED -118

/**
 * The server serves reads only.
 */
#define TENURE_NOT_READ_ONLY -119

/**
 * A session local to one server cannot own ephemerals.
 */
#define TENURE_EPHEMERAL_ON_LOCAL_SESSION -120

/**
 * There is no such watch.
 */
#define TENURE_NO_WATCHER -121

/**
 * The answer did not come within the client's limit.
 */
#define TENURE_REQUEST_TIMEOUT -122

/**
 * Reconfiguration is switched off.
 */
#define TENURE_RECONFIG_DISABLED -123

/**
 * The server demands authentication first.
 */
#define TENURE_AUTH_REQUIRED -124

/**
 * A hard quota would be passed.
 */
#define TENURE_QUOTA_EXCEEDED -125

/**
 * The request waited too long in the server's throttle.
 */
#define TENURE_THROTTLED_OP -127

/**
 * An argument is not valid: null where that is not allowed, not UTF-8, out of range, or not
 * fitting the others. Nothing was sent.
 */
#define TENURE_EINVAL -1000

/**
 * The time given for it is over. A request may still be carried out: see its outcome.
 */
#define TENURE_ETIMEDOUT -1001

/**
 * The connection was lost, or there was none and the client is set to fail then.
 */
#define TENURE_ECONNLOSS -1002

/**
 * The client is closed, or being closed.
 */
#define TENURE_ECLOSED -1003

/**
 * The session the request, the watch or the client belonged to is over.
 */
#define TENURE_ELOST -1004

/**
 * Not now: the queue is empty, or more requests wait in the client than it takes.
 */
#define TENURE_EAGAIN -1005

/**
 * A blocking function was called on a callback thread, where it would wait for itself.
 */
#define TENURE_EDEADLK -1006

/**
 * The object was made before a fork and is used in the child. Make a new one there.
 */
#define TENURE_EFORKED -1007

/**
 * The watch was removed.
 */
#define TENURE_ECANCELED -1008

/**
 * A data directory is not served: another server has it, it is damaged, or the system refuses a file.
 * Also: a server's disk has failed, and it acknowledges nothing any more.
 */
#define TENURE_EDATADIR -1009

/**
 * Every host of the list failed in turn because one end does not trust the other: a certificate was
 * refused, or is required.
 */
#define TENURE_ETLS -1010

/**
 * A defect of the library. The client concerned is closed and its session left to expire.
 */
#define TENURE_EPANIC -1099

/**
 * The write is in effect.
 */
#define TENURE_APPLIED 0

/**
 * The write is not in effect and never will be: it did not leave the process, or was refused.
 */
#define TENURE_NOT_APPLIED 1

/**
 * The write left the process and no answer came. It may be in effect, or still come into effect.
 */
#define TENURE_UNKNOWN 2

/**
 * The answer to a request or a close, or the word that a watch is in place. See
 * tenure_event_status().
 */
#define TENURE_KIND_REPLY 1

/**
 * A znode changed: tenure_event_path() and tenure_event_change() say which and how.
 */
#define TENURE_KIND_NODE 2

/**
 * Events of this watch may be missing before this one: read again what you keep. A read submitted
 * from now on misses nothing. tenure_event_change() says why.
 */
#define TENURE_KIND_RESYNC 3

/**
 * The session changed its state: tenure_event_state(), tenure_event_epoch(),
 * tenure_event_session_id().
 */
#define TENURE_KIND_SESSION 4

/**
 * The watch is over; tenure_event_status() says why. Nothing follows.
 */
#define TENURE_KIND_END 8

/**
 * No session yet in this epoch.
 */
#define TENURE_CONNECTING 0

/**
 * Connected, every identity proven, watches in place.
 */
#define TENURE_CONNECTED 1

/**
 * Connected to a server that only reads. Ephemerals are still there, but cannot be checked.
 */
#define TENURE_READ_ONLY 2

/**
 * No connection. The session cannot have expired yet.
 */
#define TENURE_SUSPENDED 3

/**
 * No connection, and the session may have expired: act as if its ephemerals were gone, but do not
 * assume it. May go back to TENURE_CONNECTED in the same epoch.
 */
#define TENURE_JEOPARDY 4

/**
 * The epoch is over; the text of the event says why. Never left out, and always before anything of
 * the next epoch.
 */
#define TENURE_LOST 5

/**
 * The client is finished: every later request fails with TENURE_ELOST.
 */
#define TENURE_RESUME_ONLY 0

/**
 * A new session starts, in the next epoch; watches of tenure_watch_add() go on in it.
 */
#define TENURE_RENEW 1

/**
 * A new session starts whenever a connection is lost, at most one a second, behind the end of the one
 * before: when an epoch is connected, every write of the old one is decided and its ephemerals are gone.
 * Each cut costs the ensemble one or two writes.
 */
#define TENURE_FRESH 2

/**
 * DIGEST-MD5, which Apache ZooKeeper's servers know. Whoever reads along can try passwords against
 * what they saw: use it over TLS, or with a password that cannot be guessed.
 */
#define TENURE_SASL_DIGEST_MD5 1

/**
 * SCRAM-SHA-256, which tenure's servers know and Apache ZooKeeper's do not. Guessing passwords costs
 * thousands of hashes for each.
 */
#define TENURE_SASL_SCRAM_SHA_256 2

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the library, such as "0.1.0".
 *
 * @return A text that is valid for ever. Never null.
 *
 * Thread-safety: any thread.
 */
const char *tenure_version(void);

/**
 * The name of a status as it stands in this header, such as "TENURE_NO_NODE".
 *
 * @return A text that is valid for ever, "unknown status" for a number without a name. Never null.
 *
 * Thread-safety: any thread.
 */
const char *tenure_status_name(tenure_status status);

/**
 * A sentence about the last call that failed on this thread: what is wrong, and often the way out.
 *
 * Calls that succeed leave it alone. What a request failed with later, on another thread, is in its
 * event: see tenure_event_text().
 *
 * @return A text owned by the library, valid until the next call on this thread. Empty if no call
 *         failed. Never null.
 *
 * Thread-safety: any thread.
 */
const char *tenure_last_error(void);

/**
 * What the event is about: TENURE_KIND_REPLY and so on. 0 for null.
 */
tenure_kind tenure_event_kind(const struct tenure_event *event);

/**
 * The `user` pointer of the sink the event went to; null for events of tenure_call().
 */
void *tenure_event_user(const struct tenure_event *event);

/**
 * How the request ended, or why the watch is over. TENURE_EINVAL for null.
 */
tenure_status tenure_event_status(const struct tenure_event *event);

/**
 * What became of the write the event answers: TENURE_APPLIED, TENURE_NOT_APPLIED or
 * TENURE_UNKNOWN. For a read, the last says that the request left the process, nothing more.
 */
tenure_outcome tenure_event_outcome(const struct tenure_event *event);

/**
 * A sentence about a failure, a session event or a resync; empty if there is nothing to say. Never
 * null. Borrowed from the event.
 */
const char *tenure_event_text(const struct tenure_event *event);

/**
 * The epoch the event belongs to: the client's own number for its sessions, 1, 2, 3 and so on.
 */
uint32_t tenure_event_epoch(const struct tenure_event *event);

/**
 * The session the event belongs to; 0 while there is none.
 */
int64_t tenure_event_session_id(const struct tenure_event *event);

/**
 * The new state, in an event of TENURE_KIND_SESSION; TENURE_CONNECTING in all others.
 */
tenure_state tenure_event_state(const struct tenure_event *event);

/**
 * What happened to the znode, in an event of TENURE_KIND_NODE: TENURE_CREATED and so on. Why events
 * may be missing, in one of TENURE_KIND_RESYNC: TENURE_RESYNC_RECONNECTED and so on. Else 0.
 */
int32_t tenure_event_change(const struct tenure_event *event);

/**
 * How many parts the event has: one for each operation of a multi, also of one that failed, and one
 * for every other reply and for a changed znode. The accessors below count parts from 0 and answer
 * for one that is not there as for null.
 */
size_t tenure_event_parts(const struct tenure_event *event);

/**
 * How one operation of a multi ended. In a failed multi the one that failed has its own code, those
 * before it TENURE_OK although nothing was applied, those behind it TENURE_RUNTIME_INCONSISTENCY.
 * TENURE_EINVAL for null.
 */
tenure_status tenure_event_part_status(const struct tenure_event *event, size_t part);

/**
 * The path created, with the number a sequential znode gets; for other requests the path they
 * named; in an event of TENURE_KIND_NODE the znode that changed. Empty if there is none. Never null.
 * Ends with a null character. Borrowed from the event.
 */
const char *tenure_event_path(const struct tenure_event *event,
                              size_t part);

/**
 * The data that were read. Borrowed from the event.
 *
 * @param len Receives the number of bytes. May be null.
 * @return The bytes; null with length 0 if the znode has no data or the event is not about data;
 *         not null with length 0 if its data are empty.
 */
const uint8_t *tenure_event_data(const struct tenure_event *event, size_t part, size_t *len);

/**
 * The Stat that goes with the reply.
 *
 * @param out Receives it.
 * @return Whether there is one; if not, `out` is left alone.
 */
bool tenure_event_stat(const struct tenure_event *event, size_t part, struct tenure_stat *out);

/**
 * How many children were listed.
 */
size_t tenure_event_child_count(const struct tenure_event *event, size_t part);

/**
 * The name of a child, without the path. Null for an index out of range. Borrowed from the event.
 */
const char *tenure_event_child(const struct tenure_event *event, size_t part, size_t index);

/**
 * How many entries the access control list has that was read.
 */
size_t tenure_event_acl_count(const struct tenure_event *event, size_t part);

/**
 * What an entry of the list grants: TENURE_PERM_READ and so on, added up. 0 out of range.
 */
int32_t tenure_event_acl_perms(const struct tenure_event *event, size_t part, size_t index);

/**
 * The scheme of an entry of the list. Null out of range. Borrowed from the event.
 */
const char *tenure_event_acl_scheme(const struct tenure_event *event, size_t part, size_t index);

/**
 * The id of an entry of the list. Null out of range. Borrowed from the event.
 */
const char *tenure_event_acl_id(const struct tenure_event *event, size_t part, size_t index);

/**
 * The same event once more, to keep it beyond a callback. It carries `user` as well, so `drop_user`
 * waits for it.
 *
 * @return The event; the caller owns it: tenure_event_free(). Null for null.
 */
struct tenure_event *tenure_event_clone(const struct tenure_event *event);

/**
 * Frees an event that the caller owns. Null is fine. If it is the last one that carries its `user`,
 * `drop_user` runs in this call.
 *
 * Thread-safety: any thread, but no other may use the event at the same time or later.
 */
void tenure_event_free(struct tenure_event *event);

/**
 * Makes an empty queue.
 *
 * @param out Receives the queue. The caller owns it: tenure_queue_free().
 * @return TENURE_OK; TENURE_EINVAL if `out` is null; TENURE_SYSTEM_ERROR if the process has no
 *         descriptor left.
 *
 * Thread-safety: any thread.
 */
tenure_status tenure_queue_new(struct tenure_queue **out);

/**
 * Takes the oldest event out of the queue.
 *
 * @param timeout_ms How long to wait for one: 0 only looks, negative waits for ever.
 * @param out Receives the event. The caller owns it: tenure_event_free().
 * @return TENURE_OK; TENURE_EAGAIN if no event came; TENURE_EINVAL for null; TENURE_EDEADLK on a
 *         callback thread with a timeout other than 0; TENURE_EFORKED.
 *
 * Thread-safety: any thread; each event goes to one of those that wait.
 */
tenure_status tenure_queue_next(const struct tenure_queue *queue,
                                int64_t timeout_ms,
                                struct tenure_event **out);

/**
 * A descriptor for poll(), select(), epoll and event loops: readable while the queue is not empty.
 *
 * It is level-triggered: take events with timeout 0 until TENURE_EAGAIN, or only some; as long as
 * there are more it stays readable. Never read, write or close it; it closes with the queue.
 *
 * @return The descriptor, -1 if `queue` is null or from before a fork.
 *
 * Thread-safety: any thread.
 */
int32_t tenure_queue_fd(const struct tenure_queue *queue);

/**
 * Frees a queue, the events in it and its descriptor. Null is fine.
 *
 * Sinks that lead to it may still be in use: their events go nowhere from now on, their `drop_user`
 * still runs.
 *
 * Thread-safety: any thread, but no other may use the queue at the same time or later.
 */
void tenure_queue_free(struct tenure_queue *queue);

/**
 * Makes options with every setting at its default.
 *
 * @param hosts `host:port,host:port/chroot`. The port is 2181 unless given, IPv6 addresses stand in
 *        brackets, and every path of the client is relative to the chroot. Checked by
 *        tenure_client_new().
 * @return The options; the caller owns them: tenure_options_free(). Null if `hosts` is null or not
 *         UTF-8: see tenure_last_error().
 *
 * Thread-safety: any thread.
 */
struct tenure_options *tenure_options_new(const char *hosts);

/**
 * Frees options. Null is fine. Clients made with them are not affected; the `drop_user` of their
 * events runs now if no client uses the sink any more.
 */
void tenure_options_free(struct tenure_options *options);

/**
 * The session timeout to ask for, at least 1 ms; the server may grant another. 10 s unless set.
 *
 * @return TENURE_OK, TENURE_EINVAL, TENURE_EFORKED. The same holds for all settings.
 */
tenure_status tenure_options_session_timeout(struct tenure_options *options, uint32_t ms);

/**
 * How long one attempt to connect may take, at least 1 ms. The session timeout divided by the number
 * of hosts unless set.
 */
tenure_status tenure_options_connect_timeout(struct tenure_options *options,
                                             uint32_t ms);

/**
 * What is taken off the session timeout before the session counts as possibly expired. UINT32_MAX,
 * the default, means nothing with tenure's servers, which never expire a session early, and a quarter of
 * the granted timeout as soon as one connection of the session was to another server. With the whole
 * timeout or more no connection is kept, and nothing is sent.
 */
tenure_status tenure_options_safety_margin(struct tenure_options *options,
                                           uint32_t ms);

/**
 * How soon the session is to end when the kernel of this machine closes the connection without a close of
 * the session, as it does when the process crashes. 0, the default, lets it live for its whole timeout.
 * Tenure's servers grant up to the timeout, others ignore it. Every lost connection has to be replaced
 * within the grace as well, and tenure_session_safe_ms() is never more.
 */
tenure_status tenure_options_crash_grace(struct tenure_options *options,
                                         uint32_t ms);

/**
 * How long a request may take if it is submitted with a negative timeout. 0, the default, waits for
 * ever.
 */
tenure_status tenure_options_op_timeout(struct tenure_options *options, uint32_t ms);

/**
 * Whether requests fail with TENURE_ECONNLOSS while there is no connection. They wait unless set.
 */
tenure_status tenure_options_fail_when_disconnected(struct tenure_options *options, bool on);

/**
 * Whether the client forgets what it has seen and goes on when the whole ensemble is behind that, as after
 * it was restored from an older copy. Unless set it is finished then, and every request fails with
 * TENURE_ELOST.
 */
tenure_status tenure_options_forget_when_regressed(struct tenure_options *options,
                                                   bool on);

/**
 * Whether servers that only read are accepted. They are not unless set.
 */
tenure_status tenure_options_read_only(struct tenure_options *options, bool on);

/**
 * Proves an identity on every connection before anything else is asked of the server. May be called
 * several times; the order is kept.
 *
 * @param scheme Such as "digest".
 * @param credential Copied. For "digest" it is `user:password`.
 */
tenure_status tenure_options_auth(struct tenure_options *options,
                                  const char *scheme,
                                  const uint8_t *credential,
                                  size_t len);

/**
 * What happens when the session is over, or its connection is lost: TENURE_RENEW, the default,
 * TENURE_RESUME_ONLY or TENURE_FRESH.
 */
tenure_status tenure_options_recovery(struct tenure_options *options, tenure_recovery mode);

/**
 * Starts by resuming the session that tenure_client_detach() left alive. If it is over, its epoch
 * ends with TENURE_LOST and the recovery mode decides what follows.
 *
 * @param token The bytes of tenure_client_detach(), copied. A secret.
 */
tenure_status tenure_options_resume(struct tenure_options *options,
                                    const uint8_t *token,
                                    size_t len);

/**
 * Where the session events of the client go: every change of its state, from the first. If the
 * program is slow, events that only tell of a connection may be left out, never TENURE_LOST nor the
 * first TENURE_CONNECTED of an epoch.
 *
 * Replaces the sink that was set before. `drop_user` runs when the options and all clients made with
 * them are done with the sink; if the call fails, before it returns.
 */
tenure_status tenure_options_events(struct tenure_options *options,
                                    const struct tenure_sink *sink);

/**
 * Speaks TLS 1.3 or 1.2 with every server, and nothing with a server that fails a check: its certificate
 * has to be valid, made for servers, from a trusted authority, and to name what the host list names, a
 * host name or an IP address. A common name does not count, and no check can be left out; to try things
 * out, make an authority of your own.
 *
 * Files are PEM. tenure_client_new() reads them, and refuses what cannot be used; they are read again
 * before every later connection, so that a renewed certificate is used from then on, and if they cannot
 * be used then, the last ones that could be are.
 *
 * An attempt that fails for reasons of trust is not the last one; when every host in turn failed so,
 * tenure_client_wait_connected() returns TENURE_ETLS.
 *
 * @param ca The authorities to trust, and no others. Null trusts those that this machine trusts.
 * @param cert The client's chain of certificates for servers that ask, its own first. Null for none.
 * @param key Its private key: PKCS#8, PKCS#1 or SEC1, not encrypted. Null if it stands in `cert` too.
 * @return Also TENURE_EINVAL for a key without a certificate. Replaces what was set before, the server
 *         name too.
 */
tenure_status tenure_options_tls_pem(struct tenure_options *options,
                                     const char *ca,
                                     const char *cert,
                                     const char *key);

/**
 * The name or IP address that every server's certificate has to be for, instead of the one in the host
 * list. Goes after tenure_options_tls_pem().
 *
 * @return Also TENURE_EINVAL without TLS. Whether it is a name is checked by tenure_client_new().
 */
tenure_status tenure_options_tls_server_name(struct tenure_options *options,
                                             const char *name);

/**
 * Proves to be a user by SASL, on every connection, before the identities of tenure_options_auth() and
 * everything else. On success the connection is `sasl:user` to the server.
 *
 * A server that refuses, that does no SASL, or that does not prove to know the password itself, finishes
 * the client with TENURE_AUTH_FAILED.
 *
 * @param mechanism TENURE_SASL_DIGEST_MD5 or TENURE_SASL_SCRAM_SHA_256.
 * @param user Copied, as `password` is, which no message of the library ever contains.
 * @return Also TENURE_EINVAL for another mechanism. Replaces what was set before. Whether SCRAM can be used
 *         with the name and the password is checked by tenure_client_new().
 */
tenure_status tenure_options_sasl(struct tenure_options *options,
                                  tenure_sasl mechanism,
                                  const char *user,
                                  const char *password);

/**
 * Makes a client, which starts to connect in the background. How it fares arrives as session events
 * and can be waited for: tenure_client_wait_connected().
 *
 * @param options Copied.
 * @param out Receives the client. The caller owns it: tenure_client_free().
 * @return TENURE_OK; TENURE_EINVAL for null, the host list, a setting, and a file of
 *         tenure_options_tls_pem(), which tenure_last_error() names; TENURE_EFORKED.
 *
 * Thread-safety: any thread, while no other changes the options.
 */
tenure_status tenure_client_new(const struct tenure_options *options, struct tenure_client **out);

/**
 * Waits until the client is connected; returns at once if it is.
 *
 * @param timeout_ms How long to wait: 0 only looks, negative waits for ever.
 * @return TENURE_OK; TENURE_ETIMEDOUT, and connecting goes on; TENURE_ETLS if every host in turn failed
 *         for reasons of trust, and connecting goes on as well; tenure_last_error() says in both cases why
 *         the last attempt failed. TENURE_ELOST, TENURE_AUTH_FAILED or TENURE_ECLOSED if the client is
 *         finished; TENURE_EINVAL for null; TENURE_EDEADLK on a callback thread; TENURE_EFORKED.
 *
 * Thread-safety: any thread but a callback thread.
 */
tenure_status tenure_client_wait_connected(const struct tenure_client *client,
                                           int64_t timeout_ms);

/**
 * Makes another handle to the same client and session, seen from `path`: `/` of the new handle is
 * `path` of this one, in requests, replies and events. The znode need not exist.
 *
 * @param out Receives the handle. The caller owns it: tenure_client_free(), independent of the first.
 * @return TENURE_OK; TENURE_EINVAL for null and for a path that is not valid; TENURE_EFORKED.
 *
 * Thread-safety: any thread.
 */
tenure_status tenure_client_chroot(const struct tenure_client *client,
                                   const char *path,
                                   struct tenure_client **out);

/**
 * Starts to close the session and all handles of this client. Requests submitted before are carried
 * out first, later ones fail with TENURE_ECLOSED; every watch gets TENURE_KIND_END; then `sink` gets
 * one reply, the last event of the client. With TENURE_OK in it the session's ephemerals are gone;
 * with TENURE_ECONNLOSS no server confirmed it, and the session ends when its timeout has passed; with
 * TENURE_ELOST or TENURE_AUTH_FAILED the client was finished before.
 *
 * @param sink Where the reply goes; may be null.
 * @return TENURE_OK; otherwise there is no reply: TENURE_ECLOSED if a close was started before;
 *         TENURE_EINVAL for null and for the sink; TENURE_EFORKED.
 *
 * Thread-safety: any thread, also callback threads.
 */
tenure_status tenure_client_close(const struct tenure_client *client,
                                  const struct tenure_sink *sink);

/**
 * Closes the client as tenure_client_close() does, if that was not started yet, and waits until it is
 * closed and all its callbacks have returned. No callback runs after that, and `drop_user` has run
 * for every sink of which the program holds no event.
 *
 * @param timeout_ms How long to wait: 0 only starts and looks, negative waits for ever.
 * @return What the reply to the close says; TENURE_ETIMEDOUT, and closing goes on; TENURE_EINVAL for
 *         null; TENURE_EDEADLK on a callback thread, and nothing was started; TENURE_EFORKED.
 *
 * Thread-safety: any thread but a callback thread.
 */
tenure_status tenure_client_close_wait(const struct tenure_client *client,
                                       int64_t timeout_ms);

/**
 * Leaves the session alive on the server and returns what resumes it: give it to
 * tenure_options_resume() within the session timeout. The client is finished, as after a close.
 *
 * Requests that were sent and not answered fail with an unknown outcome, others were not applied;
 * wait for them first.
 *
 * @param token Receives the bytes, a secret. The caller owns them: tenure_bytes_free().
 * @param len Receives their number.
 * @return TENURE_OK; TENURE_ECONNLOSS if there is no session yet; TENURE_ECLOSED; TENURE_EINVAL for
 *         null; TENURE_EDEADLK on a callback thread; TENURE_EFORKED.
 *
 * Thread-safety: any thread but a callback thread.
 */
tenure_status tenure_client_detach(const struct tenure_client *client,
                                   uint8_t **token,
                                   size_t *len);

/**
 * Drops this handle. Null is fine. If it was the last one and no close was started, what was
 * submitted before is still sent, then the session is closed in the background. Callbacks may run until
 * that is done; tenure_client_close_wait() before it makes sure that none does.
 *
 * Thread-safety: any thread, also in callbacks, but no other may use this handle at the same time or
 * later.
 */
void tenure_client_free(struct tenure_client *client);

/**
 * How the session is at this moment: looks at the clock, so a process that was stopped sees
 * TENURE_JEOPARDY with the first call after it. TENURE_LOST for null and in a forked child.
 *
 * Thread-safety: any thread.
 */
tenure_state tenure_client_state(const struct tenure_client *client);

/**
 * The session of the current epoch. It stays what it is when the next epoch begins.
 *
 * @return The session; the caller owns it: tenure_session_free(). Null on failure: see
 *         tenure_last_error().
 *
 * Thread-safety: any thread.
 */
struct tenure_session *tenure_client_session(const struct tenure_client *client);

/**
 * Frees bytes this library returned. Null is fine.
 *
 * @param len The length that came with them.
 */
void tenure_bytes_free(uint8_t *bytes, size_t len);

/**
 * Frees a text this library returned. Null is fine.
 */
void tenure_text_free(char *text);

/**
 * Its id; 0 until it is connected for the first time, and for null.
 *
 * Thread-safety: any thread. The same holds for all accessors of a session.
 */
int64_t tenure_session_id(const struct tenure_session *session);

/**
 * Its epoch: the client's own number for its sessions, 1, 2, 3 and so on, never reused. 0 for null.
 */
uint32_t tenure_session_epoch(const struct tenure_session *session);

/**
 * The timeout the server granted, in milliseconds; the one asked for until it is connected. 0 for
 * null.
 */
uint32_t tenure_session_timeout_ms(const struct tenure_session *session);

/**
 * For how many milliseconds from now the session certainly lives: the time the last answered request
 * was sent, plus the timeout, minus the safety margin, minus now. Computed at the call, on a clock
 * that counts the time a machine sleeps. 0 if the session may have expired, and for null.
 */
int64_t tenure_session_safe_ms(const struct tenure_session *session);

/**
 * Frees the handle; the session itself is not touched. Null is fine.
 *
 * Thread-safety: any thread, but no other may use this handle at the same time or later.
 */
void tenure_session_free(struct tenure_session *session);

/**
 * Creates a znode. The reply has its path and, if the server sends it, its Stat.
 *
 * @param data Null with length 0 creates a znode without data, not null with length 0 one with empty
 *        data. A server cuts the connection of whoever sends a request above 1 MiB, data and path
 *        together, unless it is told otherwise: TENURE_ECONNLOSS, and again with every attempt.
 * @param flags TENURE_EPHEMERAL and so on, or 0. TENURE_CONTAINER goes with TENURE_PARENTS only.
 * @return The request; the caller owns it until a function takes it. Null: see tenure_request.
 *
 * The reply's status may be TENURE_NODE_EXISTS, TENURE_NO_NODE of the parent,
 * TENURE_NO_CHILDREN_FOR_EPHEMERALS, TENURE_NO_AUTH, TENURE_INVALID_ACL.
 *
 * Thread-safety: any thread. The same holds for all constructors of requests.
 */
struct tenure_request *tenure_req_create(const char *path,
                                         const uint8_t *data,
                                         size_t len,
                                         uint32_t flags);

/**
 * Reads data and Stat. TENURE_NO_NODE, TENURE_NO_AUTH.
 */
struct tenure_request *tenure_req_get(const char *path);

/**
 * Sets data; the reply has the new Stat. TENURE_NO_NODE, TENURE_BAD_VERSION, TENURE_NO_AUTH.
 *
 * @param data As for tenure_req_create().
 */
struct tenure_request *tenure_req_set(const char *path, const uint8_t *data, size_t len);

/**
 * Deletes a znode that has no children. TENURE_NO_NODE, TENURE_NOT_EMPTY, TENURE_BAD_VERSION,
 * TENURE_NO_AUTH.
 */
struct tenure_request *tenure_req_delete(const char *path);

/**
 * Asks for the Stat; TENURE_NO_NODE if there is no such znode.
 */
struct tenure_request *tenure_req_exists(const char *path);

/**
 * Lists the children, in no particular order, with the Stat of the znode. TENURE_NO_NODE,
 * TENURE_NO_AUTH.
 */
struct tenure_request *tenure_req_children(const char *path);

/**
 * Waits until the server has applied all that was committed before; a read submitted after it sees
 * that. The znode need not exist.
 */
struct tenure_request *tenure_req_sync(const char *path);

/**
 * Reads the access control list and the Stat: tenure_event_acl_count() and so on. TENURE_NO_NODE,
 * TENURE_NO_AUTH.
 */
struct tenure_request *tenure_req_get_acl(const char *path);

/**
 * Replaces the access control list by the entries that tenure_req_acl() adds; the version it compares
 * is the Stat's `aversion`. TENURE_NO_NODE, TENURE_BAD_VERSION, TENURE_NO_AUTH, TENURE_INVALID_ACL.
 */
struct tenure_request *tenure_req_set_acl(const char *path);

/**
 * For a multi: fails it unless the znode exists and has the version of tenure_req_version().
 */
struct tenure_request *tenure_req_check(const char *path);

/**
 * Makes an empty multi, to be filled by tenure_req_add(): either writes (create, set, delete, check),
 * which happen all or not at all under one zxid, or reads (get, children), each with its own result.
 */
struct tenure_request *tenure_req_multi(void);

/**
 * Moves `sub` into `multi`; its reply is the next part of the multi's.
 *
 * @param sub Taken in every case, also on failure, unless it is `multi` itself.
 * @return TENURE_OK; TENURE_EINVAL for null, for a request that cannot be part of this multi, and for
 *         one with a pin, a watch or TENURE_PARENTS; TENURE_EFORKED.
 */
tenure_status tenure_req_add(struct tenure_request *multi,
                             struct tenure_request *sub);

/**
 * Sets the version a set, delete, check or set of an ACL expects; -1, the default, matches any.
 *
 * @return TENURE_OK; TENURE_EINVAL for null and for requests without a version; TENURE_EFORKED.
 */
tenure_status tenure_req_version(struct tenure_request *request, int32_t version);

/**
 * The server removes the created znode when it has no children and was not set for this long.
 *
 * @param ms 1 to 1099511627775, which is 34 years.
 * @return TENURE_OK; TENURE_EINVAL for null, out of range, and for anything but the create of a znode
 *         that is neither ephemeral nor a container; TENURE_EFORKED.
 */
tenure_status tenure_req_ttl(struct tenure_request *request,
                             int64_t ms);

/**
 * Adds an entry to the access control list of a create or a set of an ACL. A create without any
 * grants everything to everybody.
 *
 * @param perms TENURE_PERM_READ and so on, added up.
 * @param scheme Such as "world", "auth", "digest", "ip".
 * @param id What goes with the scheme, such as "anyone".
 * @return TENURE_OK; TENURE_EINVAL for null and for other requests; TENURE_EFORKED.
 */
tenure_status tenure_req_acl(struct tenure_request *request,
                             int32_t perms,
                             const char *scheme,
                             const char *id);

/**
 * Fails the request with TENURE_ELOST instead of running in any other session than this.
 *
 * @param session Of the client the request will be given to. Not taken; may be freed at once.
 * @return TENURE_OK; TENURE_EINVAL for null; TENURE_EFORKED.
 */
tenure_status tenure_req_pin(struct tenure_request *request, const struct tenure_session *session);

/**
 * Also leaves a one-shot watch with a get, exists or children. `sink` gets one event: TENURE_KIND_NODE
 * with the change, or TENURE_KIND_END if the session or the client ended first; none if the request
 * fails and leaves no watch. An exists that finds nothing does leave one.
 *
 * @param sink Copied. `drop_user` runs after the event, or when the request is freed or fails.
 * @return TENURE_OK; TENURE_EINVAL for null and for other requests; TENURE_EFORKED.
 */
tenure_status tenure_req_watch(struct tenure_request *request,
                               const struct tenure_sink *sink);

/**
 * Frees a request that was not taken. Null is fine.
 */
void tenure_req_free(struct tenure_request *request);

/**
 * Hands a request to the client and returns at once. Requests reach the server in the order in which
 * they are submitted, on whatever handle of the client.
 *
 * @param request Taken in every case, also on failure.
 * @param sink Where the reply goes. Copied.
 * @param timeout_ms The request fails with TENURE_ETIMEDOUT if there is no answer within this time.
 *        Negative: as tenure_options_op_timeout() says.
 * @return TENURE_OK, and then exactly one event of TENURE_KIND_REPLY goes to the sink. Otherwise none
 *         does, and nothing was sent: TENURE_EINVAL for null, for a null or contradictory request and
 *         for a path that is not valid; TENURE_ECLOSED if a close was started; TENURE_EFORKED.
 *
 * The reply has TENURE_OK, the server's code, or TENURE_ETIMEDOUT, TENURE_ECONNLOSS, TENURE_ELOST if the
 * client is finished or the session it is pinned to is over, TENURE_EAGAIN if too many requests wait.
 *
 * Thread-safety: any thread, also callback threads.
 */
tenure_status tenure_submit(const struct tenure_client *client,
                            struct tenure_request *request,
                            const struct tenure_sink *sink,
                            int64_t timeout_ms);

/**
 * Hands a request to the client and waits for the reply. Slow callbacks of the client delay it.
 *
 * @param request Taken in every case, also on failure.
 * @param timeout_ms As for tenure_submit().
 * @param out Receives the reply, also if it says that the request failed; null if there is none. The
 *        caller owns it: tenure_event_free(). May be null if the reply is of no interest.
 * @return The status of the reply, or what tenure_submit() fails with; TENURE_EDEADLK on a callback
 *         thread. A text for tenure_last_error() goes with either.
 *
 * Thread-safety: any thread but a callback thread.
 */
tenure_status tenure_call(const struct tenure_client *client,
                          struct tenure_request *request,
                          int64_t timeout_ms,
                          struct tenure_event **out);

/**
 * Watches a znode, which need not exist, until the watch is freed or the client is finished. Returns
 * at once.
 *
 * `sink` first gets one TENURE_KIND_REPLY when the watch is in place: requests submitted after this
 * call are carried out after that. Then TENURE_KIND_NODE for every change, in order: creation,
 * deletion and data of the znode and its list of children; with TENURE_WATCH_RECURSIVE creation,
 * deletion and data of it and of every znode below, without lists of children. Wherever changes may be
 * missing, because the connection was lost, a new session began or the program was slow,
 * TENURE_KIND_RESYNC stands. Last comes exactly one TENURE_KIND_END: with the code of the server if
 * the watch could not be put in place, else with TENURE_ECLOSED, TENURE_ELOST or TENURE_ECANCELED.
 *
 * @param flags TENURE_WATCH_RECURSIVE or 0.
 * @param buffer How many changes may wait for the program; one more, and all that wait become one
 *        TENURE_KIND_RESYNC. 0 for the usual 1024.
 * @param sink Copied. `drop_user` runs after the last event.
 * @param out Receives the watch. The caller owns it: tenure_watch_free().
 * @return TENURE_OK; otherwise there is no event: TENURE_EINVAL for null, unknown flags and a path
 *         that is not valid; TENURE_ECLOSED if a close was started; TENURE_EFORKED.
 *
 * Thread-safety: any thread, also callback threads.
 */
tenure_status tenure_watch_add(const struct tenure_client *client,
                               const char *path,
                               uint32_t flags,
                               uint32_t buffer,
                               const struct tenure_sink *sink,
                               struct tenure_watch **out);

/**
 * Removes the watch in the background. Null is fine. After this returns no new event starts, not even
 * TENURE_KIND_END; `drop_user` of the sink tells when the last one is over. Events that wait in a queue
 * stay there.
 *
 * Thread-safety: any thread, also in callbacks, but no other may use the watch at the same time or
 * later.
 */
void tenure_watch_free(struct tenure_watch *watch);

/**
 * Makes options with every setting at its default: in memory, for everybody who can reach the port.
 *
 * @param listen `address:port`, such as "127.0.0.1:2181"; port 0 takes a free one.
 * @return The options; the caller owns them: tenure_server_options_free(). Null if `listen` is null or no
 *         address: see tenure_last_error().
 *
 * Thread-safety: any thread.
 */
struct tenure_server_options *tenure_server_options_new(const char *listen);

/**
 * Frees options. Null is fine. Servers made with them are not affected.
 */
void tenure_server_options_free(struct tenure_server_options *options);

/**
 * Speaks TLS 1.3 or 1.2 on the server's port, and with nobody who does not.
 *
 * Files are PEM. tenure_server_start_with() reads them, and refuses what cannot be used; when they change,
 * new connections have what is in them then.
 *
 * @param cert The server's chain of certificates, its own first.
 * @param key Its private key: PKCS#8, PKCS#1 or SEC1, not encrypted. Null if it stands in `cert` too.
 * @param client_ca The authorities whose certificates prove a client; every client has to show one then,
 *        and its subject is an identity of the scheme x509. Null asks for none.
 */
tenure_status tenure_server_options_tls_pem(struct tenure_server_options *options,
                                            const char *cert,
                                            const char *key,
                                            const char *client_ca);

/**
 * Whether a port that speaks TLS takes plain connections too, told apart by the first byte a client sends.
 * It does not unless set; without TLS it means nothing.
 */
tenure_status tenure_server_options_plain_too(struct tenure_server_options *options,
                                              bool on);

/**
 * A directory to keep everything in, made if it does not exist; see tenure_server_start().
 *
 * @return TENURE_OK, TENURE_EINVAL, TENURE_EFORKED. The same holds for all settings; what cannot be meant
 *         is refused by tenure_server_start_with().
 */
tenure_status tenure_server_options_data_dir(struct tenure_server_options *options,
                                             const char *data_dir);

/**
 * A user who can log in by SASL, with either mechanism; to be called once for each. Takes some
 * milliseconds: the password is turned into what the mechanisms need, and not kept.
 */
tenure_status tenure_server_options_sasl_user(struct tenure_server_options *options,
                                              const char *user,
                                              const char *password);

/**
 * The digest id whose holder may do everything, `super:HASH`, with the hash of `super:PASSWORD`.
 */
tenure_status tenure_server_options_super_digest(struct tenure_server_options *options,
                                                 const char *id);

/**
 * Schemes one of which a connection has to have proven itself by before it asks for anything. Replaces
 * what was set before.
 *
 * @param schemes Their names with commas between, such as "sasl,x509".
 */
tenure_status tenure_server_options_require_auth(struct tenure_server_options *options,
                                                 const char *schemes);

/**
 * The four-letter words that are answered. Unless set, those that cost little: ruok, srvr, stat, mntr,
 * conf, isro. A word that does not exist makes the start fail with TENURE_EINVAL.
 *
 * @param words Their names with commas between, such as "ruok,srvr,cons", or "*" for all of them.
 */
tenure_status tenure_server_options_words(struct tenure_server_options *options,
                                          const char *words);

/**
 * Whether the hard limits of quotas are kept: what would exceed one fails with TENURE_QUOTA_EXCEEDED.
 * Counted against they are in any case. They are not kept unless set.
 */
tenure_status tenure_server_options_enforce_quota(struct tenure_server_options *options,
                                                  bool on);

/**
 * Starts a server with these options. Its port is bound when this returns.
 *
 * @param options Copied.
 * @param out Receives the server. The caller owns it: tenure_server_stop().
 * @return As tenure_server_start(); also TENURE_EINVAL for settings that cannot be meant.
 *
 * Thread-safety: any thread, while no other changes the options.
 */
tenure_status tenure_server_start_with(const struct tenure_server_options *options,
                                       struct tenure_server **out);

/**
 * Starts a server. Its port is bound when this returns.
 *
 * @param listen `address:port`, such as "127.0.0.1:2181"; port 0 takes a free one.
 * @param data_dir A directory to keep everything in, made if it does not exist: whatever a client was
 *        answered is there after a crash of the process or of the machine, and the next server on the
 *        directory goes on with it, sessions too. Null keeps everything in memory, gone with the server.
 * @param out Receives the server. The caller owns it: tenure_server_stop().
 * @return TENURE_OK; TENURE_EINVAL for null and for an address that is none; TENURE_EDATADIR if another
 *         server has the directory, if anything in it is damaged or missing, and if the system refuses
 *         it: tenure_last_error() names the process or the file; nothing was lost by the attempt;
 *         TENURE_SYSTEM_ERROR if the address cannot be bound or a thread cannot be started.
 *
 * Thread-safety: any thread.
 */
tenure_status tenure_server_start(const char *listen,
                                  const char *data_dir,
                                  struct tenure_server **out);

/**
 * The port the server listens on, also across restarts. 0 for null.
 *
 * Thread-safety: any thread.
 */
uint16_t tenure_server_port(const struct tenure_server *server);

/**
 * Ends a session now, as if its time were up. When this returns, no client can read its ephemerals
 * any more.
 *
 * @return TENURE_OK; TENURE_UNKNOWN_SESSION if there is no such session; TENURE_EINVAL for null;
 *         TENURE_ECLOSED after a restart that failed; TENURE_EFORKED.
 *
 * Thread-safety: any thread.
 */
tenure_status tenure_server_expire(const struct tenure_server *server, int64_t session_id);

/**
 * Cuts the connection of a session. The session stays and can be resumed.
 *
 * @return TENURE_OK; TENURE_UNKNOWN_SESSION if no connection speaks for such a session;
 *         TENURE_EINVAL for null; TENURE_ECLOSED after a restart that failed; TENURE_EFORKED.
 *
 * Thread-safety: any thread.
 */
tenure_status tenure_server_drop_connection(const struct tenure_server *server, int64_t session_id);

/**
 * Stops a server and starts it again on the same port with the same data, whether that is in memory or
 * on a disk. Clients see a server that was restarted: their sessions go on with a full timeout, their
 * ephemerals stay; connections, watches and what was not answered are gone.
 *
 * Blocks until the port is open again. Calls on other threads wait for that.
 *
 * @return TENURE_OK; TENURE_SYSTEM_ERROR or TENURE_EDATADIR if the server cannot be started again: it
 *         has stopped then, what it kept in memory is lost, what it kept on a disk is there, and
 *         tenure_server_stop() is all that can be done with the handle; TENURE_ECLOSED if that was so
 *         before; TENURE_EDEADLK on a callback thread; TENURE_EINVAL for null; TENURE_EFORKED.
 *
 * Thread-safety: any thread but a callback thread.
 */
tenure_status tenure_server_restart(const struct tenure_server *server);

/**
 * Takes a snapshot of what the server holds, which it serves meanwhile. Servers take snapshots by
 * themselves; this is for backups: the file can be copied anywhere and restored from there.
 *
 * Blocks until the file is durable and was read back.
 *
 * @param path Receives the name of the file with its directory. The caller owns it: tenure_text_free().
 *        Null if it is not wanted.
 * @return TENURE_OK; TENURE_EINVAL for a null server and for one that keeps everything in memory;
 *         TENURE_SYSTEM_ERROR if the file could not be written, and the server goes on; TENURE_ECLOSED
 *         after a restart that failed; TENURE_EDEADLK on a callback thread; TENURE_EFORKED.
 *
 * Thread-safety: any thread but a callback thread.
 */
tenure_status tenure_server_snapshot(const struct tenure_server *server,
                                     char **path);

/**
 * Says whether the server works. When its disk has failed, it acknowledges nothing any more, has cut all
 * connections and accepts none; what it acknowledged before is there when it is started again.
 *
 * @return TENURE_OK while it works; TENURE_EDATADIR when its disk has failed: tenure_last_error() says
 *         which step, on which file, and what the system said; TENURE_ECLOSED after a restart that
 *         failed; TENURE_EINVAL for null; TENURE_EFORKED.
 *
 * Thread-safety: any thread.
 */
tenure_status tenure_server_failure(const struct tenure_server *server);

/**
 * Stops a server and frees it: its connections are closed without a word, its threads end, and what it
 * kept in memory is gone. Null is fine.
 *
 * @param server Taken, except with TENURE_EDEADLK.
 * @param timeout_ms How long to wait for its threads: 0 does not wait, negative waits for ever.
 * @return TENURE_OK; TENURE_ETIMEDOUT, and stopping goes on in the background; TENURE_EDEADLK on a
 *         callback thread; TENURE_EFORKED, and only memory was released.
 *
 * Thread-safety: any thread but a callback thread, and no other may use the server at the same time or
 * later.
 */
tenure_status tenure_server_stop(struct tenure_server *server,
                                 int64_t timeout_ms);

/**
 * Closes new connections of a server without a byte, for as long as it is on. Those there are stay.
 *
 * @return TENURE_OK; TENURE_EINVAL for null; TENURE_ECLOSED after a restart that failed; TENURE_EFORKED. The
 *         same holds for all faults, which any thread may plant. They outlive tenure_server_restart().
 */
tenure_status tenure_server_refuse(const struct tenure_server *server,
                                   bool on);

/**
 * Holds the answers of a server back from now on. They stay in the order of their requests, so one that is
 * held back holds back what comes behind it, events included. What is asked is carried out at once.
 *
 * @param op ZooKeeper's name of an operation, such as "create", "setData" or "ping". Operations that differ
 *        only in the form of their answer count as one. Null for all, heartbeats too.
 * @param ms For how long; 0 takes it back. It may take 20 ms more.
 * @return Also TENURE_EINVAL for an operation that does not exist.
 */
tenure_status tenure_server_delay(const struct tenure_server *server,
                                  const char *op,
                                  uint32_t ms);

/**
 * Has the next requests carried out, and cuts the connection in the place of the answer.
 *
 * @param op As for tenure_server_delay(), but null does not stand for heartbeats.
 * @param count How many; replaces what was planted for the same operation, and 0 takes it back.
 * @return Also TENURE_EINVAL for an operation that does not exist.
 */
tenure_status tenure_server_lose_reply(const struct tenure_server *server,
                                       const char *op,
                                       uint64_t count);

/**
 * Cuts the connection in the place of an answer to the next requests, which are not carried out; nor is what
 * the client sent behind them. The rest is as for tenure_server_lose_reply().
 */
tenure_status tenure_server_lose_request(const struct tenure_server *server,
                                         const char *op,
                                         uint64_t count);

/**
 * Answers the next requests with a code of the protocol, such as TENURE_NO_AUTH, and does not carry them out.
 * The rest is as for tenure_server_lose_reply().
 *
 * @return Also TENURE_EINVAL for TENURE_OK as a code.
 */
tenure_status tenure_server_fail(const struct tenure_server *server,
                                 const char *op,
                                 tenure_status code,
                                 uint64_t count);

/**
 * Neither reads nor answers a session, for as long as it is on. Nothing of its connections shows, not even
 * their end, and the server expires it in time.
 *
 * @param session_id Whose; 0 for all connections there are.
 */
tenure_status tenure_server_silence(const struct tenure_server *server,
                                    int64_t session_id,
                                    bool on);

/**
 * Has a server only read, as one of an ensemble without a quorum, for as long as it is on. Writes fail with
 * TENURE_NOT_READ_ONLY, and clients that did not accept that are not let in. Sessions from before do not
 * expire meanwhile. Turning it on or off cuts every connection.
 */
tenure_status tenure_server_read_only(const struct tenure_server *server,
                                      bool on);

/**
 * Takes back everything that is planted in a server.
 */
tenure_status tenure_server_clear_faults(const struct tenure_server *server);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TENURE_H */
