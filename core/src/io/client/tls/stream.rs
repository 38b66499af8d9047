//! A TCP connection under TLS, with the methods of a plain one.

use std::io::{self, Read, Write};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Error};
use tokio::net::TcpStream;

use super::Failure;

/// A connection on which TLS stands.
///
/// Beside what rustls keeps for itself, at most one chunk of the caller's is held: nothing more is
/// taken before the socket has taken what was encrypted.
pub struct TlsStream {
    stream: TcpStream,
    tls: ClientConnection,
    /// Why it broke, if it is TLS that broke.
    fault: Option<Failure>,
}

impl TlsStream {
    /// Shakes hands. If that fails the server hears why, as far as it listens, and the connection is
    /// closed.
    pub async fn connect(
        stream: TcpStream,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<TlsStream, Failure> {
        let tls = ClientConnection::new(config, name).map_err(|error| Failure::of_tls(&error))?;
        let mut stream = TlsStream { stream, tls, fault: None };
        while stream.tls.is_handshaking() || stream.tls.wants_write() {
            stream.step().await?;
        }
        Ok(stream)
    }

    /// Moves the handshake on by one look at the socket.
    async fn step(&mut self) -> Result<(), Failure> {
        let moved = if self.tls.wants_write() {
            match self.flush() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.stream.writable().await
                }
                Err(error) => {
                    // What the server said before it hung up is the better reason.
                    let _ = self.receive();
                    Err(error)
                }
                Ok(()) => Ok(()),
            }
        } else {
            match self.receive() {
                Ok(0) => return Err(Failure::hung_up_on_tls()),
                Ok(_) => Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.stream.readable().await
                }
                Err(error) => Err(error),
            }
        };
        moved.map_err(|error| self.fault.take().unwrap_or_else(|| Failure::of_socket(&error)))
    }

    pub fn socket(&self) -> &TcpStream {
        &self.stream
    }

    /// Why it broke, if TLS says so.
    pub fn take_fault(&mut self) -> Option<Failure> {
        self.fault.take()
    }

    /// Whether something is encrypted that the socket has not taken.
    pub fn wants_write(&self) -> bool {
        self.tls.wants_write()
    }

    /// What was decrypted before and not read; 0 if there is nothing.
    pub fn read_buffered(&mut self, buffer: &mut [u8]) -> usize {
        // Everything that is wrong shows again when the socket is read.
        self.tls.reader().read(buffer).unwrap_or(0)
    }

    /// Reads what there is; 0 at the end.
    pub fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.tls.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
            if self.receive()? == 0 {
                return Ok(0);
            }
        }
    }

    /// Encrypts some of `bytes`, once everything before has gone, and says how many.
    pub fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.flush()?;
        let taken = self.tls.writer().write(bytes)?;
        match self.flush() {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(taken),
        }
    }

    /// Sends what is encrypted; would block if the socket does not take it all.
    pub fn flush(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut Socket(&self.stream))?;
        }
        Ok(())
    }

    /// Takes what the socket has; 0 at its end.
    fn receive(&mut self) -> io::Result<usize> {
        let taken = self.tls.read_tls(&mut Socket(&self.stream))?;
        if let Err(error) = self.tls.process_new_packets() {
            let mut failure = Failure::of_tls(&error);
            // Later only an alert can be about trust: a server judges a client's certificate when its
            // own part of the handshake is done.
            failure.is_distrust &=
                self.tls.is_handshaking() || matches!(error, Error::AlertReceived(_));
            self.fault = Some(failure);
            // The alert that tells the server; it may be gone as well.
            let _ = self.flush();
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        }
        Ok(taken)
    }
}

impl Drop for TlsStream {
    fn drop(&mut self) {
        // A farewell, if there is room for it: the protocol above has its own.
        self.tls.send_close_notify();
        let _ = self.flush();
    }
}

/// The socket as rustls wants it.
struct Socket<'a>(&'a TcpStream);

impl Read for Socket<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
