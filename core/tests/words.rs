//! Four-letter words as anybody can ask them, as often as he likes: what each may cost, and what a server
//! says that does not serve. The service is driven by hand, so no figure depends on the machine.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tenure::base::{
    Acl, CreateMode, Moment, Password, SessionId, WallMillis, WatchMode, Zxid, limits,
};
use tenure::engine::{Engine, EngineOptions};
use tenure::replication::{InMemory, Replicator};
use tenure::service::words::Allowed;
use tenure::service::{Now, Options, Peer, Received, Service, Transport};
use tenure::wire::{ConnectRequest, Create, Request};

/// Every word but those that wait for more.
const WORDS: [&[u8; 4]; 18] = [
    b"ruok", b"isro", b"srvr", b"stat", b"cons", b"crst", b"srst", b"mntr", b"conf", b"dirs",
    b"envi", b"dump", b"wchs", b"wchc", b"wchp", b"gtmk", b"hash", b"kill",
];

/// Those whose answers grow with what the server holds.
const LONG: [&[u8; 4]; 5] = [b"stat", b"cons", b"dump", b"wchc", b"wchp"];

fn at(millis: u64) -> Now {
    Now { moment: Moment(1_000_000 + millis * 1_000), wall: WallMillis(1) }
}

/// A connection without a socket.
struct Nowhere;

impl Transport for Nowhere {
    fn wake(&self) {}

    fn unread(&self) -> usize {
        0
    }
}

fn server() -> Service {
    let options =
        Options { connections_per_address: 0, words: Allowed::all(), ..Options::default() };
    let engine = Engine::new(EngineOptions::default());
    Service::new(options, engine, at(0), Box::new(|| Password([7; 16]))).in_place(true)
}

fn open(service: &Service) -> Arc<Peer> {
    let address = "127.0.0.1:4711".parse().expect("an address");
    service.open(address, at(0), Box::new(Nowhere)).expect("there is no limit")
}

fn send(service: &Service, peer: &Arc<Peer>, bytes: &mut BytesMut, now: Now) -> Received {
    service.receive(peer, bytes, now, &mut |proposal| InMemory.propose(service, proposal, now))
}

/// A connection with a session.
fn session(service: &Service) -> Arc<Peer> {
    let (peer, mut bytes) = (open(service), BytesMut::new());
    ConnectRequest {
        hello: None,
        last_zxid_seen: Zxid::ZERO,
        timeout: 30_000,
        session_id: SessionId::NONE,
        password: Some(vec![0; 16].into()),
        read_only: Some(false),
    }
    .encode(&mut bytes);
    send(service, &peer, &mut bytes, at(0));
    peer.outbox.lock().bytes.clear();
    peer
}

/// What is answered to some requests, as bytes.
fn request(service: &Service, peer: &Arc<Peer>, requests: Vec<Request>, now: Now) -> usize {
    for (xid, request) in (1..).zip(requests) {
        let mut bytes = BytesMut::new();
        request.encode(xid, &mut bytes);
        send(service, peer, &mut bytes, now);
    }
    std::mem::take(&mut peer.outbox.lock().bytes).len()
}

fn ask(service: &Service, word: &[u8; 4], now: Now) -> String {
    let peer = open(service);
    let received = send(service, &peer, &mut BytesMut::from(&word[..]), now);
    assert_eq!(received, Received::Closing, "{word:?}");
    let answer = std::mem::take(&mut peer.outbox.lock().bytes);
    service.close(&peer);
    String::from_utf8(answer.to_vec()).expect("text")
}

fn figure(service: &Service, name: &str, now: Now) -> u64 {
    let text = ask(service, b"mntr", now);
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("zk_{name}\t")));
    line.unwrap_or_else(|| panic!("{name} in {text}")).parse().expect("a number")
}

/// Much of everything that can be listed: watches, ephemerals, connections.
fn crowded() -> (Service, Vec<Arc<Peer>>) {
    let service = server();
    let mut peers = Vec::new();
    for owner in 0..4 {
        let peer = session(&service);
        for number in 0..1_000 {
            let path = format!("/{owner}-{number:05}-{}", "x".repeat(600));
            let watch = Request::AddWatch { path: path.clone(), mode: WatchMode::Persistent };
            let acl = Acl::open_unsafe();
            let create = Request::Create(Create::new(path, None, acl, CreateMode::Ephemeral));
            request(&service, &peer, vec![watch, create], at(0));
        }
        peers.push(peer);
    }
    peers.extend((0..25_000).map(|_| open(&service)));
    (service, peers)
}

#[test]
fn p83_a_server_that_does_not_serve_says_so() {
    let service = server();
    service.stop_serving();
    let sentence = "This ZooKeeper instance is not currently serving requests";
    for word in WORDS {
        let expected = match word {
            b"ruok" => "imok".to_owned(),
            b"isro" => "null".to_owned(),
            b"gtmk" => "306".to_owned(),
            b"kill" => String::new(),
            b"hash" => sentence.to_owned(),
            b"envi" => {
                assert!(ask(&service, word, at(0)).starts_with("Environment:\n"));
                continue;
            }
            _ => format!("{sentence}\n"),
        };
        assert_eq!(ask(&service, word, at(0)), expected, "{word:?}");
    }
}

#[test]
fn an_answer_that_would_be_too_long_is_cut_and_says_what_is_missing() {
    let (service, _peers) = crowded();
    // Each line begins as the lines of its word do, so that whoever reads them passes over the cut.
    for (word, what) in [
        (b"wchc", "watches"),
        (b"wchp", "watches"),
        (b"cons", "connections"),
        (b"dump", "ephemerals"),
        (b"stat", "connections"),
    ] {
        let text = ask(&service, word, at(0));
        let heads = 1_000;
        assert!(text.len() > limits::WORD_BYTES / 2, "{word:?}: {} bytes", text.len());
        assert!(text.len() < limits::WORD_BYTES + heads, "{word:?}: {} bytes", text.len());
        let cuts: Vec<_> = text.lines().filter(|line| line.starts_with('#')).collect();
        let cut = cuts.iter().find(|line| line.contains(what)).expect("the cut is told");
        assert!(cut.ends_with(" are left out, the answer is cut here"), "{cut}");
        let left: usize = cut.split(' ').nth(1).expect("a number").parse().expect("a number");
        let listed = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
        match word {
            b"wchc" => assert_eq!(listed("\t/") + left, 4_000),
            b"wchp" => assert_eq!(listed("\t0x") + left, 4_000),
            b"cons" => assert_eq!(listed(" /") + left, 25_005, "with the asker's"),
            b"stat" => {
                assert_eq!(listed(" /") + left, 25_005, "with the asker's");
                assert!(text.contains("\nMode: standalone\n"), "what stands behind is there");
            }
            _ => {
                assert_eq!(listed("\t/") + left, 4_000);
                assert!(text.contains("Connections dump:"), "what stands behind is there");
            }
        }
    }
    assert_eq!(figure(&service, "words_cut", at(0)), 5);
}

#[test]
fn what_is_not_shown_is_not_searched_through_without_end() {
    let service = server();
    let peer = session(&service);
    // Child watches are passed over by both words.
    let many = limits::WORD_BYTES / 16 + 1_000;
    for number in 0..many {
        let path = format!("/{number:08}");
        let acl = Acl::open_unsafe();
        let create = Create::new(path.clone(), None, acl, CreateMode::Persistent);
        let watch = Request::GetChildren { path, watch: true };
        request(&service, &peer, vec![Request::Create(create), watch], at(0));
    }
    let last = Request::AddWatch { path: "/~".into(), mode: WatchMode::Persistent };
    request(&service, &peer, vec![last], at(0));
    for word in [b"wchc", b"wchp"] {
        let text = ask(&service, word, at(0));
        assert!(text.contains("# 1 more watches are left out"), "{text}");
    }
}

#[test]
fn cve_2017_5637_a_hundred_clients_with_every_word_take_from_nobody_else() {
    let (service, peers) = crowded();
    let pinger = &peers[0];
    let mut answered = 0;
    let mut kinds = BTreeSet::new();
    // All in one moment: as fast as can be.
    for round in 0..100 {
        for word in WORDS {
            let text = ask(&service, word, at(0));
            if text.contains("too much was asked for") {
                kinds.insert(word);
            } else if LONG.contains(&word) {
                answered += text.len();
            } else {
                assert!(text.len() < 16 << 10, "{word:?} is short");
            }
        }
        let pong = request(&service, pinger, vec![Request::Ping], at(0));
        assert!(pong > 0, "a heartbeat is answered in round {round}");
    }
    assert_eq!(kinds, BTreeSet::from(LONG), "only what can be long is refused");
    let most = limits::WORD_BYTES_PER_SECOND + 2 * limits::WORD_BYTES;
    assert!(answered < most, "{answered} bytes were answered, {most} may be");
    assert!(figure(&service, "words_refused", at(0)) > 400);
    assert_eq!(ask(&service, b"ruok", at(0)), "imok");
    assert!(ask(&service, b"srvr", at(0)).contains("Mode: standalone"));
    // A second of rest is enough.
    assert!(ask(&service, b"stat", at(1_000)).contains("Mode: standalone"));
    for peer in &peers {
        service.close(peer);
    }
    let rest = Duration::from_secs(2).as_millis() as u64;
    assert!(ask(&service, b"cons", at(rest)).len() < 1_000, "what is gone is not listed");
}
