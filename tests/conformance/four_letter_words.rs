//! Four-letter words: text for operators, without a session.

use tenure_tests::op;
use tenure_tests::raw::Wire;
use tenure_tests::subject::Subject;

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

#[test]
fn p82_the_words_of_the_starting_set_are_enabled() {
    let server = Subject::start();
    for word in [b"ruok", b"srvr", b"stat", b"mntr", b"isro", b"conf", b"cons", b"dump", b"wchs"] {
        let text = server.word(word);
        assert!(!text.is_empty() && !text.contains("not executed"), "{word:?}: {text}");
    }
}

#[test]
fn p82_words_that_are_not_there_yet_are_unknown() {
    let server = Subject::start();
    for word in [b"envi", b"crst", b"srst", b"dirs", b"wchc", b"wchp", b"gtmk", b"hash", b"kill"] {
        assert_eq!(server.word(word), "", "{word:?}");
    }
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
