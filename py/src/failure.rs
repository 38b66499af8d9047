//! What went wrong, as a value. The package makes an exception of it.

use pyo3::prelude::*;
use tenure_core::{Code, Error, LossReason, Outcome};

/// An error of the core, to be raised by the package.
#[pyclass(frozen, module = "tenure._tenure")]
pub struct Failure {
    error: Error,
    paths: Vec<String>,
}

#[pymethods]
impl Failure {
    /// Which kind of error: the name of the core's variant.
    #[getter]
    fn kind(&self) -> &'static str {
        match self.error {
            Error::Server { .. } => "Server",
            Error::Multi { .. } => "Multi",
            Error::ConnectionLoss { .. } => "ConnectionLoss",
            Error::Timeout { .. } => "Timeout",
            Error::SessionLost { .. } => "SessionLost",
            Error::LockLost { .. } => "LockLost",
            Error::AuthFailed => "AuthFailed",
            Error::Tls(_) => "Tls",
            Error::WatchRemoved => "WatchRemoved",
            Error::Overloaded => "Overloaded",
            Error::EnsembleRegressed { .. } => "EnsembleRegressed",
            Error::Closed => "Closed",
            Error::Forked => "Forked",
            // As the server would have answered.
            Error::Unsupported { .. } => "Server",
            Error::Invalid(_) => "Invalid",
            _ => "Other",
        }
    }

    /// The code a server answered with.
    #[getter]
    fn code(&self) -> Option<i32> {
        self.error.code().map(Code::number)
    }

    /// The path it is about.
    #[getter]
    fn path(&self) -> Option<&str> {
        match &self.error {
            Error::Server { path, .. } if !path.is_empty() => Some(path),
            Error::Multi { index, .. } => self.paths.get(*index).map(String::as_str),
            _ => None,
        }
    }

    /// The epoch it belongs to; 0 if it belongs to none.
    #[getter]
    fn epoch(&self) -> u32 {
        self.error.epoch().map_or(0, |epoch| epoch.0)
    }

    /// Whether a write may be in effect all the same.
    #[getter]
    fn is_unknown(&self) -> bool {
        self.error.outcome() == Outcome::Unknown
    }

    /// Why the session is over: the number of a `LossReason`.
    #[getter]
    fn reason(&self) -> Option<u8> {
        match &self.error {
            Error::SessionLost { reason, .. } => Some(number(*reason)),
            _ => None,
        }
    }

    /// For a lost lock: whether it is lost in any case.
    #[getter]
    fn is_certain(&self) -> bool {
        !matches!(self.error, Error::LockLost { certain: false, .. })
    }

    /// For an ensemble that lost data: the newest transaction the client has seen.
    #[getter]
    fn seen(&self) -> i64 {
        match self.error {
            Error::EnsembleRegressed { seen } => seen.0,
            _ => 0,
        }
    }

    /// For a transaction: which operation failed.
    #[getter]
    fn index(&self) -> Option<usize> {
        match &self.error {
            Error::Multi { index, .. } => Some(*index),
            _ => None,
        }
    }

    /// For a transaction: how many operations it had.
    #[getter]
    fn length(&self) -> usize {
        self.paths.len()
    }

    /// What to tell a person.
    #[getter]
    fn message(&self) -> String {
        match (&self.error, self.path()) {
            (Error::Multi { .. }, Some(path)) => format!("{}, {path}", self.error),
            _ => self.error.to_string(),
        }
    }
}

impl Failure {
    pub fn new(error: Error) -> Failure {
        Failure { error, paths: Vec::new() }
    }

    /// Of a transaction over these paths.
    pub fn of_multi(error: Error, paths: Vec<String>) -> Failure {
        Failure { error, paths }
    }
}

/// The number of a reason in the package's `LossReason`.
pub fn number(reason: LossReason) -> u8 {
    match reason {
        LossReason::ExpiredByServer => 1,
        LossReason::GaveUp => 2,
        LossReason::Abandoned => 3,
        LossReason::AuthFailed => 4,
        LossReason::Stolen => 5,
        _ => 6,
    }
}
