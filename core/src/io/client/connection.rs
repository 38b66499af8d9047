//! One TCP connection at a time: dialing, reading, writing.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::Interest;
use tokio::net::{TcpStream, lookup_host};

use crate::base::limits::READ_CHUNK;
use crate::client::Host;

type Dialing = Pin<Box<dyn Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send>>;

/// What happened on a connection.
pub(super) enum Happened {
    /// It stands; the other end.
    Dialed(Arc<str>),
    /// It could not be made.
    DialFailed,
    /// Bytes came in.
    Received(BytesMut),
    /// It broke, or the other end closed it.
    Closed,
    /// There is room for more bytes.
    Writable,
}

/// A connection, an attempt at one, or none.
#[derive(Default)]
pub(super) struct Connection {
    dialing: Option<Dialing>,
    stream: Option<TcpStream>,
    unwritten: Bytes,
    is_broken: bool,
    scratch: Option<Box<[u8]>>,
    /// Attempts at each host, by its name.
    attempts: BTreeMap<String, usize>,
}

impl Connection {
    /// Starts an attempt. The name is resolved anew each time.
    pub fn dial(&mut self, host: Host) {
        self.drop_it();
        let attempt = self.take_attempt(&host.name);
        self.dialing = Some(Box::pin(dial(host, attempt)));
    }

    /// Counts for each host alone: with a count of all attempts, two hosts in turn would start with
    /// the same of their two addresses each time.
    fn take_attempt(&mut self, name: &str) -> usize {
        let attempt = self.attempts.entry(name.to_owned()).or_default();
        *attempt = attempt.wrapping_add(1);
        *attempt
    }

    /// Drops whatever there is.
    pub fn drop_it(&mut self) {
        self.dialing = None;
        self.stream = None;
        self.unwritten = Bytes::new();
        self.is_broken = false;
    }

    /// Writes as much as the socket takes of what `next` yields.
    pub fn write(&mut self, mut next: impl FnMut() -> Option<Bytes>) {
        let Some(stream) = &self.stream else { return };
        while !self.is_broken {
            if self.unwritten.is_empty() {
                match next() {
                    Some(bytes) => self.unwritten = bytes,
                    None => return,
                }
            }
            match stream.try_write(&self.unwritten) {
                Ok(written) => self.unwritten.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.is_broken = true,
            }
        }
    }

    /// Waits for something to happen; for ever if there is no connection. May be dropped and called
    /// again.
    pub async fn happens(&mut self) -> Happened {
        if let Some(dialing) = &mut self.dialing {
            let dialed = dialing.await;
            self.dialing = None;
            return match dialed {
                Ok((stream, address)) => {
                    self.stream = Some(stream);
                    Happened::Dialed(address.to_string().into())
                }
                Err(_) => Happened::DialFailed,
            };
        }
        let Some(stream) = &self.stream else { return std::future::pending().await };
        loop {
            let scratch =
                self.scratch.get_or_insert_with(|| vec![0; READ_CHUNK].into_boxed_slice());
            if self.is_broken {
                // Nothing can be written any more, but what the server said before still counts.
                return match stream.try_read(scratch) {
                    Ok(length) if length > 0 => Happened::Received(scratch[..length].into()),
                    _ => Happened::Closed,
                };
            }
            let interest = if self.unwritten.is_empty() {
                Interest::READABLE
            } else {
                Interest::READABLE | Interest::WRITABLE
            };
            let Ok(ready) = stream.ready(interest).await else { return Happened::Closed };
            if ready.is_readable() {
                match stream.try_read(scratch) {
                    Ok(0) => return Happened::Closed,
                    Ok(length) => return Happened::Received(scratch[..length].into()),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return Happened::Closed,
                }
            }
            if ready.is_writable() {
                return Happened::Writable;
            }
        }
    }
}

/// Connects to one of the addresses of a host, starting with another one in each attempt.
async fn dial(host: Host, attempt: usize) -> io::Result<(TcpStream, SocketAddr)> {
    let addresses: Vec<SocketAddr> = lookup_host((host.name.as_str(), host.port)).await?.collect();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for index in 0..addresses.len() {
        let address = addresses[(attempt + index) % addresses.len()];
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok((stream, address));
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_in_turn_start_with_each_of_their_addresses() {
        let mut connection = Connection::default();
        let mut starts = |name: &str| connection.take_attempt(name) % 2;
        let pairs: Vec<_> = (0..4).map(|_| (starts("a"), starts("b"))).collect();
        assert_eq!(pairs, [(1, 1), (0, 0), (1, 1), (0, 0)]);
    }
}
