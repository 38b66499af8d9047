//! What each identity has: its sessions, and what they keep alive. Local.
//!
//! An account is a name that was verified (by SASL, or by a certificate), else the address a client comes
//! from; a digest identity counts for nothing here, for anybody can make one up. A session belongs to
//! the account of the connection that opened it or took it over last. After a restart it belongs to
//! nobody until somebody takes it over.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest, Sha256};

use super::ceilings::{Ceilings, is_reached};
use crate::base::{AccountId, Identity, SessionId};
use crate::session::Holding;

/// Schemes whose names were verified.
const VERIFIED: [&str; 2] = ["sasl", "x509"];

/// The account of whoever comes from this address and has proven these identities: the first that was
/// verified counts. Of an IPv6 address the first half counts, for one host has all of the other half.
pub(super) fn account_of(address: IpAddr, identities: &[Identity]) -> AccountId {
    let verified = identities.iter().find(|known| VERIFIED.contains(&known.scheme.as_str()));
    let mut hash = Sha256::new();
    match (verified, address.to_canonical()) {
        (Some(Identity { scheme, id }), _) => {
            hash.update(scheme);
            hash.update([0]);
            hash.update(id);
        }
        (None, IpAddr::V4(address)) => hash.update(address.octets()),
        (None, IpAddr::V6(address)) => hash.update(&address.octets()[..8]),
    }
    let digest = hash.finalize();
    AccountId(digest.iter().take(8).fold(0, |id, byte| id << 8 | u64::from(*byte)))
}

/// What one account has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Account {
    sessions: u32,
    holding: Holding,
}

/// All accounts that have a session.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    by_session: BTreeMap<SessionId, (AccountId, Holding)>,
    by_account: BTreeMap<AccountId, Account>,
    most_sessions: u32,
    /// What the sessions of one account may keep alive; 0 for any number.
    most: Holding,
    /// How many accounts keep as much alive as they may.
    full: Arc<AtomicUsize>,
}

impl Accounts {
    pub(super) fn new(ceilings: &Ceilings) -> Accounts {
        let count = ceilings.ephemerals_per_identity;
        let most = Holding { count, bytes: ceilings.ephemeral_bytes_per_identity };
        Accounts { most_sessions: ceilings.sessions_per_identity, most, ..Accounts::default() }
    }

    /// How many accounts keep as much alive as they may: to be looked at without a lock, before anything
    /// is looked for.
    pub(super) fn full(&self) -> Arc<AtomicUsize> {
        self.full.clone()
    }

    /// Whether an account has as many sessions as it may.
    pub(super) fn has_all_sessions(&self, account: AccountId) -> bool {
        is_reached(self.of(account).sessions.into(), self.most_sessions.into())
    }

    /// Whether the sessions of the account that a session belongs to keep as much alive as they may.
    pub(super) fn has_all_ephemerals(&self, session: SessionId) -> bool {
        let account = self.by_session.get(&session);
        account.is_some_and(|&(account, _)| self.is_full(self.of(account)))
    }

    /// The same, unless what another session keeps alive counts for that account already.
    pub(super) fn is_full_for_those_of(&self, session: SessionId, other: SessionId) -> bool {
        let account = |session| self.by_session.get(&session).map(|(account, _)| *account);
        self.has_all_ephemerals(session) && account(session) != account(other)
    }

    fn is_full(&self, account: Account) -> bool {
        is_reached(account.holding.count, self.most.count)
            || is_reached(account.holding.bytes, self.most.bytes)
    }

    /// From now on a session belongs to this account.
    pub(super) fn assign(&mut self, session: SessionId, account: AccountId, holding: Holding) {
        self.end(session);
        self.by_session.insert(session, (account, holding));
        self.change(account, |of| {
            of.sessions += 1;
            of.holding.count += holding.count;
            of.holding.bytes += holding.bytes;
        });
    }

    /// A session belongs to another account now, for its client has proven who it is.
    pub(super) fn move_to(&mut self, session: SessionId, account: AccountId) {
        if let Some(&(_, holding)) = self.by_session.get(&session) {
            self.assign(session, account, holding);
        }
    }

    /// A session keeps so much alive by now.
    pub(super) fn note(&mut self, session: SessionId, holding: Holding) {
        if let Some(&(account, _)) = self.by_session.get(&session) {
            self.assign(session, account, holding);
        }
    }

    /// A session is over.
    pub(super) fn end(&mut self, session: SessionId) {
        let Some((account, holding)) = self.by_session.remove(&session) else { return };
        self.change(account, |of| {
            of.sessions -= 1;
            of.holding.count -= holding.count;
            of.holding.bytes -= holding.bytes;
        });
    }

    fn change(&mut self, account: AccountId, change: impl FnOnce(&mut Account)) {
        let before = self.of(account);
        let mut after = before;
        change(&mut after);
        match after.sessions {
            0 => self.by_account.remove(&account),
            _ => self.by_account.insert(account, after),
        };
        match (self.is_full(before), self.is_full(after)) {
            (false, true) => drop(self.full.fetch_add(1, Ordering::Relaxed)),
            (true, false) => drop(self.full.fetch_sub(1, Ordering::Relaxed)),
            _ => {}
        }
    }

    fn of(&self, account: AccountId) -> Account {
        self.by_account.get(&account).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: AccountId = AccountId(1);
    const YOU: AccountId = AccountId(2);

    fn holding(count: u64, bytes: u64) -> Holding {
        Holding { count, bytes }
    }

    #[test]
    fn only_verified_names_are_accounts_of_their_own() {
        let address = IpAddr::from([10, 0, 0, 1]);
        let of = |identities: &[(&str, &str)]| {
            let identities: Vec<_> =
                identities.iter().map(|(scheme, id)| Identity::new(*scheme, *id)).collect();
            account_of(address, &identities)
        };
        let nobody = of(&[]);
        assert_eq!(of(&[("ip", "10.0.0.1"), ("digest", "made:up")]), nobody);
        assert_ne!(of(&[("sasl", "bob")]), nobody);
        assert_ne!(of(&[("sasl", "bob")]), of(&[("x509", "bob")]));
        assert_eq!(of(&[("digest", "made:up"), ("sasl", "bob")]), of(&[("sasl", "bob")]));
        let v6 = |text: &str| account_of(text.parse().expect("an address"), &[]);
        assert_eq!(v6("2001:db8::1"), v6("2001:db8::2"));
        assert_ne!(v6("2001:db8::1"), v6("2001:db8:0:1::1"));
        assert_eq!(v6("::ffff:10.0.0.1"), nobody);
    }

    #[test]
    fn sums_follow_sessions_wherever_they_go() {
        let ceilings = Ceilings {
            sessions_per_identity: 2,
            ephemerals_per_identity: 5,
            ephemeral_bytes_per_identity: 100,
            ..Ceilings::default()
        };
        let mut accounts = Accounts::new(&ceilings);
        let (mine, yours) = (SessionId(1), SessionId(2));
        accounts.assign(mine, ME, Holding::default());
        accounts.assign(yours, ME, holding(4, 99));
        assert!(accounts.has_all_sessions(ME));
        assert!(!accounts.has_all_ephemerals(mine));
        accounts.note(mine, holding(1, 1));
        assert!(accounts.has_all_ephemerals(yours));
        assert!(!accounts.is_full_for_those_of(mine, yours), "they count already");
        assert!(accounts.is_full_for_those_of(mine, SessionId(3)));
        assert_eq!(accounts.full.load(Ordering::Relaxed), 1);
        accounts.move_to(yours, YOU);
        assert!(!accounts.is_full_for_those_of(mine, yours), "there is room");
        assert!(!accounts.has_all_sessions(ME));
        assert!(!accounts.has_all_ephemerals(mine) && !accounts.has_all_ephemerals(yours));
        assert_eq!(accounts.full.load(Ordering::Relaxed), 0);
        accounts.note(yours, holding(4, 100));
        assert!(accounts.has_all_ephemerals(yours));
        accounts.end(yours);
        accounts.end(mine);
        accounts.note(mine, holding(1, 1));
        assert_eq!(accounts.full.load(Ordering::Relaxed), 0);
        assert!(accounts.by_account.is_empty() && accounts.by_session.is_empty());
    }
}
