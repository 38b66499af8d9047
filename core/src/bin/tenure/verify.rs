//! `tenure verify`: what a snapshot or a data directory holds, in words. Changes nothing.

use std::path::{Path, PathBuf};

use clap::Args;
use tenure::engine::EngineOptions;
use tenure::engine::snapshots::{Unloadable, load};
use tenure::log::repair::{Report, verify};
use tenure::log::snapshot::list;
use tenure::log::{Disk, LogId};
use tenure::server::LockError;

use crate::exit::Failure;
use crate::place;

/// Its options.
#[derive(Args)]
pub struct Verify {
    /// A snapshot, or a data directory.
    #[arg(value_name = "FILE|DIR")]
    path: PathBuf,
}

impl Verify {
    /// Reads everything to its end.
    pub fn run(&self) -> Result<(), Failure> {
        if self.path.is_dir() {
            return verify_directory(&self.path);
        }
        let (folder, name) = place::file(&self.path)?;
        describe_snapshot(&folder, &name)?;
        Ok(())
    }
}

fn verify_directory(path: &Path) -> Result<(), Failure> {
    let directory = place::directory_to_read(path)?;
    let mut faults = 0;
    let mut newest: Option<LogId> = None;
    for snapshot in list(&directory)? {
        match describe_snapshot(&directory, &snapshot.name) {
            Ok(last) => newest = newest.max(Some(last)),
            Err(fault) => {
                println!("snapshot {}: {fault}", snapshot.name);
                faults += 1;
            }
        }
    }
    // Whoever writes the log would be seen in the middle of it.
    let _lock = match directory.lock() {
        Ok(lock) => lock,
        Err(LockError::Held { pid, .. }) => {
            let who = pid.map_or_else(|| "another process".into(), |pid| format!("process {pid}"));
            println!("log: in use by {who}, so it was not read; its server vouches for it");
            return conclude(path, faults);
        }
        Err(error) => return Err(error.into()),
    };
    let report = verify(&directory)?;
    describe_log(&report);
    faults += report.damages.len();
    let from = newest.unwrap_or_default();
    if report.is_whole() && report.purged.index > from.index {
        println!(
            "gap: the log begins behind entry {}, and no whole snapshot reaches that far",
            report.purged.index
        );
        faults += 1;
    }
    conclude(path, faults)
}

/// The last word, and the end of the program.
fn conclude(path: &Path, faults: usize) -> Result<(), Failure> {
    let shown = path.display();
    match faults {
        0 => {
            println!("{shown} is whole");
            Ok(())
        }
        _ => {
            let count = counted(faults as u64, "thing is wrong", "things are wrong");
            Err(Failure::refused(format!("{shown}: {count}")))
        }
    }
}

/// Loads a snapshot and says what is in it; returns with which entry of the log it ends.
fn describe_snapshot(disk: &dyn Disk, name: &str) -> Result<LogId, Unloadable> {
    let (engine, summary) = load(disk, name, EngineOptions::default())?;
    println!(
        "snapshot {name}: zxid {}, {}, {}, digest {:#018x}; {} bytes, {} before compression; ends \
         with entry {} of the log",
        summary.head.zxid,
        counted(engine.node_count() as u64, "znode", "znodes"),
        counted(engine.registry().len() as u64, "session", "sessions"),
        engine.digest(),
        summary.bytes,
        summary.raw_bytes,
        summary.head.last.index
    );
    Ok(summary.head.last)
}

/// Says what is in a log.
pub fn describe_log(report: &Report) {
    if !report.begun {
        println!("log: none was ever begun");
        return;
    }
    match report.entries() {
        0 => println!("log: no entries behind {}", report.purged.index),
        count => println!(
            "log: {}, {} to {}, in {}",
            counted(count, "entry", "entries"),
            report.purged.index + 1,
            report.last.index,
            counted(report.segments.len() as u64, "segment", "segments")
        ),
    }
    if let Some(torn) = &report.torn {
        println!(
            "torn: {} ends at byte {} in the middle of a write that nobody was told of; the next \
             start cuts {} bytes",
            torn.file, torn.offset, torn.bytes
        );
    }
    for warning in &report.warnings {
        println!("note: {warning}");
    }
    for damage in &report.damages {
        println!("damage: {damage}");
    }
}

/// A number with what it counts.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
