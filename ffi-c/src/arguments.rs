//! What C passes in, checked and copied.

use std::ffi::{CStr, c_char};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::guard::Fault;
use crate::status::{TENURE_EDEADLK, TENURE_EFORKED, TENURE_EINVAL};

/// The largest data or credential taken: what a length on the wire can say.
const LONGEST: usize = i32::MAX as usize;

/// The process that made an object. In a forked child the threads that served it do not exist.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Process(u32);

impl Process {
    pub(crate) fn current() -> Process {
        Process(std::process::id())
    }

    pub(crate) fn is_current(self) -> bool {
        self == Process::current()
    }
}

/// A handle that knows which process made it.
pub(crate) trait Handle {
    /// What C calls it.
    const NAME: &'static str;

    fn process(&self) -> Process;
}

/// The object behind a handle.
///
/// # Safety
/// `handle` is null or points to a live object that nothing changes for `'a`.
pub(crate) unsafe fn object<'a, T: Handle>(handle: *const T) -> Result<&'a T, Fault> {
    // SAFETY: as promised by the caller.
    let object = unsafe { handle.as_ref() }.ok_or_else(|| null(T::NAME))?;
    if object.process().is_current() { Ok(object) } else { Err(forked(T::NAME)) }
}

/// The object behind a handle, to be changed.
///
/// # Safety
/// `handle` is null or points to a live object that nobody else uses for `'a`.
pub(crate) unsafe fn object_mut<'a, T: Handle>(handle: *mut T) -> Result<&'a mut T, Fault> {
    // SAFETY: as promised by the caller.
    let object = unsafe { handle.as_mut() }.ok_or_else(|| null(T::NAME))?;
    if object.process().is_current() { Ok(object) } else { Err(forked(T::NAME)) }
}

fn forked(name: &str) -> Fault {
    Fault::new(
        TENURE_EFORKED,
        format!("this {name} was made before a fork; make a new one in the child"),
    )
}

pub(crate) fn null(name: &str) -> Fault {
    Fault::new(TENURE_EINVAL, format!("{name} is null"))
}

pub(crate) fn invalid(text: impl Into<String>) -> Fault {
    Fault::new(TENURE_EINVAL, text)
}

/// Where a result goes.
///
/// # Safety
/// `out` is null or may be written to for `'a`.
pub(crate) unsafe fn place<'a, T>(out: *mut T, name: &str) -> Result<&'a mut T, Fault> {
    // SAFETY: as promised by the caller.
    unsafe { out.as_mut() }.ok_or_else(|| null(name))
}

/// A text, copied.
///
/// # Safety
/// `text` is null or ends with a null character.
pub(crate) unsafe fn text(text: *const c_char, name: &str) -> Result<String, Fault> {
    if text.is_null() {
        return Err(null(name));
    }
    // SAFETY: not null, and terminated as promised by the caller.
    let text = unsafe { CStr::from_ptr(text) };
    let text = text.to_str().map_err(|_| invalid(format!("{name} is not UTF-8")))?;
    Ok(text.to_owned())
}

/// A text that may be null, copied.
///
/// # Safety
/// As [`text`].
pub(crate) unsafe fn optional(value: *const c_char, name: &str) -> Result<Option<String>, Fault> {
    // SAFETY: as promised by the caller.
    (!value.is_null()).then(|| unsafe { text(value, name) }).transpose()
}

/// Bytes, copied; null with length 0 is no data, which is not the same as empty data.
///
/// # Safety
/// `data` is null or `len` bytes can be read from it.
pub(crate) unsafe fn data(data: *const u8, len: usize, name: &str) -> Result<Option<Bytes>, Fault> {
    if len > LONGEST {
        return Err(invalid(format!("{name} is longer than {LONGEST} bytes")));
    }
    match (data.is_null(), len) {
        (true, 0) => Ok(None),
        (true, _) => Err(invalid(format!("{name} is null but its length is {len}"))),
        (false, 0) => Ok(Some(Bytes::new())),
        // SAFETY: not null, readable as promised by the caller, and shorter than `isize::MAX`.
        _ => Ok(Some(Bytes::copy_from_slice(unsafe { std::slice::from_raw_parts(data, len) }))),
    }
}

/// How long a blocking call may wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Patience {
    /// Looks, and does not wait.
    None,
    /// Waits until this moment.
    Until(Instant),
    /// Waits for ever.
    Endless,
}

impl Patience {
    /// As `timeout_ms` says it: negative is for ever.
    pub(crate) fn from_millis(timeout_ms: i64) -> Patience {
        match u64::try_from(timeout_ms) {
            Err(_) => Patience::Endless,
            Ok(0) => Patience::None,
            // A moment the clock cannot name is as good as never.
            Ok(millis) => Instant::now()
                .checked_add(Duration::from_millis(millis))
                .map_or(Patience::Endless, Patience::Until),
        }
    }
}

/// Refuses to block a thread on which callbacks run.
pub(crate) fn may_block() -> Result<(), Fault> {
    if crate::sink::is_inside_callback() || tenure_core::is_callback_thread() {
        return Err(Fault::new(
            TENURE_EDEADLK,
            "this call would block a callback thread; use the asynchronous form",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_empty_data_are_told_apart() {
        // SAFETY: no pointer with a length above 0 is read.
        unsafe {
            assert_eq!(data(std::ptr::null(), 0, "data"), Ok(None));
            assert_eq!(data([1u8].as_ptr(), 0, "data"), Ok(Some(Bytes::new())));
            assert_eq!(data(std::ptr::null(), 1, "data").unwrap_err().status, TENURE_EINVAL);
            assert_eq!(data([1u8].as_ptr(), usize::MAX, "data").unwrap_err().status, TENURE_EINVAL);
        }
    }

    #[test]
    fn text_must_be_utf8() {
        // SAFETY: all texts end with a null character.
        unsafe {
            assert_eq!(text(c"/\u{e9}".as_ptr(), "path"), Ok("/\u{e9}".to_owned()));
            let fault = text(c"/\xff".as_ptr(), "path").unwrap_err();
            assert_eq!(fault.text, "path is not UTF-8");
            assert_eq!(text(std::ptr::null(), "path").unwrap_err().text, "path is null");
        }
    }

    #[test]
    fn patience_is_none_some_or_endless() {
        assert_eq!(Patience::from_millis(0), Patience::None);
        assert_eq!(Patience::from_millis(-1), Patience::Endless);
        assert!(matches!(Patience::from_millis(5), Patience::Until(_)));
    }
}
