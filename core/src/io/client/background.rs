//! Work that goes on while nobody waits for it, on the thread of the clients.

use std::future::Future;
use std::time::Duration;

use super::runtime;
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

/// Waits on any runtime, or on none.
///
/// # Errors
/// `Invalid` if the thread of the clients cannot be started.
pub(crate) async fn sleep(length: Duration) -> Result<()> {
    // The timer belongs to the runtime of the clients, whoever polls.
    let timer = {
        let handle = runtime::handle()?;
        let _inside = handle.enter();
        tokio::time::sleep(length)
    };
    timer.await;
    Ok(())
}
