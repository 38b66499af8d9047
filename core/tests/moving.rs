//! `tenure import` and `tenure export` from outside: what it prints, what it leaves, how it ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The start of a log that Apache ZooKeeper wrote: a session, a create of `/a`, a setData of it.
const LOG: &str = "
    5a4b4c47 00000002 0000000000000000
    00000000a7ab0921 00000030 01000023ac560000 00000000 0000000000000001 000001a203734621 fffffff6
    00002710 00000002 0000000051c6d660 42
    0000000089110bc3 00000058 01000023ac560000 00000001 0000000000000002 000001a203734631 00000001
    00000002 2f61 00000002 6869 00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65 00
    00000001 00000002 000000007bf57cd7 42
    0000000094db0656 0000003b 01000023ac560000 00000004 0000000000000003 000001a203734642 00000005
    00000002 2f61 00000001 78 00000001 00000002 00000000f987aa4a 42";

/// A folder with a data directory of Apache's; it goes when the test does.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let folder = format!("tenure-program-import-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        let source = folder.join("apache/version-2");
        fs::create_dir_all(&source).expect("a folder");
        fs::write(source.join("log.1"), bytes()).expect("a file");
        Place(folder)
    }

    fn source(&self) -> PathBuf {
        self.0.join("apache")
    }

    fn data(&self) -> PathBuf {
        self.0.join("tenure")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn bytes() -> Vec<u8> {
    let digits: Vec<u8> = LOG.bytes().filter(|digit| !digit.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).expect("digits are text");
        u8::from_str_radix(pair, 16).expect("digits are hex")
    };
    digits.chunks(2).map(byte).collect()
}

fn import(from: &Path, data: &Path) -> Output {
    run(["import".as_ref(), "--from".as_ref(), from, "--data".as_ref(), data])
}

fn export(data: &Path, to: &Path) -> Output {
    run(["export".as_ref(), "--data".as_ref(), data, "--to".as_ref(), to])
}

fn run(arguments: [&Path; 5]) -> Output {
    let program = Command::new(env!("CARGO_BIN_EXE_tenure")).args(arguments).output();
    program.expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn an_import_prints_its_report_and_leaves_a_data_directory() {
    let place = Place::new("report");
    let done = import(&place.source(), &place.data());
    assert!(done.status.success(), "{}", text(&done.stderr));
    let report = text(&done.stdout);
    for told in ["3 log records", "3 equal, 0 different", "sessions    1", "after 0x100000000"] {
        assert!(report.contains(told), "{told} is missing in\n{report}");
    }
    assert!(place.data().join("identity").exists(), "a directory that a server goes on from");
    assert_eq!(fs::read(place.source().join("version-2/log.1")).expect("it is there"), bytes());
}

#[test]
fn an_import_refuses_a_directory_with_something_in_it() {
    let place = Place::new("twice");
    assert!(import(&place.source(), &place.data()).status.success());
    let again = import(&place.source(), &place.data());
    assert_eq!(again.status.code(), Some(3));
    assert!(text(&again.stderr).contains("is not empty"), "{}", text(&again.stderr));
}

#[test]
fn a_refused_import_leaves_nothing() {
    let place = Place::new("refused");
    let log = place.source().join("version-2/log.1");
    let mut bytes = bytes();
    bytes[60] ^= 1;
    fs::write(&log, bytes).expect("the file is ours");
    let refused = import(&place.source(), &place.data());
    assert_eq!(refused.status.code(), Some(1));
    let why = text(&refused.stderr);
    assert!(why.contains("log.1 is damaged at byte 16") && why.contains("--accept-loss"), "{why}");
    assert!(!place.data().exists());
}

#[test]
fn an_export_comes_in_again_and_refuses_what_is_no_data_directory() {
    let place = Place::new("export");
    let back = place.0.join("back");
    let nothing = export(&place.data(), &back);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(text(&nothing.stderr).contains("No such file"));
    assert!(!place.data().exists() && !back.exists(), "nothing was made");

    assert!(import(&place.source(), &place.data()).status.success());
    let done = export(&place.data(), &back);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(text(&done.stdout).contains("snapshot.100000000"), "{}", text(&done.stdout));
    let again = export(&place.data(), &back);
    assert_eq!(again.status.code(), Some(3));
    assert!(text(&again.stderr).contains("is not empty"), "{}", text(&again.stderr));
    let second = import(&back, &place.0.join("second"));
    let report = text(&second.stdout);
    for told in ["1 equal, 0 different", "sessions    1", "after 0x200000000"] {
        assert!(report.contains(told), "{told} is missing in\n{report}");
    }
}
