//! A TCP proxy that cuts, refuses, falls silent and listens in, between a client and a server.

#![allow(dead_code, reason = "each test program uses its part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

pub mod other;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tenure::{SessionEvent, State, States};

/// How long anything may take on a busy machine before a test calls it missing.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A frame a client sent: on which connection, when, its xid and operation (0 for a handshake), and
/// its length.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    pub connection: usize,
    pub at: Instant,
    pub xid: i32,
    pub op: i32,
    pub length: usize,
}

/// The proxy.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State_>,
}

#[derive(Default)]
struct State_ {
    streams: Mutex<Vec<TcpStream>>,
    frames: Mutex<Vec<Frame>>,
    connections: AtomicUsize,
    refuses: AtomicBool,
    is_silent: AtomicBool,
    falsifies: AtomicBool,
    forgets: AtomicBool,
    /// Connections below this number are held back.
    held: AtomicUsize,
    /// How many connections carry no requests any more.
    ended: AtomicUsize,
    is_over: AtomicBool,
}

impl Proxy {
    pub fn to(target: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State_::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming() {
                if shared.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let connection = shared.connections.fetch_add(1, Ordering::SeqCst);
                if shared.refuses.load(Ordering::SeqCst) {
                    continue;
                }
                if let (Ok(client), Ok(server)) = (client, TcpStream::connect(target)) {
                    shared.join(connection, client, server);
                }
            }
        });
        Proxy { address, state }
    }

    pub fn hosts(&self) -> String {
        self.address.to_string()
    }

    /// Cuts all connections.
    pub fn cut(&self) {
        for stream in self.state.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Whether new connections are closed at once.
    pub fn refuse(&self, refuse: bool) {
        self.state.refuses.store(refuse, Ordering::SeqCst);
    }

    /// Whether what the server says is swallowed.
    pub fn silence(&self, silent: bool) {
        self.state.is_silent.store(silent, Ordering::SeqCst);
    }

    /// Gives the next frame of the server the xid 4711.
    pub fn falsify_next(&self) {
        self.state.falsifies.store(true, Ordering::SeqCst);
    }

    /// Whether a session is never resumed: who asks for one gets another.
    pub fn forget(&self, forgets: bool) {
        self.state.forgets.store(forgets, Ordering::SeqCst);
    }

    /// Keeps what clients send on the connections of so far, also when they end.
    pub fn hold(&self) {
        self.state.held.store(self.connections(), Ordering::SeqCst);
    }

    /// Lets it go on.
    pub fn release(&self) {
        self.state.held.store(0, Ordering::SeqCst);
    }

    /// Cuts all connections on the side of the clients; servers do not hear of it before what was
    /// held has come.
    pub fn cut_clients(&self) {
        for stream in self.state.streams.lock().unwrap().iter().step_by(2) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// How many connections have carried all that they will.
    pub fn ended(&self) -> usize {
        self.state.ended.load(Ordering::SeqCst)
    }

    /// How many connections were asked for.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// What clients sent.
    pub fn frames(&self) -> Vec<Frame> {
        self.state.frames.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        self.cut();
        let _ = TcpStream::connect(self.address);
    }
}

impl State_ {
    fn join(self: &Arc<Self>, connection: usize, client: TcpStream, server: TcpStream) {
        let clone = |stream: &TcpStream| stream.try_clone().unwrap();
        self.streams.lock().unwrap().extend([clone(&client), clone(&server)]);
        let (from_client, to_server) = (clone(&client), clone(&server));
        let state = Arc::clone(self);
        thread::spawn(move || state.carry_requests(connection, from_client, to_server));
        let state = Arc::clone(self);
        thread::spawn(move || state.carry_replies(server, client));
    }

    fn carry_requests(&self, connection: usize, mut from: TcpStream, mut to: TcpStream) {
        let mut is_first = true;
        while let Some(mut frame) = read_frame(&mut from) {
            let int = |at: usize| i32::from_be_bytes(frame[at..at + 4].try_into().unwrap());
            let (xid, op) = if is_first { (0, 0) } else { (int(4), int(8)) };
            let length = frame.len() - 4;
            let at = Instant::now();
            self.frames.lock().unwrap().push(Frame { connection, at, xid, op, length });
            if is_first && self.forgets.load(Ordering::SeqCst) {
                frame[20..28].fill(0);
                frame[32..48].fill(0);
            }
            is_first = false;
            while connection < self.held.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(1));
            }
            if to.write_all(&frame).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
        self.ended.fetch_add(1, Ordering::SeqCst);
    }

    fn carry_replies(&self, mut from: TcpStream, mut to: TcpStream) {
        while let Some(mut frame) = read_frame(&mut from) {
            if self.is_silent.load(Ordering::SeqCst) {
                continue;
            }
            if self.falsifies.swap(false, Ordering::SeqCst) {
                frame[4..8].copy_from_slice(&4711_i32.to_be_bytes());
            }
            if to.write_all(&frame).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
}

/// A frame with its length in front.
fn read_frame(from: &mut TcpStream) -> Option<Vec<u8>> {
    let mut frame = vec![0; 4];
    from.read_exact(&mut frame).ok()?;
    let length = u32::from_be_bytes(frame[..].try_into().unwrap()) as usize;
    frame.resize(4 + length, 0);
    from.read_exact(&mut frame[4..]).ok()?;
    Some(frame)
}

/// Waits for a state and returns its event and all that came before it.
pub async fn until(states: &mut States, wanted: State) -> (SessionEvent, Vec<State>) {
    let mut before = Vec::new();
    let found = tokio::time::timeout(PATIENCE, async {
        while let Some(event) = states.next().await {
            if event.state == wanted {
                return Some(event);
            }
            before.push(event.state);
        }
        None
    });
    match found.await {
        Ok(Some(event)) => (event, before),
        _ => panic!("{wanted:?} never came, but {before:?}"),
    }
}

/// Waits until something holds.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} never came true");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What a future becomes, unless it takes too long.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}
