//! What a test plants in an embedded server.

use std::ffi::c_char;
use std::time::Duration;

use tenure_core::server::{Faults, Op};
use tenure_core::{Code, SessionId};

use crate::arguments::{invalid, object, optional};
use crate::guard::{Fault, guard};
use crate::server::tenure_server;
use crate::status::tenure_status;

/// Plants something in a server.
///
/// # Safety
/// `server` is null or alive.
unsafe fn plant(
    server: *const tenure_server,
    fault: impl FnOnce(&Faults) -> Result<(), Fault>,
) -> Result<(), Fault> {
    // SAFETY: as promised by the caller.
    fault(&unsafe { object(server) }?.ask(|core| core.faults())?)
}

/// The operation of a name; `None` for null.
///
/// # Safety
/// `name` is null or a C string.
unsafe fn operation(name: *const c_char) -> Result<Option<Op>, Fault> {
    // SAFETY: as promised by the caller.
    let Some(name) = unsafe { optional(name, "op") }? else { return Ok(None) };
    let found = Op::ALL.iter().find(|op| op.name() == name);
    let refused = || invalid(format!("{name:?} is no operation such as create, setData or ping"));
    found.copied().ok_or_else(refused).map(Some)
}

/// Closes new connections of a server without a byte, for as long as it is on. Those there are stay.
///
/// @return TENURE_OK; TENURE_EINVAL for null; TENURE_ECLOSED after a restart that failed; TENURE_EFORKED. The
///         same holds for all faults, which any thread may plant. They outlive tenure_server_restart().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_refuse(
    server: *const tenure_server,
    on: bool,
) -> tenure_status {
    guard(|| {
        let fault = |faults: &Faults| {
            faults.refuse(on);
            Ok(())
        };
        // SAFETY: null or a live server.
        unsafe { plant(server, fault) }
    })
}

/// Holds the answers of a server back from now on. They stay in the order of their requests, so one that is
/// held back holds back what comes behind it, events included. What is asked is carried out at once.
///
/// @param op ZooKeeper's name of an operation, such as "create", "setData" or "ping". Operations that differ
///        only in the form of their answer count as one. Null for all, heartbeats too.
/// @param ms For how long; 0 takes it back. It may take 20 ms more.
/// @return Also TENURE_EINVAL for an operation that does not exist.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_delay(
    server: *const tenure_server,
    op: *const c_char,
    ms: u32,
) -> tenure_status {
    guard(|| {
        // SAFETY: null or a C string.
        let op = unsafe { operation(op) }?;
        let fault = |faults: &Faults| {
            faults.delay(op, Duration::from_millis(ms.into()));
            Ok(())
        };
        // SAFETY: null or a live server.
        unsafe { plant(server, fault) }
    })
}

/// Has the next requests carried out, and cuts the connection in the place of the answer.
///
/// @param op As for tenure_server_delay(), but null does not stand for heartbeats.
/// @param count How many; replaces what was planted for the same operation, and 0 takes it back.
/// @return Also TENURE_EINVAL for an operation that does not exist.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_lose_reply(
    server: *const tenure_server,
    op: *const c_char,
    count: u64,
) -> tenure_status {
    guard(|| {
        // SAFETY: null or a C string.
        let op = unsafe { operation(op) }?;
        let fault = |faults: &Faults| {
            faults.lose_reply(op, count);
            Ok(())
        };
        // SAFETY: null or a live server.
        unsafe { plant(server, fault) }
    })
}

/// Cuts the connection in the place of an answer to the next requests, which are not carried out; nor is what
/// the client sent behind them. The rest is as for tenure_server_lose_reply().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_lose_request(
    server: *const tenure_server,
    op: *const c_char,
    count: u64,
) -> tenure_status {
    guard(|| {
        // SAFETY: null or a C string.
        let op = unsafe { operation(op) }?;
        let fault = |faults: &Faults| {
            faults.lose_request(op, count);
            Ok(())
        };
        // SAFETY: null or a live server.
        unsafe { plant(server, fault) }
    })
}

/// Answers the next requests with a code of the protocol, such as TENURE_NO_AUTH, and does not carry them out.
/// The rest is as for tenure_server_lose_reply().
///
/// @return Also TENURE_EINVAL for TENURE_OK as a code.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_fail(
    server: *const tenure_server,
    op: *const c_char,
    code: tenure_status,
    count: u64,
) -> tenure_status {
    guard(|| {
        // SAFETY: null or a C string.
        let op = unsafe { operation(op) }?;
        let code = Code::from_number(code).ok_or_else(|| invalid("TENURE_OK is no failure"))?;
        let fault = |faults: &Faults| {
            faults.fail(op, code, count);
            Ok(())
        };
        // SAFETY: null or a live server.
        unsafe { plant(server, fault) }
    })
}

/// Neither reads nor answers a session, for as long as it is on. Nothing of its connections shows, not even
/// their end, and the server expires it in time.
///
/// @param session_id Whose; 0 for all connections there are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_silence(
    server: *const tenure_server,
    session_id: i64,
    on: bool,
) -> tenure_status {
    guard(|| {
        let fault = |faults: &Faults| {
            faults.silence((session_id != 0).then_some(SessionId(session_id)), on);
            Ok(())
        };
        // SAFETY: null or a live server.
        unsafe { plant(server, fault) }
    })
}

/// Has a server only read, as one of an ensemble without a quorum, for as long as it is on. Writes fail with
/// TENURE_NOT_READ_ONLY, and clients that did not accept that are not let in. Sessions from before do not
/// expire meanwhile. Turning it on or off cuts every connection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_read_only(
    server: *const tenure_server,
    on: bool,
) -> tenure_status {
    guard(|| {
        let fault = |faults: &Faults| {
            faults.read_only(on);
            Ok(())
        };
        // SAFETY: null or a live server.
        unsafe { plant(server, fault) }
    })
}

/// Takes back everything that is planted in a server.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_clear_faults(server: *const tenure_server) -> tenure_status {
    guard(|| {
        let fault = |faults: &Faults| {
            faults.clear();
            Ok(())
        };
        // SAFETY: null or a live server.
        unsafe { plant(server, fault) }
    })
}
