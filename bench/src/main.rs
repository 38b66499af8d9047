//! The benchmarks: throughput and latency under pipelined load, what opening and keeping sessions
//! costs, and what sessions and znodes weigh.
//!
//! Every server runs in a process of its own, one after the other, under the same load from this
//! one; its CPU time is read from the system. Rates on a small machine are shared with the load
//! itself, so the ratios between the servers of one run say more than the rates.

mod echo;
mod goals;
mod load;
mod process;
mod sessions;
mod subject;
mod weight;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use goals::Goals;
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
        "{} cores; loads: {} connections, {} requests deep, 100 bytes of data, {:.1} s each\n",
        std::thread::available_parallelism().map_or(0, usize::from),
        load::CONNECTIONS,
        load::DEPTH,
        program.seconds,
    );
    print_row(["server", "load", "per second", "p50 µs", "p99 µs", "CPU µs each"]);
    let mut goals = Goals::default();
    let echo = load_of(&Subject::echo(load::GET_REPLY)?, &[load::Kind::Get], length)?;
    let tenure = Subject::tenure()?;
    goals.below(
        "ms from the start of the process to its first answer",
        tenure.start_millis(),
        20.0,
    );
    let own = load_of(&tenure, load::Kind::ALL, length)?;
    goals.at_least("get, times the bare echo server", own[0].rate / echo[0].rate, 0.5);
    goals.report("% of one core the echo server needs for the same pings", idle_floor(program)?);
    let tenure = Subject::tenure()?;
    let before = tenure.resident();
    let opened = sessions::open(&tenure, program.sessions)?;
    let per_session = (tenure.resident() - before) as f64 / program.sessions as f64;
    let open_rate = opened.rate();
    let idle = sessions::idle(&tenure, &opened)?;
    goals.below("% of one core for idle sessions at a timeout of 10 s", idle, 3.0);
    let late = sessions::expire(&tenure, opened)?;
    goals.report("ms late at most when all of them fall silent", late);
    drop(tenure);
    goals.report("bytes of memory per session with its connection", per_session);
    goals.report("bytes of memory per znode of 100 bytes", weight::per_znode()?);
    if program.no_apache {
        println!("Apache ZooKeeper is left out");
    } else {
        match Subject::apache() {
            Ok(apache) => {
                let other = load_of(&apache, load::Kind::ALL, length)?;
                goals.at_least("get, times Apache's", own[0].rate / other[0].rate, 10.0);
                let cpu = other[0].cpu_micros / own[0].cpu_micros;
                goals.report("get, times less CPU than Apache's", cpu);
                goals.report(
                    "set, times Apache's (which writes a log)",
                    own[1].rate / other[1].rate,
                );
                let opened = sessions::open(&apache, program.sessions)?;
                goals.at_least("opening sessions, times Apache's", open_rate / opened.rate(), 2.0);
            }
            Err(why) => println!("SKIPPED Apache ZooKeeper: {why}"),
        }
    }
    goals.print();
    Ok(())
}

/// What a server that does nothing but echo needs for the pings of as many connections.
fn idle_floor(program: &Program) -> Result<f64, String> {
    let echo = Subject::echo(sessions::HANDSHAKE_REPLY)?;
    let opened = sessions::open(&echo, program.sessions)?;
    sessions::idle(&echo, &opened)
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
        print_row([
            subject.name(),
            kind.name(),
            &format!("{:.0}", figures.rate),
            &format!("{:.0}", figures.p50_micros),
            &format!("{:.0}", figures.p99_micros),
            &format!("{:.2}", figures.cpu_micros),
        ]);
        all.push(figures);
    }
    Ok(all)
}

/// Prints a line of the table.
fn print_row(cells: [&str; 6]) {
    let [server, load, rate, p50, p99, cpu] = cells;
    println!("{server:<8} {load:<8} {rate:>12} {p50:>10} {p99:>10} {cpu:>12}");
}
