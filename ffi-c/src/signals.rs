//! Keeps the program's signals off the library's threads.

use std::mem::MaybeUninit;

/// Runs `start` with all signals blocked on this thread, and so on every thread it starts: a signal for
/// the process then reaches a thread of the program.
pub(crate) fn with_signals_blocked<T>(start: impl FnOnce() -> T) -> T {
    let _restored_at_the_end = Blocked::new();
    start()
}

/// The signal mask to go back to.
struct Blocked {
    before: libc::sigset_t,
}

impl Blocked {
    fn new() -> Option<Blocked> {
        let mut all = MaybeUninit::<libc::sigset_t>::uninit();
        let mut before = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: `sigfillset` writes the whole set, and `pthread_sigmask` the whole set before.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            let done = libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
            (done == 0).then(|| Blocked { before: before.assume_init() })
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: the set was written by the call that blocked.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, std::ptr::null_mut());
        }
    }
}
