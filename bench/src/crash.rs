//! How long a crash takes to be noticed: from the SIGKILL of a client to the event at somebody who
//! watches an ephemeral of it.
//!
//! Every client is a process of its own and asks for the usual crash grace. They are killed one after
//! the other, so none is waited for behind another. The watcher's clock is the one that counts: it
//! starts before the signal is sent.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tenure::{Change, Client, WatchItem, WatchMode};

use crate::goals::Goals;
use crate::subject::Subject;

/// Clients that are killed.
const KILLS: usize = 50;

/// Below this, in milliseconds, all of them are to be noticed.
const GOAL: f64 = 300.0;

/// How long none may take, or it counts as never noticed: well below the session timeout.
const PATIENCE: Duration = Duration::from_secs(5);

/// The session timeout of the clients, which none of them should need.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Kills them all and prints how long it took.
pub fn run(goals: &mut Goals) -> Result<(), String> {
    let subject = Subject::tenure()?;
    let hosts = subject.address().to_string();
    let runtime = runtime()?;
    let mut millis = runtime.block_on(async {
        let watcher = Client::connect(&hosts).await.map_err(|error| error.to_string())?;
        let mut millis = Vec::with_capacity(KILLS);
        for number in 0..KILLS {
            millis.push(kill_one(&watcher, &hosts, &format!("/crash-{number}")).await?);
        }
        Ok::<_, String>(millis)
    })?;
    millis.sort_by(f64::total_cmp);
    let at = |part: f64| millis[((millis.len() - 1) as f64 * part).round() as usize];
    let (p50, p99, max) = (at(0.5), at(0.99), at(1.0));
    println!(
        "{:<8} {:>12} {:>10} {:>10} {:>10}",
        "kills", "grace ms", "p50 ms", "p99 ms", "max ms"
    );
    let grace = tenure::base::limits::CRASH_GRACE.0;
    println!("{KILLS:<8} {grace:>12} {p50:>10.1} {p99:>10.1} {max:>10.1}");
    goals.below("ms from a crash to the event, with the usual grace", max, GOAL);
    Ok(())
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())
}

/// Kills a client and returns the milliseconds until its ephemeral was heard to be gone.
async fn kill_one(watcher: &Client, hosts: &str, path: &str) -> Result<f64, String> {
    let mut victim = Victim::start(hosts, path)?;
    let fault = |error: tenure::Error| error.to_string();
    let mut watched = watcher.watch(path, WatchMode::Persistent).await.map_err(fault)?;
    if watcher.ops().exists(path).await.map_err(fault)?.is_none() {
        return Err(format!("{path} is not there"));
    }
    let killed = Instant::now();
    victim.kill()?;
    let heard = tokio::time::timeout(PATIENCE, watched.next()).await;
    let item = heard.map_err(|_| "a crash was not noticed".to_owned())?;
    match item.transpose().map_err(fault)? {
        Some(WatchItem::Changed { change: Change::Deleted, .. }) => {}
        other => return Err(format!("heard {other:?} of {path}")),
    }
    Ok(killed.elapsed().as_secs_f64() * 1e3)
}

/// A client in a process of its own.
struct Victim(Child);

impl Victim {
    /// One whose ephemeral is there.
    fn start(hosts: &str, path: &str) -> Result<Victim, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let child = Command::new(program)
            .args(["victim", hosts, path])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut victim = Victim(child);
        let mut line = String::new();
        if let Some(stdout) = victim.0.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).map_err(|error| error.to_string())?;
        }
        if line.trim() == "there" { Ok(victim) } else { Err("a client did not start".to_owned()) }
    }

    fn kill(&mut self) -> Result<(), String> {
        self.0.kill().map_err(|error| error.to_string())
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The process that is killed: has an ephemeral, says so, and stays until its input ends.
pub fn stay(hosts: &str, path: &str) -> Result<(), String> {
    let stayed = runtime()?.block_on(async {
        let client =
            Client::builder(hosts).session_timeout(TIMEOUT).detect_crashes().connect().await?;
        client.ops().create(path, "").ephemeral().await?;
        println!("there");
        let _ = std::io::stdin().read(&mut [0; 1]);
        client.close().await
    });
    stayed.map_err(|error: tenure::Error| error.to_string())
}
