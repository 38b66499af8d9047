//! The server's main thread: accepts connections until the server stops.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::connection::{self, Accepted, Socket};
use super::entrance::Entrance;
use super::running::Running;
use super::start_error::StartError;
use super::stream::Takes;

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

/// A port, and which connections it takes.
pub(super) struct Door {
    pub port: Port,
    pub takes: Takes,
}

/// The ports of a server, one at least.
pub(super) struct Doors {
    /// The one that takes plain connections, and perhaps others.
    pub plain: Option<Door>,
    /// The one for TLS alone.
    pub secure: Option<Door>,
}

/// The addresses that were bound.
#[derive(Clone, Copy)]
pub(super) struct Bound {
    pub plain: Option<SocketAddr>,
    pub secure: Option<SocketAddr>,
}

/// A door that is open.
type Open = (Arc<TcpListener>, Takes);

/// Binds the ports, says so through `bound`, and accepts until `stop`. The runtime begins and ends
/// here, so that nobody else ever drops one.
pub(super) fn run(
    running: &Arc<Running>,
    doors: Doors,
    workers: usize,
    stop: &Notify,
    bound: &mpsc::Sender<Result<Bound, StartError>>,
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
        match open(doors) {
            Ok((open, addresses)) => {
                addresses.plain.inspect(|&address| running.service.set_listening_on(address));
                addresses.secure.inspect(|&address| running.service.set_secure_on(address));
                let _ = bound.send(Ok(addresses));
                accept(running, open, stop).await;
            }
            Err(error) => {
                let _ = bound.send(Err(error));
            }
        }
    });
}

/// Binds every port there is.
fn open(doors: Doors) -> Result<([Option<Open>; 2], Bound), StartError> {
    let open = |door: Option<Door>| -> Result<_, StartError> {
        let Some(Door { port, takes }) = door else { return Ok((None, None)) };
        let (listener, address) =
            bind(port).map_err(|source| StartError::Listen { address: port.listen, source })?;
        Ok((Some((Arc::new(listener), takes)), Some(address)))
    };
    let (plain, plain_address) = open(doors.plain)?;
    let (secure, secure_address) = open(doors.secure)?;
    Ok(([plain, secure], Bound { plain: plain_address, secure: secure_address }))
}

/// Binds a port, and says which one it got. Has to run inside the runtime.
fn bind(port: Port) -> std::io::Result<(TcpListener, SocketAddr)> {
    let address = port.listen;
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    if address.is_ipv6() {
        // Whatever the machine does unless told: `::` is every address there is.
        socket2::SockRef::from(&socket).set_only_v6(false)?;
    }
    socket.bind(address)?;
    socket.set_keepalive(port.keep_alive)?;
    let listener = socket.listen(port.backlog)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Accepts until `stop`, then cuts every connection and waits for their tasks.
async fn accept(running: &Arc<Running>, doors: [Option<Open>; 2], stop: &Notify) {
    let mut connections = JoinSet::new();
    let entrance = &running.entrance;
    if running.clock.is_manual() {
        entrance.open(doors.iter().flatten().map(|(listener, _)| listener.clone()).collect());
    }
    loop {
        entrance.turns.end(false);
        let accepted = tokio::select! {
            () = stop.notified() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = next(&doors[0], entrance) => accepted,
            accepted = next(&doors[1], entrance) => accepted,
        };
        match accepted {
            Ok((stream, address, takes)) => {
                start(running, stream, (address, takes), &mut connections);
            }
            Err(_) => tokio::time::sleep(OUT_OF_DESCRIPTORS).await,
        }
    }
    entrance.close();
    for (listener, _) in doors.into_iter().flatten() {
        // A forked child has the socket as well: closing it here alone would leave the port open, with
        // nobody who ever accepts.
        let _ = socket2::SockRef::from(&listener).shutdown(std::net::Shutdown::Both);
    }
    running.service.cut_all();
    while connections.join_next().await.is_some() {}
}

/// The next connection at a door; never, if it is none.
async fn next(
    door: &Option<Open>,
    entrance: &Entrance,
) -> std::io::Result<(TcpStream, SocketAddr, Takes)> {
    let Some((listener, takes)) = door else { return std::future::pending().await };
    let (stream, address) = std::future::poll_fn(|context| {
        // What has left the kernel's queue is seen here.
        entrance.turns.begin();
        let accepted = listener.poll_accept(context);
        if accepted.is_pending() {
            entrance.turns.end(false);
        }
        accepted
    })
    .await?;
    Ok((stream, address, takes.clone()))
}

fn start(
    running: &Arc<Running>,
    stream: TcpStream,
    (address, takes): (SocketAddr, Takes),
    connections: &mut JoinSet<()>,
) {
    // As a port nobody listens on would, and one that is full: dropping it closes it without a byte.
    if running.service.faults.refuses() {
        return;
    }
    // Without it a reply may wait 40 ms for the acknowledgement of the one before. Where it fails
    // the connection is gone, and the first read says so.
    let _ = stream.set_nodelay(true);
    let stream = Arc::new(stream);
    let changed = Arc::new(Notify::new());
    let socket = Socket { stream: Arc::downgrade(&stream), changed: changed.clone() };
    let now = running.clock.now();
    // Turned away for a limit: dropping the stream closes it without a byte.
    let Ok(peer) = running.service.open(address, now, Box::new(socket)) else { return };
    let accepted = Accepted { stream, changed, takes };
    connections.spawn(connection::serve(running.clone(), peer, accepted));
}
