//! Sessions as C sees them: one epoch, and how long it is certain.

use std::sync::Arc;

use tenure_core::{Epoch, Session};

use crate::arguments::{Handle, Process, object};
use crate::guard::{Fault, guard_or};
use crate::life::Life;

/// The session of one epoch of a client. Does not keep the client alive.
pub struct tenure_session {
    core: Session,
    life: Arc<Life>,
    process: Process,
}

impl Handle for tenure_session {
    const NAME: &'static str = "session";

    fn process(&self) -> Process {
        self.process
    }
}

impl tenure_session {
    pub(crate) fn new(core: Session, life: Arc<Life>) -> tenure_session {
        tenure_session { core, life, process: Process::current() }
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.core.epoch()
    }

    pub(crate) fn life(&self) -> &Arc<Life> {
        &self.life
    }
}

/// Reads something off a session; `otherwise` stands for null and for a forked child.
///
/// # Safety
/// `session` is null or alive.
unsafe fn read<T>(
    session: *const tenure_session,
    otherwise: T,
    look: impl FnOnce(&Session) -> T,
) -> T {
    guard_or(otherwise, || {
        // SAFETY: as promised by the caller.
        let session = unsafe { object(session) }?;
        Ok::<T, Fault>(look(&session.core))
    })
}

/// Its id; 0 until it is connected for the first time, and for null.
///
/// Thread-safety: any thread. The same holds for all accessors of a session.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_session_id(session: *const tenure_session) -> i64 {
    // SAFETY: null or a live session.
    unsafe { read(session, 0, |session| session.id().0) }
}

/// Its epoch: the client's own number for its sessions, 1, 2, 3 and so on, never reused. 0 for null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_session_epoch(session: *const tenure_session) -> u32 {
    // SAFETY: null or a live session.
    unsafe { read(session, 0, |session| session.epoch().0) }
}

/// The timeout the server granted, in milliseconds; the one asked for until it is connected. 0 for
/// null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_session_timeout_ms(session: *const tenure_session) -> u32 {
    // SAFETY: null or a live session.
    unsafe {
        read(session, 0, |session| u32::try_from(session.timeout().as_millis()).unwrap_or(u32::MAX))
    }
}

/// For how many milliseconds from now the session certainly lives: the time the last answered request
/// was sent, plus the timeout, minus the safety margin, minus now. Computed at the call, on a clock
/// that counts the time a machine sleeps. 0 if the session may have expired, and for null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_session_safe_ms(session: *const tenure_session) -> i64 {
    // SAFETY: null or a live session.
    unsafe {
        read(session, 0, |session| {
            let safe = session.safe_for().unwrap_or_default();
            i64::try_from(safe.as_millis()).unwrap_or(i64::MAX)
        })
    }
}

/// Frees the handle; the session itself is not touched. Null is fine.
///
/// Thread-safety: any thread, but no other may use this handle at the same time or later.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_session_free(session: *mut tenure_session) {
    guard_or((), || {
        if !session.is_null() {
            // SAFETY: not null, made by this library, and given up by the caller.
            drop(unsafe { Box::from_raw(session) });
        }
        Ok(())
    });
}
