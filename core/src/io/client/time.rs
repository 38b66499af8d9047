//! The clock sessions are measured with.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::presence::Presence;
use super::runtime;
use crate::base::Moment;
use crate::io::clock::{Clock, manual};

/// Where a client's time comes from.
#[derive(Clone, Default)]
pub(super) struct Time {
    /// A clock that only moves when it is told to; `None` for the machine's.
    manual: Option<Clock>,
}

impl Time {
    /// That of a client on this clock. A real one is the machine's, and clients have their own: theirs
    /// does not leave out the time for which a process stood still.
    pub fn of(clock: &Clock) -> Time {
        Time { manual: Some(clock.clone()).filter(Clock::is_manual) }
    }

    pub fn now(&self) -> Moment {
        self.manual.as_ref().map_or_else(now, Clock::moment)
    }

    /// What the clock sees of a client, if it is one that looks.
    pub fn presence(&self) -> Option<Arc<Presence>> {
        let clock = self.manual.as_ref()?;
        let presence = Arc::new(Presence::new(clock.clone()));
        let seen = Arc::downgrade(&presence);
        clock.join(seen);
        Some(presence)
    }

    /// Waits for `length`.
    pub fn sleep(&self, length: Duration) -> Sleep {
        if let Some(clock) = &self.manual {
            return Sleep::Manual(manual::Manual::sleep(clock.clone(), length));
        }
        let Ok(runtime) = runtime::handle() else { return Sleep::Over };
        // Whatever runtime the program has, or none: this one moves the timer.
        let _inside = runtime.enter();
        Sleep::Real(Box::pin(tokio::time::sleep(length)))
    }
}

/// A length of time on a client's clock.
pub(super) enum Sleep {
    Real(Pin<Box<tokio::time::Sleep>>),
    Manual(manual::Sleep),
    /// No thread can be had that would end it.
    Over,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.get_mut() {
            Sleep::Real(sleep) => sleep.as_mut().poll(context),
            Sleep::Manual(sleep) => Pin::new(sleep).poll(context),
            Sleep::Over => Poll::Ready(()),
        }
    }
}

/// The time since the machine was started, including the time it slept: what a session on another
/// machine goes through meanwhile.
fn now() -> Moment {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    #[expect(unsafe_code, reason = "the standard library reads no clock that counts sleep")]
    // SAFETY: `time` is a valid timespec to write to for the length of the call.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &mut time) };
    debug_assert_eq!(result, 0, "every supported system has this clock");
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    // One microsecond up, for zero is the mark of a session that was never answered.
    Moment(1 + seconds * 1_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0) / 1_000)
}
