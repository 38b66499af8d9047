//! Accepts connections until the server stops.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::connection::{self, Socket};
use super::server::Shared;

/// Connections the kernel may hold until they are accepted.
const BACKLOG: u32 = 4_096;

/// How long to pause when the process has no descriptor left for another connection.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(50);

/// Binds the client port. Has to run inside the server's runtime.
pub(super) fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Accepts until `stop`, then cuts every connection and waits for their tasks.
pub(super) async fn accept(shared: Arc<Shared>, listener: TcpListener, stop: Arc<Notify>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.notified() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => start(&shared, stream, address, &mut connections),
                Err(_) => tokio::time::sleep(OUT_OF_DESCRIPTORS).await,
            },
        }
    }
    drop(listener);
    shared.service.cut_all();
    while connections.join_next().await.is_some() {}
}

fn start(
    shared: &Arc<Shared>,
    stream: TcpStream,
    address: SocketAddr,
    connections: &mut JoinSet<()>,
) {
    // Without it a reply may wait 40 ms for the acknowledgement of the one before. Where it fails
    // the connection is gone, and the first read says so.
    let _ = stream.set_nodelay(true);
    let stream = Arc::new(stream);
    let changed = Arc::new(Notify::new());
    let socket = Socket { stream: stream.clone(), changed: changed.clone() };
    let now = shared.clock.now();
    // Turned away for a limit: dropping the stream closes it without a byte.
    let Ok(peer) = shared.service.open(address, now, Box::new(socket)) else { return };
    let socket = Socket { stream, changed };
    connections.spawn(connection::serve(shared.clone(), peer, socket));
}
