//! Pipelined load: a few connections, each with a fixed number of requests under way.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use tenure::base::{SessionId, Zxid};
use tenure::wire::{ConnectRequest, Create, Request};
use tenure::{Acl, CreateMode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::process;
use crate::subject::Subject;

/// Connections that load a server.
pub const CONNECTIONS: usize = 16;

/// Requests under way on each.
pub const DEPTH: usize = 16;

/// Bytes of the body of a reply to the get of this load: header, length, data, Stat.
pub const GET_REPLY: usize = 16 + 4 + DATA.len() + 68;

/// Bytes read at a time.
const READ: usize = 64 << 10;

const DATA: [u8; 100] = [b'x'; 100];

/// Runs that do not count, until caches and compilers are warm.
pub const WARM_UP: Duration = Duration::from_secs(1);

/// What a request does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Gets 100 bytes.
    Get,
    /// Sets 100 bytes.
    Set,
    /// Creates a sequential znode of 100 bytes.
    Create,
}

impl Kind {
    fn request(self, path: &str) -> Request {
        let data = Some(Bytes::from_static(&DATA));
        match self {
            Kind::Get => Request::GetData { path: path.to_owned(), watch: false },
            Kind::Set => Request::SetData { path: path.to_owned(), data, version: -1 },
            Kind::Create => {
                let mode = CreateMode::PersistentSequential;
                Request::Create(Create::new(format!("{path}/n-"), data, Acl::open_unsafe(), mode))
            }
        }
    }
}

/// What some connections do.
#[derive(Clone, Copy)]
pub struct Plan {
    /// How the tables call it.
    pub name: &'static str,
    /// How many there are.
    pub connections: usize,
    /// Requests under way on each.
    pub depth: usize,
    /// What their requests do, in turns.
    pub kinds: &'static [Kind],
}

impl Plan {
    const fn pipelined(name: &'static str, kinds: &'static [Kind]) -> Plan {
        Plan { name, connections: CONNECTIONS, depth: DEPTH, kinds }
    }

    /// Reads.
    pub const GET: Plan = Plan::pipelined("get", &[Kind::Get]);
    /// Writes.
    pub const SET: Plan = Plan::pipelined("set", &[Kind::Set]);
    /// Writes that make znodes.
    pub const CREATE: Plan = Plan::pipelined("create", &[Kind::Create]);
    /// As many reads as writes.
    pub const MIXED: Plan = Plan::pipelined("mixed", &[Kind::Set, Kind::Get]);
    /// One write after the other.
    pub const SET_ALONE: Plan =
        Plan { name: "set, one", connections: 1, depth: 1, kinds: &[Kind::Set] };
    /// One read after the other.
    pub const GET_ALONE: Plan =
        Plan { name: "get, one", connections: 1, depth: 1, kinds: &[Kind::Get] };
}

/// What a load came to.
#[derive(Clone, Copy)]
pub struct Figures {
    /// Requests answered per second.
    pub rate: f64,
    /// Half of the answers came within this time.
    pub p50_micros: f64,
    /// All but one in a hundred did.
    pub p99_micros: f64,
    /// CPU time the server spent on each request of all plans, in microseconds.
    pub cpu_micros: f64,
    /// The same of this process.
    pub own_cpu_micros: f64,
}

/// Loads a server for a while.
pub fn run(subject: &Subject, plan: &Plan, length: Duration) -> Result<Figures, String> {
    run_all(subject, std::slice::from_ref(plan), length).map(|figures| figures[0])
}

/// Loads a server for a while with several plans at the same time.
pub fn run_all(
    subject: &Subject,
    plans: &[Plan],
    length: Duration,
) -> Result<Vec<Figures>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let mut drivers = Vec::new();
        for (number, plan) in plans.iter().enumerate() {
            for connection in 0..plan.connections {
                let path = format!("/bench-{}-{connection}", plan.name.replace(", ", "-"));
                drivers.push(Driver::connect(subject.address(), &path, (number, plan)).await?);
            }
        }
        drivers = drive(drivers, WARM_UP).await?;
        for driver in &mut drivers {
            driver.latencies.clear();
        }
        let cpu = || (subject.cpu_time().as_secs_f64(), process::cpu_time(std::process::id()));
        let (before, started) = (cpu(), Instant::now());
        let drivers = drive(drivers, length).await?;
        let (elapsed, after) = (started.elapsed().as_secs_f64(), cpu());
        let all: usize = drivers.iter().map(|driver| driver.latencies.len()).sum();
        let each = 1e6 / all.max(1) as f64;
        let figures = |number: usize| {
            let (rate, p50_micros, p99_micros) = figures_of(&drivers, number, elapsed);
            let cpu_micros = (after.0 - before.0) * each;
            let own_cpu_micros = (after.1 - before.1).as_secs_f64() * each;
            Figures { rate, p50_micros, p99_micros, cpu_micros, own_cpu_micros }
        };
        Ok((0..plans.len()).map(figures).collect())
    })
}

/// Rate, median and 99th percentile of the drivers of one plan.
fn figures_of(drivers: &[Driver], plan: usize, elapsed: f64) -> (f64, f64, f64) {
    let mut latencies: Vec<u32> = drivers
        .iter()
        .filter(|driver| driver.plan == plan)
        .flat_map(|driver| driver.latencies.iter().copied())
        .collect();
    latencies.sort_unstable();
    let count = latencies.len().max(1) as f64;
    let at = |part: f64| {
        let nanos = latencies.get((count * part) as usize);
        nanos.map_or(0.0, |nanos| f64::from(*nanos) / 1e3)
    };
    (count / elapsed, at(0.5), at(0.99))
}

async fn drive(drivers: Vec<Driver>, length: Duration) -> Result<Vec<Driver>, String> {
    let tasks: Vec<_> = drivers
        .into_iter()
        .map(|driver| tokio::spawn(driver.run(Instant::now() + length)))
        .collect();
    let mut done = Vec::new();
    for task in tasks {
        done.push(task.await.map_err(|error| error.to_string())??);
    }
    Ok(done)
}

/// One connection under load.
struct Driver {
    stream: TcpStream,
    input: BytesMut,
    /// Which plan it follows.
    plan: usize,
    depth: usize,
    /// What it sends, in turns, and whose turn it is.
    requests: Vec<BytesMut>,
    next: usize,
    /// When each request under way was sent.
    sent: VecDeque<Instant>,
    /// Nanoseconds of each answer.
    latencies: Vec<u32>,
}

impl Driver {
    async fn connect(
        address: SocketAddr,
        path: &str,
        (number, plan): (usize, &Plan),
    ) -> Result<Driver, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let encoded = |kind: &Kind| {
            let mut request = BytesMut::new();
            kind.request(path).encode(1, &mut request);
            request
        };
        let mut driver = Driver {
            stream,
            input: BytesMut::new(),
            plan: number,
            depth: plan.depth,
            requests: plan.kinds.iter().map(encoded).collect(),
            next: 0,
            sent: VecDeque::new(),
            latencies: Vec::new(),
        };
        let mut opening = BytesMut::new();
        handshake(30_000).encode(&mut opening);
        driver.ask(&opening).await?;
        let mut create = BytesMut::new();
        let data = Some(Bytes::from_static(&DATA));
        let node = Create::new(path.to_owned(), data, Acl::open_unsafe(), CreateMode::Persistent);
        Request::Create(node).encode(1, &mut create);
        driver.ask(&create).await?;
        Ok(driver)
    }

    /// Sends one frame and waits for one.
    async fn ask(&mut self, frame: &[u8]) -> Result<(), String> {
        self.stream.write_all(frame).await.map_err(|error| error.to_string())?;
        while self.take_frames() == 0 {
            self.fill().await?;
        }
        Ok(())
    }

    async fn run(mut self, until: Instant) -> Result<Driver, String> {
        self.send(self.depth).await?;
        while !self.sent.is_empty() {
            self.fill().await?;
            let answered = self.take_frames();
            let now = Instant::now();
            for sent in self.sent.drain(..answered) {
                let nanos = now.duration_since(sent).as_nanos();
                self.latencies.push(u32::try_from(nanos).unwrap_or(u32::MAX));
            }
            if now < until {
                self.send(answered).await?;
            }
        }
        Ok(self)
    }

    async fn send(&mut self, count: usize) -> Result<(), String> {
        let now = Instant::now();
        let mut out = BytesMut::with_capacity(count * self.requests[0].len());
        for _ in 0..count {
            out.extend_from_slice(&self.requests[self.next]);
            self.next = (self.next + 1) % self.requests.len();
            self.sent.push_back(now);
        }
        self.stream.write_all(&out).await.map_err(|error| error.to_string())
    }

    async fn fill(&mut self) -> Result<(), String> {
        self.input.reserve(READ);
        match self.stream.read_buf(&mut self.input).await {
            Ok(0) => Err("the server closed the connection".to_owned()),
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn take_frames(&mut self) -> usize {
        let mut frames = 0;
        while let Some(head) = self.input.first_chunk::<4>() {
            let length = 4 + u32::from_be_bytes(*head) as usize;
            if self.input.len() < length {
                break;
            }
            self.input.advance(length);
            frames += 1;
        }
        frames
    }
}

/// The opening of a new session.
pub fn handshake(timeout: i32) -> ConnectRequest {
    ConnectRequest {
        hello: None,
        last_zxid_seen: Zxid::ZERO,
        timeout,
        session_id: SessionId::NONE,
        password: Some(Bytes::from_static(&[0; 16])),
        read_only: Some(false),
    }
}
