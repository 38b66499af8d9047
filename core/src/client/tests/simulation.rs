//! Everything at once, at random, with the invariants looked at after every step.

use std::collections::{BTreeMap, BTreeSet};

use super::world::{Heard, World, add_watch, create, get, set, settings, success};
use crate::base::CreateMode;
use crate::client::chance::Chance;
use crate::client::machine::Input;
use crate::client::{Intent, State, WatchId};
use crate::wire::{Op, Request};

/// One random life of a client.
struct Life {
    world: World,
    chance: Chance,
    submitted: u64,
    answered: BTreeSet<u64>,
    /// How often each write arrived, by its path, which is its number.
    writes: BTreeMap<String, u32>,
    session: i64,
    unanswered: Vec<(i32, Request)>,
    epoch: u32,
    is_lost: bool,
}

impl Life {
    fn step(&mut self) {
        match self.chance.next() % 12 {
            0..3 => self.submit(),
            3..6 => self.receive(),
            6..9 => self.answer(),
            9 => self.world.pass(self.chance.next() % 3_000),
            10 if self.world.is_connected => {
                self.world.cut();
                self.unanswered.clear();
            }
            _ => self.connect(),
        }
        self.listen();
    }

    fn submit(&mut self) {
        self.submitted += 1;
        let path = format!("/{}", self.submitted);
        let watch = WatchId(self.submitted);
        match self.chance.next() % 6 {
            0 => self.world.submit(get(&path)),
            1 => self.world.submit(create(&path, CreateMode::Ephemeral)),
            2 => self.world.submit_with(add_watch(&path), |s| s.intent = Intent::Stream(watch)),
            3 => {
                let request = Request::Exists { path, watch: true };
                self.world.submit_with(request, |s| s.intent = Intent::Once(watch))
            }
            4 => self.world.submit_with(set(&path), |s| {
                s.timeout = Some(std::time::Duration::from_millis(700));
            }),
            _ => self.world.submit(set(&path)),
        };
    }

    fn receive(&mut self) {
        if !self.world.is_connected {
            return;
        }
        for (xid, request) in self.world.received() {
            if matches!(request.op(), Op::SetData | Op::Create2) {
                let path = crate::client::chroot::subject(&request).to_owned();
                *self.writes.entry(path).or_default() += 1;
            }
            self.unanswered.push((xid, request));
        }
    }

    fn answer(&mut self) {
        if self.unanswered.is_empty() || !self.world.is_connected {
            return;
        }
        let (xid, request) = self.unanswered.remove(0);
        self.world.reply(xid, 1, success(&request));
    }

    fn connect(&mut self) {
        if self.world.is_connected || !self.world.is_dialing {
            return;
        }
        self.unanswered.clear();
        let asked = self.world.accept().session_id.0;
        match self.chance.next() % 8 {
            0 => self.world.refuse(),
            1 => {
                self.session += 1;
                self.world.grant(self.session);
            }
            _ if asked == 0 => {
                self.session += 1;
                self.world.grant(self.session);
            }
            _ => self.world.grant(asked),
        }
    }

    /// Nobody hears anything twice, and nothing of an epoch after its end.
    fn listen(&mut self) {
        for heard in self.world.take_heard() {
            match heard {
                Heard::Answer(call, _) => {
                    assert!(self.answered.insert(call), "C1: {call} is answered once");
                }
                Heard::State(state, epoch) => {
                    assert!(epoch >= self.epoch, "C3: epochs count up");
                    assert!(epoch > self.epoch || !self.is_lost, "C3: {state:?} after the end");
                    self.epoch = epoch;
                    self.is_lost = matches!(state, State::Lost(_));
                }
                _ => {}
            }
        }
    }
}

#[test]
fn c1_c3_hold_in_random_lives() {
    for seed in 0..40 {
        let mut life = Life {
            world: World::new(settings(|settings| settings.seed = seed)),
            chance: Chance::new(seed),
            submitted: 0,
            answered: BTreeSet::new(),
            writes: BTreeMap::new(),
            session: 100,
            unanswered: Vec::new(),
            epoch: 1,
            is_lost: false,
        };
        for _ in 0..600 {
            life.step();
        }
        life.world.handle(Input::Close);
        life.world.pass(60_000);
        life.listen();
        assert_eq!(life.answered.len() as u64, life.submitted, "C1: seed {seed}");
        for (path, times) in &life.writes {
            assert_eq!(*times, 1, "C1: {path} was sent once, seed {seed}");
        }
    }
}
