//! The program under test, as a process that is there to be killed.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long a server may take to come back, recovery included.
const PATIENCE: Duration = Duration::from_secs(30);

/// How it is started.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The `tenure` program.
    pub program: PathBuf,
    /// Where its state is; `None` for a server that keeps nothing.
    pub data: Option<PathBuf>,
    /// Where it listens: the same port after each restart.
    pub listen: SocketAddr,
    /// What `TENURE_FAULT` says.
    pub faults: Vec<String>,
    /// How many transactions apart snapshots are.
    pub snapshot_after: u64,
    /// Where its messages go.
    pub messages: PathBuf,
}

/// What a server was doing when it was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It did not listen yet: recovery.
    Starting,
    /// A snapshot was being written.
    Snapshot,
    /// The log was being made durable.
    Flush,
    /// Anything else, under load.
    Load,
    /// It listened, and nobody asked for anything.
    Idle,
}

/// A started program.
#[derive(Debug)]
pub struct Program {
    child: Child,
    lines: Receiver<String>,
    begun: Instant,
}

/// How a program ended that was to serve.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code, if no signal ended it.
    pub code: Option<i32>,
    /// What it said last.
    pub said: String,
}

impl Program {
    /// Starts it; it need not serve yet.
    ///
    /// It goes when the thread that starts it goes, so that nothing is left behind by a run that is
    /// killed itself.
    pub fn start(settings: &Settings) -> Program {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(&settings.program).arg("serve");
        command.args(["--listen", &settings.listen.to_string(), "--tick", "100"]);
        command.args(["--min-session-timeout", "100", "--max-session-timeout", "600000"]);
        command.args(["--max-connections-per-address", "0", "--workers", "2"]);
        // What it says of sessions is another at every look.
        command.arg("--session-directory=false");
        if let Some(data) = &settings.data {
            command.arg("--data").arg(data);
            command.args(["--snapshot-after-txns", &settings.snapshot_after.to_string()]);
        }
        let messages = File::create(&settings.messages).expect("messages can be kept");
        // Before the process is there: no time of its own may seem to be shorter than it is.
        let begun = Instant::now();
        let mut child = command
            .env("TENURE_FAULT", settings.faults.join(","))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(messages)
            .spawn()
            .expect("setpriv of util-linux starts the program");
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    break;
                }
            }
        });
        Program { child, lines, begun }
    }

    /// A moment just before it was started.
    pub fn begun(&self) -> Instant {
        self.begun
    }

    /// Waits until it serves, and says where.
    ///
    /// # Errors
    /// How it ended instead.
    pub fn serving(&mut self, settings: &Settings) -> Result<SocketAddr, Ended> {
        let line = match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => {
                let code = self.child.wait().expect("it is our child").code();
                return Err(Ended { code, said: said(&settings.messages) });
            }
            Err(RecvTimeoutError::Timeout) => {
                self.kill();
                let said = format!("not serving after {PATIENCE:?}: {}", said(&settings.messages));
                return Err(Ended { code: None, said });
            }
        };
        let addr = line.trim().strip_prefix("listening on ").expect("it says where it listens");
        Ok(addr.parse().expect("it listens at an address"))
    }

    /// What it is doing right now, as far as the system shows it.
    pub fn phase(&self, data: Option<&Path>) -> Phase {
        if is_flushing(self.child.id()) {
            return Phase::Flush;
        }
        let names = data.and_then(|data| fs::read_dir(data).ok());
        let mut names = names.into_iter().flatten().flatten().map(|entry| entry.file_name());
        if names.any(|name| name.to_string_lossy().ends_with(".aside")) {
            return Phase::Snapshot;
        }
        Phase::Load
    }

    /// Whether it has said that it listens; to be asked once, before [`Program::serving`].
    pub fn is_listening(&self) -> bool {
        self.lines.try_recv().is_ok()
    }

    /// SIGKILL, and until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM, and until it is gone; its exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        self.gone(PATIENCE)
    }

    /// Waits for it to end by itself; its exit code.
    pub fn gone(&mut self, limit: Duration) -> Option<i32> {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            if let Ok(Some(status)) = self.child.try_wait() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        self.kill();
        None
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The end of what a program said.
fn said(messages: &Path) -> String {
    let text = fs::read(messages).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

/// The numbers of fsync, fdatasync and of sleeping, which a delayed flush does.
const SYNCS: [&str; 2] = if cfg!(target_arch = "x86_64") { ["74", "75"] } else { ["82", "83"] };
const SLEEPS: [&str; 2] = if cfg!(target_arch = "x86_64") { ["230", "35"] } else { ["115", "101"] };

/// Whether a thread of the process is inside a sync, or the log's in a sync that a fault draws out.
fn is_flushing(pid: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    threads.flatten().any(|thread| {
        let read = |name| fs::read_to_string(thread.path().join(name)).unwrap_or_default();
        let call = read("syscall");
        let number = call.split_whitespace().next().unwrap_or_default();
        SYNCS.contains(&number)
            || SLEEPS.contains(&number) && read("comm").starts_with("tenure-commit")
    })
}
