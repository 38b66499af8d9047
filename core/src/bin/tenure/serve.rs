//! `tenure serve`: a server in the foreground.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tenure::server::{Server, ServerBuilder};
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Failure;

/// Smaller than this, no request to open a session fits.
const LEAST_FRAME: usize = 64;

/// Its options.
#[derive(Args)]
pub struct Serve {
    /// Where to listen; 0.0.0.0 is every interface, port 0 takes a free one and prints it.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:2181",
        value_parser = address)]
    listen: SocketAddr,
    /// Keep everything in this directory: what was acknowledged is there after a crash [default: in
    /// memory, and gone with the program].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Transactions after which a snapshot is taken.
    #[arg(long, value_name = "N", default_value_t = 100_000, requires = "data",
        value_parser = clap::value_parser!(u64).range(1..))]
    snapshot_after_txns: u64,
    /// Bytes of log after which a snapshot is taken.
    #[arg(long, value_name = "BYTES", default_value_t = 256 << 20, requires = "data",
        value_parser = clap::value_parser!(u64).range(1..))]
    snapshot_after_bytes: u64,
    /// Seconds after which a snapshot is taken, if anything has changed.
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600, requires = "data",
        value_parser = clap::value_parser!(u64).range(1..))]
    snapshot_after: u64,
    /// Snapshots that are kept, with all of the log behind the oldest of them.
    #[arg(long, value_name = "N", default_value_t = 3, requires = "data",
        value_parser = clap::value_parser!(u16).range(1..))]
    snapshots_kept: u16,
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

impl Serve {
    /// Serves until a signal says to stop, or the log fails.
    pub fn run(&self) -> Result<(), Failure> {
        tenure::server::raise_descriptor_limit();
        let signals = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let server = self.server();
        signals.block_on(async {
            // Signals are caught before the port is announced, so that none sent by a reader of that
            // line is lost.
            let mut terminate = signal(SignalKind::terminate())?;
            let mut interrupt = signal(SignalKind::interrupt())?;
            let server = server.start()?;
            println!("listening on {}", server.addr());
            let ended = tokio::select! {
                _ = terminate.recv() => Ok(()),
                _ = interrupt.recv() => Ok(()),
                reason = server.failed() => Err(Failure::log_failed(reason)),
            };
            server.shutdown();
            ended
        })
    }

    /// The server as the options say.
    fn server(&self) -> ServerBuilder {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut server = Server::builder()
            .listen(self.listen)
            .tick(millis(self.tick))
            .max_connections_per_address(self.max_connections_per_address)
            .max_frame(self.max_frame)
            .outstanding_limit(self.outstanding_limit)
            .snapshot_after_txns(self.snapshot_after_txns)
            .snapshot_after_bytes(self.snapshot_after_bytes)
            .snapshot_after(Duration::from_secs(self.snapshot_after))
            .snapshots_kept(self.snapshots_kept.into())
            .workers(self.workers.unwrap_or(cores));
        if let Some(directory) = &self.data {
            server = server.data_dir(directory);
        }
        if let Some(timeout) = self.min_session_timeout {
            server = server.min_session_timeout(millis(timeout));
        }
        if let Some(timeout) = self.max_session_timeout {
            server = server.max_session_timeout(millis(timeout));
        }
        server
    }
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
