//! Clients: made, watched over, closed.

use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::sync::{Arc, mpsc};

use tenure_core::base::limits::SESSION_EVENTS;
use tenure_core::{Client, Credentials};

use crate::arguments::{Handle, Patience, Process, may_block, object, place, text};
use crate::event::{TENURE_LOST, tenure_state};
use crate::guard::{Fault, guard, guard_or};
use crate::life::{Life, session_content, state_of};
use crate::options::tenure_options;
use crate::queue::{Lane, Room, WhenFull};
use crate::reply;
use crate::session::tenure_session;
use crate::signals::with_signals_blocked;
use crate::sink::{Sink, tenure_sink};
use crate::status::{TENURE_ECLOSED, TENURE_ETIMEDOUT, tenure_status};
use crate::wait::wait_for;

/// A client and its session. Every handle to it, and every function that takes one, may be used on any
/// thread at any time.
///
/// The session is kept alive on a thread of the library's own, whatever the program's threads do.
/// Library threads block all signals.
pub struct tenure_client {
    core: Client,
    life: Arc<Life>,
    process: Process,
}

impl Handle for tenure_client {
    const NAME: &'static str = "client";

    fn process(&self) -> Process {
        self.process
    }
}

impl tenure_client {
    pub(crate) fn core(&self) -> &Client {
        &self.core
    }

    pub(crate) fn life(&self) -> &Arc<Life> {
        &self.life
    }

    /// Ends the client after a panic and leaves its session to expire.
    fn give_up(&self) {
        self.life.give_up();
        // The core may be what panicked. Then there is nothing left to tell it.
        let _ = catch_unwind(AssertUnwindSafe(|| self.core.detach_with(drop)));
    }
}

/// Runs the body of a function of a client; a panic in it ends the client.
///
/// # Safety
/// `client` is null or alive.
pub(crate) unsafe fn with<T>(
    client: *const tenure_client,
    body: impl FnOnce(&tenure_client) -> Result<T, Fault>,
) -> Result<T, Fault> {
    // SAFETY: as promised by the caller.
    let client = unsafe { object(client) }?;
    client.life.check()?;
    catch_unwind(AssertUnwindSafe(|| body(client))).unwrap_or_else(|panic| {
        client.give_up();
        resume_unwind(panic)
    })
}

/// Makes a client, which starts to connect in the background. How it fares arrives as session events
/// and can be waited for: tenure_client_wait_connected().
///
/// @param options Copied.
/// @param out Receives the client. The caller owns it: tenure_client_free().
/// @return TENURE_OK; TENURE_EINVAL for null, the host list, a setting, and a file of
///         tenure_options_tls_pem(), which tenure_last_error() names; TENURE_EFORKED.
///
/// Thread-safety: any thread, while no other changes the options.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_client_new(
    options: *const tenure_options,
    out: *mut *mut tenure_client,
) -> tenure_status {
    guard(|| {
        // SAFETY: null or live options.
        let options = unsafe { object(options) }?;
        // SAFETY: null or writable.
        let out = unsafe { place(out, "out") }?;
        let life = Life::new();
        let events = options.events().map(|sink| life.outlet(sink));
        let room = Room::new(SESSION_EVENTS, WhenFull::LeaveOut);
        let following = life.clone();
        let builder = options.builder().subscribe(move |event| {
            following.follow(&event);
            if let Some(outlet) = &events {
                let lane = Lane { room: &room, is_kept: event.is_kept() };
                outlet.deliver_in(session_content(&event), Some(&lane));
            }
        });
        let core = with_signals_blocked(|| builder.connect_lazy())?;
        *out = Box::into_raw(Box::new(tenure_client { core, life, process: Process::current() }));
        Ok(())
    })
}

/// Waits until the client is connected; returns at once if it is.
///
/// @param timeout_ms How long to wait: 0 only looks, negative waits for ever.
/// @return TENURE_OK; TENURE_ETIMEDOUT, and connecting goes on; TENURE_ETLS if every host in turn failed
///         for reasons of trust, and connecting goes on as well; tenure_last_error() says in both cases why
///         the last attempt failed. TENURE_ELOST, TENURE_AUTH_FAILED or TENURE_ECLOSED if the client is
///         finished; TENURE_EINVAL for null; TENURE_EDEADLK on a callback thread; TENURE_EFORKED.
///
/// Thread-safety: any thread but a callback thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_client_wait_connected(
    client: *const tenure_client,
    timeout_ms: i64,
) -> tenure_status {
    let wait = |client: &tenure_client| {
        may_block()?;
        match wait_for(client.core.connected(), Patience::from_millis(timeout_ms)) {
            Some(result) => Ok(result?),
            None => Err(not_yet(&client.core)),
        }
    };
    // SAFETY: null or a live client.
    guard(|| unsafe { with(client, wait) })
}

fn not_yet(core: &Client) -> Fault {
    let why = core.connect_failure().map_or_else(String::new, |why| format!(" ({why})"));
    Fault::new(TENURE_ETIMEDOUT, format!("not connected yet{why}; connecting goes on"))
}

/// Makes another handle to the same client and session, seen from `path`: `/` of the new handle is
/// `path` of this one, in requests, replies and events. The znode need not exist.
///
/// @param out Receives the handle. The caller owns it: tenure_client_free(), independent of the first.
/// @return TENURE_OK; TENURE_EINVAL for null and for a path that is not valid; TENURE_EFORKED.
///
/// Thread-safety: any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_client_chroot(
    client: *const tenure_client,
    path: *const c_char,
    out: *mut *mut tenure_client,
) -> tenure_status {
    let narrow = |client: &tenure_client| {
        // SAFETY: null or a C string.
        let path = unsafe { text(path, "path") }?;
        // SAFETY: null or writable.
        let out = unsafe { place(out, "out") }?;
        let core = client.core.chroot(&path)?;
        let narrowed =
            tenure_client { core, life: client.life.clone(), process: Process::current() };
        *out = Box::into_raw(Box::new(narrowed));
        Ok(())
    };
    // SAFETY: null or a live client.
    guard(|| unsafe { with(client, narrow) })
}

/// Starts to close the session and all handles of this client. Requests submitted before are carried
/// out first, later ones fail with TENURE_ECLOSED; every watch gets TENURE_KIND_END; then `sink` gets
/// one reply, the last event of the client. With TENURE_OK in it the session's ephemerals are gone;
/// with TENURE_ECONNLOSS no server confirmed it, and the session ends when its timeout has passed; with
/// TENURE_ELOST or TENURE_AUTH_FAILED the client was finished before.
///
/// @param sink Where the reply goes; may be null.
/// @return TENURE_OK; otherwise there is no reply: TENURE_ECLOSED if a close was started before;
///         TENURE_EINVAL for null and for the sink; TENURE_EFORKED.
///
/// Thread-safety: any thread, also callback threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_client_close(
    client: *const tenure_client,
    sink: *const tenure_sink,
) -> tenure_status {
    guard(|| {
        // SAFETY: null or a sink.
        let sink = if sink.is_null() { None } else { Some(unsafe { Sink::take(sink) }?) };
        // SAFETY: null or a live client.
        unsafe { with(client, |client| start_close(client, sink)) }
    })
}

fn start_close(client: &tenure_client, sink: Option<Arc<Sink>>) -> Result<(), Fault> {
    let life = client.life.clone();
    life.start_closing()?;
    let outlet = sink.map(|sink| life.outlet(sink));
    client.core.close_with(move |result| {
        let result = result.map_err(Fault::from);
        if let Some(outlet) = &outlet {
            outlet.deliver(life.stamped(reply::of_result(&result)));
        }
        drop(outlet);
        life.finish(result);
    });
    Ok(())
}

/// Closes the client as tenure_client_close() does, if that was not started yet, and waits until it is
/// closed and all its callbacks have returned. No callback runs after that, and `drop_user` has run
/// for every sink of which the program holds no event.
///
/// @param timeout_ms How long to wait: 0 only starts and looks, negative waits for ever.
/// @return What the reply to the close says; TENURE_ETIMEDOUT, and closing goes on; TENURE_EINVAL for
///         null; TENURE_EDEADLK on a callback thread, and nothing was started; TENURE_EFORKED.
///
/// Thread-safety: any thread but a callback thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_client_close_wait(
    client: *const tenure_client,
    timeout_ms: i64,
) -> tenure_status {
    let wait = |client: &tenure_client| {
        may_block()?;
        // Whoever started it, and however early it ended: the result is waited for below.
        let _ = start_close(client, None);
        client.life.wait_until_over(Patience::from_millis(timeout_ms))
    };
    // SAFETY: null or a live client.
    guard(|| unsafe { with(client, wait) })
}

/// Leaves the session alive on the server and returns what resumes it: give it to
/// tenure_options_resume() within the session timeout. The client is finished, as after a close.
///
/// Requests that were sent and not answered fail with an unknown outcome, others were not applied;
/// wait for them first.
///
/// @param token Receives the bytes, a secret. The caller owns them: tenure_bytes_free().
/// @param len Receives their number.
/// @return TENURE_OK; TENURE_ECONNLOSS if there is no session yet; TENURE_ECLOSED; TENURE_EINVAL for
///         null; TENURE_EDEADLK on a callback thread; TENURE_EFORKED.
///
/// Thread-safety: any thread but a callback thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_client_detach(
    client: *const tenure_client,
    token: *mut *mut u8,
    len: *mut usize,
) -> tenure_status {
    let detach = |client: &tenure_client| {
        // SAFETY: null or writable.
        let token = unsafe { place(token, "token") }?;
        // SAFETY: null or writable.
        let len = unsafe { place(len, "len") }?;
        may_block()?;
        let bytes = detached(client)?.to_bytes();
        *len = bytes.len();
        *token = Box::into_raw(Box::<[u8]>::from(bytes)).cast();
        Ok(())
    };
    // SAFETY: null or a live client.
    guard(|| unsafe { with(client, detach) })
}

fn detached(client: &tenure_client) -> Result<Credentials, Fault> {
    let life = client.life.clone();
    life.start_closing()?;
    let (answer, waiting) = mpsc::sync_channel(1);
    client.core.detach_with(move |result| {
        let result = result.map_err(Fault::from);
        life.finish(result.as_ref().map(|_| ()).map_err(Clone::clone));
        // Nobody else receives, and the caller waits.
        let _ = answer.send(result);
    });
    waiting.recv().unwrap_or_else(|_| Err(Fault::new(TENURE_ECLOSED, "the client is closed")))
}

/// Drops this handle. Null is fine. If it was the last one and no close was started, what was
/// submitted before is still sent, then the session is closed in the background. Callbacks may run until
/// that is done; tenure_client_close_wait() before it makes sure that none does.
///
/// Thread-safety: any thread, also in callbacks, but no other may use this handle at the same time or
/// later.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_client_free(client: *mut tenure_client) {
    guard_or((), || {
        if !client.is_null() {
            // SAFETY: not null, made by this library, and given up by the caller.
            drop(unsafe { Box::from_raw(client) });
        }
        Ok(())
    });
}

/// How the session is at this moment: looks at the clock, so a process that was stopped sees
/// TENURE_JEOPARDY with the first call after it. TENURE_LOST for null and in a forked child.
///
/// Thread-safety: any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_client_state(client: *const tenure_client) -> tenure_state {
    // SAFETY: null or a live client.
    guard_or(TENURE_LOST, || unsafe { with(client, |client| Ok(state_of(client.core.state()))) })
}

/// The session of the current epoch. It stays what it is when the next epoch begins.
///
/// @return The session; the caller owns it: tenure_session_free(). Null on failure: see
///         tenure_last_error().
///
/// Thread-safety: any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_client_session(
    client: *const tenure_client,
) -> *mut tenure_session {
    // SAFETY: null or a live client.
    guard_or(ptr::null_mut(), || unsafe {
        with(client, |client| {
            let session = tenure_session::new(client.core.session(), client.life.clone());
            Ok(Box::into_raw(Box::new(session)))
        })
    })
}

/// Frees bytes this library returned. Null is fine.
///
/// @param len The length that came with them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_bytes_free(bytes: *mut u8, len: usize) {
    guard_or((), || {
        if !bytes.is_null() {
            // SAFETY: not null, and made by this library as a boxed slice of this length.
            drop(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(bytes, len)) });
        }
        Ok(())
    });
}

/// Frees a text this library returned. Null is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_text_free(text: *mut c_char) {
    guard_or((), || {
        if !text.is_null() {
            // SAFETY: not null, and made by this library as a C string.
            drop(unsafe { CString::from_raw(text) });
        }
        Ok(())
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{tenure_options_free, tenure_options_new};
    use crate::status::{TENURE_EPANIC, TENURE_OK};

    /// Stands for any exported function of a client with a defect.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn tenure_test_client_panics(client: *const tenure_client) -> tenure_status {
        // SAFETY: null or a live client.
        guard(|| unsafe { with(client, |_| panic!("on purpose")) })
    }

    #[test]
    fn a_panic_ends_its_client_and_nothing_else() {
        let mut clients = [ptr::null_mut::<tenure_client>(); 2];
        // SAFETY: all handles are made here, freed once, and used by this thread alone.
        unsafe {
            let options = tenure_options_new(c"127.0.0.1:1".as_ptr());
            for client in &mut clients {
                assert_eq!(tenure_client_new(options, client), TENURE_OK);
            }
            tenure_options_free(options);
            let [broken, whole] = clients;
            assert_eq!(tenure_test_client_panics(broken), TENURE_EPANIC);
            assert_eq!(tenure_client_wait_connected(broken, 0), TENURE_EPANIC);
            assert_eq!(tenure_client_close(broken, ptr::null()), TENURE_EPANIC);
            assert_eq!(tenure_client_state(broken), TENURE_LOST);
            assert_eq!(tenure_client_wait_connected(whole, 0), TENURE_ETIMEDOUT);
            tenure_client_free(broken);
            tenure_client_free(whole);
        }
    }
}
