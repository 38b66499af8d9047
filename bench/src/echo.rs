//! A bare tokio server that answers every frame with one of a given size: the most that any server
//! on this runtime could do on this machine.

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Serves until the process is ended. Prints the address like `tenure serve` does.
pub fn serve(reply: usize) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on {}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(answer(stream, reply));
        }
    })
}

async fn answer(mut stream: TcpStream, reply: usize) -> std::io::Result<()> {
    let mut frame = vec![0; 4 + reply];
    frame[..4].copy_from_slice(&u32::try_from(reply).unwrap_or(0).to_be_bytes());
    let mut input = BytesMut::new();
    let mut output = BytesMut::new();
    loop {
        input.reserve(64 << 10);
        if stream.read_buf(&mut input).await? == 0 {
            return Ok(());
        }
        while let Some(head) = input.first_chunk::<4>() {
            let length = 4 + u32::from_be_bytes(*head) as usize;
            if input.len() < length {
                break;
            }
            input.advance(length);
            output.extend_from_slice(&frame);
        }
        stream.write_all(&output).await?;
        output.clear();
    }
}
