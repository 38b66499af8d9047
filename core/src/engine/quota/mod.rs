//! Quotas: how many znodes and bytes there may be below a path, and how many there are.
//!
//! A quota on `P` is defined by the znode `/zookeeper/quota` + `P` + `/zookeeper_limits`. What is used
//! is kept beside the tree and follows from it, so no image holds it; whoever reads
//! `…/zookeeper_stats` is shown it instead of what that znode holds. It changes with the transaction
//! that changes the tree, without a version, a zxid or an event of its own.
//!
//! A transaction is judged by what was used before it. What it adds counts when it is kept, all at
//! once, so that nothing has to be taken back.
//!
//! The root, `/zookeeper` and what is below have no quota.

mod limits;
mod table;

pub use limits::{Limits, Usage};
pub use table::Quota;

pub(super) use table::Quotas;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Engine;
use super::draft::Draft;
use super::effects::QuotaNotice;
use crate::base::{Code, Stat};
use crate::tree::{NodeId, Tree};

const TOP: &str = "/zookeeper/quota";
const LIMITS: &str = "zookeeper_limits";
const STATS: &str = "zookeeper_stats";

/// What a step of a transaction means to the quotas.
pub(super) enum Use {
    /// So much more counts for the quota on this path.
    Counted(Arc<str>, Usage),
    /// One of the two znodes of the quota on this path is another one now.
    Defined(Arc<str>),
}

/// Whether the znode shows what is used: nobody sets its data.
pub(super) fn is_stats(path: &str) -> bool {
    about(path).is_some_and(|(_, name)| name == STATS)
}

/// Whether there is a quota as soon as the znode is there.
pub(super) fn defines(path: &str) -> bool {
    about(path).is_some_and(|(_, name)| name == LIMITS)
}

/// The path whose quota a znode is about, and the znode's name.
fn about(path: &str) -> Option<(&str, &str)> {
    let (limited, name) = path.strip_prefix(TOP)?.rsplit_once('/')?;
    let is_about =
        matches!(name, LIMITS | STATS) && (limited.is_empty() || limited.starts_with('/'));
    is_about.then_some((limited, name))
}

/// The path whose quota one of these znodes defines. There is none on the root and the reserved
/// znodes, so that no quota stands in the way of changing it.
fn defined(path: &str) -> Option<&str> {
    let (limited, _) = about(path)?;
    let rest = limited.strip_prefix("/zookeeper");
    let is_reserved = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    (!limited.is_empty() && !is_reserved).then_some(limited)
}

impl Quotas {
    /// The quotas that a tree defines, with what is used.
    pub(super) fn of(tree: &Tree) -> Quotas {
        let mut quotas = Quotas::default();
        for id in tree.find(TOP).into_iter().flat_map(|top| tree.below(top)) {
            if tree.node(id).name() == LIMITS
                && let Some(limited) = defined(&tree.path(id))
                && let Some(quota) = read(tree, limited)
            {
                quotas.insert(limited.into(), quota);
            }
        }
        quotas.recount(tree);
        quotas
    }

    /// Counts what is used of all quotas. Costs a walk over everything, if there are any.
    fn recount(&mut self, tree: &Tree) {
        if self.is_empty() {
            return;
        }
        self.values_mut().for_each(|quota| quota.usage = Usage::default());
        tree.walk_paths(|path, id| {
            if let Some(quota) = self.deepest_mut(path) {
                quota.usage += Usage::of(tree.node(id).data());
            }
        });
    }

    /// Adds a quota, and takes what counts for it from the one above. Costs a walk over what is
    /// below its path.
    fn enter(&mut self, tree: &Tree, path: Arc<str>, mut quota: Quota) {
        for id in tree.find(&path).into_iter().flat_map(|top| tree.below(top).chain([top])) {
            quota.usage += Usage::of(tree.node(id).data());
        }
        self.below(&path).for_each(|deeper| quota.usage -= deeper.usage);
        if let Some(above) = self.deepest_mut(&path) {
            above.usage -= quota.usage;
        }
        self.insert(path, quota);
    }

    /// Removes a quota; what counted for it counts for the one above.
    fn leave(&mut self, path: &str) {
        if let Some(gone) = self.remove(path)
            && let Some(above) = self.deepest_mut(path)
        {
            above.usage += gone.usage;
        }
    }
}

/// The quota on a path as the tree defines it, with nothing counted.
fn read(tree: &Tree, limited: &str) -> Option<Quota> {
    let id = tree.find(&format!("{TOP}{limited}/{LIMITS}"))?;
    let limits = Limits::read(tree.node(id).data());
    Some(Quota {
        is_malformed: limits.is_err(),
        limits: limits.unwrap_or_default(),
        usage: Usage::default(),
        has_stats: tree.find(&format!("{TOP}{limited}/{STATS}")).is_some(),
    })
}

impl Engine {
    /// Every quota with its path, in the order of the paths.
    pub fn quotas(&self) -> impl Iterator<Item = (&str, &Quota)> {
        self.quotas.iter()
    }

    /// Fails if so much more at a path is more than a hard limit allows, by what was used before
    /// this transaction.
    pub(super) fn within_quota(
        &self,
        draft: &mut Draft,
        path: &str,
        more: Usage,
    ) -> Result<(), Code> {
        if !self.rules.enforces_quota {
            return Ok(());
        }
        let Some((limited, quota)) = self.quotas.deepest(path) else {
            return Ok(());
        };
        if !quota.limits.refuse(quota.usage, more) {
            return Ok(());
        }
        if !quota.has_stats {
            draft.notices.push(QuotaNotice::Unenforced(Arc::clone(limited)));
            return Ok(());
        }
        draft.notices.push(QuotaNotice::Refused(Arc::clone(limited)));
        Err(Code::QuotaExceeded)
    }

    /// How much more there is where a znode has these data instead of its own.
    pub(super) fn growth(&self, id: NodeId, data: Option<&[u8]>) -> Usage {
        let mut growth = Usage::of(data);
        growth -= Usage::of(self.tree.node(id).data());
        growth
    }

    /// Notes what a step means to the quotas.
    pub(super) fn note_use(&self, draft: &mut Draft, path: &str, more: Usage) {
        if let Some((limited, _)) = self.quotas.deepest(path) {
            draft.uses.push(Use::Counted(Arc::clone(limited), more));
        } else if let Some(limited) = defined(path) {
            draft.uses.push(Use::Defined(limited.into()));
        }
    }

    /// Counts what the steps of a transaction meant, now that they are final.
    pub(super) fn count_uses(&mut self, uses: Vec<Use>, notices: &mut Vec<QuotaNotice>) {
        let mut exceeded = BTreeSet::new();
        let mut redefined = BTreeSet::new();
        for one in uses {
            match one {
                Use::Counted(path, more) => {
                    let quota = self.quotas.get_mut(&path).expect("quotas change last");
                    quota.usage += more;
                    if quota.limits.warn_of(quota.usage, more) {
                        exceeded.insert(path);
                    }
                }
                Use::Defined(path) => {
                    redefined.insert(path);
                }
            }
        }
        notices.extend(exceeded.into_iter().map(QuotaNotice::Exceeded));
        if !redefined.is_empty() {
            self.redefine(redefined, notices);
        }
    }

    /// Looks again at how the tree defines these quotas. Costs one walk over the tree at most,
    /// however many there are.
    fn redefine(&mut self, paths: BTreeSet<Arc<str>>, notices: &mut Vec<QuotaNotice>) {
        let mut new = Vec::new();
        for path in paths {
            let Some(read) = read(&self.tree, &path) else {
                self.quotas.leave(&path);
                continue;
            };
            let known = self.quotas.get_mut(&path);
            if read.is_malformed && known.as_ref().is_none_or(|known| !known.is_malformed) {
                notices.push(QuotaNotice::Malformed(Arc::clone(&path)));
            }
            match known {
                Some(known) => *known = Quota { usage: known.usage, ..read },
                None => new.push((path, read)),
            }
        }
        if new.len() > 1 {
            new.into_iter().for_each(|(path, quota)| self.quotas.insert(path, quota));
            self.quotas.recount(&self.tree);
        } else if let Some((path, quota)) = new.pop() {
            self.quotas.enter(&self.tree, path, quota);
        }
    }

    /// What a stats znode shows instead of its data; `None` for every other znode, and where there
    /// is no quota.
    pub(super) fn usage_text(&self, path: &str) -> Option<String> {
        if self.quotas.is_empty() {
            return None;
        }
        let (limited, _) = about(path).filter(|(_, name)| *name == STATS)?;
        self.quotas.get(limited).map(|quota| quota.usage.to_string())
    }

    /// The Stat that fits the data and the list a reader of this path is shown.
    pub(super) fn stat(&self, path: &str, id: NodeId) -> Stat {
        let mut stat = self.tree.node(id).stat();
        stat.num_children += i32::from(self.has_directory_below(path));
        match self.usage_text(path) {
            Some(text) => Stat { data_length: text.len() as i32, ..stat },
            None => stat,
        }
    }
}
