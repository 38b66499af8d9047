//! The client's session machine: its state, and the one door in and out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::backoff::Backoff;
use super::call::{Call, CallId, Submission, WatchId};
use super::chance::Chance;
use super::config::Credentials;
use super::errands::HangUps;
use super::error::{Epoch, Error, LossReason, Result};
use super::event::{RestoreReport, ResyncReason, SessionEvent, State, WatchItem};
use super::hosts::Host;
use super::lease::Lease;
use super::link::Link;
use super::numbers::Numbers;
use super::registrations::{RegistrationId, RegistrationState, Registrations, Wish};
use super::settings::Settings;
use super::views::{NewView, News, Views};
use super::watches::Watches;
use crate::base::{Moment, Password, SessionId, Zxid};
use crate::wire::{Reply, Secret};

/// What the machine is told.
#[derive(Debug)]
pub enum Input {
    /// Nothing but the time.
    Tick,
    /// The connection asked for by [`Output::Dial`] stands.
    Dialed {
        /// The other end, as `address:port`.
        server: Arc<str>,
    },
    /// It could not be made.
    DialFailed,
    /// Bytes came in.
    Received(BytesMut),
    /// The connection broke, or the server closed it.
    Closed,
    /// The program wants something.
    Submit(Submission),
    /// The program wants a view.
    View(NewView),
    /// The program no longer wants a watch, or a view.
    Unwatch(WatchId),
    /// The program wants a registration.
    Register(Box<Wish>),
    /// It wants other data in one; `revision` is higher than every one before.
    Amend {
        /// Which.
        id: RegistrationId,
        /// What.
        data: Bytes,
        /// Comes back with [`Output::Registered`] once it is written.
        revision: u64,
    },
    /// It no longer wants one.
    Unregister(RegistrationId),
    /// A lock or the like stands on this ephemeral, in this epoch.
    Claim {
        /// Its path on the server.
        path: String,
        /// The epoch it was created in.
        epoch: Epoch,
    },
    /// It does not any more.
    Unclaim(String),
    /// The program wants the session closed once everything submitted before is done.
    Close,
    /// The program wants to leave the session alive and take its credentials.
    Detach,
}

/// What the machine wants done. Drained after every input, in order.
#[derive(Debug)]
#[must_use]
pub enum Output {
    /// Resolve this name, connect to it, and say how it went.
    Dial(Host),
    /// Drop the connection or the attempt at one; nothing of it is to be reported any more.
    Disconnect,
    /// A call is answered.
    Answer {
        /// Which.
        call: CallId,
        /// With what.
        result: Result<Reply>,
    },
    /// A new epoch: these are its facts from now on.
    Begun(Arc<Lease>),
    /// The session's state changed.
    Event(SessionEvent),
    /// A watch says something.
    Item {
        /// Which.
        watch: WatchId,
        /// What.
        item: Result<WatchItem>,
        /// Whether it is over with this.
        is_last: bool,
    },
    /// A view says something.
    View {
        /// Which.
        watch: WatchId,
        /// What.
        news: News,
        /// Whether the program knows all that this client knows, with this.
        is_fresh: bool,
    },
    /// A watch is over, or never came to be, without saying anything.
    Unwatched(WatchId),
    /// How a registration is.
    Registered {
        /// Which.
        id: RegistrationId,
        /// How.
        state: RegistrationState,
        /// The newest of its data that was written.
        revision: u64,
    },
    /// The answer to [`Input::Close`].
    Closed(Result<()>),
    /// The answer to [`Input::Detach`].
    Detached(Result<Credentials>),
    /// A SASL exchange failed, which finishes the machine right after. For whoever reads logs; nothing
    /// secret is in it.
    LoginFailed {
        /// The other end of the connection, as `address:port`.
        server: Arc<str>,
        /// Why.
        reason: String,
    },
    /// The machine is finished: every later submission is answered with this error at once.
    Finished(Error),
}

/// How far the machine's life has come.
#[derive(Debug)]
pub(super) enum Phase {
    Open,
    /// Closing: at the deadline without an answer if nothing is connected.
    /// Waits on a connection as long as that stands. Lost connections are only made good until
    /// `patience` is over.
    Closing {
        deadline: Option<Moment>,
        patience: Moment,
    },
    /// Detaching: the server is told first that the end of the connection will be no crash, which is
    /// left at the deadline.
    Detaching {
        deadline: Moment,
    },
    Finished(Error),
}

impl Phase {
    /// Whether the program has no more to ask for.
    pub fn is_ending(&self) -> bool {
        matches!(self, Phase::Closing { .. } | Phase::Detaching { .. })
    }
}

/// What is known of the session besides the [`Lease`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Known {
    pub id: SessionId,
    pub password: Password,
    /// Granted by a server that only reads, which is replaced at the first one that writes.
    pub is_provisional: bool,
    /// Granted by a server of this project.
    pub is_welcomed: bool,
}

/// An identity of this client, proven on every connection.
#[derive(Debug)]
pub(super) struct Proof {
    pub scheme: String,
    pub auth: Secret,
    /// Who waits for the first answer to it.
    pub call: Option<CallId>,
}

/// The client's session machine; see the [module](super).
pub struct Machine {
    pub(super) settings: Settings,
    pub(super) chance: Chance,
    pub(super) backoff: Backoff,
    pub(super) link: Link,
    pub(super) input: BytesMut,
    pub(super) out: BytesMut,
    pub(super) lease: Arc<Lease>,
    pub(super) known: Known,
    pub(super) last_zxid: Zxid,
    pub(super) numbers: Numbers,
    /// Whether the session of this epoch was attached by this client before.
    pub(super) was_attached: bool,
    /// A session of before that is to be ended ahead of the next one.
    pub(super) to_end: Option<Known>,
    pub(super) hang_ups: HangUps,
    /// When the next session may start that takes the place of one whose connection was lost.
    pub(super) not_before: Moment,
    pub(super) proofs: Vec<Proof>,
    pub(super) calls: BTreeMap<CallId, Call>,
    pub(super) deadlines: BTreeSet<(Moment, CallId)>,
    pub(super) waiting: VecDeque<CallId>,
    /// Which call is to leave which watch.
    pub(super) adding: BTreeMap<WatchId, CallId>,
    pub(super) silent_calls: u64,
    pub(super) watches: Watches,
    pub(super) registrations: Registrations,
    /// Ephemerals that locks and the like stand on, by their paths on the server.
    pub(super) claims: BTreeSet<String>,
    pub(super) views: Views,
    /// Ephemerals created and not deleted in this epoch, by their paths on the server.
    pub(super) ephemerals: BTreeSet<String>,
    /// What the streams have to hear once the connection is restored.
    pub(super) owed_resync: Option<ResyncReason>,
    pub(super) report: RestoreReport,
    pub(super) state: State,
    /// Why each epoch that is over ended.
    pub(super) losses: Vec<LossReason>,
    /// Whether the current epoch was never connected.
    pub(super) is_fresh: bool,
    pub(super) unreachable_since: Option<Moment>,
    /// When the peer cut a resumed session's connection.
    pub(super) evictions: VecDeque<Moment>,
    pub(super) phase: Phase,
    pub(super) outputs: VecDeque<Output>,
}

impl Machine {
    /// A machine that starts to connect with its first input.
    pub fn new(settings: Settings, now: Moment) -> Machine {
        let mut chance = Chance::new(settings.seed);
        let mut settings = settings;
        if settings.shuffle {
            settings.hosts.shuffle(&mut chance);
        }
        let mut known = Known::default();
        let mut last_zxid = Zxid::ZERO;
        if let Some(credentials) = &settings.resume {
            known = Known::of(credentials);
            last_zxid = credentials.last_zxid;
        }
        let proof = |(scheme, auth)| Proof { scheme, auth, call: None };
        Machine {
            chance,
            backoff: Backoff::new(
                settings.backoff.0,
                settings.recovery.patience(settings.backoff.1),
            ),
            link: Link::Idle { until: now },
            input: BytesMut::new(),
            out: BytesMut::new(),
            lease: Arc::new(Lease::new(Epoch::FIRST, settings.timeout, settings.margin)),
            known,
            last_zxid,
            numbers: Numbers::default(),
            was_attached: false,
            to_end: None,
            hang_ups: HangUps::default(),
            not_before: Moment(0),
            proofs: std::mem::take(&mut settings.identities).into_iter().map(proof).collect(),
            calls: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            waiting: VecDeque::new(),
            adding: BTreeMap::new(),
            silent_calls: 0,
            watches: Watches::default(),
            registrations: Registrations::default(),
            claims: BTreeSet::new(),
            views: Views::default(),
            ephemerals: BTreeSet::new(),
            owed_resync: None,
            report: RestoreReport::default(),
            state: State::Connecting,
            losses: Vec::new(),
            is_fresh: true,
            unreachable_since: Some(now),
            evictions: VecDeque::new(),
            phase: Phase::Open,
            outputs: VecDeque::new(),
            settings,
        }
    }

    /// The facts about the current epoch.
    pub fn lease(&self) -> &Arc<Lease> {
        &self.lease
    }

    /// Takes one input, then does what is due at `now`.
    pub fn handle(&mut self, now: Moment, input: Input) {
        match input {
            Input::Submit(submission) => self.submit(now, submission),
            Input::View(view) => self.open_view(&view),
            Input::Unwatch(watch) => self.unwatch(watch),
            Input::Register(wish) => self.register(*wish),
            _ if self.is_finished() => self.refuse(input),
            Input::Amend { id, data, revision } => self.amend(id, data, revision),
            Input::Unregister(id) => self.unregister(id),
            Input::Claim { path, epoch } => {
                if epoch == self.epoch() {
                    self.claims.insert(path);
                }
            }
            Input::Unclaim(path) => drop(self.claims.remove(&path)),
            Input::Tick => {}
            Input::Dialed { server } => self.dialed(now, server),
            Input::DialFailed => {
                self.note_hung_up();
                self.lose_link(now);
            }
            Input::Received(bytes) => self.received(now, bytes),
            Input::Closed => self.cut_off(now),
            Input::Close => self.close(now),
            Input::Detach => self.detach(now),
        }
        self.advance(now);
    }

    /// What to do next; `None` when all is done.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to come back with [`Input::Tick`] if nothing happens before.
    pub fn next_deadline(&self) -> Option<Moment> {
        if self.is_finished() {
            return None;
        }
        let link = self.link.deadline(self.lease.stays_until());
        let calls = self.deadlines.first().map(|&(at, _)| at);
        let closing = match self.phase {
            Phase::Closing { deadline, .. } => deadline,
            Phase::Detaching { deadline } => Some(deadline),
            _ => None,
        };
        let again = self.registrations.due.first().map(|&(at, _)| at);
        let others = [self.views.deadline(), self.jeopardy_at(), self.give_up_at()];
        [link, calls, closing, again].into_iter().chain(others).flatten().min()
    }

    /// Whether something was sent that the server has to answer.
    pub fn is_owed(&self) -> bool {
        match &self.link {
            Link::Up(up) => {
                up.login.is_some() || !up.in_flight.is_empty() || !up.proving.is_empty()
            }
            Link::Handshake { .. } => true,
            Link::Idle { .. } | Link::Dialing { .. } => false,
        }
    }

    /// Asserts what always holds; see the [module](super).
    pub fn check(&self) {
        let mut queued = BTreeSet::new();
        let in_flight = self.link.calls_in_flight();
        for id in self.waiting.iter().copied().chain(in_flight) {
            assert!(queued.insert(id), "C1: {id:?} is queued once");
        }
        for proof in &self.proofs {
            queued.extend(proof.call);
        }
        for (id, call) in &self.calls {
            assert!(queued.contains(id), "C1: {id:?} is queued");
            if let Some(deadline) = call.deadline {
                assert!(self.deadlines.contains(&(deadline, *id)), "C1: {id:?} can time out");
            }
        }
        self.watches.check();
        self.views.check(&self.watches);
        self.numbers.check();
        let is_up = self.link.up().is_some_and(|up| up.login.is_none());
        match self.state {
            State::Connected | State::ReadOnly => assert!(is_up, "C5: connected means a link"),
            State::Lost(_) => assert!(self.is_finished(), "C3: only a finished machine stays lost"),
            _ => {}
        }
        assert_eq!(self.lease.ended().is_some(), self.is_finished(), "C3: the lease tells");
    }

    pub(super) fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Finished(_))
    }

    pub(super) fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::Closing { .. })
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.lease.epoch()
    }

    /// Does everything that is due.
    fn advance(&mut self, now: Moment) {
        self.expire_calls(now);
        if self.is_finished() {
            return;
        }
        self.advance_registrations(now);
        self.advance_views(now);
        self.advance_link(now);
        if self.jeopardy_at().is_some_and(|at| at <= now) {
            self.set_state(State::Jeopardy);
        }
        if self.give_up_at().is_some_and(|at| at <= now) {
            self.give_up();
        }
        if let Phase::Closing { deadline: Some(at), .. } = self.phase
            && at <= now
        {
            self.abandon_close();
        }
        if let Phase::Detaching { deadline } = self.phase
            && deadline <= now
        {
            self.leave();
        }
    }

    /// When a session without a connection may have expired.
    fn jeopardy_at(&self) -> Option<Moment> {
        if self.state == State::Suspended { self.lease.safe_until() } else { None }
    }

    /// Says the state to the program unless it is what was said last.
    pub(super) fn set_state(&mut self, state: State) {
        if self.state == state {
            return;
        }
        self.state = state;
        self.lease.set_state(state);
        self.outputs.push_back(Output::Event(SessionEvent {
            state,
            epoch: self.epoch(),
            session_id: self.known.id,
            server: self.link.server(),
            restored: None,
            is_new_session: false,
        }));
    }

    /// A request to a machine that is finished.
    fn refuse(&mut self, input: Input) {
        let Phase::Finished(error) = &self.phase else { return };
        match input {
            // What was asked for is so.
            Input::Close if *error == Error::Closed => {
                self.outputs.push_back(Output::Closed(Ok(())))
            }
            Input::Close => self.outputs.push_back(Output::Closed(Err(error.clone()))),
            Input::Detach => self.outputs.push_back(Output::Detached(Err(error.clone()))),
            _ => {}
        }
    }
}
