//! A whole server's state on a disk that loses what was not synced, and fails where it is told to.

mod crash;
mod failing;
mod foreign;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::solo::Parts;
use super::{Policy, RecoverError, Recovered, Replicator, Snapshots, Solo, recover};
use crate::base::{
    Acl, CreateMode, Identity, Millis, Moment, Password, SessionId, WallMillis, Zxid,
};
use crate::engine::{Cause, Change, Engine, EngineOptions, Txn};
use crate::log::sim::SimDisk;
use crate::log::{Disk, Options, SegmentLog};
use crate::service::{self, Now, Proposal, Service};
use crate::wire::{Create, MultiOp, Request};

const NOW: Now = Now { moment: Moment(1_000_000), wall: WallMillis(1_000) };
const OWNER: SessionId = SessionId(0x0100_0000_0000_0001);
const MORTAL: SessionId = SessionId(0x0100_0000_0000_0002);

/// What a state is recognised by.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Seen {
    digest: u64,
    zxid: Zxid,
    sessions: Vec<SessionId>,
    ephemerals: usize,
}

impl Seen {
    fn of(engine: &Engine) -> Seen {
        Seen {
            digest: engine.digest(),
            zxid: engine.last_zxid(),
            sessions: engine.registry().iter().map(|(id, _)| id).collect(),
            ephemerals: engine.ephemerals().count(),
        }
    }
}

/// A log of small segments, so that a short story has many of them.
fn small() -> Options {
    Options { segment: 2 << 10, reserve: 1 << 10, step: 1 << 10, ..Options::new([5; 16]) }
}

fn recovered(disk: &SimDisk) -> Result<Recovered, RecoverError> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    recover(&disk, small(), &EngineOptions::default())
}

/// A server without connections: rounds and snapshots happen when they are called for.
struct Standing {
    disk: SimDisk,
    service: Arc<Service>,
    solo: Arc<Solo>,
    snapshots: Snapshots,
    log: Arc<SegmentLog>,
    /// What the state was after each entry that was acknowledged, and how many changes the disk had
    /// seen by then.
    acknowledged: BTreeMap<u64, (Seen, usize)>,
}

impl Standing {
    fn start(disk: &SimDisk) -> Result<Standing, RecoverError> {
        let found = recovered(disk)?;
        let options =
            service::Options { connections_per_address: 0, ..service::Options::default() };
        let passwords = Box::new(|| Password([7; 16]));
        let service = Arc::new(Service::new(options, found.engine, NOW, passwords));
        let log = Arc::new(found.log);
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let solo = Arc::new(Solo::new(Parts {
            service: service.clone(),
            log: log.clone(),
            disk: shared.clone(),
            applied: found.applied,
            epoch: 0,
            least_free: 0,
            clock: Box::new(|| NOW),
            on_failure: Box::new(|_| ()),
        }));
        let snapshots = Snapshots::new(
            (solo.clone(), service.clone()),
            (log.clone(), shared),
            log.identity(),
            Policy { kept: 2, ..Policy::default() },
            (
                found.snapshot.map(|summary| summary.head.last).unwrap_or_default(),
                found.behind,
                NOW,
            ),
        );
        let acknowledged = BTreeMap::new();
        Ok(Standing { disk: disk.clone(), service, solo, snapshots, log, acknowledged })
    }

    /// Proposes changes that go into one entry, and returns whether they were acknowledged.
    fn round(&mut self, changes: Vec<(SessionId, Change)>) -> bool {
        for (session, change) in changes {
            let identities: Arc<[Identity]> = Arc::from([]);
            let txn = Txn { at: NOW.wall, session, identities, change };
            let proposal = Proposal { txn, origin: None, size: 100 };
            self.solo.propose(&self.service, proposal, NOW);
        }
        if !self.solo.commit() {
            return false;
        }
        let seen = Seen::of(&self.service.engine());
        let entry = self.solo.last_applied().index;
        self.acknowledged.insert(entry, (seen, self.disk.changes()));
        true
    }

    fn snapshot(&self) {
        // One that fails leaves the server as it was, and the story goes on.
        let _ = self.snapshots.take(&|| NOW);
    }

    /// A story with all that leaves a trace: it begins and ends sessions, makes and removes znodes of
    /// all kinds, and takes snapshots that let old segments go. Ends when a round is not acknowledged.
    fn live(&mut self, rounds: usize) {
        let begun = [OWNER, MORTAL].map(|id| (id, begin(id)));
        if !self.round(begun.to_vec())
            || !self.round(vec![write(create("/a", "", CreateMode::Persistent))])
        {
            return;
        }
        for number in 0..rounds {
            let name = format!("/a/n{number}");
            let mut changes = vec![
                write(create(&name, "data", CreateMode::Persistent)),
                write(Request::SetData {
                    path: "/a".into(),
                    data: Some(Bytes::from(vec![number as u8; 90])),
                    version: -1,
                }),
            ];
            match number % 6 {
                0 => changes
                    .push((MORTAL, request(create("/a/e-", "", CreateMode::EphemeralSequential)))),
                1 => changes.push(write(Request::Multi(vec![
                    MultiOp::Delete { path: name.clone(), version: -1 },
                    MultiOp::Check { path: "/nowhere".into(), version: -1 },
                ]))),
                2 => changes.push(write(Request::Delete { path: name.clone(), version: -1 })),
                3 => changes.push(write(create("/a/c", "", CreateMode::Container))),
                4 => {
                    changes.push((MORTAL, Change::EndSession { id: MORTAL, cause: Cause::EXPIRED }))
                }
                _ => changes.push((MORTAL, begin(MORTAL))),
            }
            if !self.round(changes) {
                return;
            }
            if number % 5 == 4 {
                self.snapshot();
            }
        }
    }
}

fn begin(id: SessionId) -> Change {
    Change::CreateSession { id, timeout: Millis(10_000), password: Password([id.0 as u8; 16]) }
}

fn request(request: Request) -> Change {
    Change::Request(request)
}

fn write(body: Request) -> (SessionId, Change) {
    (OWNER, request(body))
}

fn create(path: &str, data: &'static str, mode: CreateMode) -> Request {
    let data = Some(Bytes::from_static(data.as_bytes()));
    Request::Create(Create::new(path.to_owned(), data, Acl::open_unsafe(), mode))
}
