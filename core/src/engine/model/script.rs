//! Transactions made up at random, or out of the bytes of a fuzzer.

use bytes::Bytes;

use super::{Model, NaiveSession};
use crate::base::mode::Ttl;
use crate::base::{Acl, CreateMode, Identity, Millis, Password, Perms, SessionId, WallMillis};
use crate::engine::{Cause, Change, Txn};
use crate::wire::{Create, MultiOp, Once, Op, Request, Secret};

/// Where a script takes its decisions from.
pub trait Choices {
    /// A number below `limit`, which is not 0.
    fn below(&mut self, limit: usize) -> usize;

    /// Whether there are no more.
    fn is_over(&self) -> bool {
        false
    }

    /// True once in so many times.
    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    /// One of these.
    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

/// A seed.
pub struct Random(pub u64);

impl Choices for Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}

/// The bytes of an input, one for each decision: they end, and so does the script.
impl Choices for &[u8] {
    fn below(&mut self, limit: usize) -> usize {
        let byte = self.split_off_first().copied().unwrap_or(0);
        usize::from(byte) % limit
    }

    fn is_over(&self) -> bool {
        self.is_empty()
    }
}

/// Makes up transactions that mostly concern each other.
pub(super) struct Script<C> {
    random: C,
    at: i64,
}

impl<C: Choices> Script<C> {
    pub(super) fn new(choices: C) -> Script<C> {
        Script { random: choices, at: 1_000 }
    }

    pub(super) fn is_over(&self) -> bool {
        self.random.is_over()
    }

    fn path(&mut self, model: &Model) -> String {
        match self.random.below(20) {
            0 => self
                .random
                .pick(&["/", "", "/a/", "x", "//", "/zookeeper/config", "/a\u{1}"])
                .into(),
            1..=11 => {
                let place = self.random.below(model.znodes.len());
                model.znodes.keys().nth(place).unwrap().clone()
            }
            _ => self.new_path(model),
        }
    }

    fn new_path(&mut self, model: &Model) -> String {
        let place = self.random.below(model.znodes.len());
        let parent = match self.random.one_in(2) {
            true => "/",
            false => model.znodes.keys().nth(place).unwrap(),
        };
        let name = self.random.pick(&["a", "b", "c", "dd", "é"]);
        if parent == "/" { format!("/{name}") } else { format!("{parent}/{name}") }
    }

    fn acl(&mut self) -> Vec<Acl> {
        match self.random.below(12) {
            0 => Acl::read_unsafe(),
            1 => vec![Acl::new(Perms::ALL, "digest", "bob:pw"), Acl::read_unsafe().remove(0)],
            2 => vec![Acl::new(Perms(7), "world", "anyone")],
            3 if self.random.one_in(4) => vec![Acl::new(Perms::ALL, "bad", "x")],
            4 if self.random.one_in(4) => vec![],
            _ => Acl::open_unsafe(),
        }
    }

    fn data(&mut self) -> Option<Bytes> {
        match self.random.below(4) {
            0 => None,
            1 => Some(Bytes::new()),
            _ => Some(Bytes::from(vec![7; self.random.below(40)])),
        }
    }

    fn ttl(&mut self) -> Ttl {
        Ttl::new(1 + self.random.below(100) as i64).expect("a small number")
    }

    fn version(&mut self) -> i32 {
        self.random.pick(&[-1, -1, -1, -1, -1, -1, -1, 0, 1, 2])
    }

    fn create(&mut self, model: &Model) -> Create {
        let mode = match self.random.below(10) {
            0 => CreateMode::Ephemeral,
            1 => CreateMode::EphemeralSequential,
            2 => CreateMode::PersistentSequential,
            3 => CreateMode::Container,
            4 => CreateMode::Ttl(self.ttl()),
            5 => CreateMode::TtlSequential(self.ttl()),
            _ => CreateMode::Persistent,
        };
        // A full tree grows no more: most of what is created then exists already.
        let full = model.znodes.len() > 24;
        let path =
            if full || self.random.one_in(6) { self.path(model) } else { self.new_path(model) };
        let new = Create::new(path, self.data(), self.acl(), mode);
        let plain = matches!(new.op, Op::Create2) && mode != CreateMode::Container;
        if plain && self.random.one_in(2) { Create { op: Op::Create, ..new } } else { new }
    }

    fn op(&mut self, model: &Model) -> MultiOp {
        match self.random.below(10) {
            9 => MultiOp::CheckSession { session: self.session() },
            0..=2 => MultiOp::Create(self.create(model)),
            3 | 4 => MultiOp::Delete { path: self.path(model), version: self.version() },
            5 | 6 => {
                let (path, data) = (self.path(model), self.data());
                MultiOp::SetData { path, data, version: self.version() }
            }
            _ => MultiOp::Check { path: self.path(model), version: self.version() },
        }
    }

    fn change(&mut self, model: &Model, asker: SessionId) -> Change {
        let session = self.session();
        match self.random.below(30) {
            24 => Change::Request(self.adopt(model)),
            25 if self.random.one_in(2) => {
                let password = self.password(model, session);
                Change::Request(match self.random.one_in(2) {
                    true => Request::HandOver { from: session, password },
                    false => Request::Fence { session, password },
                })
            }
            26.. => self.once(model, asker),
            20.. => {
                let leaves = model.znodes.iter().filter(|(_, znode)| znode.stat.num_children == 0);
                let leaves: Vec<_> = leaves.map(|(path, _)| path.clone()).collect();
                let path = self.random.pick(&leaves);
                Change::Request(Request::Delete { path, version: -1 })
            }
            0 => {
                let (timeout, password) = (Millis(1_000), Password([session.0 as u8; 16]));
                Change::CreateSession { id: session, timeout, password }
            }
            1 if self.random.one_in(3) => Change::EndSession { id: session, cause: Cause::EXPIRED },
            2 => Change::Reap { path: self.path(model) },
            3..=7 => {
                let count = self.random.below(5);
                Change::Request(Request::Multi((0..count).map(|_| self.op(model)).collect()))
            }
            8 => {
                let path = self.path(model);
                // Whoever is shut out of the root is shut out of most of the script.
                let acl = if path == "/" { Acl::open_unsafe() } else { self.acl() };
                Change::Request(Request::SetAcl { path, acl, version: self.version() })
            }
            _ => Change::Request(match self.op(model) {
                MultiOp::Create(create) => Request::Create(create),
                MultiOp::Delete { path, version } => Request::Delete { path, version },
                MultiOp::SetData { path, data, version } => {
                    Request::SetData { path, data, version }
                }
                MultiOp::Check { path, version } if self.random.one_in(8) => {
                    Request::Check { path, version }
                }
                MultiOp::CheckSession { .. } => Request::WhoAmI,
                MultiOp::Check { path, .. } => {
                    Request::SetData { path, data: self.data(), version: -1 }
                }
            }),
        }
    }

    fn adopt(&mut self, model: &Model) -> Request {
        let ephemerals = model.znodes.iter().filter(|(_, znode)| znode.mode.is_ephemeral());
        let ephemerals: Vec<_> =
            ephemerals.map(|(path, znode)| (path.clone(), znode.stat.ephemeral_owner)).collect();
        let (path, from) = match ephemerals.is_empty() || self.random.one_in(6) {
            true => (self.path(model), self.session()),
            false => self.random.pick(&ephemerals),
        };
        Request::Adopt { path, from, password: self.password(model, from) }
    }

    /// What is shown as the password of a session.
    fn password(&mut self, model: &Model, session: SessionId) -> Secret {
        let password = model.sessions.get(&session).map(NaiveSession::password);
        match self.random.below(3) {
            0 => Secret(Bytes::new()),
            1 => Secret(Bytes::from_static(&[9; 16])),
            _ => Secret(Bytes::copy_from_slice(&password.unwrap_or_default().0)),
        }
    }

    /// A write with the next number, or a higher one, or one that has come before.
    fn once(&mut self, model: &Model, asker: SessionId) -> Change {
        let highest = model.sessions.get(&asker).map_or(0, |session| session.highest);
        let number = match self.random.below(4) {
            0 => 1 + (highest - self.random.below(80) as i64).max(0),
            1 => highest + 1 + self.random.below(3) as i64,
            _ => highest + 1,
        };
        let answered = number - 1 - self.random.below(200) as i64;
        let request = match self.change(model, asker) {
            Change::Request(request) if is_numbered(&request) => request,
            _ => Request::Delete { path: self.path(model), version: self.version() },
        };
        Change::Request(Request::Once(Box::new(Once { number, answered, request })))
    }

    fn session(&mut self) -> SessionId {
        SessionId(1 + self.random.below(4) as i64)
    }

    /// The next transaction, made up for the state of the model.
    pub(super) fn txn(&mut self, model: &Model) -> Txn {
        // Backwards now and then, as a wall clock may go.
        self.at += self.random.below(20) as i64 - 2;
        let mut identities = vec![Identity::new("ip", "10.0.0.1")];
        match self.random.below(8) {
            0..=2 => identities.push(Identity::new("digest", "bob:pw")),
            3 => identities.push(Identity::new("super", "root")),
            _ => {}
        }
        let registered: Vec<SessionId> = model.sessions.keys().copied().collect();
        let unknown = registered.is_empty() || self.random.one_in(30);
        let session = if unknown { self.session() } else { self.random.pick(&registered) };
        let change = self.change(model, session);
        Txn { at: WallMillis(self.at), session, identities: identities.into(), change }
    }
}

fn is_numbered(request: &Request) -> bool {
    !matches!(request, Request::Once(_) | Request::Check { .. } | Request::WhoAmI)
}
