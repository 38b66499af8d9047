//! The server, its clients, and what they can do.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use tenure::auth::sasl::Users;
use tenure::base::limits;
use tenure::base::{Millis, Moment, Password, SessionId, WallMillis, Zxid};
use tenure::engine::{Engine, EngineOptions, Rules, Schemes};
use tenure::replication::{InMemory, Replicator};
use tenure::service::identity::Settings;
use tenure::service::{Closing, Now, Options, Peer, Service, Transport};
use tenure::wire::{ConnectRequest, ConnectResponse, Features, Hello, Op, frame};

/// Clients of one world.
const CLIENTS: usize = 4;

/// What every other client says of itself.
const HELLO: Hello = Hello { features: Features::ALL, crash_grace: Millis(200) };

/// A socket with nothing in it.
struct Nowhere;

impl Transport for Nowhere {
    fn wake(&self) {}

    fn unread(&self) -> usize {
        0
    }
}

/// One connection, and what its client knows of its session.
struct Link {
    peer: Arc<Peer>,
    input: BytesMut,
    /// Whether anything was said yet: what comes first may be a word, and its answer is no frame.
    is_silent: bool,
}

/// A server and those who speak to it.
pub struct World {
    service: Service,
    now: Now,
    links: [Option<Link>; CLIENTS],
    /// What each client was granted last.
    granted: [Option<(SessionId, Password)>; CLIENTS],
    xid: i32,
}

impl World {
    pub fn new() -> World {
        let now = Now { moment: Moment(1), wall: WallMillis(1_000) };
        let options = options();
        let engine = Engine::new(EngineOptions { rules: options.rules, hash_seed: 0 });
        let passwords = Box::new(|| Password([7; Password::LEN]));
        let service = Service::new(options, engine, now, passwords).in_place(true);
        World { service, now, links: [const { None }; CLIENTS], granted: [None; CLIENTS], xid: 0 }
    }

    /// One thing that one client does.
    pub fn step(&mut self, client: usize, kind: u8, payload: &[u8]) {
        let client = client % CLIENTS;
        match kind % 16 {
            0 => self.hang_up(client),
            1 => self.pass(payload),
            2 => self.send_raw(client, payload),
            3 => self.send_framed(client, payload),
            4 => self.greet(client, payload, None),
            5 => {
                let whose = usize::from(payload.first().copied().unwrap_or(0)) % CLIENTS;
                self.greet(client, payload, self.granted[whose]);
            }
            _ => self.request(client, kind, payload),
        }
        self.look();
    }

    /// Everybody goes, and all that was theirs.
    pub fn end(mut self) {
        (0..CLIENTS).for_each(|client| self.hang_up(client));
        self.service.engine().check();
        assert_eq!(self.service.stats.outstanding.load(std::sync::atomic::Ordering::Relaxed), 0);
    }

    fn link(&mut self, client: usize) -> &mut Link {
        let (service, now) = (&self.service, self.now);
        self.links[client].get_or_insert_with(|| {
            let address = ([10, 0, 0, client as u8], 1).into();
            let peer = service.open(address, now, Box::new(Nowhere)).expect("there is no limit");
            Link { peer, input: BytesMut::new(), is_silent: true }
        })
    }

    fn hang_up(&mut self, client: usize) {
        if let Some(link) = self.links[client].take() {
            self.service.close(&link.peer);
        }
    }

    /// Time passes, a little or so much that sessions end.
    fn pass(&mut self, payload: &[u8]) {
        let steps = payload.first().copied().unwrap_or(1);
        self.now.moment = self.now.moment + Duration::from_millis(u64::from(steps) * 100);
        self.now.wall.0 += i64::from(steps) * 100;
        let (service, now) = (&self.service, self.now);
        service.sweep(now, &mut |proposal| InMemory.propose(service, proposal, now));
    }

    fn send_raw(&mut self, client: usize, bytes: &[u8]) {
        self.link(client).input.extend_from_slice(bytes);
        self.receive(client);
    }

    fn send_framed(&mut self, client: usize, body: &[u8]) {
        let mut framed = BytesMut::new();
        framed.put_u32(body.len() as u32);
        framed.put_slice(body);
        self.send_raw(client, &framed);
    }

    /// A request with a header of its own: the first byte is the operation's place in the table.
    fn request(&mut self, client: usize, kind: u8, payload: &[u8]) {
        let Some((&place, body)) = payload.split_first() else { return };
        if self.links[client].as_ref().is_none_or(|link| link.peer.lease().is_none()) {
            self.greet(client, &[], None);
        }
        let op = Op::ALL[usize::from(place) % Op::ALL.len()];
        if cfg!(feature = "planted") {
            assert!(!(op == Op::SetWatches && body.ends_with(b"/z")), "planted");
        }
        self.xid += 1;
        let xid = if kind & 0x80 == 0 { self.xid } else { -i32::from(kind & 15) };
        let mut framed = BytesMut::new();
        framed.put_u32(body.len() as u32 + 8);
        framed.put_i32(xid);
        framed.put_i32(op.number());
        framed.put_slice(body);
        self.send_raw(client, &framed);
    }

    /// A handshake, for a new session or for one that somebody was granted.
    fn greet(&mut self, client: usize, how: &[u8], resumed: Option<(SessionId, Password)>) {
        let timeout = how.get(1).map_or(4_000, |&tenths| i32::from(tenths) * 100);
        let (session_id, password) = resumed.unwrap_or((SessionId::NONE, Password::default()));
        let hello = ConnectRequest {
            hello: (client % 2 == 1).then_some(HELLO),
            last_zxid_seen: Zxid(how.get(2).map_or(0, |&seen| i64::from(seen))),
            timeout,
            session_id,
            password: Some(password.0.to_vec().into()),
            read_only: how.get(3).map(|&byte| byte & 1 != 0),
        };
        let mut framed = BytesMut::new();
        hello.encode(&mut framed);
        self.send_raw(client, &framed);
    }

    fn receive(&mut self, client: usize) {
        let (service, now) = (&self.service, self.now);
        let Some(link) = &mut self.links[client] else { return };
        if link.peer.outbox.lock().closing.is_some() || service.holds_up(&link.peer) {
            return;
        }
        service.receive(&link.peer, &mut link.input, now, &mut |proposal| {
            InMemory.propose(service, proposal, now);
        });
        assert!(link.input.len() <= limits::MAX_FRAME + 4, "no more than a frame is kept");
    }

    /// What every client was sent is whole frames, and takes no more room than it may.
    fn look(&mut self) {
        for client in 0..CLIENTS {
            let Some(link) = &mut self.links[client] else { continue };
            let (mut bytes, closing) = {
                let mut waiting = link.peer.outbox.lock();
                waiting.frames = 0;
                waiting.event_bytes = 0;
                (std::mem::take(&mut waiting.bytes), waiting.closing)
            };
            let is_first = link.is_silent && !bytes.is_empty();
            link.is_silent &= bytes.is_empty();
            let has_spoken = link.peer.lease().is_some();
            if is_first && !has_spoken && closing == Some(Closing::AfterFlush) {
                // A word's answer, or a refusal.
            } else {
                self.granted[client] = granted(&mut bytes, is_first).or(self.granted[client]);
                while let Some(_body) = frame::take(&mut bytes, limits::MAX_REPLY)
                    .expect("a frame of the server's has a sound length")
                {}
                assert!(bytes.is_empty(), "a piece of a frame was sent");
            }
            if closing.is_some() {
                self.hang_up(client);
            }
        }
    }
}

/// A server that knows every scheme, has a user and a super, and keeps small limits.
fn options() -> Options {
    static IDENTITY: OnceLock<Settings> = OnceLock::new();
    let identity = IDENTITY.get_or_init(|| {
        let mut users = Users::new([7; 16]);
        users.add("bob", "pencil", [9; 16]).expect("a name and a password");
        Settings {
            users,
            super_digest: Some("super:D/InIHSb7yEEbrWz8b9l71RjZJU=".into()),
            super_sasl: vec!["bob".into()],
            ensemble_names: vec!["here".into()],
            ..Settings::default()
        }
    });
    let rules = Rules {
        schemes: Schemes { digest: true, sasl: true, x509: true },
        enforces_quota: true,
        ephemerals_per_session: 4,
        ephemeral_bytes_per_session: 64,
        ..Rules::default()
    };
    let identity = identity.clone();
    Options { connections_per_address: 0, identity, rules, ..Options::default() }
}

/// The session that the first frame of a connection grants.
fn granted(bytes: &mut BytesMut, is_first: bool) -> Option<(SessionId, Password)> {
    if !is_first {
        return None;
    }
    let body = frame::take(bytes, limits::MAX_REPLY).ok().flatten()?;
    let answer = ConnectResponse::decode(body).expect("the answer to a handshake");
    (answer.timeout > Millis(0)).then_some((answer.session_id, answer.password))
}
