//! The verbs of the `tenure` program that are about a data directory, from outside: what they print,
//! with which number they end, and what they leave on the disk.

#![cfg(feature = "cli")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tenure_tests::op;
use tenure_tests::records::open;
use tenure_tests::session::{Session, create_body};

const TIMEOUT: i32 = 10_000;

/// A folder of its own for one test, removed at its end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let path = std::env::temp_dir().join(format!("tenure-data-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder");
        Place(path)
    }

    fn data(&self) -> PathBuf {
        self.0.join("data")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A server on a directory, killed when it is dropped.
struct Serving {
    child: Child,
    address: SocketAddr,
}

impl Serving {
    fn on(data: &Path) -> Serving {
        let mut child = program(&["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("it says something");
        let address = line.trim().strip_prefix("listening on ").expect("where it listens");
        Serving { address: address.parse().expect("an address"), child }
    }

    fn session(&self) -> Session {
        Session::with_timeout(self.address, TIMEOUT)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenure"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs a verb to its end.
fn run(arguments: &[&str], paths: &[&Path]) -> Output {
    program(arguments).args(paths).output().expect("the program runs")
}

#[track_caller]
fn assert_ends(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}\n{}", said(output), complained(output));
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn complained(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A directory with ten znodes, left by a server that was killed.
fn killed(place: &Place) -> PathBuf {
    let server = Serving::on(&place.data());
    let mut session = server.session();
    for number in 0..10 {
        session.create(&format!("/n{number}"), b"data", 0).expect("created");
    }
    place.data()
}

fn data_of(session: &mut Session, path: &str) -> Vec<u8> {
    session.get(path, false).expect("it is there").0.expect("it has data")
}

/// Spoils the first file whose name begins like this, where `what` stands in it.
fn spoil(data: &Path, begins: &str, what: &[u8]) -> PathBuf {
    let names = fs::read_dir(data).expect("readable").map(|entry| entry.expect("readable").path());
    let is_it = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(begins))
    };
    let path = names.filter(is_it).min().expect("there is one");
    let mut content = fs::read(&path).expect("readable");
    let at = content.windows(what.len()).position(|window| window == what).expect("it is in it");
    content[at] ^= 1;
    fs::write(&path, content).expect("writable");
    path
}

/// Names and bytes of all files but the lock, which tells who looked last.
fn contents(data: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found: Vec<_> = fs::read_dir(data)
        .expect("readable")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.is_file() && !path.ends_with("lock"))
        .map(|path| (path.clone(), fs::read(&path).expect("readable")))
        .collect();
    found.sort();
    found
}

#[test]
fn what_a_killed_server_acknowledged_is_served_by_the_next_one() {
    let place = Place::new("killed");
    let data = killed(&place);
    let server = Serving::on(&data);
    let mut session = server.session();
    for number in 0..10 {
        assert_eq!(data_of(&mut session, &format!("/n{number}")), b"data");
    }
}

#[test]
fn a_second_server_is_told_who_has_the_directory() {
    let place = Place::new("second");
    let server = Serving::on(&place.data());
    let second = run(&["serve", "--listen", "127.0.0.1:0", "--data"], &[&place.data()]);
    assert_ends(&second, 3);
    let holder = format!("in use by process {}", server.child.id());
    assert!(complained(&second).contains(&holder), "{}", complained(&second));
}

#[test]
fn a_snapshot_is_taken_while_serving_and_without_a_server() {
    let place = Place::new("snapshot");
    let server = Serving::on(&place.data());
    server.session().create("/a", b"", 0).expect("created");
    let online = run(&["snapshot"], &[&place.data()]);
    assert_ends(&online, 0);
    let file = PathBuf::from(said(&online).trim());
    assert!(file.starts_with(place.data()) && file.is_file(), "{}", file.display());
    server.session().create("/b", b"", 0).expect("created");
    drop(server);
    let offline = run(&["snapshot"], &[&place.data()]);
    assert_ends(&offline, 0);
    assert_ne!(said(&offline), said(&online), "it holds what came after the first one");
    let again = run(&["snapshot"], &[&place.data()]);
    assert_eq!(said(&again), said(&offline), "nothing came after the second one");
}

#[test]
fn a_snapshot_is_copied_verified_and_restored() {
    let place = Place::new("restore");
    let (backup, new) = (place.0.join("backup"), place.0.join("new"));
    let data = killed(&place);
    let copied = run(&["snapshot", "--to"], &[&backup, &data]);
    assert_ends(&copied, 0);
    let mode = fs::metadata(&backup).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it holds the passwords of sessions");
    assert_ends(&run(&["snapshot", "--to"], &[&backup, &data]), 1);
    let verified = run(&["verify"], &[&backup]);
    assert_ends(&verified, 0);
    assert!(said(&verified).contains("14 znodes"), "{}", said(&verified));

    let restored = program(&["restore", "--from"]).arg(&backup).arg("--data").arg(&new).output();
    assert_ends(&restored.expect("it runs"), 0);
    let server = Serving::on(&new);
    let mut session = server.session();
    assert_eq!(data_of(&mut session, "/n7"), b"data");
    session.create("/later", b"", 0).expect("created");
    let stat = session.exists("/later", false).expect("it is there");
    assert_eq!(stat.czxid >> 32, 1, "zxids go on in an epoch nobody has seen");
    drop(server);
    let twice = program(&["restore", "--from"]).arg(&backup).arg("--data").arg(&new).output();
    assert_ends(&twice.expect("it runs"), 3);
}

#[test]
fn a_damaged_snapshot_is_not_restored() {
    let place = Place::new("unrestored");
    let data = killed(&place);
    assert_ends(&run(&["snapshot"], &[&data]), 0);
    let file = spoil(&data, "snapshot-", b"tenuresn");
    assert_ends(&run(&["verify"], &[&file]), 3);
    let new = place.0.join("new");
    let refused = program(&["restore", "--from"]).arg(&file).arg("--data").arg(&new).output();
    let refused = refused.expect("it runs");
    assert_ends(&refused, 3);
    assert!(complained(&refused).contains(&file.display().to_string()), "{}", complained(&refused));
    assert!(!new.exists(), "nothing was made");
}

#[test]
fn a_damaged_log_is_refused_by_file_and_offset_and_left_alone() {
    let place = Place::new("damaged");
    let data = killed(&place);
    assert_ends(&run(&["verify"], &[&data]), 0);
    assert_ends(&run(&["log", "verify"], &[&data]), 0);
    let file = spoil(&data, "log-", b"/n5");
    let before = contents(&data);
    for verb in
        [&["serve", "--listen", "127.0.0.1:0", "--data"][..], &["verify"], &["log", "verify"]]
    {
        let refused = run(verb, &[&data]);
        assert_ends(&refused, 3);
        let text = said(&refused) + &complained(&refused);
        let named = format!("{} is damaged at byte ", file.display());
        assert!(text.contains(&named), "{verb:?}: {text}");
    }
    assert_eq!(contents(&data), before);
}

#[test]
fn a_repair_needs_consent_keeps_what_it_cuts_and_begins_a_new_epoch() {
    let place = Place::new("repair");
    let data = killed(&place);
    let whole = run(&["log", "repair"], &[&data]);
    assert_ends(&whole, 0);
    assert!(said(&whole).contains("nothing was changed"), "{}", said(&whole));

    spoil(&data, "log-", b"/n5");
    let before = contents(&data);
    let unasked = run(&["log", "repair"], &[&data]);
    assert_ends(&unasked, 1);
    assert!(complained(&unasked).contains("--yes"), "{}", complained(&unasked));
    assert_eq!(contents(&data), before);

    let repaired = run(&["log", "repair", "--yes"], &[&data]);
    assert_ends(&repaired, 0);
    assert!(said(&repaired).contains("5 entries are lost, 7 to 11"), "{}", said(&repaired));
    let kept = contents(&data).iter().any(|(path, content)| {
        path.display().to_string().contains("damaged-log-")
            && content.windows(3).any(|window| window == b"/n9")
    });
    assert!(kept, "what was cut is kept");

    let server = Serving::on(&data);
    let mut session = server.session();
    assert!(session.exists("/n4", false).is_ok());
    assert!(session.exists("/n5", false).is_err());
    session.create("/n5", b"", 0).expect("created");
    assert_eq!(session.exists("/n5", false).expect("it is there").czxid >> 32, 1);
}

#[test]
fn a_lost_identity_is_refused_and_brought_back_by_a_repair() {
    let place = Place::new("identity");
    let data = killed(&place);
    fs::remove_file(data.join("identity")).expect("it is there");
    let refused = run(&["serve", "--listen", "127.0.0.1:0", "--data"], &[&data]);
    assert_ends(&refused, 3);
    assert!(complained(&refused).contains("identity"), "{}", complained(&refused));
    assert_ends(&run(&["log", "repair", "--yes"], &[&data]), 0);
    let server = Serving::on(&data);
    assert_eq!(data_of(&mut server.session(), "/n9"), b"data");
}

#[test]
fn a_repair_that_cannot_know_what_is_lost_says_so() {
    let place = Place::new("all-lost");
    let data = killed(&place);
    for (path, _) in contents(&data) {
        if !path.ends_with("identity") {
            fs::remove_file(path).expect("it is there");
        }
    }
    assert_ends(&run(&["serve", "--listen", "127.0.0.1:0", "--data"], &[&data]), 3);
    let repaired = run(&["log", "repair", "--yes"], &[&data]);
    assert_ends(&repaired, 0);
    let text = said(&repaired);
    assert!(text.contains("not known how many entries are lost"), "{text}");
    assert!(!text.contains("identity again") && !text.contains("0 entries lost"), "{text}");
}

#[test]
fn a_directory_of_apache_is_not_served_beside_its_data() {
    let place = Place::new("apache");
    fs::create_dir_all(place.data().join("version-2")).expect("a folder");
    let refused = run(&["serve", "--listen", "127.0.0.1:0", "--data"], &[&place.data()]);
    assert_ends(&refused, 3);
    assert!(complained(&refused).contains("tenure import"), "{}", complained(&refused));
    assert_eq!(fs::read_dir(place.data()).expect("readable").count(), 1, "nothing was made there");
}

/// In a mount namespace of its own, where the system lets this user have one.
#[test]
fn a_directory_on_a_disk_that_cannot_be_written_is_verified() {
    let place = Place::new("read-only");
    let data = killed(&place);
    assert_ends(&run(&["snapshot"], &[&data]), 0);
    let on_read_only = |script: &str| {
        let mount = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\"";
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", &format!("{mount} && {script}")]);
        command.args([Path::new("sh"), &data, Path::new(env!("CARGO_BIN_EXE_tenure"))]);
        command.stdin(Stdio::null()).output()
    };
    if !on_read_only("true").is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no mount namespace is to be had here");
        return;
    }
    for verb in ["verify", "log verify"] {
        let verified = on_read_only(&format!("exec \"$2\" {verb} \"$1\"")).expect("it runs");
        assert_ends(&verified, 0);
        assert!(said(&verified).contains("entries"), "{}", said(&verified));
    }
    let server = Serving::on(&data);
    let verified = on_read_only("exec \"$2\" log verify \"$1\"").expect("it runs");
    assert_ends(&verified, 3);
    let holder = format!("in use by process {}", server.child.id());
    assert!(complained(&verified).contains(&holder), "{}", complained(&verified));
}

#[test]
fn a_directory_without_data_is_not_made_into_one() {
    let place = Place::new("empty");
    for verb in [&["snapshot"][..], &["verify"], &["log", "verify"], &["log", "repair", "--yes"]] {
        assert_ends(&run(verb, &[&place.0]), 1);
        assert_ends(&run(verb, &[&place.0.join("nowhere")]), 1);
    }
    assert_eq!(fs::read_dir(&place.0).expect("it is there").count(), 0);
}

#[test]
fn snapshot_options_without_a_directory_are_a_wrong_command_line() {
    let refused = run(&["serve", "--listen", "127.0.0.1:0", "--snapshots-kept", "2"], &[]);
    assert_ends(&refused, 2);
    assert!(complained(&refused).contains("--data"), "{}", complained(&refused));
}

#[test]
fn timeouts_that_contradict_each_other_are_a_wrong_command_line() {
    let timeouts = ["--min-session-timeout", "5000", "--max-session-timeout", "4000"];
    let refused = run(&[&["serve", "--listen", "127.0.0.1:0"][..], &timeouts].concat(), &[]);
    assert_ends(&refused, 2);
}

/// A limit on the size of files stands in for a disk that fails: it is not full, and yet a write to the
/// log is refused.
#[test]
fn a_log_that_fails_ends_the_program_with_10_and_the_reason() {
    let place = Place::new("failing");
    let mut child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 8192; exec \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_tenure"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(place.data())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let address = line.trim().strip_prefix("listening on ").expect("where it listens");
    let address: SocketAddr = address.parse().expect("an address");
    let mut session = Session::with_timeout(address, TIMEOUT);
    let mut made = 0;
    loop {
        let body = create_body(&format!("/n{made}"), Some(&[b'x'; 100_000]), &open(), 0);
        if session.try_call(op::CREATE, &body).is_err() {
            break;
        }
        made += 1;
        assert!(made < 100, "the log never failed");
    }
    let output = child.wait_with_output().expect("it ends");
    assert_ends(&output, 10);
    let text = complained(&output);
    assert!(text.contains("write of ") && text.contains("log-0000000000000001"), "{text}");
    let server = Serving::on(&place.data());
    let mut session = server.session();
    assert!((0..made).all(|number| session.exists(&format!("/n{number}"), false).is_ok()));
}
