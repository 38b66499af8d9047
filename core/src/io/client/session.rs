//! One session of a client, and how it fares.

use std::any::Any;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;

use super::ops::Ops;
use crate::base::SessionId;
use crate::client::{Epoch, LossReason, SessionEvent, State};

/// The session of one epoch. Stays what it is when the next epoch begins: then it is over for good.
#[derive(Clone)]
pub struct Session {
    _shared: Arc<()>,
}

#[allow(unused_variables)]
impl Session {
    /// Its id; [`SessionId::NONE`] until it is connected for the first time.
    pub fn id(&self) -> SessionId {
        unimplemented!()
    }

    /// The epoch it belongs to.
    pub fn epoch(&self) -> Epoch {
        unimplemented!()
    }

    /// The timeout the server granted; the one asked for until it is connected.
    pub fn timeout(&self) -> Duration {
        unimplemented!()
    }

    /// How it is at this moment. Looks at the clock: a process that was stopped sees
    /// [`State::Jeopardy`] with the first call after it, before any event.
    pub fn state(&self) -> State {
        unimplemented!()
    }

    /// How long from now the session certainly lives: the time the last answered request was sent,
    /// plus the granted timeout, minus the safety margin, minus now. `None` if it may have expired.
    ///
    /// Computed at the call, on a clock that counts the time a machine sleeps.
    pub fn safe_for(&self) -> Option<Duration> {
        unimplemented!()
    }

    /// Waits until the epoch is over.
    pub async fn lost(&self) -> LossReason {
        unimplemented!()
    }

    /// The operations, pinned to this session: each fails with
    /// [`Error::SessionLost`](crate::Error::SessionLost) once the epoch is over.
    pub fn ops(&self) -> Ops<'_> {
        unimplemented!()
    }

    /// Keeps a value for as long as the epoch lasts, one per type; returns the one before. A value
    /// put into a session that is over is dropped.
    pub fn insert<T: Send + Sync + 'static>(&self, value: T) -> Option<Arc<T>> {
        let value: Arc<dyn Any + Send + Sync> = Arc::new(value);
        unimplemented!()
    }

    /// The value of this type, unless the epoch is over.
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        unimplemented!()
    }
}

/// The states of a client: the one when the stream was made, then every change. Ends after the event
/// that finishes the client.
///
/// For a slow reader events that only tell of a connection may be left out, never
/// [`State::Lost`] nor the first connection of an epoch.
pub struct States {
    _shared: Arc<()>,
}

impl States {
    /// The next event; `None` when the client is finished and all was read. Dropping the future
    /// loses nothing.
    pub async fn next(&mut self) -> Option<SessionEvent> {
        unimplemented!()
    }
}

impl Stream for States {
    type Item = SessionEvent;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<SessionEvent>> {
        unimplemented!()
    }
}
