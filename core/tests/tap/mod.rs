//! What passes between clients and a server, overheard in both directions, and the SASL tokens in it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use tenure_tests::jute::Reader;
use tenure_tests::op;

/// The bytes of one direction of one connection.
type Heard = Arc<Mutex<Vec<u8>>>;

/// A relay in front of a server.
pub struct Tap {
    address: SocketAddr,
    /// Of each connection what the client said and what the server said.
    heard: Arc<Mutex<Vec<(Heard, Heard)>>>,
}

impl Tap {
    pub fn to(server: SocketAddr) -> Tap {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::<Mutex<Vec<_>>>::default();
        let connections = Arc::clone(&heard);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(server) else { continue };
                let both = <(Heard, Heard)>::default();
                relay(&client, &server, &both.0);
                relay(&server, &client, &both.1);
                connections.lock().unwrap().push(both);
            }
        });
        Tap { address, heard }
    }

    pub fn hosts(&self) -> String {
        self.address.to_string()
    }

    /// All tokens that were exchanged, but empty ones: those of clients, and those of the server.
    pub fn tokens(&self) -> [Vec<Vec<u8>>; 2] {
        let mut tokens = [Vec::new(), Vec::new()];
        for (client, server) in self.heard.lock().unwrap().iter() {
            let (asked, answered) = (client.lock().unwrap(), server.lock().unwrap());
            let mut xids = BTreeSet::new();
            // The first frame of each direction is the handshake.
            for frame in frames(&asked).skip(1) {
                let mut reader = Reader::new(frame);
                let xid = reader.int();
                if reader.int() == op::SASL {
                    xids.insert(xid);
                    tokens[0].extend(reader.buffer());
                }
            }
            for frame in frames(&answered).skip(1) {
                let mut reader = Reader::new(frame);
                let xid = reader.int();
                let _ = reader.long();
                if reader.int() == 0 && xids.contains(&xid) {
                    tokens[1].extend(reader.buffer());
                }
            }
        }
        tokens.map(|tokens| tokens.into_iter().filter(|token| !token.is_empty()).collect())
    }
}

fn relay(from: &TcpStream, to: &TcpStream, heard: &Heard) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    let heard = Arc::clone(heard);
    thread::spawn(move || {
        let mut buffer = [0; 1 << 12];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            heard.lock().unwrap().extend_from_slice(&buffer[..length]);
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}

/// The whole frames at the beginning.
fn frames(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = bytes.split_at_checked(4)?;
        let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
        let (frame, behind) = rest.split_at_checked(length)?;
        bytes = behind;
        Some(frame)
    })
}
