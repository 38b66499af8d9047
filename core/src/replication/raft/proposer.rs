//! Proposals on their way: gathered into batches, proposed in order, and found again when applied.

use std::collections::BTreeMap;
use std::sync::Arc;

use openraft::Raft;
use openraft::async_runtime::watch::WatchReceiver;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::entry::{self, Ticket};
use super::machine::Machine;
use super::types::{Types, Verdict};
use crate::base::SessionId;
use crate::engine::{BatchWriter, MOST_TXNS};
use crate::replication::queue::Queue;
use crate::service::{Now, Proposal, Service};

/// How many batches are on their way at once. What comes meanwhile gathers into the next one.
const BATCHES_ON_THEIR_WAY: usize = 8;

/// The time at which something is delivered.
pub(super) type Clock = Arc<dyn Fn() -> Now + Send + Sync>;

/// What was proposed to this member and is not settled.
pub(super) struct Pending {
    member: u64,
    incarnation: u64,
    service: Arc<Service>,
    clock: Clock,
    queue: Queue,
    batches: Mutex<Batches>,
}

/// What has left the queue, by the number of the batch.
#[derive(Default)]
struct Batches {
    last: u64,
    proposals: BTreeMap<u64, Vec<Proposal>>,
}

impl Pending {
    pub(super) fn new(
        (member, incarnation): (u64, u64),
        service: Arc<Service>,
        clock: Clock,
    ) -> Pending {
        let (queue, batches) = (Queue::default(), Mutex::default());
        Pending { member, incarnation, service, clock, queue, batches }
    }

    pub(super) fn push(&self, proposal: Proposal, now: Now) {
        let asker = proposal.origin.as_ref().map(|origin| origin.peer.clone());
        if !self.queue.push(proposal, now.moment)
            && let Some(asker) = asker
        {
            asker.cut();
        }
    }

    /// What waits for this session goes before what waits for others.
    pub(super) fn hasten(&self, session: SessionId) {
        self.queue.hasten(session);
    }

    /// Waits until everything that was pushed before is settled, or never will be.
    pub(super) fn settle(&self) {
        self.queue.settle();
    }

    /// The proposals that a batch was made of, with those who wait; none if it is another member's,
    /// or of an earlier start. To be followed by [`Pending::done`].
    pub(super) fn take(&self, ticket: Ticket) -> Vec<Proposal> {
        if (ticket.member, ticket.incarnation) != (self.member, self.incarnation) {
            return Vec::new();
        }
        self.batches.lock().proposals.remove(&ticket.sequence).unwrap_or_default()
    }

    /// So many proposals are settled.
    pub(super) fn done(&self, count: usize) {
        self.queue.done(count);
    }

    /// Nothing is settled any more: the member stops, or has failed.
    pub(super) fn fail(&self) {
        self.queue.fail();
        self.service.cut_all();
    }

    fn put(&self, proposals: Vec<Proposal>) -> Ticket {
        let mut batches = self.batches.lock();
        batches.last += 1;
        let sequence = batches.last;
        batches.proposals.insert(sequence, proposals);
        Ticket { member: self.member, incarnation: self.incarnation, sequence }
    }

    /// What becomes of these is not known here, or it is that they are not carried out: whoever waits
    /// loses the connection.
    fn give_up(&self, proposals: Vec<Proposal>) {
        let now = (self.clock)();
        let engine = self.service.engine_mut();
        for proposal in &proposals {
            if let Some(origin) = &proposal.origin {
                origin.peer.cut();
            }
            self.service.forget(&engine, proposal, now);
        }
        drop(engine);
        self.done(proposals.len());
    }

    /// Proposes what the queue holds, until it fails.
    pub(super) fn run(self: &Arc<Pending>, raft: &Raft<Types, Machine>, runtime: &Handle) {
        let room = Arc::new(Semaphore::new(BATCHES_ON_THEIR_WAY));
        while let Some(proposals) = self.queue.take(MOST_TXNS) {
            let permit = runtime.block_on(room.clone().acquire_owned()).expect("nobody closes it");
            let proposals = proposals.into_iter().map(|(proposal, _)| proposal);
            let (void, proposals): (Vec<_>, Vec<_>) = proposals.partition(Proposal::is_void);
            self.give_up(void);
            let Some(term) = term_led(raft) else {
                self.give_up(proposals);
                continue;
            };
            let rules = self.service.options.rules;
            let mut batch = BatchWriter::new(term as u32, rules, proposals.len());
            proposals.iter().for_each(|proposal| batch.put(&proposal.txn));
            let batch = batch.finish();
            let ticket = self.put(proposals);
            let pending = self.clone();
            let verdict = Verdict(Box::new(move |result: Result<_, _>| {
                if result.is_err() {
                    pending.give_up(pending.take(ticket));
                }
                drop(permit);
            }));
            // In another term the epoch in the batch would be wrong; it is refused then.
            let write = raft.write(entry::ticketed(ticket, &batch)).with_leader(term);
            if runtime.block_on(write.responder(verdict).into_future()).is_err() {
                return self.fail();
            }
        }
    }
}

/// The term in which this member leads, if it does and has applied an entry of that term: everything
/// that earlier leaders brought to an end stands before it.
pub(super) fn term_led(raft: &Raft<Types, Machine>) -> Option<u64> {
    let metrics = raft.metrics();
    let metrics = metrics.borrow_watched();
    let term = metrics.current_term;
    let is_ready = metrics.last_applied.is_some_and(|applied| applied.leader_id.term == term);
    (metrics.state.is_leader() && is_ready).then_some(term)
}
