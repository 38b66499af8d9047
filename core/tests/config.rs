//! `tenure serve --config` and `tenure config check`, as operators run them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tenure_tests::apache::four_letter_word;
use tenure_tests::records::ConnectRequest;
use tenure_tests::session::Session;

/// A place of its own for each test.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().expect("a directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A `zoo.cfg` that keeps everything here.
    fn zoo_cfg(&self, lines: &str) -> PathBuf {
        let file = self.path("zoo.cfg");
        let text = format!("dataDir={}\nclientPort=2181\n{lines}", self.path("zk").display());
        fs::write(&file, text).expect("it is written");
        file
    }

    /// What Apache's server would have left behind.
    fn apache(&self) {
        fs::create_dir_all(self.path("zk/version-2")).expect("made");
        fs::write(self.path("zk/version-2/log.1"), b"").expect("written");
    }
}

fn program(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenure"));
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in ["SERVER_JVMFLAGS", "JVMFLAGS", "TENURE_CONFIG"] {
        command.env_remove(name);
    }
    command
}

fn run(command: &mut Command) -> (i32, String, String) {
    command.stdin(Stdio::null());
    let Output { status, stdout, stderr } = command.output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it is text");
    (status.code().expect("it ends by itself"), text(stdout), text(stderr))
}

/// A server that was told by a file; the port is a free one.
struct Serving {
    child: Child,
    address: SocketAddr,
}

impl Serving {
    fn with(command: &mut Command) -> Serving {
        Serving::at("127.0.0.1:0", command)
    }

    fn at(listen: &str, command: &mut Command) -> Serving {
        let mut child =
            command.env("TENURE_LISTEN", listen).stderr(Stdio::null()).spawn().expect("it starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("listening on ").expect("where it listens");
        Serving { address: address.parse().expect("an address"), child }
    }

    fn on(file: &Path) -> Serving {
        Serving::with(program(&["serve", "--config"]).arg(file))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_server_is_told_by_a_zoo_cfg() {
    let place = Place::new();
    let file = place.zoo_cfg("tickTime=500\nmaxSessionTimeout=7000\nmaxClientCnxns=2\n");
    {
        let server = Serving::on(&file);
        let mut first = Session::with_timeout(server.address, 60_000);
        assert_eq!(first.granted.timeout, 7_000, "maxSessionTimeout");
        let second = Session::with_timeout(server.address, 1);
        assert_eq!(second.granted.timeout, 1_000, "two ticks");
        let third = Session::open(server.address, &ConnectRequest::default());
        assert!(third.is_err(), "maxClientCnxns");
        first.create("/kept", b"x", 0).expect("created");
    }
    assert!(place.path("zk/tenure/identity").is_file(), "data are kept below dataDir");
    let server = Serving::on(&file);
    let mut session = Session::with_timeout(server.address, 5_000);
    assert!(session.exists("/kept", false).is_ok());
}

#[test]
fn every_interface_is_one_of_both_families() {
    let server = Serving::at("*:0", &mut program(&["serve"]));
    let port = server.address.port();
    Session::new(SocketAddr::from(([127, 0, 0, 1], port)));
    if std::net::TcpListener::bind("[::1]:0").is_ok() {
        Session::new(SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], port)));
    }
}

#[test]
fn a_server_is_told_by_a_toml_file_and_flags_are_stronger() {
    let place = Place::new();
    let file = place.path("tenure.toml");
    let data = place.path("data");
    let text = format!("[data]\ndir = {data:?}\n[session]\ntick_ms = 500\nmax_timeout_ms = 7000\n");
    fs::write(&file, text).expect("written");
    let mut command = program(&["serve", "--max-session-timeout", "8000"]);
    let server = Serving::with(command.env("TENURE_CONFIG", &file));
    let session = Session::with_timeout(server.address, 60_000);
    assert_eq!(session.granted.timeout, 8_000);
    assert!(data.join("identity").is_file());
}

#[test]
fn wrong_settings_are_all_told_before_anything_is_touched() {
    let place = Place::new();
    let file = place
        .zoo_cfg("tickTime=x\nmaxClientCnxns=-1\nsnapcount=5\nserver.1=a:1:2\nserver.2=b:1:2\n");
    let (code, said, complained) = run(program(&["serve", "--config"]).arg(&file));
    assert_eq!(code, 2, "{complained}");
    assert_eq!(said, "");
    let shown = file.display();
    for part in [
        format!("{shown}:3: error: tickTime: \"x\": write a whole number of milliseconds"),
        format!("{shown}:4: error: maxClientCnxns: \"-1\""),
        format!("{shown}:6: error: server.1, server.2 name an ensemble of 2"),
    ] {
        assert!(complained.contains(&part), "{complained}");
    }
    assert!(!place.path("zk").exists());
    let (code, said, _) = run(program(&["config", "check"]).arg(&file));
    assert_eq!(code, 2);
    assert!(said.contains("3 errors, 1 warning: no server starts with this"), "{said}");
    assert!(said.contains("did you mean snapCount?"), "{said}");
}

#[test]
fn warnings_are_errors_where_that_is_wanted() {
    let place = Place::new();
    let file = place.zoo_cfg("snapcount=5\n");
    assert_eq!(run(program(&["config", "check"]).arg(&file)).0, 0);
    assert_eq!(run(program(&["config", "check", "--strict"]).arg(&file)).0, 2);
    let (code, _, complained) = run(program(&["config", "check"]).arg(place.path("nowhere.cfg")));
    assert_eq!(code, 2);
    assert!(complained.contains("nowhere.cfg: "), "{complained}");
}

#[test]
fn data_of_apache_are_never_passed_over() {
    let place = Place::new();
    let file = place.zoo_cfg(&format!("dataLogDir={}\n", place.path("a log").display()));
    place.apache();
    let (code, _, complained) = run(program(&["serve", "--config"]).arg(&file));
    assert_eq!(code, 2);
    let zk = place.path("zk").display().to_string();
    let log = place.path("a log").display().to_string();
    let import = format!("tenure import --from {zk} --log-dir '{log}' --data {zk}/tenure");
    assert!(complained.contains(&import), "{complained}");
    assert!(!place.path("zk/tenure").exists());

    // As if they had been taken over, and Apache had served again since.
    fs::create_dir(place.path("zk/tenure")).expect("made");
    fs::write(place.path("zk/tenure/identity"), b"").expect("written");
    assert_eq!(run(program(&["config", "check"]).arg(&file)).0, 0);
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
    let written = fs::File::options().append(true).open(place.path("zk/version-2/log.1"));
    written.expect("it is there").set_modified(later).expect("set");
    let (code, said, _) = run(program(&["config", "check"]).arg(&file));
    assert_eq!(code, 2);
    assert!(said.contains("Apache ZooKeeper has served since"), "{said}");
}

/// `super:HASH` of the password `secret-of-super`.
const SUPER: &str = "super:OLnhb9aLwv7PVrUFB2exgyj2lys=";

#[test]
fn identities_are_told_by_a_zoo_cfg_and_its_companions() {
    let place = Place::new();
    let jaas = place.path("jaas.conf");
    let text = "Server {\n  org.apache.zookeeper.server.auth.DigestLoginModule required\n  \
                user_bob=\"secret-of-bob\";\n};\n";
    fs::write(&jaas, text).expect("written");
    let file = place.zoo_cfg(
        "enforce.auth.enabled=true\nenforce.auth.schemes=digest,sasl\n\
         authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\n",
    );
    let options = format!(
        "-Xmx512m -Djava.security.auth.login.config={} \
         -Dzookeeper.DigestAuthenticationProvider.superDigest={SUPER}",
        jaas.display()
    );
    let told = |verb: &[&str]| {
        let mut command = program(verb);
        command.arg(&file).env("SERVER_JVMFLAGS", &options);
        command
    };
    let (code, said, complained) = run(&mut told(&["config", "check"]));
    assert_eq!(code, 0, "{said}{complained}");
    assert!(said.contains("1 user"), "{said}");
    for secret in ["secret-of-bob", &SUPER[6..]] {
        assert!(!said.contains(secret) && !complained.contains(secret), "{said}{complained}");
    }
    let server = Serving::with(&mut told(&["serve", "--config"]));
    let mut nobody = Session::new(server.address);
    assert_eq!(nobody.exists("/", false), Err(-124), "enforce.auth");
    let mut admin = Session::new(server.address);
    assert_eq!(admin.auth("digest", b"super:secret-of-super"), 0);
    assert!(admin.exists("/", false).is_ok());

    fs::write(&jaas, "Server {\n  a.DigestLoginModule required\n  user_bob=\"secret-of-bob;\n};\n")
        .expect("written");
    let (code, said, complained) = run(&mut told(&["config", "check"]));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains(&format!("{}:3: error: ", jaas.display())), "{said}");
    assert!(!said.contains("secret-of-bob") && !complained.contains("secret-of-bob"), "{said}");

    // A file about clients alone says nothing about a server, unless its section is asked for.
    fs::write(&jaas, "Client {\n  a.Krb5LoginModule required;\n};\n").expect("written");
    let (code, said, _) = run(&mut told(&["config", "check"]));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("no section Server") && said.contains("warning"), "{said}");
    let named = format!("{options} -Dzookeeper.sasl.serverconfig=Other");
    let (code, said, _) = run(told(&["config", "check"]).env("SERVER_JVMFLAGS", &named));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("no section Other"), "{said}");
}

/// What the check says is carried out as it stands, and the old file serves the old data.
#[test]
fn a_server_is_replaced_with_its_file_as_it_is() {
    let place = Place::new();
    let file = place.zoo_cfg("tickTime=2000\ninitLimit=10\n");
    {
        let source = Serving::with(program(&["serve", "--data"]).arg(place.path("source")));
        Session::new(source.address).create("/moved", b"over", 0).expect("created");
    }
    let mut export = program(&["export", "--data"]);
    export.arg(place.path("source")).arg("--to").arg(place.path("zk"));
    assert_eq!(run(&mut export).0, 0);

    let (code, said, _) = run(program(&["config", "check"]).arg(&file));
    assert_eq!(code, 2);
    let line = said.lines().find(|line| line.contains("tenure import")).expect("the command");
    let command = &line[line.find("tenure import").expect("it is there")..];
    let folder = Path::new(env!("CARGO_BIN_EXE_tenure")).parent().expect("it is in a folder");
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
    let (code, _, complained) = run(Command::new("sh").args(["-c", command]).env("PATH", path));
    assert_eq!(code, 0, "{complained}");

    let server = Serving::on(&file);
    let (data, _) = Session::new(server.address).get("/moved", false).expect("it is there");
    assert_eq!(data.as_deref(), Some(&b"over"[..]));
}

/// A certificate for localhost and its key in one file, as ZooKeeper's PEM key stores are.
fn key_store(file: &Path) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let text = format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem());
    fs::write(file, text).expect("written");
}

#[test]
fn a_port_for_tls_is_told_by_a_zoo_cfg() {
    let place = Place::new();
    let store = place.path("store.pem");
    key_store(&store);
    let shown = store.display();
    let lines =
        format!("secureClientPort=2281\nssl.keyStore.location={shown}\nssl.clientAuth=none\n");
    let file = place.zoo_cfg(&lines);
    let (code, said, _) = run(program(&["config", "check"]).arg(&file));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("a private key") && said.contains("chmod o="), "{said}");
    let mut command = program(&["serve", "--config"]);
    let server = Serving::with(command.arg(&file).env("TENURE_LISTEN_TLS", "127.0.0.1:0"));
    assert!(Session::new(server.address).exists("/", false).is_ok(), "the plain port");

    fs::write(&store, [0xFE, 0xED, 0xFE, 0xED, 0, 0, 0, 2]).expect("written");
    let (code, said, _) = run(program(&["config", "check"]).arg(&file));
    assert_eq!(code, 2);
    let error =
        format!("{}:4: error: ssl.keyStore.location: {shown} is a Java key store", file.display());
    assert!(said.contains(&error) && said.contains("keytool -"), "{said}");
}

#[test]
fn writes_are_noted_where_a_zoo_cfg_asks_for_it() {
    let place = Place::new();
    let file = place.zoo_cfg("audit.enable=true\n");
    let (code, _, _) = run(program(&["config", "check"]).arg(&file));
    assert_eq!(code, 0);
    assert!(!place.path("zk").exists(), "a check makes nothing");
    let server = Serving::on(&file);
    Session::new(server.address).make("/noted");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !fs::read_to_string(place.path("zk/audit.log")).is_ok_and(|it| it.contains("/noted")) {
        assert!(std::time::Instant::now() < deadline, "nothing is noted");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let (code, said, _) = run(program(&["config", "check", "--audit"]).arg(place.path("no/where")));
    assert_eq!(code, 2);
    assert!(
        said.contains("--audit: error: audit: the directory ") && said.contains("make it"),
        "{said}"
    );
}

#[test]
fn words_are_told_by_a_zoo_cfg() {
    let place = Place::new();
    let file = place.zoo_cfg("4lw.commands.whitelist=ruok, wchs\n");
    let server = Serving::on(&file);
    assert_eq!(four_letter_word(server.address, b"ruok").as_deref(), Some("imok"));
    assert!(
        four_letter_word(server.address, b"mntr")
            .expect("an answer")
            .contains("not in the whitelist")
    );
    let file = place.zoo_cfg("4lw.commands.whitelist=ruok,mtnr\n");
    let (code, said, _) = run(program(&["config", "check"]).arg(&file));
    assert_eq!(code, 2);
    assert!(said.contains("4lw.commands.whitelist: \"mtnr\" is no four-letter word"), "{said}");
}

#[test]
fn a_file_with_a_secret_is_not_for_everybody() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let key = "DigestAuthenticationProvider.superDigest";
    let file = place.zoo_cfg(&format!("{key}={SUPER}\n"));
    for (mode, is_told) in [(0o644, true), (0o640, false)] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("set");
        let (code, said, _) = run(program(&["config", "check"]).env("TENURE_CONFIG", &file));
        assert_eq!(code, 0, "{said}");
        let warning = format!("{}:3: warning: ", file.display());
        assert_eq!(said.contains(&warning) && said.contains("chmod o="), is_told, "{said}");
        assert!(!said.contains(&SUPER[6..]), "{said}");
    }
}

#[test]
fn a_directory_that_is_not_to_be_made_is_asked_for() {
    let place = Place::new();
    let file = place.zoo_cfg("datadir.autocreate=false\n");
    let (code, said, _) = run(program(&["config", "check"]).arg(&file));
    assert_eq!(code, 2);
    assert!(said.contains("make it with mkdir"), "{said}");
    fs::create_dir_all(place.path("zk/tenure")).expect("made");
    assert_eq!(run(program(&["config", "check"]).arg(&file)).0, 0);
}
