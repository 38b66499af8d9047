//! The server under test: tenure inside this process, or another one for comparison.
//!
//! `TENURE_TEST_SERVER` names the other one: `apache` starts Debian's for each test, an address
//! `HOST:PORT` is used as it is, and with `durable` each test's own server has a data directory.
//! Without it each test embeds a server of its own, in memory, on a free port.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tenure::server::{Clock, Server};

use crate::apache::{Apache, four_letter_word};
use crate::identities::Identities;
use crate::session::Session;

/// What a test wants of its server; the defaults are ZooKeeper's with a tick of 2 s.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are named after the server's options")]
pub struct Settings {
    pub tick: Duration,
    pub min_session_timeout: Option<Duration>,
    pub max_session_timeout: Option<Duration>,
    pub max_connections_per_address: u32,
    pub sessionless_timeout: Option<Duration>,
    pub extended_types: bool,
    pub enforce_quota: bool,
    pub session_directory: bool,
    pub session_readers: &'static [&'static str],
    pub words: &'static str,
    /// Session time stands still until the test moves it.
    pub manual_clock: bool,
    pub identities: Identities,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            tick: Duration::from_secs(2),
            min_session_timeout: None,
            max_session_timeout: None,
            max_connections_per_address: 60,
            sessionless_timeout: None,
            extended_types: true,
            enforce_quota: false,
            session_directory: true,
            session_readers: &["world:anyone"],
            words: "*",
            manual_clock: false,
            identities: Identities::default(),
        }
    }
}

/// A running server under test.
pub enum Subject {
    /// tenure, in this process.
    Embedded(Server),
    /// tenure, in this process, with a data directory that goes when the server has stopped.
    Durable(Server, TempDir),
    /// Debian's Apache ZooKeeper, and a folder for what it is told.
    Apache(Apache, TempDir),
    /// A server that somebody else runs.
    External(SocketAddr),
}

impl Subject {
    /// A server with the default settings.
    pub fn start() -> Subject {
        Subject::with(Settings::default())
    }

    /// A server whose session time only [`Subject::advance`] moves.
    pub fn manual() -> Subject {
        Subject::with(Settings { manual_clock: true, ..Settings::default() })
    }

    /// A server with chosen settings.
    pub fn with(settings: Settings) -> Subject {
        match std::env::var("TENURE_TEST_SERVER") {
            Ok(name) if name == "durable" => {
                let directory = TempDir::new().expect("a directory");
                let server = embedded(&settings, Some(directory.path()));
                Subject::Durable(server, directory)
            }
            Ok(name) if name == "apache" => {
                let folder = TempDir::new().expect("a directory");
                Subject::Apache(apache(&settings, folder.path()), folder)
            }
            Ok(addr) => Subject::External(addr.parse().expect("TENURE_TEST_SERVER is HOST:PORT")),
            Err(_) => Subject::Embedded(embedded(&settings, None)),
        }
    }

    /// Where clients connect.
    pub fn addr(&self) -> SocketAddr {
        match self {
            Subject::Embedded(server) | Subject::Durable(server, _) => server.addr(),
            Subject::Apache(apache, _) => apache.addr(),
            Subject::External(addr) => *addr,
        }
    }

    /// Whether a ping overtakes writes that wait for the disk.
    pub fn answers_pings_at_once(&self) -> bool {
        matches!(self, Subject::Durable(..))
    }

    /// A new session with default wishes.
    pub fn session(&self) -> Session {
        Session::new(self.addr())
    }

    /// Two new sessions with default wishes.
    pub fn pair(&self) -> (Session, Session) {
        (self.session(), self.session())
    }

    /// Moves session time; a server with a clock of its own is waited for instead.
    pub fn advance(&self, time: Duration) {
        match self {
            Subject::Embedded(server) | Subject::Durable(server, _) => server.advance(time),
            Subject::Apache(..) | Subject::External(_) => std::thread::sleep(time),
        }
    }

    /// What the server answers to a four-letter word.
    pub fn word(&self, word: &[u8; 4]) -> String {
        four_letter_word(self.addr(), word).expect("a four-letter word is answered")
    }
}

fn embedded(settings: &Settings, directory: Option<&Path>) -> Server {
    let mut builder = Server::builder()
        .tick(settings.tick)
        .max_connections_per_address(settings.max_connections_per_address)
        .words(settings.words)
        .extended_types(settings.extended_types)
        .enforce_quota(settings.enforce_quota)
        .session_directory(settings.session_directory)
        .session_readers(settings.session_readers.iter().copied());
    builder = settings.identities.build(builder);
    if let Some(limit) = settings.min_session_timeout {
        builder = builder.min_session_timeout(limit);
    }
    if let Some(limit) = settings.max_session_timeout {
        builder = builder.max_session_timeout(limit);
    }
    if let Some(limit) = settings.sessionless_timeout {
        builder = builder.sessionless_timeout(limit);
    }
    if settings.manual_clock {
        builder = builder.clock(Clock::manual());
    }
    if let Some(directory) = directory {
        // Often enough for snapshots to be taken in the middle of every longer test.
        builder = builder.data_dir(directory).snapshot_after_txns(100);
    }
    builder.start().expect("the server starts")
}

fn apache(settings: &Settings, folder: &Path) -> Apache {
    let mut lines = vec![
        format!("4lw.commands.whitelist={}", settings.words),
        format!("tickTime={}", settings.tick.as_millis()),
        format!("maxClientCnxns={}", settings.max_connections_per_address),
    ];
    if settings.enforce_quota {
        lines.push("enforceQuota=true".to_owned());
    }
    if let Some(limit) = settings.min_session_timeout {
        lines.push(format!("minSessionTimeout={}", limit.as_millis()));
    }
    if let Some(limit) = settings.max_session_timeout {
        lines.push(format!("maxSessionTimeout={}", limit.as_millis()));
    }
    let java = settings.identities.java(folder).expect("the folder takes a file");
    let java: Vec<_> = java.iter().map(String::as_str).collect();
    let flags = [&["-XX:TieredStopAtLevel=1", "-Xmx256m"][..], &java].concat();
    Apache::start_on(&flags, &lines, settings.extended_types).expect("Apache ZooKeeper starts")
}
