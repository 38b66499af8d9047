//! Everything at once, at random, with the invariants looked at after every step.
//!
//! The server carries out a random part of what was sent before a connection is cut, and its answers
//! are lost with the connection. What the client says of each write is compared with what was done.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::model::Model;
use super::world::{Heard, World, add_watch, create, get, set, settings};
use crate::base::{Code, CreateMode, EventKind, Millis, Password, SessionId, path};
use crate::client::chance::Chance;
use crate::client::chroot;
use crate::client::machine::Input;
use crate::client::{
    Content, Error, Intent, NewView, News, Outcome, Recovery, RegistrationState, Restore, Result,
    State, ViewKind, WatchId,
};
use crate::wire::{ConnectResponse, Features, Reply, Welcome};

/// Views are numbered from here on, behind all calls and streams.
const FIRST_VIEW: u64 = 1 << 40;

/// Registrations of each client.
const REGISTRATIONS: u64 = 3;

/// What a server says.
enum Said {
    Answer(i32, std::result::Result<Reply, Code>),
    Event(EventKind, String),
}

/// One view, as its program sees it.
struct Shown {
    kind: ViewKind,
    path: &'static str,
    values: BTreeMap<String, i64>,
    is_fresh: bool,
}

/// Where znodes are that views are of.
const VIEWED: [&str; 6] = ["/v", "/v/a", "/v/a/x", "/v/b", "/v/b/y", "/v2"];

/// One random life of a client.
struct Life {
    world: World,
    chance: Chance,
    server: Model,
    welcome: Option<Welcome>,
    /// Whether a lost connection leaves no write in doubt.
    leaves_no_doubt: bool,
    submitted: u64,
    answers: BTreeMap<u64, Result<Reply>>,
    writes: BTreeSet<u64>,
    /// The session that the connection speaks for.
    session: i64,
    /// What is on its way to the client.
    answered: VecDeque<Said>,
    /// What each view shows: znodes by their paths, or the names of children.
    views: BTreeMap<u64, Shown>,
    opened: u64,
    /// Whether the server may be too busy to answer a view.
    is_busy: bool,
    /// A planted defect: the server says nothing of changes.
    is_mute: bool,
    registrations: BTreeMap<u64, RegistrationState>,
    epoch: u32,
    is_lost: bool,
}

impl Life {
    fn new(seed: u64, fault: Fault) -> Life {
        let restore = Restore::default;
        let recovery = match seed % 4 {
            0 | 1 => Recovery::Renew(restore()),
            2 => Recovery::fresh(),
            _ => {
                let (close_old, min_interval) = (false, Duration::from_millis(50));
                Recovery::Fresh { close_old, restore: restore(), min_interval }
            }
        };
        let welcome = Welcome { features: Features::ALL, ..Welcome::default() };
        let mut life = Life {
            world: World::new(settings(|settings| {
                settings.seed = seed;
                settings.recovery = recovery;
            })),
            chance: Chance::new(seed),
            server: Model { is_forgetful: fault == Fault::Forgetful, ..Model::default() },
            welcome: (!seed.is_multiple_of(3)).then_some(welcome),
            leaves_no_doubt: !seed.is_multiple_of(3) && seed % 4 < 2,
            submitted: 0,
            answers: BTreeMap::new(),
            writes: BTreeSet::new(),
            session: 0,
            answered: VecDeque::new(),
            views: BTreeMap::new(),
            opened: 0,
            is_busy: true,
            is_mute: fault == Fault::Mute,
            registrations: BTreeMap::new(),
            epoch: 1,
            is_lost: false,
        };
        for id in 1..=REGISTRATIONS {
            life.world.register(id, &format!("/r{id}"));
        }
        life
    }

    fn step(&mut self) {
        match self.chance.next() % 16 {
            0..3 => self.submit(),
            3..6 => self.receive(),
            6..9 => self.answer(),
            9 => self.world.pass(self.chance.next() % 3_000),
            10 if self.world.is_connected => self.cut(),
            13 | 14 => self.change(),
            15 => self.look(),
            11 if self.chance.next().is_multiple_of(8) => self.expire(),
            _ => self.connect(),
        }
        self.listen();
    }

    fn submit(&mut self) {
        self.submitted += 1;
        let path = format!("/{}", self.submitted);
        let watch = WatchId(self.submitted);
        let kind = self.chance.next() % 6;
        if matches!(kind, 1 | 4 | 5) {
            self.writes.insert(self.submitted);
        }
        match kind {
            0 => self.world.submit(get(&path)),
            1 => self.world.submit(create(&path, CreateMode::Ephemeral)),
            2 => self.world.submit_with(add_watch(&path), |s| s.intent = Intent::Stream(watch)),
            3 => {
                let request = crate::wire::Request::Exists { path, watch: true };
                self.world.submit_with(request, |s| s.intent = Intent::Once(watch))
            }
            4 => self.world.submit_with(set(&path), |s| {
                s.timeout = Some(Duration::from_millis(700));
            }),
            _ => self.world.submit(set(&path)),
        };
    }

    /// Somebody else changes what views are of.
    fn change(&mut self) {
        let path = VIEWED[self.chance.next() as usize % VIEWED.len()];
        let is_deleted = self.chance.next().is_multiple_of(3);
        let events = self.server.change(path, is_deleted);
        if self.world.is_connected && !self.is_mute {
            self.answered.extend(events.into_iter().map(|(kind, path)| Said::Event(kind, path)));
        }
    }

    /// The program opens a view, or drops one.
    fn look(&mut self) {
        let oldest = self.views.keys().next().copied();
        if let Some(watch) = oldest.filter(|_| self.views.len() > 4) {
            self.views.remove(&watch);
            return self.world.handle(Input::Unwatch(WatchId(watch)));
        }
        self.opened += 1;
        let watch = FIRST_VIEW + self.opened;
        let kinds = [ViewKind::Data, ViewKind::Children, ViewKind::Tree];
        let kind = kinds[self.chance.next() as usize % kinds.len()];
        let path = VIEWED[self.chance.next() as usize % VIEWED.len()];
        let shown = Shown { kind, path, values: BTreeMap::new(), is_fresh: false };
        self.views.insert(watch, shown);
        let view = NewView { watch: WatchId(watch), kind, path: path.into(), chroot: "".into() };
        self.world.handle(Input::View(view));
    }

    /// The server takes what was sent, all of it or up to where the connection broke.
    fn take(&mut self, share: u64) {
        if !self.world.is_connected {
            return;
        }
        for (xid, request) in self.world.received() {
            if self.chance.next() % 100 >= share || !self.server.is_alive(self.session) {
                break;
            }
            let is_viewed = chroot::subject(&request).starts_with("/v");
            let answer = if is_viewed && self.is_busy && self.chance.next().is_multiple_of(6) {
                Err(Code::ThrottledOp)
            } else {
                self.server.answer(self.session, &request)
            };
            self.answered.push_back(Said::Answer(xid, answer));
        }
    }

    fn receive(&mut self) {
        self.take(100);
    }

    fn cut(&mut self) {
        self.take(70);
        self.world.cut();
        self.answered.clear();
    }

    /// The session ends on the server, which closes its connection.
    fn expire(&mut self) {
        self.server.end(self.session);
        if self.world.is_connected {
            self.world.cut();
            self.answered.clear();
        }
    }

    fn answer(&mut self) {
        if !self.world.is_connected {
            return;
        }
        match self.answered.pop_front() {
            Some(Said::Answer(xid, Ok(reply))) => self.world.reply(xid, 1, reply),
            Some(Said::Answer(xid, Err(code))) => self.world.reply_error(xid, code),
            Some(Said::Event(kind, path)) => self.world.event(kind, &path),
            None => {}
        }
    }

    fn connect(&mut self) {
        if self.world.is_connected || !self.world.is_dialing {
            return;
        }
        self.answered.clear();
        self.server.watched.clear();
        let request = self.world.accept();
        let asked = request.session_id.0;
        if asked != 0 && !self.server.is_alive(asked) {
            return self.world.refuse();
        }
        self.session = if asked == 0 || self.chance.next().is_multiple_of(12) {
            // A server that cannot resume ends the session and grants another one.
            self.server.end(asked);
            self.server.begin()
        } else {
            asked
        };
        let highest_once = self.server.highest(self.session);
        self.world.respond(ConnectResponse {
            timeout: Millis(super::world::TIMEOUT as u32),
            session_id: SessionId(self.session),
            password: Password([7; 16]),
            read_only: Some(false),
            welcome: self
                .welcome
                .filter(|_| request.hello.is_some())
                .map(|welcome| Welcome { highest_once, ..welcome }),
        });
    }

    /// Nobody hears anything twice, and nothing of an epoch after its end.
    fn listen(&mut self) {
        for heard in self.world.take_heard() {
            match heard {
                Heard::Answer(call, result) => {
                    let before = self.answers.insert(call, result);
                    assert_eq!(before, None, "C1: {call} is answered once");
                }
                Heard::State(state, epoch) => {
                    assert!(epoch >= self.epoch, "C3: epochs count up");
                    assert!(epoch > self.epoch || !self.is_lost, "C3: {state:?} after the end");
                    self.epoch = epoch;
                    self.is_lost = matches!(state, State::Lost(_));
                }
                Heard::Registered(id, state, _) => {
                    self.registrations.insert(id, state);
                }
                Heard::View(watch, news, is_fresh) => self.show(watch, news, is_fresh),
                _ => {}
            }
        }
    }

    fn show(&mut self, watch: u64, news: News, is_fresh: bool) {
        // One that was dropped may still say what it has read.
        let Some(shown) = self.views.get_mut(&watch) else { return };
        shown.is_fresh = is_fresh;
        let number = |content: &Content| content.stat.mzxid.0;
        match news {
            News::Doubt => {}
            News::Data(content) => {
                let value = content.map(|content| (shown.path.to_owned(), number(&content)));
                shown.values = value.into_iter().collect();
            }
            News::Children(listing) => {
                let names = listing.map(|listing| listing.names).unwrap_or_default();
                shown.values = names.into_iter().map(|name| (name, 0)).collect();
            }
            News::Tree(delta) => {
                for (path, content) in delta {
                    match content {
                        Some(content) => drop(shown.values.insert(path, number(&content))),
                        None => drop(shown.values.remove(&path)),
                    }
                }
            }
            News::Ended(error) => panic!("view {watch} ends: {error}"),
        }
    }

    /// What a view has to show.
    fn to_show(&self, shown: &Shown) -> BTreeMap<String, i64> {
        let values = self.server.values.iter().map(|(path, &number)| (path.clone(), number));
        match shown.kind {
            ViewKind::Data => values.filter(|(path, _)| path == shown.path).collect(),
            ViewKind::Tree => values.filter(|(at, _)| path::is_within(at, shown.path)).collect(),
            ViewKind::Children => {
                self.server.names(shown.path).into_iter().map(|name| (name, 0)).collect()
            }
        }
    }

    /// No more faults, until nothing is left to do.
    fn calm_down(&mut self) {
        self.is_busy = false;
        for round in 0..400 {
            if round < 40 {
                // Who was refused asks again.
                self.world.pass(100);
            }
            if !self.world.is_connected && !self.world.is_dialing {
                self.world.until_dial();
            }
            self.connect();
            self.receive();
            while !self.answered.is_empty() && self.world.is_connected {
                self.answer();
            }
            // Znodes that are in the way go with their sessions.
            for session in self.server.alive() {
                if session != self.session {
                    self.server.end(session);
                }
            }
            self.listen();
            for id in 1..=REGISTRATIONS {
                let is_waiting =
                    matches!(self.registrations.get(&id), Some(RegistrationState::Conflict { .. }));
                let path = format!("/r{id}");
                if is_waiting && self.server.owner(&path).is_none() && self.world.is_connected {
                    self.world.event(crate::base::EventKind::Deleted, &path);
                }
            }
        }
    }

    /// Whether what the client said of its writes is so.
    fn verify(&self) -> Result<(), String> {
        for (path, times) in &self.server.carried_out {
            let is_ours = !path.starts_with("/r");
            if is_ours && *times > 1 {
                return Err(format!("{path} was carried out {times} times"));
            }
        }
        for call in &self.writes {
            let times = self.server.carried_out.get(&format!("/{call}")).copied().unwrap_or(0);
            match self.answers.get(call) {
                None => return Err(format!("{call} has no answer")),
                Some(Ok(_)) if times == 0 => return Err(format!("{call} was lost")),
                Some(Err(error @ Error::ConnectionLoss { sent: true, .. }))
                    if self.leaves_no_doubt =>
                {
                    return Err(format!("{call} is in doubt: {error}"));
                }
                Some(Err(error)) if error.outcome() == Outcome::NotApplied && times > 0 => {
                    return Err(format!("{call} is in effect: {error}"));
                }
                _ => {}
            }
        }
        for (watch, shown) in &self.views {
            let expected = self.to_show(shown);
            if shown.values != expected || !shown.is_fresh {
                let (kind, path, values, fresh) =
                    (shown.kind, shown.path, &shown.values, shown.is_fresh);
                return Err(format!(
                    "view {watch}, {kind:?} of {path}, shows {values:?}, fresh {fresh}; \
                     there is {expected:?}"
                ));
            }
        }
        for id in 1..=REGISTRATIONS {
            let is_present =
                matches!(self.registrations.get(&id), Some(RegistrationState::Present { .. }));
            let owner = self.server.owner(&format!("/r{id}"));
            if !is_present || owner != Some(self.session) {
                let state = self.registrations.get(&id);
                return Err(format!("{id} is {state:?}, of {owner:?} in {}", self.session));
            }
        }
        Ok(())
    }
}

/// A planted defect of the server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// It forgets the numbers of writes.
    Forgetful,
    /// It says nothing of changes.
    Mute,
}

fn live(seed: u64, fault: Fault) -> Result<(), String> {
    let mut life = Life::new(seed, fault);
    for _ in 0..600 {
        life.step();
    }
    life.calm_down();
    assert_eq!(life.answers.len() as u64, life.submitted, "C1: seed {seed}");
    let verified = life.verify();
    life.views.clear();
    life.world.handle(Input::Close);
    life.world.pass(60_000);
    life.listen();
    verified
}

#[test]
fn c1_c3_hold_in_random_lives_and_writes_and_views_are_what_is_said_of_them() {
    for seed in 0..120 {
        if let Err(fault) = live(seed, Fault::None) {
            panic!("seed {seed}: {fault}");
        }
    }
}

#[test]
fn a_server_that_forgets_numbers_is_found_out() {
    let faults = (0..40).filter(|&seed| live(seed, Fault::Forgetful).is_err()).count();
    assert!(faults > 0, "a write was carried out twice, and nobody noticed");
}

#[test]
fn a_server_that_tells_of_no_change_is_found_out() {
    let faults = (0..8).filter(|&seed| live(seed, Fault::Mute).is_err()).count();
    assert!(faults > 0, "a view is behind, and nobody noticed");
}
