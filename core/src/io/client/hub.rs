//! Session events, from the client's thread to everyone who asked for them.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::callbacks::Callbacks;
use super::feed::{Feed, Sink};
use crate::base::SessionId;
use crate::base::limits::SESSION_EVENTS;
use crate::client::{Epoch, SessionEvent, State};

/// Where session events are handed out.
pub(super) struct Hub {
    state: Mutex<Readers>,
}

struct Readers {
    last: SessionEvent,
    streams: Vec<Weak<Feed<SessionEvent>>>,
    sinks: Vec<Sink<SessionEvent>>,
    is_over: bool,
}

impl Hub {
    /// A hub of a client that has just been made.
    pub fn new() -> Hub {
        let last = SessionEvent {
            state: State::Connecting,
            epoch: Epoch::FIRST,
            session_id: SessionId::NONE,
            server: None,
            restored: None,
            is_new_session: false,
        };
        let readers = Readers { last, streams: Vec::new(), sinks: Vec::new(), is_over: false };
        Hub { state: Mutex::new(readers) }
    }

    /// Hands an event to everyone.
    pub fn publish(&self, event: SessionEvent, callbacks: &Callbacks) {
        let mut readers = self.state.lock();
        readers.streams.retain(|stream| match stream.upgrade() {
            Some(feed) => {
                feed.push(event.clone());
                true
            }
            None => false,
        });
        for sink in &readers.sinks {
            sink.push(event.clone(), callbacks);
        }
        readers.last = event;
    }

    /// Says that there will be no more events.
    pub fn end(&self, callbacks: &Callbacks) {
        let mut readers = self.state.lock();
        readers.is_over = true;
        for feed in readers.streams.drain(..).filter_map(|stream| stream.upgrade()) {
            feed.end();
        }
        let sinks = std::mem::take(&mut readers.sinks);
        drop(readers);
        for sink in sinks {
            sink.end(callbacks);
        }
    }

    /// A feed that starts with the state as it is.
    pub fn stream(&self) -> Arc<Feed<SessionEvent>> {
        let feed = Feed::new(SESSION_EVENTS, coalesce);
        let mut readers = self.state.lock();
        feed.push(readers.last.clone());
        if readers.is_over {
            feed.end();
        } else {
            readers.streams.push(Arc::downgrade(&feed));
        }
        feed
    }

    /// Calls `callback` from now on, first with the state as it is.
    pub fn subscribe(&self, callback: Box<dyn FnMut(SessionEvent) + Send>, callbacks: &Callbacks) {
        let sink = Sink::new(Feed::new(SESSION_EVENTS, coalesce), callback);
        let mut readers = self.state.lock();
        sink.push(readers.last.clone(), callbacks);
        if readers.is_over {
            drop(readers);
            sink.end(callbacks);
        } else {
            readers.sinks.push(sink);
        }
    }
}

/// Makes room by leaving out the oldest event that only tells of a connection. The newest stays, for
/// it is the state as it is.
fn coalesce(events: &mut VecDeque<SessionEvent>, _: usize) {
    let before_last = events.len().saturating_sub(1);
    if let Some(index) = events.range(..before_last).position(|event| !event.is_kept()) {
        events.remove(index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::LossReason;

    #[test]
    fn a_slow_reader_misses_neither_ends_nor_first_connections() {
        let hub = Hub::new();
        let feed = hub.stream();
        let callbacks = Callbacks::default();
        let event = |state, epoch, is_new_session| SessionEvent {
            state,
            epoch: Epoch(epoch),
            session_id: SessionId::NONE,
            server: None,
            restored: None,
            is_new_session,
        };
        for epoch in 1..=50 {
            hub.publish(event(State::Connected, epoch, true), &callbacks);
            for _ in 0..10 {
                hub.publish(event(State::Suspended, epoch, false), &callbacks);
                hub.publish(event(State::Connected, epoch, false), &callbacks);
            }
            let lost = State::Lost(LossReason::ExpiredByServer);
            hub.publish(event(lost, epoch, false), &callbacks);
        }
        hub.end(&callbacks);
        let mut kept = Vec::new();
        while let Some(event) = feed.take() {
            if event.is_kept() {
                kept.push((event.epoch.0, event.is_new_session));
            }
        }
        let all: Vec<_> = (1..=50).flat_map(|epoch| [(epoch, true), (epoch, false)]).collect();
        assert_eq!(kept, all);
    }
}
