//! What surrounds the body of every exported function: panics and failures become a status, and the
//! text of the failure is kept for the thread.

use std::any::Any;
use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::status::{TENURE_EPANIC, TENURE_OK, tenure_status};

/// Why a call failed: the status to return and the text for `tenure_last_error`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) status: tenure_status,
    pub(crate) text: String,
}

impl Fault {
    pub(crate) fn new(status: tenure_status, text: impl Into<String>) -> Fault {
        Fault { status, text: text.into() }
    }
}

thread_local! {
    static LAST_ERROR: RefCell<Option<CString>> = const { RefCell::new(None) };
}

/// Runs the body of a function that returns a status.
pub(crate) fn guard(body: impl FnOnce() -> Result<(), Fault>) -> tenure_status {
    match caught(body) {
        Ok(()) => TENURE_OK,
        Err(fault) => fault.status,
    }
}

/// Runs the body of a function that returns a value; `otherwise` is what it returns on failure.
pub(crate) fn guard_or<T>(otherwise: T, body: impl FnOnce() -> Result<T, Fault>) -> T {
    caught(body).unwrap_or(otherwise)
}

fn caught<T>(body: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    // Whatever a panic left half done is behind the handle that the caller is told not to trust.
    let result = catch_unwind(AssertUnwindSafe(body))
        .unwrap_or_else(|panic| Err(Fault::new(TENURE_EPANIC, panic_text(&*panic))));
    if let Err(fault) = &result {
        remember(&fault.text);
    }
    result
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let said = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    format!("internal error, please report it: {said}")
}

/// A C string of any text; bytes that would end it early are left out.
pub(crate) fn c_text(text: &str) -> CString {
    CString::new(text).unwrap_or_else(|_| {
        CString::new(text.replace('\0', "")).expect("no null character is left in it")
    })
}

/// Keeps `text` for `tenure_last_error` on this thread.
pub(crate) fn remember(text: &str) {
    // A thread that is ending has nobody left who could ask.
    let _ = LAST_ERROR.try_with(|last| *last.borrow_mut() = Some(c_text(text)));
}

/// The text kept last on this thread; empty if there is none.
pub(crate) fn last_error() -> *const c_char {
    let kept = LAST_ERROR.try_with(|last| last.borrow().as_ref().map(|text| text.as_ptr()));
    kept.ok().flatten().unwrap_or(c"".as_ptr())
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;
    use crate::status::TENURE_EINVAL;

    /// Stands for any exported function with a defect.
    #[unsafe(no_mangle)]
    extern "C" fn tenure_test_panics(number: i32) -> tenure_status {
        guard(|| panic!("number {number}"))
    }

    fn last() -> String {
        // SAFETY: the pointer is to this thread's text, which nothing changes meanwhile.
        unsafe { CStr::from_ptr(last_error()) }.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_panic_becomes_a_status_with_its_text() {
        assert_eq!(tenure_test_panics(7), TENURE_EPANIC);
        assert_eq!(last(), "internal error, please report it: number 7");
    }

    #[test]
    fn a_failure_leaves_its_text_and_a_success_leaves_it_alone() {
        assert_eq!(guard(|| Err(Fault::new(TENURE_EINVAL, "no\0 good"))), TENURE_EINVAL);
        assert_eq!(guard(|| Ok(())), TENURE_OK);
        assert_eq!(last(), "no good");
        assert_eq!(guard_or(5, || Err(Fault::new(TENURE_EINVAL, "worse"))), 5);
        assert_eq!(last(), "worse");
    }

    #[test]
    fn each_thread_has_its_own_text() {
        remember("mine");
        std::thread::spawn(|| assert_eq!(last(), "")).join().unwrap();
        assert_eq!(last(), "mine");
    }
}
