//! `tenure serve`: a server in the foreground.

use clap::Args;
use tenure::config::{Config, Severity};
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Failure;
use crate::settings::Settings;

/// Its options.
#[derive(Args)]
pub struct Serve {
    #[command(flatten)]
    settings: Settings,
}

impl Serve {
    /// Serves until a signal says to stop, or the log fails.
    pub fn run(&self) -> Result<(), Failure> {
        let config = self.settings.load()?;
        tell(&config);
        let Some(server) = config.builder() else { return Err(refusal(&config)) };
        config.prepare()?;
        tenure::server::raise_descriptor_limit();
        let signals = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        signals.block_on(async {
            // Signals are caught before the port is announced, so that none sent by a reader of that
            // line is lost.
            let mut terminate = signal(SignalKind::terminate())?;
            let mut interrupt = signal(SignalKind::interrupt())?;
            let server = server.start()?;
            println!("listening on {}", server.addr());
            if let Some(address) = server.tls_addr() {
                println!("listening for TLS on {address}");
            }
            let ended = tokio::select! {
                _ = terminate.recv() => Ok(()),
                _ = interrupt.recv() => Ok(()),
                reason = server.failed() => Err(Failure::log_failed(reason)),
            };
            server.shutdown();
            ended
        })
    }
}

/// What does not keep a server from starting is logged.
fn tell(config: &Config) {
    for problem in config.problems() {
        match problem.severity {
            Severity::Note => tracing::info!("{}: {}", problem.origin, problem.text),
            Severity::Warning => tracing::warn!("{}: {}", problem.origin, problem.text),
            Severity::Error => {}
        }
    }
}

/// All that does, at once.
fn refusal(config: &Config) -> Failure {
    let errors = config.problems().filter(|problem| problem.severity == Severity::Error);
    let lines: Vec<String> = errors.map(|problem| format!("  {}", problem)).collect();
    let text = if lines.is_empty() {
        // A name that could be resolved a moment ago.
        "an address cannot be resolved any more; try again".to_owned()
    } else {
        format!("the settings are wrong, and nothing was started:\n{}", lines.join("\n"))
    };
    Failure::usage(text)
}
