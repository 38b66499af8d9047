//! The crash suite: nothing acknowledged is lost, whatever happens to the server or to its disk.
//!
//! `README.md` beside this file says what is done, what is judged, and how to repeat a run. Prints
//! one line `ok` or `not ok` for each part, and a summary of each as comments.

mod blow;
mod controls;
mod crew;
mod damage;
mod digest;
mod history;
mod model;
mod observed;
mod oracle;
mod planted;
mod power;
mod script;
mod server;
mod site;
mod summary;
mod unknowns;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use blow::Blow;
use site::{Plan, Site};
use summary::{Summary, Verdict};

/// After so many rounds a directory is given up for a new one.
const ROUNDS_OF_A_DIRECTORY: u64 = 40;

/// Directories harmed at rest.
const TRIALS: usize = 400;

/// What a run is about.
struct Run {
    program: PathBuf,
    home: PathBuf,
    seed: u64,
    rounds: u64,
    failed: bool,
}

fn main() -> ExitCode {
    let parts: Vec<String> = std::env::args().skip(1).collect();
    let wants = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    if power::missing().is_none()
        && let Some(code) = power::inside()
    {
        return ExitCode::from(u8::try_from(code).unwrap_or(1));
    }
    let Some(program) = std::env::var_os("TENURE_CRASH_SERVER") else {
        println!("not ok the suite: TENURE_CRASH_SERVER does not name the program under test");
        return ExitCode::FAILURE;
    };
    let mut run = Run {
        program: program.into(),
        home: folder(),
        seed: number("TENURE_CRASH_SEED", 1),
        rounds: number("TENURE_CRASH_ROUNDS", 200),
        failed: false,
    };
    println!("# seed {}, {} rounds, files in {}", run.seed, run.rounds, run.home.display());
    if wants("judge") {
        run.part("the judge sees what is planted", controls::judge_sees);
    }
    let mut blows = Vec::new();
    if wants("kill") {
        blows.push(("kill -9 under load", Blow::Kill));
    }
    if wants("power") && run.has_power() {
        run.part("a power cut loses what was not synced, and only that", controls::power_cuts);
        blows.push(("power cuts under load", Blow::PowerCut));
    }
    run.rounds(&blows);
    if wants("damage") {
        run.part("a harmed directory is refused or harmless", controls::harm_is_noticed);
    }
    if wants("controls") {
        run.part("in memory, kill -9 is seen to lose", controls::memory_loses);
        run.part("ack before fsync, kill -9 is seen to lose", controls::early_ack_loses_to_kill);
        run.part("checksums ignored, harm is seen to be served", controls::harm_unchecked);
        if run.has_power() {
            run.part("no fsync, a power cut is seen to lose", controls::no_sync_loses);
            run.part("ack before fsync, a power cut is seen to lose", controls::early_ack_loses);
        }
    }
    if !run.failed {
        let _ = std::fs::remove_dir_all(&run.home);
    }
    if run.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

impl Run {
    /// One claim: `Ok` with what is worth telling, or what is wrong with it.
    fn part(&mut self, name: &str, holds: fn(&Run) -> Result<String, String>) {
        let begun = Instant::now();
        match holds(self) {
            Ok(text) => {
                print!("{}", comment(&text));
                println!("ok {name} ({:.1} s)", begun.elapsed().as_secs_f64());
            }
            Err(why) => self.fail(name, &why),
        }
    }

    /// Rounds of each kind, side by side: most of their time is spent waiting for disks.
    fn rounds(&mut self, blows: &[(&str, Blow)]) {
        let begun = Instant::now();
        let plans: Vec<_> = blows.iter().map(|(name, blow)| self.plan(name, *blow)).collect();
        let rounds = self.rounds;
        let summaries: Vec<Summary> = std::thread::scope(|scope| {
            let sites: Vec<_> =
                plans.iter().map(|plan| scope.spawn(move || play(plan, rounds))).collect();
            sites.into_iter().map(|site| site.join().expect("a site does not panic")).collect()
        });
        let seconds = begun.elapsed().as_secs_f64();
        for ((name, _), summary) in blows.iter().zip(summaries) {
            print!("# {name}\n{}", summary.text());
            match summary.verdict(rounds) {
                Verdict::Pass => println!("ok {name}: {rounds} rounds ({seconds:.1} s)"),
                Verdict::Fail => {
                    let (round, seed) = (summary.rounds, self.seed);
                    self.fail(name, &format!("wrong in round {round}, seed {seed}"));
                }
                Verdict::Unknown(why) => {
                    self.fail(name, &format!("unknown, which is no pass: {why}"));
                }
            }
        }
    }

    fn fail(&mut self, name: &str, why: &str) {
        self.failed = true;
        print!("{}", comment(why));
        println!("not ok {name}: {}", why.lines().next().unwrap_or_default());
    }

    /// A site of this name, of its own seed.
    fn plan(&self, name: &str, blow: Blow) -> Plan {
        let name = name.replace(|letter: char| !letter.is_alphanumeric(), "-");
        let salt = name.bytes().fold(0, |salt: u64, byte| salt.wrapping_mul(31) + u64::from(byte));
        Plan {
            blow,
            program: self.program.clone(),
            durable: true,
            snapshot_after: None,
            planted: Vec::new(),
            home: self.home.join(name),
            seed: tenure_tests::chance::mix(self.seed ^ salt),
        }
    }

    fn has_power(&self) -> bool {
        let missing = power::missing();
        if let Some(why) = &missing {
            println!("SKIPPED power cuts: {why}");
        }
        missing.is_none()
    }
}

/// Plays so many rounds, or until something is wrong; what was seen.
fn play(plan: &Plan, rounds: u64) -> Summary {
    let mut summary = Summary::default();
    let mut site = Site::new(plan.clone());
    while summary.faults.is_empty() && summary.rounds < rounds {
        let begins = summary.rounds % ROUNDS_OF_A_DIRECTORY == 0;
        let done = if begins { site.begin(&mut summary) } else { Ok(()) };
        if let Err(why) = done.and_then(|()| site.round(&mut summary)) {
            summary.faults.push(why);
        }
    }
    summary
}

fn comment(text: &str) -> String {
    text.lines().map(|line| format!("#   {:.1500}\n", line.trim_start_matches("#   "))).collect()
}

fn number(variable: &str, default: u64) -> u64 {
    let Ok(text) = std::env::var(variable) else { return default };
    text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}"))
}

/// A folder in memory, if there is one: what is lost in a power cut is decided by the file system in
/// the image, not by what holds the image.
fn folder() -> PathBuf {
    let shared = PathBuf::from("/dev/shm");
    let base = if shared.is_dir() { shared } else { std::env::temp_dir() };
    // What runs left that were killed themselves is of no use to anybody.
    for entry in std::fs::read_dir(&base).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name.strip_prefix("tenure-crash-").and_then(|pid| pid.parse::<u32>().ok());
        if pid.is_some_and(|pid| !PathBuf::from(format!("/proc/{pid}")).exists())
            && entry.metadata().and_then(|data| data.modified()).is_ok_and(is_old)
        {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    base.join(format!("tenure-crash-{}", std::process::id()))
}

fn is_old(modified: std::time::SystemTime) -> bool {
    modified.elapsed().is_ok_and(|age| age > Duration::from_secs(3_600))
}
