//! Events: what a program hears, asked for or not, as one object with accessors.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::sync::Arc;

use tenure_core::Stat;

use crate::arguments::{null, place};
use crate::content::{Content, Part};
use crate::guard::{c_text, guard_or};
use crate::sink::User;
use crate::status::{TENURE_EINVAL, TENURE_NOT_APPLIED, tenure_outcome, tenure_status};

/// What an event is about. Skip kinds you do not know: new ones may appear.
pub type tenure_kind = i32;

/// How the session of an epoch is.
pub type tenure_state = i32;

/// The answer to a request or a close, or the word that a watch is in place. See
/// tenure_event_status().
pub const TENURE_KIND_REPLY: tenure_kind = 1;
/// A znode changed: tenure_event_path() and tenure_event_change() say which and how.
pub const TENURE_KIND_NODE: tenure_kind = 2;
/// Events of this watch may be missing before this one: read again what you keep. A read submitted
/// from now on misses nothing. tenure_event_change() says why.
pub const TENURE_KIND_RESYNC: tenure_kind = 3;
/// The session changed its state: tenure_event_state(), tenure_event_epoch(),
/// tenure_event_session_id().
pub const TENURE_KIND_SESSION: tenure_kind = 4;
/// The watch is over; tenure_event_status() says why. Nothing follows.
pub const TENURE_KIND_END: tenure_kind = 8;

/// No session yet in this epoch.
pub const TENURE_CONNECTING: tenure_state = 0;
/// Connected, every identity proven, watches in place.
pub const TENURE_CONNECTED: tenure_state = 1;
/// Connected to a server that only reads. Ephemerals are still there, but cannot be checked.
pub const TENURE_READ_ONLY: tenure_state = 2;
/// No connection. The session cannot have expired yet.
pub const TENURE_SUSPENDED: tenure_state = 3;
/// No connection, and the session may have expired: act as if its ephemerals were gone, but do not
/// assume it. May go back to TENURE_CONNECTED in the same epoch.
pub const TENURE_JEOPARDY: tenure_state = 4;
/// The epoch is over; the text of the event says why. Never left out, and always before anything of
/// the next epoch.
pub const TENURE_LOST: tenure_state = 5;

/// The znode was created.
pub const TENURE_CREATED: i32 = 1;
/// The znode was deleted.
pub const TENURE_DELETED: i32 = 2;
/// Data of the znode were set.
pub const TENURE_DATA: i32 = 3;
/// A direct child of the znode was created or deleted.
pub const TENURE_CHILDREN: i32 = 4;

/// The connection was lost and the session resumed.
pub const TENURE_RESYNC_RECONNECTED: i32 = 1;
/// A new session took over.
pub const TENURE_RESYNC_NEW_SESSION: i32 = 2;
/// The program was slower than the watch's buffer is long.
pub const TENURE_RESYNC_OVERFLOW: i32 = 3;

/// The metadata of a znode. Fixed by the protocol; never grows.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct tenure_stat {
    /// The transaction that created the znode.
    pub czxid: i64,
    /// The transaction that last set its data.
    pub mzxid: i64,
    /// When it was created, in milliseconds since 1970.
    pub ctime: i64,
    /// When its data were last set, in milliseconds since 1970.
    pub mtime: i64,
    /// How often its data were set. Wraps.
    pub version: i32,
    /// How often a child was created or deleted. Wraps.
    pub cversion: i32,
    /// How often its ACL was set. Wraps.
    pub aversion: i32,
    /// The session that owns it, or 0.
    pub ephemeral_owner: i64,
    /// Bytes of data.
    pub data_length: i32,
    /// Direct children.
    pub num_children: i32,
    /// The last transaction that created or deleted a direct child, or the one that created it.
    pub pzxid: i64,
}

impl From<&Stat> for tenure_stat {
    fn from(stat: &Stat) -> tenure_stat {
        tenure_stat {
            czxid: stat.czxid.0,
            mzxid: stat.mzxid.0,
            ctime: stat.ctime.0,
            mtime: stat.mtime.0,
            version: stat.version,
            cversion: stat.cversion,
            aversion: stat.aversion,
            ephemeral_owner: stat.ephemeral_owner.0,
            data_length: stat.data_length,
            num_children: stat.num_children,
            pzxid: stat.pzxid.0,
        }
    }
}

/// An event. It never changes; all that is read from it is borrowed and valid until it is freed.
///
/// Events from tenure_queue_next() and tenure_call() are owned by the caller, those in a callback are
/// borrowed. The accessors may be called on any thread, and accept null.
pub struct tenure_event {
    content: Arc<Content>,
    user: Option<Arc<User>>,
}

impl tenure_event {
    pub(crate) fn new(content: Content, user: Option<Arc<User>>) -> tenure_event {
        tenure_event { content: Arc::new(content), user }
    }

    #[cfg(test)]
    pub(crate) fn content(&self) -> &Content {
        &self.content
    }

    /// What stands in a queue for this event and all before it that were too many.
    pub(crate) fn collapsed(&self) -> tenure_event {
        let content = Content {
            change: TENURE_RESYNC_OVERFLOW,
            epoch: self.content.epoch,
            session_id: self.content.session_id,
            state: self.content.state,
            text: c_text("more changes than the buffer of this watch holds"),
            ..Content::new(TENURE_KIND_RESYNC)
        };
        tenure_event::new(content, self.user.clone())
    }
}

/// Reads something off an event; `otherwise` stands for null.
///
/// # Safety
/// `event` is null or alive for `'a`.
unsafe fn read<'a, T>(
    event: *const tenure_event,
    otherwise: T,
    look: impl FnOnce(&'a Content) -> T,
) -> T {
    guard_or(otherwise, || {
        // SAFETY: as promised by the caller.
        let event = unsafe { event.as_ref() }.ok_or_else(|| null("event"))?;
        Ok(look(&event.content))
    })
}

/// Reads something off a part of an event; `otherwise` stands for null and for a part that is not
/// there.
///
/// # Safety
/// `event` is null or alive for `'a`.
unsafe fn read_part<'a, T: Copy>(
    event: *const tenure_event,
    part: usize,
    otherwise: T,
    look: impl FnOnce(&'a Part) -> T,
) -> T {
    // SAFETY: as promised by the caller.
    unsafe { read(event, otherwise, |content| content.parts.get(part).map_or(otherwise, look)) }
}

/// What the event is about: TENURE_KIND_REPLY and so on. 0 for null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_event_kind(event: *const tenure_event) -> tenure_kind {
    // SAFETY: null or a live event.
    unsafe { read(event, 0, |content| content.kind) }
}

/// The `user` pointer of the sink the event went to; null for events of tenure_call().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_event_user(event: *const tenure_event) -> *mut c_void {
    guard_or(ptr::null_mut(), || {
        // SAFETY: null or a live event.
        let event = unsafe { event.as_ref() }.ok_or_else(|| null("event"))?;
        Ok(event.user.as_ref().map_or(ptr::null_mut(), |user| user.pointer()))
    })
}

/// How the request ended, or why the watch is over. TENURE_EINVAL for null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_event_status(event: *const tenure_event) -> tenure_status {
    // SAFETY: null or a live event.
    unsafe { read(event, TENURE_EINVAL, |content| content.status) }
}

/// What became of the write the event answers: TENURE_APPLIED, TENURE_NOT_APPLIED or
/// TENURE_UNKNOWN. For a read, the last says that the request left the process, nothing more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_event_outcome(event: *const tenure_event) -> tenure_outcome {
    // SAFETY: null or a live event.
    unsafe { read(event, TENURE_NOT_APPLIED, |content| content.outcome) }
}

/// A sentence about a failure, a session event or a resync; empty if there is nothing to say. Never
/// null. Borrowed from the event.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_event_text(event: *const tenure_event) -> *const c_char {
    // SAFETY: null or a live event.
    unsafe { read(event, c"".as_ptr(), |content| content.text.as_ptr()) }
}

/// The epoch the event belongs to: the client's own number for its sessions, 1, 2, 3 and so on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_event_epoch(event: *const tenure_event) -> u32 {
    // SAFETY: null or a live event.
    unsafe { read(event, 0, |content| content.epoch) }
}

/// The session the event belongs to; 0 while there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_event_session_id(event: *const tenure_event) -> i64 {
    // SAFETY: null or a live event.
    unsafe { read(event, 0, |content| content.session_id) }
}

/// The new state, in an event of TENURE_KIND_SESSION; TENURE_CONNECTING in all others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_event_state(event: *const tenure_event) -> tenure_state {
    // SAFETY: null or a live event.
    unsafe { read(event, TENURE_CONNECTING, |content| content.state) }
}

/// What happened to the znode, in an event of TENURE_KIND_NODE: TENURE_CREATED and so on. Why events
/// may be missing, in one of TENURE_KIND_RESYNC: TENURE_RESYNC_RECONNECTED and so on. Else 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_event_change(event: *const tenure_event) -> i32 {
    // SAFETY: null or a live event.
    unsafe { read(event, 0, |content| content.change) }
}

/// How many parts the event has: one for each operation of a multi, also of one that failed, and one
/// for every other reply and for a changed znode. The accessors below count parts from 0 and answer
/// for one that is not there as for null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_event_parts(event: *const tenure_event) -> usize {
    // SAFETY: null or a live event.
    unsafe { read(event, 0, |content| content.parts.len()) }
}

/// How one operation of a multi ended. In a failed multi the one that failed has its own code, those
/// before it TENURE_OK although nothing was applied, those behind it TENURE_RUNTIME_INCONSISTENCY.
/// TENURE_EINVAL for null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_event_part_status(
    event: *const tenure_event,
    part: usize,
) -> tenure_status {
    // SAFETY: null or a live event.
    unsafe { read_part(event, part, TENURE_EINVAL, |part| part.status) }
}

/// The path created, with the number a sequential znode gets; for other requests the path they
/// named; in an event of TENURE_KIND_NODE the znode that changed. Empty if there is none. Never null.
/// Ends with a null character. Borrowed from the event.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_event_path(
    event: *const tenure_event,
    part: usize,
) -> *const c_char {
    // SAFETY: null or a live event.
    unsafe { read_part(event, part, c"".as_ptr(), |part| part.path.as_ptr()) }
}

/// The data that were read. Borrowed from the event.
///
/// @param len Receives the number of bytes. May be null.
/// @return The bytes; null with length 0 if the znode has no data or the event is not about data;
///         not null with length 0 if its data are empty.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_event_data(
    event: *const tenure_event,
    part: usize,
    len: *mut usize,
) -> *const u8 {
    /// Where empty data begin.
    static EMPTY: u8 = 0;
    guard_or(ptr::null(), || {
        // SAFETY: null or a live event.
        let (data, length) = unsafe {
            read_part(event, part, (ptr::null(), 0), |part| match &part.data {
                None => (ptr::null(), 0),
                Some(bytes) if bytes.is_empty() => (&raw const EMPTY, 0),
                Some(bytes) => (bytes.as_ptr(), bytes.len()),
            })
        };
        // SAFETY: null or writable.
        if let Some(len) = unsafe { len.as_mut() } {
            *len = length;
        }
        Ok(data)
    })
}

/// The Stat that goes with the reply.
///
/// @param out Receives it.
/// @return Whether there is one; if not, `out` is left alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_event_stat(
    event: *const tenure_event,
    part: usize,
    out: *mut tenure_stat,
) -> bool {
    guard_or(false, || {
        // SAFETY: null or writable.
        let out = unsafe { place(out, "out") }?;
        // SAFETY: null or a live event.
        let stat = unsafe { read_part(event, part, None, |part| part.stat.as_ref()) };
        if let Some(stat) = stat {
            *out = stat.into();
        }
        Ok(stat.is_some())
    })
}

/// How many children were listed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_event_child_count(
    event: *const tenure_event,
    part: usize,
) -> usize {
    // SAFETY: null or a live event.
    unsafe { read_part(event, part, 0, |part| part.children.len()) }
}

/// The name of a child, without the path. Null for an index out of range. Borrowed from the event.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_event_child(
    event: *const tenure_event,
    part: usize,
    index: usize,
) -> *const c_char {
    let name = |part: &Part| part.children.get(index).map_or(ptr::null(), CStr::as_ptr);
    // SAFETY: null or a live event.
    unsafe { read_part(event, part, ptr::null(), name) }
}

/// How many entries the access control list has that was read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_event_acl_count(event: *const tenure_event, part: usize) -> usize {
    // SAFETY: null or a live event.
    unsafe { read_part(event, part, 0, |part| part.acl.len()) }
}

/// What an entry of the list grants: TENURE_PERM_READ and so on, added up. 0 out of range.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_event_acl_perms(
    event: *const tenure_event,
    part: usize,
    index: usize,
) -> i32 {
    // SAFETY: null or a live event.
    unsafe { read_part(event, part, 0, |part| part.acl.get(index).map_or(0, |acl| acl.perms)) }
}

/// The scheme of an entry of the list. Null out of range. Borrowed from the event.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_event_acl_scheme(
    event: *const tenure_event,
    part: usize,
    index: usize,
) -> *const c_char {
    let scheme = |part: &Part| part.acl.get(index).map_or(ptr::null(), |acl| acl.scheme.as_ptr());
    // SAFETY: null or a live event.
    unsafe { read_part(event, part, ptr::null(), scheme) }
}

/// The id of an entry of the list. Null out of range. Borrowed from the event.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_event_acl_id(
    event: *const tenure_event,
    part: usize,
    index: usize,
) -> *const c_char {
    let id = |part: &Part| part.acl.get(index).map_or(ptr::null(), |acl| acl.id.as_ptr());
    // SAFETY: null or a live event.
    unsafe { read_part(event, part, ptr::null(), id) }
}

/// The same event once more, to keep it beyond a callback. It carries `user` as well, so `drop_user`
/// waits for it.
///
/// @return The event; the caller owns it: tenure_event_free(). Null for null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_event_clone(event: *const tenure_event) -> *mut tenure_event {
    guard_or(ptr::null_mut(), || {
        // SAFETY: null or a live event.
        let event = unsafe { event.as_ref() }.ok_or_else(|| null("event"))?;
        let again = tenure_event { content: event.content.clone(), user: event.user.clone() };
        Ok(Box::into_raw(Box::new(again)))
    })
}

/// Frees an event that the caller owns. Null is fine. If it is the last one that carries its `user`,
/// `drop_user` runs in this call.
///
/// Thread-safety: any thread, but no other may use the event at the same time or later.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_event_free(event: *mut tenure_event) {
    guard_or((), || {
        if !event.is_null() {
            // SAFETY: not null, made by this library, and given up by the caller.
            drop(unsafe { Box::from_raw(event) });
        }
        Ok(())
    });
}
