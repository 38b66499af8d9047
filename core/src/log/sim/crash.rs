//! What may be left of a disk after the power fails: every combination of what was not synced.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{Change, NameChange, Node, SimDisk, World};

/// Bytes that are written whole or not at all.
const SECTOR: u64 = 512;

/// A moment at which the power fails.
pub struct Crash {
    world: World,
    units: Vec<Unit>,
}

/// The smallest thing that is lost or kept.
enum Unit {
    Content { node: u64, change: Change },
    Name(NameChange),
}

impl Crash {
    pub(super) fn new(world: World) -> Crash {
        let mut units = Vec::new();
        for (node, file) in &world.nodes {
            for change in &file.pending {
                let pieces = change.sectors().into_iter();
                units.extend(pieces.map(|change| Unit::Content { node: *node, change }));
            }
        }
        units.extend(world.pending_names.iter().cloned().map(Unit::Name));
        Crash { world, units }
    }

    /// How many things are lost or kept, each on its own.
    pub fn units(&self) -> usize {
        self.units.len()
    }

    /// What may be left: all of it if there are at most `most` states, otherwise the ones with all,
    /// none, all but one, only one, and only the first ones kept, and a sample of the others that
    /// `seed` decides.
    pub fn states(&self, most: usize, seed: u64) -> Vec<SimDisk> {
        let count = self.units.len();
        if count < 20 && 1 << count <= most {
            return (0..1_u32 << count)
                .map(|bits| self.state(|unit| bits >> unit & 1 == 1))
                .collect();
        }
        let mut states = vec![self.state(|_| true), self.state(|_| false)];
        let mut chance = Chance(seed | 1);
        while states.len() < most {
            let pick = chance.below(count);
            let state = match states.len() % 5 {
                0 => self.state(|unit| unit != pick),
                1 => self.state(|unit| unit == pick),
                2 => self.state(|unit| unit < pick),
                3 => self.state(|unit| unit >= pick),
                _ => {
                    let kept: Vec<bool> = (0..count).map(|_| chance.below(2) == 1).collect();
                    self.state(|unit| kept[unit])
                }
            };
            states.push(state);
        }
        states
    }

    /// What is left if exactly these units are kept.
    pub fn state(&self, is_kept: impl Fn(usize) -> bool) -> SimDisk {
        let mut contents: std::collections::BTreeMap<u64, Vec<u8>> =
            self.world.nodes.iter().map(|(id, node)| (*id, node.durable.clone())).collect();
        let mut names = self.world.durable_names.clone();
        for (_, unit) in self.units.iter().enumerate().filter(|(unit, _)| is_kept(*unit)) {
            match unit {
                Unit::Content { node, change } => {
                    change.apply(contents.get_mut(node).expect("a change has its node"));
                }
                Unit::Name(NameChange::Put { name, node }) => {
                    names.insert(name.clone(), *node);
                }
                Unit::Name(NameChange::Rename { from, to, node }) => {
                    if names.get(from) == Some(node) {
                        names.remove(from);
                    }
                    names.insert(to.clone(), *node);
                }
                Unit::Name(NameChange::Remove { name, node }) => {
                    if names.get(name) == Some(node) {
                        names.remove(name);
                    }
                }
            }
        }
        let nodes = names.values().map(|node| {
            let content = contents[node].clone();
            (*node, Node { durable: content.clone(), content, pending: Vec::new() })
        });
        let world = World {
            nodes: nodes.collect(),
            durable_names: names.clone(),
            names,
            capacity: self.world.capacity,
            hides_free: self.world.hides_free,
            ..World::default()
        };
        SimDisk(Arc::new(Mutex::new(world)))
    }
}

impl Change {
    /// The change in pieces that are written whole or not at all.
    fn sectors(&self) -> Vec<Change> {
        let Change::Write { offset, bytes } = self else { return vec![self.clone()] };
        let (mut pieces, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            let place = offset + at as u64;
            let size = ((SECTOR - place % SECTOR) as usize).min(bytes.len() - at);
            pieces.push(Change::Write { offset: place, bytes: bytes[at..at + size].to_vec() });
            at += size;
        }
        pieces
    }
}

/// A sequence of numbers that a seed decides.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end.max(1)
    }
}
