//! ACLs, each stored once however many znodes have it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::Acl;

/// The lists in use, by number and by content.
#[derive(Default)]
pub(super) struct Acls {
    lists: Vec<Option<Shared>>,
    numbers: BTreeMap<Arc<[Acl]>, u32>,
    free: Vec<u32>,
}

struct Shared {
    list: Arc<[Acl]>,
    users: u32,
}

impl Acls {
    /// The number of this list for one more user.
    pub(super) fn intern(&mut self, list: Vec<Acl>) -> u32 {
        match self.known(&list) {
            Some(number) => number,
            None => self.add(list.into()),
        }
    }

    /// The same for a list that its owner shares.
    pub(super) fn intern_shared(&mut self, list: &Arc<[Acl]>) -> u32 {
        match self.known(list) {
            Some(number) => number,
            None => self.add(Arc::clone(list)),
        }
    }

    /// One user more for a list that has one.
    pub(super) fn hold(&mut self, number: u32) {
        self.shared_mut(number).users += 1;
    }

    fn known(&mut self, list: &[Acl]) -> Option<u32> {
        let number = *self.numbers.get(list)?;
        self.hold(number);
        Some(number)
    }

    fn add(&mut self, list: Arc<[Acl]>) -> u32 {
        let shared = Some(Shared { list: Arc::clone(&list), users: 1 });
        let number = match self.free.pop() {
            Some(number) => {
                self.lists[number as usize] = shared;
                number
            }
            None => {
                self.lists.push(shared);
                (self.lists.len() - 1) as u32
            }
        };
        self.numbers.insert(list, number);
        number
    }

    /// One user less; the last one takes the list away.
    pub(super) fn release(&mut self, number: u32) {
        let shared = self.shared_mut(number);
        shared.users -= 1;
        if shared.users == 0 {
            let list = Arc::clone(&shared.list);
            self.numbers.remove(&list);
            self.lists[number as usize] = None;
            self.free.push(number);
        }
    }

    pub(super) fn get(&self, number: u32) -> &Arc<[Acl]> {
        let shared = self.lists[number as usize].as_ref();
        &shared.expect("T3: a znode's list is stored").list
    }

    fn shared_mut(&mut self, number: u32) -> &mut Shared {
        self.lists[number as usize].as_mut().expect("T3: a znode's list is stored")
    }

    /// Every list in use with the number of its users.
    pub(super) fn users(&self) -> BTreeMap<u32, u32> {
        let used = self.lists.iter().zip(0..);
        used.filter_map(|(shared, number)| Some((number, shared.as_ref()?.users))).collect()
    }
}
