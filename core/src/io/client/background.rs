//! Work that goes on while nobody waits for it, on the thread of the clients.

use std::future::Future;
use std::time::Duration;

use super::runtime;
use super::session::Session;
use crate::client::Result;

/// Runs a future to its end on the thread of the clients, where heartbeats are sent: it must never
/// block, and never run code of the program.
///
/// # Errors
/// `Invalid` if the thread cannot be started.
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Result<()> {
    // Nobody waits for the task: what it has to say it says through what it was given.
    drop(runtime::handle()?.spawn(future));
    Ok(())
}

/// Waits for `length` on the clock of a session's client, whatever runtime polls it, or none. Begins
/// with the call. At once if the thread of the clients cannot be started.
pub(crate) fn sleep(
    session: &Session,
    length: Duration,
) -> impl Future<Output = ()> + Send + use<> {
    session.shared().time.sleep(length)
}
