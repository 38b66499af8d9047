//! Durable writes: many at once, one after the other, and with reads among them.
//!
//! The servers stand side by side and are loaded in turns, round by round, so that a disk that is
//! slow for a while is slow for all of them.

use std::time::{Duration, Instant};

use super::bare::append_and_sync;
use super::{NO_SNAPSHOTS, Settings, at, median};
use crate::folder::Folder;
use crate::goals::Goals;
use crate::load::{self, Figures, Plan};
use crate::subject::Subject;

/// How often each load is run. The median counts.
pub const ROUNDS: usize = 3;

/// A reader beside the pipelined writers.
const BESIDE: &[Plan] = &[Plan::SET, Plan::GET_ALONE];

/// What a load on a durable server came to.
#[derive(Clone, Copy)]
struct Sample {
    figures: Figures,
    /// Syncs of the log per second.
    syncs: f64,
    /// Bytes of the log per sync; 0 if the server does not tell.
    piece: f64,
}

/// The rounds of one load.
#[derive(Default)]
struct Rounds(Vec<Sample>);

impl Rounds {
    fn median(&self, of: impl Fn(&Sample) -> f64) -> f64 {
        median(self.0.iter().map(of))
    }

    fn rate(&self) -> f64 {
        self.median(|sample| sample.figures.rate)
    }

    fn p50(&self) -> f64 {
        self.median(|sample| sample.figures.p50_micros)
    }

    fn print(&self, server: &str, load: &str) {
        let number = |of: fn(&Sample) -> f64| format!("{:.0}", self.median(of));
        let fine = |of: fn(&Sample) -> f64| format!("{:.2}", self.median(of));
        print_row([
            server,
            load,
            &number(|sample| sample.figures.rate),
            &number(|sample| sample.figures.p50_micros),
            &number(|sample| sample.figures.p99_micros),
            &number(|sample| sample.syncs),
            &number(|sample| sample.piece),
            &fine(|sample| sample.figures.cpu_micros),
            &fine(|sample| sample.figures.own_cpu_micros),
        ]);
    }
}

/// Measures them.
pub fn run(folder: &Folder, settings: &Settings, goals: &mut Goals) -> Result<(), String> {
    let length = Duration::from_secs_f64(settings.seconds);
    let tenure = Subject::durable(&folder.join("writes"), &NO_SNAPSHOTS)?;
    let apache = match settings.with_apache {
        true => Some(Subject::apache_in(&folder.join("writes-apache"), true)?),
        false => None,
    };
    print_head();
    for plan in [Plan::SET, Plan::SET_ALONE] {
        let (mut own, mut other) = (Rounds::default(), Rounds::default());
        let (mut growing, mut overwriting) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let sample = measure(&tenure, &[plan], length)?[0];
            own.0.push(sample);
            for (has_room, into) in [(false, &mut growing), (true, &mut overwriting)] {
                let path = folder.join("bare");
                let micros = append_and_sync(&path, sample.piece as usize, has_room, length / 2);
                into.push(micros.map_err(|error| format!("{}: {error}", path.display()))?);
            }
            if let Some(apache) = &apache {
                other.0.push(measure(apache, &[plan], length)?[0]);
            }
        }
        let piece = own.median(|sample| sample.piece);
        print_bare("bare", "grow", piece, &growing);
        let bare = print_bare("bare", "overwrite", piece, &overwriting);
        own.print("tenure", plan.name);
        if apache.is_some() {
            other.print("apache", plan.name);
        }
        report(&plan, &own, apache.is_some().then_some(&other), bare, goals);
    }
    among_reads(&tenure, length, goals)?;
    folder.remove("writes-apache");
    Ok(())
}

fn report(plan: &Plan, own: &Rounds, other: Option<&Rounds>, bare: f64, goals: &mut Goals) {
    if plan.depth > 1 {
        if let Some(other) = other {
            let times = own.rate() / other.rate();
            goals.at_least("durable sets 16 x 16, times Apache's", times, 5.0);
            let cpu = other.median(|sample| sample.figures.cpu_micros);
            let times = cpu / own.median(|sample| sample.figures.cpu_micros);
            goals.report("durable sets 16 x 16, times less CPU than Apache's", times);
        }
        let syncs = own.median(|sample| sample.syncs) * bare / 1e6;
        goals.report("part of the time the log syncs, by the bare loop's", syncs);
    } else {
        if let Some(other) = other {
            let part = own.p50() / other.p50();
            goals.at_most("durable sets one by one, p50, part of Apache's", part, 0.6);
        }
        goals.report("durable sets one by one, p50, times the bare loop's", own.p50() / bare);
    }
}

/// Reads among writes, and beside them.
fn among_reads(tenure: &Subject, length: Duration, goals: &mut Goals) -> Result<(), String> {
    let mut rounds: [Rounds; 5] = Default::default();
    for _ in 0..ROUNDS {
        rounds[0].0.extend(measure(tenure, &[Plan::MIXED], length)?);
        rounds[1].0.extend(measure(tenure, &[Plan::GET], length)?);
        rounds[2].0.extend(measure(tenure, &[Plan::GET_ALONE], length)?);
        let beside = measure(tenure, BESIDE, length)?;
        rounds[3].0.push(beside[0]);
        rounds[4].0.push(beside[1]);
    }
    rounds[0].print("tenure", "mixed");
    rounds[1].print("tenure", "get");
    rounds[2].print("tenure", "get, one");
    rounds[3].print("tenure", "set beside");
    rounds[4].print("tenure", "get beside");
    let sync = rounds[3].median(|sample| 1e6 / sample.syncs.max(1.0));
    goals.report("one reader beside 16 x 16 durable writers, p50 in µs", rounds[4].p50());
    goals.report("the time between two of their syncs in µs", sync);
    Ok(())
}

fn measure(subject: &Subject, plans: &[Plan], length: Duration) -> Result<Vec<Sample>, String> {
    let counted = |name: &str| subject.metric(name).unwrap_or(0.0);
    let count = || (counted("zk_cnt_fsynctime"), counted("zk_log_bytes"));
    let (before, started) = (count(), Instant::now());
    let figures = load::run_all(subject, plans, length)?;
    let (after, elapsed) = (count(), started.elapsed().as_secs_f64());
    let syncs = after.0 - before.0;
    let piece = (after.1 - before.1) / syncs.max(1.0);
    Ok(figures
        .into_iter()
        .map(|figures| Sample { figures, syncs: syncs / elapsed, piece })
        .collect())
}

/// Prints a bare loop and returns its median in microseconds.
fn print_bare(name: &str, load: &str, piece: f64, rounds: &[Vec<f64>]) -> f64 {
    let part = |part: f64| median(rounds.iter().map(|micros| at(micros, part)));
    let rate = median(rounds.iter().map(|micros| {
        let sum: f64 = micros.iter().sum();
        micros.len() as f64 * 1e6 / sum.max(1.0)
    }));
    let number = |number: f64| format!("{number:.0}");
    let cells = [number(rate), number(part(0.5)), number(part(0.99)), number(piece)];
    let [rate, p50, p99, piece] = &cells;
    print_row([name, load, rate, p50, p99, rate, piece, "", ""]);
    part(0.5)
}

fn print_head() {
    print_row([
        "server",
        "load",
        "per second",
        "p50 µs",
        "p99 µs",
        "syncs/s",
        "bytes each",
        "CPU µs each",
        "driver's",
    ]);
}

fn print_row(cells: [&str; 9]) {
    let [server, load, rate, p50, p99, syncs, piece, cpu, own] = cells;
    println!(
        "{server:<8} {load:<10} {rate:>10} {p50:>8} {p99:>8} {syncs:>8} {piece:>10} {cpu:>12} {own:>9}"
    );
}
