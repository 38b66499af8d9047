//! `tenure log verify` and `tenure log repair`: a log that is refused, looked at and cut.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use tenure::engine::snapshots::{load_newest, save};
use tenure::engine::{EngineOptions, Rules};
use tenure::log::repair::{Report, repair, verify};
use tenure::log::{Disk, LogId};

use crate::exit::Failure;
use crate::place::{self, Held, IDENTITY};
use crate::verify::{counted, describe_log};

/// What a repair put aside begins with this.
const DAMAGED: &str = "damaged-";

/// Its verbs.
#[derive(Args)]
pub struct Log {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Read the log of a data directory to its end and say what is in it. Changes nothing.
    Verify {
        /// The data directory; no server may have it.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
    /// Cut a damaged log before the damage, and give up what stands behind it.
    Repair {
        /// The data directory; no server may have it.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
        /// Do it without asking.
        #[arg(long)]
        yes: bool,
    },
}

impl Log {
    pub fn run(&self) -> Result<(), Failure> {
        match &self.verb {
            Verb::Verify { directory } => verify_log(directory),
            Verb::Repair { directory, yes } => repair_log(directory, *yes),
        }
    }
}

fn verify_log(path: &Path) -> Result<(), Failure> {
    let directory = place::directory_to_read(path)?;
    let _lock = directory.lock()?;
    let report = verify(&directory)?;
    describe_log(&report);
    match report.damages.len() {
        0 => Ok(()),
        count => Err(Failure::refused(format!(
            "{}: {}; restore a backup, or let `tenure log repair` cut the log",
            path.display(),
            counted(count as u64, "damaged place", "damaged places")
        ))),
    }
}

/// Cuts the log, then lets the state go on in a new epoch, so that no zxid is given twice.
fn repair_log(path: &Path, yes: bool) -> Result<(), Failure> {
    let held = place::hold(path)?;
    let report = verify(&*held.disk)?;
    describe_log(&report);
    let snapshot = newest_snapshot(&held)?;
    match (report.is_whole(), was_repaired(&*held.disk)?) {
        (false, _) => println!("{}", price(&report, snapshot)),
        (true, true) => println!(
            "Nothing is damaged. A repair was made here before; in case it was interrupted, this one \
             begins a new epoch, so that no zxid is given twice."
        ),
        (true, false) => {
            println!("nothing is damaged, and nothing was changed");
            return Ok(());
        }
    }
    if !yes {
        ask()?;
    }
    let repaired = repair(&*held.disk, &place::log_options(), snapshot)?;
    for name in &repaired.aside {
        println!("kept aside: {}", path.join(name).display());
    }
    let mut recovered = held.recover()?;
    let epoch = recovered.engine.epoch() + 1;
    recovered.engine.begin(epoch, Rules::default());
    let head = place::head(&recovered);
    let made = save(&mut recovered.engine, &*held.disk, |_| head)?;
    recovered.log.close().map_err(Failure::error)?;
    let lost = match (report.reached, repaired.lost) {
        (0, 0) => "an unknown number of entries".to_owned(),
        (_, lost) => counted(lost, "entry", "entries"),
    };
    println!(
        "repaired: {lost} lost; {} goes on behind entry {}, in epoch {epoch}, with zxid {}",
        path.display(),
        recovered.applied.index,
        made.head.zxid
    );
    Ok(())
}

/// Whether a repair was begun here. It may have been interrupted before the new epoch began; to begin
/// another one costs nothing.
fn was_repaired(disk: &dyn Disk) -> io::Result<bool> {
    Ok(disk.list()?.iter().any(|name| name.starts_with(DAMAGED)))
}

/// Where the newest snapshot ends that can be used; the beginning of the log if there is none.
fn newest_snapshot(held: &Held) -> Result<LogId, Failure> {
    let newest = load_newest(&*held.disk, &EngineOptions::default())?;
    Ok(newest.loaded.map_or_else(LogId::default, |(_, summary)| summary.head.last))
}

/// What a repair costs, in words.
fn price(report: &Report, snapshot: LogId) -> String {
    let is_unnamed = report.damages.iter().any(|damage| damage.file.ends_with(IDENTITY));
    if is_unnamed && report.segments.is_empty() && report.reached == 0 {
        return format!(
            "A repair writes the identity again, as the files of the log tell it. How much of the log is \
             whole is not known before that; what is not is cut, and kept in files whose names begin \
             with `{DAMAGED}`."
        );
    }
    // What is whole in the log is of use only if it continues a state that is whole.
    let continues = (report.purged.index..=report.last.index).contains(&snapshot.index);
    let kept = if continues { report.last.index } else { snapshot.index };
    let lost = report.reached.saturating_sub(kept);
    let fate = match lost {
        0 if report.reached == 0 => {
            "it is not known how many entries are lost, for nothing tells how far the log went"
                .to_owned()
        }
        0 => "no entry that is known of is lost".to_owned(),
        1 => format!("entry {} is lost, which was acknowledged", kept + 1),
        _ => format!(
            "{lost} entries are lost, {} to {}, which were acknowledged",
            kept + 1,
            report.reached
        ),
    };
    format!(
        "A repair lets the log go on behind entry {kept}: {fate}. A backup may still have more. What \
         is cut is kept in files whose names begin with `{DAMAGED}`."
    )
}

/// Consent, typed at a terminal.
fn ask() -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::error("nothing was changed; say --yes to repair without being asked"));
    }
    print!("Type yes to go on: ");
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == "yes" { Ok(()) } else { Err(Failure::error("nothing was changed")) }
}

#[cfg(test)]
mod tests {
    use tenure::log::Damage;

    use super::*;

    fn at(index: u64) -> LogId {
        LogId { term: 0, index }
    }

    /// A log whose entries up to 160 are in a file that is missing.
    fn headless() -> Report {
        Report {
            begun: true,
            segments: vec![("log-00000000000000a1".to_owned(), 1 << 20)],
            purged: at(160),
            last: at(320),
            reached: 320,
            torn: None,
            damages: vec![Damage {
                file: "data/log-0000000000000001".to_owned(),
                offset: 0,
                found: "missing".to_owned(),
            }],
            warnings: Vec::new(),
            leftovers: Vec::new(),
        }
    }

    #[test]
    fn entries_that_continue_no_snapshot_are_lost_and_the_price_says_so() {
        let price_of = |snapshot| price(&headless(), at(snapshot));
        assert!(
            price_of(0).contains("behind entry 0: 320 entries are lost, 1 to 320"),
            "{}",
            price_of(0)
        );
        assert!(price_of(159).contains("161 entries are lost, 160 to 320"), "{}", price_of(159));
        assert!(price_of(160).contains("behind entry 320: no entry"), "{}", price_of(160));
    }
}
