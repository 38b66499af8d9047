//! Four-letter words: text for operators, without a session.

use std::time::Duration;

use tenure_tests::op;
use tenure_tests::raw::Wire;
use tenure_tests::subject::{Settings, Subject};

/// The value behind a line's beginning.
fn value<'a>(text: &'a str, start: &str) -> &'a str {
    text.lines()
        .find_map(|line| line.strip_prefix(start))
        .unwrap_or_else(|| panic!("no line starts with {start:?}:\n{text}"))
}

fn number(text: &str, start: &str) -> i64 {
    value(text, start).parse().unwrap_or_else(|_| panic!("{start:?} is no number:\n{text}"))
}

#[test]
fn p80_ruok_and_isro() {
    let server = Subject::start();
    assert_eq!(server.word(b"ruok"), "imok");
    assert_eq!(server.word(b"isro"), "rw");
}

#[test]
fn p80_more_bytes_and_a_half_close_are_harmless() {
    let server = Subject::start();
    for tail in [&b"\n"[..], b"\r\n", b" and more"] {
        let mut wire = Wire::open(server.addr());
        wire.send(b"ruok");
        wire.send(tail);
        assert_eq!(wire.read_to_close(), b"imok");
    }
    let mut wire = Wire::open(server.addr());
    wire.send(b"srvr");
    wire.half_close();
    assert!(wire.read_to_close().starts_with(b"Zookeeper version: "));
}

#[test]
fn p81_an_unknown_word_closes_without_output() {
    let server = Subject::start();
    for word in [b"what", b"RUOK", b"ruo ", b"icfg"] {
        let mut wire = Wire::open(server.addr());
        wire.send(word);
        assert_eq!(wire.read_to_close(), b"", "{word:?}");
    }
}

/// Every word there is but those that change something.
const HARMLESS: [&[u8; 4]; 15] = [
    b"ruok", b"srvr", b"stat", b"mntr", b"isro", b"conf", b"cons", b"dump", b"wchs", b"wchc",
    b"wchp", b"dirs", b"envi", b"gtmk", b"hash",
];

fn refusal(word: &[u8; 4]) -> String {
    let word = std::str::from_utf8(word).expect("a word");
    format!("{word} is not executed because it is not in the whitelist.\n")
}

#[test]
fn p82_a_word_that_is_not_allowed_says_so() {
    let server = Subject::with(Settings { words: " ruok ,dump,", ..Settings::default() });
    let more: [&[u8; 4]; 3] = [b"crst", b"srst", b"stmk"];
    for word in HARMLESS.into_iter().chain(more) {
        let text = server.word(word);
        let is_allowed = matches!(word, b"ruok" | b"dump" | b"srvr");
        assert_eq!(text == refusal(word), !is_allowed, "{word:?}: {text}");
    }
    for word in [b"what", b"icfg"] {
        assert_eq!(server.word(word), "", "{word:?} is no word, whatever is allowed");
    }
}

#[test]
fn p82_all_words_can_be_allowed() {
    let server = Subject::start();
    for word in HARMLESS {
        let text = server.word(word);
        let is_empty = matches!(word, b"hash");
        assert!(text.is_empty() == is_empty && !text.contains("not executed"), "{word:?}: {text}");
    }
}

#[test]
fn p80_kill_is_known_and_kills_nobody() {
    let server = Subject::start();
    assert_eq!(server.word(b"kill"), "");
    let session = server.session();
    assert!(session.id() != 0, "the server is there");
}

#[test]
fn p80_an_interrupt_of_telnet_ends_the_connection() {
    let server = Subject::start();
    let mut wire = Wire::open(server.addr());
    wire.send(&[0xFF, 0xF4, 0xFF, 0xFD]);
    wire.send(&[0x06]);
    assert_eq!(wire.read_to_close(), b"");
}

#[test]
fn p84_stmk_takes_eight_more_bytes_and_gtmk_gives_them_back() {
    let server = Subject::start();
    assert_eq!(server.word(b"gtmk"), "306");
    let mut wire = Wire::open(server.addr());
    wire.send(b"stmk\0\0\0\0");
    // Whatever else is asked meanwhile, the rest is waited for.
    assert_eq!(server.word(b"gtmk"), "306");
    wire.send(&[0, 0, 1, 0x33, b'\n']);
    assert_eq!(wire.read_to_close(), b"307");
    assert_eq!(server.word(b"gtmk"), "307");
    let mut wire = Wire::open(server.addr());
    wire.send(b"stmk");
    wire.send(&(-1_i64).to_be_bytes());
    assert_eq!(wire.read_to_close(), b"-1");
}

#[test]
fn p84_stmk_is_not_waited_for_without_end() {
    let server = Subject::manual();
    let mut half = Wire::open(server.addr());
    half.send(b"stmk\0\0");
    let mut gone = Wire::open(server.addr());
    gone.send(b"stmk\0\0");
    gone.half_close();
    assert_eq!(gone.read_to_close(), b"");
    server.advance(Duration::from_secs(11));
    assert_eq!(half.read_to_close(), b"", "like any connection that never opens a session");
}

#[test]
fn p84_wchc_and_wchp_name_sessions_and_paths_but_no_child_watches() {
    let server = Subject::start();
    let (mut first, mut second) = server.pair();
    first.exists("/b", true).expect_err("absent");
    first.get("/", true).expect("there");
    second.get("/", true).expect("there");
    second.children("/zookeeper", true).expect("there");
    second.add_watch("/p", 1).expect("added");
    let (a, b) = (format!("0x{:x}", first.id()), format!("0x{:x}", second.id()));
    let by_session = server.word(b"wchc");
    for part in [format!("{a}\n"), format!("{b}\n")] {
        assert!(by_session.contains(&part), "{part} in {by_session}");
    }
    let own = |id: &str| -> Vec<String> {
        let lines = by_session.lines().skip_while(|line| *line != id).skip(1);
        let mut paths: Vec<_> =
            lines.map_while(|line| line.strip_prefix('\t')).map(str::to_owned).collect();
        paths.sort();
        paths
    };
    assert_eq!(own(&a), ["/", "/b"]);
    assert_eq!(own(&b), ["/", "/p"], "child watches are not listed");
    assert!(by_session.ends_with("\n\n"), "{by_session:?}");
    let by_path = server.word(b"wchp");
    assert!(by_path.contains(&format!("/b\n\t{a}\n")), "{by_path}");
    assert!(by_path.contains(&format!("/p\n\t{b}\n")), "{by_path}");
    assert!(!by_path.contains("/zookeeper"), "{by_path}");
    let at_root: Vec<_> = by_path.lines().skip_while(|line| *line != "/").skip(1).take(2).collect();
    let mut both = [format!("\t{a}"), format!("\t{b}")];
    both.sort();
    let mut at_root = at_root;
    at_root.sort_unstable();
    assert_eq!(at_root, both, "{by_path}");
    assert!(by_path.ends_with("\n\n"), "{by_path:?}");
}

#[test]
fn p84_dirs_tells_two_sizes() {
    let server = Subject::start();
    let text = server.word(b"dirs");
    assert!(number(&text, "datadir_size: ") >= 0 && number(&text, "logdir_size: ") >= 0, "{text}");
    assert_eq!(text.lines().count(), 2, "{text}");
}

#[test]
fn p84_envi_tells_the_version_the_system_and_the_user() {
    let server = Subject::start();
    let text = server.word(b"envi");
    assert!(text.starts_with("Environment:\nzookeeper.version="), "{text}");
    assert!(text.lines().skip(1).all(|line| line.contains('=')), "{text}");
    for key in ["zookeeper.version=", "host.name=", "os.name=Linux", "os.arch=", "user.name="] {
        value(&text, key);
    }
}

#[test]
fn p84_envi_does_not_tell_the_environment() {
    let server = Subject::start();
    let text = server.word(b"envi");
    for (name, value) in std::env::vars() {
        assert!(!text.contains(&format!("{name}=")), "{name} is told: {text}");
        let is_long = value.len() > 20;
        assert!(!(is_long && text.contains(&value)), "the value of {name} is told: {text}");
    }
}

#[test]
fn p84_crst_and_srst_count_anew() {
    let server = Subject::start();
    let mut session = server.session();
    for _ in 0..20 {
        session.get("/", false).expect("there");
    }
    let of_session = || {
        let text = server.word(b"cons");
        value(&text, &format!(" /{}[", session.wire.local_addr())).to_owned()
    };
    let received = |line: &str| -> i64 {
        let (_, rest) = line.split_once("recved=").expect("a figure");
        rest.split(',').next().expect("a figure").parse().expect("a number")
    };
    assert!(received(&of_session()) >= 20);
    assert_eq!(server.word(b"crst"), "Connection stats reset.\n");
    let line = of_session();
    assert_eq!(received(&line), 0, "{line}");
    assert!(line.contains(",lop=NA,") && !line.contains("lcxid="), "{line}");
    assert!(line.contains(",lzxid=0xffffffffffffffff,"), "{line}");
    assert!(line.contains("llat=0,minlat=0,avglat=0,maxlat=0)"), "{line}");
    assert!(number(&server.word(b"srvr"), "Received: ") >= 20);
    assert_eq!(server.word(b"srst"), "Server stats reset.\n");
    assert!(number(&server.word(b"srvr"), "Received: ") < 20);
}

#[test]
fn p84_hash_tells_the_digest_at_every_128th_transaction() {
    let server = Subject::start();
    let mut session = server.session();
    assert_eq!(server.word(b"hash"), "");
    for number in 0..300 {
        session.make(&format!("/n{number}"));
    }
    let text = server.word(b"hash");
    let zxids: Vec<i64> = text
        .lines()
        .map(|line| {
            let (zxid, digest) = line.split_once(": ").expect("two parts");
            assert!(digest.parse::<u64>().is_ok(), "{line}");
            i64::from_str_radix(zxid, 16).expect("hex")
        })
        .collect();
    assert_eq!(zxids, [128, 256], "{text}");
}

#[test]
fn p84_srvr_has_its_lines_in_order() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    let text = server.word(b"srvr");
    let starts = [
        "Zookeeper version: ",
        "Latency min/avg/max: ",
        "Received: ",
        "Sent: ",
        "Connections: ",
        "Outstanding: ",
        "Zxid: 0x",
        "Mode: standalone",
        "Node count: ",
    ];
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), starts.len(), "{text}");
    for (line, start) in lines.iter().zip(starts) {
        assert!(line.starts_with(start), "{line:?} for {start:?}");
    }
    assert!(text.ends_with('\n') && !text.contains('\r'));
    assert_eq!(value(&text, "Zxid: 0x"), format!("{:x}", session.zxid));
    assert_eq!(number(&text, "Outstanding: "), 0);
    assert!(number(&text, "Connections: ") >= 1);
    assert!(number(&text, "Received: ") >= 1);
    let latency: Vec<_> = value(&text, "Latency min/avg/max: ").split('/').collect();
    assert!(latency.len() == 3 && latency.iter().all(|part| part.parse::<f64>().is_ok()));
}

#[test]
fn p84_stat_lists_the_clients() {
    let server = Subject::start();
    let session = server.session();
    let text = server.word(b"stat");
    assert!(text.starts_with("Zookeeper version: "), "{text}");
    let client = format!(" /{}[", session.wire.local_addr());
    let line = value(&text, &client);
    assert!(line.contains("](queued=") && line.contains(",recved=") && line.contains(",sent="));
    assert!(text.contains("Clients:\n") && text.contains("\n\nLatency min/avg/max: "), "{text}");
    assert_eq!(value(&text, "Mode: "), "standalone");
}

#[test]
fn p84_cons_tells_of_each_session() {
    let server = Subject::start();
    let mut session = server.session();
    session.make("/a");
    let text = server.word(b"cons");
    let line = value(&text, &format!(" /{}[", session.wire.local_addr()));
    for part in [
        format!("sid=0x{:x}", session.id()),
        "lop=CREA".to_owned(),
        "est=".to_owned(),
        "to=30000".to_owned(),
        "lcxid=0x1".to_owned(),
        format!("lzxid=0x{:x}", session.zxid),
        "lresp=".to_owned(),
        "llat=".to_owned(),
        "minlat=".to_owned(),
        "avglat=".to_owned(),
        "maxlat=".to_owned(),
    ] {
        assert!(line.contains(&part), "{part} in {line}");
    }
}

#[test]
fn p84_conf_tells_the_settings() {
    let server = Subject::start();
    let text = server.word(b"conf");
    assert!(text.lines().all(|line| line.contains('=')), "{text}");
    assert_eq!(number(&text, "clientPort="), i64::from(server.addr().port()));
    assert_eq!(number(&text, "tickTime="), 2_000);
    assert_eq!(number(&text, "maxClientCnxns="), 60);
    assert_eq!(number(&text, "minSessionTimeout="), 4_000);
    assert_eq!(number(&text, "maxSessionTimeout="), 40_000);
}

#[test]
fn p84_mntr_is_names_tabs_and_values() {
    let server = Subject::start();
    let mut session = server.session();
    session.create("/e", b"12345", op::EPHEMERAL).expect("created");
    session.get("/e", true).expect("there");
    let text = server.word(b"mntr");
    for line in text.lines() {
        let (name, value) = line.split_once('\t').unwrap_or_else(|| panic!("{line:?}"));
        assert!(name.starts_with("zk_") && !value.is_empty(), "{line:?}");
    }
    assert!(text.starts_with("zk_version\t"), "{text}");
    assert_eq!(value(&text, "zk_server_state\t"), "standalone");
    assert_eq!(number(&text, "zk_ephemerals_count\t"), 1);
    assert_eq!(number(&text, "zk_watch_count\t"), 1);
    assert!(number(&text, "zk_num_alive_connections\t") >= 1);
    assert_eq!(number(&text, "zk_outstanding_requests\t"), 0);
    for name in ["zk_znode_count\t", "zk_packets_received\t", "zk_packets_sent\t"] {
        assert!(number(&text, name) > 0, "{name}");
    }
    assert!(number(&text, "zk_approximate_data_size\t") > 0);
}

#[test]
fn p84_dump_lists_sessions_and_their_ephemerals() {
    let server = Subject::start();
    let (mut session, plain) = server.pair();
    session.create("/e", b"", op::EPHEMERAL).expect("created");
    let text = server.word(b"dump");
    assert!(text.starts_with("SessionTracker dump:\n"), "{text}");
    assert!(text.contains("ephemeral nodes dump:\nSessions with Ephemerals (1):\n"), "{text}");
    assert!(text.contains(&format!("0x{:x}:\n\t/e\n", session.id())), "{text}");
    assert!(text.contains(&format!("\t0x{:x}\n", plain.id())), "{text}");
}

#[test]
fn p84_wchs_counts_the_data_watches() {
    let server = Subject::start();
    let (mut first, mut second) = server.pair();
    first.get("/", true).expect("there");
    first.exists("/a", true).expect_err("absent");
    second.get("/", true).expect("there");
    second.children("/", true).expect("there");
    let text = server.word(b"wchs");
    assert!(
        text.starts_with("2 connections watching 2 paths\nTotal watches:3\n"),
        "child watches are not counted: {text}"
    );
}
