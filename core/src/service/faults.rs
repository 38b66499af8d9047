//! Faults that a test plants in a server, and how often each has struck. Decisions only: who asks
//! carries them out. Local, and never reachable from the network.
//!
//! Nothing here costs a server that nobody plants faults in more than one look at a flag: whatever is
//! on a request's way asks [`Faults::is_armed`] first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::base::{Code, ConnectionId, Moment, SessionId};
use crate::wire::Op;

/// A kind of fault.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Fault {
    /// A session was ended as if its time were up.
    Expire,
    /// A connection was cut.
    DropConnection,
    /// A new connection was closed without a byte.
    Refuse,
    /// An answer is held back.
    Delay,
    /// A request was carried out, its answer was not sent, and the connection was closed.
    LoseReply,
    /// A request was not carried out, and the connection was closed.
    LoseRequest,
    /// A request was not carried out, and answered with a code.
    Fail,
    /// A connection is neither read nor answered.
    Silence,
    /// A handshake was refused, or a request, because this server only reads.
    ReadOnly,
}

/// What becomes of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// It is carried out.
    Carry,
    /// It is carried out, and the connection closes in the place of the answer.
    LoseReply,
    /// The connection closes in the place of the answer, and it is not carried out.
    LoseRequest,
    /// It is answered with this, and not carried out.
    Fail(Code),
}

/// What becomes of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// It is sent.
    Sent,
    /// It is sent then.
    HeldUntil(Moment),
    /// The connection closes in its place.
    Lost,
}

/// The faults planted in one server.
#[derive(Debug, Default)]
pub struct Faults {
    is_armed: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    plan: Plan,
    hits: BTreeMap<Fault, u64>,
    received: BTreeMap<Op, u64>,
    carried_out: BTreeMap<Op, u64>,
    /// Answers to writes under way that are to be lost.
    losing: BTreeSet<(ConnectionId, i32)>,
}

/// What is planted and has not struck, or strikes for as long as it stands.
#[derive(Debug, Default)]
struct Plan {
    /// In the order in which they were planted; the first one that fits strikes.
    strikes: Vec<Strike>,
    delays: BTreeMap<Option<Op>, Duration>,
    refuses: bool,
    refuse_next: u64,
    is_all_silent: bool,
    silent: BTreeSet<SessionId>,
    is_read_only: bool,
}

#[derive(Debug)]
struct Strike {
    verdict: Verdict,
    op: Option<Op>,
    left: u64,
}

impl Strike {
    fn fault(&self) -> Fault {
        match self.verdict {
            Verdict::LoseReply => Fault::LoseReply,
            Verdict::LoseRequest => Fault::LoseRequest,
            Verdict::Fail(_) | Verdict::Carry => Fault::Fail,
        }
    }

    /// Heartbeats are struck only where they are named.
    fn fits(&self, op: Op) -> bool {
        self.left > 0 && self.op.map_or(op != Op::Ping, |named| named == op)
    }
}

/// The one that stands for all that differ only in the form of the answer.
fn kind(op: Op) -> Op {
    match op {
        Op::Create2 | Op::CreateContainer | Op::CreateTtl => Op::Create,
        Op::GetChildren2 => Op::GetChildren,
        Op::SetWatches2 => Op::SetWatches,
        op => op,
    }
}

impl State {
    fn hit(&mut self, fault: Fault) {
        *self.hits.entry(fault).or_default() += 1;
    }
}

impl Faults {
    /// Whether anybody plants faults here, or has.
    pub fn is_armed(&self) -> bool {
        self.is_armed.load(Ordering::Relaxed)
    }

    /// From now on requests are counted, and faults strike.
    pub fn arm(&self) {
        self.is_armed.store(true, Ordering::SeqCst);
    }

    /// Takes back everything that is planted. What has struck stays counted.
    pub fn clear(&self) {
        self.state.lock().plan = Plan::default();
    }

    /// The next `count` answers to such requests are lost, after they were carried out.
    pub fn lose_reply(&self, op: Option<Op>, count: u64) {
        self.plant(Verdict::LoseReply, op, count);
    }

    /// The next `count` such requests are lost.
    pub fn lose_request(&self, op: Option<Op>, count: u64) {
        self.plant(Verdict::LoseRequest, op, count);
    }

    /// The next `count` such requests are refused with `code`.
    pub fn fail(&self, op: Option<Op>, code: Code, count: u64) {
        self.plant(Verdict::Fail(code), op, count);
    }

    /// Replaces what was planted of the same kind for the same operation.
    fn plant(&self, verdict: Verdict, op: Option<Op>, left: u64) {
        let strike = Strike { verdict, op: op.map(kind), left };
        let strikes = &mut self.state.lock().plan.strikes;
        strikes.retain(|other| other.fault() != strike.fault() || other.op != strike.op);
        if left > 0 {
            strikes.push(strike);
        }
    }

    /// Answers to such requests are held back for this long; zero takes it back.
    pub fn delay(&self, op: Option<Op>, length: Duration) {
        let delays = &mut self.state.lock().plan.delays;
        if length.is_zero() {
            delays.remove(&op.map(kind));
        } else {
            delays.insert(op.map(kind), length);
        }
    }

    /// Whether new connections are refused.
    pub fn refuse(&self, yes: bool) {
        self.state.lock().plan.refuses = yes;
    }

    /// As many new connections are refused.
    pub fn refuse_next(&self, count: u64) {
        self.state.lock().plan.refuse_next = count;
    }

    /// Whether connections are neither read nor answered: those of a session, or all.
    pub fn silence(&self, session: Option<SessionId>, yes: bool) {
        let plan = &mut self.state.lock().plan;
        match session {
            None => plan.is_all_silent = yes,
            Some(session) if yes => drop(plan.silent.insert(session)),
            Some(session) => drop(plan.silent.remove(&session)),
        }
    }

    /// Whether the server only reads. Returns false if that was so already.
    pub fn set_read_only(&self, yes: bool) -> bool {
        std::mem::replace(&mut self.state.lock().plan.is_read_only, yes) != yes
    }

    /// Whether the server only reads.
    pub fn is_read_only(&self) -> bool {
        self.is_armed() && self.state.lock().plan.is_read_only
    }

    /// Whether the connections that speak for this session, or for none yet, are silent.
    pub fn is_silent(&self, session: SessionId) -> bool {
        self.is_armed() && {
            let plan = &self.state.lock().plan;
            plan.is_all_silent || plan.silent.contains(&session)
        }
    }

    /// Judges a connection that was just accepted: whether it is refused.
    pub fn refuses(&self) -> bool {
        if !self.is_armed() {
            return false;
        }
        let mut state = self.state.lock();
        let is_next = state.plan.refuse_next > 0;
        let refuses = state.plan.refuses || is_next;
        if refuses {
            state.plan.refuse_next -= u64::from(is_next);
            state.hit(Fault::Refuse);
        }
        refuses
    }

    /// Judges a request that was received.
    pub(super) fn judge(&self, op: Op) -> Verdict {
        let op = kind(op);
        let mut state = self.state.lock();
        *state.received.entry(op).or_default() += 1;
        let Some(strike) = state.plan.strikes.iter_mut().find(|strike| strike.fits(op)) else {
            return Verdict::Carry;
        };
        strike.left -= 1;
        let (verdict, fault) = (strike.verdict, strike.fault());
        state.hit(fault);
        verdict
    }

    /// The answer to this request is to be lost once there is one.
    pub(super) fn lose(&self, connection: ConnectionId, xid: i32) {
        self.state.lock().losing.insert((connection, xid));
    }

    /// A connection is gone, and with it all that was to be lost on it.
    pub(super) fn forget(&self, connection: ConnectionId) {
        if self.is_armed() {
            self.state.lock().losing.retain(|(other, _)| *other != connection);
        }
    }

    /// A request was carried out.
    pub(super) fn note_carried_out(&self, op: Op) {
        *self.state.lock().carried_out.entry(kind(op)).or_default() += 1;
    }

    /// Judges an answer; `op` is what was asked, if that is known.
    pub(super) fn answered(
        &self,
        op: Option<Op>,
        (connection, xid): (ConnectionId, i32),
        now: Moment,
    ) -> Fate {
        let mut state = self.state.lock();
        if state.losing.remove(&(connection, xid)) {
            return Fate::Lost;
        }
        let delays = &state.plan.delays;
        let named = op.and_then(|op| delays.get(&Some(kind(op))));
        match named.or_else(|| delays.get(&None)).copied() {
            Some(length) => {
                state.hit(Fault::Delay);
                Fate::HeldUntil(now + length)
            }
            None => Fate::Sent,
        }
    }

    /// A fault has struck that is not judged here.
    pub fn note(&self, fault: Fault) {
        self.state.lock().hit(fault);
    }

    /// How often a kind of fault has struck.
    pub fn hits(&self, fault: Fault) -> u64 {
        self.state.lock().hits.get(&fault).copied().unwrap_or_default()
    }

    /// How often a kind of fault is still to strike, of those that are counted in advance.
    pub fn pending(&self, fault: Fault) -> u64 {
        let plan = &self.state.lock().plan;
        if fault == Fault::Refuse {
            return plan.refuse_next;
        }
        let strikes = plan.strikes.iter().filter(|strike| strike.fault() == fault);
        strikes.map(|strike| strike.left).sum()
    }

    /// How many requests of an operation have been received.
    pub fn received(&self, op: Op) -> u64 {
        self.state.lock().received.get(&kind(op)).copied().unwrap_or_default()
    }

    /// How many requests of an operation have been carried out.
    pub fn carried_out(&self, op: Op) -> u64 {
        self.state.lock().carried_out.get(&kind(op)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment(1_000_000);
    const WHERE: (ConnectionId, i32) = (ConnectionId(1), 7);

    fn faults() -> Faults {
        let faults = Faults::default();
        faults.arm();
        faults
    }

    #[test]
    fn the_first_one_planted_strikes_as_often_as_it_was_told() {
        let faults = faults();
        faults.fail(Some(Op::Create), Code::NoAuth, 2);
        faults.lose_request(None, 1);
        assert_eq!(faults.judge(Op::Create2), Verdict::Fail(Code::NoAuth));
        assert_eq!(faults.judge(Op::Ping), Verdict::Carry, "heartbeats only where they are named");
        assert_eq!(faults.judge(Op::Delete), Verdict::LoseRequest);
        assert_eq!(faults.pending(Fault::Fail), 1);
        assert_eq!(faults.judge(Op::CreateTtl), Verdict::Fail(Code::NoAuth));
        assert_eq!(faults.judge(Op::Create), Verdict::Carry);
        assert_eq!((faults.hits(Fault::Fail), faults.hits(Fault::LoseRequest)), (2, 1));
        assert_eq!((faults.received(Op::Create), faults.carried_out(Op::Create)), (3, 0));
    }

    #[test]
    fn planting_again_replaces() {
        let faults = faults();
        faults.fail(Some(Op::Ping), Code::NoAuth, 5);
        faults.fail(Some(Op::Ping), Code::NoNode, 1);
        assert_eq!(faults.judge(Op::Ping), Verdict::Fail(Code::NoNode));
        assert_eq!(faults.judge(Op::Ping), Verdict::Carry);
        faults.lose_reply(None, 9);
        faults.lose_reply(None, 0);
        assert_eq!(faults.judge(Op::Sync), Verdict::Carry);
        faults.lose_reply(None, 9);
        faults.clear();
        assert_eq!((faults.judge(Op::Sync), faults.hits(Fault::LoseReply)), (Verdict::Carry, 0));
    }

    #[test]
    fn a_delay_that_is_named_comes_before_one_of_all() {
        let faults = faults();
        let second = Duration::from_secs(1);
        faults.delay(None, second);
        faults.delay(Some(Op::GetData), 2 * second);
        let fate = |op| faults.answered(op, WHERE, NOW);
        assert_eq!(fate(Some(Op::GetData)), Fate::HeldUntil(NOW + 2 * second));
        assert_eq!(fate(Some(Op::Exists)), Fate::HeldUntil(NOW + second));
        faults.delay(None, Duration::ZERO);
        assert_eq!(fate(None), Fate::Sent);
    }

    #[test]
    fn an_answer_is_lost_once() {
        let faults = faults();
        faults.lose(WHERE.0, WHERE.1);
        assert_eq!(faults.answered(None, (WHERE.0, 8), NOW), Fate::Sent);
        assert_eq!(faults.answered(None, WHERE, NOW), Fate::Lost);
        assert_eq!(faults.answered(None, WHERE, NOW), Fate::Sent);
        faults.lose(WHERE.0, WHERE.1);
        faults.forget(WHERE.0);
        assert_eq!(faults.answered(None, WHERE, NOW), Fate::Sent);
    }

    #[test]
    fn nothing_strikes_where_nobody_armed_it() {
        let faults = Faults::default();
        faults.refuse(true);
        faults.silence(None, true);
        assert!(!faults.refuses() && !faults.is_silent(SessionId(1)));
        faults.arm();
        faults.refuse(false);
        faults.refuse_next(1);
        assert!(faults.refuses() && !faults.refuses());
        faults.silence(Some(SessionId(1)), true);
        faults.silence(None, false);
        assert!(faults.is_silent(SessionId(1)) && !faults.is_silent(SessionId(2)));
    }
}
