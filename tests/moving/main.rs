//! Moving in from Apache ZooKeeper 3.8, and back, with everything compared.
//!
//! Apache writes data of every kind and is killed in the middle of more. What an import gives is
//! compared with what Apache itself says when it is started on a copy of the same files; what an
//! export gives, with what Apache says when it is started on that.

mod load;
mod view;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use load::Loaded;
use tenure::apache::{ImportError, ImportOptions, Imported, export, import};
use tenure::engine::EngineOptions;
use tenure::log::{Disk, Options};
use tenure::replication::recover::recover;
use tenure::server::{Clock, Directory, Founding, Server};
use tenure_tests::apache::{self, Apache, four_letter_word};
use tenure_tests::op;
use tenure_tests::records::ConnectRequest;
use tenure_tests::session::Session;

/// Lets the walk read what is closed to everybody.
const SUPER: &str =
    "-Dzookeeper.DigestAuthenticationProvider.superDigest=super:0bX78nEegDzJM3ju0iLBEJdWzjg=";

/// The name of the next sequential znode there.
const NEXT: &str = "/kinds/empty/n-0000000003";

/// Many snapshots on the way.
const SNAPSHOTS: &str = "-Dzookeeper.snapCount=150";

#[test]
fn plain_data_come_in_and_go_back() {
    there_and_back("-Dplain=1", "", 1);
}

#[test]
fn data_with_gzip_snapshots_come_in_and_go_back() {
    there_and_back("-Dzookeeper.snapshot.compression.method=gz", ".gz", 2);
}

#[test]
fn data_with_snappy_snapshots_come_in_and_go_back() {
    there_and_back("-Dzookeeper.snapshot.compression.method=snappy", ".snappy", 3);
}

fn there_and_back(compression: &str, ending: &str, seed: u64) {
    if apache_is_missing() {
        return;
    }
    let folder = Folder::new();
    let source = folder.0.join("source");
    let loaded = write_and_kill(&source, compression, seed);
    assert!(count(&source.join("data/version-2"), "snapshot.", ending) > 3, "many snapshots");

    let before = listing(&source.join("data"));
    let mut imported = import(&source.join("data"), &ImportOptions::default(), &mut |_| {})
        .unwrap_or_else(|why| panic!("{why}"));
    println!("{}", imported.report);
    assert_eq!(listing(&source.join("data")), before, "nothing is written to the source");
    check_report(&imported, &loaded);

    let copy = folder.0.join("copy");
    copy_files(&source.join("data"), &copy.join("data"));
    let oracle = Apache::start_in(&copy, &[SUPER], &limits()).expect("Apache starts on its files");
    compare(&imported, &oracle, &loaded);
    drop(oracle);
    if let Some(digest) = view::newest_digest(&copy.join("data/version-2")) {
        assert_eq!(imported.engine.digest(), digest, "the digest that Apache comes to");
    }

    goes_on_here(&mut imported, &folder.0.join("tenure"), &loaded);

    let back = folder.0.join("back");
    let report = export(&imported.engine, &back.join("data"), &mut |_, _| {}).expect("it fits");
    println!("{report}");
    assert_eq!((report.zxid, report.sessions_lost), (imported.engine.last_zxid(), 0));
    assert_eq!(report.counts, imported.report.counts);
    goes_on_there(&imported, &back, &loaded);
}

/// Everything that can be in the files, then a kill in the middle of writes.
fn write_and_kill(folder: &Path, compression: &str, seed: u64) -> Loaded {
    let apache = Apache::start_in(folder, &[SUPER, SNAPSHOTS, compression], &limits())
        .expect("Apache starts");
    let mut loaded = load::every_kind(apache.addr());
    load::churn(apache.addr(), seed);
    loaded.acknowledged = load::flood(apache.addr(), 3_000, 1_000);
    let running = import(&folder.join("data"), &ImportOptions::default(), &mut |_| {});
    assert!(matches!(running.err(), Some(ImportError::InUse(_))), "a running server is noticed");
    drop(apache);
    loaded
}

fn check_report(imported: &Imported, loaded: &Loaded) {
    let report = &imported.report;
    assert!(report.digests_equal > 0, "digests were compared");
    assert_eq!(report.digests_other, 0, "all of them are those of the tree");
    assert!(report.records > 0, "the log reaches behind the snapshot");
    assert_eq!(report.counts.quotas, 1);
    assert!(report.counts.ttl >= 2 && report.counts.container >= 2 && report.counts.ephemeral > 3);
    assert_eq!(report.new_zxid.0, 1 << 32, "the epoch after the source's");
    assert_eq!(imported.engine.last_zxid(), report.new_zxid);
    let sessions: Vec<_> = imported.engine.registry().iter().map(|(id, _)| id.0).collect();
    for (session, timeout, password) in &loaded.sessions {
        assert!(sessions.contains(session), "session {session:#x} came along");
        let id = tenure::SessionId(*session);
        let registered = imported.engine.registry().get(id).expect("it is listed");
        assert_eq!(registered.timeout.0, *timeout as u32);
        assert_eq!(registered.password.0[..], password[..], "Apache's password");
    }
}

/// The import holds what Apache says on its own files: znodes, Stats, ACLs, sessions, ephemerals.
fn compare(imported: &Imported, apache: &Apache, loaded: &Loaded) {
    let theirs = view::of_server(apache.addr());
    let ours = view::of_engine(&imported.engine);
    let acknowledged = theirs["/flood"].stat.version;
    assert!(acknowledged >= loaded.acknowledged, "what Apache acknowledged is in its files");
    view::assert_equal(&ours, &theirs);
    let srvr = four_letter_word(apache.addr(), b"srvr").expect("srvr is answered");
    let nodes = format!("Node count: {}", imported.report.counts.znodes() + 1);
    assert!(srvr.contains(&nodes), "{nodes} is not in\n{srvr}");
    let dump = four_letter_word(apache.addr(), b"dump").expect("dump is answered");
    let (sessions, ephemerals) = view::of_dump(&dump);
    // The walk has a session of its own.
    let walked = sessions.len() - imported.engine.registry().len();
    assert!(walked <= 1, "{sessions:x?}");
    for (id, _) in imported.engine.registry().iter() {
        assert!(sessions.contains(&id.0), "session {id} is one of Apache's");
    }
    let ours = imported.engine.ephemerals();
    let ours = ours.iter().map(|(id, paths)| (id.0, paths.clone())).collect();
    assert_eq!(ephemerals, ours, "who owns which ephemerals");
}

/// tenure serves what was imported, takes the clients back, and keeps it over a restart.
fn goes_on_here(imported: &mut Imported, data: &Path, loaded: &Loaded) {
    let founding = Founding::at(data).expect("nothing is there");
    founding.with(&mut imported.engine).expect("the disk works");
    let ours = view::of_engine(&imported.engine);
    let start = || {
        let server = Server::builder().tick(Duration::from_secs(2)).max_connections_per_address(0);
        server.data_dir(data).clock(Clock::manual()).start().expect("tenure serves it")
    };
    let server = start();
    for (session, timeout, password) in &loaded.sessions {
        let again = reattachment(*session, *timeout, password, imported.report.last_zxid.0);
        let client = Session::open(server.addr(), &again).expect("the server answers");
        assert_eq!(client.granted.session, *session, "a session of the source is taken back");
        assert_eq!(client.granted.timeout, *timeout);
    }
    let mut client = Session::new(server.addr());
    assert_eq!(client.create("/kinds/empty/n-", b"", op::SEQUENTIAL), Ok(NEXT.to_owned()));
    assert!(client.zxid > imported.report.new_zxid.0, "with zxids above all that clients saw");
    client.delete(NEXT, 0).expect("it was created");
    client.close();
    server.shutdown();

    // The parent of what came and went shows it; all else is as it was.
    let disk: Arc<dyn Disk> = Arc::new(Directory::open(data).expect("it is there"));
    let kept = recover(&disk, Options::new([0; 16]), &EngineOptions::default());
    let mut kept = view::of_engine(&kept.expect("it is whole").engine);
    let parent = kept.get_mut("/kinds/empty").expect("it is there");
    assert_eq!(parent.stat.cversion, ours["/kinds/empty"].stat.cversion + 2);
    parent.stat = ours["/kinds/empty"].stat;
    view::assert_equal(&kept, &ours);
}

fn reattachment(session: i64, timeout: i32, password: &[u8], seen: i64) -> ConnectRequest {
    ConnectRequest {
        timeout,
        session,
        passwd: Some(password.to_vec()),
        last_zxid: seen,
        ..ConnectRequest::default()
    }
}

/// Apache starts on the export, finds what was exported, takes its clients back, and goes on.
fn goes_on_there(imported: &Imported, back: &Path, loaded: &Loaded) {
    let ours = view::of_engine(&imported.engine);
    let apache = Apache::start_in(back, &[SUPER], &limits()).expect("Apache starts on the export");
    view::assert_equal(&ours, &view::of_server(apache.addr()));
    let (session, timeout, password) = &loaded.sessions[0];
    let again = reattachment(*session, *timeout, password, imported.report.last_zxid.0);
    let mut client = Session::open(apache.addr(), &again).expect("the server answers");
    assert_eq!(client.granted.session, *session, "a session of the source is taken back");
    client.create("/after", b"the move", op::PERSISTENT).expect("Apache goes on");
    assert!(client.zxid > imported.engine.last_zxid().0, "with zxids above the exported ones");
    let mismatches = four_letter_word(apache.addr(), b"mntr").expect("mntr is answered");
    let mismatches = mismatches.lines().find(|line| line.starts_with("zk_digest_mismatches_count"));
    assert_eq!(mismatches, Some("zk_digest_mismatches_count\t0"));
    drop(apache);
    let apache = Apache::start_in(back, &[SUPER], &limits()).expect("Apache starts again");
    let mut after = view::of_server(apache.addr());
    assert_eq!(after.remove("/after").expect("it was acknowledged").data, Some(b"the move".into()));
    drop(apache);

    // And in again: nothing was lost on the way, and the epoch rises once more.
    let again = import(&back.join("data"), &ImportOptions::default(), &mut |_| {})
        .unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(again.report.digests_other, 0, "{}", again.report);
    assert_eq!(again.report.new_zxid.0, 2 << 32);
    let mut ours = view::of_engine(&again.engine);
    ours.remove("/after").expect("it was acknowledged");
    view::assert_equal(&ours, &after);
}

fn limits() -> Vec<String> {
    ["tickTime=2000", "maxClientCnxns=0"].map(str::to_owned).to_vec()
}

/// Says so if there is no Apache ZooKeeper to move from; a strict run fails then.
fn apache_is_missing() -> bool {
    let Some(why) = apache::missing() else { return false };
    println!("SKIPPED moving: {why}");
    let is_strict = std::env::var_os("TENURE_STRICT").is_some_and(|value| value == "1");
    assert!(!is_strict, "a skip is a failure when strict: {why}");
    true
}

/// A folder that goes when the test does.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tenure-moving-{}-{number}", std::process::id());
        let folder = Folder(std::env::temp_dir().join(name));
        fs::create_dir_all(&folder.0).expect("a folder");
        folder
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

fn count(folder: &Path, prefix: &str, ending: &str) -> usize {
    let names = files(folder)
        .into_iter()
        .filter_map(|path| path.file_name().and_then(|name| name.to_str()).map(str::to_owned));
    names.filter(|name| name.starts_with(prefix) && name.ends_with(ending)).count()
}

/// Every file with its length and time of change.
fn listing(folder: &Path) -> Vec<(PathBuf, u64, std::time::SystemTime)> {
    let mut all = Vec::new();
    for path in files(folder) {
        let about = fs::metadata(&path).expect("a file");
        if about.is_dir() {
            all.extend(listing(&path));
        }
        all.push((path, about.len(), about.modified().expect("times are kept")));
    }
    all
}

fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for path in files(from) {
        let target = to.join(path.file_name().expect("files have names"));
        if path.is_dir() {
            copy_files(&path, &target);
        } else {
            fs::copy(&path, &target).expect("a copy");
        }
    }
}
