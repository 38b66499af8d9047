//! What a snapshot of a large tree costs: the time to take and to load it, the memory of what was
//! loaded, and how long a writer at full speed waits for it; the figures are printed. A million znodes in a release build, fewer
//! otherwise.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::RwLock;
use tenure::base::{Acl, CreateMode, Millis, Password, SessionId, WallMillis, Zxid};
use tenure::engine::snapshots::{load, take};
use tenure::engine::{Change, Engine, EngineOptions, Txn};
use tenure::log::LogId;
use tenure::log::snapshot::Head;
use tenure::server::Directory;
use tenure::wire::{Create, Request};

const ZNODES: usize = if cfg!(debug_assertions) { 50_000 } else { 1_000_000 };
const SESSIONS: i64 = 1_000;
const DATA: usize = 100;
/// Names the directory to the process that loads.
const DIRECTORY: &str = "TENURE_TEST_SNAPSHOT";

fn txn(change: Change) -> Txn {
    Txn {
        at: WallMillis(1_700_000_000_000),
        session: SessionId(1),
        identities: Arc::from([]),
        change,
    }
}

/// Data that do not compress to nothing.
fn data(number: usize) -> Bytes {
    let text = format!("{number:09} {:x}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mut bytes = text.repeat(5).into_bytes();
    bytes.resize(DATA, 7);
    Bytes::from(bytes)
}

fn path(number: usize) -> String {
    format!("/load/branch-{}/znode-{number:07}", number % 1_000)
}

fn build() -> Engine {
    let mut engine = Engine::new(EngineOptions::default());
    let mut apply = |change| assert!(engine.apply(&txn(change)).result.is_ok());
    for id in 1..=SESSIONS {
        let (timeout, password) = (Millis(10_000), Password([id as u8; 16]));
        apply(Change::CreateSession { id: SessionId(id), timeout, password });
    }
    let mut create = |path: String, data| {
        let create = Create::new(path, data, Acl::open_unsafe(), CreateMode::Persistent);
        apply(Change::Request(Request::Create(create)));
    };
    create("/load".into(), None);
    (0..1_000).for_each(|branch| create(format!("/load/branch-{branch}"), None));
    (0..ZNODES - 1_001).for_each(|number| create(path(number), Some(data(number))));
    engine
}

fn head(engine: &Engine) -> Head {
    let last = LogId { term: 0, index: engine.last_zxid().0 as u64 };
    let at = WallMillis(1_700_000_000_000);
    Head { identity: [1; 16], last, zxid: Zxid::ZERO, at, membership: Vec::new() }
}

/// Bytes of memory the process occupies.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("procfs is mounted");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("it has a size");
    let kilobytes = line.split_whitespace().nth(1).expect("a number follows");
    kilobytes.parse::<usize>().expect("it is a number") * 1024
}

/// Sets znodes as fast as it goes, one guard for each, and says how long each took.
fn write_until(engine: &RwLock<Engine>, stop: &AtomicBool) -> Vec<Duration> {
    let mut took = Vec::with_capacity(8 << 20);
    let (mut number, mut peak) = (1_usize, (0, 0));
    while !stop.load(Ordering::Relaxed) {
        number =
            number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let place = (number >> 33) % (ZNODES - 1_001);
        let (path, data) = (path(place), Some(data(place)));
        let txn = txn(Change::Request(Request::SetData { path, data, version: -1 }));
        let asked = Instant::now();
        let effects = engine.write().apply(&txn);
        took.push(asked.elapsed());
        drop(effects);
        if took.len() % 4_096 == 0 {
            peak = peak.max(engine.read().set_aside());
        }
    }
    if peak.0 > 0 {
        println!("{} old versions with {} KiB were set aside at most", peak.0, peak.1 >> 10);
    }
    took
}

fn report(name: &str, mut took: Vec<Duration>, within: Duration) {
    took.sort_unstable();
    let at = |per_mille: usize| took[(took.len() - 1) * per_mille / 1_000];
    let [p50, p99, p999, most] = [at(500), at(990), at(999), at(1_000)];
    let above = took.iter().filter(|&&took| took > Duration::from_millis(1)).count();
    let rate = took.len() as f64 / within.as_secs_f64() / 1_000.0;
    println!(
        "{name}: {rate:.0}k writes/s, p50 {p50:?}, p99 {p99:?}, p99.9 {p999:?}, longest {most:?}, \
         {above} above 1 ms"
    );
}

fn directory() -> PathBuf {
    let directory = std::env::temp_dir().join(format!("tenure-snapshot-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&directory);
    directory
}

/// The test, in its first process and in the one it starts to load in.
const TEST: &str = "a_snapshot_of_a_large_tree_loads_into_little_memory";

#[test]
fn a_snapshot_of_a_large_tree_loads_into_little_memory() {
    if let Ok(file) = std::env::var(DIRECTORY) {
        return loads(Path::new(&file));
    }
    let started = Instant::now();
    let engine = RwLock::new(build());
    println!("{ZNODES} znodes of {DATA} bytes, built in {:?}", started.elapsed());
    let path = directory();
    let disk = Directory::open(&path).expect("a directory");
    let never = AtomicBool::new(false);
    let started = Instant::now();
    let taken = take(&engine, &disk, &never, head).expect("a snapshot");
    let (raw, bytes) = (taken.raw_bytes >> 20, taken.bytes >> 20);
    println!("taken alone in {:?}: {raw} MiB, {bytes} MiB in the file", started.elapsed());

    let stop = AtomicBool::new(false);
    let quiet = std::thread::scope(|threads| {
        let writer = threads.spawn(|| write_until(&engine, &stop));
        std::thread::sleep(Duration::from_millis(500));
        stop.store(true, Ordering::Relaxed);
        writer.join().expect("the writer ends")
    });
    report("writer alone", quiet, Duration::from_millis(500));

    stop.store(false, Ordering::Relaxed);
    let (busy, took, last) = std::thread::scope(|threads| {
        let writer = threads.spawn(|| write_until(&engine, &stop));
        let started = Instant::now();
        let taken = take(&engine, &disk, &never, head).expect("a snapshot");
        let took = started.elapsed();
        stop.store(true, Ordering::Relaxed);
        (writer.join().expect("the writer ends"), took, taken)
    });
    println!("taken beside the writer in {took:?}");
    report("writer beside a snapshot", busy, took);

    drop(engine);
    load_in_a_process_of_its_own(&path, &last.name);
    std::fs::remove_dir_all(&path).expect("it can be removed");
}

fn load_in_a_process_of_its_own(directory: &Path, name: &str) {
    let this = std::env::current_exe().expect("a test is a program");
    let output = Command::new(this)
        .args(["--exact", TEST, "--nocapture"])
        .env(DIRECTORY, directory.join(name))
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    said.lines().filter(|line| line.starts_with("loaded")).for_each(|line| println!("{line}"));
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

fn loads(file: &Path) {
    let disk = Directory::open(file.parent().expect("it is in a directory")).expect("it is there");
    let name = file.file_name().and_then(|name| name.to_str()).expect("it has a name");
    let before = resident();
    let started = Instant::now();
    let (engine, _) = load(&disk, name, EngineOptions::default()).expect("a state");
    let took = started.elapsed();
    let each = (resident() - before) / ZNODES;
    assert_eq!(engine.node_count(), ZNODES + 4);
    println!("loaded in {took:?}, {each} bytes per znode");
    assert!(each < 350, "{each} bytes per znode");
}
