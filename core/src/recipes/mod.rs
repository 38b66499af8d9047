//! Recipes: locks, elections, queues and their kin, made of nothing but the public client.
//!
//! A session owns claims (a lock, a permit, a term), and they end with it: a [`Held`] is never revived.
//! A client owns wishes (membership of a group, an announced service), and they are carried out again
//! in every new session. Everything here follows from this, and from what the server promises: the
//! znodes of a session go in the transaction that ends it.
//!
//! Each recipe says at its top how it lies in the tree and whose clients can take part; what it is
//! called there may be shared with other libraries for ever, so it does not change. Nothing keeps state
//! but the tree; the time is the client's. A recipe keeps its client open, as a clone would. Futures can
//! be dropped anywhere: what they left behind is taken back in the background, within the session that
//! made it.
//!
//! **A token that nobody compares is decoration.** A lock tells a program that it may work; only a
//! resource that refuses what comes late keeps the work of two holders apart. Guard transactions with
//! [`Multi::guard`](crate::Multi::guard); hand [`Held::token`] to everything else, which has to store
//! the highest it has seen and to refuse lower ones.

mod barrier;
pub mod blocking;
mod claim;
mod counter;
mod double_barrier;
mod election;
mod group;
mod held;
mod latch;
mod line;
mod listing;
mod lock;
mod locking_queue;
mod names;
mod partitioner;
mod presence;
mod queue;
mod semaphore;
mod services;
mod shared_lock;
mod sweep;
mod trouble;

pub use barrier::Barrier;
pub use counter::{Counter, CounterView};
pub use double_barrier::{DoubleBarrier, Entered};
pub use election::{Election, Leader};
pub use group::{Group, Member, Membership};
pub use held::{Held, LossPoint};
pub use latch::LeaderLatch;
pub use listing::Listing;
pub use lock::Lock;
pub use locking_queue::{LockingQueue, Taken};
pub use partitioner::{Partitioner, Share};
pub use queue::Queue;
pub use semaphore::Semaphore;
pub use services::{Announcement, Instance, ServiceRegistry};
pub use shared_lock::SharedLock;
