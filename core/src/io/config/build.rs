//! The server that a configuration describes.

use std::time::Duration;

use super::check::resolve;
use super::table::*;
use super::{Config, Severity, Value};
use crate::auth::DigestAlgorithm;
use crate::io::server::{Server, ServerBuilder};

/// Settings that a server cannot be told yet.
pub(super) const PENDING: &[&super::Setting] = &[
    &LISTEN_TLS,
    &TLS_ON_SAME_PORT,
    &TLS_CERTIFICATE,
    &TLS_KEY,
    &TLS_CLIENT_CA,
    &TLS_CLIENT_AUTH,
    &TLS_RELOAD,
    &WORDS,
];

impl Config {
    /// The server with these settings; `None` while there are errors among the problems. What nobody
    /// gave has the default that the table shows.
    pub fn builder(&self) -> Option<ServerBuilder> {
        if self.count(Severity::Error) > 0 {
            return None;
        }
        let server = self.network(Server::builder())?;
        Some(self.identities(self.state(server)))
    }

    fn network(&self, mut server: ServerBuilder) -> Option<ServerBuilder> {
        let listen = self.text(&LISTEN).unwrap_or(LISTEN_DEFAULT);
        server = server.listen(resolve(listen).ok()?);
        if let Some(most) = self.number(&BACKLOG) {
            server = server.backlog(most as u32);
        }
        server = server.keep_alive(self.yes(&KEEP_ALIVE));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        server = server.workers(self.number(&WORKERS).map_or(cores, |count| count as usize));
        if let Some(tick) = self.millis(&TICK) {
            server = server.tick(tick);
        }
        if let Some(timeout) = self.millis(&MIN_SESSION_TIMEOUT) {
            server = server.min_session_timeout(timeout);
        }
        if let Some(timeout) = self.millis(&MAX_SESSION_TIMEOUT) {
            server = server.max_session_timeout(timeout);
        }
        if let Some(id) = self.number(&SERVER_ID) {
            server = server.server_id(id as u8);
        }
        if let Some(most) = self.number(&CONNECTIONS_PER_ADDRESS) {
            server = server.max_connections_per_address(most as u32);
        }
        if let Some(bytes) = self.number(&MAX_FRAME) {
            server = server.max_frame(bytes as usize);
        }
        if let Some(most) = self.number(&OUTSTANDING) {
            server = server.outstanding_limit(most as usize);
        }
        if let Some(timeout) = self.millis(&SESSIONLESS) {
            server = server.sessionless_timeout(timeout);
        }
        Some(server)
    }

    fn state(&self, mut server: ServerBuilder) -> ServerBuilder {
        if let Some(directory) = self.text(&DATA) {
            server = server.data_dir(directory);
        }
        if let Some(bytes) = self.number(&LEAST_FREE) {
            server = server.least_free(bytes);
        }
        if let Some(length) = self.millis(&SLOW_SYNC) {
            server = server.slow_sync(length);
        }
        if let Some(txns) = self.number(&SNAPSHOT_AFTER_TXNS) {
            server = server.snapshot_after_txns(txns);
        }
        if let Some(bytes) = self.number(&SNAPSHOT_AFTER_BYTES) {
            server = server.snapshot_after_bytes(bytes);
        }
        if let Some(seconds) = self.number(&SNAPSHOT_AFTER) {
            server = server.snapshot_after(Duration::from_secs(seconds));
        }
        if let Some(count) = self.number(&SNAPSHOTS_KEPT) {
            server = server.snapshots_kept(count as usize);
        }
        server = server
            .extended_types(self.yes(&EXTENDED_TYPES))
            .enforce_quota(self.yes(&ENFORCE_QUOTA));
        if let Some(interval) = self.millis(&REAP_INTERVAL) {
            server = server.reap_interval(interval);
        }
        if let Some(most) = self.number(&REAP_MOST) {
            server = server.reap_most(most as u32);
        }
        let age = self.millis(&NEVER_USED_CONTAINERS).filter(|age| !age.is_zero());
        server.never_used_containers(age)
    }

    fn identities(&self, server: ServerBuilder) -> ServerBuilder {
        let mut server = server
            .digest(self.yes(&DIGEST))
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

    fn millis(&self, setting: &super::Setting) -> Option<Duration> {
        self.number(setting).map(Duration::from_millis)
    }
}
