//! One connection at a time, plain or under TLS: dialing, reading, writing.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::Interest;
use tokio::net::{TcpStream, lookup_host};

use super::presence::{Plug, Presence};
use super::tls::{Failure, TlsStream, Trust};
use crate::base::limits::READ_CHUNK;
use crate::client::Host;

type Dialing = Pin<Box<dyn Future<Output = Result<Dialed, Failure>> + Send>>;

/// A connection that stands, its other end, and the files for the next one as they were read.
struct Dialed {
    channel: Channel,
    address: SocketAddr,
    trust: Option<Trust>,
}

/// What happened on a connection.
pub(super) enum Happened {
    /// It stands; the other end.
    Dialed(Arc<str>),
    /// It could not be made.
    DialFailed(Failure),
    /// Bytes came in.
    Received(BytesMut),
    /// It broke, or the other end closed it; with the reason if it is one of TLS.
    Closed(Option<Failure>),
    /// There is room for more bytes.
    Writable,
}

/// A connection, an attempt at one, or none.
#[derive(Default)]
pub(super) struct Connection {
    /// How TLS is spoken; `None` for plain connections.
    trust: Option<Trust>,
    dialing: Option<Dialing>,
    /// Goes before the channel does.
    plug: Option<Plug>,
    channel: Option<Channel>,
    /// Who looks at what happens here.
    presence: Option<Arc<Presence>>,
    unwritten: Bytes,
    is_broken: bool,
    scratch: Option<Box<[u8]>>,
    /// Attempts at each host, by its name.
    attempts: BTreeMap<String, usize>,
}

/// What bytes go through.
enum Channel {
    Plain(TcpStream),
    Tls(Box<TlsStream>),
}

impl Connection {
    /// No connection yet, and all later ones under TLS if `trust` says how.
    pub fn new(trust: Option<Trust>, presence: Option<Arc<Presence>>) -> Connection {
        Connection { trust, presence, ..Connection::default() }
    }

    fn stir(&self) {
        if let Some(presence) = &self.presence {
            presence.stir();
        }
    }

    /// Starts an attempt. The name is resolved anew each time.
    pub fn dial(&mut self, host: Host) {
        self.drop_it();
        if let Some(presence) = &self.presence {
            presence.dial();
        }
        let attempt = self.take_attempt(&host.name);
        self.dialing = Some(Box::pin(dial(host, attempt, self.trust.clone())));
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
        self.plug = None;
        self.channel = None;
        if let Some(presence) = &self.presence {
            presence.unplug();
        }
        self.unwritten = Bytes::new();
        self.is_broken = false;
    }

    /// Writes as much as the socket takes of what `next` yields.
    pub fn write(&mut self, mut next: impl FnMut() -> Option<Bytes>) {
        let Some(channel) = &mut self.channel else { return };
        while !self.is_broken {
            if self.unwritten.is_empty() {
                match next() {
                    Some(bytes) => self.unwritten = bytes,
                    None if channel.wants_write() => {}
                    None => return,
                }
            }
            match channel.try_write(&self.unwritten) {
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
            self.stir();
            return match dialed {
                Ok(Dialed { channel, address, trust }) => {
                    let presence = self.presence.as_ref();
                    self.plug = presence.map(|seen| seen.plug(channel.socket().as_raw_fd()));
                    self.channel = Some(channel);
                    self.trust = trust;
                    Happened::Dialed(address.to_string().into())
                }
                Err(failure) => {
                    if let Some(presence) = &self.presence {
                        presence.unplug();
                    }
                    Happened::DialFailed(failure)
                }
            };
        }
        let Some(channel) = &mut self.channel else { return std::future::pending().await };
        let scratch = self.scratch.get_or_insert_with(|| vec![0; READ_CHUNK].into_boxed_slice());
        if let Some(bytes) = channel.read_buffered(scratch) {
            return Happened::Received(bytes);
        }
        loop {
            if self.is_broken {
                // Nothing can be written any more, but what the server said before still counts.
                return match channel.try_read(scratch) {
                    Ok(length) if length > 0 => Happened::Received(scratch[..length].into()),
                    _ => Happened::Closed(channel.take_fault()),
                };
            }
            let interest = if self.unwritten.is_empty() && !channel.wants_write() {
                Interest::READABLE
            } else {
                Interest::READABLE | Interest::WRITABLE
            };
            let Ok(ready) = channel.socket().ready(interest).await else {
                return Happened::Closed(None);
            };
            if let Some(presence) = &self.presence {
                presence.stir();
            }
            if ready.is_readable() {
                match channel.try_read(scratch) {
                    Ok(0) => return Happened::Closed(None),
                    Ok(length) => return Happened::Received(scratch[..length].into()),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return Happened::Closed(channel.take_fault()),
                }
            }
            if ready.is_writable() {
                return Happened::Writable;
            }
        }
    }
}

impl Channel {
    fn socket(&self) -> &TcpStream {
        match self {
            Channel::Plain(stream) => stream,
            Channel::Tls(stream) => stream.socket(),
        }
    }

    /// What was received before and can be read without the socket.
    fn read_buffered(&mut self, buffer: &mut [u8]) -> Option<BytesMut> {
        let Channel::Tls(stream) = self else { return None };
        let length = stream.read_buffered(buffer);
        (length > 0).then(|| buffer[..length].into())
    }

    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Channel::Plain(stream) => stream.try_read(buffer),
            Channel::Tls(stream) => stream.try_read(buffer),
        }
    }

    /// Also sends what TLS has to say for itself, with no bytes too.
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Channel::Plain(stream) => stream.try_write(bytes),
            Channel::Tls(stream) => stream.try_write(bytes),
        }
    }

    /// Whether there is more to send than the caller knows of.
    fn wants_write(&self) -> bool {
        match self {
            Channel::Plain(_) => false,
            Channel::Tls(stream) => stream.wants_write(),
        }
    }

    fn take_fault(&mut self) -> Option<Failure> {
        match self {
            Channel::Plain(_) => None,
            Channel::Tls(stream) => stream.take_fault(),
        }
    }
}

/// Connects to one of the addresses of a host, starting with another one in each attempt.
async fn dial(host: Host, attempt: usize, trust: Option<Trust>) -> Result<Dialed, Failure> {
    let trust = match trust {
        Some(trust) => Some(read_again(trust).await?),
        None => None,
    };
    let found = lookup_host((host.name.as_str(), host.port)).await;
    let addresses: Vec<_> = found.map_err(|error| Failure::of_socket(&error))?.collect();
    let mut last = Failure { text: "the name has no address".into(), is_distrust: false };
    for index in 0..addresses.len() {
        let address = addresses[(attempt + index) % addresses.len()];
        match open(&host, address, trust.as_ref()).await {
            Ok(channel) => return Ok(Dialed { channel, address, trust }),
            Err(failure) => last = failure,
        }
    }
    Err(last)
}

/// One address of a host, with TLS on it if there is to be.
async fn open(host: &Host, address: SocketAddr, trust: Option<&Trust>) -> Result<Channel, Failure> {
    let connected = TcpStream::connect(address).await;
    let stream = connected.map_err(|error| Failure::of_socket(&error))?;
    stream.set_nodelay(true).map_err(|error| Failure::of_socket(&error))?;
    let Some(trust) = trust else { return Ok(Channel::Plain(stream)) };
    let name = trust.name_of(host).map_err(|error| Failure::of_settings(error.to_string()))?;
    let stream = TlsStream::connect(stream, trust.config(), name).await?;
    Ok(Channel::Tls(Box::new(stream)))
}

/// Reads the files again, away from the thread that keeps sessions alive.
async fn read_again(mut trust: Trust) -> Result<Trust, Failure> {
    let read = tokio::task::spawn_blocking(move || {
        trust.read_again();
        trust
    });
    read.await.map_err(|error| Failure { text: error.to_string(), is_distrust: false })
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
