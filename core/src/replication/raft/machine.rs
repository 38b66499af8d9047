//! What is committed becomes state: one member's engine, and what its clients hear of it.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use futures_core::Stream;
use openraft::EntryPayload;
use openraft::storage::{EntryResponder, RaftStateMachine};
use parking_lot::Mutex;

use super::entry;
use super::log::blocking;
use super::proposer::{Clock, Pending};
use super::snapshot::{self, Builder, Store};
use super::types::{Body, RaftLogId, Snapshot, SnapshotMeta, StoredMembership, Types};
use crate::engine::Batch;
use crate::service::{Proposal, Service};

/// How many transactions are applied under one guard of the engine. Readers wait no longer than that.
const TXNS_AT_A_TIME: usize = 64;

/// How far the state is, and who the members were then.
#[derive(Clone, Default)]
pub(super) struct Applied {
    pub(super) last: Option<RaftLogId>,
    pub(super) membership: StoredMembership,
}

/// The state of one member.
pub struct Machine {
    pub(super) service: Arc<Service>,
    pub(super) pending: Arc<Pending>,
    /// The time at which something is delivered.
    pub(super) clock: Clock,
    /// Whoever holds it changes the state, or sees one that is exactly so far.
    pub(super) applied: Arc<Mutex<Applied>>,
    pub(super) store: Arc<Store>,
}

impl Machine {
    /// Applies one batch and delivers what it caused, to those here who wait or watch.
    fn carry_out(&self, body: &Body) -> io::Result<()> {
        let (ticket, batch) = entry::batch_of(body).map_err(io::Error::other)?;
        let Batch { epoch, rules, txns } = Batch::decode(batch).map_err(io::Error::other)?;
        let asked = ticket.map(|ticket| self.pending.take(ticket)).unwrap_or_default();
        let settled = asked.len();
        let mut asked = asked.into_iter();
        let mut txns = txns.into_iter().peekable();
        let mut answered = Vec::new();
        while txns.peek().is_some() {
            let now = (self.clock)();
            let mut engine = self.service.engine_mut();
            engine.begin(epoch, rules);
            for txn in txns.by_ref().take(TXNS_AT_A_TIME) {
                let proposal = match asked.next() {
                    Some(proposal) => Proposal { txn, ..proposal },
                    None => Proposal { txn, origin: None, size: 0 },
                };
                let effects = engine.apply(&proposal.txn);
                self.service.deliver(&engine, &proposal, &effects, now);
                answered.extend(proposal.origin.map(|origin| origin.peer));
            }
            drop(engine);
            // Nobody else sends what was appended to the outbox of who asked.
            answered.drain(..).for_each(|peer| peer.wake());
        }
        self.pending.done(settled);
        Ok(())
    }

    fn take(
        &self,
        id: RaftLogId,
        payload: EntryPayload<Body, u64, openraft::BasicNode>,
    ) -> io::Result<()> {
        let mut applied = self.applied.lock();
        match payload {
            EntryPayload::Blank => {}
            EntryPayload::Normal(body) => self.carry_out(&body)?,
            EntryPayload::Membership(membership) => {
                applied.membership = StoredMembership::new(Some(id), membership);
            }
        }
        applied.last = Some(id);
        Ok(())
    }
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotData = Arc<Store>;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> io::Result<(Option<RaftLogId>, StoredMembership)> {
        let Applied { last, membership } = self.applied.lock().clone();
        Ok((last, membership))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + Send,
    {
        while let Some(item) = poll_fn(|context| Pin::new(&mut entries).poll_next(context)).await {
            let (entry, responder) = item?;
            self.take(entry.log_id, entry.payload)?;
            if let Some(responder) = responder {
                responder.send(());
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        Builder {
            service: self.service.clone(),
            applied: self.applied.clone(),
            store: self.store.clone(),
            at: (self.clock)().wall,
        }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, from: Arc<Store>) -> io::Result<()> {
        let store = self.store.clone();
        let meta = meta.clone();
        let (engine, last, membership) = blocking(move || store.install(&from, &meta)).await?;
        let mut applied = self.applied.lock();
        *self.service.engine_mut() = engine;
        *applied = Applied { last, membership };
        // Nobody here heard of what the snapshot skips.
        self.service.cut_all();
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        let store = self.store.clone();
        blocking(move || snapshot::newest(&store)).await
    }
}
