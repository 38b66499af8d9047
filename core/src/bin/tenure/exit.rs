//! How the program ends when it does not end well: one line on standard error, and a number that a
//! script can tell apart. A wrong command line ends with 2, which is the argument parser's.

use std::error::Error;
use std::fmt::Display;
use std::process::ExitCode;

use tenure::apache::ExportError;
use tenure::engine::snapshots::Unloadable;
use tenure::log::OpenError;
use tenure::server::{FoundError, LockError, RecoverError, StartError};

/// What was asked for did not work out.
const ERROR: u8 = 1;

/// The command line is wrong, or a file with settings, in a way that the parser of the command line
/// cannot see.
const USAGE: u8 = 2;

/// A data directory or a snapshot is refused: it is damaged, in use, or of a newer release.
const REFUSED: u8 = 3;

/// The log failed while it was served; nothing was acknowledged after that.
const LOG_FAILED: u8 = 10;

/// Why a verb ended without having done what it was asked for.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    text: String,
}

impl Failure {
    /// What was asked for did not work out.
    pub fn error(text: impl Display) -> Failure {
        Failure { code: ERROR, text: text.to_string() }
    }

    /// The command line, the environment or a file that they name is wrong.
    pub fn usage(text: impl Display) -> Failure {
        Failure { code: USAGE, text: text.to_string() }
    }

    /// A data directory or a snapshot is refused.
    pub fn refused(text: impl Display) -> Failure {
        Failure { code: REFUSED, text: text.to_string() }
    }

    /// The log failed while it was served.
    pub fn log_failed(text: impl Display) -> Failure {
        Failure { code: LOG_FAILED, text: format!("nothing was acknowledged any more: {text}") }
    }

    /// Prints why, and gives the number to end with.
    pub fn report(&self) -> ExitCode {
        eprintln!("tenure: {}", self.text);
        ExitCode::from(self.code)
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Failure {
        let cause: &(dyn Error + 'static) = &error;
        if matches!(
            cause.downcast_ref(),
            Some(StartError::Timeouts(_) | StartError::Identity(_) | StartError::Words(_))
        ) {
            return Failure { code: USAGE, text: error.to_string() };
        }
        if is_refusal(&error) { Failure::refused(error) } else { Failure::error(error) }
    }
}

/// Whether it is about a data directory or a snapshot that is not to be used as it is.
fn is_refusal(error: &(dyn Error + 'static)) -> bool {
    if let Some(error) = error.downcast_ref::<StartError>() {
        return matches!(error, StartError::DataDir(_) | StartError::Recovery(_));
    }
    if let Some(error) = error.downcast_ref::<FoundError>() {
        return matches!(error, FoundError::NotEmpty(_) | FoundError::Unfinished(_));
    }
    if let Some(error) = error.downcast_ref::<ExportError>() {
        return matches!(error, ExportError::NotEmpty(_));
    }
    if let Some(error) = error.downcast_ref::<Unloadable>() {
        return match error {
            Unloadable::File(error) => is_refusal(error),
            _ => true,
        };
    }
    if let Some(error) = error.downcast_ref::<OpenError>() {
        return !matches!(error, OpenError::Io { .. });
    }
    error.is::<LockError>() || error.is::<RecoverError>()
}
