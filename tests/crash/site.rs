//! One server with its directory and its clients, through many interruptions.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tenure_tests::chance::Chance;
use tenure_tests::op;
use tenure_tests::records::ConnectRequest;
use tenure_tests::session::Session;

use crate::blow::{Blow, Interruption, await_answers, working};
use crate::crew::{Actor, Crew, Stage, lay_ground};
use crate::digest;
use crate::history::{Fate, Life};
use crate::model::Model;
use crate::observed::{Observed, connect};
use crate::oracle::judge;
use crate::planted::Evidence;
use crate::power::Disk;
use crate::script;
use crate::server::{Phase, Program, Settings};
use crate::summary::Summary;

/// What a site is like.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How it is interrupted.
    pub blow: Blow,
    /// The program under test.
    pub program: PathBuf,
    /// Whether it has a data directory.
    pub durable: bool,
    /// How many transactions apart snapshots are, if that does not change from start to start.
    pub snapshot_after: Option<u64>,
    /// Faults planted in every round.
    pub planted: Vec<String>,
    /// Where it may put files.
    pub home: PathBuf,
    /// What everything is decided by.
    pub seed: u64,
}

const THREADS: usize = 3;

/// How long clients may wait for the answers that are to come before an interruption.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server, what it must hold, and those who know.
pub struct Site {
    plan: Plan,
    settings: Settings,
    // Dropped in this order: the disk is busy as long as the server runs.
    program: Option<Program>,
    disk: Option<Disk>,
    chance: Chance,
    keys: AtomicU64,
    model: Model,
    lives: Vec<Life>,
    attached: Vec<Actor>,
    /// A session that is over, to be refused.
    over: Option<Life>,
    evidence: Option<Evidence>,
}

impl Site {
    /// A site that is not served yet.
    pub fn new(plan: Plan) -> Site {
        let _ = fs::remove_dir_all(&plan.home);
        fs::create_dir_all(&plan.home).expect("the target folder can be written to");
        let settings = Settings {
            program: plan.program.clone(),
            data: plan.durable.then(|| plan.home.join("disk").join("data")),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            faults: Vec::new(),
            snapshot_after: 100,
            messages: plan.home.join("messages"),
        };
        Site {
            chance: Chance::new(plan.seed),
            plan,
            settings,
            disk: None,
            program: None,
            keys: AtomicU64::new(1),
            model: Model::fresh(),
            lives: Vec::new(),
            attached: Vec::new(),
            over: None,
            evidence: None,
        }
    }

    /// The state that is known for certain after the last round.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The sessions that must be there after the last round.
    pub fn lives(&self) -> &[Life] {
        &self.lives
    }

    /// Where the state is.
    pub fn data(&self) -> &Path {
        self.settings.data.as_deref().expect("the site is durable")
    }

    /// Starts over with nothing.
    ///
    /// # Errors
    /// What kept it from that.
    pub fn begin(&mut self, summary: &mut Summary) -> Result<(), String> {
        self.stop();
        self.disk = None;
        let folder = self.plan.home.join("disk");
        let _ = fs::remove_dir_all(&folder);
        if self.plan.blow == Blow::PowerCut {
            self.disk = Some(working(Disk::make(&self.plan.home.join("image"), &folder)));
        } else {
            fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        }
        (self.model, self.lives, self.over) = (Model::fresh(), Vec::new(), None);
        summary.directories += 1;
        self.start(summary)?;
        let key = self.keys.fetch_add(1, Ordering::Relaxed);
        let mut ground = vec![lay_ground(self.settings.listen, key, script::ground())?];
        let seen = Observed::read(self.settings.listen)?;
        let judgement = judge(&self.model, &mut ground, &seen);
        summary.faults.extend(judgement.faults);
        self.model = judgement.model;
        Ok(())
    }

    /// Load, an interruption, and a look at what is there afterwards.
    ///
    /// # Errors
    /// What kept the round from its end; a server that does not come back is among it.
    pub fn round(&mut self, summary: &mut Summary) -> Result<(), String> {
        self.load(summary)?;
        self.come_back();
        if self.plan.blow != Blow::HangUp && self.chance.percent(30) {
            self.interrupt_start(summary);
        }
        if self.program.is_none() {
            self.start(summary)?;
        }
        self.verify(summary)?;
        if self.chance.percent(12) {
            self.watch_expiry(summary)?;
        }
        if self.settings.data.is_some() && self.chance.percent(8) {
            self.compare_digest(summary)?;
        }
        Ok(())
    }

    /// Ends the server.
    pub fn stop(&mut self) {
        self.attached.clear();
        self.program = None;
    }

    /// Ends the server as an operator does, and says how it ended.
    pub fn shut_down(&mut self) -> Option<i32> {
        self.attached.clear();
        self.program.take().and_then(|mut program| program.terminate())
    }

    /// Kills it while nobody asks for anything.
    pub fn kill(&mut self) -> Option<i32> {
        self.stop();
        None
    }

    /// Serves again what is known for certain, and looks whether it is there.
    ///
    /// # Errors
    /// What kept it from that.
    pub fn resume(&mut self, summary: &mut Summary) -> Result<(), String> {
        self.start(summary)?;
        self.verify(summary)
    }

    /// Waits until nothing changes by itself any more: every session that was left alone has expired,
    /// and that is known.
    ///
    /// # Errors
    /// What kept it from that.
    pub fn settle(&mut self, summary: &mut Summary) -> Result<(), String> {
        let end = Instant::now() + PATIENCE;
        while self.lives.iter().any(|life| life.fate == Fate::Abandoned) {
            if Instant::now() > end {
                return Err("sessions that were left alone do not expire".to_owned());
            }
            std::thread::sleep(Duration::from_millis(20));
            self.attached.clear();
            self.verify(summary)?;
        }
        Ok(())
    }

    /// What the last round was judged by.
    pub fn evidence(&self) -> Option<&Evidence> {
        self.evidence.as_ref()
    }

    fn choose(&mut self) {
        let chosen = *self.chance.pick(&[25, 100, 400, 100_000]);
        self.settings.snapshot_after = self.plan.snapshot_after.unwrap_or(chosen);
        self.settings.faults = self.plan.planted.clone();
        if self.plan.planted.is_empty() && self.chance.percent(50) {
            self.settings.faults.push("fsync-delay=0..20".to_owned());
        }
    }

    fn start(&mut self, summary: &mut Summary) -> Result<(), String> {
        self.choose();
        let mut program = Program::start(&self.settings);
        let begun = Instant::now();
        self.settings.listen = program.serving(&self.settings).map_err(|ended| {
            format!("the server does not come back: exit code {:?}, {}", ended.code, ended.said)
        })?;
        summary.slowest_start = summary.slowest_start.max(begun.elapsed());
        self.program = Some(program);
        Ok(())
    }

    fn load(&mut self, summary: &mut Summary) -> Result<(), String> {
        let (stop, answers) = (AtomicBool::new(false), AtomicU64::new(0));
        let addr = self.settings.listen;
        let stage = Stage { addr, keys: &self.keys, stop: &stop, answers: &answers };
        let alive: Vec<_> = self.lives.iter().map(|life| life.key).collect();
        let mut garbage = script::garbage(&self.model, &alive);
        let mut actors: Vec<Vec<Actor>> = (0..THREADS).map(|_| Vec::new()).collect();
        for (place, actor) in self.attached.drain(..).enumerate() {
            actors[place % THREADS].push(actor);
        }
        // Those nobody speaks for are judged again all the same.
        self.lives.retain(|life| life.fate == Fate::Abandoned);
        let target = 1 + self.chance.below(350) as u64;
        let is_due_soon = self.settings.data.is_some() && self.settings.snapshot_after < 1_000;
        let awaits_snapshot = is_due_soon && self.chance.percent(25);
        let pause = Duration::from_micros(self.chance.below(4_000) as u64);
        let blow = Interruption {
            blow: self.plan.blow,
            awaits_snapshot,
            gives_up: self.chance.percent(20),
            pause,
        };
        let seeds: Vec<_> = (0..THREADS).map(|_| Chance::new(self.chance.bits())).collect();
        let program = self.program.as_mut().expect("it serves");
        let (disk, data) = (self.disk.as_ref(), self.settings.data.as_deref());
        let (lives, reached) = std::thread::scope(|scope| {
            let crews: Vec<_> = seeds
                .into_iter()
                .zip(actors)
                .map(|(chance, actors)| {
                    let crew = Crew::new(&stage, chance, actors, std::mem::take(&mut garbage));
                    scope.spawn(move || crew.work())
                })
                .collect();
            let reached = await_answers(&answers, target);
            blow.strike(program, disk, data, summary);
            stop.store(true, Ordering::Relaxed);
            let lives: Vec<Life> = crews
                .into_iter()
                .flat_map(|crew| crew.join().expect("a client does not panic"))
                .collect();
            (lives, reached)
        });
        self.lives.extend(lives);
        reached
    }

    /// The disk is back after an interruption, and the server is not.
    fn come_back(&mut self) {
        if self.plan.blow == Blow::HangUp {
            return;
        }
        self.program = None;
        self.disk.as_mut().into_iter().for_each(|disk| working(disk.come_back()));
    }

    fn interrupt_start(&mut self, summary: &mut Summary) {
        for _ in 0..1 + self.chance.below(2) {
            self.choose();
            let mut program = Program::start(&self.settings);
            std::thread::sleep(Duration::from_micros(self.chance.below(30_000) as u64));
            let phase = if program.is_listening() { Phase::Idle } else { Phase::Starting };
            summary.interrupt(phase);
            self.disk.as_ref().into_iter().for_each(|disk| working(disk.cut()));
            program.kill();
            self.come_back();
        }
    }

    fn verify(&mut self, summary: &mut Summary) -> Result<(), String> {
        let addr = self.settings.listen;
        let mut attached = Vec::new();
        for life in self.lives.iter().filter(|life| life.fate != Fate::Abandoned) {
            let mut session = connect(addr, &request(life, &life.passwd));
            if session.is_err() {
                // Turned away without a word: so is whoever has seen more than the server.
                let (id, newest) = (life.id, life.newest().unwrap_or_default());
                summary.faults.push(format!("session {id:#x} was turned away; it saw {newest:#x}"));
                let request = ConnectRequest { last_zxid: 0, ..request(life, &life.passwd) };
                session = connect(addr, &request);
            }
            let session = session?;
            match (session.granted.session == life.id, life.fate) {
                (true, _) => attached.push((life.key, session)),
                (false, Fate::Kept) => {
                    let id = life.id;
                    summary.faults.push(format!("session {id:#x} cannot be attached again"));
                }
                (false, _) => {}
            }
        }
        let seen = Observed::read(addr)?;
        if self.plan.blow == Blow::HangUp {
            let (base, lives) = (self.model.clone(), self.lives.clone());
            self.evidence = Some(Evidence { base, lives, seen: seen.clone() });
        }
        let judgement = judge(&self.model, &mut self.lives, &seen);
        summary.add(&judgement);
        self.model = judgement.model;
        self.judge_sessions(&mut attached, summary);
        self.refuse(summary)?;
        let (over, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.lives).into_iter().partition(|life| life.fate == Fate::Over);
        summary.expired +=
            over.iter().filter(|life| life.timeout == crate::crew::SHORT_MS).count() as u64;
        self.over = over.into_iter().next_back().or(self.over.take());
        self.lives = rest;
        // Of those that were left alone before anything of theirs had happened nothing can be known.
        let has_area = |life: &Life| self.model.znodes.contains_key(&life.area());
        self.lives.retain(|life| life.fate != Fate::Abandoned || has_area(life));
        for life in &mut self.lives {
            life.requests.clear();
            let session = attached.iter().position(|(key, _)| *key == life.key);
            if let Some(place) = session {
                // A close that did not happen leaves a session like any other.
                life.fate = Fate::Kept;
                let (_, session) = attached.swap_remove(place);
                self.attached.push(Actor::resume(life.clone(), session, &self.model));
            }
        }
        Ok(())
    }

    /// Sessions are there exactly as long as the state has them, with their ephemerals.
    fn judge_sessions(&self, attached: &mut [(u64, Session)], summary: &mut Summary) {
        for (key, session) in attached {
            summary.sessions += 1;
            let id = session.id();
            let is_over = self.lives.iter().any(|life| life.key == *key && life.fate == Fate::Over);
            if is_over {
                summary.faults.push(format!("session {id:#x} is over and was attached again"));
                continue;
            }
            let own = self.model.znodes.iter().filter(|(_, z)| z.stat.ephemeral_owner == id);
            let own: Vec<_> = own.map(|(path, _)| path.clone()).collect();
            let told = session.ephemerals("/");
            if told != own {
                summary.faults.push(format!("session {id:#x} keeps {told:?} alive, not {own:?}"));
            }
        }
        let living = |owner| owner == 0 || self.model.sessions.contains(&owner);
        for (path, znode) in &self.model.znodes {
            if !living(znode.stat.ephemeral_owner) {
                summary.faults.push(format!("{path} belongs to a session that is over"));
            }
        }
    }

    /// A wrong password and a session that is over give nobody a session.
    fn refuse(&self, summary: &mut Summary) -> Result<(), String> {
        let mut wrong: Vec<_> = self.over.iter().map(|life| request(life, &life.passwd)).collect();
        if let Some(life) = self.lives.iter().find(|life| life.fate == Fate::Kept) {
            let passwd: Vec<_> = life.passwd.iter().map(|byte| byte ^ 1).collect();
            wrong.push(request(life, &passwd));
        }
        for request in wrong {
            let granted = connect(self.settings.listen, &request)?.granted;
            if granted.session == 0 && granted.timeout == 0 {
                summary.refused += 1;
            } else {
                let id = request.session;
                summary.faults.push(format!("session {id:#x} was granted to a stranger"));
            }
        }
        Ok(())
    }

    /// The digest of a snapshot taken now is that of the state.
    fn compare_digest(&mut self, summary: &mut Summary) -> Result<(), String> {
        let mut looks = Summary::default();
        self.settle(&mut looks)?;
        summary.faults.append(&mut looks.faults);
        let (wanted, found) =
            (digest::of(&self.model), digest::told_by(&self.plan.program, self.data())?);
        if found != wanted {
            summary.faults.push(format!("the digest is {found:#x}, expected {wanted:#x}"));
        }
        summary.digests += 1;
        Ok(())
    }

    /// A session nobody speaks for has its whole timeout after the start, and no more for ever.
    fn watch_expiry(&mut self, summary: &mut Summary) -> Result<(), String> {
        let Some(life) = self.lives.iter().find(|life| life.fate == Fate::Abandoned) else {
            return Ok(());
        };
        let alive = life.alive();
        if !self.model.znodes.contains_key(&alive) {
            return Ok(());
        }
        let begun = self.program.as_ref().expect("it serves").begun();
        let whole = Duration::from_millis(life.timeout.unsigned_abs().into());
        let mut reader = connect(self.settings.listen, &ConnectRequest::default())?;
        while reader.exists(&alive, false) != Err(op::NO_NODE) {
            if begun.elapsed() > whole + PATIENCE {
                summary.faults.push(format!("session {:#x} does not expire", life.id));
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let lived = begun.elapsed();
        if lived < whole {
            let id = life.id;
            summary.faults.push(format!("session {id:#x} expired {lived:?} after a start"));
        }
        summary.full_timeouts += u64::from(self.plan.blow != Blow::HangUp);
        reader.close();
        Ok(())
    }
}

/// The request that attaches a session again, by a client that knows what it was told.
pub fn request(life: &Life, passwd: &[u8]) -> ConnectRequest {
    ConnectRequest {
        last_zxid: life.newest().unwrap_or_default(),
        timeout: life.timeout,
        session: life.id,
        passwd: Some(passwd.to_vec()),
        ..ConnectRequest::default()
    }
}
