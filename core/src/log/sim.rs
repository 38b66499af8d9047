//! A disk in memory that does to files what real ones do at the worst moment: loses what was not
//! synced, tears it at sectors, keeps the later of two writes and not the former, fails the k-th call
//! of a kind, and is full. For tests, in this crate and, with the feature `faults`, outside.
//!
//! What it takes for granted: a sector of 512 bytes is written whole or not at all, and what was
//! synced stays. Names that were not synced are lost or kept one by one.

mod crash;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::disk::{Disk, File};

pub use crash::Crash;

/// A kind of call, to count and to fail.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Call {
    /// [`Disk::list`].
    List,
    /// [`Disk::create`].
    Create,
    /// [`Disk::open`].
    Open,
    /// [`Disk::rename`].
    Rename,
    /// [`Disk::remove`].
    Remove,
    /// [`Disk::sync_names`].
    SyncNames,
    /// [`File::read_at`].
    Read,
    /// [`File::write_at`].
    Write,
    /// [`File::set_len`].
    SetLen,
    /// [`File::sync`].
    Sync,
}

/// How a call fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failing {
    /// With this error, and without an effect; a failed sync drops what was to be synced, and later
    /// ones know nothing of it.
    Error(io::ErrorKind),
    /// A write takes only half of its bytes, and says so.
    Short,
}

/// The disk. Clones are the same one.
#[derive(Clone, Default)]
pub struct SimDisk(Arc<Mutex<World>>);

/// Everything that is on the disk, and everything that may yet be lost.
#[derive(Clone, Default)]
struct World {
    nodes: BTreeMap<u64, Node>,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    pending_names: Vec<NameChange>,
    /// The most bytes of all files together; `None`: any number.
    capacity: Option<u64>,
    /// Whether it keeps to itself how much is free.
    hides_free: bool,
    calls: BTreeMap<Call, u64>,
    failing: Vec<(Call, u64, Failing)>,
    /// The world before each call that changed something, if they are kept.
    history: Option<Vec<World>>,
}

#[derive(Clone, Default)]
struct Node {
    content: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
}

/// A change of a file that was not synced.
#[derive(Clone)]
enum Change {
    Write { offset: u64, bytes: Vec<u8> },
    Length(u64),
}

/// A change of a name that was not synced.
#[derive(Clone)]
enum NameChange {
    Put { name: String, node: u64 },
    Rename { from: String, to: String, node: u64 },
    Remove { name: String, node: u64 },
}

struct SimFile {
    disk: SimDisk,
    node: u64,
}

impl SimDisk {
    /// An empty disk without an end.
    pub fn new() -> SimDisk {
        SimDisk::default()
    }

    /// Sets how many bytes all files together may have. `None`: any number.
    pub fn set_capacity(&self, capacity: Option<u64>) {
        self.0.lock().capacity = capacity;
    }

    /// Whether [`Disk::free`] refuses to say how much is free.
    pub fn hide_free(&self, hides: bool) {
        self.0.lock().hides_free = hides;
    }

    /// Makes the `k`-th call of a kind from now on fail; 1 is the next one.
    pub fn fail(&self, call: Call, k: u64, failing: Failing) {
        let mut world = self.0.lock();
        let done = world.calls.get(&call).copied().unwrap_or_default();
        world.failing.push((call, done + k, failing));
    }

    /// How many calls of a kind there were.
    pub fn calls(&self, call: Call) -> u64 {
        self.0.lock().calls.get(&call).copied().unwrap_or_default()
    }

    /// Keeps the state before each change from now on, for [`SimDisk::crashes`].
    pub fn keep_history(&self) {
        self.0.lock().history = Some(Vec::new());
    }

    /// How many changes the history has.
    pub fn changes(&self) -> usize {
        self.0.lock().history.as_ref().map_or(0, Vec::len)
    }

    /// The power fails before the change of this number, or now, if there was none.
    pub fn crash(&self, change: usize) -> Crash {
        let world = self.0.lock();
        let kept = world.history.as_ref().and_then(|history| history.get(change));
        Crash::new(kept.unwrap_or(&world).without_history())
    }

    /// A disk of its own with the same files, as a process sees them that starts now.
    pub fn copy(&self) -> SimDisk {
        let mut world = self.0.lock().without_history();
        world.failing.clear();
        SimDisk(Arc::new(Mutex::new(world)))
    }

    /// The content of a file as it is read now; `None` if there is none.
    pub fn content(&self, name: &str) -> Option<Vec<u8>> {
        let world = self.0.lock();
        world.names.get(name).map(|node| world.nodes[node].content.clone())
    }

    /// Puts a file there, durably, in the place of whatever had the name.
    pub fn put(&self, name: &str, content: &[u8]) {
        let mut world = self.0.lock();
        let node = world.add(content);
        world.names.insert(name.to_owned(), node);
        world.durable_names.insert(name.to_owned(), node);
    }

    /// Takes a file away, durably.
    pub fn take_away(&self, name: &str) {
        let mut world = self.0.lock();
        world.names.remove(name);
        world.durable_names.remove(name);
    }
}

impl World {
    fn without_history(&self) -> World {
        World { history: None, ..self.clone_but_history() }
    }

    fn clone_but_history(&self) -> World {
        World {
            nodes: self.nodes.clone(),
            names: self.names.clone(),
            durable_names: self.durable_names.clone(),
            pending_names: self.pending_names.clone(),
            capacity: self.capacity,
            hides_free: self.hides_free,
            calls: BTreeMap::new(),
            failing: self.failing.clone(),
            history: None,
        }
    }

    fn add(&mut self, content: &[u8]) -> u64 {
        let node = self.nodes.keys().next_back().map_or(1, |last| last + 1);
        let (content, durable) = (content.to_vec(), content.to_vec());
        self.nodes.insert(node, Node { content, durable, pending: Vec::new() });
        node
    }

    /// Counts a call, and says how it is to fail.
    fn call(&mut self, call: Call) -> Option<Failing> {
        let count = self.calls.entry(call).or_default();
        *count += 1;
        let count = *count;
        if !matches!(call, Call::List | Call::Open | Call::Read) {
            let before = self.history.is_some().then(|| self.clone_but_history());
            if let (Some(history), Some(before)) = (&mut self.history, before) {
                history.push(before);
            }
        }
        let found = self.failing.iter().position(|(kind, k, _)| (*kind, *k) == (call, count))?;
        Some(self.failing.swap_remove(found).2)
    }

    /// Counts a call that can only fail with an error.
    fn plain_call(&mut self, call: Call) -> io::Result<()> {
        match self.call(call) {
            Some(Failing::Error(kind)) => Err(kind.into()),
            _ => Ok(()),
        }
    }

    fn find(&self, name: &str) -> io::Result<u64> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn free(&self) -> u64 {
        let used: usize = self.names.values().map(|node| self.nodes[node].content.len()).sum();
        self.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(used as u64))
    }
}

impl Disk for SimDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut world = self.0.lock();
        world.plain_call(Call::List)?;
        Ok(world.names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let mut world = self.0.lock();
        world.plain_call(Call::Create)?;
        if world.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let node = world.add(&[]);
        world.names.insert(name.to_owned(), node);
        world.pending_names.push(NameChange::Put { name: name.to_owned(), node });
        Ok(Arc::new(SimFile { disk: self.clone(), node }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let mut world = self.0.lock();
        world.plain_call(Call::Open)?;
        let node = world.find(name)?;
        Ok(Arc::new(SimFile { disk: self.clone(), node }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut world = self.0.lock();
        world.plain_call(Call::Rename)?;
        let node = world.find(from)?;
        world.names.remove(from);
        world.names.insert(to.to_owned(), node);
        let (from, to) = (from.to_owned(), to.to_owned());
        world.pending_names.push(NameChange::Rename { from, to, node });
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut world = self.0.lock();
        world.plain_call(Call::Remove)?;
        let node = world.find(name)?;
        world.names.remove(name);
        world.pending_names.push(NameChange::Remove { name: name.to_owned(), node });
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut world = self.0.lock();
        world.plain_call(Call::SyncNames)?;
        world.durable_names = world.names.clone();
        world.pending_names.clear();
        Ok(())
    }

    fn free(&self) -> io::Result<u64> {
        let world = self.0.lock();
        if world.hides_free { Err(io::ErrorKind::Unsupported.into()) } else { Ok(world.free()) }
    }

    fn shown(&self, name: &str) -> String {
        format!("/sim/{name}")
    }
}

impl SimFile {
    fn change(&self, world: &mut World, change: Change) {
        let node = world.nodes.get_mut(&self.node).expect("an open file has its node");
        change.apply(&mut node.content);
        node.pending.push(change);
    }
}

impl File for SimFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.0.lock().nodes[&self.node].content.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut world = self.disk.0.lock();
        world.plain_call(Call::Read)?;
        let content = &world.nodes[&self.node].content;
        let rest = content.get(offset as usize..).unwrap_or_default();
        let size = rest.len().min(buffer.len());
        buffer[..size].copy_from_slice(&rest[..size]);
        Ok(size)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut world = self.disk.0.lock();
        let mut size = bytes.len();
        match world.call(Call::Write) {
            Some(Failing::Error(kind)) => return Err(kind.into()),
            Some(Failing::Short) => size /= 2,
            None => {}
        }
        let room = (world.nodes[&self.node].content.len() as u64).saturating_add(world.free());
        size = size.min(room.saturating_sub(offset) as usize);
        if size == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.change(&mut world, Change::Write { offset, bytes: bytes[..size].to_vec() });
        Ok(size)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut world = self.disk.0.lock();
        world.plain_call(Call::SetLen)?;
        let had = world.nodes[&self.node].content.len() as u64;
        if length.saturating_sub(had) > world.free() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.change(&mut world, Change::Length(length));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut world = self.disk.0.lock();
        let failing = world.call(Call::Sync);
        let node = world.nodes.get_mut(&self.node).expect("an open file has its node");
        if let Some(Failing::Error(kind)) = failing {
            // The pages count as clean from now on, and what they hold is never written.
            node.pending.clear();
            return Err(kind.into());
        }
        for change in std::mem::take(&mut node.pending) {
            change.apply(&mut node.durable);
        }
        Ok(())
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Change::Length(length) => content.resize(*length as usize, 0),
            Change::Write { offset, bytes } => {
                let (start, end) = (*offset as usize, *offset as usize + bytes.len());
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[start..end].copy_from_slice(bytes);
            }
        }
    }
}
