//! Many servers, one order: a member of an ensemble that agrees by Raft.
//!
//! This is a spike. It shows that what stands above and below an ensemble fits: proposals come in
//! through [`Replicator`], entries and snapshots are kept by the same [`TxnLog`] and in the same
//! files as those of a server alone, and one engine per member applies them. It is behind the cargo
//! feature `ensemble`, and no server is started with it.
//!
//! What it does not do yet:
//!
//! * members do not talk over a wire: all of them live in one process, see [`Network`];
//! * a member that does not lead forwards nothing: it cuts the connections whose proposals it gets;
//! * nobody but [`Member::found`] decides who the members are;
//! * sessions are not expired by the leader alone, no new leader gives them their full timeout, and
//!   none moves from one member to another. Deadlines are not rebuilt after a snapshot was installed;
//! * who comes back to a session does not wait until it is known what became of the writes that an
//!   earlier leader took;
//! * a member that lost its leader goes on answering reads, and `sync` does not ask the leader;
//! * a full disk is noticed when the reserve is used up, and ends the member;
//! * snapshots are taken when they are asked for, and older ones stay.
//!
//! What always holds, besides what [`Replicator`] promises:
//!
//! * R5 the epoch of a zxid is the term of the leader who gave it, or one that was counted full;
//! * R6 who waits for an answer gets it from its own member's engine, or loses the connection;
//! * R7 consensus shares no thread with clients.

mod entry;
mod log;
mod machine;
mod network;
mod proposer;
mod snapshot;
#[cfg(test)]
mod tests;
mod types;

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use openraft::async_runtime::watch::WatchReceiver;
use openraft::{BasicNode, Config, Raft, SnapshotPolicy};
use parking_lot::Mutex;
use tokio::runtime::{self, Runtime};

use self::log::MemberLog;
use self::machine::Machine;
use self::network::Dialer;
use self::proposer::Pending;
use self::snapshot::Store;
use self::types::Types;
use super::Replicator;
use crate::base::SessionId;
use crate::engine::EngineOptions;
use crate::log::snapshot::Head;
use crate::log::{Disk, TxnLog};
use crate::service::{Now, Proposal, Service};

pub use self::network::Network;

/// What a member is made of.
pub struct Setup {
    /// Its number, unique in the ensemble.
    pub id: u64,
    /// A number that no earlier start of this member had.
    pub incarnation: u64,
    /// Its clients, and the state of its newest snapshot.
    pub service: Arc<Service>,
    /// What moment that state is of; `None` before the first transaction.
    pub state: Option<Head>,
    /// Its log, opened.
    pub log: Arc<dyn TxnLog>,
    /// Where its snapshots are.
    pub disk: Arc<dyn Disk>,
    /// What marks the files of its directory as its own.
    pub identity: [u8; 16],
    /// What an engine is told that is loaded from another member's snapshot.
    pub options: EngineOptions,
    /// The time at which something is delivered.
    pub clock: Arc<dyn Fn() -> Now + Send + Sync>,
    /// The other members.
    pub network: Arc<Network>,
    /// How often a leader says that it is there.
    pub heartbeat: Duration,
    /// How long a member without a leader waits until it stands for election: a time in this range,
    /// by chance.
    pub election: Range<Duration>,
}

/// One member of an ensemble.
///
/// Dropping it stops it, and waits until its threads are gone; not to be done on a thread of an
/// asynchronous runtime. All connections are cut then.
pub struct Member {
    id: u64,
    raft: Raft<Types, Machine>,
    pending: Arc<Pending>,
    network: Arc<Network>,
    proposer: Option<JoinHandle<()>>,
    runtime: Runtime,
}

impl Member {
    /// Starts a member with what its snapshot and its log hold.
    ///
    /// # Errors
    /// What the system says to a new thread, or the log to being read.
    pub fn start(setup: Setup) -> io::Result<Member> {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("tenure-raft")
            .enable_time()
            .build()?;
        let config = Arc::new(config(&setup).validate().map_err(io::Error::other)?);
        let Setup { id, incarnation, service, log, disk, identity, options, network, .. } = setup;
        let member = (id, incarnation);
        let pending = Arc::new(Pending::new(member, service.clone(), setup.clock.clone()));
        let applied = setup.state.as_ref().map(snapshot::applied_of).transpose()?;
        let machine = Machine {
            service,
            pending: pending.clone(),
            clock: setup.clock,
            applied: Arc::new(Mutex::new(applied.unwrap_or_default())),
            store: Arc::new(Store { disk, identity, options }),
        };
        let (log, dialer) = (MemberLog::start(log)?, Dialer(network.clone()));
        let raft = runtime.block_on(Raft::new(id, config, dialer, log, machine));
        let raft = raft.map_err(io::Error::other)?;
        let proposer = std::thread::Builder::new().name("tenure-propose".into()).spawn({
            let (pending, raft, handle) = (pending.clone(), raft.clone(), runtime.handle().clone());
            move || pending.run(&raft, &handle)
        })?;
        runtime.spawn(watch(raft.clone(), pending.clone()));
        network.join(id, raft.clone());
        Ok(Member { id, raft, pending, network, proposer: Some(proposer), runtime })
    }

    /// Makes an ensemble of members whose logs are empty. To be called once, on one of them. The
    /// addresses are kept, and not used yet.
    ///
    /// # Errors
    /// If a log is not empty.
    pub fn found(&self, members: BTreeMap<u64, String>) -> io::Result<()> {
        let node = |(id, address)| (id, BasicNode { addr: address });
        let nodes: BTreeMap<_, _> = members.into_iter().map(node).collect();
        self.runtime.block_on(self.raft.initialize(nodes)).map_err(io::Error::other)
    }

    /// The member that leads, as far as this one knows: what it was told last, which may be long ago.
    pub fn leader(&self) -> Option<u64> {
        self.raft.metrics().borrow_watched().current_leader
    }

    /// Whether it leads itself and takes proposals, as far as it knows.
    pub fn leads(&self) -> bool {
        proposer::term_led(&self.raft).is_some()
    }

    /// Begins a snapshot, after which the log lets go of what is in it.
    ///
    /// # Errors
    /// The member has stopped.
    pub fn begin_snapshot(&self) -> io::Result<()> {
        self.runtime.block_on(self.raft.trigger().snapshot()).map_err(io::Error::other)
    }
}

impl Replicator for Member {
    fn propose(&self, _: &Service, proposal: Proposal, now: Now) {
        self.pending.push(proposal, now);
    }

    fn hasten(&self, session: SessionId) {
        self.pending.hasten(session);
    }

    fn settle(&self) {
        self.pending.settle();
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.network.leave(self.id);
        self.pending.fail();
        // An error of either only says that it has stopped by itself.
        self.runtime.block_on(self.raft.shutdown()).ok();
        if let Some(proposer) = self.proposer.take() {
            proposer.join().ok();
        }
    }
}

fn config(setup: &Setup) -> Config {
    Config {
        cluster_name: "tenure".into(),
        heartbeat_interval: setup.heartbeat.as_millis() as u64,
        election_timeout_min: setup.election.start.as_millis() as u64,
        election_timeout_max: setup.election.end.as_millis() as u64,
        enable_pre_vote: Some(true),
        // What a leader had sent and not flushed is gone when it comes back. Were it to lead on in its
        // old term, it would give other entries the same ids.
        enable_leader_restore: Some(false),
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: 0,
        install_snapshot_timeout: 60_000,
        ..Config::default()
    }
}

/// Waits until the member has failed: it acknowledges nothing from then on.
async fn watch(raft: Raft<Types, Machine>, pending: Arc<Pending>) {
    let mut metrics = raft.metrics();
    while metrics.borrow_watched().running_state.is_ok() {
        if metrics.changed().await.is_err() {
            break;
        }
    }
    pending.fail();
}
