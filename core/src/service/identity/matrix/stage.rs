//! A service with connections from any address, asked in turn, without sockets.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::BytesMut;

use crate::auth::sasl::{Prover, Step, scram};
use crate::base::{
    Code, EventKind, Identity, Millis, Moment, Password, SessionId, WallMillis, Zxid,
};
use crate::engine::{Engine, EngineOptions, Rules, Schemes};
use crate::service::identity::Settings;
use crate::service::{Now, Options, Peer, Service, Transport};
use crate::wire::jute::Reader;
use crate::wire::multi::MultiResult;
use crate::wire::reply::{ReplyHeader, XID_EVENT};
use crate::wire::{ConnectRequest, Features, Hello, Reply, Request, event::WatchEvent, frame};

struct Nowhere;

impl Transport for Nowhere {
    fn wake(&self) {}
    fn unread(&self) -> usize {
        0
    }
}

/// The server.
pub(super) struct Stage {
    service: Service,
}

/// A client's connection with its session.
pub(super) struct Connection {
    peer: Arc<Peer>,
    xid: i32,
    events: Vec<(EventKind, String)>,
}

fn now() -> Now {
    Now { moment: Moment::default(), wall: WallMillis(1) }
}

impl Stage {
    pub(super) fn new(identity: Settings) -> Stage {
        let schemes = Schemes { digest: true, sasl: true, x509: true };
        let rules = Rules { schemes, ..Rules::default() };
        let options = Options { identity, rules, connections_per_address: 0, ..Options::default() };
        let engine = Engine::new(EngineOptions { rules, ..EngineOptions::default() });
        let passwords = Box::new(|| Password([7; Password::LEN]));
        Stage { service: Service::new(options, engine, now(), passwords).in_place(true) }
    }

    /// A connection from this address, with a session.
    pub(super) fn connect(&self, from: &str) -> Connection {
        let address: IpAddr = from.parse().expect("an address");
        let opened = self.service.open((address, 2181).into(), now(), Box::new(Nowhere));
        let peer = opened.expect("any number of connections");
        let mut connection = Connection { peer, xid: 0, events: Vec::new() };
        let mut input = BytesMut::new();
        let request = ConnectRequest {
            hello: Some(Hello { features: Features::ALL, crash_grace: Millis(0) }),
            last_zxid_seen: Zxid::ZERO,
            timeout: Millis(10_000).0 as i32,
            session_id: SessionId::NONE,
            password: None,
            read_only: Some(false),
        };
        request.encode(&mut input);
        let answer = self.exchange(&mut connection, input);
        assert!(answer.is_some(), "a session is granted");
        connection
    }

    /// The connection shows a certificate with this subject.
    pub(super) fn certify(&self, connection: &Connection, subject: &str) {
        assert!(self.service.certify(&connection.peer, subject));
    }

    /// The connection logs in by SASL.
    pub(super) fn log_in(&self, connection: &mut Connection, user: &str, password: &str) {
        let mut client = scram::Client::new(user, password, "nonce".into()).expect("fit");
        let mut token = client.begin();
        loop {
            let answer = self.ask(connection, &Request::Sasl { token: Some(token.into()) });
            let Ok(Reply::Token(Some(answer))) = answer else { panic!("{user} is no user") };
            match client.answer(&answer).expect("the server is true") {
                Step::Send(next) => token = next,
                Step::Done => return,
            }
        }
    }

    /// Asks, and takes the answer; the code of the part that failed, if one did.
    pub(super) fn ask(&self, by: &mut Connection, request: &Request) -> Result<Reply, i32> {
        by.xid += 1;
        let mut input = BytesMut::new();
        request.encode(by.xid, &mut input);
        let mut reader = Reader::new(self.exchange(by, input).expect("an answer"));
        let header = ReplyHeader::decode(&mut reader).expect("a header");
        if header.error != 0 {
            return Err(header.error);
        }
        let reply = Reply::decode(request.op(), &mut reader).expect("a body");
        let Reply::Multi(parts) = &reply else { return Ok(reply) };
        let failed = parts.iter().find_map(|part| match part {
            MultiResult::Failed(code) if *code != 0 => Some(*code),
            _ => None,
        });
        failed.map_or(Ok(reply), Err)
    }

    /// What somebody above the lists asks for, which has to succeed.
    pub(super) fn must(&self, by: &mut Connection, request: &Request) {
        let answer = self.ask(by, request);
        assert!(answer.is_ok(), "{answer:?} to {request:?}");
    }

    /// Hands the bytes over, and gives the last frame that is no event.
    fn exchange(&self, by: &mut Connection, mut input: BytesMut) -> Option<bytes::Bytes> {
        let mut proposals = Vec::new();
        let _ = self.service.receive(&by.peer, &mut input, now(), &mut |it| proposals.push(it));
        for proposal in proposals {
            let mut engine = self.service.engine_mut();
            let effects = engine.apply(&proposal.txn);
            self.service.deliver(&engine, &proposal, &effects, now());
        }
        by.take()
    }
}

impl Connection {
    pub(super) fn identities(&self) -> Arc<[Identity]> {
        self.peer.identities()
    }

    /// The events since the last call.
    pub(super) fn events(&mut self) -> Vec<(EventKind, String)> {
        assert_eq!(self.take(), None, "nothing but events comes unasked");
        std::mem::take(&mut self.events)
    }

    /// Takes what was sent: keeps the events, gives the last of the other frames.
    fn take(&mut self) -> Option<bytes::Bytes> {
        let mut sent = std::mem::take(&mut self.peer.outbox.lock().bytes);
        let mut last = None;
        while let Some(body) = frame::take(&mut sent, usize::MAX).expect("a frame") {
            // The answer to a handshake begins with 0.
            if body.get(..4) == Some(&XID_EVENT.to_be_bytes()) {
                let event = WatchEvent::decode(body.slice(16..)).expect("an event");
                self.events.extend(event.map(|event| (event.kind, event.path)));
            } else {
                last = Some(body);
            }
        }
        last
    }
}

/// The number of `NoAuth`.
pub(super) fn no_auth() -> i32 {
    Code::NoAuth.number()
}
