//! What views cost a client, beside persistent watches that a program reads behind by itself.
//!
//! Each kind gets a process of its own, for memory that was given back is not given back to the
//! system. It opens ten thousand of them on one client, waits, and then hears one change of each.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clap::ValueEnum;
use tenure::{Client, Value, View, WatchItem, WatchMode, WatchStream};

use crate::goals::Goals;
use crate::subject::Subject;
use crate::{process, weight};

/// Views, or watches, of one client.
const COUNT: usize = 10_000;

/// How long nothing happens.
const IDLE: Duration = Duration::from_secs(5);

/// What a client has.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Persistent watches, and nothing is read.
    Watches,
    /// Persistent watches, and the program keeps a copy that it reads again after every event.
    Copies,
    /// Views.
    Views,
}

/// What one of ten thousand costs.
#[derive(Clone, Copy, Default)]
struct Figures {
    client_bytes: f64,
    server_bytes: f64,
    opening_micros: f64,
    idle_percent: f64,
    change_micros: f64,
}

/// Measures all kinds and prints them.
pub fn run(goals: &mut Goals) -> Result<(), String> {
    println!("{COUNT} of a kind on one client, of znodes of 100 bytes\n");
    println!(
        "{:<8} {:>12} {:>12} {:>14} {:>8} {:>14}",
        "kind", "bytes each", "at server", "CPU µs to open", "idle %", "CPU µs/change"
    );
    let mut all = Vec::new();
    for kind in [Kind::Watches, Kind::Copies, Kind::Views] {
        let name = kind.to_possible_value().map_or_else(String::new, |it| it.get_name().to_owned());
        let figures = measure(&name)?;
        println!(
            "{name:<8} {:>12.0} {:>12.0} {:>14.1} {:>8.2} {:>14.1}",
            figures.client_bytes,
            figures.server_bytes,
            figures.opening_micros,
            figures.idle_percent,
            figures.change_micros
        );
        all.push(figures);
    }
    let (watches, copies, views) = (all[0], all[1], all[2]);
    let bytes = views.client_bytes / watches.client_bytes;
    goals.report("bytes of a view, times a watch that keeps no value", bytes);
    let bytes = views.client_bytes / copies.client_bytes;
    goals.at_most("bytes of a view, times a watch with a copy", bytes, 1.0);
    let bytes = views.server_bytes / watches.server_bytes;
    goals.at_most("bytes of a view at the server, times a watch", bytes, 1.1);
    let cpu = views.change_micros / copies.change_micros;
    goals.at_most("CPU of a change in a view, times a watch with a copy", cpu, 1.0);
    goals.report("% of one core for idle views", views.idle_percent);
    Ok(())
}

fn measure(kind: &str) -> Result<Figures, String> {
    let subject = Subject::tenure()?;
    weight::fill(&subject, COUNT)?;
    let before = subject.resident();
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let hosts = subject.address().to_string();
    let mut child = Command::new(program)
        .args(["watcher", kind, &hosts])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let figures = converse(&mut child, &subject, before);
    // It has ended, or is no longer wanted.
    let _ = child.kill();
    let _ = child.wait();
    figures
}

fn converse(child: &mut Child, subject: &Subject, before: u64) -> Result<Figures, String> {
    let said = child.stdout.take().ok_or("no output")?;
    let mut lines = BufReader::new(said).lines();
    let mut number = move || -> Result<f64, String> {
        let line = lines.next().ok_or("the client ended")?.map_err(|error| error.to_string())?;
        line.trim().parse().map_err(|_| format!("not a number: {line}"))
    };
    let (client_bytes, opening_micros) = (number()?, number()?);
    let server_bytes = (subject.resident() - before) as f64 / COUNT as f64;
    let idle_percent = number()?;
    // It waits for the changes now.
    change_all(&subject.address().to_string())?;
    let change_micros = number()?;
    Ok(Figures { client_bytes, server_bytes, opening_micros, idle_percent, change_micros })
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())
}

fn change_all(hosts: &str) -> Result<(), String> {
    let changed = runtime()?.block_on(async {
        let client = Client::connect(hosts).await?;
        let sets: Vec<_> = (0..COUNT)
            .map(|number| client.ops().set(&weight::path(number), weight::data(number + 1), None))
            .collect();
        for set in sets {
            set.await?;
        }
        client.close().await
    });
    changed.map_err(|error: tenure::Error| error.to_string())
}

/// The process that is measured: says bytes and CPU for each, the share of a core it needs idle, and
/// the CPU of a change.
pub fn watch(kind: Kind, hosts: &str) -> Result<(), String> {
    let done = runtime()?.block_on(async {
        let client = Client::connect(hosts).await?;
        let me = std::process::id();
        let (bytes, cpu) = (process::resident(me), process::cpu_time(me));
        let mut held = Held::open(kind, &client).await?;
        let each =
            |from: Duration| (process::cpu_time(me) - from).as_secs_f64() * 1e6 / COUNT as f64;
        println!("{}", (process::resident(me) - bytes) as f64 / COUNT as f64);
        println!("{}", each(cpu));
        let cpu = process::cpu_time(me);
        tokio::time::sleep(IDLE).await;
        let spent = process::cpu_time(me) - cpu;
        println!("{}", 100.0 * spent.as_secs_f64() / IDLE.as_secs_f64());
        let cpu = process::cpu_time(me);
        held.hear(&client).await?;
        println!("{}", each(cpu));
        client.close().await
    });
    done.map_err(|error: tenure::Error| error.to_string())
}

enum Held {
    Watches(Vec<WatchStream>),
    Copies(Vec<WatchStream>, BTreeMap<usize, Value>),
    Views(Vec<View<Option<Value>>>),
}

impl Held {
    async fn open(kind: Kind, client: &Client) -> tenure::Result<Held> {
        let paths = (0..COUNT).map(weight::path);
        if kind == Kind::Views {
            let mut views: Vec<_> = paths.map(|path| client.data_view(&path)).collect();
            for view in &mut views {
                view.changed().await?;
            }
            return Ok(Held::Views(views));
        }
        let added: Vec<_> = paths.map(|path| client.watch(&path, WatchMode::Persistent)).collect();
        let mut streams = Vec::with_capacity(COUNT);
        for stream in added {
            streams.push(stream.await?);
        }
        if kind == Kind::Watches {
            return Ok(Held::Watches(streams));
        }
        let mut copies = BTreeMap::new();
        read_all(client, &mut copies).await?;
        Ok(Held::Copies(streams, copies))
    }

    /// Waits for one change of each.
    async fn hear(&mut self, client: &Client) -> tenure::Result<()> {
        match self {
            Held::Watches(streams) => hear_all(streams).await,
            Held::Copies(streams, copies) => {
                hear_all(streams).await?;
                read_all(client, copies).await
            }
            Held::Views(views) => {
                for view in views {
                    view.changed().await?;
                }
                Ok(())
            }
        }
    }
}

async fn hear_all(streams: &mut [WatchStream]) -> tenure::Result<()> {
    for stream in streams {
        while !matches!(stream.next().await.transpose()?, Some(WatchItem::Changed { .. })) {}
    }
    Ok(())
}

async fn read_all(client: &Client, copies: &mut BTreeMap<usize, Value>) -> tenure::Result<()> {
    let asked: Vec<_> = (0..COUNT).map(|number| client.ops().get(&weight::path(number))).collect();
    for (number, value) in asked.into_iter().enumerate() {
        copies.insert(number, value.await?);
    }
    Ok(())
}
