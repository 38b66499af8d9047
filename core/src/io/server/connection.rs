//! One connection's task: moves bytes between a socket and the service, and decides nothing.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::BytesMut;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::running::Running;
use super::stream::{Arrived, Sent, Stream, Takes};
use crate::base::limits;
use crate::io::sockets;
use crate::service::{Closing, Fault, Limit, Peer, Received, Transport, Unprocessed};

/// How long a connection that was told everything is kept, so that the last bytes reach a client that
/// still sends. Closing with unread input would destroy them on their way.
const LINGER: Duration = Duration::from_secs(1);

/// When to look again whether more of a frame may be read.
const STARVED: Duration = Duration::from_millis(20);

/// Bytes of buffer that a connection keeps while it is idle.
const IDLE_BUFFER: usize = 512;

/// Bytes of answers up to which their buffer is used again. A longer one goes as soon as it is sent:
/// connections are many, and most have had one long answer in their lives.
const KEPT_BUFFER: usize = 64 << 10;

/// What the service knows of a socket. It does not keep it open.
pub(super) struct Socket {
    pub(super) stream: Weak<TcpStream>,
    pub(super) changed: Arc<Notify>,
}

impl Socket {
    fn ask<T: Default>(&self, question: impl FnOnce(RawFd) -> T) -> T {
        self.stream.upgrade().map(|stream| question(stream.as_raw_fd())).unwrap_or_default()
    }
}

impl Transport for Socket {
    fn wake(&self) {
        self.changed.notify_one();
    }

    fn unread(&self) -> usize {
        self.ask(sockets::unread)
    }

    fn is_readable(&self) -> bool {
        self.ask(sockets::is_readable)
    }

    fn is_writable(&self) -> bool {
        self.ask(sockets::is_writable)
    }
}

/// A connection that was accepted.
pub(super) struct Accepted {
    pub(super) stream: Arc<TcpStream>,
    pub(super) changed: Arc<Notify>,
    pub(super) takes: Takes,
}

/// Serves a connection to a port that takes such and such until either side ends it.
pub(super) async fn serve(running: Arc<Running>, peer: Arc<Peer>, accepted: Accepted) {
    let Accepted { stream, changed, takes } = accepted;
    // Until the task ends: while it lingers its socket is open.
    let _place = Place { running: &running, peer: &peer };
    let mut stream = Stream::new(stream, takes);
    let mut connection = Connection {
        running: &running,
        peer: &peer,
        stream: &mut stream,
        input: BytesMut::new(),
        output: BytesMut::new(),
        frames: 0,
        is_long: false,
        held_back: (0, 0),
        was_held_up: false,
        has_more: false,
        is_timed: running.clock.is_manual(),
    };
    // An error means that the client is gone, and there is nobody to tell.
    let ended = connection.run(&changed).await;
    if let Ok(Ending::Gone) | Err(_) = ended {
        running.service.stats.dropped.fetch_add(1, Ordering::Relaxed);
    }
    if is_closed_by_client(&ended) {
        running.service.closed_by_client(&peer, running.clock.now());
    }
    drop(connection);
    if let Ok(Ending::Flushed) = ended {
        linger(&running, &mut stream).await;
    }
}

/// Whether the kernel of the client's machine has closed the connection. A network that has failed is an
/// error of another kind.
fn is_closed_by_client(ended: &io::Result<Ending>) -> bool {
    match ended {
        Ok(ending) => matches!(ending, Ending::Gone),
        Err(error) => matches!(
            error.kind(),
            io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionAborted
        ),
    }
}

/// A connection among those that are counted.
struct Place<'a> {
    running: &'a Running,
    peer: &'a Peer,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.running.service.vacate(self.peer);
    }
}

/// How a connection ended.
enum Ending {
    /// Everything was sent.
    Flushed,
    /// The connection was cut.
    Cut,
    /// The client was the first to close it.
    Gone,
}

struct Connection<'a> {
    running: &'a Arc<Running>,
    peer: &'a Arc<Peer>,
    stream: &'a mut Stream,
    /// What was read and is not a whole frame yet, or waits while reading is suspended.
    input: BytesMut,
    /// What was taken from the outbox and is being sent.
    output: BytesMut,
    /// Frames in `output`.
    frames: usize,
    /// Whether `output` began longer than is kept.
    is_long: bool,
    /// What this connection adds to the figures of outstanding replies and of their bytes.
    held_back: (u64, usize),
    /// Whether it was read no further because of what it has under way.
    was_held_up: bool,
    /// Whether it stopped in the middle so that others have their turn.
    has_more: bool,
    /// Whether the clock is one that waits for it.
    is_timed: bool,
}

/// Whatever ends the task, the rest of the server knows that the connection is gone.
impl Drop for Connection<'_> {
    fn drop(&mut self) {
        self.hold_back(0, 0);
        self.running.service.disconnect(self.peer);
    }
}

impl Connection<'_> {
    async fn run(&mut self, changed: &Notify) -> io::Result<Ending> {
        let mut is_half_closed = false;
        loop {
            if self.is_silent() {
                // Nothing of it shows outside, not even its end.
                self.peer.is_paused.store(true, Ordering::SeqCst);
                self.rest(false);
                changed.notified().await;
                self.stir();
                continue;
            }
            let ending = self.flush()?;
            if ending == Some(Closing::Now) {
                return Ok(Ending::Cut);
            }
            let is_flushed = self.is_flushed();
            if ending.is_some() && is_flushed {
                return Ok(Ending::Flushed);
            }
            if is_half_closed && is_flushed && !self.peer.is_busy() {
                self.stream.say_goodbye();
                self.stream.write(&mut self.output)?;
                return Ok(Ending::Gone);
            }
            // What this server is slow with does not count as the client's silence.
            let is_held_up = self.running.service.holds_up(self.peer);
            let is_slow = ending.is_some() || !self.is_taking();
            self.note_held_up(is_held_up);
            let may_take = !is_half_closed && !is_held_up && !is_slow;
            let is_starved = self.running.service.is_starved(self.peer);
            let may_read = may_take && !is_starved;
            self.peer.is_paused.store(is_half_closed || is_slow, Ordering::SeqCst);
            // The runtime does not interrupt a task whose socket is always ready. Whoever sends
            // without end takes turns with the others.
            if std::mem::take(&mut self.has_more) {
                tokio::task::yield_now().await;
            }
            if may_take && !self.input.is_empty() && self.process() {
                self.has_more = true;
                continue;
            }
            if may_take && self.stream.has_ended() {
                is_half_closed = true;
                continue;
            }
            self.peer.is_reading.store(false, Ordering::SeqCst);
            self.rest(!is_flushed);
            tokio::select! {
                biased;
                ready = self.stream.socket().readable(), if may_read => {
                    ready?;
                    self.stir();
                    self.peer.is_reading.store(true, Ordering::SeqCst);
                    match self.read()? {
                        Arrived::End => is_half_closed = true,
                        Arrived::All => {}
                        Arrived::Part => self.has_more = true,
                        // What waits to be sent says why, if it is somebody who understands it.
                        Arrived::Refused => return Ok(Ending::Flushed),
                    }
                }
                ready = self.stream.socket().writable(), if !is_flushed => {
                    ready?;
                    self.heard_while_paused();
                }
                () = changed.notified() => {}
                () = async { tokio::time::sleep(STARVED).await }, if is_starved => {}
            }
            self.stir();
        }
    }

    /// Whether a test wants it to be silent. It cannot go on from there if it was so at its handshake.
    fn is_silent(&self) -> bool {
        if !self.running.service.faults.is_armed() {
            return false;
        }
        let is_silent = self.running.is_silent(self.peer);
        if is_silent != self.peer.is_silent.swap(is_silent, Ordering::SeqCst) {
            if is_silent {
                self.running.service.faults.note(Fault::Silence);
            } else if self.peer.muted().is_some() {
                self.peer.cut();
            }
        }
        is_silent
    }

    /// Nothing is to be done before something happens.
    fn rest(&self, is_blocked: bool) {
        if self.is_timed {
            self.peer.turns.end(is_blocked);
        }
    }

    fn stir(&self) {
        if self.is_timed {
            self.peer.turns.begin();
        }
    }

    /// Whether this client takes what it asked for: not while too much waits for it, and not while it
    /// is behind and the whole server has too many replies waiting.
    fn is_taking(&self) -> bool {
        let waiting = self.output.len() + self.peer.outbox.lock().bytes.len();
        if waiting > limits::OUTBOX_PAUSE / 2 {
            return false;
        }
        let outstanding = self.running.service.stats.outstanding.load(Ordering::Relaxed);
        self.held_back.0 == 0 || outstanding <= self.running.service.options.outstanding as u64
    }

    /// Reads what has arrived and processes it.
    fn read(&mut self) -> io::Result<Arrived> {
        let is_crowded = self.running.service.is_crowded();
        let most = if is_crowded { limits::INCOMPLETE_FREE } else { limits::READ_CHUNK };
        let before = self.input.len();
        let arrived = self.stream.read(self.running, most, &mut self.input)?;
        // Who it is stands before anything that is asked.
        if let Some(certificate) = self.stream.take_proof()
            && !self.running.service.certified(self.peer, &certificate)
        {
            self.running.tls_failed("the name in a client's certificate cannot be used");
            return Ok(Arrived::Refused);
        }
        if self.input.len() != before {
            self.process();
        }
        Ok(arrived)
    }

    /// Lets the service take whole frames off the input. Returns whether it took any.
    fn process(&mut self) -> bool {
        let before = self.input.len();
        let now = self.running.clock.now();
        let running = self.running;
        let frames = || self.peer.traffic.received.load(Ordering::Relaxed);
        let (frames_before, mut proposed) = (frames(), 0);
        let received = running.service.receive(self.peer, &mut self.input, now, &mut |proposal| {
            proposed += 1;
            running.propose(proposal, now);
        });
        if let Some(session) = self.peer.take_awaited() {
            running.replicator.hasten(session);
        }
        let done = running.clock.moment();
        self.peer.traffic.last_response.store(done.0, Ordering::Relaxed);
        // Somebody may reset the count meanwhile.
        let frames = frames().saturating_sub(frames_before);
        running.service.note_latency(self.peer, done.since(now.moment), frames, proposed);
        if self.input.is_empty() && self.input.capacity() > IDLE_BUFFER {
            self.input = BytesMut::new();
        }
        let is_new = self.input.len() != before;
        let is_incomplete = received == Received::All && !self.input.is_empty();
        let left = Unprocessed { bytes: self.input.len(), is_incomplete, is_new };
        running.service.note_rest(self.peer, left, now);
        received != Received::All || is_new
    }

    fn note_held_up(&mut self, is_held_up: bool) {
        let was = std::mem::replace(&mut self.was_held_up, is_held_up);
        if is_held_up && !was && self.peer.is_busy() {
            self.running.service.note(Limit::HeldUp, self.running.clock.now());
        }
    }

    /// Whether everything that was taken from the outbox is on its way.
    fn is_flushed(&self) -> bool {
        self.output.is_empty() && !self.stream.has_sealed()
    }

    /// Sends what it can without waiting. Returns how the connection is to end, if it is.
    fn flush(&mut self) -> io::Result<Option<Closing>> {
        loop {
            let closing = self.refill();
            if closing == Some(Closing::Now) || self.is_flushed() {
                self.hold_back(0, 0);
                return Ok(closing);
            }
            let sent = self.stream.write(&mut self.output)?;
            if sent != Sent::All {
                let waiting = self.output.len() + self.peer.outbox.lock().bytes.len();
                self.hold_back(self.frames as u64, waiting);
                self.has_more |= sent == Sent::Part;
                return Ok(closing);
            }
            if self.is_long {
                self.output = BytesMut::new();
            }
            let sent = std::mem::take(&mut self.frames) as u64;
            self.peer.traffic.sent.fetch_add(sent, Ordering::Relaxed);
            self.running.service.stats.sent.fetch_add(sent, Ordering::Relaxed);
        }
    }

    /// Takes over what waits in the outbox, once everything before it is sent.
    fn refill(&mut self) -> Option<Closing> {
        let mut waiting = self.peer.outbox.lock();
        if waiting.has_overflowed {
            self.running.service.note(Limit::Unread, self.running.clock.now());
        }
        if self.output.is_empty() && !self.stream.has_sealed() && !waiting.bytes.is_empty() {
            std::mem::swap(&mut self.output, &mut waiting.bytes);
            self.is_long = self.output.len() > KEPT_BUFFER;
            self.frames = std::mem::take(&mut waiting.frames);
            waiting.event_bytes = 0;
        }
        waiting.due_closing()
    }

    /// A client whose reading is suspended shows that it lives by taking what is sent to it.
    fn heard_while_paused(&self) {
        if self.peer.is_paused.load(Ordering::Relaxed)
            && let Some(held) = self.peer.lease()
        {
            held.lease.touch(self.running.clock.moment());
        }
    }

    fn hold_back(&mut self, frames: u64, bytes: usize) {
        let before = std::mem::replace(&mut self.held_back, (frames, bytes));
        if (frames, bytes) == before {
            return;
        }
        let stats = &self.running.service.stats;
        stats.outstanding.fetch_add(frames, Ordering::Relaxed);
        stats.outstanding.fetch_sub(before.0, Ordering::Relaxed);
        stats.unread_bytes.fetch_add(bytes, Ordering::Relaxed);
        stats.unread_bytes.fetch_sub(before.1, Ordering::Relaxed);
    }
}

/// Says that nothing more comes, and waits a while for the client to close.
async fn linger(running: &Running, stream: &mut Stream) {
    stream.say_goodbye();
    let end = async {
        let mut nothing = BytesMut::new();
        while let Ok(Sent::Blocked) = stream.write(&mut nothing) {
            if stream.socket().writable().await.is_err() {
                return;
            }
        }
        let socket = stream.socket();
        if !shut_down_write(socket) {
            return;
        }
        // From here on it is the client's turn.
        let _lingering = running.entrance.linger();
        let mut scrap = [0; 4096];
        loop {
            if socket.readable().await.is_err() {
                return;
            }
            match socket.try_read(&mut scrap) {
                Ok(0) => return,
                // A client that sends without end shall not keep the limit from being looked at.
                Ok(_) => tokio::task::coop::consume_budget().await,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    };
    let _ = tokio::time::timeout(LINGER, end).await;
}

/// Ends the outgoing half of a connection. Returns false if it was gone already.
fn shut_down_write(stream: &TcpStream) -> bool {
    socket2::SockRef::from(stream).shutdown(std::net::Shutdown::Write).is_ok()
}
