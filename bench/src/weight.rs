//! What znodes weigh in the server's memory.

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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(create_all(&subject)).map_err(|error| error.to_string())?;
    Ok((subject.resident() - before) as f64 / ZNODES as f64)
}

async fn create_all(subject: &Subject) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(subject.address()).await?;
    let mut out = BytesMut::new();
    handshake(30_000).encode(&mut out);
    stream.write_all(&out).await?;
    stream.read_exact(&mut [0; 4 + HANDSHAKE_REPLY]).await?;
    ask(&mut stream, "/weight").await?;
    for parent in 0..1_000 {
        ask(&mut stream, &format!("/weight/p-{parent:03}")).await?;
    }
    let mut replies = vec![0; REPLY * BATCH];
    for batch in 0..ZNODES / BATCH {
        let mut out = BytesMut::new();
        for number in batch * BATCH..(batch + 1) * BATCH {
            let path = format!("/weight/p-{:03}/n-{number:06}", number % 1_000);
            create(path).encode(1, &mut out);
        }
        stream.write_all(&out).await?;
        stream.read_exact(&mut replies).await?;
    }
    Ok(())
}

async fn ask(stream: &mut TcpStream, path: &str) -> std::io::Result<()> {
    let mut out = BytesMut::new();
    create(path.to_owned()).encode(1, &mut out);
    stream.write_all(&out).await?;
    let mut reply = vec![0; REPLY - PATH + path.len()];
    stream.read_exact(&mut reply).await?;
    Ok(())
}

fn create(path: String) -> Request {
    let data = Some(Bytes::from_static(&[b'x'; 100]));
    Request::Create(Create::new(path, data, Acl::open_unsafe(), CreateMode::Persistent))
}
