//! What a server costs that keeps everything in memory: throughput and latency under pipelined load,
//! what opening and keeping sessions costs, and what sessions and znodes weigh.

use std::time::Duration;

use crate::goals::Goals;
use crate::load::{self, Plan};
use crate::subject::Subject;
use crate::{print_row, sessions, weight};

/// The pipelined loads.
const LOADS: [Plan; 3] = [Plan::GET, Plan::SET, Plan::CREATE];

/// What these benchmarks are told.
#[derive(Clone, Copy)]
pub struct Settings {
    /// How long each load runs.
    pub seconds: f64,
    /// Sessions to open and keep.
    pub sessions: usize,
    /// Whether Apache ZooKeeper is measured too.
    pub with_apache: bool,
}

/// Measures everything and prints it.
pub fn run(settings: &Settings, goals: &mut Goals) -> Result<(), String> {
    let length = Duration::from_secs_f64(settings.seconds);
    println!("in memory\n");
    print_row(["server", "load", "per second", "p50 µs", "p99 µs", "CPU µs each"]);
    let echo = load_of(&Subject::echo(load::GET_REPLY)?, &[Plan::GET], length)?;
    let tenure = Subject::tenure()?;
    goals.below(
        "ms from the start of the process to its first answer",
        tenure.start_millis(),
        20.0,
    );
    let own = load_of(&tenure, &LOADS, length)?;
    goals.at_least("get, times the bare echo server", own[0].rate / echo[0].rate, 0.5);
    goals.report("% of one core the echo server needs for the same pings", idle_floor(settings)?);
    let tenure = Subject::tenure()?;
    let before = tenure.resident();
    let opened = sessions::open(&tenure, settings.sessions)?;
    let per_session = (tenure.resident() - before) as f64 / settings.sessions as f64;
    let open_rate = opened.rate();
    let idle = sessions::idle(&tenure, &opened)?;
    goals.below("% of one core for idle sessions at a timeout of 10 s", idle, 3.0);
    let late = sessions::expire(&tenure, opened)?;
    goals.report("ms late at most when all of them fall silent", late);
    drop(tenure);
    goals.report("bytes of memory per session with its connection", per_session);
    goals.report("bytes of memory per znode of 100 bytes", weight::per_znode()?);
    if settings.with_apache {
        let apache = Subject::apache()?;
        let other = load_of(&apache, &LOADS, length)?;
        goals.at_least("get, times Apache's", own[0].rate / other[0].rate, 10.0);
        let cpu = other[0].cpu_micros / own[0].cpu_micros;
        goals.report("get, times less CPU than Apache's", cpu);
        goals.report("set, times Apache's (which writes a log)", own[1].rate / other[1].rate);
        let opened = sessions::open(&apache, settings.sessions)?;
        goals.at_least("opening sessions, times Apache's", open_rate / opened.rate(), 2.0);
    }
    Ok(())
}

/// The pipelined loads alone.
pub fn loads(settings: &Settings) -> Result<(), String> {
    let length = Duration::from_secs_f64(settings.seconds);
    load_of(&Subject::tenure()?, &LOADS, length).map(|_| ())
}

/// What a server that does nothing but echo needs for the pings of as many connections.
fn idle_floor(settings: &Settings) -> Result<f64, String> {
    let echo = Subject::echo(sessions::HANDSHAKE_REPLY)?;
    let opened = sessions::open(&echo, settings.sessions)?;
    sessions::idle(&echo, &opened)
}

/// Runs the loads one after the other on one server and prints a line for each.
fn load_of(
    subject: &Subject,
    plans: &[Plan],
    length: Duration,
) -> Result<Vec<load::Figures>, String> {
    let mut all = Vec::new();
    for plan in plans {
        let figures = load::run(subject, plan, length)?;
        print_row([
            subject.name(),
            plan.name,
            &format!("{:.0}", figures.rate),
            &format!("{:.0}", figures.p50_micros),
            &format!("{:.0}", figures.p99_micros),
            &format!("{:.2}", figures.cpu_micros),
        ]);
        all.push(figures);
    }
    Ok(all)
}
