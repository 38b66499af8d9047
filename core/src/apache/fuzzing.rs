//! What the fuzzer calls: no look at the processes of the machine, and exports into memory.

use std::path::Path;

use super::{ImportError, ImportOptions, Imported};
use crate::engine::Engine;

/// Imports a directory that nobody else uses.
///
/// # Errors
/// See [`ImportError`].
pub fn import(from: &Path, options: &ImportOptions) -> Result<Imported, ImportError> {
    super::import::import_idle(from, options, &mut |_| {})
}

/// The snapshot of a state.
pub fn exported(engine: &Engine) -> Vec<u8> {
    let mut bytes = Vec::new();
    super::export::write(engine, &mut bytes, &mut |_, _| {}).expect("memory takes all bytes");
    bytes
}
