//! Clients under load: sessions with many requests on the way, until the server is gone.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tenure_tests::chance::Chance;
use tenure_tests::raw::Silence;
use tenure_tests::records::ConnectRequest;
use tenure_tests::session::Session;

use crate::history::{Asked, Fate, Life, Op, Told};
use crate::model::Model;
use crate::observed;
use crate::script::{Author, Made};

/// The timeout of sessions that are kept: no round takes so long.
const LONG_MS: i32 = 60_000;

/// The timeout of sessions that are left alone, so that they expire under the eyes of a later round.
pub const SHORT_MS: i32 = 1_000;

/// The most requests of one session on the way.
const MOST_WAITING: usize = 16;

/// Sessions one thread keeps.
const MOST_KEPT: usize = 3;

/// A session with its connection.
pub struct Actor {
    /// What it asked and was told.
    pub life: Life,
    session: Session,
    made: Made,
    /// Places of the requests that wait for an answer, with their xids.
    waiting: VecDeque<(usize, i32)>,
    needs_area: bool,
}

impl Actor {
    /// Opens a session; `None` if no server grants one.
    fn open(addr: SocketAddr, key: u64, timeout: i32) -> Option<Actor> {
        let request = ConnectRequest { timeout, ..ConnectRequest::default() };
        let session = observed::connect(addr, &request).ok()?;
        let granted = &session.granted;
        let life = Life {
            key,
            id: granted.session,
            passwd: granted.passwd.clone(),
            timeout: granted.timeout,
            fate: if timeout == SHORT_MS { Fate::Abandoned } else { Fate::Kept },
            requests: Vec::new(),
            made: 0,
        };
        let (made, waiting) = (Made::default(), VecDeque::new());
        Some(Actor { life, session, made, waiting, needs_area: true })
    }

    /// Goes on with a session that is attached again.
    pub fn resume(life: Life, session: Session, model: &Model) -> Actor {
        let made = Made::of(model, &life);
        let needs_area = !model.znodes.contains_key(&life.area());
        Actor { life, session, made, waiting: VecDeque::new(), needs_area }
    }

    /// Sends one request made up by `make`.
    fn send(&mut self, chance: &mut Chance, make: impl FnOnce(&mut Author<'_>) -> Op) {
        let mut author = Author { life: &mut self.life, made: &mut self.made, chance };
        let op =
            if std::mem::take(&mut self.needs_area) { author.area() } else { make(&mut author) };
        let (kind, body) = op.encode();
        // Before it is sent: from then on it may have happened.
        self.life.requests.push(Asked { op, answer: None });
        let xid = self.session.send(kind, &body);
        self.waiting.push_back((self.life.requests.len() - 1, xid));
    }

    /// Reads answers until no more than `most` are missing.
    fn receive(&mut self, most: usize) -> Result<(), Silence> {
        while self.waiting.len() > most {
            let reply = self.session.reply()?;
            let (place, xid) = self.waiting.pop_front().expect("it is not empty");
            assert_eq!(reply.xid, xid, "replies come in the order of the requests");
            let asked = &mut self.life.requests[place];
            let answer = asked.op.answer(&reply);
            if let Ok(told) = &answer.result {
                self.made.note(&self.life, told);
            }
            self.life.requests[place].answer = Some(answer);
        }
        Ok(())
    }

    /// Closes the session, with nothing else on the way.
    fn close(&mut self, chance: &mut Chance) -> Result<(), Silence> {
        self.receive(0)?;
        self.life.fate = Fate::Closing;
        self.needs_area = false;
        self.send(chance, |_| Op::Close);
        self.receive(0)
    }
}

/// What all threads of a load share.
pub struct Stage<'a> {
    /// Where the server listens.
    pub addr: SocketAddr,
    /// The key of the next session.
    pub keys: &'a AtomicU64,
    /// Set to let go without reading what is still on the way.
    pub stop: &'a AtomicBool,
    /// Answers so far.
    pub answers: &'a AtomicU64,
}

/// One thread's sessions.
pub struct Crew<'a> {
    stage: &'a Stage<'a>,
    chance: Chance,
    actors: Vec<Actor>,
    garbage: Vec<Vec<Op>>,
    over: Vec<Life>,
}

impl<'a> Crew<'a> {
    /// Takes over these sessions, and the removal of what others left.
    pub fn new(
        stage: &'a Stage<'a>,
        chance: Chance,
        actors: Vec<Actor>,
        garbage: Vec<Vec<Op>>,
    ) -> Crew<'a> {
        Crew { stage, chance, actors, garbage, over: Vec::new() }
    }

    /// Writes until the server does not answer any more; returns all sessions it had.
    pub fn work(mut self) -> Vec<Life> {
        while !self.stage.stop.load(Ordering::Relaxed) {
            if self.step().is_err() {
                break;
            }
        }
        let mut lives = self.over;
        lives.extend(self.actors.into_iter().map(|actor| actor.life));
        lives
    }

    fn step(&mut self) -> Result<(), Silence> {
        if self.actors.is_empty() || self.chance.percent(4) {
            return self.guest();
        }
        let index = self.chance.below(self.actors.len());
        if self.actors.len() > MOST_KEPT {
            let mut actor = self.actors.remove(index);
            let closed = actor.close(&mut self.chance);
            self.stage.answers.fetch_add(1, Ordering::Relaxed);
            self.over.push(actor.life);
            return closed;
        }
        let actor = &mut self.actors[index];
        let room = MOST_WAITING - actor.waiting.len();
        for _ in 0..self.chance.below(room + 1) {
            match self.garbage.pop() {
                Some(parts) if !actor.needs_area => {
                    actor.send(&mut self.chance, |author| author.marked(parts));
                }
                Some(parts) => {
                    self.garbage.push(parts);
                    actor.send(&mut self.chance, |_| unreachable!("the area comes first"));
                }
                None => actor.send(&mut self.chance, |author| author.any()),
            }
        }
        let before = actor.waiting.len();
        let most = self.chance.below(before + 1);
        actor.receive(most)?;
        self.stage.answers.fetch_add((before - most) as u64, Ordering::Relaxed);
        Ok(())
    }

    /// A new session: it stays, is closed again, or is left alone.
    fn guest(&mut self) -> Result<(), Silence> {
        let key = self.stage.keys.fetch_add(1, Ordering::Relaxed);
        let is_left = self.chance.percent(25);
        let timeout = if is_left { SHORT_MS } else { LONG_MS };
        let Some(mut actor) = Actor::open(self.stage.addr, key, timeout) else {
            return Err(Silence::Closed);
        };
        for _ in 0..1 + self.chance.below(8) {
            actor
                .send(&mut self.chance, |author| if is_left { author.own() } else { author.any() });
        }
        let mut answered = actor.receive(0);
        if answered.is_ok() && !is_left && self.chance.percent(50) {
            answered = actor.close(&mut self.chance);
        }
        if is_left || actor.life.fate == Fate::Closing || answered.is_err() {
            self.over.push(actor.life);
        } else {
            self.actors.push(actor);
        }
        // A session that is left alone may have expired over it.
        if is_left { Ok(()) } else { answered }
    }
}

/// Creates what everybody needs on an empty server.
///
/// # Errors
/// What was not answered as it should be.
pub fn lay_ground(addr: SocketAddr, key: u64, ops: Vec<Op>) -> Result<Life, String> {
    let mut actor = Actor::open(addr, key, LONG_MS).ok_or("no session on an empty server")?;
    actor.needs_area = false;
    let mut chance = Chance::new(key);
    for op in ops {
        actor.send(&mut chance, |_| op);
    }
    actor.close(&mut chance).map_err(|why| format!("an empty server does not answer: {why:?}"))?;
    let is_good = |asked: &Asked| {
        asked.answer.as_ref().is_some_and(|a| matches!(a.result, Ok(Told::Path(_) | Told::Done)))
    };
    if actor.life.requests.iter().all(is_good) {
        Ok(actor.life)
    } else {
        Err(format!("the first directories cannot be created: {:?}", actor.life.requests))
    }
}
