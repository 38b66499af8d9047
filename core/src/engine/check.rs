//! The invariants of the engine, asserted.

use std::collections::{BTreeMap, BTreeSet};

use super::quota::Quotas;
use super::{Engine, reserved};
use crate::base::SessionId;
use crate::base::limits::{WINDOW_BYTES, WINDOW_REPLIES};
use crate::session::window::Known;
use crate::tree::Kind;

impl Engine {
    /// Asserts the invariants of this floor and of the tree. For tests: it costs a walk over
    /// everything.
    pub fn check(&self) {
        self.tree.check();
        let mut ephemerals: BTreeSet<(SessionId, String)> = BTreeSet::new();
        let mut bytes: BTreeMap<SessionId, u64> = BTreeMap::new();
        for id in self.tree.walk() {
            let node = self.tree.node(id);
            let stat = node.stat();
            let newest = stat.czxid.max(stat.mzxid).max(stat.pzxid);
            assert!(newest <= self.last_zxid, "E2: {} carries {newest}", self.tree.path(id));
            if let Kind::Ephemeral(owner) = node.kind() {
                assert!(self.registry.contains(owner), "E1: {owner} is registered");
                assert_eq!(node.num_children(), 0, "E3: {}", self.tree.path(id));
                let path = self.tree.path(id);
                *bytes.entry(owner).or_default() += (path.len() + self.data_length(id)) as u64;
                ephemerals.insert((owner, path));
            }
        }
        let listed = self
            .ephemerals
            .iter()
            .flat_map(|(owner, paths)| paths.iter().map(move |path| (owner, path.clone())));
        let count = ephemerals.len();
        assert_eq!(ephemerals, listed.collect(), "E1: ephemerals are listed");
        for (owner, bytes) in bytes {
            assert_eq!(self.ephemerals.holding(owner).bytes, bytes, "E6: bytes of {owner}");
        }
        assert_eq!(self.ephemerals.count(), count, "E1: ephemerals are counted");
        self.check_sessions();
        for path in reserved::ALL {
            assert!(self.tree.find(path).is_some(), "E4: {path} exists");
        }
        assert_eq!(self.quotas, Quotas::of(&self.tree), "E7: quotas follow from the tree");
    }

    fn check_sessions(&self) {
        for (id, registered) in self.registry.iter() {
            assert!(registered.newest_zxid() <= self.last_zxid, "E2: {id}");
            let Some(window) = &registered.window else { continue };
            let numbers: Vec<i64> = window.iter().map(|kept| kept.number).collect();
            assert!(numbers.is_sorted_by(|a, b| a < b), "S6: {id} has answers in their order");
            assert!(numbers.last() <= Some(&window.highest()), "S6: {id} has seen its numbers");
            let bytes: usize = window.iter().map(|kept| kept.body.len()).sum();
            let is_bounded = numbers.len() <= WINDOW_REPLIES && bytes <= WINDOW_BYTES;
            assert!(is_bounded, "S6: {id} keeps {} answers of {bytes} bytes", numbers.len());
            for kept in window.iter() {
                let known = window.look_up(kept.number);
                assert_eq!(known, Known::Answered(kept), "S6: what is kept is found");
            }
        }
    }
}
