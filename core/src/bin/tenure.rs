//! The `tenure` program.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use tenure::server::Server;

/// A coordination service that speaks the ZooKeeper protocol.
#[derive(Parser)]
#[command(version)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a server in the foreground, in memory, until SIGTERM or SIGINT.
    Serve(Serve),
}

#[derive(Args)]
struct Serve {
    /// Where to listen; 0.0.0.0 is every interface, port 0 takes a free one and prints it.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:2181",
        value_parser = address)]
    listen: SocketAddr,
    /// Unit of the default session timeouts, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 3_000,
        value_parser = clap::value_parser!(u32).range(1..))]
    tick: u32,
    /// Shortest session timeout granted, in milliseconds [default: 2 ticks].
    #[arg(long, value_name = "MS")]
    min_session_timeout: Option<u32>,
    /// Longest session timeout granted, in milliseconds [default: 20 ticks].
    #[arg(long, value_name = "MS")]
    max_session_timeout: Option<u32>,
    /// Connections one address may hold; 0 for any number.
    #[arg(long, value_name = "N", default_value_t = 60)]
    max_connections_per_address: u32,
    /// Largest request accepted, in bytes; a larger one ends its connection.
    #[arg(long, value_name = "BYTES", default_value_t = 0xF_FFFF, value_parser = frame)]
    max_frame: usize,
    /// Replies that may wait for slow clients before those are read no further.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    outstanding_limit: usize,
    /// Threads that serve connections [default: one for each core].
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
}

/// Smaller than this, no request to open a session fits.
const LEAST_FRAME: usize = 64;

fn main() -> ExitCode {
    let Command::Serve(serve) = Program::parse().command;
    match run(&serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tenure: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until a signal says to stop.
fn run(serve: &Serve) -> Result<(), Box<dyn std::error::Error>> {
    tenure::server::raise_descriptor_limit();
    let signals = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut server = Server::builder()
        .listen(serve.listen)
        .tick(millis(serve.tick))
        .max_connections_per_address(serve.max_connections_per_address)
        .max_frame(serve.max_frame)
        .outstanding_limit(serve.outstanding_limit)
        .workers(serve.workers.unwrap_or(cores));
    if let Some(timeout) = serve.min_session_timeout {
        server = server.min_session_timeout(millis(timeout));
    }
    if let Some(timeout) = serve.max_session_timeout {
        server = server.max_session_timeout(millis(timeout));
    }
    signals.block_on(async {
        // Signals are caught before the port is announced, so that none sent by a reader of that
        // line is lost.
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let server = server.start()?;
        println!("listening on {}", server.addr());
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        server.shutdown();
        Ok(())
    })
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse()
        .map_err(|_| "write a numeric address and a port, such as 127.0.0.1:2181 or [::1]:2181")
}

fn frame(text: &str) -> Result<usize, String> {
    let bytes = text.parse::<usize>().map_err(|error| error.to_string())?;
    if bytes < LEAST_FRAME {
        return Err(format!("at least {LEAST_FRAME} are needed to open a session"));
    }
    Ok(bytes)
}

fn millis(length: u32) -> Duration {
    Duration::from_millis(u64::from(length))
}
