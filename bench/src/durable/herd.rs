//! Many sessions, each with an ephemeral, whose server is killed and started again: how soon the
//! last one is back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tenure::base::{SessionId, Zxid};
use tenure::wire::{ConnectRequest, Create, Request};
use tenure::{Acl, CreateMode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{NO_SNAPSHOTS, Settings};
use crate::folder::Folder;
use crate::goals::Goals;
use crate::sessions::HANDSHAKE_REPLY;
use crate::subject::Subject;

/// Sessions that are to come back.
const SESSIONS: usize = 1_000;

/// Long enough for any restart.
const TIMEOUT: i32 = 40_000;

/// How long a client waits before it tries again to connect.
const TRY_AGAIN: Duration = Duration::from_millis(5);

/// Bytes of the shortest reply to a create.
const REPLY: usize = 16;

/// A session as its client knows it.
#[derive(Clone)]
struct Session {
    id: SessionId,
    password: Bytes,
}

/// How long a restart took, in milliseconds from the start of the process.
struct Back {
    first_answer: f64,
    all_sessions: f64,
}

/// Measures it.
pub fn run(folder: &Folder, settings: &Settings, goals: &mut Goals) -> Result<(), String> {
    let start = || Subject::durable(&folder.join("herd"), &NO_SNAPSHOTS);
    let back = restart(&start, SESSIONS)?;
    let what = format!("seconds until {} sessions are back after a kill", SESSIONS);
    goals.at_most(&what, back.all_sessions / 1e3, 0.3);
    goals.report("  of them until the first answer", back.first_answer / 1e3);
    if settings.with_apache {
        let start = || Subject::apache_in(&folder.join("herd-apache"), true);
        let back = restart(&start, SESSIONS)?;
        goals.report("  the same with Apache", back.all_sessions / 1e3);
    }
    folder.remove("herd");
    folder.remove("herd-apache");
    Ok(())
}

fn restart(start: &dyn Fn() -> Result<Subject, String>, count: usize) -> Result<Back, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let before = start()?;
    let name = before.name();
    let connect = |address: SocketAddr, sessions: Arc<Vec<Option<Session>>>| {
        runtime
            .block_on(connect_all(address, sessions))
            .map_err(|error| format!("opening sessions with {name}: {error}"))
    };
    let opened = connect(before.address(), Arc::new(vec![None; count]))?;
    let (streams, sessions): (Vec<_>, Vec<_>) = opened.into_iter().unzip();
    let streams = runtime
        .block_on(create_ephemerals(streams))
        .map_err(|error| format!("creating ephemerals with {name}: {error}"))?;
    let had = before.metric("zk_ephemerals_count")?;
    // Dropping a subject kills its process where it stands.
    drop((before, streams));
    let started = Instant::now();
    let after = start()?;
    let first_answer = started.elapsed().as_secs_f64() * 1e3;
    let back = connect(after.address(), Arc::new(sessions.iter().cloned().map(Some).collect()))?;
    let all_sessions = started.elapsed().as_secs_f64() * 1e3;
    let is_same = |(one, (_, other)): (&Session, &(TcpStream, Session))| one.id == other.id;
    if !sessions.iter().zip(&back).all(is_same) {
        return Err("a session is not back".to_owned());
    }
    let has = after.metric("zk_ephemerals_count")?;
    if has != had {
        return Err(format!("{had} ephemerals before the restart and {has} after it"));
    }
    Ok(Back { first_answer, all_sessions })
}

/// Opens or resumes sessions, all at the same time; in the order they were given.
async fn connect_all(
    address: SocketAddr,
    sessions: Arc<Vec<Option<Session>>>,
) -> std::io::Result<Vec<(TcpStream, Session)>> {
    let mut connecting = JoinSet::new();
    for number in 0..sessions.len() {
        let session = sessions[number].clone();
        connecting.spawn(async move { (number, connect(address, session).await) });
    }
    let mut connected = Vec::new();
    while let Some(one) = connecting.join_next().await {
        let (number, one) = one?;
        connected.push((number, one?));
    }
    connected.sort_by_key(|(number, _)| *number);
    Ok(connected.into_iter().map(|(_, one)| one).collect())
}

async fn connect(
    address: SocketAddr,
    session: Option<Session>,
) -> std::io::Result<(TcpStream, Session)> {
    let none = Session { id: SessionId::NONE, password: Bytes::from_static(&[0; 16]) };
    let session = session.unwrap_or(none);
    let request = ConnectRequest {
        hello: None,
        last_zxid_seen: Zxid::ZERO,
        timeout: TIMEOUT,
        session_id: session.id,
        password: Some(session.password),
        read_only: Some(false),
    };
    let mut out = BytesMut::new();
    request.encode(&mut out);
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        // A server that is just up may turn connections away.
        match try_connect(address, &out).await {
            Err(_) if Instant::now() < until => tokio::time::sleep(TRY_AGAIN).await,
            other => return other,
        }
    }
}

async fn try_connect(address: SocketAddr, request: &[u8]) -> std::io::Result<(TcpStream, Session)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    stream.write_all(request).await?;
    let mut answer = [0; 4 + HANDSHAKE_REPLY];
    stream.read_exact(&mut answer).await?;
    let id = answer[12..20].try_into().map_or(0, i64::from_be_bytes);
    let password = Bytes::copy_from_slice(&answer[24..40]);
    Ok((stream, Session { id: SessionId(id), password }))
}

async fn create_ephemerals(streams: Vec<TcpStream>) -> std::io::Result<Vec<TcpStream>> {
    let mut creating = JoinSet::new();
    for (number, mut stream) in streams.into_iter().enumerate() {
        creating.spawn(async move {
            let path = format!("/herd-{number}");
            let mode = CreateMode::Ephemeral;
            let mut out = BytesMut::new();
            let create = Create::new(path, Some(Bytes::new()), Acl::open_unsafe(), mode);
            Request::Create(create).encode(1, &mut out);
            stream.write_all(&out).await?;
            stream.read_exact(&mut [0; 4 + REPLY]).await.map(|_| stream)
        });
    }
    let mut streams = Vec::new();
    while let Some(created) = creating.join_next().await {
        streams.push(created??);
    }
    Ok(streams)
}
