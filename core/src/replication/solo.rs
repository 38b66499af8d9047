//! One server alone on a disk: a transaction counts when it is in the log and the log is flushed.
//!
//! Two threads take turns, hand over hand. One holds the log: it takes what has been proposed, writes
//! it as one entry and flushes. Before it lets go of the log it takes hold of the application, so that
//! rounds are applied in the order they were logged. While it applies, the other one logs the next
//! round. Alone at low load, one thread does it all without a hand-over; under load, flushing and
//! applying overlap, and all that came meanwhile shares the next flush.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, MutexGuard};

use super::Replicator;
use super::queue::Queue;
use super::space::Space;
use crate::base::{Code, Identity, Moment, SessionId};
use crate::engine::{BatchWriter, Change, MOST_TXNS};
use crate::log::{AppendError, Disk, Entry, Failed, LogId, TxnLog};
use crate::service::{DiskStats, Now, Peer, Proposal, Service};

/// How many transactions are applied under one guard, and none behind one that walks through any number
/// of znodes. Readers wait no longer than that.
const APPLIED_AT_A_TIME: usize = 64;

/// Bytes of the log that the shortest transaction may take, alone in its entry.
const LEAST: usize = 256;

/// What a server alone on a disk is made of.
pub struct Parts {
    /// What it serves.
    pub service: Arc<Service>,
    /// Where transactions go first.
    pub log: Arc<dyn TxnLog>,
    /// The disk the log is on.
    pub disk: Arc<dyn Disk>,
    /// The last entry that is in the state already.
    pub applied: LogId,
    /// The upper half of the zxids it gives.
    pub epoch: u32,
    /// Bytes that have to be free for writes that need room.
    pub least_free: u64,
    /// The time, for leases and latencies.
    pub clock: Box<dyn Fn() -> Now + Send + Sync>,
    /// Told once, when the log has failed and nothing is acknowledged any more.
    pub on_failure: Box<dyn Fn(&Failed) + Send + Sync>,
}

/// Logs, then applies. [`Solo::run`] is to be called by two threads.
pub struct Solo {
    parts: Parts,
    queue: Queue,
    space: Space,
    /// Who holds it logs.
    logging: Mutex<()>,
    /// Who holds it applies.
    applying: Mutex<()>,
    /// The last entry that was.
    applied: Mutex<LogId>,
    failure: OnceLock<Failed>,
    /// Whether a round was left in its middle by a defect.
    is_broken: AtomicBool,
}

/// Held while something is done that has to be done to its end. A defect in it is the end of all
/// rounds, before anybody else gets hold of what it leaves.
struct Whole<'a>(&'a Solo);

impl Drop for Whole<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.is_broken.store(true, Ordering::SeqCst);
            self.0.queue.fail();
            self.0.parts.service.stop_serving();
            self.0.parts.service.cut_all();
        }
    }
}

/// What becomes of a proposal whose turn has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Logged,
    Refused(Code),
    Void,
}

/// What goes together.
struct Round {
    proposals: Vec<(Proposal, Moment)>,
    fates: Vec<Fate>,
    /// The entry it is in; `None` if nothing had to be logged.
    entry: Option<LogId>,
}

impl Solo {
    /// Everything is recovered, and nothing proposed yet.
    pub fn new(parts: Parts) -> Solo {
        Solo {
            queue: Queue::default(),
            space: Space::new(parts.disk.clone(), parts.least_free, parts.service.clone()),
            logging: Mutex::new(()),
            applying: Mutex::new(()),
            applied: Mutex::new(parts.applied),
            failure: OnceLock::new(),
            is_broken: AtomicBool::new(false),
            parts,
        }
    }

    /// Carries out rounds until there will be none.
    pub fn run(&self) {
        let mut held = None;
        loop {
            let logging = held.take().unwrap_or_else(|| self.logging.lock());
            match self.round(logging) {
                Some(still) => held = still,
                None => return,
            }
        }
    }

    /// Waits for proposals and carries out one round of them. Returns false when there will be none.
    pub fn commit(&self) -> bool {
        self.round(self.logging.lock()).is_some()
    }

    /// Carries out one round. Returns the log if it was not let go of.
    fn round<'a>(&'a self, logging: MutexGuard<'a, ()>) -> Option<Option<MutexGuard<'a, ()>>> {
        let _whole = Whole(self);
        let proposals = self.queue.take(MOST_TXNS)?;
        match self.log(proposals) {
            Ok(round) => {
                let applying = self.applying.lock();
                // To wake the other thread for nothing takes longer than to apply a few.
                let is_alone = round.proposals.len() <= APPLIED_AT_A_TIME && self.queue.is_empty();
                let held = is_alone.then_some(logging);
                if self.is_broken.load(Ordering::SeqCst) {
                    return None;
                }
                self.apply(round, applying);
                Some(held)
            }
            Err(failed) => {
                self.fail(failed);
                None
            }
        }
    }

    /// Nothing more is taken; what was is still carried out.
    pub fn close(&self) {
        self.queue.close();
    }

    /// Why nothing is acknowledged any more, if it is not.
    pub fn failure(&self) -> Option<&Failed> {
        self.failure.get()
    }

    /// Nothing is acknowledged any more, and every connection ends without a word.
    pub fn fail(&self, failed: Failed) {
        if self.failure.set(failed).is_err() {
            return;
        }
        self.queue.fail();
        self.parts.service.stop_serving();
        self.parts.service.cut_all();
        if let Some(failed) = self.failure.get() {
            tracing::error!("nothing is acknowledged any more: {failed}");
            (self.parts.on_failure)(failed);
        }
    }

    /// Looks whether the disk has room.
    pub fn look_at_space(&self) {
        self.space.look();
    }

    /// What was asked of the disk so far.
    pub fn disk_stats(&self) -> &DiskStats {
        self.parts.service.stats.disk.get_or_init(DiskStats::default)
    }

    /// Runs `body` between two rounds, when a whole entry was applied and nothing of the next.
    pub fn between_rounds<T>(&self, body: impl FnOnce() -> T) -> T {
        let _applying = self.applying.lock();
        body()
    }

    /// The last entry of which everything is in the state.
    pub fn last_applied(&self) -> LogId {
        *self.applied.lock()
    }

    /// Makes a round durable.
    fn log(&self, proposals: Vec<(Proposal, Moment)>) -> Result<Round, Failed> {
        let oldest = proposals.iter().map(|(_, arrived)| arrived.0).min().unwrap_or_default();
        self.parts.service.stats.oldest.store(oldest, Ordering::Relaxed);
        // Asked once: another thread may look at the disk at any moment.
        let is_full = self.space.is_full();
        let fates = judge(&proposals, is_full);
        let mut round = Round { proposals, fates, entry: None };
        match self.append(&round, false) {
            Err(AppendError::Full) => {
                self.space.ran_out();
                round.fates = judge(&round.proposals, true);
                self.ration(&mut round);
                round.entry = self.append(&round, true).map_err(no_reserve)?;
            }
            appended => {
                round.entry = appended.map_err(no_reserve)?;
                if round.entry.is_some() {
                    self.space.found_room();
                }
            }
        }
        if round.entry.is_some() {
            let before = (self.parts.clock)().moment;
            self.parts.log.flush()?;
            let took = (self.parts.clock)().moment.since(before);
            self.disk_stats().syncs.note(took);
            if took >= self.parts.service.options.slow_sync {
                tracing::warn!("a sync of the log took {} ms", took.as_millis());
            }
        }
        Ok(round)
    }

    /// Refuses what there is no room left for, where all there is is the log's own: it has to do for
    /// sessions that end.
    fn ration(&self, round: &mut Round) {
        for ((proposal, _), fate) in round.proposals.iter().zip(&mut round.fates) {
            let is_end = matches!(proposal.txn.change, Change::EndSession { .. });
            let asks = *fate == Fate::Logged && !is_end;
            let proven: usize = proposal.txn.identities.iter().map(Identity::bytes).sum();
            if asks && !self.space.spend(proposal.size + proven + LEAST) {
                *fate = Fate::Refused(Code::NotReadOnly);
            }
        }
    }

    /// Writes what is to be logged of a round as one entry.
    fn append(&self, round: &Round, reserve: bool) -> Result<Option<LogId>, AppendError> {
        let count = round.fates.iter().filter(|&&fate| fate == Fate::Logged).count();
        if count == 0 {
            return Ok(None);
        }
        let service = &self.parts.service;
        let mut batch = BatchWriter::new(self.parts.epoch, service.options.rules, count);
        for ((proposal, _), fate) in round.proposals.iter().zip(&round.fates) {
            if *fate == Fate::Logged {
                batch.put(&proposal.txn);
            }
        }
        let last = self.parts.log.last();
        let entry = Entry { id: LogId { index: last.index + 1, ..last }, body: batch.finish() };
        let (id, bytes) = (entry.id, entry.body.len() as u64);
        self.parts.log.append(&[entry], reserve)?;
        let stats = self.disk_stats();
        stats.txns.fetch_add(count as u64, Ordering::Relaxed);
        stats.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(Some(id))
    }

    /// Applies a durable round and delivers what it caused.
    fn apply(&self, round: Round, applying: MutexGuard<'_, ()>) {
        let service = &*self.parts.service;
        let count = round.proposals.len();
        let mut items = round.proposals.iter().zip(&round.fates).peekable();
        let mut is_begun = false;
        while items.peek().is_some() {
            let mut askers: Vec<&Arc<Peer>> = Vec::new();
            let now = (self.parts.clock)();
            let mut engine = service.engine_mut();
            let _whole = Whole(self);
            if !std::mem::replace(&mut is_begun, true) && round.entry.is_some() {
                engine.begin(self.parts.epoch, service.options.rules);
            }
            for ((proposal, arrived), fate) in items.by_ref().take(APPLIED_AT_A_TIME) {
                let mut is_walk = false;
                match fate {
                    Fate::Logged => {
                        let effects = engine.apply(&proposal.txn);
                        is_walk = effects.is_walk();
                        service.deliver(&engine, proposal, &effects, now);
                    }
                    Fate::Refused(code) => service.refuse(&engine, proposal, *code, now),
                    Fate::Void => service.forget(&engine, proposal, now),
                }
                if let Some(origin) = &proposal.origin {
                    service.note_update_latency(&origin.peer, now.moment.since(*arrived));
                    if askers.last().is_none_or(|last| !Arc::ptr_eq(last, &origin.peer)) {
                        askers.push(&origin.peer);
                    }
                }
                if is_walk {
                    break;
                }
            }
            drop(engine);
            askers.into_iter().for_each(|asker| asker.wake());
        }
        if let Some(entry) = round.entry {
            *self.applied.lock() = entry;
        }
        drop(applying);
        if self.queue.is_empty() {
            // Another thread may log the next round by now, and says so itself.
            let oldest = round.proposals.iter().map(|(_, arrived)| arrived.0).min().unwrap_or(0);
            let stats = &service.stats.oldest;
            let _ = stats.compare_exchange(oldest, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
        self.queue.done(count);
    }
}

impl Replicator for Solo {
    fn propose(&self, _: &Service, proposal: Proposal, now: Now) {
        // Whoever asks after the end hears nothing: all connections were cut.
        let asker = proposal.origin.as_ref().map(|origin| origin.peer.clone());
        if !self.queue.push(proposal, now.moment)
            && let Some(asker) = asker
        {
            asker.cut();
        }
    }

    fn hasten(&self, session: SessionId) {
        self.queue.hasten(session);
    }

    fn settle(&self) {
        self.queue.settle();
    }
}

/// What is to become of each proposal.
fn judge(proposals: &[(Proposal, Moment)], is_full: bool) -> Vec<Fate> {
    let fate = |(proposal, _): &(Proposal, Moment)| match proposal {
        proposal if proposal.is_void() => Fate::Void,
        proposal if is_full && !proposal.txn.change.is_for_reserve() => {
            Fate::Refused(Code::NotReadOnly)
        }
        _ => Fate::Logged,
    };
    proposals.iter().map(fate).collect()
}

/// There is no room left, not even what was kept.
fn no_reserve(error: AppendError) -> Failed {
    match error {
        AppendError::Failed(failed) => failed,
        AppendError::Full => Failed {
            doing: "an append to the log".into(),
            error: "the disk is full, and the reserve is used up; make room and start again".into(),
        },
    }
}
