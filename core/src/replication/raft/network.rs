//! How members reach each other: by a table, for all of them live in one process.
//!
//! No message is turned into bytes here. A transport over sockets has to give messages a version of
//! their own and carry snapshots in pieces; it takes the place of this file and of nothing else.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;

use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse,
};
use openraft::{BasicNode, Raft};
use parking_lot::Mutex;

use super::machine::Machine;
use super::snapshot::Store;
use super::types::{RaftVote, Snapshot, Types};

type Handle = Raft<Types, Machine>;

/// The members that can be reached.
#[derive(Default)]
pub struct Network {
    members: Mutex<BTreeMap<u64, Handle>>,
}

impl Network {
    pub(super) fn join(&self, id: u64, member: Handle) {
        self.members.lock().insert(id, member);
    }

    pub(super) fn leave(&self, id: u64) {
        self.members.lock().remove(&id);
    }
}

/// One member's side of the network.
pub(super) struct Dialer(pub(super) Arc<Network>);

impl RaftNetworkFactory<Types> for Dialer {
    type Network = Link;

    async fn new_client(&mut self, target: u64, _: &BasicNode) -> Link {
        Link { network: self.0.clone(), target }
    }
}

/// The way to one other member.
pub(super) struct Link {
    network: Arc<Network>,
    target: u64,
}

impl Link {
    fn reach(&self) -> Result<Handle, Unreachable<Types>> {
        let found = self.network.members.lock().get(&self.target).cloned();
        found.ok_or_else(|| unreachable(format!("member {} is not there", self.target)))
    }
}

fn unreachable(why: impl Display) -> Unreachable<Types> {
    Unreachable::from_string(why)
}

impl RaftNetworkV2<Types> for Link {
    type SnapshotData = Arc<Store>;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types>,
        _: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        Ok(self.reach()?.append_entries(request).await.map_err(unreachable)?)
    }

    async fn vote(
        &mut self,
        request: VoteRequest<Types>,
        _: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        Ok(self.reach()?.vote(request).await.map_err(unreachable)?)
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<Types>,
        _: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        Ok(self.reach()?.pre_vote(request).await.map_err(unreachable)?)
    }

    async fn full_snapshot(
        &mut self,
        vote: RaftVote,
        snapshot: Snapshot,
        _: impl Future<Output = ReplicationClosed> + Send + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        Ok(self.reach()?.install_full_snapshot(vote, snapshot).await.map_err(unreachable)?)
    }
}
