//! Configuration from outside: every setting in every form, and what is told of it.

use super::setting::{Form, Setting};
use super::table::{DATA, TABLE};
use super::value::{Kind, Unit, Value};
use super::{Config, Severity, Sources, Text, read};

/// A password that no output may hold.
const SECRET: &str = "xyzzy-plugh";

fn of_file(name: &str, text: &str) -> Config {
    let file = Some(Text { name: name.to_owned(), bytes: text.into() });
    read(&Sources { file, ..Sources::default() })
}

fn zoo(text: &str) -> Config {
    of_file("zoo.cfg", text)
}

fn with_directory(text: &str) -> Config {
    zoo(&format!("dataDir=/var/lib/zookeeper\nclientPort=2181\n{text}"))
}

fn told(config: &Config) -> Vec<String> {
    config.problems().map(ToString::to_string).collect()
}

/// A value of each kind as TOML has it, and as one line of text has it.
fn good(kind: Kind) -> (String, String) {
    match kind {
        Kind::Bool => ("true".into(), "true".into()),
        Kind::Number(least, most, _) => {
            let number = least.max(most.min(5_000)).to_string();
            (number.clone(), number)
        }
        Kind::Address { .. } => ("\"127.0.0.1:4181\"".into(), "127.0.0.1:4181".into()),
        Kind::Path | Kind::Text => (format!("\"/{SECRET}\""), format!("/{SECRET}")),
        Kind::Choice(words) => (format!("{:?}", words[0]), words[0].into()),
        Kind::List => ("[\"digest\", \"sasl\"]".into(), "digest,sasl".into()),
        Kind::Users => (format!("{{ bob = \"{SECRET}\" }}"), String::new()),
    }
}

/// Values that are wrong for a kind, as TOML has them, and as text.
fn bad(kind: Kind) -> (Vec<String>, Vec<String>) {
    let (toml, text): (Vec<String>, Vec<String>) = match kind {
        Kind::Bool => (vec!["1".into(), "\"true\"".into()], vec!["yes".into(), "".into()]),
        Kind::Number(least, most, _) => {
            let mut outside = vec!["-1".to_owned(), "x".to_owned(), "1.5".to_owned()];
            outside.extend(least.checked_sub(1).map(|number| number.to_string()));
            outside.extend(most.checked_add(1).map(|number| number.to_string()));
            let toml = vec!["-1".into(), "1.5".into(), "\"5\"".into(), "true".into()];
            (toml, outside)
        }
        Kind::Address { .. } => (vec!["2181".into(), "\":1\"".into()], vec!["localhost".into()]),
        Kind::Path | Kind::Text => (vec!["1".into(), "\"\"".into()], vec!["".into()]),
        Kind::Choice(_) => (vec!["\"perhaps\"".into(), "1".into()], vec!["perhaps".into()]),
        Kind::List => (vec!["\"a\"".into(), "[1]".into()], vec![",".into()]),
        Kind::Users => (vec!["\"bob\"".into(), "{ bob = 1 }".into()], Vec::new()),
    };
    (toml, text)
}

fn document(setting: &Setting, value: &str) -> String {
    let (table, key) = setting.place();
    format!("[{table}]\n{key} = {value}\n")
}

/// Which setting was given nothing, was wrong, or was taken without being right.
fn is_given(config: &Config, setting: &Setting) -> bool {
    config.given(setting).is_some()
}

#[test]
fn every_setting_is_read_from_toml_the_environment_and_a_flag() {
    for setting in TABLE.iter().copied() {
        let (toml, text) = good(setting.kind);
        let config = of_file("t.toml", &document(setting, &toml));
        assert!(is_given(&config, setting), "{}: {:?}", setting.path, told(&config));
        assert_eq!(config.origin(setting).to_string(), "t.toml:2");
        if let Some(variable) = setting.variable() {
            let environment = vec![(variable.clone(), text.clone())];
            let config = read(&Sources { environment, ..Sources::default() });
            assert!(is_given(&config, setting), "{variable}: {:?}", told(&config));
            assert_eq!(config.origin(setting).to_string(), variable);
        }
        if let Some(flag) = setting.flag() {
            let flags = vec![(flag.to_owned(), text.clone())];
            let config = read(&Sources { flags, ..Sources::default() });
            assert!(is_given(&config, setting), "--{flag}: {:?}", told(&config));
            assert_eq!(config.origin(setting).to_string(), format!("--{flag}"));
        }
    }
}

#[test]
fn a_wrong_value_is_one_error_that_names_its_place_in_every_form() {
    for setting in TABLE.iter().copied() {
        let (toml, text) = bad(setting.kind);
        for value in toml {
            let config = of_file("t.toml", &document(setting, &value));
            assert!(!is_given(&config, setting), "{} = {value}", setting.path);
            let expected = format!("t.toml:2: error: {}: ", setting.path);
            assert!(told(&config)[0].starts_with(&expected), "{value}: {:?}", told(&config));
        }
        for value in text {
            if let Some(variable) = setting.variable() {
                let environment = vec![(variable.clone(), value.clone())];
                let config = read(&Sources { environment, ..Sources::default() });
                assert!(!is_given(&config, setting), "{variable}={value}");
                let expected = format!("{variable}: error: {variable}: ");
                assert!(told(&config)[0].starts_with(&expected), "{value}: {:?}", told(&config));
            }
            if let Some(flag) = setting.flag() {
                let flags = vec![(flag.to_owned(), value.clone())];
                let config = read(&Sources { flags, ..Sources::default() });
                assert!(!is_given(&config, setting), "--{flag}={value}");
                let expected = format!("--{flag}: error: {flag}: ");
                assert!(told(&config)[0].starts_with(&expected), "{value}: {:?}", told(&config));
            }
        }
    }
}

#[test]
fn both_ends_of_every_range_are_right() {
    for setting in TABLE.iter().copied() {
        let Kind::Number(least, most, _) = setting.kind else { continue };
        for number in [least, most] {
            let config = of_file("t.toml", &document(setting, &number.to_string()));
            assert_eq!(config.number(setting), Some(number), "{}", setting.path);
        }
    }
}

#[test]
fn every_key_of_a_zoo_cfg_that_stands_for_one_setting_is_read() {
    for setting in TABLE.iter().copied() {
        for key in setting.keys.iter().filter(|key| key.form != Form::Together) {
            let text = match (key.form, setting.kind) {
                (Form::YesNo, _) => "yes".to_owned(),
                (_, kind) => good(kind).1,
            };
            let config = with_directory(&format!("{} = {text}", key.name));
            assert!(is_given(&config, setting), "{}={text}: {:?}", key.name, told(&config));
            assert_eq!(config.origin(setting).to_string(), "zoo.cfg:3");
            if matches!(key.form, Form::EmptyIs(_)) {
                continue;
            }
            let wrong = match setting.kind {
                Kind::Path | Kind::Text | Kind::List => "",
                _ => "sixty",
            };
            let config = with_directory(&format!("\n{} {wrong}", key.name));
            assert!(!is_given(&config, setting), "{} {wrong}", key.name);
            let expected = format!("zoo.cfg:4: error: {}: ", key.name);
            assert!(told(&config)[0].starts_with(&expected), "{:?}", told(&config));
        }
    }
}

#[test]
fn the_page_about_settings_is_made_from_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
    let fresh = super::reference();
    if std::env::var_os("TENURE_BLESS").is_some() {
        std::fs::write(path, &fresh).expect("the page can be written");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == fresh,
        "docs/configuration.md is stale: TENURE_BLESS=1 cargo test -p tenure --lib config"
    );
    for setting in TABLE {
        assert!(fresh.contains(&format!("\n### {}\n", setting.path)), "{}", setting.path);
    }
}

#[test]
fn what_is_stronger_wins_and_the_weaker_is_shown() {
    let text = "dataDir=/d\nclientPort=2181\nsnapCount=3000\ntickTime=1000\nmaxClientCnxns=1\n";
    let sources = Sources {
        file: Some(Text { name: "zoo.cfg".into(), bytes: text.into() }),
        environment: vec![
            ("TENURE_MAX_CONNECTIONS_PER_ADDRESS".into(), "2".into()),
            ("TENURE_TICK".into(), "2000".into()),
            ("JVMFLAGS".into(), "-Dzookeeper.snapCount=9 -Djute.maxbuffer=0x100000".into()),
        ],
        flags: vec![("max-connections-per-address".into(), "3".into())],
        ..Sources::default()
    };
    let config = read(&sources);
    let of = |path: &str| {
        let given = config.given(super::table::at(path).expect("a setting")).expect("given");
        format!("{} {}", given.value, given.origin)
    };
    assert_eq!(of("snapshots.after_txns"), "3000 zoo.cfg:3");
    assert_eq!(of("session.tick_ms"), "2000 TENURE_TICK");
    assert_eq!(of("limits.connections_per_address"), "3 --max-connections-per-address");
    assert_eq!(of("limits.frame_bytes"), "1048576 JVMFLAGS -Djute.maxbuffer");
    let report = config.report().to_string();
    assert!(
        report.contains(
            "; overrides 2 (TENURE_MAX_CONNECTIONS_PER_ADDRESS); overrides 1 (zoo.cfg:5)"
        ),
        "{report}"
    );
    assert_eq!(told(&config), [] as [&str; 0]);
}

#[test]
fn options_for_java_are_for_a_zoo_cfg_alone() {
    let environment = vec![("JVMFLAGS".into(), "-Djute.maxbuffer=5".into())];
    let config = read(&Sources { environment, ..Sources::default() });
    assert_eq!(told(&config), [] as [&str; 0]);
    assert!(config.given.is_empty());
}

#[test]
fn a_setting_that_stands_nowhere_is_told_with_what_was_meant() {
    let config = of_file(
        "t.toml",
        "tick_ms = 5\nfoo = 1\n[session]\ntick = 5\n[sesion]\nx = 1\n[snapshots]\nkept = 1\nkept = 2\n",
    );
    let told = told(&config);
    assert!(told[0].starts_with("t.toml:1: error: tick_ms: write it below [session]"), "{told:?}");
    assert!(
        told[1].starts_with("t.toml:2: error: foo: every setting stands in a table"),
        "{told:?}"
    );
    assert!(told[2].starts_with("t.toml:4: warning: session.tick is no setting"), "{told:?}");
    assert!(told[2].ends_with("did you mean session.tick_ms?"), "{told:?}");
    assert!(told[3].starts_with("t.toml:5: warning: [sesion] is no table"), "{told:?}");
    assert!(told[3].ends_with("did you mean session?"), "{told:?}");
    assert!(told[4].starts_with("t.toml:8: error: snapshots.kept is about a data"), "{told:?}");
    assert!(told[5].starts_with("t.toml:9: error: this is no TOML: duplicate key"), "{told:?}");
    let environment = vec![("TENURE_TIK".into(), "5".into()), ("TENURE_BIN".into(), "x".into())];
    let config = read(&Sources { environment, ..Sources::default() });
    let told: Vec<_> = config.problems().map(ToString::to_string).collect();
    assert_eq!(told, ["TENURE_TIK: warning: TENURE_TIK has no effect: did you mean TENURE_TICK?"]);
}

#[test]
fn every_input_is_read_without_a_panic_and_bounded() {
    let deep = format!("a = {}", "[".repeat(100_000));
    for text in [deep.as_str(), "[", "=", "\0", "[a.b.c]\nx=1", "a.b=1\n[a]\nb=2", "[[listen]]\n"] {
        let config = of_file("t.toml", text);
        assert!(
            config.count(Severity::Error) > 0 || config.count(Severity::Warning) > 0,
            "{text:.20}"
        );
        zoo(text);
    }
    let invalid = Text { name: "t.toml".into(), bytes: vec![0xFF] };
    let config = read(&Sources { file: Some(invalid), ..Sources::default() });
    assert_eq!(config.count(Severity::Error), 1);
}

/// Reading takes a time that grows with the length of the file and no faster.
#[test]
fn a_long_file_of_nonsense_is_read_in_no_time() {
    let many = |line: &str| line.repeat((super::MOST_BYTES / 4 / line.len()).min(100_000));
    let started = std::time::Instant::now();
    let mut numbered = String::new();
    for number in 0..20_000 {
        numbered += &format!("k{number}=x\n");
    }
    for text in [numbered.as_str(), &many("a=\n"), &many("\\\n"), &many("\\"), &many("a=\\u\n")] {
        zoo(text);
    }
    let table = format!("[listen]\n{}", numbered.replace('x', "1"));
    for text in [table.as_str(), &many("=\n"), &many("[a]\n"), &many("\"\n")] {
        of_file("t.toml", text);
    }
    let unclosed = many("{");
    super::jaas::read(&unclosed, "Server");
    assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn both_ports_and_both_directories_are_put_together() {
    let good = [
        ("clientPort=2181", "*:2181"),
        ("clientPort=2181\nclientPortAddress=10.0.0.1", "10.0.0.1:2181"),
        ("clientPort 2181\nclientPortAddress=::1", "[::1]:2181"),
        ("clientPort:2181\nclientPortAddress=[::1]", "[::1]:2181"),
        ("clientPort=2181\nclientPortAddress=zoo-1.example.org", "zoo-1.example.org:2181"),
        ("server.1=zoo1:2888:3888;2182", "*:2182"),
        ("server.1=zoo1:2888:3888:participant;127.0.0.1:2182", "127.0.0.1:2182"),
        ("server.1=zoo1:2888:3888;2182\nclientPort=2182", "*:2182"),
        ("clientPort=0\nserver.1=zoo1:2888:3888;2182", "*:2182"),
    ];
    for (lines, address) in good {
        let config = zoo(&format!("dataDir=/d\n{lines}\n"));
        assert_eq!(
            config.text(&super::table::LISTEN),
            Some(address),
            "{lines}: {:?}",
            told(&config)
        );
        assert_eq!(config.count(Severity::Error), 0, "{:?}", told(&config));
    }
    let bad = [
        ("", "clientPort is missing"),
        ("clientPort=0", "clientPort is missing"),
        ("clientPort=", "clientPort: \"\": write a number"),
        ("clientPort=65536", "write a number from 1 to 65535"),
        ("clientPort=+1", "write a number from 1 to 65535"),
        ("clientPort=1\nclientPortAddress=a:1", "without a port"),
        ("server.1=zoo1:2888:3888;2182\nclientPort=2181", "keep one of the two"),
        ("clientPort=1\nserver.1=zoo1:2888", "write HOST:PORT:PORT"),
        ("clientPort=1\nserver.x=zoo1:2888:3888", "the number of a server"),
        (
            "clientPort=1\nserver.1=a:1:2\nserver.2=b:1:2",
            "server.1, server.2 name an ensemble of 2",
        ),
        ("clientPort=1\npeerType=observer", "needs an ensemble"),
        ("clientPort=1\npeerType=x", "write participant or observer"),
        ("clientPort=1\nstandaloneEnabled=1", "write true or false"),
        ("clientPort=1\ninitLimit=x", "write a whole number"),
        ("clientPort=1\nreconfigEnabled=yes", "write true or false"),
        ("clientPort=1\nforceSync=true", "write yes"),
        ("clientPort=1\nminSessionTimeout=5000\nmaxSessionTimeout=4000", "is longer than"),
        ("clientPort=1\nmaxSessionTimeout=4000", "6000 ms (2 ticks of 3000 ms)"),
        ("clientPort=1\nminSessionTimeout=90000", "60000 ms (20 ticks of 3000 ms)"),
    ];
    for (lines, part) in bad {
        let config = zoo(&format!("dataDir=/d\n{lines}\n"));
        let told = told(&config).join("\n");
        assert_eq!(config.count(Severity::Error), 1, "{lines}: {told}");
        assert!(told.contains(part), "{lines}: {told}");
    }
    assert!(told(&zoo("clientPort=1"))[0].contains("dataDir is missing"));
    assert_eq!(zoo("dataDir=/a b\nclientPort=1").text(&DATA), Some("/a b"));
}

#[test]
fn forms_of_their_own_are_read_as_apache_reads_them() {
    let number = |lines: &str, path: &str| {
        let config = with_directory(lines);
        assert_eq!(config.count(Severity::Error), 0, "{:?}", told(&config));
        config.number(super::table::at(path).expect("a setting"))
    };
    assert_eq!(number("snapSizeLimitInKb=1024", "snapshots.after_bytes"), Some(1 << 20));
    assert_eq!(number("snapSizeLimitInKb=-1", "snapshots.after_bytes"), Some(u64::MAX >> 1));
    assert_eq!(number("minSessionTimeout=-1", "session.min_timeout_ms"), None);
    assert_eq!(number("clientPortListenBacklog=-1", "listen.backlog"), None);
    assert_eq!(number("autopurge.snapRetainCount=1", "snapshots.kept"), Some(3));
    assert_eq!(number("snapCount=1", "snapshots.after_txns"), Some(2));
    assert_eq!(number("jute.maxbuffer=0x400000", "limits.frame_bytes"), Some(4 << 20));
    let config = with_directory("tickTime=1\ntickTime=2");
    assert_eq!(
        told(&config)[0],
        "zoo.cfg:4: warning: tickTime stands in line 3 too; this one counts"
    );
    assert_eq!(config.number(&super::table::TICK), Some(2));
}

#[test]
fn a_server_with_tls_has_all_it_needs() {
    const STORE: &str = "ssl.keyStore.location=/k.pem\n";
    let good = [
        ("secureClientPort=2281\nssl.keyStore.location=/k.pem\nssl.clientAuth=none", "*:2281"),
        (
            "secureClientPort=2281\nsecureClientPortAddress=::\nssl.keyStore.location=/k.pem\nssl.trustStore.location=/t.pem",
            "[::]:2281",
        ),
        ("server.1=a:1:2;2181;2281\nssl.keyStore.location=/k.pem\nssl.clientAuth=none", "*:2281"),
    ];
    for (lines, address) in good {
        let config = with_directory(lines);
        assert_eq!(config.count(Severity::Error), 0, "{lines}: {:?}", told(&config));
        assert_eq!(config.text(&super::table::LISTEN_TLS), Some(address));
        assert_eq!(config.key_file(), Some("/k.pem"));
    }
    for (lines, oldest, newest) in [
        ("ssl.enabledProtocols=TLSv1.3", "1.3", "1.3"),
        ("ssl.enabledProtocols=TLSv1.3,TLSv1.2", "1.2", "1.3"),
        ("ssl.enabledProtocols=TLSv1.2,TLSv1.1\nssl.protocol=TLSv1.3", "1.2", "1.2"),
        ("ssl.protocol=TLSv1.3", "1.2", "1.3"),
        ("ssl.protocol=TLS", "1.2", "1.3"),
    ] {
        let config = with_directory(lines);
        assert_eq!(config.text(&super::table::TLS_OLDEST), Some(oldest), "{lines}");
        assert_eq!(config.text(&super::table::TLS_NEWEST), Some(newest), "{lines}");
    }
    let only =
        zoo("dataDir=/d\nsecureClientPort=1\nssl.keyStore.location=/k\nssl.trustStore.location=/t");
    assert_eq!(only.count(Severity::Error), 0, "{:?}", told(&only));
    assert_eq!(only.text(&super::table::LISTEN), Some("none"));
    assert_eq!(only.client_auth(), "need");
    let bad = [
        ("secureClientPort=2281", "TLS needs a certificate"),
        ("client.portUnification=true", "TLS needs a certificate"),
        ("secureClientPort=2281\nssl.keyStore.location=/k.pem", "no authority is named"),
        (
            "secureClientPort=2281\nssl.keyStore.location=/k.pem\nssl.clientAuth=want",
            "no authority is named",
        ),
        (
            "secureClientPort=2181\nssl.keyStore.location=/k.pem\nssl.clientAuth=none",
            "choose another port",
        ),
        ("ssl.clientAuth=maybe", "write one of none, want, need"),
        ("ssl.enabledProtocols=SSLv3,TLSv1", "write TLSv1.2, TLSv1.3 or both"),
        ("ssl.crl=true", "no revocation lists"),
        ("ssl.ocsp=1", "write true or false"),
    ];
    for (lines, part) in bad {
        let config = with_directory(lines);
        let told = told(&config).join("\n");
        assert_eq!(config.count(Severity::Error), 1, "{lines}: {told}");
        assert!(told.contains(part), "{lines}: {told}");
    }
    let idle = with_directory(&format!(
        "{STORE}ssl.clientAuth=none\nssl.keyStore.password={SECRET}\nssl.protocol=TLSv1.2"
    ));
    let told = told(&idle).join("\n");
    assert!(
        told.contains(
            "zoo.cfg:3: warning: ssl.keyStore.location: there is a certificate and no port"
        ),
        "{told}"
    );
    assert_eq!(idle.text(&super::table::TLS_NEWEST), Some("1.2"));
    assert!(
        told.contains("without effect: ssl.keyStore.password (line 5): key stores are PEM"),
        "{told}"
    );
    assert!(!told.contains(SECRET), "{told}");
    for text in [
        "[listen]\naddress = \"none\"",
        "[tls]\nkey = \"/k\"",
        "[tls]\noldest_version = \"1.3\"\nnewest_version = \"1.2\"",
    ] {
        assert_eq!(of_file("t.toml", text).count(Severity::Error), 1, "{text}");
    }
}

#[test]
fn identities_are_asked_for_as_apache_asks_for_them() {
    let required = |lines: &str| {
        let config = with_directory(lines);
        assert_eq!(config.count(Severity::Error), 0, "{lines}: {:?}", told(&config));
        config.words(&super::table::REQUIRE_AUTH).map(|words| words.join(","))
    };
    assert_eq!(required("sessionRequireClientSASLAuth=true"), Some("sasl".into()));
    assert_eq!(required("sessionRequireClientSASLAuth=false"), None);
    assert_eq!(
        required("enforce.auth.enabled=true\nenforce.auth.schemes=sasl,digest"),
        Some("sasl,digest".into())
    );
    assert_eq!(required("enforce.auth.enabled=false\nenforce.auth.schemes=sasl"), None);
    assert_eq!(
        required(
            "enforce.auth.enabled=true\nenforce.auth.schemes=digest,sasl\nsessionRequireClientSASLAuth=TRUE"
        ),
        Some("sasl".into()),
        "whoever asks for SASL is not to be content with a digest, which proves nothing"
    );
    let supers = with_directory("superUser=a\nsuperUser.1=b\nsuperUser.x=c");
    assert_eq!(
        supers.words(&super::table::SUPER_SASL),
        Some(&["a", "b", "c"].map(String::from)[..])
    );
    let providers = "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\n\
                     authProvider.x=X509AuthenticationProvider\n";
    assert_eq!(required(providers), None);
    let bad = [
        ("authProvider.1=com.example.MyProvider", "is no scheme of tenure"),
        ("superUser=", "write the name of a user"),
        ("enforce.auth.enabled=true", "needs enforce.auth.schemes"),
        ("enforce.auth.enabled=1", "write true or false"),
        ("enforce.auth.enabled=true\nenforce.auth.schemes=kerberos", "kerberos is no scheme"),
        ("enforce.auth.enabled=true\nenforce.auth.schemes=x509", "x509 needs TLS"),
        ("skipACL=true", "write yes or no"),
        ("DigestAuthenticationProvider.digestAlg=MD5", "write one of SHA1"),
        ("DigestAuthenticationProvider.superDigest=xyzzy-plugh", "write super:HASH"),
        ("DigestAuthenticationProvider.superDigest=super:", "write super:HASH"),
        ("DigestAuthenticationProvider.superDigest=super:a:b", "write super:HASH"),
        (
            "DigestAuthenticationProvider.superDigest=super:a\nDigestAuthenticationProvider.enabled=false",
            "the digest scheme is switched off",
        ),
        ("X509AuthenticationProvider.superUser=nobody", "no distinguished name"),
        ("superUser=a/b/c", "no name of a user"),
    ];
    for (lines, part) in bad {
        let config = with_directory(lines);
        let told = told(&config).join("\n");
        assert_eq!(config.count(Severity::Error), 1, "{lines}: {told}");
        assert!(told.contains(part) && !told.contains(SECRET), "{lines}: {told}");
    }
}

#[test]
fn writes_are_noted_beside_the_data_unless_another_file_is_named() {
    let file = |lines: &str| {
        let config = with_directory(lines);
        (config.text(&super::table::AUDIT).map(str::to_owned), config.count(Severity::Error))
    };
    let beside = Some("/var/lib/zookeeper/audit.log".to_owned());
    assert_eq!(file("audit.enable=true"), (beside, 0));
    assert_eq!(file("audit.enable=false\naudit.impl.class=x"), (None, 0));
    assert_eq!(file("audit.enable=yes"), (None, 1));
    let flags = vec![("audit".to_owned(), "/log/audit".to_owned())];
    let text = "dataDir=/d\nclientPort=1\naudit.enable=true\n";
    let sources = Sources {
        file: Some(Text { name: "zoo.cfg".into(), bytes: text.into() }),
        flags,
        ..Sources::default()
    };
    assert_eq!(read(&sources).text(&super::table::AUDIT), Some("/log/audit"));
}

#[test]
fn a_zoo_cfg_becomes_a_toml_file_that_means_the_same() {
    let text = "dataDir=/var/lib/\"zoo\"\nclientPort=2181\ntickTime=2000\nskipACL=yes\nsuperUser=a\n\
                DigestAuthenticationProvider.superDigest=super:xyzzy-plugh\n";
    let before = zoo(text);
    let toml = before.to_toml();
    assert!(!toml.contains(SECRET), "{toml}");
    let after = of_file("t.toml", &toml);
    assert_eq!(after.count(Severity::Error), 0, "{toml}{:?}", told(&after));
    for setting in TABLE.iter().copied().filter(|setting| !setting.is_secret) {
        let value = |config: &Config| config.given(setting).map(|given| given.value.clone());
        assert!(value(&before) == value(&after), "{}: {toml}", setting.path);
    }
    assert!(toml.contains("tick_ms = 2000  # zoo.cfg:3 tickTime"), "{toml}");
    assert!(toml.contains("# super_digest is a secret"), "{toml}");
}

/// Files as packages of Apache ZooKeeper install them, in our words: each starts a server, and nothing
/// in it is passed over in silence.
#[test]
fn files_of_distributions_start_a_server() {
    const ENSEMBLE: &str = "about ensembles, and this release of tenure runs one server alone";
    const HTTP: &str = "about an HTTP interface, which this release of tenure does not have; `echo mntr | \
                        nc` has the figures";
    let purge = "autopurge.purgeInterval has no effect: old snapshots go as soon as there are newer \
                 ones, and autopurge.snapRetainCount says how many are kept";
    let log = "dataLogDir has no effect: tenure keeps its log beside its snapshots; if this is the \
               faster disk, name it as dataDir";
    let debian = "# one line for each setting\ntickTime=2000\n# ticks\ninitLimit=10\nsyncLimit=5\n\
                  dataDir=/var/lib/zookeeper\n# Place the dataLogDir to a separate physical disc\n\
                  # dataLogDir=/disk2/zookeeper\nclientPort=2181\n#server.1=zookeeper1:2888:3888\n\
                  #maxClientCnxns=60\n#autopurge.purgeInterval=1\n";
    let kafka = "# the directory where the snapshot is stored.\ndataDir=/tmp/zookeeper\n\
                 clientPort=2181\nmaxClientCnxns=0\nadmin.enableServer=false\n# admin.serverPort=8080\n";
    let solr = "tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir=/solr/zoo_data\n\
                # clientPort=2181 (given by the script)\nclientPort=9983\n\
                autopurge.snapRetainCount=3\nautopurge.purgeInterval=1\n4lw.commands.whitelist=mntr,conf,ruok\n";
    let docker = "dataDir=/data\ndataLogDir=/datalog\ntickTime=2000\ninitLimit=5\nsyncLimit=2\n\
                  autopurge.snapRetainCount=3\nautopurge.purgeInterval=0\nmaxClientCnxns=60\n\
                  standaloneEnabled=true\nadmin.enableServer=true\nserver.1=localhost:2888:3888;2181\n";
    let idle = |line: u32, keys: &str, why: &str| {
        format!("zoo.cfg:{line}: note: without effect: {keys}: {why}")
    };
    let expected: [(&str, Vec<String>); 4] = [
        (debian, vec![idle(4, "initLimit (line 4), syncLimit (line 5)", ENSEMBLE)]),
        (kafka, vec![idle(5, "admin.enableServer (line 5)", HTTP)]),
        (
            solr,
            vec![
                idle(2, "initLimit (line 2), syncLimit (line 3)", ENSEMBLE),
                format!("zoo.cfg:8: note: {purge}"),
            ],
        ),
        (
            docker,
            vec![
                format!("zoo.cfg:2: warning: {log}"),
                idle(4, "initLimit (line 4), syncLimit (line 5)", ENSEMBLE),
                format!("zoo.cfg:7: note: {purge}"),
                idle(10, "admin.enableServer (line 10)", HTTP),
            ],
        ),
    ];
    for (file, expected) in expected {
        let config = zoo(file);
        assert_eq!(told(&config), expected, "{file}");
        assert!(config.verdict().ends_with("a server starts with this"));
        assert!(config.builder().is_some());
    }
}

#[test]
fn debug_and_report_never_show_a_value_that_is_secret() {
    assert_eq!(format!("{:?}", Value::Text(SECRET.into())), "Text");
    for setting in TABLE.iter().copied().filter(|setting| setting.is_secret) {
        let broken = [
            format!("\"\"\"\n{SECRET}"),
            format!("\"a\n{SECRET}\""),
            format!("a:{SECRET}"),
            format!("{{ bob = {SECRET} }}"),
            format!("{{ bob = \"a\" {SECRET} }}"),
            format!("{{ bob \"{SECRET}\" }}"),
            format!("{{ bob = \"a\\{SECRET}\" }}"),
            SECRET.to_owned(),
        ];
        for value in broken.into_iter().chain([good(setting.kind).0]) {
            let config = of_file("t.toml", &document(setting, &value));
            let all = format!("{config:?}{}", config.report());
            assert!(!all.contains(SECRET), "{}: {all}", setting.path);
        }
    }
}

/// A row of the table that is not carried out would be a setting that does nothing.
#[test]
fn every_number_is_told_to_the_server() {
    for setting in TABLE.iter().copied().filter(|it| matches!(it.kind, Kind::Number(..))) {
        let is_told = super::build::NUMBERS.iter().any(|(told, _)| told.path == setting.path);
        // That one is told to the TLS of the server.
        assert!(is_told || setting.path == "tls.handshakes", "{}", setting.path);
    }
}

#[test]
fn a_unit_is_named_in_what_a_number_is_called() {
    for setting in TABLE.iter().copied() {
        let Kind::Number(_, _, unit) = setting.kind else { continue };
        let end = match unit {
            Unit::Count => continue,
            Unit::Bytes => "bytes",
            Unit::Millis => "ms",
            Unit::Seconds => "seconds",
        };
        assert!(setting.path.contains(end), "{}", setting.path);
    }
}
