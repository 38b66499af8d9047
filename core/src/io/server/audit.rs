//! Where the audit log goes: a thread hands its lines to a sink, which is a file unless an embedder has
//! another.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use parking_lot::Mutex;

use super::start_error::{StartError, spawn};
use crate::io::clock::Clock;
use crate::service::Audit;

/// Takes the lines of an audit log, on a thread of its own.
pub trait AuditSink: Send + Sync {
    /// Makes sure that lines can be taken. Called at each start of a server, before its port is open.
    ///
    /// # Errors
    /// Why they cannot; the server does not start then.
    fn open(&self) -> io::Result<()>;

    /// Takes some whole lines, each with its newline. No request waits for it.
    ///
    /// # Errors
    /// Why they were not taken: they are lost and counted, and the server goes on.
    fn write(&self, lines: &str) -> io::Result<()>;
}

/// A file that audit lines are appended to, for its owner only. When it is moved away or removed, the
/// next line begins a new one under the old name, so whatever rotates it need not tell the server.
#[derive(Debug)]
pub struct AuditFile {
    path: PathBuf,
    file: Mutex<Option<File>>,
}

impl AuditFile {
    /// The file of this name. Nothing is opened before a server starts.
    pub fn new(path: impl Into<PathBuf>) -> AuditFile {
        AuditFile { path: path.into(), file: Mutex::new(None) }
    }

    /// Whether the file that is open is still the one of that name.
    fn is_in_place(&self, file: &File) -> bool {
        let same = |open: &std::fs::Metadata, named: &std::fs::Metadata| {
            (open.dev(), open.ino()) == (named.dev(), named.ino())
        };
        match (file.metadata(), std::fs::metadata(&self.path)) {
            (Ok(open), Ok(named)) => same(&open, &named),
            _ => false,
        }
    }

    fn begin(&self) -> io::Result<File> {
        OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)
    }
}

impl AuditSink for AuditFile {
    fn open(&self) -> io::Result<()> {
        let opened = self.begin().map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", self.path.display()))
        })?;
        *self.file.lock() = Some(opened);
        Ok(())
    }

    fn write(&self, lines: &str) -> io::Result<()> {
        let mut file = self.file.lock();
        let mut open = match file.take().filter(|open| self.is_in_place(open)) {
            Some(open) => open,
            None => self.begin()?,
        };
        let written = open.write_all(lines.as_bytes());
        if written.is_err() {
            // What was written of a line ends here, so that it is not the beginning of another one.
            let _ = open.write_all(b"\n");
        }
        *file = Some(open);
        written
    }
}

/// The sink as a setting.
#[derive(Clone)]
pub(super) struct Sink(pub(super) Arc<dyn AuditSink>);

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditSink")
    }
}

/// The thread that writes the lines of one server. Dropping it writes what waits, and that the server
/// has stopped.
pub(super) struct AuditLog {
    audit: Arc<Audit>,
    clock: Clock,
    thread: Option<JoinHandle<()>>,
}

impl AuditLog {
    /// Begins to write.
    pub(super) fn start(
        sink: Sink,
        audit: Arc<Audit>,
        clock: Clock,
    ) -> Result<AuditLog, StartError> {
        let lines = audit.clone();
        let thread = spawn("tenure-audit", move || run(&*sink.0, &lines))?;
        audit.note_start(clock.now().wall);
        Ok(AuditLog { audit, clock, thread: Some(thread) })
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        self.audit.note_stop(self.clock.now().wall);
        self.audit.close();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has printed why.
            let _ = thread.join();
        }
    }
}

fn run(sink: &dyn AuditSink, audit: &Audit) {
    let mut is_failing = false;
    while let Some((text, lines)) = audit.take() {
        match sink.write(&text) {
            Ok(()) => {
                audit.written.fetch_add(lines, Ordering::Relaxed);
                if std::mem::take(&mut is_failing) {
                    tracing::warn!("the audit log is written again");
                }
            }
            Err(error) => {
                audit.lost.fetch_add(lines, Ordering::Relaxed);
                if !std::mem::replace(&mut is_failing, true) {
                    tracing::error!(
                        "the audit log is not written, and its lines are lost: {error}"
                    );
                }
            }
        }
    }
}
