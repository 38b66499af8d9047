//! What all handles of one client share: its sinks, the session as its callbacks know it, its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};

use parking_lot::{Condvar, Mutex};
use tenure_core::{SessionEvent, State};

use crate::arguments::Patience;
use crate::content::Content;
use crate::deliveries::Deliveries;
use crate::event::{
    TENURE_CONNECTED, TENURE_CONNECTING, TENURE_JEOPARDY, TENURE_KIND_SESSION, TENURE_LOST,
    TENURE_READ_ONLY, TENURE_SUSPENDED, tenure_state,
};
use crate::guard::{Fault, c_text};
use crate::sink::{Outlet, Sink};
use crate::status::{TENURE_ECLOSED, TENURE_EPANIC, TENURE_ETIMEDOUT};

enum Closing {
    No,
    Started,
    Over(Result<(), Fault>),
}

/// The life of one client.
pub(crate) struct Life {
    deliveries: Arc<Deliveries>,
    closing: Mutex<Closing>,
    is_over: Condvar,
    // As of the newest callback, which is in step with the replies and events that come there.
    epoch: AtomicU32,
    session_id: AtomicI64,
    is_broken: AtomicBool,
}

impl Life {
    pub(crate) fn new() -> Arc<Life> {
        Arc::new(Life {
            deliveries: Arc::default(),
            closing: Mutex::new(Closing::No),
            is_over: Condvar::new(),
            epoch: AtomicU32::new(1),
            session_id: AtomicI64::new(0),
            is_broken: AtomicBool::new(false),
        })
    }

    /// A sink that belongs to this client from now on.
    pub(crate) fn outlet(&self, sink: Arc<Sink>) -> Outlet {
        Outlet::new(sink, &self.deliveries)
    }

    /// Follows the session, before the program hears of it.
    pub(crate) fn follow(&self, event: &SessionEvent) {
        self.epoch.store(event.epoch.0, Ordering::Relaxed);
        self.session_id.store(event.session_id.0, Ordering::Relaxed);
    }

    /// The same content with epoch and session, where it does not name an epoch of its own.
    pub(crate) fn stamped(&self, content: Content) -> Content {
        let epoch = self.epoch.load(Ordering::Relaxed);
        if content.epoch != 0 && content.epoch != epoch {
            return content;
        }
        Content { epoch, session_id: self.session_id.load(Ordering::Relaxed), ..content }
    }

    /// Refuses a client that a panic left in an unknown state.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        if self.is_broken.load(Ordering::Relaxed) {
            return Err(Fault::new(TENURE_EPANIC, "this client was ended by an internal error"));
        }
        Ok(())
    }

    /// After a panic: nothing is asked of this client any more.
    pub(crate) fn give_up(&self) {
        self.is_broken.store(true, Ordering::Relaxed);
        self.finish(Err(Fault::new(TENURE_EPANIC, "the client was ended by an internal error")));
    }

    /// Refuses a client whose close was started.
    pub(crate) fn check_open(&self) -> Result<(), Fault> {
        match *self.closing.lock() {
            Closing::No => Ok(()),
            _ => Err(closed()),
        }
    }

    /// Claims the right to close; only one close starts.
    pub(crate) fn start_closing(&self) -> Result<(), Fault> {
        let mut closing = self.closing.lock();
        match *closing {
            Closing::No => {
                *closing = Closing::Started;
                Ok(())
            }
            _ => Err(closed()),
        }
    }

    /// The close is over.
    pub(crate) fn finish(&self, result: Result<(), Fault>) {
        *self.closing.lock() = Closing::Over(result);
        self.is_over.notify_all();
    }

    /// Waits until the close is over and no callback of this client can run any more.
    pub(crate) fn wait_until_over(&self, patience: Patience) -> Result<(), Fault> {
        let late = || {
            let text = "the client is not closed yet; closing goes on in the background";
            Fault::new(TENURE_ETIMEDOUT, text)
        };
        let result = self.wait_for_result(patience).ok_or_else(late)?;
        if self.deliveries.wait_until_none(patience) { result } else { Err(late()) }
    }

    fn wait_for_result(&self, patience: Patience) -> Option<Result<(), Fault>> {
        let mut closing = self.closing.lock();
        loop {
            if let Closing::Over(result) = &*closing {
                return Some(result.clone());
            }
            match patience {
                Patience::None => return None,
                Patience::Endless => self.is_over.wait(&mut closing),
                Patience::Until(end) => {
                    let late = self.is_over.wait_until(&mut closing, end).timed_out();
                    if late && !matches!(*closing, Closing::Over(_)) {
                        return None;
                    }
                }
            }
        }
    }
}

fn closed() -> Fault {
    Fault::new(TENURE_ECLOSED, "the client is closed or being closed")
}

/// The number of a state.
pub(crate) fn state_of(state: State) -> tenure_state {
    match state {
        State::Connecting => TENURE_CONNECTING,
        State::Connected => TENURE_CONNECTED,
        State::ReadOnly => TENURE_READ_ONLY,
        State::Suspended => TENURE_SUSPENDED,
        State::Jeopardy => TENURE_JEOPARDY,
        State::Lost(_) => TENURE_LOST,
        // A state this release has no number for promises nothing.
        _ => TENURE_JEOPARDY,
    }
}

/// What a session event says.
pub(crate) fn session_content(event: &SessionEvent) -> Content {
    Content {
        state: state_of(event.state),
        epoch: event.epoch.0,
        session_id: event.session_id.0,
        text: c_text(&session_text(event)),
        ..Content::new(TENURE_KIND_SESSION)
    }
}

fn session_text(event: &SessionEvent) -> String {
    let mut text = match (event.state, &event.server) {
        (State::Lost(reason), _) => reason.to_string(),
        (_, Some(server)) => format!("server {server}"),
        (_, None) => String::new(),
    };
    if let Some(report) = &event.restored {
        let (watches, dropped) = (report.watches, report.dropped_oneshot);
        text += &format!("; {watches} watches go on, {dropped} one-shot watches ended");
        let lists = [
            ("registrations back", &report.registrations),
            ("registrations in conflict", &report.conflicts),
            ("locks lost", &report.lost_locks),
            ("ephemerals lost", &report.lost_ephemerals),
        ];
        for (what, paths) in lists {
            if !paths.is_empty() {
                text += &format!("; {what}: {}", paths.join(" "));
            }
        }
    }
    text
}
