//! Connections on their way in and out, as a manual clock has to know of them: they are in no list.

use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::net::TcpListener;

use crate::io::sockets;
use crate::service::Turns;

/// The ports of a server that accepts, and the connections that only wait for their clients to close.
#[derive(Default)]
pub(super) struct Entrance {
    listeners: Mutex<Vec<Arc<TcpListener>>>,
    /// The turns of the task that accepts.
    pub(super) turns: Turns,
    lingering: AtomicU64,
    is_closed: AtomicBool,
}

impl Entrance {
    /// These are the ports.
    pub(super) fn open(&self, listeners: Vec<Arc<TcpListener>>) {
        *self.listeners.lock() = listeners;
    }

    /// Nothing is accepted any more.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
        self.listeners.lock().clear();
        self.turns.end(false);
    }

    /// Whether the server is about to stop.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    /// Whether somebody has asked for a connection that was not accepted yet.
    pub(super) fn is_asked(&self) -> bool {
        let listeners = self.listeners.lock();
        let mut ports = listeners.iter().map(|listener| listener.as_raw_fd());
        self.turns.is_inside() || ports.any(sockets::is_readable)
    }

    /// A connection has been told everything, for as long as what this returns exists.
    pub(super) fn linger(&self) -> Lingering<'_> {
        self.lingering.fetch_add(1, Ordering::SeqCst);
        Lingering { entrance: self }
    }

    /// How many connections there are of this kind.
    pub(super) fn lingering(&self) -> u64 {
        self.lingering.load(Ordering::SeqCst)
    }
}

/// A connection whose client has the next word.
pub(super) struct Lingering<'a> {
    entrance: &'a Entrance,
}

impl Drop for Lingering<'_> {
    fn drop(&mut self) {
        self.entrance.lingering.fetch_sub(1, Ordering::SeqCst);
    }
}
