//! All client connections, and how many each address holds.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::ops::Bound;
use std::sync::Arc;

use super::ceilings::is_reached;
use super::outbox::Closing;
use super::peer::{Peer, Transport};
use super::{Limit, Now, Service};
use crate::base::{ConnectionId, Moment, SessionId};

/// There are as many connections as there may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// From one address.
    #[error("{address} holds {limit} connections already")]
    Address {
        /// From which.
        address: IpAddr,
        /// How many it may hold.
        limit: u32,
    },
    /// From all addresses.
    #[error("there are {0} connections already")]
    Total(u32),
}

/// The connections of one server.
#[derive(Default)]
pub(super) struct Peers {
    by_id: BTreeMap<ConnectionId, Arc<Peer>>,
    per_address: BTreeMap<IpAddr, u32>,
    /// How many hold a place. Those that are gone and whose sockets are still open hold theirs.
    places: u64,
    /// Those that have no session yet, and those that have none any more, each with the moment at
    /// which it is cut; in the order of those moments. Whichever has a session by now is skipped.
    sessionless: VecDeque<(Moment, ConnectionId)>,
    last: u64,
}

impl Peers {
    pub(super) fn get(&self, id: ConnectionId) -> Option<&Arc<Peer>> {
        self.by_id.get(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Peer>> {
        self.by_id.values()
    }

    /// Those that were accepted after this one, in their order.
    pub(super) fn after(&self, id: ConnectionId) -> impl Iterator<Item = &Arc<Peer>> {
        self.by_id.range((Bound::Excluded(id), Bound::Unbounded)).map(|(_, peer)| peer)
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// From now on the connection has no session, and until `moment` to end.
    pub(super) fn limit(&mut self, id: ConnectionId, moment: Moment) {
        self.sessionless.push_back((moment, id));
    }

    /// When the oldest connection without a session has to have one.
    pub(super) fn next_sessionless(&mut self) -> Option<Moment> {
        while let Some(&(until, id)) = self.sessionless.front() {
            match self.by_id.get(&id) {
                // Whoever waits for this server has a limit of his own when he is answered.
                Some(peer) if !peer.has_session() && !peer.is_waiting() => return Some(until),
                _ => self.sessionless.pop_front(),
            };
        }
        None
    }

    /// Takes out a connection that had no session for too long.
    pub(super) fn take_sessionless(&mut self, now: Moment) -> Option<Arc<Peer>> {
        let until = self.next_sessionless()?;
        if until > now {
            return None;
        }
        let (_, id) = self.sessionless.pop_front()?;
        self.by_id.get(&id).cloned()
    }
}

impl Service {
    /// A connection was accepted.
    ///
    /// # Errors
    /// [`Refused`] if its address, or all together, hold as many as they may; it is to be closed without
    /// a byte.
    pub fn open(
        &self,
        address: SocketAddr,
        now: Now,
        transport: Box<dyn Transport>,
    ) -> Result<Arc<Peer>, Refused> {
        let ip = address.ip().to_canonical();
        let mut peers = self.peers.write();
        if let Err(refused) = self.expect_place(&peers, ip) {
            drop(peers);
            self.note(Limit::Connections, now);
            return Err(refused);
        }
        *peers.per_address.entry(ip).or_default() += 1;
        peers.places += 1;
        peers.last += 1;
        let id = ConnectionId(peers.last);
        let peer = Arc::new(Peer::new(id, address, (now.moment, now.wall), transport));
        peers.limit(id, now.moment + self.options.sessionless_timeout);
        peers.by_id.insert(id, peer.clone());
        Ok(peer)
    }

    fn expect_place(&self, peers: &Peers, address: IpAddr) -> Result<(), Refused> {
        let total = self.options.ceilings.connections;
        if is_reached(peers.places, total.into()) {
            return Err(Refused::Total(total));
        }
        let limit = self.options.connections_per_address;
        let held = peers.per_address.get(&address).copied().unwrap_or_default();
        if is_reached(held.into(), limit.into()) {
            return Err(Refused::Address { address, limit });
        }
        Ok(())
    }

    /// A limit was reached.
    pub fn note(&self, limit: Limit, now: Now) {
        self.stats.reached.note(limit, now.moment, self.options.ceilings.repeat);
    }

    /// A connection is gone, and its socket with it.
    pub fn close(&self, peer: &Arc<Peer>) {
        if self.disconnect(peer) {
            self.vacate(peer);
        }
    }

    /// A connection is gone. Its watches go with it; its session stays, and what it has proposed is
    /// still carried out. It holds its place until [`Service::vacate`]: whoever does not hang up shall
    /// not have more sockets than connections. Returns false if that was said before.
    pub fn disconnect(&self, peer: &Arc<Peer>) -> bool {
        if let Some(lease) = peer.lease() {
            let mut sessions = self.sessions.lock();
            // One that another has displaced drains already, if it has anything to drain.
            if sessions.attachments.detach(lease.session, peer.id) && peer.line.drain() {
                sessions.draining.insert(lease.session, peer.clone());
            }
        }
        self.end_local(peer.session());
        self.faults.forget(peer.id);
        self.forget_rest(peer);
        // What waits behind its transactions has no turn any more, and leaves no watch.
        peer.outbox.close(Closing::AfterFlush);
        self.watches.lock().drop_connection(peer.id);
        self.peers.write().by_id.remove(&peer.id).is_some()
    }

    /// The socket of a connection that is gone is closed: another may have its place. To be called once.
    pub fn vacate(&self, peer: &Peer) {
        let mut peers = self.peers.write();
        peers.places -= 1;
        let ip = peer.address.ip().to_canonical();
        if let Some(held) = peers.per_address.get_mut(&ip) {
            *held -= 1;
            if *held == 0 {
                peers.per_address.remove(&ip);
            }
        }
    }

    /// Cuts the connection that speaks for a session. Returns false if there is none.
    pub fn cut(&self, session: SessionId) -> bool {
        let connection = self.sessions.lock().attachments.get(session);
        self.cut_connection(connection)
    }

    /// Cuts every connection, and says how many there were.
    pub fn cut_all(&self) -> usize {
        let peers = self.all_peers();
        peers.iter().for_each(|peer| peer.cut());
        peers.len()
    }

    /// Lets every connection look again at what it may do.
    pub fn wake_all(&self) {
        self.all_peers().iter().for_each(|peer| peer.wake());
    }

    /// The connections there are, for who locks something of theirs.
    pub(super) fn all_peers(&self) -> Vec<Arc<Peer>> {
        self.peers.read().iter().cloned().collect()
    }

    /// Whether a connection is neither read nor answered.
    pub fn is_silent(&self, peer: &Peer) -> bool {
        self.faults.is_silent(peer.muted().unwrap_or_else(|| peer.session()))
    }

    /// Whether something has arrived on any connection that nobody has read yet.
    pub fn has_unread(&self) -> bool {
        self.peers.read().iter().any(|peer| peer.has_unread())
    }

    /// Whether any connection's task has something to do.
    pub fn is_stirring(&self) -> bool {
        self.all_peers().iter().any(|peer| peer.is_stirring(self.is_silent(peer)))
    }

    /// Connections that are gone and whose sockets are still open.
    pub fn closing(&self) -> u64 {
        let peers = self.peers.read();
        peers.places - peers.len() as u64
    }

    /// A number that is another one whenever a connection's task has begun or ended a turn, or a
    /// connection has come or gone.
    pub fn turns(&self) -> u64 {
        let peers = self.peers.read();
        let known = peers.last.wrapping_mul(1 << 32).wrapping_add(peers.places);
        peers.iter().fold(known, |sum, peer| {
            sum.wrapping_add(peer.turns.count().wrapping_mul(2 * peer.id.0 + 1))
        })
    }

    pub(super) fn cut_connection(&self, connection: Option<ConnectionId>) -> bool {
        let peer = connection.and_then(|id| self.peers.read().get(id).cloned());
        if let Some(peer) = &peer {
            peer.cut();
        }
        peer.is_some()
    }
}
