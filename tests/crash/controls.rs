//! Parts that are not rounds: what the suite can see, shown by planting it.

use std::fs;
use std::io::Write;

use crate::blow::Blow;
use crate::damage::{self, Outcome, Target};
use crate::planted;
use crate::power::Disk;
use crate::site::Site;
use crate::summary::Summary;
use crate::{Run, TRIALS, play};

/// Rounds within which a planted fault must be seen.
const ENOUGH: u64 = 12;

/// Rounds of a server that is never interrupted, each judged as it is and with each plant: at least
/// so many, and at most so many until each plant took root in one.
const QUIET_ROUNDS: [u64; 2] = [4, 40];

/// The judge agrees with a server that is not interrupted, and sees whatever is planted.
pub fn judge_sees(run: &Run) -> Result<String, String> {
    let mut plan = run.plan("judge", Blow::HangUp);
    plan.durable = false;
    let mut summary = Summary::default();
    let mut site = Site::new(plan);
    site.begin(&mut summary)?;
    // Not every round has something of each kind, and what is changed may be a time that nobody was
    // told of, which may be any. Each has to be seen in one of them.
    let mut never: Option<Vec<&str>> = None;
    let mut tried = 0;
    for round in 0..QUIET_ROUNDS[1] {
        if round >= QUIET_ROUNDS[0] && never.as_ref().is_some_and(Vec::is_empty) {
            break;
        }
        site.round(&mut summary)?;
        let evidence = site.evidence().ok_or("a round leaves no evidence")?;
        let (count, missed) = planted::unseen(evidence);
        tried = count;
        never = Some(match never {
            None => missed,
            Some(never) => never.into_iter().filter(|name| missed.contains(name)).collect(),
        });
    }
    match (summary.faults.first(), never.unwrap_or_default()) {
        (Some(fault), _) => Err(format!("it is wrong about a server that is right: {fault}")),
        (None, never) if never.is_empty() => {
            Ok(format!("{tried} plants, each seen; {} writes", summary.acknowledged))
        }
        (None, never) => Err(format!("never seen: {}", never.join("; "))),
    }
}

/// The rig, without any server: what was synced stays, what was not is gone.
pub fn power_cuts(run: &Run) -> Result<String, String> {
    let home = run.home.join("rig");
    fs::create_dir_all(&home).map_err(|error| error.to_string())?;
    let mut disk = Disk::make(&home.join("image"), &home.join("disk"))?;
    let folder = disk.folder().to_owned();
    let write = |name: &str, synced: bool| {
        let mut file = fs::File::create(folder.join(name))?;
        file.write_all(&[7; 10_000])?;
        if synced {
            file.sync_all()?;
            fs::File::open(&folder)?.sync_all()?;
        }
        Ok::<_, std::io::Error>(())
    };
    write("synced", true).map_err(|error| error.to_string())?;
    write("hoped", false).map_err(|error| error.to_string())?;
    disk.cut()?;
    if write("late", false).is_ok() {
        return Err("a disk without power takes writes".to_owned());
    }
    disk.come_back()?;
    let length = |name: &str| fs::read(folder.join(name)).map_or(0, |bytes| bytes.len());
    match (length("synced"), length("hoped")) {
        (10_000, 0) => Ok("10,000 bytes synced and kept, 10,000 not synced and lost".to_owned()),
        (kept, hoped) => {
            Err(format!("of 10,000 bytes each, {kept} synced and {hoped} not are there"))
        }
    }
}

/// A harmed directory is refused with exit code 3, or served as it was.
pub fn harm_is_noticed(run: &Run) -> Result<String, String> {
    let plan = run.plan("harm", Blow::Kill);
    let Outcome { refused, served, wrong } = damage::harm(&plan, Target::Anything, TRIALS)?;
    if !wrong.is_empty() {
        return Err(format!("{} of {}:\n{}", wrong.len(), refused + served, wrong.join("\n")));
    }
    if refused < TRIALS / 10 || served < TRIALS / 10 {
        return Err(format!("unknown, which is no pass: refused {refused}, served {served}"));
    }
    Ok(format!("refused {refused}, served as it was {served}"))
}

/// With checksums ignored the same harm is served.
pub fn harm_unchecked(run: &Run) -> Result<String, String> {
    let mut plan = run.plan("harm-unchecked", Blow::Kill);
    plan.planted = vec!["ignore-checksums".to_owned()];
    // What a snapshot covers is not read from the log any more.
    plan.snapshot_after = Some(i64::MAX as u64);
    let Outcome { refused, served, wrong } = damage::harm(&plan, Target::LogBytes, TRIALS / 4)?;
    let is_served = |why: &&String| why.contains("serves something else");
    match wrong.iter().find(is_served) {
        Some(why) => Ok(format!(
            "seen: {} wrong, {refused} refused, {served} served as it was; {why:.200}",
            wrong.len()
        )),
        None => Err(format!("not seen: {refused} refused, {served} served, {wrong:?}")),
    }
}

/// A server that keeps nothing loses everything.
pub fn memory_loses(run: &Run) -> Result<String, String> {
    let mut plan = run.plan("memory", Blow::Kill);
    plan.durable = false;
    red(&play(&plan, ENOUGH))
}

/// A server that acknowledges before it writes loses to a kill.
pub fn early_ack_loses_to_kill(run: &Run) -> Result<String, String> {
    let mut plan = run.plan("early-kill", Blow::Kill);
    plan.planted = vec!["ack-before-fsync".to_owned()];
    red(&play(&plan, ENOUGH))
}

/// A server that acknowledges before it writes loses to a power cut.
pub fn early_ack_loses(run: &Run) -> Result<String, String> {
    let mut plan = run.plan("early-power", Blow::PowerCut);
    plan.planted = vec!["ack-before-fsync".to_owned()];
    red(&play(&plan, ENOUGH))
}

/// A server that never syncs loses to a power cut.
pub fn no_sync_loses(run: &Run) -> Result<String, String> {
    let mut plan = run.plan("no-sync", Blow::PowerCut);
    plan.planted = vec!["no-fsync".to_owned()];
    red(&play(&plan, ENOUGH))
}

/// The opposite of a pass.
fn red(summary: &Summary) -> Result<String, String> {
    match summary.faults.first() {
        Some(fault) => Ok(format!(
            "seen in round {}: {} wrong, {} of {} acknowledged writes lost; {fault:.200}",
            summary.rounds,
            summary.faults.len(),
            summary.lost,
            summary.acknowledged
        )),
        None => Err(format!("not seen in {} rounds", summary.rounds)),
    }
}
