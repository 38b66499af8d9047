//! All quotas by their paths, and which of them a path counts for.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::limits::{Limits, Usage};

/// One quota. It is there as long as its limits znode is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Quota {
    /// What its limits znode says; no limits if that cannot be read.
    pub limits: Limits,
    /// Whether it cannot be read.
    pub is_malformed: bool,
    /// How much there is at its path and below, but for what counts for a deeper quota.
    pub usage: Usage,
    /// Whether its stats znode is there, without which no limit is enforced.
    pub has_stats: bool,
}

/// The quotas there are.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::engine) struct Quotas {
    by_path: BTreeMap<Arc<str>, Quota>,
}

impl Quotas {
    pub(super) fn is_empty(&self) -> bool {
        self.by_path.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Quota)> {
        self.by_path.iter().map(|(path, quota)| (&**path, quota))
    }

    pub(super) fn get(&self, path: &str) -> Option<&Quota> {
        self.by_path.get(path)
    }

    pub(super) fn get_mut(&mut self, path: &str) -> Option<&mut Quota> {
        self.by_path.get_mut(path)
    }

    pub(super) fn insert(&mut self, path: Arc<str>, quota: Quota) {
        self.by_path.insert(path, quota);
    }

    pub(super) fn remove(&mut self, path: &str) -> Option<Quota> {
        self.by_path.remove(path)
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Quota> {
        self.by_path.values_mut()
    }

    /// The quota that a path counts for: the deepest one at the path or above it.
    ///
    /// Costs nothing if there are no quotas, and one search in most cases.
    pub(super) fn deepest(&self, path: &str) -> Option<(&Arc<str>, &Quota)> {
        let mut path = path;
        while !self.by_path.is_empty() {
            let until = (Bound::Unbounded, Bound::Included(path));
            let (found, quota) = self.by_path.range::<str, _>(until).next_back()?;
            if is_at_or_below(path, found) {
                return Some((found, quota));
            }
            // What is above the path and has a quota is the beginning of both.
            let pairs = path.bytes().zip(found.bytes());
            let common = pairs.take_while(|(one, other)| one == other).count();
            let end = path.as_bytes()[..=common].iter().rposition(|&byte| byte == b'/')?;
            path = &path[..end];
        }
        None
    }

    pub(super) fn deepest_mut(&mut self, path: &str) -> Option<&mut Quota> {
        let found = Arc::clone(self.deepest(path)?.0);
        self.by_path.get_mut(&found)
    }

    /// The quotas below a path.
    pub(super) fn below(&self, path: &str) -> impl Iterator<Item = &Quota> {
        let inside = format!("{path}/");
        let from = (Bound::Included(inside.as_str()), Bound::Unbounded);
        let all = self.by_path.range::<str, _>(from);
        all.take_while(move |(path, _)| path.starts_with(&inside)).map(|(_, quota)| quota)
    }
}

fn is_at_or_below(path: &str, top: &str) -> bool {
    path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_counts_for_the_deepest_quota_above_it() {
        let mut quotas = Quotas::default();
        assert!(quotas.deepest("/a").is_none());
        for path in ["/a", "/a/b/c", "/a/b-", "/a-", "/a/b/c/é/x", "/z"] {
            quotas.insert(path.into(), Quota::default());
        }
        let deepest = |path: &str| quotas.deepest(path).map(|(found, _)| &**found);
        for (path, expected) in [
            ("/a", Some("/a")),
            ("/a/b", Some("/a")),
            ("/a/b/x", Some("/a")),
            ("/a/b/c", Some("/a/b/c")),
            ("/a/b/c/d/e", Some("/a/b/c")),
            ("/a/b/c0", Some("/a")),
            ("/a/b/c/é", Some("/a/b/c")),
            ("/a/b/c/ê", Some("/a/b/c")),
            ("/a/b/c/é/x/y", Some("/a/b/c/é/x")),
            ("/a/b-/1", Some("/a/b-")),
            ("/a/zz", Some("/a")),
            ("/a-/b", Some("/a-")),
            ("/a.", None),
            ("/b", None),
            ("/", None),
            ("", None),
            ("zz", None),
            ("/zz", None),
        ] {
            assert_eq!(deepest(path), expected, "{path}");
        }
        assert_eq!(quotas.below("/a").count(), 3);
        assert_eq!(quotas.below("/a/b").count(), 2);
    }
}
