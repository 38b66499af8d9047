//! Opening many sessions, and keeping them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tenure::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::load::handshake;
use crate::print_row;
use crate::subject::Subject;

/// The session timeout of those that are kept.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long the server's CPU time is watched while they are kept: two rounds of pings.
const WATCHED: Duration = Duration::from_secs(7);

/// Bytes of the body of the answer to an opening.
pub const HANDSHAKE_REPLY: usize = 37;

/// Openings under way at a time.
const AT_A_TIME: usize = 256;

/// Open sessions, and the runtime that holds their sockets.
pub struct Opened {
    streams: Vec<TcpStream>,
    runtime: Runtime,
    rate: f64,
}

impl Opened {
    /// How many were opened per second.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.streams.len()
    }
}

/// Opens `count` sessions as fast as the server lets it, and prints the rate.
pub fn open(subject: &Subject, count: usize) -> Result<Opened, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let (cpu, started) = (subject.cpu_time(), Instant::now());
    let streams = runtime.block_on(open_all(subject.address(), count))?;
    let elapsed = started.elapsed().as_secs_f64();
    let cpu = (subject.cpu_time() - cpu).as_secs_f64();
    let rate = count as f64 / elapsed;
    let cost = format!("{:.2}", cpu * 1e6 / count as f64);
    print_row([subject.name(), "open", &format!("{rate:.0}"), "", "", &cost]);
    Ok(Opened { streams, runtime, rate })
}

async fn open_all(address: SocketAddr, count: usize) -> Result<Vec<TcpStream>, String> {
    let mut opening = JoinSet::new();
    let mut streams = Vec::with_capacity(count);
    let mut started = 0;
    while streams.len() < count {
        while started < count && opening.len() < AT_A_TIME {
            opening.spawn(open_one(address));
            started += 1;
        }
        if let Some(opened) = opening.join_next().await {
            let stream = opened.map_err(|error| error.to_string())?;
            streams.push(stream.map_err(|error| format!("session {}: {error}", streams.len()))?);
        }
    }
    Ok(streams)
}

async fn open_one(address: SocketAddr) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut out = BytesMut::new();
    let millis = i32::try_from(TIMEOUT.as_millis()).unwrap_or(i32::MAX);
    handshake(millis).encode(&mut out);
    stream.write_all(&out).await?;
    let mut answer = [0; 4 + HANDSHAKE_REPLY];
    stream.read_exact(&mut answer).await?;
    Ok(stream)
}

/// Falls silent and waits until every session has expired. Returns by how many milliseconds the
/// server was late at most; early it cannot be.
pub fn expire(subject: &Subject, opened: Opened) -> Result<f64, String> {
    let until = Instant::now() + 2 * TIMEOUT;
    drop(opened.streams);
    while subject.metric("zk_global_sessions")? > 0.0 {
        if Instant::now() > until {
            return Err("sessions that fell silent do not expire".to_owned());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    subject.metric("zk_session_expiry_lateness_max")
}

/// Keeps the sessions alive with a ping each third of their timeout, spread evenly, and returns the
/// part of a core the server needs for it, in percent.
pub fn idle(subject: &Subject, opened: &Opened) -> Result<f64, String> {
    let mut ping = BytesMut::new();
    Request::Ping.encode(-2, &mut ping);
    opened.runtime.block_on(async {
        let gap = (TIMEOUT / 3).as_secs_f64() / opened.len() as f64;
        let (cpu, started) = (subject.cpu_time(), Instant::now());
        let mut pings = 0;
        while started.elapsed() < WATCHED {
            let due = (started.elapsed().as_secs_f64() / gap) as usize;
            while pings < due {
                let stream = &opened.streams[pings % opened.len()];
                stream.try_write(&ping).map_err(|error| error.to_string())?;
                let mut scrap = [0; 256];
                // The answer to the ping before; what is not there yet is read the next time.
                let _ = stream.try_read(&mut scrap);
                pings += 1;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let elapsed = started.elapsed().as_secs_f64();
        let cpu = (subject.cpu_time() - cpu).as_secs_f64();
        let cost = format!("{:.2}", cpu * 1e6 / pings as f64);
        let rate = format!("{:.0}", pings as f64 / elapsed);
        print_row([subject.name(), "ping", &rate, "", "", &cost]);
        Ok(cpu * 100.0 / elapsed)
    })
}
