//! A connection at the level of bytes: whatever a test wants to send, and what comes back.
//!
//! Every read has a deadline, so a server that falls silent fails a test instead of hanging it.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::records::{ConnectRequest, ConnectResponse};

/// How long a test waits for something that must come.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Why no frame came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// The server closed the connection.
    Closed,
    /// The deadline passed.
    Deadline,
}

/// One TCP connection to a server.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    inbox: Vec<u8>,
    taken: usize,
}

impl Wire {
    /// Connects; the server has heard nothing yet.
    pub fn open(addr: SocketAddr) -> Wire {
        Wire::connect(addr).expect("the server accepts")
    }

    /// The same where there may be no server.
    ///
    /// # Errors
    /// What the system says of the connection.
    pub fn connect(addr: SocketAddr) -> std::io::Result<Wire> {
        let stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Wire { stream, inbox: Vec::new(), taken: 0 })
    }

    /// Sends bytes as they are. A connection the server has closed swallows them, as TCP does.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Sends a frame: the length, then the body.
    pub fn send_frame(&mut self, body: &[u8]) {
        let length = i32::try_from(body.len()).expect("a test frame is small");
        let mut frame = length.to_be_bytes().to_vec();
        frame.extend_from_slice(body);
        self.send(&frame);
    }

    /// Sends as many bytes as the socket takes within `limit`; returns their count.
    pub fn send_within(&mut self, bytes: &[u8], limit: Duration) -> usize {
        let end = Instant::now() + limit;
        let mut sent = 0;
        while sent < bytes.len() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            self.stream.set_write_timeout(Some(left)).expect("an open socket takes options");
            match self.stream.write(&bytes[sent..]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("the server cut a slow reader: {error}"),
            }
        }
        self.stream.set_write_timeout(Some(PATIENCE)).expect("an open socket takes options");
        sent
    }

    /// Ends the sending half, as netcat does after its input.
    pub fn half_close(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// The address this end of the connection has.
    pub fn local_addr(&self) -> SocketAddr {
        self.stream.local_addr().expect("a connected socket has an address")
    }

    /// The body of the next frame.
    pub fn receive(&mut self) -> Result<Vec<u8>, Silence> {
        self.receive_within(PATIENCE)
    }

    /// The body of the next frame, if it comes in time.
    pub fn receive_within(&mut self, limit: Duration) -> Result<Vec<u8>, Silence> {
        let end = Instant::now() + limit;
        loop {
            if let Some(body) = self.whole_frame() {
                return Ok(body);
            }
            self.fill(end)?;
        }
    }

    fn whole_frame(&mut self) -> Option<Vec<u8>> {
        let rest = &self.inbox[self.taken..];
        let length = i32::from_be_bytes(rest.get(..4)?.try_into().expect("four bytes"));
        let length = usize::try_from(length).expect("a server sends no negative length");
        let body = rest.get(4..4 + length)?.to_vec();
        self.taken += 4 + length;
        if self.taken == self.inbox.len() {
            self.inbox.clear();
            self.taken = 0;
        }
        Some(body)
    }

    fn fill(&mut self, end: Instant) -> Result<(), Silence> {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Silence::Deadline);
        }
        self.stream.set_read_timeout(Some(left)).expect("an open socket takes options");
        let mut chunk = [0; 16 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(0) => Err(Silence::Closed),
            Ok(count) => {
                self.inbox.extend_from_slice(&chunk[..count]);
                Ok(())
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => Err(Silence::Deadline),
                ErrorKind::Interrupted => Ok(()),
                _ => Err(Silence::Closed),
            },
        }
    }

    /// Everything that arrives until the server closes; fails the test if it does not.
    pub fn read_to_close(&mut self) -> Vec<u8> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.fill(end) {
                Ok(()) => {}
                Err(Silence::Closed) => return self.inbox.split_off(self.taken),
                Err(Silence::Deadline) => panic!("the server keeps the connection open"),
            }
        }
    }

    /// Sends the first frame and reads the answer to it.
    pub fn handshake(&mut self, request: &ConnectRequest) -> Result<ConnectResponse, Silence> {
        self.send_frame(&request.encode());
        self.receive().map(|body| ConnectResponse::decode(&body))
    }
}
