//! What is said and counted of quotas, beside what the engine does about them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::base::{Moment, limits};
use crate::engine::{Engine, QuotaNotice};

/// The longest beginning of a path that is logged, and of a namespace that has figures, in characters.
const SHOWN: usize = 200;

/// Figures of quotas that only ever rise, and when something was last said of one.
#[derive(Debug, Default)]
pub struct QuotaStats {
    /// Writes that were carried out and went beyond a soft limit.
    pub exceeded: AtomicU64,
    /// Writes that were refused because of a hard limit.
    pub refused: AtomicU64,
    by_namespace: Mutex<BTreeMap<String, u64>>,
    spoken: Mutex<Spoken>,
}

#[derive(Debug, Default)]
struct Spoken {
    /// When the next line may be written; at any time if none was.
    next: Option<Moment>,
    withheld: u64,
}

impl QuotaStats {
    /// Counts what a transaction gave reason to say, and says it, unless something was said a moment
    /// ago.
    pub(super) fn note(&self, notices: &[QuotaNotice], now: Moment) {
        for notice in notices {
            match notice {
                QuotaNotice::Exceeded(_) => drop(self.exceeded.fetch_add(1, Ordering::Relaxed)),
                QuotaNotice::Refused(path) => self.refuse(path),
                QuotaNotice::Unenforced(_) | QuotaNotice::Malformed(_) => {}
            }
            self.say(notice, now);
        }
    }

    fn refuse(&self, path: &str) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        let mut refused = self.by_namespace.lock();
        let namespace = namespace(path);
        if let Some(count) = refused.get_mut(namespace) {
            *count += 1;
        } else if refused.len() < limits::QUOTA_NAMESPACES {
            refused.insert(namespace.to_owned(), 1);
        }
    }

    fn say(&self, notice: &QuotaNotice, now: Moment) {
        let mut spoken = self.spoken.lock();
        if spoken.next.is_some_and(|next| now < next) {
            spoken.withheld += 1;
            return;
        }
        spoken.next = Some(now + limits::QUOTA_LINES);
        let more = match std::mem::take(&mut spoken.withheld) {
            0 => String::new(),
            count => format!(" (and {count} more about quotas before)"),
        };
        drop(spoken);
        tracing::warn!("{}{more}", text(notice));
    }

    /// Refusals because of a hard limit, by namespace.
    pub(super) fn refused_by_namespace(&self) -> Vec<(String, i64)> {
        let refused = self.by_namespace.lock();
        refused.iter().map(|(namespace, &count)| (namespace.clone(), count as i64)).collect()
    }
}

fn text(notice: &QuotaNotice) -> String {
    let shown = |path: &str| path.chars().take(SHOWN).collect::<String>();
    match notice {
        QuotaNotice::Exceeded(path) => format!("the soft quota of {} is exceeded", shown(path)),
        QuotaNotice::Refused(path) => {
            format!("a write was refused, the hard quota of {} is reached", shown(path))
        }
        QuotaNotice::Unenforced(path) => {
            let path = shown(path);
            format!(
                "the hard quota of {path} is not enforced: create /zookeeper/quota{path}/zookeeper_stats"
            )
        }
        QuotaNotice::Malformed(path) => format!(
            "the limits of {} cannot be read and count as none; they look like count=10,bytes=-1",
            shown(path)
        ),
    }
}

/// The limits or the usage of all quotas of one namespace.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Figures {
    pub(super) count: Option<i64>,
    pub(super) bytes: Option<i64>,
}

impl Figures {
    fn add(&mut self, count: Option<i64>, bytes: Option<i64>) {
        for (sum, more) in [(&mut self.count, count), (&mut self.bytes, bytes)] {
            if let Some(more) = more {
                *sum = Some(sum.unwrap_or(0).saturating_add(more));
            }
        }
    }
}

/// The limits by namespace, the hard ones where there are any.
pub(super) fn limits_by_namespace(engine: &Engine) -> BTreeMap<&str, Figures> {
    let mut all: BTreeMap<&str, Figures> = BTreeMap::new();
    for (path, quota) in engine.quotas().take(limits::QUOTAS_SHOWN) {
        let of = quota.limits;
        let limits = all.entry(namespace(path)).or_default();
        limits.add(of.hard_count.or(of.count), of.hard_bytes.or(of.bytes));
    }
    all
}

/// What is used by namespace.
pub(super) fn usage_by_namespace(engine: &Engine) -> BTreeMap<&str, Figures> {
    let mut all: BTreeMap<&str, Figures> = BTreeMap::new();
    for (path, quota) in engine.quotas().take(limits::QUOTAS_SHOWN) {
        let usage = quota.usage;
        all.entry(namespace(path)).or_default().add(Some(usage.count), Some(usage.bytes));
    }
    all
}

/// The first component of a path that has a quota, or the beginning of it: whoever may define quotas
/// shall not make figures and their names as long as frames are.
fn namespace(path: &str) -> &str {
    let name = path.split('/').nth(1).unwrap_or_default();
    let end = name.char_indices().nth(SHOWN).map_or(name.len(), |(end, _)| end);
    &name[..end]
}

/// Says of a state that was loaded which limits in it cannot be read.
pub(super) fn say_malformed(engine: &Engine) {
    let mut malformed = engine.quotas().filter(|(_, quota)| quota.is_malformed);
    if let Some((path, _)) = malformed.next() {
        let first = text(&QuotaNotice::Malformed(path.into()));
        match malformed.count() {
            0 => tracing::warn!("{first}"),
            more => tracing::warn!("{first} (and {more} more)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_known_by_the_beginning_of_its_name() {
        assert_eq!(namespace("/a/b"), "a");
        let long = "é".repeat(100_000);
        assert_eq!(namespace(&format!("/{long}/b")), "é".repeat(SHOWN));
    }
}
