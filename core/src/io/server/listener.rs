//! The server's main thread: accepts connections until the server stops.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::connection::{self, Socket};
use super::running::Running;
use super::start_error::StartError;

/// How long to pause when the process has no descriptor left for another connection.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(50);

/// Where a server listens, and how.
#[derive(Clone, Copy)]
pub(super) struct Port {
    pub listen: SocketAddr,
    pub backlog: u32,
    /// Whether the kernel probes its connections: what is accepted inherits it from the listener.
    pub keep_alive: bool,
}

/// Binds the port, says so through `bound`, and accepts until `stop`. The runtime begins and ends
/// here, so that nobody else ever drops one.
pub(super) fn run(
    running: &Arc<Running>,
    port: Port,
    workers: usize,
    stop: &Notify,
    bound: &mpsc::Sender<Result<SocketAddr, StartError>>,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .thread_name("tenure-io")
        .enable_io()
        .enable_time()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = bound.send(Err(StartError::Thread(error)));
            return;
        }
    };
    runtime.block_on(async {
        match bind(port) {
            Ok((listener, address)) => {
                running.service.set_listening_on(address);
                let _ = bound.send(Ok(address));
                accept(running, listener, stop).await;
            }
            Err(source) => {
                let _ = bound.send(Err(StartError::Listen { address: port.listen, source }));
            }
        }
    });
}

/// Binds the client port, and says which one it got. Has to run inside the runtime.
fn bind(port: Port) -> std::io::Result<(TcpListener, SocketAddr)> {
    let address = port.listen;
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.set_keepalive(port.keep_alive)?;
    let listener = socket.listen(port.backlog)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Accepts until `stop`, then cuts every connection and waits for their tasks.
async fn accept(running: &Arc<Running>, listener: TcpListener, stop: &Notify) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.notified() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => start(running, stream, address, &mut connections),
                Err(_) => tokio::time::sleep(OUT_OF_DESCRIPTORS).await,
            },
        }
    }
    // A forked child has the socket as well: closing it here alone would leave the port open, with
    // nobody who ever accepts.
    let _ = socket2::SockRef::from(&listener).shutdown(std::net::Shutdown::Both);
    drop(listener);
    running.service.cut_all();
    while connections.join_next().await.is_some() {}
}

fn start(
    running: &Arc<Running>,
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
    let now = running.clock.now();
    // Turned away for a limit: dropping the stream closes it without a byte.
    let Ok(peer) = running.service.open(address, now, Box::new(socket)) else { return };
    let socket = Socket { stream, changed };
    connections.spawn(connection::serve(running.clone(), peer, socket));
}
