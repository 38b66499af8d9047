//! The `tenure` program: one file for each verb, none of which knows more than the public names of the
//! crate.
//!
//! Standard output carries what was asked for; what happens meanwhile is logged on standard error.

mod config;
mod exit;
mod export;
mod import;
mod lines;
mod log;
mod place;
mod restore;
mod serve;
mod settings;
mod snapshot;
mod verify;

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
    /// Run a server in the foreground until SIGTERM or SIGINT.
    Serve(serve::Serve),
    /// Explain and check the settings of a server.
    Config(config::Config),
    /// Take a snapshot of a data directory, whether a server has it or not.
    Snapshot(snapshot::Snapshot),
    /// Make a new data directory out of a snapshot.
    Restore(restore::Restore),
    /// Read a snapshot or a data directory to its end and say what is in it.
    Verify(verify::Verify),
    /// Look at the log of a data directory, or cut a damaged one.
    Log(log::Log),
    /// Take over the data of a stopped Apache ZooKeeper server.
    Import(import::Import),
    /// Write the data of a stopped server for Apache ZooKeeper to start on.
    Export(export::Export),
}

fn main() -> ExitCode {
    let Program { log_level, command } = Program::parse();
    lines::print(log_level);
    let done = match command {
        Command::Serve(serve) => serve.run(),
        Command::Config(config) => config.run(),
        Command::Snapshot(snapshot) => snapshot.run(),
        Command::Restore(restore) => restore.run(),
        Command::Verify(verify) => verify.run(),
        Command::Log(log) => log.run(),
        Command::Import(import) => import.run(),
        Command::Export(export) => export.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
