//! The runtime that clients live on: one for each process, apart from every runtime of the program.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::client::{Error, Result};

/// Name of the thread; what a debugger shows.
const THREAD: &str = "tenure-client";

/// Threads that resolve names, which may block for long. They end when idle.
const RESOLVERS: usize = 8;

/// How long the lock below may be held by somebody else. Longer means that the process was forked
/// while it was held, and nobody will ever release it.
const PATIENCE: Duration = Duration::from_secs(2);

/// The runtime and the process it runs in. It is never dropped: threads end with the process.
static CURRENT: Mutex<Option<(u32, &'static Runtime)>> = Mutex::new(None);

/// The runtime of this process, started if there is none. After a fork the child gets its own.
///
/// # Errors
/// `Invalid` if the thread cannot be started.
pub(super) fn handle() -> Result<Handle> {
    let Some(mut current) = CURRENT.try_lock_for(PATIENCE) else {
        return Ok(start()?.handle().clone());
    };
    match *current {
        Some((pid, runtime)) if pid == std::process::id() => Ok(runtime.handle().clone()),
        _ => {
            let runtime = start()?;
            *current = Some((std::process::id(), runtime));
            Ok(runtime.handle().clone())
        }
    }
}

fn start() -> Result<&'static Runtime> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(RESOLVERS)
        .thread_name(THREAD)
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| {
            Error::Invalid(format!("the client thread cannot be started: {error}").into())
        })?;
    Ok(Box::leak(Box::new(runtime)))
}
