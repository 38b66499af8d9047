//! The embedded server.

use std::ffi::c_char;
use std::sync::mpsc;
use std::time::Instant;

use parking_lot::RwLock;
use tenure_core::server::{Server, ServerBuilder, SnapshotError, StartError};

use crate::arguments::{Handle, Patience, Process, invalid, may_block, object, place, text};
use crate::guard::{Fault, c_text, guard, guard_or};
use crate::server_options::address;
use crate::signals::with_signals_blocked;
use crate::status::{
    TENURE_ECLOSED, TENURE_EDATADIR, TENURE_EINVAL, TENURE_ETIMEDOUT, TENURE_SYSTEM_ERROR,
    TENURE_UNKNOWN_SESSION, tenure_status,
};

/// A server inside this process, on its own threads. Any number may run side by side.
pub struct tenure_server {
    /// `None` when a restart has failed.
    core: RwLock<Option<Server>>,
    port: u16,
    process: Process,
}

impl tenure_server {
    /// Asks the server for something; it is not restarted meanwhile.
    pub(crate) fn ask<T>(&self, question: impl FnOnce(&Server) -> T) -> Result<T, Fault> {
        self.core.read().as_ref().map(question).ok_or_else(over)
    }
}

fn over() -> Fault {
    Fault::new(TENURE_ECLOSED, "the server has stopped: it could not be restarted")
}

impl Handle for tenure_server {
    const NAME: &'static str = "server";

    fn process(&self) -> Process {
        self.process
    }
}

/// Starts a server. Its port is bound when this returns.
///
/// @param listen `address:port`, such as "127.0.0.1:2181"; port 0 takes a free one.
/// @param data_dir A directory to keep everything in, made if it does not exist: whatever a client was
///        answered is there after a crash of the process or of the machine, and the next server on the
///        directory goes on with it, sessions too. Null keeps everything in memory, gone with the server.
/// @param out Receives the server. The caller owns it: tenure_server_stop().
/// @return TENURE_OK; TENURE_EINVAL for null and for an address that is none; TENURE_EDATADIR if another
///         server has the directory, if anything in it is damaged or missing, and if the system refuses
///         it: tenure_last_error() names the process or the file; nothing was lost by the attempt;
///         TENURE_SYSTEM_ERROR if the address cannot be bound or a thread cannot be started.
///
/// Thread-safety: any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_start(
    listen: *const c_char,
    data_dir: *const c_char,
    out: *mut *mut tenure_server,
) -> tenure_status {
    guard(|| {
        // SAFETY: null or a C string.
        let listen = unsafe { text(listen, "listen") }?;
        // SAFETY: null or writable.
        let out = unsafe { place(out, "out") }?;
        let mut builder = Server::builder().listen(address(&listen)?);
        if !data_dir.is_null() {
            // SAFETY: not null, so a C string.
            builder = builder.data_dir(unsafe { text(data_dir, "data_dir") }?);
        }
        *out = start(builder)?;
        Ok(())
    })
}

/// Starts a server and gives it to the caller.
pub(crate) fn start(builder: ServerBuilder) -> Result<*mut tenure_server, Fault> {
    let core = with_signals_blocked(|| builder.start()).map_err(refused)?;
    let (port, process) = (core.port(), Process::current());
    Ok(Box::into_raw(Box::new(tenure_server { core: Some(core).into(), port, process })))
}

fn refused(error: StartError) -> Fault {
    let status = match error {
        StartError::DataDir(_) | StartError::Recovery(_) => TENURE_EDATADIR,
        StartError::Timeouts(_)
        | StartError::Identity(_)
        | StartError::Words(_)
        | StartError::Tls(_) => TENURE_EINVAL,
        _ => TENURE_SYSTEM_ERROR,
    };
    Fault::new(status, error.to_string())
}

/// The port the server listens on, also across restarts. 0 for null.
///
/// Thread-safety: any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_port(server: *const tenure_server) -> u16 {
    // SAFETY: null or a live server.
    guard_or(0, || Ok(unsafe { object(server) }?.port))
}

/// Ends a session now, as if its time were up. When this returns, no client can read its ephemerals
/// any more.
///
/// @return TENURE_OK; TENURE_UNKNOWN_SESSION if there is no such session; TENURE_EINVAL for null;
///         TENURE_ECLOSED after a restart that failed; TENURE_EFORKED.
///
/// Thread-safety: any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_expire(
    server: *const tenure_server,
    session_id: i64,
) -> tenure_status {
    guard(|| {
        // SAFETY: null or a live server.
        let server = unsafe { object(server) }?;
        let is_there = server.ask(|core| core.expire(session_id))?;
        found(is_there, session_id, "there is no session")
    })
}

/// Cuts the connection of a session. The session stays and can be resumed.
///
/// @return TENURE_OK; TENURE_UNKNOWN_SESSION if no connection speaks for such a session;
///         TENURE_EINVAL for null; TENURE_ECLOSED after a restart that failed; TENURE_EFORKED.
///
/// Thread-safety: any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_drop_connection(
    server: *const tenure_server,
    session_id: i64,
) -> tenure_status {
    guard(|| {
        // SAFETY: null or a live server.
        let server = unsafe { object(server) }?;
        let is_there = server.ask(|core| core.drop_connection(session_id))?;
        found(is_there, session_id, "no connection is of session")
    })
}

fn found(is_there: bool, session_id: i64, otherwise: &str) -> Result<(), Fault> {
    if is_there {
        return Ok(());
    }
    Err(Fault::new(TENURE_UNKNOWN_SESSION, format!("{otherwise} {session_id:#x}")))
}

/// Stops a server and starts it again on the same port with the same data, whether that is in memory or
/// on a disk. Clients see a server that was restarted: their sessions go on with a full timeout, their
/// ephemerals stay; connections, watches and what was not answered are gone.
///
/// Blocks until the port is open again. Calls on other threads wait for that.
///
/// @return TENURE_OK; TENURE_SYSTEM_ERROR or TENURE_EDATADIR if the server cannot be started again: it
///         has stopped then, what it kept in memory is lost, what it kept on a disk is there, and
///         tenure_server_stop() is all that can be done with the handle; TENURE_ECLOSED if that was so
///         before; TENURE_EDEADLK on a callback thread; TENURE_EINVAL for null; TENURE_EFORKED.
///
/// Thread-safety: any thread but a callback thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_restart(server: *const tenure_server) -> tenure_status {
    guard(|| {
        // SAFETY: null or a live server.
        let server = unsafe { object(server) }?;
        may_block()?;
        let mut slot = server.core.write();
        let core = slot.as_mut().ok_or_else(over)?;
        let restarted = with_signals_blocked(|| core.restart());
        if restarted.is_err() {
            *slot = None;
        }
        restarted.map_err(refused)
    })
}

/// Takes a snapshot of what the server holds, which it serves meanwhile. Servers take snapshots by
/// themselves; this is for backups: the file can be copied anywhere and restored from there.
///
/// Blocks until the file is durable and was read back.
///
/// @param path Receives the name of the file with its directory. The caller owns it: tenure_text_free().
///        Null if it is not wanted.
/// @return TENURE_OK; TENURE_EINVAL for a null server and for one that keeps everything in memory;
///         TENURE_SYSTEM_ERROR if the file could not be written, and the server goes on; TENURE_ECLOSED
///         after a restart that failed; TENURE_EDEADLK on a callback thread; TENURE_EFORKED.
///
/// Thread-safety: any thread but a callback thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_snapshot(
    server: *const tenure_server,
    path: *mut *mut c_char,
) -> tenure_status {
    guard(|| {
        // SAFETY: null or a live server.
        let server = unsafe { object(server) }?;
        may_block()?;
        let file = server.ask(Server::snapshot)?.map_err(|error| match error {
            SnapshotError::InMemory => invalid(error.to_string()),
            _ => Fault::new(TENURE_SYSTEM_ERROR, error.to_string()),
        })?;
        if !path.is_null() {
            // SAFETY: not null, so writable.
            *unsafe { place(path, "path") }? = c_text(&file.to_string_lossy()).into_raw();
        }
        Ok(())
    })
}

/// Says whether the server works. When its disk has failed, it acknowledges nothing any more, has cut all
/// connections and accepts none; what it acknowledged before is there when it is started again.
///
/// @return TENURE_OK while it works; TENURE_EDATADIR when its disk has failed: tenure_last_error() says
///         which step, on which file, and what the system said; TENURE_ECLOSED after a restart that
///         failed; TENURE_EINVAL for null; TENURE_EFORKED.
///
/// Thread-safety: any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_failure(server: *const tenure_server) -> tenure_status {
    guard(|| {
        // SAFETY: null or a live server.
        let failure = unsafe { object(server) }?.ask(Server::failure)?;
        failure.map_or(Ok(()), |reason| Err(Fault::new(TENURE_EDATADIR, reason)))
    })
}

/// Stops a server and frees it: its connections are closed without a word, its threads end, and what it
/// kept in memory is gone. Null is fine.
///
/// @param server Taken, except with TENURE_EDEADLK.
/// @param timeout_ms How long to wait for its threads: 0 does not wait, negative waits for ever.
/// @return TENURE_OK; TENURE_ETIMEDOUT, and stopping goes on in the background; TENURE_EDEADLK on a
///         callback thread; TENURE_EFORKED, and only memory was released.
///
/// Thread-safety: any thread but a callback thread, and no other may use the server at the same time or
/// later.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_server_stop(
    server: *mut tenure_server,
    timeout_ms: i64,
) -> tenure_status {
    guard(|| {
        if server.is_null() {
            return Ok(());
        }
        // SAFETY: not null, so alive.
        let checked = unsafe { object(server) }.map(|_| ());
        if checked.is_ok() {
            may_block()?;
        }
        // SAFETY: made by `tenure_server_start`, and given up by the caller.
        let server = unsafe { Box::from_raw(server) };
        let core = server.core.into_inner();
        if let Err(fault) = checked {
            // Its threads are the parent's: there is nothing to stop and nothing to wait for.
            std::mem::forget(core);
            return Err(fault);
        }
        core.map_or(Ok(()), |core| stop(core, Patience::from_millis(timeout_ms)))
    })
}

fn stop(core: Server, patience: Patience) -> Result<(), Fault> {
    if patience == Patience::Endless {
        core.shutdown();
        return Ok(());
    }
    let (stopped, waiting) = mpsc::sync_channel(1);
    let stopper = std::thread::Builder::new().name("tenure-stop".to_owned()).spawn(move || {
        core.shutdown();
        // The caller may have gone on.
        let _ = stopped.send(());
    });
    stopper.map_err(|error| {
        Fault::new(TENURE_SYSTEM_ERROR, format!("cannot start a thread: {error}"))
    })?;
    let left = match patience {
        Patience::Until(end) => end.saturating_duration_since(Instant::now()),
        _ => std::time::Duration::ZERO,
    };
    waiting.recv_timeout(left).map_err(|_| {
        Fault::new(TENURE_ETIMEDOUT, "the server is still stopping, in the background")
    })
}
