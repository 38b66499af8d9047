//! Log lines: one for each event, with time and level, on standard error.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;

/// Prints from now on what is logged at this level or a more severe one. Colours are for people: a
/// file or a pipe gets none.
pub fn print(level: LevelFilter) {
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}
