//! The bytes of one connection, plain or under TLS.
//!
//! Which of the two it is shows in the first byte that arrives: a TLS client begins with
//! [`CLIENT_HELLO`], and nothing of ZooKeeper's protocol does, for no frame is that long. What a port
//! does not take is refused there and then.
//!
//! What always holds: nothing that was read from the socket waits in here as long as it makes a whole
//! record; and no more than a few records wait to be sent.

use std::cell::RefCell;
use std::io::{self, BufRead, Read, Write};
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use rustls::ServerConnection;
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::running::Running;
use crate::base::limits;
use crate::io::tls::Acceptor;

/// The first byte of a TLS connection.
const CLIENT_HELLO: u8 = 0x16;

/// Bytes that are encrypted at a time: a few records. As many at most wait for the socket.
const SEALED: usize = 64 << 10;

/// Bytes under TLS that are sent before others have their turn.
const AT_A_TIME: usize = 1 << 20;

/// Which connections a port takes.
#[derive(Clone)]
pub(super) enum Takes {
    /// Plain ones.
    Plain,
    /// Those under TLS.
    Tls(Arc<Acceptor>),
    /// Both.
    Both(Arc<Acceptor>),
}

/// What a look at the socket brought.
pub(super) enum Arrived {
    /// The end of the stream.
    End,
    /// All there was.
    All,
    /// As much as is taken at a time: there is more.
    Part,
    /// What no client of this port may send. What waits to be sent tells the client so.
    Refused,
}

/// What became of bytes that were to be sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// The socket took them all.
    All,
    /// The socket takes no more now.
    Blocked,
    /// Others have their turn first.
    Part,
}

/// One connection's bytes.
pub(super) struct Stream {
    socket: Arc<TcpStream>,
    layer: Layer,
}

enum Layer {
    /// Nothing has arrived yet.
    Open(Takes),
    Plain,
    Tls(Box<Tls>),
}

struct Tls {
    connection: ServerConnection,
    /// Until the handshake is over.
    handshake: Option<Handshake>,
    /// Whether the client has said that nothing more comes.
    has_ended: bool,
}

/// A handshake under way. One that is dropped before it is over has come to nothing.
struct Handshake {
    running: Arc<Running>,
    is_over: bool,
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.running.service.stats.tls.end();
        if !self.is_over {
            self.running.tls_failed("a handshake was not finished");
        }
    }
}

impl Stream {
    pub(super) fn new(socket: Arc<TcpStream>, takes: Takes) -> Stream {
        Stream { socket, layer: Layer::Open(takes) }
    }

    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Appends what has arrived to `input`: `most` bytes of the socket, [`limits::READ_CHUNK`] at most.
    pub(super) fn read(
        &mut self,
        running: &Arc<Running>,
        most: usize,
        input: &mut BytesMut,
    ) -> io::Result<Arrived> {
        // One large buffer for each thread, so that idle connections hold none.
        thread_local! {
            static CHUNK: RefCell<Vec<u8>> = RefCell::new(vec![0; limits::READ_CHUNK]);
        }
        CHUNK.with_borrow_mut(|chunk| {
            let chunk = &mut chunk[..most];
            let read = match read_some(&self.socket, chunk) {
                Ok(0) => return Ok(Arrived::End),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Arrived::All),
                Err(error) => return Err(error),
            };
            let bytes = &chunk[..read];
            if let Layer::Open(takes) = &self.layer {
                match takes.choose(running, bytes[0]) {
                    Some(layer) => self.layer = layer,
                    None => return Ok(Arrived::Refused),
                }
            }
            match &mut self.layer {
                Layer::Tls(tls) => {
                    if let Err(reason) = tls.open(bytes, input) {
                        tls.fail(&reason);
                        return Ok(Arrived::Refused);
                    }
                }
                Layer::Plain | Layer::Open(_) => input.extend_from_slice(bytes),
            }
            Ok(if read < most { Arrived::All } else { Arrived::Part })
        })
    }

    /// Whether the client has said under TLS that nothing more comes. All that came before is in the
    /// input.
    pub(super) fn has_ended(&self) -> bool {
        matches!(&self.layer, Layer::Tls(tls) if tls.has_ended)
    }

    /// The certificate by which the client has proven itself, if it has: once, when its handshake is
    /// over.
    pub(super) fn take_proof(&mut self) -> Option<Vec<u8>> {
        let Layer::Tls(tls) = &mut self.layer else { return None };
        if tls.connection.is_handshaking() {
            return None;
        }
        tls.handshake.take()?.is_over = true;
        let shown = tls.connection.peer_certificates().and_then(<[_]>::first);
        shown.map(|certificate| certificate.to_vec())
    }

    /// Sends what it can of `output` without waiting, and takes it off.
    pub(super) fn write(&mut self, output: &mut BytesMut) -> io::Result<Sent> {
        match &mut self.layer {
            Layer::Tls(tls) => tls.write(&self.socket, output),
            Layer::Plain | Layer::Open(_) => {
                while !output.is_empty() {
                    match self.socket.try_write(output) {
                        Ok(sent) => output.advance(sent),
                        Err(error) => return blocked(error),
                    }
                }
                Ok(Sent::All)
            }
        }
    }

    /// Whether something waits for the socket that `output` does not hold any more.
    pub(super) fn has_sealed(&self) -> bool {
        matches!(&self.layer, Layer::Tls(tls) if tls.connection.wants_write())
    }

    /// Says under TLS that nothing more comes. To be sent by [`Stream::write`].
    pub(super) fn say_goodbye(&mut self) {
        if let Layer::Tls(tls) = &mut self.layer {
            tls.connection.send_close_notify();
        }
    }
}

impl Takes {
    /// What a connection is that begins with this byte; `None` if it is refused.
    fn choose(&self, running: &Arc<Running>, first: u8) -> Option<Layer> {
        match (self, first == CLIENT_HELLO) {
            (Takes::Plain | Takes::Both(_), false) => Some(Layer::Plain),
            (Takes::Plain, true) => {
                running.tls_failed("a client speaks TLS to a port that takes none");
                None
            }
            (Takes::Tls(_), false) => {
                running.tls_failed("a client speaks plainly to the port for TLS");
                None
            }
            (Takes::Tls(acceptor) | Takes::Both(acceptor), true) => {
                if !running.service.stats.tls.begin(acceptor.most_handshakes()) {
                    return None;
                }
                let handshake = Some(Handshake { running: running.clone(), is_over: false });
                let connection = ServerConnection::new(acceptor.config()).ok()?;
                Some(Layer::Tls(Box::new(Tls { connection, handshake, has_ended: false })))
            }
        }
    }
}

impl Tls {
    /// Decrypts what has arrived, or says why it cannot.
    fn open(&mut self, mut bytes: &[u8], input: &mut BytesMut) -> Result<(), String> {
        // Nothing counts behind the client's goodbye.
        while !bytes.is_empty() && !self.has_ended {
            self.connection.read_tls(&mut bytes).map_err(|error| error.to_string())?;
            let state = self.connection.process_new_packets().map_err(|error| error.to_string())?;
            self.has_ended = state.peer_has_closed();
            let mut left = state.plaintext_bytes_to_read();
            input.reserve(left);
            while left > 0 {
                let mut reader = self.connection.reader();
                let plain = reader.fill_buf().map_err(|error| error.to_string())?;
                let length = plain.len();
                input.extend_from_slice(plain);
                reader.consume(length);
                left -= length;
            }
        }
        Ok(())
    }

    fn fail(&mut self, reason: &str) {
        if let Some(mut handshake) = self.handshake.take() {
            handshake.is_over = true;
            handshake.running.tls_failed(reason);
        }
    }

    fn write(&mut self, socket: &TcpStream, output: &mut BytesMut) -> io::Result<Sent> {
        let mut budget = AT_A_TIME;
        loop {
            while self.connection.wants_write() {
                if let Err(error) = self.connection.write_tls(&mut Unblocking(socket)) {
                    return blocked(error);
                }
            }
            if output.is_empty() {
                return Ok(Sent::All);
            }
            if budget == 0 {
                return Ok(Sent::Part);
            }
            let most = output.len().min(SEALED).min(budget);
            let sealed = self.connection.writer().write(&output[..most])?;
            output.advance(sealed);
            budget -= sealed;
        }
    }
}

/// Writes to a socket without waiting.
struct Unblocking<'a>(&'a TcpStream);

impl Write for Unblocking<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn blocked(error: io::Error) -> io::Result<Sent> {
    if error.kind() == io::ErrorKind::WouldBlock { Ok(Sent::Blocked) } else { Err(error) }
}

/// Reads what is there, up to the length of `chunk`.
///
/// A short read has emptied the socket. Saying so at once spares the system call that would find out.
fn read_some(stream: &TcpStream, chunk: &mut [u8]) -> io::Result<usize> {
    let mut short = None;
    let full = stream.try_io(Interest::READABLE, || {
        let read = (&*socket2::SockRef::from(stream)).read(chunk)?;
        if read == 0 || read == chunk.len() {
            return Ok(read);
        }
        short = Some(read);
        Err(io::ErrorKind::WouldBlock.into())
    });
    short.map_or(full, Ok)
}
