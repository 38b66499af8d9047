//! The blow: a server is killed, or its disk loses power, at a moment of its own.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::power::Disk;
use crate::server::{Phase, Program};
use crate::summary::Summary;

/// How long clients may wait for the answers that are to come before an interruption, and a server
/// may take to give up over its disk.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a blow waits for a snapshot to begin: servers look a few times a second whether one is
/// due.
const SNAPSHOT_PATIENCE: Duration = Duration::from_millis(600);

/// How a server is interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    /// SIGKILL.
    Kill,
    /// The power of its disk goes, and it is killed.
    PowerCut,
    /// Nothing happens to the server; its clients hang up. For the oracle's own sake.
    HangUp,
}

/// Waits until clients have had so many answers.
///
/// # Errors
/// That they do not come.
pub fn await_answers(answers: &AtomicU64, target: u64) -> Result<(), String> {
    let end = Instant::now() + PATIENCE;
    while answers.load(Ordering::Relaxed) < target {
        if Instant::now() > end {
            return Err(format!("fewer than {target} answers within {PATIENCE:?}"));
        }
        std::thread::sleep(Duration::from_micros(300));
    }
    Ok(())
}

/// When and how it falls.
pub struct Interruption {
    /// How.
    pub blow: Blow,
    /// Whether it falls while a snapshot is being written, if one is soon.
    pub awaits_snapshot: bool,
    /// Whether the server is given the time to end by itself when its disk goes.
    pub gives_up: bool,
    /// How long it waits otherwise.
    pub pause: Duration,
}

impl Interruption {
    /// Strikes now, or as soon as it may.
    pub fn strike(
        &self,
        program: &mut Program,
        disk: Option<&Disk>,
        data: Option<&Path>,
        summary: &mut Summary,
    ) {
        if self.awaits_snapshot {
            let end = Instant::now() + SNAPSHOT_PATIENCE;
            while Instant::now() < end && program.phase(data) != Phase::Snapshot {
                std::thread::sleep(Duration::from_micros(100));
            }
        } else {
            std::thread::sleep(self.pause);
        }
        if self.blow == Blow::HangUp {
            return;
        }
        summary.interrupt(program.phase(data));
        if let Some(disk) = disk {
            working(disk.cut());
            if self.gives_up {
                match program.gone(PATIENCE) {
                    Some(10) => summary.gave_up += 1,
                    other => summary.faults.push(format!(
                        "a server without its disk ended with {other:?}, not with 10"
                    )),
                }
            }
        }
        program.kill();
    }
}

/// The rig itself has to work: nothing is said about a server if it does not.
pub fn working<T>(done: Result<T, String>) -> T {
    done.unwrap_or_else(|why| panic!("the rig of the suite fails: {why}"))
}
