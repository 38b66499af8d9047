//! The server that a configuration describes.

use std::time::Duration;

use super::check::resolve;
use super::table::*;
use super::value::NO_PORT;
use super::{Config, Severity, Value};
use crate::auth::DigestAlgorithm;
use crate::io::server::{AuditFile, Server, ServerBuilder};
use crate::io::tls::{ClientAuth, ServerTls, TlsVersion};

/// Tells a server a number.
type Set = fn(ServerBuilder, u64) -> ServerBuilder;

/// What is told of each number. Their ranges are those of the table.
pub(super) const NUMBERS: &[(&super::Setting, Set)] = &[
    (&BACKLOG, |s, n| s.backlog(n as u32)),
    (&WORKERS, |s, n| s.workers(n as usize)),
    (&LEAST_FREE, |s, n| s.least_free(n)),
    (&SLOW_SYNC, |s, n| s.slow_sync(millis(n))),
    (&SNAPSHOT_AFTER_TXNS, |s, n| s.snapshot_after_txns(n)),
    (&SNAPSHOT_AFTER_BYTES, |s, n| s.snapshot_after_bytes(n)),
    (&SNAPSHOT_AFTER, |s, n| s.snapshot_after(Duration::from_secs(n))),
    (&SNAPSHOTS_KEPT, |s, n| s.snapshots_kept(n as usize)),
    (&TICK, |s, n| s.tick(millis(n))),
    (&MIN_SESSION_TIMEOUT, |s, n| s.min_session_timeout(millis(n))),
    (&MAX_SESSION_TIMEOUT, |s, n| s.max_session_timeout(millis(n))),
    (&SERVER_ID, |s, n| s.server_id(n as u8)),
    (&CONNECTIONS_PER_ADDRESS, |s, n| s.max_connections_per_address(n as u32)),
    (&MAX_FRAME, |s, n| s.max_frame(n as usize)),
    (&OUTSTANDING, |s, n| s.outstanding_limit(n as usize)),
    (&SESSIONLESS, |s, n| s.sessionless_timeout(millis(n))),
    (&REAP_INTERVAL, |s, n| s.reap_interval(millis(n))),
    (&REAP_MOST, |s, n| s.reap_most(n as u32)),
    (&NEVER_USED_CONTAINERS, |s, n| s.never_used_containers((n > 0).then(|| millis(n)))),
    (&CONNECTIONS, |s, n| s.max_connections(n as u32)),
    (&SESSIONS, |s, n| s.max_sessions(n as u32)),
    (&SESSIONS_PER_IDENTITY, |s, n| s.max_sessions_per_identity(n as u32)),
    (&WATCHES_PER_SESSION, |s, n| s.max_watches_per_session(n as usize)),
    (&WATCH_BYTES_PER_SESSION, |s, n| s.max_watch_bytes_per_session(n as usize)),
    (&WATCHES_PER_IDENTITY, |s, n| s.max_watches_per_identity(n as usize)),
    (&WATCH_BYTES_PER_IDENTITY, |s, n| s.max_watch_bytes_per_identity(n as usize)),
    (&WATCHES, |s, n| s.max_watches(n as usize)),
    (&WATCH_BYTES, |s, n| s.max_watch_bytes(n as usize)),
    (&EPHEMERALS_PER_SESSION, |s, n| s.max_ephemerals_per_session(n as u32)),
    (&EPHEMERAL_BYTES_PER_SESSION, |s, n| s.max_ephemeral_bytes_per_session(n)),
    (&EPHEMERALS_PER_IDENTITY, |s, n| s.max_ephemerals_per_identity(n)),
    (&EPHEMERAL_BYTES_PER_IDENTITY, |s, n| s.max_ephemeral_bytes_per_identity(n)),
    (&SESSION_VALUES, |s, n| s.max_session_values(n as u32)),
    (&SESSION_VALUE_BYTES, |s, n| s.max_session_value_bytes(n as u32)),
    (&FRAME_TIMEOUT, |s, n| s.frame_timeout(millis(n))),
    (&INCOMPLETE_BYTES, |s, n| s.max_incomplete_bytes(n as usize)),
    (&REQUESTS_PER_CONNECTION, |s, n| s.max_requests_per_connection(n as usize)),
    (&REQUEST_BYTES_PER_CONNECTION, |s, n| s.max_request_bytes_per_connection(n as usize)),
    (&REQUEST_BYTES, |s, n| s.max_request_bytes(n as usize)),
    (&THROTTLE_AFTER, |s, n| s.throttle_after(millis(n))),
    (&MAX_REPLY, |s, n| s.max_reply(n as usize)),
    (&UNREAD_EVENT_BYTES, |s, n| s.max_unread_events(n as usize)),
    (&UNREAD_BYTES, |s, n| s.max_unread_bytes(n as usize)),
    (&LOG_REPEAT, |s, n| s.log_repeat(millis(n))),
];

const fn millis(length: u64) -> Duration {
    Duration::from_millis(length)
}

impl Config {
    /// The server with these settings; `None` while there are errors among the problems. What nobody
    /// gave has the default that the table shows.
    pub fn builder(&self) -> Option<ServerBuilder> {
        if self.count(Severity::Error) > 0 {
            return None;
        }
        let server = self.network(Server::builder())?;
        Some(self.identities(self.state(self.numbers(server))))
    }

    fn network(&self, server: ServerBuilder) -> Option<ServerBuilder> {
        let mut server = server;
        match self.text(&LISTEN).unwrap_or(LISTEN_DEFAULT) {
            NO_PORT => server = server.without_plain_port(),
            listen => server = server.listen(resolve(listen).ok()?),
        }
        if let Some(listen) = self.text(&LISTEN_TLS) {
            server = server.listen_tls(resolve(listen).ok()?);
        }
        if let Some(tls) = self.tls() {
            server = server.tls(tls).tls_on_same_port(self.yes(&TLS_ON_SAME_PORT));
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Some(server.keep_alive(self.yes(&KEEP_ALIVE)).workers(cores))
    }

    fn numbers(&self, server: ServerBuilder) -> ServerBuilder {
        NUMBERS.iter().fold(server, |server, (setting, set)| match self.number(setting) {
            Some(number) => set(server, number),
            None => server,
        })
    }

    fn state(&self, server: ServerBuilder) -> ServerBuilder {
        let server = server
            .session_directory(self.yes(&SESSION_DIRECTORY))
            .extended_types(self.yes(&EXTENDED_TYPES))
            .enforce_quota(self.yes(&ENFORCE_QUOTA))
            .crash_detection(self.yes(&CRASH_DETECTION));
        let server = match self.words(&SESSION_READERS) {
            Some(readers) => server.session_readers(readers),
            None => server,
        };
        let server = match self.text(&AUDIT) {
            Some(file) => server.audit(AuditFile::new(file)),
            None => server,
        };
        let server = match self.text(&WORDS) {
            Some(words) => server.words(words),
            None => server,
        };
        match self.text(&DATA) {
            Some(directory) => server.data_dir(directory),
            None => server,
        }
    }

    /// What the server proves itself with, if any port takes TLS.
    fn tls(&self) -> Option<ServerTls> {
        let certificate = self.text(&TLS_CERTIFICATE).filter(|_| self.has_tls())?;
        let auth = match self.client_auth() {
            "none" => ClientAuth::None,
            "want" => ClientAuth::Want,
            _ => ClientAuth::Need,
        };
        let version = |setting, default| match self.text(setting) {
            Some("1.2") => TlsVersion::V1_2,
            Some("1.3") => TlsVersion::V1_3,
            _ => default,
        };
        let mut tls = ServerTls::pem(certificate, self.key_file()?)
            .client_auth(auth)
            .oldest_version(version(&TLS_OLDEST, TlsVersion::V1_2))
            .newest_version(version(&TLS_NEWEST, TlsVersion::V1_3))
            .reload(self.yes(&TLS_RELOAD));
        if let Some(file) = self.text(&TLS_CLIENT_CA) {
            tls = tls.client_ca(file);
        }
        if let Some(most) = self.number(&TLS_HANDSHAKES) {
            tls = tls.handshakes(most as u32);
        }
        Some(tls)
    }

    fn identities(&self, server: ServerBuilder) -> ServerBuilder {
        let mut server = server
            .digest(self.yes(&DIGEST))
            .scram_only(self.yes(&SCRAM_ONLY))
            .allow_sasl_failed_clients(self.yes(&ALLOW_FAILED_SASL))
            .skip_acl(self.yes(&SKIP_ACL));
        if let Some(algorithm) = self.text(&DIGEST_ALGORITHM).and_then(DigestAlgorithm::from_name) {
            server = server.digest_algorithm(algorithm);
        }
        if let Some(id) = self.text(&SUPER_DIGEST) {
            server = server.super_digest(id);
        }
        if let Some(subject) = self.text(&SUPER_X509) {
            server = server.super_x509(subject);
        }
        for user in self.words(&SUPER_SASL).unwrap_or_default() {
            server = server.super_sasl(user);
        }
        if let Some(Value::Users(users)) = self.given(&SASL_USERS).map(|given| &given.value) {
            for (name, password) in users {
                server = server.sasl_user(name, password);
            }
        }
        if let Some(schemes) = self.words(&REQUIRE_AUTH) {
            server = server.require_auth(schemes);
        }
        if let Some(names) = self.words(&ENSEMBLE_NAMES) {
            server = server.ensemble_names(names);
        }
        server
    }
}
