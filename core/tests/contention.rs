//! Two contenders for one lock, ten thousand rounds of cuts, stops, lost answers and expiries.
//!
//! Everything runs on one manual clock, so what is looked at between two steps is looked at in one
//! moment: the intervals in which a contender was certain of its lock never overlap, tokens grow, and no
//! write of a session that is over lands. Three planted bugs show that the arena would notice.

use std::collections::VecDeque;
use std::time::Duration;

use tenure::recipes::Held;
use tenure::server::{Clock, Faults, Server};
use tenure::wire::{Features, Op};
use tenure::{Client, Result, SessionId, Zxid};
use tenure_tests::chance::Chance;
use tokio::task::JoinHandle;

const LOCK: &str = "/arena/lock";
const STATE: &str = "/arena/state";
const TIMEOUT: Duration = Duration::from_secs(6);
const STEP: Duration = Duration::from_millis(250);

/// What decides that a contender believes it has the lock.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Belief {
    /// `is_held`, at every look.
    Strict,
    /// Planted: a flag, set when the lock is acquired and cleared when it is released.
    Flag,
    /// Planted: the lock is acquired again behind the holder's back, who goes on believing.
    Revived,
}

/// How the server treats those it does not hear.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Memory {
    /// They have their whole timeout.
    Exact,
    /// It forgets when it heard them last, as an ensemble whose leader dies may, and ends them a
    /// quarter of the timeout early.
    Forgetful,
}

struct Setup {
    belief: Belief,
    memory: Memory,
    margin: Option<Duration>,
}

/// One who wants the lock.
struct Contender {
    client: Client,
    acquiring: Option<JoinHandle<Result<Held>>>,
    held: Option<Held>,
    /// What it held before, to try whether it still writes.
    past: VecDeque<Held>,
    /// The session that the server does not hear, since when, and until when.
    deaf: Option<(SessionId, Duration, Duration)>,
    /// Whose lock it believes to have, for the planted beliefs.
    believes: Option<Zxid>,
}

/// An interval in which somebody was certain.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Certain {
    who: usize,
    token: Zxid,
    from: Duration,
    to: Duration,
}

struct Arena {
    setup: Setup,
    server: Server,
    faults: Faults,
    witness: Client,
    contenders: [Contender; 2],
    now: Duration,
    refuses_until: Duration,
    intervals: Vec<Certain>,
    /// The highest token that was seen in the state.
    written: i64,
    acquired: usize,
    guarded: usize,
}

/// What the arena found, or how much happened.
#[derive(Debug)]
struct Tally {
    acquired: usize,
    guarded: usize,
    expired: usize,
}

impl Arena {
    async fn open(setup: Setup) -> Arena {
        let clock = Clock::manual();
        let mut builder = Server::builder().clock(clock.clone());
        if setup.memory == Memory::Forgetful {
            builder = builder.features(Features::ALL.without(Features::EXACT_DEADLINES));
        }
        let server = builder.start().expect("a free port");
        let client = || {
            let builder = Client::builder(server.hosts()).clock(&clock).session_timeout(TIMEOUT);
            match setup.margin {
                Some(margin) => builder.safety_margin(margin).connect(),
                None => builder.connect(),
            }
        };
        let witness = client().await.expect("connects");
        witness.ops().create(STATE, "0").parents().await.expect("creates");
        let contender = |client| Contender {
            client,
            acquiring: None,
            held: None,
            past: VecDeque::new(),
            deaf: None,
            believes: None,
        };
        let contenders = [
            contender(client().await.expect("connects")),
            contender(client().await.expect("connects")),
        ];
        Arena {
            faults: server.faults(),
            setup,
            server,
            witness,
            contenders,
            now: Duration::ZERO,
            refuses_until: Duration::ZERO,
            intervals: Vec::new(),
            written: 0,
            acquired: 0,
            guarded: 0,
        }
    }

    /// One step: something happens, time passes, and everybody is asked what they believe.
    async fn round(&mut self, chance: &mut Chance) -> std::result::Result<(), String> {
        let who = chance.below(2);
        match chance.below(40) {
            0 | 1 => self.cut(who),
            2 | 3 => self.deafen(who, chance),
            4 => self.refuse(chance),
            5 => self.faults.lose_reply(Op::Create2, 1),
            6 => self.faults.lose_reply(Op::Delete, 1),
            7 => self.faults.lose_request(Op::Create2, 1),
            8 => self.faults.lose_reply(Op::Multi, 1),
            9 => self.give_up_waiting(who),
            10..22 => self.release(who),
            22..36 => self.write(who, chance),
            _ => {}
        }
        for who in 0..2 {
            self.want(who);
        }
        let steps = 1 + chance.below(2);
        for _ in 0..steps {
            self.pass(STEP).await;
            self.look()?;
        }
        self.read().await
    }

    fn cut(&self, who: usize) {
        self.faults.drop_connection(self.contenders[who].client.session().id());
    }

    /// The process of a contender is stopped, as far as the server can tell.
    fn deafen(&mut self, who: usize, chance: &mut Chance) {
        let contender = &mut self.contenders[who];
        let session = contender.client.session().id();
        if contender.deaf.is_none() && !session.is_none() {
            let longest = 2 * TIMEOUT.as_millis() as usize;
            let until = self.now + Duration::from_millis(chance.below(longest) as u64);
            contender.deaf = Some((session, self.now, until));
            self.faults.silence(session, true);
        }
    }

    fn refuse(&mut self, chance: &mut Chance) {
        self.refuses_until = self.now + Duration::from_millis(chance.below(4_000) as u64);
        self.faults.refuse(true);
        self.cut(chance.below(2));
    }

    fn want(&mut self, who: usize) {
        let contender = &mut self.contenders[who];
        let believes = self.setup.belief != Belief::Strict && contender.believes.is_some();
        let is_idle = contender.held.is_none() && contender.acquiring.is_none();
        if is_idle && (!believes || self.setup.belief == Belief::Revived) {
            let lock = contender.client.lock(LOCK);
            contender.acquiring = Some(tokio::spawn(async move { lock.acquire().await }));
        }
    }

    fn release(&mut self, who: usize) {
        let contender = &mut self.contenders[who];
        if let Some(held) = contender.held.take() {
            contender.believes = None;
            tokio::spawn(async move { held.release().await });
        }
    }

    /// Drops the future of an acquire, wherever it is.
    fn give_up_waiting(&mut self, who: usize) {
        if let Some(acquiring) = self.contenders[who].acquiring.take() {
            acquiring.abort();
        }
    }

    /// A write of whoever has the lock, or had it once.
    fn write(&mut self, who: usize, chance: &mut Chance) {
        let contender = &self.contenders[who];
        let past = chance.percent(50).then(|| contender.past.back()).flatten();
        let Some(held) = past.or(contender.held.as_ref()) else { return };
        let token = held.token().0.to_string();
        let ops = contender.client.ops();
        drop(ops.multi().guard(held).set(STATE, token, None).commit());
        self.guarded += 1;
    }

    /// Lets time pass, and everybody do what they do meanwhile.
    async fn pass(&mut self, length: Duration) {
        self.now += length;
        self.server.advance(length);
        if self.refuses_until <= self.now {
            self.faults.refuse(false);
        }
        for who in 0..2 {
            self.remember(who);
            self.collect(who).await;
        }
    }

    /// Ends the silence of a contender that has been silent long enough, and lets a forgetful server
    /// end its session early.
    fn remember(&mut self, who: usize) {
        let Some((session, since, until)) = self.contenders[who].deaf else { return };
        let forgotten = since + TIMEOUT * 3 / 4;
        if self.setup.memory == Memory::Forgetful && self.now >= forgotten {
            self.faults.expire(session);
        }
        if self.now >= until {
            self.faults.silence(session, false);
            self.contenders[who].deaf = None;
        }
    }

    /// Takes what came of an acquire, and lets go of what is lost for good.
    async fn collect(&mut self, who: usize) {
        let contender = &mut self.contenders[who];
        if contender.acquiring.as_ref().is_some_and(JoinHandle::is_finished)
            && let Some(acquiring) = contender.acquiring.take()
            && let Ok(Ok(held)) = acquiring.await
        {
            self.acquired += 1;
            contender.believes.get_or_insert(held.token());
            contender.held = Some(held);
        }
        let is_over = |held: &Held| {
            !held.is_held() && matches!(held.session().state(), tenure::State::Lost(_))
        };
        if contender.held.as_ref().is_some_and(is_over) {
            contender.past.extend(contender.held.take());
            if contender.past.len() > 3 {
                contender.past.pop_front();
            }
            if self.setup.belief == Belief::Strict {
                contender.believes = None;
            }
        }
    }

    /// Asks everybody, in one moment.
    fn look(&mut self) -> std::result::Result<(), String> {
        for who in 0..2 {
            let contender = &self.contenders[who];
            let certain = match self.setup.belief {
                Belief::Strict => {
                    contender.held.as_ref().filter(|held| held.is_held()).map(Held::token)
                }
                Belief::Flag | Belief::Revived => contender.believes,
            };
            let Some(token) = certain else { continue };
            match self.intervals.iter_mut().rev().find(|it| (it.who, it.token) == (who, token)) {
                Some(interval) => interval.to = self.now,
                None => {
                    let (from, to) = (self.now, self.now);
                    self.intervals.push(Certain { who, token, from, to });
                }
            }
        }
        // Older ones cannot grow any more: they were compared while they could.
        let latest = &self.intervals[self.intervals.len().saturating_sub(8)..];
        for (index, one) in latest.iter().enumerate() {
            for other in &latest[index + 1..] {
                if one.token == other.token {
                    return Err(format!("two have one token: {one:?} {other:?}"));
                }
                let (first, second) =
                    if one.token < other.token { (one, other) } else { (other, one) };
                if first.to > second.from || (first.to == second.from && self.both(first, second)) {
                    return Err(format!("certain at one time: {first:?} {second:?}"));
                }
            }
        }
        Ok(())
    }

    /// Whether both are certain at this very moment; at the border of two intervals one has just let go.
    fn both(&self, first: &Certain, second: &Certain) -> bool {
        first.who != second.who && first.to == self.now && second.to == self.now && {
            let held = |who: usize| self.contenders[who].held.as_ref().is_some_and(Held::is_held);
            match self.setup.belief {
                Belief::Strict => held(0) && held(1),
                _ => self.contenders.iter().all(|contender| contender.believes.is_some()),
            }
        }
    }

    /// What guarded writes left: a token that is never lower than one that was seen.
    async fn read(&mut self) -> std::result::Result<(), String> {
        let read = self.witness.ops().get(STATE);
        self.server.advance(Duration::ZERO);
        // The witness may be refused for a while as well.
        let Ok(Ok(value)) = tokio::time::timeout(Duration::from_secs(10), read).await else {
            return Err("the witness reads nothing".into());
        };
        let text = std::str::from_utf8(&value.data).expect("digits");
        let token: i64 = text.parse().expect("a token");
        if token < self.written {
            return Err(format!("token {token} was written after {}", self.written));
        }
        self.written = token;
        Ok(())
    }
}

/// Runs up to so many rounds and returns what was found, if anything.
fn fight(setup: Setup, seed: u64, rounds: usize) -> (Tally, Option<String>) {
    // Those who wait for the lock go on beside the clock, on a thread of their own.
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut arena = Arena::open(setup).await;
        let mut chance = Chance::new(seed);
        let mut found = None;
        for round in 0..rounds {
            if let Err(fault) = arena.round(&mut chance).await {
                found = Some(format!("seed {seed}, round {round}: {fault}"));
                break;
            }
        }
        let epochs = arena.contenders.iter().map(|it| it.client.session().epoch().0 as usize - 1);
        let (acquired, guarded) = (arena.acquired, arena.guarded);
        (Tally { acquired, guarded, expired: epochs.sum() }, found)
    })
}

/// As many rounds as the environment asks for, else these.
fn rounds(usual: usize) -> usize {
    std::env::var("TENURE_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// A quarter of the ten thousand rounds; the quarters run side by side.
fn quarter(seed: u64) {
    let setup = Setup { belief: Belief::Strict, memory: Memory::Exact, margin: None };
    let (tally, found) = fight(setup, seed, rounds(2_500));
    assert_eq!(found, None, "{tally:?}");
    println!("seed {seed}: {tally:?}");
    assert!(tally.acquired > 100 && tally.expired > 20 && tally.guarded > 100, "{tally:?}");
}

#[test]
fn nobody_is_certain_of_a_lock_that_another_one_has_1() {
    quarter(11);
}

#[test]
fn nobody_is_certain_of_a_lock_that_another_one_has_2() {
    quarter(12);
}

#[test]
fn nobody_is_certain_of_a_lock_that_another_one_has_3() {
    quarter(13);
}

#[test]
fn nobody_is_certain_of_a_lock_that_another_one_has_4() {
    quarter(14);
}

#[test]
fn a_quarter_of_the_timeout_covers_a_server_that_forgets() {
    let setup = Setup { belief: Belief::Strict, memory: Memory::Forgetful, margin: None };
    let (tally, found) = fight(setup, 2, rounds(1_000));
    assert_eq!(found, None, "{tally:?}");
    assert!(tally.expired > 10, "{tally:?}");
}

#[test]
fn planted_a_margin_of_zero_against_a_server_that_forgets_is_noticed() {
    let margin = Some(Duration::ZERO);
    let setup = Setup { belief: Belief::Strict, memory: Memory::Forgetful, margin };
    let (tally, found) = fight(setup, 3, 5_000);
    assert!(found.is_some(), "{tally:?}");
}

#[test]
fn planted_a_flag_that_survives_an_expiry_is_noticed() {
    let setup = Setup { belief: Belief::Flag, memory: Memory::Exact, margin: None };
    let (tally, found) = fight(setup, 4, 5_000);
    assert!(found.is_some(), "{tally:?}");
}

#[test]
fn planted_a_lock_that_comes_back_behind_its_holders_back_is_noticed() {
    let setup = Setup { belief: Belief::Revived, memory: Memory::Exact, margin: None };
    let (tally, found) = fight(setup, 5, 5_000);
    assert!(found.is_some(), "{tally:?}");
}
