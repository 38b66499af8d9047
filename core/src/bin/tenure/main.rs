//! The `tenure` program: one file for each verb, none of which knows more than the public names of the
//! crate.
//!
//! Standard output carries what was asked for; what happens meanwhile is logged on standard error.

mod exit;
mod import;
mod lines;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing::level_filters::LevelFilter;

/// A coordination service that speaks the ZooKeeper protocol.
#[derive(Parser)]
#[command(version)]
struct Program {
    /// The least severe lines that are logged: off, error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", default_value = "info", global = true)]
    log_level: LevelFilter,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a server in the foreground, in memory, until SIGTERM or SIGINT.
    Serve(serve::Serve),
    /// Take over the data of a stopped Apache ZooKeeper server.
    Import(import::Import),
}

fn main() -> ExitCode {
    let Program { log_level, command } = Program::parse();
    lines::print(log_level);
    let done = match command {
        Command::Serve(serve) => serve.run(),
        Command::Import(import) => import.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
