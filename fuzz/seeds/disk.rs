//! Inputs of the target `disk`: what a server writes, and what Apache does.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use tenure::apache;
use tenure::base::{Acl, CreateMode, Identity, Millis, Password, SessionId, WallMillis};
use tenure::engine::snapshots::save;
use tenure::engine::{Batch, Budget, Cause, Change, Engine, EngineOptions, Progress, Rules, Txn};
use tenure::log::snapshot::Head;
use tenure::log::{Disk, Entry, LogId, Options, SegmentLog, TxnLog};
use tenure::wire::Request;
use tenure::wire::multi::MultiOp;
use tenure::wire::request::Create;

use crate::memory::Memory;

const BATCH: u8 = 0;
const IMAGE: u8 = 1;
const SNAPSHOT: u8 = 2;
const LOG: u8 = 3;
const APACHE: u8 = 4;
/// Pieces of an image, in bytes, less one.
const PIECE: u8 = 99;
/// Checksums are put right.
const RIGHT: u8 = 1;
/// A log with its mark, checksums put right.
const MARKED: u8 = 1 | 2;
/// A snapshot of Apache's as it is, although its name is of an earlier transaction than it shows.
const EXPORTED: u8 = 1 | 8;
/// A log of Apache's to be framed.
const FRAMED: u8 = 2 | 4;
/// What an export ends with: a seal, a digest, a seal.
const SEALS: usize = 13 + 20 + 13;
const OWNER: SessionId = SessionId(0x0100_0023_ac56_0000);

/// Records of a log that Apache wrote: a session begins, `/a` is made and set.
const RECORDS: [&str; 3] = [
    "01000023ac560000 00000000 0000000000000001 000001a203734621 fffffff6 00002710 00000002 \
     0000000051c6d660",
    "01000023ac560000 00000001 0000000000000002 000001a203734631 00000001 00000002 2f61 00000002 \
     6869 00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65 00 00000001 00000002 \
     000000007bf57cd7",
    "01000023ac560000 00000004 0000000000000003 000001a203734642 00000005 00000002 2f61 00000001 \
     78 00000001 00000002 00000000f987aa4a",
];

/// Writes all of them.
pub fn write(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let put = |name: &str, parts: &[&[u8]]| fs::write(folder.join(name), parts.concat());
    let batch = batch();
    let mut engine = Engine::new(EngineOptions::default());
    batch.txns.iter().for_each(|txn| drop(engine.apply(txn)));
    put("batch", &[&[BATCH], &batch.encode()])?;
    put("image", &[&[IMAGE, PIECE], &image(&mut engine)])?;
    put("snapshot", &[&[SNAPSHOT, RIGHT], &snapshot(&mut engine)])?;
    put("log", &[&[LOG, MARKED], &log()])?;
    let (exported, records) = (exported(&engine)?, records());
    let sealed = &exported[..exported.len() - SEALS];
    put("apache-export", &[&[APACHE, EXPORTED], &length(&exported), &exported])?;
    put("apache-snapshot", &[&[APACHE, EXPORTED | FRAMED], &length(sealed), sealed, &records])?;
    put("apache-log", &[&[APACHE, FRAMED], &length(&[]), &records])
}

/// Transactions of all kinds.
fn batch() -> Batch {
    let create = |path: &str, mode| {
        let data = Some(Bytes::from_static(b"data"));
        Create::new(path.to_owned(), data, Acl::open_unsafe(), mode)
    };
    let requests = [
        Request::Create(create("/a", CreateMode::Persistent)),
        Request::Create(create("/a/e-", CreateMode::EphemeralSequential)),
        Request::Create(create("/c", CreateMode::Container)),
        Request::SetData { path: "/a".into(), data: None, version: 0 },
        Request::Multi(vec![
            MultiOp::Check { path: "/a".into(), version: 1 },
            MultiOp::Delete { path: "/c".into(), version: -1 },
        ]),
        Request::Delete { path: "/nowhere".into(), version: 3 },
    ];
    let other = SessionId(0x0100_0023_ac56_0001);
    let session =
        |id| Change::CreateSession { id, timeout: Millis(10_000), password: Password([7; 16]) };
    let mut changes = vec![session(OWNER), session(other)];
    changes.extend(requests.map(Change::Request));
    changes.push(Change::EndSession { id: other, cause: Cause::EXPIRED });
    changes.push(Change::Reap { path: "/c".into() });
    let identities: Arc<[Identity]> =
        Arc::new([Identity { scheme: "ip".into(), id: "127.0.0.1".into() }]);
    let txn = |(number, change): (i64, Change)| Txn {
        at: WallMillis(1_700_000_000_000 + number),
        session: OWNER,
        identities: identities.clone(),
        change,
    };
    let txns = (0..).zip(changes).map(txn).collect();
    Batch { epoch: 0, rules: Rules::default(), txns }
}

fn image(engine: &mut Engine) -> Vec<u8> {
    let mut image = Vec::new();
    let mut scan = engine.begin_scan();
    while engine.scan_step(&mut scan, Budget::default(), &mut image) == Progress::More {}
    drop(engine.end_scan(&scan));
    image
}

fn snapshot(engine: &mut Engine) -> Vec<u8> {
    let disk = Memory::default();
    let (identity, last) = ([7; 16], LogId { term: 0, index: 1 });
    let head = |engine: &Engine| {
        let (zxid, at) = (engine.last_zxid(), WallMillis(0));
        Head { identity, last, zxid, at, membership: b"alone".to_vec() }
    };
    let written = save(engine, &disk, head).expect("memory takes everything");
    content(&disk, &written.name)
}

/// Two segments and a note, with the mark's numbers in front.
fn log() -> Vec<u8> {
    let disk = Memory::default();
    let options = Options { segment: 512, reserve: 64, step: 64, ..Options::new([7; 16]) };
    let log = SegmentLog::open(Arc::new(disk.clone()), options).expect("an empty disk");
    for index in 1..=4 {
        let body = Bytes::from(vec![index as u8; 100]);
        let entry = Entry { id: LogId { term: 1, index }, body };
        log.append(&[entry], false).expect("there is room");
        log.flush().expect("the disk works");
    }
    log.keep_note(b"vote").expect("the disk works");
    log.close().expect("the disk works");
    let mut input = content(&disk, "mark")[32..].to_vec();
    let names = disk.list().expect("the disk works");
    for name in names.iter().filter(|name| name.starts_with("log-")) {
        let segment = content(&disk, name);
        input.extend_from_slice(&length(&segment));
        input.extend_from_slice(&segment);
    }
    input
}

fn exported(engine: &Engine) -> io::Result<Vec<u8>> {
    let folder = std::env::temp_dir().join(format!("tenure-seeds-{}", std::process::id()));
    let report = apache::export(engine, &folder, &mut |_, _| {}).map_err(io::Error::other)?;
    let bytes = fs::read(report.file);
    fs::remove_dir_all(folder)?;
    bytes
}

fn records() -> Vec<u8> {
    let mut records = Vec::new();
    for hex in RECORDS {
        let digits: String = hex.split_whitespace().collect();
        let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hex digits");
        let record: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
        records.extend_from_slice(&length(&record));
        records.extend_from_slice(&record);
    }
    records
}

fn length(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).expect("seeds are small").to_le_bytes()
}

fn content(disk: &Memory, name: &str) -> Vec<u8> {
    let file = disk.open(name).expect("it is there");
    let mut bytes = vec![0; file.len().expect("the disk works") as usize];
    file.read_at(&mut bytes, 0).expect("the disk works");
    bytes
}
