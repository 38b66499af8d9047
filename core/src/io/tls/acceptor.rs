//! What new connections of a server are secured with, as its files have it at the moment.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use rustls::ServerConfig;

use super::server::{ServerTls, TlsError};
use crate::base::WallMillis;

/// A certificate that expires sooner is spoken of.
const SOON: Duration = Duration::from_secs(14 * DAY);

/// How often it is spoken of.
const REMINDER: Duration = Duration::from_secs(DAY);

const DAY: u64 = 86_400;

/// What secures new connections. Files that change are taken over by [`Acceptor::look`].
#[derive(Debug)]
pub struct Acceptor {
    settings: ServerTls,
    current: RwLock<Arc<ServerConfig>>,
    seen: Mutex<Seen>,
}

/// What the last look saw.
#[derive(Debug)]
struct Seen {
    /// The files as they were before they were read.
    stamps: Vec<Option<Stamp>>,
    /// Why they were refused, if they were.
    refused: Option<String>,
    expires: WallMillis,
    reminded: Option<WallMillis>,
}

/// What tells one state of a file from the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stamp {
    file: (u64, u64),
    length: u64,
    /// Seconds and nanoseconds of the last write.
    written: (i64, i64),
    /// The same of the last change of any kind, which nobody can set back.
    changed: (i64, i64),
}

/// What a look brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Looked {
    /// Nothing has changed.
    Same,
    /// The files have changed, and new connections have what is in them.
    Taken,
    /// The files have changed and cannot be used, and new connections have what was there before.
    Refused,
}

impl Acceptor {
    /// Reads the files of these settings.
    ///
    /// # Errors
    /// Whatever is wrong with them.
    pub fn new(settings: ServerTls) -> Result<Acceptor, TlsError> {
        let stamps = settings.files().map(stamp).collect();
        let loaded = settings.load()?;
        let (refused, reminded, expires) = (None, None, loaded.expires);
        let seen = Mutex::new(Seen { stamps, refused, expires, reminded });
        Ok(Acceptor { settings, current: RwLock::new(loaded.config), seen })
    }

    /// What a new connection is secured with.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.current.read().clone()
    }

    /// How many handshakes may be under way.
    pub fn most_handshakes(&self) -> u32 {
        self.settings.most_handshakes()
    }

    /// When the first of the own certificates expires.
    pub fn expires(&self) -> WallMillis {
        self.seen.lock().expires
    }

    /// Takes over files that have changed, if that is wanted and they can be used. Files that were
    /// refused are tried again by every look, because a look may see them half written.
    pub fn look(&self) -> Looked {
        if !self.settings.reloads() {
            return Looked::Same;
        }
        let mut seen = self.seen.lock();
        let stamps: Vec<_> = self.settings.files().map(stamp).collect();
        if stamps == seen.stamps && seen.refused.is_none() {
            return Looked::Same;
        }
        match self.settings.load() {
            Ok(loaded) => {
                *self.current.write() = loaded.config;
                let (refused, reminded, expires) = (None, None, loaded.expires);
                *seen = Seen { stamps, refused, expires, reminded };
                tracing::info!("new connections have the certificate files as they are now");
                Looked::Taken
            }
            Err(error) => {
                let reason = error.to_string();
                let is_known = stamps == seen.stamps && seen.refused.as_ref() == Some(&reason);
                if !is_known {
                    tracing::warn!(
                        "the certificate files have changed and cannot be used, and new connections \
                         have what was there before: {reason}"
                    );
                }
                seen.stamps = stamps;
                seen.refused = Some(reason);
                if is_known { Looked::Same } else { Looked::Refused }
            }
        }
    }

    /// Speaks of a certificate that expires soon or has expired: at once, and then once a day.
    pub fn remind(&self, now: WallMillis) {
        let mut seen = self.seen.lock();
        let since = seen.reminded.map(|before| now.0.saturating_sub(before.0));
        if since.is_some_and(|since| u128::from(since.unsigned_abs()) < REMINDER.as_millis()) {
            return;
        }
        let left = seen.expires.0.saturating_sub(now.0) / 1_000;
        if left >= SOON.as_secs() as i64 {
            return;
        }
        seen.reminded = Some(now);
        let file = self.settings.files().next().unwrap_or(Path::new("")).display();
        if left < 0 {
            tracing::warn!(
                "a certificate in {file} has expired: no client that looks will connect; put one that \
                 is valid in its place"
            );
        } else {
            tracing::warn!(
                "a certificate in {file} expires in {} days and {} hours; put one that lasts longer in \
                 its place",
                left / DAY as i64,
                left % DAY as i64 / 3_600
            );
        }
    }
}

/// What a file looks like; `None` if there is none.
fn stamp(file: &Path) -> Option<Stamp> {
    let found = file.metadata().ok()?;
    Some(Stamp {
        file: (found.dev(), found.ino()),
        length: found.len(),
        written: (found.mtime(), found.mtime_nsec()),
        changed: (found.ctime(), found.ctime_nsec()),
    })
}
