//! How the program ends when it does not end well: one line on standard error, and a number that a
//! script can tell apart.

use std::error::Error;
use std::process::ExitCode;

/// What did not work out.
const ERROR: u8 = 1;

/// Why a verb ended without having done what it was asked for.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    text: String,
}

impl Failure {
    /// Prints why, and gives the number to end with.
    pub fn report(&self) -> ExitCode {
        eprintln!("tenure: {}", self.text);
        ExitCode::from(self.code)
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure { code: ERROR, text: error.to_string() }
    }
}
