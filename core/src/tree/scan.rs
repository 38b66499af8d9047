//! The whole tree as it was at one moment, read while it goes on changing.
//!
//! A scan visits the slots in order. What the writer changes before the scan has come by is set
//! aside in its old version first; a slot that was vacant when the scan began is noted as vacant,
//! and slots that are new since then lie behind its end. Thus each slot is visited as it was, and
//! the writer waits for nobody but for a reader of a few slots.
//!
//! Taking steps back needs nothing of its own: it touches the slots the steps have touched, and no
//! scan begins between the two.
//!
//! Links between siblings and counts of children are not part of what a scan tells: they follow
//! from the parents.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::base::Acl;

use super::Tree;
use super::acls::Acls;
use super::node::Node;
use super::slots::{NONE, NodeId, Slot, Slots};

/// A scan under way. The lock is taken by readers only: whoever changes the tree has it alone.
pub(super) struct Scan {
    passed: Mutex<Passed>,
    /// The first slot that did not exist when the scan began.
    end: u32,
    #[cfg(test)]
    blind: bool,
}

/// How far the scan has come, and what waits for it.
struct Passed {
    /// The next slot to be visited.
    next: u32,
    /// What was changed before the scan came by, as it was; `None` was a vacant slot.
    saved: BTreeMap<u32, Option<Box<Saved>>>,
    /// Bytes of names and data in `saved`.
    bytes: usize,
    peak: usize,
}

/// A znode as it was.
struct Saved {
    slot: Slot,
    acl: Arc<[Acl]>,
}

impl Saved {
    fn bytes(&self) -> usize {
        self.slot.name.len() + self.slot.data.as_ref().map_or(0, |data| data.len())
    }
}

/// A znode that a scan comes by.
#[derive(Clone, Copy)]
pub struct Scanned<'a> {
    /// Its number. A scan comes by in the order of these.
    pub number: u32,
    /// Its parent's number; `None` for the root.
    pub parent: Option<u32>,
    /// What it was when the scan began, but for its siblings and the count of its children.
    pub node: Node<'a>,
}

/// What is left of a scan that has ended. Dropping it can take a while; do so where nobody waits.
#[must_use = "drop it where nobody waits for the tree"]
pub struct Remains {
    passed: Passed,
}

impl Remains {
    /// The most old versions that were set aside at a time.
    pub fn peak(&self) -> usize {
        self.passed.peak
    }
}

impl Tree {
    /// Begins a scan of the tree as it is now, in the place of any other.
    pub fn begin_scan(&mut self) {
        let passed = Passed { next: 0, saved: BTreeMap::new(), bytes: 0, peak: 0 };
        self.scan = Some(Box::new(Scan {
            passed: Mutex::new(passed),
            end: self.slots.bound(),
            #[cfg(test)]
            blind: false,
        }));
    }

    /// Visits the next slots, `most` at most, vacant ones among them, and stops early where `visit`
    /// returns false. Returns whether there are more.
    pub fn scan(&self, most: usize, mut visit: impl FnMut(Scanned<'_>) -> bool) -> bool {
        let Some(scan) = &self.scan else {
            return false;
        };
        let passed = &mut *scan.passed.lock();
        for _ in 0..most {
            if passed.next == scan.end {
                break;
            }
            let number = passed.next;
            passed.next += 1;
            let go_on = match passed.take(number) {
                Some(None) => true,
                Some(Some(saved)) => visit(scanned(number, &saved.slot, &saved.acl)),
                None => match self.slots.at(number) {
                    Some(slot) => visit(scanned(number, slot, self.acls.get(slot.acl))),
                    None => true,
                },
            };
            if !go_on {
                break;
            }
        }
        passed.next < scan.end
    }

    /// How many old versions wait for the scan, and how many bytes of names and data they hold.
    pub fn set_aside(&self) -> (usize, usize) {
        self.scan.as_ref().map_or((0, 0), |scan| {
            let passed = scan.passed.lock();
            (passed.saved.len(), passed.bytes)
        })
    }

    /// Ends the scan, finished or not.
    pub fn end_scan(&mut self) -> Option<Remains> {
        let scan = self.scan.take()?;
        Some(Remains { passed: scan.passed.into_inner() })
    }

    /// A znode is about to change.
    pub(super) fn save(&mut self, id: NodeId) {
        if let Some(scan) = &mut self.scan {
            scan.save(id, &self.slots, &self.acls);
        }
    }

    /// A slot that was vacant, or did not exist, has a znode now.
    pub(super) fn save_vacant(&mut self, id: NodeId) {
        if let Some(scan) = &mut self.scan {
            scan.set_aside(id.number(), || None);
        }
    }
}

#[cfg(test)]
impl Tree {
    /// Sets nothing aside any more: what a scan tells then has to be wrong.
    pub fn blind_scan(&mut self) {
        self.scan.as_mut().expect("a scan is under way").blind = true;
    }
}

impl Scan {
    fn save(&mut self, id: NodeId, slots: &Slots, acls: &Acls) {
        self.set_aside(id.number(), || {
            let slot = slots.get(id).clone();
            let acl = Arc::clone(acls.get(slot.acl));
            Some(Box::new(Saved { slot, acl }))
        });
    }

    /// Keeps what a slot was, if the scan has not come by yet and this is its first change.
    fn set_aside(&mut self, number: u32, was: impl FnOnce() -> Option<Box<Saved>>) {
        #[cfg(test)]
        if self.blind {
            return;
        }
        let passed = self.passed.get_mut();
        if (passed.next..self.end).contains(&number)
            && let Entry::Vacant(free) = passed.saved.entry(number)
        {
            let was = free.insert(was());
            passed.bytes += was.as_ref().map_or(0, |saved| saved.bytes());
            passed.peak = passed.peak.max(passed.saved.len());
        }
    }
}

impl Passed {
    /// What was set aside for this slot, which is the lowest that can be there.
    fn take(&mut self, number: u32) -> Option<Option<Box<Saved>>> {
        let first = self.saved.first_entry().filter(|first| *first.key() == number)?;
        let was = first.remove();
        self.bytes -= was.as_ref().map_or(0, |saved| saved.bytes());
        Some(was)
    }
}

fn scanned<'a>(number: u32, slot: &'a Slot, acl: &'a Arc<[Acl]>) -> Scanned<'a> {
    let parent = (slot.parent != NONE).then(|| slot.parent.number());
    Scanned { number, parent, node: Node { slot, acl } }
}
