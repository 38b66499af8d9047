//! The benchmarks: what a server costs that keeps everything in memory, and one that keeps it on a
//! disk.
//!
//! Every server runs in a process of its own under load from this one; its CPU time is read from the
//! system. Rates on a small machine are shared with the load itself, so the ratios between the servers
//! of one run say more than the rates.

mod crash;
mod durable;
mod echo;
mod folder;
mod goals;
mod load;
mod memory;
mod process;
mod sessions;
mod siege;
mod subject;
mod views;
mod weight;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use goals::Goals;

/// Prints what tenure costs: everything, or a part of it.
#[derive(Parser)]
struct Program {
    #[command(subcommand)]
    command: Option<Command>,
    /// Seconds each load runs.
    #[arg(long, default_value_t = 3.0, global = true)]
    seconds: f64,
    /// Sessions to open and keep in memory.
    #[arg(long, default_value_t = 10_000, global = true)]
    sessions: usize,
    /// Znodes that a durable server recovers; 1,000,000 at most.
    #[arg(long, default_value_t = 1_000_000, global = true,
        value_parser = clap::value_parser!(u32).range(1_000..=1_000_000))]
    znodes: u32,
    /// Leave Apache ZooKeeper out.
    #[arg(long, global = true)]
    no_apache: bool,
}

#[derive(Clone, PartialEq, Eq, Subcommand)]
enum Command {
    /// A server that keeps everything in memory.
    Memory,
    /// The pipelined loads of it, and nothing else.
    Loads,
    /// What a heartbeat takes while others do their worst, and nothing else.
    Siege,
    /// A server that keeps everything on a disk.
    Durable,
    /// What views cost a client, and nothing else.
    Views,
    /// How long a client's crash takes to be noticed, and nothing else.
    Crash,
    /// A client that is to crash; started by the benchmark itself.
    #[command(hide = true)]
    Victim {
        /// The server.
        hosts: String,
        /// Its ephemeral.
        path: String,
    },
    /// The client of that; started by the benchmark itself.
    #[command(hide = true)]
    Watcher {
        /// What it has.
        kind: views::Kind,
        /// The server.
        hosts: String,
    },
    /// The bare echo server that everything is measured against; started by the benchmark itself.
    #[command(hide = true)]
    Echo {
        /// Bytes of the body of each reply.
        reply: usize,
    },
}

fn main() -> ExitCode {
    tenure::server::raise_descriptor_limit();
    let program = Program::parse();
    let result = match &program.command {
        Some(Command::Echo { reply }) => echo::serve(*reply).map_err(|error| error.to_string()),
        Some(Command::Victim { hosts, path }) => crash::stay(hosts, path),
        Some(Command::Watcher { kind, hosts }) => views::watch(*kind, hosts),
        _ => run(&program),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(program: &Program) -> Result<(), String> {
    println!(
        "{} cores; loads: {} connections, {} requests deep, 100 bytes of data, {:.1} s each\n",
        std::thread::available_parallelism().map_or(0, usize::from),
        load::CONNECTIONS,
        load::DEPTH,
        program.seconds,
    );
    let (seconds, with_apache) = (program.seconds, !program.no_apache && has_apache());
    let memory = memory::Settings { seconds, sessions: program.sessions, with_apache };
    let durable = durable::Settings { seconds, znodes: program.znodes as usize, with_apache };
    if program.command == Some(Command::Loads) {
        print_row(["server", "load", "per second", "p50 µs", "p99 µs", "CPU µs each"]);
        return memory::loads(&memory);
    }
    if program.command == Some(Command::Siege) {
        let mut goals = Goals::default();
        siege::run(seconds, &mut goals)?;
        goals.print();
        return Ok(());
    }
    if program.command == Some(Command::Views) {
        let mut goals = Goals::default();
        views::run(&mut goals)?;
        goals.print();
        return Ok(());
    }
    if program.command == Some(Command::Crash) {
        let mut goals = Goals::default();
        crash::run(&mut goals)?;
        goals.print();
        return Ok(());
    }
    if program.command != Some(Command::Durable) {
        let mut goals = Goals::default();
        memory::run(&memory, &mut goals)?;
        goals.print();
    }
    if program.command != Some(Command::Memory) {
        let mut goals = Goals::default();
        durable::run(&durable, &mut goals)?;
        goals.print();
    }
    Ok(())
}

/// Whether Apache ZooKeeper is here; says so if it is not.
fn has_apache() -> bool {
    let missing = tenure_tests::apache::missing();
    if let Some(why) = &missing {
        println!("SKIPPED Apache ZooKeeper: {why}\n");
    }
    missing.is_none()
}

/// Prints a line of the table.
fn print_row(cells: [&str; 6]) {
    let [server, load, rate, p50, p99, cpu] = cells;
    println!("{server:<8} {load:<8} {rate:>12} {p50:>10} {p99:>10} {cpu:>12}");
}
