//! Where znodes live: slots of one size, in pages that never move.

use crate::base::{WallMillis, Zxid};

use super::node::Kind;

/// A znode's number. It stays the same while the znode exists and is used again afterwards.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId(u32);

impl NodeId {
    pub(super) fn number(self) -> u32 {
        self.0
    }

    pub(super) fn from_number(number: u32) -> NodeId {
        NodeId(number)
    }
}

/// The root's number.
pub(super) const ROOT: NodeId = NodeId(0);

/// The number that stands for "no znode": the end of a list.
pub(super) const NONE: NodeId = NodeId(u32::MAX);

/// Slots per page. Growth allocates one page and copies nothing.
const PAGE: usize = 4096;

/// One znode: 128 bytes, two cache lines, besides its name and data.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) name: Box<str>,
    pub(super) data: Option<Box<[u8]>>,
    pub(super) kind: Kind,
    pub(super) czxid: Zxid,
    pub(super) mzxid: Zxid,
    pub(super) pzxid: Zxid,
    pub(super) ctime: WallMillis,
    pub(super) mtime: WallMillis,
    pub(super) version: i32,
    pub(super) aversion: i32,
    /// Counts creations of children and never steps back, so no sequence number is handed out twice.
    pub(super) creations: i32,
    pub(super) children: u32,
    pub(super) acl: u32,
    pub(super) hash: u32,
    pub(super) parent: NodeId,
    pub(super) first: NodeId,
    pub(super) next: NodeId,
    pub(super) prev: NodeId,
}

const _: () = assert!(size_of::<Option<Slot>>() == 128);

impl Slot {
    /// A root without data whose ACL is still to be filled in.
    pub(super) fn root() -> Slot {
        Slot {
            name: Box::default(),
            data: None,
            kind: Kind::Persistent,
            czxid: Zxid::ZERO,
            mzxid: Zxid::ZERO,
            pzxid: Zxid::ZERO,
            ctime: WallMillis(0),
            mtime: WallMillis(0),
            version: 0,
            aversion: 0,
            creations: 0,
            children: 0,
            acl: 0,
            hash: 0,
            parent: NONE,
            first: NONE,
            next: NONE,
            prev: NONE,
        }
    }
}

/// All slots.
#[derive(Default)]
pub(super) struct Slots {
    pages: Vec<Vec<Option<Slot>>>,
    /// Vacant slots; the one vacated last is used first, so that a removal can be taken back into
    /// the very slot it left.
    free: Vec<NodeId>,
    used: usize,
}

impl Slots {
    pub(super) fn get(&self, id: NodeId) -> &Slot {
        let (page, place) = split(id);
        self.pages[page][place].as_ref().expect("T2: links lead to znodes")
    }

    pub(super) fn get_mut(&mut self, id: NodeId) -> &mut Slot {
        let (page, place) = split(id);
        self.pages[page][place].as_mut().expect("T2: links lead to znodes")
    }

    /// Puts a znode into the slot vacated last, or into a new one.
    pub(super) fn insert(&mut self, slot: Slot) -> NodeId {
        self.used += 1;
        if let Some(id) = self.free.pop() {
            let (page, place) = split(id);
            self.pages[page][place] = Some(slot);
            return id;
        }
        if self.pages.last().is_none_or(|page| page.len() == PAGE) {
            self.pages.push(Vec::with_capacity(PAGE));
        }
        let page = self.pages.len() - 1;
        let number = page * PAGE + self.pages[page].len();
        self.pages[page].push(Some(slot));
        NodeId(u32::try_from(number).expect("fewer than 2^32 znodes fit into memory"))
    }

    /// Takes a znode out and leaves its slot vacant.
    pub(super) fn take(&mut self, id: NodeId) -> Slot {
        let (page, place) = split(id);
        let slot = self.pages[page][place].take().expect("T2: links lead to znodes");
        self.free.push(id);
        self.used -= 1;
        slot
    }

    pub(super) fn len(&self) -> usize {
        self.used
    }

    /// The znode with this number, if there is one.
    pub(super) fn at(&self, number: u32) -> Option<&Slot> {
        let (page, place) = split(NodeId(number));
        self.pages.get(page)?.get(place)?.as_ref()
    }

    /// One more than the highest number that was ever in use.
    pub(super) fn bound(&self) -> u32 {
        let last = self.pages.last().map_or(0, Vec::len);
        (self.pages.len().saturating_sub(1) * PAGE + last) as u32
    }

    /// All znodes with their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (NodeId, &Slot)> {
        let all = self.pages.iter().flatten().zip(0..);
        all.filter_map(|(slot, number)| Some((NodeId(number), slot.as_ref()?)))
    }
}

fn split(id: NodeId) -> (usize, usize) {
    (id.0 as usize / PAGE, id.0 as usize % PAGE)
}
