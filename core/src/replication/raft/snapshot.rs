//! A member's snapshots: the same files as those of a server alone, with the membership in their
//! heads.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use openraft::storage::RaftSnapshotBuilder;
use parking_lot::Mutex;

use super::entry::{self, Malformed};
use super::log::blocking;
use super::machine::Applied;
use super::types::{RaftLogId, Snapshot, SnapshotMeta, StoredMembership, Types, ours, theirs};
use crate::base::WallMillis;
use crate::engine::snapshots::{Shared, load, take};
use crate::engine::{Engine, EngineOptions};
use crate::log::snapshot::{self, Head, SnapshotReader, SnapshotWriter};
use crate::log::{Disk, LogId};
use crate::service::Service;

/// Where a member keeps its snapshots. In one process it is also what a snapshot is handed over as:
/// whoever gets it reads the newest file there.
pub struct Store {
    /// The disk its log is on.
    pub(super) disk: Arc<dyn Disk>,
    /// What marks the files of its directory as its own.
    pub(super) identity: [u8; 16],
    /// What a loaded engine is told.
    pub(super) options: EngineOptions,
}

/// The bytes of a membership with its place, for the head of a snapshot.
fn encode_membership(stored: &StoredMembership) -> Vec<u8> {
    let mut out = BytesMut::new();
    let id = stored.log_id().map(ours).unwrap_or_default();
    out.put_u64(id.term);
    out.put_u64(id.index);
    entry::put_membership(&mut out, stored.membership());
    out.into()
}

fn decode_membership(bytes: &[u8]) -> Result<StoredMembership, Malformed> {
    if bytes.is_empty() {
        return Ok(StoredMembership::default());
    }
    let mut bytes = Bytes::copy_from_slice(bytes);
    let id = LogId { term: bytes.try_get_u64()?, index: bytes.try_get_u64()? };
    Ok(StoredMembership::new(theirs(id), entry::take_membership(&mut bytes)?))
}

/// How far a snapshot with this head reaches.
pub(super) fn applied_of(head: &Head) -> io::Result<Applied> {
    let membership = decode_membership(&head.membership).map_err(io::Error::other)?;
    Ok(Applied { last: theirs(head.last), membership })
}

/// The newest snapshot of a store.
pub(super) fn newest(store: &Arc<Store>) -> io::Result<Option<Snapshot>> {
    let Some(newest) = snapshot::list(&*store.disk)?.into_iter().next() else { return Ok(None) };
    let reader = SnapshotReader::open(&*store.disk, &newest.name).map_err(io::Error::other)?;
    let Applied { last, membership } = applied_of(reader.head())?;
    let meta = SnapshotMeta { last_log_id: last, last_membership: membership };
    Ok(Some(Snapshot { meta, snapshot: store.clone() }))
}

impl Store {
    /// Writes another member's snapshot into this store and loads it.
    pub(super) fn install(
        &self,
        from: &Store,
        meta: &SnapshotMeta,
    ) -> io::Result<(Engine, Option<RaftLogId>, StoredMembership)> {
        let wanted = meta.last_log_id.map(ours).unwrap_or_default();
        let listed = snapshot::list(&*from.disk)?;
        let name = listed.into_iter().find(|name| name.index == wanted.index);
        let name = name.ok_or(io::ErrorKind::NotFound)?.name;
        let mut reader = SnapshotReader::open(&*from.disk, &name).map_err(io::Error::other)?;
        let head = Head { identity: self.identity, ..reader.head().clone() };
        let mut writer = SnapshotWriter::create(&*self.disk, &head).map_err(io::Error::other)?;
        let mut bytes = Vec::new();
        while reader.next(&mut bytes).map_err(io::Error::other)? {
            writer.write(&bytes).map_err(io::Error::other)?;
        }
        let items = reader.summary().map_or(0, |summary| summary.items);
        let name = writer.finish(items).map_err(io::Error::other)?.name;
        let loaded = load(&*self.disk, &name, self.options.clone()).map_err(io::Error::other)?;
        let Applied { last, membership } = applied_of(&head)?;
        Ok((loaded.0, last, membership))
    }
}

/// Takes a snapshot while transactions go on.
pub struct Builder {
    pub(super) service: Arc<Service>,
    pub(super) applied: Arc<Mutex<Applied>>,
    pub(super) store: Arc<Store>,
    pub(super) at: WallMillis,
}

/// The engine between two entries: a batch is applied in slices, and a snapshot of half a batch would
/// be one of no entry.
struct BetweenEntries<'a> {
    service: &'a Service,
    applied: &'a Mutex<Applied>,
    /// How far the state was when it was changed last.
    seen: RefCell<Applied>,
}

impl Shared for BetweenEntries<'_> {
    fn look<R>(&self, look: impl FnOnce(&Engine) -> R) -> R {
        self.service.look(look)
    }

    fn change<R>(&self, change: impl FnOnce(&mut Engine) -> R) -> R {
        let applied = self.applied.lock();
        *self.seen.borrow_mut() = applied.clone();
        self.service.change(change)
    }
}

impl Builder {
    fn build(&self) -> io::Result<Snapshot> {
        let seen = RefCell::default();
        let engine = BetweenEntries { service: &self.service, applied: &self.applied, seen };
        let head = |state: &Engine| {
            let seen = engine.seen.borrow();
            Head {
                identity: self.store.identity,
                last: seen.last.map(ours).unwrap_or_default(),
                zxid: state.last_zxid(),
                at: self.at,
                membership: encode_membership(&seen.membership),
            }
        };
        let taken = take(&engine, &*self.store.disk, &AtomicBool::new(false), head);
        let Applied { last, membership } = applied_of(&taken.map_err(io::Error::other)?.head)?;
        let meta = SnapshotMeta { last_log_id: last, last_membership: membership };
        Ok(Snapshot { meta, snapshot: self.store.clone() })
    }
}

impl RaftSnapshotBuilder<Types> for Builder {
    type SnapshotData = Arc<Store>;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        let builder = Builder {
            service: self.service.clone(),
            applied: self.applied.clone(),
            store: self.store.clone(),
            at: self.at,
        };
        blocking(move || builder.build()).await
    }
}
