//! An image of the state as it is at one moment, written while transactions go on.
//!
//! Whoever takes a snapshot begins under the writer's guard and then takes one step after the other,
//! each under a reader's guard of its own and short. Between the steps, without a guard, the bytes
//! go to where they belong.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Engine;
use super::image::{self, Counts, ZnodeItem};
use crate::base::{Acl, Zxid};
use crate::tree;

/// How much one step may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    /// How many sessions or slots it looks at.
    pub items: usize,
    /// After how many bytes it is over all the same. The last znode may pass it.
    pub bytes: usize,
}

impl Default for Budget {
    /// What holds up a writer for about 100 µs.
    fn default() -> Budget {
        Budget { items: 512, bytes: 64 << 10 }
    }
}

/// A scan under way: how far it has come.
pub struct Scan {
    token: Arc<()>,
    last_zxid: Zxid,
    part: Part,
    acls: AclNumbers,
    counts: Counts,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Head,
    Sessions,
    Ended,
    Znodes,
    Over,
}

/// What a step came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// There are more.
    More,
    /// The image is complete.
    Done,
    /// Another scan was begun since, or this one was ended: there will be no image.
    Abandoned,
}

/// What is left of a scan. Dropping it can take a while; do so without a guard.
#[must_use = "drop it without a guard"]
pub struct Remains {
    tree: Option<tree::Remains>,
    _sessions: Box<dyn Send>,
}

impl Remains {
    /// The most old versions of znodes that were set aside at a time.
    pub fn peak(&self) -> usize {
        self.tree.as_ref().map_or(0, tree::Remains::peak)
    }
}

impl Engine {
    /// Begins an image of the state as it is now. Costs the same however large the state is.
    ///
    /// From now on the old versions of what changes are set aside until the scan has come by. A
    /// scan that is under way already is abandoned.
    pub fn begin_scan(&mut self) -> Scan {
        let token = Arc::new(());
        self.scan = Some(Arc::clone(&token));
        self.tree.begin_scan();
        self.registry.begin_scan();
        Scan {
            token,
            last_zxid: self.last_zxid,
            part: Part::Head,
            acls: AclNumbers::default(),
            counts: Counts::default(),
        }
    }

    /// Appends the next bytes of the image to `out`.
    pub fn scan_step(&self, scan: &mut Scan, budget: Budget, out: &mut Vec<u8>) -> Progress {
        if !self.is_under_way(scan) {
            return Progress::Abandoned;
        }
        match scan.part {
            Part::Head => {
                image::put_head(out, scan.last_zxid);
                scan.part = Part::Sessions;
            }
            Part::Sessions => {
                let counts = &mut scan.counts;
                let is_more = self.registry.scan(budget.items, |id, registered| {
                    counts.sessions += 1;
                    image::put_session(out, id, registered);
                });
                if !is_more {
                    scan.part = Part::Ended;
                }
            }
            Part::Ended => {
                for ended in self.registry.scanned_ended().into_iter().flat_map(|all| all.iter()) {
                    image::put_ended(out, ended);
                }
                scan.part = Part::Znodes;
            }
            Part::Znodes => {
                let ceiling = out.len() + budget.bytes;
                let is_more = self.tree.scan(budget.items, |znode| {
                    scan.put(out, znode);
                    out.len() < ceiling
                });
                if !is_more {
                    scan.part = Part::Over;
                    image::put_end(out, scan.counts);
                }
            }
            Part::Over => {}
        }
        if scan.part == Part::Over { Progress::Done } else { Progress::More }
    }

    /// Ends a scan, finished or not. Another one that has taken its place goes on.
    pub fn end_scan(&mut self, scan: &Scan) -> Remains {
        if !self.is_under_way(scan) {
            return Remains { tree: None, _sessions: Box::new(()) };
        }
        self.scan = None;
        let sessions = Box::new(self.registry.end_scan());
        Remains { tree: self.tree.end_scan(), _sessions: sessions }
    }

    fn is_under_way(&self, scan: &Scan) -> bool {
        self.scan.as_ref().is_some_and(|token| Arc::ptr_eq(token, &scan.token))
    }

    /// How many old versions wait for the scan, and how many bytes of names and data they hold.
    pub fn set_aside(&self) -> (usize, usize) {
        let (znodes, bytes) = self.tree.set_aside();
        (znodes + self.registry.set_aside(), bytes)
    }
}

impl Scan {
    /// The transaction the image ends with.
    pub fn last_zxid(&self) -> Zxid {
        self.last_zxid
    }

    /// How much was written so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn put(&mut self, out: &mut Vec<u8>, znode: tree::Scanned<'_>) {
        let (acl, is_new) = self.acls.number(znode.node.acl());
        if is_new {
            self.counts.acls += 1;
            image::put_acl(out, znode.node.acl());
        }
        self.counts.znodes += 1;
        image::put_znode(
            out,
            &ZnodeItem {
                number: znode.number,
                parent: znode.parent,
                acl,
                metadata: znode.node.metadata(),
                name: znode.node.name(),
                data: znode.node.data(),
            },
        );
    }
}

/// The numbers of the lists in an image, by where the lists are. Each is held, so that no other list
/// comes to lie there.
#[derive(Default)]
struct AclNumbers {
    numbers: BTreeMap<usize, (u32, Arc<[Acl]>)>,
    latest: Option<(u32, Arc<[Acl]>)>,
}

impl AclNumbers {
    /// The number of a list, and whether it is its first time.
    fn number(&mut self, list: &Arc<[Acl]>) -> (u32, bool) {
        if let Some((number, _)) = self.latest.as_ref().filter(|(_, l)| Arc::ptr_eq(l, list)) {
            return (*number, false);
        }
        let next = self.numbers.len() as u32;
        let place = Arc::as_ptr(list).addr();
        let known = self.numbers.entry(place).or_insert_with(|| (next, Arc::clone(list)));
        self.latest = Some(known.clone());
        (known.0, known.0 == next)
    }
}
