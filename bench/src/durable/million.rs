//! A large state: how soon it is back after a kill, from the log alone and from a snapshot, and how
//! much memory it takes then.

use std::path::Path;
use std::time::Instant;

use super::pause::{self, Pause};
use super::{NO_SNAPSHOTS, Settings};
use crate::folder::Folder;
use crate::goals::Goals;
use crate::subject::Subject;
use crate::weight;

/// A snapshot is due after so many writes: long enough to see what a write takes without one.
const BEFORE_SNAPSHOT: &str = "5000";

/// Measures it.
pub fn run(folder: &Folder, settings: &Settings, goals: &mut Goals) -> Result<(), String> {
    let znodes = settings.znodes;
    let directory = folder.join("million");
    let filled = Subject::durable(&directory, &NO_SNAPSHOTS)?;
    let started = Instant::now();
    weight::fill(&filled, znodes)?;
    println!("\n{znodes} znodes of 100 bytes");
    println!("  created in {:.1} s", started.elapsed().as_secs_f64());
    print_memory("tenure, where they were created", &filled, znodes);
    drop(filled);
    let settings_of_log =
        ["--snapshot-after-txns", BEFORE_SNAPSHOT, "--snapshot-after-bytes", "1000000000000"];
    let from_log = Subject::durable(&directory, &settings_of_log)?;
    check(&from_log, znodes)?;
    let cpu = from_log.cpu_time().as_secs_f64();
    goals.below("seconds to recover from the log alone", from_log.start_millis() / 1e3, 2.0);
    goals.report("  seconds of CPU time", cpu);
    goals.below("  bytes of memory per znode then", per_znode(&from_log, znodes), 350.0);
    let pause = pause::measure(&from_log, &directory, znodes)?;
    report(&pause, goals);
    drop(from_log);
    let from_snapshot = Subject::durable(&directory, &NO_SNAPSHOTS)?;
    check(&from_snapshot, znodes)?;
    let cpu = from_snapshot.cpu_time().as_secs_f64();
    let seconds = from_snapshot.start_millis() / 1e3;
    goals.below("seconds to recover from a snapshot", seconds, 2.0);
    goals.report("  seconds of CPU time", cpu);
    goals.below("  bytes of memory per znode then", per_znode(&from_snapshot, znodes), 350.0);
    drop(from_snapshot);
    folder.remove("million");
    if settings.with_apache {
        apache(&folder.join("million-apache"), znodes, goals)?;
        folder.remove("million-apache");
    }
    Ok(())
}

/// The same with Apache's server, which is filled without syncs: only its start is measured.
fn apache(directory: &Path, znodes: usize, goals: &mut Goals) -> Result<(), String> {
    let filled = Subject::apache_in(directory, false)?;
    weight::fill(&filled, znodes)?;
    drop(filled);
    let recovered = Subject::apache_in(directory, true)?;
    check(&recovered, znodes)?;
    goals.report("seconds Apache takes to recover as many", recovered.start_millis() / 1e3);
    goals.report("  bytes of memory per znode then", per_znode(&recovered, znodes));
    Ok(())
}

fn report(pause: &Pause, goals: &mut Goals) {
    println!(
        "  a snapshot of them took {:.2} s ({:.2} s to write) and has {:.1} MiB",
        pause.seconds,
        pause.seconds_of_writing,
        pause.bytes as f64 / f64::from(1 << 20)
    );
    for (when, writes) in [("before", &pause.before), ("during", &pause.during)] {
        println!(
            "  one writer {when} the snapshot: {} writes, p50 {:.2} ms, p99 {:.2} ms, most {:.2} ms",
            writes.count, writes.p50, writes.p99, writes.most
        );
    }
    goals.below("ms a write takes during a snapshot, p99", pause.during.p99, 5.0);
}

fn check(subject: &Subject, znodes: usize) -> Result<(), String> {
    let has = subject.metric("zk_znode_count")?;
    if has < znodes as f64 {
        return Err(format!("{has} znodes are back of {znodes}"));
    }
    Ok(())
}

fn per_znode(subject: &Subject, znodes: usize) -> f64 {
    subject.resident() as f64 / znodes as f64
}

fn print_memory(what: &str, subject: &Subject, znodes: usize) {
    println!("  {what}: {:.0} bytes of memory each", per_znode(subject, znodes));
}
