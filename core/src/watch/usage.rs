//! How much is watched, by whom: what ceilings are compared with.
//!
//! A watch counts once for each connection and path, however many ways it has: what costs memory is
//! that the two are kept.

use std::collections::BTreeMap;

use crate::base::AccountId;

/// What a watch costs besides its path, in bytes, about.
const COST: usize = 200;

/// A number of watches, and the memory they take.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Pairs of a connection and a path.
    pub count: usize,
    /// Bytes, about.
    pub bytes: usize,
}

impl Usage {
    /// What a watch of this path takes.
    pub(super) fn of(path: &str) -> Usage {
        Usage { count: 1, bytes: path.len() + COST }
    }

    pub(super) fn grow(&mut self, more: Usage) {
        self.count += more.count;
        self.bytes += more.bytes;
    }

    pub(super) fn shrink(&mut self, less: Usage) {
        self.count -= less.count;
        self.bytes -= less.bytes;
    }

    /// Whether `more` fits under a ceiling, of which 0 stands for any number.
    fn has_room(self, more: Usage, ceiling: Usage) -> bool {
        let fits = |used: usize, more: usize, most: usize| most == 0 || used + more <= most;
        fits(self.count, more.count, ceiling.count) && fits(self.bytes, more.bytes, ceiling.bytes)
    }
}

/// How much may be watched; 0 for any number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ceilings {
    /// By one connection.
    pub per_connection: Usage,
    /// By all connections of one account.
    pub per_account: Usage,
    /// By all.
    pub total: Usage,
}

/// Something would be watched beyond a ceiling.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full;

/// The sums.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) total: Usage,
    pub(super) by_account: BTreeMap<AccountId, Usage>,
}

impl Ledger {
    /// Whether one more fits.
    pub(super) fn expect_room(
        &self,
        account: AccountId,
        held: Usage,
        more: Usage,
        ceilings: &Ceilings,
    ) -> Result<(), Full> {
        let of_account = self.by_account.get(&account).copied().unwrap_or_default();
        let fits = held.has_room(more, ceilings.per_connection)
            && of_account.has_room(more, ceilings.per_account)
            && self.total.has_room(more, ceilings.total);
        if fits { Ok(()) } else { Err(Full) }
    }

    pub(super) fn grow(&mut self, account: AccountId, more: Usage) {
        self.total.grow(more);
        self.by_account.entry(account).or_default().grow(more);
    }

    pub(super) fn shrink(&mut self, account: AccountId, less: Usage) {
        self.total.shrink(less);
        if let Some(usage) = self.by_account.get_mut(&account) {
            usage.shrink(less);
            if *usage == Usage::default() {
                self.by_account.remove(&account);
            }
        }
    }
}
