//! Quotas: two znodes below `/zookeeper/quota` for each path that has one.
//!
//! Servers count what is used as they go, without a transaction, so what the files say of it is old.

use bytes::Bytes;

use super::state::State;

const TOP: &str = "/zookeeper/quota";
const LIMITS: &str = "/zookeeper_limits";
const STATS: &str = "/zookeeper_stats";

/// Counts anew what is used of every quota; returns how many quotas there are.
pub(super) fn recount(state: &mut State) -> u64 {
    let paths = state.znodes().filter_map(|(path, _)| limited(path)).map(str::to_owned);
    let paths: Vec<String> = paths.collect();
    for path in &paths {
        let (count, bytes) = state.usage(path);
        let used = Bytes::from(format!("count={count},bytes={bytes}"));
        state.change(&format!("{TOP}{path}{STATS}"), |stats| stats.data = Some(used));
    }
    paths.len() as u64
}

/// Whether a znode says what the limits of some path are.
pub(super) fn is_limit(path: &str) -> bool {
    limited(path).is_some()
}

/// The path that a znode with limits is about.
fn limited(path: &str) -> Option<&str> {
    path.strip_prefix(TOP)?.strip_suffix(LIMITS)
}
