//! What znodes weigh in the server's memory.

use std::net::SocketAddr;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use tenure::wire::Create;
use tenure::{Acl, CreateMode, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::load::handshake;
use crate::sessions::HANDSHAKE_REPLY;
use crate::subject::Subject;

/// Znodes created to be weighed.
const ZNODES: usize = 200_000;

/// Their parents.
const PARENTS: usize = 1_000;

/// Connections that create them.
const CONNECTIONS: usize = 4;

/// Requests sent before their replies are read.
const BATCH: usize = 500;

/// Bytes of the reply to one of the creates: frame length, header, path length, path, Stat.
const REPLY: usize = 4 + 16 + 4 + PATH + 68;

/// Bytes of each path.
const PATH: usize = "/weight/p-000/n-000000".len();

/// Bytes of the server's memory per znode of 100 bytes of data.
pub fn per_znode() -> Result<f64, String> {
    let subject = Subject::tenure()?;
    let before = subject.resident();
    fill(&subject, ZNODES)?;
    Ok((subject.resident() - before) as f64 / ZNODES as f64)
}

/// Creates znodes below a thousand parents, over a few connections.
pub fn fill(subject: &Subject, znodes: usize) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let address = subject.address();
    let filled = runtime.block_on(async {
        create_parents(address).await?;
        let part = |number: usize| number * znodes / CONNECTIONS;
        let mut parts = tokio::task::JoinSet::new();
        for number in 0..CONNECTIONS {
            parts.spawn(create_all(address, part(number)..part(number + 1)));
        }
        while let Some(done) = parts.join_next().await {
            done??;
        }
        Ok::<(), std::io::Error>(())
    });
    filled.map_err(|error| error.to_string())
}

/// Where a znode of them is.
pub fn path(number: usize) -> String {
    format!("/weight/p-{:03}/n-{number:06}", number % PARENTS)
}

/// Text of 100 bytes that compresses about as well as text does.
pub fn data(number: usize) -> Bytes {
    let scrambled = (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut text = format!("{number:09} {scrambled:016x} ").repeat(4).into_bytes();
    text.truncate(100);
    text.into()
}

async fn create_parents(address: SocketAddr) -> std::io::Result<()> {
    let mut stream = open(address).await?;
    ask(&mut stream, "/weight").await?;
    for parent in 0..PARENTS {
        ask(&mut stream, &format!("/weight/p-{parent:03}")).await?;
    }
    Ok(())
}

async fn create_all(address: SocketAddr, mut numbers: Range<usize>) -> std::io::Result<()> {
    let mut stream = open(address).await?;
    while !numbers.is_empty() {
        let mut out = BytesMut::new();
        let count = numbers.by_ref().take(BATCH).map(|number| create(number, &mut out)).count();
        stream.write_all(&out).await?;
        stream.read_exact(&mut vec![0; REPLY * count]).await?;
    }
    Ok(())
}

async fn open(address: SocketAddr) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut out = BytesMut::new();
    handshake(30_000).encode(&mut out);
    stream.write_all(&out).await?;
    stream.read_exact(&mut [0; 4 + HANDSHAKE_REPLY]).await?;
    Ok(stream)
}

async fn ask(stream: &mut TcpStream, path: &str) -> std::io::Result<()> {
    let mut out = BytesMut::new();
    request(path.to_owned(), Bytes::new()).encode(1, &mut out);
    stream.write_all(&out).await?;
    let mut reply = vec![0; REPLY - PATH + path.len()];
    stream.read_exact(&mut reply).await?;
    Ok(())
}

fn create(number: usize, out: &mut BytesMut) {
    request(path(number), data(number)).encode(1, out);
}

fn request(path: String, data: Bytes) -> Request {
    Request::Create(Create::new(path, Some(data), Acl::open_unsafe(), CreateMode::Persistent))
}
