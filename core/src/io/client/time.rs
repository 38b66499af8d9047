//! The clock sessions are measured with.

use crate::base::Moment;

/// The time since the machine was started, including the time it slept: what a session on another
/// machine goes through meanwhile.
pub(super) fn now() -> Moment {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    #[expect(unsafe_code, reason = "the standard library reads no clock that counts sleep")]
    // SAFETY: `time` is a valid timespec to write to for the length of the call.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &mut time) };
    debug_assert_eq!(result, 0, "every supported system has this clock");
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    // One microsecond up, for zero is the mark of a session that was never answered.
    Moment(1 + seconds * 1_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0) / 1_000)
}
