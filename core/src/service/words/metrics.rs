//! `mntr`: one line for each figure, `zk_NAME<tab>VALUE`.
//!
//! [`METRICS`] is the whole list. A figure that ZooKeeper has too goes by ZooKeeper's name, so that
//! dashboards find it. A new one is one row, at the end of the group it belongs to.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::RwLockReadGuard;

use super::environment::{Descriptors, descriptors};
use super::server::VERSION;
use super::{Asked, decimal};
use crate::base::{WallMillis, Zxid};
use crate::engine::Engine;
use crate::service::quota::{self, Figures};
use crate::service::stats::{DiskStats, Spread, Stats};
use crate::service::{Limit, Service};

/// What a row may look at. Nothing a row does may cost more than a few loads: there is no list that
/// it may walk, but those that a constant keeps short.
struct Seen<'a> {
    service: &'a Service,
    stats: &'a Stats,
    /// Under the read guard that all rows share.
    engine: RwLockReadGuard<'a, Engine>,
    descriptors: Option<Descriptors>,
    uptime: Duration,
    wall: WallMillis,
}

/// A figure as it is printed.
enum Value {
    Count(u64),
    /// What can be below zero.
    Signed(i64),
    Mean(f64),
    Text(&'static str),
    Zxid(Zxid),
}

/// One row of the list; a figure that this server does not have is left out.
enum Metric {
    /// One line.
    One(&'static str, fn(&Seen<'_>) -> Option<Value>),
    /// One line for each of a few keys, `KEY_NAME`.
    Each(&'static str, fn(&Seen<'_>) -> Vec<(String, i64)>),
    /// Five lines: `avg_`, `min_`, `max_`, `cnt_` and `sum_`, in milliseconds.
    Summary(&'static str, for<'a> fn(&'a Seen<'_>) -> Option<&'a Spread>),
}

use Metric::{Each, One, Summary};

fn count(value: usize) -> Option<Value> {
    Some(Value::Count(value as u64))
}

fn load(counter: &AtomicU64) -> Option<Value> {
    Some(Value::Count(counter.load(Ordering::Relaxed)))
}

fn reached(seen: &Seen<'_>, limit: Limit) -> Option<Value> {
    Some(Value::Count(seen.stats.reached.count(limit)))
}

/// What stands in one column of a table; -1 is no limit.
fn keyed(all: BTreeMap<&str, Figures>, column: fn(Figures) -> Option<i64>) -> Vec<(String, i64)> {
    all.into_iter().map(|(key, row)| (key.to_owned(), column(row).unwrap_or(-1))).collect()
}

/// Every figure there is, in the order of the lines.
const METRICS: &[Metric] = &[
    One("version", |_| Some(Value::Text(VERSION))),
    One("server_state", |_| Some(Value::Text("standalone"))),
    // Requests and connections.
    One("avg_latency", |seen| Some(Value::Mean(seen.stats.latency().1))),
    One("max_latency", |seen| Some(Value::Count(seen.stats.latency().2))),
    One("min_latency", |seen| Some(Value::Count(seen.stats.latency().0))),
    Summary("readlatency", |seen| Some(&seen.stats.reads)),
    Summary("updatelatency", |seen| Some(&seen.stats.updates)),
    One("packets_received", |seen| load(&seen.stats.received)),
    One("packets_sent", |seen| load(&seen.stats.sent)),
    One("bytes_received_count", |seen| load(&seen.stats.received_bytes)),
    One("num_alive_connections", |seen| count(seen.service.peers.read().len())),
    One("outstanding_requests", |seen| Some(Value::Count(seen.stats.unanswered()))),
    One("uptime", |seen| Some(Value::Count(seen.uptime.as_millis() as u64))),
    One("open_file_descriptor_count", |seen| Some(Value::Count(seen.descriptors?.open))),
    One("max_file_descriptor_count", |seen| Some(Value::Count(seen.descriptors?.most))),
    // The tree, its watches and its sessions.
    One("watch_count", |seen| count(seen.service.watches.lock().len())),
    One("znode_count", |seen| count(seen.engine.node_count())),
    One("ephemerals_count", |seen| count(seen.engine.ephemerals().count())),
    One("approximate_data_size", |seen| Some(Value::Count(seen.engine.approximate_data_size()))),
    One("global_sessions", |seen| count(seen.engine.registry().len())),
    // What came to an end, or to a limit.
    One("stale_sessions_expired", |seen| load(&seen.stats.expired)),
    One("auth_failed_count", |seen| load(&seen.stats.failed_proofs)),
    One("session_expiry_lateness_avg", |seen| Some(Value::Mean(seen.stats.lateness().1))),
    One("session_expiry_lateness_max", |seen| Some(Value::Count(seen.stats.lateness().2))),
    One("connection_drop_count", |seen| load(&seen.stats.dropped)),
    One("connection_rejected", |seen| reached(seen, Limit::Connections)),
    One("sessionless_connections_expired", |seen| reached(seen, Limit::Sessionless)),
    One("sessions_refused", |seen| reached(seen, Limit::Sessions)),
    One("watches_refused", |seen| reached(seen, Limit::Watches)),
    One("ephemerals_refused", |seen| reached(seen, Limit::Ephemerals)),
    One("large_requests_rejected", |seen| reached(seen, Limit::Frames)),
    One("connections_cut_incomplete", |seen| reached(seen, Limit::Incomplete)),
    One("large_replies_refused", |seen| reached(seen, Limit::Replies)),
    One("connections_cut_unread", |seen| reached(seen, Limit::Unread)),
    One("throttled_ops", |seen| reached(seen, Limit::Throttled)),
    One("request_throttle_wait_count", |seen| reached(seen, Limit::HeldUp)),
    One("log_lines_suppressed", |seen| Some(Value::Count(seen.stats.reached.suppressed()))),
    One("words_cut", |seen| load(&seen.service.words.cut)),
    One("words_refused", |seen| load(&seen.service.words.refused)),
    One("audit_lines", |seen| load(&seen.service.options.audit.as_ref()?.written)),
    One("audit_lines_lost", |seen| load(&seen.service.options.audit.as_ref()?.lost)),
    // What waits, in bytes.
    One("watch_bytes", |seen| count(seen.service.watches.lock().usage().bytes)),
    One("under_way_bytes", |seen| count(seen.stats.under_way_bytes())),
    One("incomplete_bytes", |seen| count(seen.stats.incomplete_bytes.load(Ordering::Relaxed))),
    One("unread_bytes", |seen| count(seen.stats.unread_bytes.load(Ordering::Relaxed))),
    // Quotas, by the first components of their paths.
    Each("quota_count_limit_per_namespace", |seen| {
        keyed(quota::limits_by_namespace(&seen.engine), |limits| limits.count)
    }),
    Each("quota_bytes_limit_per_namespace", |seen| {
        keyed(quota::limits_by_namespace(&seen.engine), |limits| limits.bytes)
    }),
    Each("quota_count_usage_per_namespace", |seen| {
        keyed(quota::usage_by_namespace(&seen.engine), |usage| usage.count)
    }),
    Each("quota_bytes_usage_per_namespace", |seen| {
        keyed(quota::usage_by_namespace(&seen.engine), |usage| usage.bytes)
    }),
    Each("quota_exceeded_error_per_namespace", |seen| seen.stats.quotas.refused_by_namespace()),
    One("quota_exceeded_errors", |seen| load(&seen.stats.quotas.refused)),
    One("quota_soft_limit_exceeded", |seen| load(&seen.stats.quotas.exceeded)),
    // TLS.
    One("outstanding_tls_handshake", |seen| Some(Value::Count(seen.stats.tls.handshakes()))),
    One("unsuccessful_handshake", |seen| Some(Value::Count(seen.stats.tls.failed()))),
    One("tls_handshake_exceeded", |seen| load(&seen.stats.tls.exceeded)),
    One("tls_reloads", |seen| load(&seen.stats.tls.reloads)),
    One("tls_reload_failures", |seen| load(&seen.stats.tls.reload_failures)),
    One("tls_certificate_expiry_seconds", |seen| {
        seen.stats.tls.seconds_left(seen.wall).map(Value::Signed)
    }),
    // The disk.
    Summary("fsynctime", |seen| Some(&seen.disk()?.syncs)),
    Summary("snapshottime", |seen| Some(&seen.disk()?.snapshots)),
    One("snapshot_failures", |seen| load(&seen.disk()?.snapshot_failures)),
    One("snapshot_zxid", |seen| {
        Some(Value::Zxid(Zxid(seen.disk()?.snapshot_zxid.load(Ordering::Relaxed))))
    }),
    One("log_txns", |seen| load(&seen.disk()?.txns)),
    One("log_bytes", |seen| load(&seen.disk()?.bytes)),
    One("disk_full", |seen| count(seen.disk()?.is_full.load(Ordering::Relaxed).into())),
];

impl Seen<'_> {
    fn disk(&self) -> Option<&DiskStats> {
        self.stats.disk.get()
    }
}

/// `mntr`.
pub(super) fn mntr(asked: &Asked<'_>, out: &mut String) {
    let service = asked.service;
    let seen = Seen {
        service,
        stats: &service.stats,
        descriptors: descriptors(asked),
        uptime: asked.now.moment.since(service.started.moment),
        wall: asked.now.wall,
        engine: service.engine(),
    };
    for metric in METRICS {
        match metric {
            One(name, value) => {
                if let Some(value) = value(&seen) {
                    line(out, name, &value);
                }
            }
            Each(name, values) => {
                for (key, value) in values(&seen) {
                    // Writing to a string cannot fail.
                    let _ = writeln!(out, "zk_{key}_{name}\t{value}");
                }
            }
            Summary(name, spread) => {
                if let Some(spread) = spread(&seen) {
                    summary(out, name, spread);
                }
            }
        }
    }
}

fn summary(out: &mut String, name: &str, spread: &Spread) {
    let (min, mean, max) = spread.millis();
    line(out, &format!("avg_{name}"), &Value::Mean(mean));
    line(out, &format!("min_{name}"), &Value::Count(min));
    line(out, &format!("max_{name}"), &Value::Count(max));
    line(out, &format!("cnt_{name}"), &Value::Count(spread.count()));
    line(out, &format!("sum_{name}"), &Value::Count(spread.sum_millis()));
}

fn line(out: &mut String, name: &str, value: &Value) {
    // Writing to a string cannot fail.
    let _ = match value {
        Value::Count(count) => writeln!(out, "zk_{name}\t{count}"),
        Value::Signed(value) => writeln!(out, "zk_{name}\t{value}"),
        Value::Mean(mean) => writeln!(out, "zk_{name}\t{}", decimal(*mean)),
        Value::Text(text) => writeln!(out, "zk_{name}\t{text}"),
        Value::Zxid(zxid) => writeln!(out, "zk_{name}\t{zxid}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_has_a_name_of_its_own() {
        let names = METRICS.iter().map(|metric| match metric {
            One(name, _) | Each(name, _) | Summary(name, _) => *name,
        });
        let mut seen = std::collections::BTreeSet::new();
        for name in names {
            assert!(seen.insert(name), "{name} stands twice");
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        }
    }
}
