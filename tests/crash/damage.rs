//! Bytes changed, cut off, lost and exchanged in a data directory while nobody serves it.
//!
//! Whatever is done to one file, the server refuses the directory and names what is wrong, or it
//! serves exactly what was acknowledged.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tenure_tests::chance::Chance;

use crate::blow::Blow;
use crate::history::{Fate, Life};
use crate::model::Model;
use crate::observed::{Observed, connect};
use crate::oracle::judge;
use crate::server::{Program, Settings};
use crate::site::{Plan, Site, request};
use crate::summary::Summary;

/// The exit code for a directory that is refused.
const REFUSED: i32 = 3;

/// A directory at rest, and what it holds.
struct Rest {
    name: &'static str,
    folder: PathBuf,
    model: Model,
    lives: Vec<Life>,
}

/// What is done to a file.
#[derive(Clone, Debug)]
enum Harm {
    /// A byte is turned into another.
    Flip { offset: usize, bits: u8 },
    /// It ends early.
    Cut { length: usize },
    /// It is gone.
    Gone,
    /// It is what it was some time before.
    Older(Vec<u8>),
}

/// One trial.
struct Trial<'a> {
    rest: &'a Rest,
    file: String,
    harm: Harm,
}

/// What came of all trials.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Directories refused, by kind of file.
    pub refused: usize,
    /// Directories served as they had been.
    pub served: usize,
    /// What went wrong.
    pub wrong: Vec<String>,
}

/// Where harm is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// In all files, of every kind.
    Anything,
    /// Only in what the log says: bytes are flipped.
    LogBytes,
}

/// Harms the files of a small directory in about this many ways.
///
/// # Errors
/// What kept the directories from being made.
pub fn harm(plan: &Plan, target: Target, trials: usize) -> Result<Outcome, String> {
    let planted = plan.planted.clone();
    let clean = Plan { planted: Vec::new(), blow: Blow::Kill, ..plan.clone() };
    let (rests, older) = directories(&clean)?;
    let mut chance = Chance::new(plan.seed);
    let mut all = Vec::new();
    for rest in &rests {
        let count = trials / rests.len();
        match target {
            Target::Anything => plan_trials(rest, &older, (count, &mut chance), &mut all),
            Target::LogBytes => plan_flips(rest, (count, &mut chance), &mut all),
        }
    }
    let (next, outcome) = (AtomicUsize::new(0), Mutex::new(Outcome::default()));
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let (all, next, outcome, planted) = (&all, &next, &outcome, &planted);
            scope.spawn(move || {
                let home = plan.home.join(format!("trial-{worker}"));
                while let Some(trial) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = trial.run(&plan.program, planted, &home);
                    let mut outcome = outcome.lock().expect("no trial panics");
                    match result {
                        Ok(true) => outcome.served += 1,
                        Ok(false) => outcome.refused += 1,
                        Err(why) => outcome.wrong.push(trial.tell(&why)),
                    }
                }
            });
        }
    });
    Ok(outcome.into_inner().expect("no trial panics"))
}

/// A directory that was closed and one whose server was killed at rest; and an older state of them.
fn directories(plan: &Plan) -> Result<(Vec<Rest>, PathBuf), String> {
    let mut summary = Summary::default();
    let mut site = Site::new(plan.clone());
    site.begin(&mut summary)?;
    let older = plan.home.join("older");
    let mut rests = Vec::new();
    for step in 0..3 {
        site.round(&mut summary)?;
        site.round(&mut summary)?;
        site.settle(&mut summary)?;
        let folder = plan.home.join(format!("rest-{step}"));
        let (name, code) = match step {
            2 => ("killed at rest", site.kill()),
            _ => ("closed", site.shut_down()),
        };
        if step < 2 && code != Some(0) {
            return Err(format!("SIGTERM ends the server with {code:?}"));
        }
        copy(site.data(), if step == 0 { &older } else { &folder });
        if step > 0 {
            let (model, lives) = (site.model().clone(), site.lives().to_vec());
            rests.push(Rest { name, folder, model, lives });
        }
        if step < 2 {
            site.resume(&mut summary)?;
        }
    }
    match summary.faults.first() {
        Some(fault) => Err(fault.clone()),
        None => Ok((rests, older)),
    }
}

fn plan_trials<'a>(
    rest: &'a Rest,
    older: &Path,
    (count, chance): (usize, &mut Chance),
    all: &mut Vec<Trial<'a>>,
) {
    let files = files(&rest.folder);
    for (file, bytes) in &files {
        let mut add = |harm| all.push(Trial { rest, file: file.clone(), harm });
        add(Harm::Gone);
        if let Ok(before) = fs::read(older.join(file))
            && before != *bytes
        {
            add(Harm::Older(before));
        }
        // Long runs of zeros are room that was prepared; the rest says something.
        let mut telling: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at] != 0).collect();
        let room = telling.last().map_or(0, |last| last + 1);
        let share = count / files.len();
        for number in 0..share {
            let offset = match number % 8 {
                _ if bytes.is_empty() => continue,
                0 => chance.below(bytes.len()),
                1 => chance.below((room + 64).min(bytes.len())),
                2 => chance.below(64.min(bytes.len())),
                3 => (room + 32).saturating_sub(chance.below(128)).min(bytes.len() - 1),
                _ if telling.is_empty() => chance.below(bytes.len()),
                _ => telling.swap_remove(chance.below(telling.len())),
            };
            if number % 4 == 3 {
                add(Harm::Cut { length: offset });
            } else {
                add(Harm::Flip { offset, bits: 1 << chance.below(8) });
            }
        }
    }
}

/// Flips in the bytes of the log that say something.
fn plan_flips<'a>(rest: &'a Rest, (count, chance): (usize, &mut Chance), all: &mut Vec<Trial<'a>>) {
    let mut telling = Vec::new();
    for (file, bytes) in files(&rest.folder).iter().filter(|(file, _)| file.starts_with("log-")) {
        let at = (0..bytes.len()).filter(|&at| bytes[at] != 0);
        telling.extend(at.map(|offset| (file.clone(), offset)));
    }
    for _ in 0..count.min(telling.len()) {
        let (file, offset) = telling.swap_remove(chance.below(telling.len()));
        all.push(Trial { rest, file, harm: Harm::Flip { offset, bits: 1 << chance.below(8) } });
    }
}

impl Trial<'_> {
    /// Serves the harmed directory: true if it is served as it was, false if it is refused.
    fn run(&self, program: &Path, planted: &[String], home: &Path) -> Result<bool, String> {
        let _ = fs::remove_dir_all(home);
        let data = home.join("data");
        copy(&self.rest.folder, &data);
        self.harm.apply(&data.join(&self.file));
        let settings = Settings {
            program: program.to_owned(),
            data: Some(data.clone()),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            faults: planted.to_vec(),
            snapshot_after: 100_000,
            messages: home.join("messages"),
        };
        let mut program = Program::start(&settings);
        match program.serving(&settings) {
            Ok(addr) => self.rest.is_served(addr).map(|()| true),
            Err(ended) if ended.code != Some(REFUSED) => {
                Err(format!("ends with {:?}: {}", ended.code, ended.said))
            }
            Err(ended) if !ended.said.contains(&*data.to_string_lossy()) => {
                Err(format!("refuses without naming anything: {}", ended.said))
            }
            Err(_) => Ok(false),
        }
    }

    fn tell(&self, why: &str) -> String {
        let harm = match &self.harm {
            Harm::Flip { offset, bits } => format!("byte {offset} ^ {bits:#04x}"),
            Harm::Cut { length } => format!("cut to {length}"),
            Harm::Gone => "gone".to_owned(),
            Harm::Older(_) => "an older copy".to_owned(),
        };
        format!("{}, {}, {harm}: {why}", self.rest.name, self.file)
    }
}

impl Rest {
    /// Whether a server holds exactly this.
    fn is_served(&self, addr: SocketAddr) -> Result<(), String> {
        for life in self.lives.iter().filter(|life| life.fate == Fate::Kept) {
            let granted = connect(addr, &request(life, &life.passwd))?.granted;
            if granted.session != life.id {
                return Err(format!("serves without session {:#x}", life.id));
            }
        }
        let seen = Observed::read(addr)?;
        let judgement = judge(&self.model, &mut self.lives.clone(), &seen);
        match judgement.faults.first() {
            None => Ok(()),
            Some(fault) => Err(format!("serves something else: {fault}")),
        }
    }
}

impl Harm {
    fn apply(&self, path: &Path) {
        let bytes = || fs::read(path).expect("the copy is readable");
        let write = |bytes: &[u8]| fs::write(path, bytes).expect("the copy can be written");
        match self {
            Harm::Flip { offset, bits } => {
                let mut bytes = bytes();
                bytes[*offset] ^= bits;
                write(&bytes);
            }
            Harm::Cut { length } => write(&bytes()[..*length]),
            Harm::Gone => fs::remove_file(path).expect("the copy can be removed"),
            Harm::Older(before) => write(before),
        }
    }
}

/// The files of a directory with what is in them, by name.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("the directory is readable").flatten();
    let regular = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let mut files: Vec<_> = regular
        .map(|entry| {
            let bytes = fs::read(entry.path()).expect("its files are readable");
            (entry.file_name().to_string_lossy().into_owned(), bytes)
        })
        .collect();
    files.sort();
    files
}

fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).expect("the target folder can be written to");
    for (name, bytes) in files(from) {
        fs::write(to.join(name), bytes).expect("the target folder can be written to");
    }
}
