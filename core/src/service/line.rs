//! The order of one connection's requests while some of them wait for their transaction.
//!
//! Writes go to whoever orders transactions as soon as they arrive. What is asked behind them and
//! changes nothing takes its turn when the last write before it has been answered, so that answers
//! leave in the order of the requests (N1) and a read sees the writes before it. Heartbeats and
//! identities take no turn: clients tell their answers apart by number, and a heartbeat shall not wait
//! for a disk.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::ceilings::{Ceilings, is_passed};
use super::peer::Peer;
use crate::base::{Code, Identity, SessionId, limits};
use crate::session::Lease;
use crate::wire::{ConnectResponse, Request};

/// Something to answer that changes nothing replicated.
#[derive(Debug)]
pub(super) enum Turn {
    /// A request to carry out.
    Answer(Request),
    /// One that was made to wait, with who asked when it came in. What is proven meanwhile is for what
    /// comes behind.
    Waited(Request, Arc<[Identity]>),
    /// A request that could not be read or is not allowed here.
    Refuse(Code),
    /// A numbered write that has come before: it has the answer of then.
    Repeated(i64),
    /// An operation nobody knows: the answer says so, and the connection ends.
    Unknown(i32),
    /// A request of somebody who has to prove an identity first: the same.
    Unproven,
    /// A request that is not answered, for the connection ends in its place.
    Lost,
    /// The end of a session that is in no registry.
    End,
}

impl Turn {
    /// What is to be carried out, if anything.
    pub(super) fn request(&self) -> Option<&Request> {
        match self {
            Turn::Answer(request) | Turn::Waited(request, _) => Some(request),
            _ => None,
        }
    }

    /// Whether nothing is taken behind it before it was answered: it walks through any number of
    /// znodes, lists any number of them, or ends the connection.
    fn is_last(&self) -> bool {
        match self {
            Turn::Answer(request) | Turn::Waited(request, _) => {
                request.is_walk() || request.is_list()
            }
            Turn::Refuse(_) | Turn::Repeated(_) => false,
            Turn::Unknown(_) | Turn::Unproven | Turn::Lost | Turn::End => true,
        }
    }
}

/// A connection that takes a session over, and waits until nothing sent on the one before is under
/// way any more (N6).
pub(super) struct Successor {
    pub(super) peer: Arc<Peer>,
    pub(super) session: SessionId,
    pub(super) lease: Arc<Lease>,
    pub(super) response: ConnectResponse,
}

/// What one connection has under way.
#[derive(Default)]
pub(super) struct Line {
    /// Transactions that were proposed and are not settled. Raised by the connection's own task,
    /// lowered under the engine's write guard, after everything that was waiting for it is done.
    in_flight: AtomicUsize,
    order: Mutex<Order>,
}

#[derive(Default)]
struct Order {
    proposed: u64,
    settled: u64,
    /// Each with the number of the proposal it stands behind, its xid, and its size.
    turns: VecDeque<(u64, i32, Turn, usize)>,
    /// Bytes of all requests in flight and waiting.
    bytes: usize,
    /// Whether others wait for the line to become empty.
    is_draining: bool,
    successor: Option<Successor>,
}

/// What follows from the settling of a transaction.
#[derive(Default)]
pub(super) struct Settled {
    /// The turns that have come, with their xids.
    pub(super) turns: Vec<(i32, Turn)>,
    /// The bytes of the transaction and of the turns.
    pub(super) bytes: usize,
    /// Whether the line is empty now and somebody had asked to know.
    pub(super) is_drained: bool,
    /// Who takes over.
    pub(super) successor: Option<Successor>,
}

impl Line {
    /// Whether a transaction is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.in_flight.load(Ordering::Acquire) > 0
    }

    /// Whether so much is under way that nothing more is taken.
    pub(super) fn is_full(&self, ceilings: &Ceilings) -> bool {
        self.is_busy() && {
            let order = self.order.lock();
            let count = (order.proposed - order.settled) as usize + order.turns.len();
            is_passed(order.bytes, ceilings.line_bytes)
                || is_passed(count, ceilings.line_requests)
                || order.turns.len() >= limits::LINE_TURNS
                || order.turns.back().is_some_and(|(_, _, turn, _)| turn.is_last())
        }
    }

    /// A transaction of this many bytes is about to be proposed.
    pub(super) fn enter(&self, size: usize) {
        let mut order = self.order.lock();
        order.proposed += 1;
        order.bytes += size;
        self.in_flight.fetch_add(1, Ordering::Release);
    }

    /// Lets a turn wait for the transactions before it; gives it back if there are none.
    pub(super) fn wait(&self, xid: i32, turn: Turn, size: usize) -> Option<Turn> {
        if !self.is_busy() {
            return Some(turn);
        }
        let mut order = self.order.lock();
        if order.proposed == order.settled {
            return Some(turn);
        }
        order.bytes += size;
        let behind = order.proposed;
        order.turns.push_back((behind, xid, turn, size));
        None
    }

    /// The oldest transaction under way was answered, or will never be carried out. To be followed
    /// by [`Line::done`] under the same guard.
    pub(super) fn settle(&self, size: usize) -> Settled {
        let mut order = self.order.lock();
        order.settled += 1;
        order.bytes -= size;
        let mut settled = Settled { bytes: size, ..Settled::default() };
        while let Some((behind, ..)) = order.turns.front() {
            if *behind > order.settled {
                break;
            }
            if let Some((_, xid, turn, size)) = order.turns.pop_front() {
                order.bytes -= size;
                settled.bytes += size;
                settled.turns.push((xid, turn));
            }
        }
        if order.proposed == order.settled && order.is_draining {
            order.is_draining = false;
            settled.is_drained = true;
            settled.successor = order.successor.take();
        }
        settled
    }

    /// Everything that waited for the transaction settled last was answered.
    pub(super) fn done(&self) {
        self.in_flight.fetch_sub(1, Ordering::Release);
    }

    /// Asks to be told when the line is empty. Returns false if it is.
    pub(super) fn drain(&self) -> bool {
        let mut order = self.order.lock();
        order.is_draining = order.proposed != order.settled;
        order.is_draining
    }

    /// Lets a successor wait until the line is empty, in the place of one that waits already; gives
    /// it back if the line is.
    pub(super) fn pass_to(&self, successor: Successor) -> Option<Successor> {
        let mut order = self.order.lock();
        if order.proposed == order.settled {
            return Some(successor);
        }
        order.is_draining = true;
        order.successor = Some(successor);
        None
    }
}
