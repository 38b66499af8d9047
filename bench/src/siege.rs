//! What a heartbeat takes while others do their worst: a thousand connections that send a byte now and
//! then, half of them without a session, and a flood of writes beside them.
//!
//! Calm and siege take turns, so that a machine that is busy for a while is busy for both. Whoever
//! besieges runs at a lower priority: attackers would not run on the machine of those who ping.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tenure::Request;

use crate::folder::Folder;
use crate::goals::Goals;
use crate::load::{self, Plan, WARM_UP, handshake};
use crate::process;
use crate::subject::Subject;

/// Rounds of calm and siege. The medians count.
const ROUNDS: usize = 5;

/// Sessions that ping.
const PINGING: usize = 20;

/// The time from one ping to the next.
const GAP: Duration = Duration::from_millis(1);

/// Connections that send a byte now and then.
const DRIPS: usize = 1_000;

/// How often each of them does.
const DRIP: Duration = Duration::from_millis(200);

/// The length that a drip announces, with a session and without.
const ANNOUNCED: [u8; 4] = 1_000_i32.to_be_bytes();

/// How long the pings of one window took, in microseconds, sorted.
struct Pings(Vec<f64>);

impl Pings {
    fn at(&self, part: f64) -> f64 {
        let place = (self.0.len() as f64 * part) as usize;
        self.0.get(place.min(self.0.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    }
}

/// Measures one server in memory and one on a disk, and prints both.
pub fn run(seconds: f64, goals: &mut Goals) -> Result<(), String> {
    println!(
        "{PINGING} sessions ping, one every {} ms; medians of {ROUNDS} rounds of {seconds:.1} s\n\
         siege: {DRIPS} connections send a byte every {} ms, half of them without a session; {} set\n\
         100 bytes, {} deep\n",
        GAP.as_millis(),
        DRIP.as_millis(),
        load::CONNECTIONS,
        load::DEPTH
    );
    print_row(["server", "pings", "p50 µs", "p99 µs", "max µs", "sets/s", "drips"]);
    besiege(&Subject::tenure()?, "memory", seconds, goals)?;
    let folder = Folder::new()?;
    besiege(&Subject::durable(&folder.join("siege"), &[])?, "disk", seconds, goals)
}

fn besiege(subject: &Subject, name: &str, seconds: f64, goals: &mut Goals) -> Result<(), String> {
    let length = Duration::from_secs_f64(seconds);
    let mut pinging = (0..PINGING)
        .map(|_| open(subject.address()))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(|error| error.to_string())?;
    let (mut calm, mut siege, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    let mut dripping = 0;
    // The first round does not count.
    for round in 0..=ROUNDS {
        let quiet = ping(&mut pinging, length)?;
        let (loaded, rate, drips) = under_siege(subject, &mut pinging, length)?;
        if round > 0 {
            calm.push(quiet);
            siege.push(loaded);
            rates.push(rate);
            dripping = drips;
        }
    }
    let of = |windows: &[Pings], part: f64| median(windows.iter().map(|pings| pings.at(part)));
    for (what, windows, rate, drips) in
        [("calm", &calm, 0.0, 0), ("siege", &siege, median(rates), dripping)]
    {
        print_row([
            name,
            what,
            &format!("{:.0}", of(windows, 0.5)),
            &format!("{:.0}", of(windows, 0.99)),
            &format!("{:.0}", of(windows, 1.0)),
            &format!("{rate:.0}"),
            &drips.to_string(),
        ]);
    }
    let ratio = of(&siege, 0.99) / of(&calm, 0.99);
    goals.at_most(&format!("{name}: p99 of pings under siege, times calm"), ratio, 2.0);
    Ok(())
}

/// Pings while the siege goes on. Returns how long the pings took, the sets per second, and how many
/// connections dripped at the end.
fn under_siege(
    subject: &Subject,
    pinging: &mut [TcpStream],
    length: Duration,
) -> Result<(Pings, f64, usize), String> {
    let stop = Arc::new(AtomicBool::new(false));
    let dripping = Arc::new(AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let flood = scope.spawn(|| {
            process::yield_to_others();
            load::run(subject, &Plan::SET, length + Duration::from_millis(500))
        });
        let drips = scope.spawn(|| {
            process::yield_to_others();
            drip(subject.address(), &stop, &dripping)
        });
        std::thread::sleep(WARM_UP + Duration::from_millis(250));
        let pings = ping(pinging, length);
        let count = dripping.load(Ordering::Relaxed);
        let flooded = flood.join().map_err(|_| "the flood panicked".to_owned())?;
        stop.store(true, Ordering::Relaxed);
        drips.join().map_err(|_| "the drips panicked".to_owned())??;
        Ok((pings?, flooded?.rate, count))
    })
}

/// Sends one ping after the other over the connections in turns. A ping that holds up those after it
/// counts for them too.
fn ping(pinging: &mut [TcpStream], length: Duration) -> Result<Pings, String> {
    let mut request = BytesMut::new();
    Request::Ping.encode(-2, &mut request);
    let (started, mut due, mut took) = (Instant::now(), Instant::now(), Vec::new());
    let mut turn = 0;
    while started.elapsed() < length {
        due += GAP;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let stream = &mut pinging[turn % PINGING];
        turn += 1;
        let sent = Instant::now();
        let mut answer = [0; 20];
        stream.write_all(&request).map_err(|error| error.to_string())?;
        stream.read_exact(&mut answer).map_err(|error| error.to_string())?;
        let mut latency = sent.elapsed();
        loop {
            took.push(latency.as_secs_f64() * 1e6);
            if latency <= GAP {
                break;
            }
            latency -= GAP;
            due += GAP;
        }
        due = due.max(Instant::now().checked_sub(GAP).unwrap_or(due));
    }
    took.sort_by(f64::total_cmp);
    Ok(Pings(took))
}

/// A session over a connection that waits for each answer.
fn open(address: SocketAddr) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut out = BytesMut::new();
    handshake(30_000).encode(&mut out);
    stream.write_all(&out)?;
    let mut answer = [0; 4 + crate::sessions::HANDSHAKE_REPLY];
    stream.read_exact(&mut answer)?;
    Ok(stream)
}

/// Keeps connections that send one byte after the other. One that the server cuts is replaced.
fn drip(address: SocketAddr, stop: &AtomicBool, dripping: &AtomicUsize) -> Result<(), String> {
    let connect = |number: usize| -> std::io::Result<TcpStream> {
        let mut stream = match number % 2 {
            0 => TcpStream::connect(address)?,
            _ => open(address)?,
        };
        stream.set_nodelay(true)?;
        stream.write_all(&ANNOUNCED)?;
        Ok(stream)
    };
    let mut streams = Vec::new();
    while streams.len() < DRIPS && !stop.load(Ordering::Relaxed) {
        streams.push(connect(streams.len()).map_err(|error| error.to_string())?);
        dripping.store(streams.len(), Ordering::Relaxed);
    }
    let started = Instant::now();
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        let due = (started.elapsed().as_secs_f64() / DRIP.as_secs_f64() * DRIPS as f64) as usize;
        while sent < due {
            let number = sent % streams.len();
            if streams[number].write_all(&[0]).is_err() {
                streams[number] = connect(number).map_err(|error| error.to_string())?;
            }
            sent += 1;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// The value in the middle.
fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn print_row(cells: [&str; 7]) {
    let [server, load, p50, p99, max, rate, drips] = cells;
    println!("{server:<8} {load:<8} {p50:>10} {p99:>10} {max:>10} {rate:>10} {drips:>8}");
}
