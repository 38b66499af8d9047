//! Numbers and texts for what went right or wrong.

use std::ffi::{CStr, c_char};

use tenure_core::{Error, Outcome};

use crate::guard::{self, Fault, guard_or};

/// What became of a call or a request.
///
/// 0 is success. -1 to -999 are the codes of the ZooKeeper protocol, unchanged as the server sent
/// them. -1000 and below are raised by this library. New ones may appear: treat every negative
/// number as an error.
pub type tenure_status = i32;

/// What is known about a write: `TENURE_APPLIED`, `TENURE_NOT_APPLIED` or `TENURE_UNKNOWN`.
pub type tenure_outcome = i32;

/// Success.
pub const TENURE_OK: tenure_status = 0;
/// The server met an error it has no better code for.
pub const TENURE_SYSTEM_ERROR: tenure_status = -1;
/// In a failed multi: this operation comes after the one that failed.
pub const TENURE_RUNTIME_INCONSISTENCY: tenure_status = -2;
/// Stored data contradict each other.
pub const TENURE_DATA_INCONSISTENCY: tenure_status = -3;
/// The connection was lost before the answer came.
pub const TENURE_CONNECTION_LOSS: tenure_status = -4;
/// The request could not be decoded.
pub const TENURE_MARSHALLING_ERROR: tenure_status = -5;
/// The server does not have this operation.
pub const TENURE_UNIMPLEMENTED: tenure_status = -6;
/// The answer did not come in time.
pub const TENURE_OPERATION_TIMEOUT: tenure_status = -7;
/// A path, flag or number is outside what the operation accepts.
pub const TENURE_BAD_ARGUMENTS: tenure_status = -8;
/// The session is not known here.
pub const TENURE_UNKNOWN_SESSION: tenure_status = -12;
/// No quorum of the new configuration is in step.
pub const TENURE_NEW_CONFIG_NO_QUORUM: tenure_status = -13;
/// Another reconfiguration is going on.
pub const TENURE_RECONFIG_IN_PROGRESS: tenure_status = -14;
/// The znode does not exist.
pub const TENURE_NO_NODE: tenure_status = -101;
/// The ACL forbids it.
pub const TENURE_NO_AUTH: tenure_status = -102;
/// The expected version is not the current one.
pub const TENURE_BAD_VERSION: tenure_status = -103;
/// An ephemeral znode cannot have children.
pub const TENURE_NO_CHILDREN_FOR_EPHEMERALS: tenure_status = -108;
/// The znode exists already.
pub const TENURE_NODE_EXISTS: tenure_status = -110;
/// The znode has children.
pub const TENURE_NOT_EMPTY: tenure_status = -111;
/// The session has expired.
pub const TENURE_SESSION_EXPIRED: tenure_status = -112;
/// A callback is not valid.
pub const TENURE_INVALID_CALLBACK: tenure_status = -113;
/// The ACL is empty or has an entry that no scheme accepts.
pub const TENURE_INVALID_ACL: tenure_status = -114;
/// The identity was refused.
pub const TENURE_AUTH_FAILED: tenure_status = -115;
/// The session has moved to another server.
pub const TENURE_SESSION_MOVED: tenure_status = -118;
/// The server serves reads only.
pub const TENURE_NOT_READ_ONLY: tenure_status = -119;
/// A session local to one server cannot own ephemerals.
pub const TENURE_EPHEMERAL_ON_LOCAL_SESSION: tenure_status = -120;
/// There is no such watch.
pub const TENURE_NO_WATCHER: tenure_status = -121;
/// The answer did not come within the client's limit.
pub const TENURE_REQUEST_TIMEOUT: tenure_status = -122;
/// Reconfiguration is switched off.
pub const TENURE_RECONFIG_DISABLED: tenure_status = -123;
/// The server demands authentication first.
pub const TENURE_AUTH_REQUIRED: tenure_status = -124;
/// A hard quota would be passed.
pub const TENURE_QUOTA_EXCEEDED: tenure_status = -125;
/// The request waited too long in the server's throttle.
pub const TENURE_THROTTLED_OP: tenure_status = -127;

/// An argument is not valid: null where that is not allowed, not UTF-8, out of range, or not
/// fitting the others. Nothing was sent.
pub const TENURE_EINVAL: tenure_status = -1000;
/// The time given for it is over. A request may still be carried out: see its outcome.
pub const TENURE_ETIMEDOUT: tenure_status = -1001;
/// The connection was lost, or there was none and the client is set to fail then.
pub const TENURE_ECONNLOSS: tenure_status = -1002;
/// The client is closed, or being closed.
pub const TENURE_ECLOSED: tenure_status = -1003;
/// The session the request, the watch or the client belonged to is over.
pub const TENURE_ELOST: tenure_status = -1004;
/// Not now: the queue is empty, or more requests wait in the client than it takes.
pub const TENURE_EAGAIN: tenure_status = -1005;
/// A blocking function was called on a callback thread, where it would wait for itself.
pub const TENURE_EDEADLK: tenure_status = -1006;
/// The object was made before a fork and is used in the child. Make a new one there.
pub const TENURE_EFORKED: tenure_status = -1007;
/// The watch was removed.
pub const TENURE_ECANCELED: tenure_status = -1008;
/// A data directory is not served: another server has it, it is damaged, or the system refuses a file.
/// Also: a server's disk has failed, and it acknowledges nothing any more.
pub const TENURE_EDATADIR: tenure_status = -1009;
/// Every host of the list failed in turn because one end does not trust the other: a certificate was
/// refused, or is required.
pub const TENURE_ETLS: tenure_status = -1010;
/// A defect of the library. The client concerned is closed and its session left to expire.
pub const TENURE_EPANIC: tenure_status = -1099;

/// The write is in effect.
pub const TENURE_APPLIED: tenure_outcome = 0;
/// The write is not in effect and never will be: it did not leave the process, or was refused.
pub const TENURE_NOT_APPLIED: tenure_outcome = 1;
/// The write left the process and no answer came. It may be in effect, or still come into effect.
pub const TENURE_UNKNOWN: tenure_outcome = 2;

/// Every status of this release by its name.
const NAMES: &[(tenure_status, &CStr)] = &[
    (TENURE_OK, c"TENURE_OK"),
    (TENURE_SYSTEM_ERROR, c"TENURE_SYSTEM_ERROR"),
    (TENURE_RUNTIME_INCONSISTENCY, c"TENURE_RUNTIME_INCONSISTENCY"),
    (TENURE_DATA_INCONSISTENCY, c"TENURE_DATA_INCONSISTENCY"),
    (TENURE_CONNECTION_LOSS, c"TENURE_CONNECTION_LOSS"),
    (TENURE_MARSHALLING_ERROR, c"TENURE_MARSHALLING_ERROR"),
    (TENURE_UNIMPLEMENTED, c"TENURE_UNIMPLEMENTED"),
    (TENURE_OPERATION_TIMEOUT, c"TENURE_OPERATION_TIMEOUT"),
    (TENURE_BAD_ARGUMENTS, c"TENURE_BAD_ARGUMENTS"),
    (TENURE_UNKNOWN_SESSION, c"TENURE_UNKNOWN_SESSION"),
    (TENURE_NEW_CONFIG_NO_QUORUM, c"TENURE_NEW_CONFIG_NO_QUORUM"),
    (TENURE_RECONFIG_IN_PROGRESS, c"TENURE_RECONFIG_IN_PROGRESS"),
    (TENURE_NO_NODE, c"TENURE_NO_NODE"),
    (TENURE_NO_AUTH, c"TENURE_NO_AUTH"),
    (TENURE_BAD_VERSION, c"TENURE_BAD_VERSION"),
    (TENURE_NO_CHILDREN_FOR_EPHEMERALS, c"TENURE_NO_CHILDREN_FOR_EPHEMERALS"),
    (TENURE_NODE_EXISTS, c"TENURE_NODE_EXISTS"),
    (TENURE_NOT_EMPTY, c"TENURE_NOT_EMPTY"),
    (TENURE_SESSION_EXPIRED, c"TENURE_SESSION_EXPIRED"),
    (TENURE_INVALID_CALLBACK, c"TENURE_INVALID_CALLBACK"),
    (TENURE_INVALID_ACL, c"TENURE_INVALID_ACL"),
    (TENURE_AUTH_FAILED, c"TENURE_AUTH_FAILED"),
    (TENURE_SESSION_MOVED, c"TENURE_SESSION_MOVED"),
    (TENURE_NOT_READ_ONLY, c"TENURE_NOT_READ_ONLY"),
    (TENURE_EPHEMERAL_ON_LOCAL_SESSION, c"TENURE_EPHEMERAL_ON_LOCAL_SESSION"),
    (TENURE_NO_WATCHER, c"TENURE_NO_WATCHER"),
    (TENURE_REQUEST_TIMEOUT, c"TENURE_REQUEST_TIMEOUT"),
    (TENURE_RECONFIG_DISABLED, c"TENURE_RECONFIG_DISABLED"),
    (TENURE_AUTH_REQUIRED, c"TENURE_AUTH_REQUIRED"),
    (TENURE_QUOTA_EXCEEDED, c"TENURE_QUOTA_EXCEEDED"),
    (TENURE_THROTTLED_OP, c"TENURE_THROTTLED_OP"),
    (TENURE_EINVAL, c"TENURE_EINVAL"),
    (TENURE_ETIMEDOUT, c"TENURE_ETIMEDOUT"),
    (TENURE_ECONNLOSS, c"TENURE_ECONNLOSS"),
    (TENURE_ECLOSED, c"TENURE_ECLOSED"),
    (TENURE_ELOST, c"TENURE_ELOST"),
    (TENURE_EAGAIN, c"TENURE_EAGAIN"),
    (TENURE_EDEADLK, c"TENURE_EDEADLK"),
    (TENURE_EFORKED, c"TENURE_EFORKED"),
    (TENURE_ECANCELED, c"TENURE_ECANCELED"),
    (TENURE_EDATADIR, c"TENURE_EDATADIR"),
    (TENURE_ETLS, c"TENURE_ETLS"),
    (TENURE_EPANIC, c"TENURE_EPANIC"),
];

/// The version of the library, such as "0.1.0".
///
/// @return A text that is valid for ever. Never null.
///
/// Thread-safety: any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    guard_or(c"".as_ptr(), || Ok(VERSION.as_ptr().cast()))
}

/// The name of a status as it stands in this header, such as "TENURE_NO_NODE".
///
/// @return A text that is valid for ever, "unknown status" for a number without a name. Never null.
///
/// Thread-safety: any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_status_name(status: tenure_status) -> *const c_char {
    guard_or(c"".as_ptr(), || {
        let named = NAMES.iter().find(|(number, _)| *number == status);
        Ok(named.map_or(c"unknown status", |(_, name)| name).as_ptr())
    })
}

/// A sentence about the last call that failed on this thread: what is wrong, and often the way out.
///
/// Calls that succeed leave it alone. What a request failed with later, on another thread, is in its
/// event: see tenure_event_text().
///
/// @return A text owned by the library, valid until the next call on this thread. Empty if no call
///         failed. Never null.
///
/// Thread-safety: any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenure_last_error() -> *const c_char {
    guard_or(c"".as_ptr(), || Ok(guard::last_error()))
}

/// The status that says what the core's error says.
pub(crate) fn status_of(error: &Error) -> tenure_status {
    match error {
        Error::Server { code, .. } | Error::Multi { code, .. } => code.number(),
        Error::ConnectionLoss { .. } => TENURE_ECONNLOSS,
        Error::Timeout { .. } => TENURE_ETIMEDOUT,
        Error::SessionLost { .. } | Error::LockLost { .. } | Error::EnsembleRegressed { .. } => {
            TENURE_ELOST
        }
        Error::AuthFailed => TENURE_AUTH_FAILED,
        Error::Tls(_) => TENURE_ETLS,
        Error::WatchRemoved => TENURE_ECANCELED,
        Error::Overloaded => TENURE_EAGAIN,
        Error::Closed => TENURE_ECLOSED,
        Error::Forked => TENURE_EFORKED,
        Error::Unsupported { .. } => error.code().map_or(TENURE_SYSTEM_ERROR, |code| code.number()),
        Error::Invalid(_) => TENURE_EINVAL,
        _ => TENURE_SYSTEM_ERROR,
    }
}

pub(crate) fn outcome_of(outcome: Outcome) -> tenure_outcome {
    match outcome {
        Outcome::Applied => TENURE_APPLIED,
        Outcome::NotApplied => TENURE_NOT_APPLIED,
        Outcome::Unknown => TENURE_UNKNOWN,
    }
}

impl From<&Error> for Fault {
    fn from(error: &Error) -> Fault {
        Fault::new(status_of(error), error.to_string())
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        Fault::from(&error)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tenure_core::Code;

    use super::*;

    /// `NoNode` as C says it.
    fn c_name(code: Code) -> String {
        code.name().chars().fold("TENURE".to_owned(), |mut name, letter| {
            if letter.is_ascii_uppercase() {
                name.push('_');
            }
            name.push(letter.to_ascii_uppercase());
            name
        })
    }

    #[test]
    fn every_code_of_the_protocol_has_its_constant() {
        for &code in Code::NAMED {
            let name = NAMES.iter().find(|(number, _)| *number == code.number()).unwrap().1;
            assert_eq!(name.to_str().unwrap(), c_name(code));
        }
    }

    #[test]
    fn no_two_statuses_share_a_number() {
        let numbers: BTreeSet<_> = NAMES.iter().map(|(number, _)| number).collect();
        assert_eq!(numbers.len(), NAMES.len());
    }
}
