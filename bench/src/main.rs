//! The benchmarks: throughput and latency under pipelined load, what opening and keeping sessions
//! costs, and what sessions and znodes weigh.
//!
//! Every server runs in a process of its own, one after the other, under the same load from this
//! one; its CPU time is read from the system. Rates on a small machine are shared with the load
//! itself, so the ratios between the servers of one run say more than the rates.

mod echo;
mod load;
mod process;
mod sessions;
mod subject;
mod weight;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use subject::Subject;

/// Prints what tenure costs.
#[derive(Parser)]
struct Program {
    #[command(subcommand)]
    command: Option<Command>,
    /// Seconds each load runs.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Sessions to open and keep.
    #[arg(long, default_value_t = 10_000)]
    sessions: usize,
    /// Leave Apache ZooKeeper out.
    #[arg(long)]
    no_apache: bool,
}

#[derive(Subcommand)]
enum Command {
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
    let result = match program.command {
        Some(Command::Echo { reply }) => echo::serve(reply).map_err(|error| error.to_string()),
        None => run(&program),
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
    let length = Duration::from_secs_f64(program.seconds);
    println!(
        "{} cores; {} connections, {} requests deep; 100 bytes of data; {:.1} s each\n",
        std::thread::available_parallelism().map_or(0, usize::from),
        load::CONNECTIONS,
        load::DEPTH,
        program.seconds,
    );
    println!(
        "{:<8} {:<8} {:>12} {:>10} {:>10} {:>12}",
        "server", "load", "per second", "p50 µs", "p99 µs", "CPU µs each"
    );
    let echo = load_of(&Subject::echo(load::GET_REPLY)?, &[load::Kind::Get], length)?;
    let mut tenure = Subject::tenure()?;
    println!(
        "{:<8} {:<8} {:>12.1} ms from the start of the process to its first answer",
        "tenure",
        "start",
        tenure.start_millis()
    );
    let own = load_of(&tenure, load::Kind::ALL, length)?;
    tenure = Subject::tenure()?;
    let opened = sessions::open(&tenure, program.sessions)?;
    let idle = sessions::idle(&tenure, &opened)?;
    sessions::expire(&tenure, opened)?;
    let apache = if program.no_apache { Err("left out".to_owned()) } else { Subject::apache() };
    println!("\nget against echo: {:.2} (goal: at least 0.5)", own[0].rate / echo[0].rate);
    println!("idle: {idle:.2} % of one core (goal: below 3 %)");
    match apache {
        Ok(apache) => {
            let other = load_of(&apache, load::Kind::ALL, length)?;
            println!(
                "get against Apache: {:.1} times (goal: at least 10)",
                own[0].rate / other[0].rate
            );
            println!(
                "CPU of a get against Apache: {:.1} times less",
                other[0].cpu_micros / own[0].cpu_micros
            );
            sessions::open(&apache, program.sessions)?;
        }
        Err(why) => println!("SKIPPED Apache ZooKeeper: {why}"),
    }
    weight::print(program.sessions)
}

/// Runs the loads one after the other on one server and prints a line for each.
fn load_of(
    subject: &Subject,
    kinds: &[load::Kind],
    length: Duration,
) -> Result<Vec<load::Figures>, String> {
    let mut all = Vec::new();
    for &kind in kinds {
        let figures = load::run(subject, kind, length)?;
        println!(
            "{:<8} {:<8} {:>12.0} {:>10.0} {:>10.0} {:>12.2}",
            subject.name(),
            kind.name(),
            figures.rate,
            figures.p50_micros,
            figures.p99_micros,
            figures.cpu_micros
        );
        all.push(figures);
    }
    Ok(all)
}
