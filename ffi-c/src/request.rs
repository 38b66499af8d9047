//! Requests: described by a constructor and settings, taken by a call, a submission or a multi.

use std::cell::RefCell;
use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;

use bytes::Bytes;
use tenure_core::base::mode::Ttl;
use tenure_core::{Acl, Epoch, Perms};

use crate::arguments::{Handle, Process, data, invalid, null, object, object_mut, text};
use crate::guard::{Fault, guard, guard_or};
use crate::life::Life;
use crate::session::tenure_session;
use crate::sink::{Sink, tenure_sink};
use crate::status::tenure_status;

/// For tenure_req_create(): the znode goes with the session.
pub const TENURE_EPHEMERAL: u32 = 1;
/// For tenure_req_create(): a number is appended to the name that no child of the parent had before.
pub const TENURE_SEQUENTIAL: u32 = 2;
/// For tenure_req_create(): the server removes the znode some time after its last child is gone.
pub const TENURE_CONTAINER: u32 = 4;
/// For tenure_req_create(): missing znodes above it are created too, persistent, with the same ACL and
/// without data. They stay if the create then fails.
pub const TENURE_PARENTS: u32 = 8;

/// Read the data and list the children.
pub const TENURE_PERM_READ: i32 = 1;
/// Set the data.
pub const TENURE_PERM_WRITE: i32 = 2;
/// Create a child.
pub const TENURE_PERM_CREATE: i32 = 4;
/// Delete a child.
pub const TENURE_PERM_DELETE: i32 = 8;
/// Set the ACL.
pub const TENURE_PERM_ADMIN: i32 = 16;
/// All permissions.
pub const TENURE_PERM_ALL: i32 = 31;

const CREATE_FLAGS: u32 = TENURE_EPHEMERAL | TENURE_SEQUENTIAL | TENURE_CONTAINER | TENURE_PARENTS;

/// What a request asks for.
pub(crate) enum Task {
    Create { data: Option<Bytes>, flags: u32, ttl: Option<Ttl> },
    Get,
    Set { data: Option<Bytes> },
    Delete,
    Exists,
    Children,
    Sync,
    GetAcl,
    SetAcl,
    Check,
    Multi(Vec<tenure_request>),
}

impl Task {
    fn takes_version(&self) -> bool {
        matches!(self, Task::Set { .. } | Task::Delete | Task::SetAcl | Task::Check)
    }

    fn takes_acl(&self) -> bool {
        matches!(self, Task::Create { .. } | Task::SetAcl)
    }

    fn takes_watch(&self) -> bool {
        matches!(self, Task::Get | Task::Exists | Task::Children)
    }

    fn is_write_of_multi(&self) -> bool {
        matches!(self, Task::Create { .. } | Task::Set { .. } | Task::Delete | Task::Check)
    }

    fn is_read_of_multi(&self) -> bool {
        matches!(self, Task::Get | Task::Children)
    }
}

/// The session a request is pinned to.
pub(crate) struct Pin {
    pub(crate) life: Arc<Life>,
    pub(crate) epoch: Epoch,
}

/// A request being described. Belongs to one thread at a time.
///
/// Constructors copy what they are given. They return null for a path that is null or not UTF-8, and
/// for data that are null with a length; whoever takes the null request then fails with
/// TENURE_EINVAL, so only that has to be checked. Whether a path is well formed is found out when the
/// request is taken.
pub struct tenure_request {
    pub(crate) task: Task,
    pub(crate) path: String,
    /// -1 matches any.
    pub(crate) version: i32,
    pub(crate) acl: Vec<Acl>,
    pub(crate) pin: Option<Pin>,
    pub(crate) watch: Option<Arc<Sink>>,
    process: Process,
}

impl Handle for tenure_request {
    const NAME: &'static str = "request";

    fn process(&self) -> Process {
        self.process
    }
}

thread_local! {
    /// Why the last constructor on this thread returned null.
    static REFUSED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Takes a request over from C, whatever happens next.
///
/// # Safety
/// `request` is null, or made by a constructor and given up by the caller.
pub(crate) unsafe fn take(request: *mut tenure_request) -> Result<Box<tenure_request>, Fault> {
    if request.is_null() {
        let refused = REFUSED.with(|refused| refused.borrow_mut().take());
        return Err(refused.map_or_else(|| null("request"), invalid));
    }
    // SAFETY: as promised by the caller.
    Ok(unsafe { Box::from_raw(request) })
}

/// Makes a request, or keeps the reason for whoever gets the null one.
fn made(describe: impl FnOnce() -> Result<(String, Task), Fault>) -> *mut tenure_request {
    guard_or(ptr::null_mut(), || {
        let described = describe();
        REFUSED.with(|refused| {
            *refused.borrow_mut() = described.as_ref().err().map(|fault| fault.text.clone());
        });
        let (path, task) = described?;
        Ok(Box::into_raw(Box::new(tenure_request {
            task,
            path,
            version: -1,
            acl: Vec::new(),
            pin: None,
            watch: None,
            process: Process::current(),
        })))
    })
}

/// Makes a request that is nothing but a path.
///
/// # Safety
/// `path` is null or a C string.
unsafe fn about(path: *const c_char, task: Task) -> *mut tenure_request {
    // SAFETY: as promised by the caller.
    made(|| Ok((unsafe { text(path, "path") }?, task)))
}

/// Creates a znode. The reply has its path and, if the server sends it, its Stat.
///
/// @param data Null with length 0 creates a znode without data, not null with length 0 one with empty
///        data. A server cuts the connection of whoever sends a request above 1 MiB, data and path
///        together, unless it is told otherwise: TENURE_ECONNLOSS, and again with every attempt.
/// @param flags TENURE_EPHEMERAL and so on, or 0. TENURE_CONTAINER goes with TENURE_PARENTS only.
/// @return The request; the caller owns it until a function takes it. Null: see tenure_request.
///
/// The reply's status may be TENURE_NODE_EXISTS, TENURE_NO_NODE of the parent,
/// TENURE_NO_CHILDREN_FOR_EPHEMERALS, TENURE_NO_AUTH, TENURE_INVALID_ACL.
///
/// Thread-safety: any thread. The same holds for all constructors of requests.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_req_create(
    path: *const c_char,
    data: *const u8,
    len: usize,
    flags: u32,
) -> *mut tenure_request {
    made(|| {
        // SAFETY: null or a C string.
        let path = unsafe { text(path, "path") }?;
        // SAFETY: null or readable for `len` bytes.
        let data = unsafe { self::data(data, len, "data") }?;
        if flags & !CREATE_FLAGS != 0 {
            return Err(invalid(format!("flags {flags:#x} are not all known")));
        }
        if flags & TENURE_CONTAINER != 0 && flags & (TENURE_EPHEMERAL | TENURE_SEQUENTIAL) != 0 {
            return Err(invalid("a container is neither ephemeral nor sequential"));
        }
        Ok((path, Task::Create { data, flags, ttl: None }))
    })
}

/// Reads data and Stat. TENURE_NO_NODE, TENURE_NO_AUTH.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_req_get(path: *const c_char) -> *mut tenure_request {
    // SAFETY: null or a C string.
    unsafe { about(path, Task::Get) }
}

/// Sets data; the reply has the new Stat. TENURE_NO_NODE, TENURE_BAD_VERSION, TENURE_NO_AUTH.
///
/// @param data As for tenure_req_create().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_req_set(
    path: *const c_char,
    data: *const u8,
    len: usize,
) -> *mut tenure_request {
    made(|| {
        // SAFETY: null or a C string.
        let path = unsafe { text(path, "path") }?;
        // SAFETY: null or readable for `len` bytes.
        let data = unsafe { self::data(data, len, "data") }?;
        Ok((path, Task::Set { data }))
    })
}

/// Deletes a znode that has no children. TENURE_NO_NODE, TENURE_NOT_EMPTY, TENURE_BAD_VERSION,
/// TENURE_NO_AUTH.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_req_delete(path: *const c_char) -> *mut tenure_request {
    // SAFETY: null or a C string.
    unsafe { about(path, Task::Delete) }
}

/// Asks for the Stat; TENURE_NO_NODE if there is no such znode.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_req_exists(path: *const c_char) -> *mut tenure_request {
    // SAFETY: null or a C string.
    unsafe { about(path, Task::Exists) }
}

/// Lists the children, in no particular order, with the Stat of the znode. TENURE_NO_NODE,
/// TENURE_NO_AUTH.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_req_children(path: *const c_char) -> *mut tenure_request {
    // SAFETY: null or a C string.
    unsafe { about(path, Task::Children) }
}

/// Waits until the server has applied all that was committed before; a read submitted after it sees
/// that. The znode need not exist.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_req_sync(path: *const c_char) -> *mut tenure_request {
    // SAFETY: null or a C string.
    unsafe { about(path, Task::Sync) }
}

/// Reads the access control list and the Stat: tenure_event_acl_count() and so on. TENURE_NO_NODE,
/// TENURE_NO_AUTH.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_req_get_acl(path: *const c_char) -> *mut tenure_request {
    // SAFETY: null or a C string.
    unsafe { about(path, Task::GetAcl) }
}

/// Replaces the access control list by the entries that tenure_req_acl() adds; the version it compares
/// is the Stat's `aversion`. TENURE_NO_NODE, TENURE_BAD_VERSION, TENURE_NO_AUTH, TENURE_INVALID_ACL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_req_set_acl(path: *const c_char) -> *mut tenure_request {
    // SAFETY: null or a C string.
    unsafe { about(path, Task::SetAcl) }
}

/// For a multi: fails it unless the znode exists and has the version of tenure_req_version().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_req_check(path: *const c_char) -> *mut tenure_request {
    // SAFETY: null or a C string.
    unsafe { about(path, Task::Check) }
}

/// Makes an empty multi, to be filled by tenure_req_add(): either writes (create, set, delete, check),
/// which happen all or not at all under one zxid, or reads (get, children), each with its own result.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_req_multi() -> *mut tenure_request {
    made(|| Ok((String::new(), Task::Multi(Vec::new()))))
}

/// Moves `sub` into `multi`; its reply is the next part of the multi's.
///
/// @param sub Taken in every case, also on failure, unless it is `multi` itself.
/// @return TENURE_OK; TENURE_EINVAL for null, for a request that cannot be part of this multi, and for
///         one with a pin, a watch or TENURE_PARENTS; TENURE_EFORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_req_add(
    multi: *mut tenure_request,
    sub: *mut tenure_request,
) -> tenure_status {
    guard(|| {
        if !sub.is_null() && ptr::eq(multi, sub) {
            return Err(invalid("a multi cannot be added to itself; it is left as it was"));
        }
        // SAFETY: null or made by a constructor, and given up by the caller.
        let sub = unsafe { take(sub) };
        // SAFETY: null or alive.
        let multi = unsafe { object_mut(multi) }?;
        let sub = sub?;
        let Task::Multi(parts) = &mut multi.task else {
            return Err(invalid("requests are added to a multi only"));
        };
        let like_the_first = |part: &Task| match parts.first() {
            Some(first) if first.task.is_read_of_multi() => part.is_read_of_multi(),
            Some(_) => part.is_write_of_multi(),
            None => part.is_read_of_multi() || part.is_write_of_multi(),
        };
        if !like_the_first(&sub.task) {
            return Err(invalid("a multi is of create, set, delete, check, or of get, children"));
        }
        let has_parents =
            matches!(sub.task, Task::Create { flags, .. } if flags & TENURE_PARENTS != 0);
        if has_parents || sub.pin.is_some() || sub.watch.is_some() {
            return Err(invalid("a part of a multi has no pin, no watch and no TENURE_PARENTS"));
        }
        parts.push(*sub);
        Ok(())
    })
}

/// Changes a request.
///
/// # Safety
/// `request` is null or alive and used by nobody else.
unsafe fn set(
    request: *mut tenure_request,
    change: impl FnOnce(&mut tenure_request) -> Result<(), Fault>,
) -> tenure_status {
    // SAFETY: as promised by the caller.
    guard(|| change(unsafe { object_mut(request) }?))
}

/// Sets the version a set, delete, check or set of an ACL expects; -1, the default, matches any.
///
/// @return TENURE_OK; TENURE_EINVAL for null and for requests without a version; TENURE_EFORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_req_version(
    request: *mut tenure_request,
    version: i32,
) -> tenure_status {
    let change = |request: &mut tenure_request| {
        if !request.task.takes_version() {
            return Err(invalid("a version goes with set, delete, check and set_acl only"));
        }
        request.version = version;
        Ok(())
    };
    // SAFETY: null or a live request.
    unsafe { set(request, change) }
}

/// The server removes the created znode when it has no children and was not set for this long.
///
/// @param ms 1 to 1099511627775, which is 34 years.
/// @return TENURE_OK; TENURE_EINVAL for null, out of range, and for anything but the create of a znode
///         that is neither ephemeral nor a container; TENURE_EFORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_req_ttl(request: *mut tenure_request, ms: i64) -> tenure_status {
    let change = |request: &mut tenure_request| {
        let wanted = Ttl::new(ms)
            .ok_or_else(|| invalid(format!("a time to live is 1 to {} ms, not {ms}", Ttl::MAX)))?;
        match &mut request.task {
            Task::Create { flags, ttl, .. }
                if *flags & (TENURE_EPHEMERAL | TENURE_CONTAINER) == 0 =>
            {
                *ttl = Some(wanted);
                Ok(())
            }
            _ => Err(invalid("a time to live goes with a persistent create only")),
        }
    };
    // SAFETY: null or a live request.
    unsafe { set(request, change) }
}

/// Adds an entry to the access control list of a create or a set of an ACL. A create without any
/// grants everything to everybody.
///
/// @param perms TENURE_PERM_READ and so on, added up.
/// @param scheme Such as "world", "auth", "digest", "ip".
/// @param id What goes with the scheme, such as "anyone".
/// @return TENURE_OK; TENURE_EINVAL for null and for other requests; TENURE_EFORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_req_acl(
    request: *mut tenure_request,
    perms: i32,
    scheme: *const c_char,
    id: *const c_char,
) -> tenure_status {
    let change = |request: &mut tenure_request| {
        // SAFETY: null or C strings.
        let (scheme, id) = unsafe { (text(scheme, "scheme")?, text(id, "id")?) };
        if !request.task.takes_acl() {
            return Err(invalid("an ACL goes with create and set_acl only"));
        }
        request.acl.push(Acl::new(Perms(perms), scheme, id));
        Ok(())
    };
    // SAFETY: null or a live request.
    unsafe { set(request, change) }
}

/// Fails the request with TENURE_ELOST instead of running in any other session than this.
///
/// @param session Of the client the request will be given to. Not taken; may be freed at once.
/// @return TENURE_OK; TENURE_EINVAL for null; TENURE_EFORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_req_pin(
    request: *mut tenure_request,
    session: *const tenure_session,
) -> tenure_status {
    let change = |request: &mut tenure_request| {
        // SAFETY: null or a live session.
        let session = unsafe { object(session) }?;
        request.pin = Some(Pin { life: session.life().clone(), epoch: session.epoch() });
        Ok(())
    };
    // SAFETY: null or a live request.
    unsafe { set(request, change) }
}

/// Also leaves a one-shot watch with a get, exists or children. `sink` gets one event: TENURE_KIND_NODE
/// with the change, or TENURE_KIND_END if the session or the client ended first; none if the request
/// fails and leaves no watch. An exists that finds nothing does leave one.
///
/// @param sink Copied. `drop_user` runs after the event, or when the request is freed or fails.
/// @return TENURE_OK; TENURE_EINVAL for null and for other requests; TENURE_EFORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_req_watch(
    request: *mut tenure_request,
    sink: *const tenure_sink,
) -> tenure_status {
    guard(|| {
        // Before anything can fail, so that the program's pointer is given back in any case.
        // SAFETY: null or a sink.
        let sink = unsafe { Sink::take(sink) }?;
        // SAFETY: null or a live request.
        let request = unsafe { object_mut(request) }?;
        if !request.task.takes_watch() {
            return Err(invalid("a watch goes with get, exists and children only"));
        }
        request.watch = Some(sink);
        Ok(())
    })
}

/// Frees a request that was not taken. Null is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_req_free(request: *mut tenure_request) {
    guard_or((), || {
        if !request.is_null() {
            // SAFETY: not null, made by a constructor, and given up by the caller.
            drop(unsafe { Box::from_raw(request) });
        }
        Ok(())
    });
}
