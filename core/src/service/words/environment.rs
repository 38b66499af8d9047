//! `envi`: what the server runs on. The environment of the process is not in it, for that may hold
//! secrets.

use std::fmt::Write;
use std::time::Duration;

use super::Asked;
use super::server::VERSION;
use crate::service::escape::Escaped;

/// How long it is good enough to know how many descriptors are open.
const FRESH: Duration = Duration::from_secs(1);

/// The machine and the user a server runs as, for `envi`; whatever is not known is left out there.
#[derive(Clone, Debug)]
pub struct Host {
    /// The machine.
    pub name: String,
    /// Its system.
    pub os_name: String,
    /// Of which version.
    pub os_version: String,
    /// Its processor.
    pub arch: String,
    /// Who runs the server.
    pub user: String,
    /// Counts the descriptors of the process.
    pub descriptors: fn() -> Option<Descriptors>,
}

/// The file descriptors of a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Descriptors {
    /// How many are open.
    pub open: u64,
    /// How many may be.
    pub most: u64,
}

impl Default for Host {
    fn default() -> Host {
        Host {
            name: String::new(),
            os_name: String::new(),
            os_version: String::new(),
            arch: String::new(),
            user: String::new(),
            descriptors: || None,
        }
    }
}

/// `envi`.
pub(super) fn envi(asked: &Asked<'_>, out: &mut String) {
    let host = &asked.service.options.host;
    let _ = writeln!(out, "Environment:\nzookeeper.version={VERSION}");
    for (key, value) in [
        ("host.name", &host.name),
        ("os.name", &host.os_name),
        ("os.arch", &host.arch),
        ("os.version", &host.os_version),
        ("user.name", &host.user),
    ] {
        if !value.is_empty() {
            let _ = writeln!(out, "{key}={}", Escaped(value));
        }
    }
}

/// How many descriptors are open and may be, as of a moment ago.
pub(super) fn descriptors(asked: &Asked<'_>) -> Option<Descriptors> {
    let now = asked.now.moment;
    let mut known = asked.service.words.descriptors.lock();
    match *known {
        Some((at, known)) if now.since(at) < FRESH => Some(known),
        _ => {
            let counted = (asked.service.options.host.descriptors)()?;
            *known = Some((now, counted));
            Some(counted)
        }
    }
}
